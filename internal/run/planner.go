package run

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"groupwriteback/internal/batch"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// planner plans pairs. It collects in batches what has to be asked: the presence of
// groups that the tenant's list lacks, the objects that groups once were, and who holds a
// name.
type planner struct {
	run    *run
	course *course
	source *sourceImport
	target *targetImport
	draft  *draft
	// again is set if the run plans groups that it has planned before.
	again within
	waits map[directory.GUID]bool // groups that must be asked for again
	names plan.Names
	// addresses are those that groups of this plan get.
	addresses plan.Addresses
	absent    *batch.Batch[plan.Pair] // to ask for singly
	moved     *batch.Batch[plan.Pair] // groups that were once in AD, to look up by SID
	mailed    *batch.Batch[mailed]    // groups that get an address, to look up in the forest
	named     *batch.Batch[planned]   // changes that set a name
	spool     *batch.Batch[planned]
}

// within returns the part of a change, planned after the limits were checked, that goes
// ahead; nil if nothing does.
type within func(context.Context, *plan.Change) (*plan.Change, error)

func newPlanner(ctx context.Context, d *draft, again within) *planner {
	r := d.resolver
	p := &planner{run: r.run, course: r.course, source: r.source, target: r.target, draft: d, again: again, waits: map[directory.GUID]bool{}}
	p.absent = batch.New(batch.ListBatch, func(pairs []plan.Pair) error { return p.askPresence(ctx, pairs) })
	p.moved = batch.New(batch.NameBatch, func(pairs []plan.Pair) error { return p.askSIDs(ctx, pairs) })
	p.moved.Weight = func(pair plan.Pair) int { return len(pair.Membership.Joined) }
	p.mailed = batch.New(batch.NameBatch, func(groups []mailed) error { return p.askAddresses(ctx, groups) })
	p.mailed.Weight = func(group mailed) int { return len(group.pair.Membership.Joined) }
	p.named = batch.New(batch.NameBatch, func(changes []planned) error { return p.askNames(ctx, changes) })
	p.named.Weight = planned.members
	p.spool = batch.New(batch.ListBatch, func(changes []planned) error { return p.spoolChanges(ctx, changes) })
	p.spool.Weight = planned.members
	return p
}

// planned is a change, with the number of members that its object has now.
type planned struct {
	plan.Change
	values  int
	adopted bool // the object existed before us
}

func (c planned) members() int { return len(c.Add) + len(c.Remove) }

// planEach plans the pairs, and then those that wait for an answer.
func (p *planner) planEach(ctx context.Context, pairs iter.Seq2[plan.Pair, error], total int) error {
	done := 0
	for pair, err := range pairs {
		if err == nil {
			err = p.add(ctx, pair)
		}
		if err != nil {
			return err
		}
		p.run.meter.At(done, total, "Planning")
		done++
	}
	return p.finish()
}

func (p *planner) add(ctx context.Context, pair plan.Pair) error {
	if err := p.countMissing(ctx, &pair); err != nil {
		return err
	}
	p.hold(&pair)
	if p.again == nil {
		p.run.tries.planned(pair.ID)
	}
	if pair.Source == nil {
		if err := p.countMembers(ctx, &pair); err != nil {
			return err
		}
		if pair.Hold != nil && len(pair.Candidates) > 0 { // whatever the tenant would say
			return p.plan(ctx, &pair)
		}
		return p.absent.Add(pair)
	}
	var err error
	pair.Hidden = p.course.hidden(pair.Source)
	if pair.Membership, err = p.run.gen.SourceMembership(ctx, pair.ID); err != nil {
		return err
	}
	if p.run.settings.UpdateManagedBy && len(pair.Source.Owners) > 0 {
		if pair.Owners, err = p.run.gen.Owners(ctx, pair.Source.Owners); err != nil {
			return err
		}
	}
	if pair.Membership.Incomplete != "" && !pair.Hidden && pair.Hold == nil && p.again == nil {
		p.run.found.doubts++
	}
	if err := p.countMembers(ctx, &pair); err != nil {
		return err
	}
	if p.course.wasInAD(&pair) {
		return p.moved.Add(pair)
	}
	return p.ready(ctx, pair)
}

// hold notes why the group is left as it is, which a lost state reads from the object.
func (p *planner) hold(pair *plan.Pair) {
	if pair.Hold = p.run.holds.now[pair.ID]; pair.Hold != nil {
		return
	}
	if lost := plan.LostHold(pair, &p.course.judge.Rules); lost != nil && lost.Holds(p.run.now()) {
		pair.Hold = lost
		p.run.holds.now[pair.ID], p.run.holds.lost[pair.ID] = lost, lost
	}
}

// ready plans a group, after its new addresses were looked up if it gets any.
func (p *planner) ready(ctx context.Context, pair plan.Pair) error {
	if pair.Hold != nil {
		return p.plan(ctx, &pair)
	}
	if keys := plan.AddressKeys(&pair, &p.course.judge.Rules); len(keys) > 0 {
		return p.mailed.Add(mailed{pair, keys})
	}
	return p.plan(ctx, &pair)
}

// mailed is a group with the keys of the addresses that it would get.
type mailed struct {
	pair plan.Pair
	keys []string
}

// askAddresses finds who in the forest holds the addresses and aliases that the groups
// would get. Without an answer their mail attributes stay as they are.
func (p *planner) askAddresses(ctx context.Context, groups []mailed) error {
	var all []string
	for _, group := range groups {
		all = append(all, group.keys...)
	}
	holders, err := p.run.target.AddressHolders(ctx, all)
	if err != nil && !contract.HasID(err, "NoGlobalCatalog") {
		return fmt.Errorf("looking for the addresses of %s: %w", directory.Count(len(groups), "group"), err)
	}
	for i := range groups {
		pair, keys := &groups[i].pair, groups[i].keys
		pair.AddressesUnknown, pair.Taken = err != nil, map[string][]plan.Holder{}
		for _, key := range keys {
			pair.Taken[key] = holders[key]
		}
		p.addresses.Claim(pair, keys)
		if err := p.plan(ctx, pair); err != nil {
			return err
		}
	}
	return nil
}

// countMissing counts a linked object that is nowhere in the domain, but only once: an
// object that the last run did not have either, because its group is frozen, is not
// counted again.
func (p *planner) countMissing(ctx context.Context, pair *plan.Pair) error {
	if pair.LinkLost == nil || p.again != nil {
		return nil
	}
	before, err := p.run.before.StagedTargets(ctx, []directory.GUID{pair.LinkLost.GUID})
	p.draft.tally.Missing += len(before)
	return err
}

// countMembers counts the members that are not written. A Delta run starts from the
// totals of the previous run and replaces the group's former share with its present one.
func (p *planner) countMembers(ctx context.Context, pair *plan.Pair) error {
	if p.again != nil {
		return nil
	}
	p.run.countUnwritten(&pair.Membership, 1)
	if pair.Hold == nil {
		p.run.found.unknown += pair.Membership.Unknown()
	}
	if p.source.whole {
		return nil
	}
	before, err := p.run.before.SourceMembership(ctx, pair.ID)
	p.run.countUnwritten(&before, -1)
	return err
}

// askSIDs finds the objects of groups that were moved to the cloud (rule 25), so that
// they can be adopted, or at least named.
func (p *planner) askSIDs(ctx context.Context, moved []plan.Pair) error {
	pairs := make([]*plan.Pair, len(moved))
	for i := range moved {
		pairs[i] = &moved[i]
	}
	if err := p.course.addBySID(ctx, pairs); err != nil {
		return err
	}
	for _, pair := range pairs {
		for i := range pair.Candidates {
			c := &pair.Candidates[i]
			if !c.BySID || p.course.judge.Rules.Adopt[c.GUID] != pair.ID && !c.Ours(pair.ID, &p.course.judge.Rules) { // ours: the state was lost
				continue
			}
			stage := func(g directory.TargetGroup) error {
				return p.run.gen.StageTargetGroups(ctx, []directory.TargetGroup{g})
			}
			if err := p.run.target.GroupsByGUID(ctx, []directory.GUID{c.GUID}, contract.WithMembers, stage); err != nil {
				return err
			}
		}
		p.hold(pair)
		if err := p.ready(ctx, *pair); err != nil {
			return err
		}
	}
	return nil
}

// recall tells each candidate which of its values we have written, and notes which are
// ours from now on. A preview writes nothing and therefore notes nothing.
func (p *planner) recall(ctx context.Context, pair *plan.Pair) error {
	if pair.Source == nil || !p.course.judge.Rules.Mapping.Remembers() {
		return nil
	}
	written, err := p.run.state.Written(ctx, pair.ID)
	if err != nil {
		return err
	}
	for i := range pair.Candidates {
		pair.Candidates[i].Written = written
	}
	if pair.Hold != nil {
		return nil
	}
	owned := p.course.judge.Rules.Owned(written, pair)
	if p.run.record.Kind == contract.PreviewRun || owned.Equal(written) {
		return nil
	}
	return p.run.state.SaveWritten(ctx, pair.ID, owned)
}

// plan plans one group with the objects that stand for it.
func (p *planner) plan(ctx context.Context, pair *plan.Pair) error {
	rules := &p.course.judge.Rules
	if err := p.recall(ctx, pair); err != nil {
		return err
	}
	if err := p.findPlaces(ctx, pair); err != nil {
		return err
	}
	objects, err := p.readObjects(ctx, pair)
	if err != nil {
		return err
	}
	if p.source.whole && p.again == nil {
		p.countLink(pair, objects)
	}
	changes := plan.Group(pair, rules)
	if _, asked := p.run.ground.Compare[pair.ID]; asked {
		p.run.ground.Compare[pair.ID] = len(changes) == 0
	}
	if err := p.explainDrift(ctx, pair, objects.ours, changes); err != nil {
		return err
	}
	if pair.Hidden || pair.Hold != nil || rules.Released[pair.ID] { // nothing waits for its members
		pair.Membership = plan.Membership{}
	}
	// Without a group and a link, nothing has to wait for an obstacle to go away.
	waits := pair.Source != nil || linked(pair)
	if p.waits[pair.ID] || waits && plan.Pending(changes, &pair.Membership) {
		p.run.setPending(pair.ID)
	} else {
		p.run.clearPending(pair.ID)
	}
	for _, change := range changes {
		if err := p.pass(ctx, planned{change, objects.values[change.TargetGUID], objects.adopted[change.TargetGUID]}); err != nil {
			return err
		}
	}
	p.relink(pair, changes)
	return nil
}

// findPlaces finds out which objects a run created or moved without noting it, because the
// answer was lost or the process died, and notes it. Whatever else is elsewhere was moved by
// an administrator.
func (p *planner) findPlaces(ctx context.Context, pair *plan.Pair) error {
	several := len(p.course.judge.Rules.Containers) > 1
	for i := range pair.Candidates {
		c := &pair.Candidates[i]
		if c.Place != plan.InContainer || c.Placed == c.Container || c.Placed.IsZero() && !several || !c.Ours(pair.ID, &p.course.judge.Rules) {
			continue
		}
		last, err := p.run.state.LastPlace(ctx, pair.ID)
		if err != nil {
			return err
		}
		if last == c.Container {
			c.Placed = last
			p.draft.relinks = append(p.draft.relinks, relink{pair.ID, c.GUID, last})
		}
	}
	return nil
}

// objects are the objects of ours that stand for a group, by objectGUID.
type objects struct {
	ours    []*plan.Candidate
	values  map[directory.GUID]int // the number of members of each object
	adopted map[directory.GUID]bool
}

// readObjects adds the members to the candidates.
func (p *planner) readObjects(ctx context.Context, pair *plan.Pair) (objects, error) {
	rules := &p.course.judge.Rules
	o := objects{values: map[directory.GUID]int{}, adopted: map[directory.GUID]bool{}}
	for i := range pair.Candidates {
		c := &pair.Candidates[i]
		if pair.Source != nil {
			if err := p.readMembers(ctx, pair, c); err != nil {
				return o, err
			}
		}
		o.values[c.GUID] = len(c.Values)
		o.adopted[c.GUID] = c.Adopted || directory.HasAdoptedStamp(c.ExtensionName, rules.TenantID)
		if c.Ours(pair.ID, rules) {
			o.ours = append(o.ours, c)
			// Adopted objects are never moved.
			p.draft.formerLeft = p.draft.formerLeft || c.LeftBehind() && !o.adopted[c.GUID]
		}
	}
	return o, nil
}

func (p *planner) readMembers(ctx context.Context, pair *plan.Pair, c *plan.Candidate) (err error) {
	if c.Values, err = p.run.gen.TargetMembership(ctx, c.GUID); err != nil {
		return err
	}
	if c.Unfound, err = p.unfound(ctx, pair, c); err != nil {
		return err
	}
	c.Primary, err = p.primary(ctx, pair, c)
	return err
}

// countLink counts a linked group and the members of its object.
func (p *planner) countLink(pair *plan.Pair, o objects) {
	for _, c := range o.ours {
		p.draft.tally.Memberships += o.values[c.GUID]
	}
	if len(o.ours) > 0 || pair.LinkLost != nil {
		p.draft.tally.Links++
	}
}

// pass hands a change on: to the changes that wait for a name, or to the spool.
func (p *planner) pass(ctx context.Context, c planned) error {
	if c.Reason == plan.ReasonAlreadyDeleted { // both sides are gone
		p.draft.unlinks = append(p.draft.unlinks, c.TargetGUID)
		p.run.holds.over = append(p.run.holds.over, c.SourceID)
	}
	if c.Action == plan.Adopt {
		p.draft.tally.Memberships += c.values
	}
	if plan.NeedsName(&c.Change) {
		return p.named.Add(c)
	}
	return p.accept(ctx, c)
}

// relink links the objects that stand for the group and are not linked, which a lost
// state does not know (rule 3), and notes that an object is in the container where it
// belongs. It ends the links of a group that was let go of.
func (p *planner) relink(pair *plan.Pair, changes []plan.Change) {
	rules := &p.course.judge.Rules
	if rules.Released[pair.ID] {
		p.unlinkReleased(pair, changes)
		return
	}
	standing := plan.Standing(pair, rules)
	if pair.Source == nil || standing == nil {
		return
	}
	container := directory.GUID{}
	if plan.InPlace(pair, standing, rules) {
		container = standing.Container
	}
	if standing.Linked && container.IsZero() {
		return
	}
	p.draft.relinks = append(p.draft.relinks, relink{pair.ID, standing.GUID, container})
	if !standing.Linked {
		p.draft.nested[pair.ID] = true
	}
}

// primary returns the accounts whose primary group is this security group of ours.
func (p *planner) primary(ctx context.Context, pair *plan.Pair, c *plan.Candidate) ([]directory.GUID, error) {
	if c.GroupType >= 0 || c.SID == "" || !c.Ours(pair.ID, &p.course.judge.Rules) {
		return nil, nil
	}
	accounts, err := p.run.target.PrimaryMembers(ctx, c.SID)
	if err != nil {
		return nil, fmt.Errorf("finding the accounts whose primary group is %s: %w", c.DN, err)
	}
	return guidsOf(accounts), nil
}

// unfound returns the values that would be removed only because their members were not
// found: not found does not mean gone.
func (p *planner) unfound(ctx context.Context, pair *plan.Pair, c *plan.Candidate) ([]directory.GUID, error) {
	if pair.Membership.Unfound() == 0 {
		return nil, nil
	}
	unwanted := plan.Without(c.Values, pair.Membership.Joined)
	if len(unwanted) == 0 {
		return nil, nil
	}
	return p.run.gen.UnfoundAmong(ctx, pair.ID, unwanted)
}

// explainDrift adds to changes that undo somebody's edit in AD what that edit was. It
// compares with what the last committed run staged, which is what AD had then.
func (p *planner) explainDrift(ctx context.Context, pair *plan.Pair, ours []*plan.Candidate, changes []plan.Change) error {
	if len(changes) == 0 || p.run.base == 0 || p.again != nil || pair.Source == nil || pair.Hold != nil {
		return nil
	}
	for _, c := range ours {
		if !c.Linked {
			continue
		}
		staged, err := p.run.before.StagedTargets(ctx, []directory.GUID{c.GUID})
		if err != nil {
			return err
		}
		if len(staged) == 0 || staged[0].USNChanged == c.USNChanged {
			continue
		}
		before := p.course.judge.Unowned(&staged[0])
		if before.Values, err = p.run.before.TargetMembership(ctx, c.GUID); err != nil {
			return err
		}
		if drift := plan.DriftBetween(&before, c, p.course.judge.Rules.Mapping); drift != nil {
			p.run.record.DriftedGroups++
			drift.Explain(changes)
		}
	}
	return nil
}

// askNames finds who holds the names that the waiting changes set, in their containers
// and in the domain (rule 22).
func (p *planner) askNames(ctx context.Context, named []planned) error {
	if err := p.findFormer(ctx, named); err != nil {
		return err
	}
	type place struct {
		container directory.GUID
		cn        string
	}
	names, in := make([]contract.Name, len(named)), map[directory.GUID][]contract.Name{}
	for i := range named {
		c := &named[i].Change
		names[i] = wanted(c)
		in[c.Container] = append(in[c.Container], names[i])
	}
	cn, sam := map[place]*plan.Holder{}, map[string]*plan.Holder{}
	for container, names := range in {
		holders, err := p.run.target.Holders(ctx, container, names)
		if err != nil {
			return fmt.Errorf("checking the names of %s: %w", directory.Count(len(names), "group"), err)
		}
		for _, h := range holders {
			holder := &plan.Holder{GUID: h.GUID, DN: h.DN}
			if h.CN != "" {
				cn[place{container, strings.ToLower(h.CN)}] = holder
			}
			if h.SAMAccountName != "" {
				sam[strings.ToLower(h.SAMAccountName)] = holder
			}
		}
	}
	for i, change := range named {
		taken := p.names.Take(change.Change, cn[place{change.Container, strings.ToLower(names[i].CN)}], sam[strings.ToLower(names[i].SAMAccountName)])
		if plan.Pending(taken, &plan.Membership{}) {
			p.run.setPending(change.SourceID)
		}
		for _, c := range taken {
			if err := p.accept(ctx, planned{c, change.values, change.adopted}); err != nil {
				return err
			}
		}
	}
	return nil
}

// wanted returns the names that a change sets.
func wanted(c *plan.Change) contract.Name {
	return contract.Name{CN: plan.NewName(c, directory.AttrCN), SAMAccountName: plan.NewName(c, directory.AttrSAMAccountName)}
}

// accept counts a change and spools it. When a group is planned again, its skips are not
// reported again.
func (p *planner) accept(ctx context.Context, c planned) error {
	if p.again != nil {
		if c.Action == plan.Skip {
			return nil
		}
		goes, err := p.again(ctx, &c.Change)
		if err != nil {
			return err
		}
		if goes == nil || goes.Action != c.Action || len(goes.Remove) < len(c.Remove) {
			p.run.setPending(c.SourceID) // the limits still hold back the rest
		}
		if goes == nil {
			return nil
		}
		c.Change = *goes
	}
	anySize := false
	if c.adopted && len(c.Remove) > 0 {
		// What was held back at the adoption must not pass by itself later.
		var err error
		if anySize, err = p.run.state.RemovalsHeld(ctx, c.SourceID); err != nil {
			return err
		}
	}
	p.run.record.Planned.Add(&c.Change)
	p.draft.tally.Add(&c.Change, c.values, anySize, p.run.consent)
	if p.run.consent != nil {
		p.draft.bare.Add(&c.Change, c.values, anySize, nil)
	}
	if c.Reason == plan.ReasonPrimaryGroup {
		p.run.record.DriftedGroups++ // somebody has made this the account's primary group
	}
	switch {
	case c.Beside:
	case c.Reason == plan.ReasonNameClash, c.Reason == plan.ReasonDisputed, c.Reason == plan.ReasonMarkRemoved, c.Reason == plan.ReasonPresenceUnknown,
		c.Reason == plan.ReasonPrimaryGroup, c.Reason == plan.ReasonAddressesUnknown, c.Reason == plan.ReasonRoutingUnknown, c.Reason == plan.ReasonMappingFailed, c.Reason == plan.ReasonContainerUnknown:
		p.run.found.doubts++
	case c.Held:
		p.run.found.guarded++
	}
	return p.spool.Add(c)
}

// spoolChanges writes changes to the plan. Most skips persist, so it writes only skips
// that are new or differ from the last one. A preview and a run of one group are meant to
// be read and get all of them.
func (p *planner) spoolChanges(ctx context.Context, accepted []planned) error {
	var changes, skips []plan.Change
	for _, c := range accepted {
		if c.Action == plan.Skip && p.run.record.Kind != contract.PreviewRun {
			skips = append(skips, c.Change)
		} else {
			changes = append(changes, c.Change)
		}
	}
	if len(skips) > 0 {
		fresh, err := p.run.gen.NewSkips(ctx, skips)
		if err != nil {
			return err
		}
		for i, c := range skips {
			// Every run reports protected objects, through which somebody could use our
			// rights, and returned ones.
			each := c.Reason == plan.ReasonProtected || c.Reason == plan.ReasonReturned
			if fresh[i] || p.run.single || each {
				changes = append(changes, c)
			}
		}
	}
	return p.run.gen.Spool(ctx, changes)
}

// finish flushes the batches in the order in which their answers depend on each other.
func (p *planner) finish() error {
	for _, flush := range []func() error{p.absent.Flush, p.moved.Flush, p.mailed.Flush, p.named.Flush, p.spool.Flush} {
		if err := flush(); err != nil {
			return err
		}
	}
	return nil
}
