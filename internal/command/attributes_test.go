package command_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/internal/command"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/plan"
)

// TestOneRowMoreIsOneAttributeMore adds a row to the mapping. Its attribute is written
// and follows the tenant, the values of others in it stay, and the first run with the row
// is Initial.
func TestOneRowMoreIsOneAttributeMore(t *testing.T) {
	b := settled(t, map[string][]string{"one": {"a"}})
	one := b.tenant.groups[guid("group one")]
	one.Properties = one.Properties.With("proxies", "SMTP:one@x", "smtp:first@x")
	b.sync(t)
	if got := b.object("one").Attribute("url"); got != nil {
		t.Fatalf("nothing says that it is written: %q", got)
	}

	b.mapping = append(slices.Clone(plan.Standard), plan.Row{Attribute: "url", Expression: "[proxies]", Several: true, Compare: plan.Address, Shared: true})
	b.engine.Close()
	b.start(t)
	holds := func(want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, b.object("one").Attribute("url")); diff != "" {
			t.Error(diff)
		}
	}
	if run := b.sync(t); run.PolicyReason != contract.InitialProjection || run.Status != contract.RunComplete {
		t.Errorf("%+v", run)
	}
	holds("SMTP:one@x", "smtp:first@x")

	// Others write to the attribute, and the tenant removes one of our values. A preview
	// does not change which values are ours.
	write(b.object("one"), "url", "SMTP:one@x", "smtp:first@x", "x500:/o=Exchange")
	one.Properties = one.Properties.With("proxies", "SMTP:new@x", "smtp:one@x")
	if _, err := b.engine.Preview(t.Context(), command.PreviewRequest{}, nil); err != nil {
		t.Fatal(err)
	}
	if run := b.sync(t); run.PolicyType != contract.Delta || run.Status != contract.RunComplete || run.Exported.Update != 1 {
		t.Errorf("%+v", run)
	}
	holds("x500:/o=Exchange", "SMTP:new@x", "smtp:one@x")
	if run := b.sync(t); run.Planned.Update != 0 {
		t.Errorf("planned again: %+v", run)
	}

	// A value that cannot be removed now is still ours when it can.
	one.Properties = one.Properties.With("proxies", "SMTP:new@x")
	b.directory.fail = func(operation string) error {
		if operation == "modify" {
			return &contract.Error{Category: contract.ResourceBusy, ID: "DirectoryBusy", Message: "busy"}
		}
		return nil
	}
	b.sync(t)
	b.directory.fail = nil
	b.sync(t)
	holds("x500:/o=Exchange", "SMTP:new@x")

	// After the state was lost, the values that the tenant has are ours.
	b.loseState(t)
	b.sync(t)
	one.Properties = one.Properties.With("proxies", "smtp:other@x")
	b.sync(t)
	holds("x500:/o=Exchange", "smtp:other@x")
}
