package command

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// SetSettings changes settings. A change that affects what is written makes the next run
// Initial.
func (e *Engine) SetSettings(ctx context.Context, patch SettingsPatch) (SettingsResult, error) {
	needed := noSide
	switch {
	case patch.looks():
		needed = sourceSide | targetSide
	case patch.needsDirectory():
		needed = targetSide
	}
	c, done, err := e.use(needed)
	if err != nil {
		return SettingsResult{}, err
	}
	defer done()
	state, unlock, err := lockState(ctx, e.State)
	if err != nil {
		return SettingsResult{}, err
	}
	defer unlock()

	settings, adopt, err := e.prepareSettings(ctx, state, &c, &patch)
	if err != nil {
		return SettingsResult{}, err
	}
	result := SettingsResult{Settings: settings}
	if patch.setsScope() {
		result.Warnings = doubtScope(ctx, &c, &settings)
	}
	if patch.MailRecipient == plan.MailRecipientRemote {
		result.Warnings = append(result.Warnings, recipientWarning)
	}
	if patch.WhatIf {
		return result, nil
	}
	err = e.changeSettings(ctx, state, contract.AuditEntry{Event: contract.AuditSettingsChanged}, &settings, adopt, func() error {
		return patch.save(ctx, state, &settings, adopt)
	})
	if err != nil {
		return SettingsResult{}, err
	}
	return result, nil
}

// save stores what SetSettings has checked.
func (p *SettingsPatch) save(ctx context.Context, state contract.State, settings *contract.Settings, adopt []contract.Link) error {
	// A group that is let go of is neither adopted nor deleted, even if the settings
	// cannot be saved.
	if len(p.ReleaseGroups) > 0 {
		if err := keepReleased(ctx, settings, state, adopt); err != nil {
			return err
		}
	}
	if err := notePlaces(ctx, state, settings); err != nil {
		return err
	}
	if err := state.SaveSettings(ctx, *settings); err != nil {
		return err
	}
	if p.Choices != (Choices{}) || p.Mapping != nil || len(p.ReleaseGroups) > 0 {
		if err := state.WithdrawPlans(ctx); err != nil {
			return err
		}
	}
	if !p.Adoption.given() || len(p.ReleaseGroups) > 0 {
		return nil
	}
	return state.SetAdoptSet(ctx, adopt)
}

// doubtScope warns of what an administrator may not intend with the scope. A tenant that
// cannot be asked now does not prevent saving it.
func doubtScope(ctx context.Context, c *connection, s *contract.Settings) []string {
	if c.source == nil || c.sourceID.TenantID != s.Tenant.ID {
		return []string{"The groups in scope were not checked, because the tenant is not connected."}
	}
	warnings, err := checkScope(ctx, c.source, &s.Scope)
	if err != nil {
		return []string{"The groups in scope could not be checked: " + contract.AsError(err).Message}
	}
	return warnings
}

// prepareSettings makes all checks of SetSettings and returns what SetSettings would
// save.
func (e *Engine) prepareSettings(ctx context.Context, state contract.State, c *connection, patch *SettingsPatch) (contract.Settings, []contract.Link, error) {
	settings, err := patch.prepare(ctx, state, c)
	if err != nil {
		return contract.Settings{}, nil, err
	}
	if err := e.patchMapping(ctx, c, patch.Mapping, &settings); err != nil {
		return contract.Settings{}, nil, err
	}
	if patch.Mapping != nil || patch.ContainerFilters != nil {
		if err := e.chooseFurther(ctx, c, &settings); err != nil {
			return contract.Settings{}, nil, err
		}
	}
	if patch.looks() {
		if err := checkRun(ctx, state, &settings, c); err != nil {
			return contract.Settings{}, nil, err
		}
	}
	adopt, err := patch.Adoption.agree(ctx, e, state, c, &settings)
	if err != nil {
		return contract.Settings{}, nil, err
	}
	if err := release(ctx, &settings, state, patch.ReleaseGroups); err != nil {
		return contract.Settings{}, nil, err
	}
	return settings, settings.WithoutReleased(adopt), nil
}

// prepare makes the checks of SetSettings, except those about adopting and letting go.
func (p *SettingsPatch) prepare(ctx context.Context, state contract.State, c *connection) (contract.Settings, error) {
	settings, err := state.LoadSettings(ctx)
	if err != nil {
		return contract.Settings{}, err
	}
	if settings.Tenant.ID.IsZero() {
		return contract.Settings{}, contract.ErrNotConfigured()
	}
	if err := p.apply(&settings); err != nil {
		return contract.Settings{}, err
	}
	if p.needsDirectory() {
		contract.ProgressOf(ctx).Begin("Check", "Checking Active Directory")
		if err := checkOwner(ctx, state, &settings, c); err != nil {
			return contract.Settings{}, err
		}
		if err := p.resolveOwners(ctx, c.target, &settings); err != nil {
			return contract.Settings{}, err
		}
	}
	if p.TargetContainer != "" {
		if err := chooseContainer(ctx, c, &settings, p.TargetContainer); err != nil {
			return contract.Settings{}, err
		}
	}
	if p.Choices != (Choices{}) { // each of them changes what is written
		settings.InitialPending = true
	}
	return settings, nil
}

func (p *Choices) needsDirectory() bool {
	return p.TargetContainer != "" || p.TrustedOwners != nil || p.ContainerFilters != nil && len(*p.ContainerFilters) > 0
}

func (p *SettingsPatch) needsDirectory() bool {
	return p.Choices.needsDirectory() || p.Mapping != nil && len(p.Mapping.Set) > 0
}

// maxTrustedOwners bounds the accounts that may be trusted in addition to our own.
const maxTrustedOwners = 20

// resolveOwners finds the named accounts. It refuses groups that anybody may be in,
// because the owner of an object has every right to it.
func (p *Choices) resolveOwners(ctx context.Context, target contract.TargetReader, s *contract.Settings) error {
	if p.TrustedOwners == nil {
		return nil
	}
	if len(*p.TrustedOwners) > maxTrustedOwners {
		return contract.InvalidParameter("trustedOwners", fmt.Sprintf("%d accounts", len(*p.TrustedOwners)), fmt.Sprintf("at most %d", maxTrustedOwners))
	}
	var owners []contract.Principal
	for _, name := range *p.TrustedOwners {
		owner, err := target.Principal(ctx, name)
		if err != nil {
			return err
		}
		if !strings.HasPrefix(string(owner.SID), "S-1-5-21-") || plan.WellKnown(owner.SID) {
			return contract.InvalidParameter("trustedOwners", name, "the service accounts that ran the sync before, by name or SID; built-in accounts and groups are not allowed")
		}
		if !slices.ContainsFunc(owners, func(o contract.Principal) bool { return o.SID == owner.SID }) {
			owners = append(owners, owner)
		}
	}
	s.TrustedOwners = owners
	return nil
}

// apply makes the changes that need no directory.
func (p *Choices) apply(s *contract.Settings) error {
	err := cmp.Or(
		choose("nameFormat", &s.NameFormat, p.NameFormat, contract.NameFormats),
		choose("samAccountNameFormat", &s.SAMAccountNameFormat, p.SAMAccountNameFormat, contract.NameFormats),
		choose("recipientDisplayType", &s.RecipientDisplayType, p.RecipientDisplayType, plan.DisplayTypes),
		choose("movedGroup", &s.MovedGroup, p.MovedGroup, contract.MovedGroups),
		choose("softDeletedGroup", &s.SoftDeletedGroup, p.SoftDeletedGroup, contract.FrozenGroups),
		choose("outOfScopeGroup", &s.OutOfScopeGroup, p.OutOfScopeGroup, contract.FrozenGroups),
		choose("scope", &s.Scope.Groups, p.Scope, plan.ScopeModes),
		choose("onPremisesGroupType", &s.OnPremisesGroupType, p.OnPremisesGroupType, plan.OnPremisesGroupTypes),
	)
	if err == nil {
		err = p.applyScope(s)
	}
	if err != nil {
		return err
	}
	if err := cmp.Or(p.applyMail(s), p.applyContainers(s)); err != nil {
		return err
	}
	if p.MarkCloudAuthority != nil {
		s.MarkCloudAuthority = *p.MarkCloudAuthority
	}
	if p.UpdateManagedBy != nil {
		s.UpdateManagedBy = *p.UpdateManagedBy
	}
	if p.IncludeHiddenMembership != nil {
		s.IncludeHiddenMembership = *p.IncludeHiddenMembership
	}
	return nil
}

// applyMail sets what a group is to Exchange.
func (p *Choices) applyMail(s *contract.Settings) error {
	if p.ExcludeMailAttribute != nil {
		s.ExcludeMailAttribute = *p.ExcludeMailAttribute
	}
	if p.UpdateAddressLists != nil {
		s.UpdateAddressLists = *p.UpdateAddressLists
	}
	recipient := s.MailRecipient
	if err := choose("mailRecipient", &recipient, p.MailRecipient, plan.MailRecipients); err != nil || p.MailRecipient == "" {
		return err
	}
	excluded := recipient == plan.MailRecipientNone
	if p.ExcludeMailAttribute != nil && *p.ExcludeMailAttribute != excluded {
		return contract.InvalidParameter("mailRecipient", string(recipient), "None together with excludeMailAttribute, and any other value without it")
	}
	if s.ExcludeMailAttribute = excluded; !excluded {
		s.MailRecipient = recipient
	}
	return nil
}

// maxGroupIDs bounds the groups that may be selected by id.
const maxGroupIDs = 10_000

func (p *Choices) applyScope(s *contract.Settings) error {
	if p.GroupIDs != nil {
		if len(*p.GroupIDs) > maxGroupIDs {
			return contract.InvalidParameter("groupIds", fmt.Sprintf("%d ids", len(*p.GroupIDs)), fmt.Sprintf("at most %d", maxGroupIDs))
		}
		ids := slices.SortedFunc(slices.Values(*p.GroupIDs), directory.GUID.Compare)
		s.Scope.GroupIDs = slices.Compact(ids)
		if p.Scope == "" && len(ids) > 0 {
			s.Scope.Groups = plan.ScopeSelected
		}
	}
	if s.Scope.Groups == plan.ScopeSelected && len(s.Scope.GroupIDs) == 0 {
		return &contract.Error{Category: contract.InvalidArgument, ID: "GroupIdsRequired", Object: "groupIds", Message: "The scope is Selected, but no group is selected.",
			Advice: "Specify the object ids of the groups with -GroupId, or choose another scope."}
	}
	if p.Filter != nil {
		if _, err := contract.ParseFilter(*p.Filter); err != nil {
			return err
		}
		s.Scope.Filter = strings.TrimSpace(*p.Filter)
	}
	if p.IncludeSecurityGroups != nil {
		s.Scope.IncludeSecurityGroups = *p.IncludeSecurityGroups
	}
	return setNumbers(s, map[string]*int{"maxMemberCount": p.MaxMemberCount})
}

// choose sets a value from a fixed list, unless value is empty.
func choose[T ~string](name string, to *T, value T, list []T) error {
	if err := contract.CheckOneOf(name, value, list); err != nil || value == "" {
		return err
	}
	*to = value
	return nil
}

// setNumbers sets the given numbers and checks their ranges.
func setNumbers(s *contract.Settings, given map[string]*int) error {
	for _, r := range contract.Ranges {
		value := given[r.Name]
		if value == nil {
			continue
		}
		if *value < r.Least || *value > r.Most {
			return contract.InvalidParameter(r.Name, fmt.Sprint(*value), fmt.Sprintf("%d to %d", r.Least, r.Most))
		}
		*r.Of(s) = *value
	}
	return nil
}

// apply makes the changes that need no directory.
func (p *SettingsPatch) apply(s *contract.Settings) error {
	if err := p.Choices.apply(s); err != nil {
		return err
	}
	limits := cmp.Or(p.Limits, &LimitsPatch{})
	return setNumbers(s, map[string]*int{
		"runHistoryDays": p.RunHistoryDays, "initialIntervalDays": p.InitialIntervalDays, "connections": p.Connections, "outageMinutes": p.OutageMinutes, "quarantineAfter": p.QuarantineAfter,
		"limits.deletionCount": limits.DeletionCount, "limits.deletionPercent": limits.DeletionPercent,
		"limits.removalPercent": limits.RemovalPercent, "limits.groupRemovalPercent": limits.GroupRemovalPercent,
		"limits.sourceShrinkPercent": limits.SourceShrinkPercent, "limits.targetShrinkPercent": limits.TargetShrinkPercent,
	})
}
