package state

import (
	"context"
	"database/sql"

	"slices"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// A membership of the tenant is stored as small numbers, 4 bytes a member, and
// not by what the members are in AD: members are read before they are resolved,
// and a member that is resolved anew must not make the groups that it is in be
// written again. Turning the numbers into objectGUIDs goes through joinCache.

// notReadToEnd is why a membership is incomplete when nothing else is known.
const notReadToEnd = "members-not-read"

// StageMembers appends pages of memberships. Of a member that occurs several
// times the first reading counts, unless a later one has more in it. A page after
// the last one of a membership, or after a change of it, begins it anew.
func (g *Generation) StageMembers(ctx context.Context, pages []contract.MemberPage) error {
	l := g.layers()
	err := g.state.write(ctx, "stage members of groups of the tenant", func(q *session) error {
		g.state.staged.in(l.top)
		for i := range pages {
			if err := g.state.stageMemberPage(q, l, &pages[i]); err != nil {
				return err
			}
		}
		return nil
	})
	g.state.joins.forget(l.top)
	return err
}

func (s *State) stageMemberPage(q *session, l layers, page *contract.MemberPage) error {
	incomplete, reading := notReadToEnd, true
	switch {
	case page.Err != nil:
		incomplete = contract.AsError(page.Err).ID
	case page.Last:
		incomplete, reading = "", false
	}
	var was string
	var appended bool
	if _, err := q.one("SELECT incomplete, reading FROM source_membership WHERE group_id = ? AND generation = ?",
		[]any{page.Group[:], l.top}, &was, &appended); err != nil {
		return err
	}
	// An error stays, whatever comes after it.
	if appended && was != notReadToEnd {
		incomplete, reading = was, true
	}
	var numbers []uint32
	if !appended {
		if err := l.dropChunks(q, page.Group); err != nil {
			return err
		}
	}
	for i := range page.Members {
		n, err := s.stageMember(q, l, &page.Members[i])
		if err != nil {
			return err
		}
		numbers = append(numbers, n)
	}
	if err := l.appendChunks(q, page.Group, numbers); err != nil {
		return err
	}
	return l.stageMembership(q, page.Group, incomplete, reading)
}

func (l layers) stageMembership(q *session, group directory.GUID, incomplete string, reading bool) error {
	_, err := q.exec("INSERT OR REPLACE INTO source_membership (group_id, generation, incomplete, reading) VALUES (?, ?, ?, ?)",
		group[:], l.top, incomplete, reading)
	return err
}

func (l layers) dropChunks(q *session, group directory.GUID) error {
	_, err := q.exec("DELETE FROM source_membership_chunk WHERE group_id = ? AND generation = ?", group[:], l.top)
	return err
}

func (l layers) appendChunks(q *session, group directory.GUID, numbers []uint32) error {
	for chunk := range slices.Chunk(numbers, chunkKeys) {
		_, err := q.exec(`INSERT INTO source_membership_chunk (group_id, generation, position, members)
			SELECT ?1, ?2, coalesce(max(position), -1) + 1, ?3 FROM source_membership_chunk WHERE group_id = ?1 AND generation = ?2`,
			group[:], l.top, packNumbers(chunk))
		if err != nil {
			return err
		}
	}
	return nil
}

// ChangeMembership applies changes, in their order, to what the generation has
// of the group's members. A membership that is incomplete stays so.
func (g *Generation) ChangeMembership(ctx context.Context, group directory.GUID, changes []contract.MemberChange) error {
	l := g.layers()
	err := g.state.write(ctx, "stage changes of a group's members", func(q *session) error {
		numbers, incomplete, there, err := memberNumbers(q, l, group)
		if err != nil {
			return err
		}
		changed, err := l.applyChanges(q, numbers, changes)
		if err != nil || there && slices.Equal(numbers, changed) {
			return err
		}
		if err := l.dropChunks(q, group); err != nil {
			return err
		}
		if err := l.appendChunks(q, group, changed); err != nil {
			return err
		}
		return l.stageMembership(q, group, incomplete, false)
	})
	g.state.joins.forget(l.top)
	return err
}

// applyChanges returns the numbers of those who are members after the changes,
// ascending. The last change of each member counts.
func (l layers) applyChanges(q *session, numbers []uint32, changes []contract.MemberChange) ([]uint32, error) {
	last := map[directory.GUID]int{}
	for i := range changes {
		last[changes[i].ID] = i
	}
	var added []uint32
	removed := map[uint32]bool{}
	for i := range changes {
		c := &changes[i]
		if last[c.ID] != i {
			continue
		}
		n, known, err := numberOf(q, c.ID)
		if err == nil && !known && !c.Removed {
			n, err = giveNumber(q, c.ID)
		}
		if err == nil && !c.Removed {
			err = l.stageUnread(q, n, c.Kind)
		}
		switch {
		case err != nil:
			return nil, err
		case !c.Removed:
			added = append(added, n)
		case known:
			removed[n] = true
		}
	}
	changed := slices.DeleteFunc(slices.Clone(numbers), func(n uint32) bool { return removed[n] })
	changed = append(changed, added...)
	slices.Sort(changed)
	return slices.Compact(changed), nil
}

// SourceMembership returns who should be in the group, in terms of AD. Members
// not asked about count as unresolved.
func (g *Generation) SourceMembership(ctx context.Context, group directory.GUID) (m plan.Membership, err error) {
	l := g.layers()
	err = g.state.read(ctx, "read the staged members of a group of the tenant", func(q *session) error {
		m, err = g.state.sourceMembership(q, l, group)
		return err
	})
	return m, err
}

func (s *State) sourceMembership(q *session, l layers, group directory.GUID) (plan.Membership, error) {
	numbers, incomplete, _, err := memberNumbers(q, l, group)
	if err != nil {
		return plan.Membership{}, err
	}
	m := plan.Membership{Incomplete: incomplete, Joined: make([]directory.GUID, 0, len(numbers))}
	err = s.joins.resolve(q, l, numbers, func(target directory.GUID, reason directory.Reason) {
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
// repeats, and why they are not all; there is false where no membership was staged.
func memberNumbers(q *session, l layers, group directory.GUID) (numbers []uint32, incomplete string, there bool, err error) {
	of, err := l.membershipOf(q, group)
	if err != nil {
		return nil, "", false, err
	}
	incomplete = notReadToEnd
	err = q.each(`SELECT m.incomplete, c.members FROM source_membership m
		LEFT JOIN source_membership_chunk c ON c.group_id = m.group_id AND c.generation = m.generation
		WHERE m.group_id = ? AND m.generation = ?`, []any{group[:], of}, func(rows *sql.Rows) error {
		var chunk sql.RawBytes
		if err := rows.Scan(&incomplete, &chunk); err != nil {
			return err
		}
		there = true
		numbers, err = unpackNumbers(numbers, chunk)
		return err
	})
	slices.Sort(numbers)
	return slices.Compact(numbers), incomplete, there, err
}

// membershipOf returns the generation whose membership of the group counts, if
// it has one.
func (l layers) membershipOf(q *session, group directory.GUID) (generation int64, err error) {
	if l.base == 0 {
		return l.top, nil
	}
	_, err = q.one(`SELECT generation FROM source_membership WHERE group_id = ?3 AND (generation = ?1 OR generation = ?2
			AND NOT EXISTS (SELECT 1 FROM gone WHERE generation = ?1 AND side = 0 AND id = ?3))
		ORDER BY generation DESC LIMIT 1`, []any{l.top, l.base, group[:]}, &generation)
	return generation, err
}

// GroupsWithMembers lists the groups that have one of these members, ascending.
// It reads all memberships once.
func (g *Generation) GroupsWithMembers(ctx context.Context, members []directory.GUID) (groups []directory.GUID, err error) {
	l := g.layers()
	err = g.state.snapshot(ctx, "list the groups that members are in", func(q *session) error {
		wanted, err := numberSet(q, members)
		if err != nil || len(wanted) == 0 {
			return err
		}
		type membership struct {
			group      directory.GUID
			generation int64
		}
		found := map[membership]bool{}
		err = q.each("SELECT group_id, generation, members FROM source_membership_chunk WHERE +generation IN (?, ?)", []any{l.top, l.base}, func(rows *sql.Rows) error {
			var m membership
			var chunk sql.RawBytes
			if err := rows.Scan(intoGUID(&m.group), &m.generation, &chunk); err != nil {
				return err
			}
			if len(chunk)%4 != 0 {
				return damaged("a row of member numbers has %d bytes", len(chunk))
			}
			if wanted.any(chunk) {
				found[m] = true
			}
			return nil
		})
		if err != nil {
			return err
		}
		for m := range found {
			of, err := l.membershipOf(q, m.group)
			if err != nil {
				return err
			}
			if of == m.generation {
				groups = append(groups, m.group)
			}
		}
		groups = sortedSet(groups)
		return nil
	})
	return groups, err
}

// IncompleteGroups lists groups of the generation whose membership was not read
// to its end, by id.
func (g *Generation) IncompleteGroups(ctx context.Context, after directory.GUID, limit int) (groups []directory.GUID, err error) {
	l := g.layers()
	err = g.state.read(ctx, "list the groups whose members were not read", func(q *session) error {
		groups, err = listGUIDs(q, `SELECT s.id FROM source_group s WHERE s.id > ?3 AND `+visibleSource+`
				AND coalesce((SELECT incomplete FROM source_membership WHERE group_id = s.id AND generation = ?1),
					(SELECT incomplete FROM source_membership WHERE group_id = s.id AND generation = ?2), 'none') <> ''
			ORDER BY s.id LIMIT ?4`, l.top, l.base, after[:], limit)
		return err
	})
	return groups, err
}

// MemberRefs returns the last known DN for each GUID, in their order.
func (g *Generation) MemberRefs(ctx context.Context, guids []directory.GUID) (refs []directory.MemberRef, err error) {
	err = g.state.read(ctx, "read the names of members", func(q *session) error {
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
