-- A database as version 2 left it: its schema, and a little of everything that
-- later versions must keep. Never changed once a version is out.
PRAGMA application_id = 1196900913;
PRAGMA foreign_keys = OFF; -- tables come by name, not by what refers to what
PRAGMA user_version = 2;
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
CREATE TABLE change_member_chunk (
    change  INTEGER NOT NULL REFERENCES change ON DELETE CASCADE,
    removal INTEGER NOT NULL,
    first   BLOB    NOT NULL,
    members BLOB    NOT NULL,
    PRIMARY KEY (change, removal, first)
) STRICT, WITHOUT ROWID;
CREATE TABLE disable_set (
    target_guid BLOB    PRIMARY KEY,
    source_id   BLOB    NOT NULL,
    dn          TEXT    NOT NULL,
    adopted     INTEGER NOT NULL
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
CREATE TABLE link (
    target_guid BLOB    PRIMARY KEY,
    source_id   BLOB    NOT NULL UNIQUE,
    dn          TEXT    NOT NULL,
    adopted     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE member (
    number INTEGER PRIMARY KEY,
    id     BLOB NOT NULL UNIQUE
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
CREATE TABLE refusal (
    source_id   BLOB    NOT NULL,
    target_guid BLOB    NOT NULL,
    run         INTEGER NOT NULL,
    reason      TEXT    NOT NULL,
    PRIMARY KEY (source_id, target_guid)
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
CREATE TABLE source_group (
    id               BLOB    NOT NULL,
    generation       INTEGER NOT NULL,
    display_name     TEXT    NOT NULL,
    description      TEXT    NOT NULL,
    mail             TEXT    NOT NULL,
    visibility       TEXT    NOT NULL,
    on_premises_sid  TEXT    NOT NULL, kind TEXT NOT NULL DEFAULT 'unified', writeback_enabled INTEGER, on_premises_type TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (id, generation)
) STRICT, WITHOUT ROWID;
CREATE TABLE source_membership (
    group_id   BLOB    NOT NULL,
    generation INTEGER NOT NULL,
    incomplete TEXT    NOT NULL, reading INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (group_id, generation)
) STRICT, WITHOUT ROWID;
CREATE TABLE source_membership_chunk (
    group_id   BLOB    NOT NULL,
    generation INTEGER NOT NULL,
    position   INTEGER NOT NULL,
    members    BLOB    NOT NULL,
    PRIMARY KEY (group_id, generation, position)
) STRICT, WITHOUT ROWID;
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
    member_count     INTEGER NOT NULL, when_changed TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (guid, generation)
) STRICT, WITHOUT ROWID;
CREATE TABLE target_membership_chunk (
    guid       BLOB    NOT NULL,
    generation INTEGER NOT NULL,
    position   INTEGER NOT NULL,
    members    BLOB    NOT NULL,
    PRIMARY KEY (guid, generation, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE target_object (
    guid       BLOB    PRIMARY KEY,
    generation INTEGER NOT NULL, -- last seen
    dn         TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE watermark (
    only            INTEGER PRIMARY KEY CHECK (only = 1),
    generation      INTEGER NOT NULL,
    server          TEXT    NOT NULL,
    ds_service_name TEXT    NOT NULL,
    invocation_id   BLOB    NOT NULL,
    highest_usn     INTEGER NOT NULL
, run INTEGER NOT NULL DEFAULT 0, searched_usn INTEGER NOT NULL DEFAULT 0, source TEXT NOT NULL DEFAULT '', initial TEXT NOT NULL DEFAULT '', settled INTEGER NOT NULL DEFAULT 0, scope TEXT NOT NULL DEFAULT '') STRICT;
CREATE INDEX change_phase  ON change (run, phase);
CREATE INDEX change_run    ON change (run);
CREATE INDEX change_source ON change (source_id);
CREATE INDEX change_target ON change (target_guid);
CREATE INDEX member_join_due                    ON member_join (generation, due) WHERE due IS NOT NULL;
CREATE INDEX member_join_generation             ON member_join (generation);
CREATE UNIQUE INDEX run_plan ON run (plan_id) WHERE plan_id <> '';
CREATE INDEX run_running ON run (status) WHERE status = 'running';
CREATE INDEX source_group_generation            ON source_group (generation);
CREATE INDEX source_membership_chunk_generation ON source_membership_chunk (generation);
CREATE INDEX source_membership_generation       ON source_membership (generation);
CREATE INDEX target_group_source ON target_group (generation, source_id, guid);
CREATE INDEX target_membership_chunk_generation ON target_membership_chunk (generation);
INSERT INTO change VALUES (1, 1, 1, 'Create', 'unlinked', X'01000000000000010000000000000001', X'00000000000000000000000000000000', 'One', 'CN=one,DC=contoso,DC=test', '[{"name":"cn","new":["one"]}]', '', '', 1, 0, 'done', '', '');
INSERT INTO change_member_chunk VALUES (1, 0, X'04000000000000010000000000000001', X'04000000000000010000000000000001');
INSERT INTO goose_db_version VALUES (1, 0, 1, '2026-01-02 03:04:05');
INSERT INTO goose_db_version VALUES (2, 1, 1, '2026-01-02 03:04:05');
INSERT INTO goose_db_version VALUES (3, 2, 1, '2026-01-02 03:04:05');
INSERT INTO link VALUES (X'03000000000000010000000000000001', X'01000000000000010000000000000001', 'CN=one,DC=contoso,DC=test', 1);
INSERT INTO member VALUES (1, X'02000000000000010000000000000001');
INSERT INTO member VALUES (2, X'02000000000000020000000000000001');
INSERT INTO member_join VALUES (1, 1, 'user', 'ann@contoso.test', 1, 0, 1, 'S-1-5-21-1-2-3-1001', 'AAAA', '', X'04000000000000010000000000000001', 0, NULL);
INSERT INTO member_join VALUES (2, 1, 'user', 'bob@elsewhere.test', 1, 1, 0, '', '', 'guest', NULL, 0, NULL);
INSERT INTO owner VALUES (1, X'09000000000000010000000000000001', X'09000000000000020000000000000001', 'S-1-5-21-1-2-3', 'contoso.test');
INSERT INTO pending VALUES (X'01000000000000010000000000000001');
INSERT INTO run VALUES (1, 'plan-1', 'sync', 'complete', '2026-01-02T03:04:05.000Z', 1, 0, '{"id":1,"kind":"sync","policyType":"Initial","planId":"plan-1","started":"2026-01-02T03:04:05Z","ended":"2026-01-02T03:04:05Z","status":"complete","sourceGroups":1,"targetGroups":0,"linkedGroups":0,"missingGroups":0,"planned":{"create":0,"adopt":0,"update":0,"move":0,"updateMembers":0,"delete":0,"skip":0,"membersAdded":0,"membersRemoved":0},"exported":{"create":0,"adopt":0,"update":0,"move":0,"updateMembers":0,"delete":0,"skip":0,"membersAdded":0,"membersRemoved":0},"failed":0,"unknownMembers":0,"unwrittenMembers":0}');
INSERT INTO source_group VALUES (X'01000000000000010000000000000001', 1, 'One', '', 'one@contoso.test', '', '', 'unified', NULL, '');
INSERT INTO source_membership VALUES (X'01000000000000010000000000000001', 1, '', 0);
INSERT INTO source_membership_chunk VALUES (X'01000000000000010000000000000001', 1, 0, X'0000000100000002');
INSERT INTO target_group VALUES (X'03000000000000010000000000000001', 1, X'01000000000000010000000000000001', X'01000000000000010000000000000001', 'CN=one,DC=contoso,DC=test', 'one', '', '', 8, '', '', '', 'Group_01000000-0000-0001-0000-000000000001', '', '["GroupWriteback:09000000-0000-0001-0000-000000000001"]', 0, 1, '');
INSERT INTO target_membership_chunk VALUES (X'03000000000000010000000000000001', 1, 0, X'04000000000000010000000000000001');
INSERT INTO target_object VALUES (X'04000000000000010000000000000001', 1, 'CN=Ann,DC=contoso,DC=test');
INSERT INTO watermark VALUES (1, 1, 'dc1.contoso.test', '', X'00000000000000000000000000000000', 42, 1, 41, '[{"groups":"https://graph.microsoft.com/v1.0/groups/delta?$deltatoken=g","users":"https://graph.microsoft.com/v1.0/users/delta?$deltatoken=u","taken":"2026-01-02T03:04:05Z"}]', '2026-01-02T03:04:05Z', 1, 'all');
PRAGMA journal_mode = WAL;
