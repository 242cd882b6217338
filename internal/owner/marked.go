package owner

import (
	"context"
	"strings"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// Marked counts the marked groups of a container.
type Marked struct {
	Own, Foreign int
	Example      string // the first foreign one by name
	// Written is the first of our own groups by objectGUID.
	Written directory.GUID
	// stamped counts the foreign groups that carry our stamp and belong to somebody else;
	// owner is one of these owners.
	stamped int
	owner   contract.Principal
	Guarded int // with our stamp, and protected
}

// Untrusted says who owns the foreign groups with our stamp, as the end of a message. It
// returns "" if there are none.
func (m *Marked) Untrusted() string {
	if m.stamped == 0 {
		return ""
	}
	owner := "accounts whose names cannot be read"
	if m.owner.SID != "" {
		owner = strings.TrimSpace(m.owner.Name + " (" + string(m.owner.SID) + ")")
	}
	return directory.Plural(m.stamped, " 1 of them carries our stamp, but belongs to ", " %d of them carry our stamp, but belong to others, such as ") +
		owner + ". If it is a former service account, specify it with -TrustedOwner."
}

// addForeign counts a group of another product or tenant, or one that carries our stamp
// and belongs to somebody else.
func (m *Marked) addForeign(c *plan.Candidate, stamped bool) {
	m.Foreign++
	if m.Example == "" || c.DN < m.Example {
		m.Example = c.DN
	}
	if stamped {
		if m.stamped++; m.owner.SID == "" {
			m.owner = contract.Principal{SID: c.Owner, Name: c.OwnerName}
		}
	}
}

// CountMarked counts the marked groups in the current containers. Two marks that
// contradict each other count as a mark; values that are not marks do not.
func (j *Judge) CountMarked(ctx context.Context, state contract.LinkStore, released map[directory.GUID]bool) (Marked, error) {
	var m Marked
	count := j.Looking(ctx, state, func(of directory.GUID, c *plan.Candidate) {
		switch {
		case c.Ours(of, &j.Rules):
			if m.Own++; m.Written.IsZero() || c.GUID.Compare(m.Written) < 0 {
				m.Written = c.GUID
			}
		case released[of]: // it is left in any case
		case c.NeedsOwner(&j.Rules) && plan.Protection(&c.TargetGroup) != "":
			m.Guarded++
		default:
			m.addForeign(c, c.NeedsOwner(&j.Rules))
		}
	})
	p, read := contract.ProgressOf(ctx), 0
	for _, container := range (Containers{Current: j.Current}).Outermost() {
		err := j.Target.Groups(ctx, container.GUID, contract.HeaderOnly, func(g directory.TargetGroup) error {
			read++
			p.Read(read, "Counting the groups in "+container.DN)
			if !g.Marked() {
				return nil
			}
			return count.Add(g)
		})
		if err != nil {
			return m, err
		}
	}
	return m, count.Flush()
}
