package main

import (
	"context"
	"fmt"
	"os"

	"groupwriteback/internal/command"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// estate is the largest estate that the engine is made for: 200,000 groups and 20 million
// memberships of 500,000 users, with the real state, as in [planning]. A full import finds
// nothing to change and is committed. Then a delta reports that in 1,000 groups one member
// came and one went, and the run writes that.
func estate(ctx context.Context, r *report) error {
	const members = 100
	groups, changed := scaled(200_000), scaled(1_000)
	tenant := &largeTenant{groups: groups, members: members, users: scaled(500_000)}
	domain := &largeDomain{tenant: tenant}
	folder, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	e, err := largeEngine(ctx, folder, tenant, domain, command.Choices{})
	if err != nil {
		return err
	}
	defer e.Close()
	r.tell("groups", float64(groups), "")
	r.tell("memberships", float64(groups*members), "")
	sync := func(ctx context.Context, report contract.Report) (contract.Run, error) {
		return e.Sync(ctx, command.SyncRequest{}, report)
	}

	w, run, err := watched(ctx, sync)
	if err != nil {
		return err
	}
	if run.Status != contract.RunComplete || run.PolicyType != contract.Initial || run.Planned != (plan.Totals{}) {
		return fmt.Errorf("the full import is %s and ended as %s (%s) with %+v planned", run.PolicyType, run.Status, run.Message, run.Planned)
	}
	r.tell("full import: reading and staging both sides", w.staging().Seconds(), "s")
	r.atMost("full import: planning", w.took["Plan"].Seconds(), "s", 60)
	r.tell("full import: commit", w.took["Commit"].Seconds(), "s")
	r.atMost("full import: peak of memory", w.highest(), "MiB", 400)

	tenant.changed = groups / changed
	for n := 0; n < groups; n += tenant.changed {
		tenant.entries = append(tenant.entries, contract.GroupChange{ID: numbered(ofGroup, n), Members: []contract.MemberChange{
			{ID: numbered(ofUser, tenant.member(n, 0, true)), Kind: directory.KindUser},
			{ID: numbered(ofUser, tenant.member(n, 0, false)), Kind: directory.KindUser, Removed: true},
		}})
	}
	changed = len(tenant.entries)
	if w, run, err = watched(ctx, sync); err != nil {
		return err
	}
	if t := run.Exported; run.Status != contract.RunComplete || run.PolicyType != contract.Delta || t.UpdateMembers != changed || t.MembersAdded != changed || t.MembersRemoved != changed {
		return fmt.Errorf("the delta is %s and ended as %s (%s) with %+v exported", run.PolicyType, run.Status, run.Message, run.Exported)
	}
	r.tell("delta: changed groups", float64(changed), "")
	r.atMost("delta: the whole run", w.whole().Seconds(), "s", 10)
	r.tellSteps("delta: of which ", &w)
	r.tell("delta: peak of memory", w.highest(), "MiB")
	return nil
}
