package command_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/internal/command"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// delta runs a sync that must be a Delta run and complete.
func (b *bench) delta(t fataler) contract.Run {
	t.Helper()
	run := b.sync(t)
	if run.PolicyType != contract.Delta || run.PolicyReason != "" {
		t.Fatalf("%s, because %s", run.PolicyType, run.PolicyReason)
	}
	if run.Status != contract.RunComplete {
		t.Fatalf("%+v\n%v", run, b.outcomes(t, run))
	}
	return run
}

// ready returns a bench whose tenant was synced.
func ready(t *testing.T, groups map[string][]string) *bench {
	t.Helper()
	b := newBench(t)
	for name, members := range groups {
		b.tenant.put(name, members...)
	}
	b.enable(t)
	if run := b.sync(t); run.PolicyType != contract.Initial || run.PolicyReason != contract.InitialFirst || run.Status != contract.RunComplete {
		t.Fatalf("%+v", run)
	}
	b.forget()
	return b
}

// forget resets the counts of requests.
func (b *bench) forget() {
	b.tenant.seen, b.directory.seen, b.tenant.asked, b.directory.whole = nil, nil, nil, 0
}

// object returns the object that stands for the group of that name.
func (b *bench) object(name string) *directory.TargetGroup {
	for _, g := range b.directory.objects {
		if g.DisplayName() == name || g.AdminDesc == directory.Mark(guid("group "+name)) {
			return g
		}
	}
	return nil
}

func TestNothingChangedCostsNothing(t *testing.T) {
	for _, groups := range []int{10, 300} {
		b := newBench(t)
		for i := range groups {
			b.tenant.put(fmt.Sprint("group ", i), "a", "b", "cloud")
		}
		b.enable(t)
		b.sync(t)
		b.delta(t) // our own echoes
		b.forget()
		run := b.delta(t)
		want := []string{"identify", "groupChanges", "userChanges", "container", "identify"}
		if diff := cmp.Diff(want, append(slices.Compact(b.tenant.seen), slices.Compact(b.directory.seen)...)); diff != "" {
			t.Errorf("%d groups: %s", groups, diff)
		}

		// Something else has happened in the domain.
		b.directory.objects[guid("else")] = &directory.TargetGroup{GUID: guid("else"), CN: "else", DN: "CN=else,DC=contoso,DC=test"}
		b.forget()
		run = b.delta(t)
		if run.Planned != (plan.Totals{}) || run.SourceGroups != groups || run.UnwrittenMembers != groups {
			t.Errorf("%+v", run)
		}
		seen := append(slices.Compact(b.tenant.seen), slices.Compact(b.directory.seen)...)
		want = []string{"identify", "groupChanges", "userChanges", "container", "identify", "changed", "deleted", "identify"}
		if diff := cmp.Diff(want, seen); diff != "" {
			t.Errorf("%d groups: %s", groups, diff)
		}
	}
}

func TestOneMemberOfALargeGroup(t *testing.T) {
	members := names("user", 3_000)
	b := ready(t, map[string][]string{"large": members, "other": {"a"}})
	b.delta(t)
	b.tenant.put("large", append(members, "new")...)
	b.forget()
	run := b.delta(t)
	if run.Exported != (plan.Totals{UpdateMembers: 1, MembersAdded: 1}) || run.Planned.MembersRemoved != 0 {
		t.Errorf("%+v", run)
	}
	next := b.delta(t)
	if next.Planned != (plan.Totals{}) || len(b.tenant.asked) != 0 || b.directory.whole != 0 {
		t.Errorf("afterwards %+v, memberships read: %d in the tenant, %d in the directory", next.Planned, len(b.tenant.asked), b.directory.whole)
	}
	if !has(b.object("large"), account("new").GUID) || len(b.object("large").Members) != 3_001 {
		t.Error("it was not written")
	}
}

// What no index answers is searched for once, when all others are resolved.
func TestTheRestIsSearchedForOnce(t *testing.T) {
	members := names("user", 2_500)
	b := newBench(t)
	for _, name := range members[:1_500] {
		b.directory.dead[account(name).GUID] = true
	}
	b.tenant.put("large", members...)
	b.enable(t)
	b.forget()
	run := b.sync(t)
	count := func(operation string) (n int) {
		for _, o := range b.directory.seen {
			if o == operation {
				n++
			}
		}
		return n
	}
	if count("resolve") != 3 || count("resolveRest") != 1 || run.UnwrittenMembers != 1_500 || run.Exported.MembersAdded != 1_000 {
		t.Errorf("%d and %d searches, %+v", count("resolve"), count("resolveRest"), run)
	}
}

// A large new group is read back range by range, with what others have added meanwhile.
func TestALargeNewGroupIsConfirmedByRanges(t *testing.T) {
	members := names("user", 1_200)
	b := newBench(t)
	b.tenant.put("large", members...)
	b.tenant.put("small", members[:3]...)
	b.enable(t)
	b.directory.fail = func(operation string) error {
		if operation == "ranges" {
			g := b.object("large")
			g.Members = append(g.Members, account("intruder"))
			g.Members = slices.DeleteFunc(g.Members, func(m directory.MemberRef) bool { return m.GUID == account(members[7]).GUID })
		}
		return nil
	}
	b.forget()
	run := b.sync(t)
	b.directory.fail = nil
	if diff := cmp.Diff([]string{"Create large Partial NotConfirmed", "Create small Done"}, b.outcomes(t, run)); diff != "" {
		t.Error(diff)
	}
	if n := slices.Index(b.directory.seen, "checkMembers"); n >= 0 || b.directory.whole != 2 {
		t.Errorf("%d groups were read back", b.directory.whole)
	}
	b.delta(t)
	if g := b.object("large"); len(g.Members) != len(members) || has(g, account("intruder").GUID) {
		t.Errorf("%d members", len(g.Members))
	}
}

func TestDeltaOfTheTenant(t *testing.T) {
	b := ready(t, map[string][]string{"renamed": {"a"}, "gains": {"a"}, "loses": {"a", "b"}, "soft": {"a"}, "hard": {"a"}, "still": {"a"}})
	b.tenant.groups[guid("group renamed")].says("description", "new")
	b.tenant.put("gains", "a", "b", "cloud")
	b.tenant.put("loses", "b")
	b.tenant.put("created", "a", "c")
	for name, how := range map[string]directory.Presence{"soft": directory.PresenceSoftDeleted, "hard": directory.PresenceHardDeleted} {
		delete(b.tenant.groups, guid("group "+name))
		b.tenant.deleted[guid("group "+name)] = how
	}
	run := b.delta(t)
	want := []string{"Create created Done", "Delete hard Done", "Skip soft Skipped", "Update renamed Done", "UpdateMembers gains Done", "UpdateMembers loses Done"}
	if diff := cmp.Diff(want, b.outcomes(t, run)); diff != "" {
		t.Error(diff)
	}
	if run.SourceGroups != 5 || run.UnwrittenMembers != 1 || run.LinkedGroups != 6 {
		t.Errorf("%+v", run)
	}
	if diff := cmp.Diff([]directory.GUID{guid("group created")}, b.tenant.asked); diff != "" {
		t.Errorf("memberships read whole: %s", diff)
	}
	if diff := cmp.Diff(map[string][]string{"renamed": {"a"}, "gains": {"a", "b"}, "loses": {"b"}, "soft": {"a"}, "still": {"a"}, "created": {"a", "c"}}, b.holds()); diff != "" {
		t.Error(diff)
	}
	// A restored group keeps its object.
	object := b.object("soft").GUID
	b.tenant.put("soft", "b")
	b.delta(t)
	if g := b.object("soft"); g.GUID != object || !has(g, account("b").GUID) || has(g, account("a").GUID) {
		t.Errorf("%+v", g)
	}
}

func TestDriftIsPutRightAndReported(t *testing.T) {
	for _, blind := range []bool{false, true} {
		t.Run(fmt.Sprint("blind ", blind), func(t *testing.T) {
			b := ready(t, map[string][]string{"edited": {"a", "b"}, "deleted": {"a"}, "moved": {"a"}, "still": {"a"}})
			b.directory.blind = blind
			b.delta(t)
			edited, moved := b.object("edited"), b.object("moved")
			edited.Members = []directory.MemberRef{account("a"), account("x")}
			write(edited, "description", "by hand")
			edited.WhenChanged = time.Date(2026, 11, 24, 4, 12, 3, 0, time.UTC)
			moved.DN = "CN=moved,OU=Elsewhere,DC=contoso,DC=test"
			delete(b.directory.objects, b.object("deleted").GUID)
			run := b.delta(t)
			if diff := cmp.Diff([]string{"Create deleted Done", "Update edited Done", "UpdateMembers edited Done"}, b.outcomes(t, run)); diff != "" {
				t.Error(diff)
			}
			s, _ := b.engine.State(context.Background())
			changes, _ := s.Changes(context.Background(), run.ID, plan.PhaseMembers, 0, 10)
			if len(changes) != 1 || changes[0].Reason != plan.ReasonDrift || !strings.Contains(changes[0].Change.Message, directory.Moment(time.Date(2026, 11, 24, 4, 12, 3, 0, time.UTC))+": description; 1 member added, 1 removed") {
				t.Errorf("%+v", changes)
			}
			if run.DriftedGroups != 1 || run.MissingGroups != 1 {
				t.Errorf("%+v", run)
			}
			if diff := cmp.Diff(map[string][]string{"edited": {"a", "b"}, "deleted": {"a"}, "moved": {"a"}, "still": {"a"}}, b.holds()); diff != "" {
				t.Error(diff)
			}
			// A group that stands elsewhere is kept up to date there.
			b.tenant.put("moved", "b")
			b.delta(t)
			if !has(b.object("moved"), account("b").GUID) {
				t.Error("the group that was moved is forgotten")
			}
		})
	}
}

func TestAForeignEditBesideOurWriteIsSeen(t *testing.T) {
	b := ready(t, map[string][]string{"one": {"a"}})
	b.delta(t)
	b.tenant.put("one", "a", "b")
	b.directory.fail = func(operation string) error {
		if operation == "holders" || operation == "resolve" { // after it was read and before it is written
			b.object("one").Members = []directory.MemberRef{account("a"), account("intruder")}
		}
		return nil
	}
	b.delta(t)
	b.directory.fail = nil
	if run := b.delta(t); run.Exported.MembersRemoved != 1 {
		t.Errorf("%+v", run)
	}
	if diff := cmp.Diff([]string{"a", "b"}, b.holds()["one"]); diff != "" {
		t.Error(diff)
	}
}

// If it is not known whether the members of a group were written, and the group was
// updated in the same run, the next run reads them.
func TestMembersOfUnknownOutcomeBesideAnUpdateAreRead(t *testing.T) {
	for _, fault := range []error{errLost, errPart} {
		b := ready(t, map[string][]string{"one": {"a"}})
		b.delta(t)
		b.tenant.put("one", "a", "b")
		b.tenant.groups[guid("group one")].says("description", "new")
		b.directory.fail = func(operation string) error {
			if operation == "changeMembers" {
				return fault
			}
			return nil
		}
		run := b.sync(t)
		if run.Status != contract.RunPartial || run.Exported.Update != 1 || !has(b.object("one"), account("b").GUID) {
			t.Fatalf("%+v\n%v", run, b.outcomes(t, run))
		}
		b.directory.fail = nil
		b.tenant.groups[guid("group one")].members = []directory.SourceMember{user("a")} // removed again
		run = b.delta(t)
		if diff := cmp.Diff([]string{"a"}, b.holds()["one"]); diff != "" {
			t.Errorf("%v: %s after %v", fault, diff, b.outcomes(t, run))
		}
	}
}

func TestWhatFailedIsPlannedAgain(t *testing.T) {
	b := ready(t, map[string][]string{"one": {"a"}, "two": {"a"}})
	b.tenant.put("one", "a", "b")
	b.directory.fail = func(operation string) error {
		if operation == "changeMembers" {
			return &contract.Error{Category: contract.PermissionDenied, ID: "AccessDenied", Message: "no"}
		}
		return nil
	}
	for range 2 {
		if run := b.sync(t); run.PolicyType != contract.Delta || run.Status != contract.RunFailed || run.StopReason != contract.StopAllFailed || run.Failed != 1 {
			t.Errorf("%+v", run)
		}
	}
	if o, err := b.engine.Overview(context.Background()); err != nil || o.PendingGroups != 1 || o.NextPolicyType != contract.Delta {
		t.Errorf("%+v %v", o, err)
	}
	b.directory.fail = nil
	if run := b.delta(t); run.Exported.MembersAdded != 1 {
		t.Errorf("%+v", run)
	}
	if run := b.delta(t); run.Planned != (plan.Totals{}) {
		t.Errorf("%+v", run)
	}
}

// Active Directory finishes a large removal later, without a new uSN. The next run must
// find what is there then. Otherwise it would plan the removal again and be stopped by a
// limit, although nothing is left to remove.
func TestARemovalThatIsFinishedLater(t *testing.T) {
	members := names("user", 100)
	b := ready(t, map[string][]string{"large": members, "other": {"x"}})
	b.delta(t)
	b.tenant.put("large", members[0])
	run := b.sync(t)
	if run.StopReason != contract.StopRemovalThreshold {
		t.Fatalf("%+v", run)
	}
	b.directory.leave = 49
	run, err := b.engine.Sync(context.Background(), command.SyncRequest{AllowOnce: run.PlanID}, nil)
	if err != nil || run.Status != contract.RunPartial || len(b.object("large").Members) != 50 {
		t.Fatalf("%+v %v", run, err)
	}
	b.directory.leave = 0
	b.directory.finish(b.object("large"), account(members[0]).GUID)
	b.tenant.put("other", "x", "y")
	if run := b.delta(t); run.Planned != (plan.Totals{UpdateMembers: 1, MembersAdded: 1}) {
		t.Errorf("%+v\n%v", run, b.outcomes(t, run))
	}
}

func TestABrokenDeltaIsNoInstruction(t *testing.T) {
	incomplete := &contract.Error{Category: contract.InvalidData, ID: "IncompleteRead", Message: "cut off"}
	for _, operation := range []string{"groupChanges", "userChanges", "changed", "deleted", "marked", "lookup", "membersByID", "groupsByID", "members", "resolve", "presence"} {
		t.Run(operation, func(t *testing.T) {
			b := ready(t, map[string][]string{"one": {"a", "b"}, "two": {"a"}, "gone": {"a"}, "edited": {"a"}})
			b.directory.blind = operation == "marked"
			before := b.holds()
			b.tenant.put("one", "a", "c", "d")
			b.tenant.put("new", "a")
			delete(b.tenant.groups, guid("group gone"))
			b.object("edited").Members = nil
			before["edited"] = []string{}
			fail := func(o string) error {
				if o == operation {
					return incomplete
				}
				return nil
			}
			b.tenant.fail, b.directory.fail = fail, fail
			if run := b.sync(t); run.Status != contract.RunFailed || run.StopReason != "IncompleteRead" {
				t.Errorf("%+v", run)
			}
			if diff := cmp.Diff(before, b.holds()); diff != "" {
				t.Error(diff)
			}
			b.tenant.fail, b.directory.fail = nil, nil
			run := b.delta(t)
			if diff := cmp.Diff(map[string][]string{"one": {"a", "c", "d"}, "two": {"a"}, "edited": {"a"}, "new": {"a"}}, b.holds()); diff != "" {
				t.Errorf("%+v %s", run, diff)
			}
		})
	}
}

func TestALinkThatExpiredIsAFullImport(t *testing.T) {
	b := ready(t, map[string][]string{"one": {"a"}, "two": {"a"}})
	b.tenant.expired = len(b.tenant.moments)
	b.tenant.put("one", "b")
	run := b.sync(t)
	if run.PolicyType != contract.Initial || run.PolicyReason != contract.InitialLinkExpired || run.Status != contract.RunComplete || run.Exported.MembersAdded != 1 {
		t.Errorf("%+v", run)
	}
	b.delta(t)

	// The limits still apply.
	for i := range 40 {
		b.tenant.put(fmt.Sprint("more ", i))
	}
	b.delta(t)
	b.tenant.expired = len(b.tenant.moments)
	for i := range 20 {
		delete(b.tenant.groups, guid(fmt.Sprint("group more ", i)))
	}
	if run := b.sync(t); run.Status != contract.RunPartial || run.Planned.Delete != 0 || len(b.directory.objects) != 42 {
		t.Errorf("%+v", run) // their absence is only a momentary answer
	}
	b.ahead += 31 * time.Minute
	if run := b.sync(t); run.Status != contract.RunPartial || run.StopReason != contract.StopSourceShrunk || run.Held.Delete != 20 || len(b.directory.objects) != 42 {
		t.Errorf("%+v", run)
	}
}

// A change just before the delta token was taken, which the replica that was read did not
// show yet, is in no delta (rule 11).
func TestAReplicaThatLagsLosesNothing(t *testing.T) {
	b := newBench(t)
	b.tenant.put("one", "a")
	old := b.tenant.now()
	b.tenant.put("one", "a", "b")
	b.tenant.lagging = &old
	b.enable(t)
	b.sync(t)
	b.tenant.lagging = nil
	b.delta(t)
	if diff := cmp.Diff([]string{"a"}, b.holds()["one"]); diff != "" {
		t.Fatalf("the test proves nothing: %s", diff)
	}
	b.ahead += 31 * time.Minute
	if run := b.sync(t); run.PolicyReason != contract.InitialSettling {
		t.Errorf("%+v", run)
	}
	if diff := cmp.Diff([]string{"a", "b"}, b.holds()["one"]); diff != "" {
		t.Error(diff)
	}
	b.ahead += 31 * time.Minute
	b.delta(t)

	// A later full import begins with a link that is old enough.
	b.tenant.put("other", "c")
	b.delta(t)
	old = b.tenant.now()
	b.tenant.put("one", "a", "b", "c")
	b.tenant.lagging = &old
	if run, err := b.engine.Sync(context.Background(), command.SyncRequest{PolicyType: contract.Initial}, nil); err != nil || run.PolicyReason != contract.InitialRequested {
		t.Errorf("%+v %v", run, err)
	}
	if diff := cmp.Diff([]string{"a", "b", "c"}, b.holds()["one"]); diff != "" {
		t.Error(diff)
	}
	b.pass(31 * time.Minute)
	b.delta(t)
	b.ahead += 7 * 24 * time.Hour
	if run := b.sync(t); run.PolicyReason != contract.InitialInterval {
		t.Errorf("%+v", run)
	}
}

// For a group that must be read whole, a delta overrides what a lagging replica shows.
func TestANewGroupOnAReplicaThatLags(t *testing.T) {
	b := settled(t, map[string][]string{"one": {"a", "b", "c"}})
	b.tenant.put("new", "a", "c")
	b.tenant.lag()
	b.tenant.lagLinks = 0         // the delta does not report what came and went
	b.tenant.put("new", "a", "b") // c was never reported
	b.tenant.groups[guid("group new")].says("description", "told")
	b.tenant.put("unseen", "a")
	b.delta(t)
	if diff := cmp.Diff([]string{"a", "b", "c"}, b.holds()["new"]); diff != "" || b.object("new").Attributes.First("description") != "told" {
		t.Errorf("%+v %s", b.object("new"), diff)
	}
	if b.object("unseen") != nil {
		t.Fatal("the test proves nothing")
	}
	b.tenant.lagging = nil
	if run := b.delta(t); run.Exported.Create != 1 {
		t.Errorf("%+v", run)
	}
	// What was read from that replica is read again once the lag is over, and then no
	// more.
	b.ahead += 31 * time.Minute
	b.delta(t)
	if diff := cmp.Diff([]string{"a", "b"}, b.holds()["new"]); diff != "" {
		t.Error(diff)
	}
	b.ahead += 31 * time.Minute
	b.delta(t)
	b.forget()
	if run := b.delta(t); run.Planned != (plan.Totals{}) || len(b.tenant.asked) > 0 {
		t.Errorf("%+v", run)
	}
}

// A member who became joinable changes neither the delta of the group nor its uSN (rule
// 8).
func TestAMemberThatBecomesJoinable(t *testing.T) {
	b := ready(t, map[string][]string{"one": {"a", "cloud b"}, "two": {"cloud b"}, "four": {"a"}})
	b.delta(t)
	for _, name := range []string{"one", "two"} {
		g := b.tenant.groups[guid("group "+name)]
		for i := range g.members {
			if g.members[i].Name == "cloud b" {
				g.members[i].Synced, g.members[i].SID = true, userSID("cloud b")
			}
		}
	}
	run := b.delta(t)
	if diff := cmp.Diff([]string{"UpdateMembers one Done", "UpdateMembers two Done"}, b.outcomes(t, run)); diff != "" || run.UnwrittenMembers != 0 {
		t.Errorf("%+v %s", run, diff)
	}
}

func TestMembersNotFoundAreAskedForAgain(t *testing.T) {
	b := ready(t, map[string][]string{"one": {"a"}})
	b.ahead += 31 * time.Minute
	b.sync(t) // settled
	b.directory.dead[account("late").GUID] = true
	b.tenant.put("one", "a", "late")
	if run := b.delta(t); run.UnwrittenMembers != 1 {
		t.Errorf("%+v", run)
	}
	delete(b.directory.dead, account("late").GUID)
	b.ahead += 2 * time.Hour
	if run := b.delta(t); run.Exported.MembersAdded != 1 || run.UnwrittenMembers != 0 {
		t.Errorf("%+v", run)
	}
}

func TestUnknownMembersHoldRemovalsBackUntilTheyAreKnown(t *testing.T) {
	b := ready(t, map[string][]string{"one": {"a", "b"}})
	b.tenant.put("one", "a", "unknown")
	run := b.sync(t)
	if run.PolicyType != contract.Delta || run.Status != contract.RunPartial || run.UnknownMembers != 1 || run.Exported.MembersRemoved != 0 {
		t.Errorf("%+v", run)
	}
	if run := b.sync(t); run.Status != contract.RunPartial || run.UnknownMembers != 1 || run.Planned.Skip != 1 {
		t.Errorf("%+v", run)
	}
	g := b.tenant.groups[guid("group one")]
	g.members[1].Readable, g.members[1].Synced, g.members[1].SID = true, true, userSID("unknown")
	if run := b.delta(t); run.Exported.MembersRemoved != 1 || run.Exported.MembersAdded != 1 || run.UnknownMembers != 0 {
		t.Errorf("%+v", run)
	}
}

func TestAnotherDomainControllerMustHaveReceivedWhatWasWritten(t *testing.T) {
	b := ready(t, map[string][]string{"one": {"a"}})
	b.directory.server, b.directory.invocation = "dc2", guid("dc2")
	b.tenant.put("one", "b")
	for _, received := range []map[directory.GUID]int64{nil, {guid("dc1"): 0}} {
		b.directory.received = received
		run := b.sync(t)
		if run.Status != contract.RunStopped || run.StopReason != contract.StopTargetNotUpToDate || run.Planned != (plan.Totals{}) {
			t.Errorf("%+v", run)
		}
	}
	run, err := b.engine.Sync(context.Background(), command.SyncRequest{SkipReplicationCheck: true}, nil)
	if err != nil || run.PolicyReason != contract.InitialServer || run.Exported.MembersAdded != 1 {
		t.Errorf("%+v %v", run, err)
	}
	b.delta(t)
	b.directory.server, b.directory.invocation = "dc1", guid("dc1")
	b.directory.received = map[directory.GUID]int64{guid("dc2"): 1_000}
	if run := b.sync(t); run.PolicyReason != contract.InitialServer || run.Status != contract.RunComplete {
		t.Errorf("%+v", run)
	}
}

func TestScope(t *testing.T) {
	b := ready(t, map[string][]string{"HR one": {"a"}, "HR two": {"a"}, "IT one": {"a"}})
	ctx := context.Background()
	set := func(c command.Choices) {
		t.Helper()
		if _, err := b.engine.SetSettings(ctx, command.SettingsPatch{Choices: c}); err != nil {
			t.Fatal(err)
		}
		if run := b.sync(t); run.PolicyReason != contract.InitialSettings || run.Status != contract.RunComplete {
			t.Fatalf("%+v", run)
		}
	}
	filter := "displayName -like 'HR*'"
	set(command.Choices{Filter: &filter})
	b.tenant.put("HR three", "a")
	b.tenant.put("IT two", "a")
	run := b.delta(t)
	if diff := cmp.Diff([]string{"Create HR three Done"}, b.outcomes(t, run)); diff != "" || run.SourceGroups != 3 {
		t.Errorf("%+v %s", run, diff)
	}
	// A group that enters the scope is read whole; a group that leaves it is frozen.
	b.tenant.groups[guid("group IT two")].says("displayName", "HR four")
	b.tenant.groups[guid("group HR two")].says("displayName", "IT three")
	run = b.delta(t)
	if diff := cmp.Diff([]string{"Create HR four Done", "Skip HR two Skipped"}, b.outcomes(t, run)); diff != "" {
		t.Error(diff)
	}
	if _, err := b.engine.SetSettings(ctx, command.SettingsPatch{Choices: command.Choices{Filter: new("displayName -like")}}); !contract.HasID(err, "FilterInvalid") {
		t.Error(err)
	}
	if _, err := b.engine.SetSettings(ctx, command.SettingsPatch{Choices: command.Choices{Scope: plan.ScopeSelected}}); !contract.HasID(err, "GroupIdsRequired") {
		t.Error(err)
	}
	ids := []directory.GUID{guid("group IT one"), guid("group HR one")}
	set(command.Choices{GroupIDs: &ids, Filter: new("")})
	b.tenant.put("HR one", "b")
	b.tenant.put("HR three", "b")
	run = b.delta(t)
	if diff := cmp.Diff([]string{"UpdateMembers HR one Done"}, b.outcomes(t, run)); diff != "" {
		t.Error(diff)
	}
	set(command.Choices{Scope: plan.ScopeWritebackEnabled, OutOfScopeGroup: contract.FrozenRemove})
	if !has(b.object("HR three"), account("b").GUID) { // null means true by default
		t.Error("HR three is not up to date")
	}
	// If the token may no longer read the tenant's default, nothing changes.
	b.tenant.byDefault = contract.No
	if run := b.sync(t); run.PolicyReason != contract.InitialSettings || run.SourceGroups != 0 {
		t.Logf("%+v", run)
	}
	b.tenant.byDefault = contract.Unknown
	if run := b.sync(t); run.PolicyType != contract.Delta {
		t.Errorf("%+v", run)
	}
	b.tenant.byDefault = contract.Yes
	b.sync(t)
	off := false
	b.tenant.groups[guid("group HR three")].WritebackEnabled = &off
	run = b.delta(t)
	if diff := cmp.Diff([]string{"Delete HR three Done"}, b.outcomes(t, run)); diff != "" {
		t.Error(diff)
	}
}

// nest adds a security group whose members are the groups of these names.
func (t *fakeTenant) nest(name string, groups ...string) {
	t.put(name)
	g := t.groups[guid("group "+name)]
	g.Kind = directory.SecurityGroup
	for _, other := range groups {
		g.members = append(g.members, directory.SourceMember{ID: guid("group " + other), Kind: directory.KindGroup, Name: other, Readable: true})
	}
}

// A group that is written again because a nested group was created is looked at again
// first.
func TestAForeignEditBeforeTheSettlingIsSeen(t *testing.T) {
	b := newBench(t)
	b.tenant.nest("parent")
	yes := true
	if _, err := b.engine.Enable(context.Background(), command.EnableRequest{Choices: command.Choices{TargetContainer: containerDN, IncludeSecurityGroups: &yes}}); err != nil {
		t.Fatal(err)
	}
	b.sync(t)
	b.delta(t)
	b.tenant.nest("child")
	b.tenant.nest("parent", "child")
	parent := b.tenant.groups[guid("group parent")]
	parent.members = append(parent.members, user("a"))
	resolved := 0
	b.directory.fail = func(operation string) error {
		if operation == "resolve" {
			if resolved++; resolved == 2 { // what was written is confirmed
				g := b.object("parent")
				g.Members = append(g.Members, account("intruder"))
			}
		}
		return nil
	}
	b.delta(t)
	b.directory.fail = nil
	b.delta(t)
	if g := b.object("parent"); resolved != 2 || len(g.Members) != 2 || has(g, account("intruder").GUID) {
		t.Errorf("%+v", g.Members)
	}
}

func TestNestedGroups(t *testing.T) {
	b := newBench(t)
	b.tenant.nest("parent", "child", "loop")
	b.tenant.nest("child")
	b.tenant.nest("loop", "parent", "unwritten")
	b.enable(t)
	if _, err := b.engine.SetSettings(context.Background(), command.SettingsPatch{Choices: command.Choices{IncludeSecurityGroups: new(bool)}}); err != nil {
		t.Fatal(err)
	}
	yes := true
	if _, err := b.engine.SetSettings(context.Background(), command.SettingsPatch{Choices: command.Choices{IncludeSecurityGroups: &yes}}); err != nil {
		t.Fatal(err)
	}
	run := b.sync(t)
	if run.Status != contract.RunComplete || run.Exported.Create != 3 || run.Exported.MembersAdded != 3 || run.UnwrittenMembers != 1 {
		t.Errorf("%+v\n%v", run, b.outcomes(t, run))
	}
	check := func(want map[string][]string) {
		t.Helper()
		got := map[string][]string{}
		for name := range want {
			got[name] = []string{}
			for _, m := range b.object(name).Members {
				got[name] = append(got[name], b.directory.objects[m.GUID].DisplayName())
			}
			slices.Sort(got[name])
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if g := b.object("parent"); g.GroupType != directory.GroupTypeUniversalSecurity {
			t.Errorf("groupType %d", g.GroupType)
		}
	}
	check(map[string][]string{"parent": {"child", "loop"}, "child": {}, "loop": {"parent"}})
	if run := b.delta(t); run.Planned != (plan.Totals{}) {
		t.Errorf("%+v\n%v", run, b.outcomes(t, run))
	}
	b.tenant.nest("unwritten")
	b.delta(t)
	check(map[string][]string{"parent": {"child", "loop"}, "child": {}, "loop": {"parent", "unwritten"}})

	// A lost state removes no member.
	b.engine.Close()
	b.folder = t.TempDir()
	b.start(t)
	if _, err := b.engine.Enable(context.Background(), command.EnableRequest{Choices: command.Choices{TargetContainer: containerDN, IncludeSecurityGroups: &yes}}); err != nil {
		t.Fatal(err)
	}
	if run := b.sync(t); run.Planned != (plan.Totals{}) || run.LinkedGroups != 4 {
		t.Errorf("%+v\n%v", run, b.outcomes(t, run))
	}

	// Deleting an object removes its memberships.
	delete(b.tenant.groups, guid("group child"))
	b.tenant.groups[guid("group parent")].members = b.tenant.groups[guid("group parent")].members[1:]
	b.delta(t)
	check(map[string][]string{"parent": {"loop"}, "loop": {"parent", "unwritten"}})
	if run := b.delta(t); run.Planned != (plan.Totals{}) {
		t.Errorf("%+v\n%v", run, b.outcomes(t, run))
	}
}

func TestTooManyMembers(t *testing.T) {
	b := newBench(t)
	b.tenant.put("large", names("user", 30)...)
	b.tenant.put("small", "a")
	b.enable(t)
	if _, err := b.engine.SetSettings(context.Background(), command.SettingsPatch{Choices: command.Choices{MaxMemberCount: new(20)}}); err != nil {
		t.Fatal(err)
	}
	run := b.sync(t)
	if diff := cmp.Diff([]string{"Create small Done", "Skip large Skipped"}, b.outcomes(t, run)); diff != "" || run.Status != contract.RunComplete {
		t.Errorf("%+v %s", run, diff)
	}
	if run := b.delta(t); run.Planned != (plan.Totals{}) {
		t.Errorf("%+v", run)
	}
	if _, err := b.engine.SetSettings(context.Background(), command.SettingsPatch{Choices: command.Choices{MaxMemberCount: new(40)}}); err != nil {
		t.Fatal(err)
	}
	if run := b.sync(t); run.Exported.Create != 1 || run.Exported.MembersAdded != 30 {
		t.Errorf("%+v", run)
	}
}

func TestAGroupWhoseAuthorityMovedIsAdopted(t *testing.T) {
	b := newBench(t)
	b.tenant.put("moved", "a", "b")
	b.tenant.put("other", "a")
	sid := directory.SID("S-1-5-21-1-2-3-5000")
	b.tenant.groups[guid("group moved")].OnPremisesSID = sid
	was := &directory.TargetGroup{GUID: guid("was"), CN: "Sales", DN: "CN=Sales,OU=Old,DC=contoso,DC=test", SAMAccountName: "sales", SID: sid,
		GroupType: directory.GroupTypeUniversalSecurity, Attributes: directory.Values{"displayName": {"Sales"}}, Members: []directory.MemberRef{account("a"), account("x")}}
	b.directory.objects[was.GUID] = was
	b.enable(t)
	for range 2 {
		run := b.sync(t)
		if was.AdminDesc != "" || run.Planned.Skip != 1 || run.Planned.Create > 1 || len(b.directory.objects) != 2 {
			t.Errorf("%+v", run)
		}
	}
	yes := true
	if _, err := b.engine.SetSettings(context.Background(), command.SettingsPatch{Choices: command.Choices{MovedGroup: contract.MovedBack}, Adoption: command.Adoption{Adopt: &yes}}); err != nil {
		t.Fatal(err)
	}
	run := b.sync(t)
	if diff := cmp.Diff([]string{"Adopt moved Done"}, b.outcomes(t, run)); diff != "" {
		t.Errorf("%+v %s", run, diff)
	}
	if !directory.HasStamp(was.ExtensionName, tenantID) || was.CN != "Sales" || was.SAMAccountName != "sales" || was.DN != "CN=Sales,OU=Old,DC=contoso,DC=test" ||
		was.GroupType != directory.GroupTypeUniversalSecurity || !has(was, account("b").GUID) || has(was, account("x").GUID) {
		t.Errorf("%+v", was)
	}
	b.tenant.put("other", "c")
	if run := b.delta(t); run.Planned.UpdateMembers != 1 || run.Planned.Skip+run.Planned.Move > 0 {
		t.Errorf("%+v\n%v", run, b.outcomes(t, run))
	}
	// The same holds after the state was lost.
	b.engine.Close()
	b.folder = t.TempDir()
	b.start(t)
	b.enable(t)
	if run := b.sync(t); run.Planned != (plan.Totals{}) || run.LinkedGroups != 2 {
		t.Errorf("%+v\n%v", run, b.outcomes(t, run))
	}
}

func TestARunThatWasSupersededWritesNoMore(t *testing.T) {
	b := ready(t, map[string][]string{"one": {"a"}, "two": {"a"}})
	b.tenant.put("one", "b")
	b.tenant.put("two", "b")
	s, _ := b.engine.State(context.Background())
	b.directory.fail = func(operation string) error {
		if operation == "lookup" { // the process slept, and another one took over
			if _, err := s.BeginRun(context.Background(), contract.Run{Kind: contract.SyncRun, Status: contract.RunRunning, Started: time.Now()}); err != nil {
				t.Error(err)
			}
			b.directory.fail = nil
		}
		return nil
	}
	before := b.holds()
	run := b.sync(t)
	if run.Status != contract.RunFailed || run.StopReason != "RunSuperseded" {
		t.Errorf("%+v", run)
	}
	if diff := cmp.Diff(before, b.holds()); diff != "" {
		t.Error(diff)
	}
	if recorded, err := s.Run(context.Background(), run.ID); err != nil || recorded.StopReason != contract.StopInterrupted {
		t.Errorf("%+v %v", recorded, err)
	}
	if run := b.sync(t); run.Status != contract.RunComplete || run.Exported.MembersAdded != 2 {
		t.Errorf("%+v", run)
	}
}

func TestOneGroupOnDemand(t *testing.T) {
	b := newBench(t)
	b.tenant.put("one", "a")
	b.enable(t)
	ctx := context.Background()
	if r, err := b.engine.SyncGroup(ctx, command.GroupSyncRequest{Group: "one"}, nil); err != nil || r.Run.StopReason != "InitialSyncNeeded" {
		t.Errorf("%+v %v", r, err)
	}
	b.tenant.put("two", "a")
	b.sync(t)
	b.tenant.put("one", "a", "b", "cloud")
	b.tenant.put("two", "b")
	b.tenant.put("three", "a")
	steps := func(request command.GroupSyncRequest) []string {
		t.Helper()
		r, err := b.engine.SyncGroup(ctx, request, nil)
		if err != nil {
			t.Fatal(err)
		}
		if r.Run.GroupID != r.ID || r.Run.GroupName != r.DisplayName || r.ID.IsZero() {
			t.Errorf("the run is of %s %q, the answer of %s %q", r.Run.GroupID, r.Run.GroupName, r.ID, r.DisplayName)
		}
		out := []string{fmt.Sprint(r.Run.Kind, " ", r.Run.Status)}
		for _, s := range r.Steps {
			out = append(out, fmt.Sprintf("%s %s: %s", s.Name, s.Result, s.Message))
		}
		for _, m := range r.Unwritten {
			out = append(out, fmt.Sprintf("%s: %s", m.Name, m.Reason))
		}
		return out
	}
	want := []string{"Preview Complete", "Import Passed: The group and its members were read.", "Scope Passed: The group is in scope.",
		"Join Passed: The group is linked to CN=Group_" + guid("group one").String() + "," + containerDN + ".", "Members Passed: 2 of 3 are in Active Directory.",
		"Action Passed: Would: UpdateMembers (members +1 -0)", "cloud: CloudOnly"}
	before := b.holds()
	if diff := cmp.Diff(want, steps(command.GroupSyncRequest{Group: "One", WhatIf: true})); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(before, b.holds()); diff != "" {
		t.Error(diff)
	}
	want[0], want[5] = "Group Complete", "Action Passed: UpdateMembers (members +1 -0)"
	if diff := cmp.Diff(want, steps(command.GroupSyncRequest{Group: guid("group one").String()})); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"a", "b"}, b.holds()["one"]); diff != "" {
		t.Error(diff)
	}
	// The same holds for a group that no run has seen, and for a member of other runs.
	b.tenant.put("four", "d", "cloud", "cloud 2")
	out := steps(command.GroupSyncRequest{Group: "four", WhatIf: true})
	slices.Sort(out[len(out)-2:])
	if diff := cmp.Diff([]string{"cloud 2: CloudOnly", "cloud: CloudOnly"}, out[len(out)-2:]); diff != "" {
		t.Error(diff)
	}
	if out := steps(command.GroupSyncRequest{Group: "three"}); !strings.HasPrefix(out[len(out)-1], "Action Passed: Create") {
		t.Error(out)
	}
	// The watermark did not move: the other groups are found.
	run := b.delta(t)
	if diff := cmp.Diff([]string{"Create four Done", "UpdateMembers two Done"}, b.outcomes(t, run)); diff != "" {
		t.Error(diff)
	}
	for text, id := range map[string]string{"nobody": "GroupNotFound", "": "InvalidParameter"} {
		if _, err := b.engine.SyncGroup(ctx, command.GroupSyncRequest{Group: text}, nil); !contract.HasID(err, id) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
