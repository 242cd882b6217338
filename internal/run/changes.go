package run

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"groupwriteback/internal/batch"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// touch is a set of reasons why a Delta run looks at a group.
type touch uint8

const (
	touchedBySource touch = 1 << iota
	touchedByTarget
	touchedByJoin // one of its members joins otherwise than before
	touchedPending
)

// touched maps the groups that a Delta run looks at to the reasons.
type touched map[directory.GUID]touch

func (t touched) add(id directory.GUID, why touch) {
	if !id.IsZero() {
		t[id] |= why
	}
}

// importChanges is the step in which a Delta run reads what has happened in the tenant
// since the last committed run.
func importChanges(ctx context.Context, c *course) (*sourceImport, error) {
	r := newSourceImport(c)
	if err := r.readSinceLast(ctx); err != nil {
		return r, err
	}
	return r, r.readMailSettings(ctx)
}

// readSinceLast stages what has happened in the tenant since the last committed run. It
// first reads whole the groups whose members that run could not read, because the delta
// entries apply on top of them.
func (r *sourceImport) readSinceLast(ctx context.Context) error {
	pending, err := r.run.state.Pending(ctx)
	if err != nil {
		return err
	}
	awaited, err := r.awaited(ctx)
	if err != nil {
		return err
	}
	listed, err := r.listAgain(ctx)
	if err != nil {
		return err
	}
	var unstaged, unread []directory.GUID
	for _, id := range distinct(slices.Concat(pending, awaited, listed)) {
		r.touched.add(id, touchedPending)
		group, ok, err := r.run.gen.SourceGroup(ctx, id)
		if err != nil {
			return err
		}
		if !ok {
			unstaged = append(unstaged, id)
			continue
		}
		if r.course.hidden(&group) {
			continue
		}
		membership, err := r.run.gen.SourceMembership(ctx, id)
		if err != nil {
			return err
		}
		if membership.Incomplete != "" {
			unread = append(unread, id)
		}
	}
	if _, err := r.readGroups(ctx, unstaged); err != nil {
		return err
	}
	again, err := r.readAfterLag(ctx, append(slices.Clone(unstaged), unread...))
	if err != nil {
		return err
	}
	unread = slices.DeleteFunc(unread, func(id directory.GUID) bool { return r.unseen[id] })
	if err := r.readMembers(ctx, append(unread, again...)); err != nil {
		return err
	}
	// No delta reports again what earlier runs were reported about these groups.
	if err := r.run.readAgain(ctx, contract.NoteRead, distinct(append(unstaged, unread...))); err != nil {
		return err
	}
	if r.run.found.expired { // the next run reads the changes
		r.links = r.course.watermark.Source[0]
		r.links.Taken = r.run.now().UTC()
	} else if r.links, err = r.readChanges(ctx, r.course.watermark.Source[0]); err != nil {
		return err
	}
	if err := r.readOwners(ctx); err != nil {
		return err
	}
	return r.putReported(ctx)
}

// awaited returns the groups that somebody has agreed to adopt or has let go of and for
// which that is not done yet, those whose hold has ended by itself, and those in
// quarantine whose time has come. No change in the tenant or in AD touches them.
func (r *sourceImport) awaited(ctx context.Context) ([]directory.GUID, error) {
	ids := append(r.run.tries.due(r.run.now()), r.run.holds.over...)
	var released []directory.GUID
	for _, l := range r.run.ground.Adopts {
		ids = append(ids, l.SourceID)
	}
	for _, g := range r.run.settings.ReleasedGroups {
		released = append(released, g.ID)
	}
	links, err := r.run.state.LinksOf(ctx, released)
	for _, l := range links {
		ids = append(ids, l.SourceID)
	}
	return ids, err
}

// listAgain lists the groups once more when the lag after a full import is over, and
// returns those in scope that are not staged. The first list may have shown a group as it
// was before it was restored. No delta reports that, and a group about which nothing is
// known is not asked for singly.
func (r *sourceImport) listAgain(ctx context.Context) (lacking []directory.GUID, err error) {
	due, err := r.run.dueAgain(ctx, contract.NoteListed, r.run.lagBegan())
	if err != nil || len(due) == 0 {
		return nil, err
	}
	listed := 0
	err = r.run.source.Groups(ctx, r.course.selection, func(page []directory.SourceGroup) error {
		listed += len(page)
		r.run.meter.At(listed, 0, "Listing the groups of the tenant again")
		reported, err := r.asReported(ctx, page)
		if err != nil {
			return err
		}
		for _, g := range r.course.inScope(reported) {
			if _, staged, err := r.run.gen.SourceGroup(ctx, g.ID); err != nil {
				return err
			} else if !staged {
				lacking = append(lacking, g.ID)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("listing the groups of the tenant again: %w", err)
	}
	return lacking, nil
}

// readAfterLag reads once more the groups and members that were read while a replica may
// have lagged, and forgets their notes. No delta reports again what the replica hid then,
// not even the deletion of a group. It returns the groups whose members are still to be
// read, without those that this run reads anyway.
func (r *sourceImport) readAfterLag(ctx context.Context, read []directory.GUID) ([]directory.GUID, error) {
	noted, err := r.run.dueAgain(ctx, contract.NoteRead, r.run.lagBegan())
	if err != nil {
		return nil, err
	}
	users, err := r.run.dueAgain(ctx, contract.NoteReadUser, r.run.lagBegan())
	if err != nil {
		return nil, err
	}
	var members []directory.SourceMember
	for _, id := range users {
		members = append(members, directory.SourceMember{ID: id, Kind: directory.KindUser})
	}
	if _, err := r.readSingly(ctx, members); err != nil {
		return nil, err
	}
	restored, err := r.run.dueAgain(ctx, contract.NoteUserBack, r.run.lagBegan())
	if err != nil {
		return nil, err
	}
	if err := r.readRestored(ctx, restored); err != nil {
		return nil, err
	}
	reads := map[directory.GUID]bool{}
	for _, id := range read {
		reads[id] = true
	}
	// Groups that are not staged were shown as out of scope. One that has come into scope
	// is read whole now. If one is gone, the delta reports it.
	var staged, others []directory.GUID
	for _, id := range noted {
		group, ok, err := r.run.gen.SourceGroup(ctx, id)
		switch {
		case err != nil:
			return nil, err
		case reads[id]:
		case !ok:
			others = append(others, id)
		case !r.course.hidden(&group):
			staged = append(staged, id)
		}
	}
	if _, err := r.readGroups(ctx, slices.Concat(staged, others)); err != nil {
		return nil, err
	}
	for _, id := range others {
		delete(r.unseen, id)
	}
	var again []directory.GUID
	for _, id := range staged { // it may be gone, or its membership hidden now
		group, ok, err := r.run.gen.SourceGroup(ctx, id)
		if err != nil {
			return nil, err
		}
		if ok && !r.course.hidden(&group) {
			again = append(again, id)
		}
	}
	return again, nil
}

func distinct(ids []directory.GUID) []directory.GUID {
	slices.SortFunc(ids, directory.GUID.Compare)
	return slices.Compact(ids)
}

// catchUp ends a full import with what changed while it was read and before, as far back
// as replicas may have hidden it (rule 11). It starts from an earlier link if there is
// one. Otherwise it starts from the link taken first, and a second full import follows
// when the lag is over.
func (r *sourceImport) catchUp(ctx context.Context) error {
	r.settled = false
	if from, covers, ok := earlier(r.ofThisProjection(), r.links.Taken); ok {
		links, err := r.readChanges(ctx, from)
		if err == nil {
			r.links, r.settled = links, covers
			return nil
		}
		if !contract.HasID(err, "DeltaLinkExpired") {
			return err
		}
	}
	links, err := r.readChanges(ctx, r.links)
	if err == nil {
		r.links = links
	}
	return err
}

// ofThisProjection returns the stored links that report the properties that are read now.
// Any other link would keep reporting the old properties.
func (r *sourceImport) ofThisProjection() (links []contract.DeltaLinks) {
	for _, l := range r.course.watermark.Source {
		if l.Projection == r.run.ground.Projection {
			links = append(links, l)
		}
	}
	return links
}

// earlier returns the newest link that was taken long enough before the import began, or
// else the oldest link, and whether the link covers the lag.
func earlier(links []contract.DeltaLinks, began time.Time) (from contract.DeltaLinks, covers, ok bool) {
	for _, l := range links { // newest first
		if began.Sub(l.Taken) >= linkLifetime {
			break
		}
		from, ok = l, true
		if began.Sub(l.Taken) >= replicaLag {
			return from, true, true
		}
	}
	return from, false, ok
}

// kept returns the links to store, newest first: those that a full import may still need.
func kept(newest contract.DeltaLinks, before []contract.DeltaLinks) []contract.DeltaLinks {
	const most = 48
	links := []contract.DeltaLinks{newest}
	for _, l := range before {
		links = append(links, l)
		if len(links) == most || newest.Taken.Sub(l.Taken) >= replicaLag {
			break
		}
	}
	return links
}

// readChanges stages what has happened since the links were issued, and returns the links
// for the next run. Reading the same changes again has no effect.
func (r *sourceImport) readChanges(ctx context.Context, from contract.DeltaLinks) (contract.DeltaLinks, error) {
	next := contract.DeltaLinks{Taken: r.run.now().UTC()}
	fresh, again := map[directory.GUID]bool{}, map[directory.GUID]bool{}
	var err error
	changes := 0
	next.Groups, err = r.run.source.GroupChanges(ctx, from.Groups, func(page []contract.GroupChange) error {
		changes += len(page)
		r.run.meter.At(changes, 0, "Reading the changes in the tenant")
		if err := r.noteChanges(ctx, page); err != nil {
			return err
		}
		for i := range page {
			if err := r.applyChange(ctx, &page[i], fresh); err != nil {
				return err
			}
			if r.whole || page[i].Retyped || page[i].Owners { // what is read whole, or its owners
				again[page[i].ID] = true
			}
		}
		return nil
	})
	if err != nil {
		return next, fmt.Errorf("reading the group changes in the tenant: %w", err)
	}
	back := map[directory.GUID]bool{}
	next.Users, err = r.run.source.UserChanges(ctx, from.Users, func(page []contract.UserChange) error {
		return r.applyUsers(ctx, page, back)
	})
	if err != nil {
		return next, fmt.Errorf("reading the user changes in the tenant: %w", err)
	}
	whole, err := r.readGroups(ctx, slices.SortedFunc(maps.Keys(fresh), directory.GUID.Compare))
	if err != nil {
		return next, err
	}
	for _, id := range whole {
		again[id] = true
	}
	restored := slices.SortedFunc(maps.Keys(back), directory.GUID.Compare)
	if err := r.run.readAgain(ctx, contract.NoteUserBack, restored); err != nil {
		return next, err
	}
	if err := r.readRestored(ctx, restored); err != nil {
		return next, err
	}
	return next, r.noteReadAgain(ctx, again, fresh)
}

// noteReadAgain notes what to read once more when the lag is over: the staged groups that
// were read whole, and the reported groups that were shown as out of scope, perhaps in an
// earlier state.
func (r *sourceImport) noteReadAgain(ctx context.Context, whole, fresh map[directory.GUID]bool) error {
	var again []directory.GUID
	for _, id := range distinct(slices.AppendSeq(slices.Collect(maps.Keys(whole)), maps.Keys(fresh))) {
		_, staged, err := r.run.gen.SourceGroup(ctx, id)
		if err != nil {
			return err
		}
		if staged && whole[id] || !staged && fresh[id] && !r.unseen[id] {
			again = append(again, id)
		}
	}
	return r.run.readAgain(ctx, contract.NoteRead, again)
}

// applyChange stages what one entry reports. A group that is not staged is added to
// fresh, to be read whole, because an entry need not report everything.
func (r *sourceImport) applyChange(ctx context.Context, c *contract.GroupChange, fresh map[directory.GUID]bool) error {
	id := c.ID
	delete(r.reportedOut, id)
	if c.Removed != contract.NotRemoved || c.Unwritten(r.course.selection) {
		r.reportedOut[id] = c.Removed == contract.NotRemoved
		delete(fresh, id)
		delete(r.unseen, id)
		r.touched.add(id, touchedBySource)
		return r.run.gen.StageGoneGroups(ctx, []directory.GUID{id})
	}
	before, ok, err := r.run.gen.SourceGroup(ctx, id)
	if err != nil {
		return err
	}
	if !ok {
		if !r.course.mayBeInScope(id) {
			return nil
		}
		fresh[id] = true
		return nil
	}
	if r.course.selection.WritebackConfiguration || c.Retyped { // the delta does not track it, or does not report the new kind
		fresh[id] = true
	}
	after := before
	c.Apply(&after)
	r.touched.add(id, touchedBySource)
	switch {
	case !r.course.scope.Holds(&after):
		r.reportedOut[id] = r.course.scope.Holds(&before)
		return r.run.gen.StageGoneGroups(ctx, []directory.GUID{id})
	case r.course.hidden(&before) && !r.course.hidden(&after): // the members were never read
		fresh[id] = true
	case !after.Equal(&before):
		if err := r.run.gen.StageSourceGroups(ctx, []directory.SourceGroup{after}); err != nil {
			return err
		}
	}
	if len(c.Members) == 0 || r.course.hidden(&after) {
		return nil
	}
	return r.changeMembership(ctx, id, c.Members)
}

// readGroups stages the given groups as they are now, with the members of those that were
// not staged. It does not stage a group that the tenant does not return; whether that
// group is gone is asked singly when it is planned (rule 6). It returns the groups whose
// members it read.
func (r *sourceImport) readGroups(ctx context.Context, ids []directory.GUID) (whole []directory.GUID, err error) {
	for batch := range slices.Chunk(ids, batch.AskBatch) {
		groups, err := r.run.source.GroupsByID(ctx, r.course.selection, batch)
		if err != nil {
			return nil, fmt.Errorf("reading %s after a change: %w", directory.Count(len(batch), "group"), err)
		}
		missing := map[directory.GUID]bool{}
		for _, id := range batch {
			missing[id], r.unseen[id] = true, true
			r.touched.add(id, touchedBySource)
		}
		for i := range groups {
			delete(r.unseen, groups[i].ID)
		}
		if groups, err = r.asReported(ctx, groups); err != nil {
			return nil, err
		}
		groups = r.course.inScope(groups)
		for i := range groups {
			delete(missing, groups[i].ID)
			before, ok, err := r.run.gen.SourceGroup(ctx, groups[i].ID)
			if err != nil {
				return nil, err
			}
			if (!ok || r.course.hidden(&before)) && !r.course.hidden(&groups[i]) {
				whole = append(whole, groups[i].ID)
			}
		}
		if err := r.run.gen.StageGoneGroups(ctx, slices.Collect(maps.Keys(missing))); err != nil {
			return nil, err
		}
		if err := r.run.gen.StageSourceGroups(ctx, groups); err != nil {
			return nil, err
		}
	}
	return whole, r.readMembers(ctx, whole)
}

// readUnreadMembers reads how members join whose id is all that is known.
func (r *sourceImport) readUnreadMembers(ctx context.Context) error {
	var unjoined []directory.GUID
	for members, err := range batch.Pages(ctx, batch.AskBatch, r.run.gen.UnreadMembers, memberID) {
		if err != nil {
			return err
		}
		read, err := r.readSingly(ctx, members)
		if err != nil {
			return err
		}
		for i := range read {
			// A lagging replica does not yet show that they have an account.
			if m := &read[i]; m.Kind == directory.KindUser && m.Readable && !m.Synced {
				unjoined = append(unjoined, m.ID)
			}
		}
	}
	return r.run.readAgain(ctx, contract.NoteReadUser, unjoined)
}

// readSingly reads and stages how these members join.
func (r *sourceImport) readSingly(ctx context.Context, members []directory.SourceMember) (read []directory.SourceMember, err error) {
	for batch := range slices.Chunk(members, batch.AskBatch) {
		known, err := r.run.source.MembersByID(ctx, batch)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", directory.Count(len(batch), "member"), err)
		}
		if err := r.stageUsers(ctx, known); err != nil {
			return nil, err
		}
		read, r.readUsers = append(read, known...), true
	}
	return read, nil
}
