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

// limiter holds back what exceeds the limits.
type limiter struct {
	run    *run
	course *course
	source *sourceImport
	draft  *draft
	hold   *plan.Hold // nil: hold nothing back
	// consentNeeded means that something would be held back without the consent.
	consentNeeded bool
}

// checkLimits is the step that holds back what exceeds the limits.
func checkLimits(ctx context.Context, d *draft) (*limiter, error) {
	r := &limiter{run: d.resolver.run, course: d.resolver.course, source: d.resolver.source, draft: d}
	return r, r.check(ctx)
}

// check holds back what exceeds the limits, and nothing else (rule 27). Only a tenant
// that returns no group at all stops the run, before its first write.
func (r *limiter) check(ctx context.Context) error {
	limits := plan.Limits(r.run.settings.Limits)
	if !r.source.whole && (r.draft.tally.NeedsMemberships(&limits) || r.draft.bare.NeedsMemberships(&limits)) { // counting goes through all groups
		all, err := r.run.gen.CountMemberships(ctx)
		if err != nil {
			return err
		}
		r.draft.tally.Memberships += all // the members of adopted groups are included already
	}
	r.draft.bare.Links, r.draft.bare.SourceBefore, r.draft.bare.SourceNow, r.draft.bare.Memberships, r.draft.bare.Missing =
		r.draft.tally.Links, r.draft.tally.SourceBefore, r.draft.tally.SourceNow, r.draft.tally.Memberships, r.draft.tally.Missing

	empty := r.draft.tally.Empty()
	if empty && (r.run.consent == nil || !r.run.consent.Empty) {
		return &stop{contract.StopSourceShrunk, r.saysEmpty() + " Nothing was exported. Review the plan. If it is correct, " + r.run.saysConsent()}
	}
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

// saysEmpty explains why the tenant has no group in scope.
func (r *limiter) saysEmpty() string {
	linked := directory.Plural(r.draft.tally.Links, "1 group is linked.", "%d groups are linked.")
	shown, scope := directory.Count(r.source.shown, "group"), r.run.settings.Scope
	who := "none of them is of a kind that is written"
	switch {
	case r.source.shown == 0:
		return "The tenant returned no groups. " + linked
	case scope.Filter != "" && r.source.selected > 0:
		who = fmt.Sprintf("none of them matches the filter (%s)", scope.Filter)
	case scope.Groups == plan.ScopeSelected:
		who = fmt.Sprintf("none of them is among the %s", directory.Count(len(scope.GroupIDs), "selected group"))
	case scope.Groups == plan.ScopeWritebackEnabled:
		who = "none of them is enabled for writeback"
	}
	return fmt.Sprintf("The tenant returned %s, but %s. %s", shown, who, linked)
}

// holdBack goes through the plan again and takes out what is held back. Held changes stay
// pending and keep their place in the plan, so that they can be reviewed and consented
// to.
func (r *limiter) holdBack(ctx context.Context) error {
	for _, phase := range []plan.Phase{plan.PhaseCreate, plan.PhaseUpdate, plan.PhaseMembers, plan.PhaseDelete} {
		for changes, err := range spooled(ctx, r.run.gen, phase, 0) {
			if err != nil {
				return err
			}
			var held []contract.HeldChange
			for i := range changes {
				h, err := r.split(ctx, &changes[i])
				if err != nil {
					return err
				}
				if h != nil {
					r.run.tries.cut(changes[i].SourceID)
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

// split divides one spooled change and counts the parts. It returns nil if the whole
// change goes ahead.
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
	r.run.setPending(held.SourceID)
	return &contract.HeldChange{ChangeID: c.ID, Goes: goes, Held: held, Reason: why.Reason,
		Message: strings.TrimSpace(held.Message + " Held back: " + why.Message)}, nil
}

// absent returns the values that stand for a linked group which the tenant or Active
// Directory does not show.
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

// goesOn returns the part of a change, planned after the limits were checked, that goes
// ahead; nil if nothing does. Late planning must not be a way around the limits.
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

// runBefore returns the newest earlier run of the same kind, and of the same group, that
// reached its end.
func (r *limiter) runBefore(ctx context.Context) (contract.Run, error) {
	record := &r.run.record
	for run, err := range Newest(ctx, r.run.state, record.ID) {
		if err != nil {
			return contract.Run{}, err
		}
		kind := record.Kind == run.Kind || record.Kind == contract.PreviewRun && run.Kind == contract.SyncRun && record.GroupID.IsZero()
		if kind && run.GroupID == record.GroupID && !run.StoppedEarly() {
			return run, nil
		}
	}
	return contract.Run{}, nil
}

// setBaselines notes what the next run is measured by. A side that has shrunk is compared
// with its former size until it has come back or somebody has agreed.
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
