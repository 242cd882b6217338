package command

import (
	"time"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
	"groupwriteback/internal/run"
)

// This file has the requests and answers of the engine's methods. Their JSON form is part
// of the protocol (docs/protocol.md).

// ConnectionInfo is the answer of session.get. It holds no secret.
type ConnectionInfo struct {
	Source *SourceInfo `json:"source,omitempty"`
	Target *TargetInfo `json:"target,omitempty"`
}

// SourceInfo is the connected tenant.
type SourceInfo struct {
	TenantID    string                  `json:"tenantId"`
	TenantName  string                  `json:"tenantName"`
	AppID       string                  `json:"appId"`
	Roles       []string                `json:"roles"`
	Environment string                  `json:"environment"`
	Credential  contract.CredentialKind `json:"credential"`
}

// TargetInfo is the connected directory.
type TargetInfo struct {
	Domain     string            `json:"domain"`
	Server     string            `json:"server"`
	BaseDN     string            `json:"baseDn"`
	Account    string            `json:"account"`
	Credential contract.AuthKind `json:"credential"`
}

// Overview is what Get-GroupWriteback shows.
type Overview struct {
	Settings       contract.Settings `json:"settings"`
	Status         WritebackStatus   `json:"status"`
	Groups         int               `json:"groups"`
	DisablePending int               `json:"disablePending"`
	// AdoptPending is the number of objects that an administrator has agreed to adopt and
	// that are not adopted yet.
	AdoptPending   int                 `json:"adoptPending"`
	NextPolicyType contract.PolicyType `json:"nextPolicyType"`
	// NextPolicyReason is why the next run is Initial, as far as that is known before it
	// begins.
	NextPolicyReason contract.PolicyReason `json:"nextPolicyReason,omitempty"`
	// PendingGroups is the number of groups that the next Delta run plans even if nothing
	// has changed.
	PendingGroups int `json:"pendingGroups"`
	// GroupsOnHold is the number of groups that are left as they are, and
	// QuarantinedGroups that of those that are retried at growing intervals only.
	GroupsOnHold      int           `json:"groupsOnHold"`
	QuarantinedGroups int           `json:"quarantinedGroups"`
	LastRun           *contract.Run `json:"lastRun,omitempty"`
	StatePath         string        `json:"statePath"`
}

// WritebackStatus reports whether group writeback is on.
type WritebackStatus string

// The statuses.
const (
	StatusNotConfigured  WritebackStatus = "NotConfigured"
	StatusEnabled        WritebackStatus = "Enabled"
	StatusDisablePending WritebackStatus = "DisablePending"
	StatusDisabled       WritebackStatus = "Disabled"
)

// Check is the result of checking one prerequisite.
type Check struct {
	Name    string               `json:"name"`
	Result  contract.CheckResult `json:"result"`
	Message string               `json:"message"`
	Advice  string               `json:"advice,omitempty"`
	ErrorID string               `json:"errorId,omitempty"`
	// Account and TargetContainer are set if rights are missing that
	// Grant-GroupWritebackPermission gives.
	Account         directory.SID `json:"account,omitempty"`
	TargetContainer string        `json:"targetContainer,omitempty"`
}

// Choices are the settings that Enable and Set have in common. An empty or nil field
// leaves its setting unchanged.
type Choices struct {
	TargetContainer string `json:"targetContainer"`
	// ContainerFilters is as in [contract.Settings]. An empty list clears the setting.
	ContainerFilters     *[]contract.ContainerFilter `json:"containerFilters"`
	NameFormat           contract.NameFormat         `json:"nameFormat"`
	SAMAccountNameFormat contract.NameFormat         `json:"samAccountNameFormat"`
	ExcludeMailAttribute *bool                       `json:"excludeMailAttribute"`
	// MailRecipient None is the same as ExcludeMailAttribute, and any other value the
	// opposite.
	MailRecipient        plan.MailRecipient `json:"mailRecipient"`
	RecipientDisplayType plan.DisplayType   `json:"recipientDisplayType"`
	UpdateAddressLists   *bool              `json:"updateAddressLists"`
	MarkCloudAuthority   *bool              `json:"markCloudAuthority"`
	UpdateManagedBy      *bool              `json:"updateManagedBy"`
	// IncludeHiddenMembership is as in [contract.Settings].
	IncludeHiddenMembership *bool `json:"includeHiddenMembership"`
	// TrustedOwners are names or SIDs. An empty list clears the setting.
	TrustedOwners    *[]string            `json:"trustedOwners"`
	MovedGroup       contract.MovedGroup  `json:"movedGroup"`
	SoftDeletedGroup contract.FrozenGroup `json:"softDeletedGroup"`
	OutOfScopeGroup  contract.FrozenGroup `json:"outOfScopeGroup"`
	// Scope, GroupIDs, Filter and IncludeSecurityGroups are as in [contract.Scope]. An
	// empty list or filter clears the setting.
	Scope                 plan.ScopeMode           `json:"scope"`
	GroupIDs              *[]directory.GUID        `json:"groupIds"`
	Filter                *string                  `json:"filter"`
	IncludeSecurityGroups *bool                    `json:"includeSecurityGroups"`
	OnPremisesGroupType   plan.OnPremisesGroupType `json:"onPremisesGroupType"`
	MaxMemberCount        *int                     `json:"maxMemberCount"`
}

// Adoption is what an administrator agrees to adopt (rule 24). An empty or nil field
// leaves an earlier consent unchanged.
type Adoption struct {
	// Adopt, if true, replaces the earlier consent by one to everything that can be adopted
	// now, and nothing that appears later. If false, it takes back every consent that was
	// not used.
	Adopt *bool `json:"adopt"`
	// AdoptPlan is a plan id. It replaces the earlier consent by one to exactly what the
	// plan adopts.
	AdoptPlan string `json:"adoptPlan"`
	// AdoptGroups adds single groups, each named by objectGUID, DN, object id in the
	// tenant, or display name. Errors: GroupNotFound, GroupAmbiguous, NotAdoptable.
	AdoptGroups []string `json:"adoptGroups"`
}

// EnableRequest turns group writeback on.
type EnableRequest struct {
	Choices
	Adoption
	WhatIf bool `json:"whatIf"`
}

// EnableResult is what Enable saved, or would save.
type EnableResult struct {
	Settings      contract.Settings `json:"settings"`
	ForeignGroups int               `json:"foreignGroups"`
	OwnGroups     int               `json:"ownGroups"`
	// AdoptPending is the number of objects that may be adopted.
	AdoptPending    int      `json:"adoptPending"`
	ExchangeVersion int      `json:"exchangeVersion"`
	Warnings        []string `json:"warnings"`
}

// DisableRequest turns group writeback off.
type DisableRequest struct {
	KeepGroup      bool `json:"keepGroup"`
	IncludeAdopted bool `json:"includeAdopted"`
	WhatIf         bool `json:"whatIf"`
	// PlanID is the plan of an earlier request with WhatIf: exactly the groups that
	// somebody has seen and agreed to, and no others.
	PlanID string `json:"planId"`
}

// SettingsPatch changes settings. A nil field leaves its setting unchanged.
type SettingsPatch struct {
	Choices
	Adoption
	// ReleaseGroups are groups to let go of, named as in AdoptGroups. The next run
	// removes our stamp, and from then on the groups are left as they are. Errors:
	// GroupNotFound, GroupAmbiguous.
	ReleaseGroups []string `json:"releaseGroups"`
	// Mapping changes what is set for single attributes.
	Mapping        *MappingPatch `json:"mapping"`
	Limits         *LimitsPatch  `json:"limits"`
	RunHistoryDays *int          `json:"runHistoryDays"`
	// InitialIntervalDays and the following are as in [contract.Settings].
	InitialIntervalDays *int `json:"initialIntervalDays"`
	Connections         *int `json:"connections"`
	OutageMinutes       *int `json:"outageMinutes"`
	QuarantineAfter     *int `json:"quarantineAfter"`
	WhatIf              bool `json:"whatIf"`
}

// SettingsResult is the settings after a change.
type SettingsResult struct {
	contract.Settings
	// Warnings are sentences about choices that may not be intended.
	Warnings []string `json:"warnings,omitempty"`
}

// MappingRow is a row of the mapping as it is shown.
type MappingRow struct {
	Attribute string `json:"attribute"`
	// Expression is empty for a row that is not said in one. Function then names what the
	// values come from.
	Expression string        `json:"expression,omitempty"`
	Function   plan.Function `json:"function,omitempty"`
	Apply      plan.Apply    `json:"apply"`
	Default    string        `json:"default,omitempty"`
	// On says which groups have the attribute: empty for every group.
	On plan.When `json:"on,omitempty"`
	// MaxLength is the length to which the row cuts, in UTF-16 units; 0 leaves that to the
	// schema.
	MaxLength int `json:"maxLength,omitempty"`
	// Custom rows are set by the administrator. The others are those of the release, and
	// ReadOnly ones of them cannot be set.
	Custom   bool `json:"custom"`
	ReadOnly bool `json:"readOnly"`
}

// MappingView is the answer of mapping.get.
type MappingView struct {
	Rows []MappingRow `json:"rows"`
	// Properties and Functions are the names that expressions may use.
	Properties []string `json:"properties"`
	Functions  []string `json:"functions"`
}

// MappingPatch changes the mapping: Set adds or replaces entries, Remove takes away those
// of the given attributes.
type MappingPatch struct {
	Set    []plan.Entry `json:"set"`
	Remove []string     `json:"remove"`
}

// MappingTestRequest asks what the mapping, with a change that need not be saved, makes of
// one group.
type MappingTestRequest struct {
	Group string `json:"group"`
	MappingPatch
}

// The answer of mapping.test.
type (
	MappingTest = run.MappingTest
	MappedValue = run.MappedValue
)

// LimitsPatch changes limits. Nil leaves a limit unchanged; 0 switches it off.
type LimitsPatch struct {
	DeletionCount       *int `json:"deletionCount"`
	DeletionPercent     *int `json:"deletionPercent"`
	RemovalPercent      *int `json:"removalPercent"`
	GroupRemovalPercent *int `json:"groupRemovalPercent"`
	SourceShrinkPercent *int `json:"sourceShrinkPercent"`
	TargetShrinkPercent *int `json:"targetShrinkPercent"`
}

// SyncRequest starts a run.
type SyncRequest struct {
	PolicyType contract.PolicyType `json:"policyType"` // empty: the one that is due
	AllowOnce  string              `json:"allowOnce"`  // a plan id
	// SkipReplicationCheck uses a domain controller even if it has not received what was
	// written on the previous one. It is meant for when that one is lost.
	SkipReplicationCheck bool `json:"skipReplicationCheck"`
}

// PreviewRequest plans a run without exporting anything.
type PreviewRequest struct {
	// SyncRequest is the run to preview. The preview does not use up a consent.
	SyncRequest
	// Enable or Settings make it a preview of the run that would follow that request.
	Enable   *EnableRequest `json:"enable"`
	Settings *SettingsPatch `json:"settings"`
}

// SuspendRequest puts a group on hold.
type SuspendRequest struct {
	// Group is any name of the group, among those that the state knows.
	Group   string    `json:"group"`
	Comment string    `json:"comment"` // up to 256 UTF-16 units
	Until   time.Time `json:"until"`   // zero: until somebody resumes the group
}

// ResumeRequest ends the hold or the quarantine of a group.
type ResumeRequest struct {
	Group string `json:"group"`
}

// The request and the answer of a sync of one group on demand.
type (
	GroupSyncRequest = run.GroupSyncRequest
	GroupSyncResult  = run.GroupSyncResult
	GroupStep        = run.GroupStep
)
