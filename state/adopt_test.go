package state

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/internal/contract"
)

// TestAdoptSet: consent to adopt ends when the object or the group gets a link.
func TestAdoptSet(t *testing.T) {
	ctx := context.Background()
	s := newState(t)
	pair := func(source, target uint32) contract.Link {
		return contract.Link{SourceID: guid(1, source), TargetGUID: guid(2, target), DN: "CN=x"}
	}
	holds := func(want ...contract.Link) {
		t.Helper()
		got, err := s.AdoptSet(ctx)
		must(t, err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	holds()
	must(t, s.SetAdoptSet(ctx, []contract.Link{pair(1, 9)}))
	all := []contract.Link{pair(1, 1), pair(2, 2), pair(3, 3)}
	must(t, s.SetAdoptSet(ctx, all))
	holds(all...)
	must(t, s.SaveLinks(ctx, []contract.Link{pair(1, 8), pair(9, 2), pair(7, 7)}))
	holds(pair(3, 3))
	if err := s.SetAdoptSet(ctx, []contract.Link{pair(5, 5), {TargetGUID: guid(2, 6)}}); err == nil {
		t.Error("a pair without a group was stored")
	}
	holds(pair(3, 3))
	must(t, s.SetAdoptSet(ctx, nil))
	holds()
}
