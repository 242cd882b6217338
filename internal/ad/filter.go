package ad

import (
	"strings"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// equals is the filter item attribute=value with the value escaped. go-ldap
// escapes every byte that is not plain ASCII, so it serves binary values too.
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

// anyOf is true where the attribute has one of the values.
func anyOf[T string | []byte](attribute string, values []T) string {
	items := make([]string, len(values))
	for i, v := range values {
		items[i] = equals(attribute, v)
	}
	return or(items...)
}

// markedGroups finds the groups that carry a mark, whoever wrote it. The
// second attribute is named only where the schema has it.
func markedGroups(schema contract.Schema) string {
	marks := []string{"(adminDescription=" + markPrefix + "*)"}
	if schema.ExternalID {
		marks = append(marks, "("+attrExternalID+"="+markPrefix+"*)")
	}
	return and("(objectClass=group)", or(marks...))
}

// stampedGroups finds the groups of the domain that carry a mark and the stamp.
// The one attribute that is indexed comes first. Where the schema lacks it, the
// server looks through every group of the domain.
func stampedGroups(schema contract.Schema, stamp string) string {
	mark := "(adminDescription=" + markPrefix + "*)"
	if schema.ExternalID {
		mark = "(" + attrExternalID + "=" + markPrefix + "*)"
	}
	return and("(objectClass=group)", mark, equals(attrExtension, stamp))
}

// byGUID is the form of a name by which a domain controller finds an object
// wherever it stands.
func byGUID(guid directory.GUID) string { return "<GUID=" + guid.String() + ">" }
