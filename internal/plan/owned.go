package plan

import "groupwriteback/internal/directory"

// Remembers reports whether it has to be remembered which values of an attribute
// we have written: others write to it too, and ours go when the tenant has them no
// more. A stamp tells by itself that it is ours.
func (m Mapping) Remembers() bool {
	for _, row := range m {
		if row.remembered() {
			return true
		}
	}
	return false
}

func (row *Row) remembered() bool { return row.Shared && row.Property != "" }

// Owned returns the values of those attributes that are ours from now on, given
// those that were: what is there of them, and what is to be written now. So it can be
// stored before anything is written, whatever becomes of that. With nothing stored,
// after a lost state, what the tenant has counts as ours.
func (r *Rules) Owned(written directory.Values, g *directory.SourceGroup, objects []*Candidate) directory.Values {
	owned := directory.Values{}
	for i := range r.Mapping {
		row := &r.Mapping[i]
		if !row.remembered() {
			continue
		}
		values := row.project(g, r, false)
		for _, c := range objects {
			for _, v := range row.Compare.without(written[row.Attribute], values) {
				if row.Compare.contains(c.Attribute(row.Attribute), v) {
					values = append(values, v)
				}
			}
		}
		owned = owned.With(row.Attribute, values...)
	}
	return owned
}
