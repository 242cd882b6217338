package state

import (
	"context"

	"groupwriteback/internal/directory"
)

// KnownMembers returns how those of the members join that are, or once were, members of
// some group.
func (g *Generation) KnownMembers(ctx context.Context, ids []directory.GUID) (known map[directory.GUID]directory.SourceMember, err error) {
	l := g.layers()
	known = map[directory.GUID]directory.SourceMember{}
	err = g.state.read(ctx, "check which members are known", func(q *session) error {
		for _, id := range ids {
			number, ok, err := numberOf(q, id)
			if err != nil {
				return err
			}
			if !ok {
				continue
			}
			join, ok, err := l.joinOf(q, number, id)
			if err != nil {
				return err
			}
			if ok {
				known[id] = join.member
			}
		}
		return nil
	})
	return known, err
}
