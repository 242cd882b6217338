package run

import (
	"context"
	"fmt"

	"groupwriteback/internal/batch"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// resolver finds the objects that the members stand for.
type resolver struct {
	run    *run
	course *course
	source *sourceImport
	target *targetImport
}

func newResolver(target *targetImport) *resolver {
	return &resolver{run: target.run, course: target.course, source: target.source, target: target}
}

// resolveAll is the step in which a full import looks up every distinct member once.
func resolveAll(ctx context.Context, target *targetImport) (*resolver, error) {
	r := newResolver(target)
	return r, r.resolve(ctx, nil)
}

// resolveChanged is the step in which a Delta run looks up the members that are new or
// changed, and those that are due again (rule 8). It touches the groups that have a
// member who turns out to be another object than before.
func resolveChanged(ctx context.Context, target *targetImport) (*resolver, error) {
	r := newResolver(target)
	gen := r.run.gen
	if err := gen.StageDueMembers(ctx, r.run.now()); err != nil {
		return nil, err
	}
	if err := r.source.readUnreadMembers(ctx); err != nil {
		return nil, err
	}
	// Another object may stand for a group now: an interrupted run created it, or
	// somebody deleted the former one.
	var groups []directory.GUID
	for id, why := range r.source.touched {
		if why&touchedByTarget != 0 {
			groups = append(groups, id)
		}
	}
	if err := gen.StageMembersAgain(ctx, groups); err != nil {
		return nil, err
	}
	if err := r.source.ownersAgain(ctx); err != nil {
		return nil, err
	}
	if err := r.resolve(ctx, nil); err != nil {
		return nil, err
	}
	groups, err := r.withChangedMembers(ctx)
	for _, id := range groups {
		r.source.touched.add(id, touchedByJoin)
	}
	return r, err
}

// withChangedMembers lists the groups with a member or an owner who joins differently than
// before.
func (r *resolver) withChangedMembers(ctx context.Context) ([]directory.GUID, error) {
	changed, err := r.run.gen.ChangedJoins(ctx)
	if err != nil || len(changed) == 0 {
		return nil, err
	}
	groups, err := r.run.gen.GroupsWithMembers(ctx, changed)
	if err != nil {
		return nil, err
	}
	owned, err := r.run.owned(ctx, changed)
	return append(groups, owned...), err
}

// restBatch is how many members are kept for the searches that no index answers, some
// 200 bytes each.
const restBatch = 10_000

// resolve looks up every member that has no resolution yet and passes each answer to
// seen, unless seen is nil. Those that a search through the whole domain may still find
// come last, all together.
func (r *resolver) resolve(ctx context.Context, seen func(*contract.Resolution)) error {
	save := func(resolutions []contract.Resolution) error {
		for i := range resolutions {
			if seen != nil {
				seen(&resolutions[i])
			}
		}
		return r.run.gen.SaveResolutions(ctx, resolutions, r.run.now())
	}
	rest := batch.New(restBatch, func(members []directory.SourceMember) error {
		found, err := r.run.target.ResolveRest(ctx, members)
		if err != nil {
			return resolving(err)
		}
		return save(found)
	})
	done := 0
	for members, err := range batch.Pages(ctx, batch.AskBatch, r.run.gen.UnresolvedMembers, memberID) {
		if err != nil {
			return err
		}
		resolutions, others, err := r.resolveGroups(ctx, members)
		if err != nil {
			return err
		}
		asked, err := r.run.target.Resolve(ctx, others)
		if err != nil {
			return resolving(err)
		}
		for i := range asked {
			if asked[i].Reason != directory.ReasonUnresolved {
				resolutions = append(resolutions, asked[i])
			} else if err := rest.Add(others[i]); err != nil {
				return err
			}
		}
		if err := save(resolutions); err != nil {
			return err
		}
		done += len(members)
		r.run.meter.At(done, 0, "Finding the members in Active Directory")
	}
	return rest.Flush()
}

func resolving(err error) error { return fmt.Errorf("resolving members: %w", err) }

// resolveGroups resolves the members that are groups which are written themselves, and
// returns the other members.
func (r *resolver) resolveGroups(ctx context.Context, members []directory.SourceMember) (resolutions []contract.Resolution, others []directory.SourceMember, err error) {
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
		case len(ours) > 1: // a dispute removes the group from no other group
			resolutions = append(resolutions, contract.Resolution{MemberID: m.ID, Reason: directory.ReasonAmbiguous})
		default:
			others = append(others, m)
		}
	}
	return resolutions, others, nil
}

// standing returns the objects of ours that stand for a cloud group: the linked one or,
// after the state was lost, those that carry mark and stamp.
func (r *resolver) standing(ctx context.Context, id directory.GUID) ([]directory.MemberRef, error) {
	staged, err := r.run.gen.Candidates(ctx, id)
	if err != nil {
		return nil, err
	}
	var ours []directory.MemberRef
	for i := range staged {
		ref := directory.MemberRef{GUID: staged[i].GUID, DN: staged[i].DN, SID: staged[i].SID}
		c, err := r.course.judge.Candidate(ctx, &staged[i])
		if err != nil {
			return nil, err
		}
		if c.Ours(id, &r.course.judge.Rules) {
			if c.Linked {
				return []directory.MemberRef{ref}, nil
			}
			ours = append(ours, ref)
		}
	}
	return ours, nil
}

// countAgain adds the unwritten members of the groups to the record or, with sign -1,
// subtracts them.
func (r *resolver) countAgain(ctx context.Context, groups []directory.GUID, sign int) error {
	for _, id := range groups {
		membership, err := r.run.gen.SourceMembership(ctx, id)
		if err != nil {
			return err
		}
		r.run.countUnwritten(&membership, sign)
	}
	return nil
}

// countUnwritten adds the members of a group that are not written, multiplied by sign.
func (r *run) countUnwritten(m *plan.Membership, sign int) {
	for reason, n := range m.Unwritten {
		if reason.Unknown() {
			r.record.UnknownMembers += sign * n
		} else {
			r.record.UnwrittenMembers += sign * n
		}
	}
}
