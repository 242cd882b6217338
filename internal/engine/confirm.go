package engine

import (
	"context"
	"fmt"
	"slices"

	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// readWhole is up to how many member values a new group is read back whole;
// beyond that only the written values are checked (rule 17).
const readWhole = 1_000

// confirmStep reads back what was written, stages it as what AD has now, and
// records what is not there as not confirmed.
func (r *run) confirmStep(ctx context.Context) error {
	total := r.record.Exported.Create + r.record.Exported.Adopt + r.record.Exported.Update + r.record.Exported.Move + r.record.Exported.UpdateMembers
	done := 0
	for _, phase := range []plan.Phase{plan.PhaseCreate, plan.PhaseUpdate, plan.PhaseMembers} {
		for after := int64(0); ; {
			changes, err := r.state.Changes(ctx, r.record.ID, phase, after, spoolBatch, true)
			if err != nil {
				return err
			}
			if err := r.confirm(ctx, changes); err != nil {
				return fmt.Errorf("reading back what was written: %w", err)
			}
			done += len(changes)
			r.progress("confirm", done, total, "Reading back what was written")
			if len(changes) < spoolBatch {
				break
			}
			after = changes[len(changes)-1].ID
		}
	}
	return nil
}

// confirm checks a batch of changes of one phase.
func (r *run) confirm(ctx context.Context, changes []SpooledChange) error {
	var written []*SpooledChange
	var small, large []directory.GUID
	for i := range changes {
		c := &changes[i]
		if c.TargetGUID.IsZero() || c.Outcome != OutcomeDone && c.Outcome != OutcomePartial {
			continue
		}
		written = append(written, c)
		if c.Action == plan.Create && c.AddCount <= readWhole {
			small = append(small, c.TargetGUID)
		} else {
			large = append(large, c.TargetGUID)
		}
	}
	whole, err := r.target.GroupsByGUID(ctx, small, true)
	if err != nil {
		return err
	}
	headers, err := r.target.GroupsByGUID(ctx, large, false)
	if err != nil {
		return err
	}
	now := map[directory.GUID]*directory.TargetGroup{}
	for i := range whole {
		now[whole[i].GUID] = &whole[i]
	}
	for i := range headers {
		now[headers[i].GUID] = &headers[i]
	}
	var outcomes []ChangeOutcome
	var staged []directory.TargetGroup
	for _, c := range written {
		group := now[c.TargetGUID]
		missing := ""
		if group == nil {
			missing = "The group is not found."
		} else if missing = unlike(c, group); missing == "" {
			read := c.Action == plan.Create && c.AddCount <= readWhole
			if missing, err = r.confirmMembers(ctx, c, group, read); err != nil {
				return err
			}
		}
		if missing != "" {
			outcomes = append(outcomes, ChangeOutcome{ChangeID: c.ID, Outcome: OutcomePartial, ErrorID: "NotConfirmed",
				Message: missing + " The next run looks again."})
			r.record.Failed++
		}
		if group != nil {
			staged = append(staged, *group)
		}
	}
	if err := r.state.RecordOutcomes(ctx, r.record.ID, outcomes); err != nil {
		return err
	}
	return r.state.StageTargetGroups(ctx, r.record.ID, staged)
}

// confirmMembers checks the written values and completes the membership that
// is to be staged: as read, or what was staged with the changes applied.
func (r *run) confirmMembers(ctx context.Context, c *SpooledChange, group *directory.TargetGroup, read bool) (string, error) {
	add, err := r.state.MemberRefs(ctx, r.record.ID, c.Add)
	if err != nil {
		return "", err
	}
	remove, err := r.state.MemberRefs(ctx, r.record.ID, c.Remove)
	if err != nil {
		return "", err
	}
	var missing, lingering []directory.GUID
	if read {
		missing = plan.Without(c.Add, guidsOf(group.Members))
	} else {
		if len(add)+len(remove) > 0 {
			if missing, lingering, err = r.target.CheckMembers(ctx, group.GUID, add, remove); err != nil {
				return "", err
			}
		}
		before, err := r.state.TargetMembership(ctx, r.record.ID, group.GUID)
		if err != nil {
			return "", err
		}
		after := slices.Concat(before, plan.Without(c.Add, before))
		slices.SortFunc(after, directory.GUID.Compare)
		after = plan.Without(after, c.Remove)
		if group.Members, err = r.state.MemberRefs(ctx, r.record.ID, after); err != nil {
			return "", err
		}
	}
	if c.Outcome == OutcomePartial { // its refused members are recorded already
		missing = nil
	}
	if len(missing)+len(lingering) == 0 {
		return "", nil
	}
	return fmt.Sprintf("%d added members are not there yet, and %d removed ones still are.", len(missing), len(lingering)), nil
}

func guidsOf(refs []directory.MemberRef) []directory.GUID {
	out := make([]directory.GUID, len(refs))
	for i, ref := range refs {
		out[i] = ref.GUID
	}
	slices.SortFunc(out, directory.GUID.Compare)
	return out
}

// unlike says which attribute does not have the value that was written.
func unlike(c *SpooledChange, g *directory.TargetGroup) string {
	for _, a := range c.Attributes {
		want, have := "", ""
		if len(a.New) > 0 {
			want = a.New[0]
		}
		switch a.Name {
		case plan.AttrExtensionName:
			for _, v := range a.New {
				if !slices.Contains(g.ExtensionName, v) {
					return "The value " + v + " of extensionName is not there."
				}
			}
			continue
		case plan.AttrGroupType:
			have = fmt.Sprint(g.GroupType)
		case plan.AttrSAMAccountName:
			have = g.SAMAccountName
		default:
			have = plan.Value(g, a.Name)
		}
		if have != want {
			return fmt.Sprintf("The attribute %s has the value %q in place of %q.", a.Name, have, want)
		}
	}
	return ""
}
