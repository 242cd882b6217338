package engine_test

import (
	"context"
	"testing"

	"groupwriteback/internal/directory"
	"groupwriteback/internal/engine"
)

// hooked is a state that a test is told of after its commits.
type hooked struct {
	engine.State
	committed func()
}

func (h *hooked) Commit(ctx context.Context, generation int64, watermark engine.Watermark, pending []directory.GUID) error {
	err := h.State.Commit(ctx, generation, watermark, pending)
	h.committed()
	return err
}

// A run that is cancelled once it has committed is complete: its settings are
// settled, and no other full import follows.
func TestACancelAfterTheCommitIsACompleteRun(t *testing.T) {
	for _, name := range []string{"sync", "group"} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			b := &bench{tenant: newTenant(), directory: newDirectory(), folder: t.TempDir()}
			armed := false
			b.wrap = func(s engine.State) engine.State {
				return &hooked{s, func() {
					if armed {
						cancel()
					}
				}}
			}
			b.start(t)
			t.Cleanup(func() { b.engine.Close() })
			b.tenant.put("one", "a", "b")
			b.enable(t)
			var run engine.Run
			var err error
			if name == "sync" {
				armed = true
				run, err = b.engine.Sync(ctx, engine.SyncRequest{}, nil)
			} else {
				b.sync(t)
				b.tenant.put("one", "a", "b", "c")
				armed = true
				var result engine.GroupSyncResult
				result, err = b.engine.SyncGroup(ctx, engine.GroupSyncRequest{Group: "one"}, nil)
				run = result.Run
			}
			if err != nil || run.Status != engine.RunComplete || run.StopReason != "" || ctx.Err() == nil {
				t.Fatalf("%+v %v", run, err)
			}
			if settings, err := b.engine.Settings(t.Context()); err != nil || settings.InitialPending {
				t.Errorf("%+v %v", settings, err)
			}
			if overview, err := b.engine.Overview(t.Context()); err != nil || overview.NextPolicyType != engine.Delta {
				t.Errorf("%+v %v", overview, err)
			}
		})
	}
}

// Whatever a test of the prerequisites is at when it is cancelled, the answer is
// that, and no row says that a check failed.
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
		if cancelled && (!engine.HasID(err, "Cancelled") || checks != nil) || !cancelled && err != nil {
			t.Errorf("cancelled at operation %d of %d: %v %v", at, operations, checks, err)
		}
	}
}
