package state

import (
	"context"
	"testing"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// TestTheFormerGenerationIsRemovedByTheNextRun: a process that dies after a commit may
// leave the generation that was current before. The next run removes it, whatever it
// imports.
func TestTheFormerGenerationIsRemovedByTheNextRun(t *testing.T) {
	ctx := context.Background()
	s := newState(t)
	for range 2 {
		run := beginRun(t, s, contract.SyncRun, "")
		must(t, s.Generation(run).StageSourceGroups(ctx, []directory.SourceGroup{{ID: guid(1, 1)}}))
		err := s.Generation(run).Commit(ctx, contract.Watermark{}, nil)
		if run == 1 {
			must(t, s.write(ctx, "break", func(q *session) error {
				_, err := q.exec("CREATE TRIGGER broken BEFORE DELETE ON source_group BEGIN SELECT RAISE(ABORT, 'broken'); END")
				return err
			}))
		} else if err == nil {
			t.Fatal("the test proves nothing")
		}
		endRun(t, s, run, contract.RunComplete)
	}
	must(t, s.write(ctx, "mend", func(q *session) error { _, err := q.exec("DROP TRIGGER broken"); return err }))
	run := beginRun(t, s, contract.SyncRun, "")
	must(t, s.Generation(run).Overlay(ctx))
	must(t, s.Generation(run).Commit(ctx, contract.Watermark{}, nil))
	if n := countRows(t, s, "source_group"); n != 1 {
		t.Errorf("%d rows of one group", n)
	}
}
