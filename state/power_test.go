package state

import (
	"context"
	"testing"

	"groupwriteback/internal/contract"
)

// TestWhatIsCountedOnIsOnTheDisk: what the caller relies on is on the disk when the
// method returns. settings.json is on the disk at once, too. After a power failure, a
// settings.json that says disabled must not meet a set of groups to delete that was
// taken back.
func TestWhatIsCountedOnIsOnTheDisk(t *testing.T) {
	ctx := context.Background()
	s := newState(t)
	run := beginRun(t, s, contract.SyncRun, "")
	level := func(through bool) (level int) {
		f := func(q *session) error { return q.conn.QueryRowContext(ctx, "PRAGMA synchronous").Scan(&level) }
		if through {
			must(t, s.writeThrough(ctx, "look", f))
		} else {
			must(t, s.write(ctx, "look", f))
		}
		return level
	}
	if through, others := level(true), level(false); through != 2 || others != 1 {
		t.Errorf("synchronous is %d, and else %d", through, others)
	}
	must(t, s.SetDisableSet(ctx, []contract.Link{{SourceID: guid(1, 1), TargetGUID: guid(3, 1)}}))
	must(t, s.SetDisableSet(ctx, nil))
	endRun(t, s, run, contract.RunComplete)
}
