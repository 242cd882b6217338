package run

import (
	"context"
	"maps"
	"slices"
	"time"

	"groupwriteback/internal/batch"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// What a delta reports is true of a moment before the report, and the next delta reports
// whatever happens later. What is read may be as old as the lag. So a delta entry
// overrides every reading until the lag after it is over. From then on every reading
// shows it (rule 11).

// lagBegan returns the time up to which every replica shows what has happened.
func (r *run) lagBegan() time.Time { return r.now().Add(-replicaLag) }

// counts reports whether the note still overrides what is read now.
func (r *run) counts(n contract.Note) bool { return n.At.After(r.lagBegan()) }

// noteChanges notes what a page of a delta reports.
func (r *sourceImport) noteChanges(ctx context.Context, page []contract.GroupChange) error {
	var ids []directory.GUID
	var about []contract.GroupChange
	for i := range page {
		if r.course.mayBeInScope(page[i].ID) {
			ids, about = append(ids, page[i].ID), append(about, page[i])
		}
	}
	ids = distinct(ids)
	reported, err := reportsOf[contract.GroupChange](ctx, r.run, contract.NoteGroup, ids)
	if err != nil {
		return err
	}
	deleted, err := r.run.gen.NotesOf(ctx, contract.NoteDeleted, ids)
	if err != nil {
		return err
	}
	absent, err := r.run.gen.NotesOf(ctx, contract.NoteAbsent, ids)
	if err != nil {
		return err
	}
	last := summed(about, func(c *contract.GroupChange) directory.GUID { return c.ID })
	at := r.run.now().UTC()
	var notes []contract.Note
	for _, id := range ids {
		noted, err := note(contract.NoteGroup, id, with(reported[id], report[contract.GroupChange]{at, *last[id]}))
		if err != nil {
			return err
		}
		notes = append(notes, noted)
		if last[id].Removed == contract.RemovedDeleted {
			notes = append(notes, contract.Note{Kind: contract.NoteDeleted, ID: id, At: at})
		} else if _, noted := deleted[id]; noted {
			notes = append(notes, contract.Note{Kind: contract.NoteDeleted, ID: id})
		}
		if _, noted := absent[id]; noted && last[id].Removed == contract.NotRemoved {
			notes = append(notes, contract.Note{Kind: contract.NoteAbsent, ID: id})
		}
	}
	if err := r.run.gen.StageNotes(ctx, notes); err != nil {
		return err
	}
	return r.run.gen.StageReportedMembers(ctx, at, about)
}

// reportsOf returns the notes about these objects that still count.
func reportsOf[T any](ctx context.Context, r *run, kind contract.NoteKind, ids []directory.GUID) (map[directory.GUID][]report[T], error) {
	notes, err := r.gen.NotesOf(ctx, kind, ids)
	if err != nil {
		return nil, err
	}
	all := map[directory.GUID][]report[T]{}
	for id, n := range notes {
		reported, err := reports[T](n, r.lagBegan())
		if err != nil {
			return nil, err
		}
		if len(reported) > 0 {
			all[id] = reported
		}
	}
	return all, nil
}

// reportedIn merges the notes about these objects that still count.
func reportedIn[T any, P merger[T]](ctx context.Context, r *run, kind contract.NoteKind, ids []directory.GUID) (map[directory.GUID]T, error) {
	all, err := reportsOf[T](ctx, r, kind, ids)
	reported := map[directory.GUID]T{}
	for id, w := range all {
		reported[id] = sum[T, P](w)
	}
	return reported, err
}

// reportedOf returns what was reported about these groups within the lag.
func (r *run) reportedOf(ctx context.Context, ids []directory.GUID) (map[directory.GUID]contract.GroupChange, error) {
	return reportedIn[contract.GroupChange](ctx, r, contract.NoteGroup, ids)
}

// reportedOfUsers returns what was reported about these users within the lag.
func (r *run) reportedOfUsers(ctx context.Context, ids []directory.GUID) (map[directory.GUID]contract.UserChange, error) {
	return reportedIn[contract.UserChange](ctx, r, contract.NoteUser, ids)
}

// asReported applies to groups that were just read what was reported about them, and leaves
// out those that were reported as gone. It reuses the slice.
func (r *sourceImport) asReported(ctx context.Context, groups []directory.SourceGroup) ([]directory.SourceGroup, error) {
	ids := make([]directory.GUID, len(groups))
	for i := range groups {
		ids[i] = groups[i].ID
	}
	reported, err := r.run.reportedOf(ctx, ids)
	if err != nil {
		return nil, err
	}
	kept := groups[:0]
	for i := range groups {
		change := reported[groups[i].ID]
		if change.Removed != contract.NotRemoved || change.Unwritten(r.course.selection) {
			continue
		}
		change.Apply(&groups[i])
		kept = append(kept, groups[i])
	}
	return kept, nil
}

// readReported reads the groups that were reported as existing and that a full import did not
// list.
func (r *sourceImport) readReported(ctx context.Context) error {
	var lacking []directory.GUID
	err := r.run.eachNote(ctx, contract.NoteGroup, func(n contract.Note) error {
		reported, err := reports[contract.GroupChange](n, r.run.lagBegan())
		if err != nil || len(reported) == 0 {
			return err
		}
		change := sum(reported)
		if change.Removed != contract.NotRemoved || change.Unwritten(r.course.selection) || !r.course.mayBeInScope(n.ID) {
			return nil
		}
		if _, staged, err := r.run.gen.SourceGroup(ctx, n.ID); err != nil || staged {
			return err
		}
		lacking = append(lacking, n.ID)
		return nil
	})
	if err != nil {
		return err
	}
	_, err = r.readGroups(ctx, lacking)
	return err
}

// putReported applies to the members that were read what was reported about them.
func (r *sourceImport) putReported(ctx context.Context) error {
	if err := r.putReportedMembers(ctx); err != nil {
		return err
	}
	if !r.run.found.expired {
		if err := r.readUnreadMembers(ctx); err != nil {
			return err
		}
	}
	return r.putReportedUsers(ctx)
}

// putReportedMembers does so for the groups whose members this run has read.
func (r *sourceImport) putReportedMembers(ctx context.Context) error {
	if len(r.reread) == 0 {
		return nil
	}
	since := r.run.lagBegan()
	list := func(ctx context.Context, after directory.GUID, limit int) ([]directory.GUID, error) {
		return r.run.gen.ReportedGroups(ctx, since, after, limit)
	}
	for id, err := range batch.Items(ctx, batch.ListBatch, list, itself) {
		if err != nil {
			return err
		}
		if !r.reread[id] {
			continue
		}
		_, staged, err := r.run.gen.SourceGroup(ctx, id)
		if err != nil {
			return err
		}
		if !staged {
			continue
		}
		members, err := r.run.gen.ReportedMembers(ctx, id, since)
		if err != nil {
			return err
		}
		members = slices.DeleteFunc(members, func(m contract.MemberChange) bool { return !m.Removed && r.deletedUsers[m.ID] })
		if err := r.changeMembership(ctx, id, members); err != nil {
			return err
		}
	}
	return nil
}

// putReportedUsers stages how users join according to what was reported about them.
func (r *sourceImport) putReportedUsers(ctx context.Context) error {
	if !r.readUsers {
		return nil
	}
	reported := batch.New(batch.ListBatch, func(ids []directory.GUID) error {
		known, err := r.run.gen.KnownMembers(ctx, ids)
		if err != nil {
			return err
		}
		return r.stageUsers(ctx, slices.Collect(maps.Values(known)))
	})
	err := r.run.eachNote(ctx, contract.NoteUser, func(n contract.Note) error {
		if !r.run.counts(n) {
			return nil
		}
		return reported.Add(n.ID)
	})
	if err != nil {
		return err
	}
	return reported.Flush()
}

// stageUsers stages how members join that were just read, with what was reported about
// them applied on top.
func (r *sourceImport) stageUsers(ctx context.Context, members []directory.SourceMember) error {
	ids := make([]directory.GUID, len(members))
	for i := range members {
		ids[i] = members[i].ID
	}
	reported, err := r.run.reportedOfUsers(ctx, ids)
	if err != nil {
		return err
	}
	for i := range members {
		if change, ok := reported[members[i].ID]; ok {
			change.Apply(&members[i])
		}
	}
	return r.run.gen.StageKnownMembers(ctx, members)
}

// noteUsers notes what a page of a delta reports about users. Each user occurs once.
func (r *run) noteUsers(ctx context.Context, users []contract.UserChange) error {
	ids := make([]directory.GUID, len(users))
	for i := range users {
		ids[i] = users[i].ID
	}
	reported, err := reportsOf[contract.UserChange](ctx, r, contract.NoteUser, ids)
	if err != nil {
		return err
	}
	at := r.now().UTC()
	notes := make([]contract.Note, len(users))
	for i := range users {
		if notes[i], err = note(contract.NoteUser, ids[i], with(reported[ids[i]], report[contract.UserChange]{at, users[i]})); err != nil {
			return err
		}
	}
	return r.gen.StageNotes(ctx, notes)
}

// readAgain notes that these objects were just read and must be read once more when the
// lag is over.
func (r *run) readAgain(ctx context.Context, kind contract.NoteKind, ids []directory.GUID) error {
	notes := make([]contract.Note, len(ids))
	for i, id := range ids {
		notes[i] = contract.Note{Kind: kind, ID: id, At: r.now().UTC()}
	}
	return r.gen.StageNotes(ctx, notes)
}

// dueAgain returns the objects that were read up to a time and must be read once more,
// and removes their notes.
func (r *run) dueAgain(ctx context.Context, kind contract.NoteKind, upTo time.Time) (ids []directory.GUID, err error) {
	err = r.eachNote(ctx, kind, func(n contract.Note) error {
		if !n.At.After(upTo) {
			ids = append(ids, n.ID)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	forgotten := make([]contract.Note, len(ids))
	for i, id := range ids {
		forgotten[i] = contract.Note{Kind: kind, ID: id}
	}
	return ids, r.gen.StageNotes(ctx, forgotten)
}

// eachNote calls each for every note of a kind.
func (r *run) eachNote(ctx context.Context, kind contract.NoteKind, each func(contract.Note) error) error {
	list := func(ctx context.Context, after directory.GUID, limit int) ([]contract.Note, error) {
		return r.gen.Notes(ctx, kind, after, limit)
	}
	for n, err := range batch.Items(ctx, batch.ListBatch, list, noteID) {
		if err != nil {
			return err
		}
		if err := each(n); err != nil {
			return err
		}
	}
	return nil
}
