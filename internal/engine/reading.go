package engine

import (
	"context"
	"time"

	"groupwriteback/internal/directory"
)

// Of a full import it is the members that cost: at least a request for each group.
// So those that were read stay when the run ends before its commit, because Graph or
// the domain controller was gone for longer than the patience, somebody cancelled it
// or the process died; the next full import reads the others. The groups it lists
// anew. That is sound since it ends with everything that the deltas tell from before
// the first of the members was read on, as every full import does.

// Reading is what one full import leaves to the next.
type Reading struct {
	// Links were taken before it began; Taken is that time.
	Links DeltaLinks
	// Scope is what was read, as in [Watermark].
	Scope string
}

// readingLifetime is for how long a reading is gone on from. Its links would live
// longer; but a full import is there to find what no delta tells.
const readingLifetime = 24 * time.Hour

// usable reports whether this run may go on from the reading.
func (r *run) usable(reading *Reading) bool {
	age := r.now().Sub(reading.Links.Taken)
	return reading.Scope == r.scopeKey() && reading.Links.Projection == r.projection && age >= 0 && age < readingLifetime
}

// keptReading returns what this run may go on from, and its generation; 0: nothing.
// A preview leaves it to a run.
func (r *run) keptReading(ctx context.Context) (Reading, int64, error) {
	if r.record.Kind != SyncRun {
		return Reading{}, 0, nil
	}
	reading, generation, err := r.state.KeptReading(ctx)
	if err != nil || generation == 0 {
		return Reading{}, 0, err
	}
	if !r.usable(&reading) {
		return Reading{}, 0, r.state.Discard(ctx, generation)
	}
	return reading, generation, nil
}

// goOn takes over the members that an earlier run has read of the groups that were
// just listed, and sees to it that those of this run stay too.
func (r *run) goOn(ctx context.Context, from int64) error {
	if from != 0 {
		r.resumed, r.readUsers = true, true
		r.log.Info("going on with the members that an earlier run has read", "run", r.record.ID, "from", from, "began", r.links.Taken)
		if err := r.state.TakeReading(ctx, from, r.record.ID); err != nil {
			return err
		}
	}
	if r.keeping = r.record.Kind == SyncRun; !r.keeping {
		return nil
	}
	return r.state.KeepReading(ctx, r.record.ID, Reading{Links: r.links, Scope: r.scopeKey()})
}

// keeps reports whether what the run has staged stays, by what ended it. Nothing does
// that may be wrong, as what the token no longer shows. When another process has
// taken over, it is that one's.
func (r *run) keeps(ctx context.Context, err error) bool {
	if HasID(err, "RunSuperseded") {
		return true
	}
	if err == nil || !r.keeping {
		return false
	}
	e := AsError(err)
	return ctx.Err() != nil || e.Category == Connection || e.Category == ResourceBusy || e.ID == StopAccessTokenExpired
}

// beginAnew reads everything from the beginning: the links from which what changed
// since the reading began were to be asked for are not taken any more.
func (r *run) beginAnew(ctx context.Context) error {
	r.warn("what an earlier run has read cannot be brought up to date, so everything is read anew", "run", r.record.ID)
	r.resumed, r.keeping, r.record.SourceGroups = false, false, 0
	if err := r.becomeInitial(ctx, r.record.PolicyReason); err != nil {
		return err
	}
	if err := r.importGroups(ctx); err != nil {
		return err
	}
	return r.importMembers(ctx)
}

// incomplete are the groups of a generation whose members it does not have to their end.
func (r *run) incomplete(ctx context.Context, generation int64) (map[directory.GUID]bool, error) {
	all := map[directory.GUID]bool{}
	for after := (directory.GUID{}); ; {
		ids, err := r.state.IncompleteGroups(ctx, generation, after, listBatch)
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			all[id] = true
		}
		if len(ids) < listBatch {
			return all, nil
		}
		after = ids[len(ids)-1]
	}
}
