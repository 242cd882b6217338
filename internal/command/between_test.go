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

// A clock that was far ahead once must not put off full imports until it is
// right again.
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

// What a delta told goes over what one group on demand reads of a replica that
// lags behind, and what that read is read again (rule 11): no delta tells of it any
// more.
// What a delta told goes over what is read, and not over what has happened since.
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
	b.delta(t) // lags still
	b.pass(31 * time.Minute)
	b.sync(t)
	if diff := cmp.Diff([]string{"a", "b"}, b.holds()["one"]); diff != "" {
		t.Error(diff)
	}
}

// So is a group that was read whole while a delta told of it and that is pending
// for another reason.
func TestAPendingGroupReadWithinTheLagIsReadAgain(t *testing.T) {
	b := ready(t, map[string][]string{"one": {"a", "b"}})
	b.ahead += 31 * time.Minute
	b.sync(t) // settled
	b.delta(t)
	b.tenant.put("new", "a", "c", "unknown")
	b.tenant.lag()
	b.tenant.lagLinks = 0                    // of what came and went the delta tells nothing
	b.tenant.put("new", "a", "b", "unknown") // of which c was never told
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

// So is one whose members an earlier run could not read: what that run was told
// of them no delta tells again.
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
	if diff := cmp.Diff([]string{"a", "b"}, b.holds()["new"]); diff != "" { // as it was told
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

// A run that was broken off may have given a nested group an object of which its
// parents know nothing.
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
			// the run creates and links the child, and then loses the domain controller
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

// settled is a bench whose tenant was synced, and no later run reads everything
// by itself.
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

// Of a full import that is not committed the failures are not pending, so the
// next run must be one too.
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

// A new group that no replica has shown yet is pending. Asking for it on demand
// does not end that.
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

// A token that cannot be replaced may run out while members are read. What was
// read is written, and the next run goes on from there, however often it happens.
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

// What others wrote for groups that are not ours to write costs a run without
// changes nothing.
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
	// One that the tenant makes ours to write waits until they are gone.
	b.tenant.put("theirs 0", "a")
	b.delta(t)
	b.directory.remove(guid("stranger theirs 0"))
	if run := b.delta(t); run.Exported.Create != 1 {
		t.Errorf("%+v", run)
	}
}

// Where the tenant says of each group whether it is written, that is read again
// of a group that has changed, and its members are not.
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

// A replica that lags behind may show a group of which a delta has told that it
// is deleted.
func TestADeletedGroupThatAReplicaStillShows(t *testing.T) {
	b := settled(t, map[string][]string{"one": {"a"}, "gone": {"a"}})
	b.tenant.lag()
	delete(b.tenant.groups, guid("group gone"))
	b.tenant.deleted[guid("group gone")] = contract.PresenceHardDeleted
	for range 2 { // asked for, and then read
		b.sync(t)
	}
	b.pass(31 * time.Minute)
	if run := b.sync(t); run.Exported.Delete != 1 || run.Status != contract.RunComplete {
		t.Errorf("%+v", run)
	}
}

// Nor may it be forgotten that one was restored.
func TestARestoredGroupThatAReplicaDoesNotShow(t *testing.T) {
	b := settled(t, map[string][]string{"one": {"a"}, "back": {"a"}})
	delete(b.tenant.groups, guid("group back"))
	b.tenant.deleted[guid("group back")] = contract.PresenceSoftDeleted
	b.delta(t)
	b.ahead += 31 * time.Minute
	b.delta(t)
	b.tenant.lag()
	b.tenant.put("back", "b")
	for range 2 { // told, and then asked for
		b.sync(t)
	}
	b.pass(31 * time.Minute)
	b.delta(t)
	if diff := cmp.Diff([]string{"b"}, b.holds()["back"]); diff != "" {
		t.Error(diff)
	}
}

// A token that may not read hidden members any more freezes these groups, whoever
// asks, and one that may again is reason to read them all.
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

// One group on demand looks at the token too: of hidden members Graph shows none.
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

// Two objects that a lost state cannot tell apart are no reason to take the group
// out of those that it is a member of.
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

// A group that was restored, of which a delta has told, is not taken for deleted
// by a later run within the lag either, nor on demand, because a replica shows it
// nowhere: neither among the groups yet nor among the deleted ones any more.
func TestARestoredGroupThatAReplicaShowsNowhere(t *testing.T) {
	b := settled(t, map[string][]string{"one": {"a"}, "back": {"a"}})
	delete(b.tenant.groups, guid("group back"))
	b.tenant.deleted[guid("group back")] = contract.PresenceSoftDeleted
	b.delta(t)
	object := b.object("back").GUID
	b.ahead += 31 * time.Minute
	b.delta(t)
	b.tenant.lag()
	b.tenant.put("back", "b")
	b.tenant.lagDeleted = map[directory.GUID]contract.Presence{} // that collection is up to date
	for range 2 {                                                // told, and then asked for
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

// So is a user who was read singly, and seemed to have no account; and no more
// than once.
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

// What a delta told of a new group is not undone by what a replica shows in the
// run after it.
func TestWhatWasToldIsNotUndoneWithinTheLag(t *testing.T) {
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

// Two replicas may answer the two questions by which a group is taken for gone:
// one that knows it is not there any more, and one that does not know yet that it
// is in the recycle bin. The delta said that it can be restored.
func TestAGroupThatCanBeRestoredIsNotDeletedOnAReplicaThatLags(t *testing.T) {
	b := settled(t, map[string][]string{"one": {"a"}, "two": {"b"}})
	one := guid("group one")
	delete(b.tenant.groups, one)
	b.tenant.deleted[one] = contract.PresenceSoftDeleted
	now := b.tenant.now()
	b.tenant.lagging, b.tenant.lagDeleted = &now, map[directory.GUID]contract.Presence{}
	b.delta(t)
	if b.object("one") == nil {
		t.Fatal("it was deleted from the directory")
	}
	// Nor on demand, nor by an import of everything, while the replica lags.
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
	b.tenant.deleted[one] = contract.PresenceHardDeleted
	if _, err := b.engine.Sync(context.Background(), command.SyncRequest{PolicyType: contract.Initial}, nil); err != nil {
		t.Fatal(err)
	}
	if b.object("one") != nil {
		t.Error("it was not deleted when it was gone for good")
	}
}

// A group that comes into the scope by what a delta tells of it is written, also
// where a replica that lags behind shows it as it was before.
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

// An object that was deleted by hand, and that a run which was broken off has put
// another in the place of, is nothing to be disputed about: where tombstones are
// not visible nothing tells of it, since its link is the other's by now.
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
