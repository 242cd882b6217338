-- GUIDs are blobs of 16 bytes in the order of their text; 16 zero bytes mean
-- none. Times are RFC 3339 in UTC. A generation is the id of the run that
-- staged the row; keys lead with the object, so that the newest generation of
-- one object is found without reading others.

-- +goose Up
PRAGMA application_id = 1196900913; -- "GWB1"
PRAGMA user_version = 1;

CREATE TABLE owner (
    only        INTEGER PRIMARY KEY CHECK (only = 1),
    tenant_id   BLOB NOT NULL,
    domain_guid BLOB NOT NULL,
    domain_sid  TEXT NOT NULL,
    domain_name TEXT NOT NULL
) STRICT;

-- The generation that counts, and how far the target was read for it.
CREATE TABLE watermark (
    only            INTEGER PRIMARY KEY CHECK (only = 1),
    generation      INTEGER NOT NULL,
    server          TEXT    NOT NULL,
    ds_service_name TEXT    NOT NULL,
    invocation_id   BLOB    NOT NULL,
    highest_usn     INTEGER NOT NULL
) STRICT;

-- Ids are never given twice: they are generations too.
CREATE TABLE run (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    plan_id   TEXT    NOT NULL,
    kind      TEXT    NOT NULL,
    status    TEXT    NOT NULL,
    started   TEXT    NOT NULL,
    committed INTEGER NOT NULL DEFAULT 0,
    plan_used INTEGER NOT NULL DEFAULT 0,
    record    TEXT    NOT NULL -- the whole run as JSON
) STRICT;
CREATE UNIQUE INDEX run_plan ON run (plan_id) WHERE plan_id <> '';
CREATE INDEX run_running ON run (status) WHERE status = 'running';

CREATE TABLE source_group (
    id               BLOB    NOT NULL,
    generation       INTEGER NOT NULL,
    display_name     TEXT    NOT NULL,
    description      TEXT    NOT NULL,
    mail             TEXT    NOT NULL,
    visibility       TEXT    NOT NULL,
    on_premises_sid  TEXT    NOT NULL,
    PRIMARY KEY (id, generation)
) STRICT, WITHOUT ROWID;

-- Whether a group's members were read to the end; incomplete is empty then.
CREATE TABLE source_membership (
    group_id   BLOB    NOT NULL,
    generation INTEGER NOT NULL,
    incomplete TEXT    NOT NULL,
    PRIMARY KEY (group_id, generation)
) STRICT, WITHOUT ROWID;

-- Members as they were read: numbers of member, 4 bytes big-endian each, at
-- most 1,024 a row, neither sorted nor free of repeats.
CREATE TABLE source_membership_chunk (
    group_id   BLOB    NOT NULL,
    generation INTEGER NOT NULL,
    position   INTEGER NOT NULL,
    members    BLOB    NOT NULL,
    PRIMARY KEY (group_id, generation, position)
) STRICT, WITHOUT ROWID;

-- Each cloud member under a small number.
CREATE TABLE member (
    number INTEGER PRIMARY KEY,
    id     BLOB NOT NULL UNIQUE
) STRICT;

-- How a member joins and what it was resolved to. A reason of NULL: not asked
-- yet; empty: joined to target_guid.
CREATE TABLE member_join (
    number       INTEGER NOT NULL,
    generation   INTEGER NOT NULL,
    kind         TEXT    NOT NULL,
    name         TEXT    NOT NULL,
    readable     INTEGER NOT NULL,
    guest        INTEGER NOT NULL,
    synced       INTEGER NOT NULL,
    sid          TEXT    NOT NULL,
    immutable_id TEXT    NOT NULL,
    reason       TEXT,
    target_guid  BLOB,
    PRIMARY KEY (number, generation)
) STRICT, WITHOUT ROWID;

-- The last known name of whatever is or may become a member in AD.
CREATE TABLE target_object (
    guid       BLOB    PRIMARY KEY,
    generation INTEGER NOT NULL, -- last seen
    dn         TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

-- source_id is the linked cloud group, else mark_id, the one that the marks
-- name; it is kept in step with link.
CREATE TABLE target_group (
    guid             BLOB    NOT NULL,
    generation       INTEGER NOT NULL,
    source_id        BLOB    NOT NULL,
    mark_id          BLOB    NOT NULL,
    dn               TEXT    NOT NULL,
    cn               TEXT    NOT NULL,
    sam_account_name TEXT    NOT NULL,
    sid              TEXT    NOT NULL,
    group_type       INTEGER NOT NULL,
    display_name     TEXT    NOT NULL,
    description      TEXT    NOT NULL,
    mail             TEXT    NOT NULL,
    admin_desc       TEXT    NOT NULL,
    external_id      TEXT    NOT NULL,
    extension_name   TEXT    NOT NULL, -- JSON list, empty for none
    usn_changed      INTEGER NOT NULL,
    member_count     INTEGER NOT NULL,
    PRIMARY KEY (guid, generation)
) STRICT, WITHOUT ROWID;
CREATE INDEX target_group_source ON target_group (generation, source_id, guid);

-- Members as objectGUIDs, ascending, at most 1,024 a row.
CREATE TABLE target_membership_chunk (
    guid       BLOB    NOT NULL,
    generation INTEGER NOT NULL,
    position   INTEGER NOT NULL,
    members    BLOB    NOT NULL,
    PRIMARY KEY (guid, generation, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE link (
    target_guid BLOB    PRIMARY KEY,
    source_id   BLOB    NOT NULL UNIQUE,
    dn          TEXT    NOT NULL,
    adopted     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The groups that Disable named and the next run deletes.
CREATE TABLE disable_set (
    target_guid BLOB    PRIMARY KEY,
    source_id   BLOB    NOT NULL,
    dn          TEXT    NOT NULL,
    adopted     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE change (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    run          INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
    phase        INTEGER NOT NULL,
    action       TEXT    NOT NULL,
    situation    TEXT    NOT NULL,
    source_id    BLOB    NOT NULL,
    target_guid  BLOB    NOT NULL,
    display_name TEXT    NOT NULL,
    dn           TEXT    NOT NULL,
    attributes   TEXT    NOT NULL, -- JSON list, empty for none
    reason       TEXT    NOT NULL,
    message      TEXT    NOT NULL,
    add_count    INTEGER NOT NULL,
    remove_count INTEGER NOT NULL,
    outcome      TEXT    NOT NULL,
    error_id     TEXT    NOT NULL DEFAULT '',
    error        TEXT    NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX change_run    ON change (run);
CREATE INDEX change_phase  ON change (run, phase);
CREATE INDEX change_source ON change (source_id);
CREATE INDEX change_target ON change (target_guid);

-- The members that a change adds or removes, ascending, at most 1,024 a row,
-- found by the first of the row.
CREATE TABLE change_member_chunk (
    change  INTEGER NOT NULL REFERENCES change ON DELETE CASCADE,
    removal INTEGER NOT NULL,
    first   BLOB    NOT NULL,
    members BLOB    NOT NULL,
    PRIMARY KEY (change, removal, first)
) STRICT, WITHOUT ROWID;

-- Values of member that AD did not take, or did not give up.
CREATE TABLE refusal (
    source_id   BLOB    NOT NULL,
    target_guid BLOB    NOT NULL,
    run         INTEGER NOT NULL,
    reason      TEXT    NOT NULL,
    PRIMARY KEY (source_id, target_guid)
) STRICT, WITHOUT ROWID;
