package main

import (
	"context"
	"fmt"
	"os"

	"groupwriteback/internal/command"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// delta changes 5,000 members of one group of 250,000: 2,500 come, of whom nothing is known
// yet, and as many go. The tenant's delta reports it in 500 entries, and the run writes it.
func delta(ctx context.Context, r *report) error {
	members, changed, perEntry := scaled(250_000), scaled(5_000), 10
	tenant := &largeTenant{groups: 1, members: members, users: members + members/10 + 1}
	for tenant.users%7 == 0 {
		tenant.users++
	}
	domain := &largeDomain{tenant: tenant}
	folder, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	most := 2 * members
	e, err := largeEngine(ctx, folder, tenant, domain, command.Choices{MaxMemberCount: &most})
	if err != nil {
		return err
	}
	defer e.Close()
	sync := func(ctx context.Context, report contract.Report) (contract.Run, error) {
		return e.Sync(ctx, command.SyncRequest{}, report)
	}
	if run, err := sync(ctx, nil); err != nil || run.Status != contract.RunComplete {
		return fmt.Errorf("the full import ended as %s (%s): %w", run.Status, run.Message, err)
	}

	entry := contract.GroupChange{ID: numbered(ofGroup, 0)}
	for m := range changed / 2 {
		entry.Members = append(entry.Members,
			contract.MemberChange{ID: numbered(ofUser, tenant.member(0, members+m, false)), Kind: directory.KindUser},
			contract.MemberChange{ID: numbered(ofUser, tenant.member(0, m, false)), Kind: directory.KindUser, Removed: true})
		if len(entry.Members) >= perEntry || m == changed/2-1 {
			tenant.entries = append(tenant.entries, entry)
			entry.Members = nil
		}
	}
	w, run, err := watched(ctx, sync)
	if err != nil {
		return err
	}
	if t := run.Exported; run.Status != contract.RunComplete || run.PolicyType != contract.Delta || t.MembersAdded != changed/2 || t.MembersRemoved != changed/2 {
		return fmt.Errorf("the delta is %s and ended as %s (%s) with %+v exported", run.PolicyType, run.Status, run.Message, run.Exported)
	}
	r.tell("members", float64(members), "")
	r.tell("members changed", float64(changed/2*2), fmt.Sprintf("in %d entries", len(tenant.entries)))
	r.atMost("the whole run", w.whole().Seconds(), "s", 3)
	r.tellSteps("of which ", &w)
	r.tell("peak of memory", w.highest(), "MiB")
	return nil
}
