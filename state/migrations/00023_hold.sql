-- Groups that are not treated like the others: those that are left as they are, and those
-- whose changes fail in one run after the other.

-- +goose Up
PRAGMA user_version = 23;

CREATE TABLE hold (
    source_id BLOB PRIMARY KEY,
    reason    TEXT NOT NULL,
    comment   TEXT NOT NULL,
    account   TEXT NOT NULL, -- who holds it
    since     INTEGER NOT NULL, -- Unix time
    until     INTEGER NOT NULL -- Unix time; 0: until somebody ends it
) STRICT, WITHOUT ROWID;

CREATE TABLE failing (
    source_id BLOB PRIMARY KEY,
    tries     INTEGER NOT NULL,
    message   TEXT NOT NULL,
    since     INTEGER NOT NULL, -- Unix time when it was quarantined; 0: it is not
    next      INTEGER NOT NULL -- Unix time of the next retry in quarantine
) STRICT, WITHOUT ROWID;
