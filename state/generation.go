package state

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/maphash"

	"groupwriteback/internal/directory"
	"groupwriteback/internal/engine"
)

// Commit makes the generation current and stores how far the target was read,
// in one small transaction; then it removes what older runs staged. When the
// removal fails, the generation is current all the same, and the next Commit
// removes what is left.
func (s *State) Commit(ctx context.Context, generation int64, watermark engine.Watermark) error {
	err := s.write(ctx, "make what was imported current", func(q *session) error {
		n, err := q.changed("UPDATE run SET committed = 1 WHERE id = ?", generation)
		if err != nil {
			return err
		}
		if n == 0 {
			return runNotFound(generation)
		}
		_, err = q.exec(`INSERT OR REPLACE INTO watermark (only, generation, server, ds_service_name, invocation_id, highest_usn)
			VALUES (1, ?, ?, ?, ?, ?)`,
			generation, watermark.Server, watermark.DSServiceName, watermark.InvocationID[:], watermark.HighestUSN)
		return err
	})
	if err != nil {
		return err
	}
	if err := s.removeStaged(ctx, "generation < ?", generation); err != nil {
		return err
	}
	return s.removePortions(ctx, "member", "number", "NOT EXISTS (SELECT 1 FROM member_join j WHERE j.number = member.number)")
}

// Discard removes what the generation staged. The current one is refused.
func (s *State) Discard(ctx context.Context, generation int64) error {
	current, err := s.Current(ctx)
	if err != nil {
		return err
	}
	if generation == current {
		return s.translate("discard what was imported", fmt.Errorf("generation %d is the current one", generation))
	}
	return s.removeStaged(ctx, "generation = ?", generation)
}

// Current returns the committed generation, 0 for none.
func (s *State) Current(ctx context.Context) (generation int64, err error) {
	err = s.read(ctx, "read which generation is current", func(q *session) error {
		generation, err = currentGeneration(q)
		return err
	})
	return generation, err
}

func currentGeneration(q *session) (generation int64, err error) {
	_, err = q.one("SELECT generation FROM watermark", nil, &generation)
	return generation, err
}

// Watermark returns how far the target was read for the current generation.
func (s *State) Watermark(ctx context.Context) (w engine.Watermark, err error) {
	err = s.read(ctx, "read the watermark", func(q *session) error {
		_, err := q.one("SELECT server, ds_service_name, invocation_id, highest_usn FROM watermark", nil,
			&w.Server, &w.DSServiceName, intoGUID(&w.InvocationID), &w.HighestUSN)
		return err
	})
	return w, err
}

// removalPortion is how many rows one transaction of a removal looks at: some
// milliseconds, so that other writers get their turn and the log stays small.
const removalPortion = 5000

// staged are the tables that hold what runs stage, with the leading column of
// their keys. Those that refer come before what they refer to.
var stagedTables = []struct{ table, key string }{
	{"source_membership_chunk", "group_id"},
	{"source_membership", "group_id"},
	{"source_group", "id"},
	{"target_membership_chunk", "guid"},
	{"target_group", "guid"},
	{"member_join", "number"},
}

// removeStaged removes the rows of all staged tables that meet the condition.
func (s *State) removeStaged(ctx context.Context, condition string, args ...any) error {
	for _, t := range stagedTables {
		if err := s.removePortions(ctx, t.table, t.key, condition, args...); err != nil {
			return err
		}
	}
	s.writing.Lock()
	s.staged.forget()
	s.writing.Unlock()
	s.joins.forgetAll()
	return nil
}

// removePortions removes the rows of one table that meet the condition, walking
// along its key. The names are constants of this package.
func (s *State) removePortions(ctx context.Context, table, key, condition string, args ...any) error {
	var after any = []byte{}
	if key == "number" {
		after = -1
	}
	for after != nil {
		err := s.write(ctx, "remove what is no longer needed from "+table, func(q *session) error {
			var upTo any
			if _, err := q.one(fmt.Sprintf("SELECT %[2]s FROM %[1]s WHERE %[2]s > ? ORDER BY %[2]s LIMIT 1 OFFSET ?", table, key),
				[]any{after, removalPortion}, &upTo); err != nil {
				return err
			}
			bounds, given := fmt.Sprintf("%s > ?", key), []any{after}
			if upTo != nil {
				bounds, given = bounds+fmt.Sprintf(" AND %s <= ?", key), append(given, upTo)
			}
			after = upTo
			_, err := q.exec(fmt.Sprintf("DELETE FROM %s WHERE %s AND %s", table, bounds, condition), append(given, args...)...)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// stagedCache remembers what the writer has stored in the generation that is
// being staged, so that a user who is in fifty groups is written once. It is
// guarded by State.writing, bounded, and may be forgotten at any time.
type stagedCache struct {
	generation int64
	members    map[directory.GUID]stagedMember
	objects    map[directory.GUID]uint64 // hash of the name
	seed       maphash.Seed
}

type stagedMember struct {
	number   uint32
	readable bool
}

// maxStagedCache bounds each map to some 20 MB.
const maxStagedCache = 1 << 19

func (c *stagedCache) forget() { *c = stagedCache{} }

// in prepares the cache for a generation.
func (c *stagedCache) in(generation int64) {
	if c.generation != generation || c.members == nil {
		*c = stagedCache{
			generation: generation,
			members:    map[directory.GUID]stagedMember{},
			objects:    map[directory.GUID]uint64{},
			seed:       maphash.MakeSeed(),
		}
	}
	if len(c.members) >= maxStagedCache {
		clear(c.members)
	}
	if len(c.objects) >= maxStagedCache {
		clear(c.objects)
	}
}

// rememberObject stores the last known name of an object of AD.
func (c *stagedCache) rememberObject(q *session, generation int64, ref directory.MemberRef) error {
	if ref.DN == "" || ref.GUID.IsZero() {
		return nil
	}
	hash := maphash.String(c.seed, ref.DN)
	if known, ok := c.objects[ref.GUID]; ok && known == hash {
		return nil
	}
	c.objects[ref.GUID] = hash
	_, err := q.exec(`INSERT INTO target_object (guid, generation, dn) VALUES (?, ?, ?)
		ON CONFLICT DO UPDATE SET generation = excluded.generation, dn = excluded.dn
		WHERE generation <> excluded.generation OR dn <> excluded.dn`, ref.GUID[:], generation, ref.DN)
	return err
}

// jsonText is for values that cannot fail to marshal: lists of numbers.
func jsonText(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}
