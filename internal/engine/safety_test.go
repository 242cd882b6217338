package engine_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/internal/engine"
)

func TestADeletionThatFailsIsTriedAgain(t *testing.T) {
	b := newBench(t)
	b.tenant.put("one", "a")
	b.tenant.put("two", "a")
	b.enable(t)
	b.sync(t)
	if _, err := b.engine.Disable(context.Background(), engine.DisableRequest{}); err != nil {
		t.Fatal(err)
	}
	b.directory.fail = func(operation string) error {
		if operation == "delete" {
			return &engine.Error{Category: engine.PermissionDenied, ID: "AccessDenied", Message: "no"}
		}
		return nil
	}
	run := b.sync(t)
	if diff := cmp.Diff([]string{"Delete one failed AccessDenied", "Delete two failed AccessDenied"}, b.outcomes(t, run)); diff != "" {
		t.Error(diff)
	}
	if o, err := b.engine.Overview(context.Background()); err != nil || o.Status != engine.StatusDisablePending || o.Groups != 2 {
		t.Errorf("%+v %v", o, err)
	}
	b.directory.fail = nil
	if run := b.sync(t); run.Status != engine.RunComplete || run.Exported.Delete != 2 || len(b.directory.objects) != 0 {
		t.Errorf("%+v", run)
	}
}
