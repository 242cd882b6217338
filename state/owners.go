package state

import (
	"context"
	"database/sql"
	"slices"

	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// packOwners returns the column owners: nil for owners that were not read.
func packOwners(owners []directory.GUID) any {
	if owners == nil {
		return nil
	}
	packed := make([]byte, 0, 16*len(owners))
	for i := range owners {
		packed = append(packed, owners[i][:]...)
	}
	return packed
}

func unpackOwners(packed []byte) ([]directory.GUID, error) {
	if packed == nil {
		return nil, nil
	}
	if len(packed)%16 != 0 {
		return nil, damaged("the owners of a group have %d bytes", len(packed))
	}
	owners := make([]directory.GUID, 0, len(packed)/16)
	for id := range slices.Chunk(packed, 16) {
		owners = append(owners, directory.GUID(id))
	}
	return owners, nil
}

// StageOwners stages how owners join. As members, they are resolved once, and users'
// changes apply to them.
func (g *Generation) StageOwners(ctx context.Context, owners []directory.SourceMember) error {
	if len(owners) == 0 {
		return nil
	}
	return g.state.changeJoins(ctx, g.id, "stage the owners of cloud groups", func(q *session, l layers) error {
		for i := range owners {
			if _, err := g.state.stageMember(q, l, &owners[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// OwnedGroups lists the groups that have at least one of these owners, ascending. It reads
// the owners of every group.
func (g *Generation) OwnedGroups(ctx context.Context, owners []directory.GUID) (groups []directory.GUID, err error) {
	wanted := make(map[directory.GUID]bool, len(owners))
	for _, id := range owners {
		wanted[id] = true
	}
	l := g.layers()
	err = g.state.read(ctx, "list the groups of owners", func(q *session) error {
		return q.each("SELECT s.id, s.owners FROM source_group s WHERE length(s.owners) > 0 AND "+visibleSource+" ORDER BY s.id", []any{l.top, l.base}, func(rows *sql.Rows) error {
			var id directory.GUID
			var packed []byte
			if err := rows.Scan(intoGUID(&id), &packed); err != nil {
				return err
			}
			has, err := unpackOwners(packed)
			if slices.ContainsFunc(has, func(id directory.GUID) bool { return wanted[id] }) {
				groups = append(groups, id)
			}
			return err
		})
	})
	return groups, err
}

// Owners returns what the owners were resolved to. One that is not known is unresolved.
func (g *Generation) Owners(ctx context.Context, ids []directory.GUID) (owners []plan.Owner, err error) {
	l := g.layers()
	err = g.state.read(ctx, "read the owners of a cloud group", func(q *session) error {
		owners = make([]plan.Owner, len(ids))
		for i, id := range ids {
			o := &owners[i]
			o.ID, o.Reason = id, directory.ReasonUnresolved
			number, known, err := numberOf(q, id)
			if err == nil && known {
				err = g.state.joins.resolve(q, l, []uint32{number}, func(target directory.GUID, reason directory.Reason) {
					o.Object.GUID, o.Reason = target, reason
				})
			}
			if err == nil && o.Reason == directory.ReasonJoined {
				_, err = q.one("SELECT dn FROM target_object WHERE guid = ?", []any{o.Object.GUID[:]}, &o.Object.DN)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	return owners, err
}
