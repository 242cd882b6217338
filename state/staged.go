package state

import (
	"hash/maphash"

	"groupwriteback/internal/directory"
)

// stagedCache remembers what the writer has stored in the generation that is being
// staged, so that a user in fifty groups is written once. It is guarded by
// State.writing. Its size is bounded, and it may be emptied at any time.
type stagedCache struct {
	generation int64
	members    recent[directory.GUID, stagedMember]
	objects    recent[directory.GUID, uint64] // hash of the name and the SID
	seed       maphash.Seed
}

type stagedMember struct {
	number   uint32
	readable bool
}

// maxStagedCache is the largest number of entries in each map. Half of it are kept for
// certain: 500,000 users with their accounts, in about 20 MB each.
const maxStagedCache = 1 << 20

func (c *stagedCache) forget() { *c = stagedCache{} }

// in prepares the cache for a generation.
func (c *stagedCache) in(generation int64) {
	if c.generation == generation {
		return
	}
	*c = stagedCache{
		generation: generation,
		members:    recent[directory.GUID, stagedMember]{most: maxStagedCache},
		objects:    recent[directory.GUID, uint64]{most: maxStagedCache},
		seed:       maphash.MakeSeed(),
	}
}

// rememberObject stores the last known name of an object of AD, and its SID. In an
// overlay, it writes nothing if both are unchanged.
func (c *stagedCache) rememberObject(q *session, l layers, ref directory.MemberRef) error {
	if ref.DN == "" || ref.GUID.IsZero() {
		return nil
	}
	hash := maphash.String(c.seed, ref.DN+"\x00"+string(ref.SID))
	if known, ok := c.objects.get(ref.GUID); ok && known == hash {
		return nil
	}
	c.objects.put(ref.GUID, hash)
	_, err := q.exec(`INSERT INTO target_object (guid, generation, dn, sid) VALUES (?1, ?2, ?3, ?5)
		ON CONFLICT DO UPDATE SET generation = excluded.generation, dn = excluded.dn, sid = iif(excluded.sid = '', sid, excluded.sid)
		WHERE generation < ?4 OR dn <> excluded.dn OR excluded.sid NOT IN ('', sid)`, ref.GUID[:], l.top, ref.DN, l.lowest(), string(ref.SID))
	return err
}
