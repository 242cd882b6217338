package command_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/internal/command"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// A member who is in the group but may no longer be read is still a member: their value
// is known by its SID. Once they have left the group of the tenant, it is removed.
func TestAMemberWhoMayNotBeReadStaysInTheGroup(t *testing.T) {
	for name, run := range map[string]func(b *bench) (contract.Run, error){
		"delta": func(b *bench) (contract.Run, error) { return b.engine.Sync(t.Context(), command.SyncRequest{}, nil) },
		"initial": func(b *bench) (contract.Run, error) {
			return b.engine.Sync(t.Context(), command.SyncRequest{PolicyType: contract.Initial}, nil)
		},
		"preview": func(b *bench) (contract.Run, error) {
			return b.engine.Preview(t.Context(), command.PreviewRequest{}, nil)
		},
		"on demand": func(b *bench) (contract.Run, error) {
			result, err := b.engine.SyncGroup(t.Context(), command.GroupSyncRequest{Group: guid("group one").String()}, nil)
			return result.Run, err
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := settled(t, map[string][]string{"one": {"a", "b", "c"}})
			b.directory.hidden[account("b").GUID] = true
			b.tenant.put("one", "a", "b") // so that the run looks at the group
			result, err := run(b)
			if err != nil || result.Planned.MembersRemoved != 1 {
				t.Errorf("%+v, %v", result, err)
			}
			if name == "preview" {
				return
			}
			if diff := cmp.Diff([]string{"a", "b"}, b.holds()["one"]); diff != "" {
				t.Error(diff)
			}
			b.tenant.put("one", "a")
			if _, err := run(b); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{"a"}, b.holds()["one"]); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Anybody else who was added to the group by hand is still drift, even an account about
// which nothing is known.
func TestAMemberWhoMayNotBeReadKeepsNobodyElse(t *testing.T) {
	b := settled(t, map[string][]string{"one": {"a", "b"}})
	b.directory.hidden[account("b").GUID] = true
	for _, g := range b.directory.objects {
		g.Members = append(g.Members, account("c"), directory.MemberRef{GUID: guid("contact"), DN: "CN=contact,DC=contoso,DC=test"})
	}
	if run := b.delta(t); run.Exported.MembersRemoved != 2 {
		t.Errorf("%+v", run)
	}
	b.directory.hidden[account("b").GUID] = false
	b.ahead += 31 * time.Minute
	b.delta(t)
	if run := b.delta(t); run.Planned != (plan.Totals{}) {
		t.Errorf("%+v", run)
	}
	if diff := cmp.Diff([]string{"a", "b"}, b.holds()["one"]); diff != "" {
		t.Error(diff)
	}
}

// An account that is found and no longer stands for the member is not one that may not be
// read.
func TestAMemberWhoBecameAnotherIsRemoved(t *testing.T) {
	b := settled(t, map[string][]string{"one": {"a", "b"}})
	b.tenant.groups[guid("group one")].members[1].SID = userSID("somebody else")
	b.directory.hidden[account("b").GUID] = true // it is not found
	b.delta(t)
	if diff := cmp.Diff([]string{"a"}, b.holds()["one"]); diff != "" {
		t.Error(diff)
	}
}

func (b *bench) withHiddenMembership(t fataler, include bool) {
	t.Helper()
	if _, err := b.engine.SetSettings(context.Background(), command.SettingsPatch{Choices: command.Choices{IncludeHiddenMembership: &include}}); err != nil {
		t.Fatal(err)
	}
}

// Once written, a hidden membership can be read by everybody in the domain. The
// permission alone does not mean that it should be written.
func TestHiddenMembershipIsWrittenOnlyWhereThatIsSet(t *testing.T) {
	b := newBench(t)
	b.tenant.roles = append(b.tenant.roles, "Member.Read.Hidden")
	id := b.tenant.put("hidden", "a", "b")
	b.tenant.put("one", "a")
	b.tenant.groups[id].Visibility = directory.HiddenMembership
	b.enable(t)
	b.sync(t)
	if _, err := b.engine.SyncGroup(t.Context(), command.GroupSyncRequest{Group: id.String()}, nil); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string][]string{"one": {"a"}}, b.holds()); diff != "" {
		t.Fatal(diff)
	}
	checks, err := b.engine.Test(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range checks {
		if c.Name == "HiddenMembershipPermission" && (c.Result != contract.Passed || c.Advice != "") {
			t.Errorf("%+v", c)
		}
	}

	b.withHiddenMembership(t, true)
	if run := b.sync(t); run.PolicyReason != contract.InitialSettings {
		t.Errorf("%+v", run)
	}
	if diff := cmp.Diff(map[string][]string{"one": {"a"}, "hidden": {"a", "b"}}, b.holds()); diff != "" {
		t.Fatal(diff)
	}

	// If the setting is taken back, the group stays as it is.
	b.withHiddenMembership(t, false)
	b.tenant.put("hidden", "a")
	b.tenant.groups[id].Visibility = directory.HiddenMembership
	b.sync(t)
	if diff := cmp.Diff([]string{"a", "b"}, b.holds()["hidden"]); diff != "" {
		t.Fatal(diff)
	}
}

// A value that disappeared without a new uSN, because the account was deleted and
// reanimated, is restored by a sync of the one group.
func TestOneGroupOnDemandReadsItsMembersAlways(t *testing.T) {
	b := settled(t, map[string][]string{"one": {"a", "b"}})
	b.directory.kill(account("b").GUID)
	delete(b.directory.dead, account("b").GUID)
	b.delta(t)
	if diff := cmp.Diff([]string{"a"}, b.holds()["one"]); diff != "" {
		t.Fatalf("the test proves nothing: %s", diff)
	}
	result, err := b.engine.SyncGroup(t.Context(), command.GroupSyncRequest{Group: guid("group one").String()}, nil)
	if err != nil || result.Run.Exported.MembersAdded != 1 {
		t.Errorf("%+v, %v", result, err)
	}
	if diff := cmp.Diff([]string{"a", "b"}, b.holds()["one"]); diff != "" {
		t.Error(diff)
	}
}

// The delta of the groups does not report users who are deleted or restored. A deleted
// user is at once a member of no group; a restored user is again a member of the groups
// that have them as a direct member.
func TestADeletedUserIsAMemberNowhereAndARestoredOneAgain(t *testing.T) {
	b := settled(t, map[string][]string{"one": {"a", "b"}, "two": {"b"}, "parent": {"c"}})
	g := b.tenant.groups[guid("group parent")]
	g.members = append(g.members, directory.SourceMember{ID: guid("group one"), Kind: directory.KindGroup, Name: "one", Readable: true})
	b.delta(t)
	parent := b.holds()["parent"]
	b.tenant.deleteUser("b")
	b.delta(t)
	if diff := cmp.Diff(map[string][]string{"one": {"a"}, "two": {}, "parent": parent}, b.holds()); diff != "" {
		t.Fatal(diff)
	}
	b.tenant.restoreUser("b")
	b.delta(t)
	if diff := cmp.Diff(map[string][]string{"one": {"a", "b"}, "two": {"b"}, "parent": parent}, b.holds()); diff != "" {
		t.Fatal(diff)
	}
	b.pass(31 * time.Minute)
	b.forget()
	b.delta(t) // once more
	b.pass(31 * time.Minute)
	b.forget()
	if run := b.delta(t); run.Planned != (plan.Totals{}) || len(b.tenant.asked) > 0 {
		t.Errorf("%+v, asked of %v", run, b.tenant.asked)
	}
}

// A user who was deleted before anything was read is restored too.
func TestAUserWhoWasDeletedBeforeIsRestored(t *testing.T) {
	b := newBench(t)
	b.tenant.put("one", "a", "b")
	b.tenant.deleteUser("b")
	b.enable(t)
	b.sync(t)
	b.settle(t)
	b.tenant.restoreUser("b")
	b.delta(t)
	if diff := cmp.Diff([]string{"a", "b"}, b.holds()["one"]); diff != "" {
		t.Error(diff)
	}
}

// A restored user who is added to another group at once is known by the time the users'
// delta reports them. The groups that had them before have them again all the same.
func TestARestoredUserIsAddedToAnotherGroupFirst(t *testing.T) {
	for _, first := range []bool{false, true} { // that group is synced by itself first
		t.Run(strconv.FormatBool(first), func(t *testing.T) {
			b := newBench(t)
			b.tenant.put("one", "a", "b")
			b.tenant.deleteUser("b")
			b.enable(t)
			b.sync(t)
			b.settle(t)
			b.pass(31 * time.Minute)
			b.delta(t)
			b.tenant.restoreUser("b")
			b.tenant.put("new", "b")
			if first {
				if _, err := b.engine.SyncGroup(t.Context(), command.GroupSyncRequest{Group: guid("group new").String()}, nil); err != nil {
					t.Fatal(err)
				}
			}
			b.delta(t)
			if diff := cmp.Diff([]string{"a", "b"}, b.holds()["one"]); diff != "" {
				t.Error(diff)
			}
			b.pass(31 * time.Minute)
			b.delta(t)
			b.pass(31 * time.Minute)
			b.delta(t)
			b.forget()
			b.tenant.restoreUser("b") // the delta reports the user, who was not deleted
			if b.delta(t); len(b.tenant.asked) > 0 {
				t.Errorf("the user is no longer new, and the members of %v were read", b.tenant.asked)
			}
		})
	}
}

// A lagging replica still shows a deleted user and does not show a restored one yet. The
// former is no member all the same, and the latter is asked for once more.
func TestDeletedAndRestoredUsersOnAReplicaThatLags(t *testing.T) {
	b := settled(t, map[string][]string{"one": {"a", "b"}})
	b.tenant.lag()
	b.tenant.deleteUser("b")
	b.delta(t)
	for range 2 { // it reads the members whole
		if _, err := b.engine.SyncGroup(t.Context(), command.GroupSyncRequest{Group: guid("group one").String()}, nil); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"a"}, b.holds()["one"]); diff != "" {
			t.Fatal(diff)
		}
		if run, err := b.engine.Sync(t.Context(), command.SyncRequest{PolicyType: contract.Initial}, nil); err != nil || run.Status != contract.RunComplete {
			t.Fatal(run, err)
		}
	}
	b.pass(31 * time.Minute)
	b.delta(t)
	b.tenant.lag()
	b.tenant.restoreUser("b")
	b.delta(t)
	if diff := cmp.Diff([]string{"a"}, b.holds()["one"]); diff != "" {
		t.Fatalf("the test proves nothing: %s", diff)
	}
	b.pass(31 * time.Minute)
	b.delta(t)
	if diff := cmp.Diff([]string{"a", "b"}, b.holds()["one"]); diff != "" {
		t.Error(diff)
	}
}

// A lagging replica does not put back a user who left a group after being restored.
func TestARestoredUserWhoWasRemovedStaysOut(t *testing.T) {
	b := settled(t, map[string][]string{"one": {"a", "b"}, "two": {"b"}})
	b.tenant.deleteUser("b")
	b.delta(t)
	b.tenant.restoreUser("b")
	b.delta(t)
	b.tenant.lag()
	b.tenant.put("one", "a")
	b.delta(t)
	b.tenant.back[user("b").ID] = len(b.tenant.moments) // the user is reported again
	b.delta(t)
	if diff := cmp.Diff(map[string][]string{"one": {"a"}, "two": {"b"}}, b.holds()); diff != "" {
		t.Error(diff)
	}
}

// A member whose primary group is a written security group is in it without a value of
// member. One who should not be there cannot be removed, and is reported.
func TestMembersByTheirPrimaryGroup(t *testing.T) {
	b := newBench(t)
	id := b.tenant.put("sec", "a", "b")
	b.tenant.groups[id].Kind = directory.SecurityGroup
	b.enable(t)
	b.withSecurityGroups(t)
	b.sync(t)
	b.settle(t)
	g := b.object("sec")
	g.SID = domain.SID + "-2001"
	b.directory.primary = map[directory.SID][]directory.MemberRef{g.SID: {account("a")}}
	g.Members = []directory.MemberRef{account("b")}
	if run := b.delta(t); run.Planned != (plan.Totals{}) {
		t.Fatalf("%+v\n%v", run, b.outcomes(t, run))
	}
	if run, err := b.engine.Sync(t.Context(), command.SyncRequest{PolicyType: contract.Initial}, nil); err != nil || run.Planned != (plan.Totals{}) || run.Status != contract.RunComplete {
		t.Fatalf("%+v, %v", run, err)
	}

	b.tenant.put("sec", "b")
	b.tenant.groups[id].Kind = directory.SecurityGroup
	for range 2 { // as long as it is so
		if run := b.sync(t); run.Status != contract.RunPartial || run.DriftedGroups != 1 || run.Planned.Skip != 1 || run.Failed != 0 {
			t.Fatalf("%+v\n%v", run, b.outcomes(t, run))
		}
	}
	clear(b.directory.primary)
	if run := b.delta(t); run.Planned != (plan.Totals{}) {
		t.Errorf("%+v", run)
	}
}
