-- Groups can be in several containers.

-- +goose Up
PRAGMA user_version = 25;

-- The objectGUID of the container in which the object last was where it belongs; NULL if
-- that is not known.
ALTER TABLE link ADD COLUMN container BLOB;

-- Where a change puts its object, or where the object is.
ALTER TABLE change ADD COLUMN container BLOB;
