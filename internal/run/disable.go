package run

import (
	"cmp"
	"context"
	"fmt"

	"groupwriteback/internal/batch"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/owner"
	"groupwriteback/internal/plan"
)

// SpoolDeletes spools the deletion of the set as the run's plan, with the names that
// users know.
func SpoolDeletes(ctx context.Context, state contract.State, target contract.Target, record *contract.Run, set []contract.Link) error {
	p, total := contract.ProgressOf(ctx), len(set)
	for len(set) > 0 {
		p.At(total-len(set), total, "Finding the groups to delete")
		n := min(len(set), batch.ListBatch)
		groups, err := owner.Headers(ctx, target, contract.Targets(set[:n]))
		if err != nil {
			return fmt.Errorf("reading the groups to delete: %w", err)
		}
		named := map[directory.GUID]string{}
		for i := range groups {
			named[groups[i].GUID] = groups[i].Label()
		}
		changes := make([]plan.Change, n)
		for i, l := range set[:n] {
			changes[i] = plan.Change{Action: plan.Delete, Situation: plan.Linked, SourceID: l.SourceID, TargetGUID: l.TargetGUID, DN: l.DN,
				DisplayName: cmp.Or(named[l.TargetGUID], l.DN), Reason: plan.ReasonDisabled, Message: "Group writeback was disabled."}
			record.Planned.Add(&changes[i])
		}
		if err := state.Generation(record.ID).Spool(ctx, changes); err != nil {
			return err
		}
		set = set[n:]
	}
	return nil
}

// planDisable is the step that spools the deletion of the set that Disable stored. The
// limits do not apply: an administrator has seen the count and agreed to exactly this
// set.
func planDisable(ctx context.Context, c *course) (*limiter, error) {
	r := c.run
	for set, err := range batch.Pages(ctx, batch.ListBatch, r.state.DisableSet, contract.Link.Target) {
		if err != nil {
			return nil, err
		}
		if err := SpoolDeletes(ctx, r.state, r.target, &r.record, set); err != nil {
			return nil, err
		}
		r.record.TargetGroups += len(set)
	}
	return &limiter{run: r, course: c, draft: &draft{nested: map[directory.GUID]bool{}}}, nil
}
