package run

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"groupwriteback/internal/batch"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// importSource stages the groups of the tenant: all of them, or what has
// changed. The source says it is complete or fails: a broken read is never an
// instruction.
func (r *Run) importSource(ctx context.Context) error {
	if r.record.PolicyType == contract.Delta {
		err := r.importChanges(ctx)
		if !contract.HasID(err, "DeltaLinkExpired") {
			return err
		}
		r.warn("the delta link has expired, so everything is imported", "run", r.record.ID, "error", err)
		if err := r.becomeInitial(ctx, contract.InitialLinkExpired); err != nil {
			return err
		}
	}
	return r.importGroups(ctx)
}

// importGroups stages every group of the tenant that is in scope. The delta
// links are asked for first: what changes from here on is caught up with by
// importMembers, once everything is read. A run that goes on with what an earlier
// one has read has its links too.
func (r *Run) importGroups(ctx context.Context) error {
	reading, from, err := r.keptReading(ctx)
	if err != nil {
		return err
	}
	if from == 0 {
		began := r.now().UTC()
		if reading.Links, err = r.source.StartDelta(ctx); err != nil {
			return fmt.Errorf("asking for delta links: %w", err)
		}
		reading.Links.Taken, reading.Links.Projection = began, r.projection
	}
	r.links, r.watermark.Initial = reading.Links, reading.Links.Taken
	r.shown, r.selected = 0, 0
	err = r.source.Groups(ctx, r.selection, func(page []directory.SourceGroup) error {
		for i := range page {
			r.sawGroup(&page[i])
		}
		told, err := r.asTold(ctx, page)
		if err != nil {
			return err
		}
		inScope := r.inScope(told)
		r.record.SourceGroups += len(inScope)
		r.At(r.record.SourceGroups, 0, "Reading the groups of the tenant")
		return r.gen.StageSourceGroups(ctx, inScope)
	})
	if err != nil {
		return fmt.Errorf("reading the groups of the tenant: %w", err)
	}
	if err := r.readAgain(ctx, contract.NoteListed, []directory.GUID{r.sourceID.TenantID}); err != nil {
		return err
	}
	if err := r.goOn(ctx, from); err != nil {
		return err
	}
	return r.readTold(ctx)
}

// sawGroup counts a group that the tenant showed, in the scope or not.
func (r *Run) sawGroup(g *directory.SourceGroup) {
	r.shown++
	selection := r.scope
	selection.Filter = nil
	if selection.Holds(g) {
		r.selected++
	}
}

// inScope returns those of the groups that are in scope, in their place.
func (r *Run) inScope(groups []directory.SourceGroup) []directory.SourceGroup {
	return slices.DeleteFunc(groups, func(g directory.SourceGroup) bool { return !r.scope.Holds(&g) })
}

// importMembers stages the members of every group whose members may be read,
// and then what has changed while they were read.
func (r *Run) importMembers(ctx context.Context) error {
	if r.record.PolicyType == contract.Delta {
		return nil
	}
	groups, err := r.memberOrder(ctx)
	if err != nil {
		return err
	}
	if err := r.readMembers(ctx, groups); err != nil {
		return err
	}
	if r.expired { // the next run goes on from the links that were taken first
		r.watermark.Settled = false
	} else if err := r.catchUp(ctx); err != nil {
		if r.resumed && contract.HasID(err, "DeltaLinkExpired") {
			return r.beginAnew(ctx)
		}
		return err
	}
	return r.putTold(ctx)
}

// readMembers stages the members of groups of which nothing is staged yet. When
// the access token runs out, the groups that are left stay incomplete, and the
// next run begins with them.
func (r *Run) readMembers(ctx context.Context, groups []directory.GUID) error {
	batch := memberBatch{stage: func(ctx context.Context, pages []contract.MemberPage) error {
		return r.gen.StageMembers(ctx, pages)
	}}
	done, read := 0, map[directory.GUID]bool{}
	for _, id := range groups {
		r.reread[id], r.readUsers = true, true
	}
	if err := r.recallDeleted(ctx); err != nil {
		return err
	}
	err := r.source.Members(ctx, groups, func(page contract.MemberPage) error {
		page.Members = r.withoutDeleted(page.Members)
		if contract.HasID(page.Err, contract.StopAccessTokenExpired) {
			r.expired = true
		}
		if page.Last || page.Err != nil {
			read[page.Group] = true
			done++
			r.At(done, len(groups), "Reading members")
		}
		if r.sawMembers != nil {
			r.sawMembers(page)
		}
		return batch.add(ctx, page)
	})
	if contract.HasID(err, contract.StopAccessTokenExpired) {
		r.expired = true
		expired := err
		err = nil
		for _, g := range groups {
			if !read[g] && err == nil {
				err = batch.add(ctx, contract.MemberPage{Group: g, Err: expired})
			}
		}
	}
	// What was read may be kept, whatever ended the reading.
	if flushed := batch.flush(context.WithoutCancel(ctx)); err == nil {
		err = flushed
	}
	if err != nil {
		return fmt.Errorf("reading members: %w", err)
	}
	return nil
}

// memberOrder lists the groups whose members are to be read, those first whose
// members the last committed run could not read; without those whose members an
// earlier run has read.
func (r *Run) memberOrder(ctx context.Context) ([]directory.GUID, error) {
	first, err := map[directory.GUID]bool(nil), error(nil)
	if r.base != 0 {
		if first, err = r.incomplete(ctx, r.before); err != nil {
			return nil, err
		}
	}
	unread, err := r.incomplete(ctx, r.gen)
	if err != nil {
		return nil, err
	}
	var ahead, others []directory.GUID
	for after := (directory.GUID{}); ; {
		groups, err := r.gen.SourceGroups(ctx, after, batch.ListBatch)
		if err != nil {
			return nil, err
		}
		for _, g := range groups {
			switch {
			case r.hidden(&g):
			case !unread[g.ID]:
				r.reread[g.ID] = true
			case first[g.ID]:
				ahead = append(ahead, g.ID)
			default:
				others = append(others, g.ID)
			}
		}
		if len(groups) < batch.ListBatch {
			return append(ahead, others...), nil
		}
		after = groups[len(groups)-1].ID
	}
}

// hidden reports whether the group's members are kept from Active Directory, where
// everybody would read them, or from the application.
func (r *Run) hidden(g *directory.SourceGroup) bool {
	return strings.EqualFold(g.Visibility, directory.HiddenMembership) && !r.readsHidden()
}

func (r *Run) readsHidden() bool {
	return r.settings.IncludeHiddenMembership && r.sourceID.HasOne(contract.HiddenRoles)
}

// memberBatch gathers pages, so that a tenant of small groups does not cost a
// transaction a group.
type memberBatch struct {
	stage   func(context.Context, []contract.MemberPage) error
	pages   []contract.MemberPage
	members int
}

func (b *memberBatch) add(ctx context.Context, page contract.MemberPage) error {
	b.pages = append(b.pages, page)
	b.members += len(page.Members)
	if len(b.pages) < batch.StageGroups && b.members < batch.StageMembers {
		return nil
	}
	return b.flush(ctx)
}

func (b *memberBatch) flush(ctx context.Context) error {
	if len(b.pages) == 0 {
		return nil
	}
	err := b.stage(ctx, b.pages)
	b.pages, b.members = nil, 0
	return err
}
