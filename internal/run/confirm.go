package run

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// readTogether is the largest number of member values with which new groups are read
// back together. A larger one is read alone, range by range, and of the members that were
// written no names are kept (rule 17).
const readTogether = 1_000

// confirmer reads back what was written.
type confirmer struct {
	run      *run
	course   *course
	target   *targetImport
	exporter *exporter
	// confirmed maps each phase to the id of the last change that was confirmed.
	confirmed map[plan.Phase]int64
}

// confirm is the step that reads back what was written.
func confirm(ctx context.Context, e *exporter) (*confirmer, error) {
	r := &confirmer{run: e.run, course: e.course, target: e.draft.resolver.target, exporter: e, confirmed: map[plan.Phase]int64{}}
	return r, r.confirmAll(ctx)
}

// confirmAll reads back what was written and is not confirmed yet, stages it as the
// present content of AD, and records what is missing as not confirmed.
func (r *confirmer) confirmAll(ctx context.Context) error {
	total := r.run.record.Exported.Create + r.run.record.Exported.Adopt + r.run.record.Exported.Update + r.run.record.Exported.Move + r.run.record.Exported.UpdateMembers
	done := 0
	for _, phase := range []plan.Phase{plan.PhaseCreate, plan.PhaseUpdate, plan.PhaseMembers} {
		for changes, err := range spooled(ctx, r.run.gen, phase, r.confirmed[phase]) {
			if err != nil {
				return err
			}
			if err := r.confirmBatch(ctx, changes); err != nil {
				return fmt.Errorf("verifying the written groups: %w", err)
			}
			done += len(changes)
			r.run.meter.At(done, total, "Verifying the written groups")
			r.confirmed[phase] = changes[len(changes)-1].ID
		}
	}
	// The staged objects were read just now. Before the next write they are looked at
	// again.
	clear(r.exporter.disturbed)
	return nil
}

// confirmBatch checks a batch of changes of one phase.
func (r *confirmer) confirmBatch(ctx context.Context, changes []contract.SpooledChange) error {
	var written []*contract.SpooledChange
	var small, others []directory.GUID
	for i := range changes {
		c := &changes[i]
		if c.TargetGUID.IsZero() || c.Outcome != contract.OutcomeDone && c.Outcome != contract.OutcomePartial ||
			c.Reason == plan.ReasonReleased { // the next run sees it as an object of nobody
			continue
		}
		written = append(written, c)
		switch {
		case c.Action != plan.Create:
			others = append(others, c.TargetGUID)
		case c.AddCount <= readTogether:
			small = append(small, c.TargetGUID)
		}
	}
	if written == nil {
		return nil
	}
	now := map[directory.GUID]*directory.TargetGroup{}
	add := func(g directory.TargetGroup) error {
		now[g.GUID] = &g
		return nil
	}
	if err := r.run.target.GroupsByGUID(ctx, small, contract.WithMembers, add); err != nil {
		return err
	}
	if err := r.run.target.GroupsByGUID(ctx, others, contract.HeaderOnly, add); err != nil {
		return err
	}
	var err error
	var outcomes []contract.ChangeOutcome
	for _, c := range written {
		group := now[c.TargetGUID]
		if c.Action == plan.Create && c.AddCount > readTogether {
			large, ok, err := r.run.target.GroupByRanges(ctx, c.TargetGUID, c.Add)
			if err != nil {
				return err
			}
			if ok {
				group = &large
			}
		}
		missing := ""
		if group == nil {
			missing = "The group was not found."
		} else if missing = r.unlike(c, group); missing == "" {
			if missing, err = r.confirmMembers(ctx, c, group); err != nil {
				return err
			}
		}
		if missing != "" {
			outcomes = append(outcomes, contract.ChangeOutcome{ChangeID: c.ID, Outcome: contract.OutcomePartial, ErrorID: "NotConfirmed",
				Message: missing + " The next run checks again."})
			if !r.run.expects(&c.Change) {
				r.run.record.Failed++
			}
			r.run.tries.fail(c.SourceID, missing)
			r.run.setFailing(c.SourceID)
		}
	}
	return r.run.gen.RecordOutcomes(ctx, outcomes)
}

// confirmMembers checks the written values and stages the group as it is now: a new group
// as it was read, any other with its staged membership and the changes applied. If
// somebody changed the group between the reading and our first write, or if removed
// values are still there, it is staged without its uSN, so that the next Delta run reads
// it whole (rules 13 and 16).
func (r *confirmer) confirmMembers(ctx context.Context, c *contract.SpooledChange, group *directory.TargetGroup) (string, error) {
	if c.Action == plan.Create {
		if err := r.target.stageTargets(ctx, []directory.TargetGroup{*group}); err != nil {
			return "", err
		}
		return unconfirmed(c, plan.Without(c.Add, guidsOf(group.Members)), nil), nil
	}
	add, err := r.run.gen.MemberRefs(ctx, c.Add)
	if err != nil {
		return "", err
	}
	remove, err := r.run.gen.MemberRefs(ctx, c.Remove)
	if err != nil {
		return "", err
	}
	var missing, lingering []directory.GUID
	if len(add)+len(remove) > 0 {
		if missing, lingering, err = r.run.target.CheckMembers(ctx, group.GUID, add, remove); err != nil {
			return "", err
		}
	}
	// These values may disappear later without a new uSN.
	if r.exporter.disturbed[group.GUID] || r.course.otherServer || len(lingering) > 0 {
		group.USNChanged = 0
	}
	return unconfirmed(c, missing, lingering), r.run.gen.StageTargetWritten(ctx, *group, without(add, missing), without(remove, lingering))
}

// without returns the refs whose objects are not among guids.
func without(refs []directory.MemberRef, guids []directory.GUID) []directory.MemberRef {
	out := make(map[directory.GUID]bool, len(guids))
	for _, guid := range guids {
		out[guid] = true
	}
	return slices.DeleteFunc(refs, func(ref directory.MemberRef) bool { return out[ref.GUID] })
}

// unconfirmed says how many values are not as they were written. The refused members of a
// partial change are recorded already.
func unconfirmed(c *contract.SpooledChange, missing, lingering []directory.GUID) string {
	if c.Outcome == contract.OutcomePartial {
		missing = nil
	}
	if len(missing)+len(lingering) == 0 {
		return ""
	}
	return strings.TrimSpace(directory.Plural(len(missing), "1 added member is missing.", "%d added members are missing.") +
		directory.Plural(len(lingering), " 1 removed member is still there.", " %d removed members are still there."))
}

// unlike names the attribute that does not have the written values.
func (r *confirmer) unlike(c *contract.SpooledChange, g *directory.TargetGroup) string {
	for i := range c.Attributes {
		if missing := r.course.judge.Rules.Mapping.Confirm(&c.Attributes[i], g); missing != "" {
			return missing
		}
	}
	return ""
}
