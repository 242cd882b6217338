package run

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"groupwriteback/internal/batch"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// limiter holds back what the limits are about.
type limiter struct {
	run    *run
	course *course
	source *sourceImport
	draft  *draft
	hold   *plan.Hold // nil: nothing is held back
	// consentNeeded: without the consent something would be held back.
	consentNeeded bool
}

// checkLimits is the step that holds back what the limits are about.
func checkLimits(ctx context.Context, d *draft) (*limiter, error) {
	r := &limiter{run: d.resolver.run, course: d.resolver.course, source: d.resolver.source, draft: d}
	return r, r.check(ctx)
}

// check holds back what the limits are about, and nothing else (rule 27).
// Only a tenant that answers with no group at all stops the run, before its
// first write.
func (r *limiter) check(ctx context.Context) error {
	if !r.draft.whole && r.run.record.Planned.MembersRemoved > 0 {
		all, err := r.run.gen.CountMemberships(ctx)
		if err != nil {
			return err
		}
		r.draft.tally.Memberships += all // those of adopted groups are there already
	}
	r.draft.bare.Links, r.draft.bare.SourceBefore, r.draft.bare.SourceNow, r.draft.bare.Memberships, r.draft.bare.Missing =
		r.draft.tally.Links, r.draft.tally.SourceBefore, r.draft.tally.SourceNow, r.draft.tally.Memberships, r.draft.tally.Missing

	empty := r.draft.tally.Empty()
	if empty && (r.run.consent == nil || !r.run.consent.Empty) {
		return &stop{contract.StopSourceShrunk, r.saysEmpty() + " Nothing was exported. Look at the plan, and if it is right " + r.run.saysConsent()}
	}
	limits := plan.Limits(r.run.settings.Limits)
	r.consentNeeded = r.run.consent != nil && (empty || r.draft.tally.Agreed() && r.draft.bare.Hold(&limits) != nil)
	r.hold = r.draft.tally.Hold(&limits)
	if r.hold != nil {
		if err := r.holdBack(ctx); err != nil {
			return err
		}
	}
	r.setBaselines()
	return nil
}

// saysEmpty says of a tenant without a group in scope who let none through.
func (r *limiter) saysEmpty() string {
	linked := directory.Plural(r.draft.tally.Links, "while 1 is linked.", "while %d are linked.")
	shown, scope := directory.Count(r.source.shown, "group"), r.run.settings.Scope
	who := "none of them is one that is written"
	switch {
	case r.source.shown == 0:
		return "The tenant answered with no group at all, " + linked
	case scope.Filter != "" && r.source.selected > 0:
		who = fmt.Sprintf("the filter (%s) lets none of them through", scope.Filter)
	case scope.Groups == plan.ScopeSelected:
		who = fmt.Sprintf("none of them is one of the %s", directory.Count(len(scope.GroupIDs), "selected group"))
	case scope.Groups == plan.ScopeWritebackEnabled:
		who = "none of them is enabled for writeback"
	}
	return fmt.Sprintf("The tenant answered with %s, and %s, %s", shown, who, linked)
}

// holdBack goes through the plan once more and takes out of it what is held
// back. What is held stays pending, and keeps its place in the plan, so that it
// can be looked at and consented to.
func (r *limiter) holdBack(ctx context.Context) error {
	for _, phase := range []plan.Phase{plan.PhaseCreate, plan.PhaseUpdate, plan.PhaseMembers, plan.PhaseDelete} {
		for after := int64(0); ; {
			changes, err := r.run.gen.Planned(ctx, phase, after, batch.SpoolBatch)
			if err != nil {
				return err
			}
			if len(changes) == 0 {
				break
			}
			after = changes[len(changes)-1].ID
			var held []contract.HeldChange
			for i := range changes {
				h, err := r.split(ctx, &changes[i])
				if err != nil {
					return err
				}
				if h != nil {
					held = append(held, *h)
				}
			}
			if err := r.run.gen.HoldChanges(ctx, held); err != nil {
				return err
			}
		}
	}
	if r.run.record.Held == (plan.Totals{}) {
		return nil
	}
	before, err := r.runBefore(ctx)
	if err != nil {
		return err
	}
	r.run.record.HeldRuns = before.HeldRuns + 1
	return nil
}

// split parts one spooled change, and counts the parts; nil when all of it goes
// on.
func (r *limiter) split(ctx context.Context, c *contract.SpooledChange) (*contract.HeldChange, error) {
	absent, err := r.absent(ctx, c.Remove)
	if err != nil {
		return nil, err
	}
	goes, held, why := r.hold.Split(&c.Change, r.run.consent, absent)
	if held == nil {
		return nil, nil
	}
	r.run.record.Planned.Take(&c.Change)
	for _, part := range []*plan.Change{goes, held} {
		if part != nil {
			r.run.record.Planned.Add(part)
		}
	}
	r.run.record.Held.Add(held)
	if !slices.Contains(r.run.record.HeldBy, why.Reason) {
		r.run.record.HeldBy = append(r.run.record.HeldBy, why.Reason)
		text := why.Message
		if why.OneGroup {
			text = fmt.Sprintf("%s (%s): %s", held.DisplayName, held.DN, text)
		}
		r.run.found.heldWhy = append(r.run.found.heldWhy, text)
	}
	r.run.setPending(held.SourceID, true)
	return &contract.HeldChange{ChangeID: c.ID, Goes: goes, Held: held, Reason: why.Reason,
		Message: strings.TrimSpace(held.Message + " Held back: " + why.Message)}, nil
}

// absent returns which of the values stand for a group that is linked and that
// the tenant or Active Directory does not show.
func (r *limiter) absent(ctx context.Context, values []directory.GUID) ([]directory.GUID, error) {
	if r.hold.Absent == nil {
		return nil, nil
	}
	var absent []directory.GUID
	for batch := range slices.Chunk(values, batch.ListBatch) {
		links, err := r.run.state.LinksTo(ctx, batch)
		if err != nil {
			return nil, err
		}
		for _, l := range links {
			_, shown, err := r.run.gen.SourceGroup(ctx, l.SourceID)
			if err != nil {
				return nil, err
			}
			staged, err := r.run.gen.StagedTargets(ctx, []directory.GUID{l.TargetGUID})
			if err != nil {
				return nil, err
			}
			if !shown || len(staged) == 0 {
				absent = append(absent, l.TargetGUID)
			}
		}
	}
	slices.SortFunc(absent, directory.GUID.Compare)
	return absent, nil
}

// goesOn returns what of a change goes on that is planned after the limits were
// checked, nil for nothing: what is held back is no way around them.
func (r *limiter) goesOn(ctx context.Context, c *plan.Change) (*plan.Change, error) {
	if r.hold == nil {
		return c, nil
	}
	absent, err := r.absent(ctx, c.Remove)
	if err != nil {
		return nil, err
	}
	goes, _, _ := r.hold.Split(c, r.run.consent, absent)
	return goes, nil
}

// runBefore is the newest earlier run of the same kind, and of the same group,
// that came to its end.
func (r *limiter) runBefore(ctx context.Context) (contract.Run, error) {
	for before := r.run.record.ID; ; {
		runs, err := r.run.state.Runs(ctx, before, batch.ListBatch)
		if err != nil {
			return contract.Run{}, err
		}
		for _, run := range runs {
			kind := r.run.record.Kind == run.Kind || r.run.record.Kind == contract.PreviewRun && run.Kind == contract.SyncRun && r.run.record.GroupID.IsZero()
			if kind && run.GroupID == r.run.record.GroupID && !run.StoppedEarly() {
				return run, nil
			}
		}
		if len(runs) < batch.ListBatch {
			return contract.Run{}, nil
		}
		before = runs[len(runs)-1].ID
	}
}

// setBaselines notes what the next run is measured by: a side that has shrunk is
// compared with what it was before until it has come back or somebody agreed.
func (r *limiter) setBaselines() {
	agreed := r.run.consent != nil && r.draft.tally.Agreed()
	shrunk := r.hold != nil && r.hold.Absent != nil && r.hold.Absent.Reason == contract.StopSourceShrunk
	if slices.Contains(r.run.record.HeldBy, contract.StopSourceShrunk) || shrunk && !agreed || r.run.single && r.draft.tally.SourceBefore > 0 {
		r.run.record.SourceBaseline = r.draft.tally.SourceBefore
	} else {
		r.run.record.SourceBaseline = r.draft.tally.SourceNow
	}
	r.run.record.TargetHeld = slices.Contains(r.run.record.HeldBy, contract.StopTargetShrunk) || r.run.single && r.run.record.TargetHeld
}
