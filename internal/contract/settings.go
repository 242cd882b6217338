package contract

import (
	"context"
	"slices"
	"time"

	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// ReleasedGroup is a cloud group that an administrator has let go of, and the
// object that stood for it then.
type ReleasedGroup struct {
	ID         directory.GUID `json:"id"`
	TargetGUID directory.GUID `json:"targetGuid"`
}

// Released are the groups that were let go of.
func (s *Settings) Released() map[directory.GUID]bool {
	ids := map[directory.GUID]bool{}
	for _, g := range s.ReleasedGroups {
		ids[g.ID] = true
	}
	return ids
}

// WithoutReleased takes the groups that were let go of out of a stored set.
func (s *Settings) WithoutReleased(set []Link) []Link {
	released := s.Released()
	return slices.DeleteFunc(slices.Clone(set), func(l Link) bool { return released[l.SourceID] })
}

// Settings is what the administrator chose. It holds no secret, and losing the
// state database loses none of it.
type Settings struct {
	// Version is the version of the file's form: [SettingsVersion].
	Version int `json:"version"`
	// Enabled is set by Enable-GroupWriteback and cleared by Disable.
	Enabled bool `json:"enabled"`
	// Tenant, Domain and Container are whom the state belongs to (rule 4).
	Tenant    TenantRef `json:"tenant"`
	Domain    DomainRef `json:"domain"`
	Container Container `json:"container"`
	// FormerContainers were configured before; groups that still stand there
	// are moved by the next run.
	FormerContainers []Container `json:"formerContainers,omitempty"`
	// NameFormat chooses the cn and SAMAccountNameFormat the sAMAccountName of
	// groups that are created.
	NameFormat           NameFormat `json:"nameFormat"`
	SAMAccountNameFormat NameFormat `json:"samAccountNameFormat"`
	// ExcludeMailAttribute leaves mail unwritten: for forests without Exchange.
	ExcludeMailAttribute bool `json:"excludeMailAttribute"`
	// TrustedOwners are accounts whose marked and stamped objects are ours beside
	// those of the account that runs the sync: service accounts of before (rule 2).
	TrustedOwners []Principal `json:"trustedOwners,omitempty"`
	// IncludeHiddenMembership: groups whose membership is hidden in the tenant are
	// written too, where the token can read it. Every account of the domain can
	// then read who is a member.
	IncludeHiddenMembership bool `json:"includeHiddenMembership"`
	// ReleasedGroups are the groups that an administrator has let go of, by id
	// (rule 24): what stands for them stays in place, is not ours, and is not made
	// a second time.
	ReleasedGroups []ReleasedGroup `json:"releasedGroups,omitempty"`
	// StandingAdopt: the file is of a release that adopted whatever turned up. No
	// such consent stands any more; people are told.
	StandingAdopt bool `json:"-"`
	// MovedGroup says what is done with a linked group that an administrator
	// moved out of the container (rule 5).
	MovedGroup MovedGroup `json:"movedGroup"`
	// SoftDeletedGroup says what is done with a group in the tenant's recycle
	// bin, OutOfScopeGroup with one that is there but no longer written.
	SoftDeletedGroup FrozenGroup `json:"softDeletedGroup"`
	OutOfScopeGroup  FrozenGroup `json:"outOfScopeGroup"`
	// Scope says which groups are written.
	Scope Scope `json:"scope"`
	// OnPremisesGroupType is what Microsoft 365 groups become in AD; cloud
	// security groups always become universal security groups.
	OnPremisesGroupType plan.OnPremisesGroupType `json:"onPremisesGroupType"`
	// MaxMemberCount is how many members, of any kind, a group may have to be
	// written: 1 to 1,000,000.
	MaxMemberCount int `json:"maxMemberCount"`
	// InitialIntervalDays is after how many days a run is Initial by itself: 1
	// to 30. It finds what changes in no delta (rules 8 and 13).
	InitialIntervalDays int `json:"initialIntervalDays"`
	// Connections is how many changes are exported at a time, each on a
	// connection of its own: 1 to 16.
	Connections int `json:"connections"`
	// OutageMinutes is for how long a run waits for the tenant or a domain
	// controller that cannot be reached: 0 to 1,440. 0: a few tries, half a minute.
	OutageMinutes int    `json:"outageMinutes"`
	Limits        Limits `json:"limits"`
	// RunHistory is for how many days runs and their changes are kept.
	RunHistoryDays int `json:"runHistoryDays"`
	// InitialPending makes the next run Initial: full import and full
	// synchronisation.
	InitialPending bool `json:"initialPending"`
}

// Scope says which groups of the tenant are written. All that is given must
// hold.
type Scope struct {
	// Groups is All, WritebackEnabled or Selected.
	Groups plan.ScopeMode `json:"groups"`
	// GroupIDs are the groups of the mode Selected.
	GroupIDs []directory.GUID `json:"groupIds,omitempty"`
	// Filter is as plan.ParseFilter takes it; empty: none.
	Filter string `json:"filter,omitempty"`
	// IncludeSecurityGroups: cloud security groups without mail, beside
	// Microsoft 365 groups.
	IncludeSecurityGroups bool `json:"includeSecurityGroups,omitempty"`
}

// SettingsVersion is the version of the form of settings.json written here.
const SettingsVersion = 1

// NameFormat is how a name is made (rules 20 and 21).
type NameFormat string

// The formats of names.
const (
	NameObjectID    NameFormat = "ObjectId"    // Group_<objectId>
	NameDisplayName NameFormat = "DisplayName" // <displayName>_<last 12 digits of objectId>
)

// NameFormats are all formats of names.
var NameFormats = []NameFormat{NameObjectID, NameDisplayName}

// UnmarshalText reads a value whatever its letter case.
func (f *NameFormat) UnmarshalText(text []byte) error { return directory.SetWord(f, text, NameFormats) }

// MovedGroup is what is done with groups moved out of the container.
type MovedGroup string

// The choices for moved groups.
const (
	MovedKeep MovedGroup = "Keep"
	MovedBack MovedGroup = "MoveBack"
)

// MovedGroups are all choices for moved groups.
var MovedGroups = []MovedGroup{MovedKeep, MovedBack}

// UnmarshalText reads a value whatever its letter case.
func (m *MovedGroup) UnmarshalText(text []byte) error { return directory.SetWord(m, text, MovedGroups) }

// FrozenGroup is what is done with a group that is not updated any more.
type FrozenGroup string

// The choices for frozen groups. Keep leaves the object as it is, as
// Microsoft's writeback does; Remove deletes it, within the limits.
const (
	FrozenKeep   FrozenGroup = "Keep"
	FrozenRemove FrozenGroup = "Remove"
)

// FrozenGroups are all choices for frozen groups.
var FrozenGroups = []FrozenGroup{FrozenKeep, FrozenRemove}

// UnmarshalText reads a value whatever its letter case.
func (f *FrozenGroup) UnmarshalText(text []byte) error {
	return directory.SetWord(f, text, FrozenGroups)
}

// Limits are checked on the plan before the first write (rule 27). Percentages
// are of the linked groups, or of their memberships; 0 switches a limit off.
type Limits struct {
	DeletionCount       int `json:"deletionCount"`       // 500
	DeletionPercent     int `json:"deletionPercent"`     // 10, never below 5 objects
	RemovalPercent      int `json:"removalPercent"`      // 10, of all memberships
	GroupRemovalPercent int `json:"groupRemovalPercent"` // 50, of a group larger than 20
	SourceShrinkPercent int `json:"sourceShrinkPercent"` // 20, fewer groups than last time
	TargetShrinkPercent int `json:"targetShrinkPercent"` // 10, linked objects not found, or re-created
}

// Range is what a number of the settings may be.
type Range struct {
	Name        string // in settings.json
	Least, Most int
	// Of is where the settings have it.
	Of func(*Settings) *int
}

// Ranges are those of all numbers. 0 switches a limit off.
var Ranges = []Range{
	{"maxMemberCount", 1, 1_000_000, func(s *Settings) *int { return &s.MaxMemberCount }},
	{"initialIntervalDays", 1, 30, func(s *Settings) *int { return &s.InitialIntervalDays }},
	{"connections", 1, 16, func(s *Settings) *int { return &s.Connections }},
	{"outageMinutes", 0, 1440, func(s *Settings) *int { return &s.OutageMinutes }},
	{"runHistoryDays", 1, 3650, func(s *Settings) *int { return &s.RunHistoryDays }},
	{"limits.deletionCount", 0, 1_000_000, func(s *Settings) *int { return &s.Limits.DeletionCount }},
	{"limits.deletionPercent", 0, 100, func(s *Settings) *int { return &s.Limits.DeletionPercent }},
	{"limits.removalPercent", 0, 100, func(s *Settings) *int { return &s.Limits.RemovalPercent }},
	{"limits.groupRemovalPercent", 0, 100, func(s *Settings) *int { return &s.Limits.GroupRemovalPercent }},
	{"limits.sourceShrinkPercent", 0, 100, func(s *Settings) *int { return &s.Limits.SourceShrinkPercent }},
	{"limits.targetShrinkPercent", 0, 100, func(s *Settings) *int { return &s.Limits.TargetShrinkPercent }},
}

// DefaultSettings returns the settings of an installation that was never enabled.
func DefaultSettings() Settings {
	return Settings{
		Version:              SettingsVersion,
		NameFormat:           NameObjectID,
		SAMAccountNameFormat: NameObjectID,
		MovedGroup:           MovedKeep,
		SoftDeletedGroup:     FrozenKeep,
		OutOfScopeGroup:      FrozenKeep,
		Scope:                Scope{Groups: plan.ScopeAll},
		OnPremisesGroupType:  plan.UniversalDistribution,
		MaxMemberCount:       50_000,
		InitialIntervalDays:  7,
		Connections:          4,
		OutageMinutes:        10,
		Limits: Limits{
			DeletionCount: 500, DeletionPercent: 10, RemovalPercent: 10, GroupRemovalPercent: 50,
			SourceShrinkPercent: 20, TargetShrinkPercent: 10,
		},
		RunHistoryDays: 30,
	}
}

// SettingsFile keeps the settings. Errors: SettingsUnreadable when the file is
// there but cannot be understood; it is then left as it is.
type SettingsFile interface {
	LoadSettings(ctx context.Context) (Settings, error) // DefaultSettings when there is no file
	SaveSettings(ctx context.Context, settings Settings) error
}

// Clock tells the time; tests give another.
type Clock func() time.Time
