package plan

import (
	"slices"
	"strings"

	"groupwriteback/internal/directory"
)

// suspended plans a group that is left as it is (rule 62): nothing of it is created,
// written, moved or deleted. Only the hold itself is written beside our stamp, where it
// survives the loss of the state. The object still stands for the group as a member.
func suspended(p *Pair, c *Candidate, r *Rules) Change {
	change := skip(p, c, Reason(p.Hold.Reason), heldText(p.Hold))
	switch {
	case c == nil:
		return change
	case !c.Ours(p.ID, r): // it was about to be adopted
		if change.Situation = Foreign; c.BySID {
			change.Situation = Unlinked
		}
		return change
	}
	have := c.ExtensionName
	value := directory.HoldValue(r.TenantID, p.Hold)
	wanted := IgnoreCase.merge(have, []string{value}, holdValues(have, r))
	if !IgnoreCase.same(have, wanted) {
		change.Action = Update
		change.Attributes = []AttributeChange{{Name: directory.AttrExtensionName, Old: have, New: wanted, Shared: true}}
	}
	return change
}

// holdValues returns the values that say, in any form, that our installation holds the
// group.
func holdValues(extensionName []string, r *Rules) []string {
	return slices.DeleteFunc(slices.Clone(extensionName), func(v string) bool { return !directory.IsHoldValue(v, r.TenantID) })
}

// heldText says why a group is left as it is.
func heldText(h *directory.Hold) string {
	text := "The group is suspended"
	if h.Reason == directory.HoldRestored {
		text = "The group was restored and differs from the tenant"
	}
	text += " since " + directory.Moment(h.Since)
	if h.Account != "" {
		text += " (" + h.Account + ")"
	}
	if h.Comment != "" {
		text += ": " + strings.TrimSuffix(h.Comment, ".")
	}
	until := "somebody resumes it"
	if !h.Until.IsZero() {
		until = directory.Moment(h.Until)
	}
	return text + ". It is left as it is until " + until + "."
}

// LostHold returns the hold that the object of the group carries if the state does not
// know the object (rule 3), and nil otherwise. Only an object of ours counts: what holds
// a linked group is in the state.
func LostHold(p *Pair, r *Rules) *directory.Hold {
	standing := Standing(p, r)
	if p.Source == nil || standing == nil || standing.Linked {
		return nil
	}
	return directory.FindHold(standing.ExtensionName, r.TenantID)
}
