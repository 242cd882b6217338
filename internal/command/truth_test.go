package command_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"groupwriteback/internal/command"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/plan"
)

func wantLast(t *testing.T, b *bench, name string, action plan.Action, outcome contract.Outcome) {
	t.Helper()
	if v := b.shown(t, name); v.LastAction != action || v.LastOutcome != outcome {
		t.Errorf("%s: last is %s %s (%s), want %s %s", name, v.LastAction, v.LastOutcome, v.LastMessage, action, outcome)
	}
}

// What was planned and not done is reported as long as that is true, and no longer.
func TestWhatIsPendingIsSoNow(t *testing.T) {
	wanted := "displayName -eq 'kept'"
	none := "displayName -eq 'nobody'"
	all := ""
	force := func(t *testing.T, b *bench, filter *string) {
		t.Helper()
		b.force(t, command.Choices{Filter: filter, OutOfScopeGroup: contract.FrozenRemove})
	}
	cases := map[string]struct {
		hold    func(t *testing.T, b *bench) contract.Run // plans to delete group 1 without doing it
		outcome contract.Outcome
	}{
		"held": {func(t *testing.T, b *bench) contract.Run {
			force(t, b, &wanted)
			return b.sync(t)
		}, contract.OutcomeHeld},
		"stopped": {func(t *testing.T, b *bench) contract.Run {
			force(t, b, &none)
			return b.sync(t)
		}, contract.OutcomePending},
		"cancelled": {func(t *testing.T, b *bench) contract.Run {
			force(t, b, &wanted)
			if _, err := b.engine.SetSettings(t.Context(), command.SettingsPatch{Limits: &command.LimitsPatch{DeletionPercent: new(int), SourceShrinkPercent: new(int)}}); err != nil {
				t.Fatal(err)
			}
			return b.cancelled(t)
		}, contract.OutcomePending},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			b := manyGroups(t)
			run := c.hold(t, b)
			group := b.waiting(t, run, c.outcome)
			wantLast(t, b, group, plan.Delete, c.outcome)

			// The settings are taken back: nothing is planned any more.
			force(t, b, &all)
			wantLast(t, b, group, plan.Create, contract.OutcomeDone)
			b.sync(t)
			wantLast(t, b, group, plan.Create, contract.OutcomeDone)
		})
	}

	t.Run("by the tenant", func(t *testing.T) { // the tenant has the groups again
		b := manyGroups(t)
		kept := map[string]*fakeGroup{}
		for i := range 10 {
			name := fmt.Sprint("group ", i)
			kept[name] = b.tenant.groups[guid("group "+name)]
			b.purge(name)
		}
		b.sync(t)
		wantLast(t, b, "group 1", plan.Delete, contract.OutcomeHeld)
		if _, err := b.engine.Preview(t.Context(), command.PreviewRequest{}, nil); err != nil {
			t.Fatal(err)
		}
		wantLast(t, b, "group 1", plan.Delete, contract.OutcomeHeld)
		for name, g := range kept {
			b.tenant.groups[guid("group "+name)] = g
			delete(b.tenant.deleted, guid("group "+name))
		}
		b.pass(31 * time.Minute)
		b.sync(t)
		wantLast(t, b, "group 1", plan.Create, contract.OutcomeDone)
	})

	t.Run("after Disable", func(t *testing.T) {
		b := manyGroups(t)
		if _, err := b.engine.Disable(t.Context(), command.DisableRequest{}); err != nil {
			t.Fatal(err)
		}
		run := b.cancelled(t)
		if run.Kind != contract.DisableRun {
			t.Fatalf("%+v", run)
		}
		group := b.waiting(t, run, contract.OutcomePending)
		wantLast(t, b, group, plan.Delete, contract.OutcomePending)
		b.enable(t)
		wantLast(t, b, group, plan.Create, contract.OutcomeDone)
	})
}

// waiting returns the name of the last group whose change in the run has that outcome.
func (b *bench) waiting(t *testing.T, run contract.Run, outcome contract.Outcome) string {
	t.Helper()
	s, err := b.engine.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	changes, err := s.Changes(t.Context(), run.ID, 0, 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range slices.Backward(changes) {
		if c.Outcome == outcome && c.Action == plan.Delete {
			return c.DisplayName
		}
	}
	t.Fatalf("no change is %s: %v", outcome, b.outcomes(t, run))
	return ""
}

// cancelled runs a sync that is cancelled at its first deletion.
func (b *bench) cancelled(t *testing.T) contract.Run {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	b.directory.fail = func(operation string) error {
		if operation == "delete" {
			cancel()
			return context.Canceled
		}
		return nil
	}
	run, err := b.engine.Sync(ctx, command.SyncRequest{}, nil)
	b.directory.fail = nil
	if err != nil || run.Status != contract.RunStopped {
		t.Fatalf("%+v %v", run, err)
	}
	return run
}
