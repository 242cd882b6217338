package run

import (
	"context"
	"fmt"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// presence asks for groups singly. A group that exists is out of scope if its attributes
// say so; otherwise the list was not complete.
func (r *sourceImport) presence(ctx context.Context, ids []directory.GUID, reported map[directory.GUID]contract.GroupChange) (map[directory.GUID]directory.Presence, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	presence, err := r.run.source.Presence(ctx, r.course.selection, ids)
	var found []directory.GUID
	for id, p := range presence {
		change := reported[id]
		if p == directory.PresenceOutOfScope && change.Kind != nil && !change.Unwritten(r.course.selection) {
			presence[id], p = directory.PresenceFound, directory.PresenceFound // the replica that answered lags: it was out of scope before
		}
		if p == directory.PresenceFound {
			found = append(found, id)
		}
	}
	if err == nil && len(found) > 0 {
		var groups []directory.SourceGroup
		groups, err = r.run.source.GroupsByID(ctx, r.course.selection, found)
		for i := range groups {
			if !r.whole { // a full import has it in its list
				r.sawGroup(&groups[i])
			}
			change := reported[groups[i].ID]
			change.Apply(&groups[i])
			if change.Unwritten(r.course.selection) || !r.course.scope.Holds(&groups[i]) {
				presence[groups[i].ID] = directory.PresenceOutOfScope
			}
		}
	}
	if err != nil && (ctx.Err() != nil || !contract.HasID(err, contract.StopAccessTokenExpired)) {
		return nil, fmt.Errorf("reading %s one by one: %w", directory.Count(len(ids), "group"), err)
	}
	r.run.found.expired = r.run.found.expired || err != nil
	return presence, nil
}
