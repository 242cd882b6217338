package engine

import (
	"context"
	"reflect"
	"time"

	"groupwriteback/internal/directory"
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
	if err := r.state.StillRunning(ctx, r.record.ID); err != nil {
		return err
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
	if err := r.state.Commit(ctx, r.record.ID, watermark, r.pendingGroups()); err != nil {
		return err
	}
	// The run is complete, and a cancel that comes now leaves nothing half-done.
	// Not before: what has failed is pending only from here on.
	if r.record.PolicyType == Initial {
		if err := r.settleSettings(context.WithoutCancel(ctx)); err != nil {
			return err
		}
	}
	err = r.state.PurgeRuns(ctx, r.now().Add(-time.Duration(r.settings.RunHistoryDays)*24*time.Hour))
	if ctx.Err() != nil {
		return nil // the next run removes them
	}
	return err
}

// newWatermark is how far this run has read, and up to where it has written. A
// run of one group has read nothing else.
func (r *run) newWatermark(ctx context.Context) (Watermark, error) {
	w := r.watermark
	if r.single {
		w.Source = readOnDemand(w.Source, r.record.GroupID, r.now().UTC())
	}
	if r.single && !r.record.wrote() {
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
	for i := range w.Source {
		// A full import has read everything again.
		if r.record.PolicyType == Initial && w.Initial.Sub(w.Source[i].Taken) >= replicaLag {
			w.Source[i].forgetNotes()
		}
	}
	r.links.Projection = r.projection
	r.links.Unjoined = distinct(r.unjoined)
	w.Source, w.Scope = kept(r.links, w.Source), r.scopeKey()
	return w, nil
}

// readOnDemand notes with the newest links that a group was read whole just now,
// on a replica that may lag behind what a delta has told before (rule 11). The
// links are the same, and later runs of one group add to the note.
func readOnDemand(links []DeltaLinks, id directory.GUID, now time.Time) []DeltaLinks {
	if len(links) == 0 {
		return nil
	}
	note := DeltaLinks{Groups: links[0].Groups, Users: links[0].Users, Projection: links[0].Projection, Taken: now, Whole: []directory.GUID{id}}
	if len(links) > 1 && links[1].Groups == note.Groups {
		note.Whole = append(note.Whole, links[0].Whole...)
		links = links[1:]
	}
	note.Whole = distinct(note.Whole)
	return append([]DeltaLinks{note}, links...)
}

// settleSettings notes that the full import is done, and what the containers
// are called now, and forgets the former ones once nothing of ours stands there.
func (r *run) settleSettings(ctx context.Context) error {
	settings, err := r.state.LoadSettings(ctx)
	if err != nil {
		return err
	}
	before := settings
	settings.InitialPending = false // what has failed is pending
	settings.Container = r.containers[0]
	settings.FormerContainers = nil
	if r.formerLeft {
		settings.FormerContainers = r.containers[1:]
	}
	if reflect.DeepEqual(settings, before) {
		return nil
	}
	return r.state.SaveSettings(ctx, settings)
}

// endDisable ends a run that deleted what Disable named.
func (r *run) endDisable(ctx context.Context) error {
	r.progress("commit", 0, 0, "Saving the state")
	var err error
	r.record.LinkedGroups, err = r.state.CountLinks(context.WithoutCancel(ctx)) // all is done
	return err
}
