package state

import (
	"bytes"
	"database/sql"
	"slices"
)

// chunkTable is a table of memberships. A membership is a set of keys of one size,
// stored in chunks: rows of ascending keys, packed one after another. A chunk holds
// the keys from its first up to, but not including, the first of the next chunk. The
// first of the first chunk is empty, which is less than any key. A change of some
// keys rewrites only the chunks that they belong to. A chunk that grows too large is
// split, and one that becomes small is joined to the chunk before it.
//
// A chunk of an overlay replaces the chunk with the same first in the generation
// below. If it is empty, it only hides that chunk: the keys in its range belong to
// the chunk before it.
type chunkTable struct {
	name string
	size int // of a key
	most int // number of keys in a chunk, at most

	insert, drop, remove, list, listBoth, find, findBelow, next, nextBelow string
}

// chunkBytes is the largest number of bytes of keys in a chunk. That many fit in one
// page of the database, and a page is what a change of one key writes.
const chunkBytes = 3840

// sourceChunks holds the members of groups of the tenant, as numbers, and
// targetChunks those of groups of Active Directory, as objectGUIDs.
var (
	sourceChunks = newChunkTable("source_membership_chunk", "group_id", numberSize)
	targetChunks = newChunkTable("target_membership_chunk", "guid", guidSize)
)

func newChunkTable(name, owner string, size int) *chunkTable {
	// ?1 is the owner, ?2 a generation, and ?3 the overlay on it or a key.
	of := " FROM " + name + " c WHERE c." + owner + " = (SELECT ?1) AND c.generation = (SELECT ?2) "
	seen := func(overlay string) string {
		return "AND NOT EXISTS (SELECT 1 FROM " + name + " o WHERE o." + owner + " = c." + owner + " AND o.generation = " + overlay + " AND o.first = c.first) "
	}
	// The queries of the generation below stop at the overlay's own chunk, ?4.
	// Otherwise they would skip all the chunks that the overlay replaces one by one.
	return &chunkTable{
		name: name, size: size, most: chunkBytes / size,
		insert:    "INSERT INTO " + name + " (" + owner + ", generation, first, members) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET members = excluded.members",
		drop:      "DELETE FROM " + name + " WHERE " + owner + " = ? AND generation = ?",
		remove:    "DELETE FROM " + name + " WHERE " + owner + " = ? AND generation = ? AND first = ?",
		list:      "SELECT c.first, c.members" + of + "ORDER BY c.first",
		listBoth:  "SELECT c.first, c.members" + of + seen("(SELECT ?3)") + "UNION ALL SELECT o.first, o.members FROM " + name + " o WHERE o." + owner + " = ?1 AND o.generation = ?3 ORDER BY 1",
		find:      "SELECT c.first, c.members" + of + "AND c.first <= (SELECT ?3) AND length(c.members) > 0 ORDER BY c.first DESC LIMIT 1",
		findBelow: "SELECT c.first, c.members" + of + "AND c.first <= (SELECT ?3) AND c.first >= (SELECT ?4) " + seen("(SELECT ?5)") + "ORDER BY c.first DESC LIMIT 1",
		next:      "SELECT c.first" + of + "AND c.first > (SELECT ?3) AND length(c.members) > 0 ORDER BY c.first LIMIT 1",
		nextBelow: "SELECT c.first" + of + "AND c.first > (SELECT ?3) AND c.first < (SELECT ?4) " + seen("(SELECT ?5)") + "ORDER BY c.first LIMIT 1",
	}
}

// chunk is one chunk. Its next is the first of the next chunk or, if there is none, a
// value greater than any key.
type chunk struct{ first, members, next []byte }

// chunkOf returns the chunk that the key belongs to. It may not be stored yet.
func (t *chunkTable) chunkOf(q *session, in layers, owner, key []byte) (chunk, error) {
	c := chunk{first: []byte{}, next: bytes.Repeat([]byte{0xff}, t.size+1)}
	if _, err := q.one(t.find, []any{owner, in.top, key}, &c.first, &c.members); err != nil {
		return c, err
	}
	if _, err := q.one(t.next, []any{owner, in.top, key}, &c.next); err != nil || in.base == 0 {
		return c, err
	}
	if _, err := q.one(t.findBelow, []any{owner, in.base, key, c.first, in.top}, &c.first, &c.members); err != nil {
		return c, err
	}
	_, err := q.one(t.nextBelow, []any{owner, in.base, key, c.next, in.top}, &c.next)
	return c, err
}

// each calls f with the keys of every chunk, ascending. They are valid until f returns.
func (t *chunkTable) each(q *session, in layers, owner []byte, f func(keys []byte) error) error {
	query, args := t.list, []any{owner, in.top}
	if in.base != 0 {
		query, args = t.listBoth, []any{owner, in.base, in.top}
	}
	return q.each(query, args, func(rows *sql.Rows) error {
		var first, keys sql.RawBytes
		if err := rows.Scan(&first, &keys); err != nil {
			return err
		}
		if len(keys)%t.size != 0 {
			return damaged("a row of %s has %d bytes", t.name, len(keys))
		}
		return f(keys)
	})
}

// replace replaces all keys that the owner has in the generation by the given ones,
// which are ascending.
func (t *chunkTable) replace(q *session, generation int64, owner, keys []byte) error {
	if _, err := q.exec(t.drop, owner, generation); err != nil {
		return err
	}
	return t.store(q, generation, owner, []byte{}, keys, t.most)
}

// store writes the keys, which are ascending, in rows of at most most keys.
func (t *chunkTable) store(q *session, generation int64, owner, first, keys []byte, most int) error {
	for at := 0; at < len(keys); at += most * t.size {
		if at > 0 {
			first = keys[at : at+t.size]
		}
		if _, err := q.exec(t.insert, owner, generation, first, keys[at:min(at+most*t.size, len(keys))]); err != nil {
			return err
		}
	}
	return nil
}

// change adds keys and removes others, both ascending. It returns how many of the keys
// it really added, since they were not there, and how many it really removed.
func (t *chunkTable) change(q *session, in layers, owner, add, remove []byte) (added, removed int, err error) {
	for len(add)+len(remove) > 0 {
		least := add
		if len(add) == 0 || len(remove) > 0 && bytes.Compare(remove[:t.size], add[:t.size]) < 0 {
			least = remove
		}
		c, err := t.chunkOf(q, in, owner, least[:t.size])
		if err != nil {
			return 0, 0, err
		}
		if len(c.members)%t.size != 0 {
			return 0, 0, damaged("a row of %s has %d bytes", t.name, len(c.members))
		}
		adding, removing := t.before(add, c.next), t.before(remove, c.next)
		keys, plus, minus := t.merge(c.members, add[:adding], remove[:removing])
		add, remove = add[adding:], remove[removing:]
		if plus+minus == 0 {
			continue
		}
		added, removed = added+plus, removed+minus
		if err := t.rewrite(q, in, owner, c.first, keys); err != nil {
			return 0, 0, err
		}
	}
	return added, removed, nil
}

// before returns the length, in bytes, of the keys that are less than the bound.
func (t *chunkTable) before(keys, bound []byte) int {
	n := 0
	for n < len(keys) && bytes.Compare(keys[n:n+t.size], bound) < 0 {
		n += t.size
	}
	return n
}

// merge returns the keys with those of add and without those of remove, and how many
// it really added and removed.
func (t *chunkTable) merge(keys, add, remove []byte) (merged []byte, added, removed int) {
	merged = make([]byte, 0, len(keys)+len(add))
	for len(keys)+len(add) > 0 {
		order := 0
		switch {
		case len(keys) == 0:
			order = 1
		case len(add) == 0:
			order = -1
		default:
			order = bytes.Compare(keys[:t.size], add[:t.size])
		}
		if order > 0 {
			merged, add = append(merged, add[:t.size]...), add[t.size:]
			added++
			continue
		}
		if order == 0 {
			add = add[t.size:]
		}
		key := keys[:t.size]
		keys = keys[t.size:]
		remove = remove[t.before(remove, key):]
		if bytes.HasPrefix(remove, key) {
			removed++
			continue
		}
		merged = append(merged, key...)
	}
	return merged, added, removed
}

// rewrite stores the new keys of a chunk. It splits the chunk if it is too large and
// joins it to the one before if it is small.
func (t *chunkTable) rewrite(q *session, in layers, owner, first, keys []byte) error {
	most := t.most
	switch n := len(keys) / t.size; {
	case n == 0:
		return t.hide(q, in, owner, first)
	case n > most: // split in equal parts that have room for more
		parts := (n-1)/(most*3/4) + 1
		most = (n-1)/parts + 1
	case n <= most/4 && len(first) > 0:
		c, err := t.chunkOf(q, in, owner, t.less(first))
		if err != nil {
			return err
		}
		if len(c.members)+len(keys) <= most*3/4*t.size {
			if err := t.hide(q, in, owner, first); err != nil {
				return err
			}
			first, keys = c.first, slices.Concat(c.members, keys)
		}
	}
	return t.store(q, in.top, owner, first, keys, most)
}

// hide removes a chunk; in an overlay, it stores an empty one, which hides the chunk
// below.
func (t *chunkTable) hide(q *session, in layers, owner, first []byte) error {
	if in.base == 0 {
		_, err := q.exec(t.remove, owner, in.top, first)
		return err
	}
	_, err := q.exec(t.insert, owner, in.top, first, []byte{})
	return err
}

// less returns the greatest key below the given one.
func (t *chunkTable) less(key []byte) []byte {
	k := slices.Clone(key)
	for i := len(k) - 1; i >= 0; i-- {
		k[i]--
		if k[i] != 0xff {
			return k
		}
	}
	return []byte{}
}
