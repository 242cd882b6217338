package run

import (
	"context"
	"reflect"
	"slices"
	"time"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// committer makes current what was read and written.
type committer struct {
	run      *run
	course   *course
	source   *sourceImport
	draft    *draft
	limiter  *limiter
	exporter *exporter
}

// commit is the step that makes current what was read and written. The watermark comes
// last: a crash before it costs a repeated read but loses no change.
func commit(ctx context.Context, c *confirmer) (contract.Run, error) {
	e := c.exporter
	r := &committer{run: c.run, course: c.course, source: e.draft.resolver.source, draft: e.draft, limiter: e.limiter, exporter: e}
	return r.run.record, r.commit(ctx)
}

func (r *committer) commit(ctx context.Context) error {
	for _, target := range r.draft.unlinks {
		if err := r.run.state.Unlink(ctx, target); err != nil {
			return err
		}
	}
	if err := r.settleApart(ctx); err != nil {
		return err
	}
	var err error
	if r.run.record.LinkedGroups, err = r.run.state.CountLinks(ctx); err != nil {
		return err
	}
	if err := r.run.gen.StillRunning(ctx); err != nil {
		return err
	}
	if r.source.whole { // everything was read again
		for _, kind := range []contract.NoteKind{contract.NoteRead, contract.NoteReadUser, contract.NoteUserBack} {
			if _, err := r.run.dueAgain(ctx, kind, r.source.began.Add(-replicaLag)); err != nil {
				return err
			}
		}
	}
	if !r.run.single { // the deltas were applied
		if _, err := r.run.dueAgain(ctx, contract.NoteNewMember, r.run.record.Started.Add(-replicaLag)); err != nil {
			return err
		}
	}
	watermark, err := r.newWatermark(ctx)
	if err != nil {
		return err
	}
	// If the process dies after the commit, the next run takes the totals from this
	// record and is measured by them (rule 27).
	if err := r.run.state.SaveRun(ctx, r.run.record); err != nil {
		return err
	}
	if err := r.run.gen.Commit(ctx, watermark, r.run.pendingGroups()); err != nil {
		return err
	}
	if err := r.useConsent(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	// The run is complete now, so cancelling it no longer leaves anything half-done. This
	// cannot come earlier: failed changes are pending only from here on.
	if r.source.whole {
		if err := r.settleSettings(context.WithoutCancel(ctx)); err != nil {
			return err
		}
	}
	err = r.run.state.ForgetNotes(ctx, r.run.lagBegan(), r.run.now())
	if err == nil {
		err = r.run.state.PurgeRuns(ctx, r.run.now().Add(-time.Duration(r.run.settings.RunHistoryDays)*24*time.Hour))
	}
	if ctx.Err() != nil {
		return nil // the next run removes them
	}
	return err
}

// settleApart stores which holds are over, and which groups fail and wait longer from now
// on.
func (r *committer) settleApart(ctx context.Context) error {
	over := r.run.holds.over
	if r.run.single {
		over = slices.DeleteFunc(slices.Clone(over), func(id directory.GUID) bool { return id != r.run.record.GroupID })
	}
	if len(over) > 0 {
		if err := r.run.state.EndHolds(ctx, over); err != nil {
			return err
		}
	}
	changed := r.run.tries.settle(r.run.now().UTC())
	for i := range changed {
		f := &changed[i]
		was, is := r.run.tries.quarantined(f.GroupID), f.Tries > 0 && f.Quarantined()
		switch {
		case is && !was:
			r.run.found.quarantined++
			r.run.record.QuarantinedGroups++
		case was && !is:
			r.run.record.QuarantinedGroups--
		}
		if is {
			r.run.quarantine(f.GroupID)
		}
	}
	if len(changed) == 0 {
		return nil
	}
	return r.run.state.SaveFailing(ctx, changed)
}

// newWatermark returns how far this run has read and written. A run of one group has read
// nothing else.
func (r *committer) newWatermark(ctx context.Context) (contract.Watermark, error) {
	w := r.course.watermark
	w.Initial, w.Settled = r.source.began, r.source.settled
	if r.run.single && !r.run.record.Wrote() {
		return w, nil
	}
	now, err := r.run.target.Identify(ctx)
	if err != nil {
		return w, err
	}
	w.Server, w.DSServiceName, w.InvocationID, w.HighestUSN = now.Server, now.DSServiceName, now.InvocationID, now.HighestUSN
	switch {
	case r.run.single && r.course.otherServer:
		w.SearchedUSN = neverSearched
		return w, nil
	case r.run.single:
		return w, nil
	}
	w.SearchedUSN = r.course.targetID.HighestUSN
	r.source.links.Projection, r.source.links.Routing = r.run.ground.Projection, r.course.routing
	w.Source, w.Scope = kept(r.source.links, w.Source), r.course.scopeKey()
	return w, nil
}

// settleSettings notes that the full import is done and how the containers are called
// now. It forgets the former containers once none of our groups is left there.
func (r *committer) settleSettings(ctx context.Context) error {
	settings, err := r.run.state.LoadSettings(ctx)
	if err != nil {
		return err
	}
	before := settings
	settings.FurtherContainers = slices.Clone(settings.FurtherContainers)
	settings.InitialPending = false // failed changes are pending
	for _, now := range r.course.judge.Current {
		if settings.Container.GUID == now.GUID {
			settings.Container = now
		}
		for i := range settings.FurtherContainers {
			if further := &settings.FurtherContainers[i]; further.GUID == now.GUID {
				further.Container = now
			}
		}
	}
	settings.FormerContainers = nil
	if r.draft.formerLeft {
		settings.FormerContainers = r.course.judge.Former
	}
	if reflect.DeepEqual(settings, before) {
		return nil
	}
	return r.run.state.SaveSettings(ctx, settings)
}

// useConsent marks the consent as used if it made a difference and everything that it let
// pass was done. A run that failed, that would have held nothing back without the
// consent, or in which some of those changes failed, leaves the consent to a later run.
func (r *committer) useConsent(ctx context.Context) error {
	if !r.limiter.consentNeeded || r.exporter.consentFailed {
		return nil
	}
	return r.run.state.UsePlan(ctx, r.run.consentTo)
}

// endDisable is the step that ends a run which deleted the groups that Disable named.
func endDisable(ctx context.Context, e *exporter) (n int, err error) {
	n, err = e.run.state.CountLinks(context.WithoutCancel(ctx)) // all is done
	e.run.record.LinkedGroups = n
	return n, err
}
