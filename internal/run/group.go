package run

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"groupwriteback/internal/batch"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// GroupSyncRequest asks for a sync of one group on demand.
type GroupSyncRequest struct {
	// Group is the group's object id, or its exact display name or mail. Errors:
	// GroupNotFound, GroupAmbiguous.
	Group  string `json:"group"`
	WhatIf bool   `json:"whatIf"` // does not use up a consent
	// AllowOnce and SkipReplicationCheck are as for a sync.
	AllowOnce            string `json:"allowOnce"`
	SkipReplicationCheck bool   `json:"skipReplicationCheck"`
}

// GroupSyncResult reports step by step what happened to the group. Unwritten lists up to
// 500 of its members that are not in the AD group, by id, each with the reason. It is set
// even if the run committed nothing; after a commit, group.members lists all of them.
type GroupSyncResult struct {
	Run         contract.Run          `json:"run"`
	ID          directory.GUID        `json:"id"`
	DisplayName string                `json:"displayName"`
	Steps       []GroupStep           `json:"steps"`
	Unwritten   []contract.MemberView `json:"unwritten"`
}

// GroupStep is one step of a sync on demand. Name is Import, Scope, Join, Members or
// Action.
type GroupStep struct {
	Name    string               `json:"name"`
	Result  contract.CheckResult `json:"result"`
	Message string               `json:"message"`
}

// demand is a sync of one group in progress.
type demand struct {
	run  *run
	id   directory.GUID
	read bool // the members were read, as far as possible
	// unwritable means that the group exists but is of a kind that is not written.
	unwritable bool
	members    []directory.GUID
	result     GroupSyncResult
}

// askAgain is the largest number of members that a sync on demand looks up again in AD.
// Of a larger group it looks up only new and changed members.
const askAgain = 5_000

// listedUnwritten is how many unwritten members the answer lists.
const listedUnwritten = 500

func (d *demand) say(name string, result contract.CheckResult, format string, args ...any) {
	d.result.Steps = append(d.result.Steps, GroupStep{Name: name, Result: result, Message: fmt.Sprintf(format, args...)})
}

// importSource is the step that stages the group and its members as they are now. A group
// that the tenant does not return is judged as in any run (rule 6).
func (d *demand) importSource(ctx context.Context, at *course) (*sourceImport, error) {
	source := newSourceImport(at)
	if err := d.readGroup(ctx, source); err != nil {
		return source, err
	}
	return source, source.readMailSettings(ctx)
}

func (d *demand) readGroup(ctx context.Context, source *sourceImport) error {
	at := source.course
	pending, err := d.run.state.Pending(ctx)
	if err != nil {
		return err
	}
	for _, id := range pending {
		d.run.pending[id] = true
	}
	source.touched.add(d.id, touchedBySource)
	if err := d.hear(ctx, source); err != nil {
		return err
	}
	groups, err := d.run.source.GroupsByID(ctx, at.selection, []directory.GUID{d.id})
	if err != nil {
		return fmt.Errorf("reading the group %s: %w", d.id, err)
	}
	if err := d.run.readAgain(ctx, contract.NoteRead, []directory.GUID{d.id}); err != nil {
		return err
	}
	if groups, err = source.asReported(ctx, groups); err != nil {
		return err
	}
	if len(groups) == 0 {
		// If a run is waiting for the group, keep it waiting: no delta reports the group
		// again.
		source.unseen[d.id] = d.run.pending[d.id]
		if err := d.sayWhyUnread(ctx); err != nil {
			return err
		}
		return d.run.gen.StageGoneGroups(ctx, []directory.GUID{d.id})
	}
	group := groups[0]
	d.result.DisplayName, d.run.record.GroupName = group.DisplayName(), group.DisplayName()
	if why := at.scope.Excludes(&group); why != "" {
		d.unwritable = true
		d.say("Import", contract.Passed, "The group was read.")
		d.say("Scope", contract.Skipped, "%s", why)
		return d.run.gen.StageGoneGroups(ctx, []directory.GUID{d.id})
	}
	if err := d.run.gen.StageSourceGroups(ctx, groups); err != nil {
		return err
	}
	if at.hidden(&group) {
		d.say("Import", contract.Warning, "The group was read without its members, because they are hidden.")
	} else {
		d.read = true
		source.sawMembers = func(page contract.MemberPage) {
			for i := range page.Members {
				d.members = append(d.members, page.Members[i].ID)
			}
		}
		if err := source.readMembers(ctx, []directory.GUID{d.id}); err != nil {
			return err
		}
		if err := source.readOwners(ctx); err != nil {
			return err
		}
		if err := source.putReported(ctx); err != nil {
			return err
		}
		d.say("Import", contract.Passed, "The group and its members were read.")
	}
	d.say("Scope", contract.Passed, "The group is in scope.")
	return nil
}

// sayWhyUnread says why the group cannot be written: it does not exist, or its kind is
// never written.
func (d *demand) sayWhyUnread(ctx context.Context) error {
	natures, err := d.run.source.GroupNatures(ctx, []directory.GUID{d.id})
	if err != nil {
		return fmt.Errorf("reading the kind of the group %s: %w", d.id, err)
	}
	of := natures[d.id]
	if of.Nature == contract.NoSuchGroup {
		d.say("Import", contract.Skipped, "The group was not found in the tenant.")
		return nil
	}
	d.result.DisplayName, d.run.record.GroupName = of.Name, of.Name
	d.unwritable = true
	d.say("Import", contract.Passed, "The group was found. It is a %s.", of.Nature)
	d.say("Scope", contract.Skipped, "%s", of.Nature.Unwritable())
	return nil
}

// hear notes what the deltas report so far about the group and about users. Without it,
// an entry from within the lag would override a newer change. The links stay where they
// are, so the next run reads all of it again.
func (d *demand) hear(ctx context.Context, source *sourceImport) error {
	links := source.course.watermark.Source[0]
	_, err := d.run.source.GroupChanges(ctx, links.Groups, func(page []contract.GroupChange) error {
		return source.noteChanges(ctx, slices.DeleteFunc(page, func(c contract.GroupChange) bool { return c.ID != d.id }))
	})
	if err == nil {
		_, err = d.run.source.UserChanges(ctx, links.Users, func(page []contract.UserChange) error { return d.hearUsers(ctx, source, page) })
	}
	if err != nil && !contract.HasID(err, "DeltaLinkExpired") { // the next run then reads everything
		return fmt.Errorf("reading the changes of the group %s: %w", d.id, err)
	}
	return nil
}

// hearUsers notes what is reported about users. It keeps the note that a user was deleted
// even if they are back, so that the next run asks for their groups.
func (d *demand) hearUsers(ctx context.Context, source *sourceImport, page []contract.UserChange) error {
	if err := source.recallDeleted(ctx); err != nil {
		return err
	}
	gone, there := lastReports(page)
	var notes []contract.Note
	for _, id := range gone {
		source.deletedUsers[id] = true
		notes = append(notes, contract.Note{Kind: contract.NoteUserDeleted, ID: id, At: d.run.now().UTC()}, contract.Note{Kind: contract.NoteUser, ID: id})
	}
	for i := range there {
		delete(source.deletedUsers, there[i].ID)
	}
	if err := d.run.gen.StageNotes(ctx, notes); err != nil {
		return err
	}
	return d.run.noteUsers(ctx, there)
}

// importTarget is the step that reads the objects that stand for the group.
func (d *demand) importTarget(ctx context.Context, source *sourceImport) (*targetImport, error) {
	target := newTargetImport(source)
	return target, target.readStanding(ctx, []directory.GUID{d.id})
}

// resolve is the step that looks up the members again. Other groups may have the same
// members; the next run handles them.
func (d *demand) resolve(ctx context.Context, target *targetImport) (*resolver, error) {
	again := []directory.GUID{d.id} // another object may stand for the group now
	if len(d.members) <= askAgain {
		again = append(again, d.members...)
	}
	if err := target.source.ownersAgain(ctx); err != nil {
		return nil, err
	}
	if err := d.run.gen.StageMembersAgain(ctx, again); err != nil {
		return nil, err
	}
	r := newResolver(target)
	if err := r.resolve(ctx, nil); err != nil {
		return nil, err
	}
	groups, err := r.withChangedMembers(ctx)
	for _, id := range groups {
		d.run.setPending(id)
	}
	return r, err
}

// plan is the step that reports what exists and plans the group.
func (d *demand) plan(ctx context.Context, r *resolver) (*draft, error) {
	if err := d.sayWhatIsThere(ctx); err != nil {
		return nil, err
	}
	return planTouched(ctx, r)
}

func (d *demand) sayWhatIsThere(ctx context.Context) error {
	staged, err := d.run.gen.Candidates(ctx, d.id)
	if err != nil {
		return err
	}
	switch {
	case len(staged) == 0:
		d.say("Join", contract.Passed, "The group has no object in Active Directory yet.")
	case len(staged) > 1:
		d.say("Join", contract.Warning, "%d objects carry the group's mark.", len(staged))
	case staged[0].Linked:
		d.say("Join", contract.Passed, "The group is linked to %s.", staged[0].DN)
	default:
		d.say("Join", contract.Passed, "%s carries the group's mark.", staged[0].DN)
	}
	if !d.read {
		return nil
	}
	m, err := d.run.gen.SourceMembership(ctx, d.id)
	if err != nil {
		return err
	}
	switch {
	case m.Incomplete == "" && m.Count() == 0:
		d.say("Members", contract.Passed, "The group has no members.")
	case m.Incomplete != "":
		d.say("Members", contract.Warning, "The members could not be read (%s).", m.Incomplete)
	case m.Unknown() > 0:
		d.say("Members", contract.Warning, "%s in Active Directory; %s.",
			directory.Plural(len(m.Joined), "1 is", "%d are"), directory.Plural(m.Unknown(), "the account of 1 is unknown", "the accounts of %d are unknown"))
	case len(m.Unwritten) > 0:
		d.say("Members", contract.Passed, "%d of %d %s in Active Directory.", len(m.Joined), m.Count(), directory.Plural(len(m.Joined), "is", "are"))
	default:
		d.say("Members", contract.Passed, "%d, all in Active Directory.", len(m.Joined))
	}
	if len(m.Unwritten) > 0 {
		// Do it now: a preview, or a run that stops, leaves nothing of what it staged.
		if d.result.Unwritten, err = d.run.gen.StagedUnwritten(ctx, d.id, listedUnwritten); err != nil {
			return err
		}
	}
	return nil
}

// tell adds what was done or would be done.
func (d *demand) tell(ctx context.Context, whatIf bool) error {
	run := &d.result.Run
	if run.Status == contract.RunFailed && run.StopReason != contract.StopAllFailed || run.Status == contract.RunStopped || run.StopReason == contract.StopAccessTokenExpired && run.Planned == (plan.Totals{}) {
		d.say("Action", contract.Failed, "%s", run.Message)
		return nil
	}
	changes, err := d.run.state.Changes(ctx, d.run.record.ID, 0, 0, batch.ListBatch)
	if err != nil {
		return err
	}
	switch {
	case len(changes) == 0 && d.unwritable:
		d.say("Action", contract.Passed, "The group is not written. There is nothing to do.")
	case len(changes) == 0:
		d.say("Action", contract.Passed, "There are no differences.")
	}
	for i := range changes {
		c := &changes[i]
		result, text := contract.Passed, describe(c)
		switch {
		case c.Action == plan.Skip:
			result = contract.Skipped
		case c.Outcome == contract.OutcomeHeld:
			result, text = contract.Failed, "Held back: "+text+" "+c.Message
			if whatIf {
				result, text = contract.Warning, "Would be held back: "+describe(c)+" "+c.Message
			}
		case whatIf:
			text = "Would: " + text
		case c.Outcome != contract.OutcomeDone:
			result, text = contract.Failed, text+" "+c.Message
		}
		d.say("Action", result, "%s", text)
	}
	return nil
}

// describe says what a change does.
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
