-- A row of a membership is found by its first member, so that a change rewrites the
-- rows that it touches and no others.

-- +goose Up
PRAGMA user_version = 15;

-- arranged: the members are in order, each row from its first on. Else they are as
-- they were read, which those of former releases are too, and first counts the rows.
ALTER TABLE source_membership ADD COLUMN arranged INTEGER NOT NULL DEFAULT 0;
-- part: the rows stand in the place of those of the generation below that begin at
-- the same member, and what they leave out is seen from there.
ALTER TABLE source_membership ADD COLUMN part INTEGER NOT NULL DEFAULT 0;
ALTER TABLE target_group ADD COLUMN part INTEGER NOT NULL DEFAULT 0;

-- Numbers of member, 4 bytes big-endian each, a page a row. A row has those
-- from first on, up to the first of the next row; the first row has an empty one. A
-- row of a part without members hides the one below. With row ids: without them,
-- SQLite reads whole rows of this size only to compare their keys.
CREATE TABLE source_membership_chunk_new (
    group_id   BLOB    NOT NULL,
    generation INTEGER NOT NULL,
    first      BLOB    NOT NULL,
    members    BLOB    NOT NULL,
    PRIMARY KEY (generation, group_id, first)
) STRICT;
INSERT INTO source_membership_chunk_new SELECT group_id, generation, unhex(printf('%08x', position)), members
    FROM source_membership_chunk ORDER BY group_id, generation, position;
DROP TABLE source_membership_chunk;
ALTER TABLE source_membership_chunk_new RENAME TO source_membership_chunk;

-- The same with objectGUIDs.
CREATE TABLE target_membership_chunk_new (
    guid       BLOB    NOT NULL,
    generation INTEGER NOT NULL,
    first      BLOB    NOT NULL,
    members    BLOB    NOT NULL,
    PRIMARY KEY (generation, guid, first)
) STRICT;
INSERT INTO target_membership_chunk_new SELECT guid, generation, iif(position = 0, x'', substr(members, 1, 16)), members
    FROM target_membership_chunk ORDER BY guid, generation, position;
DROP TABLE target_membership_chunk;
ALTER TABLE target_membership_chunk_new RENAME TO target_membership_chunk;

-- Who is joined to an object.
CREATE INDEX member_join_target ON member_join (target_guid) WHERE target_guid IS NOT NULL;

-- Which groups have a member: pairs of numbers of member, his and the group's, in
-- rows as those of memberships. It is about the current generation, and stands under
-- the generation that the watermark says; 0: there is none.
CREATE TABLE member_group_chunk (
    only       BLOB    NOT NULL CHECK (only = x''),
    generation INTEGER NOT NULL,
    first      BLOB    NOT NULL,
    members    BLOB    NOT NULL,
    PRIMARY KEY (generation, only, first)
) STRICT;
ALTER TABLE watermark ADD COLUMN indexed INTEGER NOT NULL DEFAULT 0;
