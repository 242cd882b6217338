package engine

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"

	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// Disable turns group writeback off and names the groups that the next run
// deletes: exactly those that are ours now (rule 29). It deletes nothing itself
// and does not need the tenant. Its answer is a run whose changes are the list.
func (e *Engine) Disable(ctx context.Context, request DisableRequest) (Run, error) {
	c, done, err := e.use(false, !request.KeepGroup)
	if err != nil {
		return Run{}, err
	}
	defer done()
	state, unlock, err := lockState(ctx, e.State)
	if err != nil {
		return Run{}, err
	}
	defer unlock()
	settings, err := state.LoadSettings(ctx)
	if err != nil {
		return Run{}, err
	}
	if settings.Tenant.ID.IsZero() {
		return Run{}, errNotConfigured()
	}
	if err := checkOwner(ctx, state, &settings, &c); err != nil {
		return Run{}, err
	}
	var set []Link
	var left []plan.Change
	p := progressOf(ctx)
	p.expects(2)
	p.begin("count", "Looking for the groups that are ours")
	switch {
	case request.KeepGroup:
	case request.PlanID != "":
		set, err = agreedGroups(ctx, state, request.PlanID)
	default:
		set, left, err = ownGroups(ctx, state, &c, &settings, request.IncludeAdopted)
	}
	if err != nil {
		return Run{}, err
	}
	set = settings.withoutReleased(set)
	record := Run{Kind: PreviewRun, PlanID: rand.Text(), Started: e.config.Now().UTC(), Server: c.targetID.Server,
		TargetGroups: len(set)}
	if record.ID, err = state.BeginRun(ctx, record); err != nil {
		return Run{}, err
	}
	p.begin("plan", "Looking up the groups to delete")
	err = spoolDeletes(ctx, state, c.target, &record, set)
	if err == nil {
		for i := range left {
			record.Planned.Add(&left[i])
		}
		err = state.Spool(ctx, record.ID, left)
	}
	if err == nil && !request.WhatIf {
		err = disable(ctx, state, settings, set)
	}
	if err == nil {
		record.LinkedGroups, err = state.CountLinks(ctx)
	}
	record.conclude(ctx, err)
	record.Ended = e.config.Now().UTC()
	// Also when it was cancelled: the record would say running.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closingTime)
	defer cancel()
	if saved := state.SaveRun(ctx, record); err == nil {
		err = saved
	}
	if err != nil {
		return Run{}, err
	}
	return record, nil
}

// disable stores what was agreed to.
func disable(ctx context.Context, state State, settings Settings, set []Link) error {
	if err := state.SetAdoptSet(ctx, nil); err != nil {
		return err
	}
	if err := state.SetDisableSet(ctx, set); err != nil {
		return err
	}
	settings.Enabled = false
	if err := state.SaveSettings(ctx, settings); err != nil {
		return err
	}
	return state.WithdrawPlans(ctx)
}

// agreedGroups reads what an earlier answer of Disable listed.
func agreedGroups(ctx context.Context, state State, planID string) ([]Link, error) {
	agreed, err := state.RunByPlan(ctx, planID)
	if err != nil {
		return nil, err
	}
	var set []Link
	for after := int64(0); ; {
		changes, err := state.Changes(ctx, agreed.ID, 0, after, listBatch, false)
		if err != nil {
			return nil, err
		}
		for i := range changes {
			c := &changes[i]
			if c.Action == plan.Skip {
				continue // said to be left
			}
			if c.Reason != plan.ReasonDisabled {
				return nil, invalidParameter("planId", planID, "the plan id of an answer to writeback.disable")
			}
			set = append(set, Link{SourceID: c.SourceID, TargetGUID: c.TargetGUID, DN: c.DN})
		}
		if len(changes) < listBatch {
			return set, nil
		}
		after = changes[len(changes)-1].ID
	}
}

// ownGroups finds what is ours in the directory as it is now (rule 2): stamped
// groups, and linked groups, wherever they stand in the domain. left are those of
// which people would think so, and that stay. What is stamped and stands outside of
// the containers is of this installation only if it is linked, or if the state was
// lost: else another of the same tenant and account has written it.
func ownGroups(ctx context.Context, state State, c *connection, settings *Settings, includeAdopted bool) (set []Link, left []plan.Change, err error) {
	containers, err := findContainers(ctx, c.target, settings, false)
	if err != nil {
		return nil, nil, err
	}
	j, err := newJudge(c.target, &c.targetID, settings, containers)
	if err != nil {
		return nil, nil, err
	}
	p := progressOf(ctx)
	current, err := state.Current(ctx)
	if err != nil {
		return nil, nil, err
	}
	lost := current == 0 && !settings.InitialPending // this installation has written groups
	looked := map[directory.GUID]bool{}
	look := batched(askBatch, func(groups []directory.TargetGroup) error {
		staged, err := withLinks(ctx, state, groups)
		if err == nil {
			err = j.ask(ctx, staged)
		}
		for i := 0; i < len(staged) && err == nil; i++ {
			var object plan.Candidate
			if object, err = j.candidate(ctx, &staged[i]); err != nil {
				break
			}
			id := staged[i].SourceID
			adopted := object.Adopted || directory.HasAdoptedStamp(object.ExtensionName, settings.Tenant.ID)
			switch {
			case looked[object.GUID]:
			case !object.Ours(id, &j.rules):
				if object.NeedsOwner(&j.rules) && !id.IsZero() {
					left = append(left, plan.Left(id, &object, &j.rules))
				}
			case object.Apart() && !lost:
				left = append(left, plan.LeftApart(id, &object))
			case adopted && !includeAdopted:
			case plan.Protection(&object.TargetGroup) != "":
				left = append(left, plan.Left(id, &object, &j.rules))
			default:
				set = append(set, Link{SourceID: id, TargetGUID: object.GUID, DN: object.DN, Adopted: adopted})
			}
			looked[object.GUID] = true
		}
		p.read(len(looked), "Counting the groups that are ours")
		return err
	})
	for _, container := range containers {
		if err := c.target.Groups(ctx, container.GUID, false, look.add); err != nil {
			return nil, nil, fmt.Errorf("reading the groups in %s: %w", container.DN, err)
		}
	}
	if err := c.target.StampedGroups(ctx, directory.Stamp(settings.Tenant.ID), look.add); err != nil {
		return nil, nil, fmt.Errorf("looking for our stamp in the domain: %w", err)
	}
	if err := look.flush(); err != nil {
		return nil, nil, err
	}
	for after := (directory.GUID{}); ; {
		links, err := state.Links(ctx, after, askBatch)
		if err != nil {
			return nil, nil, err
		}
		var elsewhere []directory.GUID
		for _, l := range links {
			if !looked[l.TargetGUID] {
				elsewhere = append(elsewhere, l.TargetGUID)
			}
		}
		found, err := headers(ctx, c.target, elsewhere)
		if err != nil {
			return nil, nil, fmt.Errorf("looking up linked groups: %w", err)
		}
		for _, g := range found {
			if err := look.add(g); err != nil {
				return nil, nil, err
			}
		}
		if len(links) < askBatch {
			err = look.flush()
			return set, left, err
		}
		after = links[len(links)-1].TargetGUID
	}
}

// spoolDeletes writes the deletion of the set as the run's plan, under the
// names that people know.
func spoolDeletes(ctx context.Context, state State, target Target, record *Run, set []Link) error {
	p, total := progressOf(ctx), len(set)
	for len(set) > 0 {
		p.at(total-len(set), total, "Looking up the groups to delete")
		n := min(len(set), listBatch)
		groups, err := headers(ctx, target, targets(set[:n]))
		if err != nil {
			return fmt.Errorf("looking up the groups to delete: %w", err)
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
		if err := state.Spool(ctx, record.ID, changes); err != nil {
			return err
		}
		set = set[n:]
	}
	return nil
}

// planDisable spools the deletion of the set that Disable stored. The limits do
// not apply: an administrator has seen the count and said yes to this very set.
func (r *run) planDisable(ctx context.Context) error {
	for after := (directory.GUID{}); ; {
		set, err := r.state.DisableSet(ctx, after, listBatch)
		if err != nil {
			return err
		}
		if err := spoolDeletes(ctx, r.state, r.target, &r.record, set); err != nil {
			return err
		}
		r.record.TargetGroups += len(set)
		if len(set) < listBatch {
			return nil
		}
		after = set[len(set)-1].TargetGUID
	}
}
