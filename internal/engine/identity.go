package engine

import (
	"slices"
	"strings"

	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// identity is how people name a group: by its object id in the tenant, by the
// objectGUID or the DN of its object in AD, or by its display name.
type identity struct {
	text string
	guid directory.GUID // zero: it is none
	dn   directory.DN   // nil: it is none
}

// identify reads what a parameter names.
func identify(parameter, text string) (identity, error) {
	id := identity{text: strings.TrimSpace(text)}
	if id.text == "" {
		return id, invalidParameter(parameter, text, "objectGUIDs, DNs, object ids in the tenant or display names")
	}
	if guid, err := directory.ParseGUID(id.text); err == nil {
		id.guid = guid
	} else if dn, err := directory.ParseDN(id.text); err == nil && len(dn) > 1 {
		id.dn = dn
	}
	return id, nil
}

// group reports whether it names this group of the tenant.
func (i *identity) group(g *directory.SourceGroup) bool {
	if !i.guid.IsZero() {
		return i.guid == g.ID
	}
	return strings.EqualFold(i.text, g.DisplayName())
}

// object reports whether it names this object of AD.
func (i *identity) object(c *plan.Candidate) bool {
	return i.is(c.GUID, c.DN, c.DisplayName())
}

func (i *identity) objects(all []plan.Candidate) []plan.Candidate {
	return slices.DeleteFunc(slices.Clone(all), func(c plan.Candidate) bool { return !i.object(&c) })
}

// is reports whether it names an object by one of these, or by its cn.
func (i *identity) is(guid directory.GUID, dn, displayName string) bool {
	if !i.guid.IsZero() {
		return i.guid == guid
	}
	parsed, err := directory.ParseDN(dn)
	if err == nil && len(parsed) > 0 && (i.dn != nil && parsed.Equal(i.dn) || strings.EqualFold(i.text, parsed[0].Value)) {
		return true
	}
	return strings.EqualFold(i.text, displayName)
}
