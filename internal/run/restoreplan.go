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

// way decides how a group comes back, or why it does not.
func (r *restored) way() (Way, *contract.Error) {
	refuse := func(id, object, message, advice string) (Way, *contract.Error) {
		return "", &contract.Error{Category: contract.InvalidState, ID: id, Object: object, Message: message, Advice: advice}
	}
	found := &r.found
	was := []*directory.TargetGroup{&r.TargetGroup}
	if found.now != nil {
		was = append(was, found.now)
	}
	if found.left != nil {
		was = append(was, &found.left.TargetGroup)
	}
	for _, g := range was {
		if why := plan.Protection(g); why != "" {
			return refuse("ObjectProtected", g.DN, why, "Such a group is never restored by GroupWriteback. Restore it as an administrator of the domain.")
		}
	}
	marked := func(g *directory.TargetGroup) bool { id, ok := g.SourceID(); return ok && id == r.id }
	switch {
	case r.id.IsZero():
		return refuse("NotOurs", r.DN, "The undo file names no cloud group for the object: it carries no mark, or two.", "Only groups that GroupWriteback wrote are restored.")
	case found.standing != nil:
		return refuse("GroupHasObject", found.standing.DN, "This object stands for the cloud group now, so "+r.DN+" is not restored beside it.",
			"Keep the new object. Or delete it, and restore the group before the next sync.")
	case found.now != nil && !marked(found.now):
		return refuse("MarkRemoved", found.now.DN, "The object exists, and no longer carries the mark of the cloud group "+r.id.String()+".", "It belongs to somebody else now, and is left as it is.")
	case found.now != nil && !found.ours:
		return refuse("NotOurs", found.now.DN, "The object exists, and carries the mark of the cloud group without being linked, but not our stamp and an owner that is trusted.",
			"It is left as it is. If nobody needs it, delete it by hand, and restore the group again.")
	case found.now != nil:
		return WayMembers, nil
	case r.action != plan.Delete:
		return refuse("GroupNotFound", r.DN, "The group from which members were removed no longer exists.", "Restore it first, from the run that deleted it.")
	case found.noParent != nil:
		return "", contract.AsError(found.noParent)
	case found.holder != nil:
		return refuse("NameClash", found.holder.DN, fmt.Sprintf("This object has a name of the group now: the cn %q or the sAMAccountName %q.", r.CN, r.SAMAccountName),
			"Rename the object, and restore the group again.")
	case found.left == nil || found.left.Remains == contract.RemainsNothing:
		return WayNewObject, nil
	case r.SID == "" || found.left.SID != r.SID || found.left.Remains == contract.RemainsWhole && !marked(&found.left.TargetGroup):
		return refuse("NotOurs", found.left.DN, "The deleted object is another one than the undo file says.", "It is left as it is. Check whether the file was changed.")
	case found.left.Remains == contract.RemainsWhole:
		return WayRecycleBin, nil
	}
	return WayTombstone, nil
}

// byDirectory are the attributes that a tombstone keeps or the directory makes by itself; nobody
// misses them in what came back.
var byDirectory = []string{"objectclass", "objectcategory", "objectguid", "objectsid", "distinguishedname", "name", "cn", "instancetype", "whencreated", "whenchanged",
	"usncreated", "usnchanged", "samaccountname", "samaccounttype", "grouptype", "ntsecuritydescriptor", "dscorepropagationdata", "msds-externaldirectoryobjectid", "sidhistory",
	"lastknownparent", "isdeleted", "admincount", "operatorcount"}

// lost lists what does not come back.
func (r *restored) lost(way Way, mapped []string) []string {
	lost := []string{}
	switch way {
	case WayTombstone:
		lost = append(lost, "memberOf")
	case WayNewObject:
		lost = append(lost, "objectGUID", "objectSid", "nTSecurityDescriptor", "owner", "memberOf")
	default:
		return lost
	}
	for _, a := range r.entry.Attributes {
		name := strings.ToLower(a.Name)
		if slices.Contains(byDirectory, name) && (way != WayNewObject || name != "sidhistory") || slices.ContainsFunc(mapped, func(m string) bool { return strings.EqualFold(m, a.Name) }) {
			continue
		}
		lost = append(lost, a.Name)
	}
	return lost
}

// attributes returns what is written to the object that comes back: the attributes that are
// mapped, with the values that they had. A new object needs its names, too.
func (r *restored) attributes(way Way, mapped []string, tenant directory.GUID) []plan.AttributeChange {
	var names []string
	switch way {
	case WayTombstone:
		names = mapped
	case WayNewObject:
		names = append([]string{directory.AttrCN, directory.AttrSAMAccountName, directory.AttrGroupType}, mapped...)
	}
	var changes []plan.AttributeChange
	for _, name := range names {
		values := r.entry.Values(name)
		if name == directory.AttrCN {
			values = []string{r.CN}
		}
		if name == directory.AttrExtensionName { // a hold that was then does not come back
			values = slices.DeleteFunc(slices.Clone(values), func(v string) bool { return directory.IsHoldValue(v, tenant) })
		}
		if len(values) > 0 {
			changes = append(changes, plan.AttributeChange{Name: name, New: values})
		}
	}
	return changes
}

// planRestore is the step that decides about each group and spools the plan.
func planRestore(ctx context.Context, x *restoration) (*restoration, error) {
	mapped := x.run.ground.Mapping.Attributes()
	taken := map[directory.GUID]*restored{} // by cloud group
	released := x.run.settings.Released()
	open := map[*undoFile]bool{}
	for _, r := range x.groups {
		r.result = RestoredGroup{ID: r.id, TargetGUID: r.GUID, DisplayName: r.label(), DN: r.DN, Outcome: contract.OutcomePending, Lost: []string{}, Path: r.file.path}
		way, refused := r.way()
		if released[r.id] {
			refused = &contract.Error{Category: contract.InvalidState, ID: "NotOurs", Object: r.DN, Message: "An administrator has let go of the cloud group, and GroupWriteback writes it no more.",
				Advice: "It is left as it is."}
		}
		if other := taken[r.id]; refused == nil && other != nil && other.GUID != r.GUID {
			refused = &contract.Error{Category: contract.InvalidState, ID: "GroupHasObject", Object: other.DN,
				Message: "The undo file has this object for the cloud group, too, and it is restored.", Advice: "Name the object that is wanted with -Group."}
		}
		if refused != nil {
			x.fail(r, refused)
			continue
		}
		taken[r.id], open[r.file] = r, true
		r.result.Way, r.result.Members, r.result.Lost = way, r.members, r.lost(way, mapped)
		if r.found.now != nil {
			r.result.DN = r.found.now.DN
		} else if parent, err := directory.ParseDN(r.found.parent.DN); err == nil {
			r.result.DN = append(directory.DN{{Type: "CN", Value: r.CN}}, parent...).String()
		}
	}
	spool := batch.New(batch.SpoolBatch, func(changes []plan.Change) error { return x.run.gen.Spool(ctx, changes) })
	for f := range open {
		if err := f.read(ctx, func(u *undone, members []directory.GUID) error { return x.spool(ctx, f, u, members, spool) }); err != nil {
			return nil, err
		}
	}
	return x, spool.Flush()
}

// fail records that nothing is done for the group.
func (x *restoration) fail(r *restored, why *contract.Error) {
	r.result.Outcome, r.result.ErrorID, r.result.Message = contract.OutcomeFailed, why.ID, strings.TrimSpace(why.Message+" "+why.Advice)
	if why.Object != "" && why.Object != r.DN {
		r.result.Message = why.Object + ": " + r.result.Message
	}
	if x.request.WhatIf {
		return
	}
	x.run.record.Failed++
	if x.run.found.refusedWhole++; x.run.found.refusedWhole == 1 {
		x.run.found.firstFailed.DN, x.run.found.firstFailed.Message = r.DN, r.result.Message
	}
}

// of returns the group that a change or an entry is about.
func (x *restoration) of(f *undoFile, guid directory.GUID, action plan.Action) *restored {
	for _, r := range x.groups {
		if r.GUID == guid && (f == nil || r.file == f) && (action == "" || r.action == action) && r.result.Way != "" {
			return r
		}
	}
	return nil
}

// spool spools the change for an entry, if its group is restored.
func (x *restoration) spool(ctx context.Context, f *undoFile, u *undone, members []directory.GUID, spool *batch.Batch[plan.Change]) error {
	r := x.of(f, u.GUID, u.action)
	if r == nil {
		return nil
	}
	slices.SortFunc(members, directory.GUID.Compare)
	c := plan.Change{Action: plan.Restore, Situation: plan.Deleted, SourceID: r.id, TargetGUID: r.GUID, DisplayName: r.label(), DN: r.result.DN,
		Attributes: r.attributes(r.result.Way, x.run.ground.Mapping.Attributes(), x.run.settings.Tenant.ID), Add: slices.Compact(members), Reason: plan.Reason(r.result.Way)}
	if len(r.result.Lost) > 0 {
		c.Message = "Lost: " + strings.Join(r.result.Lost, ", ") + "."
	}
	if r.result.Way == WayMembers {
		c.Action, c.Situation = plan.UpdateMembers, plan.Linked
		var err error
		if c.Add, err = x.missing(ctx, r.GUID, c.Add); err != nil {
			return err
		}
		if r.result.Members -= len(members) - len(c.Add); len(c.Add) == 0 {
			if r.result.Members == 0 {
				r.result.Way, r.result.Outcome = WayNone, contract.OutcomeDone
			}
			return nil
		}
	}
	x.run.record.Planned.Add(&c)
	return spool.Add(c)
}

// missing returns which of the members the group does not have.
func (x *restoration) missing(ctx context.Context, group directory.GUID, members []directory.GUID) ([]directory.GUID, error) {
	refs, err := x.run.gen.MemberRefs(ctx, members)
	if err != nil {
		return nil, err
	}
	missing, _, err := x.run.target.CheckMembers(ctx, group, refs, nil)
	slices.SortFunc(missing, directory.GUID.Compare)
	return missing, err
}
