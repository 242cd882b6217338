-- What merely flows is one JSON object a side, of the values by name, so that an
-- attribute more is no column more.

-- +goose Up
PRAGMA user_version = 14;

ALTER TABLE source_group ADD COLUMN properties TEXT NOT NULL DEFAULT '{}'; -- as Graph names them
UPDATE source_group SET properties = json_patch(json_patch(
    iif(display_name = '', '{}', json_object('displayName', json_array(display_name))),
    iif(description = '', '{}', json_object('description', json_array(description)))),
    iif(mail = '', '{}', json_object('mail', json_array(mail))));
ALTER TABLE source_group DROP COLUMN display_name;
ALTER TABLE source_group DROP COLUMN description;
ALTER TABLE source_group DROP COLUMN mail;

ALTER TABLE target_group ADD COLUMN attributes TEXT NOT NULL DEFAULT '{}'; -- as LDAP names them
UPDATE target_group SET attributes = json_patch(json_patch(
    iif(display_name = '', '{}', json_object('displayName', json_array(display_name))),
    iif(description = '', '{}', json_object('description', json_array(description)))),
    iif(mail = '', '{}', json_object('mail', json_array(mail))));
ALTER TABLE target_group DROP COLUMN display_name;
ALTER TABLE target_group DROP COLUMN description;
ALTER TABLE target_group DROP COLUMN mail;

-- What deltas told of a group, word by word: a property that is there was told, and
-- one that is empty has no value any more.
UPDATE note SET told = (SELECT json_group_array(json_object('At', w.value ->> '$.At', 'Told',
    json_set(json_remove(json_extract(w.value, '$.Told'), '$.DisplayName', '$.Description', '$.Mail'), '$.Properties', json_patch(json_patch(
        iif(json_type(w.value, '$.Told.DisplayName') = 'text', json_object('displayName', json(iif(w.value ->> '$.Told.DisplayName' = '', json_array(), json_array(w.value ->> '$.Told.DisplayName')))), '{}'),
        iif(json_type(w.value, '$.Told.Description') = 'text', json_object('description', json(iif(w.value ->> '$.Told.Description' = '', json_array(), json_array(w.value ->> '$.Told.Description')))), '{}')),
        iif(json_type(w.value, '$.Told.Mail') = 'text', json_object('mail', json(iif(w.value ->> '$.Told.Mail' = '', json_array(), json_array(w.value ->> '$.Told.Mail')))), '{}')))))
    FROM json_each(note.told) w)
WHERE kind = 'group' AND told <> '';

-- The values that we have written to attributes which others write to as well, of
-- the object that stands for a group.
CREATE TABLE written (
    source_id  BLOB PRIMARY KEY,
    attributes TEXT NOT NULL
) STRICT, WITHOUT ROWID;
