package plan

import (
	"slices"

	"groupwriteback/internal/directory"
)

// Remembers reports whether the state must remember the values of some attribute that we
// have written, because others write to it too and ours must go when the tenant no longer
// has them. A stamp shows by itself that it is ours.
func (m Mapping) Remembers() bool { return slices.ContainsFunc(m, Row.remembered) }

func (row Row) remembered() bool {
	return row.Shared && row.Expression != "" || row.When.withdrawn()
}

// Owned returns the values of those attributes that are ours from now on, given those
// that were ours: the ones that are still present, and the ones about to be written. So
// the result can be stored before anything is written, whatever happens to the write.
func (r *Rules) Owned(written directory.Values, p *Pair) directory.Values {
	c, said := choose(p, r)
	switch {
	case c == nil && said != nil:
		return written // nothing is done
	case c == nil:
		c = &Candidate{}
	}
	owned, s := directory.Values{}, subjectOf(p, c, r)
	for i := range r.Mapping {
		row := &r.Mapping[i]
		if !row.remembered() {
			continue
		}
		values := row.ours(s)
		if p := row.project(s); !p.Keep {
			values = append(values, row.Compare.without(p.Values, c.Attribute(row.Attribute))...)
		}
		owned = owned.With(row.Attribute, values...)
	}
	return owned
}

// ours returns the values of the object's attribute that we wrote. After the state was
// lost, they are those that the group would have there: only then an object that was not
// adopted has no link.
func (row *Row) ours(s *subject) []string {
	c, r := s.object, s.rules
	has, wrote := c.Attribute(row.Attribute), c.Written[row.Attribute]
	if c.Written == nil && !c.Linked && c.stamped(r) && !c.adopted(r) {
		wrote = row.whole(s)
	}
	return slices.DeleteFunc(slices.Clone(has), func(v string) bool { return !row.Compare.Contains(wrote, v) })
}

// whole returns the values that a recipient for the group has, or may have, in the row's
// attribute.
func (row *Row) whole(of *subject) []string {
	if row.Compare == Boolean { // what the tenant says of it may not have been read
		return []string{"TRUE", "FALSE"}
	}
	g := of.group
	rc := recipient{remote: true, begins: true, alias: g.Properties.First(attrAlias)}
	rc.addresses, _ = usableAddresses(g.Properties[attrProxies], g.Properties.First(attrMail))
	marking := *of.rules
	marking.MarkAuthority, marking.Owners = true, true
	s := &subject{group: g, rules: &marking, object: of.object, owners: of.owners, recipient: rc}
	if row.Function != TargetOfGroup {
		return row.project(s).Values
	}
	var targets []string
	for _, a := range rc.addresses {
		if address, smtp := isSMTP(a); smtp {
			targets = append(targets, primaryPrefix+address)
		}
	}
	return targets
}
