package run

import (
	"context"
	"fmt"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/ldif"
	"groupwriteback/internal/plan"
)

// UndoAction is an attribute of each entry of an undo file, which no directory has. It says
// what the run was about to do: Delete, with everything that the group was, or
// UpdateMembers, with the members that were about to go.
const UndoAction = "undoAction"

// UndoMember is another such attribute: the objectGUIDs of the members, in the order of
// member. Names may be others by the time that the file is read.
const UndoMember = "undoMember"

const attrMember = "member"

// keepUndo is the step that writes down what the run is about to destroy, before anything
// is written to Active Directory. If that cannot be done, the run ends.
func keepUndo(ctx context.Context, planned *limiter) (*limiter, error) {
	u := &undo{run: planned.run}
	err := u.keepAll(ctx)
	if u.file == nil {
		return planned, err
	}
	if err == nil {
		err = u.to.Flush()
	}
	if err != nil {
		u.file.Discard()
		return planned, err
	}
	u.run.record.UndoFile, u.run.record.UndoHash, err = u.file.Keep()
	return planned, err
}

// undo writes the undo file of a run.
type undo struct {
	run  *run
	file contract.UndoFile // nil: nothing is destroyed so far
	to   *ldif.Writer
}

func (u *undo) keepAll(ctx context.Context) error {
	for changes, err := range spooled(ctx, u.run.gen, plan.PhaseDelete, 0) {
		if err == nil {
			err = u.keepGroups(ctx, changes)
		}
		if err != nil {
			return fmt.Errorf("writing down what is deleted: %w", err)
		}
	}
	for changes, err := range spooled(ctx, u.run.gen, plan.PhaseMembers, 0) {
		if err == nil {
			err = u.keepMembers(ctx, changes)
		}
		if err != nil {
			return fmt.Errorf("writing down which members are removed: %w", err)
		}
	}
	return nil
}

// keepGroups writes groups that are about to be deleted, with all that the account can
// read of them. A group that is gone already has nothing to keep.
func (u *undo) keepGroups(ctx context.Context, changes []contract.SpooledChange) error {
	var guids []directory.GUID
	for i := range changes {
		if c := &changes[i].Change; c.Action == plan.Delete && !c.TargetGUID.IsZero() {
			guids = append(guids, c.TargetGUID)
		}
	}
	if len(guids) == 0 {
		return nil
	}
	attributes := map[directory.GUID][]ldif.Attribute{}
	err := u.run.target.Snapshots(ctx, guids, func(s contract.Snapshot) error {
		attributes[s.GUID] = s.Attributes
		return nil
	})
	if err != nil {
		return err
	}
	return u.run.target.GroupsByGUID(ctx, guids, contract.WithMembers, func(g directory.TargetGroup) error {
		return u.write(&g, plan.Delete, attributes[g.GUID], g.Members)
	})
}

// keepMembers writes groups whose members are about to go, with these members alone.
func (u *undo) keepMembers(ctx context.Context, changes []contract.SpooledChange) error {
	var guids []directory.GUID
	removed := map[directory.GUID][]directory.GUID{}
	for i := range changes {
		if c := &changes[i].Change; len(c.Remove) > 0 {
			guids = append(guids, c.TargetGUID)
			removed[c.TargetGUID] = append(removed[c.TargetGUID], c.Remove...)
		}
	}
	if len(guids) == 0 {
		return nil
	}
	staged, err := u.run.gen.StagedTargets(ctx, guids)
	if err != nil {
		return err
	}
	for i := range staged {
		g := &staged[i].TargetGroup
		refs, err := u.run.gen.MemberRefs(ctx, removed[g.GUID])
		if err != nil {
			return err
		}
		if err := u.write(g, plan.UpdateMembers, identifying(g), refs); err != nil {
			return err
		}
	}
	return nil
}

// identifying returns the attributes by which the object of a group is found again.
func identifying(g *directory.TargetGroup) []ldif.Attribute {
	attributes := []ldif.Attribute{
		{Name: "objectGUID", Values: []string{string(g.GUID.AD())}}, {Name: "cn", Values: []string{g.CN}}, {Name: "sAMAccountName", Values: []string{g.SAMAccountName}},
		{Name: directory.AttrAdminDesc, Values: []string{g.AdminDesc}}, {Name: directory.AttrExtensionName, Values: g.ExtensionName},
	}
	return append(attributes, ldif.Attribute{Name: directory.AttrDisplayName, Values: g.Attributes[directory.AttrDisplayName]})
}

// write writes one entry. Members whose name is not known are written by their objectGUID,
// in the form that Active Directory understands as a name.
func (u *undo) write(g *directory.TargetGroup, action plan.Action, attributes []ldif.Attribute, members []directory.MemberRef) error {
	if u.file == nil {
		file, err := u.run.state.NewUndo(u.run.record)
		if err != nil {
			return err
		}
		u.file, u.to = file, ldif.NewWriter(file)
		if err := u.to.Comment("What run %d of group writeback was about to destroy, plan %s.", u.run.record.ID, u.run.record.PlanID); err != nil {
			return err
		}
	}
	names, guids := make([]string, len(members)), make([]string, len(members))
	for i, m := range members {
		guids[i] = m.GUID.String()
		if names[i] = m.DN; m.DN == "" {
			names[i] = "<GUID=" + m.GUID.String() + ">"
		}
	}
	e := ldif.Entry{DN: g.DN, Attributes: append([]ldif.Attribute{{Name: UndoAction, Values: []string{string(action)}}}, attributes...)}
	e.Attributes = append(e.Attributes, ldif.Attribute{Name: attrMember, Values: names}, ldif.Attribute{Name: UndoMember, Values: guids})
	return u.to.Write(&e)
}
