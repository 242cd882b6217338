package command

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"groupwriteback/internal/batch"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/identity"
)

// maxReleased bounds the groups that may be let go of.
const maxReleased = 2_000

// release adds the named groups to those that were let go of. It relies on what the last
// run knew; the next run removes our stamp.
func release(ctx context.Context, s *contract.Settings, state contract.State, texts []string) error {
	if n := len(texts); n > maxNamed {
		return contract.InvalidParameter("releaseGroups", fmt.Sprintf("%d groups", n), fmt.Sprintf("at most %d", maxNamed))
	}
	for _, text := range texts {
		wanted, err := identity.Identify("releaseGroups", text)
		if err != nil {
			return err
		}
		found, err := identity.StandingFor(ctx, state, &wanted)
		switch {
		case err != nil:
			return err
		case len(found) == 0:
			return &contract.Error{Category: contract.ObjectNotFound, ID: "GroupNotFound", Object: text, Message: "The last run knew no group with this name, id or DN that has an object in Active Directory.",
				Advice: "List the groups with Get-GroupWritebackGroup. If the group is newer than the last run, start a sync first."}
		case len(found) > 1:
			return identity.Ambiguous(text, identity.Called(found))
		}
		group := contract.ReleasedGroup{ID: found[0].ID, TargetGUID: found[0].TargetGUID}
		s.ReleasedGroups = append(slices.DeleteFunc(slices.Clone(s.ReleasedGroups), func(g contract.ReleasedGroup) bool { return g.ID == group.ID }), group)
	}
	slices.SortFunc(s.ReleasedGroups, func(a, b contract.ReleasedGroup) int { return a.ID.Compare(b.ID) })
	if n := len(s.ReleasedGroups); n > maxReleased {
		return contract.InvalidParameter("releaseGroups", fmt.Sprintf("%d groups", n), fmt.Sprintf("at most %d; exclude more groups with the scope instead", maxReleased))
	}
	return nil
}

// keepReleased removes the groups that were let go of from what the next run would adopt
// or, after Disable, delete.
func keepReleased(ctx context.Context, s *contract.Settings, state contract.State, adopt []contract.Link) error {
	if err := state.SetAdoptSet(ctx, s.WithoutReleased(adopt)); err != nil {
		return err
	}
	if err := state.EndHolds(ctx, slices.Collect(maps.Keys(s.Released()))); err != nil {
		return err
	}
	var disable []contract.Link
	for link, err := range batch.Items(ctx, batch.ListBatch, state.DisableSet, contract.Link.Target) {
		if err != nil {
			return err
		}
		disable = append(disable, link)
	}
	if kept := s.WithoutReleased(disable); len(kept) < len(disable) {
		return state.SetDisableSet(ctx, kept)
	}
	return nil
}
