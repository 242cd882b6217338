package command_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"groupwriteback/internal/command"
	"groupwriteback/internal/contract"
)

// A run that is cancelled after its commit is complete: its settings are saved, and no
// other full import follows.
func TestACancelAfterTheCommitIsACompleteRun(t *testing.T) {
	for _, name := range []string{"sync", "group"} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			b := &bench{tenant: newTenant(), directory: newDirectory(), folder: t.TempDir()}
			armed := false
			b.wrap = func(s contract.State) contract.State {
				return &watched{State: s, committed: func() {
					if armed {
						cancel()
					}
				}}
			}
			b.start(t)
			t.Cleanup(func() { b.engine.Close() })
			b.tenant.put("one", "a", "b")
			b.enable(t)
			var run contract.Run
			var err error
			if name == "sync" {
				armed = true
				run, err = b.engine.Sync(ctx, command.SyncRequest{}, nil)
			} else {
				b.sync(t)
				b.tenant.put("one", "a", "b", "c")
				armed = true
				var result command.GroupSyncResult
				result, err = b.engine.SyncGroup(ctx, command.GroupSyncRequest{Group: "one"}, nil)
				run = result.Run
			}
			if err != nil || run.Status != contract.RunComplete || run.StopReason != "" || ctx.Err() == nil {
				t.Fatalf("%+v %v", run, err)
			}
			if settings, err := b.engine.Settings(t.Context()); err != nil || settings.InitialPending {
				t.Errorf("%+v %v", settings, err)
			}
			if overview, err := b.engine.Overview(t.Context()); err != nil || overview.NextPolicyType != contract.Delta {
				t.Errorf("%+v %v", overview, err)
			}
		})
	}
}

// A release that reads other properties starts with a full import, says why, and
// continues from no link that reports the former properties.
func TestAnotherProjectionBeginsAnew(t *testing.T) {
	b := settled(t, map[string][]string{"one": {"a", "b"}})
	if run := b.sync(t); run.PolicyType != contract.Delta {
		t.Fatalf("%+v", run)
	}
	b.projection = "another"
	b.engine.Close()
	b.start(t)
	if overview, err := b.engine.Overview(t.Context()); err != nil || overview.NextPolicyReason != contract.InitialProjection {
		t.Errorf("%+v %v", overview, err)
	}
	if run := b.sync(t); run.Status != contract.RunComplete || run.PolicyType != contract.Initial || run.PolicyReason != contract.InitialProjection {
		t.Fatalf("%+v", run)
	}
	b.tenant.put("one", "a", "b", "c")
	if run := b.sync(t); run.Status != contract.RunComplete || run.PolicyType != contract.Delta || len(b.holds()["one"]) != 3 {
		t.Fatalf("%+v %v", run, b.holds())
	}
	// Like the first full import, it settles when the lag is over, and then Delta runs
	// follow again.
	b.ahead += time.Hour
	if run := b.sync(t); run.PolicyReason != contract.InitialSettling {
		t.Errorf("%+v", run)
	}
	if run := b.sync(t); run.PolicyType != contract.Delta {
		t.Errorf("%+v", run)
	}
}

// At level info the log tells the story of a run: that it began, each step, what it
// waited for and how it ended, each with the run's id.
func TestTheLogTellsTheStoryOfARun(t *testing.T) {
	var text bytes.Buffer
	b := &bench{tenant: newTenant(), directory: newDirectory(), folder: t.TempDir(), log: slog.New(slog.NewJSONHandler(&text, nil))}
	b.start(t)
	t.Cleanup(func() { b.engine.Close() })
	b.tenant.put("one", "a", "b")
	b.enable(t)
	var reports []contract.Progress
	since := time.Now()
	waiting := contract.Waiting{For: "graph.example", Why: "refused", Since: since, Next: since.Add(time.Hour), Until: since.Add(2 * time.Hour)}
	b.tenant.waits = func(ctx context.Context, operation string) {
		if operation == "members" {
			if got := contract.OutagePatience(ctx); got != 7*time.Minute {
				t.Errorf("the patience is %v", got)
			}
			contract.TellWaiting(ctx, waiting)
		}
	}
	if _, err := b.engine.SetSettings(t.Context(), command.SettingsPatch{OutageMinutes: new(7)}); err != nil {
		t.Fatal(err)
	}
	run, err := b.engine.Sync(t.Context(), command.SyncRequest{}, func(p contract.Progress) { reports = append(reports, p) })
	if err != nil || run.Status != contract.RunComplete {
		t.Fatalf("%+v %v", run, err)
	}
	var story []string
	for line := range strings.Lines(text.String()) {
		var entry struct {
			Level, Msg, Step, Status, For string
			Run                           int64
		}
		if err := json.Unmarshal([]byte(line), &entry); err != nil || entry.Run != run.ID {
			t.Errorf("%s: %v", line, err)
		}
		story = append(story, strings.TrimSpace(fmt.Sprint(entry.Msg, " ", entry.Step, entry.For, entry.Status)))
	}
	want := []string{"run started", "import policy chosen", "waiting for a response graph.example", "step ended ImportSource", "step ended ImportMembers",
		"step ended Resolve", "step ended Plan", "step ended Export", "step ended Confirm", "step ended Commit", "run ended Complete"}
	for _, line := range want {
		if !slices.Contains(story, line) {
			t.Errorf("the log lacks %q: %q", line, story)
		}
	}
	if story[0] != want[0] || story[len(story)-1] != want[len(want)-1] {
		t.Errorf("%q", story)
	}
	// While the run waits, every report says so.
	if i := slices.IndexFunc(reports, func(p contract.Progress) bool { return p.Waiting != nil }); i < 0 || *reports[i].Waiting != waiting || reports[i].Message != waiting.String() {
		t.Errorf("%+v", reports)
	}
}

// Whenever a test of the prerequisites is cancelled, it returns that, and no row says
// that a check failed.
func TestACancelledTestIsCancelled(t *testing.T) {
	b := newBench(t)
	b.enable(t)
	seen := func() int { return len(b.tenant.seen) + len(b.directory.seen) }
	before := seen()
	if _, err := b.engine.Test(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	operations := seen() - before
	for at := range operations + 1 {
		ctx, cancel := context.WithCancel(t.Context())
		left := at
		stop := func(string) error {
			if left--; left < 0 {
				cancel()
				return ctx.Err()
			}
			return nil
		}
		if at == 0 {
			cancel()
		}
		b.tenant.fail, b.directory.fail = stop, stop
		checks, err := b.engine.Test(ctx, "")
		cancelled := ctx.Err() != nil
		cancel()
		if cancelled && (!contract.HasID(err, "Cancelled") || checks != nil) || !cancelled && err != nil {
			t.Errorf("cancelled at operation %d of %d: %v %v", at, operations, checks, err)
		}
	}
}
