package run

import (
	"slices"

	"groupwriteback/internal/plan"
)

// unlinkReleased ends the links of a group that was let go of, except for those that end
// when a change is written.
func (p *planner) unlinkReleased(pair *plan.Pair, changes []plan.Change) {
	if pair.LinkLost != nil {
		p.draft.unlinks = append(p.draft.unlinks, pair.LinkLost.GUID)
	}
	for i := range changes { // there is one change for each candidate
		if changes[i].Action == plan.Skip && slices.ContainsFunc(pair.Candidates, func(c plan.Candidate) bool { return c.Linked && c.GUID == changes[i].TargetGUID }) {
			p.draft.unlinks = append(p.draft.unlinks, changes[i].TargetGUID)
		}
	}
}
