package state

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"slices"
	"time"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// StageTargetGroups stores groups of AD with their whole membership; one staged
// twice is replaced.
func (g *Generation) StageTargetGroups(ctx context.Context, groups []directory.TargetGroup) error {
	l := g.layers()
	return g.state.write(ctx, "stage groups of Active Directory", func(q *session) error {
		g.state.staged.in(l.top)
		for i := range groups {
			group := &groups[i]
			members := make([]directory.GUID, 0, len(group.Members))
			for _, m := range group.Members {
				members = append(members, m.GUID)
				if err := g.state.staged.rememberObject(q, l, m); err != nil {
					return err
				}
			}
			if err := l.stageTarget(q, group, sortedSet(members)); err != nil {
				return err
			}
		}
		return nil
	})
}

// StageTargetWritten stages a group of AD as it is after a write: the header,
// and the membership that the generation has with the changes applied.
func (g *Generation) StageTargetWritten(ctx context.Context, header directory.TargetGroup, added, removed []directory.MemberRef) error {
	l := g.layers()
	return g.state.write(ctx, "stage a group of Active Directory that was written", func(q *session) error {
		g.state.staged.in(l.top)
		members, err := l.targetMembership(q, header.GUID)
		if err != nil {
			return err
		}
		without := make([]directory.GUID, 0, len(removed))
		for _, m := range removed {
			without = append(without, m.GUID)
		}
		without = sortedSet(without)
		members = slices.DeleteFunc(members, func(g directory.GUID) bool {
			_, gone := slices.BinarySearchFunc(without, g, directory.GUID.Compare)
			return gone
		})
		for _, m := range added {
			members = append(members, m.GUID)
			if err := g.state.staged.rememberObject(q, l, m); err != nil {
				return err
			}
		}
		return l.stageTarget(q, &header, sortedSet(members))
	})
}

// stageTarget takes the members ascending and without repeats.
func (l layers) stageTarget(q *session, g *directory.TargetGroup, members []directory.GUID) error {
	mark, ok := g.SourceID()
	if !ok {
		mark = directory.GUID{}
	}
	extension, changed := "", ""
	if len(g.ExtensionName) > 0 {
		b, err := json.Marshal(g.ExtensionName)
		if err != nil {
			return err
		}
		extension = string(b)
	}
	if !g.WhenChanged.IsZero() {
		changed = g.WhenChanged.UTC().Format(time.RFC3339)
	}
	_, err := q.exec(`INSERT OR REPLACE INTO target_group (guid, generation, source_id, mark_id, dn, cn, sam_account_name, sid, group_type,
			attributes, admin_desc, external_id, extension_name, usn_changed, member_count, when_changed, critical, admin_count)
		VALUES (?1, ?2, coalesce((SELECT source_id FROM link WHERE target_guid = ?1), nullif(?3, zeroblob(16)),
			(SELECT source_id FROM former_link WHERE target_guid = ?1), ?3), ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)`,
		g.GUID[:], l.top, mark[:], g.DN, g.CN, g.SAMAccountName, string(g.SID), g.GroupType,
		valuesText(g.Attributes), g.AdminDesc, g.ExternalID, extension, g.USNChanged, len(members), changed, g.Critical, g.AdminCount)
	if err != nil {
		return err
	}
	if err := l.back(q, targetSide, &g.GUID); err != nil {
		return err
	}
	if _, err := q.exec("DELETE FROM target_membership_chunk WHERE guid = ? AND generation = ?", g.GUID[:], l.top); err != nil {
		return err
	}
	position := 0
	for chunk := range slices.Chunk(members, chunkKeys) {
		if _, err := q.exec("INSERT INTO target_membership_chunk (guid, generation, position, members) VALUES (?, ?, ?, ?)",
			g.GUID[:], l.top, position, packGUIDs(chunk)); err != nil {
			return err
		}
		position++
	}
	return nil
}

// targetColumns are what scanTarget reads, of target_group t and link l.
const targetColumns = `t.guid, t.source_id, l.target_guid IS NOT NULL, coalesce(l.adopted, 0),
	EXISTS (SELECT 1 FROM former_link f WHERE f.target_guid = t.guid AND f.source_id = t.source_id), t.dn, t.cn, t.sam_account_name, t.sid, t.group_type,
	t.attributes, t.admin_desc, t.external_id, t.extension_name, t.usn_changed, t.member_count, t.when_changed, t.critical, t.admin_count`

// scanTarget reads targetColumns, after other columns.
func scanTarget(rows *sql.Rows, g *contract.StagedTarget, members *int, others ...any) error {
	var extension, changed string
	err := rows.Scan(append(others, intoGUID(&g.GUID), intoGUID(&g.SourceID), &g.Linked, &g.Adopted, &g.Former, &g.DN, &g.CN, &g.SAMAccountName, &g.SID, &g.GroupType,
		intoValues(&g.Attributes), &g.AdminDesc, &g.ExternalID, &extension, &g.USNChanged, members, &changed, &g.Critical, &g.AdminCount)...)
	if err != nil {
		return err
	}
	if extension != "" {
		if err := json.Unmarshal([]byte(extension), &g.ExtensionName); err != nil {
			return damaged("the values of extensionName of %s: %v", g.GUID, err)
		}
	}
	if changed != "" {
		if g.WhenChanged, err = time.Parse(time.RFC3339, changed); err != nil {
			return damaged("whenChanged of %s: %v", g.GUID, err)
		}
	}
	return nil
}

// listTargets reads the rows of a query of targetColumns.
func listTargets(q *session, query string, args ...any) (groups []contract.StagedTarget, err error) {
	err = q.each(query, args, func(rows *sql.Rows) error {
		var g contract.StagedTarget
		var members int
		err := scanTarget(rows, &g, &members)
		groups = append(groups, g)
		return err
	})
	return groups, err
}

// TargetGroups lists by (SourceID, GUID); Members is left out.
func (g *Generation) TargetGroups(ctx context.Context, after contract.TargetKey, limit int) (groups []contract.StagedTarget, err error) {
	l := g.layers()
	err = g.state.snapshot(ctx, "list the staged groups of Active Directory", func(q *session) error {
		// One layer at a time, so that each is read in the order of the index.
		for _, layer := range []int64{l.top, l.base} {
			if layer == 0 {
				continue
			}
			listed, err := listTargets(q, "SELECT "+targetColumns+" FROM target_group t LEFT JOIN link l ON l.target_guid = t.guid WHERE t.generation = ?3 AND "+
				visibleTarget+" AND (t.source_id, t.guid) > (?4, ?5) ORDER BY t.source_id, t.guid LIMIT ?6",
				l.top, l.base, layer, after.SourceID[:], after.GUID[:], limit)
			if err != nil {
				return err
			}
			groups = append(groups, listed...)
		}
		return nil
	})
	slices.SortFunc(groups, func(a, b contract.StagedTarget) int {
		return cmp.Or(a.SourceID.Compare(b.SourceID), a.GUID.Compare(b.GUID))
	})
	return groups[:min(limit, len(groups))], err
}

// Candidates returns the objects of AD that stand for the cloud group or claim
// to: those linked to it, and those that carry its mark and are linked to no
// other, by objectGUID. Members is left out.
func (g *Generation) Candidates(ctx context.Context, source directory.GUID) (groups []contract.StagedTarget, err error) {
	l := g.layers()
	err = g.state.read(ctx, "list the objects that stand for a group of the tenant", func(q *session) error {
		groups, err = listTargets(q, "SELECT "+targetColumns+" FROM target_group t LEFT JOIN link l ON l.target_guid = t.guid WHERE t.generation IN (?1, ?2) AND t.source_id = ?3 AND "+
			visibleTarget+" ORDER BY t.guid", l.top, l.base, source[:])
		return err
	})
	return groups, err
}

// StagedTargets returns the objects with these objectGUIDs, ascending, without
// those that are not staged. Members is left out.
func (g *Generation) StagedTargets(ctx context.Context, guids []directory.GUID) (groups []contract.StagedTarget, err error) {
	l := g.layers()
	err = g.state.snapshot(ctx, "read staged groups of Active Directory", func(q *session) error {
		for _, guid := range sortedSet(slices.Clone(guids)) {
			found, err := listTargets(q, "SELECT "+targetColumns+" FROM target_group t LEFT JOIN link l ON l.target_guid = t.guid WHERE t.guid = ?3 AND "+visibleTarget,
				l.top, l.base, guid[:])
			if err != nil {
				return err
			}
			groups = append(groups, found...)
		}
		return nil
	})
	return groups, err
}

// CountMemberships adds up the members of the linked groups in AD.
func (g *Generation) CountMemberships(ctx context.Context) (int, error) {
	l := g.layers()
	return g.state.count(ctx, "count the members of the linked groups", `SELECT
		(SELECT coalesce(sum(t.member_count), 0) FROM link l CROSS JOIN target_group t ON t.guid = l.target_guid WHERE t.generation = ?1)
		+ (SELECT coalesce(sum(t.member_count), 0) FROM link l CROSS JOIN target_group t ON t.guid = l.target_guid WHERE t.generation = ?2)
		- (SELECT coalesce(sum(t.member_count), 0)
			FROM (SELECT guid FROM target_group WHERE generation = ?1 UNION ALL SELECT id FROM gone WHERE generation = ?1 AND side = 1) o
			CROSS JOIN target_group t ON t.guid = o.guid AND t.generation = ?2 CROSS JOIN link l ON l.target_guid = t.guid)`, l.top, l.base)
}

// TargetMembership returns the staged members' objectGUIDs, ascending.
func (g *Generation) TargetMembership(ctx context.Context, group directory.GUID) (members []directory.GUID, err error) {
	l := g.layers()
	err = g.state.read(ctx, "read the staged members of a group of Active Directory", func(q *session) error {
		members, err = l.targetMembership(q, group)
		return err
	})
	return members, err
}

func (l layers) targetMembership(q *session, group directory.GUID) (members []directory.GUID, err error) {
	of := l.top
	if l.base != 0 {
		if _, err := q.one("SELECT t.generation FROM target_group t WHERE t.guid = ?3 AND "+visibleTarget, []any{l.top, l.base, group[:]}, &of); err != nil {
			return nil, err
		}
	}
	err = q.each("SELECT members FROM target_membership_chunk WHERE guid = ? AND generation = ? ORDER BY position", []any{group[:], of}, func(rows *sql.Rows) error {
		var chunk sql.RawBytes
		if err := rows.Scan(&chunk); err != nil {
			return err
		}
		members, err = unpackGUIDs(members, chunk)
		return err
	})
	return members, err
}
