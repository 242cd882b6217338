package run

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"groupwriteback/internal/batch"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// draft is a plan in progress: its totals. The changes themselves are spooled.
type draft struct {
	resolver *resolver // what the plan is based on
	tally    plan.Tally
	bare     plan.Tally // the tally without the consent
	// relinks are links to store and unlinks are links to end, whatever is written. After
	// the state was lost, they are all groups.
	relinks []relink
	unlinks []directory.GUID
	// nested has the groups that got or lost their object.
	nested     map[directory.GUID]bool
	formerLeft bool // groups still stand in a former container
}

// relink says that the staged object stands for the group. container is the one in which
// it is where it belongs; zero if it is elsewhere.
type relink struct{ source, target, container directory.GUID }

// newDraft begins a plan. last is the newest committed run, if there is one.
func newDraft(ctx context.Context, r *resolver) (d *draft, last contract.Run, committed bool, err error) {
	d = &draft{resolver: r, nested: map[directory.GUID]bool{}}
	last, committed, err = r.run.state.LastComplete(ctx)
	if err != nil {
		return nil, last, false, err
	}
	if committed && r.course.watermark.Scope == r.course.scopeKey() { // otherwise it may have shrunk on purpose
		d.tally.SourceBefore = cmp.Or(last.SourceBaseline, last.SourceGroups)
	}
	r.run.record.TargetHeld = last.TargetHeld
	return d, last, committed, nil
}

// planAll is the step that plans every group, one by one, with the objects that stand for
// it in Active Directory.
func planAll(ctx context.Context, r *resolver) (*draft, error) {
	d, last, _, err := newDraft(ctx, r)
	if err != nil {
		return nil, err
	}
	for id := range r.source.unseen { // groups that neither side shows must be asked for again
		r.run.setPending(id)
	}
	p := newPlanner(ctx, d, nil)
	err = p.planEach(ctx, p.allPairs(ctx), r.run.record.SourceGroups)
	return d, d.end(ctx, &last, err)
}

// planTouched is the step that plans the touched groups.
func planTouched(ctx context.Context, r *resolver) (*draft, error) {
	d, last, committed, err := newDraft(ctx, r)
	if err != nil {
		return nil, err
	}
	record := &r.run.record
	record.UnknownMembers, record.UnwrittenMembers = last.UnknownMembers, last.UnwrittenMembers
	d.tally.Links = record.LinkedGroups
	touched := slices.SortedFunc(maps.Keys(r.source.touched), directory.GUID.Compare)
	if len(touched) == 0 && committed { // counting would go through all groups
		d.tally.SourceNow = last.SourceGroups
		return d, d.end(ctx, &last, nil)
	}
	if d.tally.SourceNow, err = r.run.gen.CountSourceGroups(ctx); err != nil {
		return nil, err
	}
	p := newPlanner(ctx, d, nil)
	err = p.planEach(ctx, p.pairsOf(ctx, touched), len(touched))
	if err = d.end(ctx, &last, err); err == nil && record.Kind != contract.PreviewRun && len(touched) > 0 {
		err = r.run.gen.ForgetSkips(ctx, touched) // ends outdated skips of these groups; the commit of a full import does so for all groups
	}
	return d, err
}

// planAgain adds to the plan what has come up since for these groups. within returns the
// part of a change that the limits let pass.
func planAgain(ctx context.Context, d *draft, within within, ids []directory.GUID) error {
	p := newPlanner(ctx, d, within)
	return p.planEach(ctx, p.pairsOf(ctx, ids), len(ids))
}

// end records the totals of the plan, even if planning failed half-way.
func (d *draft) end(ctx context.Context, last *contract.Run, planned error) error {
	r := d.resolver.run
	if planned == nil && last.TargetHeld {
		// What was missing then is still missing, or has come back since.
		d.tally.Missing, planned = countMissing(ctx, r.gen)
	}
	r.record.SourceGroups, r.record.MissingGroups = d.tally.SourceNow, d.tally.Missing
	r.record.GroupsOnHold, r.record.QuarantinedGroups = len(r.holds.now), r.tries.count()
	return planned
}

// countMissing counts all linked objects that are nowhere in the domain.
func countMissing(ctx context.Context, staged contract.StagedReader) (n int, err error) {
	for links, err := range batch.Pages(ctx, batch.ListBatch, staged.UnstagedLinks, contract.Link.Target) {
		if err != nil {
			return n, err
		}
		n += len(links)
	}
	return n, nil
}
