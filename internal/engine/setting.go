package engine

import (
	"context"
	"fmt"
)

// SetSettings changes settings. Whatever changes what is written makes the
// next run Initial.
func (e *Engine) SetSettings(ctx context.Context, patch SettingsPatch) (Settings, error) {
	needTarget := patch.TargetContainer != ""
	c, done, err := e.use(false, needTarget)
	if err != nil {
		return Settings{}, err
	}
	defer done()
	state, unlock, err := e.lockState(ctx)
	if err != nil {
		return Settings{}, err
	}
	defer unlock()

	settings, err := state.LoadSettings(ctx)
	if err != nil {
		return Settings{}, err
	}
	if settings.Tenant.ID.IsZero() {
		return Settings{}, errNotConfigured()
	}
	if err := patch.apply(&settings); err != nil {
		return Settings{}, err
	}
	if needTarget {
		if err := checkOwner(ctx, state, &settings, &c); err != nil {
			return Settings{}, err
		}
		if err := chooseContainer(ctx, c.target, &settings, patch.TargetContainer); err != nil {
			return Settings{}, err
		}
	}
	if patch.Choices != (Choices{}) { // each changes what is written
		settings.InitialPending = true
	}
	if patch.WhatIf {
		return settings, nil
	}
	return settings, state.SaveSettings(ctx, settings)
}

// apply changes what needs no directory.
func (p *Choices) apply(s *Settings) error {
	for _, f := range []struct {
		name string
		to   *NameFormat
		now  NameFormat
	}{{"nameFormat", &s.NameFormat, p.NameFormat}, {"samAccountNameFormat", &s.SAMAccountNameFormat, p.SAMAccountNameFormat}} {
		switch f.now {
		case "":
		case NameObjectID, NameDisplayName:
			*f.to = f.now
		default:
			return invalidParameter(f.name, string(f.now), "ObjectId or DisplayName")
		}
	}
	switch p.MovedGroup {
	case "":
	case MovedKeep, MovedBack:
		s.MovedGroup = p.MovedGroup
	default:
		return invalidParameter("movedGroup", string(p.MovedGroup), "Keep or MoveBack")
	}
	for _, f := range []struct {
		name string
		to   *FrozenGroup
		now  FrozenGroup
	}{{"softDeletedGroup", &s.SoftDeletedGroup, p.SoftDeletedGroup}, {"outOfScopeGroup", &s.OutOfScopeGroup, p.OutOfScopeGroup}} {
		switch f.now {
		case "":
		case FrozenKeep, FrozenRemove:
			*f.to = f.now
		default:
			return invalidParameter(f.name, string(f.now), "Keep or Remove")
		}
	}
	if p.ExcludeMailAttribute != nil {
		s.ExcludeMailAttribute = *p.ExcludeMailAttribute
	}
	if p.Adopt != nil {
		s.Adopt = *p.Adopt
	}
	return nil
}

// apply changes what needs no directory.
func (p *SettingsPatch) apply(s *Settings) error {
	if err := p.Choices.apply(s); err != nil {
		return err
	}
	if p.RunHistoryDays != nil {
		if *p.RunHistoryDays < 1 || *p.RunHistoryDays > 3650 {
			return invalidParameter("runHistoryDays", fmt.Sprint(*p.RunHistoryDays), "1 to 3650 days")
		}
		s.RunHistoryDays = *p.RunHistoryDays
	}
	if p.Limits == nil {
		return nil
	}
	for _, f := range []struct {
		name string
		to   *int
		now  *int
		max  int
	}{
		{"deletionCount", &s.Limits.DeletionCount, p.Limits.DeletionCount, 1_000_000},
		{"deletionPercent", &s.Limits.DeletionPercent, p.Limits.DeletionPercent, 100},
		{"removalPercent", &s.Limits.RemovalPercent, p.Limits.RemovalPercent, 100},
		{"groupRemovalPercent", &s.Limits.GroupRemovalPercent, p.Limits.GroupRemovalPercent, 100},
		{"sourceShrinkPercent", &s.Limits.SourceShrinkPercent, p.Limits.SourceShrinkPercent, 100},
		{"targetShrinkPercent", &s.Limits.TargetShrinkPercent, p.Limits.TargetShrinkPercent, 100},
	} {
		if f.now == nil {
			continue
		}
		if *f.now < 0 || *f.now > f.max {
			return invalidParameter("limits."+f.name, fmt.Sprint(*f.now), fmt.Sprintf("0 (off) to %d", f.max))
		}
		*f.to = *f.now
	}
	return nil
}

func invalidParameter(name, value, allowed string) error {
	return &Error{Category: InvalidArgument, ID: "InvalidParameter", Object: name,
		Message: fmt.Sprintf("The value %q is not allowed.", value), Advice: "Give " + allowed + "."}
}

func errNotConfigured() error {
	return &Error{Category: InvalidState, ID: "NotConfigured", Message: "Group writeback was never enabled with this state.",
		Advice: "Run Enable-GroupWriteback, or name the right folder with -StatePath."}
}
