package owner

import (
	"context"
	"fmt"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// Apart counts the groups that are ours only by mark, stamp and owner.
type Apart struct {
	Groups  int
	example string // the first by name
}

// String returns a warning about these groups.
func (a *Apart) String() string {
	return fmt.Sprintf("Groups outside the container that carry our stamp and belong to the account, but are not linked: %d, for example %s. "+
		"They were moved, or another installation for this tenant writes them with the same account. Those in scope are taken over. Use a separate account and scope for each installation.", a.Groups, a.example)
}

// FindApart looks for such groups in the whole domain.
func FindApart(ctx context.Context, state contract.LinkStore, target contract.TargetReader, id *contract.TargetIdentity, settings *contract.Settings, container contract.Container) (a Apart, err error) {
	j, err := NewJudge(target, id, settings, append([]contract.Container{container, settings.Container}, settings.FormerContainers...))
	if err != nil {
		return a, err
	}
	look := j.Looking(ctx, state, func(of directory.GUID, c *plan.Candidate) {
		if c.Apart() && c.Ours(of, &j.Rules) {
			if a.Groups++; a.example == "" || c.DN < a.example {
				a.example = c.DN
			}
		}
	})
	if err = target.StampedGroups(ctx, directory.Stamp(settings.Tenant.ID), look.Add); err == nil {
		err = look.Flush()
	}
	if err != nil {
		return a, fmt.Errorf("finding the groups with our stamp in the domain: %w", err)
	}
	return a, nil
}
