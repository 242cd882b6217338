-- What an administrator has agreed to adopt, as it was shown: an object, and the
-- cloud group that it stands for. A row ends when either of them is linked.

-- +goose Up
PRAGMA user_version = 4;

CREATE TABLE adopt_set (
    target_guid BLOB PRIMARY KEY,
    source_id   BLOB NOT NULL UNIQUE,
    dn          TEXT NOT NULL
) STRICT, WITHOUT ROWID;
