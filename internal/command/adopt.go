package command

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"

	"groupwriteback/internal/batch"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/identity"
	"groupwriteback/internal/plan"
	"groupwriteback/internal/run"
)

// given reports whether the request agrees to anything or takes a consent back.
func (a *Adoption) given() bool { return a.Adopt != nil || a.AdoptPlan != "" || len(a.AdoptGroups) > 0 }

// agrees reports whether somebody has reviewed what others wrote.
func (a *Adoption) agrees() bool { return a.looks() || a.AdoptPlan != "" }

// looks reports whether the request needs to read both directories.
func (a *Adoption) looks() bool { return a.Adopt != nil && *a.Adopt || len(a.AdoptGroups) > 0 }

// agree returns what may be adopted once the request takes effect, and removes the groups
// that it names from those that were let go of. It stores nothing.
func (a *Adoption) agree(ctx context.Context, e *Engine, state contract.State, c *connection, settings *contract.Settings) ([]contract.Link, error) {
	released := settings.Released()
	agreed, err := a.agreedBefore(ctx, state, released)
	if err != nil {
		return nil, err
	}
	if !a.looks() {
		return agreed.list(), nil
	}
	wanted, err := a.named()
	if err != nil {
		return nil, err
	}
	contract.ProgressOf(ctx).Begin("Adopt", "Checking the groups to adopt")
	ground, err := e.ground(ctx, state, c, *settings)
	if err != nil {
		return nil, err
	}
	adoptable, err := run.FindAdoptable(ctx, ground, wanted)
	if err != nil {
		return nil, err
	}
	if a.Adopt != nil {
		for _, link := range adoptable.Clear() { // an administrator must name one of two objects
			if !released[link.SourceID] { // only naming a released group takes it back
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
			settings.InitialPending = true // otherwise nothing tells the next run about it
		}
		settings.ReleasedGroups = slices.DeleteFunc(slices.Clone(settings.ReleasedGroups), func(g contract.ReleasedGroup) bool { return g.ID == link.SourceID })
	}
	return agreed.list(), nil
}

// agreedBefore returns what the plan that the request names adopts or, if the request
// does not say anything about adopting, what was agreed to earlier.
func (a *Adoption) agreedBefore(ctx context.Context, state contract.State, released map[directory.GUID]bool) (consents, error) {
	agreed := consents{}
	switch {
	case a.AdoptPlan != "" && a.Adopt != nil && *a.Adopt:
		return nil, &contract.Error{Category: contract.InvalidArgument, ID: "InvalidParameter", Object: "adoptPlan", Message: "adopt and adoptPlan cannot be combined.", Advice: "Specify one of them."}
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
	return agreed, nil
}

// named parses the groups that the request names.
func (a *Adoption) named() ([]identity.Identity, error) {
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
	return wanted, nil
}

// maxNamed bounds the groups that one request may name.
const maxNamed = 1_000

// consents are the links that may be adopted, by cloud group.
type consents map[directory.GUID]contract.Link

// add adds a pair. It replaces any other pair of the same group or object.
func (c consents) add(link contract.Link) {
	maps.DeleteFunc(c, func(_ directory.GUID, l contract.Link) bool { return l.TargetGUID == link.TargetGUID })
	c[link.SourceID] = link
}

func (c consents) list() []contract.Link {
	return slices.SortedFunc(maps.Values(c), func(a, b contract.Link) int { return a.TargetGUID.Compare(b.TargetGUID) })
}

// adoptsOf lists what a plan adopts.
func adoptsOf(ctx context.Context, state contract.State, planID string) ([]contract.Link, error) {
	var adopts []contract.Link
	for c, err := range changesOf(ctx, state, planID) {
		if err != nil {
			return nil, err
		}
		if c.Action == plan.Adopt {
			adopts = append(adopts, contract.Link{SourceID: c.SourceID, TargetGUID: c.TargetGUID, DN: c.DN})
		}
	}
	if adopts == nil {
		return nil, contract.InvalidParameter("adoptPlan", planID, "the plan id of a preview that adopts groups")
	}
	return adopts, nil
}

// changesOf lists the changes of a plan, without their members.
func changesOf(ctx context.Context, state contract.State, planID string) iter.Seq2[contract.SpooledChange, error] {
	return func(yield func(contract.SpooledChange, error) bool) {
		of, err := state.RunByPlan(ctx, planID)
		if err != nil {
			yield(contract.SpooledChange{}, err)
			return
		}
		batch.Items(ctx, batch.ListBatch, func(ctx context.Context, after int64, limit int) ([]contract.SpooledChange, error) {
			return state.Changes(ctx, of.ID, 0, after, limit)
		}, func(c contract.SpooledChange) int64 { return c.ID })(yield)
	}
}
