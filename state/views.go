package state

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"sync"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/identity"
	"groupwriteback/internal/plan"
)

// standing selects the one object that stands for cloud group s: the linked object or,
// if there is none, the first that carries the group's mark.
const standing = `(SELECT x.guid FROM target_group x LEFT JOIN link y ON y.target_guid = x.guid
	WHERE x.generation = s.generation AND x.source_id = s.id ORDER BY y.target_guid IS NULL, x.guid LIMIT 1)`

// Groups lists the groups of the current generation for people, by Key: the cloud
// groups, each with the object that stands for it, and the objects that stand for no
// cloud group.
func (s *State) Groups(ctx context.Context, filter contract.GroupFilter, after directory.GUID, limit int) (views []contract.GroupView, err error) {
	var containers []directory.DN
	// The list is useful even if the settings cannot be read.
	if settings, err := s.LoadSettings(ctx); err == nil {
		for _, c := range settings.Containers() {
			if dn, err := directory.ParseDN(c.DN); err == nil && len(dn) > 0 {
				containers = append(containers, dn)
			}
		}
	}
	err = s.snapshot(ctx, "list the groups", func(q *session) error {
		l := groupList{q: q, after: after, limit: limit, id: filter.ID, containers: containers}
		if filter.Name != "" {
			named := identity.NewPattern(filter.Name)
			if filter.Exact {
				named = identity.NewIdentity(filter.Name)
			}
			if l.id.IsZero() {
				l.id = named.GUID()
			}
			// If the name is an id, the queries compare it themselves, and so also find
			// groups whose linked objects are gone.
			if named.GUID().IsZero() {
				l.matches = func(n *identity.Names) bool { return named.Rank(n) > 0 }
			}
		}
		current, err := currentLayers(q)
		if err != nil || current.top == 0 {
			return err
		}
		l.generation = current.top
		if _, err := q.one("SELECT tenant_id FROM owner", nil, intoGUID(&l.tenant)); err != nil {
			return err
		}
		fromSource, err := l.cloudGroups()
		if err != nil {
			return err
		}
		upTo := lastGUID
		if len(fromSource) == limit { // what comes after belongs on a later page
			upTo = fromSource[limit-1].Key
		}
		fromTarget, err := l.otherObjects(upTo)
		if err != nil {
			return err
		}
		views = append(fromSource, fromTarget...)
		slices.SortFunc(views, func(a, b contract.GroupView) int { return a.Key.Compare(b.Key) })
		views = views[:min(limit, len(views))]
		for i := range views {
			if err := s.complete(q, current, &views[i]); err != nil {
				return err
			}
		}
		return nil
	})
	return views, err
}

type groupList struct {
	q          *session
	generation int64
	after      directory.GUID
	limit      int
	id         directory.GUID
	matches    func(*identity.Names) bool // nil means that all groups are listed
	tenant     directory.GUID
	containers []directory.DN
}

func (l *groupList) cloudGroups() (views []contract.GroupView, err error) {
	where, args := "", []any{l.generation, l.after[:]}
	if id := l.id; !id.IsZero() {
		where = " AND s.id IN (?3, (SELECT source_id FROM target_group WHERE guid = ?3 AND generation = ?1), (SELECT source_id FROM link WHERE target_guid = ?3))"
		args = append(args, id[:])
	}
	err = l.q.each(`SELECT s.id, s.properties, k.target_guid, k.dn,
			(SELECT count(*) FROM target_group x WHERE x.generation = s.generation AND x.source_id = s.id), `+targetColumns+`
		FROM source_group s LEFT JOIN link k ON k.source_id = s.id
			LEFT JOIN target_group t ON t.generation = s.generation AND t.guid = `+standing+`
			LEFT JOIN link l ON l.target_guid = t.guid
		WHERE s.generation = ?1 AND s.id > ?2`+where+" ORDER BY s.id", args, func(rows *sql.Rows) error {
		var v contract.GroupView
		var t contract.StagedTarget
		var linked directory.GUID
		var linkDN string
		var candidates int
		var properties directory.Values
		if err := scanTarget(rows, &t, &v.Members, intoGUID(&v.ID), intoValues(&properties), intoGUID(&linked), orZero(&linkDN), &candidates); err != nil {
			return err
		}
		show(&v, properties)
		v.Key, v.TargetGUID, v.DN, v.SAMAccountName, v.SID = v.ID, t.GUID, t.DN, t.SAMAccountName, t.SID
		if !t.GUID.IsZero() {
			v.Recipient, v.LeftOut = plan.StateOfRecipient(t.Attributes), plan.LeftOutAddresses(properties, t.Attributes)
		}
		if id := l.id; !id.IsZero() && v.ID != id && v.TargetGUID != id && linked != id {
			return nil
		}
		if t.GUID.IsZero() && !linked.IsZero() {
			v.DN = linkDN
		}
		switch {
		case t.GUID.IsZero() && !linked.IsZero():
			v.Situation = plan.Deleted
		case t.GUID.IsZero():
			v.Situation = plan.Unlinked
		case t.Linked:
			v.Situation = l.place(&t)
		case candidates > 1:
			v.Situation = plan.Disputed
		default: // even with our stamp, since a run links what is ours
			v.Situation = plan.Foreign
		}
		return l.add(&views, v, &t)
	})
	return views, err
}

// show fills in the properties by which people know a group. They have the same names
// in the tenant and in Active Directory.
func show(v *contract.GroupView, values directory.Values) {
	v.DisplayName, v.Description, v.Mail = values.First(directory.PropertyDisplayName), values.First("description"), values.First("mail")
}

// place tells whether an object is linked or moved. If the DN of no container is known,
// the object counts as linked.
func (l *groupList) place(t *contract.StagedTarget) plan.Situation {
	dn, err := directory.ParseDN(t.DN)
	if err == nil && len(l.containers) > 0 && !slices.ContainsFunc(l.containers, dn.Within) {
		return plan.Moved
	}
	return plan.Linked
}

// lastGUID is the greatest GUID.
var lastGUID = directory.MustGUID("ffffffff-ffff-ffff-ffff-ffffffffffff")

func (l *groupList) otherObjects(upTo directory.GUID) (views []contract.GroupView, err error) {
	where, args := "", []any{l.generation, l.after[:], upTo[:]}
	if id := l.id; !id.IsZero() {
		where, args = " AND (t.guid = ?4 OR s.id IS NULL AND l.source_id = ?4)", append(args, id[:])
	}
	err = l.q.each("SELECT s.id, "+targetColumns+` FROM target_group t
			LEFT JOIN source_group s ON s.id = t.source_id AND s.generation = t.generation
			LEFT JOIN link l ON l.target_guid = t.guid
		WHERE t.generation = ?1 AND t.guid > ?2 AND t.guid <= ?3 AND (s.id IS NULL OR t.guid <> `+standing+")"+where+" ORDER BY t.guid", args, func(rows *sql.Rows) error {
		var v contract.GroupView
		var t contract.StagedTarget
		var source directory.GUID
		if err := scanTarget(rows, &t, &v.Members, intoGUID(&source)); err != nil {
			return err
		}
		show(&v, t.Attributes)
		v.Key, v.TargetGUID, v.DN, v.SAMAccountName = t.GUID, t.GUID, t.DN, t.SAMAccountName
		v.DisplayName, v.SID, v.Recipient = cmp.Or(v.DisplayName, t.CN), t.SID, plan.StateOfRecipient(t.Attributes)
		switch {
		case !source.IsZero():
			v.Situation = plan.Disputed
		case t.Linked: // frozen
			v.ID, v.Situation = t.SourceID, l.place(&t)
		case directory.HasStamp(t.ExtensionName, l.tenant):
			v.Situation = plan.Unmatched
		default:
			v.Situation = plan.Foreign
		}
		return l.add(&views, v, &t)
	})
	return views, err
}

// add appends the view of a group, or of object t, if the filter matches. It ends the
// query when the page is full.
func (l *groupList) add(views *[]contract.GroupView, v contract.GroupView, t *contract.StagedTarget) error {
	if l.matches != nil {
		names := identity.NamesOf(&v)
		names.CN, names.TargetName = cmp.Or(t.CN, names.CN), t.DisplayName()
		if !l.matches(names) {
			return nil
		}
	}
	if *views = append(*views, v); len(*views) == l.limit {
		return errEnough
	}
	return nil
}

// stillPlanned is the condition that change c, which was not done, will still be done:
// it was not withdrawn, and no later run planned its group (with id ?2) again. Such a
// run is a run of all groups that was committed, or that stopped (for reason ?3) after
// it had planned, since it also plans what is pending; or a committed run of this group.
const stillPlanned = `c.run > (SELECT coalesce(max(run), 0) FROM withdrawn) AND NOT EXISTS (SELECT 1 FROM run n WHERE n.id > c.run AND (
	n.kind = 'Sync' AND (n.committed = 1 OR n.status = 'Stopped' AND json_extract(n.record, '$.stopReason') = ?3)
	OR n.kind = 'Group' AND n.committed = 1 AND json_extract(n.record, '$.groupId') = ?2))`

// complete adds what needs separate queries.
func (s *State) complete(q *session, current layers, v *contract.GroupView) error {
	if err := s.apart(q, v); err != nil {
		return err
	}
	column, key := "target_guid", v.TargetGUID
	if v.Key == v.ID { // otherwise it is not a group of the tenant
		column, key = "source_id", v.ID
		membership, err := s.sourceMembership(q, current, v.ID)
		if err != nil {
			return err
		}
		for _, n := range membership.Unwritten {
			v.Unwritten += n
		}
		err = q.each("SELECT target_guid FROM refusal WHERE source_id = ?", []any{key[:]}, func(rows *sql.Rows) error {
			var g directory.GUID
			if err := rows.Scan(intoGUID(&g)); err != nil {
				return err
			}
			if _, joined := slices.BinarySearchFunc(membership.Joined, g, directory.GUID.Compare); joined {
				v.Unwritten++
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	var message, failure string
	var run int64
	_, err := q.one("SELECT c.action, c.outcome, c.message, c.error, c.run FROM change c JOIN run r ON r.id = c.run WHERE c."+column+` = ?1 AND r.kind <> 'Preview' AND c.action <> 'Skip'
		AND (c.outcome NOT IN ('Pending', 'Held') OR `+stillPlanned+`) ORDER BY c.id DESC LIMIT 1`,
		[]any{key[:], v.ID.String(), string(contract.StopSourceShrunk)}, &v.LastAction, &v.LastOutcome, &message, &failure, &run)
	v.LastMessage = cmp.Or(failure, message)
	if err != nil {
		return err
	}
	return lastSkip(q, column, key, run, v)
}

// GroupMembers lists the members of a cloud group by member id. A member that is not
// written has the reason. Error: GroupNotFound.
func (s *State) GroupMembers(ctx context.Context, group directory.GUID, after directory.GUID, limit int) (views []contract.MemberView, err error) {
	err = s.snapshot(ctx, "list the members of a group", func(q *session) error {
		current, err := currentLayers(q)
		if err != nil {
			return err
		}
		var exists int
		if found, err := q.one("SELECT 1 FROM source_group WHERE id = ? AND generation = ?", []any{group[:], current.top}, &exists); err != nil || !found {
			if err == nil {
				err = notFound("GroupNotFound", group.String(), "The last import did not find the group in the tenant.",
					"List the groups with Get-GroupWritebackGroup.")
			}
			return err
		}
		members, err := s.members.of(q, current, group)
		if err != nil {
			return err
		}
		start, _ := slices.BinarySearchFunc(members, after, func(m numberedMember, id directory.GUID) int { return m.id.Compare(id) })
		for _, m := range members[start:] {
			if len(views) == limit {
				break
			}
			if m.id == after && !after.IsZero() {
				continue
			}
			v, err := memberView(q, current.top, group, m)
			if err != nil {
				return err
			}
			views = append(views, v)
		}
		return nil
	})
	return views, err
}

// StagedUnwritten lists the first limit staged members of a group that are not joined
// to an object of AD, by member id.
func (g *Generation) StagedUnwritten(ctx context.Context, group directory.GUID, limit int) (views []contract.MemberView, err error) {
	l := g.layers()
	err = g.state.read(ctx, "list the staged members of a group that are not in Active Directory", func(q *session) error {
		numbers, _, err := memberNumbers(q, l, group)
		if err != nil {
			return err
		}
		var unwritten []uint32
		next := 0
		err = g.state.joins.resolve(q, l, numbers, func(_ directory.GUID, reason directory.Reason) {
			if reason != directory.ReasonJoined {
				unwritten = append(unwritten, numbers[next])
			}
			next++
		})
		if err != nil {
			return err
		}
		// If both layers have a member, the row of the upper layer counts.
		return q.each(`SELECT m.id, coalesce(j.kind, ''), coalesce(j.name, ''), coalesce(j.reason, ?) FROM json_each(?) n CROSS JOIN member m ON m.number = n.value
			LEFT JOIN member_join j ON j.number = m.number AND j.generation = (SELECT max(generation) FROM member_join WHERE number = m.number AND generation IN (?, ?))
			ORDER BY m.id LIMIT ?`,
			[]any{string(directory.ReasonUnresolved), jsonText(unwritten), l.top, l.base, limit}, func(rows *sql.Rows) error {
				var v contract.MemberView
				err := rows.Scan(intoGUID(&v.ID), &v.Kind, &v.Name, &v.Reason)
				views = append(views, v)
				return err
			})
	})
	return views, err
}

func memberView(q *session, generation int64, group directory.GUID, m numberedMember) (contract.MemberView, error) {
	v := contract.MemberView{ID: m.id, Reason: directory.ReasonUnresolved}
	var reason sql.Null[directory.Reason]
	var refused directory.Reason
	_, err := q.one(`SELECT j.kind, j.name, j.reason, j.target_guid, o.dn, r.reason FROM member_join j
		LEFT JOIN target_object o ON o.guid = j.target_guid
		LEFT JOIN refusal r ON r.source_id = ? AND r.target_guid = j.target_guid
		WHERE j.number = ? AND j.generation = ?`, []any{group[:], m.number, generation},
		&v.Kind, &v.Name, &reason, intoGUID(&v.TargetGUID), orZero(&v.DN), orZero(&refused))
	if reason.Valid {
		v.Reason = cmp.Or(reason.V, refused)
	}
	return v, err
}

// memberListCache keeps the members of the group that was listed last, in the order of
// their ids, since a large group is listed in many pages. A membership of the current
// generation changes only with a commit.
type memberListCache struct {
	mu      sync.Mutex
	run     int64 // as in layers
	group   directory.GUID
	members []numberedMember
}

type numberedMember struct {
	id     directory.GUID
	number uint32
}

func (c *memberListCache) of(q *session, current layers, group directory.GUID) ([]numberedMember, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.members != nil && c.run == current.run && c.group == group {
		return c.members, nil
	}
	numbers, _, err := memberNumbers(q, current, group)
	if err != nil {
		return nil, err
	}
	members := make([]numberedMember, 0, len(numbers))
	err = q.each("SELECT m.id, m.number FROM json_each(?) n CROSS JOIN member m ON m.number = n.value", []any{jsonText(numbers)}, func(rows *sql.Rows) error {
		var m numberedMember
		err := rows.Scan(intoGUID(&m.id), &m.number)
		members = append(members, m)
		return err
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(members, func(a, b numberedMember) int { return a.id.Compare(b.id) })
	c.run, c.group, c.members = current.run, group, members
	return members, nil
}
