package command_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"groupwriteback/internal/command"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
	"groupwriteback/state"
)

// watched is a state that lets a test run code between two of its operations.
type watched struct {
	contract.State
	committed func()
	discard   func(ctx context.Context) error
}

func (w *watched) Generation(run int64) contract.Generation {
	return &watchedGeneration{w.State.Generation(run), w}
}

type watchedGeneration struct {
	contract.Generation
	watched *watched
}

func (g *watchedGeneration) Commit(ctx context.Context, mark contract.Watermark, pending []directory.GUID) error {
	err := g.Generation.Commit(ctx, mark, pending)
	if err == nil && g.watched.committed != nil {
		g.watched.committed()
	}
	return err
}

func (g *watchedGeneration) Discard(ctx context.Context) error {
	if g.watched.discard != nil {
		if err := g.watched.discard(ctx); err != nil {
			return err
		}
	}
	return g.Generation.Discard(ctx)
}

// watch puts w between the engine and its state.
func (b *bench) watch(t *testing.T, w *watched) {
	t.Helper()
	b.engine.Close()
	b.engine = command.New(command.Config{
		OpenSource: func(context.Context, contract.SourceConfig) (contract.Source, error) { return b.tenant, nil },
		OpenTarget: func(context.Context, contract.TargetConfig) (contract.Target, error) { return b.directory, nil },
		OpenState: func(ctx context.Context) (contract.State, error) {
			s, err := state.Open(ctx, b.folder)
			w.State = s
			return w, err
		},
		Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return time.Now().Add(b.ahead) },
	})
	if _, err := b.engine.Connect(context.Background(), &contract.SourceConfig{}, &contract.TargetConfig{}); err != nil {
		t.Fatal(err)
	}
}

// A process that dies just after the commit has stored its totals: the next run is
// measured by them (rule 27), and a run in which nothing has happened takes them over.
func TestKilledJustAfterTheCommit(t *testing.T) {
	groups := map[string][]string{}
	for i := range 30 {
		groups[fmt.Sprint("group ", i)] = []string{"a", "cloud"}
	}
	// killed returns what a process leaves that dies when its second run has committed.
	killed := func(t *testing.T, policy contract.PolicyType) *bench {
		t.Helper()
		b := ready(t, groups)
		b.delta(t)
		left := t.TempDir()
		b.watch(t, &watched{committed: func() { leftBehind(t, b.folder, left) }})
		if _, err := b.engine.Sync(context.Background(), command.SyncRequest{PolicyType: policy}, nil); err != nil {
			t.Fatal(err)
		}
		b.engine.Close()
		b.folder = left
		b.start(t)
		return b
	}
	for _, policy := range []contract.PolicyType{contract.Delta, contract.Initial} {
		t.Run(string(policy), func(t *testing.T) {
			b := killed(t, policy)
			if run := b.sync(t); run.Status != contract.RunComplete || run.SourceGroups != 30 || run.UnwrittenMembers != 30 {
				t.Errorf("a run in which nothing happened: %s %s %s, %d groups, %d members not written", run.Status, run.StopReason, run.Message, run.SourceGroups, run.UnwrittenMembers)
			}
		})
		t.Run(string(policy)+" shrunk", func(t *testing.T) {
			b := killed(t, policy)
			for i := range 8 {
				id := guid(fmt.Sprint("group group ", i))
				delete(b.tenant.groups, id)
				b.tenant.deleted[id] = directory.PresenceHardDeleted
			}
			if run := b.sync(t); run.StopReason != plan.StopSource || run.Held.Delete != 8 {
				t.Errorf("8 of 30 groups went: %s %s %s", run.Status, run.StopReason, run.Message)
			}
		})
	}
}

// Discarding what a large import staged may take longer than a process has before it must
// end. The record is written first, and it is the answer.
func TestTheRecordIsWrittenWhateverDiscardingTakes(t *testing.T) {
	b := ready(t, map[string][]string{"one": {"a"}})
	var stored contract.Run
	w := &watched{}
	w.discard = func(ctx context.Context) error {
		runs, err := w.State.Runs(ctx, 0, 1)
		if err == nil {
			stored, err = runs[0], context.DeadlineExceeded
		}
		return err
	}
	b.watch(t, w)
	run, err := b.engine.Preview(context.Background(), command.PreviewRequest{}, nil)
	if err != nil || run.Status != contract.RunComplete {
		t.Errorf("the preview answers %+v, %v", run, err)
	}
	if stored.ID != run.ID || stored.Status != contract.RunComplete {
		t.Errorf("%+v", stored)
	}
	w.discard = nil
	b.delta(t)
}
