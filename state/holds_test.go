package state

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

func TestHolds(t *testing.T) {
	ctx := context.Background()
	s := newState(t)
	since := time.Date(2026, 12, 1, 9, 30, 0, 0, time.UTC)
	first := contract.Hold{GroupID: guid(1, 1), Hold: directory.Hold{Reason: directory.HoldSuspended, Comment: "Migration", Account: "anna", Since: since}}
	second := contract.Hold{GroupID: guid(1, 2), Hold: directory.Hold{Reason: directory.HoldRestored, Since: since, Until: since.Add(time.Hour)}}
	must(t, s.SetDisableSet(ctx, []contract.Link{{SourceID: guid(1, 1), TargetGUID: guid(2, 1)}, {SourceID: guid(1, 3), TargetGUID: guid(2, 3)}}))
	must(t, s.SetHolds(ctx, []contract.Hold{second, first}))
	holds := func(want ...contract.Hold) {
		t.Helper()
		got, err := s.Holds(ctx)
		must(t, err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	pending := func(want ...directory.GUID) {
		t.Helper()
		got, err := s.Pending(ctx)
		must(t, err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	holds(first, second)
	pending(guid(1, 1), guid(1, 2))
	set, err := s.DisableSet(ctx, directory.GUID{}, 10)
	must(t, err)
	if len(set) != 1 || set[0].SourceID != guid(1, 3) {
		t.Errorf("the next run deletes %+v", set)
	}
	commitEmpty := func() {
		t.Helper()
		run := beginRun(t, s, contract.SyncRun, "")
		must(t, s.Generation(run).Commit(ctx, contract.Watermark{}, nil))
	}
	commitEmpty()
	pending()
	holds(first, second) // they do not belong to a generation
	first.Comment = "Another reason"
	must(t, s.SetHolds(ctx, []contract.Hold{first}))
	holds(first, second)
	commitEmpty()
	must(t, s.EndHolds(ctx, []directory.GUID{guid(1, 2), guid(1, 9)}))
	holds(first)
	pending(guid(1, 2))
	if err := s.SetHolds(ctx, []contract.Hold{{}}); err == nil {
		t.Error("nothing is held")
	}
}

func TestFailing(t *testing.T) {
	ctx := context.Background()
	s := newState(t)
	since := time.Date(2026, 12, 1, 9, 30, 0, 0, time.UTC)
	one := contract.Failing{GroupID: guid(1, 1), Tries: 3, Message: "Access denied"}
	two := contract.Failing{GroupID: guid(1, 2), Tries: 10, Message: "Access denied", Since: since, Next: since.Add(time.Hour)}
	must(t, s.SaveFailing(ctx, []contract.Failing{two, one}))
	failing := func(want ...contract.Failing) {
		t.Helper()
		got, err := s.Failing(ctx)
		must(t, err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	failing(one, two)
	was, err := s.EndQuarantine(ctx, guid(1, 1))
	must(t, err)
	if was {
		t.Error("a group that each run tries was in quarantine")
	}
	was, err = s.EndQuarantine(ctx, guid(1, 2))
	must(t, err)
	if pending, err := s.Pending(ctx); err != nil || !was || !cmp.Equal(pending, []directory.GUID{guid(1, 2)}) {
		t.Errorf("was %v, pending %v: %v", was, pending, err)
	}
	failing(one)
	one.Tries = 0
	must(t, s.SaveFailing(ctx, []contract.Failing{one}))
	failing()
}
