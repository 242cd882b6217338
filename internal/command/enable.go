package command

import (
	"context"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/owner"
)

// Enable checks every prerequisite and then saves the settings, with a full import
// pending. If a check fails, it saves nothing. It writes nothing to Active Directory.
func (e *Engine) Enable(ctx context.Context, request EnableRequest) (EnableResult, error) {
	connection, done, err := e.use(sourceSide | targetSide)
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
	err = e.changeSettings(ctx, state, contract.AuditEntry{Event: contract.AuditEnabled}, &result.Settings, adopt, func() error {
		return enable(ctx, state, &result.Settings, adopt)
	})
	if err != nil {
		return EnableResult{}, err
	}
	return result, nil
}

// enable stores what Enable has checked.
func enable(ctx context.Context, state contract.State, settings *contract.Settings, adopt []contract.Link) error {
	// Save the settings first: a folder without settings must not belong to a tenant. A
	// run sets the owner of a state that has none.
	if err := notePlaces(ctx, state, settings); err != nil {
		return err
	}
	if err := state.SaveSettings(ctx, *settings); err != nil {
		return err
	}
	if err := state.SetOwner(ctx, settings.Tenant.ID, settings.Domain); err != nil {
		return err
	}
	// As long as the settings are unsaved, what Disable stored must still hold. Once they
	// are saved, it no longer does, whether or not this succeeds.
	if err := state.SetDisableSet(ctx, nil); err != nil {
		return err
	}
	if err := state.WithdrawPlans(ctx); err != nil {
		return err
	}
	return state.SetAdoptSet(ctx, adopt) // last, because without it nothing is adopted
}

// prepareEnable makes all checks of Enable and returns what Enable would save.
func (e *Engine) prepareEnable(ctx context.Context, state contract.State, c *connection, request EnableRequest) (EnableResult, []contract.Link, error) {
	result, err := e.checkEnable(ctx, state, c, request)
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

// checkEnable makes the checks of Enable, except those about adoption.
func (e *Engine) checkEnable(ctx context.Context, state contract.State, c *connection, request EnableRequest) (EnableResult, error) {
	settings, err := state.LoadSettings(ctx)
	if err != nil {
		return EnableResult{}, err
	}
	first := settings.Container.GUID.IsZero()
	if err := checkOwner(ctx, state, &settings, c); err != nil {
		return EnableResult{}, err
	}
	if err := c.sourceID.RequirePermissions(); err != nil {
		return EnableResult{}, err
	}
	p := contract.ProgressOf(ctx)
	p.Begin("Check", "Checking the container")
	settings.Tenant = contract.TenantRef{ID: c.sourceID.TenantID, Name: c.sourceID.TenantName}
	settings.Domain = c.targetID.Domain()

	if err := request.Choices.apply(&settings); err != nil {
		return EnableResult{}, err
	}
	if err := request.Choices.resolveOwners(ctx, c.target, &settings); err != nil {
		return EnableResult{}, err
	}
	if err := chooseContainer(ctx, c, &settings, request.TargetContainer); err != nil {
		return EnableResult{}, err
	}
	if err := e.chooseFurther(ctx, c, &settings); err != nil {
		return EnableResult{}, err
	}

	result := EnableResult{ExchangeVersion: c.targetID.Schema.ExchangeVersion, Warnings: []string{}}
	if !c.targetID.Schema.Exchange && !settings.ExcludeMailAttribute {
		return EnableResult{}, &contract.Error{Category: contract.InvalidState, ID: "ExchangeSchemaMissing", Object: c.targetID.DomainName,
			Message: "The forest has no Exchange schema, so mail attributes cannot be written.",
			Advice:  "Extend the schema with Exchange Setup, or use -ExcludeMailAttribute to write the groups without mail attributes."}
	}
	if err := proposeRecipient(ctx, c, &settings, &result, first && request.MailRecipient == ""); err != nil {
		return EnableResult{}, err
	}
	p.At(0, 0, "Checking whether Entra Connect writes groups back")
	switch on, err := c.source.ConnectWriteback(ctx); {
	case err != nil:
		return EnableResult{}, err
	case on == contract.Yes:
		return EnableResult{}, &contract.Error{Category: contract.InvalidState, ID: "ConnectWritebackEnabled", Object: c.sourceID.TenantName,
			Message: "Entra Connect's own group writeback is enabled in this tenant. When it is disabled later, it deletes every group that it created, including adopted ones.",
			Advice:  "Disable group writeback in Entra Connect first, wait until it has finished, and run Enable-GroupWriteback again."}
	case on == contract.Unknown:
		result.Warnings = append(result.Warnings, "Cannot determine whether Entra Connect's own group writeback is enabled, because Microsoft Graph reports it only to signed-in users. Make sure that it is disabled.")
	}
	if !c.sourceID.HasOne(contract.DeletedRoles) {
		result.Warnings = append(result.Warnings, "Without Group.Read.All, deleted groups cannot be distinguished from unreadable ones, so no group will be deleted.")
	}
	if settings.IncludeHiddenMembership {
		result.Warnings = append(result.Warnings, hiddenWarning)
	}
	if settings.StandingAdopt {
		result.Warnings = append(result.Warnings, "settings.json has the setting adopt of an earlier release, which allowed every later adoption. It has no effect any more: -Adopt covers only the groups that exist now.")
	}
	if err := countMarked(ctx, state, c, &settings, &result, request.Adoption.agrees()); err != nil {
		return EnableResult{}, err
	}
	settings.Enabled, settings.InitialPending = true, true
	result.Settings = settings
	return result, nil
}

const hiddenWarning = "Groups with hidden membership are written, so every account of the domain can read their members."

// countMarked counts the marked groups in the containers. It fails if some belong to
// others and are not to be adopted (rule 23).
func countMarked(ctx context.Context, state contract.LinkStore, c *connection, settings *contract.Settings, result *EnableResult, agreed bool) error {
	j, err := owner.NewJudge(c.target, &c.targetID, settings, owner.Containers{Current: settings.Containers()})
	if err != nil {
		return err
	}
	marked, err := j.CountMarked(ctx, state, settings.Released())
	if err != nil {
		return err
	}
	result.OwnGroups, result.ForeignGroups = marked.Own, marked.Foreign
	strays, err := owner.FindStrays(ctx, state, c.target, &c.targetID, settings, settings.Container)
	if err != nil {
		return err
	}
	if strays.Groups > 0 {
		result.Warnings = append(result.Warnings, strays.String())
	}
	if marked.Guarded > 0 {
		result.Warnings = append(result.Warnings, directory.Plural(marked.Guarded,
			"1 group in the container carries our stamp but is protected (adminCount is 1), as members of administrative groups are. It is not written. Remove it from those groups, then clear its adminCount.",
			"%d groups in the container carry our stamp but are protected (adminCount is 1), as members of administrative groups are. They are not written. Remove them from those groups, then clear their adminCount."))
	}
	if marked.Foreign > 0 && !agreed {
		return &contract.Error{Category: contract.InvalidState, ID: "ForeignGroupsPresent", Object: settings.Container.DN,
			Message: directory.Plural(marked.Foreign, "The container holds 1 group that another product or tenant wrote back: ",
				"The container holds %d groups that another product or tenant wrote back, for example ") + marked.Example + "." + marked.Untrusted(),
			Advice: "Choose an empty container, or use -Adopt to take over those that belong to a group of this tenant. The others are left unchanged."}
	}
	return nil
}
