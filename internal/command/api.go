package command

import (
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
	"groupwriteback/internal/run"
)

// This file holds the requests and answers of the engine's methods. Their JSON
// form is the protocol's (docs/protocol.md).

// ConnectionInfo is what session.get shows; it holds no secret.
type ConnectionInfo struct {
	Source *SourceInfo `json:"source,omitempty"`
	Target *TargetInfo `json:"target,omitempty"`
}

// SourceInfo is the tenant that is connected.
type SourceInfo struct {
	TenantID    string                  `json:"tenantId"`
	TenantName  string                  `json:"tenantName"`
	AppID       string                  `json:"appId"`
	Roles       []string                `json:"roles"`
	Environment string                  `json:"environment"`
	Credential  contract.CredentialKind `json:"credential"`
}

// TargetInfo is the directory that is connected.
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
	// AdoptPending is how many objects an administrator has agreed to adopt that
	// are not adopted yet.
	AdoptPending   int                 `json:"adoptPending"`
	NextPolicyType contract.PolicyType `json:"nextPolicyType"`
	// NextPolicyReason is why the next run is Initial, as far as that is known
	// before it begins.
	NextPolicyReason contract.PolicyReason `json:"nextPolicyReason,omitempty"`
	// PendingGroups is how many groups the next delta run plans whatever has
	// changed.
	PendingGroups int           `json:"pendingGroups"`
	LastRun       *contract.Run `json:"lastRun,omitempty"`
	StatePath     string        `json:"statePath"`
}

// WritebackStatus is whether group writeback is on.
type WritebackStatus string

// The statuses.
const (
	StatusNotConfigured  WritebackStatus = "NotConfigured"
	StatusEnabled        WritebackStatus = "Enabled"
	StatusDisablePending WritebackStatus = "DisablePending"
	StatusDisabled       WritebackStatus = "Disabled"
)

// Check is one prerequisite.
type Check struct {
	Name    string               `json:"name"`
	Result  contract.CheckResult `json:"result"`
	Message string               `json:"message"`
	Advice  string               `json:"advice,omitempty"`
	ErrorID string               `json:"errorId,omitempty"`
}

// Choices is what Enable and Set have in common. Empty and nil fields keep
// what is set.
type Choices struct {
	TargetContainer      string              `json:"targetContainer"`
	NameFormat           contract.NameFormat `json:"nameFormat"`
	SAMAccountNameFormat contract.NameFormat `json:"samAccountNameFormat"`
	ExcludeMailAttribute *bool               `json:"excludeMailAttribute"`
	// IncludeHiddenMembership is as in [Settings].
	IncludeHiddenMembership *bool `json:"includeHiddenMembership"`
	// TrustedOwners are names or SIDs; an empty list takes away those that are set.
	TrustedOwners    *[]string            `json:"trustedOwners"`
	MovedGroup       contract.MovedGroup  `json:"movedGroup"`
	SoftDeletedGroup contract.FrozenGroup `json:"softDeletedGroup"`
	OutOfScopeGroup  contract.FrozenGroup `json:"outOfScopeGroup"`
	// Scope, GroupIDs, Filter and IncludeSecurityGroups are [contract.Scope]'s; a list or
	// a filter that is empty takes away the one that is set.
	Scope                 plan.ScopeMode           `json:"scope"`
	GroupIDs              *[]directory.GUID        `json:"groupIds"`
	Filter                *string                  `json:"filter"`
	IncludeSecurityGroups *bool                    `json:"includeSecurityGroups"`
	OnPremisesGroupType   plan.OnPremisesGroupType `json:"onPremisesGroupType"`
	MaxMemberCount        *int                     `json:"maxMemberCount"`
}

// Adoption is what an administrator agrees to adopt (rule 24). Empty and nil
// fields keep what was agreed to before.
type Adoption struct {
	// Adopt: what can be adopted now, in place of what was agreed to before; what
	// turns up later is not covered. False takes all back that was not used.
	Adopt *bool `json:"adopt"`
	// AdoptPlan names a plan: exactly what it adopts, likewise.
	AdoptPlan string `json:"adoptPlan"`
	// AdoptGroups adds single groups, each by objectGUID, DN, object id in the
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
	// AdoptPending is how many objects are agreed to be adopted.
	AdoptPending    int      `json:"adoptPending"`
	ExchangeVersion int      `json:"exchangeVersion"`
	Warnings        []string `json:"warnings"`
}

// DisableRequest turns group writeback off.
type DisableRequest struct {
	KeepGroup      bool `json:"keepGroup"`
	IncludeAdopted bool `json:"includeAdopted"`
	WhatIf         bool `json:"whatIf"`
	// PlanID names the answer to an earlier request with WhatIf: exactly the
	// groups that somebody has seen and agreed to, and no others.
	PlanID string `json:"planId"`
}

// SettingsPatch changes settings; nil keeps what is set.
type SettingsPatch struct {
	Choices
	Adoption
	// ReleaseGroups are groups to let go of, named as in AdoptGroups: the next run
	// takes our stamp away, and leaves them as they are from then on. Errors:
	// GroupNotFound, GroupAmbiguous.
	ReleaseGroups  []string     `json:"releaseGroups"`
	Limits         *LimitsPatch `json:"limits"`
	RunHistoryDays *int         `json:"runHistoryDays"`
	// InitialIntervalDays, Connections and OutageMinutes are as in [Settings].
	InitialIntervalDays *int `json:"initialIntervalDays"`
	Connections         *int `json:"connections"`
	OutageMinutes       *int `json:"outageMinutes"`
	WhatIf              bool `json:"whatIf"`
}

// SettingsResult is the settings after a change.
type SettingsResult struct {
	contract.Settings
	// Warnings are sentences on what may not have been meant.
	Warnings []string `json:"warnings,omitempty"`
}

// LimitsPatch changes limits; nil keeps what is set, 0 switches a limit off.
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
	PolicyType contract.PolicyType `json:"policyType"` // empty: what is due
	AllowOnce  string              `json:"allowOnce"`  // a plan id
	// SkipReplicationCheck goes on with a domain controller that has not
	// received what was written on the one before: for when that one is lost.
	SkipReplicationCheck bool `json:"skipReplicationCheck"`
}

// PreviewRequest plans a run without exporting anything.
type PreviewRequest struct {
	// SyncRequest is the run to preview; a consent is not used up then.
	SyncRequest
	// Enable or Settings make it the run that would come after that request.
	Enable   *EnableRequest `json:"enable"`
	Settings *SettingsPatch `json:"settings"`
}

// What one group on demand is asked for, and answers.
type (
	GroupSyncRequest = run.GroupSyncRequest
	GroupSyncResult  = run.GroupSyncResult
	GroupStep        = run.GroupStep
)
