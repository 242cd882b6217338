package identity

import (
	"context"
	"slices"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// StandingFor returns the named groups that have an object in AD, with the id of the
// group that the object is linked to.
func StandingFor(ctx context.Context, state contract.State, wanted *Identity) ([]contract.GroupView, error) {
	known, err := wanted.Known(ctx, state)
	if err != nil {
		return nil, err
	}
	var found []contract.GroupView
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
		if !slices.ContainsFunc(found, func(f contract.GroupView) bool { return f.ID == v.ID && f.TargetGUID == v.TargetGUID }) {
			found = append(found, v)
		}
	}
	return found, nil
}
