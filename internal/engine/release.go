package engine

import (
	"context"
	"fmt"
	"slices"

	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// ReleasedGroup is a cloud group that an administrator has let go of, and the
// object that stood for it then.
type ReleasedGroup struct {
	ID         directory.GUID `json:"id"`
	TargetGUID directory.GUID `json:"targetGuid"`
}

// maxReleased bounds the groups that may be let go of.
const maxReleased = 2_000

// released are the groups that were let go of.
func (s *Settings) released() map[directory.GUID]bool {
	ids := map[directory.GUID]bool{}
	for _, g := range s.ReleasedGroups {
		ids[g.ID] = true
	}
	return ids
}

// release adds the groups that are named to those that were let go of. It goes
// by what the last run knew; the next one takes our stamp away.
func (s *Settings) release(ctx context.Context, state State, texts []string) error {
	if n := len(texts); n > maxNamed {
		return invalidParameter("releaseGroups", fmt.Sprintf("%d groups", n), fmt.Sprintf("at most %d", maxNamed))
	}
	for _, text := range texts {
		wanted, err := identify("releaseGroups", text)
		if err != nil {
			return err
		}
		found, err := standingFor(ctx, state, &wanted)
		switch {
		case err != nil:
			return err
		case len(found) == 0:
			return &Error{Category: ObjectNotFound, ID: "GroupNotFound", Object: text, Message: "No group of this name, id or DN has an object in Active Directory, as far as the last run knew.",
				Advice: "Get-GroupWritebackGroup lists them; run a sync first if it is newer than the last one."}
		case len(found) > 1:
			return ambiguous(text, called(found))
		}
		group := ReleasedGroup{ID: found[0].ID, TargetGUID: found[0].TargetGUID}
		s.ReleasedGroups = append(slices.DeleteFunc(slices.Clone(s.ReleasedGroups), func(g ReleasedGroup) bool { return g.ID == group.ID }), group)
	}
	slices.SortFunc(s.ReleasedGroups, func(a, b ReleasedGroup) int { return a.ID.Compare(b.ID) })
	if n := len(s.ReleasedGroups); n > maxReleased {
		return invalidParameter("releaseGroups", fmt.Sprintf("%d groups", n), fmt.Sprintf("at most %d; take more out of the scope instead", maxReleased))
	}
	return nil
}

// standingFor finds the groups that are named and for which an object stands in
// AD, with the id of the group that it is linked to.
func standingFor(ctx context.Context, state State, wanted *Identity) ([]GroupView, error) {
	known, err := wanted.known(ctx, state)
	if err != nil {
		return nil, err
	}
	var found []GroupView
	for _, v := range known {
		if v.TargetGUID.IsZero() {
			continue
		}
		if v.ID.IsZero() { // it is no longer written, but may be linked
			links, err := state.LinksTo(ctx, []directory.GUID{v.TargetGUID})
			if err != nil {
				return nil, err
			}
			if len(links) == 0 {
				continue
			}
			v.ID = links[0].SourceID
		}
		if !slices.ContainsFunc(found, func(f GroupView) bool { return f.ID == v.ID && f.TargetGUID == v.TargetGUID }) {
			found = append(found, v)
		}
	}
	return found, nil
}

// withoutReleased takes the groups that were let go of out of a stored set.
func (s *Settings) withoutReleased(set []Link) []Link {
	released := s.released()
	return slices.DeleteFunc(slices.Clone(set), func(l Link) bool { return released[l.SourceID] })
}

// keepReleased takes the groups that are let go of out of what the next run would
// adopt or, after Disable, delete.
func (s *Settings) keepReleased(ctx context.Context, state State, adopt []Link) error {
	if err := state.SetAdoptSet(ctx, s.withoutReleased(adopt)); err != nil {
		return err
	}
	var disable []Link
	for after := (directory.GUID{}); ; {
		page, err := state.DisableSet(ctx, after, listBatch)
		if err != nil {
			return err
		}
		disable = append(disable, page...)
		if len(page) < listBatch {
			break
		}
		after = page[len(page)-1].TargetGUID
	}
	if kept := s.withoutReleased(disable); len(kept) < len(disable) {
		return state.SetDisableSet(ctx, kept)
	}
	return nil
}

// unlinkReleased ends the links of a group that was let go of, but for those that
// end with the writing of a change.
func (p *planner) unlinkReleased(pair *plan.Pair, changes []plan.Change) {
	if pair.LinkLost != nil {
		p.unlinks = append(p.unlinks, pair.LinkLost.GUID)
	}
	for i := range changes { // one for each candidate
		if changes[i].Action == plan.Skip && slices.ContainsFunc(pair.Candidates, func(c plan.Candidate) bool { return c.Linked && c.GUID == changes[i].TargetGUID }) {
			p.unlinks = append(p.unlinks, changes[i].TargetGUID)
		}
	}
}
