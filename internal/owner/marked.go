package owner

import (
	"context"
	"strings"

	"groupwriteback/internal/batch"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// Marked counts the marked groups of a container.
type Marked struct {
	Own, Foreign int
	Example      string // the first of the foreign ones by name
	// Written is the first of our own by objectGUID.
	Written directory.GUID
	// stamped counts those of the foreign ones that carry our stamp and belong to
	// somebody else, owner among them.
	stamped int
	owner   contract.Principal
	Guarded int // with our stamp, and protected
}

func (m *Marked) Untrusted() string {
	if m.stamped == 0 {
		return ""
	}
	owner := "accounts whose names cannot be read"
	if m.owner.SID != "" {
		owner = strings.TrimSpace(m.owner.Name + " (" + string(m.owner.SID) + ")")
	}
	return directory.Plural(m.stamped, " 1 of them carries our stamp, but belongs to ", " %d of them carry our stamp, but belong to others, such as ") +
		owner + ". A former service account is named with -TrustedOwner."
}

// CountMarked counts the marked groups in the container. Two marks that
// contradict each other are marks, and other values are none.
func (j *Judge) CountMarked(ctx context.Context, state contract.LinkStore, container contract.Container, released map[directory.GUID]bool) (Marked, error) {
	var m Marked
	count := batch.New(batch.AskBatch, func(groups []directory.TargetGroup) error {
		targets, err := WithLinks(ctx, state, groups)
		if err == nil {
			err = j.Ask(ctx, targets)
		}
		if err != nil {
			return err
		}
		for i := range targets {
			c, err := j.Candidate(ctx, &targets[i])
			if err != nil {
				return err
			}
			if c.Ours(targets[i].SourceID, &j.Rules) {
				if m.Own++; m.Written.IsZero() || c.GUID.Compare(m.Written) < 0 {
					m.Written = c.GUID
				}
				continue
			}
			if released[targets[i].SourceID] {
				continue // it is left in any case
			}
			if c.NeedsOwner(&j.Rules) && plan.Protection(&c.TargetGroup) != "" {
				m.Guarded++
				continue
			}
			m.Foreign++
			if m.Example == "" || c.DN < m.Example {
				m.Example = c.DN
			}
			if c.NeedsOwner(&j.Rules) {
				if m.stamped++; m.owner.SID == "" {
					m.owner = contract.Principal{SID: c.Owner, Name: c.OwnerName}
				}
			}
		}
		return nil
	})
	p, read := contract.ProgressOf(ctx), 0
	err := j.Target.Groups(ctx, container.GUID, false, func(g directory.TargetGroup) error {
		read++
		p.Read(read, "Counting the groups in "+container.DN)
		if !g.Marked() {
			return nil
		}
		return count.Add(g)
	})
	if err == nil {
		err = count.Flush()
	}
	return m, err
}
