-- The SID of whatever is a member in AD, empty where it is not known: a member
-- of the tenant whose account may not be read is still found among the values of
-- his groups by it.

-- +goose Up
PRAGMA user_version = 6;

ALTER TABLE target_object ADD COLUMN sid TEXT NOT NULL DEFAULT '';
