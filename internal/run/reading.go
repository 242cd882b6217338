package run

import (
	"context"
	"time"

	"groupwriteback/internal/batch"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// readingLifetime is for how long a reading is gone on from. Its links would live
// longer; but a full import is there to find what no delta tells.
const readingLifetime = 24 * time.Hour

// usable reports whether this run may go on from the reading.
func (r *sourceImport) usable(reading *contract.Reading) bool {
	age := r.run.now().Sub(reading.Links.Taken)
	return reading.Scope == r.course.scopeKey() && reading.Links.Projection == r.run.ground.Projection && age >= 0 && age < readingLifetime
}

// keptReading returns what this run may go on from, and its generation; 0: nothing.
// A preview leaves it to a run.
func (r *sourceImport) keptReading(ctx context.Context) (contract.Reading, int64, error) {
	if r.run.record.Kind != contract.SyncRun {
		return contract.Reading{}, 0, nil
	}
	reading, generation, err := r.run.state.KeptReading(ctx)
	if err != nil || generation == 0 {
		return contract.Reading{}, 0, err
	}
	if !r.usable(&reading) {
		return contract.Reading{}, 0, r.run.state.Generation(generation).Discard(ctx)
	}
	return reading, generation, nil
}

// goOn takes over the members that an earlier run has read of the groups that were
// just listed, and sees to it that those of this run stay too.
func (r *sourceImport) goOn(ctx context.Context, from int64) error {
	if from != 0 {
		r.resumed, r.readUsers = true, true
		r.run.log.Info("going on with the members that an earlier run has read", "run", r.run.record.ID, "from", from, "began", r.links.Taken)
		if err := r.run.gen.TakeReading(ctx, from); err != nil {
			return err
		}
	}
	if r.run.keeping = r.run.record.Kind == contract.SyncRun; !r.run.keeping {
		return nil
	}
	return r.run.gen.KeepReading(ctx, contract.Reading{Links: r.links, Scope: r.course.scopeKey()})
}

// beginAnew reads everything from the beginning: the links from which what changed
// since the reading began were to be asked for are not taken any more.
func (r *sourceImport) beginAnew(ctx context.Context) error {
	r.run.warn("what an earlier run has read cannot be brought up to date, so everything is read anew", "run", r.run.record.ID)
	r.run.keeping, r.run.record.SourceGroups = false, 0
	if err := r.run.gen.Discard(ctx); err != nil {
		return err
	}
	*r = *newSourceImport(r.course)
	r.whole = true
	if err := r.list(ctx); err != nil {
		return err
	}
	return r.readAllMembers(ctx)
}

// incomplete are the groups of a generation whose members it does not have to their end.
func incomplete(ctx context.Context, generation contract.StagedReader) (map[directory.GUID]bool, error) {
	all := map[directory.GUID]bool{}
	for after := (directory.GUID{}); ; {
		ids, err := generation.IncompleteGroups(ctx, after, batch.ListBatch)
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			all[id] = true
		}
		if len(ids) < batch.ListBatch {
			return all, nil
		}
		after = ids[len(ids)-1]
	}
}
