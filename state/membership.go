package state

import (
	"slices"

	"groupwriteback/internal/directory"
)

// A membership of the tenant is stored as small numbers, 4 bytes a member, and
// not by what the members are in AD: members are read before they are resolved,
// and a member that is resolved anew must not make the groups that it is in be
// written again. Turning the numbers into objectGUIDs goes through joinCache.
//
// The pages of a membership are stored as they come in, and arranged in chunks with
// the last of them.

// notReadToEnd is why a membership is incomplete when nothing else is known.
const notReadToEnd = "MembersNotRead"

// membership says how the members of a group of the tenant are stored.
type membership struct {
	there      bool
	own        bool // the generation itself has staged it
	incomplete string
	reading    bool // further pages belong to it
	arranged   bool
	in         layers // that have its rows
}

// membershipOf returns what the layers have of the group's members.
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

// stageMembership stores it for the generation.
func (l layers) stageMembership(q *session, group directory.GUID, m *membership) error {
	_, err := q.exec("INSERT OR REPLACE INTO source_membership (group_id, generation, incomplete, reading, arranged, part) VALUES (?, ?, ?, ?, ?, ?)",
		group[:], l.top, m.incomplete, m.reading, m.arranged, m.in.base != 0)
	return err
}

// numbers returns the numbers of the members, ascending and without repeats.
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

func sortedNumbers(numbers []uint32) []uint32 {
	slices.Sort(numbers)
	return slices.Compact(numbers)
}

// appendAsRead stores further members as they were read.
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
// repeats, and why they are not all.
func memberNumbers(q *session, l layers, group directory.GUID) (numbers []uint32, incomplete string, err error) {
	m, err := l.membershipOf(q, group)
	if err != nil {
		return nil, "", err
	}
	numbers, err = m.numbers(q, group)
	return numbers, m.incomplete, err
}
