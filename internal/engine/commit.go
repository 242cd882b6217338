package engine

import (
	"context"
	"time"
)

// commitStep makes what was read current. The watermark comes last: a crash
// before it costs a repeated read, and no change is lost.
func (r *run) commitStep(ctx context.Context) error {
	r.progress("commit", 0, 0, "Saving the state")
	for _, target := range r.unlinks {
		if err := r.state.Unlink(ctx, target); err != nil {
			return err
		}
	}
	var err error
	if r.record.LinkedGroups, err = r.state.CountLinks(ctx); err != nil {
		return err
	}
	if err := r.settleSettings(ctx); err != nil {
		return err
	}
	identity, err := r.target.Identify(ctx)
	if err != nil {
		return err
	}
	if err := r.state.Commit(ctx, r.record.ID, Watermark{Server: identity.Server, DSServiceName: identity.DSServiceName,
		InvocationID: identity.InvocationID, HighestUSN: identity.HighestUSN}, nil); err != nil {
		return err
	}
	return r.state.PurgeRuns(ctx, r.now().Add(-time.Duration(r.settings.RunHistoryDays)*24*time.Hour))
}

// settleSettings notes that the full import is done, and forgets the former
// containers once nothing of ours stands there.
func (r *run) settleSettings(ctx context.Context) error {
	settings, err := r.state.LoadSettings(ctx)
	if err != nil {
		return err
	}
	before := len(settings.FormerContainers)
	pending := settings.InitialPending
	settings.InitialPending = r.record.Failed > 0 && pending
	if !r.formerLeft {
		settings.FormerContainers = nil
	}
	if settings.InitialPending == pending && len(settings.FormerContainers) == before && settings.Container.DN == r.containers[0].DN {
		return nil
	}
	settings.Container = r.containers[0]
	return r.state.SaveSettings(ctx, settings)
}

// endDisable ends a run that deleted what Disable named.
func (r *run) endDisable(ctx context.Context) error {
	r.progress("commit", 0, 0, "Saving the state")
	var err error
	r.record.LinkedGroups, err = r.state.CountLinks(ctx)
	return err
}
