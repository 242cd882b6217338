package run

import (
	"context"
	"fmt"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
	"groupwriteback/internal/rights"
)

// findFormer finds, for groups that would get a new object, the deleted object that stood
// for them and that can be brought back. Only objects that the state recorded count, and
// only if the account has the right to restore.
func (p *planner) findFormer(ctx context.Context, named []planned) error {
	if !p.course.targetID.DeletedVisible {
		return nil
	}
	of, guids := map[directory.GUID]*plan.Change{}, []directory.GUID(nil)
	for i := range named {
		c := &named[i].Change
		if c.Action != plan.Create {
			continue
		}
		former, err := p.run.state.FormerObject(ctx, c.SourceID)
		if err != nil {
			return err
		}
		if !former.IsZero() {
			of[former], guids = c, append(guids, former)
		}
	}
	if len(guids) == 0 {
		return nil
	}
	if may, err := p.course.mayRestore(ctx); err != nil || !may {
		return err
	}
	left, err := p.run.target.Deleted(ctx, guids)
	if err != nil {
		return fmt.Errorf("looking for the former objects of %s: %w", directory.Count(len(guids), "group"), err)
	}
	for i := range left {
		l := &left[i]
		if l.Remains == contract.RemainsWhole || l.Remains == contract.RemainsTombstone {
			of[l.GUID].BringBack(&l.TargetGroup, l.Remains == contract.RemainsWhole, &p.course.judge.Rules)
		}
	}
	return nil
}

// mayRestore reports whether the account may restore deleted objects. It asks once a run.
func (c *course) mayRestore(ctx context.Context) (bool, error) {
	if c.restores != nil {
		return *c.restores, nil
	}
	head, err := c.run.target.AccessList(ctx, c.targetID.DomainGUID)
	if contract.HasID(err, "AccessListUnreadable") {
		c.restores = new(bool)
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("reading whether the account may restore deleted objects: %w", err)
	}
	account, err := c.run.target.Account(ctx, string(c.targetID.AccountSID))
	if err != nil {
		return false, fmt.Errorf("reading whether the account may restore deleted objects: %w", err)
	}
	may := rights.MayRestore(head.Descriptor, account.Token)
	c.restores = &may
	return may, nil
}

// bringFormer brings back the object that stood for the group, with the attributes and the
// members that a new one would get. done is false if that cannot be had; the group then
// gets a new object.
func (e *exporter) bringFormer(ctx context.Context, w contract.TargetWriter, c *contract.SpooledChange) (outcome contract.ChangeOutcome, done bool, err error) {
	left, err := e.run.target.Deleted(ctx, []directory.GUID{c.TargetGUID})
	if err != nil || len(left) == 0 || left[0].Remains == contract.RemainsNothing {
		return outcome, false, err
	}
	cn, attributes := "", []plan.AttributeChange(nil)
	for _, a := range c.Attributes {
		switch a.Name {
		case directory.AttrCN:
			cn = a.New[0]
		case directory.AttrSAMAccountName, directory.AttrGroupType: // it has them, and keeps its name (rule 21)
		default:
			attributes = append(attributes, a)
		}
	}
	dn, err := w.Undelete(ctx, left[0], c.Container, cn, attributes)
	if contract.HasID(err, "AccessDenied") || contract.HasID(err, "WriteRefused") || contract.HasID(err, "ObjectNotFound") {
		e.run.warn("the former object cannot be brought back", "run", e.run.record.ID, "object", c.TargetGUID, "group", c.SourceID, "error", err)
		return outcome, false, nil
	}
	if err != nil {
		return outcome, true, err
	}
	outcome, err = e.setMembers(ctx, w, c)
	outcome.Link = &contract.Link{SourceID: c.SourceID, TargetGUID: c.TargetGUID, DN: dn, Container: c.Container}
	return outcome, true, err
}

// setMembers gives an object that came back exactly the members that a new one would get:
// out of the recycle bin it brings those of its time.
func (e *exporter) setMembers(ctx context.Context, w contract.TargetWriter, c *contract.SpooledChange) (contract.ChangeOutcome, error) {
	now, _, err := e.run.target.GroupByRanges(ctx, c.TargetGUID, nil)
	if err != nil {
		return contract.ChangeOutcome{}, err
	}
	add, err := e.run.gen.MemberRefs(ctx, plan.Without(c.Add, guidsOf(now.Members)))
	if err != nil {
		return contract.ChangeOutcome{}, err
	}
	wanted := map[directory.GUID]bool{}
	for _, guid := range c.Add {
		wanted[guid] = true
	}
	var remove []directory.MemberRef
	for _, m := range now.Members {
		if !wanted[m.GUID] {
			remove = append(remove, m)
		}
	}
	refused, err := w.ChangeMembers(ctx, c.TargetGUID, add, remove)
	return outcomeOf(refused), err
}
