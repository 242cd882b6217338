package plan

// ScopeMode is which groups of the tenant are written at all.
type ScopeMode string

// The modes.
const (
	ScopeAll              ScopeMode = "All"
	ScopeWritebackEnabled ScopeMode = "WritebackEnabled" // writebackConfiguration.isEnabled
	ScopeSelected         ScopeMode = "Selected"         // by id
)

// OnPremisesGroupType is what a Microsoft 365 group becomes in AD. The names
// are those of writebackConfiguration.onPremisesGroupType.
type OnPremisesGroupType string

// The types. A UniversalSecurity group gets no mail.
const (
	UniversalDistribution        OnPremisesGroupType = "UniversalDistributionGroup"
	UniversalSecurity            OnPremisesGroupType = "UniversalSecurityGroup"
	UniversalMailEnabledSecurity OnPremisesGroupType = "UniversalMailEnabledSecurityGroup"
)
