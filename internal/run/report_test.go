package run

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// An earlier report that a later one repeats need not be kept: at every moment both sets
// mean the same, and the number of reports depends on what can be reported, not on how
// often.
func TestReportsThatAreRepeatedAreNotKept(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var all, kept []report[contract.GroupChange]
		begin := time.Unix(0, 0)
		n := rapid.IntRange(1, 40).Draw(t, "reports")
		for i := range n {
			w := report[contract.GroupChange]{At: begin.Add(time.Duration(i) * time.Minute), Change: drawnChange(t)}
			all, kept = append(all, w), with(kept, w)
		}
		if len(kept) > 1<<4 { // no two reports have the same subset of the four properties
			t.Errorf("%d reports are kept", len(kept))
		}
		for since := range n {
			from := begin.Add(time.Duration(since) * time.Minute)
			if diff := cmp.Diff(sum(later(all, from)), sum(later(kept, from))); diff != "" {
				t.Fatalf("since %d:\n%s", since, diff)
			}
		}
	})
}

func later(all []report[contract.GroupChange], since time.Time) []report[contract.GroupChange] {
	for len(all) > 0 && all[0].At.Before(since) {
		all = all[1:]
	}
	return all
}

func drawnChange(t *rapid.T) contract.GroupChange {
	c := contract.GroupChange{Removed: rapid.SampledFrom([]contract.Removal{contract.NotRemoved, contract.RemovedChanged, contract.RemovedDeleted}).Draw(t, "removed")}
	switch rapid.IntRange(0, 5).Draw(t, "kind") {
	case 0:
		kind := rapid.SampledFrom([]directory.GroupKind{"", directory.UnifiedGroup, directory.SecurityGroup}).Draw(t, "to")
		c.Kind = &kind
	case 1:
		c.Retyped = true
	}
	for _, name := range []string{"displayName", "mail"} {
		if rapid.IntRange(0, 2).Draw(t, name) == 0 {
			c.Properties = c.Properties.With(name, rapid.SampledFrom([]string{"a", "b"}).Draw(t, "value"))
		}
	}
	if rapid.IntRange(0, 3).Draw(t, "visibility") == 0 {
		visibility := "Private"
		c.Visibility = &visibility
	}
	return c
}

// An entry which says that the kind may have changed invalidates the kind reported before,
// in whichever entry of a page it comes.
func TestAKindThatMayHaveChangedIsNoLongerReported(t *testing.T) {
	unified := directory.UnifiedGroup
	page := summed([]contract.GroupChange{{Retyped: true}, {Properties: directory.Values{"mail": {"a@b"}}}}, func(c *contract.GroupChange) directory.GUID { return c.ID })
	all := []report[contract.GroupChange]{{Change: contract.GroupChange{Kind: &unified}}, {Change: *page[directory.GUID{}]}}
	if reported := sum(all); reported.Kind != nil {
		t.Errorf("it is reported to be %q still", *reported.Kind)
	}
}
