package command_test

import (
	"context"
	"errors"
	"testing"

	"groupwriteback/internal/command"
	"groupwriteback/internal/contract"
)

// TestACountThatEndsEarlyIsNotRunning: Disable begins a record while it counts, and
// closes it however the count ends.
func TestACountThatEndsEarlyIsNotRunning(t *testing.T) {
	for name, c := range map[string]struct {
		status contract.RunStatus
		reason contract.StopReason
		fails  func(cancel func()) error
	}{
		"cancelled": {contract.RunStopped, contract.StopCancelled, func(cancel func()) error {
			cancel()
			return context.Canceled
		}},
		"failed": {contract.RunFailed, "InternalError", func(func()) error { return errors.New("a fault") }},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.tenant.put("one", "a")
			b.enable(t)
			b.sync(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			b.directory.fail = func(operation string) error {
				s, err := b.engine.State(t.Context())
				if err != nil {
					return err
				}
				if runs, err := s.Runs(t.Context(), 0, 1); err != nil || runs[0].Kind != contract.PreviewRun {
					return err // the record has not begun
				}
				return c.fails(cancel)
			}
			if _, err := b.engine.Disable(ctx, command.DisableRequest{}); err == nil {
				t.Fatal("it ended well")
			}
			b.directory.fail = nil
			s, err := b.engine.State(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			runs, err := s.Runs(t.Context(), 0, 1)
			if err != nil {
				t.Fatal(err)
			}
			if run := runs[0]; run.Kind != contract.PreviewRun || run.Status != c.status || run.StopReason != c.reason || run.Ended.IsZero() {
				t.Errorf("%+v", run)
			}
			if o, err := b.engine.Overview(t.Context()); err != nil || o.Status != command.StatusEnabled {
				t.Errorf("%+v, %v", o, err)
			}
		})
	}
}
