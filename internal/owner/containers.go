package owner

import (
	"context"

	"groupwriteback/internal/contract"
)

// FindContainers finds the configured container and the former ones, and leaves out
// former ones that are gone.
func FindContainers(ctx context.Context, target contract.TargetReader, settings *contract.Settings) ([]contract.Container, error) {
	return findContainers(ctx, target, settings, func(c contract.Container) bool { return c.GUID != settings.Container.GUID })
}

// FindRemainingContainers is FindContainers, but the configured container may be gone too.
func FindRemainingContainers(ctx context.Context, target contract.TargetReader, settings *contract.Settings) ([]contract.Container, error) {
	return findContainers(ctx, target, settings, func(contract.Container) bool { return true })
}

func findContainers(ctx context.Context, target contract.TargetReader, settings *contract.Settings, mayBeGone func(contract.Container) bool) (containers []contract.Container, err error) {
	for _, configured := range append([]contract.Container{settings.Container}, settings.FormerContainers...) {
		container, err := target.Container(ctx, "", configured.GUID)
		switch {
		case err == nil:
			containers = append(containers, container)
		case !contract.HasID(err, "ContainerNotFound") || !mayBeGone(configured):
			return nil, err
		}
	}
	return containers, nil
}
