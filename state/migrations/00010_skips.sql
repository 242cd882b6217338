-- What each group, or object, is left alone for at present: a skip is written as
-- a change of a run only when it is new or differs from the last one. run is the
-- newest run that said it.

-- +goose Up
PRAGMA user_version = 10;

CREATE TABLE skip (
    source_id   BLOB    NOT NULL,
    target_guid BLOB    NOT NULL,
    reason      TEXT    NOT NULL,
    situation   TEXT    NOT NULL,
    message     TEXT    NOT NULL,
    run         INTEGER NOT NULL,
    PRIMARY KEY (source_id, target_guid, reason)
) STRICT, WITHOUT ROWID;
CREATE INDEX skip_target ON skip (target_guid);
CREATE INDEX skip_run    ON skip (run);
