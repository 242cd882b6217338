package command_test

import (
	"slices"
	"strings"
	"testing"

	"groupwriteback/internal/directory"
	"groupwriteback/internal/exchange"
)

// recipientSteps lists what is due for groups, by the name of the group's object.
func (b *bench) recipientSteps(t *testing.T) map[string]exchange.Step {
	t.Helper()
	steps := map[string]exchange.Step{}
	for after := (directory.GUID{}); ; {
		page, err := b.engine.RecipientSteps(t.Context(), after, 1)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			return steps
		}
		after = page[0].Key
		if page[0].Step.Kind != "" {
			steps[page[0].Step.Object] = page[0].Step
		}
	}
}

// TestWhatIsDueInExchange: a new recipient is due until Exchange has completed it, and a
// changed one until the administrator clears what he has seen.
func TestWhatIsDueInExchange(t *testing.T) {
	b := newBench(t)
	b.tenant.put("one", "ann")
	b.tenant.put("two", "ann")
	source := b.tenant.groups[guid("group one")]
	source.Properties = source.Properties.With("mail", "one@groups.contoso.test")
	b.directory.exchange = hybrid(t)
	b.enable(t)
	if _, err := b.engine.ExchangeSteps(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.sync(t)
	one := b.object("one")
	if steps := b.recipientSteps(t); len(steps) != 0 {
		t.Errorf("groups that are no recipients are due: %v", steps)
	}

	complete := func(values map[string]string) {
		for name, value := range values {
			write(one, name, value)
		}
	}
	complete(map[string]string{"mailNickname": "one"})
	if step := b.recipientSteps(t)[one.DN]; step.RunID != 0 || !strings.Contains(step.Message, "is new") || *step.GroupID != guid("group one") || *step.TargetGUID != one.GUID {
		t.Errorf("a new recipient: %+v", step)
	}
	complete(map[string]string{"legacyExchangeDN": "/o=x", "showInAddressBook": "CN=GAL"})
	if steps := b.recipientSteps(t); len(steps) != 0 {
		t.Errorf("a complete recipient is due: %v", steps)
	}

	source.Properties = source.Properties.With("displayName", "Another name")
	b.sync(t)
	step := b.recipientSteps(t)[one.DN]
	if step.RunID == 0 || !strings.Contains(step.Message, "was changed") {
		t.Fatalf("a changed recipient: %+v", step)
	}
	source.Properties = source.Properties.With("displayName", "A third name")
	b.sync(t)
	clear := func(run int64, want int) {
		t.Helper()
		if n, err := b.engine.ClearExchangeSteps(t.Context(), map[directory.GUID]int64{one.GUID: run, guid("nobody"): run}); err != nil || n != want {
			t.Errorf("%d were cleared: %v", n, err)
		}
	}
	clear(step.RunID, 0) // he has seen an earlier change
	later := b.recipientSteps(t)[one.DN]
	if later.RunID <= step.RunID {
		t.Errorf("changed once more: %+v", later)
	}
	clear(later.RunID, 1)
	if steps := b.recipientSteps(t); len(steps) != 0 {
		t.Errorf("cleared, and still due: %v", steps)
	}

	steps, err := b.engine.ExchangeSteps(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []exchange.StepKind{exchange.StepAcceptedDomain, exchange.StepSendConnector, exchange.StepWarning} {
		if !slices.ContainsFunc(steps, func(s exchange.Step) bool { return s.Kind == kind }) {
			t.Errorf("no step of kind %s: %+v", kind, steps)
		}
	}
	if err := b.engine.Disconnect(); err != nil {
		t.Fatal(err)
	}
	if _, err := b.engine.ExchangeSteps(t.Context()); err == nil {
		t.Error("steps without a connection")
	}
}
