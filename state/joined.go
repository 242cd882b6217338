package state

import (
	"context"

	"groupwriteback/internal/directory"
)

// MembersJoinedTo lists the members that are joined to any of these objects.
func (g *Generation) MembersJoinedTo(ctx context.Context, targets []directory.GUID) (members []directory.GUID, err error) {
	l := g.layers()
	err = g.state.read(ctx, "find the members that resolve to objects", func(q *session) error {
		for i := range targets {
			found, err := listGUIDs(q, `SELECT m.id FROM member_join j CROSS JOIN member m ON m.number = j.number WHERE j.target_guid = ?3
				AND (j.generation = ?1 OR j.generation = ?2 AND NOT EXISTS (SELECT 1 FROM member_join o WHERE o.number = j.number AND o.generation = ?1))`,
				l.top, l.base, targets[i][:])
			if err != nil {
				return err
			}
			members = append(members, found...)
		}
		return nil
	})
	return members, err
}
