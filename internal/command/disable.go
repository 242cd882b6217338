package command

import (
	"context"
	"crypto/rand"
	"strconv"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/owner"
	"groupwriteback/internal/plan"
	"groupwriteback/internal/run"
)

// Disable turns group writeback off and names the groups that the next run deletes:
// exactly those that are ours now (rule 29). It deletes nothing itself and does not need
// the tenant. It returns a run whose changes are the list.
func (e *Engine) Disable(ctx context.Context, request DisableRequest) (contract.Run, error) {
	needed := targetSide
	if request.KeepGroup {
		needed = noSide
	}
	c, done, err := e.use(needed)
	if err != nil {
		return contract.Run{}, err
	}
	defer done()
	state, unlock, err := lockState(ctx, e.State)
	if err != nil {
		return contract.Run{}, err
	}
	defer unlock()
	settings, err := state.LoadSettings(ctx)
	if err != nil {
		return contract.Run{}, err
	}
	if settings.Tenant.ID.IsZero() {
		return contract.Run{}, contract.ErrNotConfigured()
	}
	if err := checkOwner(ctx, state, &settings, &c); err != nil {
		return contract.Run{}, err
	}
	var set []contract.Link
	var left []plan.Change
	p := contract.ProgressOf(ctx)
	p.Expects(2)
	p.Begin("Count", "Finding the groups that this installation wrote")
	held, _, err := owner.Held(ctx, state, e.config.Now())
	if err != nil {
		return contract.Run{}, err
	}
	switch {
	case request.KeepGroup:
	case request.PlanID != "":
		set, left, err = agreedGroups(ctx, state, request.PlanID, held)
	default:
		search := owner.OwnSearch{State: state, Target: c.target, TargetID: &c.targetID, Settings: &settings, IncludeAdopted: request.IncludeAdopted,
			Held: held, Now: e.config.Now()}
		set, left, err = search.Find(ctx)
	}
	if err != nil {
		return contract.Run{}, err
	}
	set = settings.WithoutReleased(set)
	record := contract.Run{Kind: contract.PreviewRun, PlanID: rand.Text(), Started: e.config.Now().UTC(), Server: c.targetID.Server,
		TargetGroups: len(set)}
	if record.ID, err = state.BeginRun(ctx, record); err != nil {
		return contract.Run{}, err
	}
	p.Begin("Plan", "Finding the groups to delete")
	err = run.SpoolDeletes(ctx, state, c.target, &record, set)
	if err == nil {
		for i := range left {
			record.Planned.Add(&left[i])
		}
		err = state.Generation(record.ID).Spool(ctx, left)
	}
	if err == nil && !request.WhatIf {
		entry := contract.AuditEntry{Event: contract.AuditDisabled, RunID: record.ID}
		if len(set) > 0 {
			entry.Changes = []contract.AuditChange{{Name: "groupsToDelete", New: strconv.Itoa(len(set))}}
		}
		settings.Enabled = false
		err = e.changeSettings(ctx, state, entry, &settings, nil, func() error { return disable(ctx, state, settings, set) })
	}
	if err == nil {
		record.LinkedGroups, err = state.CountLinks(ctx)
	}
	run.Conclude(ctx, &record, err)
	record.Ended = e.config.Now().UTC()
	// Save the record even if the request was cancelled: otherwise it would say running.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), run.ClosingTime)
	defer cancel()
	if saved := state.SaveRun(ctx, record); err == nil {
		err = saved
	}
	if err != nil {
		return contract.Run{}, err
	}
	return record, nil
}

// disable stores what was agreed to.
func disable(ctx context.Context, state contract.State, settings contract.Settings, set []contract.Link) error {
	if err := state.SetAdoptSet(ctx, nil); err != nil {
		return err
	}
	if err := state.SetDisableSet(ctx, set); err != nil {
		return err
	}
	if err := state.SaveSettings(ctx, settings); err != nil {
		return err
	}
	return state.WithdrawPlans(ctx)
}

// agreedGroups reads what an earlier answer of Disable listed. left are the groups that
// were put on hold since.
func agreedGroups(ctx context.Context, state contract.State, planID string, held map[directory.GUID]*directory.Hold) (set []contract.Link, left []plan.Change, err error) {
	for c, err := range changesOf(ctx, state, planID) {
		switch {
		case err != nil:
			return nil, nil, err
		case c.Action == plan.Skip: // reported as left in place
		case c.Reason != plan.ReasonDisabled:
			return nil, nil, contract.InvalidParameter("planId", planID, "the plan id that writeback.disable returned")
		case held[c.SourceID] != nil:
			object := plan.Candidate{TargetGroup: directory.TargetGroup{GUID: c.TargetGUID, DN: c.DN}}
			left = append(left, plan.LeftOnHold(c.SourceID, &object, held[c.SourceID]))
		default:
			set = append(set, contract.Link{SourceID: c.SourceID, TargetGUID: c.TargetGUID, DN: c.DN})
		}
	}
	return set, left, nil
}
