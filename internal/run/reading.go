package run

import (
	"context"
	"time"

	"groupwriteback/internal/batch"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// readingLifetime is how long a reading can be continued. Its links would live longer,
// but a full import must find what no delta reports.
const readingLifetime = 24 * time.Hour

// usable reports whether this run may continue the reading.
func (r *sourceImport) usable(reading *contract.Reading) bool {
	age := r.run.now().Sub(reading.Links.Taken)
	return reading.Scope == r.course.scopeKey() && reading.Links.Projection == r.run.ground.Projection && age >= 0 && age < readingLifetime
}

// keptReading returns the reading that this run may continue, and its generation; 0 means
// none. A preview does not use it.
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

// goOn takes over the members that an earlier run read, for the groups that were just
// listed, and makes sure that the members read by this run are kept too.
func (r *sourceImport) goOn(ctx context.Context, from int64) error {
	if from != 0 {
		r.resumed, r.readUsers = true, true
		r.run.log.Info("continuing with the members that an earlier run read", "run", r.run.record.ID, "from", from, "began", r.links.Taken)
		if err := r.run.gen.TakeReading(ctx, from); err != nil {
			return err
		}
	}
	if r.run.keeping = r.run.record.Kind == contract.SyncRun; !r.run.keeping {
		return nil
	}
	return r.run.gen.KeepReading(ctx, contract.Reading{Links: r.links, Scope: r.course.scopeKey()})
}

// beginAnew reads everything from the beginning, because Graph no longer accepts the
// links that report the changes since the earlier reading began.
func (r *sourceImport) beginAnew(ctx context.Context) error {
	r.run.warn("the members that an earlier run read cannot be updated; reading everything again", "run", r.run.record.ID)
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

// incomplete returns the groups of a generation whose members were not read completely.
func incomplete(ctx context.Context, generation contract.StagedReader) (map[directory.GUID]bool, error) {
	all := map[directory.GUID]bool{}
	for id, err := range batch.Items(ctx, batch.ListBatch, generation.IncompleteGroups, itself) {
		if err != nil {
			return nil, err
		}
		all[id] = true
	}
	return all, nil
}
