package plan

import (
	"strings"

	"groupwriteback/internal/directory"
)

// ScopeMode says which groups of the tenant can be written at all.
type ScopeMode string

// The modes.
const (
	ScopeAll              ScopeMode = "All"
	ScopeWritebackEnabled ScopeMode = "WritebackEnabled" // writebackConfiguration.isEnabled
	ScopeSelected         ScopeMode = "Selected"         // by id
)

// ScopeModes are all modes.
var ScopeModes = []ScopeMode{ScopeAll, ScopeWritebackEnabled, ScopeSelected}

// UnmarshalText ignores letter case.
func (m *ScopeMode) UnmarshalText(text []byte) error { return directory.SetWord(m, text, ScopeModes) }

// Scope says which groups of the tenant are written. A group must meet every condition.
// The zero value holds for every Microsoft 365 group.
type Scope struct {
	Mode ScopeMode // empty: ScopeAll
	// IDs are the groups for ScopeSelected.
	IDs map[directory.GUID]bool
	// Filter may be nil.
	Filter *Filter
	// SecurityGroups includes cloud security groups.
	SecurityGroups bool
	// NewGroupDefault is the tenant's NewUnifiedGroupWritebackDefault.
	// ScopeWritebackEnabled uses it for a Microsoft 365 group without a setting of its
	// own.
	NewGroupDefault bool
}

// Holds reports whether the group is written.
func (s *Scope) Holds(g *directory.SourceGroup) bool { return s.Excludes(g) == "" }

// Excludes says why the group is not written, or returns "" if it is.
func (s *Scope) Excludes(g *directory.SourceGroup) string {
	if g.Kind == directory.SecurityGroup && !s.SecurityGroups {
		return "The group is a security group, but only Microsoft 365 groups are written."
	}
	switch s.Mode {
	case ScopeAll, "":
	case ScopeWritebackEnabled:
		switch enabled := g.WritebackEnabled; {
		case enabled == nil && g.Kind == directory.SecurityGroup:
			return "The group's writebackConfiguration.isEnabled is not set, and a security group is written only if it is."
		case enabled == nil && !s.NewGroupDefault:
			return "The group's writebackConfiguration.isEnabled is not set, and by the tenant's default such groups are not written."
		case enabled != nil && !*enabled:
			return "The group's writebackConfiguration.isEnabled is false."
		}
	case ScopeSelected:
		if !s.IDs[g.ID] {
			return "The group is not one of the selected groups."
		}
	default:
		return "The scope " + string(s.Mode) + " is not known."
	}
	if !s.Filter.Holds(g) {
		return "The group does not match the filter."
	}
	return ""
}

// OnPremisesGroupType is what a Microsoft 365 group becomes in AD. The names are those of
// writebackConfiguration.onPremisesGroupType.
type OnPremisesGroupType string

// The types. A UniversalSecurity group has no mail.
const (
	UniversalDistribution        OnPremisesGroupType = "UniversalDistributionGroup"
	UniversalSecurity            OnPremisesGroupType = "UniversalSecurityGroup"
	UniversalMailEnabledSecurity OnPremisesGroupType = "UniversalMailEnabledSecurityGroup"
)

// OnPremisesGroupTypes are all types.
var OnPremisesGroupTypes = []OnPremisesGroupType{UniversalDistribution, UniversalSecurity, UniversalMailEnabledSecurity}

// UnmarshalText ignores letter case.
func (t *OnPremisesGroupType) UnmarshalText(text []byte) error {
	return directory.SetWord(t, text, OnPremisesGroupTypes)
}

// onPremisesType returns what the group becomes: its own choice if that counts and is
// known to us, else the administrator's.
func (r *Rules) onPremisesType(g *directory.SourceGroup) OnPremisesGroupType {
	if g.Kind == directory.SecurityGroup {
		return UniversalSecurity
	}
	if r.OwnGroupType {
		for _, t := range OnPremisesGroupTypes {
			if strings.EqualFold(g.OnPremisesGroupType, string(t)) {
				return t
			}
		}
	}
	if r.OnPremisesGroupType == "" {
		return UniversalDistribution
	}
	return r.OnPremisesGroupType
}

// groupType returns the groupType of an object for the group.
func (r *Rules) groupType(g *directory.SourceGroup) int32 {
	if r.onPremisesType(g) == UniversalDistribution {
		return directory.GroupTypeUniversalDistribution
	}
	return directory.GroupTypeUniversalSecurity
}
