package state

import (
	"context"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// NewSkips returns for each skip whether it is new or differs from the stored one. For
// a skip that is the same, it records that this run skipped the group again.
func (g *Generation) NewSkips(ctx context.Context, skips []plan.Change) (fresh []bool, err error) {
	fresh = make([]bool, len(skips))
	err = g.state.write(ctx, "store why groups are skipped", func(q *session) error {
		for i := range skips {
			c := &skips[i]
			same, err := q.changed("UPDATE skip SET run = ? WHERE source_id = ? AND target_guid = ? AND reason = ? AND situation = ? AND message = ?",
				g.id, c.SourceID[:], c.TargetGUID[:], string(c.Reason), string(c.Situation), c.Message)
			if err != nil {
				return err
			}
			fresh[i] = same == 0
		}
		return nil
	})
	return fresh, err
}

// noteSkip stores why a group is skipped, unless the run is a preview.
func noteSkip(q *session, run int64, c *plan.Change) error {
	_, err := q.exec(`INSERT OR REPLACE INTO skip (source_id, target_guid, reason, situation, message, run)
		SELECT ?, ?, ?, ?, ?, id FROM run WHERE id = ? AND kind <> 'Preview'`,
		c.SourceID[:], c.TargetGUID[:], string(c.Reason), string(c.Situation), c.Message, run)
	return err
}

// ForgetSkips removes the skips of these groups that the run did not repeat. The commit
// of a run that planned every group does so for all groups.
func (g *Generation) ForgetSkips(ctx context.Context, planned []directory.GUID) error {
	return g.state.write(ctx, "remove old reasons for skipped groups", func(q *session) error {
		for _, id := range planned {
			if _, err := q.exec("DELETE FROM skip WHERE source_id = ? AND run < ?", id[:], g.id); err != nil {
				return err
			}
		}
		return nil
	})
}

func forgetSkips(q *session, run int64) error {
	_, err := q.exec("DELETE FROM skip WHERE run < ?1 AND (SELECT json_extract(record, '$.policyType') FROM run WHERE id = ?1) = ?2", run, string(contract.Initial))
	return err
}

// lastSkip fills in why a group or an object is skipped at present, if the run since or
// a later one skipped it.
func lastSkip(q *session, column string, key directory.GUID, since int64, v *contract.GroupView) error {
	var message string
	found, err := q.one("SELECT message FROM skip WHERE "+column+" = ? AND run >= ? ORDER BY run DESC, reason LIMIT 1", []any{key[:], since}, &message)
	if err == nil && found {
		v.LastAction, v.LastOutcome, v.LastMessage = plan.Skip, contract.OutcomeSkipped, message
	}
	return err
}
