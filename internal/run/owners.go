package run

import (
	"context"
	"fmt"
	"slices"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// ownerReader reads the owners of groups: of every group in a full import, otherwise of
// those that the tenant touched, which a change of their owners does.
type ownerReader struct {
	source  *sourceImport
	refused bool // the application may not read them
}

// readOwners stages the owners, if they are written. It comes after the deltas were read,
// and before what they reported about users is applied.
func (r *sourceImport) readOwners(ctx context.Context) error {
	if !r.run.settings.UpdateManagedBy || r.run.found.expired {
		return nil
	}
	if err := r.recallDeleted(ctx); err != nil {
		return err
	}
	o := &ownerReader{source: r}
	return r.eachToRead(ctx, "Reading the owners of the groups", o.read)
}

// read stages the groups with their owners. What could not be read stays as the last run
// read it.
func (o *ownerReader) read(ctx context.Context, groups []directory.SourceGroup) error {
	r := o.source
	groups = slices.DeleteFunc(slices.Clone(groups), func(g directory.SourceGroup) bool { return r.course.hidden(&g) })
	said, err := o.ask(ctx, groups)
	if err != nil {
		return err
	}
	var changed []directory.SourceGroup
	var owners []directory.SourceMember
	for _, g := range groups {
		now := g.Owners
		if members, ok := said[g.ID]; ok {
			now = []directory.GUID{}
			for _, m := range r.withoutDeleted(members) {
				now, owners = append(now, m.ID), append(owners, m)
			}
			now = distinct(now)
		} else if r.run.base != 0 {
			before, _, err := r.run.before.SourceGroup(ctx, g.ID)
			if err != nil {
				return err
			}
			now = before.Owners
		}
		was := g
		if g.Owners = now; !g.Equal(&was) {
			changed = append(changed, g)
		}
	}
	r.readUsers = r.readUsers || len(owners) > 0
	if err := r.run.gen.StageOwners(ctx, owners); err != nil {
		return err
	}
	return r.run.gen.StageSourceGroups(ctx, changed)
}

// ask reads the owners, unless the application was refused before.
func (o *ownerReader) ask(ctx context.Context, groups []directory.SourceGroup) (map[directory.GUID][]directory.SourceMember, error) {
	if len(groups) == 0 || o.refused {
		return nil, nil
	}
	r := o.source.run
	ids := make([]directory.GUID, len(groups))
	for i := range groups {
		ids[i] = groups[i].ID
	}
	said, err := r.source.Owners(ctx, ids)
	switch {
	case contract.HasID(err, contract.StopAccessTokenExpired):
		r.found.expired, o.refused = true, true
	case err != nil && contract.AsError(err).Category == contract.PermissionDenied && ctx.Err() == nil:
		r.warn("the owners of groups cannot be read, so managedBy stays as it is", "run", r.record.ID, "error", err)
		o.refused = true
	case err != nil:
		return nil, fmt.Errorf("reading the owners of %s: %w", directory.Count(len(groups), "group"), err)
	}
	return said, nil
}

// owned lists the groups that have one of these owners; none if owners are not written.
func (r *run) owned(ctx context.Context, owners []directory.GUID) ([]directory.GUID, error) {
	if !r.settings.UpdateManagedBy || len(owners) == 0 {
		return nil, nil
	}
	return r.gen.OwnedGroups(ctx, owners)
}

// ownersAgain stages the owners of touched groups as unresolved. A group gets the object
// of an owner, unlike that of a member, in one request with all else that changes, so it
// must be there.
func (r *sourceImport) ownersAgain(ctx context.Context) error {
	if !r.run.settings.UpdateManagedBy {
		return nil
	}
	var owners []directory.GUID
	for id := range r.touched {
		group, _, err := r.run.gen.SourceGroup(ctx, id)
		if err != nil {
			return err
		}
		owners = append(owners, group.Owners...)
	}
	return r.run.gen.StageMembersAgain(ctx, distinct(owners))
}
