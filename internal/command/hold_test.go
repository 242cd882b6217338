package command_test

import (
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

func (b *bench) suspend(t fataler, name string, until time.Time) contract.GroupView {
	t.Helper()
	view, err := b.engine.Suspend(t.(*testing.T).Context(), command.SuspendRequest{Group: guid("group " + name).String(), Comment: "Migration", Until: until})
	if err != nil {
		t.Fatal(err)
	}
	return view
}

func (b *bench) resume(t fataler, name string) {
	t.Helper()
	if _, err := b.engine.Resume(t.(*testing.T).Context(), command.ResumeRequest{Group: guid("group " + name).String()}); err != nil {
		t.Fatal(err)
	}
}

// carried returns the hold that the object of the group carries in AD, or nil.
func (b *bench) carried(name string) *directory.Hold {
	return directory.FindHold(b.object(name).ExtensionName, tenantID)
}

// rename gives the group another name and another member.
func (b *bench) rename(name, to string, members ...string) {
	g := b.tenant.groups[guid("group "+name)]
	g.says("displayName", to)
	g.members = nil
	for _, m := range members {
		g.members = append(g.members, b.tenant.member(m))
	}
}

// Rule 62: whatever happens in the tenant or in AD, a group on hold is left as it is, and
// afterwards it is brought in line.
func TestASuspendedGroupIsLeftAsItIs(t *testing.T) {
	b := ready(t, map[string][]string{"one": {"a"}, "two": {"a"}})
	view := b.suspend(t, "one", time.Time{})
	if h := view.Hold; h == nil || h.Reason != directory.HoldSuspended || h.Comment != "Migration" || h.Account != me.Account || !h.Until.IsZero() {
		t.Errorf("%+v", h)
	}
	b.rename("one", "renamed", "b")
	b.rename("two", "renamed too", "b")
	run := b.delta(t)
	wantOutcomes(t, b, run, "Update renamed Done", "Update renamed too Done", "UpdateMembers renamed too Done") // the first is the hold
	if diff := cmp.Diff(map[string][]string{"one": {"a"}, "renamed too": {"b"}}, b.holds()); diff != "" {
		t.Error(diff)
	}
	if h := b.carried("one"); h == nil || h.Comment != "Migration" || h.Account != me.Account {
		t.Errorf("AD has %+v", h)
	}
	if run.GroupsOnHold != 1 || b.shown(t, guid("group one").String()).Hold == nil {
		t.Errorf("%+v", run)
	}

	write(b.object("one"), "displayName", "by hand") // nothing of it is corrected
	for range 2 {
		if run := b.initial(t); run.Status != contract.RunComplete || run.Exported.Update+run.Exported.UpdateMembers != 0 || run.GroupsOnHold != 1 {
			t.Errorf("%+v", run)
		}
	}
	if run := b.one(t, "one"); run.Status != contract.RunComplete || run.Exported.Update != 0 {
		t.Errorf("%+v", run)
	}
	if o, err := b.engine.Overview(t.Context()); err != nil || o.GroupsOnHold != 1 || o.PendingGroups != 0 {
		t.Errorf("%+v %v", o, err)
	}

	b.resume(t, "one")
	b.delta(t)
	if diff := cmp.Diff(map[string][]string{"renamed": {"b"}, "renamed too": {"b"}}, b.holds()); diff != "" {
		t.Error(diff)
	}
	if h := b.carried("one"); h != nil || b.shown(t, guid("group one").String()).Hold != nil {
		t.Errorf("AD still has %+v", h)
	}
	for _, entry := range []string{"GroupSuspended one (" + guid("group one").String() + `); reason:  -> Suspended; comment:  -> Migration; account:  -> CONTOSO\admin; until:  -> resumed`,
		"GroupResumed renamed (" + guid("group one").String() + `); reason: Suspended -> ; comment: Migration -> ; account: CONTOSO\admin -> ; until: resumed -> `} {
		if told := b.told(t, 0); !slices.Contains(told, entry) {
			t.Errorf("the audit lacks %q:\n%s", entry, strings.Join(told, "\n"))
		}
	}
}

func TestASuspendedGroupIsNeitherCreatedNorDeleted(t *testing.T) {
	b := ready(t, map[string][]string{"one": {"a"}, "two": {"a"}})
	b.suspend(t, "one", time.Time{})
	b.purge("one")
	b.delta(t)
	b.ahead += time.Hour
	if run := b.initial(t); run.Status != contract.RunComplete || b.object("one") == nil {
		t.Errorf("%+v", run)
	}
	b.resume(t, "one")
	b.sync(t)
	b.ahead += time.Hour
	b.sync(t)
	if b.object("one") != nil {
		t.Error("a deleted group stays after it was resumed")
	}

	b.suspend(t, "two", time.Time{})
	b.delta(t)
	b.directory.remove(b.object("two").GUID)
	b.initial(t)
	if b.object("two") != nil {
		t.Error("a suspended group was created again")
	}
	b.resume(t, "two")
	b.sync(t)
	if b.object("two") == nil {
		t.Error("the resumed group was not created again")
	}
}

func TestAHoldEndsByItself(t *testing.T) {
	b := ready(t, map[string][]string{"one": {"a"}})
	b.suspend(t, "one", time.Now().Add(time.Hour))
	b.rename("one", "renamed", "b")
	b.delta(t)
	b.ahead = 50 * time.Minute
	b.sync(t)
	if h := b.carried("one"); h == nil || h.Until.IsZero() {
		t.Fatalf("AD has %+v", h)
	}
	b.ahead = 61 * time.Minute
	run := b.sync(t)
	if diff := cmp.Diff(map[string][]string{"renamed": {"b"}}, b.holds()); diff != "" || run.GroupsOnHold != 0 {
		t.Errorf("%+v\n%s", run, diff)
	}
	s, err := b.engine.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if holds, err := s.Holds(t.Context()); err != nil || len(holds) != 0 || b.carried("one") != nil {
		t.Errorf("%+v %v", holds, err)
	}
}

func TestDisableLeavesWhatIsOnHold(t *testing.T) {
	for _, first := range []string{"suspend", "preview", "disable"} {
		t.Run(first, func(t *testing.T) {
			b := ready(t, map[string][]string{"one": {"a"}, "two": {"a"}})
			request := command.DisableRequest{}
			if first == "suspend" {
				b.suspend(t, "one", time.Time{})
			} else {
				preview, err := b.engine.Disable(t.Context(), command.DisableRequest{WhatIf: true})
				if err != nil {
					t.Fatal(err)
				}
				request.PlanID = preview.PlanID
			}
			if first == "preview" {
				b.suspend(t, "one", time.Time{})
			}
			run, err := b.engine.Disable(t.Context(), request)
			if err != nil {
				t.Fatal(err)
			}
			if first == "disable" {
				b.suspend(t, "one", time.Time{})
			} else if run.Planned.Delete != 1 || b.reasons(t, run)[plan.ReasonSuspended] == "" {
				t.Errorf("%+v", run)
			}
			wantOutcomes(t, b, b.sync(t), "Delete two Done")
			if b.object("one") == nil {
				t.Error(b.holds())
			}
			if o, err := b.engine.Overview(t.Context()); err != nil || o.Status != command.StatusDisabled {
				t.Errorf("%+v %v", o, err)
			}
			b.rename("one", "renamed", "b")
			b.enable(t)
			run = b.sync(t)
			if diff := cmp.Diff(map[string][]string{"one": {"a"}, "two": {"a"}}, b.holds()); diff != "" || run.GroupsOnHold != 1 {
				t.Errorf("%+v\n%s", run, diff)
			}
		})
	}
}

func TestAHoldSurvivesTheLossOfTheState(t *testing.T) {
	for _, then := range []string{"sync", "disable"} {
		t.Run(then, func(t *testing.T) {
			b := ready(t, map[string][]string{"one": {"a"}, "two": {"a"}, "three": {"a"}})
			b.suspend(t, "one", time.Time{})
			b.suspend(t, "three", time.Now().Add(time.Hour))
			b.delta(t)
			b.rename("one", "renamed", "b")
			b.rename("three", "third", "b")
			b.ahead = 2 * time.Hour
			b.loseState(t)
			if then == "disable" {
				if run, err := b.engine.Disable(t.Context(), command.DisableRequest{}); err != nil || run.Planned.Delete != 2 || b.reasons(t, run)[plan.ReasonSuspended] == "" {
					t.Errorf("%+v %v", run, err)
				}
				return
			}
			if run, err := b.engine.Preview(t.Context(), command.PreviewRequest{}, nil); err != nil || run.GroupsOnHold != 1 {
				t.Errorf("%+v %v", run, err)
			}
			for range 2 {
				run := b.initial(t)
				if diff := cmp.Diff(map[string][]string{"one": {"a"}, "two": {"a"}, "third": {"b"}}, b.holds()); diff != "" || run.GroupsOnHold != 1 || run.Status != contract.RunComplete {
					t.Errorf("%+v\n%s", run, diff)
				}
			}
			if h := b.shown(t, guid("group one").String()).Hold; h == nil || h.Comment != "Migration" || h.Account != me.Account {
				t.Errorf("%+v", h)
			}
			b.resume(t, "one")
			b.sync(t)
			if b.carried("one") != nil || b.object("renamed") == nil {
				t.Errorf("%v", b.holds())
			}
		})
	}
}

// Whoever may write to our objects gains no hold by it, neither on a linked one nor on one
// that somebody else has made.
func TestNobodyHoldsAGroupThroughADirectory(t *testing.T) {
	b := ready(t, map[string][]string{"one": {"a"}})
	forged := directory.HoldValue(tenantID, &directory.Hold{Reason: directory.HoldSuspended, Comment: "mine", Since: time.Now()})
	g := b.object("one")
	g.ExtensionName = append(g.ExtensionName, forged)
	b.rename("one", "renamed", "b")
	run := b.delta(t)
	if diff := cmp.Diff(map[string][]string{"renamed": {"b"}}, b.holds()); diff != "" || b.carried("one") != nil || run.DriftedGroups != 1 {
		t.Errorf("%+v\n%s", run, diff)
	}

	b = newBench(t)
	id := b.tenant.put("one", "a")
	b.enable(t)
	planted := b.plant(id, "theirs", attacker)
	planted.ExtensionName = append(planted.ExtensionName, forged)
	if run := b.sync(t); run.GroupsOnHold != 0 || b.reasons(t, run)[plan.ReasonSuspended] != "" {
		t.Errorf("%+v", run)
	}
}

func TestSuspendRefuses(t *testing.T) {
	b := ready(t, map[string][]string{"one": {"a"}, "two": {"a"}})
	b.tenant.groups[guid("group two")].says("displayName", "one")
	b.delta(t)
	past := time.Now().Add(-time.Minute)
	for _, test := range []struct {
		request command.SuspendRequest
		id      string
	}{
		{command.SuspendRequest{}, "InvalidParameter"},
		{command.SuspendRequest{Group: "nobody"}, "GroupNotFound"},
		{command.SuspendRequest{Group: "one"}, "GroupAmbiguous"},
		{command.SuspendRequest{Group: guid("group one").String(), Until: past}, "InvalidParameter"},
		{command.SuspendRequest{Group: guid("group one").String(), Comment: strings.Repeat("x", 257)}, "InvalidParameter"},
	} {
		if _, err := b.engine.Suspend(t.Context(), test.request); !contract.HasID(err, test.id) {
			t.Errorf("%+v: %v", test.request, err)
		}
	}
	if _, err := b.engine.Resume(t.Context(), command.ResumeRequest{Group: guid("group one").String()}); !contract.HasID(err, "GroupNotOnHold") {
		t.Error(err)
	}
	if o, err := b.engine.Overview(t.Context()); err != nil || o.GroupsOnHold != 0 {
		t.Errorf("%+v %v", o, err)
	}
}

// A group that is let go of is no longer on hold, and a group that is gone on both sides
// can be resumed by its id.
func TestHoldsThatAreOver(t *testing.T) {
	b := ready(t, map[string][]string{"one": {"a"}, "two": {"a"}})
	b.suspend(t, "one", time.Time{})
	b.delta(t)
	b.release(t, "one")
	b.delta(t)
	if g := b.object("one"); g.ExtensionName != nil {
		t.Errorf("%q", g.ExtensionName)
	}
	b.suspend(t, "two", time.Time{})
	b.directory.remove(b.object("two").GUID)
	b.purge("two")
	b.initial(t)
	b.ahead += time.Hour
	b.initial(t)
	if o, err := b.engine.Overview(t.Context()); err != nil || o.GroupsOnHold != 0 {
		t.Errorf("%+v %v", o, err)
	}
}
