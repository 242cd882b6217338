package state

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// Notes of generation -1 are committed. A note of a run carries the run's generation
// until it is committed, and hides the committed note of the same kind and object.

// StageNotes stores notes. Each replaces the note of the same kind and object. A note
// without a time removes it.
func (g *Generation) StageNotes(ctx context.Context, notes []contract.Note) error {
	return g.state.write(ctx, "store notes about delta entries", func(q *session) error {
		for i := range notes {
			n := &notes[i]
			var at any
			if !n.At.IsZero() {
				at = n.At.UnixMilli()
			}
			if _, err := q.exec("INSERT OR REPLACE INTO note (kind, id, generation, at, report) VALUES (?, ?, ?, ?, ?)",
				string(n.Kind), n.ID[:], g.id, at, string(n.Report)); err != nil {
				return err
			}
		}
		return nil
	})
}

// visibleNote is the condition that row n of note counts for run ?1.
const visibleNote = `n.at IS NOT NULL AND (n.generation = ?1 OR n.generation = -1
	AND NOT EXISTS (SELECT 1 FROM note o WHERE o.kind = n.kind AND o.id = n.id AND o.generation = ?1))`

func scanNote(rows *sql.Rows) (n contract.Note, err error) {
	var at int64
	var report string
	err = rows.Scan(&n.Kind, intoGUID(&n.ID), &at, &report)
	n.At = time.UnixMilli(at).UTC()
	if report != "" {
		n.Report = json.RawMessage(report)
	}
	return n, err
}

// Notes lists the notes of a kind by id.
func (g *Generation) Notes(ctx context.Context, kind contract.NoteKind, after directory.GUID, limit int) (notes []contract.Note, err error) {
	err = g.state.read(ctx, "list notes", func(q *session) error {
		return q.each("SELECT n.kind, n.id, n.at, n.report FROM note n WHERE n.kind = ?2 AND n.id > ?3 AND "+visibleNote+" ORDER BY n.id LIMIT ?4",
			[]any{g.id, string(kind), after[:], limit}, func(rows *sql.Rows) error {
				n, err := scanNote(rows)
				notes = append(notes, n)
				return err
			})
	})
	return notes, err
}

// NotesOf returns the notes of a kind for these objects.
func (g *Generation) NotesOf(ctx context.Context, kind contract.NoteKind, ids []directory.GUID) (notes map[directory.GUID]contract.Note, err error) {
	notes = map[directory.GUID]contract.Note{}
	err = g.state.read(ctx, "read notes", func(q *session) error {
		for i := range ids {
			err := q.each("SELECT n.kind, n.id, n.at, n.report FROM note n WHERE n.kind = ?2 AND n.id = ?3 AND "+visibleNote,
				[]any{g.id, string(kind), ids[i][:]}, func(rows *sql.Rows) error {
					n, err := scanNote(rows)
					notes[ids[i]] = n
					return err
				})
			if err != nil {
				return err
			}
		}
		return nil
	})
	return notes, err
}

// StageReportedMembers notes the members that the changes report, each as its last change
// reports it.
func (g *Generation) StageReportedMembers(ctx context.Context, at time.Time, changes []contract.GroupChange) error {
	return g.state.write(ctx, "store the members that the delta reported", func(q *session) error {
		for i := range changes {
			c := &changes[i]
			for j := range c.Members {
				m := &c.Members[j]
				if _, err := q.exec("INSERT OR REPLACE INTO reported_member (group_id, member_id, generation, at, kind, removed) VALUES (?, ?, ?, ?, ?, ?)",
					c.ID[:], m.ID[:], g.id, at.UnixMilli(), string(m.Kind), m.Removed); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// visibleReport is the condition that row m of reported_member counts for run ?1 and was
// reported after ?2.
const visibleReport = `m.at > ?2 AND (+m.generation = ?1 OR +m.generation = -1
	AND NOT EXISTS (SELECT 1 FROM reported_member o WHERE o.group_id = m.group_id AND o.member_id = m.member_id AND o.generation = ?1))`

// ReportedMembers returns the changes of the group's members that were reported after
// since.
func (g *Generation) ReportedMembers(ctx context.Context, group directory.GUID, since time.Time) (changes []contract.MemberChange, err error) {
	err = g.state.read(ctx, "read the members that the delta reported", func(q *session) error {
		return q.each("SELECT m.member_id, m.kind, m.removed FROM reported_member m WHERE m.group_id = ?3 AND "+visibleReport,
			[]any{g.id, since.UnixMilli(), group[:]}, func(rows *sql.Rows) error {
				var c contract.MemberChange
				err := rows.Scan(intoGUID(&c.ID), &c.Kind, &c.Removed)
				changes = append(changes, c)
				return err
			})
	})
	return changes, err
}

// ReportedGroups lists the groups with member changes that were reported after since, by
// id.
func (g *Generation) ReportedGroups(ctx context.Context, since time.Time, after directory.GUID, limit int) (groups []directory.GUID, err error) {
	err = g.state.read(ctx, "list the groups whose members the delta reported", func(q *session) error {
		groups, err = listGUIDs(q, "SELECT DISTINCT m.group_id FROM reported_member m WHERE m.group_id > ?3 AND "+visibleReport+" ORDER BY m.group_id LIMIT ?4",
			g.id, since.UnixMilli(), after[:], limit)
		return err
	})
	return groups, err
}

// commitNotes makes the notes of the run count for later runs.
func commitNotes(q *session, run int64) error {
	for _, table := range []string{"note", "reported_member"} {
		if _, err := q.exec("UPDATE OR REPLACE "+table+" SET generation = -1 WHERE generation = ?", run); err != nil {
			return err
		}
	}
	_, err := q.exec("DELETE FROM note WHERE generation = -1 AND at IS NULL")
	return err
}

// ForgetNotes removes the notes of what a delta reported up to the given time. A note
// that a group is deleted or absent stays as long as the group has a link or is
// pending. A note with a time after now was made while the clock was ahead, and counts
// as made now.
func (s *State) ForgetNotes(ctx context.Context, upTo, now time.Time) error {
	return s.write(ctx, "remove old notes", func(q *session) error {
		for _, table := range []string{"note", "reported_member"} {
			if _, err := q.exec("UPDATE "+table+" SET at = ?1 WHERE generation = -1 AND at > ?1", now.UnixMilli()); err != nil {
				return err
			}
		}
		// A deleted user cannot be restored after 30 days.
		if _, err := q.exec("DELETE FROM note WHERE generation = -1 AND at <= ? AND kind = 'DeletedUser'", upTo.AddDate(0, 0, -31).UnixMilli()); err != nil {
			return err
		}
		for _, query := range []string{
			"DELETE FROM reported_member WHERE generation = -1 AND at <= ?",
			"DELETE FROM note WHERE generation = -1 AND at <= ? AND kind IN ('Group', 'User')",
			`DELETE FROM note WHERE generation = -1 AND at <= ? AND kind IN ('Deleted', 'Absent')
				AND NOT EXISTS (SELECT 1 FROM link WHERE source_id = note.id) AND NOT EXISTS (SELECT 1 FROM pending WHERE source_id = note.id)`,
		} {
			if _, err := q.exec(query, upTo.UnixMilli()); err != nil {
				return err
			}
		}
		return nil
	})
}
