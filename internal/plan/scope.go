package plan

import (
	"strings"

	"groupwriteback/internal/directory"
)

// ScopeMode is which groups of the tenant are written at all.
type ScopeMode string

// The modes.
const (
	ScopeAll              ScopeMode = "All"
	ScopeWritebackEnabled ScopeMode = "WritebackEnabled" // writebackConfiguration.isEnabled
	ScopeSelected         ScopeMode = "Selected"         // by id
)

// ScopeModes are all modes.
var ScopeModes = []ScopeMode{ScopeAll, ScopeWritebackEnabled, ScopeSelected}

// UnmarshalText reads a value whatever its letter case.
func (m *ScopeMode) UnmarshalText(text []byte) error { return directory.SetWord(m, text, ScopeModes) }

// Scope says which groups of the tenant are written; all that is given must
// hold. The zero value holds every Microsoft 365 group.
type Scope struct {
	Mode ScopeMode // empty: ScopeAll
	// IDs are the groups of ScopeSelected.
	IDs map[directory.GUID]bool
	// Filter is nil where there is none.
	Filter *Filter
	// SecurityGroups: cloud security groups too.
	SecurityGroups bool
	// NewGroupDefault is the tenant's NewUnifiedGroupWritebackDefault: what
	// ScopeWritebackEnabled makes of a Microsoft 365 group that says neither.
	NewGroupDefault bool
}

// Holds reports whether the group is one that is written.
func (s *Scope) Holds(g *directory.SourceGroup) bool { return s.Excludes(g) == "" }

// Excludes returns in words why the group is not written, and nothing where it
// is.
func (s *Scope) Excludes(g *directory.SourceGroup) string {
	if g.Kind == directory.SecurityGroup && !s.SecurityGroups {
		return "It is a security group, and only Microsoft 365 groups are written."
	}
	switch s.Mode {
	case ScopeAll, "":
	case ScopeWritebackEnabled:
		switch enabled := g.WritebackEnabled; {
		case enabled == nil && g.Kind == directory.SecurityGroup:
			return "Its writebackConfiguration.isEnabled is not set, so as a security group it is not written."
		case enabled == nil && !s.NewGroupDefault:
			return "Its writebackConfiguration.isEnabled is not set, and the tenant's default is not to write such groups."
		case enabled != nil && !*enabled:
			return "Its writebackConfiguration.isEnabled is false."
		}
	case ScopeSelected:
		if !s.IDs[g.ID] {
			return "It is not one of the selected groups."
		}
	default:
		return "The scope " + string(s.Mode) + " is not known."
	}
	if !s.Filter.Holds(g) {
		return "The filter does not hold for it."
	}
	return ""
}

// OnPremisesGroupType is what a Microsoft 365 group becomes in AD. The names
// are those of writebackConfiguration.onPremisesGroupType.
type OnPremisesGroupType string

// The types. A UniversalSecurity group has no mail.
const (
	UniversalDistribution        OnPremisesGroupType = "UniversalDistributionGroup"
	UniversalSecurity            OnPremisesGroupType = "UniversalSecurityGroup"
	UniversalMailEnabledSecurity OnPremisesGroupType = "UniversalMailEnabledSecurityGroup"
)

// OnPremisesGroupTypes are all types.
var OnPremisesGroupTypes = []OnPremisesGroupType{UniversalDistribution, UniversalSecurity, UniversalMailEnabledSecurity}

// UnmarshalText reads a value whatever its letter case.
func (t *OnPremisesGroupType) UnmarshalText(text []byte) error {
	return directory.SetWord(t, text, OnPremisesGroupTypes)
}

// onPremisesType returns what the group becomes: its own choice where that
// counts and is one we know, else the administrator's.
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

// groupType returns the groupType of an object that stands for the group.
func (r *Rules) groupType(g *directory.SourceGroup) int32 {
	if r.onPremisesType(g) == UniversalDistribution {
		return directory.GroupTypeUniversalDistribution
	}
	return directory.GroupTypeUniversalSecurity
}
