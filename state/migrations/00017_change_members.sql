-- The members of changes get row ids: without them, SQLite reads whole rows of up to
-- 16 KiB only to compare their keys.

-- +goose Up
PRAGMA user_version = 17;

-- objectGUIDs, 16 bytes each, ascending, in rows of at most 1,024.
CREATE TABLE change_member_chunk_new (
    change  INTEGER NOT NULL REFERENCES change ON DELETE CASCADE,
    removal INTEGER NOT NULL,
    first   BLOB    NOT NULL,
    members BLOB    NOT NULL,
    PRIMARY KEY (change, removal, first)
) STRICT;
INSERT INTO change_member_chunk_new SELECT change, removal, first, members FROM change_member_chunk ORDER BY change, removal, first;
DROP TABLE change_member_chunk;
ALTER TABLE change_member_chunk_new RENAME TO change_member_chunk;
