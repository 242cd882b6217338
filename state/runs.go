package state

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"groupwriteback/internal/contract"
)

// BeginRun stores the record with status Running and returns its id. The caller
// holds the lock, so every other run with that status belongs to a process that
// died: BeginRun closes it as Failed. It also removes everything that was staged
// and not committed, except a reading that is kept.
func (s *State) BeginRun(ctx context.Context, run contract.Run) (int64, error) {
	if err := s.closeInterrupted(ctx); err != nil {
		return 0, err
	}
	if err := s.removeUncommitted(ctx); err != nil {
		return 0, err
	}
	run.Status = contract.RunRunning
	err := s.write(ctx, "begin a run", func(q *session) error {
		r, err := q.exec("INSERT INTO run (plan_id, kind, status, started, record) VALUES (?, ?, ?, ?, '')",
			run.PlanID, string(run.Kind), string(run.Status), timeText(run.Started))
		if err != nil {
			return err
		}
		if run.ID, err = r.LastInsertId(); err != nil {
			return err
		}
		return saveRun(q, &run)
	})
	if err != nil {
		return 0, err
	}
	return run.ID, nil
}

func (s *State) closeInterrupted(ctx context.Context) error {
	var dead []contract.Run
	err := s.read(ctx, "list interrupted runs", func(q *session) (err error) {
		dead, err = listRuns(q, "SELECT id, record FROM run WHERE status = 'Running' ORDER BY id")
		return err
	})
	for i := 0; i < len(dead) && err == nil; i++ {
		interrupt(&dead[i])
		dead[i].Ended = s.now().UTC()
		err = s.SaveRun(ctx, dead[i])
	}
	return err
}

// interrupt records that the process of a run died. It sets no end time, because
// nobody knows when that was.
func interrupt(run *contract.Run) {
	run.Status, run.StopReason = contract.RunFailed, contract.StopInterrupted
	run.Message = "The process ended during the run. The next run completes its work."
}

// removeUncommitted removes what was staged and not committed, except a reading
// that is kept.
func (s *State) removeUncommitted(ctx context.Context) error {
	var current, kept int64
	err := s.snapshot(ctx, "read which generations to keep", func(q *session) (err error) {
		if current, _, err = currentGeneration(q); err == nil {
			_, err = q.one("SELECT generation FROM reading", nil, &kept)
		}
		return err
	})
	if err != nil {
		return err
	}
	// A run that died after its commit may have left older generations.
	if err := errors.Join(s.removeStaged(ctx, 0, current-1), s.removeIndexes(ctx)); err != nil {
		return err
	}
	if kept = max(kept, current); kept > current+1 {
		if err := s.removeStaged(ctx, current+1, kept-1); err != nil {
			return err
		}
	}
	return s.removeStaged(ctx, kept+1, allLater)
}

// SaveRun replaces the record of a run, unless it was closed as Interrupted: then
// another process has taken this one for dead and taken over. Error: RunNotFound.
func (s *State) SaveRun(ctx context.Context, run contract.Run) error {
	return s.writeThrough(ctx, "save the record of a run", func(q *session) error { return saveRun(q, &run) })
}

func saveRun(q *session, run *contract.Run) error {
	record, err := json.Marshal(run)
	if err != nil {
		return err
	}
	n, err := q.changed(`UPDATE run SET plan_id = ?, kind = ?, status = ?, started = ?, record = ?
		WHERE id = ? AND CASE status WHEN 'Failed' THEN json_extract(record, '$.stopReason') END IS NOT ?`,
		run.PlanID, string(run.Kind), string(run.Status), timeText(run.Started), string(record), run.ID, string(contract.StopInterrupted))
	if err != nil || n > 0 {
		return err
	}
	var exists int
	found, err := q.one("SELECT 1 FROM run WHERE id = ?", []any{run.ID}, &exists)
	if err == nil && !found {
		return runNotFound(run.ID)
	}
	return err
}

// StillRunning returns the error RunSuperseded if the run's record no longer says
// Running, or if another run has begun after it.
func (g *Generation) StillRunning(ctx context.Context) error {
	return g.state.read(ctx, "check for a newer run", func(q *session) error { return stillRunning(q, g.id) })
}

func stillRunning(q *session, id int64) error {
	var running bool
	found, err := q.one("SELECT status = 'Running' AND id = (SELECT max(id) FROM run) FROM run WHERE id = ?", []any{id}, &running)
	if err == nil && (!found || !running) {
		return superseded(id)
	}
	return err
}

// Runs lists the runs with ids below before, newest first; if before is 0, it
// begins with the newest. A run whose process died is returned as interrupted
// even if nobody has closed its record yet.
func (s *State) Runs(ctx context.Context, before int64, limit int) (runs []contract.Run, err error) {
	return s.runs(ctx, "list the runs", "SELECT id, record FROM run WHERE ?1 = 0 OR id < ?1 ORDER BY id DESC LIMIT ?2", before, limit)
}

// Run returns the record of a run. Error: RunNotFound.
func (s *State) Run(ctx context.Context, id int64) (contract.Run, error) {
	return s.oneRun(ctx, runNotFound(id), "SELECT id, record FROM run WHERE id = ?", id)
}

// RunByPlan returns the run that spooled the plan. Error: PlanNotFound.
func (s *State) RunByPlan(ctx context.Context, planID string) (contract.Run, error) {
	return s.oneRun(ctx, planNotFound(planID), "SELECT id, record FROM run WHERE plan_id = ? AND plan_id <> ''", planID)
}

// LastComplete returns the newest run that was committed. It may be a run of one
// group, since the record of such a run carries the totals on.
func (s *State) LastComplete(ctx context.Context) (run contract.Run, ok bool, err error) {
	run, err = s.oneRun(ctx, nil, "SELECT id, record FROM run WHERE committed = 1 AND kind IN ('Sync', 'Group') ORDER BY id DESC LIMIT 1")
	return run, run.ID != 0, err
}

// oneRun returns the run that a query finds. If there is none, it returns missing,
// which may be nil.
func (s *State) oneRun(ctx context.Context, missing error, query string, args ...any) (run contract.Run, err error) {
	runs, err := s.runs(ctx, "read the record of a run", query, args...)
	switch {
	case err != nil:
		return run, err
	case len(runs) == 0:
		return run, missing
	}
	return runs[0], nil
}

// runs reads records. If one says Running, it looks whether the lock is free,
// which means that the process is gone. Then it reads the records once more, for
// the run may have ended in between.
func (s *State) runs(ctx context.Context, doing, query string, args ...any) (runs []contract.Run, err error) {
	list := func() error {
		return s.read(ctx, doing, func(q *session) error {
			runs, err = listRuns(q, query, args...)
			return err
		})
	}
	if err := list(); err != nil {
		return nil, err
	}
	running := map[int64]bool{}
	for i := range runs {
		if runs[i].Status == contract.RunRunning {
			running[runs[i].ID] = true
		}
	}
	if len(running) == 0 || held(filepath.Join(s.folder, lockName)) {
		return runs, nil
	}
	if err := list(); err != nil {
		return nil, err
	}
	for i := range runs {
		if runs[i].Status == contract.RunRunning && running[runs[i].ID] {
			interrupt(&runs[i])
		}
	}
	return runs, nil
}

func listRuns(q *session, query string, args ...any) (runs []contract.Run, err error) {
	err = q.each(query, args, func(rows *sql.Rows) error {
		var id int64
		var record string
		if err := rows.Scan(&id, &record); err != nil {
			return err
		}
		var run contract.Run
		if err := json.Unmarshal([]byte(record), &run); err != nil {
			return damaged("the record of run %d: %v", id, err)
		}
		run.ID = id
		runs = append(runs, run)
		return nil
	})
	return runs, err
}

// PurgeRuns removes runs that began before olderThan, with their changes. It
// keeps the run whose generation is current and the newest committed one. What
// the runs staged and did not commit was already removed when the next run began.
func (s *State) PurgeRuns(ctx context.Context, olderThan time.Time) error {
	s.purgeUndo(olderThan)
	s.purgeAudit(olderThan)
	var old []int64
	err := s.read(ctx, "list old runs", func(q *session) error {
		return q.each(`SELECT id FROM run WHERE started < ? AND status <> 'Running'
			AND id NOT IN (SELECT generation FROM watermark)
			AND id IS NOT (SELECT max(id) FROM run WHERE committed = 1 AND kind IN ('Sync', 'Group')) ORDER BY id`,
			[]any{timeText(olderThan)}, func(rows *sql.Rows) error {
				var id int64
				err := rows.Scan(&id)
				old = append(old, id)
				return err
			})
	})
	if err != nil {
		return err
	}
	for _, id := range old {
		for more := true; more; {
			err := s.write(ctx, "remove the changes of an old run", func(q *session) error {
				n, err := q.changed("DELETE FROM change WHERE id IN (SELECT id FROM change WHERE run = ? LIMIT ?)", id, removalPortion)
				more = n > 0
				return err
			})
			if err != nil {
				return err
			}
		}
		err := s.write(ctx, "remove an old run", func(q *session) error {
			_, err := q.exec("DELETE FROM run WHERE id = ?", id)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// UsePlan marks the consent to a plan as used; it can be used once. Errors:
// PlanNotFound, PlanAlreadyUsed.
func (s *State) UsePlan(ctx context.Context, planID string) error {
	return s.write(ctx, "mark a plan as used", func(q *session) error {
		if err := checkPlan(q, planID); err != nil {
			return err
		}
		_, err := q.exec("UPDATE run SET plan_used = 1 WHERE plan_id = ?", planID)
		return err
	})
}

// CheckPlan returns the error that UsePlan would return, and marks nothing.
func (s *State) CheckPlan(ctx context.Context, planID string) error {
	return s.read(ctx, "check whether a plan was used", func(q *session) error { return checkPlan(q, planID) })
}

func checkPlan(q *session, planID string) error {
	var used int
	found, err := q.one("SELECT plan_used FROM run WHERE plan_id = ? AND plan_id <> ''", []any{planID}, &used)
	switch {
	case err != nil:
		return err
	case !found:
		return planNotFound(planID)
	case used != 0:
		return &contract.Error{Category: contract.InvalidState, ID: "PlanAlreadyUsed", Object: planID,
			Message: "An earlier run has already used the consent to this plan.",
			Advice:  "Review the plan of the newest run, and specify its id if you agree with it."}
	}
	return nil
}

// WithdrawPlans records that the changes which were planned and not done so far
// no longer say what the next run will do.
func (s *State) WithdrawPlans(ctx context.Context) error {
	return s.write(ctx, "withdraw old plans", func(q *session) error {
		if _, err := q.exec("DELETE FROM withdrawn"); err != nil {
			return err
		}
		_, err := q.exec("INSERT INTO withdrawn (run) SELECT coalesce(max(id), 0) FROM run")
		return err
	})
}

func superseded(id int64) error {
	return &contract.Error{Category: contract.InvalidState, ID: "RunSuperseded", Object: fmt.Sprintf("run %d", id),
		Message: "A newer run replaced this run, which was considered dead, perhaps because the computer was asleep. This run stops without writing anything else.",
		Advice:  "No action is required. The newer run completes the work."}
}

func runNotFound(id int64) error {
	return notFound("RunNotFound", fmt.Sprintf("run %d", id), "The run is not in the state.",
		"List the runs with Get-GroupWritebackRun. Runs are removed after the retention period in the settings.")
}

func planNotFound(planID string) error {
	return notFound("PlanNotFound", planID, "No plan with this id is in the state.",
		"Take the id from Get-GroupWritebackRun. Plans are removed after the retention period in the settings.")
}
