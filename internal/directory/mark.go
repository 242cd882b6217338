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
// msDS-ExternalDirectoryObjectId on the object that stands for the cloud group id. The
// format is Microsoft's, and Entra Connect and Cloud Sync write it too: it says which
// group an object stands for, not who wrote it.
func Mark(id GUID) string { return markPrefix + id.String() }

// ParseMark parses a mark. Other values of those attributes are common and not an
// error; ok is then false.
func ParseMark(s string) (id GUID, ok bool) {
	if len(s) < len(markPrefix) || !strings.EqualFold(s[:len(markPrefix)], markPrefix) {
		return GUID{}, false
	}
	id, err := ParseGUID(s[len(markPrefix):])
	return id, err == nil && s[len(markPrefix)] != '{'
}

// Stamp returns GroupWriteback:<tenant>, the value of extensionName that says that this
// product wrote the object for that tenant.
func Stamp(tenant GUID) string { return stampPrefix + tenant.String() }

// AdoptedStamp returns the second value of extensionName on an adopted group. Such a
// group existed before us, so it keeps its names and Disable leaves it in place. The
// value is kept in AD, so it survives the loss of the state.
func AdoptedStamp(tenant GUID) string { return Stamp(tenant) + ":adopted" }

// HasAdoptedStamp reports whether the values of extensionName say that the tenant's
// installation adopted the group.
func HasAdoptedStamp(extensionName []string, tenant GUID) bool {
	return hasValue(extensionName, AdoptedStamp(tenant))
}

// HasStamp reports whether the values of extensionName contain the tenant's stamp.
func HasStamp(extensionName []string, tenant GUID) bool {
	return hasValue(extensionName, Stamp(tenant))
}

func hasValue(values []string, wanted string) bool {
	return slices.ContainsFunc(values, func(v string) bool { return strings.EqualFold(v, wanted) })
}
