package run

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"groupwriteback/internal/batch"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// mailSettings reads the properties that Graph returns for a single group only and that no
// delta tracks: of every group in a full import, otherwise of the groups that the tenant
// touched. Only recipients have attributes that are made from them.
type mailSettings struct {
	source  *sourceImport
	refused bool // the application may not read them
}

// readMailSettings stages those properties of all groups of a full import, or of the touched
// ones.
func (r *sourceImport) readMailSettings(ctx context.Context) error {
	if r.run.settings.Recipient() != plan.MailRecipientRemote || r.run.found.expired {
		return nil
	}
	s := &mailSettings{source: r}
	return r.eachToRead(ctx, "Reading who may send to the groups", s.read)
}

// eachToRead passes on, in batches, the groups of which something is read group by group:
// all of a full import, otherwise those that the tenant touched.
func (r *sourceImport) eachToRead(ctx context.Context, doing string, read func(context.Context, []directory.SourceGroup) error) error {
	if r.whole {
		done := 0
		for groups, err := range batch.Pages(ctx, batch.ListBatch, r.run.gen.SourceGroups, groupID) {
			if err == nil {
				err = read(ctx, groups)
			}
			if err != nil {
				return err
			}
			done += len(groups)
			r.run.meter.At(done, r.run.record.SourceGroups, doing)
		}
		return nil
	}
	ids := slices.SortedFunc(maps.Keys(r.touched), directory.GUID.Compare)
	ids = slices.DeleteFunc(ids, func(id directory.GUID) bool { return r.touched[id]&(touchedBySource|touchedPending) == 0 })
	for chunk := range slices.Chunk(ids, batch.ListBatch) {
		var groups []directory.SourceGroup
		for _, id := range chunk {
			group, ok, err := r.run.gen.SourceGroup(ctx, id)
			if err != nil {
				return err
			}
			if ok {
				groups = append(groups, group)
			}
		}
		if err := read(ctx, groups); err != nil {
			return err
		}
	}
	return nil
}

// read stages the groups with these properties. What could not be read stays as the last
// run read it.
func (s *mailSettings) read(ctx context.Context, groups []directory.SourceGroup) error {
	r := s.source
	said, err := s.ask(ctx, groups)
	if err != nil {
		return err
	}
	var changed []directory.SourceGroup
	for _, g := range groups {
		properties, ok := said[g.ID]
		if !ok && r.run.base != 0 {
			before, _, err := r.run.before.SourceGroup(ctx, g.ID)
			if err != nil {
				return err
			}
			properties = before.Properties
		}
		now := g.Properties
		for _, name := range plan.SingleProperties {
			now = now.With(name, properties[name]...)
		}
		if !now.Equal(g.Properties) {
			g.Properties = now
			changed = append(changed, g)
		}
	}
	return r.run.gen.StageSourceGroups(ctx, changed)
}

// ask reads the properties, unless the application was refused before.
func (s *mailSettings) ask(ctx context.Context, groups []directory.SourceGroup) (map[directory.GUID]directory.Values, error) {
	if len(groups) == 0 || s.refused {
		return nil, nil
	}
	ids := make([]directory.GUID, len(groups))
	for i := range groups {
		ids[i] = groups[i].ID
	}
	said, err := s.source.run.source.MailSettings(ctx, ids)
	switch {
	case contract.HasID(err, contract.StopAccessTokenExpired):
		s.source.run.found.expired, s.refused = true, true
	case err != nil && contract.AsError(err).Category == contract.PermissionDenied && ctx.Err() == nil:
		s.source.run.warn("who may send to the groups cannot be read, so that stays as it is", "run", s.source.run.record.ID, "error", err)
		s.refused = true
	case err != nil:
		return nil, fmt.Errorf("reading who may send to %s: %w", directory.Count(len(groups), "group"), err)
	}
	return said, nil
}
