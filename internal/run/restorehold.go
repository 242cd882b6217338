package run

import (
	"context"
	"fmt"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/owner"
)

// holdFirst is the step that puts the groups on hold before anything is written, so that no
// sync undoes a part of a restore that was cut off. An object that has all that it had, and is
// linked, needs none. Groups that are on hold already stay so; those that a former restore put
// on hold are compared again.
func holdFirst(ctx context.Context, x *restoration) (*restoration, error) {
	already, _, err := owner.Held(ctx, x.run.state, x.run.now())
	if err != nil {
		return x, err
	}
	var holds []contract.Hold
	for _, r := range x.groups {
		switch {
		case r.result.Way == "":
		case already[r.id] != nil:
			r.compared = already[r.id].Reason == directory.HoldRestored
			r.changed = r.compared // by the former restore
			r.result.Held = !r.compared
		case r.result.Way == WayNone && r.found.linked:
		default:
			r.compared = true
			holds = append(holds, contract.Hold{GroupID: r.id, Hold: directory.Hold{Reason: directory.HoldRestored, Account: x.account, Since: x.run.now().UTC(),
				Comment: fmt.Sprintf("Restored by run %d", x.run.record.ID)}})
		}
	}
	if x.agreed != nil {
		if err := x.agreed(x.results()); err != nil {
			return x, err
		}
	}
	return x, x.run.state.SetHolds(ctx, holds)
}

// release ends the holds of groups that the next sync would leave as they are, and of those
// that were not changed. next is the ground of that sync; without it, or if it cannot be
// planned, all groups stay on hold.
func (x *restoration) release(ctx context.Context, next *Ground) error {
	mine := map[directory.GUID][]*restored{} // whose hold is that of a restore
	compare := map[directory.GUID]bool{}
	for _, r := range x.groups {
		if !r.compared {
			continue
		}
		mine[r.id] = append(mine[r.id], r)
		if r.changed {
			compare[r.id] = false
		}
	}
	same := map[directory.GUID]bool{}
	if next != nil && len(compare) > 0 {
		g := *next
		g.Compare = compare
		preview, err := Preview(ctx, &g, "")
		if err == nil && (preview.Status == contract.RunComplete || preview.Status == contract.RunPartial) {
			same = compare
		}
		if err != nil {
			x.run.warn("cannot compare what was restored with the tenant", "run", x.run.record.ID, "error", err)
		}
	}
	var free []directory.GUID
	for id, groups := range mine {
		if _, changed := compare[id]; changed && !same[id] {
			for _, r := range groups {
				r.result.Held = true
			}
			continue
		}
		free = append(free, id)
	}
	if len(free) == 0 {
		return nil
	}
	return x.run.state.EndHolds(context.WithoutCancel(ctx), free)
}
