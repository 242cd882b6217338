package command

import (
	"context"
	"fmt"
	"slices"

	"groupwriteback/internal/batch"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/owner"
	"groupwriteback/internal/plan"
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
	container, err := checkedContainer(ctx, c, dn, before.GUID)
	if err != nil {
		return err
	}
	settings.Container = container
	if !before.GUID.IsZero() {
		settings.FormerContainers = append(settings.FormerContainers, before)
	}
	settings.FormerContainers = former(settings)
	return nil
}

// checkedContainer finds the container with the DN or, if that is empty, the objectGUID,
// and makes sure that groups can be written there.
func checkedContainer(ctx context.Context, c *connection, dn string, guid directory.GUID) (contract.Container, error) {
	if dn != "" {
		guid = directory.GUID{}
		if err := checkContainerDN(dn); err != nil {
			return contract.Container{}, err
		}
	}
	container, err := c.target.Container(ctx, dn, guid)
	if err != nil {
		return contract.Container{}, err
	}
	if err := container.Protected(&c.targetID); err != nil {
		return contract.Container{}, err
	}
	if !container.CanCreate {
		return contract.Container{}, &contract.Error{Category: contract.PermissionDenied, ID: "ContainerNoCreateRight", Object: container.DN,
			Message: "The account does not have the right to create groups in this container.",
			Advice:  "Delegate to the account the creation, deletion and full control of group objects in this container."}
	}
	return container, nil
}

func checkContainerDN(dn string) error {
	if _, err := directory.ParseDN(dn); err != nil {
		return &contract.Error{Category: contract.InvalidArgument, ID: "ContainerInvalid", Object: dn, Message: err.Error() + ".",
			Advice: "Specify the distinguished name of an organisational unit, such as OU=Groups,DC=contoso,DC=com."}
	}
	return nil
}

// maxContainers bounds the containers besides the target container. Each is looked up in
// every run.
const maxContainers = 100

// chooseFurther finds and checks the containers that the mapping and the container filters
// name; without a connection, those that are known already stay as they are. Containers
// that are no longer named become former ones, so that their groups are moved.
func (e *Engine) chooseFurther(ctx context.Context, c *connection, settings *contract.Settings) error {
	mapping, err := e.mapping(settings)
	if err != nil {
		return err
	}
	var names []string
	if row := mapping.Naming().Container; row != nil {
		if names = row.Containers(); len(settings.ContainerFilters) > 0 {
			return &contract.Error{Category: contract.InvalidArgument, ID: "ContainerRuleConflict", Object: plan.AttrContainer,
				Message: "Both a mapping and container filters say where groups belong.",
				Advice:  "Remove the filters with Set-GroupWriteback -ContainerFilter @{}, or the mapping with Remove-GroupWritebackMapping " + plan.AttrContainer + "."}
		}
	}
	for _, f := range settings.ContainerFilters {
		names = append(names, f.Container)
	}
	before := settings.FurtherContainers
	settings.FurtherContainers = nil
	for _, name := range names {
		if slices.ContainsFunc(settings.FurtherContainers, named(name)) {
			continue
		}
		if len(settings.FurtherContainers) == maxContainers {
			return contract.InvalidParameter("containerFilters", "more than "+directory.Count(maxContainers, "container"), "at most "+directory.Count(maxContainers, "container"))
		}
		further := contract.NamedContainer{Name: name}
		switch at := slices.IndexFunc(before, named(name)); {
		case at >= 0 && c.target == nil:
			further = before[at] // the next run checks it
		case c.target == nil:
			return &contract.Error{Category: contract.InvalidState, ID: "NotConnected", Object: name, Message: "The container cannot be looked up without a connection to Active Directory.",
				Advice: "Run Connect-GroupWriteback."}
		default:
			var known directory.GUID
			if at >= 0 {
				known = before[at].GUID
			}
			if further.Container, err = checkedOrNew(ctx, c, known, name); err != nil {
				return err
			}
		}
		settings.FurtherContainers = append(settings.FurtherContainers, further)
	}
	for _, b := range before {
		settings.FormerContainers = append(settings.FormerContainers, b.Container)
	}
	settings.FormerContainers = former(settings)
	return nil
}

// checkedOrNew finds the container that is known, or the one that has its name now if that
// is gone.
func checkedOrNew(ctx context.Context, c *connection, known directory.GUID, name string) (contract.Container, error) {
	if !known.IsZero() {
		container, err := checkedContainer(ctx, c, "", known)
		if !contract.HasID(err, "ContainerNotFound") {
			return container, err
		}
	}
	return checkedContainer(ctx, c, name, directory.GUID{})
}

// named returns a condition for containers with this name.
func named(name string) func(contract.NamedContainer) bool {
	dn, err := directory.ParseDN(name)
	return func(c contract.NamedContainer) bool {
		other, errOther := directory.ParseDN(c.Name)
		return err == nil && errOther == nil && dn.Equal(other)
	}
}

// former returns the former containers, each once and without the current ones.
func former(settings *contract.Settings) []contract.Container {
	var out []contract.Container
	for _, c := range settings.FormerContainers {
		same := func(other contract.Container) bool { return other.GUID == c.GUID }
		if !slices.ContainsFunc(settings.Containers(), same) && !slices.ContainsFunc(out, same) {
			out = append(out, c)
		}
	}
	return out
}

// notePlaces notes, before the first settings with further containers are saved, which
// groups were in the one container that there was: they move when they belong elsewhere.
// Whoever is in a former one still waits to be moved, and whoever is elsewhere was moved by
// an administrator.
func notePlaces(ctx context.Context, state contract.State, settings *contract.Settings) error {
	before, err := state.LoadSettings(ctx)
	if err != nil || len(before.FurtherContainers) > 0 || len(settings.FurtherContainers) == 0 || before.Container.GUID.IsZero() {
		return err
	}
	containers := owner.Containers{Current: before.Containers(), Former: before.FormerContainers}
	for links, err := range batch.Pages(ctx, batch.ListBatch, state.Links, contract.Link.Target) {
		if err != nil {
			return err
		}
		var placed []contract.Link
		for _, l := range links {
			if place, in := containers.Place(l.DN); l.Container.IsZero() && place == plan.InContainer {
				l.Container = in
				placed = append(placed, l)
			}
		}
		if err := state.SaveLinks(ctx, placed); err != nil {
			return err
		}
	}
	return nil
}

// applyContainers sets the container filters.
func (p *Choices) applyContainers(s *contract.Settings) error {
	if p.ContainerFilters == nil {
		return nil
	}
	if n := len(*p.ContainerFilters); n > maxContainers {
		return contract.InvalidParameter("containerFilters", directory.Count(n, "filter"), fmt.Sprintf("at most %d", maxContainers))
	}
	s.ContainerFilters = nil
	for _, f := range *p.ContainerFilters {
		if err := checkContainerDN(f.Container); err != nil {
			return err
		}
		filter, err := contract.ParseFilter(f.Filter)
		if err != nil {
			return err
		}
		if filter == nil {
			return contract.InvalidParameter("containerFilters", f.Container, "a filter for each container; groups that no filter holds for go to the target container")
		}
		s.ContainerFilters = append(s.ContainerFilters, contract.ContainerFilter{Container: f.Container, Filter: filter.String()})
	}
	return nil
}
