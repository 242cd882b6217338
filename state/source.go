package state

import (
	"context"
	"database/sql"

	"groupwriteback/internal/directory"
)

// StageSourceGroups stores groups of the tenant. It replaces a group that is already
// staged.
func (g *Generation) StageSourceGroups(ctx context.Context, groups []directory.SourceGroup) error {
	l := g.layers()
	return g.state.write(ctx, "stage cloud groups", func(q *session) error {
		for i := range groups {
			g := &groups[i]
			var enabled any
			if g.WritebackEnabled != nil {
				enabled = *g.WritebackEnabled
			}
			_, err := q.exec(`INSERT OR REPLACE INTO source_group (id, generation, kind, properties, visibility, on_premises_sid,
					writeback_enabled, on_premises_type, owners)
				VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
				g.ID[:], l.top, string(g.Kind), valuesText(g.Properties), g.Visibility, string(g.OnPremisesSID), enabled, g.OnPremisesGroupType, packOwners(g.Owners))
			if err != nil {
				return err
			}
			if err := l.back(q, sourceSide, &g.ID); err != nil {
				return err
			}
		}
		return nil
	})
}

// sourceColumns are the columns of source_group s that scanSource reads.
const sourceColumns = "s.id, s.kind, s.properties, s.visibility, s.on_premises_sid, s.writeback_enabled, s.on_premises_type, s.owners"

func scanSource(rows *sql.Rows) (g directory.SourceGroup, err error) {
	var owners []byte
	err = rows.Scan(intoGUID(&g.ID), &g.Kind, intoValues(&g.Properties), &g.Visibility, &g.OnPremisesSID, &g.WritebackEnabled, &g.OnPremisesGroupType, &owners)
	if err == nil {
		g.Owners, err = unpackOwners(owners)
	}
	return g, err
}

// SourceGroup returns one group; ok is false if the generation does not have it.
func (g *Generation) SourceGroup(ctx context.Context, id directory.GUID) (group directory.SourceGroup, ok bool, err error) {
	l := g.layers()
	err = g.state.read(ctx, "read a cloud group", func(q *session) error {
		return q.each("SELECT "+sourceColumns+" FROM source_group s WHERE s.id = (SELECT ?3) AND "+visibleSource, []any{l.top, l.base, id[:]}, func(rows *sql.Rows) error {
			group, err = scanSource(rows)
			ok = true
			return err
		})
	})
	return group, ok, err
}

// SourceGroups lists the groups of the generation by id.
func (g *Generation) SourceGroups(ctx context.Context, after directory.GUID, limit int) (groups []directory.SourceGroup, err error) {
	l := g.layers()
	err = g.state.read(ctx, "list the staged cloud groups", func(q *session) error {
		return q.each("SELECT "+sourceColumns+" FROM source_group s WHERE s.id > ?3 AND "+visibleSource+" ORDER BY s.id LIMIT ?4",
			[]any{l.top, l.base, after[:], limit}, func(rows *sql.Rows) error {
				g, err := scanSource(rows)
				groups = append(groups, g)
				return err
			})
	})
	return groups, err
}

// CountSourceGroups counts the groups of the generation.
func (g *Generation) CountSourceGroups(ctx context.Context) (n int, err error) {
	l := g.layers()
	return g.state.count(ctx, "count the cloud groups", `SELECT
		(SELECT count(*) FROM source_group WHERE generation = ?1) + (SELECT count(*) FROM source_group WHERE generation = ?2)
		- (SELECT count(*) FROM source_group o JOIN source_group b ON b.id = o.id AND b.generation = ?2 WHERE o.generation = ?1)
		- (SELECT count(*) FROM gone o JOIN source_group b ON b.id = o.id AND b.generation = ?2 WHERE o.generation = ?1 AND o.side = 0)`, l.top, l.base)
}
