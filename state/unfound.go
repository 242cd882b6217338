package state

import (
	"context"

	"groupwriteback/internal/directory"
)

// UnfoundAmong returns the objects among values, the members of the group in AD, that
// have the SID or the objectGUID of a member of the cloud group that was not found in
// AD. The account may have no right to read such an object, or no longer have it.
func (g *Generation) UnfoundAmong(ctx context.Context, group directory.GUID, values []directory.GUID) (there []directory.GUID, err error) {
	l := g.layers()
	err = g.state.snapshot(ctx, "find the unresolved members in the values of their group", func(q *session) error {
		there = nil
		sids, guids, err := g.state.unfound(q, l, group)
		if err != nil || len(sids)+len(guids) == 0 {
			return err
		}
		for _, value := range values {
			var sid directory.SID
			if len(sids) > 0 {
				if _, err := q.one("SELECT sid FROM target_object WHERE guid = ?", []any{value[:]}, &sid); err != nil {
					return err
				}
			}
			if guids[value] || sids[sid] {
				there = append(there, value)
			}
		}
		return nil
	})
	return there, err
}

// unfound returns the SIDs and objectGUIDs of the members of a group that were not
// found.
func (s *State) unfound(q *session, l layers, group directory.GUID) (sids map[directory.SID]bool, guids map[directory.GUID]bool, err error) {
	numbers, _, err := memberNumbers(q, l, group)
	if err != nil {
		return nil, nil, err
	}
	var unfound []uint32
	i := 0
	err = s.joins.resolve(q, l, numbers, func(_ directory.GUID, reason directory.Reason) {
		if reason.Unfound() {
			unfound = append(unfound, numbers[i])
		}
		i++
	})
	sids, guids = map[directory.SID]bool{}, map[directory.GUID]bool{}
	for _, number := range unfound {
		j, _, joinErr := l.joinOf(q, number, directory.GUID{})
		if err == nil {
			err = joinErr
		}
		if j.member.SID != "" {
			sids[j.member.SID] = true
		}
		if guid, bad := directory.GUIDFromAD(j.member.Immutable()); bad == nil {
			guids[guid] = true
		}
	}
	return sids, guids, err
}
