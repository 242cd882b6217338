package owner

import (
	"context"
	"fmt"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// Strays counts the groups that are ours only by mark, stamp and owner.
type Strays struct {
	Groups  int
	example string // the first by name
}

// String returns a warning about these groups.
func (s *Strays) String() string {
	return fmt.Sprintf("Groups outside the container that carry our stamp and belong to the account, but are not linked: %d, for example %s. "+
		"They were moved, or another installation for this tenant writes them with the same account. Those in scope are taken over. Use a separate account and scope for each installation.", s.Groups, s.example)
}

// FindStrays looks for such groups in the whole domain.
func FindStrays(ctx context.Context, state contract.LinkStore, target contract.TargetReader, id *contract.TargetIdentity, settings *contract.Settings, container contract.Container) (s Strays, err error) {
	j, err := NewJudge(target, id, settings, Containers{Current: append([]contract.Container{container}, settings.Containers()...), Former: settings.FormerContainers})
	if err != nil {
		return s, err
	}
	look := j.Looking(ctx, state, func(of directory.GUID, c *plan.Candidate) {
		if c.Stray() && c.Ours(of, &j.Rules) {
			if s.Groups++; s.example == "" || c.DN < s.example {
				s.example = c.DN
			}
		}
	})
	if err = target.StampedGroups(ctx, directory.Stamp(settings.Tenant.ID), look.Add); err == nil {
		err = look.Flush()
	}
	if err != nil {
		return s, fmt.Errorf("finding the groups with our stamp in the domain: %w", err)
	}
	return s, nil
}
