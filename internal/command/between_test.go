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

// A clock that was once far ahead must not postpone full imports until that time.
func TestAClockThatWasAheadDefersNoFullImport(t *testing.T) {
	b := newBench(t)
	b.ahead = 365 * 24 * time.Hour
	b.tenant.put("one", "a")
	b.enable(t)
	b.sync(t)
	b.ahead = 0
	if run := b.sync(t); run.PolicyType != contract.Initial || run.PolicyReason != contract.InitialInterval {
		t.Errorf("%s %s", run.PolicyType, run.PolicyReason)
	}
}

// What a delta reported overrides what a sync on demand reads from a lagging replica, but
// not what has happened since. What that sync read is read again (rule 11), because no
// delta reports it any more.
func TestOneGroupOnDemandHasWhatIsNewest(t *testing.T) {
	b := settled(t, map[string][]string{"one": {"a"}, "two": {"b"}})
	b.tenant.put("one", "a", "b")
	b.delta(t)
	b.pass(10 * time.Minute)
	b.tenant.put("one", "a", "c")
	if _, err := b.engine.SyncGroup(context.Background(), command.GroupSyncRequest{Group: guid("group one").String()}, nil); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a", "c"}, b.holds()["one"]); diff != "" {
		t.Error(diff)
	}
	b.tenant.put("two", "b", "a")
	b.delta(t)
	if diff := cmp.Diff(map[string][]string{"one": {"a", "c"}, "two": {"a", "b"}}, b.holds()); diff != "" {
		t.Error(diff)
	}
}

func TestOneGroupOnDemandOnAReplicaThatLags(t *testing.T) {
	b := settled(t, map[string][]string{"one": {"a"}, "two": {"b"}})
	b.tenant.lag()
	b.tenant.put("one", "a", "b")
	b.delta(t)
	if _, err := b.engine.SyncGroup(context.Background(), command.GroupSyncRequest{Group: guid("group one").String()}, nil); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a", "b"}, b.holds()["one"]); diff != "" {
		t.Error(diff)
	}
	b.delta(t) // still lagging
	b.pass(31 * time.Minute)
	b.sync(t)
	if diff := cmp.Diff([]string{"a", "b"}, b.holds()["one"]); diff != "" {
		t.Error(diff)
	}
}

// The same holds for a group that was read whole while a delta reported it and that is
// pending for another reason.
func TestAPendingGroupReadWithinTheLagIsReadAgain(t *testing.T) {
	b := ready(t, map[string][]string{"one": {"a", "b"}})
	b.ahead += 31 * time.Minute
	b.sync(t) // settled
	b.delta(t)
	b.tenant.put("new", "a", "c", "unknown")
	b.tenant.lag()
	b.tenant.lagLinks = 0                    // the delta does not report what came and went
	b.tenant.put("new", "a", "b", "unknown") // c was never reported
	b.sync(t)
	if diff := cmp.Diff([]string{"a", "b", "c"}, b.holds()["new"]); diff != "" {
		t.Fatalf("the test proves nothing: %s", diff)
	}
	b.pass(31 * time.Minute)
	b.sync(t)
	g := b.tenant.groups[guid("group new")]
	for i := range g.members {
		if !g.members[i].Readable {
			g.members[i].Readable, g.members[i].Synced, g.members[i].SID = true, true, userSID("unknown")
		}
	}
	b.delta(t)
	if diff := cmp.Diff([]string{"a", "b", "unknown"}, b.holds()["new"]); diff != "" {
		t.Error(diff)
	}
}

// The same holds for a group whose members an earlier run could not read: no delta
// reports again what that run was told about them.
func TestAGroupReadAtLastOnAReplicaThatLagsIsReadAgain(t *testing.T) {
	b := ready(t, map[string][]string{"one": {"a", "b"}})
	b.ahead += 31 * time.Minute
	b.sync(t) // settled
	b.tenant.put("new", "a")
	b.tenant.fail = func(operation string) error {
		if operation == "members" {
			return errOneGroup
		}
		return nil
	}
	b.sync(t)
	b.ahead += 31 * time.Minute
	b.sync(t)
	b.tenant.lag()
	b.tenant.put("new", "a", "b")
	b.sync(t)
	b.tenant.fail = nil
	b.delta(t)
	if diff := cmp.Diff([]string{"a", "b"}, b.holds()["new"]); diff != "" { // as reported
		t.Error(diff)
	}
	b.pass(31 * time.Minute)
	b.delta(t)
	if diff := cmp.Diff([]string{"a", "b"}, b.holds()["new"]); diff != "" {
		t.Error(diff)
	}
	b.ahead += 31 * time.Minute
	b.delta(t)
	b.forget()
	if b.delta(t); len(b.tenant.asked) > 0 {
		t.Errorf("%v is read again after the lag", b.tenant.asked)
	}
}

// An interrupted run may have created the object of a nested group without its parents
// knowing.
func TestANestedGroupThatABrokenOffRunCreatedIsAMember(t *testing.T) {
	for _, how := range []string{"new", "deleted by hand", "on demand"} {
		t.Run(how, func(t *testing.T) {
			b := newBench(t)
			b.tenant.nest("parent", "child")
			b.enable(t)
			b.withSecurityGroups(t)
			b.sync(t)
			b.ahead += 31 * time.Minute
			b.sync(t) // settled
			b.tenant.put("child", "a")
			b.tenant.groups[guid("group child")].Kind = directory.SecurityGroup
			if how != "new" {
				b.delta(t)
				if !has(b.object("parent"), b.object("child").GUID) {
					t.Fatal("the test proves nothing")
				}
				b.directory.remove(b.object("child").GUID)
			}
			// The run creates and links the child, and then loses the domain controller.
			created := false
			b.directory.fail = func(o string) error {
				if o == "create" {
					created = true
				}
				if created && o == "lookup" {
					return &contract.Error{Category: contract.Connection, ID: "ServerUnreachable", Message: "gone"}
				}
				return nil
			}
			if run := b.sync(t); run.Status != contract.RunFailed || b.object("child") == nil {
				t.Fatalf("the test proves nothing: %+v", run)
			}
			b.directory.fail = nil
			if how == "on demand" {
				if _, err := b.engine.SyncGroup(context.Background(), command.GroupSyncRequest{Group: guid("group child").String()}, nil); err != nil {
					t.Fatal(err)
				}
			}
			b.delta(t)
			if !has(b.object("parent"), b.object("child").GUID) {
				t.Error("the child is no member of its parent")
			}
		})
	}
}

// settled returns a bench whose tenant was synced and in which no later run is Initial by
// itself.
func settled(t *testing.T, groups map[string][]string) *bench {
	t.Helper()
	b := ready(t, groups)
	b.settle(t)
	return b
}

// settle lets the second full import and the lag after it pass.
func (b *bench) settle(t fataler) {
	t.Helper()
	b.pass(31 * time.Minute)
	b.sync(t)
	b.pass(31 * time.Minute)
	b.delta(t)
	b.forget()
}

// Failures of a full import that is not committed are not pending, so the next run must
// be a full import too.
func TestAFullImportThatWasNotCommittedIsRepeated(t *testing.T) {
	b := settled(t, map[string][]string{"one": {"a"}, "two": {"a"}})
	if _, err := b.engine.SetSettings(context.Background(), command.SettingsPatch{Choices: command.Choices{NameFormat: contract.NameDisplayName}}); err != nil {
		t.Fatal(err)
	}
	n := 0
	b.directory.fail = func(o string) error {
		switch o {
		case "rename":
			if n++; n == 1 {
				return &contract.Error{Category: contract.PermissionDenied, ID: "AccessDenied", Message: "no"}
			}
		case "identify":
			if n > 0 {
				return &contract.Error{Category: contract.Connection, ID: "ServerUnreachable", Message: "gone"}
			}
		}
		return nil
	}
	if run := b.sync(t); run.Status != contract.RunFailed {
		t.Fatalf("the test proves nothing: %+v", run)
	}
	b.directory.fail = nil
	if run := b.sync(t); run.PolicyReason != contract.InitialSettings || run.Status != contract.RunComplete {
		t.Errorf("%+v", run)
	}
	for _, name := range []string{"one", "two"} {
		if g := b.object(name); strings.HasPrefix(g.CN, "Group_") {
			t.Errorf("%s is still called %s", name, g.CN)
		}
	}
}

// A new group that no replica has shown yet is pending. Asking for it on demand does not
// change that.
func TestOneGroupOnDemandIsStillWaitedFor(t *testing.T) {
	b := settled(t, map[string][]string{"one": {"a"}})
	b.tenant.lag()
	b.tenant.put("new", "a")
	b.delta(t)
	if b.object("new") != nil {
		t.Fatal("the test proves nothing")
	}
	if _, err := b.engine.SyncGroup(context.Background(), command.GroupSyncRequest{Group: guid("group new").String()}, nil); err != nil {
		t.Fatal(err)
	}
	b.pass(31 * time.Minute)
	if run := b.delta(t); b.object("new") == nil {
		t.Errorf("%+v", run)
	}
}

// A token that cannot be renewed may expire while members are read. What was read is
// written, and the next run continues from there, however often it happens.
func TestATokenThatRunsOutWhileMembersAreRead(t *testing.T) {
	b := newBench(t)
	for _, name := range names("group ", 10) {
		b.tenant.put(name, "a")
	}
	b.enable(t)
	for i, policy := range []contract.PolicyType{contract.Initial, contract.Delta} {
		n := 0
		b.tenant.fail = func(operation string) error {
			if operation == "members" {
				n++
			}
			if n > 3 {
				return &contract.Error{Category: contract.Authentication, ID: contract.StopAccessTokenExpired, Message: "expired"}
			}
			return nil
		}
		run := b.sync(t)
		if run.PolicyType != policy || run.Status != contract.RunPartial || run.StopReason != contract.StopAccessTokenExpired || len(b.directory.objects) != 3*(i+1) {
			t.Errorf("%d groups after %+v", len(b.directory.objects), run)
		}
		b.tenant.put("group 0", "a", fmt.Sprint("late ", i))
	}
	b.tenant.fail = nil
	b.delta(t)
	if len(b.directory.objects) != 10 || !has(b.object("group 0"), account("late 1").GUID) {
		t.Errorf("%v", b.holds())
	}
}

// Foreign objects that stand for groups we cannot write cost a run without changes
// nothing.
func TestObjectsOfOthersCostNothing(t *testing.T) {
	b := newBench(t)
	b.tenant.put("one", "a")
	b.enable(t)
	for _, name := range names("theirs ", 30) {
		b.stranger(guid("group "+name), name)
	}
	b.sync(t)
	b.delta(t)
	b.forget()
	if run := b.delta(t); run.Planned != (plan.Totals{}) || slices.Contains(b.tenant.seen, "presence") || slices.Contains(b.tenant.seen, "groupsByID") {
		t.Errorf("%+v %v", run.Planned, b.tenant.seen)
	}
	// A group that becomes ours to write waits until the foreign object is gone.
	b.tenant.put("theirs 0", "a")
	b.delta(t)
	b.directory.remove(guid("stranger theirs 0"))
	if run := b.delta(t); run.Exported.Create != 1 {
		t.Errorf("%+v", run)
	}
}

// If the tenant says for each group whether it is written, that is read again for a group
// that has changed, but not its members.
func TestOneMemberOfALargeGroupThatIsWritebackEnabled(t *testing.T) {
	b := newBench(t)
	b.tenant.put("large", names("user", 100)...)
	b.enable(t)
	if _, err := b.engine.SetSettings(context.Background(), command.SettingsPatch{Choices: command.Choices{Scope: plan.ScopeWritebackEnabled}}); err != nil {
		t.Fatal(err)
	}
	b.sync(t)
	b.settle(t)
	b.tenant.put("large", append(names("user", 100), "new")...)
	for range 3 {
		b.delta(t)
		b.ahead += 20 * time.Minute
	}
	if len(b.tenant.asked) > 0 || !has(b.object("large"), account("new").GUID) {
		t.Errorf("%d memberships were read", len(b.tenant.asked))
	}
}

// A lagging replica may still show a group whose deletion a delta has reported.
func TestADeletedGroupThatAReplicaStillShows(t *testing.T) {
	b := settled(t, map[string][]string{"one": {"a"}, "gone": {"a"}})
	b.tenant.lag()
	delete(b.tenant.groups, guid("group gone"))
	b.tenant.deleted[guid("group gone")] = directory.PresenceHardDeleted
	for range 2 { // asked for, and then read
		b.sync(t)
	}
	b.pass(31 * time.Minute)
	if run := b.sync(t); run.Exported.Delete != 1 || run.Status != contract.RunComplete {
		t.Errorf("%+v", run)
	}
}

// A reported restore must not be forgotten either.
func TestARestoredGroupThatAReplicaDoesNotShow(t *testing.T) {
	b := settled(t, map[string][]string{"one": {"a"}, "back": {"a"}})
	delete(b.tenant.groups, guid("group back"))
	b.tenant.deleted[guid("group back")] = directory.PresenceSoftDeleted
	b.delta(t)
	b.ahead += 31 * time.Minute
	b.delta(t)
	b.tenant.lag()
	b.tenant.put("back", "b")
	for range 2 { // reported, and then asked for
		b.sync(t)
	}
	b.pass(31 * time.Minute)
	b.delta(t)
	if diff := cmp.Diff([]string{"b"}, b.holds()["back"]); diff != "" {
		t.Error(diff)
	}
}

// If the token may no longer read hidden members, their groups are frozen in every kind
// of run. Once it may again, they are all read.
func TestHiddenMembersThatMayNotBeReadForAWhile(t *testing.T) {
	b := newBench(t)
	b.tenant.roles = append(b.tenant.roles, "Member.Read.Hidden")
	b.tenant.put("hidden", "a", "b")
	b.tenant.groups[guid("group hidden")].Visibility = directory.HiddenMembership
	b.enable(t)
	b.withHiddenMembership(t, true)
	b.sync(t)
	b.settle(t)
	all := b.tenant.roles
	b.tenant.roles = slices.Clone(all[:2])
	g := b.tenant.groups[guid("group hidden")]
	g.members = []directory.SourceMember{user("a"), user("c")}
	for range 2 {
		b.sync(t)
		if _, err := b.engine.SyncGroup(context.Background(), command.GroupSyncRequest{Group: guid("group hidden").String()}, nil); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"a", "b"}, b.holds()["hidden"]); diff != "" {
			t.Error(diff)
		}
	}
	b.tenant.roles = all
	if run := b.sync(t); run.PolicyReason != contract.InitialSettings {
		t.Errorf("%+v", run)
	}
	if diff := cmp.Diff([]string{"a", "c"}, b.holds()["hidden"]); diff != "" {
		t.Error(diff)
	}
}

// A sync on demand checks the token too: Graph returns no hidden members without an
// error.
func TestOneGroupOnDemandWithLessOfAToken(t *testing.T) {
	b := newBench(t)
	all := b.tenant.roles
	b.tenant.roles = append(slices.Clone(all), "Member.Read.Hidden")
	if _, err := b.engine.Connect(context.Background(), &contract.SourceConfig{}, &contract.TargetConfig{}); err != nil {
		t.Fatal(err)
	}
	b.tenant.put("hidden", "a", "b")
	b.tenant.groups[guid("group hidden")].Visibility = directory.HiddenMembership
	b.enable(t)
	b.withHiddenMembership(t, true)
	b.sync(t)
	b.tenant.roles = all
	if _, err := b.engine.SyncGroup(context.Background(), command.GroupSyncRequest{Group: "hidden"}, nil); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a", "b"}, b.holds()["hidden"]); diff != "" {
		t.Error(diff)
	}
}

// Two objects that a lost state cannot tell apart are no reason to remove the group from
// other groups.
func TestADisputeTakesNoNestedGroupAway(t *testing.T) {
	b := newBench(t)
	b.tenant.nest("parent", "child")
	b.tenant.nest("child")
	b.enable(t)
	b.withSecurityGroups(t)
	b.sync(t)
	child := b.object("child")
	b.engine.Close()
	b.folder = t.TempDir()
	b.start(t)
	dup := *child
	dup.GUID, dup.CN = guid("dup"), "copy"
	dup.DN = "CN=copy," + containerDN
	dup.ExtensionName = []string{directory.Stamp(tenantID)}
	b.directory.objects[dup.GUID] = &dup
	if _, err := b.engine.Enable(context.Background(), command.EnableRequest{Choices: command.Choices{TargetContainer: containerDN, IncludeSecurityGroups: new(true)}}); err != nil {
		t.Fatal(err)
	}
	run := b.sync(t)
	if run.Planned.MembersRemoved != 0 || !has(b.object("parent"), child.GUID) {
		t.Errorf("%+v", run)
	}
	delete(b.directory.objects, dup.GUID)
	b.delta(t)
	if !has(b.object("parent"), child.GUID) {
		t.Error("the parent lost its nested group")
	}
}

// A restored group that a delta has reported is not taken for deleted by a later run
// within the lag, nor on demand, because a replica shows it nowhere: not yet among the
// groups and no longer among the deleted ones.
func TestARestoredGroupThatAReplicaShowsNowhere(t *testing.T) {
	b := settled(t, map[string][]string{"one": {"a"}, "back": {"a"}})
	delete(b.tenant.groups, guid("group back"))
	b.tenant.deleted[guid("group back")] = directory.PresenceSoftDeleted
	b.delta(t)
	object := b.object("back").GUID
	b.ahead += 31 * time.Minute
	b.delta(t)
	b.tenant.lag()
	b.tenant.put("back", "b")
	b.tenant.lagDeleted = map[directory.GUID]directory.Presence{} // that collection is up to date
	for range 2 {                                                 // reported, and then asked for
		if run := b.sync(t); run.Status != contract.RunPartial || run.Exported.Delete > 0 {
			t.Errorf("%+v", run)
		}
	}
	if _, err := b.engine.SyncGroup(context.Background(), command.GroupSyncRequest{Group: guid("group back").String()}, nil); err != nil {
		t.Fatal(err)
	}
	if b.object("back") == nil {
		t.Fatal("it was deleted")
	}
	b.pass(31 * time.Minute)
	b.delta(t)
	if g := b.object("back"); g.GUID != object || !has(g, account("b").GUID) {
		t.Errorf("%+v", g)
	}
}

// The same holds for a user who was read singly and seemed to have no account, and no
// more than once.
func TestAMemberReadOnAReplicaThatLagsIsReadAgain(t *testing.T) {
	b := newBench(t)
	b.tenant.put("one", "a")
	b.tenant.put("elsewhere", "cloud b", "cloud c") // a security group, which is not written
	b.tenant.groups[guid("group elsewhere")].Kind = directory.SecurityGroup
	b.enable(t)
	b.sync(t)
	b.settle(t)
	b.tenant.lag()
	b.tenant.join("cloud b")
	b.delta(t) // nobody asks for cloud b yet
	b.tenant.put("one", "a", "cloud b", "cloud c")
	b.delta(t)
	if !has(b.object("one"), account("cloud b").GUID) {
		t.Error("what was told of the member before it was one is forgotten")
	}
	b.pass(31 * time.Minute)
	b.delta(t)
	if !has(b.object("one"), account("cloud b").GUID) {
		t.Error("the member that is synced is not written")
	}
	for range 2 {
		b.ahead += 31 * time.Minute
		b.forget()
		b.tenant.seen = nil
		b.delta(t)
		if slices.Contains(b.tenant.seen, "membersByID") {
			t.Error("who has no account is read again and again")
		}
	}
}

// What a delta reported about a new group is not undone by what a replica shows in the
// following run.
func TestWhatWasReportedIsNotUndoneWithinTheLag(t *testing.T) {
	b := settled(t, map[string][]string{"one": {"a"}, "two": {"b"}})
	b.tenant.put("new", "a")
	b.tenant.lag()
	b.tenant.put("new", "a", "b")
	b.delta(t)
	if diff := cmp.Diff([]string{"a", "b"}, b.holds()["new"]); diff != "" {
		t.Fatal(diff)
	}
	run := b.delta(t)
	if diff := cmp.Diff([]string{"a", "b"}, b.holds()["new"]); diff != "" {
		t.Errorf("%+v %s", run.Exported, diff)
	}
}

// The two questions that prove a group to be gone may be answered by different replicas:
// one that knows that the group no longer exists, and one that does not yet know that it
// is in the recycle bin. The delta said that it can be restored.
func TestAGroupThatCanBeRestoredIsNotDeletedOnAReplicaThatLags(t *testing.T) {
	b := settled(t, map[string][]string{"one": {"a"}, "two": {"b"}})
	one := guid("group one")
	delete(b.tenant.groups, one)
	b.tenant.deleted[one] = directory.PresenceSoftDeleted
	now := b.tenant.now()
	b.tenant.lagging, b.tenant.lagDeleted = &now, map[directory.GUID]directory.Presence{}
	b.delta(t)
	if b.object("one") == nil {
		t.Fatal("it was deleted from the directory")
	}
	// Nor does a run on demand or a full import delete it while the replica lags.
	if _, err := b.engine.SyncGroup(context.Background(), command.GroupSyncRequest{Group: one.String()}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := b.engine.Sync(context.Background(), command.SyncRequest{PolicyType: contract.Initial}, nil); err != nil {
		t.Fatal(err)
	}
	if b.object("one") == nil {
		t.Fatal("it was deleted from the directory by a later run")
	}
	b.pass(31 * time.Minute)
	b.delta(t)
	if b.object("one") == nil {
		t.Fatal("it was deleted from the directory when the lag was over")
	}
	b.tenant.deleted[one] = directory.PresenceHardDeleted
	if _, err := b.engine.Sync(context.Background(), command.SyncRequest{PolicyType: contract.Initial}, nil); err != nil {
		t.Fatal(err)
	}
	if b.object("one") != nil {
		t.Error("it was not deleted when it was gone for good")
	}
}

// A group that comes into scope according to a delta is written, even if a lagging
// replica shows it as it was before.
func TestAGroupThatComesIntoTheScopeOnAReplicaThatLags(t *testing.T) {
	for _, policy := range []contract.PolicyType{contract.Delta, contract.Initial} {
		t.Run(string(policy), func(t *testing.T) {
			b := newBench(t)
			b.tenant.put("one", "a")
			b.tenant.put("two", "a")
			b.tenant.groups[guid("group two")].says("description", "not yet")
			b.enable(t)
			filter := "description -ne 'not yet'"
			if _, err := b.engine.SetSettings(context.Background(), command.SettingsPatch{Choices: command.Choices{Filter: &filter}}); err != nil {
				t.Fatal(err)
			}
			b.sync(t)
			b.settle(t)
			b.tenant.lag()
			b.tenant.put("two", "a", "b")
			if _, err := b.engine.Sync(context.Background(), command.SyncRequest{PolicyType: policy}, nil); err != nil {
				t.Fatal(err)
			}
			b.pass(31 * time.Minute)
			b.delta(t)
			if diff := cmp.Diff([]string{"a", "b"}, b.holds()["two"]); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// If an object was deleted by hand and an interrupted run created another one for its
// group, there is no dispute. If tombstones are not visible, nothing reports the
// deletion, because the link already names the other object.
func TestAnObjectThatABrokenOffRunReplacedIsNoDispute(t *testing.T) {
	for _, blind := range []bool{true, false} {
		b := settled(t, map[string][]string{"one": {"a"}, "two": {"a"}})
		b.directory.blind = blind
		b.directory.remove(b.object("one").GUID)
		created := false
		b.directory.fail = func(operation string) error {
			created = created || operation == "created"
			if created && operation == "lookup" {
				return &contract.Error{Category: contract.Connection, ID: "ServerUnreachable", Message: "gone"}
			}
			return nil
		}
		if run := b.sync(t); run.Status != contract.RunFailed || run.Exported.Create != 1 {
			t.Fatalf("%+v", run)
		}
		b.directory.fail = nil
		b.tenant.put("one", "a", "b")
		if run := b.delta(t); !has(b.object("one"), account("b").GUID) {
			t.Errorf("%+v\n%v", run, b.outcomes(t, run))
		}
	}
}
