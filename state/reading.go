package state

import (
	"context"
	"encoding/json"

	"groupwriteback/internal/contract"
)

// KeepReading records that the memberships which the generation stages are kept if its
// run ends without a commit, so that a later run can go on from them. Discard and every
// commit end this.
func (g *Generation) KeepReading(ctx context.Context, reading contract.Reading) error {
	links, err := json.Marshal(reading.Links)
	if err != nil {
		return err
	}
	return g.state.write(ctx, "store the state of the import", func(q *session) error {
		_, err := q.exec("INSERT OR REPLACE INTO reading (only, generation, links, scope) VALUES (1, ?, ?, ?)", g.id, string(links), reading.Scope)
		return err
	})
}

// KeptReading returns the reading that an earlier run left, and its generation, which
// is 0 if there is none.
func (s *State) KeptReading(ctx context.Context) (reading contract.Reading, generation int64, err error) {
	err = s.read(ctx, "read the state of an earlier import", func(q *session) error {
		var links string
		found, err := q.one("SELECT generation, links, scope FROM reading", nil, &generation, &links, &reading.Scope)
		if err != nil || !found {
			return err
		}
		if err := json.Unmarshal([]byte(links), &reading.Links); err != nil {
			return damaged("the delta links of the earlier import: %v", err)
		}
		return nil
	})
	return reading, generation, err
}

// keptNotes are the kinds of notes that no later delta repeats.
const keptNotes = "('DeletedUser', 'Read', 'ReadUser', 'RestoredUser')"

// TakeReading takes over the kept reading of another generation: the memberships that
// were read to their end, of groups that are staged in this generation, how all members
// join, and the notes that no later delta repeats. It removes the rest. If it is
// interrupted, what is left of the reading is lost and has to be read again. Error:
// RunSuperseded.
func (g *Generation) TakeReading(ctx context.Context, from int64) error {
	s, to := g.state, g.id
	if ended, err := s.endReading(ctx, from); err != nil || !ended {
		if err == nil { // another process has taken it or is removing it
			err = superseded(to)
		}
		return err
	}
	for more := true; more; {
		err := s.write(ctx, "take over the members of groups", func(q *session) error {
			groups, err := listGUIDs(q, `SELECT m.group_id FROM source_membership m WHERE m.generation = ? AND m.incomplete = ''
				AND EXISTS (SELECT 1 FROM source_group WHERE id = m.group_id AND generation = ?) LIMIT ?`, from, to, removalPortion/10)
			more = len(groups) > 0
			for i := range groups {
				for _, table := range []string{"source_membership_chunk", "source_membership"} {
					if err == nil {
						_, err = q.exec("UPDATE "+table+" SET generation = ? WHERE group_id = ? AND generation = ?", to, groups[i][:], from)
					}
				}
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	// What members were resolved to may have changed since.
	moves := []string{
		`UPDATE member_join SET generation = ?2, reason = NULL, target_guid = NULL, tries = 0, due = NULL
			WHERE generation = ?1 AND number IN (SELECT number FROM member_join WHERE generation = ?1 LIMIT ?3)`,
		"UPDATE note SET generation = ?2 WHERE generation = ?1 AND (kind, id) IN (SELECT kind, id FROM note WHERE generation = ?1 AND at IS NOT NULL AND kind IN " + keptNotes + " LIMIT ?3)",
	}
	for _, query := range moves {
		for n := int64(removalPortion); n == removalPortion; {
			err := s.write(ctx, "take over an earlier import", func(q *session) (err error) {
				n, err = q.changed(query, from, to, removalPortion)
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	return s.removeStaged(ctx, from, from)
}

// endReading removes the record that the generation is a kept reading; ended is false
// if there was none. It comes before any part of the generation is moved or removed, so
// that nobody goes on from an incomplete reading.
func (s *State) endReading(ctx context.Context, generation int64) (ended bool, err error) {
	err = s.write(ctx, "remove an earlier import", func(q *session) error {
		n, err := q.changed("DELETE FROM reading WHERE generation = ?", generation)
		ended = n > 0
		return err
	})
	return ended, err
}
