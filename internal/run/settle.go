package run

import (
	"context"
	"maps"
	"slices"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// settle is the step that resolves again the members whose object this run itself has
// changed: nested groups that it created or deleted, and accounts whose value AD refused,
// which may be gone (rule 16). It plans, exports and confirms the groups that have such a
// member. These changes are few, and the limits were checked on the changes that caused
// them.
func settle(ctx context.Context, c *confirmer) (*confirmer, error) {
	return c, c.settle(ctx)
}

func (r *confirmer) settle(ctx context.Context) error {
	ids := slices.Collect(maps.Keys(r.exporter.draft.nested))
	if len(r.exporter.refused) > 0 {
		joined, err := r.run.gen.MembersJoinedTo(ctx, slices.Collect(maps.Keys(r.exporter.refused)))
		if err != nil {
			return err
		}
		ids = append(ids, joined...)
	}
	if len(ids) == 0 {
		return nil
	}
	groups, err := r.run.gen.GroupsWithMembers(ctx, ids)
	if err != nil || len(groups) == 0 {
		return err
	}
	if err := r.exporter.draft.resolver.countAgain(ctx, groups, -1); err != nil {
		return err
	}
	if err := r.run.gen.StageMembersAgain(ctx, ids); err != nil {
		return err
	}
	var others []directory.GUID
	err = r.exporter.draft.resolver.resolve(ctx, func(answer *contract.Resolution) {
		if answer.Reason != directory.ReasonJoined || !r.exporter.refused[answer.Ref.GUID] {
			others = append(others, answer.MemberID)
		}
	})
	if err != nil {
		return err
	}
	if err := r.exporter.draft.resolver.countAgain(ctx, groups, 1); err != nil || others == nil {
		return err
	}
	parents, err := r.run.gen.GroupsWithMembers(ctx, others)
	if err != nil || len(parents) == 0 {
		return err
	}
	slices.SortFunc(parents, directory.GUID.Compare)
	if err := planAgain(ctx, r.exporter.draft, r.exporter.limiter.goesOn, parents); err != nil {
		return err
	}
	if err := r.exporter.exportAll(ctx); err != nil {
		return err
	}
	return r.confirmAll(ctx)
}
