package command_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"groupwriteback/internal/command"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// held lists what a run held back, as "Action group".
func (b *bench) held(t *testing.T, run contract.Run) []string {
	t.Helper()
	s, err := b.engine.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	changes, err := s.Generation(run.ID).Planned(t.Context(), 0, 0, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, c := range changes {
		if c.Outcome == contract.OutcomeHeld {
			if !slices.Contains(run.HeldBy, contract.StopReason(c.ErrorID)) || c.Message == "" {
				t.Errorf("held for %q, and the run says %v: %s", c.ErrorID, run.HeldBy, c.Message)
			}
			out = append(out, fmt.Sprintf("%s %s", c.Action, c.DisplayName))
		}
	}
	slices.Sort(out)
	return out
}

func (b *bench) purge(name string) {
	id := guid("group " + name)
	delete(b.tenant.groups, id)
	b.tenant.deleted[id] = directory.PresenceHardDeleted
}

// force changes settings.
func (b *bench) force(t *testing.T, choices command.Choices) {
	t.Helper()
	if _, err := b.engine.SetSettings(t.Context(), command.SettingsPatch{Choices: choices}); err != nil {
		t.Fatal(err)
	}
}

func (b *bench) agree(t *testing.T, run contract.Run) contract.Run {
	t.Helper()
	again, err := b.engine.Sync(context.Background(), command.SyncRequest{AllowOnce: run.PlanID}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return again
}

// An owner who removes more than half of the members holds back only their own removals.
// Revocations by others, additions and creations go ahead, in every kind of run, until
// somebody consents to exactly what was held back.
func TestAGroupThatLosesTooMuchHoldsBackItself(t *testing.T) {
	for _, policy := range []contract.PolicyType{contract.Delta, contract.Initial} {
		t.Run(string(policy), func(t *testing.T) {
			b := ready(t, map[string][]string{"hostile": names("user", 22), "victim": {"mallory", "a"}, "large": names("x", 400)})
			b.delta(t)
			b.tenant.put("hostile", append(names("user", 10), "new")...)
			b.tenant.put("victim", "a")
			b.tenant.put("fresh", "a")
			for runs := 1; runs <= 3; runs++ {
				run, err := b.engine.Sync(t.Context(), command.SyncRequest{PolicyType: policy}, nil)
				if err != nil || run.Status != contract.RunPartial || run.StopReason != contract.StopRemovalThreshold || run.HeldRuns != runs {
					t.Fatalf("%+v %v", run, err)
				}
				if run.Held != (plan.Totals{UpdateMembers: 1, MembersRemoved: 12}) || run.Planned.MembersRemoved != run.Exported.MembersRemoved+12 {
					t.Errorf("%+v", run)
				}
				if got := b.held(t, run); !slices.Equal(got, []string{"UpdateMembers hostile"}) {
					t.Errorf("held %v", got)
				}
				if len(b.object("victim").Members) != 1 || len(b.object("hostile").Members) != 23 || b.object("fresh") == nil {
					t.Errorf("what is not held did not go on: %v", b.outcomes(t, run))
				}
				if o, err := b.engine.Overview(t.Context()); err != nil || o.PendingGroups != 1 {
					t.Errorf("%d pending, %v", o.PendingGroups, err)
				}
				if runs == 3 {
					b.tenant.put("hostile", append(names("user", 9), "new")...) // one more than was agreed to
					run := b.agree(t, run)
					if run.Status != contract.RunComplete || run.HeldRuns != 0 || len(b.object("hostile").Members) != 10 {
						t.Errorf("%+v", run)
					}
				}
			}
			if run := b.delta(t); run.Planned != (plan.Totals{}) {
				t.Errorf("%+v", run)
			}
		})
	}
}

// Creating and deleting junk holds back deletions and nothing else.
func TestJunkHoldsBackDeletionsOnly(t *testing.T) {
	for _, policy := range []contract.PolicyType{contract.Delta, contract.Initial} {
		t.Run(string(policy), func(t *testing.T) {
			groups := map[string][]string{"victim": {"mallory", "a"}, "honest": {"a"}}
			for i := range 30 {
				groups[fmt.Sprint("junk ", i)] = []string{"a"}
			}
			b := settled(t, groups)
			b.delta(t)
			for i := range 8 {
				b.purge(fmt.Sprint("junk ", i))
			}
			b.tenant.put("victim", "a")
			run, err := b.engine.Sync(t.Context(), command.SyncRequest{PolicyType: policy}, nil)
			if err != nil || run.Status != contract.RunPartial || run.StopReason != contract.StopSourceShrunk || run.Held != (plan.Totals{Delete: 8}) {
				t.Fatalf("%+v %v", run, err)
			}
			if len(b.object("victim").Members) != 1 || b.object("junk 0") == nil {
				t.Errorf("%v", b.outcomes(t, run))
			}
			// The run is still measured by the earlier number: one more deletion is held
			// too.
			b.purge("honest")
			run = b.sync(t)
			if run.Held.Delete != 9 || run.StopReason != contract.StopSourceShrunk {
				t.Fatalf("%+v", run)
			}
			b.purge("junk 29") // nobody has seen this one yet
			run = b.agree(t, run)
			if run.Exported.Delete != 9 || run.Held.Delete != 1 || b.object("junk 29") == nil || b.object("honest") != nil {
				t.Errorf("%+v\n%v", run, b.outcomes(t, run))
			}
			// A consent to something else does not cover this.
			if run = b.sync(t); run.Held.Delete != 1 || run.StopReason != contract.StopSourceShrunk {
				t.Fatalf("what nobody agreed to goes on: %+v", run)
			}
			if run = b.agree(t, run); run.Status != contract.RunComplete || run.Exported.Delete != 1 {
				t.Errorf("%+v", run)
			}
			b.purge("junk 28")
			if run := b.sync(t); run.Status != contract.RunComplete || run.Exported.Delete != 1 {
				t.Errorf("once agreed, the tenant is measured by what it was then: %+v", run)
			}
		})
	}
}

// Of all removals, those of the groups that lose most are held back until the rest is
// within the limit.
func TestTheGroupsThatLoseMostAreHeld(t *testing.T) {
	b := ready(t, map[string][]string{"huge": names("user", 300), "mid": names("user", 40), "small": names("user", 10), "rest": names("x", 100)})
	b.delta(t)
	b.tenant.put("huge", names("user", 160)...)
	b.tenant.put("mid", names("user", 30)...)
	b.tenant.put("small", "user1")
	run := b.sync(t)
	if got := b.held(t, run); !slices.Equal(got, []string{"UpdateMembers huge"}) || run.Exported.MembersRemoved != 19 || run.Held.MembersRemoved != 140 {
		t.Errorf("held %v of %+v", got, run)
	}
	if run = b.agree(t, run); run.Status != contract.RunComplete || run.Exported.MembersRemoved != 140 {
		t.Errorf("%+v", run)
	}
}

// What the limits hold back of a group does not slip in through the second pass, which
// plans the group again because of a group that it contains.
func TestSettlingIsNoWayAroundTheLimits(t *testing.T) {
	b := ready(t, map[string][]string{"parent": names("user", 30), "large": names("x", 400)})
	b.delta(t)
	b.tenant.put("parent", "user1")
	b.tenant.put("nested", "a")
	g := b.tenant.groups[guid("group parent")]
	g.members = append(g.members, directory.SourceMember{ID: guid("group nested"), Kind: directory.KindGroup, Name: "nested", Readable: true})
	run := b.sync(t)
	if run.Held.MembersRemoved != 29 || run.Exported.MembersRemoved != 0 || len(b.object("parent").Members) != 31 {
		t.Errorf("%d members after %+v\n%v", len(b.object("parent").Members), run, b.outcomes(t, run))
	}
	// What is held back is still planned by the next run, although the group was planned
	// again in this one.
	if run = b.sync(t); run.Held.MembersRemoved != 29 || len(b.object("parent").Members) != 31 {
		t.Errorf("%+v\n%v", run, b.outcomes(t, run))
	}
}

// Too many moves wait until somebody consents. Other changes of these groups are written
// where they are.
func TestMovesThatAreHeld(t *testing.T) {
	groups := map[string][]string{}
	for i := range 8 {
		groups[fmt.Sprint("group ", i)] = []string{"a"}
	}
	b := ready(t, groups)
	b.delta(t)
	for _, g := range b.directory.objects {
		g.DN = "CN=" + g.CN + ",OU=Elsewhere,DC=contoso,DC=test"
	}
	b.force(t, command.Choices{MovedGroup: contract.MovedBack})
	b.tenant.groups[guid("group group 1")].says("description", "new")
	run := b.sync(t)
	if run.Status != contract.RunPartial || run.StopReason != contract.StopDeletionThreshold || run.Held.Move != 8 || run.Exported.Move != 0 || run.Exported.Update != 1 {
		t.Fatalf("%+v\n%v", run, b.outcomes(t, run))
	}
	if g := b.object("group 1"); g.Attributes.First("description") != "new" || strings.HasSuffix(g.DN, containerDN) {
		t.Errorf("%+v", g)
	}
	if run = b.agree(t, b.sync(t)); run.Exported.Move != 8 || run.Status != contract.RunComplete {
		t.Errorf("%+v", run)
	}
}

// What is missing in AD is created again once somebody consents, and waits until then.
func TestReCreationsThatAreHeld(t *testing.T) {
	groups := map[string][]string{"victim": {"mallory", "a"}}
	for i := range 20 {
		groups[fmt.Sprint("group ", i)] = []string{"a"}
	}
	b := ready(t, groups)
	b.delta(t)
	for i := range 8 {
		b.directory.remove(b.object(fmt.Sprint("group ", i)).GUID)
	}
	b.tenant.put("victim", "a")
	var run contract.Run
	for runs := 1; runs <= 3; runs++ {
		run = b.sync(t)
		if run.Status != contract.RunPartial || run.StopReason != contract.StopTargetShrunk || run.Held != (plan.Totals{Create: 8, MembersAdded: 8}) || run.HeldRuns != runs || len(b.object("victim").Members) != 1 {
			t.Fatalf("%+v", run)
		}
	}
	if run = b.agree(t, run); run.Status != contract.RunComplete || run.Exported.Create != 8 || run.LinkedGroups != 21 {
		t.Errorf("%+v", run)
	}
}

// If a side has shrunk, a nested group that is gone stays a member until somebody
// consents. A user who was removed does not.
func TestRemovalsThatFollowFromAbsenceAreHeld(t *testing.T) {
	groups := map[string][]string{"parent": {"a", "mallory"}}
	for i := range 10 {
		groups[fmt.Sprint("group ", i)] = []string{"a"}
	}
	b := ready(t, groups)
	parent := b.tenant.groups[guid("group parent")]
	parent.members = append(parent.members, directory.SourceMember{ID: guid("group group 0"), Kind: directory.KindGroup, Name: "group 0", Readable: true})
	b.delta(t)
	for i := range 6 {
		b.purge(fmt.Sprint("group ", i))
	}
	parent.members = []directory.SourceMember{b.tenant.member("a")}
	run := b.sync(t)
	if run.StopReason != contract.StopSourceShrunk || run.Held != (plan.Totals{Delete: 6, UpdateMembers: 1, MembersRemoved: 1}) || run.Exported.MembersRemoved != 1 {
		t.Fatalf("%+v\n%v", run, b.outcomes(t, run))
	}
	if run = b.agree(t, run); run.Status != contract.RunComplete || len(b.object("parent").Members) != 1 {
		t.Errorf("%+v", run)
	}
}

// Only a tenant without any group stops the run, and the message says what excluded all
// groups.
func TestAnEmptyTenantSaysWhoLetNoneThrough(t *testing.T) {
	filter, elsewhere := "displayName -eq 'nobody'", []directory.GUID{guid("nobody")}
	for name, c := range map[string]struct {
		choices command.Choices
		gone    bool
		want    string
	}{
		"tenant":    {command.Choices{}, true, "returned no groups"},
		"filter":    {command.Choices{Filter: &filter}, false, "returned 2 groups, but none of them matches the filter (displayName -eq 'nobody')"},
		"selection": {command.Choices{GroupIDs: &elsewhere}, false, "returned 2 groups, but none of them is among the 1 selected group"},
		"writeback": {command.Choices{Scope: plan.ScopeWritebackEnabled}, false, "returned 2 groups, but none of them is enabled for writeback"},
	} {
		t.Run(name, func(t *testing.T) {
			b := ready(t, map[string][]string{"one": {"a", "b"}, "two": {"a"}})
			b.delta(t)
			if c.gone {
				b.purge("one")
				b.purge("two")
			} else {
				if name == "writeback" {
					b.tenant.byDefault = contract.No
				}
				b.force(t, c.choices)
			}
			run := b.sync(t)
			if run.Status != contract.RunStopped || run.StopReason != contract.StopSourceShrunk || !strings.Contains(run.Message, c.want) || !strings.Contains(run.Message, "2 groups are linked") {
				t.Errorf("%s %s: %s", run.Status, run.StopReason, run.Message)
			}
			if run.Held != (plan.Totals{}) || run.Exported != (plan.Totals{}) || len(b.directory.objects) != 2 {
				t.Errorf("%+v", run)
			}
		})
	}
}

// A consent outlives runs that fail before the limits are checked, and runs that would
// have held nothing back.
func TestAConsentIsUsedUpByTheRunThatNeedsIt(t *testing.T) {
	b := ready(t, map[string][]string{"hostile": names("user", 22), "other": {"a"}, "large": names("x", 400)})
	b.delta(t)
	b.tenant.put("hostile", "user1")
	held := b.sync(t)
	if held.Held.MembersRemoved != 21 {
		t.Fatalf("%+v", held)
	}
	request := command.SyncRequest{AllowOnce: held.PlanID}
	b.tenant.fail = func(string) error {
		return &contract.Error{Category: contract.Connection, ID: "GraphUnreachable", Message: "down"}
	}
	if run, err := b.engine.Sync(t.Context(), request, nil); err == nil && run.Status != contract.RunFailed {
		t.Fatalf("%+v", run)
	}
	b.tenant.fail = nil
	other := command.GroupSyncRequest{Group: guid("group other").String(), AllowOnce: held.PlanID}
	if r, err := b.engine.SyncGroup(t.Context(), other, nil); err != nil || r.Run.Status != contract.RunComplete {
		t.Fatalf("%+v %v", r.Run, err)
	}
	b.tenant.put("hostile", names("user", 22)...)
	if run := b.agree(t, held); run.Status != contract.RunComplete || run.Planned != (plan.Totals{}) {
		t.Fatalf("%+v", run)
	}
	b.tenant.put("hostile", "user1")
	if run := b.agree(t, held); run.Status != contract.RunComplete || run.Exported.MembersRemoved != 21 {
		t.Fatalf("%+v", run)
	}
	if _, err := b.engine.Sync(t.Context(), request, nil); !contract.HasID(err, "PlanAlreadyUsed") {
		t.Error(err)
	}
	if _, err := b.engine.Sync(t.Context(), command.SyncRequest{AllowOnce: b.sync(t).PlanID}, nil); !contract.HasID(err, "PlanNotStopped") {
		t.Error(err)
	}
}

// A sync of one group is subject to the same limits, and its steps say so.
func TestOneGroupThatIsHeld(t *testing.T) {
	b := ready(t, map[string][]string{"hostile": names("user", 22), "large": names("x", 400)})
	b.delta(t)
	b.tenant.put("hostile", "user1", "new")
	request := command.GroupSyncRequest{Group: guid("group hostile").String()}
	for _, whatIf := range []bool{true, false} {
		request.WhatIf = whatIf
		r, err := b.engine.SyncGroup(t.Context(), request, nil)
		last := r.Steps[len(r.Steps)-1]
		if err != nil || r.Run.Status != contract.RunPartial || r.Run.Held.MembersRemoved != 21 || last.Result == contract.Passed || !strings.Contains(strings.ToLower(last.Message), "held back") {
			t.Errorf("%+v %v", r, err)
		}
	}
	if got := len(b.object("hostile").Members); got != 23 {
		t.Errorf("%d members", got)
	}
	if run := b.sync(t); run.Held.MembersRemoved != 21 {
		t.Errorf("what was held is not pending: %+v", run)
	}
}

// What is held back of the adoption of a small group does not pass by itself in the next
// run, when the group is ours.
func TestWhatAnAdoptionWouldRemoveStaysHeld(t *testing.T) {
	b := ready(t, map[string][]string{"large": names("x", 400)})
	b.delta(t)
	id := b.tenant.put("adopted", "user0")
	g := b.stranger(id, "adopted", names("user", 4)...)
	b.consent(t, command.Adoption{Adopt: &yes})
	var run contract.Run
	for range 3 {
		run = b.sync(t)
		if run.StopReason != contract.StopRemovalThreshold || run.Held.MembersRemoved != 3 || len(g.Members) != 4 {
			t.Fatalf("%+v\n%v", run, b.outcomes(t, run))
		}
	}
	if run = b.agree(t, run); run.Status != contract.RunComplete || len(g.Members) != 1 {
		t.Fatalf("%+v", run)
	}
	b.tenant.put("adopted")
	if run := b.delta(t); run.Exported.MembersRemoved != 1 {
		t.Errorf("a later removal is like any other: %+v", run)
	}
}
