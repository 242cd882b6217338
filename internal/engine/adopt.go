package engine

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// given reports whether anything is agreed to, or taken back.
func (a *Adoption) given() bool { return a.Adopt != nil || a.AdoptPlan != "" || len(a.AdoptGroups) > 0 }

// agrees reports whether somebody has looked at what others wrote.
func (a *Adoption) agrees() bool { return a.looks() || a.AdoptPlan != "" }

// looks reports whether both directories have to be looked at for it.
func (a *Adoption) looks() bool { return a.Adopt != nil && *a.Adopt || len(a.AdoptGroups) > 0 }

// agree returns what may be adopted once the request holds, and takes the groups
// that it names off those that were let go of. It stores nothing.
func (a *Adoption) agree(ctx context.Context, e *Engine, state State, c *connection, settings *Settings) ([]Link, error) {
	agreed := consents{}
	released := settings.released()
	switch {
	case a.AdoptPlan != "" && a.Adopt != nil && *a.Adopt:
		return nil, &Error{Category: InvalidArgument, ID: "InvalidParameter", Object: "adoptPlan", Message: "Both adopt and adoptPlan are given.", Advice: "Give one of them."}
	case a.AdoptPlan != "":
		adopts, err := adoptsOf(ctx, state, a.AdoptPlan)
		if err != nil {
			return nil, err
		}
		for _, l := range adopts {
			if !released[l.SourceID] {
				agreed.add(l)
			}
		}
	case a.Adopt == nil:
		before, err := state.AdoptSet(ctx)
		if err != nil {
			return nil, err
		}
		for _, l := range before {
			agreed.add(l)
		}
	}
	if !a.looks() {
		return agreed.list(), nil
	}
	if n := len(a.AdoptGroups); n > maxNamed {
		return nil, invalidParameter("adoptGroups", fmt.Sprintf("%d groups", n), fmt.Sprintf("at most %d", maxNamed))
	}
	wanted := make([]Identity, len(a.AdoptGroups))
	for i, text := range a.AdoptGroups {
		var err error
		if wanted[i], err = identify("adoptGroups", text); err != nil {
			return nil, err
		}
	}
	progressOf(ctx).begin("adopt", "Looking at the groups to adopt")
	r := e.newRun(ctx, state, *c, *settings, PreviewRun)
	pairs, err := r.adoptable(ctx, wanted)
	if err != nil {
		return nil, err
	}
	if a.Adopt != nil {
		for i := range pairs {
			// Which of two it is somebody has to say by name, and what was let go of
			// is taken back by name only.
			if found := plan.Adoptable(&pairs[i], &r.rules); len(found) == 1 && len(pairs[i].Candidates) == 1 && !released[pairs[i].ID] {
				agreed.add(Link{SourceID: pairs[i].ID, TargetGUID: found[0].GUID, DN: found[0].DN})
			}
		}
	}
	for i := range wanted {
		link, err := r.adoptOne(ctx, &wanted[i], pairs)
		if err != nil {
			return nil, err
		}
		if !link.TargetGUID.IsZero() {
			agreed.add(link)
		} else if released[link.SourceID] {
			settings.InitialPending = true // else nothing tells the next run of it
		}
		settings.ReleasedGroups = slices.DeleteFunc(slices.Clone(settings.ReleasedGroups), func(g ReleasedGroup) bool { return g.ID == link.SourceID })
	}
	return agreed.list(), nil
}

// maxNamed bounds the groups that may be named in one request.
const maxNamed = 1_000

// consents are what may be adopted, by the cloud group.
type consents map[directory.GUID]Link

// add puts a pair in the place of any other of its group or its object.
func (c consents) add(link Link) {
	maps.DeleteFunc(c, func(_ directory.GUID, l Link) bool { return l.TargetGUID == link.TargetGUID })
	c[link.SourceID] = link
}

func (c consents) list() []Link {
	return slices.SortedFunc(maps.Values(c), func(a, b Link) int { return a.TargetGUID.Compare(b.TargetGUID) })
}

// adoptsOf lists what a plan adopts.
func adoptsOf(ctx context.Context, state State, planID string) ([]Link, error) {
	shown, err := state.RunByPlan(ctx, planID)
	if err != nil {
		return nil, err
	}
	var adopts []Link
	for after := int64(0); ; {
		changes, err := state.Changes(ctx, shown.ID, 0, after, listBatch, false)
		if err != nil {
			return nil, err
		}
		for i := range changes {
			if c := &changes[i]; c.Action == plan.Adopt {
				adopts = append(adopts, Link{SourceID: c.SourceID, TargetGUID: c.TargetGUID, DN: c.DN})
			}
		}
		if len(changes) < listBatch {
			break
		}
		after = changes[len(changes)-1].ID
	}
	if adopts == nil {
		return nil, invalidParameter("adoptPlan", planID, "the plan id of a preview that adopts something")
	}
	return adopts, nil
}

// adoptable reads what could be adopted as things stand now: each group in scope
// for which something stands in Active Directory that is not ours yet, and each
// that is wanted by name.
func (r *run) adoptable(ctx context.Context, wanted []Identity) ([]plan.Pair, error) {
	if err := r.locate(ctx); err != nil {
		return nil, err
	}
	var err error
	if r.watermark, err = r.state.Watermark(ctx); err != nil {
		return nil, err
	}
	if err := r.chooseScope(ctx); err != nil {
		return nil, err
	}
	marked, err := r.unlinkedMarked(ctx)
	if err != nil {
		return nil, err
	}
	found := map[directory.GUID]plan.Pair{}
	read := 0
	err = r.source.Groups(ctx, r.selection, func(page []directory.SourceGroup) error {
		read += len(page)
		r.read(read, "Reading the groups of the tenant")
		for _, g := range r.inScope(page) {
			named := slices.ContainsFunc(wanted, func(w Identity) bool { return w.group(&g) })
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
	for batch := range slices.Chunk(pairs, nameBatch) {
		if err := r.addLinked(ctx, batch); err != nil {
			return nil, err
		}
		var moved []*plan.Pair
		for i := range batch {
			if r.wasInAD(&batch[i]) {
				moved = append(moved, &batch[i])
			}
		}
		if err := r.addBySID(ctx, moved); err != nil {
			return nil, err
		}
	}
	return pairs, nil
}

// unlinkedMarked reads the marked groups of the containers, and those of the
// domain that carry our stamp, that are not linked, by the cloud group.
func (r *run) unlinkedMarked(ctx context.Context) (map[directory.GUID][]plan.Candidate, error) {
	found := map[directory.GUID][]plan.Candidate{}
	seen := map[directory.GUID]bool{}
	look := batched(askBatch, func(groups []directory.TargetGroup) error {
		groups = slices.DeleteFunc(groups, func(g directory.TargetGroup) bool { return seen[g.GUID] })
		targets, err := withLinks(ctx, r.state, groups)
		if err == nil {
			err = r.ask(ctx, targets)
		}
		if err != nil {
			return err
		}
		for i := range targets {
			t := &targets[i]
			if seen[t.GUID] || t.Linked || t.SourceID.IsZero() {
				continue
			}
			seen[t.GUID] = true
			candidate, err := r.candidate(ctx, t)
			if err != nil {
				return err
			}
			found[t.SourceID] = append(found[t.SourceID], candidate)
		}
		return nil
	})
	for _, container := range r.containers {
		if err := r.target.Groups(ctx, container.GUID, false, look.add); err != nil {
			return nil, fmt.Errorf("reading the groups in %s: %w", container.DN, err)
		}
	}
	if err := r.target.StampedGroups(ctx, directory.Stamp(r.settings.Tenant.ID), look.add); err != nil {
		return nil, fmt.Errorf("looking for our stamp in the domain: %w", err)
	}
	return found, look.flush()
}

// addLinked adds to each pair the linked object, wherever it stands.
func (r *run) addLinked(ctx context.Context, pairs []plan.Pair) error {
	ids := make([]directory.GUID, len(pairs))
	for i := range pairs {
		ids[i] = pairs[i].ID
	}
	links, err := r.state.LinksOf(ctx, ids)
	if err != nil || len(links) == 0 {
		return err
	}
	objects, err := headers(ctx, r.target, targets(links))
	if err != nil {
		return fmt.Errorf("looking up linked groups: %w", err)
	}
	linked, err := withLinks(ctx, r.state, objects)
	if err != nil {
		return err
	}
	for i := range linked {
		candidate, err := r.candidate(ctx, &linked[i])
		if err != nil {
			return err
		}
		at := slices.IndexFunc(pairs, func(p plan.Pair) bool { return p.ID == linked[i].SourceID })
		pairs[at].Candidates = append(pairs[at].Candidates, candidate)
	}
	return nil
}

// adoptRules is what may be adopted in the form of the plan.
func (r *run) adoptRules() map[directory.GUID]directory.GUID {
	adopt := make(map[directory.GUID]directory.GUID, len(r.adopts))
	for _, l := range r.adopts {
		adopt[l.TargetGUID] = l.SourceID
	}
	return adopt
}

// adoptOne finds the one object that an administrator means. The answer has no
// object where none is needed: the group is ours, or it was let go of and what
// stood for it is gone, so that it is written like any other again.
func (r *run) adoptOne(ctx context.Context, wanted *Identity, pairs []plan.Pair) (Link, error) {
	var groups, objects []*plan.Pair
	for i := range pairs {
		if wanted.group(pairs[i].Source) {
			groups = append(groups, &pairs[i])
		} else if len(wanted.objects(pairs[i].Candidates)) > 0 {
			objects = append(objects, &pairs[i])
		}
	}
	found := groups
	if len(groups) == 0 { // the tenant's names go first: those in AD others may write
		found = objects
	}
	switch {
	case len(found) == 0:
		// An object of ours is named by what it has in AD.
		known, err := standingFor(ctx, r.state, wanted)
		if err != nil {
			return Link{}, err
		}
		if len(known) == 1 {
			if links, err := r.state.LinksTo(ctx, []directory.GUID{known[0].TargetGUID}); err != nil || len(links) == 1 {
				return Link{SourceID: known[0].ID}, err
			}
		}
		return Link{}, &Error{Category: ObjectNotFound, ID: "GroupNotFound", Object: wanted.text,
			Message: "This is no group in scope, nor an object in the containers that stands for one.",
			Advice:  "Give the objectGUID, the DN, the object id in the tenant or exactly the display name. Get-GroupWritebackChange lists what is foreign."}
	case len(found) > 1:
		names := make([]string, len(found))
		for i, p := range found {
			names[i] = fmt.Sprintf("%s (%s)", p.Source.DisplayName(), p.ID)
		}
		return Link{}, ambiguous(wanted.text, names)
	}
	pair := found[0]
	link := Link{SourceID: pair.ID}
	may := plan.Adoptable(pair, &r.rules)
	if len(groups) == 0 {
		may = slices.DeleteFunc(may, func(c *plan.Candidate) bool { return !wanted.object(c) })
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
		return Link{}, ambiguous(wanted.text, names)
	}
	i := slices.IndexFunc(pair.Candidates, func(c plan.Candidate) bool { return c.Ours(pair.ID, &r.rules) })
	if i >= 0 && (len(groups) > 0 || wanted.object(&pair.Candidates[i])) {
		return link, nil // it is ours
	}
	why, err := r.whyNot(ctx, pair)
	if why == "" {
		return link, err
	}
	return Link{}, &Error{Category: InvalidState, ID: "NotAdoptable", Object: wanted.text, Message: why, Advice: "Change what the message names, then try again."}
}

// whyNot says why nothing can be adopted as the group; nothing when it was let
// go of and no object stands for it any more.
func (r *run) whyNot(ctx context.Context, pair *plan.Pair) (string, error) {
	if len(pair.Candidates) > 0 {
		rules := r.rules
		rules.Released = nil
		for _, c := range plan.Group(pair, &rules) {
			if c.Action == plan.Skip {
				return c.Message, nil
			}
		}
		return "Another object stands for the group.", nil
	}
	i := slices.IndexFunc(r.settings.ReleasedGroups, func(g ReleasedGroup) bool { return g.ID == pair.ID })
	if i < 0 {
		return "Nothing stands for the group in Active Directory, so there is nothing to adopt: the next run creates it.", nil
	}
	left, err := headers(ctx, r.target, []directory.GUID{r.settings.ReleasedGroups[i].TargetGUID})
	if err != nil || len(left) == 0 {
		return "", err
	}
	return "The object that was let go of stands outside the target container, at " + left[0].DN + ". Move it there first.", nil
}
