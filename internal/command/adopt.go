package command

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"groupwriteback/internal/batch"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/identity"
	"groupwriteback/internal/plan"
	"groupwriteback/internal/run"
)

// given reports whether anything is agreed to, or taken back.
func (a *Adoption) given() bool { return a.Adopt != nil || a.AdoptPlan != "" || len(a.AdoptGroups) > 0 }

// agrees reports whether somebody has looked at what others wrote.
func (a *Adoption) agrees() bool { return a.looks() || a.AdoptPlan != "" }

// looks reports whether both directories have to be looked at for it.
func (a *Adoption) looks() bool { return a.Adopt != nil && *a.Adopt || len(a.AdoptGroups) > 0 }

// agree returns what may be adopted once the request holds, and takes the groups
// that it names off those that were let go of. It stores nothing.
func (a *Adoption) agree(ctx context.Context, e *Engine, state contract.State, c *connection, settings *contract.Settings) ([]contract.Link, error) {
	agreed := consents{}
	released := settings.Released()
	switch {
	case a.AdoptPlan != "" && a.Adopt != nil && *a.Adopt:
		return nil, &contract.Error{Category: contract.InvalidArgument, ID: "InvalidParameter", Object: "adoptPlan", Message: "Both adopt and adoptPlan are given.", Advice: "Give one of them."}
	case a.AdoptPlan != "":
		adopts, err := adoptsOf(ctx, state, a.AdoptPlan)
		if err != nil {
			return nil, err
		}
		for _, l := range adopts {
			if !released[l.SourceID] {
				agreed.add(l)
			}
		}
	case a.Adopt == nil:
		before, err := state.AdoptSet(ctx)
		if err != nil {
			return nil, err
		}
		for _, l := range before {
			agreed.add(l)
		}
	}
	if !a.looks() {
		return agreed.list(), nil
	}
	if n := len(a.AdoptGroups); n > maxNamed {
		return nil, contract.InvalidParameter("adoptGroups", fmt.Sprintf("%d groups", n), fmt.Sprintf("at most %d", maxNamed))
	}
	wanted := make([]identity.Identity, len(a.AdoptGroups))
	for i, text := range a.AdoptGroups {
		var err error
		if wanted[i], err = identity.Identify("adoptGroups", text); err != nil {
			return nil, err
		}
	}
	contract.ProgressOf(ctx).Begin("adopt", "Looking at the groups to adopt")
	adoptable, err := run.FindAdoptable(ctx, e.ground(state, c, *settings), wanted)
	if err != nil {
		return nil, err
	}
	if a.Adopt != nil {
		for _, link := range adoptable.Clear() { // which of two it is somebody has to say by name
			if !released[link.SourceID] { // which is taken back by name only
				agreed.add(link)
			}
		}
	}
	for i := range wanted {
		link, err := adoptable.One(ctx, &wanted[i])
		if err != nil {
			return nil, err
		}
		if !link.TargetGUID.IsZero() {
			agreed.add(link)
		} else if released[link.SourceID] {
			settings.InitialPending = true // else nothing tells the next run of it
		}
		settings.ReleasedGroups = slices.DeleteFunc(slices.Clone(settings.ReleasedGroups), func(g contract.ReleasedGroup) bool { return g.ID == link.SourceID })
	}
	return agreed.list(), nil
}

// maxNamed bounds the groups that may be named in one request.
const maxNamed = 1_000

// consents are what may be adopted, by the cloud group.
type consents map[directory.GUID]contract.Link

// add puts a pair in the place of any other of its group or its object.
func (c consents) add(link contract.Link) {
	maps.DeleteFunc(c, func(_ directory.GUID, l contract.Link) bool { return l.TargetGUID == link.TargetGUID })
	c[link.SourceID] = link
}

func (c consents) list() []contract.Link {
	return slices.SortedFunc(maps.Values(c), func(a, b contract.Link) int { return a.TargetGUID.Compare(b.TargetGUID) })
}

// adoptsOf lists what a plan adopts.
func adoptsOf(ctx context.Context, state contract.State, planID string) ([]contract.Link, error) {
	shown, err := state.RunByPlan(ctx, planID)
	if err != nil {
		return nil, err
	}
	var adopts []contract.Link
	for after := int64(0); ; {
		changes, err := state.Changes(ctx, shown.ID, 0, after, batch.ListBatch)
		if err != nil {
			return nil, err
		}
		for i := range changes {
			if c := &changes[i]; c.Action == plan.Adopt {
				adopts = append(adopts, contract.Link{SourceID: c.SourceID, TargetGUID: c.TargetGUID, DN: c.DN})
			}
		}
		if len(changes) < batch.ListBatch {
			break
		}
		after = changes[len(changes)-1].ID
	}
	if adopts == nil {
		return nil, contract.InvalidParameter("adoptPlan", planID, "the plan id of a preview that adopts something")
	}
	return adopts, nil
}
