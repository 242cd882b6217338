-- What deltas reported is named so everywhere.

-- +goose Up
PRAGMA user_version = 21;

ALTER TABLE told_member RENAME TO reported_member;
DROP INDEX told_member_generation;
CREATE INDEX reported_member_generation ON reported_member (generation);

ALTER TABLE note RENAME COLUMN told TO report;
UPDATE note SET report = (SELECT json_group_array(json_object('At', r.value ->> '$.At', 'Change', r.value -> '$.Told')) FROM json_each(note.report) r)
    WHERE kind IN ('Group', 'User') AND report <> '';
