package run

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/owner"
	"groupwriteback/internal/plan"
)

// course is what a run goes by: the containers and the rules, the domain controller,
// what of the tenant is read, and how far the runs before have read.
type course struct {
	run      *run
	judge    *owner.Judge
	sourceID contract.SourceIdentity
	targetID contract.TargetIdentity
	// watermark is that of the generation before.
	watermark contract.Watermark
	selection contract.SourceSelection
	scope     plan.Scope
	// otherServer: a run of one group goes to another domain controller than that of
	// the watermark, whose uSNs mean nothing there.
	otherServer bool
}

func newCourse(r *run) *course {
	return &course{run: r, sourceID: r.ground.SourceID, targetID: r.ground.TargetID}
}

// prepare finds the containers, and what the run has to do.
func prepare(ctx context.Context, r *run) (*course, error) {
	c := newCourse(r)
	if err := c.locate(ctx); err != nil {
		return nil, err
	}
	if r.record.Kind == contract.SyncRun {
		// What Disable had named before writeback was enabled again.
		if err := r.state.SetDisableSet(ctx, nil); err != nil {
			return nil, err
		}
		// A state that was lost is given its owner again; settings survive it.
		if err := r.state.SetOwner(ctx, r.settings.Tenant.ID, r.settings.Domain); err != nil {
			return nil, err
		}
	}
	return c, c.choosePolicy(ctx)
}

// locate finds the containers by their objectGUIDs: they may have been renamed
// or moved. One that is missing is an error, never an empty target; so is one in
// which the domain keeps what it depends on, unless it is a former one.
func (r *course) locate(ctx context.Context) error {
	containers, err := owner.FindContainers(ctx, r.run.target, &r.run.settings, false)
	if err != nil {
		return err
	}
	if err := containers[0].Protected(&r.targetID); err != nil {
		return err
	}
	if r.judge, err = owner.NewJudge(r.run.target, &r.targetID, &r.run.settings, containers); err != nil {
		return err
	}
	dn, err := directory.ParseDN(containers[0].DN)
	if err != nil {
		return err
	}
	rules := &r.judge.Rules
	rules.Container, rules.ContainerDN = containers[0].GUID, dn
	rules.CNFromDisplayName, rules.SAMFromDisplayName = r.run.settings.NameFormat == contract.NameDisplayName, r.run.settings.SAMAccountNameFormat == contract.NameDisplayName
	rules.Mapping = r.run.ground.Mapping.Compile(r.targetID.Schema.Attributes, !r.run.settings.ExcludeMailAttribute)
	rules.OnPremisesGroupType, rules.OwnGroupType = r.run.settings.OnPremisesGroupType, r.run.settings.Scope.Groups == plan.ScopeWritebackEnabled
	rules.MaxMembers, rules.IncludeHidden = r.run.settings.MaxMemberCount, r.run.settings.IncludeHiddenMembership
	rules.Adopt, rules.Released, rules.MoveBack = r.adoptRules(), r.run.settings.Released(), r.run.settings.MovedGroup == contract.MovedBack
	rules.RemoveSoftDeleted, rules.RemoveOutOfScope = r.run.settings.SoftDeletedGroup == contract.FrozenRemove, r.run.settings.OutOfScopeGroup == contract.FrozenRemove
	return nil
}

// locateAny finds those of the containers that are there, for what Disable named.
func locateAny(ctx context.Context, r *run) (*course, error) {
	c := newCourse(r)
	containers, err := owner.FindContainers(ctx, r.target, &r.settings, true)
	if err == nil {
		c.judge, err = owner.NewJudge(r.target, &c.targetID, &r.settings, containers)
	}
	return c, err
}

// inScope returns those of the groups that are in scope, in their place.
func (r *course) inScope(groups []directory.SourceGroup) []directory.SourceGroup {
	return slices.DeleteFunc(groups, func(g directory.SourceGroup) bool { return !r.scope.Holds(&g) })
}

// hidden reports whether the group's members are kept from Active Directory, where
// everybody would read them, or from the application.
func (r *course) hidden(g *directory.SourceGroup) bool {
	return strings.EqualFold(g.Visibility, directory.HiddenMembership) && !r.readsHidden()
}

func (r *course) readsHidden() bool {
	return r.run.settings.IncludeHiddenMembership && r.sourceID.HasOne(contract.HiddenRoles)
}

// wasInAD reports whether the group was moved to the cloud from AD, and no object
// is known to stand for it.
func (r *course) wasInAD(pair *plan.Pair) bool {
	known := func(c plan.Candidate) bool { return c.Linked || c.Ours(pair.ID, &r.judge.Rules) }
	return pair.Source.OnPremisesSID != "" && !slices.ContainsFunc(pair.Candidates, known)
}

// addBySID adds to each pair the object that the group was, if it stands.
func (r *course) addBySID(ctx context.Context, pairs []*plan.Pair) error {
	if len(pairs) == 0 {
		return nil
	}
	sids := make([]directory.SID, len(pairs))
	for i, pair := range pairs {
		sids[i] = pair.Source.OnPremisesSID
	}
	refs, err := r.run.target.BySID(ctx, sids)
	if err != nil {
		return fmt.Errorf("looking for the objects of %s that were moved to the cloud: %w", directory.Count(len(sids), "group"), err)
	}
	for _, pair := range pairs {
		ref, ok := refs[pair.Source.OnPremisesSID]
		if !ok {
			continue
		}
		found, err := owner.Headers(ctx, r.run.target, []directory.GUID{ref.GUID})
		if err != nil {
			return err
		}
		if len(found) > 0 {
			candidate, err := r.judge.Candidate(ctx, &contract.StagedTarget{TargetGroup: found[0]})
			if err != nil {
				return err
			}
			candidate.BySID = true
			pair.Candidates = append(slices.DeleteFunc(pair.Candidates, func(c plan.Candidate) bool { return c.GUID == ref.GUID }), candidate)
		}
	}
	return nil
}

// adoptRules is what may be adopted in the form of the plan.
func (r *course) adoptRules() map[directory.GUID]directory.GUID {
	adopt := make(map[directory.GUID]directory.GUID, len(r.run.ground.Adopts))
	for _, l := range r.run.ground.Adopts {
		adopt[l.TargetGUID] = l.SourceID
	}
	return adopt
}

// mayBeInScope rules out what no reading can bring into the scope.
func (r *course) mayBeInScope(id directory.GUID) bool {
	return r.scope.Mode != plan.ScopeSelected || r.scope.IDs[id]
}
