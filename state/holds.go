package state

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

const (
	holdColumns    = "reason, comment, account, since, until"
	failingColumns = "tries, message, since, next"
)

// Holds lists the holds by group, including those whose time is over.
func (s *State) Holds(ctx context.Context) (holds []contract.Hold, err error) {
	err = s.read(ctx, "list the groups on hold", func(q *session) error {
		return q.each("SELECT source_id, "+holdColumns+" FROM hold ORDER BY source_id", nil, func(rows *sql.Rows) error {
			var h contract.Hold
			var since, until int64
			err := rows.Scan(intoGUID(&h.GroupID), &h.Reason, &h.Comment, &h.Account, &since, &until)
			h.Since, h.Until = fromUnix(since), fromUnix(until)
			holds = append(holds, h)
			return err
		})
	})
	return holds, err
}

// SetHolds stores holds, makes their groups pending, and takes them out of the set of
// groups that the next run deletes.
func (s *State) SetHolds(ctx context.Context, holds []contract.Hold) error {
	return s.writeThrough(ctx, "hold groups", func(q *session) error {
		for i := range holds {
			h := &holds[i]
			if h.GroupID.IsZero() {
				return fmt.Errorf("a hold has no group")
			}
			if _, err := q.exec("INSERT OR REPLACE INTO hold (source_id, "+holdColumns+") VALUES (?, ?, ?, ?, ?, ?)",
				h.GroupID[:], string(h.Reason), h.Comment, h.Account, toUnix(h.Since), toUnix(h.Until)); err != nil {
				return err
			}
			if _, err := q.exec("DELETE FROM disable_set WHERE source_id = ?", h.GroupID[:]); err != nil {
				return err
			}
			if err := addPending(q, h.GroupID); err != nil {
				return err
			}
		}
		return nil
	})
}

// EndHolds removes holds and makes their groups pending.
func (s *State) EndHolds(ctx context.Context, groups []directory.GUID) error {
	return s.writeThrough(ctx, "end holds", func(q *session) error {
		for _, id := range groups {
			ended, err := q.changed("DELETE FROM hold WHERE source_id = ?", id[:])
			if err == nil && ended > 0 {
				err = addPending(q, id)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// Failing lists the groups whose changes fail in one run after the other, by group.
func (s *State) Failing(ctx context.Context) (failing []contract.Failing, err error) {
	err = s.read(ctx, "list the groups whose changes fail", func(q *session) error {
		return q.each("SELECT source_id, "+failingColumns+" FROM failing ORDER BY source_id", nil, func(rows *sql.Rows) error {
			var f contract.Failing
			var since, next int64
			err := rows.Scan(intoGUID(&f.GroupID), &f.Tries, &f.Message, &since, &next)
			f.Since, f.Next = fromUnix(since), fromUnix(next)
			failing = append(failing, f)
			return err
		})
	})
	return failing, err
}

// SaveFailing stores how often the changes of groups have failed. It removes groups
// without any tries.
func (s *State) SaveFailing(ctx context.Context, failing []contract.Failing) error {
	return s.write(ctx, "store which changes fail", func(q *session) error {
		for i := range failing {
			f := &failing[i]
			var err error
			if f.Tries == 0 {
				_, err = q.exec("DELETE FROM failing WHERE source_id = ?", f.GroupID[:])
			} else {
				_, err = q.exec("INSERT OR REPLACE INTO failing (source_id, "+failingColumns+") VALUES (?, ?, ?, ?, ?)",
					f.GroupID[:], f.Tries, f.Message, toUnix(f.Since), toUnix(f.Next))
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// EndQuarantine ends the quarantine of a group and makes the group pending. It reports
// whether the group was in one.
func (s *State) EndQuarantine(ctx context.Context, group directory.GUID) (was bool, err error) {
	err = s.writeThrough(ctx, "end a quarantine", func(q *session) error {
		n, err := q.changed("DELETE FROM failing WHERE source_id = ? AND since <> 0", group[:])
		if was = n > 0; err != nil || !was {
			return err
		}
		return addPending(q, group)
	})
	return was, err
}

func addPending(q *session, group directory.GUID) error {
	_, err := q.exec("INSERT OR IGNORE INTO pending (source_id) VALUES (?)", group[:])
	return err
}

// apart fills in why the group is not treated like the others.
func (s *State) apart(q *session, v *contract.GroupView) error {
	if v.ID.IsZero() {
		return nil
	}
	var h directory.Hold
	var f contract.Failing
	var since, until, next int64
	found, err := q.one("SELECT "+holdColumns+" FROM hold WHERE source_id = ?", []any{v.ID[:]}, &h.Reason, &h.Comment, &h.Account, &since, &until)
	if h.Since, h.Until = fromUnix(since), fromUnix(until); err != nil {
		return err
	}
	if found && h.Holds(s.now()) {
		v.Hold = &h
	}
	found, err = q.one("SELECT "+failingColumns+" FROM failing WHERE source_id = ? AND since <> 0", []any{v.ID[:]}, &f.Tries, &f.Message, &since, &next)
	if found && err == nil {
		f.Since, f.Next = fromUnix(since), fromUnix(next)
		v.Quarantine = &f
	}
	return err
}

// toUnix returns the time in seconds, and 0 for none.
func toUnix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

func fromUnix(seconds int64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}
