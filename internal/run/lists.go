package run

import (
	"context"
	"iter"

	"groupwriteback/internal/batch"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// The keys of lists, for [batch.Pages].
func itself(id directory.GUID) directory.GUID          { return id }
func groupID(g directory.SourceGroup) directory.GUID   { return g.ID }
func memberID(m directory.SourceMember) directory.GUID { return m.ID }
func noteID(n contract.Note) directory.GUID            { return n.ID }
func runID(r contract.Run) int64                       { return r.ID }

// spooled yields the planned changes of a phase after one of them, with their members, a
// few at a time.
func spooled(ctx context.Context, gen contract.StagedPlan, phase plan.Phase, after int64) iter.Seq2[[]contract.SpooledChange, error] {
	return func(yield func([]contract.SpooledChange, error) bool) {
		for {
			changes, err := gen.Planned(ctx, phase, after, batch.SpoolBatch)
			if err == nil && len(changes) == 0 || !yield(changes, err) || err != nil {
				return
			}
			after = changes[len(changes)-1].ID
		}
	}
}
