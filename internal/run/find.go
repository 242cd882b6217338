package run

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/identity"
)

// find returns the id of the group that the text names. The names in the tenant come
// first, because they may have changed since the last run.
func (r *run) find(ctx context.Context, text string) (directory.GUID, error) {
	wanted, err := identity.Identify("group", text)
	if err != nil {
		return directory.GUID{}, err
	}
	if wanted.GUID().IsZero() && wanted.SID == "" {
		r.meter.Begin("Find", "Finding the group in the tenant")
		ids, err := r.source.FindGroups(ctx, text)
		switch {
		case err != nil:
			return directory.GUID{}, fmt.Errorf("finding the group %q: %w", text, err)
		case len(ids) > 1:
			return directory.GUID{}, r.ambiguousInTenant(ctx, text, ids)
		case len(ids) == 1:
			return ids[0], nil
		}
	}
	known, err := wanted.Known(ctx, r.state)
	switch {
	case err != nil:
		return directory.GUID{}, err
	case len(known) > 1:
		return directory.GUID{}, identity.Ambiguous(text, identity.Called(known))
	case len(known) == 1 && !known[0].ID.IsZero():
		return known[0].ID, nil
	}
	if !wanted.GUID().IsZero() {
		if id, err := r.heardOf(ctx, wanted.GUID()); err != nil || !id.IsZero() {
			return id, err
		}
		natures, err := r.source.GroupNatures(ctx, []directory.GUID{wanted.GUID()})
		if err != nil {
			return directory.GUID{}, fmt.Errorf("finding the group %s: %w", wanted.GUID(), err)
		}
		if natures[wanted.GUID()].Nature != contract.NoSuchGroup {
			return wanted.GUID(), nil
		}
	}
	if len(known) == 1 {
		return directory.GUID{}, identity.ErrNotLinked(&known[0])
	}
	return directory.GUID{}, &contract.Error{Category: contract.ObjectNotFound, ID: "GroupNotFound", Object: text, Message: "Neither the tenant nor the state has a group with this name or id.",
		Advice: "Specify the exact name or the object id. A new group may take some minutes to appear."}
}

// heardOf returns the group with this id, or the group linked to the object with this
// objectGUID, if an earlier run dealt with it although the last run did not see it.
// Otherwise it returns zero.
func (r *run) heardOf(ctx context.Context, id directory.GUID) (directory.GUID, error) {
	one := []directory.GUID{id}
	links, err := r.state.LinksTo(ctx, one)
	if err == nil && len(links) == 0 {
		links, err = r.state.LinksOf(ctx, one)
	}
	if err != nil {
		return directory.GUID{}, err
	}
	if len(links) > 0 {
		return links[0].SourceID, nil
	}
	reported, err := r.gen.NotesOf(ctx, contract.NoteGroup, one)
	if err != nil {
		return directory.GUID{}, err
	}
	pending, err := r.state.Pending(ctx)
	if _, ok := reported[id]; err == nil && (ok || slices.Contains(pending, id)) {
		return id, nil
	}
	return directory.GUID{}, err
}

// ambiguousInTenant is the error for a name that several groups of the tenant have.
func (r *run) ambiguousInTenant(ctx context.Context, text string, ids []directory.GUID) error {
	natures, err := r.source.GroupNatures(ctx, ids)
	if err != nil {
		return fmt.Errorf("reading the groups with the name %q: %w", text, err)
	}
	names := make([]string, len(ids))
	for i, id := range ids {
		of := natures[id]
		names[i] = fmt.Sprintf("%s (%s)", cmp.Or(of.Name, text), id)
		if of.Nature != contract.NoSuchGroup {
			names[i] = fmt.Sprintf("%s (%s, a %s)", of.Name, id, of.Nature)
		}
	}
	return identity.Ambiguous(text, names)
}
