package command

import (
	"context"
	"slices"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// chooseContainer decides where groups are written: to the named container, else to the
// configured one. It remembers the container that is replaced, so that its groups are
// moved.
func chooseContainer(ctx context.Context, c *connection, settings *contract.Settings, dn string) error {
	before := settings.Container
	if dn == "" && before.GUID.IsZero() {
		return &contract.Error{Category: contract.InvalidArgument, ID: "ContainerRequired", Message: "No target container is specified or configured.",
			Advice: "Specify an organisational unit with -TargetContainer."}
	}
	guid := directory.GUID{}
	if dn == "" {
		guid = before.GUID
	} else if _, err := directory.ParseDN(dn); err != nil {
		return &contract.Error{Category: contract.InvalidArgument, ID: "ContainerInvalid", Object: dn, Message: err.Error() + ".",
			Advice: "Specify the distinguished name of an organisational unit, such as OU=Groups,DC=contoso,DC=com."}
	}
	container, err := c.target.Container(ctx, dn, guid)
	if err != nil {
		return err
	}
	if err := container.Protected(&c.targetID); err != nil {
		return err
	}
	if !container.CanCreate {
		return &contract.Error{Category: contract.PermissionDenied, ID: "ContainerNoCreateRight", Object: container.DN,
			Message: "The account does not have the right to create groups in this container.",
			Advice:  "Delegate to the account the creation, deletion and full control of group objects in this container."}
	}
	settings.FormerContainers = slices.DeleteFunc(settings.FormerContainers, func(c contract.Container) bool { return c.GUID == container.GUID })
	if !before.GUID.IsZero() && before.GUID != container.GUID {
		settings.FormerContainers = append(settings.FormerContainers, before)
	}
	settings.Container = container
	return nil
}
