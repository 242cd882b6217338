package owner

import (
	"context"

	"groupwriteback/internal/contract"
)

// FindContainers finds the configured container and the former ones, and leaves out
// former ones that are gone. If anyway is set, the configured one may be gone too.
func FindContainers(ctx context.Context, target contract.TargetReader, settings *contract.Settings, anyway bool) (containers []contract.Container, err error) {
	for _, configured := range append([]contract.Container{settings.Container}, settings.FormerContainers...) {
		container, err := target.Container(ctx, "", configured.GUID)
		switch {
		case err == nil:
			containers = append(containers, container)
		case !contract.HasID(err, "ContainerNotFound") || !anyway && configured.GUID == settings.Container.GUID:
			return nil, err
		}
	}
	return containers, nil
}
