package command_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/internal/command"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// change changes a user in every group.
func (t *fakeTenant) change(name string, edit func(*directory.SourceMember)) {
	for _, g := range t.groups {
		for i := range g.members {
			if g.members[i].ID == user(name).ID {
				edit(&g.members[i])
			}
		}
	}
}

// A partial entry about a user does not undo what an earlier entry reported, neither at
// once nor later, even beside a reading that does not show the earlier change yet.
func TestAPartOfAUserTakesNothingBack(t *testing.T) {
	b := settled(t, map[string][]string{"one": {"a", "cloud b"}, "other": {"a"}})
	b.tenant.terse = true
	b.tenant.remember()
	b.ahead += 5 * time.Minute
	b.tenant.join("cloud b")
	b.step()
	b.delta(t)
	b.ahead += 5 * time.Minute
	b.tenant.change("cloud b", func(m *directory.SourceMember) { m.ImmutableID = "x" })
	b.step()
	b.allBehind(20 * time.Minute)
	b.forget()
	b.delta(t)
	if !b.tenant.asks("membersByID") {
		t.Fatal("the test proves nothing")
	}
	for _, again := range []func(){func() {}, func() { b.one(t, "one") }, func() { b.expire(); b.sync(t) }} {
		if again(); !has(b.object("one"), account("cloud b").GUID) {
			t.Fatal("the member lost access")
		}
	}
}

// asks reports whether the tenant got such a request since [bench.forget].
func (t *fakeTenant) asks(operation string) bool {
	for _, seen := range t.seen {
		if seen == operation {
			return true
		}
	}
	return false
}

// What was reported ends with the lag after it, even if something else was reported about
// the same object in the meantime.
func TestEachReportHasItsTime(t *testing.T) {
	b := settled(t, map[string][]string{"one": {"a"}, "other": {"a", "cloud b"}})
	b.tenant.terse = true
	edit := func(after time.Duration, what func(g *fakeGroup)) {
		b.ahead += after
		what(b.tenant.groups[guid("group one")])
		b.step()
	}
	edit(0, func(g *fakeGroup) { g.says("description", "told"); b.tenant.join("cloud b") })
	b.delta(t)
	edit(20*time.Minute, func(g *fakeGroup) {
		g.says("mail", "one@x")
		b.tenant.change("cloud b", func(m *directory.SourceMember) { m.ImmutableID = "x" })
	})
	b.delta(t)
	edit(20*time.Minute, func(g *fakeGroup) {
		g.says("description", "newer")
		b.tenant.change("cloud b", func(m *directory.SourceMember) { m.Synced, m.SID = false, "" })
	})
	b.expire()
	if run := b.sync(t); run.PolicyReason != contract.InitialLinkExpired {
		t.Fatalf("%+v", run)
	}
	if g := b.object("one"); g.Attributes.First("description") != "newer" || g.Attributes.First("mail") != "one@x" {
		t.Errorf("%+v", g)
	}
	if has(b.object("other"), account("cloud b").GUID) {
		t.Error("the user is a member still")
	}
}

// A delta need not report the new kind of a group whose kind has changed.
func TestAGroupWhoseKindMayHaveChangedIsRead(t *testing.T) {
	for _, behind := range []time.Duration{0, 20 * time.Minute} {
		b := newBench(t)
		b.tenant.put("one", "a")
		b.tenant.put("other", "a")
		b.tenant.groups[guid("group one")].Kind = directory.SecurityGroup
		b.enable(t)
		b.withSecurityGroups(t)
		filter := "kind -eq 'security' -or displayName -eq 'other'"
		if _, err := b.engine.SetSettings(context.Background(), command.SettingsPatch{Choices: command.Choices{Filter: &filter}}); err != nil {
			t.Fatal(err)
		}
		b.sync(t)
		b.settle(t)
		b.tenant.terse = true
		b.tenant.remember()
		b.ahead += 5 * time.Minute
		b.tenant.groups[guid("group one")].Kind = directory.UnifiedGroup
		b.step()
		b.allBehind(behind)
		b.delta(t)
		b.ahead += 31 * time.Minute
		b.delta(t)
		b.tenant.put("one", "b") // it would be written if it were in scope
		b.tenant.groups[guid("group one")].Kind = directory.UnifiedGroup
		b.delta(t)
		if diff := cmp.Diff([]string{"a"}, b.holds()["one"]); diff != "" {
			t.Errorf("behind by %v: %s", behind, diff)
		}
	}
}

// A sync on demand has the newest facts about its members who are users, whatever a
// replica shows.
func TestOneGroupOnDemandHearsOfUsers(t *testing.T) {
	begin := func(t *testing.T) *bench {
		b := settled(t, map[string][]string{"one": {"a", "b", "cloud c"}, "other": {"a", "b", "cloud c"}})
		b.tenant.remember()
		b.ahead += 5 * time.Minute
		return b
	}
	check := func(t *testing.T, b *bench, want ...string) {
		t.Helper()
		b.one(t, "one")
		if diff := cmp.Diff(want, b.holds()["one"]); diff != "" {
			t.Error(diff)
		}
		// The next run reads all of it again and applies it to the other groups.
		b.delta(t)
		if diff := cmp.Diff(map[string][]string{"one": want, "other": want}, b.holds()); diff != "" {
			t.Error(diff)
		}
	}
	t.Run("joined", func(t *testing.T) {
		b := begin(t)
		b.tenant.join("cloud c")
		b.step()
		b.allBehind(20 * time.Minute)
		check(t, b, "a", "b", "cloud c")
	})
	t.Run("deleted", func(t *testing.T) {
		b := begin(t)
		b.tenant.deleteUser("b")
		b.step()
		b.allBehind(20 * time.Minute)
		check(t, b, "a")
	})
	t.Run("restored", func(t *testing.T) {
		b := begin(t)
		b.tenant.deleteUser("b")
		b.step()
		b.delta(t)
		b.ahead += 5 * time.Minute
		b.tenant.restoreUser("b")
		b.step()
		check(t, b, "a", "b")
	})
	t.Run("deleted, and restored before the next run", func(t *testing.T) {
		b := begin(t)
		b.tenant.deleteUser("b")
		b.step()
		b.one(t, "one")
		if diff := cmp.Diff([]string{"a"}, b.holds()["one"]); diff != "" {
			t.Error(diff)
		}
		b.ahead += 5 * time.Minute
		b.tenant.restoreUser("b")
		b.step()
		b.delta(t)
		if diff := cmp.Diff(map[string][]string{"one": {"a", "b"}, "other": {"a", "b"}}, b.holds()); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("reported before, and not yet shown", func(t *testing.T) {
		b := begin(t)
		b.tenant.join("cloud c")
		b.step()
		b.delta(t)
		b.ahead += 5 * time.Minute
		b.tenant.change("cloud c", func(m *directory.SourceMember) { m.Synced, m.SID = false, "" })
		b.step()
		b.allBehind(3 * time.Minute)
		check(t, b, "a", "b")
	})
}
