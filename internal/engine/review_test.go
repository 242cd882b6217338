package engine_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/internal/engine"
)

// A clock that was far ahead once must not put off full imports until it is
// right again.
func TestAClockThatWasAheadDefersNoFullImport(t *testing.T) {
	b := newBench(t)
	b.ahead = 365 * 24 * time.Hour
	b.tenant.put("one", "a")
	b.enable(t)
	b.sync(t)
	b.ahead = 0
	if run := b.sync(t); run.PolicyType != engine.Initial || run.PolicyReason != engine.InitialInterval {
		t.Errorf("%s %s", run.PolicyType, run.PolicyReason)
	}
}

// What one group on demand read of a replica that lags behind is read again
// (rule 11): no delta tells of it any more.
func TestOneGroupOnDemandOnAReplicaThatLags(t *testing.T) {
	b := ready(t, map[string][]string{"one": {"a"}, "two": {"b"}})
	b.delta(t)
	b.tenant.lag()
	b.tenant.put("one", "a", "b")
	b.delta(t)
	if _, err := b.engine.SyncGroup(context.Background(), engine.GroupSyncRequest{Group: guid("group one").String()}, nil); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a"}, b.holds()["one"]); diff != "" {
		t.Fatalf("the test proves nothing: %s", diff)
	}
	b.delta(t) // lags still
	b.tenant.lagging = nil
	b.delta(t)
	if diff := cmp.Diff([]string{"a", "b"}, b.holds()["one"]); diff != "" {
		t.Error(diff)
	}
}

// So is a group that was read whole while a delta told of it and that is pending
// for another reason.
func TestAPendingGroupReadWithinTheLagIsReadAgain(t *testing.T) {
	b := ready(t, map[string][]string{"one": {"a", "b"}})
	b.ahead += 31 * time.Minute
	b.sync(t) // settled
	b.delta(t)
	b.tenant.put("new", "a", "c", "unknown")
	b.tenant.lag()
	b.tenant.put("new", "a", "b", "unknown") // of which c was never told
	b.sync(t)
	if diff := cmp.Diff([]string{"a", "b", "c"}, b.holds()["new"]); diff != "" {
		t.Fatalf("the test proves nothing: %s", diff)
	}
	b.tenant.lagging = nil
	b.ahead += 31 * time.Minute
	b.sync(t)
	g := b.tenant.groups[guid("group new")]
	for i := range g.members {
		if !g.members[i].Readable {
			g.members[i].Readable, g.members[i].Synced, g.members[i].SID = true, true, userSID("unknown")
		}
	}
	b.delta(t)
	if diff := cmp.Diff([]string{"a", "b", "unknown"}, b.holds()["new"]); diff != "" {
		t.Error(diff)
	}
}

// So is one whose members an earlier run could not read: what that run was told
// of them no delta tells again.
func TestAGroupReadAtLastOnAReplicaThatLagsIsReadAgain(t *testing.T) {
	b := ready(t, map[string][]string{"one": {"a", "b"}})
	b.ahead += 31 * time.Minute
	b.sync(t) // settled
	b.tenant.put("new", "a")
	b.tenant.fail = func(operation string) error {
		if operation == "members" {
			return errOneGroup
		}
		return nil
	}
	b.sync(t)
	b.ahead += 31 * time.Minute
	b.sync(t)
	b.tenant.lag()
	b.tenant.put("new", "a", "b")
	b.sync(t)
	b.tenant.fail = nil
	b.delta(t)
	if diff := cmp.Diff([]string{"a"}, b.holds()["new"]); diff != "" {
		t.Fatalf("the test proves nothing: %s", diff)
	}
	b.tenant.lagging = nil
	b.delta(t)
	if diff := cmp.Diff([]string{"a", "b"}, b.holds()["new"]); diff != "" {
		t.Error(diff)
	}
	b.ahead += 31 * time.Minute
	b.delta(t)
	b.forget()
	if b.delta(t); len(b.tenant.asked) > 0 {
		t.Errorf("%v is read again after the lag", b.tenant.asked)
	}
}
