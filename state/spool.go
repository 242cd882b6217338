package state

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// Spool appends changes to a run's plan. Changes that are not exported have the outcome
// Skipped from the start, all others Pending.
func (g *Generation) Spool(ctx context.Context, changes []plan.Change) error {
	return g.state.write(ctx, "store planned changes", func(q *session) error {
		for i := range changes {
			if _, err := spool(q, g.id, &changes[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

func spool(q *session, run int64, c *plan.Change) (id int64, err error) {
	attributes := ""
	if len(c.Attributes) > 0 {
		b, err := json.Marshal(c.Attributes)
		if err != nil {
			return 0, err
		}
		attributes = string(b)
	}
	outcome := contract.OutcomePending
	if c.Action.Phase() == plan.PhaseNone {
		outcome = contract.OutcomeSkipped
		if err := noteSkip(q, run, c); err != nil {
			return 0, err
		}
	}
	if c.Held {
		outcome = contract.OutcomeHeld
	}
	r, err := q.exec(`INSERT INTO change (run, phase, action, situation, source_id, target_guid, display_name, dn, attributes, reason, message,
			add_count, remove_count, outcome, container)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		run, int(c.Action.Phase()), string(c.Action), string(c.Situation), c.SourceID[:], c.TargetGUID[:], c.DisplayName, c.DN, attributes,
		string(c.Reason), c.Message, len(c.Add), len(c.Remove), string(outcome), c.Container[:])
	if err != nil {
		return 0, err
	}
	id, err = r.LastInsertId()
	if err != nil {
		return 0, err
	}
	for removal, guids := range [][]directory.GUID{c.Add, c.Remove} {
		if !slices.IsSortedFunc(guids, directory.GUID.Compare) {
			return 0, fmt.Errorf("the members of a change of %q are not in ascending order", c.DN)
		}
		for chunk := range slices.Chunk(guids, rowKeys) {
			if _, err := q.exec("INSERT INTO change_member_chunk (change, removal, first, members) VALUES (?, ?, ?, ?)",
				id, removal, chunk[0][:], packGUIDs(chunk)); err != nil {
				return 0, err
			}
		}
	}
	return id, nil
}

// HoldChanges holds spooled changes back, so that they are not exported. If a part of a
// change goes on, it replaces the change by two: the part that goes on, and the part
// that is held back.
func (g *Generation) HoldChanges(ctx context.Context, held []contract.HeldChange) error {
	if len(held) == 0 {
		return nil
	}
	return g.state.write(ctx, "hold back planned changes", func(q *session) error {
		for i := range held {
			h := &held[i]
			id := h.ChangeID
			if h.Goes != nil {
				if _, err := q.exec("DELETE FROM change WHERE id = ? AND run = ?", id, g.id); err != nil {
					return err
				}
				if _, err := spool(q, g.id, h.Goes); err != nil {
					return err
				}
				var err error
				if id, err = spool(q, g.id, h.Held); err != nil {
					return err
				}
			}
			_, err := q.exec("UPDATE change SET phase = ?, outcome = ?, error_id = ?, error = ? WHERE id = ? AND run = ?",
				int(plan.PhaseNone), string(contract.OutcomeHeld), string(h.Reason), h.Message, id, g.id)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// FormerObject implements contract.State.
func (s *State) FormerObject(ctx context.Context, source directory.GUID) (former directory.GUID, err error) {
	err = s.read(ctx, "find the former object of a group", func(q *session) error {
		var adopted bool
		if found, err := q.one("SELECT target_guid, adopted FROM link WHERE source_id = ?", []any{source[:]}, intoGUID(&former), &adopted); err != nil || found {
			if adopted {
				former = directory.GUID{}
			}
			return err
		}
		_, err := q.one("SELECT c.target_guid FROM change c JOIN run r ON r.id = c.run WHERE c.source_id = ? AND c.action = 'Delete' AND c.outcome = 'Done' AND r.kind <> 'Preview' ORDER BY c.id DESC LIMIT 1",
			[]any{source[:]}, intoGUID(&former))
		return err
	})
	return former, err
}

// LastPlace implements contract.State.
func (s *State) LastPlace(ctx context.Context, source directory.GUID) (container directory.GUID, err error) {
	err = s.read(ctx, "find where the object of a group was to be moved", func(q *session) error {
		var outcome string
		_, err := q.one("SELECT c.container, c.outcome FROM change c JOIN run r ON r.id = c.run WHERE c.source_id = ? AND c.action IN ('Create', 'Move') AND r.kind <> 'Preview' AND c.outcome NOT IN ('Held', 'Skipped') ORDER BY c.id DESC LIMIT 1",
			[]any{source[:]}, intoGUID(&container), &outcome)
		if outcome == string(contract.OutcomeDone) || outcome == string(contract.OutcomePartial) {
			container = directory.GUID{}
		}
		return err
	})
	return container, err
}

// RemovalsHeld reports whether the newest change that removes members of the group was
// held back. Previews do not count.
func (s *State) RemovalsHeld(ctx context.Context, source directory.GUID) (held bool, err error) {
	err = s.read(ctx, "check whether removals of a group were held back", func(q *session) error {
		_, err := q.one("SELECT c.outcome = ? FROM change c JOIN run r ON r.id = c.run WHERE c.source_id = ? AND c.remove_count > 0 AND r.kind <> 'Preview' ORDER BY c.id DESC LIMIT 1",
			[]any{string(contract.OutcomeHeld), source[:]}, &held)
		return err
	})
	return held, err
}

// heavyChanges ends an answer of Planned: no change is added once the changes have this
// many members.
const heavyChanges = 100_000

// Changes lists the changes of a run in a phase by id, without their members. Phase 0
// means all phases. Error: RunNotFound.
func (s *State) Changes(ctx context.Context, run int64, phase plan.Phase, after int64, limit int) (changes []contract.SpooledChange, err error) {
	err = s.snapshot(ctx, "list the changes of a run", func(q *session) error {
		changes, err = listChanges(q, run, phase, after, limit)
		return err
	})
	return changes, err
}

// Planned lists the changes of the run as [State.Changes] does, but with their members.
// It returns fewer than limit if they have very many members, and none at the end.
func (g *Generation) Planned(ctx context.Context, phase plan.Phase, after int64, limit int) (changes []contract.SpooledChange, err error) {
	err = g.state.snapshot(ctx, "list the changes of a run", func(q *session) error {
		if changes, err = listChanges(q, g.id, phase, after, limit); err != nil {
			return err
		}
		heavy := 0
		for i := range changes {
			if heavy >= heavyChanges {
				changes = changes[:i]
				break
			}
			c := &changes[i]
			heavy += c.AddCount + c.RemoveCount
			if c.Add, err = changeMembers(q, c.ID, 0, c.AddCount); err != nil {
				return err
			}
			if c.Remove, err = changeMembers(q, c.ID, 1, c.RemoveCount); err != nil {
				return err
			}
		}
		return nil
	})
	return changes, err
}

func listChanges(q *session, run int64, phase plan.Phase, after int64, limit int) (changes []contract.SpooledChange, err error) {
	var exists int
	if found, err := q.one("SELECT 1 FROM run WHERE id = ?", []any{run}, &exists); err != nil {
		return nil, err
	} else if !found {
		return nil, runNotFound(run)
	}
	condition, args := "run = ? AND id > ?", []any{run, after, limit}
	if phase != 0 {
		condition, args = "run = ? AND phase = ? AND id > ?", []any{run, int(phase), after, limit}
	}
	err = q.each(`SELECT id, action, situation, source_id, target_guid, display_name, dn, attributes, reason, message,
			add_count, remove_count, outcome, error_id, error, container FROM change WHERE `+condition+" ORDER BY id LIMIT ?",
		args, func(rows *sql.Rows) error {
			c, err := scanChange(rows)
			changes = append(changes, c)
			return err
		})
	return changes, err
}

func scanChange(rows *sql.Rows) (c contract.SpooledChange, err error) {
	var attributes string
	err = rows.Scan(&c.ID, &c.Action, &c.Situation, intoGUID(&c.SourceID), intoGUID(&c.TargetGUID), &c.DisplayName, &c.DN, &attributes,
		&c.Reason, &c.Change.Message, &c.AddCount, &c.RemoveCount, &c.Outcome, &c.ErrorID, &c.Message, intoGUID(&c.Container))
	if err != nil || attributes == "" {
		return c, err
	}
	if err := json.Unmarshal([]byte(attributes), &c.Attributes); err != nil {
		return c, damaged("the attributes of change %d: %v", c.ID, err)
	}
	return c, nil
}

func changeMembers(q *session, change int64, removal, count int) (guids []directory.GUID, err error) {
	if count == 0 {
		return nil, nil
	}
	guids = make([]directory.GUID, 0, min(count, 1<<16)) // in a damaged row, count may be anything
	err = q.each("SELECT members FROM change_member_chunk WHERE change = ? AND removal = ? ORDER BY first", []any{change, removal}, func(rows *sql.Rows) error {
		var chunk sql.RawBytes
		if err := rows.Scan(&chunk); err != nil {
			return err
		}
		guids, err = unpackGUIDs(guids, chunk)
		return err
	})
	if err == nil && len(guids) != count {
		err = damaged("change %d has %s instead of %d", change, directory.Count(len(guids), "member"), count)
	}
	return guids, err
}

// ChangeMembers lists the members of one change by objectGUID, at most limit of both
// kinds together. To go on, pass the greatest objectGUID of the answer as after. Error:
// ChangeNotFound.
func (s *State) ChangeMembers(ctx context.Context, change int64, after directory.GUID, limit int) (add, remove []directory.MemberRef, err error) {
	err = s.snapshot(ctx, "list the members of a change", func(q *session) error {
		var exists int
		if found, err := q.one("SELECT 1 FROM change WHERE id = ?", []any{change}, &exists); err != nil || !found {
			if err == nil {
				err = notFound("ChangeNotFound", fmt.Sprintf("change %d", change), "The change is not in the state.",
					"List the changes with Get-GroupWritebackChange. Changes are removed with their run, after the retention period in the settings.")
			}
			return err
		}
		added, err := changeMembersAfter(q, change, 0, after, limit)
		if err != nil {
			return err
		}
		removed, err := changeMembersAfter(q, change, 1, after, limit)
		if err != nil {
			return err
		}
		a, r := 0, 0
		for a+r < limit && (a < len(added) || r < len(removed)) {
			if r == len(removed) || a < len(added) && added[a].Compare(removed[r]) <= 0 {
				a++
			} else {
				r++
			}
		}
		if add, err = memberRefs(q, added[:a]); err != nil {
			return err
		}
		remove, err = memberRefs(q, removed[:r])
		return err
	})
	return add, remove, err
}

func changeMembersAfter(q *session, change int64, removal int, after directory.GUID, limit int) (guids []directory.GUID, err error) {
	err = q.each(`SELECT members FROM change_member_chunk WHERE change = ?1 AND removal = ?2
		AND first >= coalesce((SELECT max(first) FROM change_member_chunk WHERE change = ?1 AND removal = ?2 AND first <= ?3), x'') ORDER BY first`,
		[]any{change, removal, after[:]}, func(rows *sql.Rows) error {
			var chunk sql.RawBytes
			if err := rows.Scan(&chunk); err != nil {
				return err
			}
			if guids, err = unpackGUIDs(guids, chunk); err != nil {
				return err
			}
			guids = slices.DeleteFunc(guids, func(g directory.GUID) bool { return g.Compare(after) <= 0 })
			if len(guids) >= limit {
				guids = guids[:limit]
				return errEnough
			}
			return nil
		})
	return guids, err
}

// RecordOutcomes stores the outcomes of changes, together with the links that they make
// or end and the members that were refused. Error: ChangeNotFound.
func (g *Generation) RecordOutcomes(ctx context.Context, outcomes []contract.ChangeOutcome) error {
	return g.state.write(ctx, "record outcomes", func(q *session) error {
		for i := range outcomes {
			if err := recordOutcome(q, g.id, &outcomes[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

func recordOutcome(q *session, run int64, o *contract.ChangeOutcome) error {
	n, err := q.changed("UPDATE change SET outcome = ?, error_id = ?, error = ? WHERE id = ? AND run = ?",
		string(o.Outcome), o.ErrorID, o.Message, o.ChangeID, run)
	if err != nil {
		return err
	}
	if n == 0 {
		return notFound("ChangeNotFound", fmt.Sprintf("change %d of run %d", o.ChangeID, run), "The change is not in the state.", "")
	}
	if o.Outcome == contract.OutcomeDone || o.Outcome == contract.OutcomePartial {
		if err := noteExchangeDue(q, run, o); err != nil {
			return err
		}
		// Refusals of earlier runs are out of date: this change tried the members
		// again, or they are no longer wanted.
		_, err := q.exec("DELETE FROM refusal WHERE source_id = (SELECT source_id FROM change WHERE id = ? AND add_count + remove_count > 0) AND run < ?", o.ChangeID, run)
		if err != nil {
			return err
		}
	}
	if !o.Unlink.IsZero() {
		if err := unlink(q, o.Unlink); err != nil {
			return err
		}
	}
	if o.Link != nil {
		if err := saveLink(q, o.Link); err != nil {
			return err
		}
		// A created object has its objectGUID from now on.
		if _, err := q.exec("UPDATE change SET target_guid = ?, dn = ? WHERE id = ?", o.Link.TargetGUID[:], o.Link.DN, o.ChangeID); err != nil {
			return err
		}
	}
	for _, r := range o.Refused {
		reason := r.Reason
		if reason == directory.ReasonJoined {
			reason = directory.ReasonWriteRefused
		}
		if _, err := q.exec("INSERT OR REPLACE INTO refusal (source_id, target_guid, run, reason) SELECT source_id, ?, ?, ? FROM change WHERE id = ?",
			r.GUID[:], run, string(reason), o.ChangeID); err != nil {
			return err
		}
	}
	return nil
}
