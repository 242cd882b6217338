package contract

import (
	"context"
	"slices"
	"time"

	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// ReleasedGroup is a cloud group that an administrator has let go of, with the object
// that stood for it at that time.
type ReleasedGroup struct {
	ID         directory.GUID `json:"id"`
	TargetGUID directory.GUID `json:"targetGuid"`
}

// Released returns the ids of the groups that were let go of.
func (s *Settings) Released() map[directory.GUID]bool {
	ids := map[directory.GUID]bool{}
	for _, g := range s.ReleasedGroups {
		ids[g.ID] = true
	}
	return ids
}

// WithoutReleased returns the stored set without the groups that were let go of.
func (s *Settings) WithoutReleased(set []Link) []Link {
	released := s.Released()
	return slices.DeleteFunc(slices.Clone(set), func(l Link) bool { return released[l.SourceID] })
}

// Recipient returns what a group is to Exchange.
func (s *Settings) Recipient() plan.MailRecipient {
	if s.ExcludeMailAttribute {
		return plan.MailRecipientNone
	}
	return s.MailRecipient
}

// Choice returns what is chosen about attributes that only some groups have.
func (s *Settings) Choice() plan.Choice {
	return plan.Choice{Mail: s.Recipient(), AddressLists: s.UpdateAddressLists, MarkAuthority: s.MarkCloudAuthority, Owners: s.UpdateManagedBy}
}

// Containers returns the containers where groups are written, the target container first.
func (s *Settings) Containers() []Container {
	all := []Container{s.Container}
	for _, further := range s.FurtherContainers {
		all = append(all, further.Container)
	}
	return all
}

// NamedContainer is a container that the mapping or a container filter names.
type NamedContainer struct {
	// Name is the DN that it has there. It stays when the container is renamed.
	Name string `json:"name"`
	Container
}

// ContainerFilter sends the groups for which a filter holds to another container.
type ContainerFilter struct {
	Container string `json:"container"` // the DN
	Filter    string `json:"filter"`    // for plan.ParseFilter
}

// Settings are the choices of the administrator. They hold no secret, and they survive
// the loss of the state database.
type Settings struct {
	// Version is the version of the file format: [SettingsVersion].
	Version int `json:"version"`
	// Enabled is set by Enable-GroupWriteback and cleared by Disable.
	Enabled bool `json:"enabled"`
	// Tenant, Domain and Container identify what the state belongs to (rule 4).
	Tenant    TenantRef `json:"tenant"`
	Domain    DomainRef `json:"domain"`
	Container Container `json:"container"`
	// FormerContainers are containers that were configured before. The next run moves the
	// groups that are still there.
	FormerContainers []Container `json:"formerContainers,omitempty"`
	// FurtherContainers are the containers other than Container that the mapping of
	// parentDistinguishedName or ContainerFilters name.
	FurtherContainers []NamedContainer `json:"furtherContainers,omitempty"`
	// ContainerFilters say which groups go to another container than Container: the first
	// filter that holds decides.
	ContainerFilters []ContainerFilter `json:"containerFilters,omitempty"`
	// NameFormat determines the cn, and SAMAccountNameFormat the sAMAccountName, of new
	// groups.
	NameFormat           NameFormat `json:"nameFormat"`
	SAMAccountNameFormat NameFormat `json:"samAccountNameFormat"`
	// Mapping is what the administrator has set for single attributes, by attribute.
	Mapping []plan.Entry `json:"mapping,omitempty"`
	// ExcludeMailAttribute leaves mail unwritten, for forests without Exchange. Otherwise
	// MailRecipient, Remote or MailOnly, says what a group is to Exchange.
	// RecipientDisplayType is the display type of a recipient.
	ExcludeMailAttribute bool               `json:"excludeMailAttribute"`
	MailRecipient        plan.MailRecipient `json:"mailRecipient"`
	RecipientDisplayType plan.DisplayType   `json:"recipientDisplayType"`
	// UpdateAddressLists puts recipients in the address lists, which Update-Recipient of
	// Exchange does otherwise.
	UpdateAddressLists bool `json:"updateAddressLists"`
	// MarkCloudAuthority marks all written groups as the cloud's, which Active Directory
	// can protect.
	MarkCloudAuthority bool `json:"markCloudAuthority"`
	// UpdateManagedBy writes the owners to managedBy, and to the co-managers of Exchange.
	UpdateManagedBy bool `json:"updateManagedBy"`
	// TrustedOwners are accounts whose marked and stamped objects are ours, in addition
	// to those of the account that runs the sync: former service accounts (rule 2).
	TrustedOwners []Principal `json:"trustedOwners,omitempty"`
	// IncludeHiddenMembership writes groups with hidden membership too, if the token can
	// read it. Every account of the domain can then read who is a member.
	IncludeHiddenMembership bool `json:"includeHiddenMembership"`
	// ReleasedGroups are the groups, by id, that an administrator has let go of (rule
	// 24). Their objects stay in place and are not ours, and the groups are not created
	// again.
	ReleasedGroups []ReleasedGroup `json:"releasedGroups,omitempty"`
	// StandingAdopt means that the file comes from a release with a standing consent to
	// adopt any group. That consent no longer holds, and users are informed.
	StandingAdopt bool `json:"-"`
	// MovedGroup says what to do with a linked group that an administrator moved out of
	// the container (rule 5).
	MovedGroup MovedGroup `json:"movedGroup"`
	// SoftDeletedGroup says what to do with a group in the tenant's recycle bin;
	// OutOfScopeGroup with a group that exists but is no longer written.
	SoftDeletedGroup FrozenGroup `json:"softDeletedGroup"`
	OutOfScopeGroup  FrozenGroup `json:"outOfScopeGroup"`
	// Scope says which groups are written.
	Scope Scope `json:"scope"`
	// OnPremisesGroupType is what Microsoft 365 groups become in AD. Cloud security
	// groups always become universal security groups.
	OnPremisesGroupType plan.OnPremisesGroupType `json:"onPremisesGroupType"`
	// MaxMemberCount is the largest number of members, of any kind, that a written group
	// may have: 1 to 1,000,000.
	MaxMemberCount int `json:"maxMemberCount"`
	// InitialIntervalDays is the number of days after which a run is Initial by itself: 1
	// to 30. Such a run finds changes that no delta reports (rules 8 and 13).
	InitialIntervalDays int `json:"initialIntervalDays"`
	// Connections is the number of changes exported at a time, each on its own
	// connection: 1 to 16.
	Connections int `json:"connections"`
	// OutageMinutes is how long a run waits for an unreachable tenant or domain
	// controller: 0 to 1,440. 0 means a few attempts within half a minute.
	OutageMinutes int    `json:"outageMinutes"`
	Limits        Limits `json:"limits"`
	// QuarantineAfter is the number of runs in a row in which a group must fail to be
	// quarantined (rule 62): 0 to 1,000. 0 switches that off.
	QuarantineAfter int `json:"quarantineAfter"`
	// RunHistoryDays is the number of days for which runs and their changes are kept.
	RunHistoryDays int `json:"runHistoryDays"`
	// InitialPending makes the next run Initial: a full import and a full
	// synchronisation.
	InitialPending bool `json:"initialPending"`
}

// Scope says which groups of the tenant are written. A group must meet every condition.
type Scope struct {
	// Groups is All, WritebackEnabled or Selected.
	Groups plan.ScopeMode `json:"groups"`
	// GroupIDs are the groups to write in the mode Selected.
	GroupIDs []directory.GUID `json:"groupIds,omitempty"`
	// Filter is a filter for plan.ParseFilter; empty means none.
	Filter string `json:"filter,omitempty"`
	// IncludeSecurityGroups adds cloud security groups without mail to the Microsoft 365
	// groups.
	IncludeSecurityGroups bool `json:"includeSecurityGroups,omitempty"`
}

// SettingsVersion is the current version of the settings.json format.
const SettingsVersion = 1

// NameFormat is how a name is built (rules 20 and 21).
type NameFormat string

// The formats of names.
const (
	NameObjectID    NameFormat = "ObjectId"    // Group_<objectId>
	NameDisplayName NameFormat = "DisplayName" // <displayName>_<last 12 digits of objectId>
)

// NameFormats are all formats of names.
var NameFormats = []NameFormat{NameObjectID, NameDisplayName}

// UnmarshalText ignores letter case.
func (f *NameFormat) UnmarshalText(text []byte) error { return directory.SetWord(f, text, NameFormats) }

// MovedGroup is what to do with a group that was moved out of the container.
type MovedGroup string

// The choices for moved groups.
const (
	MovedKeep MovedGroup = "Keep"
	MovedBack MovedGroup = "MoveBack"
)

// MovedGroups are all choices for moved groups.
var MovedGroups = []MovedGroup{MovedKeep, MovedBack}

// UnmarshalText ignores letter case.
func (m *MovedGroup) UnmarshalText(text []byte) error { return directory.SetWord(m, text, MovedGroups) }

// FrozenGroup is what to do with a group that is no longer updated.
type FrozenGroup string

// The choices for frozen groups. Keep leaves the object unchanged, as Microsoft's writeback
// does. Remove deletes it, within the limits.
const (
	FrozenKeep   FrozenGroup = "Keep"
	FrozenRemove FrozenGroup = "Remove"
)

// FrozenGroups are all choices for frozen groups.
var FrozenGroups = []FrozenGroup{FrozenKeep, FrozenRemove}

// UnmarshalText ignores letter case.
func (f *FrozenGroup) UnmarshalText(text []byte) error {
	return directory.SetWord(f, text, FrozenGroups)
}

// Limits are checked on the plan before the first write (rule 27). Percentages refer to
// the linked groups or to their memberships; 0 switches a limit off.
type Limits struct {
	DeletionCount       int `json:"deletionCount"`       // 500
	DeletionPercent     int `json:"deletionPercent"`     // 10, never below 5 objects
	RemovalPercent      int `json:"removalPercent"`      // 10, of all memberships
	GroupRemovalPercent int `json:"groupRemovalPercent"` // 50, of a group larger than 20
	SourceShrinkPercent int `json:"sourceShrinkPercent"` // 20, fewer groups than last time
	TargetShrinkPercent int `json:"targetShrinkPercent"` // 10, linked objects not found, or re-created
}

// Range is the allowed range of a number in the settings.
type Range struct {
	Name        string // in settings.json
	Least, Most int
	// Of returns the field of the settings.
	Of func(*Settings) *int
}

// Ranges lists the ranges of all numbers. For a limit, 0 switches it off.
var Ranges = []Range{
	{"maxMemberCount", 1, 1_000_000, func(s *Settings) *int { return &s.MaxMemberCount }},
	{"initialIntervalDays", 1, 30, func(s *Settings) *int { return &s.InitialIntervalDays }},
	{"connections", 1, 16, func(s *Settings) *int { return &s.Connections }},
	{"outageMinutes", 0, 1440, func(s *Settings) *int { return &s.OutageMinutes }},
	{"quarantineAfter", 0, 1000, func(s *Settings) *int { return &s.QuarantineAfter }},
	{"runHistoryDays", 1, 3650, func(s *Settings) *int { return &s.RunHistoryDays }},
	{"limits.deletionCount", 0, 1_000_000, func(s *Settings) *int { return &s.Limits.DeletionCount }},
	{"limits.deletionPercent", 0, 100, func(s *Settings) *int { return &s.Limits.DeletionPercent }},
	{"limits.removalPercent", 0, 100, func(s *Settings) *int { return &s.Limits.RemovalPercent }},
	{"limits.groupRemovalPercent", 0, 100, func(s *Settings) *int { return &s.Limits.GroupRemovalPercent }},
	{"limits.sourceShrinkPercent", 0, 100, func(s *Settings) *int { return &s.Limits.SourceShrinkPercent }},
	{"limits.targetShrinkPercent", 0, 100, func(s *Settings) *int { return &s.Limits.TargetShrinkPercent }},
}

// DefaultSettings returns the settings of an installation that has never been enabled.
func DefaultSettings() Settings {
	return Settings{
		Version:              SettingsVersion,
		NameFormat:           NameObjectID,
		SAMAccountNameFormat: NameObjectID,
		MailRecipient:        plan.MailRecipientMailOnly,
		RecipientDisplayType: plan.DisplayTypeNone,
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
		QuarantineAfter: 10,
		RunHistoryDays:  30,
	}
}

// SettingsFile stores the settings. It fails with SettingsUnreadable if the file exists
// but cannot be understood; the file is left unchanged.
type SettingsFile interface {
	LoadSettings(ctx context.Context) (Settings, error) // DefaultSettings if there is no file
	SaveSettings(ctx context.Context, settings Settings) error
}

// Clock returns the current time. Tests replace it.
type Clock func() time.Time
