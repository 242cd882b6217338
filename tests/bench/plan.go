package main

import (
	"context"
	"fmt"
	"os"

	"groupwriteback/internal/command"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/plan"
)

// planning runs the engine with the real state on a tenant and a domain that are computed
// while they are read, so that time and memory are those of the engine. It does so with
// nothing in AD yet, with all groups there and equal, and with every hundredth group
// changed. Staging comes before planning and is reported separately.
func planning(ctx context.Context, r *report) error {
	groups, members := scaled(100_000), 50
	tenant := &largeTenant{groups: groups, members: members, users: groups * members / 10}
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

	preview := func(ctx context.Context, report contract.Report) (contract.Run, error) {
		return e.Preview(ctx, command.PreviewRequest{SyncRequest: command.SyncRequest{PolicyType: contract.Initial}}, report)
	}
	sync := func(ctx context.Context, report contract.Report) (contract.Run, error) {
		return e.Sync(ctx, command.SyncRequest{}, report)
	}
	for _, round := range []struct {
		name    string
		arrange func()
		run     func(context.Context, contract.Report) (contract.Run, error)
		planned func(plan.Totals) bool
	}{
		{"nothing in AD", func() { domain.empty = true }, preview,
			func(t plan.Totals) bool { return t.Create == groups && t.MembersAdded == groups*members }},
		{"nothing differs", func() { domain.empty = false }, sync,
			func(t plan.Totals) bool { return t == plan.Totals{} }},
		{"every 100th group differs", func() { tenant.changed = 100 }, preview,
			func(t plan.Totals) bool { return t.UpdateMembers == (groups+99)/100 }},
	} {
		round.arrange()
		w, run, err := watched(ctx, round.run)
		if err != nil {
			return err
		}
		if run.Status != contract.RunComplete || !round.planned(run.Planned) {
			return fmt.Errorf("%s: the run ended as %s %s (%s) with %+v planned", round.name, run.Status, run.StopReason, run.Message, run.Planned)
		}
		r.atMost(round.name+": planning", w.took["Plan"].Seconds(), "s", 60)
		r.atMost(round.name+": peak of memory while planning", w.peak["Plan"], "MiB", 300)
		r.tell(round.name+": peak of memory in the whole run", w.highest(), "MiB")
		r.tell(round.name+": reading and staging both sides", w.staging().Seconds(), "s")
	}
	return nil
}
