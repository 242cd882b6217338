package run

import (
	"context"
	"iter"
	"slices"

	"groupwriteback/internal/batch"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// allPairs yields the pairs of all groups in the order of the cloud groups' ids, walking
// through both staged sides in parallel.
func (p *planner) allPairs(ctx context.Context) iter.Seq2[plan.Pair, error] {
	gen := p.run.gen
	sources := cursor[directory.SourceGroup]{read: func(after *directory.SourceGroup) ([]directory.SourceGroup, error) {
		var key directory.GUID
		if after != nil {
			key = after.ID
		}
		return gen.SourceGroups(ctx, key, batch.ListBatch)
	}}
	targets := cursor[contract.StagedTarget]{read: func(after *contract.StagedTarget) ([]contract.StagedTarget, error) {
		var key contract.TargetKey
		if after != nil {
			key = contract.TargetKey{SourceID: after.SourceID, GUID: after.GUID}
		}
		page, err := gen.TargetGroups(ctx, key, batch.ListBatch)
		if err == nil {
			err = p.course.judge.Ask(ctx, page)
		}
		return page, err
	}}
	next := func() (*plan.Pair, error) {
		source, err := sources.peek()
		if err != nil {
			return nil, err
		}
		target, err := targets.peek()
		if err != nil || source == nil && target == nil {
			return nil, err
		}
		pair := &plan.Pair{}
		if source != nil && (target == nil || source.ID.Compare(target.SourceID) <= 0) {
			pair.ID, pair.Source = source.ID, source
			p.draft.tally.SourceNow++ // counted here and not while listing, because pages may repeat a group
			sources.next()
		} else {
			pair.ID = target.SourceID
		}
		for ; target != nil && target.SourceID == pair.ID; target, err = targets.peek() {
			candidate, err := p.course.judge.Candidate(ctx, target)
			if err != nil {
				return nil, err
			}
			pair.Candidates = append(pair.Candidates, candidate)
			targets.next()
		}
		if link, lost := p.target.lost[pair.ID]; lost {
			pair.LinkLost = &directory.MemberRef{GUID: link.TargetGUID, DN: link.DN}
			delete(p.target.lost, pair.ID)
		}
		return pair, err
	}
	return func(yield func(plan.Pair, error) bool) {
		for {
			pair, err := next()
			if err != nil {
				yield(plan.Pair{}, err)
				return
			}
			if pair == nil {
				break
			}
			if !yield(*pair, nil) {
				return
			}
		}
		for id, link := range p.target.lost { // groups that neither side has any more
			if !yield(plan.Pair{ID: id, LinkLost: &directory.MemberRef{GUID: link.TargetGUID, DN: link.DN}}, nil) {
				return
			}
		}
	}
}

// pairsOf yields the pairs of the given groups.
func (p *planner) pairsOf(ctx context.Context, ids []directory.GUID) iter.Seq2[plan.Pair, error] {
	return func(yield func(plan.Pair, error) bool) {
		for _, id := range ids {
			pair, err := p.pairOf(ctx, id)
			if err == nil && p.again != nil && len(pair.Candidates) == 0 {
				continue // do not try again to create what could not be created
			}
			if !yield(pair, err) {
				return
			}
		}
	}
}

func (p *planner) pairOf(ctx context.Context, id directory.GUID) (plan.Pair, error) {
	gen, pair := p.run.gen, plan.Pair{ID: id}
	source, ok, err := gen.SourceGroup(ctx, id)
	if err != nil {
		return pair, err
	}
	if ok {
		pair.Source = &source
	}
	staged, err := gen.Candidates(ctx, id)
	if err == nil && len(staged) > 1 && p.again == nil {
		// If an interrupted run linked another object instead, the former object may be
		// gone without a trace.
		if err = p.target.readStanding(ctx, []directory.GUID{id}); err == nil {
			staged, err = gen.Candidates(ctx, id)
		}
	}
	if err != nil {
		return pair, err
	}
	for i := range staged {
		candidate, err := p.course.judge.Candidate(ctx, &staged[i])
		if err != nil {
			return pair, err
		}
		pair.Candidates = append(pair.Candidates, candidate)
	}
	links, err := p.run.state.LinksOf(ctx, []directory.GUID{id})
	for _, l := range links {
		if !slices.ContainsFunc(pair.Candidates, func(c plan.Candidate) bool { return c.GUID == l.TargetGUID }) {
			pair.LinkLost = &directory.MemberRef{GUID: l.TargetGUID, DN: l.DN}
		}
	}
	return pair, err
}

// cursor walks through a listing page by page.
type cursor[T any] struct {
	read func(after *T) ([]T, error)
	page []T
	last *T
	end  bool
}

// peek returns the next element without consuming it, or nil at the end.
func (c *cursor[T]) peek() (*T, error) {
	if len(c.page) == 0 && !c.end {
		page, err := c.read(c.last)
		if err != nil {
			return nil, err
		}
		c.page, c.end = page, len(page) == 0
	}
	if len(c.page) == 0 {
		return nil, nil
	}
	return &c.page[0], nil
}

func (c *cursor[T]) next() {
	c.last, c.page = &c.page[0], c.page[1:]
}

func guidsOf(refs []directory.MemberRef) []directory.GUID {
	out := make([]directory.GUID, len(refs))
	for i, ref := range refs {
		out[i] = ref.GUID
	}
	slices.SortFunc(out, directory.GUID.Compare)
	return out
}
