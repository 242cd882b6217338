package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// Enable checks every prerequisite and then saves the settings, with the full
// import pending. Nothing is saved when a check fails. It writes nothing to
// Active Directory.
func (e *Engine) Enable(ctx context.Context, request EnableRequest) (EnableResult, error) {
	connection, done, err := e.use(true, true)
	if err != nil {
		return EnableResult{}, err
	}
	defer done()
	state, unlock, err := lockState(ctx, e.makeState)
	if err != nil {
		return EnableResult{}, err
	}
	defer unlock()

	result, adopt, err := e.prepareEnable(ctx, state, &connection, request)
	if err == nil {
		var warnings []string
		warnings, err = checkScope(ctx, connection.source, &result.Settings.Scope)
		result.Warnings = append(result.Warnings, warnings...)
	}
	if err != nil || request.WhatIf {
		return result, err
	}
	// The settings first: a folder whose settings could not be saved is not to
	// belong to a tenant. A run gives a state without an owner its owner.
	if err := state.SaveSettings(ctx, result.Settings); err != nil {
		return EnableResult{}, err
	}
	if err := state.SetOwner(ctx, result.Settings.Tenant.ID, result.Settings.Domain); err != nil {
		return EnableResult{}, err
	}
	// With the settings unsaved, what Disable asked for must still hold; with them
	// saved it no longer does, whether or not this succeeds.
	if err := state.SetDisableSet(ctx, nil); err != nil {
		return EnableResult{}, err
	}
	if err := state.WithdrawPlans(ctx); err != nil {
		return EnableResult{}, err
	}
	return result, state.SetAdoptSet(ctx, adopt) // last: without it nothing is adopted
}

// lockState opens the state, or makes it, and takes its lock.
func lockState(ctx context.Context, open func(context.Context) (State, error)) (State, func(), error) {
	state, err := open(ctx)
	if err != nil {
		return nil, nil, err
	}
	unlock, err := state.Lock(ctx)
	return state, unlock, err
}

// prepareEnable makes all checks of Enable and returns what it would save.
func (e *Engine) prepareEnable(ctx context.Context, state State, c *connection, request EnableRequest) (EnableResult, []Link, error) {
	result, err := checkEnable(ctx, state, c, request)
	if err != nil {
		return EnableResult{}, nil, err
	}
	adopt, err := request.Adoption.agree(ctx, e, state, c, &result.Settings)
	if err != nil {
		return EnableResult{}, nil, err
	}
	result.AdoptPending = len(adopt)
	return result, adopt, nil
}

// checkEnable makes the checks of Enable but for what is to be adopted.
func checkEnable(ctx context.Context, state State, c *connection, request EnableRequest) (EnableResult, error) {
	settings, err := state.LoadSettings(ctx)
	if err != nil {
		return EnableResult{}, err
	}
	if err := checkOwner(ctx, state, &settings, c); err != nil {
		return EnableResult{}, err
	}
	if err := c.sourceID.requirePermissions(); err != nil {
		return EnableResult{}, err
	}
	p := progressOf(ctx)
	p.begin("check", "Looking at the container")
	settings.Tenant = TenantRef{ID: c.sourceID.TenantID, Name: c.sourceID.TenantName}
	settings.Domain = c.targetID.domain()

	if err := request.Choices.apply(&settings); err != nil {
		return EnableResult{}, err
	}
	if err := request.Choices.resolveOwners(ctx, c.target, &settings); err != nil {
		return EnableResult{}, err
	}
	if err := chooseContainer(ctx, c, &settings, request.TargetContainer); err != nil {
		return EnableResult{}, err
	}

	result := EnableResult{ExchangeVersion: c.targetID.Schema.ExchangeVersion, Warnings: []string{}}
	if !c.targetID.Schema.Exchange && !settings.ExcludeMailAttribute {
		return EnableResult{}, &Error{Category: InvalidState, ID: "ExchangeSchemaMissing", Object: c.targetID.DomainName,
			Message: "The forest has no Exchange schema, so mail attributes cannot be used there.",
			Advice:  "Extend the schema with Exchange Setup, or enable with -ExcludeMailAttribute to write the groups without mail attributes."}
	}
	p.at(0, 0, "Asking the tenant for the group writeback of Entra Connect")
	switch on, err := c.source.ConnectWriteback(ctx); {
	case err != nil:
		return EnableResult{}, err
	case on == Yes:
		return EnableResult{}, &Error{Category: InvalidState, ID: "ConnectWritebackEnabled", Object: c.sourceID.TenantName,
			Message: "Entra Connect's own group writeback is on in this tenant. Switching it off later deletes every group it made, adopted ones included.",
			Advice:  "Switch group writeback off in Entra Connect first, let it finish, and enable again."}
	case on == Unknown:
		result.Warnings = append(result.Warnings, "Whether Entra Connect's own group writeback is on could not be read: Graph tells it to signed-in users alone. Make sure that it is off.")
	}
	if !c.sourceID.hasOne(deletedRoles) {
		result.Warnings = append(result.Warnings, "Without Group.Read.All deleted groups cannot be told from unreadable ones, so no group will be deleted.")
	}
	if settings.IncludeHiddenMembership {
		result.Warnings = append(result.Warnings, hiddenWarning)
	}
	if settings.StandingAdopt {
		result.Warnings = append(result.Warnings, "An earlier release kept a standing consent to adopt whatever turns up (adopt in settings.json). It covers nothing any more: -Adopt agrees to what is there now.")
	}
	if err := countMarked(ctx, state, c, &settings, &result, request.Adoption.agrees()); err != nil {
		return EnableResult{}, err
	}
	settings.Enabled, settings.InitialPending = true, true
	result.Settings = settings
	return result, nil
}

const hiddenWarning = "Groups of hidden membership are written: every account of the domain can read who their members are."

// countMarked counts the marked groups in the container, and refuses when some
// are of others and not to be adopted (rule 23).
func countMarked(ctx context.Context, state LinkStore, c *connection, settings *Settings, result *EnableResult, agreed bool) error {
	j, err := newJudge(c.target, &c.targetID, settings, []Container{settings.Container})
	if err != nil {
		return err
	}
	marked, err := j.countMarked(ctx, state, settings.Container, settings.released())
	if err != nil {
		return err
	}
	result.OwnGroups, result.ForeignGroups = marked.own, marked.foreign
	apart, err := findApart(ctx, state, c.target, &c.targetID, settings, settings.Container)
	if err != nil {
		return err
	}
	if apart.groups > 0 {
		result.Warnings = append(result.Warnings, apart.String())
	}
	if marked.guarded > 0 {
		result.Warnings = append(result.Warnings, directory.Plural(marked.guarded,
			"1 group there carries our stamp and is protected, as after it was nested in a group of administrators: it is not written to. Clear its adminCount once it no longer is.",
			"%d groups there carry our stamp and are protected, as after they were nested in a group of administrators: they are not written to. Clear their adminCount once they no longer are."))
	}
	if marked.foreign > 0 && !agreed {
		return &Error{Category: InvalidState, ID: "ForeignGroupsPresent", Object: settings.Container.DN,
			Message: directory.Plural(marked.foreign, "The container holds 1 group that another product or tenant wrote back: ",
				"The container holds %d groups that another product or tenant wrote back, for example ") + marked.example + "." + marked.untrusted(),
			Advice: "Choose an empty container, or enable with -Adopt to take over those that stand for a group of this tenant; the others stay as they are."}
	}
	return nil
}

// marked counts the marked groups of a container.
type marked struct {
	own, foreign int
	example      string // the first of the foreign ones by name
	// written is the first of our own by objectGUID.
	written directory.GUID
	// stamped counts those of the foreign ones that carry our stamp and belong to
	// somebody else, owner among them.
	stamped int
	owner   Principal
	guarded int // with our stamp, and protected
}

func (m *marked) untrusted() string {
	if m.stamped == 0 {
		return ""
	}
	owner := "accounts whose names cannot be read"
	if m.owner.SID != "" {
		owner = strings.TrimSpace(m.owner.Name + " (" + string(m.owner.SID) + ")")
	}
	return directory.Plural(m.stamped, " 1 of them carries our stamp, but belongs to ", " %d of them carry our stamp, but belong to others, such as ") +
		owner + ". A former service account is named with -TrustedOwner."
}

// countMarked counts the marked groups in the container. Two marks that
// contradict each other are marks, and other values are none.
func (j *judge) countMarked(ctx context.Context, state LinkStore, container Container, released map[directory.GUID]bool) (marked, error) {
	var m marked
	count := batched(askBatch, func(groups []directory.TargetGroup) error {
		targets, err := withLinks(ctx, state, groups)
		if err == nil {
			err = j.ask(ctx, targets)
		}
		if err != nil {
			return err
		}
		for i := range targets {
			c, err := j.candidate(ctx, &targets[i])
			if err != nil {
				return err
			}
			if c.Ours(targets[i].SourceID, &j.rules) {
				if m.own++; m.written.IsZero() || c.GUID.Compare(m.written) < 0 {
					m.written = c.GUID
				}
				continue
			}
			if released[targets[i].SourceID] {
				continue // it is left in any case
			}
			if c.NeedsOwner(&j.rules) && plan.Protection(&c.TargetGroup) != "" {
				m.guarded++
				continue
			}
			m.foreign++
			if m.example == "" || c.DN < m.example {
				m.example = c.DN
			}
			if c.NeedsOwner(&j.rules) {
				if m.stamped++; m.owner.SID == "" {
					m.owner = Principal{SID: c.Owner, Name: c.OwnerName}
				}
			}
		}
		return nil
	})
	p, read := progressOf(ctx), 0
	err := j.target.Groups(ctx, container.GUID, false, func(g directory.TargetGroup) error {
		read++
		p.read(read, "Counting the groups in "+container.DN)
		if !g.Marked() {
			return nil
		}
		return count.add(g)
	})
	if err == nil {
		err = count.flush()
	}
	return m, err
}

// apart are the groups that only mark, stamp and owner call ours.
type apart struct {
	groups  int
	example string // the first by name
}

func (a *apart) String() string {
	return fmt.Sprintf("Outside of the container, groups with our stamp that belong to the account and are not linked: %d, for example %s. "+
		"Another installation of this tenant writes them under the same account, or they were moved. Those in the scope are taken over. Give each installation an account and a scope of its own.", a.groups, a.example)
}

// findApart looks for them in the whole domain.
func findApart(ctx context.Context, state LinkStore, target TargetReader, id *TargetIdentity, settings *Settings, container Container) (a apart, err error) {
	j, err := newJudge(target, id, settings, append([]Container{container, settings.Container}, settings.FormerContainers...))
	if err != nil {
		return a, err
	}
	look := batched(askBatch, func(groups []directory.TargetGroup) error {
		targets, err := withLinks(ctx, state, groups)
		if err == nil {
			err = j.ask(ctx, targets)
		}
		for i := 0; i < len(targets) && err == nil; i++ {
			var c plan.Candidate
			if c, err = j.candidate(ctx, &targets[i]); err == nil && c.Apart() && c.Ours(targets[i].SourceID, &j.rules) {
				if a.groups++; a.example == "" || c.DN < a.example {
					a.example = c.DN
				}
			}
		}
		return err
	})
	if err = target.StampedGroups(ctx, directory.Stamp(settings.Tenant.ID), look.add); err == nil {
		err = look.flush()
	}
	if err != nil {
		return a, fmt.Errorf("looking for our stamp in the domain: %w", err)
	}
	return a, nil
}

// chooseContainer settles where groups are to stand: the container that is
// named, else the one that is configured. The one it replaces is remembered, so
// that its groups are moved.
func chooseContainer(ctx context.Context, c *connection, settings *Settings, dn string) error {
	before := settings.Container
	if dn == "" && before.GUID.IsZero() {
		return &Error{Category: InvalidArgument, ID: "ContainerRequired", Message: "No target container is given, and none is configured.",
			Advice: "Name the organisational unit with -TargetContainer."}
	}
	guid := directory.GUID{}
	if dn == "" {
		guid = before.GUID
	} else if _, err := directory.ParseDN(dn); err != nil {
		return &Error{Category: InvalidArgument, ID: "ContainerInvalid", Object: dn, Message: err.Error() + ".",
			Advice: "Give the distinguished name of an organisational unit, such as OU=Groups,DC=contoso,DC=com."}
	}
	container, err := c.target.Container(ctx, dn, guid)
	if err != nil {
		return err
	}
	if err := container.protected(&c.targetID); err != nil {
		return err
	}
	if !container.CanCreate {
		return &Error{Category: PermissionDenied, ID: "ContainerNoCreateRight", Object: container.DN,
			Message: "The account may not create groups in this container.",
			Advice:  "Delegate the creation, deletion and full control of group objects in this container to the account."}
	}
	settings.FormerContainers = slices.DeleteFunc(settings.FormerContainers, func(c Container) bool { return c.GUID == container.GUID })
	if !before.GUID.IsZero() && before.GUID != container.GUID {
		settings.FormerContainers = append(settings.FormerContainers, before)
	}
	settings.Container = container
	return nil
}

func (id *TargetIdentity) domain() DomainRef {
	return DomainRef{GUID: id.DomainGUID, SID: id.DomainSID, Name: id.DomainName}
}

// checkOwner refuses a tenant or a domain other than the state's (rule 4),
// before anything is read of them. A side that is not connected is not checked.
func checkOwner(ctx context.Context, state State, settings *Settings, c *connection) error {
	tenant, domain, err := state.Owner(ctx)
	if err != nil {
		return err
	}
	for _, owner := range []struct {
		tenant directory.GUID
		domain DomainRef
	}{{tenant, domain}, {settings.Tenant.ID, settings.Domain}} {
		if now := c.sourceID.TenantID; c.source != nil && !owner.tenant.IsZero() && owner.tenant != now {
			return &Error{Category: InvalidState, ID: "TenantMismatch", Object: now.String(),
				Message: fmt.Sprintf("This state belongs to the tenant %s, and the connection is to %s.", owner.tenant, now),
				Advice:  "Connect to the tenant that the state belongs to, or use another folder with -StatePath."}
		}
		if now := c.targetID; c.target != nil && !owner.domain.GUID.IsZero() && (owner.domain.GUID != now.DomainGUID || owner.domain.SID != now.DomainSID) {
			return &Error{Category: InvalidState, ID: "DomainMismatch", Object: now.DomainName,
				Message: fmt.Sprintf("This state belongs to the domain %s (%s), and the connection is to %s (%s).",
					owner.domain.Name, owner.domain.SID, now.DomainName, now.DomainSID),
				Advice: "Connect to the domain that the state belongs to, or use another folder with -StatePath."}
		}
	}
	return nil
}
