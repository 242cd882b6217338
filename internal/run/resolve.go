package run

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"groupwriteback/internal/batch"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// resolveMembers finds out which objects the members stand for, each distinct
// member once: in a delta run those that are new or changed and those that are
// due to be asked for again (rule 8). Groups with a member that turns out to be
// somebody else than before are looked at too.
func (r *Run) resolveMembers(ctx context.Context) error {
	if r.record.PolicyType == contract.Delta && !r.single {
		if err := r.gen.StageDueMembers(ctx, r.now()); err != nil {
			return err
		}
		if err := r.readUnreadMembers(ctx); err != nil {
			return err
		}
		// Another object may stand for a group now: a run that was broken off has
		// created it, or somebody deleted it.
		var groups []directory.GUID
		for id, why := range r.touched {
			if why&touchedByTarget != 0 {
				groups = append(groups, id)
			}
		}
		if err := r.gen.StageMembersAgain(ctx, groups); err != nil {
			return err
		}
	}
	if err := r.resolve(ctx, nil); err != nil || r.record.PolicyType != contract.Delta || r.single {
		return err
	}
	changed, err := r.gen.ChangedJoins(ctx)
	if err != nil || len(changed) == 0 {
		return err
	}
	groups, err := r.gen.GroupsWithMembers(ctx, changed)
	for _, id := range groups {
		r.touch(id, touchedByJoin)
	}
	return err
}

// resolve asks for every member that has no resolution yet, and tells each
// answer to seen, if that is given.
func (r *Run) resolve(ctx context.Context, seen func(*contract.Resolution)) error {
	done := 0
	for after := (directory.GUID{}); ; {
		members, err := r.gen.UnresolvedMembers(ctx, after, batch.AskBatch)
		if err != nil || len(members) == 0 {
			return err
		}
		resolutions, others, err := r.resolveGroups(ctx, members)
		if err != nil {
			return err
		}
		asked, err := r.target.Resolve(ctx, others)
		if err != nil {
			return fmt.Errorf("resolving members: %w", err)
		}
		resolutions = append(resolutions, asked...)
		for i := range resolutions {
			if seen != nil {
				seen(&resolutions[i])
			}
		}
		if err := r.gen.SaveResolutions(ctx, resolutions, r.now()); err != nil {
			return err
		}
		done += len(members)
		r.At(done, 0, "Finding the members in Active Directory")
		after = members[len(members)-1].ID
	}
}

// resolveGroups answers for those members that are groups which are written
// themselves, and returns the others.
func (r *Run) resolveGroups(ctx context.Context, members []directory.SourceMember) (resolutions []contract.Resolution, others []directory.SourceMember, err error) {
	others = make([]directory.SourceMember, 0, len(members))
	for _, m := range members {
		if m.Kind != directory.KindGroup {
			others = append(others, m)
			continue
		}
		ours, err := r.standing(ctx, m.ID)
		switch {
		case err != nil:
			return nil, nil, err
		case len(ours) == 1:
			resolutions = append(resolutions, contract.Resolution{MemberID: m.ID, Ref: ours[0]})
		case len(ours) > 1: // a dispute takes it out of no group
			resolutions = append(resolutions, contract.Resolution{MemberID: m.ID, Reason: directory.ReasonAmbiguous})
		default:
			others = append(others, m)
		}
	}
	return resolutions, others, nil
}

// standing returns the objects of ours that stand for a cloud group: the linked
// one, or after a lost state those that carry mark and stamp.
func (r *Run) standing(ctx context.Context, id directory.GUID) ([]directory.MemberRef, error) {
	staged, err := r.gen.Candidates(ctx, id)
	if err != nil {
		return nil, err
	}
	var ours []directory.MemberRef
	for i := range staged {
		ref := directory.MemberRef{GUID: staged[i].GUID, DN: staged[i].DN, SID: staged[i].SID}
		c, err := r.Candidate(ctx, &staged[i])
		if err != nil {
			return nil, err
		}
		if c.Ours(id, &r.Rules) {
			if c.Linked {
				return []directory.MemberRef{ref}, nil
			}
			ours = append(ours, ref)
		}
	}
	return ours, nil
}

// settleStep looks once more at members that this run itself has made somebody
// else: groups that it has created or deleted, which are members of groups, and
// accounts whose value AD refused, which may be gone (rule 16). It plans,
// exports and confirms the groups that have such a member. These changes are
// few, and the limits have been checked on what brought them about.
func (r *Run) settleStep(ctx context.Context) error {
	ids := slices.Collect(maps.Keys(r.nested))
	if len(r.refused) > 0 {
		joined, err := r.gen.MembersJoinedTo(ctx, slices.Collect(maps.Keys(r.refused)))
		if err != nil {
			return err
		}
		ids = append(ids, joined...)
	}
	if len(ids) == 0 {
		return nil
	}
	groups, err := r.gen.GroupsWithMembers(ctx, ids)
	if err != nil || len(groups) == 0 {
		return err
	}
	if err := r.countAgain(ctx, groups, -1); err != nil {
		return err
	}
	if err := r.gen.StageMembersAgain(ctx, ids); err != nil {
		return err
	}
	var others []directory.GUID
	err = r.resolve(ctx, func(answer *contract.Resolution) {
		if answer.Reason != directory.ReasonJoined || !r.refused[answer.Ref.GUID] {
			others = append(others, answer.MemberID)
		}
	})
	if err != nil {
		return err
	}
	if err := r.countAgain(ctx, groups, 1); err != nil || others == nil {
		return err
	}
	parents, err := r.gen.GroupsWithMembers(ctx, others)
	if err != nil || len(parents) == 0 {
		return err
	}
	slices.SortFunc(parents, directory.GUID.Compare)
	p := newPlanner(ctx, r)
	p.again = true
	if err := p.planTouched(ctx, parents); err != nil {
		return err
	}
	if err := r.exportStep(ctx); err != nil {
		return err
	}
	return r.confirmStep(ctx)
}

// countAgain takes the unwritten members of the groups out of the record, or
// puts them into it.
func (r *Run) countAgain(ctx context.Context, groups []directory.GUID, sign int) error {
	for _, id := range groups {
		membership, err := r.gen.SourceMembership(ctx, id)
		if err != nil {
			return err
		}
		r.countUnwritten(&membership, sign)
	}
	return nil
}

// countUnwritten counts the members of a group that are not written.
func (r *Run) countUnwritten(m *plan.Membership, sign int) {
	for reason, n := range m.Unwritten {
		if reason.Unknown() {
			r.record.UnknownMembers += sign * n
		} else {
			r.record.UnwrittenMembers += sign * n
		}
	}
}
