package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"slices"

	"groupwriteback/internal/directory"
	"groupwriteback/internal/engine"
	"groupwriteback/internal/plan"
)

// A membership of the tenant is stored as small numbers, 4 bytes a member, and
// not by what the members are in AD: members are read before they are resolved,
// and a member that is resolved anew must not make the groups that it is in be
// written again. Turning the numbers into objectGUIDs goes through joinCache.

// notReadToEnd is why a membership is incomplete when nothing else is known.
const notReadToEnd = "members-not-read"

// StageMembers appends pages of memberships.
func (s *State) StageMembers(ctx context.Context, generation int64, pages []engine.MemberPage) error {
	err := s.write(ctx, "stage members of groups of the tenant", func(q *session) error {
		s.staged.in(generation)
		for i := range pages {
			if err := s.stageMemberPage(q, generation, &pages[i]); err != nil {
				return err
			}
		}
		return nil
	})
	s.joins.forget(generation)
	return err
}

func (s *State) stageMemberPage(q *session, generation int64, page *engine.MemberPage) error {
	incomplete := notReadToEnd
	switch {
	case page.Err != nil:
		incomplete = engine.AsError(page.Err).ID
	case page.Last:
		incomplete = ""
	}
	// An error stays, whatever comes after it.
	_, err := q.exec(`INSERT INTO source_membership (group_id, generation, incomplete) VALUES (?, ?, ?)
		ON CONFLICT DO UPDATE SET incomplete = excluded.incomplete WHERE incomplete IN ('', ?) AND excluded.incomplete <> ?`,
		page.Group[:], generation, incomplete, notReadToEnd, notReadToEnd)
	if err != nil {
		return err
	}
	numbers := make([]uint32, 0, len(page.Members))
	for i := range page.Members {
		n, err := s.stageMember(q, generation, &page.Members[i])
		if err != nil {
			return err
		}
		numbers = append(numbers, n)
	}
	for chunk := range slices.Chunk(numbers, chunkKeys) {
		_, err := q.exec(`INSERT INTO source_membership_chunk (group_id, generation, position, members)
			SELECT ?1, ?2, coalesce(max(position), -1) + 1, ?3 FROM source_membership_chunk WHERE group_id = ?1 AND generation = ?2`,
			page.Group[:], generation, packNumbers(chunk))
		if err != nil {
			return err
		}
	}
	return nil
}

// stageMember stores how a member joins, once a generation, and returns its
// number. Of two readings in one generation the one with more in it counts, and
// among equals the first.
func (s *State) stageMember(q *session, generation int64, m *directory.SourceMember) (uint32, error) {
	if known, ok := s.staged.members[m.ID]; ok && (known.readable || !m.Readable) {
		return known.number, nil
	}
	var number int64
	found, err := q.one("SELECT number FROM member WHERE id = ?", []any{m.ID[:]}, &number)
	if err != nil {
		return 0, err
	}
	if !found {
		r, err := q.exec("INSERT INTO member (id) VALUES (?)", m.ID[:])
		if err != nil {
			return 0, err
		}
		if number, err = r.LastInsertId(); err != nil {
			return 0, err
		}
	}
	if number <= 0 || number > math.MaxUint32 {
		return 0, damaged("a member has the number %d", number)
	}
	_, err = q.exec(`INSERT INTO member_join (number, generation, kind, name, readable, guest, synced, sid, immutable_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET kind = excluded.kind, name = excluded.name, readable = excluded.readable, guest = excluded.guest,
			synced = excluded.synced, sid = excluded.sid, immutable_id = excluded.immutable_id, reason = NULL, target_guid = NULL
		WHERE excluded.readable > readable`,
		number, generation, string(m.Kind), m.Name, m.Readable, m.Guest, m.Synced, string(m.SID), m.ImmutableID)
	if err != nil {
		return 0, err
	}
	s.staged.members[m.ID] = stagedMember{number: uint32(number), readable: m.Readable}
	return uint32(number), nil
}

// UnresolvedMembers lists the distinct members of the generation that have no
// resolution yet, by member id. Going on after the last one of an answer makes
// one pass over the members; starting again at zero makes many.
func (s *State) UnresolvedMembers(ctx context.Context, generation int64, after directory.GUID, limit int) (members []directory.SourceMember, err error) {
	err = s.read(ctx, "list the members that are not resolved", func(q *session) error {
		return q.each(`SELECT m.id, j.kind, j.name, j.readable, j.guest, j.synced, j.sid, j.immutable_id
			FROM member m CROSS JOIN member_join j ON j.number = m.number AND j.generation = ?
			WHERE m.id > ? AND j.reason IS NULL ORDER BY m.id LIMIT ?`, []any{generation, after[:], limit}, func(rows *sql.Rows) error {
			var m directory.SourceMember
			err := rows.Scan(intoGUID(&m.ID), &m.Kind, &m.Name, &m.Readable, &m.Guest, &m.Synced, &m.SID, &m.ImmutableID)
			members = append(members, m)
			return err
		})
	})
	return members, err
}

// SaveResolutions stores who members are on-premises; a later one of the same
// member replaces the earlier.
func (s *State) SaveResolutions(ctx context.Context, generation int64, resolutions []engine.Resolution) error {
	err := s.write(ctx, "store who members are on-premises", func(q *session) error {
		s.staged.in(generation)
		for i := range resolutions {
			r := &resolutions[i]
			var target any
			if r.Reason == directory.ReasonJoined {
				if r.Ref.GUID.IsZero() {
					return fmt.Errorf("member %s is said to be joined, to no object", r.MemberID)
				}
				target = r.Ref.GUID[:]
			}
			n, err := q.changed("UPDATE member_join SET reason = ?, target_guid = ? WHERE number = (SELECT number FROM member WHERE id = ?) AND generation = ?",
				string(r.Reason), target, r.MemberID[:], generation)
			if err != nil {
				return err
			}
			if n == 0 {
				return fmt.Errorf("member %s was not staged in generation %d", r.MemberID, generation)
			}
			if err := s.staged.rememberObject(q, generation, r.Ref); err != nil {
				return err
			}
		}
		return nil
	})
	s.joins.forget(generation)
	return err
}

// SourceMembership returns who should be in the group, in terms of AD. Members
// not asked about count as unresolved.
func (s *State) SourceMembership(ctx context.Context, generation int64, group directory.GUID) (m plan.Membership, err error) {
	err = s.read(ctx, "read the staged members of a group of the tenant", func(q *session) error {
		m, err = s.sourceMembership(q, generation, group)
		return err
	})
	return m, err
}

func (s *State) sourceMembership(q *session, generation int64, group directory.GUID) (plan.Membership, error) {
	numbers, incomplete, err := memberNumbers(q, generation, group)
	if err != nil {
		return plan.Membership{}, err
	}
	m := plan.Membership{Incomplete: incomplete, Joined: make([]directory.GUID, 0, len(numbers))}
	err = s.joins.resolve(q, generation, numbers, func(target directory.GUID, reason directory.Reason) {
		if reason == directory.ReasonJoined {
			m.Joined = append(m.Joined, target)
			return
		}
		if m.Unwritten == nil {
			m.Unwritten = map[directory.Reason]int{}
		}
		m.Unwritten[reason]++
	})
	m.Joined = sortedSet(m.Joined)
	return m, err
}

// memberNumbers returns the numbers of a group's members, ascending and without
// repeats.
func memberNumbers(q *session, generation int64, group directory.GUID) (numbers []uint32, incomplete string, err error) {
	incomplete = notReadToEnd
	err = q.each(`SELECT m.incomplete, c.members FROM source_membership m
		LEFT JOIN source_membership_chunk c ON c.group_id = m.group_id AND c.generation = m.generation
		WHERE m.group_id = ? AND m.generation = ?`, []any{group[:], generation}, func(rows *sql.Rows) error {
		var chunk sql.RawBytes
		if err := rows.Scan(&incomplete, &chunk); err != nil {
			return err
		}
		numbers, err = unpackNumbers(numbers, chunk)
		return err
	})
	slices.Sort(numbers)
	return slices.Compact(numbers), incomplete, err
}

// IncompleteGroups lists groups of the generation whose membership was not read
// to its end, by id.
func (s *State) IncompleteGroups(ctx context.Context, generation int64, after directory.GUID, limit int) (groups []directory.GUID, err error) {
	err = s.read(ctx, "list the groups whose members were not read", func(q *session) error {
		return q.each(`SELECT g.id FROM source_group g LEFT JOIN source_membership m ON m.group_id = g.id AND m.generation = g.generation
			WHERE g.id > ? AND g.generation = ? AND m.incomplete IS NOT '' ORDER BY g.id LIMIT ?`,
			[]any{after[:], generation, limit}, func(rows *sql.Rows) error {
				var g directory.GUID
				err := rows.Scan(intoGUID(&g))
				groups = append(groups, g)
				return err
			})
	})
	return groups, err
}

// MemberRefs returns the last known DN for each GUID, in their order.
func (s *State) MemberRefs(ctx context.Context, _ int64, guids []directory.GUID) (refs []directory.MemberRef, err error) {
	err = s.read(ctx, "read the names of members", func(q *session) error {
		refs, err = memberRefs(q, guids)
		return err
	})
	return refs, err
}

func memberRefs(q *session, guids []directory.GUID) ([]directory.MemberRef, error) {
	refs := make([]directory.MemberRef, len(guids))
	for i := range guids {
		refs[i].GUID = guids[i]
		if _, err := q.one("SELECT dn FROM target_object WHERE guid = ?", []any{guids[i][:]}, &refs[i].DN); err != nil {
			return nil, err
		}
		if i%1024 == 1023 && q.ctx.Err() != nil {
			return nil, q.ctx.Err()
		}
	}
	return refs, nil
}

// CountUnwritten counts the memberships of the generation that are not written,
// by reason; those that AD refused in this very run among them.
func (s *State) CountUnwritten(ctx context.Context, generation int64) (map[directory.Reason]int, error) {
	counts := map[directory.Reason]int{}
	err := s.snapshot(ctx, "count the members that are not written", func(q *session) error {
		refused, err := refusals(q, generation)
		if err != nil {
			return err
		}
		var group directory.GUID
		var numbers []uint32
		count := func() error {
			slices.Sort(numbers)
			numbers = slices.Compact(numbers)
			err := s.joins.resolve(q, generation, numbers, func(target directory.GUID, reason directory.Reason) {
				if reason == directory.ReasonJoined {
					reason = refused[refusalKey{group, target}]
				}
				if reason != directory.ReasonJoined {
					counts[reason]++
				}
			})
			numbers = numbers[:0]
			return err
		}
		err = q.each("SELECT group_id, members FROM source_membership_chunk WHERE generation = ? ORDER BY group_id", []any{generation}, func(rows *sql.Rows) error {
			var next directory.GUID
			var chunk sql.RawBytes
			if err := rows.Scan(intoGUID(&next), &chunk); err != nil {
				return err
			}
			if next != group {
				if err := count(); err != nil {
					return err
				}
				group = next
			}
			numbers, err = unpackNumbers(numbers, chunk)
			return err
		})
		return errors.Join(err, count())
	})
	return counts, err
}

type refusalKey struct{ source, target directory.GUID }

func refusals(q *session, run int64) (map[refusalKey]directory.Reason, error) {
	refused := map[refusalKey]directory.Reason{}
	err := q.each("SELECT source_id, target_guid, reason FROM refusal WHERE run = ?", []any{run}, func(rows *sql.Rows) error {
		var key refusalKey
		var reason directory.Reason
		err := rows.Scan(intoGUID(&key.source), intoGUID(&key.target), &reason)
		refused[key] = reason
		return err
	})
	return refused, err
}
