package command

import (
	"context"
	"time"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/owner"
	"groupwriteback/internal/run"
)

// Overview returns the current situation. It needs no connection.
func (e *Engine) Overview(ctx context.Context) (Overview, error) {
	state, err := e.State(ctx)
	if err != nil {
		return Overview{}, err
	}
	o := Overview{StatePath: state.Folder()}
	if o.Settings, err = state.LoadSettings(ctx); err != nil {
		return Overview{}, err
	}
	if o.Groups, err = state.CountLinks(ctx); err != nil {
		return Overview{}, err
	}
	if !o.Settings.Enabled { // otherwise it is withdrawn, see isDisabling
		if o.DisablePending, err = state.CountDisableSet(ctx); err != nil {
			return Overview{}, err
		}
	}
	adopt, err := state.AdoptSet(ctx)
	if err != nil {
		return Overview{}, err
	}
	o.AdoptPending = len(adopt)
	switch {
	case o.DisablePending > 0:
		o.Status = StatusDisablePending
	case o.Settings.Enabled:
		o.Status = StatusEnabled
	case o.Settings.Tenant.ID.IsZero():
		o.Status = StatusNotConfigured
	default:
		o.Status = StatusDisabled
	}
	current, err := state.Current(ctx)
	if err != nil {
		return Overview{}, err
	}
	watermark, err := state.Watermark(ctx)
	if err != nil {
		return Overview{}, err
	}
	mapping, err := e.mapping(&o.Settings)
	if err != nil {
		return Overview{}, err
	}
	o.NextPolicyType, o.NextPolicyReason = run.Due(&o.Settings, current, &watermark, e.projection(mapping, &o.Settings), e.config.Now())
	pending, err := state.Pending(ctx)
	if err != nil {
		return Overview{}, err
	}
	o.PendingGroups = len(pending)
	if err := o.countApart(ctx, state, e.config.Now()); err != nil {
		return Overview{}, err
	}
	o.LastRun, err = lastRun(ctx, state)
	return o, err
}

// countApart counts the groups that are not treated like the others.
func (o *Overview) countApart(ctx context.Context, state contract.HoldStore, now time.Time) error {
	held, _, err := owner.Held(ctx, state, now)
	if err != nil {
		return err
	}
	failing, err := state.Failing(ctx)
	o.GroupsOnHold = len(held)
	for i := range failing {
		if failing[i].Quarantined() {
			o.QuarantinedGroups++
		}
	}
	return err
}

// lastRun returns the newest run that is neither a preview nor a run of one group,
// because neither shows how writeback as a whole is doing.
func lastRun(ctx context.Context, state contract.State) (*contract.Run, error) {
	for r, err := range run.Newest(ctx, state, 0) {
		if err != nil {
			return nil, err
		}
		if r.Kind == contract.SyncRun || r.Kind == contract.DisableRun {
			return &r, nil
		}
	}
	return nil, nil
}

// Settings returns the choices of the administrator.
func (e *Engine) Settings(ctx context.Context) (contract.Settings, error) {
	state, err := e.State(ctx)
	if err != nil {
		return contract.Settings{}, err
	}
	return state.LoadSettings(ctx)
}
