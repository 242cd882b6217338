package directory

import (
	"cmp"
	"slices"
	"strconv"
)

// Attributes for which [TargetGroup] has fields, by their LDAP names. They tell which
// object a group is, and whose.
const (
	AttrCN             = "cn"
	AttrSAMAccountName = "sAMAccountName"
	AttrGroupType      = "groupType"
	AttrAdminDesc      = "adminDescription"
	AttrExternalID     = "msDS-ExternalDirectoryObjectId"
	AttrExtensionName  = "extensionName"
)

// AttrDisplayName is the attribute by which people know a group.
const AttrDisplayName = "displayName"

// Attributes that name the objects of a group's owners. Their values are
// [MemberRef.ObjectName].
const (
	AttrManagedBy   = "managedBy"
	AttrCoManagedBy = "msExchCoManagedByLink"
)

// IsField reports whether a [TargetGroup] has a field for the attribute.
func IsField(attribute string) bool {
	return slices.Contains([]string{AttrCN, AttrSAMAccountName, AttrGroupType, AttrAdminDesc, AttrExternalID, AttrExtensionName}, attribute)
}

// Attribute returns the values of an attribute, whether or not the group has a field
// for it.
func (t *TargetGroup) Attribute(name string) []string {
	switch name {
	case AttrCN:
		return one(t.CN)
	case AttrSAMAccountName:
		return one(t.SAMAccountName)
	case AttrGroupType:
		return one(strconv.Itoa(int(t.GroupType)))
	case AttrAdminDesc:
		return one(t.AdminDesc)
	case AttrExternalID:
		return one(t.ExternalID)
	case AttrExtensionName:
		return t.ExtensionName
	}
	return t.Attributes[name]
}

// SetAttribute sets the values of an attribute. No values remove it.
func (t *TargetGroup) SetAttribute(name string, values []string) error {
	first := ""
	if len(values) > 0 {
		first = values[0]
	}
	switch name {
	case AttrCN:
		t.CN = first
	case AttrSAMAccountName:
		t.SAMAccountName = first
	case AttrGroupType:
		n, err := strconv.ParseInt(cmp.Or(first, "0"), 10, 32)
		if err != nil {
			return err
		}
		t.GroupType = int32(n)
	case AttrAdminDesc:
		t.AdminDesc = first
	case AttrExternalID:
		t.ExternalID = first
	case AttrExtensionName:
		t.ExtensionName = slices.Clone(values)
	default:
		t.Attributes = t.Attributes.With(name, values...)
	}
	return nil
}

// DisplayName returns the display name.
func (t *TargetGroup) DisplayName() string { return t.Attributes.First(AttrDisplayName) }

// Label returns the name by which people know the group: its display name, or its cn if
// it has none.
func (t *TargetGroup) Label() string { return cmp.Or(t.DisplayName(), t.CN) }

func one(value string) []string {
	if value == "" {
		return nil
	}
	return []string{value}
}
