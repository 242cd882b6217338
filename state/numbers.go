package state

import (
	"encoding/binary"
	"math"

	"groupwriteback/internal/directory"
)

// numberOf returns the number of a member; known is false if it has none yet.
func numberOf(q *session, id directory.GUID) (number uint32, known bool, err error) {
	var n int64
	known, err = q.one("SELECT number FROM member WHERE id = ?", []any{id[:]}, &n)
	if err != nil || !known {
		return 0, false, err
	}
	number, err = memberNumber(n)
	return number, true, err
}

// giveNumber gives a new member a number and returns it.
func giveNumber(q *session, id directory.GUID) (uint32, error) {
	r, err := q.exec("INSERT INTO member (id) VALUES (?)", id[:])
	if err != nil {
		return 0, err
	}
	n, err := r.LastInsertId()
	if err != nil {
		return 0, err
	}
	return memberNumber(n)
}

func memberNumber(n int64) (uint32, error) {
	if n <= 0 || n > math.MaxUint32 {
		return 0, damaged("a member has the number %d", n)
	}
	return uint32(n), nil
}

// bitset is a set of member numbers, with one bit for each.
type bitset []uint64

// numberSet returns the numbers of the members that have one. It is nil if none of
// them has.
func numberSet(q *session, members []directory.GUID) (set bitset, err error) {
	for i := range members {
		n, known, err := numberOf(q, members[i])
		if err != nil {
			return nil, err
		}
		if !known {
			continue
		}
		if set == nil {
			var greatest int64
			if _, err := q.one("SELECT max(number) FROM member", nil, &greatest); err != nil {
				return nil, err
			}
			if _, err := memberNumber(greatest); err != nil {
				return nil, err
			}
			set = make(bitset, greatest/64+1)
		}
		set[n/64] |= 1 << (n % 64)
	}
	return set, nil
}

// any reports whether one of the packed numbers is in the set.
func (s bitset) any(packed []byte) bool {
	for ; len(packed) >= numberSize; packed = packed[numberSize:] {
		if s.has(binary.BigEndian.Uint32(packed)) {
			return true
		}
	}
	return false
}

func (s bitset) has(n uint32) bool { return int(n/64) < len(s) && s[n/64]&(1<<(n%64)) != 0 }
