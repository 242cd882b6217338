-- The owners of a group of the tenant: their ids, 16 bytes each, ascending. NULL means that
-- they were not read.

-- +goose Up
PRAGMA user_version = 22;

ALTER TABLE source_group ADD COLUMN owners BLOB;
