package contract

// GroupNature is what a group of the tenant is, including kinds that are never written.
type GroupNature string

// The natures. NoSuchGroup: the tenant does not show a group of this id.
const (
	NatureUnified      GroupNature = "Microsoft 365 group"
	NatureSecurity     GroupNature = "security group"
	NatureMailSecurity GroupNature = "mail-enabled security group"
	NatureDistribution GroupNature = "distribution list"
	NatureSynced       GroupNature = "group that is synchronised from on-premises"
	NatureOther        GroupNature = "group of an unknown kind"
	NoSuchGroup        GroupNature = ""
)

// Unwritable says why a group of this nature is not written, considering only the
// settings.
func (n GroupNature) Unwritable() string {
	switch n {
	case NatureSecurity:
		return "A security group is written only with -IncludeSecurityGroup."
	case NatureSynced:
		return "A group that is synchronised from on-premises is not written, because it comes from Active Directory."
	case NatureUnified:
		return "The tenant currently does not list the group among those that can be written."
	}
	return "A " + string(n) + " is not written."
}

// NamedNature is the nature of a group together with its display name.
type NamedNature struct {
	Name   string
	Nature GroupNature
}
