package owner

import (
	"context"
	"time"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// Held returns the holds that are in effect at a time, by group, and the groups whose
// hold is over by then.
func Held(ctx context.Context, state contract.HoldStore, at time.Time) (held map[directory.GUID]*directory.Hold, over []directory.GUID, err error) {
	all, err := state.Holds(ctx)
	held = map[directory.GUID]*directory.Hold{}
	for i := range all {
		if h := &all[i]; h.Holds(at) {
			held[h.GroupID] = &h.Hold
		} else {
			over = append(over, h.GroupID)
		}
	}
	return held, over, err
}
