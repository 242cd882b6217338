package state

import (
	"context"
	"database/sql"
	"encoding/json"
	"slices"

	"groupwriteback/internal/directory"
	"groupwriteback/internal/engine"
)

// StageTargetGroups stores groups of AD with their whole membership; one staged
// twice is replaced.
func (s *State) StageTargetGroups(ctx context.Context, generation int64, groups []directory.TargetGroup) error {
	return s.write(ctx, "stage groups of Active Directory", func(q *session) error {
		s.staged.in(generation)
		for i := range groups {
			if err := s.stageTarget(q, generation, &groups[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *State) stageTarget(q *session, generation int64, g *directory.TargetGroup) error {
	members := make([]directory.GUID, 0, len(g.Members))
	for _, m := range g.Members {
		members = append(members, m.GUID)
		if err := s.staged.rememberObject(q, generation, m); err != nil {
			return err
		}
	}
	members = sortedSet(members)
	mark, ok := g.SourceID()
	if !ok {
		mark = directory.GUID{}
	}
	extension := ""
	if len(g.ExtensionName) > 0 {
		b, err := json.Marshal(g.ExtensionName)
		if err != nil {
			return err
		}
		extension = string(b)
	}
	_, err := q.exec(`INSERT OR REPLACE INTO target_group (guid, generation, source_id, mark_id, dn, cn, sam_account_name, sid, group_type,
			display_name, description, mail, admin_desc, external_id, extension_name, usn_changed, member_count)
		VALUES (?1, ?2, coalesce((SELECT source_id FROM link WHERE target_guid = ?1), ?3), ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)`,
		g.GUID[:], generation, mark[:], g.DN, g.CN, g.SAMAccountName, string(g.SID), g.GroupType,
		g.DisplayName, g.Description, g.Mail, g.AdminDesc, g.ExternalID, extension, g.USNChanged, len(members))
	if err != nil {
		return err
	}
	if _, err := q.exec("DELETE FROM target_membership_chunk WHERE guid = ? AND generation = ?", g.GUID[:], generation); err != nil {
		return err
	}
	position := 0
	for chunk := range slices.Chunk(members, chunkKeys) {
		if _, err := q.exec("INSERT INTO target_membership_chunk (guid, generation, position, members) VALUES (?, ?, ?, ?)",
			g.GUID[:], generation, position, packGUIDs(chunk)); err != nil {
			return err
		}
		position++
	}
	return nil
}

// targetColumns are what scanTarget reads, of target_group t and link l.
const targetColumns = `t.guid, t.source_id, l.target_guid IS NOT NULL, coalesce(l.adopted, 0), t.dn, t.cn, t.sam_account_name, t.sid, t.group_type,
	t.display_name, t.description, t.mail, t.admin_desc, t.external_id, t.extension_name, t.usn_changed, t.member_count`

// scanTarget reads targetColumns, after other columns.
func scanTarget(rows *sql.Rows, g *engine.StagedTarget, members *int, others ...any) error {
	var extension string
	err := rows.Scan(append(others, intoGUID(&g.GUID), intoGUID(&g.SourceID), &g.Linked, &g.Adopted, &g.DN, &g.CN, &g.SAMAccountName, &g.SID, &g.GroupType,
		&g.DisplayName, &g.Description, &g.Mail, &g.AdminDesc, &g.ExternalID, &extension, &g.USNChanged, members)...)
	if err != nil || extension == "" {
		return err
	}
	if err := json.Unmarshal([]byte(extension), &g.ExtensionName); err != nil {
		return damaged("the values of extensionName of %s: %v", g.GUID, err)
	}
	return nil
}

// TargetGroups lists by (SourceID, GUID); Members is left out.
func (s *State) TargetGroups(ctx context.Context, generation int64, after engine.TargetKey, limit int) (groups []engine.StagedTarget, err error) {
	err = s.read(ctx, "list the staged groups of Active Directory", func(q *session) error {
		return q.each("SELECT "+targetColumns+` FROM target_group t LEFT JOIN link l ON l.target_guid = t.guid
			WHERE t.generation = ? AND (t.source_id, t.guid) > (?, ?) ORDER BY t.source_id, t.guid LIMIT ?`,
			[]any{generation, after.SourceID[:], after.GUID[:], limit}, func(rows *sql.Rows) error {
				var g engine.StagedTarget
				var members int
				err := scanTarget(rows, &g, &members)
				groups = append(groups, g)
				return err
			})
	})
	return groups, err
}

// TargetMembership returns the staged members' objectGUIDs, ascending.
func (s *State) TargetMembership(ctx context.Context, generation int64, group directory.GUID) (members []directory.GUID, err error) {
	err = s.read(ctx, "read the staged members of a group of Active Directory", func(q *session) error {
		return q.each("SELECT members FROM target_membership_chunk WHERE guid = ? AND generation = ? ORDER BY position",
			[]any{group[:], generation}, func(rows *sql.Rows) error {
				var chunk sql.RawBytes
				if err := rows.Scan(&chunk); err != nil {
					return err
				}
				members, err = unpackGUIDs(members, chunk)
				return err
			})
	})
	return members, err
}
