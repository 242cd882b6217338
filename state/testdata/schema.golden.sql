CREATE TABLE adopt_set (
    target_guid BLOB PRIMARY KEY,
    source_id   BLOB NOT NULL UNIQUE,
    dn          TEXT NOT NULL
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
, container BLOB) STRICT;
CREATE TABLE "change_member_chunk" (
    change  INTEGER NOT NULL REFERENCES change ON DELETE CASCADE,
    removal INTEGER NOT NULL,
    first   BLOB    NOT NULL,
    members BLOB    NOT NULL,
    PRIMARY KEY (change, removal, first)
) STRICT;
CREATE TABLE disable_set (
    target_guid BLOB    PRIMARY KEY,
    source_id   BLOB    NOT NULL,
    dn          TEXT    NOT NULL,
    adopted     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE exchange_due (
    target_guid BLOB PRIMARY KEY,
    run         INTEGER NOT NULL -- the last run that changed it
) STRICT, WITHOUT ROWID;
CREATE TABLE failing (
    source_id BLOB PRIMARY KEY,
    tries     INTEGER NOT NULL,
    message   TEXT NOT NULL,
    since     INTEGER NOT NULL, -- Unix time when it was quarantined; 0: it is not
    next      INTEGER NOT NULL -- Unix time of the next retry in quarantine
) STRICT, WITHOUT ROWID;
CREATE TABLE former_link (
    target_guid BLOB PRIMARY KEY,
    source_id   BLOB NOT NULL,
    dn          TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE gone (
    generation INTEGER NOT NULL,
    side       INTEGER NOT NULL,
    id         BLOB    NOT NULL,
    PRIMARY KEY (generation, side, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE goose_db_version (
		id INTEGER PRIMARY KEY AUTOINCREMENT,
		version_id INTEGER NOT NULL,
		is_applied INTEGER NOT NULL,
		tstamp TIMESTAMP DEFAULT (datetime('now'))
	);
CREATE TABLE hold (
    source_id BLOB PRIMARY KEY,
    reason    TEXT NOT NULL,
    comment   TEXT NOT NULL,
    account   TEXT NOT NULL, -- who holds it
    since     INTEGER NOT NULL, -- Unix time
    until     INTEGER NOT NULL -- Unix time; 0: until somebody ends it
) STRICT, WITHOUT ROWID;
CREATE TABLE link (
    target_guid BLOB    PRIMARY KEY,
    source_id   BLOB    NOT NULL UNIQUE,
    dn          TEXT    NOT NULL,
    adopted     INTEGER NOT NULL
, container BLOB) STRICT, WITHOUT ROWID;
CREATE TABLE member (
    number INTEGER PRIMARY KEY,
    id     BLOB NOT NULL UNIQUE
) STRICT;
CREATE TABLE member_group_chunk (
    only       BLOB    NOT NULL CHECK (only = x''),
    generation INTEGER NOT NULL,
    first      BLOB    NOT NULL,
    members    BLOB    NOT NULL,
    PRIMARY KEY (generation, only, first)
) STRICT;
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
    target_guid  BLOB, tries INTEGER NOT NULL DEFAULT 0, due TEXT,
    PRIMARY KEY (number, generation)
) STRICT, WITHOUT ROWID;
CREATE TABLE note (
    kind       TEXT    NOT NULL, -- engine.NoteKind
    id         BLOB    NOT NULL, -- what it is about
    generation INTEGER NOT NULL,
    at         INTEGER,          -- NULL: the run forgets it
    report       TEXT    NOT NULL, -- as the kind has it, empty for nothing
    PRIMARY KEY (kind, id, generation)
) STRICT, WITHOUT ROWID;
CREATE TABLE owner (
    only        INTEGER PRIMARY KEY CHECK (only = 1),
    tenant_id   BLOB NOT NULL,
    domain_guid BLOB NOT NULL,
    domain_sid  TEXT NOT NULL,
    domain_name TEXT NOT NULL
) STRICT;
CREATE TABLE pending (
    source_id BLOB PRIMARY KEY
) STRICT, WITHOUT ROWID;
CREATE TABLE reading (
    only       INTEGER PRIMARY KEY CHECK (only = 1),
    generation INTEGER NOT NULL, -- of the run that staged it
    links      TEXT    NOT NULL, -- JSON of the delta links from before it began, with their time
    scope      TEXT    NOT NULL  -- as in watermark
) STRICT;
CREATE TABLE refusal (
    source_id   BLOB    NOT NULL,
    target_guid BLOB    NOT NULL,
    run         INTEGER NOT NULL,
    reason      TEXT    NOT NULL,
    PRIMARY KEY (source_id, target_guid)
) STRICT, WITHOUT ROWID;
CREATE TABLE "reported_member" (
    group_id   BLOB    NOT NULL,
    member_id  BLOB    NOT NULL,
    generation INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    kind       TEXT    NOT NULL,
    removed    INTEGER NOT NULL,
    PRIMARY KEY (group_id, member_id, generation)
) STRICT, WITHOUT ROWID;
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
CREATE TABLE skip (
    source_id   BLOB    NOT NULL,
    target_guid BLOB    NOT NULL,
    reason      TEXT    NOT NULL,
    situation   TEXT    NOT NULL,
    message     TEXT    NOT NULL,
    run         INTEGER NOT NULL,
    PRIMARY KEY (source_id, target_guid, reason)
) STRICT, WITHOUT ROWID;
CREATE TABLE source_group (
    id               BLOB    NOT NULL,
    generation       INTEGER NOT NULL,
    visibility       TEXT    NOT NULL,
    on_premises_sid  TEXT    NOT NULL, writeback_enabled INTEGER, on_premises_type TEXT NOT NULL DEFAULT '', properties TEXT NOT NULL DEFAULT '{}', kind TEXT NOT NULL DEFAULT '', owners BLOB,
    PRIMARY KEY (id, generation)
) STRICT, WITHOUT ROWID;
CREATE TABLE source_membership (
    group_id   BLOB    NOT NULL,
    generation INTEGER NOT NULL,
    incomplete TEXT    NOT NULL, reading INTEGER NOT NULL DEFAULT 0, arranged INTEGER NOT NULL DEFAULT 0, part INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (group_id, generation)
) STRICT, WITHOUT ROWID;
CREATE TABLE "source_membership_chunk" (
    group_id   BLOB    NOT NULL,
    generation INTEGER NOT NULL,
    first      BLOB    NOT NULL,
    members    BLOB    NOT NULL,
    PRIMARY KEY (generation, group_id, first)
) STRICT;
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
    admin_desc       TEXT    NOT NULL,
    external_id      TEXT    NOT NULL,
    extension_name   TEXT    NOT NULL, -- JSON list, empty for none
    usn_changed      INTEGER NOT NULL,
    member_count     INTEGER NOT NULL, when_changed TEXT NOT NULL DEFAULT '', critical INTEGER NOT NULL DEFAULT 0, admin_count INTEGER NOT NULL DEFAULT 0, attributes TEXT NOT NULL DEFAULT '{}', part INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (guid, generation)
) STRICT, WITHOUT ROWID;
CREATE TABLE "target_membership_chunk" (
    guid       BLOB    NOT NULL,
    generation INTEGER NOT NULL,
    first      BLOB    NOT NULL,
    members    BLOB    NOT NULL,
    PRIMARY KEY (generation, guid, first)
) STRICT;
CREATE TABLE target_object (
    guid       BLOB    PRIMARY KEY,
    generation INTEGER NOT NULL, -- last seen
    dn         TEXT    NOT NULL
, sid TEXT NOT NULL DEFAULT '') STRICT, WITHOUT ROWID;
CREATE TABLE watermark (
    only            INTEGER PRIMARY KEY CHECK (only = 1),
    generation      INTEGER NOT NULL,
    server          TEXT    NOT NULL,
    ds_service_name TEXT    NOT NULL,
    invocation_id   BLOB    NOT NULL,
    highest_usn     INTEGER NOT NULL
, run INTEGER NOT NULL DEFAULT 0, searched_usn INTEGER NOT NULL DEFAULT 0, source TEXT NOT NULL DEFAULT '', initial TEXT NOT NULL DEFAULT '', settled INTEGER NOT NULL DEFAULT 0, scope TEXT NOT NULL DEFAULT '', indexed INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE TABLE withdrawn (
    run INTEGER NOT NULL
) STRICT;
CREATE TABLE written (
    source_id  BLOB PRIMARY KEY,
    attributes TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX change_phase  ON change (run, phase);
CREATE INDEX change_run    ON change (run);
CREATE INDEX change_source ON change (source_id);
CREATE INDEX change_target ON change (target_guid);
CREATE INDEX former_link_source ON former_link (source_id);
CREATE INDEX member_join_due                    ON member_join (generation, due) WHERE due IS NOT NULL;
CREATE INDEX member_join_generation             ON member_join (generation);
CREATE INDEX member_join_target ON member_join (target_guid) WHERE target_guid IS NOT NULL;
CREATE INDEX note_generation        ON note (generation);
CREATE INDEX reported_member_generation ON reported_member (generation);
CREATE UNIQUE INDEX run_plan ON run (plan_id) WHERE plan_id <> '';
CREATE INDEX run_running ON run (status) WHERE status = 'Running';
CREATE INDEX skip_run    ON skip (run);
CREATE INDEX skip_target ON skip (target_guid);
CREATE INDEX source_group_generation            ON source_group (generation);
CREATE INDEX source_membership_generation       ON source_membership (generation);
CREATE INDEX target_group_source ON target_group (generation, source_id, guid);
