package state

import (
	"context"
	"database/sql"
	"slices"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// StageMembers appends pages of memberships. If a member occurs several times,
// the first reading of it counts, unless it was not readable and a later one is.
// A page that follows the last page of a membership, or a change of the
// membership, starts the membership again.
func (g *Generation) StageMembers(ctx context.Context, pages []contract.MemberPage) error {
	l := g.layers()
	return g.state.write(ctx, "stage the members of cloud groups", func(q *session) error {
		g.state.staged.in(l.top)
		for i := range pages {
			if err := g.state.stageMemberPage(q, l, &pages[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *State) stageMemberPage(q *session, l layers, page *contract.MemberPage) error {
	m, err := l.membershipOf(q, page.Group)
	if err != nil {
		return err
	}
	appended := m.own && m.reading
	if !appended {
		m = membership{incomplete: notReadToEnd, in: layers{top: l.top}}
	}
	if m.incomplete == notReadToEnd { // an error stays, even if further pages follow
		switch {
		case page.Err != nil:
			m.incomplete = contract.AsError(page.Err).ID
		case page.Last:
			m.incomplete = ""
		}
	}
	m.reading = m.incomplete != ""
	var numbers []uint32
	if appended && !m.reading {
		if numbers, err = m.numbers(q, page.Group); err != nil {
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
	if !appended || !m.reading {
		if _, err := q.exec(sourceChunks.drop, page.Group[:], l.top); err != nil {
			return err
		}
	}
	if m.arranged = !m.reading; m.arranged {
		err = sourceChunks.store(q, l.top, page.Group[:], []byte{}, packNumbers(sortedNumbers(numbers)), sourceChunks.most)
	} else {
		err = l.appendAsRead(q, page.Group, numbers)
	}
	if err != nil {
		return err
	}
	return l.stageMembership(q, page.Group, &m)
}

// ChangeMembership applies changes, in their order, to the members of the group
// in the generation. A membership that is incomplete stays incomplete.
func (g *Generation) ChangeMembership(ctx context.Context, group directory.GUID, changes []contract.MemberChange) error {
	l := g.layers()
	return g.state.write(ctx, "stage changes of a group's members", func(q *session) error {
		add, remove, err := l.changedNumbers(q, changes)
		if err != nil {
			return err
		}
		m, err := l.membershipOf(q, group)
		if err != nil {
			return err
		}
		if m.arranged {
			added, removed, err := sourceChunks.change(q, m.in, group[:], add, remove)
			if err != nil || m.own || added+removed == 0 {
				return err
			}
			return l.stageMembership(q, group, &m)
		}
		numbers, err := m.numbers(q, group)
		if err != nil {
			return err
		}
		keys, added, removed := sourceChunks.merge(packNumbers(numbers), add, remove)
		if m.there && added+removed == 0 {
			return nil
		}
		m.in, m.reading, m.arranged = layers{top: l.top}, false, true
		if err := sourceChunks.replace(q, l.top, group[:], keys); err != nil {
			return err
		}
		return l.stageMembership(q, group, &m)
	})
}

// changedNumbers returns the numbers of the members to add and of those to
// remove, ascending. The last change of each member wins.
func (l layers) changedNumbers(q *session, changes []contract.MemberChange) (add, remove []byte, err error) {
	last := map[directory.GUID]int{}
	for i := range changes {
		last[changes[i].ID] = i
	}
	var added, removed []uint32
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
			return nil, nil, err
		case !c.Removed:
			added = append(added, n)
		case known:
			removed = append(removed, n)
		}
	}
	return packNumbers(sortedNumbers(added)), packNumbers(sortedNumbers(removed)), nil
}

// SourceMembership returns the members that the group should have, as objects of
// AD. Members that were not looked up yet count as unresolved.
func (g *Generation) SourceMembership(ctx context.Context, group directory.GUID) (m plan.Membership, err error) {
	l := g.layers()
	err = g.state.read(ctx, "read the staged members of a cloud group", func(q *session) error {
		m, err = g.state.sourceMembership(q, l, group)
		return err
	})
	return m, err
}

func (s *State) sourceMembership(q *session, l layers, group directory.GUID) (plan.Membership, error) {
	numbers, incomplete, err := memberNumbers(q, l, group)
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

// MembersAmong returns which of these are members of the group, ascending. It reads only
// the chunks that may have them.
func (g *Generation) MembersAmong(ctx context.Context, group directory.GUID, ids []directory.GUID) (members []directory.GUID, err error) {
	l := g.layers()
	err = g.state.snapshot(ctx, "look for members of a cloud group", func(q *session) error {
		m, err := l.membershipOf(q, group)
		if err != nil {
			return err
		}
		var all []uint32
		if !m.arranged {
			if all, err = m.numbers(q, group); err != nil {
				return err
			}
		}
		for _, id := range ids {
			number, is, err := numberOf(q, id)
			switch {
			case err != nil || !is:
			case m.arranged:
				is, err = m.has(q, group, number)
			default:
				is = slices.Contains(all, number)
			}
			if err != nil {
				return err
			}
			if is {
				members = append(members, id)
			}
		}
		members = sortedSet(members)
		return nil
	})
	return members, err
}

// GroupsWithMembers lists the groups that have at least one of these members,
// ascending. It reads all memberships if there is no index.
func (g *Generation) GroupsWithMembers(ctx context.Context, members []directory.GUID) (groups []directory.GUID, err error) {
	l := g.layers()
	err = g.state.snapshot(ctx, "list the groups of members", func(q *session) error {
		wanted, err := numberSet(q, members)
		if err != nil || len(wanted) == 0 {
			return err
		}
		found, err := l.groupsWith(q, members, wanted)
		if err != nil {
			return err
		}
		for group := range found {
			if l.base != 0 { // the row may be hidden
				numbers, _, err := memberNumbers(q, l, group)
				if err != nil {
					return err
				}
				if !slices.ContainsFunc(numbers, wanted.has) {
					continue
				}
			}
			groups = append(groups, group)
		}
		groups = sortedSet(groups)
		return nil
	})
	return groups, err
}

// fewLookups is the largest number of members that are looked up in the index.
// That takes less time than reading all memberships of a large tenant.
const fewLookups = 1000

// groupsWith returns the groups that have at least one of the members in some
// layer.
func (l layers) groupsWith(q *session, members []directory.GUID, wanted bitset) (map[directory.GUID]bool, error) {
	found := map[directory.GUID]bool{}
	var current, index int64
	if _, err := q.one("SELECT generation, indexed FROM watermark", nil, &current, &index); err != nil {
		return nil, err
	}
	if index == 0 || l.lowest() != current || len(members) > fewLookups {
		return found, walk(q, found, wanted, "SELECT group_id, members FROM source_membership_chunk WHERE +generation IN (?, ?)", l.top, l.base)
	}
	for i := range members {
		number, known, err := numberOf(q, members[i])
		if err != nil {
			return nil, err
		}
		if !known {
			continue
		}
		groups, err := groupsOf(q, index, number)
		if err != nil {
			return nil, err
		}
		for _, group := range groups {
			var id directory.GUID
			if _, err := q.one("SELECT id FROM member WHERE number = ?", []any{group}, intoGUID(&id)); err != nil {
				return nil, err
			}
			found[id] = true
		}
	}
	if l.base == 0 {
		return found, nil
	}
	return found, walk(q, found, wanted, "SELECT group_id, members FROM source_membership_chunk WHERE generation = ?", l.top)
}

// walk adds each group of a query's rows that has at least one of the members.
func walk(q *session, found map[directory.GUID]bool, wanted bitset, query string, args ...any) error {
	return q.each(query, args, func(rows *sql.Rows) error {
		var group directory.GUID
		var chunk sql.RawBytes
		if err := rows.Scan(intoGUID(&group), &chunk); err != nil {
			return err
		}
		if wanted.any(chunk) {
			found[group] = true
		}
		return nil
	})
}

// IncompleteGroups lists the groups of the generation whose membership was not
// read to its end, by id.
func (g *Generation) IncompleteGroups(ctx context.Context, after directory.GUID, limit int) (groups []directory.GUID, err error) {
	l := g.layers()
	err = g.state.read(ctx, "list the groups with unread members", func(q *session) error {
		groups, err = listGUIDs(q, `SELECT s.id FROM source_group s WHERE s.id > ?3 AND `+visibleSource+`
				AND coalesce((SELECT incomplete FROM source_membership WHERE group_id = s.id AND generation = ?1),
					(SELECT incomplete FROM source_membership WHERE group_id = s.id AND generation = ?2), 'none') <> ''
			ORDER BY s.id LIMIT ?4`, l.top, l.base, after[:], limit)
		return err
	})
	return groups, err
}

// MemberRefs returns the last known DN of each GUID, in the order of guids.
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
