package rights

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"groupwriteback/internal/descriptor"
	"groupwriteback/internal/directory"
)

// ClassGroup is the class of groups (MS-ADSC 2.77).
var ClassGroup = directory.MustGUID("bf967a9c-0de6-11d0-a285-00aa003049e2")

// ReanimateTombstones is the extended right at the head of a domain to restore what was
// deleted (MS-ADTS 5.1.3.2.1).
var ReanimateTombstones = directory.MustGUID("45ec5156-db7e-47bb-b53f-dbeb2d03c40f")

// Schema says what entries of an access control list call the parts of a group.
type Schema struct {
	// Attributes are those that groups may have, by LDAP name in lower case.
	Attributes map[string]Attribute
	// Sets are the names of the property sets.
	Sets map[directory.GUID]string
}

// Attribute is an attribute of the schema.
type Attribute struct {
	Name string // LDAP name
	// GUID is its schemaIDGUID, and Set its property set (attributeSecurityGUID) or zero.
	GUID, Set directory.GUID
}

// attribute returns the attribute of that name; groups may not have it if known is false.
func (s Schema) attribute(name string) (a Attribute, known bool) {
	a, known = s.Attributes[strings.ToLower(name)]
	return a, known
}

// in returns the names of the attributes in a property set.
func (s Schema) in(set directory.GUID) []string {
	var names []string
	for _, a := range s.Attributes {
		if a.Set == set {
			names = append(names, a.Name)
		}
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Compare(strings.ToLower(a), strings.ToLower(b)) })
	return names
}

// Thing names a class, attribute or property set, for [descriptor.Names].
func (s Schema) Thing(id directory.GUID) string {
	switch id {
	case ClassGroup:
		return "group"
	case ReanimateTombstones:
		return "Reanimate Tombstones"
	}
	if name := s.Sets[id]; name != "" {
		return "the property set " + name
	}
	for _, name := range slices.Sorted(maps.Keys(s.Attributes)) {
		if a := s.Attributes[name]; a.GUID == id {
			return a.Name
		}
	}
	return ""
}

// object is a group, of which the attribute is meant, or all of it if there is none.
func (a Attribute) object() descriptor.Object {
	o := descriptor.Object{}
	for _, id := range []directory.GUID{a.GUID, a.Set, ClassGroup} {
		if !id.IsZero() {
			o.Types = append(o.Types, id)
		}
	}
	return o
}
