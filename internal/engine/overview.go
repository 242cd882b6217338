package engine

import "context"

// Overview tells how things stand. It needs no connection.
func (e *Engine) Overview(ctx context.Context) (Overview, error) {
	state, err := e.State(ctx)
	if err != nil {
		return Overview{}, err
	}
	o := Overview{StatePath: state.Folder(), NextPolicyType: Initial}
	if o.Settings, err = state.LoadSettings(ctx); err != nil {
		return Overview{}, err
	}
	if o.Groups, err = state.CountLinks(ctx); err != nil {
		return Overview{}, err
	}
	if o.DisablePending, err = state.CountDisableSet(ctx); err != nil {
		return Overview{}, err
	}
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
	runs, err := state.Runs(ctx, 0, 1)
	if err != nil {
		return Overview{}, err
	}
	if len(runs) > 0 {
		o.LastRun = &runs[0]
	}
	return o, nil
}

// Settings returns what the administrator chose.
func (e *Engine) Settings(ctx context.Context) (Settings, error) {
	state, err := e.State(ctx)
	if err != nil {
		return Settings{}, err
	}
	return state.LoadSettings(ctx)
}
