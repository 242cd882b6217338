-- Up to which run what was planned and not done is withdrawn, since somebody has
-- changed what is to be written.

-- +goose Up
PRAGMA user_version = 12;

CREATE TABLE withdrawn (
    run INTEGER NOT NULL
) STRICT;
