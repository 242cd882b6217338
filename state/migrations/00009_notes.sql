-- What is remembered because replicas of the tenant lag behind: what a delta has
-- told, which goes over what is read until the lag is over, and what was read and
-- has to be read once more. A run notes under its own id; its commit makes that
-- generation -1, what holds for the runs to come. Times are milliseconds since
-- 1970 in UTC.

-- +goose Up
PRAGMA user_version = 9;

CREATE TABLE note (
    kind       TEXT    NOT NULL, -- engine.NoteKind
    id         BLOB    NOT NULL, -- what it is about
    generation INTEGER NOT NULL,
    at         INTEGER,          -- NULL: the run forgets it
    told       TEXT    NOT NULL, -- as the kind has it, empty for nothing
    PRIMARY KEY (kind, id, generation)
) STRICT, WITHOUT ROWID;

-- A member that a delta told as added to a group, or as removed.
CREATE TABLE told_member (
    group_id   BLOB    NOT NULL,
    member_id  BLOB    NOT NULL,
    generation INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    kind       TEXT    NOT NULL,
    removed    INTEGER NOT NULL,
    PRIMARY KEY (group_id, member_id, generation)
) STRICT, WITHOUT ROWID;

CREATE INDEX note_generation        ON note (generation);
CREATE INDEX told_member_generation ON told_member (generation);
