-- What tells whose an object is.

-- +goose Up
PRAGMA user_version = 3;

ALTER TABLE target_group ADD COLUMN critical INTEGER NOT NULL DEFAULT 0;    -- isCriticalSystemObject
ALTER TABLE target_group ADD COLUMN admin_count INTEGER NOT NULL DEFAULT 0; -- adminCount is not 0

-- Objects that were linked until others took their places. One may be restored.
CREATE TABLE former_link (
    target_guid BLOB PRIMARY KEY,
    source_id   BLOB NOT NULL,
    dn          TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX former_link_source ON former_link (source_id);
