package ad

import (
	"strings"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// equals returns the filter item attribute=value with the value escaped. go-ldap
// escapes every byte outside plain ASCII, so equals also works for binary values.
func equals[T string | []byte](attribute string, value T) string {
	return "(" + attribute + "=" + ldap.EscapeFilter(string(value)) + ")"
}

func and(items ...string) string { return "(&" + strings.Join(items, "") + ")" }

func or(items ...string) string {
	if len(items) == 1 {
		return items[0]
	}
	return "(|" + strings.Join(items, "") + ")"
}

// anyOf returns a filter that matches objects whose attribute has one of the values.
func anyOf[T string | []byte](attribute string, values []T) string {
	items := make([]string, len(values))
	for i, v := range values {
		items[i] = equals(attribute, v)
	}
	return or(items...)
}

// markedGroups returns a filter for the groups that carry a mark, whoever wrote it. It
// names msDS-ExternalDirectoryObjectId only if the schema has that attribute.
func markedGroups(schema contract.Schema) string {
	marks := []string{"(adminDescription=" + markPrefix + "*)"}
	if schema.ExternalID {
		marks = append(marks, "("+attrExternalID+"="+markPrefix+"*)")
	}
	return and("(objectClass=group)", or(marks...))
}

// stampedGroups returns a filter for the groups of the domain that carry a mark and the
// stamp. The mark comes first, because msDS-ExternalDirectoryObjectId is indexed and
// extensionName is not. If the schema lacks msDS-ExternalDirectoryObjectId, the server
// looks through every group of the domain.
func stampedGroups(schema contract.Schema, stamp string) string {
	mark := "(adminDescription=" + markPrefix + "*)"
	if schema.ExternalID {
		mark = "(" + attrExternalID + "=" + markPrefix + "*)"
	}
	return and("(objectClass=group)", mark, equals(attrExtension, stamp))
}

// byGUID returns the form of a name by which a domain controller finds an object
// wherever it is.
func byGUID(guid directory.GUID) string { return "<GUID=" + guid.String() + ">" }
