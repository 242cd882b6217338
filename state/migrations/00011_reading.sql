-- What a full import has read of the tenant and not committed: another may go on
-- from there. And what a delta told is noted word by word, each with its time.

-- +goose Up
PRAGMA user_version = 11;

CREATE TABLE reading (
    only       INTEGER PRIMARY KEY CHECK (only = 1),
    generation INTEGER NOT NULL, -- of the run that staged it
    links      TEXT    NOT NULL, -- JSON of the delta links from before it began, with their time
    scope      TEXT    NOT NULL  -- as in watermark
) STRICT;

UPDATE note SET told = json_array(json_object('At', strftime('%Y-%m-%dT%H:%M:%fZ', at / 1000.0, 'unixepoch'), 'Told', json(told)))
    WHERE kind = 'group' AND at IS NOT NULL;
-- These were mixed with what was read.
DELETE FROM note WHERE kind = 'user';
