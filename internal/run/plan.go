package run

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"groupwriteback/internal/batch"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/owner"
	"groupwriteback/internal/plan"
)

// planStep plans each cloud group by itself, with what stands for it in Active
// Directory, and spools the changes: every group in an Initial run, those that
// were touched in a Delta run.
func (r *Run) planStep(ctx context.Context) error {
	last, ok, err := r.state.LastComplete(ctx)
	if err != nil {
		return err
	}
	if ok && r.watermark.Scope == r.scopeKey() { // else it may shrink by intent
		r.tally.SourceBefore = cmp.Or(last.SourceBaseline, last.SourceGroups)
	}
	r.record.TargetHeld = last.TargetHeld
	p := newPlanner(ctx, r)
	switch {
	case r.record.PolicyType == contract.Initial:
		err = p.planAll(ctx)
	case len(r.touched) == 0 && ok: // the counts would go through all groups
		r.record.UnknownMembers, r.record.UnwrittenMembers = last.UnknownMembers, last.UnwrittenMembers
		r.tally.Links, r.tally.SourceNow = r.record.LinkedGroups, last.SourceGroups
	default:
		r.record.UnknownMembers, r.record.UnwrittenMembers = last.UnknownMembers, last.UnwrittenMembers
		r.tally.Links = r.record.LinkedGroups
		if r.tally.SourceNow, err = r.gen.CountSourceGroups(ctx); err != nil {
			return err
		}
		err = p.planTouched(ctx, slices.SortedFunc(maps.Keys(r.touched), directory.GUID.Compare))
	}
	if err == nil && last.TargetHeld {
		// What was missing then is still missing, or has come back since.
		r.tally.Missing, err = r.countMissingNow(ctx)
	}
	r.record.SourceGroups, r.record.MissingGroups = r.tally.SourceNow, r.tally.Missing
	if err != nil {
		return err
	}
	return r.forgetSkips(ctx)
}

// countMissingNow counts all the linked objects that are nowhere in the domain.
func (r *Run) countMissingNow(ctx context.Context) (n int, err error) {
	for after := (directory.GUID{}); ; {
		links, err := r.gen.UnstagedLinks(ctx, after, batch.ListBatch)
		if n += len(links); err != nil || len(links) < batch.ListBatch {
			return n, err
		}
		after = links[len(links)-1].TargetGUID
	}
}

// planAll walks through both staged sides in the order of the cloud group's id.
func (p *planner) planAll(ctx context.Context) error {
	r := p.Run
	for id := range r.unseen { // those that neither side shows are to be asked for again
		r.setPending(id, true)
	}
	sources := cursor[directory.SourceGroup]{read: func(after *directory.SourceGroup) ([]directory.SourceGroup, error) {
		var key directory.GUID
		if after != nil {
			key = after.ID
		}
		return r.gen.SourceGroups(ctx, key, batch.ListBatch)
	}}
	staged := cursor[contract.StagedTarget]{read: func(after *contract.StagedTarget) ([]contract.StagedTarget, error) {
		var key contract.TargetKey
		if after != nil {
			key = contract.TargetKey{SourceID: after.SourceID, GUID: after.GUID}
		}
		page, err := r.gen.TargetGroups(ctx, key, batch.ListBatch)
		if err == nil {
			err = r.Ask(ctx, page)
		}
		return page, err
	}}
	for done := 0; ; done++ {
		source, err := sources.peek()
		if err != nil {
			return err
		}
		target, err := staged.peek()
		if err != nil {
			return err
		}
		if source == nil && target == nil {
			break
		}
		pair := plan.Pair{}
		if source != nil && (target == nil || source.ID.Compare(target.SourceID) <= 0) {
			pair.ID, pair.Source = source.ID, source
			r.tally.SourceNow++ // not as it was listed: pages may repeat a group
			sources.next()
		} else {
			pair.ID = target.SourceID
		}
		for ; target != nil && target.SourceID == pair.ID; target, err = staged.peek() {
			candidate, err := r.Candidate(ctx, target)
			if err != nil {
				return err
			}
			pair.Candidates = append(pair.Candidates, candidate)
			staged.next()
		}
		if err != nil {
			return err
		}
		if link, lost := r.lost[pair.ID]; lost {
			pair.LinkLost = &directory.MemberRef{GUID: link.TargetGUID, DN: link.DN}
			delete(r.lost, pair.ID)
		}
		if err := p.add(ctx, pair); err != nil {
			return err
		}
		r.At(done, r.record.SourceGroups, "Planning")
	}
	for id, link := range r.lost { // those that neither side has any more
		if err := p.add(ctx, plan.Pair{ID: id, LinkLost: &directory.MemberRef{GUID: link.TargetGUID, DN: link.DN}}); err != nil {
			return err
		}
	}
	return p.finish()
}

// planTouched plans the named groups.
func (p *planner) planTouched(ctx context.Context, ids []directory.GUID) error {
	r := p.Run
	for done, id := range ids {
		pair := plan.Pair{ID: id}
		source, ok, err := r.gen.SourceGroup(ctx, id)
		if err != nil {
			return err
		}
		if ok {
			pair.Source = &source
		}
		staged, err := r.gen.Candidates(ctx, id)
		if err == nil && len(staged) > 1 && !p.again {
			// One that has had its link taken over by another, made by a run that was
			// broken off, may be gone without a trace.
			if err = r.readStanding(ctx, []directory.GUID{id}); err == nil {
				staged, err = r.gen.Candidates(ctx, id)
			}
		}
		if err != nil {
			return err
		}
		for i := range staged {
			candidate, err := r.Candidate(ctx, &staged[i])
			if err != nil {
				return err
			}
			pair.Candidates = append(pair.Candidates, candidate)
		}
		links, err := r.state.LinksOf(ctx, []directory.GUID{id})
		if err != nil {
			return err
		}
		for _, l := range links {
			if !slices.ContainsFunc(pair.Candidates, func(c plan.Candidate) bool { return c.GUID == l.TargetGUID }) {
				pair.LinkLost = &directory.MemberRef{GUID: l.TargetGUID, DN: l.DN}
			}
		}
		if p.again && len(pair.Candidates) == 0 {
			continue // what could not be created is not tried twice
		}
		if err := p.add(ctx, pair); err != nil {
			return err
		}
		r.At(done, len(ids), "Planning")
	}
	return p.finish()
}

// cursor walks through a listing a page at a time.
type cursor[T any] struct {
	read func(after *T) ([]T, error)
	page []T
	last *T
	end  bool
}

// peek returns the element that next passes over, nil at the end.
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

// planner plans pairs and gathers what has to be asked in batches: the
// presence of groups that the tenant's list lacks, the objects that groups once
// were, and who holds a name.
type planner struct {
	*Run
	again  bool                    // it plans groups that the run has planned before
	waits  map[directory.GUID]bool // groups that have to be asked for again
	names  plan.Names
	absent *batch.Batch[plan.Pair] // to be asked for singly
	moved  *batch.Batch[plan.Pair] // groups that once stood in AD, to be looked for by SID
	named  *batch.Batch[planned]   // changes that set a name
	spool  *batch.Batch[planned]
}

func newPlanner(ctx context.Context, r *Run) *planner {
	p := &planner{Run: r, waits: map[directory.GUID]bool{}}
	p.absent = batch.New(batch.ListBatch, func(pairs []plan.Pair) error { return p.askPresence(ctx, pairs) })
	p.moved = batch.New(batch.NameBatch, func(pairs []plan.Pair) error { return p.askSIDs(ctx, pairs) })
	p.moved.Weight = func(pair plan.Pair) int { return len(pair.Membership.Joined) }
	p.named = batch.New(batch.NameBatch, func(changes []planned) error { return p.askNames(ctx, changes) })
	p.named.Weight = planned.members
	p.spool = batch.New(batch.ListBatch, func(changes []planned) error { return p.spoolChanges(ctx, changes) })
	p.spool.Weight = planned.members
	return p
}

// planned is a change with the number of members its object has now.
type planned struct {
	plan.Change
	values  int
	adopted bool // the object was there before us
}

func (c planned) members() int { return len(c.Add) + len(c.Remove) }

func (p *planner) add(ctx context.Context, pair plan.Pair) error {
	if err := p.countMissing(ctx, &pair); err != nil {
		return err
	}
	if pair.Source == nil {
		if err := p.countMembers(ctx, &pair); err != nil {
			return err
		}
		return p.absent.Add(pair)
	}
	var err error
	pair.Hidden = p.hidden(pair.Source)
	if pair.Membership, err = p.gen.SourceMembership(ctx, pair.ID); err != nil {
		return err
	}
	if pair.Membership.Incomplete != "" && !pair.Hidden && !p.again {
		p.doubts++
	}
	if err := p.countMembers(ctx, &pair); err != nil {
		return err
	}
	if p.wasInAD(&pair) {
		return p.moved.Add(pair)
	}
	return p.plan(ctx, &pair)
}

// countMissing counts a linked object that is nowhere in the domain, once: what
// the last run did not have either, for its group is frozen, is nothing new.
func (p *planner) countMissing(ctx context.Context, pair *plan.Pair) error {
	if pair.LinkLost == nil || p.again {
		return nil
	}
	before, err := p.before.StagedTargets(ctx, []directory.GUID{pair.LinkLost.GUID})
	p.tally.Missing += len(before)
	return err
}

// countMembers counts the members that are not written. A delta run has the
// numbers of the run before, and puts the group's present share in place of its
// former one.
func (p *planner) countMembers(ctx context.Context, pair *plan.Pair) error {
	if p.again {
		return nil
	}
	p.countUnwritten(&pair.Membership, 1)
	p.unknown += pair.Membership.Unknown()
	if p.record.PolicyType == contract.Initial {
		return nil
	}
	before, err := p.before.SourceMembership(ctx, pair.ID)
	p.countUnwritten(&before, -1)
	return err
}

// wasInAD reports whether the group was moved to the cloud from AD, and no object
// is known to stand for it.
func (r *Run) wasInAD(pair *plan.Pair) bool {
	known := func(c plan.Candidate) bool { return c.Linked || c.Ours(pair.ID, &r.Rules) }
	return pair.Source.OnPremisesSID != "" && !slices.ContainsFunc(pair.Candidates, known)
}

// askSIDs finds the objects that the groups were which were moved to the cloud
// (rule 25), so that they can be adopted, or at least named.
func (p *planner) askSIDs(ctx context.Context, moved []plan.Pair) error {
	pairs := make([]*plan.Pair, len(moved))
	for i := range moved {
		pairs[i] = &moved[i]
	}
	if err := p.addBySID(ctx, pairs); err != nil {
		return err
	}
	for _, pair := range pairs {
		for i := range pair.Candidates {
			c := &pair.Candidates[i]
			if !c.BySID || p.Rules.Adopt[c.GUID] != pair.ID && !c.Ours(pair.ID, &p.Rules) { // ours: the state was lost
				continue
			}
			stage := func(g directory.TargetGroup) error {
				return p.gen.StageTargetGroups(ctx, []directory.TargetGroup{g})
			}
			if err := p.target.GroupsByGUID(ctx, []directory.GUID{c.GUID}, true, stage); err != nil {
				return err
			}
		}
		if err := p.plan(ctx, pair); err != nil {
			return err
		}
	}
	return nil
}

// addBySID adds to each pair the object that the group was, if it stands.
func (r *Run) addBySID(ctx context.Context, pairs []*plan.Pair) error {
	if len(pairs) == 0 {
		return nil
	}
	sids := make([]directory.SID, len(pairs))
	for i, pair := range pairs {
		sids[i] = pair.Source.OnPremisesSID
	}
	refs, err := r.target.BySID(ctx, sids)
	if err != nil {
		return fmt.Errorf("looking for the objects of %s that were moved to the cloud: %w", directory.Count(len(sids), "group"), err)
	}
	for _, pair := range pairs {
		ref, ok := refs[pair.Source.OnPremisesSID]
		if !ok {
			continue
		}
		found, err := owner.Headers(ctx, r.target, []directory.GUID{ref.GUID})
		if err != nil {
			return err
		}
		if len(found) > 0 {
			candidate, err := r.Candidate(ctx, &contract.StagedTarget{TargetGroup: found[0]})
			if err != nil {
				return err
			}
			candidate.BySID = true
			pair.Candidates = append(slices.DeleteFunc(pair.Candidates, func(c plan.Candidate) bool { return c.GUID == ref.GUID }), candidate)
		}
	}
	return nil
}

// recall tells the candidates which of their values we have written, and notes what
// is ours from now on. A preview writes nothing, so it changes nothing of that.
func (p *planner) recall(ctx context.Context, pair *plan.Pair) error {
	if pair.Source == nil || !p.Rules.Mapping.Remembers() {
		return nil
	}
	written, err := p.state.Written(ctx, pair.ID)
	if err != nil {
		return err
	}
	var ours []*plan.Candidate
	for i := range pair.Candidates {
		c := &pair.Candidates[i]
		if c.Written = written; c.Ours(pair.ID, &p.Rules) {
			ours = append(ours, c)
		}
	}
	owned := p.Rules.Owned(written, pair.Source, ours)
	if p.record.Kind == contract.PreviewRun || owned.Equal(written) {
		return nil
	}
	return p.state.SaveWritten(ctx, pair.ID, owned)
}

func (p *planner) plan(ctx context.Context, pair *plan.Pair) error {
	if err := p.recall(ctx, pair); err != nil {
		return err
	}
	var ours []*plan.Candidate
	values, adopted := map[directory.GUID]int{}, map[directory.GUID]bool{}
	for i := range pair.Candidates {
		c := &pair.Candidates[i]
		if pair.Source != nil {
			var err error
			if c.Values, err = p.gen.TargetMembership(ctx, c.GUID); err != nil {
				return err
			}
			if c.Unfound, err = p.unfound(ctx, pair, c); err != nil {
				return err
			}
			if c.Primary, err = p.primary(ctx, pair, c); err != nil {
				return err
			}
		}
		values[c.GUID] = len(c.Values)
		adopted[c.GUID] = c.Adopted || directory.HasAdoptedStamp(c.ExtensionName, p.Rules.TenantID)
		if c.Ours(pair.ID, &p.Rules) {
			ours = append(ours, c)
			// What was adopted is never moved.
			p.formerLeft = p.formerLeft || c.Place == plan.InFormerContainer && !adopted[c.GUID]
		}
	}
	if p.record.PolicyType == contract.Initial && !p.again {
		for _, c := range ours {
			p.tally.Memberships += values[c.GUID]
		}
		if len(ours) > 0 || pair.LinkLost != nil {
			p.tally.Links++
		}
	}
	changes := plan.Group(pair, &p.Rules)
	if err := p.explainDrift(ctx, pair, ours, changes); err != nil {
		return err
	}
	if pair.Hidden || p.Rules.Released[pair.ID] { // its members are not waited for
		pair.Membership = plan.Membership{}
	}
	// Without a group and a link nothing waits for what stands in the way.
	waits := pair.Source != nil || linked(pair)
	p.setPending(pair.ID, p.waits[pair.ID] || waits && plan.Pending(changes, &pair.Membership))
	for _, change := range changes {
		if change.Reason == plan.ReasonAlreadyDeleted { // both sides are gone
			p.unlinks = append(p.unlinks, change.TargetGUID)
		}
		if change.Action == plan.Adopt {
			p.tally.Memberships += values[change.TargetGUID]
		}
		var err error
		if waiting := (planned{change, values[change.TargetGUID], adopted[change.TargetGUID]}); plan.NeedsName(&change) {
			err = p.named.Add(waiting)
		} else {
			err = p.accept(ctx, waiting)
		}
		if err != nil {
			return err
		}
	}
	if p.Rules.Released[pair.ID] {
		p.unlinkReleased(pair, changes)
	} else if standing := plan.Standing(pair, &p.Rules); pair.Source != nil && standing != nil && !standing.Linked { // a lost state does not know it (rule 3)
		p.relinks = append(p.relinks, contract.Link{SourceID: pair.ID, TargetGUID: standing.GUID, DN: standing.DN,
			Adopted: directory.HasAdoptedStamp(standing.ExtensionName, p.Rules.TenantID)})
		p.nested[pair.ID] = true
	}
	return nil
}

// primary returns who is a member of a security group of ours by his primary group.
func (p *planner) primary(ctx context.Context, pair *plan.Pair, c *plan.Candidate) ([]directory.GUID, error) {
	if c.GroupType >= 0 || c.SID == "" || !c.Ours(pair.ID, &p.Rules) {
		return nil, nil
	}
	accounts, err := p.target.PrimaryMembers(ctx, c.SID)
	if err != nil {
		return nil, fmt.Errorf("looking for accounts whose primary group is %s: %w", c.DN, err)
	}
	return guidsOf(accounts), nil
}

// unfound returns the values that would be removed since nobody was found for
// the members they are of: not found is not gone.
func (p *planner) unfound(ctx context.Context, pair *plan.Pair, c *plan.Candidate) ([]directory.GUID, error) {
	if pair.Membership.Unfound() == 0 {
		return nil, nil
	}
	unwanted := plan.Without(c.Values, pair.Membership.Joined)
	if len(unwanted) == 0 {
		return nil, nil
	}
	return p.gen.UnfoundAmong(ctx, pair.ID, unwanted)
}

// explainDrift says of changes that undo what somebody did in AD what that was.
// What the last committed run had staged is what AD had then.
func (p *planner) explainDrift(ctx context.Context, pair *plan.Pair, ours []*plan.Candidate, changes []plan.Change) error {
	if len(changes) == 0 || p.base == 0 || p.again || pair.Source == nil {
		return nil
	}
	for _, c := range ours {
		if !c.Linked {
			continue
		}
		staged, err := p.before.StagedTargets(ctx, []directory.GUID{c.GUID})
		if err != nil {
			return err
		}
		if len(staged) == 0 || staged[0].USNChanged == c.USNChanged {
			continue
		}
		before := p.Unowned(&staged[0])
		if before.Values, err = p.before.TargetMembership(ctx, c.GUID); err != nil {
			return err
		}
		if drift := plan.DriftBetween(&before, c, p.Rules.Mapping); drift != nil {
			p.record.DriftedGroups++
			drift.Explain(changes)
		}
	}
	return nil
}

// askNames finds who holds the names that the waiting changes set, in the
// container and in the domain (rule 22).
func (p *planner) askNames(ctx context.Context, named []planned) error {
	names := make([]contract.Name, len(named))
	for i := range named {
		names[i] = wanted(&named[i].Change)
	}
	holders, err := p.target.Holders(ctx, p.Rules.Container, names)
	if err != nil {
		return fmt.Errorf("looking for the names of %s: %w", directory.Count(len(names), "group"), err)
	}
	cn, sam := map[string]*plan.Holder{}, map[string]*plan.Holder{}
	for _, h := range holders {
		holder := &plan.Holder{GUID: h.GUID, DN: h.DN}
		if h.CN != "" {
			cn[strings.ToLower(h.CN)] = holder
		}
		if h.SAMAccountName != "" {
			sam[strings.ToLower(h.SAMAccountName)] = holder
		}
	}
	for i, change := range named {
		taken := p.names.Take(change.Change, cn[strings.ToLower(names[i].CN)], sam[strings.ToLower(names[i].SAMAccountName)])
		if plan.Pending(taken, &plan.Membership{}) {
			p.setPending(change.SourceID, true)
		}
		for _, c := range taken {
			if err := p.accept(ctx, planned{c, change.values, change.adopted}); err != nil {
				return err
			}
		}
	}
	return nil
}

// wanted returns the names that a change sets. A group that is moved and not
// renamed takes the name it has along.
func wanted(c *plan.Change) contract.Name {
	var n contract.Name
	if values, ok := c.Attribute(directory.AttrCN); ok && len(values) > 0 {
		n.CN = values[0]
	} else if dn, err := directory.ParseDN(c.DN); err == nil && c.Action == plan.Move && len(dn) > 0 {
		n.CN = dn[0].Value
	}
	if values, ok := c.Attribute(directory.AttrSAMAccountName); ok && len(values) > 0 {
		n.SAMAccountName = values[0]
	}
	return n
}

// accept counts a change and puts it into the spool. What a group was said to
// lack before is not said again.
func (p *planner) accept(ctx context.Context, c planned) error {
	if p.again {
		if c.Action == plan.Skip {
			return nil
		}
		goes, err := p.goesOn(ctx, &c.Change)
		if err != nil || goes == nil {
			return err
		}
		c.Change = *goes
	}
	anySize := false
	if c.adopted && len(c.Remove) > 0 {
		// What was held back at the adoption does not go on by itself later.
		var err error
		if anySize, err = p.state.RemovalsHeld(ctx, c.SourceID); err != nil {
			return err
		}
	}
	p.record.Planned.Add(&c.Change)
	p.tally.Add(&c.Change, c.values, anySize, p.consent)
	if p.consent != nil {
		p.bare.Add(&c.Change, c.values, anySize, nil)
	}
	if c.Reason == plan.ReasonPrimaryGroup {
		p.record.DriftedGroups++ // somebody has given the account this primary group
	}
	switch {
	case c.Beside:
	case c.Reason == plan.ReasonNameClash, c.Reason == plan.ReasonDisputed, c.Reason == plan.ReasonMarkRemoved, c.Reason == plan.ReasonPresenceUnknown,
		c.Reason == plan.ReasonPrimaryGroup:
		p.doubts++
	case c.Held:
		p.guarded++
	}
	return p.spool.Add(c)
}

// spoolChanges writes changes to the plan; of skips, which most groups that have
// one keep for good, those that are new or differ from the last one. A preview
// and a run of one group are there to be looked at, and have all.
func (p *planner) spoolChanges(ctx context.Context, accepted []planned) error {
	var changes, skips []plan.Change
	for _, c := range accepted {
		if c.Action == plan.Skip && p.record.Kind != contract.PreviewRun {
			skips = append(skips, c.Change)
		} else {
			changes = append(changes, c.Change)
		}
	}
	if len(skips) > 0 {
		fresh, err := p.gen.NewSkips(ctx, skips)
		if err != nil {
			return err
		}
		for i, c := range skips {
			// That somebody would use our rights, or came back, is told in each run.
			each := c.Reason == plan.ReasonProtected || c.Reason == plan.ReasonReturned
			if fresh[i] || p.single || each {
				changes = append(changes, c)
			}
		}
	}
	return p.gen.Spool(ctx, changes)
}

// forgetSkips ends what the groups that were planned are no longer skipped for.
func (r *Run) forgetSkips(ctx context.Context) error {
	if r.record.Kind == contract.PreviewRun || r.record.PolicyType == contract.Initial || len(r.touched) == 0 {
		return nil // of all groups the commit does so
	}
	return r.gen.ForgetSkips(ctx, slices.Collect(maps.Keys(r.touched)))
}

// finish goes from what is asked first to what follows from the answers.
func (p *planner) finish() error {
	for _, flush := range []func() error{p.absent.Flush, p.moved.Flush, p.named.Flush, p.spool.Flush} {
		if err := flush(); err != nil {
			return err
		}
	}
	return nil
}
