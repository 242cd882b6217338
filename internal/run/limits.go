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

// limitStep holds back what the limits are about, and nothing else (rule 27).
// Only a tenant that answers with no group at all stops the run, before its
// first write.
func (r *Run) limitStep(ctx context.Context) error {
	if r.record.PolicyType == contract.Delta && r.record.Planned.MembersRemoved > 0 {
		all, err := r.gen.CountMemberships(ctx)
		if err != nil {
			return err
		}
		r.tally.Memberships += all // those of adopted groups are there already
	}
	r.bare.Links, r.bare.SourceBefore, r.bare.SourceNow, r.bare.Memberships, r.bare.Missing =
		r.tally.Links, r.tally.SourceBefore, r.tally.SourceNow, r.tally.Memberships, r.tally.Missing

	empty := r.tally.Empty()
	if empty && (r.consent == nil || !r.consent.Empty) {
		return &stop{contract.StopSourceShrunk, r.saysEmpty() + " Nothing was exported. Look at the plan, and if it is right " + r.saysConsent()}
	}
	r.consentNeeded = r.consent != nil && (empty || r.tally.Agreed() && r.bare.Hold(&r.limits) != nil)
	r.hold = r.tally.Hold(&r.limits)
	if r.hold != nil {
		if err := r.holdBack(ctx); err != nil {
			return err
		}
	}
	r.setBaselines()
	return nil
}

// useConsent marks the consent as used where it made a difference and all that it
// let pass was done: a run that would have held nothing back without it, that
// failed, or of which some of that failed leaves it for one that does the rest.
func (r *Run) useConsent(ctx context.Context) error {
	if !r.consentNeeded || r.consentFailed {
		return nil
	}
	return r.state.UsePlan(ctx, r.consentTo)
}

// saysConsent says how to consent to the run's plan, as the end of a sentence.
func (r *Run) saysConsent() string {
	again := "run the sync again with -AllowOnce " + r.record.PlanID + "."
	if r.ofSettings != "" {
		again = "make that change (" + r.ofSettings + "), and then run the sync with -AllowOnce " + r.record.PlanID + "."
	}
	return again
}

// saysEmpty says of a tenant without a group in scope who let none through.
func (r *Run) saysEmpty() string {
	linked := directory.Plural(r.tally.Links, "while 1 is linked.", "while %d are linked.")
	shown, scope := directory.Count(r.shown, "group"), r.settings.Scope
	who := "none of them is one that is written"
	switch {
	case r.shown == 0:
		return "The tenant answered with no group at all, " + linked
	case scope.Filter != "" && r.selected > 0:
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
func (r *Run) holdBack(ctx context.Context) error {
	for _, phase := range []plan.Phase{plan.PhaseCreate, plan.PhaseUpdate, plan.PhaseMembers, plan.PhaseDelete} {
		for after := int64(0); ; {
			changes, err := r.state.Changes(ctx, r.record.ID, phase, after, batch.SpoolBatch, true)
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
			if err := r.gen.HoldChanges(ctx, held); err != nil {
				return err
			}
		}
	}
	if r.record.Held == (plan.Totals{}) {
		return nil
	}
	before, err := r.runBefore(ctx)
	if err != nil {
		return err
	}
	r.record.HeldRuns = before.HeldRuns + 1
	return nil
}

// split parts one spooled change, and counts the parts; nil when all of it goes
// on.
func (r *Run) split(ctx context.Context, c *contract.SpooledChange) (*contract.HeldChange, error) {
	absent, err := r.absent(ctx, c.Remove)
	if err != nil {
		return nil, err
	}
	goes, held, why := r.hold.Split(&c.Change, r.consent, absent)
	if held == nil {
		return nil, nil
	}
	r.record.Planned.Take(&c.Change)
	for _, part := range []*plan.Change{goes, held} {
		if part != nil {
			r.record.Planned.Add(part)
		}
	}
	r.record.Held.Add(held)
	if !slices.Contains(r.record.HeldBy, why.Reason) {
		r.record.HeldBy = append(r.record.HeldBy, why.Reason)
		text := why.Message
		if why.OneGroup {
			text = fmt.Sprintf("%s (%s): %s", held.DisplayName, held.DN, text)
		}
		r.heldWhy = append(r.heldWhy, text)
	}
	r.setPending(held.SourceID, true)
	return &contract.HeldChange{ChangeID: c.ID, Goes: goes, Held: held, Reason: why.Reason,
		Message: strings.TrimSpace(held.Message + " Held back: " + why.Message)}, nil
}

// absent returns which of the values stand for a group that is linked and that
// the tenant or Active Directory does not show.
func (r *Run) absent(ctx context.Context, values []directory.GUID) ([]directory.GUID, error) {
	if r.hold.Absent == nil {
		return nil, nil
	}
	var absent []directory.GUID
	for batch := range slices.Chunk(values, batch.ListBatch) {
		links, err := r.state.LinksTo(ctx, batch)
		if err != nil {
			return nil, err
		}
		for _, l := range links {
			_, shown, err := r.gen.SourceGroup(ctx, l.SourceID)
			if err != nil {
				return nil, err
			}
			staged, err := r.gen.StagedTargets(ctx, []directory.GUID{l.TargetGUID})
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
func (r *Run) goesOn(ctx context.Context, c *plan.Change) (*plan.Change, error) {
	if r.hold == nil {
		return c, nil
	}
	absent, err := r.absent(ctx, c.Remove)
	if err != nil {
		return nil, err
	}
	goes, _, _ := r.hold.Split(c, r.consent, absent)
	return goes, nil
}

// runBefore is the newest earlier run of the same kind, and of the same group,
// that came to its end.
func (r *Run) runBefore(ctx context.Context) (contract.Run, error) {
	for before := r.record.ID; ; {
		runs, err := r.state.Runs(ctx, before, batch.ListBatch)
		if err != nil {
			return contract.Run{}, err
		}
		for _, run := range runs {
			kind := r.record.Kind == run.Kind || r.record.Kind == contract.PreviewRun && run.Kind == contract.SyncRun && r.record.GroupID.IsZero()
			if kind && run.GroupID == r.record.GroupID && !run.StoppedEarly() {
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
func (r *Run) setBaselines() {
	agreed := r.consent != nil && r.tally.Agreed()
	shrunk := r.hold != nil && r.hold.Absent != nil && r.hold.Absent.Reason == contract.StopSourceShrunk
	if slices.Contains(r.record.HeldBy, contract.StopSourceShrunk) || shrunk && !agreed || r.single && r.tally.SourceBefore > 0 {
		r.record.SourceBaseline = r.tally.SourceBefore
	} else {
		r.record.SourceBaseline = r.tally.SourceNow
	}
	r.record.TargetHeld = slices.Contains(r.record.HeldBy, contract.StopTargetShrunk) || r.single && r.record.TargetHeld
}

// saysHeld says what was held back, and how it is let go.
func (r *Run) saysHeld() string {
	var parts []string
	for _, p := range []struct {
		n    int
		noun string
	}{{r.record.Held.Delete, "deletion"}, {r.record.Held.Move, "move"}, {r.record.Held.Create, "new creation"}} {
		if p.n > 0 {
			parts = append(parts, directory.Count(p.n, p.noun))
		}
	}
	if n := r.record.Held.MembersRemoved; n > 0 {
		parts = append(parts, fmt.Sprintf("%s of members from %s", directory.Count(n, "removal"), directory.Count(r.record.Held.UpdateMembers, "group")))
	}
	text := "Held back: " + strings.Join(parts, ", ") + ". " + strings.Join(r.heldWhy, " ")
	if r.record.HeldRuns > 1 {
		text += fmt.Sprintf(" %d runs in a row have held something back.", r.record.HeldRuns)
	}
	return text + " Everything else goes on. Look at the changes with the outcome held, and if they are right " + r.saysConsent()
}
