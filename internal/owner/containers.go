package owner

import (
	"context"
	"slices"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// Containers are the containers of an installation as they are now: those where groups are
// written, in the order of the settings, and former ones.
type Containers struct {
	Current, Former []contract.Container
}

// All returns all containers.
func (c Containers) All() []contract.Container {
	return append(c.Current[:len(c.Current):len(c.Current)], c.Former...)
}

// Outermost returns the containers that are in no other one. Together they hold every
// group of all containers once.
func (c Containers) Outermost() []contract.Container {
	var outermost []contract.Container
	all := c.All()
	for i, inner := range all {
		dn, err := directory.ParseDN(inner.DN)
		covered := err == nil && slices.ContainsFunc(all, func(outer contract.Container) bool {
			base, err := directory.ParseDN(outer.DN)
			return err == nil && outer.GUID != inner.GUID && dn.Within(base)
		})
		twice := slices.ContainsFunc(all[:i], func(other contract.Container) bool { return other.GUID == inner.GUID })
		if !covered && !twice {
			outermost = append(outermost, inner)
		}
	}
	return outermost
}

// Place returns where the DN is relative to the containers, and the innermost one that it
// is in.
func (c Containers) Place(dn string) (place plan.Place, in directory.GUID) {
	parsed, err := directory.ParseDN(dn)
	if err != nil {
		return plan.Elsewhere, directory.GUID{}
	}
	place, depth := plan.Elsewhere, -1
	for i, container := range c.All() {
		base, err := directory.ParseDN(container.DN)
		if err != nil || !parsed.Within(base) || len(base) <= depth {
			continue
		}
		place, in, depth = plan.InContainer, container.GUID, len(base)
		if i >= len(c.Current) {
			place = plan.InFormerContainer
		}
	}
	return place, in
}

// IsContainer reports whether the DN is that of one of the containers.
func (c Containers) IsContainer(dn directory.DN) bool {
	return slices.ContainsFunc(c.All(), func(container contract.Container) bool {
		base, err := directory.ParseDN(container.DN)
		return err == nil && dn.Equal(base)
	})
}

// FindContainers finds the containers of the settings, and leaves out former ones that are
// gone.
func FindContainers(ctx context.Context, target contract.TargetReader, settings *contract.Settings) (Containers, error) {
	return findContainers(ctx, target, settings, false)
}

// FindRemainingContainers is FindContainers, but leaves out any container that is gone.
func FindRemainingContainers(ctx context.Context, target contract.TargetReader, settings *contract.Settings) (Containers, error) {
	return findContainers(ctx, target, settings, true)
}

func findContainers(ctx context.Context, target contract.TargetReader, settings *contract.Settings, mayBeGone bool) (found Containers, err error) {
	if found.Current, err = find(ctx, target, settings.Containers(), mayBeGone); err != nil {
		return found, err
	}
	found.Former, err = find(ctx, target, settings.FormerContainers, true)
	return found, err
}

func find(ctx context.Context, target contract.TargetReader, configured []contract.Container, mayBeGone bool) (found []contract.Container, err error) {
	for _, c := range configured {
		now, err := target.Container(ctx, "", c.GUID)
		switch {
		case err == nil:
			found = append(found, now)
		case !contract.HasID(err, "ContainerNotFound") || !mayBeGone:
			return nil, err
		}
	}
	return found, nil
}
