package state

import (
	"context"
	"database/sql"

	"groupwriteback/internal/directory"
)

// MembersJoinedTo lists the members that are joined to one of these objects. It
// looks through all of them, for it is asked only when AD has refused values.
func (g *Generation) MembersJoinedTo(ctx context.Context, targets []directory.GUID) (members []directory.GUID, err error) {
	wanted := map[directory.GUID]bool{}
	for _, t := range targets {
		wanted[t] = true
	}
	l := g.layers()
	err = g.state.read(ctx, "find the members that stand for objects", func(q *session) error {
		return q.each(`SELECT m.id, j.target_guid FROM member_join j JOIN member m ON m.number = j.number
			WHERE (j.generation = ?1 OR j.generation = ?2 AND NOT EXISTS (SELECT 1 FROM member_join o WHERE o.number = j.number AND o.generation = ?1))
			AND j.target_guid IS NOT NULL`, []any{l.top, l.base}, func(rows *sql.Rows) error {
			var member, target directory.GUID
			err := rows.Scan(intoGUID(&member), intoGUID(&target))
			if wanted[target] {
				members = append(members, member)
			}
			return err
		})
	})
	return members, err
}
