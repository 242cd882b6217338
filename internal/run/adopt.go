package run

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"groupwriteback/internal/batch"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/identity"
	"groupwriteback/internal/owner"
	"groupwriteback/internal/plan"
)

// Adoptable is what could be adopted as things stand: the groups in scope that have an
// object in Active Directory that is not ours yet, and the groups that are wanted by
// name.
type Adoptable struct {
	run    *run
	course *course
	pairs  []plan.Pair
}

// FindAdoptable reads both sides and returns what could be adopted.
func FindAdoptable(ctx context.Context, g *Ground, wanted []identity.Identity) (*Adoptable, error) {
	c := newCourse(newRun(ctx, g, contract.PreviewRun))
	r := &Adoptable{run: c.run, course: c}
	err := r.course.locate(ctx)
	if err != nil {
		return nil, err
	}
	if r.course.watermark, err = r.run.state.Watermark(ctx); err != nil {
		return nil, err
	}
	if err := r.course.chooseScope(ctx); err != nil {
		return nil, err
	}
	marked, err := r.unlinkedMarked(ctx)
	if err != nil {
		return nil, err
	}
	found := map[directory.GUID]plan.Pair{}
	read := 0
	err = r.run.source.Groups(ctx, r.course.selection, func(page []directory.SourceGroup) error {
		read += len(page)
		r.run.meter.Read(read, "Reading the groups of the tenant")
		for _, g := range r.course.inScope(page) {
			named := slices.ContainsFunc(wanted, func(w identity.Identity) bool { return w.Group(&g) })
			if pair := (plan.Pair{ID: g.ID, Source: &g, Candidates: marked[g.ID]}); named || len(pair.Candidates) > 0 || g.OnPremisesSID != "" {
				found[g.ID] = pair
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the groups of the tenant: %w", err)
	}
	pairs := slices.SortedFunc(maps.Values(found), func(a, b plan.Pair) int { return a.ID.Compare(b.ID) })
	for batch := range slices.Chunk(pairs, batch.NameBatch) {
		if err := r.addLinked(ctx, batch); err != nil {
			return nil, err
		}
		var moved []*plan.Pair
		for i := range batch {
			if r.course.wasInAD(&batch[i]) {
				moved = append(moved, &batch[i])
			}
		}
		if err := r.course.addBySID(ctx, moved); err != nil {
			return nil, err
		}
	}
	r.pairs = pairs
	return r, nil
}

// Clear lists the pairs without doubt: one object, and no other, stands for the group.
func (r *Adoptable) Clear() []contract.Link {
	var links []contract.Link
	for i := range r.pairs {
		pair := &r.pairs[i]
		if found := plan.Adoptable(pair, &r.course.judge.Rules); len(found) == 1 && len(pair.Candidates) == 1 {
			links = append(links, contract.Link{SourceID: pair.ID, TargetGUID: found[0].GUID, DN: found[0].DN})
		}
	}
	return links
}

// unlinkedMarked reads, by cloud group, the marked groups of the containers and the
// groups of the domain with our stamp, as far as they are not linked.
func (r *Adoptable) unlinkedMarked(ctx context.Context) (map[directory.GUID][]plan.Candidate, error) {
	found := map[directory.GUID][]plan.Candidate{}
	look := r.course.judge.Looking(ctx, r.run.state, func(of directory.GUID, c *plan.Candidate) {
		if !c.Linked && !of.IsZero() {
			found[of] = append(found[of], *c)
		}
	})
	for _, container := range r.course.judge.Outermost() {
		if err := r.run.target.Groups(ctx, container.GUID, contract.HeaderOnly, look.Add); err != nil {
			return nil, fmt.Errorf("reading the groups in %s: %w", container.DN, err)
		}
	}
	if err := r.run.target.StampedGroups(ctx, directory.Stamp(r.run.settings.Tenant.ID), look.Add); err != nil {
		return nil, fmt.Errorf("finding the groups with our stamp in the domain: %w", err)
	}
	return found, look.Flush()
}

// addLinked adds the linked object to each pair, wherever it is.
func (r *Adoptable) addLinked(ctx context.Context, pairs []plan.Pair) error {
	ids := make([]directory.GUID, len(pairs))
	for i := range pairs {
		ids[i] = pairs[i].ID
	}
	links, err := r.run.state.LinksOf(ctx, ids)
	if err != nil || len(links) == 0 {
		return err
	}
	objects, err := owner.Headers(ctx, r.run.target, contract.Targets(links))
	if err != nil {
		return fmt.Errorf("reading the linked groups: %w", err)
	}
	linked, err := owner.WithLinks(ctx, r.run.state, objects)
	if err != nil {
		return err
	}
	for i := range linked {
		candidate, err := r.course.judge.Candidate(ctx, &linked[i])
		if err != nil {
			return err
		}
		at := slices.IndexFunc(pairs, func(p plan.Pair) bool { return p.ID == linked[i].SourceID })
		pairs[at].Candidates = append(pairs[at].Candidates, candidate)
	}
	return nil
}

// One finds the object that an administrator means. The link has no object if none is
// needed: the group is ours already, or it was let go of and its object is gone, so that
// it is written again like any other group.
func (r *Adoptable) One(ctx context.Context, wanted *identity.Identity) (contract.Link, error) {
	var groups, objects []*plan.Pair
	for i := range r.pairs {
		if wanted.Group(r.pairs[i].Source) {
			groups = append(groups, &r.pairs[i])
		} else if len(wanted.Objects(r.pairs[i].Candidates)) > 0 {
			objects = append(objects, &r.pairs[i])
		}
	}
	found := groups
	if len(groups) == 0 { // the tenant's names come first, because others may write the names in AD
		found = objects
	}
	switch {
	case len(found) == 0:
		// An object of ours has its own names in AD.
		known, err := identity.StandingFor(ctx, r.run.state, wanted)
		if err != nil {
			return contract.Link{}, err
		}
		if len(known) == 1 {
			if links, err := r.run.state.LinksTo(ctx, []directory.GUID{known[0].TargetGUID}); err != nil || len(links) == 1 {
				return contract.Link{SourceID: known[0].ID}, err
			}
		}
		return contract.Link{}, &contract.Error{Category: contract.ObjectNotFound, ID: "GroupNotFound", Object: wanted.Text,
			Message: "This is neither a group in scope nor an object in the containers that belongs to one.",
			Advice:  "Specify the objectGUID, the DN, the object id in the tenant or the exact display name. Get-GroupWritebackChange lists foreign objects."}
	case len(found) > 1:
		names := make([]string, len(found))
		for i, p := range found {
			names[i] = fmt.Sprintf("%s (%s)", p.Source.DisplayName(), p.ID)
		}
		return contract.Link{}, identity.Ambiguous(wanted.Text, names)
	}
	pair := found[0]
	link := contract.Link{SourceID: pair.ID}
	may := plan.Adoptable(pair, &r.course.judge.Rules)
	if len(groups) == 0 {
		may = slices.DeleteFunc(may, func(c *plan.Candidate) bool { return !wanted.Object(c) })
	}
	switch {
	case len(may) == 1:
		link.TargetGUID, link.DN = may[0].GUID, may[0].DN
		return link, nil
	case len(may) > 1:
		names := make([]string, len(may))
		for i, c := range may {
			names[i] = fmt.Sprintf("%s (objectGUID %s)", c.DN, c.GUID)
		}
		return contract.Link{}, identity.Ambiguous(wanted.Text, names)
	}
	i := slices.IndexFunc(pair.Candidates, func(c plan.Candidate) bool { return c.Ours(pair.ID, &r.course.judge.Rules) })
	if i >= 0 && (len(groups) > 0 || wanted.Object(&pair.Candidates[i])) {
		return link, nil // it is ours
	}
	why, err := r.whyNot(ctx, pair)
	if why == "" {
		return link, err
	}
	return contract.Link{}, &contract.Error{Category: contract.InvalidState, ID: "NotAdoptable", Object: wanted.Text, Message: why, Advice: "Correct the problem that the message describes, then try again."}
}

// whyNot says why nothing can be adopted for the group. It returns "" if the group was
// let go of and no object stands for it any more.
func (r *Adoptable) whyNot(ctx context.Context, pair *plan.Pair) (string, error) {
	if len(pair.Candidates) > 0 {
		rules := r.course.judge.Rules
		rules.Released = nil
		for _, c := range plan.Group(pair, &rules) {
			if c.Action == plan.Skip {
				return c.Message, nil
			}
		}
		return "Another object belongs to the group.", nil
	}
	i := slices.IndexFunc(r.run.settings.ReleasedGroups, func(g contract.ReleasedGroup) bool { return g.ID == pair.ID })
	if i < 0 {
		return "The group has no object in Active Directory, so there is nothing to adopt. The next run creates one.", nil
	}
	left, err := owner.Headers(ctx, r.run.target, []directory.GUID{r.run.settings.ReleasedGroups[i].TargetGUID})
	if err != nil || len(left) == 0 {
		return "", err
	}
	return "The released object is outside the target container, at " + left[0].DN + ". Move it to the container first.", nil
}
