package run

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/expression"
	"groupwriteback/internal/owner"
	"groupwriteback/internal/plan"
)

// course is what a run is based on: the containers and the rules, the domain controller,
// the part of the tenant to read, and how far earlier runs have read.
type course struct {
	run      *run
	judge    *owner.Judge
	sourceID contract.SourceIdentity
	targetID contract.TargetIdentity
	// watermark is the watermark of the last committed generation.
	watermark contract.Watermark
	selection contract.SourceSelection
	scope     plan.Scope
	// routing is what Exchange says that decides what recipients are, for comparison.
	routing string
	// restores says whether the account may restore deleted objects, once that was asked.
	restores *bool
	// otherServer means that a run of one group uses another domain controller than the
	// watermark, whose uSNs mean nothing there.
	otherServer bool
}

func newCourse(r *run) *course {
	return &course{run: r, sourceID: r.ground.SourceID, targetID: r.ground.TargetID}
}

// prepare finds the containers and decides what the run imports.
func prepare(ctx context.Context, r *run) (*course, error) {
	c := newCourse(r)
	if err := c.locate(ctx); err != nil {
		return nil, err
	}
	if r.record.Kind == contract.SyncRun {
		// Drop what Disable named before writeback was enabled again.
		if err := r.state.SetDisableSet(ctx, nil); err != nil {
			return nil, err
		}
		// A lost state gets its owner again from the settings, which survive it.
		if err := r.state.SetOwner(ctx, r.settings.Tenant.ID, r.settings.Domain); err != nil {
			return nil, err
		}
	}
	return c, c.choosePolicy(ctx)
}

// locate finds the containers by their objectGUIDs, because they may have been renamed or
// moved. A missing container is an error, never an empty target. So is a container in
// which the domain keeps what it depends on, unless it is a former one.
func (r *course) locate(ctx context.Context) error {
	containers, err := owner.FindContainers(ctx, r.run.target, &r.run.settings)
	if err != nil {
		return err
	}
	for i := range containers.Current {
		if err := containers.Current[i].Protected(&r.targetID); err != nil {
			return err
		}
	}
	if r.judge, err = owner.NewJudge(r.run.target, &r.targetID, &r.run.settings, containers); err != nil {
		return err
	}
	rules := &r.judge.Rules
	if err := r.placeGroups(containers.Current); err != nil {
		return err
	}
	rules.CNFromDisplayName, rules.SAMFromDisplayName = r.run.settings.NameFormat == contract.NameDisplayName, r.run.settings.SAMAccountNameFormat == contract.NameDisplayName
	rules.Environment = expression.Environment{Now: r.run.now, Random: rand.Reader}
	rules.Mapping = r.run.ground.Mapping.Compile(r.targetID.Schema.Attributes, !r.run.settings.ExcludeMailAttribute)
	rules.Mail, rules.DisplayType = r.run.settings.Recipient(), r.run.settings.RecipientDisplayType
	// Without Exchange an address is a text like any other.
	rules.UniqueMail = rules.Mail == plan.MailRecipientMailOnly && r.targetID.Schema.Exchange
	rules.MarkAuthority, rules.Owners = r.run.settings.MarkCloudAuthority, r.run.settings.UpdateManagedBy
	rules.OnPremisesGroupType, rules.OwnGroupType = r.run.settings.OnPremisesGroupType, r.run.settings.Scope.Groups == plan.ScopeWritebackEnabled
	rules.MaxMembers, rules.IncludeHidden = r.run.settings.MaxMemberCount, r.run.settings.IncludeHiddenMembership
	rules.Adopt, rules.Released, rules.MoveBack = r.adoptRules(), r.run.settings.Released(), r.run.settings.MovedGroup == contract.MovedBack
	rules.RemoveSoftDeleted, rules.RemoveOutOfScope = r.run.settings.SoftDeletedGroup == contract.FrozenRemove, r.run.settings.OutOfScopeGroup == contract.FrozenRemove
	return nil
}

// placeGroups says which groups belong in which of the containers.
func (r *course) placeGroups(containers []contract.Container) error {
	rules, settings := &r.judge.Rules, &r.run.settings
	rules.Naming = r.run.ground.Mapping.Naming()
	for i, container := range containers {
		dn, err := directory.ParseDN(container.DN)
		if err != nil {
			return err
		}
		named := plan.Container{GUID: container.GUID, DN: dn, Name: dn}
		if i > 0 {
			if named.Name, err = directory.ParseDN(settings.FurtherContainers[i-1].Name); err != nil {
				return err
			}
		}
		rules.Containers = append(rules.Containers, named)
	}
	for _, f := range settings.ContainerFilters {
		filter, err := contract.ParseFilter(f.Filter)
		if err != nil {
			return err
		}
		dn, err := directory.ParseDN(f.Container)
		if err != nil {
			return err
		}
		rules.ContainerFilters = append(rules.ContainerFilters, plan.ContainerFilter{Filter: filter, Container: dn})
	}
	return nil
}

// locateAny finds the containers that still exist, for the groups that Disable named.
func locateAny(ctx context.Context, r *run) (*course, error) {
	c := newCourse(r)
	containers, err := owner.FindRemainingContainers(ctx, r.target, &r.settings)
	if err == nil {
		c.judge, err = owner.NewJudge(r.target, &c.targetID, &r.settings, containers)
	}
	return c, err
}

// inScope returns the groups that are in scope. It reuses the slice.
func (r *course) inScope(groups []directory.SourceGroup) []directory.SourceGroup {
	return slices.DeleteFunc(groups, func(g directory.SourceGroup) bool { return !r.scope.Holds(&g) })
}

// hidden reports whether the group's members must not be written, because in Active
// Directory everybody could read them, or cannot be read by the application.
func (r *course) hidden(g *directory.SourceGroup) bool {
	return strings.EqualFold(g.Visibility, directory.HiddenMembership) && !r.readsHidden()
}

func (r *course) readsHidden() bool {
	return r.run.settings.IncludeHiddenMembership && r.sourceID.HasOne(contract.HiddenRoles)
}

// wasInAD reports whether the group was moved from AD to the cloud and no object is known
// to stand for it.
func (r *course) wasInAD(pair *plan.Pair) bool {
	known := func(c plan.Candidate) bool { return c.Linked || c.Ours(pair.ID, &r.judge.Rules) }
	return pair.Source.OnPremisesSID != "" && !slices.ContainsFunc(pair.Candidates, known)
}

// addBySID adds to each pair the object that the group once was, if it still exists.
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
		return fmt.Errorf("finding the objects of %s that moved to the cloud: %w", directory.Count(len(sids), "group"), err)
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

// adoptRules returns what may be adopted, in the form that the plan needs.
func (r *course) adoptRules() map[directory.GUID]directory.GUID {
	adopt := make(map[directory.GUID]directory.GUID, len(r.run.ground.Adopts))
	for _, l := range r.run.ground.Adopts {
		adopt[l.TargetGUID] = l.SourceID
	}
	return adopt
}

// mayBeInScope reports whether the group can come into scope at all.
func (r *course) mayBeInScope(id directory.GUID) bool {
	return r.scope.Mode != plan.ScopeSelected || r.scope.IDs[id]
}
