-- Values of fixed lists are spelt as PowerShell's enumerations are: what was
-- settings-changed is SettingsChanged, what was clientSecret ClientSecret.

-- +goose Up
PRAGMA user_version = 16;

CREATE TEMP TABLE spelt (old TEXT PRIMARY KEY, new TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO spelt VALUES
    -- kinds and statuses of runs
    ('sync', 'Sync'), ('preview', 'Preview'), ('disable', 'Disable'), ('group', 'Group'),
    ('running', 'Running'), ('complete', 'Complete'), ('partial', 'Partial'), ('stopped', 'Stopped'),
    ('failed', 'Failed'),
    -- policy reasons
    ('requested', 'Requested'), ('first', 'First'), ('settings-changed', 'SettingsChanged'),
    ('projection-changed', 'ProjectionChanged'), ('interval', 'Interval'), ('settling', 'Settling'),
    ('server-changed', 'ServerChanged'), ('link-expired', 'LinkExpired'),
    -- stop reasons
    ('stopped-deletion-threshold-exceeded', 'StoppedDeletionThreshold'),
    ('stopped-removal-threshold-exceeded', 'StoppedRemovalThreshold'),
    ('stopped-source-shrunk', 'StoppedSourceShrunk'), ('stopped-target-shrunk', 'StoppedTargetShrunk'),
    ('target-not-up-to-date', 'TargetNotUpToDate'), ('stopped-cancelled', 'Cancelled'),
    ('interrupted', 'Interrupted'),
    -- outcomes
    ('pending', 'Pending'), ('done', 'Done'), ('unknown', 'Unknown'), ('skipped', 'Skipped'),
    ('held', 'Held'),
    -- situations
    ('linked', 'Linked'), ('unlinked', 'Unlinked'), ('foreign', 'Foreign'), ('unmatched', 'Unmatched'),
    ('moved', 'Moved'), ('disputed', 'Disputed'), ('deleted', 'Deleted'),
    -- reasons of changes
    ('adopted-before', 'AdoptedBefore'), ('protected', 'Protected'), ('returned', 'Returned'),
    ('mark-removed', 'MarkRemoved'), ('source-of-authority-moved', 'SourceOfAuthorityMoved'),
    ('hidden-membership', 'HiddenMembership'), ('members-unreadable', 'MembersUnreadable'),
    ('removals-held-back', 'RemovalsHeldBack'), ('primary-group', 'PrimaryGroup'),
    ('out-of-scope', 'OutOfScope'), ('soft-deleted', 'SoftDeleted'), ('presence-unknown', 'PresenceUnknown'),
    ('hard-deleted', 'HardDeleted'), ('writeback-disabled', 'WritebackDisabled'),
    ('already-deleted', 'AlreadyDeleted'), ('too-many-members', 'TooManyMembers'), ('drift', 'Drift'),
    ('deleted-in-ad', 'DeletedInAD'), ('name-clash', 'NameClash'), ('container-changed', 'ContainerChanged'),
    ('released', 'Released'), ('moved-back', 'MovedBack'),
    -- reasons of members
    ('cloud-only', 'CloudOnly'), ('guest', 'Guest'), ('no-account', 'NoAccount'), ('not-found', 'NotFound'),
    ('ambiguous', 'Ambiguous'), ('wrong-class', 'WrongClass'), ('system-object', 'SystemObject'),
    ('other-forest', 'OtherForest'), ('group-not-written', 'GroupNotWritten'),
    ('limited-information', 'LimitedInformation'), ('gc-unavailable', 'NoGlobalCatalog'),
    ('lookup-failed', 'LookupFailed'), ('unresolved', 'Unresolved'), ('write-refused', 'WriteRefused'),
    -- kinds of groups and members, presences, notes
    ('unified', 'Unified'), ('security', 'Security'), ('user', 'User'), ('other', 'Other'),
    ('present', 'Present'), ('contradicted', 'Contradicted'), ('absent', 'Absent'), ('read', 'Read'),
    ('read-user', 'ReadUser'), ('deleted-user', 'DeletedUser'), ('restored-user', 'RestoredUser'),
    ('listed', 'Listed');

UPDATE run SET
    kind   = coalesce((SELECT new FROM spelt WHERE old = kind), kind),
    status = coalesce((SELECT new FROM spelt WHERE old = status), status),
    record = json_replace(record,
        '$.kind',         coalesce((SELECT new FROM spelt WHERE old = record ->> '$.kind'), record ->> '$.kind'),
        '$.status',       coalesce((SELECT new FROM spelt WHERE old = record ->> '$.status'), record ->> '$.status'),
        '$.policyReason', coalesce((SELECT new FROM spelt WHERE old = record ->> '$.policyReason'), record ->> '$.policyReason'),
        '$.stopReason',   coalesce((SELECT new FROM spelt WHERE old = record ->> '$.stopReason'), record ->> '$.stopReason'),
        '$.heldBy',       json((SELECT json_group_array(coalesce((SELECT new FROM spelt WHERE old = h.value), h.value)) FROM json_each(record, '$.heldBy') h)));
DROP INDEX run_running;
CREATE INDEX run_running ON run (status) WHERE status = 'Running';

UPDATE change SET
    situation = coalesce((SELECT new FROM spelt WHERE old = situation), situation),
    reason    = coalesce((SELECT new FROM spelt WHERE old = reason), reason),
    outcome   = coalesce((SELECT new FROM spelt WHERE old = outcome), outcome),
    error_id  = coalesce((SELECT new FROM spelt WHERE old = error_id), error_id);
UPDATE skip SET
    reason    = coalesce((SELECT new FROM spelt WHERE old = reason), reason),
    situation = coalesce((SELECT new FROM spelt WHERE old = situation), situation);
UPDATE refusal SET reason = coalesce((SELECT new FROM spelt WHERE old = reason), reason);
UPDATE member_join SET
    kind   = coalesce((SELECT new FROM spelt WHERE old = kind), kind),
    reason = coalesce((SELECT new FROM spelt WHERE old = reason), reason);
UPDATE source_membership SET incomplete = 'MembersNotRead' WHERE incomplete = 'members-not-read';
UPDATE told_member SET kind = coalesce((SELECT new FROM spelt WHERE old = kind), kind);

-- Without the default, which was one of the old values.
ALTER TABLE source_group RENAME COLUMN kind TO was;
ALTER TABLE source_group ADD COLUMN kind TEXT NOT NULL DEFAULT '';
UPDATE source_group SET kind = coalesce((SELECT new FROM spelt WHERE old = was), was);
ALTER TABLE source_group DROP COLUMN was;

-- What deltas told of the kind of a group, and what the tenant said of an absent one.
UPDATE note SET told = (SELECT json_group_array(json(iif(json_type(w.value, '$.Told.Kind') = 'text',
        json_set(w.value, '$.Told.Kind', coalesce((SELECT new FROM spelt WHERE old = w.value ->> '$.Told.Kind'), w.value ->> '$.Told.Kind')),
        w.value))) FROM json_each(note.told) w)
    WHERE kind = 'group' AND told <> '';
UPDATE note SET told = json_quote(coalesce((SELECT new FROM spelt WHERE old = told ->> '$'), told ->> '$'))
    WHERE kind = 'absent' AND told <> '';
UPDATE note SET kind = coalesce((SELECT new FROM spelt WHERE old = kind), kind);

DROP TABLE spelt;
