package state

import (
	"context"
	"testing"
	"time"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

func TestExchangeDue(t *testing.T) {
	ctx := context.Background()
	s := newState(t)
	targets := []directory.GUID{guid(3, 1), guid(3, 2), guid(3, 3), guid(3, 4), guid(3, 5)}
	update := func(attributes [5]string) int64 {
		t.Helper()
		run := beginRun(t, s, contract.SyncRun, "")
		var changes []plan.Change
		for i, name := range attributes {
			if name != "" {
				changes = append(changes, plan.Change{Action: plan.Update, SourceID: guid(1, uint32(i+1)), TargetGUID: targets[i],
					Attributes: []plan.AttributeChange{{Name: "description", New: []string{"x"}}, {Name: name, New: []string{"x"}}}})
			}
		}
		must(t, s.Generation(run).Spool(ctx, changes))
		spooled, err := s.Changes(ctx, run, 0, 0, 10)
		must(t, err)
		for i := range spooled {
			outcome := contract.OutcomeDone
			if spooled[i].TargetGUID == targets[4] {
				outcome = contract.OutcomeFailed
			}
			must(t, s.Generation(run).RecordOutcomes(ctx, []contract.ChangeOutcome{{ChangeID: spooled[i].ID, Outcome: outcome}}))
		}
		return run
	}
	due := func(want ...int64) {
		t.Helper()
		got, err := s.ExchangeDue(ctx, targets)
		must(t, err)
		for i, target := range targets {
			if got[target] != want[i] {
				t.Errorf("object %d is due by run %d, want %d", i+1, got[target], want[i])
			}
		}
	}
	first := update([5]string{"displayName", "MSEXCHHideFromAddressLists", "info", "proxyAddresses", "mail"})
	due(first, first, 0, first, 0)
	second := update([5]string{"extensionAttribute3", "info", "", "", ""})
	due(second, first, 0, first, 0)
	n, err := s.ClearExchangeDue(ctx, map[directory.GUID]int64{targets[0]: first, targets[1]: second, targets[2]: second})
	must(t, err)
	if n != 1 {
		t.Errorf("%d were cleared", n)
	}
	due(second, 0, 0, first, 0)
	must(t, s.Unlink(ctx, targets[3]))
	must(t, s.PurgeRuns(ctx, time.Now().AddDate(1, 0, 0)))
	due(second, 0, 0, 0, 0)
}
