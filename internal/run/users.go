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

// lastWords summarises a page: who was deleted, and what is reported about the users who
// exist in the end.
func lastWords(page []contract.UserChange) (gone []directory.GUID, there []contract.UserChange) {
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
// who may have been restored: those who were noted as deleted, and those who are no
// member of any group, because they are new or were deleted before anything was read. If
// members were read hours apart, it adds everybody, because they may have been deleted
// and restored in between.
func (r *sourceImport) applyUsers(ctx context.Context, page []contract.UserChange, back map[directory.GUID]bool) error {
	if err := r.recallDeleted(ctx); err != nil {
		return err
	}
	gone, users := lastWords(page)
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
	var forgotten []contract.Note
	for _, id := range there {
		delete(r.deletedUsers, id)
		_, was := deleted[id]
		if was {
			forgotten = append(forgotten, contract.Note{Kind: contract.NoteUserDeleted, ID: id})
		}
		if _, is := known[id]; was || !is || r.resumed {
			back[id] = true
		}
	}
	if err := r.run.gen.StageNotes(ctx, forgotten); err != nil {
		return err
	}
	if err := r.run.noteUsers(ctx, users); err != nil {
		return err
	}
	return r.readToldUsers(ctx, slices.SortedFunc(maps.Keys(known), directory.GUID.Compare))
}

// readToldUsers stages users that a delta reported. It reads those who were not reported
// completely and applies the report on top. If the tenant does not show a user, how they
// have changed is unknown.
func (r *sourceImport) readToldUsers(ctx context.Context, ids []directory.GUID) error {
	told, err := r.run.toldOfUsers(ctx, ids)
	if err != nil {
		return err
	}
	var whole, partial, lacking []directory.SourceMember
	for _, id := range ids {
		user := directory.SourceMember{ID: id, Kind: directory.KindUser}
		if word := told[id]; word.Whole() {
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
	return nil
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
		told, err := r.run.gen.ToldMembers(ctx, id, r.run.lagBegan())
		if err != nil {
			return err
		}
		members := slices.DeleteFunc(found[id], func(m contract.MemberChange) bool {
			return slices.ContainsFunc(told, func(c contract.MemberChange) bool { return c.ID == m.ID && c.Removed })
		})
		if len(members) == 0 {
			continue
		}
		r.touched.add(id, touchedBySource)
		if err := r.run.gen.ChangeMembership(ctx, id, members); err != nil {
			return err
		}
		change := contract.GroupChange{ID: id, Members: members}
		if err := r.run.gen.StageToldMembers(ctx, r.run.now().UTC(), []contract.GroupChange{change}); err != nil {
			return err
		}
	}
	r.readUsers = r.readUsers || len(found) > 0 // what was reported about them overrides what is read now
	return nil
}

// groupsOf lists, for each staged group, the users who are members of it.
func (r *sourceImport) groupsOf(ctx context.Context, users []directory.GUID) (map[directory.GUID][]contract.MemberChange, error) {
	in, err := r.run.source.GroupsOf(ctx, users)
	if err != nil {
		return nil, err
	}
	asked, seen := map[directory.GUID]bool{}, map[directory.GUID]bool{}
	var groups []directory.GUID
	for _, user := range users {
		asked[user] = true
		for _, id := range in[user] {
			if seen[id] {
				continue
			}
			seen[id] = true
			group, staged, err := r.run.gen.SourceGroup(ctx, id)
			if err != nil {
				return nil, err
			}
			if staged && !r.course.hidden(&group) {
				groups = append(groups, id)
			}
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
