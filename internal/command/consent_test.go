package command_test

import (
	"fmt"
	"strings"
	"testing"

	"groupwriteback/internal/command"
	"groupwriteback/internal/contract"
)

// manyGroups returns a bench with 21 groups.
func manyGroups(t *testing.T) *bench {
	t.Helper()
	groups := map[string][]string{"kept": {"a"}}
	for i := range 20 {
		groups[fmt.Sprint("group ", i)] = []string{"a"}
	}
	return settled(t, groups)
}

// The plan of a preview of other settings is a consent to what these settings bring, as
// its message says. A sync before they take effect leaves the consent; a sync afterwards
// lets exactly that pass.
func TestAConsentToAPreviewOfOtherSettings(t *testing.T) {
	for _, filter := range []string{"displayName -eq 'kept'", "displayName -eq 'nobody'"} {
		t.Run(filter, func(t *testing.T) {
			b := manyGroups(t)
			patch := command.SettingsPatch{Choices: command.Choices{Filter: &filter, OutOfScopeGroup: contract.FrozenRemove}}
			preview, err := b.engine.Preview(t.Context(), command.PreviewRequest{Settings: &patch}, nil)
			if err != nil || !strings.Contains(preview.Message, "(Set-GroupWriteback), then run the sync with -AllowOnce "+preview.PlanID) {
				t.Fatalf("%+v %v", preview, err)
			}
			if run := b.agree(t, preview); run.Status != contract.RunComplete || run.Exported.Delete != 0 {
				t.Fatalf("with the settings of before: %+v", run)
			}
			if _, err := b.engine.SetSettings(t.Context(), patch); err != nil {
				t.Fatal(err)
			}
			if run := b.agree(t, preview); run.Status != contract.RunComplete || run.Exported.Delete != preview.Planned.Delete || b.object("group 1") != nil {
				t.Errorf("%+v", run)
			}
			if _, err := b.engine.Sync(t.Context(), command.SyncRequest{AllowOnce: preview.PlanID}, nil); !contract.HasID(err, "PlanAlreadyUsed") {
				t.Error(err)
			}
		})
	}
}

// A consent outlives a run in which what it lets pass fails, or that ends before it is
// done.
func TestAConsentOutlivesARunThatFails(t *testing.T) {
	refused := &contract.Error{Category: contract.PermissionDenied, ID: "AccessDenied", Message: "no"}
	gone := &contract.Error{Category: contract.Connection, ID: "ServerUnreachable", Message: "down"}
	for _, failure := range []*contract.Error{refused, gone} {
		t.Run(failure.ID, func(t *testing.T) {
			b := manyGroups(t)
			for i := range 10 {
				b.purge(fmt.Sprint("group ", i))
			}
			b.tenant.put("kept", "a", "b") // something that is done
			held := b.sync(t)
			if held.Held.Delete != 10 {
				t.Fatalf("%+v", held)
			}
			left := 3
			b.directory.fail = func(operation string) error {
				if operation != "delete" {
					return nil
				}
				if left--; left >= 0 {
					return nil
				}
				return failure
			}
			if run := b.agree(t, held); run.Status == contract.RunComplete {
				t.Fatalf("%+v", run)
			}
			b.directory.fail = nil
			if run := b.agree(t, held); run.Status != contract.RunComplete || run.Exported.Delete != 7 {
				t.Errorf("%+v\n%v", run, b.outcomes(t, run))
			}
			if _, err := b.engine.Sync(t.Context(), command.SyncRequest{AllowOnce: held.PlanID}, nil); !contract.HasID(err, "PlanAlreadyUsed") {
				t.Error(err)
			}
		})
	}
}
