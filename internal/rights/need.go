package rights

import (
	"slices"
	"strings"

	"groupwriteback/internal/descriptor"
	"groupwriteback/internal/directory"
)

// Need is one right that the account needs: to the container and those below it, or to
// the groups in them.
type Need struct {
	// OnGroup says that the right is to groups.
	OnGroup bool
	Mask    uint32
	// Attribute is set if the right is to one attribute.
	Attribute string
	object    descriptor.Object
}

// always are the attributes that are written to every group, beside those of the mapping.
// A rename writes name and cn (MS-ADTS 3.1.1.5.4).
var always = []string{"member", directory.AttrGroupType, directory.AttrSAMAccountName, "name", directory.AttrCN}

// Needs returns what an account needs that writes these attributes. Attributes that
// groups may not have in this forest are left out.
func Needs(schema Schema, attributes []string) []Need {
	whole := Attribute{}.object()
	needs := []Need{
		{Mask: descriptor.CreateChild, object: whole},
		{Mask: descriptor.DeleteChild, object: whole},
		{OnGroup: true, Mask: descriptor.ReadProperty, object: whole},
		{OnGroup: true, Mask: descriptor.ReadControl, object: whole},
		{OnGroup: true, Mask: descriptor.Delete, object: whole},
	}
	for _, a := range written(schema, attributes) {
		needs = append(needs, Need{OnGroup: true, Mask: descriptor.Write, Attribute: a.Name, object: a.object()})
	}
	return needs
}

// written returns the attributes to write, each once, as far as groups may have them.
func written(schema Schema, attributes []string) []Attribute {
	var out []Attribute
	for _, name := range append(slices.Clone(always), attributes...) {
		a, known := schema.attribute(name)
		if known && !slices.ContainsFunc(out, func(b Attribute) bool { return strings.EqualFold(a.Name, b.Name) }) {
			out = append(out, a)
		}
	}
	return out
}

// String returns the right in words, such as "write member of groups".
func (n Need) String() string {
	switch {
	case n.Mask == descriptor.CreateChild:
		return "create groups"
	case n.Mask == descriptor.DeleteChild:
		return "delete groups from the container"
	case n.Mask == descriptor.ReadProperty:
		return "read groups"
	case n.Mask == descriptor.ReadControl:
		return "read the permissions of groups"
	case n.Mask == descriptor.Delete:
		return "delete groups"
	}
	return "write " + n.Attribute + " of groups"
}

// Missing returns the needs that the token does not have, by the access control lists of
// the container and of a group in it.
func Missing(needs []Need, container, group descriptor.Descriptor, token descriptor.Token) []Need {
	var missing []Need
	for _, n := range needs {
		d := container
		if n.OnGroup {
			d = group
		}
		if !d.Allows(token, n.Mask, n.object) {
			missing = append(missing, n)
		}
	}
	return missing
}

// Covered reports whether the list of the container already gives the token what the
// entry gives, by other entries.
func Covered(entry Entry, schema Schema, container descriptor.Descriptor, token descriptor.Token) bool {
	d := container
	if !entry.Here() {
		d = container.InheritedBy(ClassGroup)
	}
	object := Attribute{GUID: entry.Object}.object()
	for _, a := range schema.Attributes {
		if a.GUID == entry.Object {
			object = a.object()
		}
	}
	return d.Allows(token, entry.Mask, object)
}
