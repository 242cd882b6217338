package state

import (
	"slices"

	"groupwriteback/internal/directory"
)

// A membership of the tenant is stored as numbers of members, 4 bytes each, not
// as the objectGUIDs that the members have in AD. Members are read before they are
// resolved, and a new resolution of a member must not rewrite the memberships of
// all its groups. joinCache turns the numbers into objectGUIDs.
//
// The pages of a membership are stored as they arrive. When the last page arrives,
// they are rearranged into chunks.

// notReadToEnd is the reason why a membership is incomplete if no error gives
// another.
const notReadToEnd = "MembersNotRead"

// membership describes how the members of a group of the tenant are stored.
type membership struct {
	there      bool
	own        bool // it is staged in the generation itself
	incomplete string
	reading    bool // further pages follow
	arranged   bool
	in         layers // the layers that have its rows
}

// membershipOf returns how the layers store the members of the group.
func (l layers) membershipOf(q *session, group directory.GUID) (m membership, err error) {
	m = membership{incomplete: notReadToEnd, in: layers{top: l.top}}
	var generation int64
	var part bool
	m.there, err = q.one(`SELECT generation, incomplete, reading, arranged, part FROM source_membership WHERE group_id = (SELECT ?3) AND (generation = (SELECT ?1) OR generation = (SELECT ?2)
			AND NOT EXISTS (SELECT 1 FROM gone WHERE generation = ?1 AND side = 0 AND id = ?3))
		ORDER BY generation DESC LIMIT 1`, []any{l.top, l.base, group[:]}, &generation, &m.incomplete, &m.reading, &m.arranged, &part)
	m.own = m.there && generation == l.top
	if m.there && (part || !m.own) {
		m.in = l
	}
	return m, err
}

// stageMembership stores the membership, without its members, in the generation.
func (l layers) stageMembership(q *session, group directory.GUID, m *membership) error {
	_, err := q.exec("INSERT OR REPLACE INTO source_membership (group_id, generation, incomplete, reading, arranged, part) VALUES (?, ?, ?, ?, ?, ?)",
		group[:], l.top, m.incomplete, m.reading, m.arranged, m.in.base != 0)
	return err
}

// numbers returns the numbers of the members, ascending and without duplicates.
func (m *membership) numbers(q *session, group directory.GUID) (numbers []uint32, err error) {
	err = sourceChunks.each(q, m.in, group[:], func(keys []byte) error {
		numbers, err = unpackNumbers(numbers, keys)
		return err
	})
	if !m.arranged {
		numbers = sortedNumbers(numbers)
	}
	return numbers, err
}

// has reports whether the number is one of an arranged membership.
func (m *membership) has(q *session, group directory.GUID, number uint32) (bool, error) {
	key := packNumbers([]uint32{number})
	c, err := sourceChunks.chunkOf(q, m.in, group[:], key)
	if err != nil {
		return false, err
	}
	numbers, err := unpackNumbers(nil, c.members)
	_, found := slices.BinarySearch(numbers, number)
	return found, err
}

func sortedNumbers(numbers []uint32) []uint32 {
	slices.Sort(numbers)
	return slices.Compact(numbers)
}

// appendAsRead stores further members in the order in which they were read.
func (l layers) appendAsRead(q *session, group directory.GUID, numbers []uint32) error {
	var rows uint32
	if _, err := q.one("SELECT count(*) FROM source_membership_chunk WHERE group_id = ? AND generation = ?", []any{group[:], l.top}, &rows); err != nil {
		return err
	}
	for part := range slices.Chunk(numbers, rowKeys) {
		if _, err := q.exec(sourceChunks.insert, group[:], l.top, packNumbers([]uint32{rows}), packNumbers(part)); err != nil {
			return err
		}
		rows++
	}
	return nil
}

// memberNumbers returns the numbers of a group's members, ascending and without
// duplicates, and the reason why they are incomplete, if they are.
func memberNumbers(q *session, l layers, group directory.GUID) (numbers []uint32, incomplete string, err error) {
	m, err := l.membershipOf(q, group)
	if err != nil {
		return nil, "", err
	}
	numbers, err = m.numbers(q, group)
	return numbers, m.incomplete, err
}
