-- What delta runs need. Such a run stages only what changed, as an overlay on
-- the current generation; the indexes lead with the generation, so that merging
-- and removing it costs what was staged and not the tenant.

-- +goose Up
PRAGMA user_version = 2;

ALTER TABLE source_group ADD COLUMN kind TEXT NOT NULL DEFAULT 'unified';
ALTER TABLE source_group ADD COLUMN writeback_enabled INTEGER; -- NULL: not set or not asked for
ALTER TABLE source_group ADD COLUMN on_premises_type TEXT NOT NULL DEFAULT '';
ALTER TABLE target_group ADD COLUMN when_changed TEXT NOT NULL DEFAULT '';

-- Whether further pages belong to the membership; else the next one begins it anew.
ALTER TABLE source_membership ADD COLUMN reading INTEGER NOT NULL DEFAULT 0;

-- When to ask again to whom the member is joined, NULL for never, and how often
-- in succession it was asked in vain.
ALTER TABLE member_join ADD COLUMN tries INTEGER NOT NULL DEFAULT 0;
ALTER TABLE member_join ADD COLUMN due TEXT;

-- run is the run that last changed the current generation.
ALTER TABLE watermark ADD COLUMN run INTEGER NOT NULL DEFAULT 0;
ALTER TABLE watermark ADD COLUMN searched_usn INTEGER NOT NULL DEFAULT 0;
ALTER TABLE watermark ADD COLUMN source TEXT NOT NULL DEFAULT ''; -- JSON list of delta links, empty for none
ALTER TABLE watermark ADD COLUMN initial TEXT NOT NULL DEFAULT '';
ALTER TABLE watermark ADD COLUMN settled INTEGER NOT NULL DEFAULT 0;
ALTER TABLE watermark ADD COLUMN scope TEXT NOT NULL DEFAULT '';
UPDATE watermark SET run = generation;

-- What an overlay hides of the generation below: with side 0 a group of the
-- tenant, with side 1 an object of AD.
CREATE TABLE gone (
    generation INTEGER NOT NULL,
    side       INTEGER NOT NULL,
    id         BLOB    NOT NULL,
    PRIMARY KEY (generation, side, id)
) STRICT, WITHOUT ROWID;

-- The cloud groups that the next delta run plans whatever has changed.
CREATE TABLE pending (
    source_id BLOB PRIMARY KEY
) STRICT, WITHOUT ROWID;

CREATE INDEX source_group_generation            ON source_group (generation);
CREATE INDEX source_membership_generation       ON source_membership (generation);
CREATE INDEX source_membership_chunk_generation ON source_membership_chunk (generation);
CREATE INDEX target_membership_chunk_generation ON target_membership_chunk (generation);
CREATE INDEX member_join_generation             ON member_join (generation);
CREATE INDEX member_join_due                    ON member_join (generation, due) WHERE due IS NOT NULL;
