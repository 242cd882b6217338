package directory

import (
	"slices"
	"strings"
)

const (
	markPrefix  = "Group_"
	stampPrefix = "GroupWriteback:"
)

// Mark returns Group_<id>, the value of adminDescription and
// msDS-ExternalDirectoryObjectId on the object that stands for the cloud group
// id. The format is Microsoft's own and is written by Entra Connect and Cloud
// Sync too: it says which group an object stands for, not who wrote it.
func Mark(id GUID) string { return markPrefix + id.String() }

// ParseMark reads a mark. Other values of those attributes are common and no
// error: ok is false.
func ParseMark(s string) (id GUID, ok bool) {
	if len(s) < len(markPrefix) || !strings.EqualFold(s[:len(markPrefix)], markPrefix) {
		return GUID{}, false
	}
	id, err := ParseGUID(s[len(markPrefix):])
	return id, err == nil && s[len(markPrefix)] != '{'
}

// Stamp returns GroupWriteback:<tenant>, the value of extensionName that says
// the object was written by this product for that tenant.
func Stamp(tenant GUID) string { return stampPrefix + tenant.String() }

// AdoptedStamp returns the further value of extensionName on a group that was
// adopted: it was there before us, so it keeps its names and Disable leaves it.
// AD carries this, so that a lost state does not lose it.
func AdoptedStamp(tenant GUID) string { return Stamp(tenant) + ":adopted" }

// HasAdoptedStamp reports whether the values of extensionName say that the
// tenant's installation adopted the group.
func HasAdoptedStamp(extensionName []string, tenant GUID) bool {
	return hasValue(extensionName, AdoptedStamp(tenant))
}

// HasStamp reports whether the values of extensionName hold the tenant's stamp.
func HasStamp(extensionName []string, tenant GUID) bool {
	return hasValue(extensionName, Stamp(tenant))
}

func hasValue(values []string, wanted string) bool {
	return slices.ContainsFunc(values, func(v string) bool { return strings.EqualFold(v, wanted) })
}
