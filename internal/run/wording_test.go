package run

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// An earlier word that a later one repeats need not be kept: at every moment both sets
// report the same, and the number of words depends on what can be reported, not on how
// often.
func TestWordsThatAreToldAnewAreNotKept(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var all, kept []word[contract.GroupChange]
		begin := time.Unix(0, 0)
		n := rapid.IntRange(1, 40).Draw(t, "words")
		for i := range n {
			w := word[contract.GroupChange]{At: begin.Add(time.Duration(i) * time.Minute), Told: drawnChange(t)}
			all, kept = append(all, w), with(kept, w)
		}
		if len(kept) > 1<<4 { // no two words report the same subset of the four properties
			t.Errorf("%d words are kept", len(kept))
		}
		for since := range n {
			from := begin.Add(time.Duration(since) * time.Minute)
			if diff := cmp.Diff(sum(later(all, from)), sum(later(kept, from))); diff != "" {
				t.Fatalf("since %d:\n%s", since, diff)
			}
		}
	})
}

func later(all []word[contract.GroupChange], since time.Time) []word[contract.GroupChange] {
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
func TestAKindThatMayHaveChangedIsNotToldAnyMore(t *testing.T) {
	unified := directory.UnifiedGroup
	page := summed([]contract.GroupChange{{Retyped: true}, {Properties: directory.Values{"mail": {"a@b"}}}}, func(c *contract.GroupChange) directory.GUID { return c.ID })
	words := []word[contract.GroupChange]{{Told: contract.GroupChange{Kind: &unified}}, {Told: *page[directory.GUID{}]}}
	if told := sum(words); told.Kind != nil {
		t.Errorf("it is told to be %q still", *told.Kind)
	}
}
