package command_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"groupwriteback/internal/command"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// broken is a directory that refuses to change some objects.
type broken struct {
	contract.Target
	refuses func(directory.GUID) error
}

func (b *broken) Writer(lease contract.Lease) contract.TargetWriter {
	return &brokenWriter{b.Target.Writer(lease), b}
}

type brokenWriter struct {
	contract.TargetWriter
	target *broken
}

func (w *brokenWriter) Modify(ctx context.Context, group directory.GUID, attributes []plan.AttributeChange) error {
	if err := w.target.refuses(group); err != nil {
		return err
	}
	return w.TargetWriter.Modify(ctx, group, attributes)
}

// refusing returns a bench with the groups one and two. Changes of attributes of one fail
// with the error as long as there is one.
func refusing(t *testing.T) (b *bench, refusal *error) {
	t.Helper()
	b = ready(t, map[string][]string{"one": {"a"}, "two": {"a"}})
	b.engine.Close()
	object, refusal := b.object("one").GUID, new(error)
	b.around = func(target contract.Target) contract.Target {
		return &broken{target, func(group directory.GUID) error {
			if group == object {
				return *refusal
			}
			return nil
		}}
	}
	b.start(t)
	return b, refusal
}

var (
	denied  = &contract.Error{Category: contract.PermissionDenied, ID: "AccessDenied", Message: "no"}
	unheard = &contract.Error{Category: contract.Connection, ID: "OutcomeUnknown", Message: "no answer"}
)

// failingRuns makes the group fail in so many runs, each of which must tell it.
func (b *bench) failingRuns(t *testing.T, n int) (last contract.Run) {
	t.Helper()
	for i := range n {
		if last = b.sync(t); last.Status == contract.RunComplete || last.Failed != 1 {
			t.Fatalf("run %d: %+v", i+1, last)
		}
	}
	return last
}

func (b *bench) quarantineAfter(t *testing.T, n int) {
	t.Helper()
	if _, err := b.engine.SetSettings(t.Context(), command.SettingsPatch{QuarantineAfter: &n}); err != nil {
		t.Fatal(err)
	}
}

// Rule 62: a group that fails in ten runs in a row is reported once more, and then retried
// less and less often.
func TestAGroupThatKeepsFailingIsQuarantined(t *testing.T) {
	b, refusal := refusing(t)
	*refusal = denied
	b.rename("one", "renamed", "a")
	if run := b.failingRuns(t, 9); run.QuarantinedGroups != 0 {
		t.Errorf("%+v", run)
	}
	*refusal = unheard // does not count
	if run := b.sync(t); run.Failed != 1 || run.QuarantinedGroups != 0 {
		t.Errorf("%+v", run)
	}
	*refusal = denied
	b.rename("two", "renamed too", "a") // something that works, so that the run is partial
	if run := b.failingRuns(t, 1); run.QuarantinedGroups != 1 || !strings.Contains(run.Message, "1 group failed again and is quarantined") {
		t.Errorf("%+v", run)
	}
	q := b.shown(t, guid("group one").String()).Quarantine
	if q == nil || q.Tries != 10 || q.Message != "no" || q.Next.Sub(q.Since) != time.Hour {
		t.Fatalf("%+v", q)
	}
	if o, err := b.engine.Overview(t.Context()); err != nil || o.QuarantinedGroups != 1 || o.PendingGroups != 0 {
		t.Errorf("%+v %v", o, err)
	}
	wantOutcomes(t, b, b.delta(t)) // it is not even tried
	tries := 0
	for after := range 30 { // hours
		b.ahead += time.Hour + time.Second
		run := b.sync(t)
		if run.Status != contract.RunComplete || run.Failed != 0 || run.QuarantinedGroups != 1 {
			t.Fatalf("after %d hours: %+v", after, run)
		}
		if run.PolicyType == contract.Delta && len(b.outcomes(t, run)) > 0 {
			tries++
		}
	}
	if tries < 3 || tries > 5 { // after 1, 3, 7 and 15 hours, one of them perhaps by a full import
		t.Errorf("tried %d times", tries)
	}
	*refusal = nil
	b.ahead += 25 * time.Hour
	run := b.sync(t)
	if b.object("renamed") == nil || run.QuarantinedGroups != 0 || b.shown(t, "renamed").Quarantine != nil {
		t.Errorf("%+v", run)
	}
}

// What the tenant changes of a group in quarantine is tried at once: a revocation must not
// wait for a day. So it is by a sync of the group, which also tells what failed.
func TestAGroupInQuarantineIsTriedWhenSomethingTouchesIt(t *testing.T) {
	b, refusal := refusing(t)
	*refusal = denied
	b.quarantineAfter(t, 2)
	b.rename("one", "renamed", "a")
	b.failingRuns(t, 2)
	b.rename("one", "renamed", "b")
	run := b.delta(t)
	wantOutcomes(t, b, run, "Update renamed Failed AccessDenied", "UpdateMembers renamed Done")
	if diff := b.holds()["one"]; len(diff) != 1 || diff[0] != "b" || run.QuarantinedGroups != 1 {
		t.Errorf("%+v %v", run, b.holds())
	}
	if run := b.one(t, "one"); run.Status == contract.RunComplete || run.Failed != 1 {
		t.Errorf("%+v", run)
	}
	if run := b.initial(t); run.Status != contract.RunComplete || run.QuarantinedGroups != 1 {
		t.Errorf("%+v", run)
	}
	*refusal = nil
	b.resume(t, "one")
	if run := b.delta(t); b.object("renamed") == nil || run.QuarantinedGroups != 0 {
		t.Errorf("%+v", run)
	}
}

func TestQuarantineCanBeSwitchedOff(t *testing.T) {
	b, refusal := refusing(t)
	*refusal = denied
	b.quarantineAfter(t, 1)
	b.rename("one", "renamed", "a")
	b.failingRuns(t, 1)
	wantOutcomes(t, b, b.delta(t))
	b.quarantineAfter(t, 0)
	if run := b.sync(t); run.Planned.Update != 1 || run.QuarantinedGroups != 0 {
		t.Errorf("%+v", run)
	}
	b.failingRuns(t, 3)
	if _, err := b.engine.SetSettings(t.Context(), command.SettingsPatch{QuarantineAfter: new(1001)}); !contract.HasID(err, "InvalidParameter") {
		t.Error(err)
	}
}

// A group that one run could write begins anew.
func TestOnlyFailuresInARowCount(t *testing.T) {
	b, refusal := refusing(t)
	b.quarantineAfter(t, 2)
	for range 3 {
		*refusal = denied
		b.rename("one", "renamed", "a")
		b.failingRuns(t, 1)
		*refusal = nil
		b.delta(t)
		b.rename("one", "one", "a")
		if run := b.delta(t); run.QuarantinedGroups != 0 {
			t.Errorf("%+v", run)
		}
	}
}

// busy is a directory that is too busy to change members as long as there is an error.
type busy struct {
	contract.Target
	err *error
}

func (b *busy) Writer(lease contract.Lease) contract.TargetWriter {
	return &busyWriter{b.Target.Writer(lease), b.err}
}

type busyWriter struct {
	contract.TargetWriter
	err *error
}

func (w *busyWriter) ChangeMembers(ctx context.Context, group directory.GUID, add, remove []directory.MemberRef) ([]contract.Refusal, error) {
	if *w.err != nil {
		return nil, *w.err
	}
	return w.TargetWriter.ChangeMembers(ctx, group, add, remove)
}

// quarantined returns a bench whose group one is quarantined because its attributes cannot
// be written. Changes of members fail with the error as long as there is one.
func quarantined(t *testing.T, members ...string) (b *bench, failure *error) {
	t.Helper()
	b, refusal := refusing(t)
	failure, inner := new(error), b.around
	b.engine.Close()
	b.around = func(target contract.Target) contract.Target { return &busy{inner(target), failure} }
	b.start(t)
	b.rename("one", "one", members...)
	b.delta(t)
	*refusal = denied
	b.quarantineAfter(t, 2)
	b.rename("one", "renamed", members...)
	b.failingRuns(t, 2)
	return b, failure
}

func TestARevocationOfAQuarantinedGroupSurvivesAnOutage(t *testing.T) {
	b, failure := quarantined(t, "a")
	b.rename("one", "renamed", "b")
	*failure = &contract.Error{Category: contract.ResourceBusy, ID: "ServerBusy", Message: "busy"}
	if run := b.sync(t); run.Status == contract.RunComplete || run.Failed != 1 {
		t.Errorf("%+v", run)
	}
	*failure = nil
	wantOutcomes(t, b, b.delta(t), "Update renamed Failed AccessDenied", "UpdateMembers renamed Done")
	if m := b.holds()["one"]; len(m) != 1 || m[0] != "b" {
		t.Error(m)
	}
	b.delta(t)                     // reads the group after the write
	wantOutcomes(t, b, b.delta(t)) // nothing waits any more
}

func TestARevocationOfAQuarantinedGroupSurvivesALimit(t *testing.T) {
	var many []string
	for i := range 40 {
		many = append(many, fmt.Sprint("m", i))
	}
	b, _ := quarantined(t, many...)
	b.rename("one", "renamed", "m0")
	run := b.sync(t)
	if n := len(b.holds()["one"]); n != 40 || len(run.HeldBy) != 1 {
		t.Fatalf("%d %+v", n, run)
	}
	if _, err := b.engine.Sync(t.Context(), command.SyncRequest{AllowOnce: run.PlanID}, nil); err != nil {
		t.Fatal(err)
	}
	if m := b.holds()["one"]; len(m) != 1 {
		t.Error(m)
	}
}

// What the tenant revoked and a run could not remove makes each run that tries it partial.
func TestAFailedRevocationOfAQuarantinedGroupIsReported(t *testing.T) {
	b, failure := quarantined(t, "a")
	b.rename("one", "renamed", "b")
	*failure = denied
	if run := b.sync(t); run.Status == contract.RunComplete || run.Failed != 1 || run.QuarantinedGroups != 1 {
		t.Errorf("%+v", run)
	}
	b.pass(25 * time.Hour)
	if run := b.sync(t); run.Status == contract.RunComplete || run.Failed != 1 {
		t.Errorf("%+v", run)
	}
}
