package state

import (
	"context"
	"database/sql"

	"groupwriteback/internal/directory"
)

// StageSourceGroups stores groups of the tenant; one staged twice is replaced.
func (s *State) StageSourceGroups(ctx context.Context, generation int64, groups []directory.SourceGroup) error {
	return s.write(ctx, "stage groups of the tenant", func(q *session) error {
		for i := range groups {
			g := &groups[i]
			_, err := q.exec(`INSERT OR REPLACE INTO source_group (id, generation, display_name, description, mail, visibility, on_premises_sid)
				VALUES (?, ?, ?, ?, ?, ?, ?)`,
				g.ID[:], generation, g.DisplayName, g.Description, g.Mail, g.Visibility, string(g.OnPremisesSID))
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// SourceGroups lists by id.
func (s *State) SourceGroups(ctx context.Context, generation int64, after directory.GUID, limit int) (groups []directory.SourceGroup, err error) {
	err = s.read(ctx, "list the staged groups of the tenant", func(q *session) error {
		return q.each(`SELECT id, display_name, description, mail, visibility, on_premises_sid FROM source_group
			WHERE id > ? AND generation = ? ORDER BY id LIMIT ?`, []any{after[:], generation, limit}, func(rows *sql.Rows) error {
			var g directory.SourceGroup
			err := rows.Scan(intoGUID(&g.ID), &g.DisplayName, &g.Description, &g.Mail, &g.Visibility, &g.OnPremisesSID)
			groups = append(groups, g)
			return err
		})
	})
	return groups, err
}
