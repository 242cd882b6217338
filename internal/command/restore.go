package command

import (
	"context"
	"fmt"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/run"
)

// RestoreRequest asks to bring back what runs deleted and removed.
type RestoreRequest struct {
	run.RestoreRequest
	// Target is another sign-in than that of the connection, as in [PermissionRequest]. It is
	// for accounts that may restore deleted objects.
	Target *contract.TargetConfig `json:"-"`
}

// The answer to a [RestoreRequest].
type (
	RestoreResult = run.RestoreResult
	RestoredGroup = run.RestoredGroup
)

// Restore brings groups back and puts those on hold that the next sync would change.
// Errors are those of [run.Restore].
func (e *Engine) Restore(ctx context.Context, request RestoreRequest) (RestoreResult, error) {
	if request.RunID != 0 && request.Path != "" {
		return RestoreResult{}, contract.InvalidParameter("path", request.Path, "a run or an undo file, not both")
	}
	needed := noSide
	if request.Target == nil || request.Target.Server == "" {
		needed = targetSide
	}
	c, done, err := e.use(needed)
	if err != nil {
		return RestoreResult{}, err
	}
	defer done()
	state, unlock, err := lockState(ctx, e.State)
	if err != nil {
		return RestoreResult{}, err
	}
	defer unlock()
	settings, err := state.LoadSettings(ctx)
	if err != nil {
		return RestoreResult{}, err
	}
	if settings.Tenant.ID.IsZero() {
		return RestoreResult{}, contract.ErrNotConfigured()
	}
	mine := c
	if request.Target != nil {
		closing, err := e.signIn(ctx, &mine, request.Target, &settings)
		if err != nil {
			return RestoreResult{}, err
		}
		defer closing()
	}
	mine.source = nil
	if err := checkOwner(ctx, state, &settings, &mine); err != nil {
		return RestoreResult{}, err
	}
	ground, err := e.ground(ctx, state, &mine, settings)
	if err != nil {
		return RestoreResult{}, err
	}
	with := run.Restoring{Account: e.config.Caller.Account, Owner: c.targetID.AccountSID, Agreed: func(groups []RestoredGroup) error {
		return e.record(ctx, state, restoredEntries(&request, mine.targetID.Account, groups)...)
	}}
	if with.Next, err = e.nextSync(ctx, state, &c, settings); err != nil {
		e.config.Log.Warn("what is restored cannot be compared with the tenant", "error", err.Error())
	}
	if request.WhatIf {
		return run.Restore(ctx, ground, request.RestoreRequest, with)
	}
	var result RestoreResult
	_, err = e.auditRun(ctx, ground, contract.RestoreRun, "", "", func() (contract.Run, error) {
		result, err = run.Restore(ctx, ground, request.RestoreRequest, with)
		return result.Run, err
	})
	return result, err
}

// nextSync returns the ground of the next sync, or nil if there is none as things stand.
func (e *Engine) nextSync(ctx context.Context, state contract.State, c *connection, settings contract.Settings) (*run.Ground, error) {
	if c.source == nil || c.target == nil || !settings.Enabled {
		return nil, nil
	}
	if err := checkRun(ctx, state, &settings, c); err != nil {
		return nil, err
	}
	g, err := e.ground(ctx, state, c, settings)
	if err == nil {
		g.Adopts, err = state.AdoptSet(ctx)
	}
	return g, err
}

// restoredEntries says in the audit what is restored.
func restoredEntries(request *RestoreRequest, account string, groups []RestoredGroup) []contract.AuditEntry {
	entry := contract.AuditEntry{Event: contract.AuditGroupsRestored, DirectoryAccount: account}
	for i := range groups {
		g := &groups[i]
		entry.Object = g.Path
		if g.Way != "" {
			entry.Changes = append(entry.Changes, contract.AuditChange{Name: fmt.Sprintf("%s (%s)", g.DisplayName, g.ID), New: string(g.Way) + ": " + g.DN})
		}
	}
	if request.RunID != 0 {
		entry.Object = fmt.Sprintf("run %d", request.RunID)
	}
	return entry.Split()
}
