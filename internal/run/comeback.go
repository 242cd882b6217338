package run

import (
	"context"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

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
