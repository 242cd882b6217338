package state

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"encoding/binary"
	"math"
	"slices"

	"groupwriteback/internal/directory"
)

// indexChunks holds the index, which tells which groups have a member. It is a set of
// pairs of the member's number and the group's number, stored in chunks like a
// membership. The index describes the current generation; the watermark says under
// which generation it is stored, 0 if there is no index. A commit applies the
// difference between the old and the new current generation. If that is large, a full
// import builds the index again, and after a delta run it is missing until the next
// full import; meanwhile, lookups read all memberships.
var indexChunks = newChunkTable("member_group_chunk", "only", pairSize)

// only is the owner of all rows of the index.
var only = []byte{}

// The largest number of pairs in memory: of a difference, and of a portion of an index
// that is being built.
var (
	maxDifference = 100_000
	indexPortion  = 2 << 20
)

// pair is a member that a group gained or, if removed is set, lost.
type pair struct {
	group   directory.GUID
	number  uint32
	removed bool
}

func pairKey(member, group uint32) uint64 { return uint64(member)<<32 | uint64(group) }

func packPairs(pairs []uint64) []byte {
	slices.Sort(pairs)
	pairs = slices.Compact(pairs)
	b := make([]byte, 0, pairSize*len(pairs))
	for _, p := range pairs {
		b = binary.BigEndian.AppendUint64(b, p)
	}
	return b
}

// indexChange says how a commit changes the index.
type indexChange struct {
	generation int64 // under which the index is stored after the commit
	pairs      []pair
}

// changeIndex finds out how a commit of the generation changes the index, and builds a
// new index if that is cheaper.
func (g *Generation) changeIndex(ctx context.Context) (c indexChange, err error) {
	l := g.layers()
	var few bool
	err = g.state.snapshot(ctx, "compare the memberships with the current generation", func(q *session) error {
		var current int64
		if _, err := q.one("SELECT generation, indexed FROM watermark", nil, &current, &c.generation); err != nil || c.generation == 0 {
			return err
		}
		few, err = g.difference(q, l, current, &c)
		return err
	})
	if err != nil || few {
		return c, err
	}
	c = indexChange{}
	if l.base == 0 {
		c.generation = g.id
		err = g.state.buildIndex(ctx, g.id)
	}
	return c, err
}

// The queries for groups whose members may differ from the current generation. For an
// overlay these are all groups that it has; otherwise, those with a row that differs.
const (
	overlaid = `SELECT group_id FROM source_membership WHERE generation = ?1
		UNION SELECT id FROM gone WHERE generation = ?1 AND side = 0 AND ?2 > 0 LIMIT ?3`
	rowsDiffer = `SELECT c.group_id FROM source_membership_chunk c
			LEFT JOIN source_membership_chunk o ON o.generation = ?2 AND o.group_id = c.group_id AND o.first = c.first
			WHERE c.generation = ?1 AND c.members IS NOT o.members
		UNION SELECT c.group_id FROM source_membership_chunk c WHERE c.generation = ?2
			AND NOT EXISTS (SELECT 1 FROM source_membership_chunk o WHERE o.generation = ?1 AND o.group_id = c.group_id AND o.first = c.first) LIMIT ?3`
)

// difference adds the pairs by which the generation differs from the current one; few
// is false if there are too many.
func (g *Generation) difference(q *session, l layers, current int64, c *indexChange) (few bool, err error) {
	query := rowsDiffer
	if l.base != 0 {
		query = overlaid
	}
	groups, err := listGUIDs(q, query, l.top, current, maxDifference+1)
	if err != nil || len(groups) > maxDifference {
		return false, err
	}
	for _, group := range groups {
		before, _, err := memberNumbers(q, layers{top: current}, group)
		if err != nil {
			return false, err
		}
		now, _, err := memberNumbers(q, l, group)
		if err != nil {
			return false, err
		}
		compareNumbers(before, now, func(n uint32, removed bool) { c.pairs = append(c.pairs, pair{group, n, removed}) })
		if len(c.pairs) > maxDifference {
			return false, nil
		}
	}
	return true, nil
}

// compareNumbers calls differs for each number that is in only one of two ascending
// lists.
func compareNumbers(before, now []uint32, differs func(n uint32, removed bool)) {
	for len(before)+len(now) > 0 {
		switch {
		case len(now) == 0 || len(before) > 0 && before[0] < now[0]:
			differs(before[0], true)
			before = before[1:]
		case len(before) == 0 || now[0] < before[0]:
			differs(now[0], false)
			now = now[1:]
		default:
			before, now = before[1:], now[1:]
		}
	}
}

// apply applies the difference to the index.
func (c *indexChange) apply(q *session) error {
	var add, remove []uint64
	var group uint32
	for i := range c.pairs {
		p := &c.pairs[i]
		if i == 0 || c.pairs[i-1].group != p.group {
			number, known, err := numberOf(q, p.group)
			if err == nil && !known {
				number, err = giveNumber(q, p.group)
			}
			if err != nil {
				return err
			}
			group = number
		}
		if p.removed {
			remove = append(remove, pairKey(p.number, group))
		} else {
			add = append(add, pairKey(p.number, group))
		}
	}
	_, _, err := indexChunks.change(q, layers{top: c.generation}, only, packPairs(add), packPairs(remove))
	return err
}

// buildIndex builds the index of a generation that is not current yet, one range of
// members after another.
func (s *State) buildIndex(ctx context.Context, generation int64) error {
	const block = 1024
	var counts []int // how many memberships each block of successive members has
	err := s.write(ctx, "number the groups", func(q *session) error {
		if _, err := q.exec(indexChunks.drop, only, generation); err != nil {
			return err
		}
		if _, err := q.exec("INSERT OR IGNORE INTO member (id) SELECT group_id FROM source_membership WHERE generation = ?", generation); err != nil {
			return err
		}
		return eachPair(q, generation, func(member, _ uint32) {
			for int(member/block) >= len(counts) {
				counts = append(counts, make([]int, len(counts)+1)...)
			}
			counts[member/block]++
		})
	})
	stored := false
	for from := 0; from < len(counts) && err == nil; {
		to, size := from, 0
		for to < len(counts) && (to == from || size+counts[to] <= indexPortion) {
			size += counts[to]
			to++
		}
		first, last := uint32(from*block), uint32(to*block-1)
		from = to
		if size == 0 {
			continue
		}
		err = s.write(ctx, "index the members of groups", func(q *session) error {
			pairs := make([]uint64, 0, size)
			err := eachPair(q, generation, func(member, group uint32) {
				if first <= member && member <= last {
					pairs = append(pairs, pairKey(member, group))
				}
			})
			if err != nil {
				return err
			}
			slices.Sort(pairs)
			for part := range slices.Chunk(slices.Compact(pairs), indexChunks.most) {
				keys, begin := packPairs(part), []byte{}
				if stored {
					begin = keys[:pairSize]
				}
				stored = true
				if _, err := q.exec(indexChunks.insert, only, generation, begin, keys); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return err
}

// eachPair calls f for each pair of member and group in a generation that is not an
// overlay.
func eachPair(q *session, generation int64, f func(member, group uint32)) error {
	return q.each("SELECT m.number, c.members FROM source_membership_chunk c CROSS JOIN member m ON m.id = c.group_id WHERE c.generation = ?", []any{generation}, func(rows *sql.Rows) error {
		var number int64
		var keys sql.RawBytes
		if err := rows.Scan(&number, &keys); err != nil {
			return err
		}
		group, err := memberNumber(number)
		if err != nil || len(keys)%numberSize != 0 {
			return cmp.Or(err, damaged("a row of member numbers has %d bytes", len(keys)))
		}
		for ; len(keys) > 0; keys = keys[numberSize:] {
			f(binary.BigEndian.Uint32(keys), group)
		}
		return nil
	})
}

// removeIndexes removes every index that is stored under another generation than the
// one in the watermark.
func (s *State) removeIndexes(ctx context.Context) error {
	for n := int64(removalPortion); n == removalPortion; {
		err := s.write(ctx, "remove an old index", func(q *session) (err error) {
			n, err = q.changed(`DELETE FROM member_group_chunk WHERE rowid IN (SELECT rowid FROM member_group_chunk
				WHERE generation < coalesce((SELECT indexed FROM watermark), 0) OR generation > coalesce((SELECT indexed FROM watermark), 0) LIMIT ?)`, removalPortion)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// groupsOf returns the numbers of the groups that have the member, from the index.
func groupsOf(q *session, index int64, member uint32) (groups []uint32, err error) {
	from, to := packPairs([]uint64{pairKey(member, 0)}), packPairs([]uint64{pairKey(member, math.MaxUint32)})
	for {
		c, err := indexChunks.chunkOf(q, layers{top: index}, only, from)
		if err != nil {
			return nil, err
		}
		if len(c.members)%pairSize != 0 {
			return nil, damaged("a row of the index has %d bytes", len(c.members))
		}
		for keys := c.members; len(keys) > 0; keys = keys[pairSize:] {
			if binary.BigEndian.Uint32(keys) == member {
				groups = append(groups, binary.BigEndian.Uint32(keys[numberSize:]))
			}
		}
		if bytes.Compare(c.next, to) > 0 {
			return groups, nil
		}
		from = c.next
	}
}
