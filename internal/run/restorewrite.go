package run

import (
	"context"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// bringer brings groups back.
type bringer struct {
	*restoration
	writer contract.TargetWriter
	// renewed has the objectGUIDs of new objects by those of the former ones, because
	// members are named by the former ones.
	renewed map[directory.GUID]directory.GUID
	done    int
}

// bringBack is the step that carries out the plan: first all objects, then their members,
// which may be among these objects.
func bringBack(ctx context.Context, x *restoration) (*restoration, error) {
	b := &bringer{restoration: x, writer: x.run.target.Writer(x.run.gen.StillRunning), renewed: map[directory.GUID]directory.GUID{}}
	// If the process dies, the next run has to know that this one wrote.
	err := x.run.state.SaveRun(ctx, x.run.record)
	if err == nil {
		err = b.linkUnchanged(ctx)
	}
	if err == nil {
		err = b.each(ctx, plan.PhaseCreate, b.object)
	}
	for _, phase := range []plan.Phase{plan.PhaseCreate, plan.PhaseMembers} {
		if err == nil {
			err = b.each(ctx, phase, b.members)
		}
	}
	if err == nil {
		x.run.record.LinkedGroups, err = x.run.state.CountLinks(ctx)
	}
	return x, err
}

// linkUnchanged links the objects that have all that they had, and are not linked. They are on
// hold, because a sync would delete what is linked and has no group in the tenant.
func (b *bringer) linkUnchanged(ctx context.Context) error {
	var links []contract.Link
	for _, r := range b.groups {
		if r.result.Way == WayNone && !r.found.linked {
			r.changed = true
			links = append(links, r.link(r.GUID, r.result.DN, b.run.settings.Tenant.ID))
		}
	}
	return b.run.state.SaveLinks(ctx, links)
}

func (r *restored) link(guid directory.GUID, dn string, tenant directory.GUID) contract.Link {
	return contract.Link{SourceID: r.id, TargetGUID: guid, DN: dn, Adopted: directory.HasAdoptedStamp(r.ExtensionName, tenant)}
}

// each calls do for every change of a phase. An error that concerns one group is recorded
// and does not stop the others.
func (b *bringer) each(ctx context.Context, phase plan.Phase, do func(context.Context, *restored, *contract.SpooledChange) error) error {
	total := 2*b.run.record.Planned.Create + b.run.record.Planned.UpdateMembers
	for changes, err := range spooled(ctx, b.run.gen, phase, 0) {
		if err != nil {
			return err
		}
		for i := range changes {
			c := &changes[i]
			r := b.of(nil, b.former(c.TargetGUID), "")
			if b.done++; r == nil || r.result.Outcome == contract.OutcomeFailed {
				continue
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			b.run.meter.At(b.done, total, "Restoring "+c.DisplayName)
			finish, release := graceful(ctx)
			err := do(finish, r, c)
			release()
			if err == nil {
				continue
			}
			r.changed = r.changed || contract.HasID(err, "OutcomeUnknown")
			b.fail(r, contract.AsError(err))
			outcome := contract.ChangeOutcome{ChangeID: c.ID, Outcome: contract.OutcomeFailed, ErrorID: r.result.ErrorID, Message: r.result.Message}
			if err := b.run.gen.RecordOutcomes(context.WithoutCancel(ctx), []contract.ChangeOutcome{outcome}); err != nil {
				return err
			}
			if fatal(err) || contract.HasID(err, "RunSuperseded") {
				return err
			}
		}
	}
	return nil
}

// former returns the objectGUID that the undo file has for an object.
func (b *bringer) former(guid directory.GUID) directory.GUID {
	for before, now := range b.renewed {
		if now == guid {
			return before
		}
	}
	return guid
}

// object brings an object back, and links it at once.
func (b *bringer) object(ctx context.Context, r *restored, c *contract.SpooledChange) error {
	guid, dn := r.GUID, ""
	attributes, rest := c.Attributes, []plan.AttributeChange(nil)
	bring := func() (err error) {
		if r.result.Way != WayNewObject {
			dn, err = b.writer.Undelete(ctx, *r.found.left, r.found.parent.GUID, r.CN, attributes)
			return err
		}
		if _, err = b.writer.Create(ctx, r.found.parent.GUID, attributes, nil); err != nil {
			return err
		}
		r.changed = true
		created, err := b.run.target.Created(ctx, r.found.parent.GUID, [][]plan.AttributeChange{attributes})
		if err == nil && created[0].GUID.IsZero() {
			err = &contract.Error{Category: contract.Connection, ID: "OutcomeUnknown", Object: r.result.DN, Message: "The group was created but could not be read afterwards.", Advice: "Restore it again."}
		}
		if err == nil {
			guid, dn = created[0].GUID, created[0].DN
		}
		return err
	}
	err := bring()
	if contract.HasID(err, "WriteRefused") && len(attributes) > 0 {
		// One value may be out of date, such as the name of an object that is gone. What tells
		// whose the object is goes first, and the rest one by one.
		attributes, rest = identityFirst(c.Attributes)
		err = bring()
	}
	if err != nil {
		return err
	}
	r.result.TargetGUID, r.result.DN, r.changed = guid, dn, true
	if guid != r.GUID {
		b.renewed[r.GUID] = guid
	}
	for _, a := range rest {
		if err := b.writer.Modify(ctx, guid, []plan.AttributeChange{a}); err != nil {
			r.result.Lost = append(r.result.Lost, a.Name)
			b.run.warn("attribute not restored", "object", dn, "attribute", a.Name, "error", err)
		}
	}
	link := r.link(guid, dn, b.run.settings.Tenant.ID)
	return b.run.gen.RecordOutcomes(context.WithoutCancel(ctx), []contract.ChangeOutcome{{ChangeID: c.ID, Outcome: contract.OutcomePending, Link: &link}})
}

// identityFirst separates the attributes that tell which object it is, and whose.
func identityFirst(attributes []plan.AttributeChange) (identity, rest []plan.AttributeChange) {
	for _, a := range attributes {
		if directory.IsField(a.Name) {
			identity = append(identity, a)
		} else {
			rest = append(rest, a)
		}
	}
	return identity, rest
}

// members adds the members that a group lacks, and concludes it.
func (b *bringer) members(ctx context.Context, r *restored, c *contract.SpooledChange) error {
	wanted := make([]directory.GUID, len(c.Add))
	for i, guid := range c.Add {
		if wanted[i] = guid; !b.renewed[guid].IsZero() {
			wanted[i] = b.renewed[guid]
		}
	}
	missing, err := b.missing(ctx, r.result.TargetGUID, wanted)
	if err != nil {
		return err
	}
	refs, err := b.run.gen.MemberRefs(ctx, missing)
	if err != nil {
		return err
	}
	r.changed = true
	refused, err := b.writer.ChangeMembers(ctx, r.result.TargetGUID, refs, nil)
	if err != nil {
		return err
	}
	outcome := outcomeOf(refused)
	if r.found.now != nil {
		link := r.link(r.GUID, r.result.DN, b.run.settings.Tenant.ID)
		outcome.Link = &link
	}
	outcome.ChangeID = c.ID
	r.result.Outcome, r.result.ErrorID, r.result.Message, r.result.Members = outcome.Outcome, outcome.ErrorID, outcome.Message, r.result.Members-(len(c.Add)-len(missing)+len(refused))
	b.run.record.Exported.Add(&c.Change)
	b.run.record.Exported.MembersAdded -= len(c.Add) - len(missing) + len(refused)
	if outcome.Outcome != contract.OutcomeDone {
		b.run.record.Failed++
	}
	outcome.Refused = nil // they need not be members in the cloud, of which refusals are kept
	return b.run.gen.RecordOutcomes(context.WithoutCancel(ctx), []contract.ChangeOutcome{outcome})
}
