package run

import (
	"context"
	"time"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// holds are the groups that are left as they are (rule 62).
type holds struct {
	now map[directory.GUID]*directory.Hold
	// lost are those that the state has lost and the objects in AD still carry.
	lost map[directory.GUID]*directory.Hold
	// over are the groups whose hold has ended by itself, or that are gone on both sides.
	// The commit forgets their holds.
	over []directory.GUID
}

// readHolds reads which groups are on hold at a time.
func readHolds(ctx context.Context, state contract.HoldStore, at time.Time) (holds, error) {
	h := holds{now: map[directory.GUID]*directory.Hold{}, lost: map[directory.GUID]*directory.Hold{}}
	all, err := state.Holds(ctx)
	for i := range all {
		if all[i].Holds(at) {
			h.now[all[i].GroupID] = &all[i].Hold
		} else {
			h.over = append(h.over, all[i].GroupID)
		}
	}
	return h, err
}

// WithoutHeld divides links into those of groups that are not on hold and, by group, the
// holds of the others.
func WithoutHeld(ctx context.Context, state contract.HoldStore, at time.Time, links []contract.Link) (free []contract.Link, held map[directory.GUID]*directory.Hold, err error) {
	h, err := readHolds(ctx, state, at)
	if err != nil || len(h.now) == 0 {
		return links, nil, err
	}
	held = map[directory.GUID]*directory.Hold{}
	for _, l := range links {
		if hold := h.now[l.SourceID]; hold != nil {
			held[l.SourceID] = hold
		} else {
			free = append(free, l)
		}
	}
	return free, held, nil
}
