package command

import (
	"context"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/run"
)

// Sync brings Active Directory in line with the tenant, or deletes the groups that
// Disable named. Once the run has begun, it returns the run's record, however the run
// ends.
func (e *Engine) Sync(ctx context.Context, request SyncRequest, report contract.Report) (contract.Run, error) {
	return e.follow(ctx, PreviewRequest{SyncRequest: request}, report,
		func(ctx context.Context, g *run.Ground, allowOnce string) (contract.Run, error) {
			return e.auditRun(ctx, g, contract.SyncRun, "", allowOnce, func() (contract.Run, error) { return run.Sync(ctx, g, allowOnce) })
		},
		func(ctx context.Context, g *run.Ground) (contract.Run, error) {
			return e.auditRun(ctx, g, contract.DisableRun, "", "", func() (contract.Run, error) { return run.Disable(ctx, g) })
		})
}

// SyncGroup syncs one group and reports step by step what happened to it.
func (e *Engine) SyncGroup(ctx context.Context, request GroupSyncRequest, report contract.Report) (GroupSyncResult, error) {
	ctx = contract.WithReport(ctx, report)
	ground, disabling, release, err := e.begin(ctx, PreviewRequest{SyncRequest: SyncRequest{SkipReplicationCheck: request.SkipReplicationCheck}})
	if err != nil {
		return GroupSyncResult{}, err
	}
	defer release()
	if disabling {
		return GroupSyncResult{}, contract.ErrNotEnabled()
	}
	if request.WhatIf {
		return run.SyncGroup(ctx, ground, request)
	}
	var result GroupSyncResult
	_, err = e.auditRun(ctx, ground, contract.GroupRun, request.Group, request.AllowOnce, func() (contract.Run, error) {
		result, err = run.SyncGroup(ctx, ground, request)
		return result.Run, err
	})
	return result, err
}

// Preview plans a run and exports nothing. It changes no link, setting or total.
func (e *Engine) Preview(ctx context.Context, request PreviewRequest, report contract.Report) (contract.Run, error) {
	return e.follow(ctx, request, report, run.Preview, run.PreviewDisable)
}

// follow begins a run and follows the recipe due, or disable if the run deletes the groups
// that Disable named.
func (e *Engine) follow(ctx context.Context, request PreviewRequest, report contract.Report,
	due func(ctx context.Context, g *run.Ground, allowOnce string) (contract.Run, error),
	disable func(context.Context, *run.Ground) (contract.Run, error)) (contract.Run, error) {
	ctx = contract.WithReport(ctx, report)
	ground, disabling, release, err := e.begin(ctx, request)
	if err != nil {
		return contract.Run{}, err
	}
	defer release()
	if disabling {
		return disable(ctx, ground)
	}
	return due(ctx, ground, request.AllowOnce)
}

// begin takes the lock and the connection and makes sure that a run may begin. With
// Enable or Settings in the request, the run is the one after that request. disabling
// reports whether the run deletes the groups that Disable named. release gives back the
// lock and the connection; on an error nothing is held.
func (e *Engine) begin(ctx context.Context, request PreviewRequest) (_ *run.Ground, disabling bool, release func(), err error) {
	open := e.State
	if request.Enable != nil {
		open = e.makeState // to store the plan
	}
	state, unlock, err := lockState(ctx, open)
	if err != nil {
		return nil, false, nil, err
	}
	giveBack := unlock
	defer func() {
		if err != nil {
			giveBack()
		}
	}()
	settings, err := state.LoadSettings(ctx)
	if err != nil {
		return nil, false, nil, err
	}
	if request.Enable != nil {
		settings.Enabled = true // this takes back what Disable named
	}
	if disabling, err = isDisabling(ctx, state, &settings); err != nil {
		return nil, false, nil, err
	}
	needed := targetSide
	if !disabling {
		needed |= sourceSide
	}
	c, done, err := e.use(needed)
	if err != nil {
		return nil, false, nil, err
	}
	giveBack = func() {
		done()
		unlock()
	}
	var adopts []contract.Link
	var ofSettings string
	switch {
	case request.Enable != nil:
		would, adopt, err := e.prepareEnable(ctx, state, &c, *request.Enable)
		if err != nil {
			return nil, false, nil, err
		}
		settings, adopts, ofSettings = would.Settings, adopt, "Enable-GroupWriteback"
	case request.Settings != nil && !disabling: // otherwise they do not affect what is due
		if settings, adopts, err = e.prepareSettings(ctx, state, &c, request.Settings); err != nil {
			return nil, false, nil, err
		}
		ofSettings = "Set-GroupWriteback"
	case !disabling:
		if adopts, err = state.AdoptSet(ctx); err != nil {
			return nil, false, nil, err
		}
	}
	if disabling {
		err = checkOwner(ctx, state, &settings, &c)
	} else if err = mayRun(&settings, request.PolicyType); err == nil {
		err = checkRun(ctx, state, &settings, &c)
	}
	if err != nil {
		return nil, false, nil, err
	}
	g, err := e.ground(ctx, state, &c, settings)
	if err != nil {
		return nil, false, nil, err
	}
	g.Adopts, g.OfSettings, g.SkipReplicationCheck = adopts, ofSettings, request.SkipReplicationCheck
	g.Initial = request.PolicyType == contract.Initial || request.Enable != nil
	return g, disabling, giveBack, nil
}

// isDisabling reports whether the next run deletes what Disable named. Enable and Disable
// store the set and the settings one after the other. The settings decide, so a half-done
// request deletes nothing without consent.
func isDisabling(ctx context.Context, state contract.State, settings *contract.Settings) (bool, error) {
	if settings.Enabled {
		return false, nil
	}
	n, err := state.CountDisableSet(ctx)
	return n > 0, err
}

func mayRun(settings *contract.Settings, policy contract.PolicyType) error {
	switch {
	case settings.Tenant.ID.IsZero():
		return contract.ErrNotConfigured()
	case !settings.Enabled:
		return contract.ErrNotEnabled()
	}
	return contract.CheckOneOf("policyType", policy, contract.PolicyTypes)
}
