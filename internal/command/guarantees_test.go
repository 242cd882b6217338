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

func onDemand(t *testing.T, b *bench, name string) contract.Run {
	t.Helper()
	r, err := b.engine.SyncGroup(context.Background(), command.GroupSyncRequest{Group: guid("group " + name).String()}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r.Run
}

// Pending groups stay pending when one group is synced on demand.
func TestOneGroupOnDemandKeepsWhatIsPending(t *testing.T) {
	b := settled(t, map[string][]string{"one": {"a"}, "two": {"a"}})
	b.tenant.put("two", "a", "b")
	b.directory.fail = func(operation string) error {
		if operation == "changeMembers" {
			return &contract.Error{Category: contract.PermissionDenied, ID: "AccessDenied", Message: "no"}
		}
		return nil
	}
	b.sync(t)
	b.directory.fail = nil
	onDemand(t, b, "one")
	if run := b.delta(t); run.Exported.MembersAdded != 1 || !has(b.object("two"), account("b").GUID) {
		t.Errorf("%+v", run)
	}
}

// A member who turns out to be another object is so in every group.
func TestOneGroupOnDemandLeavesTheOthersOfItsMembersPending(t *testing.T) {
	b := settled(t, map[string][]string{"one": {"a", "cloud b"}, "two": {"cloud b"}})
	b.tenant.join("cloud b")
	if run := onDemand(t, b, "one"); run.Exported.MembersAdded != 1 {
		t.Fatalf("%+v", run)
	}
	if run := b.delta(t); run.Exported.MembersAdded != 1 || !has(b.object("two"), account("cloud b").GUID) {
		t.Errorf("%+v", run)
	}
}

// A name that is taken is tried in every run: its holder may disappear, and no delta of
// either side reports that.
func TestANameThatWasTakenIsUsedWhenItIsFree(t *testing.T) {
	b := settled(t, map[string][]string{"one": {"a"}})
	id := b.tenant.put("two", "a")
	cn := directory.Mark(id)
	holder := &directory.TargetGroup{GUID: guid("holder"), CN: cn, DN: "CN=" + cn + "," + containerDN, SAMAccountName: "other"}
	b.directory.objects[holder.GUID] = holder
	for range 2 {
		if run := b.sync(t); run.Planned != (plan.Totals{Skip: 1}) {
			t.Fatalf("%+v %v", run, b.outcomes(t, run))
		}
	}
	b.directory.remove(holder.GUID)
	if run := b.delta(t); run.Exported.Create != 1 {
		t.Errorf("%+v", run)
	}
}

// A full import looks for a linked object in the whole domain before it takes it for lost
// (rule 5).
func TestAnInitialRunFindsWhatWasMovedAway(t *testing.T) {
	b := settled(t, map[string][]string{"one": {"a"}, "two": {"a"}})
	g := b.object("one")
	g.DN = "CN=" + g.CN + ",OU=Elsewhere,DC=contoso,DC=test"
	run, err := b.engine.Sync(context.Background(), command.SyncRequest{PolicyType: contract.Initial}, nil)
	if err != nil || run.MissingGroups != 0 || run.Planned.Create != 0 || len(b.directory.objects) != 2 {
		t.Errorf("%+v %v", run, err)
	}
}

// A narrower scope does not mean that the tenant has shrunk, because the two counts are
// unrelated (rule 27). The next run is measured by the new count.
func TestAnotherScopeIsNoShrunkTenant(t *testing.T) {
	groups := map[string][]string{}
	for i := range 30 {
		groups[fmt.Sprint("group ", i)] = []string{"a"}
	}
	b := settled(t, groups)
	filter := "displayName -like 'group 1*'"
	if _, err := b.engine.SetSettings(context.Background(), command.SettingsPatch{Choices: command.Choices{Filter: &filter}}); err != nil {
		t.Fatal(err)
	}
	if run := b.sync(t); run.Status != contract.RunComplete || run.SourceGroups != 11 {
		t.Errorf("%+v", run)
	}
	for i := 10; i < 17; i++ {
		id := guid(fmt.Sprint("group group ", i))
		delete(b.tenant.groups, id)
		b.tenant.deleted[id] = directory.PresenceHardDeleted
	}
	if run := b.sync(t); run.StopReason != plan.StopSource || run.Held.Delete != 7 {
		t.Errorf("%+v", run)
	}
}

// A restored snapshot has the same invocationId and lower USNs, so what is staged about
// its objects is meaningless (rule 12).
func TestASnapshotThatWasPutBackIsReadWhole(t *testing.T) {
	b := settled(t, map[string][]string{"one": {"a"}})
	b.directory.usn = 0
	if run := b.sync(t); run.PolicyType != contract.Initial || run.PolicyReason != contract.InitialServer {
		t.Errorf("%s %s", run.PolicyType, run.PolicyReason)
	}
}

// The tenant's default for new groups is part of the scope.
func TestAnotherDefaultOfTheTenantIsAnotherScope(t *testing.T) {
	b := settled(t, map[string][]string{"one": {"a"}})
	b.tenant.byDefault = contract.Yes
	if _, err := b.engine.SetSettings(context.Background(), command.SettingsPatch{Choices: command.Choices{Scope: plan.ScopeWritebackEnabled}}); err != nil {
		t.Fatal(err)
	}
	b.sync(t)
	b.delta(t)
	b.tenant.byDefault = contract.No
	if run := b.sync(t); run.PolicyType != contract.Initial || run.PolicyReason != contract.InitialSettings || run.SourceGroups != 0 {
		t.Errorf("%+v", run)
	}
}

// Creations come before the changes that may refer to them; deletions come last.
func TestTheOrderOfWriting(t *testing.T) {
	b := newBench(t)
	b.tenant.nest("gone")
	b.tenant.nest("named")
	b.tenant.nest("parent")
	b.enable(t)
	b.withSecurityGroups(t)
	b.sync(t)
	b.delta(t)
	delete(b.tenant.groups, guid("group gone"))
	b.tenant.deleted[guid("group gone")] = directory.PresenceHardDeleted
	b.tenant.groups[guid("group named")].says("description", "new")
	parent := b.tenant.groups[guid("group parent")]
	parent.members = append(parent.members, user("a"))
	b.tenant.nest("new")
	b.directory.seen = nil
	b.delta(t)
	var wrote []string
	for _, operation := range b.directory.seen {
		switch operation {
		case "create", "modify", "changeMembers", "delete":
			wrote = append(wrote, operation)
		}
	}
	if want := []string{"create", "modify", "changeMembers", "delete"}; !slices.Equal(wrote, want) {
		t.Errorf("%s, want %s", strings.Join(wrote, " "), strings.Join(want, " "))
	}
}

// The members of a group with hidden membership were never read. Once it is no longer
// hidden, they are read before anything is written.
func TestAHiddenGroupThatIsShown(t *testing.T) {
	b := newBench(t)
	b.tenant.put("one", "a")
	b.tenant.put("hidden", "a", "b")
	b.tenant.groups[guid("group hidden")].Visibility = directory.HiddenMembership
	b.enable(t)
	b.sync(t)
	b.ahead += 31 * time.Minute
	b.sync(t)
	if b.object("hidden") != nil {
		t.Fatal("the test proves nothing")
	}
	b.tenant.groups[guid("group hidden")].Visibility = "Private"
	b.delta(t)
	if diff := cmp.Diff([]string{"a", "b"}, b.holds()["hidden"]); diff != "" {
		t.Error(diff)
	}
}

// If tombstones are not visible, nothing reports that a foreign object was deleted, so
// every run looks at the objects of pending groups.
func TestAnObjectOfOthersThatIsDeletedMakesRoom(t *testing.T) {
	b := newBench(t)
	b.directory.blind = true
	id := b.tenant.put("one", "a")
	b.tenant.put("two", "a")
	b.enable(t)
	stranger := b.stranger(id, "theirs", "b")
	b.sync(t)
	b.ahead += 31 * time.Minute
	b.sync(t)
	b.delta(t)
	b.directory.remove(stranger.GUID)
	if run := b.delta(t); run.Exported.Create != 1 {
		t.Errorf("%+v\n%v", run, b.outcomes(t, run))
	}
}

// The uSN of an object on the domain controller of a sync on demand says nothing about
// the domain controller of the watermark.
func TestAnUSNOfAnotherDomainControllerIsNoEcho(t *testing.T) {
	b := settled(t, map[string][]string{"one": {"a"}, "two": {"a"}})
	d, g := b.directory, b.object("one")
	here := g.USNChanged
	d.server, d.invocation, d.received = "dc2", guid("dc2"), map[directory.GUID]int64{guid("dc1"): 1_000}
	d.usn, g.USNChanged = 500, 500
	onDemand(t, b, "one")
	d.server, d.invocation, d.usn, g.USNChanged = "dc1", guid("dc1"), 499, here
	g.Members = []directory.MemberRef{account("c")} // by hand, at uSN 500
	if d.settle(); g.USNChanged != 500 {
		t.Fatalf("the test proves nothing: %d", g.USNChanged)
	}
	run := b.delta(t)
	if diff := cmp.Diff([]string{"a"}, b.holds()["one"]); diff != "" {
		t.Errorf("%s\n%+v", diff, run)
	}
}

// What was not found when it was read back is planned again, even if it disappeared
// without a trace.
func TestWhatWasNotConfirmedIsPlannedAgain(t *testing.T) {
	b := settled(t, map[string][]string{"one": {"a"}})
	d, g := b.directory, b.object("one")
	b.tenant.put("one", "a", "b")
	d.fail = func(operation string) error {
		if operation == "checkMembers" {
			g.Members = slices.DeleteFunc(g.Members, func(m directory.MemberRef) bool { return m == account("b") })
			d.known[g.GUID] = d.is(g)
		}
		return nil
	}
	if run := b.sync(t); run.Status != contract.RunPartial || run.Failed != 1 {
		t.Fatalf("%+v", run)
	}
	d.fail = nil
	if run := b.delta(t); run.Exported.MembersAdded != 1 || !has(g, account("b").GUID) {
		t.Errorf("%+v", run)
	}
}
