package run

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"groupwriteback/internal/batch"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/identity"
	"groupwriteback/internal/plan"
)

// GroupSyncRequest syncs one group on demand.
type GroupSyncRequest struct {
	// Group is the group's object id, or exactly its display name or mail.
	// Errors: GroupNotFound, GroupAmbiguous.
	Group  string `json:"group"`
	WhatIf bool   `json:"whatIf"` // a consent is not used up then
	// AllowOnce and SkipReplicationCheck are as for a sync.
	AllowOnce            string `json:"allowOnce"`
	SkipReplicationCheck bool   `json:"skipReplicationCheck"`
}

// GroupSyncResult tells step by step what became of the group. Unwritten are up
// to 500 of its members that do not stand in AD, by id, each with the reason, also
// of a run that committed nothing; after one that did, group.members lists all.
type GroupSyncResult struct {
	Run         contract.Run          `json:"run"`
	ID          directory.GUID        `json:"id"`
	DisplayName string                `json:"displayName"`
	Steps       []GroupStep           `json:"steps"`
	Unwritten   []contract.MemberView `json:"unwritten"`
}

// GroupStep is one step of a sync on demand. Name is Import, Scope, Join,
// Members or Action.
type GroupStep struct {
	Name    string               `json:"name"`
	Result  contract.CheckResult `json:"result"`
	Message string               `json:"message"`
}

func (r *Run) SyncGroup(ctx context.Context, request GroupSyncRequest) (GroupSyncResult, error) {
	if r.single = true; request.WhatIf {
		r.record.Kind = contract.PreviewRun
	}
	id, err := r.find(r.patient(ctx), request.Group)
	if err != nil {
		return GroupSyncResult{}, err
	}
	if err := r.agree(ctx, request.AllowOnce); err != nil {
		return GroupSyncResult{}, err
	}
	r.record.GroupID = id
	d := demand{Run: r, id: id, result: GroupSyncResult{ID: id}}
	steps := []step{
		{"prepare", "Looking at the containers and at what is due", r.prepare},
		{"import-members", "Reading the group and its members", d.importSource},
		{"import-target", "Reading what stands for it in Active Directory", d.importTarget},
		{"resolve", "Finding the members in Active Directory", d.resolve},
		{"plan", "Planning", d.plan},
		{"limits", "Checking the limits", r.limitStep},
	}
	if !request.WhatIf {
		steps = append(steps, r.writing()...)
	}
	d.result.Run, err = r.do(ctx, steps...)
	if err != nil {
		return d.result, err
	}
	return d.result, d.tell(context.WithoutCancel(ctx), request.WhatIf)
}

// find returns the id of the group that the text names. The tenant's own names go
// first: they may have changed since the last run.
func (r *Run) find(ctx context.Context, text string) (directory.GUID, error) {
	wanted, err := identity.Identify("group", text)
	if err != nil {
		return directory.GUID{}, err
	}
	if wanted.GUID().IsZero() && wanted.SID == "" {
		r.Begin("find", "Looking for the group in the tenant")
		ids, err := r.source.FindGroups(ctx, text)
		switch {
		case err != nil:
			return directory.GUID{}, fmt.Errorf("looking for the group %q: %w", text, err)
		case len(ids) > 1:
			return directory.GUID{}, r.ambiguousInTenant(ctx, text, ids)
		case len(ids) == 1:
			return ids[0], nil
		}
	}
	known, err := wanted.Known(ctx, r.state)
	switch {
	case err != nil:
		return directory.GUID{}, err
	case len(known) > 1:
		return directory.GUID{}, identity.Ambiguous(text, identity.Called(known))
	case len(known) == 1 && !known[0].ID.IsZero():
		return known[0].ID, nil
	}
	if !wanted.GUID().IsZero() {
		if id, err := r.heardOf(ctx, wanted.GUID()); err != nil || !id.IsZero() {
			return id, err
		}
		natures, err := r.source.GroupNatures(ctx, []directory.GUID{wanted.GUID()})
		if err != nil {
			return directory.GUID{}, fmt.Errorf("looking for the group %s: %w", wanted.GUID(), err)
		}
		if natures[wanted.GUID()].Nature != contract.NoSuchGroup {
			return wanted.GUID(), nil
		}
	}
	if len(known) == 1 {
		return directory.GUID{}, identity.ErrNotLinked(&known[0])
	}
	return directory.GUID{}, &contract.Error{Category: contract.ObjectNotFound, ID: "GroupNotFound", Object: text, Message: "Neither the tenant nor the state has a group of this name or id.",
		Advice: "Name it exactly, or give its object id. A group that was made a moment ago may take some minutes to be shown."}
}

// heardOf returns the group of this id, or that the object of this objectGUID is
// linked to, where a run has had to do with it though the last one did not see it;
// else zero.
func (r *Run) heardOf(ctx context.Context, id directory.GUID) (directory.GUID, error) {
	one := []directory.GUID{id}
	links, err := r.state.LinksTo(ctx, one)
	if err == nil && len(links) == 0 {
		links, err = r.state.LinksOf(ctx, one)
	}
	if err != nil {
		return directory.GUID{}, err
	}
	if len(links) > 0 {
		return links[0].SourceID, nil
	}
	told, err := r.gen.NotesOf(ctx, contract.NoteGroup, one)
	if err != nil {
		return directory.GUID{}, err
	}
	pending, err := r.state.Pending(ctx)
	if _, ok := told[id]; err == nil && (ok || slices.Contains(pending, id)) {
		return id, nil
	}
	return directory.GUID{}, err
}

// ambiguousInTenant is the error of a name that several groups of the tenant have.
func (r *Run) ambiguousInTenant(ctx context.Context, text string, ids []directory.GUID) error {
	natures, err := r.source.GroupNatures(ctx, ids)
	if err != nil {
		return fmt.Errorf("looking at the groups that are called %q: %w", text, err)
	}
	names := make([]string, len(ids))
	for i, id := range ids {
		of := natures[id]
		names[i] = fmt.Sprintf("%s (%s)", cmp.Or(of.Name, text), id)
		if of.Nature != contract.NoSuchGroup {
			names[i] = fmt.Sprintf("%s (%s, a %s)", of.Name, id, of.Nature)
		}
	}
	return identity.Ambiguous(text, names)
}

// demand is a sync of one group on its way.
type demand struct {
	*Run
	id   directory.GUID
	read bool // its members were, as far as they could be
	// unwritable: it is there, and none of those that are written.
	unwritable bool
	members    []directory.GUID
	result     GroupSyncResult
}

// askAgain is up to how many members of a group that is synced on demand are
// asked for anew in AD; of a larger one only those that are new or have changed.
const askAgain = 5_000

// listedUnwritten is how many members that are not written the answer lists.
const listedUnwritten = 500

func (d *demand) step(name string, result contract.CheckResult, format string, args ...any) {
	d.result.Steps = append(d.result.Steps, GroupStep{Name: name, Result: result, Message: fmt.Sprintf(format, args...)})
}

// importSource stages the group and its members as they are now. One that the
// tenant does not give is judged as in any run (rule 6).
func (d *demand) importSource(ctx context.Context) error {
	pending, err := d.state.Pending(ctx)
	if err != nil {
		return err
	}
	for _, id := range pending {
		d.pending[id] = true
	}
	d.touch(d.id, touchedBySource)
	if err := d.hear(ctx); err != nil {
		return err
	}
	groups, err := d.source.GroupsByID(ctx, d.selection, []directory.GUID{d.id})
	if err != nil {
		return fmt.Errorf("reading the group %s: %w", d.id, err)
	}
	if err := d.readAgain(ctx, contract.NoteRead, []directory.GUID{d.id}); err != nil {
		return err
	}
	if groups, err = d.asTold(ctx, groups); err != nil {
		return err
	}
	if len(groups) == 0 {
		// A run that waits for the group goes on waiting: no delta tells of it again.
		d.unseen[d.id] = d.pending[d.id]
		if err := d.sayWhyUnread(ctx); err != nil {
			return err
		}
		return d.gen.StageGoneGroups(ctx, []directory.GUID{d.id})
	}
	group := groups[0]
	d.result.DisplayName, d.record.GroupName = group.DisplayName(), group.DisplayName()
	if why := d.scope.Excludes(&group); why != "" {
		d.unwritable = true
		d.step("Import", contract.Passed, "The group was read.")
		d.step("Scope", contract.Skipped, "%s", why)
		return d.gen.StageGoneGroups(ctx, []directory.GUID{d.id})
	}
	if err := d.gen.StageSourceGroups(ctx, groups); err != nil {
		return err
	}
	if d.hidden(&group) {
		d.step("Import", contract.Warning, "The group was read, and not its members, which are hidden.")
	} else {
		d.read = true
		d.sawMembers = func(page contract.MemberPage) {
			for i := range page.Members {
				d.members = append(d.members, page.Members[i].ID)
			}
		}
		if err := d.readMembers(ctx, []directory.GUID{d.id}); err != nil {
			return err
		}
		if err := d.putTold(ctx); err != nil {
			return err
		}
		d.step("Import", contract.Passed, "The group and its members were read.")
	}
	d.step("Scope", contract.Passed, "It is one of those that are written.")
	return nil
}

// sayWhyUnread says why the group is none of those that can be written: it is not
// there, or it is of a kind that is not.
func (d *demand) sayWhyUnread(ctx context.Context) error {
	natures, err := d.source.GroupNatures(ctx, []directory.GUID{d.id})
	if err != nil {
		return fmt.Errorf("looking at the group %s: %w", d.id, err)
	}
	of := natures[d.id]
	if of.Nature == contract.NoSuchGroup {
		d.step("Import", contract.Skipped, "The group was not found in the tenant.")
		return nil
	}
	d.result.DisplayName, d.record.GroupName = of.Name, of.Name
	d.unwritable = true
	d.step("Import", contract.Passed, "The group was found. It is a %s.", of.Nature)
	d.step("Scope", contract.Skipped, "%s", of.Nature.Unwritable())
	return nil
}

// hear notes what the deltas tell of the group and of users by now: without it, what
// was told within the lag would go over a change that is newer. The links stay where
// they are, so that the next run is told all of it again.
func (d *demand) hear(ctx context.Context) error {
	links := d.watermark.Source[0]
	_, err := d.source.GroupChanges(ctx, links.Groups, func(page []contract.GroupChange) error {
		return d.noteChanges(ctx, slices.DeleteFunc(page, func(c contract.GroupChange) bool { return c.ID != d.id }))
	})
	if err == nil {
		_, err = d.source.UserChanges(ctx, links.Users, func(page []contract.UserChange) error { return d.hearUsers(ctx, page) })
	}
	if err != nil && !contract.HasID(err, "DeltaLinkExpired") { // then the next run reads everything
		return fmt.Errorf("reading what has changed of the group %s: %w", d.id, err)
	}
	return nil
}

// hearUsers notes what is told of users. That somebody was deleted is not forgotten
// here, although he is there again: the next run asks in which groups he is.
func (d *demand) hearUsers(ctx context.Context, page []contract.UserChange) error {
	if err := d.recallDeleted(ctx); err != nil {
		return err
	}
	gone, there := lastWords(page)
	var notes []contract.Note
	for _, id := range gone {
		d.deletedUsers[id] = true
		notes = append(notes, contract.Note{Kind: contract.NoteUserDeleted, ID: id, At: d.now().UTC()}, contract.Note{Kind: contract.NoteUser, ID: id})
	}
	for i := range there {
		delete(d.deletedUsers, there[i].ID)
	}
	if err := d.gen.StageNotes(ctx, notes); err != nil {
		return err
	}
	return d.noteUsers(ctx, there)
}

func (d *demand) importTarget(ctx context.Context) error {
	return d.readStanding(ctx, []directory.GUID{d.id})
}

// resolve finds the members anew. Other groups may have the same ones: those
// are left to the next run.
func (d *demand) resolve(ctx context.Context) error {
	again := []directory.GUID{d.id} // another object may stand for it now
	if len(d.members) <= askAgain {
		again = append(again, d.members...)
	}
	if err := d.gen.StageMembersAgain(ctx, again); err != nil {
		return err
	}
	if err := d.Run.resolve(ctx, nil); err != nil {
		return err
	}
	changed, err := d.gen.ChangedJoins(ctx)
	if err != nil || len(changed) == 0 {
		return err
	}
	groups, err := d.gen.GroupsWithMembers(ctx, changed)
	for _, id := range groups {
		d.setPending(id, true)
	}
	return err
}

func (d *demand) plan(ctx context.Context) error {
	staged, err := d.gen.Candidates(ctx, d.id)
	if err != nil {
		return err
	}
	switch {
	case len(staged) == 0:
		d.step("Join", contract.Passed, "Nothing stands for it in Active Directory yet.")
	case len(staged) > 1:
		d.step("Join", contract.Warning, "%d objects carry its mark.", len(staged))
	case staged[0].Linked:
		d.step("Join", contract.Passed, "It is linked to %s.", staged[0].DN)
	default:
		d.step("Join", contract.Passed, "%s carries its mark.", staged[0].DN)
	}
	if !d.read {
		return d.planStep(ctx)
	}
	m, err := d.gen.SourceMembership(ctx, d.id)
	if err != nil {
		return err
	}
	switch {
	case m.Incomplete == "" && m.Count() == 0:
		d.step("Members", contract.Passed, "It has none.")
	case m.Incomplete != "":
		d.step("Members", contract.Warning, "Its members could not be read (%s).", m.Incomplete)
	case m.Unknown() > 0:
		d.step("Members", contract.Warning, "%s in Active Directory; of %s there.",
			directory.Plural(len(m.Joined), "1 is", "%d are"), directory.Plural(m.Unknown(), "1 it is not known who it is", "%d it is not known who they are"))
	case len(m.Unwritten) > 0:
		d.step("Members", contract.Passed, "%d of %d %s in Active Directory.", len(m.Joined), m.Count(), directory.Plural(len(m.Joined), "is", "are"))
	default:
		d.step("Members", contract.Passed, "%d, all in Active Directory.", len(m.Joined))
	}
	if len(m.Unwritten) > 0 {
		// Now, since a preview and a run that stops leave nothing of what they staged.
		if d.result.Unwritten, err = d.gen.StagedUnwritten(ctx, d.id, listedUnwritten); err != nil {
			return err
		}
	}
	return d.planStep(ctx)
}

// tell adds what was done, or would be.
func (d *demand) tell(ctx context.Context, whatIf bool) error {
	run := &d.result.Run
	if run.Status == contract.RunFailed && run.StopReason != contract.StopAllFailed || run.Status == contract.RunStopped || run.StopReason == contract.StopAccessTokenExpired && run.Planned == (plan.Totals{}) {
		d.step("Action", contract.Failed, "%s", run.Message)
		return nil
	}
	changes, err := d.state.Changes(ctx, d.record.ID, 0, 0, batch.ListBatch, false)
	if err != nil {
		return err
	}
	switch {
	case len(changes) == 0 && d.unwritable:
		d.step("Action", contract.Passed, "The group is not written, so there is nothing to do.")
	case len(changes) == 0:
		d.step("Action", contract.Passed, "Nothing differs.")
	}
	for i := range changes {
		c := &changes[i]
		result, text := contract.Passed, describe(c)
		switch {
		case c.Action == plan.Skip:
			result = contract.Skipped
		case c.Outcome == contract.OutcomeHeld:
			result, text = contract.Failed, "It is held back: "+text+" "+c.Message
			if whatIf {
				result, text = contract.Warning, "It would be held back: "+describe(c)+" "+c.Message
			}
		case whatIf:
			text = "Would: " + text
		case c.Outcome != contract.OutcomeDone:
			result, text = contract.Failed, text+" "+c.Message
		}
		d.step("Action", result, "%s", text)
	}
	return nil
}

// describe says in words what a change does.
func describe(c *contract.SpooledChange) string {
	var parts []string
	for _, a := range c.Attributes {
		parts = append(parts, a.Name)
	}
	if c.AddCount > 0 || c.RemoveCount > 0 {
		parts = append(parts, fmt.Sprintf("members +%d -%d", c.AddCount, c.RemoveCount))
	}
	text := string(c.Action)
	if len(parts) > 0 {
		text += " (" + strings.Join(slices.Compact(parts), ", ") + ")"
	}
	if c.Change.Message != "" {
		text += ": " + c.Change.Message
	}
	return text
}
