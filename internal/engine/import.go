package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// How much is gathered before it is staged in one short transaction, and how
// much is listed at a time.
const (
	stageGroups  = 500
	stageMembers = 20_000
	listBatch    = 500
	spoolBatch   = 20 // changes with their members
	askBatch     = 1_000
	nameBatch    = 100 // names or SIDs, in one filter
)

// importSource stages every group of the tenant. The source says it is
// complete or fails: a broken read is never an instruction.
func (r *run) importSource(ctx context.Context) error {
	// The token may be another than when the connection was made, and without
	// a permission members look as if they had no account (rule 7).
	identity, err := r.source.Identify(ctx)
	if err != nil {
		return fmt.Errorf("reading what the token allows: %w", err)
	}
	if err := identity.requirePermissions(); err != nil {
		return err
	}
	r.sourceID = identity
	err = r.source.Groups(ctx, SourceSelection{}, func(page []directory.SourceGroup) error {
		r.record.SourceGroups += len(page)
		r.progress("import-source", r.record.SourceGroups, 0, "Reading the groups of the tenant")
		return r.state.StageSourceGroups(ctx, r.record.ID, page)
	})
	if err != nil {
		return fmt.Errorf("reading the groups of the tenant: %w", err)
	}
	return nil
}

// importMembers stages the members of every group whose members may be read.
// When the access token runs out, the groups that are left stay incomplete, and
// the next run begins with them.
func (r *run) importMembers(ctx context.Context) error {
	groups, err := r.memberOrder(ctx)
	if err != nil {
		return err
	}
	batch := memberBatch{stage: func(pages []MemberPage) error { return r.state.StageMembers(ctx, r.record.ID, pages) }}
	done, read := 0, map[directory.GUID]bool{}
	err = r.source.Members(ctx, groups, func(page MemberPage) error {
		if HasID(page.Err, StopAccessTokenExpired) {
			r.expired = true
		}
		if page.Last || page.Err != nil {
			read[page.Group] = true
			done++
			r.progress("import-members", done, len(groups), "Reading members")
		}
		return batch.add(page)
	})
	if HasID(err, StopAccessTokenExpired) {
		r.expired = true
		expired := err
		err = nil
		for _, g := range groups {
			if !read[g] && err == nil {
				err = batch.add(MemberPage{Group: g, Err: expired})
			}
		}
	}
	if err == nil {
		err = batch.flush()
	}
	if err != nil {
		return fmt.Errorf("reading members: %w", err)
	}
	return nil
}

// memberOrder lists the groups whose members are to be read, those first whose
// members the last committed run could not read.
func (r *run) memberOrder(ctx context.Context) ([]directory.GUID, error) {
	first := map[directory.GUID]bool{}
	current, err := r.state.Current(ctx)
	if err != nil {
		return nil, err
	}
	for after := (directory.GUID{}); current != 0; {
		ids, err := r.state.IncompleteGroups(ctx, current, after, listBatch)
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			first[id] = true
		}
		if len(ids) < listBatch {
			break
		}
		after = ids[len(ids)-1]
	}
	var ahead, others []directory.GUID
	for after := (directory.GUID{}); ; {
		groups, err := r.state.SourceGroups(ctx, r.record.ID, after, listBatch)
		if err != nil {
			return nil, err
		}
		for _, g := range groups {
			switch {
			case r.hidden(&g):
			case first[g.ID]:
				ahead = append(ahead, g.ID)
			default:
				others = append(others, g.ID)
			}
		}
		if len(groups) < listBatch {
			return append(ahead, others...), nil
		}
		after = groups[len(groups)-1].ID
	}
}

// hidden reports whether the group's members are kept from the application.
func (r *run) hidden(g *directory.SourceGroup) bool {
	return strings.EqualFold(g.Visibility, directory.HiddenMembership) && !r.sourceID.hasOne(hiddenRoles)
}

// memberBatch gathers pages, so that a tenant of small groups does not cost a
// transaction a group.
type memberBatch struct {
	stage   func([]MemberPage) error
	pages   []MemberPage
	members int
}

func (b *memberBatch) add(page MemberPage) error {
	b.pages = append(b.pages, page)
	b.members += len(page.Members)
	if len(b.pages) < stageGroups && b.members < stageMembers {
		return nil
	}
	return b.flush()
}

func (b *memberBatch) flush() error {
	if len(b.pages) == 0 {
		return nil
	}
	err := b.stage(b.pages)
	b.pages, b.members = nil, 0
	return err
}

// importTarget stages every marked group of the containers and then looks up,
// one by one, the linked objects that are not there (rule 5). What is nowhere
// in the domain is lost.
func (r *run) importTarget(ctx context.Context) error {
	var batch []directory.TargetGroup
	members := 0
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		err := r.state.StageTargetGroups(ctx, r.record.ID, batch)
		batch, members = nil, 0
		return err
	}
	add := func(g directory.TargetGroup) error {
		r.record.TargetGroups++
		r.progress("import-target", r.record.TargetGroups, 0, "Reading the groups in Active Directory")
		batch = append(batch, g)
		members += len(g.Members)
		if len(batch) < stageGroups && members < stageMembers {
			return nil
		}
		return flush()
	}
	for _, container := range r.containers {
		if err := r.target.Groups(ctx, container.GUID, true, add); err != nil {
			return fmt.Errorf("reading the groups in %s: %w", container.DN, err)
		}
	}
	if err := flush(); err != nil {
		return err
	}

	r.lost = map[directory.GUID]Link{}
	const lookup = 50 // with their members, so that memory stays small
	for after := (directory.GUID{}); ; {
		links, err := r.state.UnstagedLinks(ctx, r.record.ID, after, lookup)
		if err != nil {
			return err
		}
		found, err := r.target.GroupsByGUID(ctx, targets(links), true)
		if err != nil {
			return fmt.Errorf("looking up linked groups: %w", err)
		}
		for _, l := range links {
			if !slices.ContainsFunc(found, func(g directory.TargetGroup) bool { return g.GUID == l.TargetGUID }) {
				r.lost[l.SourceID] = l
			}
		}
		if err := r.state.StageTargetGroups(ctx, r.record.ID, found); err != nil {
			return err
		}
		if len(links) < lookup {
			r.record.MissingGroups = len(r.lost)
			return nil
		}
		after = links[len(links)-1].TargetGUID
	}
}

func targets(links []Link) []directory.GUID {
	out := make([]directory.GUID, len(links))
	for i, l := range links {
		out[i] = l.TargetGUID
	}
	return out
}

// resolveMembers finds out which objects the members stand for, each distinct
// member once.
func (r *run) resolveMembers(ctx context.Context) error {
	done := 0
	for after := (directory.GUID{}); ; {
		members, err := r.state.UnresolvedMembers(ctx, r.record.ID, after, askBatch)
		if err != nil || len(members) == 0 {
			return err
		}
		resolutions, err := r.target.Resolve(ctx, members)
		if err != nil {
			return fmt.Errorf("resolving members: %w", err)
		}
		if err := r.state.SaveResolutions(ctx, r.record.ID, resolutions, r.now()); err != nil {
			return err
		}
		done += len(members)
		r.progress("resolve", done, 0, "Finding the members in Active Directory")
		after = members[len(members)-1].ID
	}
}

// place tells where an object stands relative to the containers.
func (r *run) place(dn string) plan.Place {
	parsed, err := directory.ParseDN(dn)
	if err != nil {
		return plan.Elsewhere
	}
	for i, container := range r.containers {
		base, err := directory.ParseDN(container.DN)
		if err == nil && parsed.Within(base) {
			if i == 0 {
				return plan.InContainer
			}
			return plan.InFormerContainer
		}
	}
	return plan.Elsewhere
}
