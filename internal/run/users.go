package run

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// The delta of the groups need not report members who are users and are deleted or
// restored. So a deleted user is taken out of every group at once, and a restored user is
// asked for their groups, and once more when the lag is over (rule 8).

// lastReports summarises a page: who was deleted, and what is reported about the users who
// exist in the end.
func lastReports(page []contract.UserChange) (gone []directory.GUID, there []contract.UserChange) {
	last := summed(page, func(c *contract.UserChange) directory.GUID { return c.ID })
	for i := range page {
		if page[i].Deleted {
			gone = append(gone, page[i].ID)
		}
	}
	for _, id := range slices.SortedFunc(maps.Keys(last), directory.GUID.Compare) {
		if !last[id].Deleted {
			there = append(there, *last[id])
		}
	}
	return distinct(gone), there
}

// applyUsers stages what a page of the users' delta reports. It adds to back the users
// who may have been restored: those who were noted as deleted; those who are no member of
// any group, because they are new or were deleted before anything was read; and those who
// were first read so recently that another group may have been read without them.
func (r *sourceImport) applyUsers(ctx context.Context, page []contract.UserChange, back map[directory.GUID]bool) error {
	if err := r.recallDeleted(ctx); err != nil {
		return err
	}
	gone, users := lastReports(page)
	if err := r.takeOut(ctx, gone); err != nil {
		return err
	}
	for _, id := range gone {
		delete(back, id)
	}
	there := make([]directory.GUID, len(users))
	for i := range users {
		there[i] = users[i].ID
	}
	known, err := r.run.gen.KnownMembers(ctx, there)
	if err != nil {
		return err
	}
	deleted, err := r.run.gen.NotesOf(ctx, contract.NoteUserDeleted, there)
	if err != nil {
		return err
	}
	tenant := r.course.sourceID.TenantID
	recent, err := r.run.gen.NotesOf(ctx, contract.NoteNewMember, append(there, tenant))
	if err != nil {
		return err
	}
	_, everybody := recent[tenant]
	var forgotten []contract.Note
	for _, id := range there {
		delete(r.deletedUsers, id)
		_, was := deleted[id]
		if was {
			forgotten = append(forgotten, contract.Note{Kind: contract.NoteUserDeleted, ID: id})
		}
		_, is := known[id]
		_, isRecent := recent[id]
		if was || !is || isRecent || everybody {
			back[id] = true
		}
	}
	if err := r.run.gen.StageNotes(ctx, forgotten); err != nil {
		return err
	}
	if err := r.run.noteUsers(ctx, users); err != nil {
		return err
	}
	return r.readReportedUsers(ctx, slices.SortedFunc(maps.Keys(known), directory.GUID.Compare))
}

// readReportedUsers stages users that a delta reported. It reads those who were not reported
// completely and applies the report on top. If the tenant does not show a user, how they
// have changed is unknown.
func (r *sourceImport) readReportedUsers(ctx context.Context, ids []directory.GUID) error {
	reported, err := r.run.reportedOfUsers(ctx, ids)
	if err != nil {
		return err
	}
	var whole, partial, lacking []directory.SourceMember
	for _, id := range ids {
		user := directory.SourceMember{ID: id, Kind: directory.KindUser}
		if change := reported[id]; change.Whole() {
			whole = append(whole, user)
		} else {
			partial = append(partial, user)
		}
	}
	if err := r.stageUsers(ctx, whole); err != nil {
		return err
	}
	read, err := r.readSingly(ctx, partial)
	if err != nil {
		return err
	}
	shown := map[directory.GUID]bool{}
	for i := range read {
		shown[read[i].ID] = true
	}
	for _, user := range partial {
		if !shown[user.ID] {
			lacking = append(lacking, user)
		}
	}
	return r.run.gen.StageKnownMembers(ctx, lacking)
}

// meet notes which of these users no group had before. A full import notes all at once
// when it has read them.
func (r *sourceImport) meet(ctx context.Context, users []directory.GUID) error {
	if r.whole || len(users) == 0 {
		return nil
	}
	users = distinct(users)
	known, err := r.run.gen.KnownMembers(ctx, users)
	if err != nil {
		return err
	}
	users = slices.DeleteFunc(users, func(id directory.GUID) bool { _, is := known[id]; return is })
	return r.run.readAgain(ctx, contract.NoteNewMember, users)
}

// changeMembership stages what a delta reported about the members of a group.
func (r *sourceImport) changeMembership(ctx context.Context, group directory.GUID, changes []contract.MemberChange) error {
	var users []directory.GUID
	for i := range changes {
		if c := &changes[i]; c.Kind == directory.KindUser && !c.Removed {
			users = append(users, c.ID)
		}
	}
	if err := r.meet(ctx, users); err != nil {
		return err
	}
	return r.run.gen.ChangeMembership(ctx, group, changes)
}

// takeOut takes deleted users out of every group.
func (r *sourceImport) takeOut(ctx context.Context, users []directory.GUID) error {
	if len(users) == 0 {
		return nil
	}
	var notes []contract.Note
	var removals []contract.MemberChange
	for _, id := range users {
		r.deletedUsers[id] = true
		notes = append(notes, contract.Note{Kind: contract.NoteUserDeleted, ID: id, At: r.run.now().UTC()}, contract.Note{Kind: contract.NoteUser, ID: id}, contract.Note{Kind: contract.NoteUserBack, ID: id})
		removals = append(removals, contract.MemberChange{ID: id, Kind: directory.KindUser, Removed: true})
	}
	if err := r.run.gen.StageNotes(ctx, notes); err != nil {
		return err
	}
	groups, err := r.run.gen.GroupsWithMembers(ctx, users)
	if err != nil {
		return err
	}
	for _, id := range groups {
		r.touched.add(id, touchedBySource)
		if err := r.run.gen.ChangeMembership(ctx, id, removals); err != nil {
			return err
		}
	}
	owned, err := r.run.owned(ctx, users)
	for _, id := range owned {
		r.touched.add(id, touchedBySource)
	}
	return err
}

// recallDeleted finds out which users were reported as deleted within the lag. A replica
// may still show them.
func (r *sourceImport) recallDeleted(ctx context.Context) error {
	if r.deletedUsers != nil {
		return nil
	}
	r.deletedUsers = map[directory.GUID]bool{}
	return r.run.eachNote(ctx, contract.NoteUserDeleted, func(n contract.Note) error {
		if r.run.counts(n) {
			r.deletedUsers[n.ID] = true
		}
		return nil
	})
}

// withoutDeleted returns the members without the deleted users.
func (r *sourceImport) withoutDeleted(members []directory.SourceMember) []directory.SourceMember {
	gone := func(m directory.SourceMember) bool { return r.deletedUsers[m.ID] }
	if !slices.ContainsFunc(members, gone) {
		return members
	}
	return slices.DeleteFunc(slices.Clone(members), gone)
}

// readRestored asks for the groups of users who may have been restored, and adds the
// users to those groups that have them as direct members, because the first answer is
// transitive. What a delta reported within the lag overrides both answers.
func (r *sourceImport) readRestored(ctx context.Context, users []directory.GUID) error {
	if len(users) == 0 {
		return nil
	}
	found, err := r.groupsOf(ctx, users)
	if contract.HasID(err, contract.StopAccessTokenExpired) { // the next run asks
		r.run.found.expired = true
		notes := make([]contract.Note, len(users))
		for i, id := range users {
			notes[i] = contract.Note{Kind: contract.NoteUserBack, ID: id, At: r.run.lagBegan()}
		}
		return r.run.gen.StageNotes(ctx, notes)
	}
	if err != nil {
		return fmt.Errorf("reading the groups of %s after a possible restore: %w", directory.Count(len(users), "user"), err)
	}
	for _, id := range slices.SortedFunc(maps.Keys(found), directory.GUID.Compare) {
		reported, err := r.run.gen.ReportedMembers(ctx, id, r.run.lagBegan())
		if err != nil {
			return err
		}
		members := slices.DeleteFunc(found[id], func(m contract.MemberChange) bool {
			return slices.ContainsFunc(reported, func(c contract.MemberChange) bool { return c.ID == m.ID && c.Removed })
		})
		if len(members) == 0 {
			continue
		}
		r.touched.add(id, touchedBySource)
		if err := r.run.gen.ChangeMembership(ctx, id, members); err != nil {
			return err
		}
		change := contract.GroupChange{ID: id, Members: members}
		if err := r.run.gen.StageReportedMembers(ctx, r.run.now().UTC(), []contract.GroupChange{change}); err != nil {
			return err
		}
	}
	r.readUsers = r.readUsers || len(found) > 0 // what was reported about them overrides what is read now
	return nil
}

// groupsOf lists, for each staged group that lacks some of the users, those who are members
// of it.
func (r *sourceImport) groupsOf(ctx context.Context, users []directory.GUID) (map[directory.GUID][]contract.MemberChange, error) {
	in, err := r.run.source.GroupsOf(ctx, users)
	if err != nil {
		return nil, err
	}
	asked, with := map[directory.GUID]bool{}, map[directory.GUID][]directory.GUID{}
	for _, user := range users {
		asked[user] = true
		for _, id := range in[user] {
			with[id] = append(with[id], user)
		}
	}
	var groups []directory.GUID
	for _, id := range slices.SortedFunc(maps.Keys(with), directory.GUID.Compare) {
		group, staged, err := r.run.gen.SourceGroup(ctx, id)
		if err != nil {
			return nil, err
		}
		if !staged || r.course.hidden(&group) {
			continue
		}
		members, err := r.run.gen.MembersAmong(ctx, id, with[id])
		if err != nil {
			return nil, err
		}
		if len(members) < len(distinct(with[id])) {
			groups = append(groups, id)
		}
	}
	if len(groups) == 0 {
		return nil, nil
	}
	found := map[directory.GUID][]contract.MemberChange{}
	err = r.run.source.Members(ctx, groups, func(page contract.MemberPage) error {
		if contract.HasID(page.Err, contract.StopAccessTokenExpired) {
			return page.Err
		}
		for _, m := range page.Members {
			if asked[m.ID] && !r.deletedUsers[m.ID] {
				found[page.Group] = append(found[page.Group], contract.MemberChange{ID: m.ID, Kind: m.Kind})
			}
		}
		return nil
	})
	return found, err
}
