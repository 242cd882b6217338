package state

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// A row of member_join holds by what one member joins and, once it was looked up,
// what it was resolved to. An overlay has rows only for members that changed or
// have to be looked up again.

// join is a row of member_join.
type join struct {
	generation int64
	member     directory.SourceMember
	// reason is NULL until the member is resolved.
	reason sql.NullString
	target directory.GUID
	tries  int
	due    sql.NullString
}

// joinOf returns how the member joins; ok is false if no layer has the member.
func (l layers) joinOf(q *session, number uint32, id directory.GUID) (j join, ok bool, err error) {
	m := &j.member
	ok, err = q.one(`SELECT generation, kind, name, readable, guest, synced, sid, immutable_id, reason, target_guid, tries, due FROM member_join
		WHERE number = (SELECT ?) AND +generation IN ((SELECT ?), (SELECT ?)) ORDER BY generation DESC LIMIT 1`, []any{number, l.top, l.base},
		&j.generation, &m.Kind, &m.Name, &m.Readable, &m.Guest, &m.Synced, &m.SID, &m.ImmutableID, &j.reason, intoGUID(&j.target), &j.tries, &j.due)
	m.ID = id
	return j, ok, err
}

// stageMember stores how a member joins and returns its number.
func (s *State) stageMember(q *session, l layers, m *directory.SourceMember) (uint32, error) {
	if known, ok := s.staged.members.get(m.ID); ok && (known.readable || !m.Readable) {
		return known.number, nil
	}
	number, known, err := numberOf(q, m.ID)
	if err == nil && !known {
		number, err = giveNumber(q, m.ID)
	}
	if err != nil {
		return 0, err
	}
	if l.base != 0 {
		err = l.stageJoin(q, number, m)
	} else {
		// A row that is already there was read by this run, too.
		_, err = q.exec(`INSERT INTO member_join (number, generation, kind, name, readable, guest, synced, sid, immutable_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET kind = excluded.kind, name = excluded.name, readable = excluded.readable, guest = excluded.guest,
				synced = excluded.synced, sid = excluded.sid, immutable_id = excluded.immutable_id, reason = NULL, target_guid = NULL, tries = 0, due = NULL
			WHERE excluded.readable > readable`,
			number, l.top, string(m.Kind), m.Name, m.Readable, m.Guest, m.Synced, string(m.SID), m.ImmutableID)
	}
	if err != nil {
		return 0, err
	}
	q.rejoined(l.top, number)
	s.staged.members.put(m.ID, stagedMember{number: number, readable: m.Readable})
	return number, nil
}

// stageJoin stores how a member joins if that differs from what the layers have.
// It also stores a new name, but a name alone is no reason to resolve the member
// again.
func (l layers) stageJoin(q *session, number uint32, m *directory.SourceMember) error {
	was, known, err := l.joinOf(q, number, m.ID)
	if err != nil {
		return err
	}
	if known && (was.member == *m || was.generation == l.top && was.member.Readable && !m.Readable) {
		return nil
	}
	renamed := was.member
	renamed.Name = m.Name
	now := join{member: *m}
	if known && renamed == *m {
		now = was
		now.member = *m
	}
	q.rejoined(l.top, number)
	var target any
	if !now.target.IsZero() {
		target = now.target[:]
	}
	_, err = q.exec(`INSERT OR REPLACE INTO member_join (number, generation, kind, name, readable, guest, synced, sid, immutable_id, reason, target_guid, tries, due)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		number, l.top, string(m.Kind), m.Name, m.Readable, m.Guest, m.Synced, string(m.SID), m.ImmutableID, now.reason, target, now.tries, now.due)
	return err
}

// stageUnread stores a member that no layer has yet, as not readable.
func (l layers) stageUnread(q *session, number uint32, kind directory.MemberKind) error {
	q.rejoined(l.top, number)
	_, err := q.exec(`INSERT INTO member_join (number, generation, kind, name, readable, guest, synced, sid, immutable_id)
		SELECT ?1, ?2, ?3, '', 0, 0, 0, '', '' WHERE NOT EXISTS (SELECT 1 FROM member_join WHERE number = ?1 AND +generation IN (?2, ?4))`,
		number, l.top, string(kind), l.base)
	return err
}

// StageKnownMembers stages how these members join. It ignores members that are
// not known as members of any group.
func (g *Generation) StageKnownMembers(ctx context.Context, members []directory.SourceMember) error {
	return g.state.changeJoins(ctx, g.id, "stage changed members", func(q *session, l layers) error {
		for i := range members {
			m := &members[i]
			number, known, err := numberOf(q, m.ID)
			if err == nil && known {
				_, known, err = l.joinOf(q, number, m.ID)
			}
			if err == nil && known {
				err = l.stageJoin(q, number, m)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// joinColumns are the columns that a member keeps when it is looked up again.
const joinColumns = "kind, name, readable, guest, synced, sid, immutable_id, tries, due"

// StageMembersAgain stages these members as unresolved, if they are known.
func (g *Generation) StageMembersAgain(ctx context.Context, ids []directory.GUID) error {
	if len(ids) == 0 {
		return nil // no transaction in a run in which nothing has changed
	}
	return g.state.changeJoins(ctx, g.id, "stage members to resolve again", func(q *session, l layers) error {
		for i := range ids {
			number, known, err := numberOf(q, ids[i])
			if err != nil {
				return err
			}
			if !known {
				continue
			}
			q.rejoined(l.top, number)
			_, err = q.exec("INSERT INTO member_join (number, generation, "+joinColumns+") SELECT number, ?1, "+joinColumns+` FROM member_join
				WHERE number = (SELECT ?3) AND +generation IN (?1, ?2) ORDER BY generation DESC LIMIT 1
				ON CONFLICT DO UPDATE SET reason = NULL, target_guid = NULL`, l.top, l.base, number)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// StageDueMembers stages the members that are due to be looked up again, as
// unresolved.
func (g *Generation) StageDueMembers(ctx context.Context, now time.Time) error {
	err := g.state.changeJoins(ctx, g.id, "stage the members that are due", func(q *session, l layers) error {
		_, err := q.exec("UPDATE member_join SET reason = NULL, target_guid = NULL WHERE generation = ? AND due <= ?", l.top, timeText(now))
		if err != nil {
			return err
		}
		_, err = q.exec("INSERT INTO member_join (number, generation, "+joinColumns+") SELECT number, ?, "+joinColumns+` FROM member_join
			WHERE generation = ? AND due <= ? ON CONFLICT DO NOTHING`, l.top, l.base, timeText(now))
		return err
	})
	g.state.joins.forget(g.id)
	return err
}

// changeJoins runs a write that changes how members of the generation join.
func (s *State) changeJoins(ctx context.Context, generation int64, doing string, f func(q *session, l layers) error) error {
	l := s.layers(generation)
	return s.write(ctx, doing, func(q *session) error {
		s.staged.in(l.top)
		return f(q, l)
	})
}

// UnreadMembers lists the members that are staged in the generation itself, not
// below it, and are not readable, in the order of their numbers. It fills in only ID
// and Kind.
func (g *Generation) UnreadMembers(ctx context.Context, after directory.GUID, limit int) (members []directory.SourceMember, err error) {
	err = g.state.listMembers(ctx, "list the members that were not read", g.id, "j.readable = 0", after, limit, func(m directory.SourceMember) {
		members = append(members, directory.SourceMember{ID: m.ID, Kind: m.Kind})
	})
	return members, err
}

// UnresolvedMembers lists the distinct members that are staged in the generation
// itself, not below it, and are not resolved yet, in the order of their numbers. A
// caller that passes the last id of each answer as after goes through the members once;
// a caller that starts at zero each time goes through them again and again.
func (g *Generation) UnresolvedMembers(ctx context.Context, after directory.GUID, limit int) (members []directory.SourceMember, err error) {
	err = g.state.listMembers(ctx, "list the unresolved members", g.id, "j.reason IS NULL", after, limit, func(m directory.SourceMember) {
		members = append(members, m)
	})
	return members, err
}

// listMembers lists members in the order in which member_join has them. What is then
// stored about a page of them is in a few pages of the database.
func (s *State) listMembers(ctx context.Context, doing string, generation int64, condition string, after directory.GUID, limit int, each func(directory.SourceMember)) error {
	return s.snapshot(ctx, doing, func(q *session) error {
		from, _, err := numberOf(q, after)
		if err != nil {
			return err
		}
		return q.each(`SELECT m.id, j.kind, j.name, j.readable, j.guest, j.synced, j.sid, j.immutable_id FROM member_join j CROSS JOIN member m ON m.number = j.number
			WHERE j.generation = (SELECT ?) AND j.number > (SELECT ?) AND `+condition+" ORDER BY j.number LIMIT ?", []any{generation, from, limit}, func(rows *sql.Rows) error {
			var m directory.SourceMember
			err := rows.Scan(intoGUID(&m.ID), &m.Kind, &m.Name, &m.Readable, &m.Guest, &m.Synced, &m.SID, &m.ImmutableID)
			each(m)
			return err
		})
	})
}

// ChangedJoins lists the members that are staged in the generation itself and
// have another object or another reason there than in the current generation,
// ascending.
func (g *Generation) ChangedJoins(ctx context.Context) (ids []directory.GUID, err error) {
	err = g.state.snapshot(ctx, "list the members that resolve differently", func(q *session) error {
		current, _, err := currentGeneration(q)
		if err != nil {
			return err
		}
		ids, err = listGUIDs(q, `SELECT m.id FROM member_join j CROSS JOIN member_join b ON b.number = j.number AND b.generation = ?
				CROSS JOIN member m ON m.number = j.number
			WHERE j.generation = ? AND (j.reason IS NOT b.reason OR j.target_guid IS NOT b.target_guid) ORDER BY m.id`, current, g.id)
		return err
	})
	return ids, err
}

// The intervals at which members that were not found are looked up again.
const (
	firstInterval = 30 * time.Minute
	lastInterval  = 24 * time.Hour
)

// retryInterval doubles with each failed try.
func retryInterval(tries int) time.Duration {
	return min(firstInterval<<min(tries, 10), lastInterval)
}

// final reports whether a resolution can change only if the member itself
// changes, which the tenant's delta reports.
func final(r directory.Reason) bool {
	switch r {
	case directory.ReasonJoined, directory.ReasonCloudOnly, directory.ReasonGuest, directory.ReasonNoAccount, directory.ReasonGroup:
		return true
	}
	return false
}

// SaveResolutions stores what members were resolved to and when each has to be
// looked up again. A later resolution of the same member replaces an earlier one.
func (g *Generation) SaveResolutions(ctx context.Context, resolutions []contract.Resolution, now time.Time) error {
	return g.state.changeJoins(ctx, g.id, "store the resolved members", func(q *session, l layers) error {
		for i := range resolutions {
			if err := l.saveResolution(q, &resolutions[i], now); err != nil {
				return err
			}
			if err := g.state.staged.rememberObject(q, l, resolutions[i].Ref); err != nil {
				return err
			}
		}
		return nil
	})
}

func (l layers) saveResolution(q *session, r *contract.Resolution, now time.Time) error {
	var target any
	if r.Reason == directory.ReasonJoined {
		if r.Ref.GUID.IsZero() {
			return fmt.Errorf("member %s has the reason Joined but no object", r.MemberID)
		}
		target = r.Ref.GUID[:]
	}
	number, known, err := numberOf(q, r.MemberID)
	if err != nil {
		return err
	}
	var tries int
	var due any
	switch {
	case final(r.Reason) || !known:
	case r.Reason.Unknown():
		due = timeText(now)
	default:
		if _, err := q.one("SELECT tries FROM member_join WHERE number = ? AND generation = ?", []any{number, l.top}, &tries); err != nil {
			return err
		}
		due = timeText(now.Add(retryInterval(tries)))
		tries++
	}
	q.rejoined(l.top, number)
	n, err := q.changed("UPDATE member_join SET reason = ?, target_guid = ?, tries = ?, due = ? WHERE number = ? AND generation = ?",
		string(r.Reason), target, tries, due, number, l.top)
	if err == nil && n == 0 {
		err = fmt.Errorf("member %s was not staged in generation %d", r.MemberID, l.top)
	}
	return err
}
