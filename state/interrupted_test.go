package state

import (
	"context"
	"sync"
	"testing"

	"groupwriteback/internal/contract"
)

func wantRun(t *testing.T, run contract.Run, err error, status contract.RunStatus, reason contract.StopReason) {
	t.Helper()
	if err != nil || run.Status != status || run.StopReason != reason {
		t.Errorf("the run is reported as %s %s, %v; want %s %s", run.Status, run.StopReason, err, status, reason)
	}
}

// TestARunThatDiedIsNotReportedAsRunning: readers do not report a dead run as Running, even
// if nobody has taken the lock since. They do not change its record.
func TestARunThatDiedIsNotReportedAsRunning(t *testing.T) {
	ctx := context.Background()
	folder := newFolder(t)
	s := openState(t, folder)
	other := startRole(t, "stage", folder, "staging")
	runs, err := s.Runs(ctx, 0, 10)
	if err != nil || len(runs) != 1 {
		t.Fatalf("%d runs, %v", len(runs), err)
	}
	wantRun(t, runs[0], nil, contract.RunRunning, "")
	id := runs[0].ID

	kill(other)
	for range 2 {
		runs, err = s.Runs(ctx, 0, 10)
		if err != nil || len(runs) != 1 {
			t.Fatalf("%d runs, %v", len(runs), err)
		}
		wantRun(t, runs[0], nil, contract.RunFailed, contract.StopInterrupted)
		if !runs[0].Ended.IsZero() || runs[0].Message == "" {
			t.Errorf("ended %v: %q", runs[0].Ended, runs[0].Message)
		}
		run, err := s.Run(ctx, id)
		wantRun(t, run, err, contract.RunFailed, contract.StopInterrupted)
	}
	var status string
	must(t, s.read(ctx, "look", func(q *session) error {
		_, err := q.one("SELECT status FROM run WHERE id = ?", []any{id}, &status)
		return err
	}))
	if status != string(contract.RunRunning) {
		t.Errorf("reading has written %q", status)
	}

	// The next process that takes the lock closes the record, even if it begins no run.
	unlock, err := s.Lock(ctx)
	must(t, err)
	defer unlock()
	run, err := s.Run(ctx, id)
	wantRun(t, run, err, contract.RunFailed, contract.StopInterrupted)
	if run.Ended.IsZero() {
		t.Error("the record was not closed")
	}
}

// TestWhoReadsKeepsNobodyFromARun: a reader that looks whether the lock is held is never
// taken for its holder, and a run that goes on is never reported as dead.
func TestWhoReadsKeepsNobodyFromARun(t *testing.T) {
	ctx := context.Background()
	folder := newFolder(t)
	s := openState(t, folder)
	kill(startRole(t, "stage", folder, "staging")) // so that every reader looks at the lock
	var readers sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		readers.Add(1)
		go func() {
			defer readers.Done()
			for {
				select {
				case <-stop:
					return
				default:
				}
				if runs, err := s.Runs(ctx, 0, 1); err != nil || len(runs) != 1 || runs[0].Kind == contract.GroupRun && runs[0].StopReason == contract.StopInterrupted {
					t.Errorf("%+v, %v", runs, err)
					return
				}
			}
		}()
	}
	for range 30 {
		unlock, err := s.Lock(ctx)
		if err != nil {
			t.Error(err)
			break
		}
		id, err := s.BeginRun(ctx, contract.Run{Kind: contract.GroupRun, Started: started})
		must(t, err)
		run, err := s.Run(ctx, id)
		wantRun(t, run, err, contract.RunRunning, "")
		run.Status, run.Ended = contract.RunComplete, started
		must(t, s.SaveRun(ctx, run))
		unlock()
	}
	close(stop)
	readers.Wait()
}
