package plan

import (
	"slices"
	"testing"
)

// The mark of the cloud's authority is written when that is set, and taken back when it no
// longer is. A mark of somebody else stays.
func TestMarkOfAuthority(t *testing.T) {
	g := sales()
	on, off := rules(), rules()
	on.MarkAuthority = true
	has := func(c *Candidate) []string { return c.Attribute(attrAuthority) }
	step := func(c *Candidate, r *Rules) []Change {
		t.Helper()
		p := pairOf(g, *c)
		c.Written = r.Owned(c.Written, p)
		p.Candidates[0].Written = c.Written
		changes := Group(p, r)
		for _, change := range changes {
			apply(c, change)
		}
		return changes
	}
	c := written(g, off, object)
	if changes := step(&c, on); len(changes) != 1 || !slices.Equal(has(&c), []string{"Cloud"}) {
		t.Fatalf("on: %v, %v", changes, has(&c))
	}
	if changes := step(&c, on); len(changes) != 0 {
		t.Errorf("again: %v", changes)
	}
	c.Attributes = c.Attributes.With(attrAuthority)
	if step(&c, on); !slices.Equal(has(&c), []string{"Cloud"}) {
		t.Errorf("taken away by hand: %v", has(&c))
	}
	if changes := step(&c, off); len(changes) != 1 || has(&c) != nil {
		t.Errorf("off: %v, %v", changes, has(&c))
	}
	step(&c, off)
	c.Attributes = c.Attributes.With(attrAuthority, "Cloud")
	if changes := step(&c, off); len(changes) != 0 || !slices.Equal(has(&c), []string{"Cloud"}) {
		t.Errorf("of somebody else: %v, %v", changes, has(&c))
	}
}
