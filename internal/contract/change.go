package contract

import (
	"cmp"
	"maps"

	"groupwriteback/internal/directory"
)

// Unwritten reports whether the delta entry describes a group that is never written.
func (c *GroupChange) Unwritten(selection SourceSelection) bool {
	return c.Kind != nil && (*c.Kind == "" || *c.Kind == directory.SecurityGroup && !selection.SecurityGroups)
}

// Merge merges a later entry for the group into c, without its members.
func (c *GroupChange) Merge(later *GroupChange) {
	c.ID, c.Removed = later.ID, later.Removed
	c.Kind, c.Retyped = cmp.Or(later.Kind, c.Kind), later.Retyped || c.Retyped && later.Kind == nil
	if c.Retyped {
		c.Kind = nil
	}
	c.Visibility, c.OnPremisesSID = cmp.Or(later.Visibility, c.Visibility), cmp.Or(later.OnPremisesSID, c.OnPremisesSID)
	told := directory.Values{}
	maps.Copy(told, c.Properties)
	maps.Copy(told, later.Properties)
	c.Properties = told
}

// Apply sets in g what the entry reports and leaves everything else unchanged.
func (c *GroupChange) Apply(g *directory.SourceGroup) {
	put(&g.Kind, c.Kind)
	put(&g.Visibility, c.Visibility)
	put(&g.OnPremisesSID, c.OnPremisesSID)
	for name, values := range c.Properties {
		g.Properties = g.Properties.With(name, values...)
	}
}

func put[T any](to, told *T) {
	if told != nil {
		*to = *told
	}
}

// Merge merges a later entry into c. An entry after a deletion or a restore replaces c:
// the restored user may differ.
func (c *UserChange) Merge(later *UserChange) {
	if c.Deleted || later.Deleted {
		*c = *later
		return
	}
	c.ID = later.ID
	c.Name, c.Guest, c.Synced = cmp.Or(later.Name, c.Name), cmp.Or(later.Guest, c.Guest), cmp.Or(later.Synced, c.Synced)
	c.SID, c.ImmutableID = cmp.Or(later.SID, c.SID), cmp.Or(later.ImmutableID, c.ImmutableID)
}

// Whole reports whether the entry reports every field.
func (c *UserChange) Whole() bool {
	return c.Name != nil && c.Guest != nil && c.Synced != nil && c.SID != nil && c.ImmutableID != nil
}

// Apply sets in m what the entry reports about the user. If nothing is known about the
// user yet, a partial entry does not say who they are and is ignored.
func (c *UserChange) Apply(m *directory.SourceMember) {
	switch {
	case c.Whole():
		*m = directory.SourceMember{ID: c.ID, Kind: directory.KindUser, Readable: true}
	case !m.Readable:
		return
	}
	put(&m.Name, c.Name)
	put(&m.Guest, c.Guest)
	put(&m.Synced, c.Synced)
	put(&m.ImmutableID, c.ImmutableID)
	m.Readable = m.Name != ""
	if c.SID != nil {
		m.SetSID(*c.SID)
	}
}
