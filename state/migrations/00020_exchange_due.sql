-- Exchange has to look at a group again (Update-Recipient) after something changed that it
-- derives other attributes from. Nothing in Active Directory shows whether it did, so the
-- administrator clears it.

-- +goose Up
PRAGMA user_version = 20;

CREATE TABLE exchange_due (
    target_guid BLOB PRIMARY KEY,
    run         INTEGER NOT NULL -- the last run that changed it
) STRICT, WITHOUT ROWID;
