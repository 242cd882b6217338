package command

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/internal/contract"
)

// A request that changes more than a line can hold leaves several.
func TestManyChangesAreSplit(t *testing.T) {
	entry := contract.AuditEntry{Event: contract.AuditSettingsChanged}
	for i := range 1_250 {
		entry.Changes = append(entry.Changes, contract.AuditChange{Name: fmt.Sprint(i)})
	}
	parts := split(entry)
	var names []string
	more := 0
	for _, part := range parts {
		for _, c := range part.Changes {
			names = append(names, c.Name)
		}
		more += part.More
		if len(part.Changes) > contract.MaxAuditChanges || part.Event != entry.Event {
			t.Errorf("%+v", part)
		}
	}
	if len(parts) != 10 || len(names) != 1_000 || more != 250 {
		t.Errorf("%d parts with %d changes and %d more", len(parts), len(names), more)
	}
	if diff := cmp.Diff([]contract.AuditEntry{{Event: "x"}}, split(contract.AuditEntry{Event: "x"})); diff != "" {
		t.Error(diff)
	}
}
