package state

import (
	"context"

	"groupwriteback/internal/directory"
)

// KnownMembers tells of whom of these the generation knows how they join: who is a
// member of some group, or was one.
func (s *State) KnownMembers(ctx context.Context, generation int64, ids []directory.GUID) (known map[directory.GUID]bool, err error) {
	l := s.layers(generation)
	known = map[directory.GUID]bool{}
	err = s.read(ctx, "look which members are known", func(q *session) error {
		for _, id := range ids {
			number, ok, err := numberOf(q, id)
			if err == nil && ok {
				_, ok, err = l.joinOf(q, number, id)
			}
			if err != nil {
				return err
			}
			if ok {
				known[id] = true
			}
		}
		return nil
	})
	return known, err
}
