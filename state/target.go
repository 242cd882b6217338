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

// StageTargetGroups stores groups of AD with their whole membership. It replaces a
// group that is already staged.
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
			members = sortedSet(members)
			if err := targetChunks.replace(q, l.top, group.GUID[:], packGUIDs(members)); err != nil {
				return err
			}
			if err := l.stageTarget(q, group, &targetMembership{count: len(members), in: layers{top: l.top}}); err != nil {
				return err
			}
		}
		return nil
	})
}

// StageTargetWritten stages a group of AD as it is after a write: with the given
// header, and with the changes applied to the membership that the generation has.
func (g *Generation) StageTargetWritten(ctx context.Context, header directory.TargetGroup, added, removed []directory.MemberRef) error {
	l := g.layers()
	return g.state.write(ctx, "stage a written group of Active Directory", func(q *session) error {
		g.state.staged.in(l.top)
		m, err := l.targetMembershipOf(q, header.GUID)
		if err != nil {
			return err
		}
		var add, remove []directory.GUID
		for _, r := range added {
			add = append(add, r.GUID)
			if err := g.state.staged.rememberObject(q, l, r); err != nil {
				return err
			}
		}
		add = sortedSet(add)
		for _, r := range removed {
			if _, again := slices.BinarySearchFunc(add, r.GUID, directory.GUID.Compare); !again {
				remove = append(remove, r.GUID)
			}
		}
		plus, minus, err := targetChunks.change(q, m.in, header.GUID[:], packGUIDs(add), packGUIDs(sortedSet(remove)))
		if err != nil {
			return err
		}
		m.count += plus - minus
		return l.stageTarget(q, &header, &m)
	})
}

// targetMembership describes how the members of a group of AD are stored.
type targetMembership struct {
	count int
	in    layers // the layers that have its rows
}

func (l layers) targetMembershipOf(q *session, group directory.GUID) (m targetMembership, err error) {
	m.in = layers{top: l.top}
	var generation int64
	var part bool
	there, err := q.one("SELECT t.generation, t.member_count, t.part FROM target_group t WHERE t.guid = (SELECT ?3) AND "+visibleTarget,
		[]any{l.top, l.base, group[:]}, &generation, &m.count, &part)
	if there && (part || generation != l.top) {
		m.in = l
	}
	return m, err
}

// stageTarget stores everything of a group except its members.
func (l layers) stageTarget(q *session, g *directory.TargetGroup, m *targetMembership) error {
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
			attributes, admin_desc, external_id, extension_name, usn_changed, member_count, when_changed, critical, admin_count, part)
		VALUES (?1, ?2, coalesce((SELECT source_id FROM link WHERE target_guid = ?1), nullif(?3, zeroblob(16)),
			(SELECT source_id FROM former_link WHERE target_guid = ?1), ?3), ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)`,
		g.GUID[:], l.top, mark[:], g.DN, g.CN, g.SAMAccountName, string(g.SID), g.GroupType,
		valuesText(g.Attributes), g.AdminDesc, g.ExternalID, extension, g.USNChanged, m.count, changed, g.Critical, g.AdminCount, m.in.base != 0)
	if err != nil {
		return err
	}
	return l.back(q, targetSide, &g.GUID)
}

// targetColumns are the columns of target_group t and link l that scanTarget reads.
const targetColumns = `t.guid, t.source_id, l.target_guid IS NOT NULL, coalesce(l.adopted, 0), l.container,
	EXISTS (SELECT 1 FROM former_link f WHERE f.target_guid = t.guid AND f.source_id = t.source_id), t.dn, t.cn, t.sam_account_name, t.sid, t.group_type,
	t.attributes, t.admin_desc, t.external_id, t.extension_name, t.usn_changed, t.member_count, t.when_changed, t.critical, t.admin_count`

// scanTarget scans a row of other columns, followed by targetColumns. If the row has no
// group t, all of g is zero.
func scanTarget(rows *sql.Rows, g *contract.StagedTarget, members *int, others ...any) error {
	var extension, changed string
	err := rows.Scan(append(others, intoGUID(&g.GUID), intoGUID(&g.SourceID), &g.Linked, &g.Adopted, intoGUID(&g.Container), &g.Former,
		orZero(&g.DN), orZero(&g.CN), orZero(&g.SAMAccountName), orZero(&g.SID), orZero(&g.GroupType), intoValues(&g.Attributes), orZero(&g.AdminDesc),
		orZero(&g.ExternalID), orZero(&extension), orZero(&g.USNChanged), orZero(members), orZero(&changed), orZero(&g.Critical), orZero(&g.AdminCount))...)
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

// listTargets reads the rows of a query that selects targetColumns.
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

// TargetGroups lists the groups of AD by (SourceID, GUID), without Members.
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

// Candidates returns the objects of AD that stand for the cloud group or claim to, by
// objectGUID and without Members. These are the objects that are linked to it, and
// those that carry its mark and are linked to no other group.
func (g *Generation) Candidates(ctx context.Context, source directory.GUID) (groups []contract.StagedTarget, err error) {
	l := g.layers()
	err = g.state.read(ctx, "list the objects of a cloud group", func(q *session) error {
		groups, err = listTargets(q, "SELECT "+targetColumns+" FROM target_group t LEFT JOIN link l ON l.target_guid = t.guid WHERE t.generation IN ((SELECT ?1), (SELECT ?2)) AND t.source_id = (SELECT ?3) AND "+
			visibleTarget+" ORDER BY t.guid", l.top, l.base, source[:])
		return err
	})
	return groups, err
}

// StagedTargets returns the staged objects with these objectGUIDs, ascending and
// without Members. It leaves out objects that are not staged.
func (g *Generation) StagedTargets(ctx context.Context, guids []directory.GUID) (groups []contract.StagedTarget, err error) {
	l := g.layers()
	err = g.state.snapshot(ctx, "read staged groups of Active Directory", func(q *session) error {
		for _, guid := range sortedSet(slices.Clone(guids)) {
			found, err := listTargets(q, "SELECT "+targetColumns+" FROM target_group t LEFT JOIN link l ON l.target_guid = t.guid WHERE t.guid = (SELECT ?3) AND "+visibleTarget,
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
		(SELECT coalesce(sum(t.member_count), 0) FROM target_group t CROSS JOIN link l ON l.target_guid = t.guid WHERE t.generation = ?1)
		+ (SELECT coalesce(sum(t.member_count), 0) FROM link l CROSS JOIN target_group t ON t.guid = l.target_guid WHERE t.generation = ?2)
		- (SELECT coalesce(sum(t.member_count), 0)
			FROM (SELECT guid FROM target_group WHERE generation = ?1 UNION ALL SELECT id FROM gone WHERE generation = ?1 AND side = 1) o
			CROSS JOIN target_group t ON t.guid = o.guid AND t.generation = ?2 CROSS JOIN link l ON l.target_guid = t.guid)`, l.top, l.base)
}

// TargetMembership returns the objectGUIDs of the group's staged members, ascending.
func (g *Generation) TargetMembership(ctx context.Context, group directory.GUID) (members []directory.GUID, err error) {
	l := g.layers()
	err = g.state.read(ctx, "read the staged members of a group of Active Directory", func(q *session) error {
		m := targetMembership{in: l}
		if l.base != 0 {
			if m, err = l.targetMembershipOf(q, group); err != nil {
				return err
			}
		}
		return targetChunks.each(q, m.in, group[:], func(keys []byte) error {
			members, err = unpackGUIDs(members, keys)
			return err
		})
	})
	return members, err
}
