package plan

import "groupwriteback/internal/directory"

// Remembers reports whether the state must remember the values of some attribute that we
// have written, because others write to it too and ours must go when the tenant no longer
// has them. A stamp shows by itself that it is ours.
func (m Mapping) Remembers() bool {
	for _, row := range m {
		if row.remembered() {
			return true
		}
	}
	return false
}

func (row *Row) remembered() bool { return row.Shared && row.Property != "" }

// Owned returns the values of those attributes that are ours from now on, given those
// that were ours: the ones that are still present, and the ones about to be written. So
// the result can be stored before anything is written, whatever happens to the write. If
// nothing is stored, after the state was lost, the values that the tenant has count as
// ours.
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
