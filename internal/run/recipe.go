package run

import (
	"context"

	"groupwriteback/internal/contract"
)

// Sync brings Active Directory in line with the tenant. Once the run has begun, it
// returns the run's record, however the run ends. allowOnce is the id of a plan that
// somebody has consented to, or empty.
func Sync(ctx context.Context, g *Ground, allowOnce string) (contract.Run, error) {
	r := newRun(ctx, g, contract.SyncRun)
	if err := r.agree(ctx, allowOnce); err != nil {
		return contract.Run{}, err
	}
	return r.walk(ctx, func(ctx context.Context, s *steps) { write(ctx, s, r.plan(ctx, s, writingSteps)) })
}

// Preview plans what Sync would do and writes nothing.
func Preview(ctx context.Context, g *Ground, allowOnce string) (contract.Run, error) {
	r := newRun(ctx, g, contract.PreviewRun)
	if err := r.agree(ctx, allowOnce); err != nil {
		return contract.Run{}, err
	}
	return r.walk(ctx, func(ctx context.Context, s *steps) { r.plan(ctx, s, 0) })
}

// SyncGroup syncs one group, whatever is due, and reports step by step what happened to
// it. It moves no watermark: the next run finds again what was read and written of the
// group, and it is no news then.
func SyncGroup(ctx context.Context, g *Ground, request GroupSyncRequest) (GroupSyncResult, error) {
	kind := contract.GroupRun
	if request.WhatIf {
		kind = contract.PreviewRun
	}
	r := newRun(ctx, g, kind)
	r.single = true
	id, err := r.find(r.patient(ctx), request.Group)
	if err != nil {
		return GroupSyncResult{}, err
	}
	if err := r.agree(ctx, request.AllowOnce); err != nil {
		return GroupSyncResult{}, err
	}
	r.record.GroupID = id
	d := &demand{run: r, id: id, result: GroupSyncResult{ID: id}}
	d.result.Run, err = r.walk(ctx, func(ctx context.Context, s *steps) {
		if request.WhatIf {
			s.expects(groupSteps)
			group(ctx, s, d)
			return
		}
		s.expects(groupSteps + writingSteps)
		write(ctx, s, group(ctx, s, d))
	})
	if err != nil {
		return d.result, err
	}
	return d.result, d.tell(context.WithoutCancel(ctx), request.WhatIf)
}

// Disable deletes the groups that Disable-GroupWriteback named.
func Disable(ctx context.Context, g *Ground) (contract.Run, error) {
	r := newRun(ctx, g, contract.DisableRun)
	r.record.PolicyType = "" // nothing is imported
	return r.walk(ctx, func(ctx context.Context, s *steps) {
		s.expects(5)
		at := step(ctx, s, prepareStep, locateAny, r)
		planned := step(ctx, s, planStep, planDisable, at)
		kept := step(ctx, s, undoStep, keepUndo, planned)
		exported := step(ctx, s, exportStep, export, kept)
		step(ctx, s, commitStep, endDisable, exported)
	})
}

// PreviewDisable plans what Disable would do and writes nothing.
func PreviewDisable(ctx context.Context, g *Ground) (contract.Run, error) {
	r := newRun(ctx, g, contract.PreviewRun)
	r.record.PolicyType = ""
	return r.walk(ctx, func(ctx context.Context, s *steps) {
		s.expects(1)
		step(ctx, s, planStep, planDisable, newCourse(r))
	})
}

// plan reads both sides and plans, using the recipe that is due. If Graph no longer
// accepts the delta link, it starts again with initial. more is the number of steps that
// follow.
func (r *run) plan(ctx context.Context, s *steps, more int) *limiter {
	s.expects(1 + initialSteps + more)
	at := step(ctx, s, prepareStep, prepare, r)
	if s.err == nil && r.record.PolicyType == contract.Delta {
		s.expects(deltaSteps + more)
		planned := delta(ctx, s, at)
		if !contract.HasID(s.err, "DeltaLinkExpired") {
			return planned
		}
		s.err = at.becomeInitial(ctx, s.err)
		s.expects(initialSteps + more)
	}
	return initial(ctx, s, at)
}

// The number of steps of each recipe below.
const (
	initialSteps = 6
	deltaSteps   = 5
	groupSteps   = 6
	writingSteps = 5
)

// initial reads everything.
func initial(ctx context.Context, s *steps, at *course) *limiter {
	listed := step(ctx, s, sourceStep, importGroups, at)
	source := step(ctx, s, memberStep, importMembers, listed)
	target := step(ctx, s, targetStep, importContainers, source)
	resolved := step(ctx, s, resolveStep, resolveAll, target)
	planned := step(ctx, s, planStep, planAll, resolved)
	return step(ctx, s, limitStep, checkLimits, planned)
}

// delta reads what has changed.
func delta(ctx context.Context, s *steps, at *course) *limiter {
	source := step(ctx, s, sourceStep, importChanges, at)
	target := step(ctx, s, targetStep, importTargetChanges, source)
	resolved := step(ctx, s, resolveStep, resolveChanged, target)
	planned := step(ctx, s, planStep, planTouched, resolved)
	return step(ctx, s, limitStep, checkLimits, planned)
}

// group reads one group.
func group(ctx context.Context, s *steps, d *demand) *limiter {
	at := step(ctx, s, prepareStep, prepareOne, d.run)
	source := step(ctx, s, groupStep, d.importSource, at)
	target := step(ctx, s, standingStep, d.importTarget, source)
	resolved := step(ctx, s, resolveStep, d.resolve, target)
	planned := step(ctx, s, planStep, d.plan, resolved)
	return step(ctx, s, limitStep, checkLimits, planned)
}

// write exports the plan, confirms it and makes it current.
func write(ctx context.Context, s *steps, planned *limiter) {
	kept := step(ctx, s, undoStep, keepUndo, planned)
	exported := step(ctx, s, exportStep, export, kept)
	confirmed := step(ctx, s, confirmStep, confirm, exported)
	settled := step(ctx, s, settleStep, settle, confirmed)
	step(ctx, s, commitStep, commit, settled)
}
