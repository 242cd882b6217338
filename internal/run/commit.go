package run

import (
	"context"
	"reflect"
	"time"

	"groupwriteback/internal/contract"
)

// commitStep makes what was read current. The watermark comes last: a crash
// before it costs a repeated read, and no change is lost.
func (r *Run) commitStep(ctx context.Context) error {
	for _, target := range r.unlinks {
		if err := r.state.Unlink(ctx, target); err != nil {
			return err
		}
	}
	var err error
	if r.record.LinkedGroups, err = r.state.CountLinks(ctx); err != nil {
		return err
	}
	if err := r.gen.StillRunning(ctx); err != nil {
		return err
	}
	if r.record.PolicyType == contract.Initial { // which has read everything once more
		for _, kind := range []contract.NoteKind{contract.NoteRead, contract.NoteReadUser, contract.NoteUserBack} {
			if _, err := r.dueAgain(ctx, kind, r.watermark.Initial.Add(-replicaLag)); err != nil {
				return err
			}
		}
	}
	watermark, err := r.newWatermark(ctx)
	if err != nil {
		return err
	}
	// Should the process die after the commit, the next run takes the totals from
	// this record and is measured by them (rule 27).
	if err := r.state.SaveRun(ctx, r.record); err != nil {
		return err
	}
	if err := r.gen.Commit(ctx, watermark, r.pendingGroups()); err != nil {
		return err
	}
	if err := r.useConsent(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	// The run is complete, and a cancel that comes now leaves nothing half-done.
	// Not before: what has failed is pending only from here on.
	if r.record.PolicyType == contract.Initial {
		if err := r.settleSettings(context.WithoutCancel(ctx)); err != nil {
			return err
		}
	}
	err = r.state.ForgetNotes(ctx, r.lagBegan(), r.now())
	if err == nil {
		err = r.state.PurgeRuns(ctx, r.now().Add(-time.Duration(r.settings.RunHistoryDays)*24*time.Hour))
	}
	if ctx.Err() != nil {
		return nil // the next run removes them
	}
	return err
}

// newWatermark is how far this run has read, and up to where it has written. A
// run of one group has read nothing else.
func (r *Run) newWatermark(ctx context.Context) (contract.Watermark, error) {
	w := r.watermark
	if r.single && !r.record.Wrote() {
		return w, nil
	}
	now, err := r.target.Identify(ctx)
	if err != nil {
		return w, err
	}
	w.Server, w.DSServiceName, w.InvocationID, w.HighestUSN = now.Server, now.DSServiceName, now.InvocationID, now.HighestUSN
	switch {
	case r.single && r.otherServer:
		w.SearchedUSN = neverSearched
		return w, nil
	case r.single:
		return w, nil
	}
	w.SearchedUSN = r.targetID.HighestUSN
	r.links.Projection = r.projection
	w.Source, w.Scope = kept(r.links, w.Source), r.scopeKey()
	return w, nil
}

// settleSettings notes that the full import is done, and what the containers
// are called now, and forgets the former ones once nothing of ours stands there.
func (r *Run) settleSettings(ctx context.Context) error {
	settings, err := r.state.LoadSettings(ctx)
	if err != nil {
		return err
	}
	before := settings
	settings.InitialPending = false // what has failed is pending
	settings.Container = r.Containers[0]
	settings.FormerContainers = nil
	if r.formerLeft {
		settings.FormerContainers = r.Containers[1:]
	}
	if reflect.DeepEqual(settings, before) {
		return nil
	}
	return r.state.SaveSettings(ctx, settings)
}

// endDisable ends a run that deleted what Disable named.
func (r *Run) endDisable(ctx context.Context) error {
	var err error
	r.record.LinkedGroups, err = r.state.CountLinks(context.WithoutCancel(ctx)) // all is done
	return err
}
