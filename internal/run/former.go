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
