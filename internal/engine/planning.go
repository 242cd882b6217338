package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// planStep walks through both staged sides in the order of the cloud group's
// id, plans each pair by itself, and spools the changes.
func (r *run) planStep(ctx context.Context) error {
	last, ok, err := r.state.LastComplete(ctx)
	if err != nil {
		return err
	}
	r.tally.Missing = len(r.lost)
	if ok {
		r.tally.SourceBefore = last.SourceGroups
	}
	p := planner{run: r}
	sources := cursor[directory.SourceGroup]{read: func(after *directory.SourceGroup) ([]directory.SourceGroup, error) {
		var key directory.GUID
		if after != nil {
			key = after.ID
		}
		return r.state.SourceGroups(ctx, r.record.ID, key, listBatch)
	}}
	staged := cursor[StagedTarget]{read: func(after *StagedTarget) ([]StagedTarget, error) {
		var key TargetKey
		if after != nil {
			key = TargetKey{after.SourceID, after.GUID}
		}
		return r.state.TargetGroups(ctx, r.record.ID, key, listBatch)
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
			pair.Candidates = append(pair.Candidates, r.candidate(target))
			staged.next()
		}
		if err != nil {
			return err
		}
		if err := p.add(ctx, pair); err != nil {
			return err
		}
		r.progress("plan", done, r.record.SourceGroups, "Planning")
	}
	r.record.SourceGroups = r.tally.SourceNow
	for id := range r.lost { // those that neither side has any more
		if err := p.add(ctx, plan.Pair{ID: id}); err != nil {
			return err
		}
	}
	if err := p.finish(ctx); err != nil {
		return err
	}
	return nil
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

func (r *run) candidate(t *StagedTarget) plan.Candidate {
	return plan.Candidate{TargetGroup: t.TargetGroup, Linked: t.Linked, Adopted: t.Adopted, Place: r.place(t.DN)}
}

// planner plans pairs and gathers what has to be asked in batches: the
// presence of groups that the tenant's list lacks, and who holds a name.
type planner struct {
	*run
	names  plan.Names
	absent []plan.Pair // to be asked for singly
	named  []planned   // changes that set a name
	soa    []planned   // skips of groups that once stood in AD
	spool  []planned
	size   int // member values in spool
}

// planned is a change with the number of members its object has now.
type planned struct {
	plan.Change
	values int
}

func (p *planner) add(ctx context.Context, pair plan.Pair) error {
	if link, lost := p.lost[pair.ID]; lost {
		pair.LinkLost = &directory.MemberRef{GUID: link.TargetGUID, DN: link.DN}
		delete(p.lost, pair.ID)
	}
	if pair.Source == nil {
		p.absent = append(p.absent, pair)
		if len(p.absent) < listBatch {
			return nil
		}
		return p.askPresence(ctx)
	}
	var err error
	pair.Hidden = p.hidden(pair.Source)
	if pair.Membership, err = p.state.SourceMembership(ctx, p.record.ID, pair.ID); err != nil {
		return err
	}
	if pair.Membership.Incomplete != "" && !pair.Hidden {
		p.doubts++
	}
	for reason, n := range pair.Membership.Unwritten {
		if reason.Unknown() {
			p.record.UnknownMembers += n
		} else {
			p.record.UnwrittenMembers += n
		}
	}
	return p.plan(ctx, &pair)
}

// askPresence asks the tenant for each group that its list lacks and that we
// would otherwise have to judge by its absence (rule 6).
func (p *planner) askPresence(ctx context.Context) error {
	var ids []directory.GUID
	for _, pair := range p.absent {
		if pair.LinkLost != nil || slices.ContainsFunc(pair.Candidates, func(c plan.Candidate) bool { return c.Linked }) {
			ids = append(ids, pair.ID)
		}
	}
	presence := map[directory.GUID]Presence{}
	if len(ids) > 0 {
		var err error
		presence, err = p.source.Presence(ctx, SourceSelection{}, ids)
		if err != nil && (ctx.Err() != nil || !HasID(err, StopAccessTokenExpired)) {
			return fmt.Errorf("asking the tenant for %d groups singly: %w", len(ids), err)
		}
		p.expired = p.expired || err != nil
	}
	for _, pair := range p.absent {
		pair.Presence = string(presence[pair.ID])
		if err := p.plan(ctx, &pair); err != nil {
			return err
		}
	}
	p.absent = nil
	return nil
}

func (p *planner) plan(ctx context.Context, pair *plan.Pair) error {
	var ours []*plan.Candidate
	linked := false
	values := map[directory.GUID]int{}
	for i := range pair.Candidates {
		c := &pair.Candidates[i]
		if pair.Source != nil {
			var err error
			if c.Values, err = p.state.TargetMembership(ctx, p.record.ID, c.GUID); err != nil {
				return err
			}
		}
		linked = linked || c.Linked
		values[c.GUID] = len(c.Values)
		if c.Ours(pair.ID, &p.rules) {
			ours = append(ours, c)
			p.tally.Memberships += len(c.Values)
			p.formerLeft = p.formerLeft || c.Place == plan.InFormerContainer
		}
	}
	if len(ours) > 0 || pair.LinkLost != nil {
		p.tally.Links++
	}
	for _, change := range plan.Group(pair, &p.rules) {
		p.relink(pair, &change)
		if change.Action == plan.Adopt {
			p.tally.Memberships += values[change.TargetGUID]
		}
		var err error
		switch waiting := (planned{change, values[change.TargetGUID]}); {
		case plan.NeedsName(&change):
			if p.named = append(p.named, waiting); len(p.named) >= nameBatch {
				err = p.askNames(ctx)
			}
		case change.Reason == plan.ReasonAuthorityMoved:
			if p.soa = append(p.soa, waiting); len(p.soa) >= nameBatch {
				err = p.askSIDs(ctx)
			}
		default:
			err = p.accept(ctx, waiting)
		}
		if err != nil {
			return err
		}
	}
	if pair.Source != nil && len(ours) == 1 && !linked { // a lost state does not know it (rule 3)
		p.relinks = append(p.relinks, Link{SourceID: pair.ID, TargetGUID: ours[0].GUID, DN: ours[0].DN,
			Adopted: directory.HasAdoptedStamp(ours[0].ExtensionName, p.rules.TenantID)})
	}
	return nil
}

// relink notes links that end because both sides are gone.
func (p *planner) relink(pair *plan.Pair, change *plan.Change) {
	if change.Reason == plan.ReasonAlreadyDeleted {
		p.unlinks = append(p.unlinks, change.TargetGUID)
	}
}

// askNames finds who holds the names that the waiting changes set, in the
// container and in the domain (rule 22).
func (p *planner) askNames(ctx context.Context) error {
	if len(p.named) == 0 {
		return nil
	}
	names := make([]Name, len(p.named))
	for i := range p.named {
		names[i] = wanted(&p.named[i].Change)
	}
	holders, err := p.target.Holders(ctx, p.rules.Container, names)
	if err != nil {
		return fmt.Errorf("looking for the names of %d groups: %w", len(names), err)
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
	waiting := p.named
	p.named = nil
	for i, change := range waiting {
		for _, c := range p.names.Take(change.Change, cn[strings.ToLower(names[i].CN)], sam[strings.ToLower(names[i].SAMAccountName)]) {
			if err := p.accept(ctx, planned{c, change.values}); err != nil {
				return err
			}
		}
	}
	return nil
}

// askSIDs names the objects that the groups were which were moved to the cloud
// (rule 25), so that an administrator can find them.
func (p *planner) askSIDs(ctx context.Context) error {
	if len(p.soa) == 0 {
		return nil
	}
	sids := make([]directory.SID, len(p.soa))
	for i := range p.soa {
		sids[i] = p.soa[i].OnPremisesSID
	}
	found, err := p.target.BySID(ctx, sids)
	if err != nil {
		return fmt.Errorf("looking for the objects of %d groups that were moved to the cloud: %w", len(sids), err)
	}
	waiting := p.soa
	p.soa = nil
	for _, c := range waiting {
		if ref, ok := found[c.OnPremisesSID]; ok {
			c.TargetGUID, c.DN = ref.GUID, ref.DN
			c.Message += " It stands there still: " + ref.DN + "."
		}
		if err := p.accept(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// wanted returns the names that a change sets. A group that is moved and not
// renamed takes the name it has along.
func wanted(c *plan.Change) Name {
	var n Name
	if values, ok := c.Attribute(plan.AttrCN); ok && len(values) > 0 {
		n.CN = values[0]
	} else if dn, err := directory.ParseDN(c.DN); err == nil && c.Action == plan.Move && len(dn) > 0 {
		n.CN = dn[0].Value
	}
	if values, ok := c.Attribute(plan.AttrSAMAccountName); ok && len(values) > 0 {
		n.SAMAccountName = values[0]
	}
	return n
}

// accept counts a change and puts it into the spool.
func (p *planner) accept(ctx context.Context, c planned) error {
	p.record.Planned.Add(&c.Change)
	p.tally.Add(&c.Change, c.values, &p.limits, p.consent)
	switch c.Reason {
	case plan.ReasonNameClash, plan.ReasonDisputed, plan.ReasonMarkRemoved, plan.ReasonPresenceUnknown:
		p.doubts++
	}
	p.spool = append(p.spool, c)
	p.size += len(c.Add) + len(c.Remove)
	if len(p.spool) < listBatch && p.size < stageMembers {
		return nil
	}
	return p.flush(ctx)
}

func (p *planner) flush(ctx context.Context) error {
	changes := make([]plan.Change, len(p.spool))
	for i, c := range p.spool {
		changes[i] = c.Change
	}
	p.spool, p.size = nil, 0
	return p.state.Spool(ctx, p.record.ID, changes)
}

func (p *planner) finish(ctx context.Context) error {
	if err := p.askPresence(ctx); err != nil {
		return err
	}
	if err := p.askNames(ctx); err != nil {
		return err
	}
	if err := p.askSIDs(ctx); err != nil {
		return err
	}
	return p.flush(ctx)
}

// limitStep stops the run before its first write when the plan goes too far
// (rule 27).
func (r *run) limitStep(ctx context.Context) error {
	r.progress("limits", 0, 0, "Checking the limits")
	exceeded := r.tally.Exceeded(&r.limits, r.consent)
	if exceeded == nil {
		return nil
	}
	return &stop{exceeded.Reason, exceeded.Message + " Nothing was exported. Look at the plan, and if it is right run the sync again with -AllowOnce " + r.record.PlanID + "."}
}
