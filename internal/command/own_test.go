package command_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
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

// plant adds an object with the mark and the stamp of a group beside ours. It belongs to
// owner.
func (b *bench) plant(id directory.GUID, name string, owner directory.SID) *directory.TargetGroup {
	g := b.stranger(id, name)
	g.ExtensionName = []string{directory.Stamp(tenantID)}
	b.directory.owners[g.GUID] = owner
	return g
}

// reasons returns what a run said about objects: the reason of each skip and the object
// that it names.
func (b *bench) reasons(t fataler, run contract.Run) map[plan.Reason]string {
	t.Helper()
	s, err := b.engine.State(t.(*testing.T).Context())
	if err != nil {
		t.Fatal(err)
	}
	changes, err := s.Changes(t.(*testing.T).Context(), run.ID, 0, 0, 500)
	if err != nil {
		t.Fatal(err)
	}
	said := map[plan.Reason]string{}
	for i := range changes {
		if c := &changes[i]; c.Action == plan.Skip {
			said[c.Reason] = c.Change.Message
		}
	}
	return said
}

// loseState removes the database. The settings stay.
func (b *bench) loseState(t *testing.T) {
	t.Helper()
	b.engine.Close()
	for _, name := range []string{"state.db", "state.db-wal", "state.db-shm"} {
		if err := os.Remove(filepath.Join(b.folder, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	b.start(t)
}

// Rule 2: mark and stamp are public text. Anybody who may create groups may write them,
// and would keep full control of what a run fills with members.
func TestMarkAndStampOfOthersProveNothing(t *testing.T) {
	for name, owner := range map[string]directory.SID{"another's": attacker, "its owner cannot be read": "", "everybody's": "S-1-1-0"} {
		t.Run(name, func(t *testing.T) {
			b := ready(t, map[string][]string{"one": {"a"}})
			b.delta(t)
			id := guid("group new")
			planted := b.plant(id, "planted", owner)
			b.tenant.put("new", "a", "b")
			runs := map[string]func() contract.Run{
				"delta":   func() contract.Run { return b.delta(t) },
				"again":   func() contract.Run { return b.delta(t) },
				"initial": func() contract.Run { return b.initial(t) },
				"group": func() contract.Run {
					r, err := b.engine.SyncGroup(t.Context(), command.GroupSyncRequest{Group: id.String()}, nil)
					if err != nil {
						t.Fatal(err)
					}
					return r.Run
				},
				"lost": func() contract.Run { b.loseState(t); return b.initial(t) },
			}
			for _, kind := range []string{"delta", "again", "group", "initial", "lost"} {
				run := runs[kind]()
				said := b.reasons(t, run)[plan.ReasonForeign]
				if kind == "again" || kind == "initial" {
					wantSkippedStill(t, b, run, "new")
					said = b.shown(t, "new").LastMessage
				}
				if owner == attacker && !strings.Contains(said, "mallory ("+string(attacker)+")") || owner == "" && !strings.Contains(said, "cannot be read") || said == "" {
					t.Errorf("%s: said %q", kind, said)
				}
				if len(planted.Members) > 0 || len(b.directory.objects) != 2 || run.LinkedGroups != 1 {
					t.Errorf("%s: %+v, linked %d", kind, planted, run.LinkedGroups)
				}
			}
			if run, err := b.engine.Disable(t.Context(), command.DisableRequest{WhatIf: true}); err != nil || run.Planned.Delete != 1 || run.Planned.Skip != 1 {
				t.Errorf("%+v %v", run.Planned, err)
			}
			// Once its owner is named as a former account, it is ours.
			if owner == attacker {
				if _, err := b.engine.SetSettings(t.Context(), command.SettingsPatch{Choices: command.Choices{TrustedOwners: &[]string{"mallory"}}}); err != nil {
					t.Fatal(err)
				}
				if run := b.sync(t); run.LinkedGroups != 2 || len(planted.Members) != 2 {
					t.Errorf("%+v, %+v", run, planted)
				}
			}
		})
	}
}

// initial runs a full import.
func (b *bench) initial(t *testing.T) contract.Run {
	t.Helper()
	run, err := b.engine.Sync(t.Context(), command.SyncRequest{PolicyType: contract.Initial}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// Only the owners of stamped objects that are not linked are read.
func TestLinkedGroupsNeedNoOwner(t *testing.T) {
	b := ready(t, map[string][]string{"one": {"a"}, "two": {"a"}})
	b.tenant.put("one", "b")
	b.initial(t)
	if slices.Contains(b.directory.seen, "owners") {
		t.Errorf("owners were read: %v", b.directory.seen)
	}
	b.loseState(t)
	b.forget()
	run := b.initial(t)
	asked := 0
	for _, operation := range b.directory.seen {
		if operation == "owners" {
			asked++
		}
	}
	if asked != 1 || run.LinkedGroups != 2 || run.Exported.Create != 0 {
		t.Errorf("asked %d times, %+v", asked, run)
	}
}

// Rule 26: whatever stands beside the linked object, the linked one continues.
func TestTheLinkedObjectWins(t *testing.T) {
	for name, owner := range map[string]directory.SID{"of ours": service, "of another": attacker} {
		t.Run(name, func(t *testing.T) {
			b := ready(t, map[string][]string{"one": {"a", "b"}, "parent": {}})
			nest(b.tenant, "parent", "one")
			b.delta(t)
			linked := b.object("one").GUID
			other := b.plant(guid("group one"), "beside", owner)
			b.tenant.put("one", "a") // a revocation
			run := b.delta(t)
			if members := b.directory.objects[linked].Members; len(members) != 1 || len(other.Members) > 0 || run.Planned.Skip != 1 {
				t.Errorf("%v beside %v, %v", members, other.Members, b.outcomes(t, run))
			}
			if parent := b.object("parent"); len(parent.Members) != 1 || !has(parent, linked) {
				t.Errorf("the parent holds %v", parent.Members)
			}
			b.forget()
			if run := b.delta(t); run.Planned.Skip != 0 { // nothing waits for it
				t.Errorf("%v", b.outcomes(t, run))
			}
			if run := b.initial(t); run.Status != contract.RunComplete || run.Planned.Skip != 1 || !has(b.object("parent"), linked) {
				t.Errorf("%+v %v", run, b.outcomes(t, run))
			}
		})
	}
}

// nest makes one group a member of another in the tenant.
func nest(tenant *fakeTenant, parent, name string) {
	g := tenant.groups[guid("group "+parent)]
	g.members = append(g.members, directory.SourceMember{ID: guid("group " + name), Kind: directory.KindGroup, Name: name, Readable: true})
}

// A linked group that became protected is held as it is, in each run, and continues when
// it is no longer protected.
func TestALinkedGroupThatBecameProtectedIsHeld(t *testing.T) {
	b := ready(t, map[string][]string{"one": {"a", "b"}, "two": {"a"}, "parent": {}})
	nest(b.tenant, "parent", "one")
	b.delta(t)
	held := b.object("one")
	held.AdminCount = true
	b.tenant.put("one", "a")
	b.tenant.put("two", "b")
	for range 2 {
		run := b.sync(t)
		if run.Status != contract.RunPartial || !strings.Contains(run.Message, "1 group is protected") || !strings.Contains(b.reasons(t, run)[plan.ReasonProtected], "clear its adminCount") {
			t.Errorf("%+v %v", run, b.reasons(t, run))
		}
		if len(held.Members) != 2 || !has(b.object("two"), account("b").GUID) || !has(b.object("parent"), held.GUID) {
			t.Errorf("%v", b.holds())
		}
	}
	if run, err := b.engine.Disable(t.Context(), command.DisableRequest{WhatIf: true}); err != nil || run.Planned.Delete != 2 || run.Planned.Skip != 1 {
		t.Errorf("%+v %v", run.Planned, err)
	}
	held.AdminCount = false
	if run := b.delta(t); len(held.Members) != 1 || run.Status != contract.RunComplete {
		t.Errorf("%+v %v", run, held.Members)
	}
}

// Protected objects are never linked or adopted, whoever wrote to them.
func TestProtectedObjectsAreNeverTakenOver(t *testing.T) {
	for name, protect := range map[string]func(*directory.TargetGroup){
		"Domain Admins":      func(g *directory.TargetGroup) { g.SID = domain.SID + "-512" },
		"a group of BUILTIN": func(g *directory.TargetGroup) { g.SID = "S-1-5-32-551" },
		"a critical object":  func(g *directory.TargetGroup) { g.Critical = true },
		"a nested group":     func(g *directory.TargetGroup) { g.AdminCount = true },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			id := b.tenant.put("one", "a")
			b.enable(t)
			planted := b.plant(id, "planted", service)
			planted.Members = []directory.MemberRef{account("x")}
			protect(planted)
			b.agreeInVain(t, id, planted)
			before := copied(planted, true)
			for range 2 {
				run := b.sync(t)
				if b.reasons(t, run)[plan.ReasonProtected] == "" {
					t.Errorf("%v", b.outcomes(t, run))
				}
			}
			if diff := cmp.Diff(before, *planted, ignoreUSN); diff != "" || len(b.directory.objects) != 1 {
				t.Error(diff)
			}
			if planted.SID == "" {
				return
			}
			// Nor by their SID.
			planted.AdminDesc, planted.ExternalID, planted.ExtensionName = "", "", nil
			b.tenant.groups[id].OnPremisesSID = planted.SID
			before = copied(planted, true)
			b.agreeInVain(t, id, planted)
			if run := b.initial(t); b.reasons(t, run)[plan.ReasonProtected] == "" {
				t.Errorf("%v", b.outcomes(t, run))
			}
			if diff := cmp.Diff(before, *planted, ignoreUSN); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// agreeInVain tries each way to consent to the adoption of a protected object, and leaves
// a consent in the state as if given before the object became protected.
func (b *bench) agreeInVain(t *testing.T, id directory.GUID, g *directory.TargetGroup) {
	t.Helper()
	b.consent(t, command.Adoption{Adopt: &yes})
	if n := b.adoptPending(t); n != 0 {
		t.Errorf("%d are to be adopted", n)
	}
	for _, name := range []string{g.GUID.String(), g.DN, id.String(), "one"} {
		_, err := b.engine.SetSettings(t.Context(), command.SettingsPatch{Adoption: command.Adoption{AdoptGroups: []string{name}}})
		if !contract.HasID(err, "NotAdoptable") {
			t.Errorf("%s: %v", name, err)
		}
	}
	s, err := b.engine.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.SetAdoptSet(t.Context(), []contract.Link{{SourceID: id, TargetGUID: g.GUID, DN: g.DN}}); err != nil {
		t.Fatal(err)
	}
}

var ignoreUSN = cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".USNChanged" }, cmp.Ignore())

// Rule 2: the object is looked at just before each write.
func TestWhatIsMarkedForAnotherGroupDuringTheRunIsNotWrittenTo(t *testing.T) {
	for name, change := range map[string]func(b *bench, g *directory.TargetGroup){
		"marked for another": func(b *bench, g *directory.TargetGroup) {
			g.AdminDesc, g.ExternalID = directory.Mark(guid("another")), directory.Mark(guid("another"))
		},
		"protected": func(b *bench, g *directory.TargetGroup) { g.AdminCount = true },
	} {
		for action, edit := range map[string]func(b *bench){
			"members": func(b *bench) { b.tenant.put("one", "b") },
			"update":  func(b *bench) { b.tenant.groups[guid("group one")].says("description", "new") },
			"delete": func(b *bench) {
				delete(b.tenant.groups, guid("group one"))
				b.tenant.deleted[guid("group one")] = directory.PresenceHardDeleted
			},
		} {
			t.Run(name+", "+action, func(t *testing.T) {
				b := ready(t, map[string][]string{"one": {"a"}, "two": {"a"}})
				b.withoutLimits(t)
				b.delta(t)
				edit(b)
				g := b.object("one")
				before := directory.TargetGroup{}
				looks := 0
				b.directory.fail = func(operation string) error {
					if operation == "lookup" {
						if looks++; looks == 1 {
							change(b, g)
							before = copied(g, true)
						}
					}
					return nil
				}
				run := b.sync(t)
				b.directory.fail = nil
				if now := b.directory.objects[g.GUID]; looks == 0 || now == nil || cmp.Diff(before, *now, ignoreUSN) != "" {
					t.Errorf("%d looks, %+v is now %+v\n%v", looks, before, now, b.outcomes(t, run))
				}
				if run.Exported.UpdateMembers+run.Exported.Update+run.Exported.Delete > 0 || run.Exported.Skip == 0 {
					t.Errorf("%+v %v", run, b.outcomes(t, run))
				}
			})
		}
	}
}

// And also between two requests of one change.
func TestWhatIsMarkedForAnotherGroupBetweenTwoRequests(t *testing.T) {
	b := ready(t, map[string][]string{"one": {"a"}})
	if _, err := b.engine.SetSettings(t.Context(), command.SettingsPatch{Choices: command.Choices{NameFormat: contract.NameDisplayName}}); err != nil {
		t.Fatal(err)
	}
	b.tenant.groups[guid("group one")].says("description", "new")
	g := b.object("one")
	before := g.CN
	b.directory.fail = func(operation string) error {
		if operation == "modify" { // the rename comes next
			g.AdminDesc, g.ExternalID = directory.Mark(guid("another")), directory.Mark(guid("another"))
		}
		return nil
	}
	run := b.sync(t)
	if diff := cmp.Diff([]string{"Update one Skipped MarkRemoved"}, b.outcomes(t, run)); diff != "" || g.CN != before || slices.Contains(b.directory.seen, "rename") {
		t.Errorf("%s %+v", diff, g)
	}
}

// An object of ours that was moved to where nothing is deleted stays, and each run says
// so.
func TestNothingIsDeletedInAProtectedPlace(t *testing.T) {
	b := ready(t, map[string][]string{"one": {"a"}, "two": {"a"}})
	b.withoutLimits(t)
	b.delta(t)
	g := b.object("one")
	g.DN = "CN=one,CN=Users,DC=contoso,DC=test"
	delete(b.tenant.groups, guid("group one"))
	b.tenant.deleted[guid("group one")] = directory.PresenceHardDeleted
	for range 2 {
		run := b.sync(t)
		if b.directory.objects[g.GUID] == nil || run.Status != contract.RunPartial || !strings.Contains(run.Message, "protected") {
			t.Fatalf("%+v %v", run, b.outcomes(t, run))
		}
		b.pass(31 * time.Minute)
	}
	g.DN = "CN=one," + containerDN
	if run := b.sync(t); run.Exported.Delete != 1 {
		t.Errorf("%+v %v", run, b.outcomes(t, run))
	}
}

// A disable set that somebody has tampered with deletes only what is ours.
func TestADisableSetThatWasTamperedWith(t *testing.T) {
	b := ready(t, map[string][]string{"one": {"a"}})
	add := func(name string, change func(*directory.TargetGroup)) contract.Link {
		g := b.stranger(guid("id of "+name), name)
		change(g)
		id, _ := g.SourceID()
		return contract.Link{SourceID: id, TargetGUID: g.GUID, DN: g.DN}
	}
	elsewhere := func(g *directory.TargetGroup) { g.DN = "CN=" + g.CN + ",OU=Elsewhere,DC=contoso,DC=test" }
	stamped := func(g *directory.TargetGroup) { g.ExtensionName = []string{directory.Stamp(tenantID)} }
	set := []contract.Link{
		add("another product's", func(g *directory.TargetGroup) {}),
		add("another product's elsewhere", elsewhere),
		add("another's", func(g *directory.TargetGroup) { stamped(g); b.directory.owners[g.GUID] = attacker }),
		add("an administrator's elsewhere", func(g *directory.TargetGroup) {
			stamped(g)
			elsewhere(g)
			b.directory.owners[g.GUID] = domain.SID + "-512"
		}),
		add("in CN=Users", func(g *directory.TargetGroup) { stamped(g); g.DN = "CN=x,CN=Users,DC=contoso,DC=test" }),
		add("protected", func(g *directory.TargetGroup) { stamped(g); g.Critical = true }),
	}
	ours := add("ours", stamped)
	others := map[directory.GUID]bool{}
	for _, l := range set {
		others[l.TargetGUID] = true
	}
	if _, err := b.engine.Disable(t.Context(), command.DisableRequest{}); err != nil {
		t.Fatal(err)
	}
	s, err := b.engine.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.SetDisableSet(t.Context(), append(set, ours)); err != nil {
		t.Fatal(err)
	}
	run := b.sync(t)
	for guid := range others {
		if b.directory.objects[guid] == nil {
			t.Errorf("%s was deleted\n%v", guid, b.outcomes(t, run))
		}
	}
	told := strings.Join(b.outcomes(t, run), "\n")
	for id, want := range map[string]int{"NotOurs": 4, "ObjectProtected": 2} {
		if got := strings.Count(told, id); got != want {
			t.Errorf("%s was told %d times:\n%s", id, got, told)
		}
	}
	if run.Exported.Delete != 1 || b.directory.objects[ours.TargetGUID] != nil {
		t.Errorf("%+v %v", run, b.outcomes(t, run))
	}
}

// A group was deleted by hand, created again, and then the old one restored by hand.
func TestAGroupThatIsRestoredBesideTheNewOne(t *testing.T) {
	for name, change := range map[string]func(*directory.TargetGroup){
		"whole":            func(*directory.TargetGroup) {},
		"without its mark": func(g *directory.TargetGroup) { g.AdminDesc, g.ExternalID, g.ExtensionName = "", "", nil },
	} {
		t.Run(name, func(t *testing.T) {
			b := ready(t, map[string][]string{"one": {"a"}, "two": {"a"}})
			b.delta(t)
			old := b.object("one")
			b.directory.remove(old.GUID)
			b.delta(t)
			again := b.object("one")
			restored := copied(old, true)
			restored.CN, restored.DN = "restored", "CN=restored,"+containerDN
			change(&restored)
			b.directory.objects[restored.GUID] = &restored
			for _, run := range []contract.Run{b.delta(t), b.initial(t)} {
				said := b.reasons(t, run)[plan.ReasonReturned]
				if !strings.Contains(said, again.DN) || !strings.Contains(said, again.GUID.String()) || run.Status != contract.RunComplete {
					t.Errorf("%+v: %q %v", run, said, b.outcomes(t, run))
				}
			}
			b.tenant.put("one", "b")
			if b.delta(t); !has(b.directory.objects[again.GUID], account("b").GUID) || has(&restored, account("b").GUID) {
				t.Errorf("%v", b.holds())
			}
			if name != "whole" {
				return
			}
			// The other one is deleted, and the old one continues with its SID.
			b.directory.remove(again.GUID)
			if run := b.delta(t); run.Exported.Create != 0 || !has(b.directory.objects[restored.GUID], account("b").GUID) {
				t.Errorf("%+v %v", run, b.outcomes(t, run))
			}
		})
	}
}

// Rule 5: a group that was moved by hand is found after the state was lost.
func TestAGroupThatWasMovedBeforeTheStateWasLost(t *testing.T) {
	b := ready(t, map[string][]string{"one": {"a"}, "two": {"a"}})
	moved := b.object("one")
	moved.DN = "CN=moved,OU=Elsewhere,DC=contoso,DC=test"
	b.loseState(t)
	if run, err := b.engine.Disable(t.Context(), command.DisableRequest{WhatIf: true}); err != nil || run.Planned.Delete != 2 {
		t.Errorf("Disable finds %+v %v", run.Planned, err)
	}
	b.tenant.put("one", "b")
	run := b.sync(t)
	if run.LinkedGroups != 2 || run.Exported.Create != 0 || !has(moved, account("b").GUID) || has(moved, account("a").GUID) {
		t.Errorf("%+v %v", run, b.outcomes(t, run))
	}
	// So is an object that an earlier run knew as somebody else's.
	b.tenant.put("three", "a")
	planted := b.plant(guid("group three"), "elsewhere", attacker)
	planted.DN = "CN=elsewhere,OU=Elsewhere,DC=contoso,DC=test"
	if run := b.sync(t); b.reasons(t, run)[plan.ReasonForeign] == "" || len(planted.Members) > 0 {
		t.Errorf("%v", b.outcomes(t, run))
	}
	b.directory.owners[planted.GUID] = service
	write(planted, "description", "given to us") // a change of the owner gets a uSN too
	if run := b.sync(t); !has(planted, account("a").GUID) {
		t.Errorf("%v", b.outcomes(t, run))
	}
}

// What looks like a mark but is none belongs to nobody.
func TestWhatIsNoMarkIsNotForeign(t *testing.T) {
	b := newBench(t)
	b.stranger(guid("x"), "no mark").AdminDesc = "group_something"
	if result, err := b.engine.Enable(t.Context(), command.EnableRequest{Choices: command.Choices{TargetContainer: containerDN}}); err != nil || result.ForeignGroups != 0 {
		t.Errorf("%+v %v", result, err)
	}
	checks, err := b.engine.Test(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range checks {
		if c.Name == "ForeignGroup" && c.Result != contract.Passed {
			t.Errorf("%+v", c)
		}
	}
}

// Rule 3: an object whose creation got no answer is ours only if we created it.
func TestWhatAnotherMadeMeanwhileIsNotTakenAsCreated(t *testing.T) {
	b := ready(t, map[string][]string{"one": {"a"}})
	b.delta(t)
	id := b.tenant.put("new", "a", "b")
	var planted *directory.TargetGroup
	b.directory.fail = func(operation string) error {
		if operation == "create" && planted == nil {
			planted = b.plant(id, directory.Mark(id), attacker)
			planted.SAMAccountName = directory.Mark(id)
		}
		return nil
	}
	run := b.sync(t)
	if planted == nil || len(planted.Members) > 0 || run.LinkedGroups != 1 || run.Failed != 1 {
		t.Errorf("%+v %+v %v", planted, run, b.outcomes(t, run))
	}
	b.directory.fail = nil
	if run := b.sync(t); len(planted.Members) > 0 || b.reasons(t, run)[plan.ReasonForeign] == "" {
		t.Errorf("%v", b.outcomes(t, run))
	}
}

// No group is written where the domain keeps what it depends on. An installation that
// stands there is told the way out, and Disable works.
func TestAProtectedContainer(t *testing.T) {
	b := ready(t, map[string][]string{"one": {"a"}})
	b.directory.critical = true
	if _, err := b.engine.Enable(t.Context(), command.EnableRequest{Choices: command.Choices{TargetContainer: containerDN}}); !contract.HasID(err, "ContainerProtected") {
		t.Errorf("Enable: %v", err)
	}
	if _, err := b.engine.SetSettings(t.Context(), command.SettingsPatch{Choices: command.Choices{TargetContainer: containerDN}}); !contract.HasID(err, "ContainerProtected") {
		t.Errorf("Set: %v", err)
	}
	b.tenant.put("one", "b")
	run := b.sync(t)
	if run.Status != contract.RunFailed || run.StopReason != "ContainerProtected" || !strings.Contains(run.Error.Advice, "-TargetContainer") || has(b.object("one"), account("b").GUID) {
		t.Errorf("%+v", run)
	}
	if run, err := b.engine.Disable(t.Context(), command.DisableRequest{}); err != nil || run.Planned.Delete != 1 {
		t.Errorf("%+v %v", run, err)
	}
	if run := b.sync(t); run.Exported.Delete != 1 || len(b.directory.objects) > 0 {
		t.Errorf("%+v %v", run, b.outcomes(t, run))
	}
}

// Another installation of the tenant, in another container, under the same account: its
// groups carry our mark and our stamp and belong to us.
func TestAnotherInstallationUnderTheSameAccount(t *testing.T) {
	b := ready(t, map[string][]string{"one": {"a"}})
	b.withoutLimits(t)
	b.force(t, command.Choices{OutOfScopeGroup: contract.FrozenRemove, SoftDeletedGroup: contract.FrozenRemove, MovedGroup: contract.MovedBack})
	b.leaveOut(t)
	b.tenant.put("theirs", "a")
	b.tenant.groups[guid("group theirs")].says("description", leftOut) // the scope of the other installation
	theirs := b.plant(guid("group theirs"), "theirs", service)
	theirs.DN, theirs.Members = "CN=theirs,OU=Other,DC=contoso,DC=test", []directory.MemberRef{account("a")}
	before := copied(theirs, true)
	untouched := func(when string) {
		t.Helper()
		if now := b.directory.objects[theirs.GUID]; now == nil || cmp.Diff(before, *now, ignoreUSN) != "" {
			t.Fatalf("%s: it is now %+v", when, now)
		}
	}
	for range 3 {
		b.sync(t)
		untouched("a run")
		b.ahead += 31 * time.Minute
	}
	b.initial(t)
	untouched("a full import")

	// Enable reports the second installation, and so does Test.
	said, err := b.engine.Enable(t.Context(), command.EnableRequest{WhatIf: true})
	if err != nil || !slices.ContainsFunc(said.Warnings, func(w string) bool { return strings.Contains(w, theirs.DN) }) {
		t.Errorf("%+v %v", said.Warnings, err)
	}
	checks, err := b.engine.Test(t.Context(), "")
	if err != nil || !slices.ContainsFunc(checks, func(c command.Check) bool {
		return c.Name == "ForeignGroup" && c.Result == contract.Warning && strings.Contains(c.Message, theirs.DN)
	}) {
		t.Errorf("%+v %v", checks, err)
	}

	run, err := b.engine.Disable(t.Context(), command.DisableRequest{})
	if err != nil || run.Planned.Delete != 1 || run.Planned.Skip != 1 || !strings.Contains(b.reasons(t, run)[plan.ReasonForeign], "another installation") {
		t.Fatalf("%+v %v\n%v", run, err, b.outcomes(t, run))
	}
	b.sync(t)
	untouched("Disable")
	if b.object("one") != nil {
		t.Error("our own is left")
	}
}

// With its own account it needs no scope of its own either: the owner decides.
func TestAnotherInstallationUnderAnAccountOfItsOwn(t *testing.T) {
	b := ready(t, map[string][]string{"one": {"a"}})
	b.withoutLimits(t)
	b.force(t, command.Choices{MovedGroup: contract.MovedBack})
	b.tenant.put("theirs", "a", "b")
	theirs := b.plant(guid("group theirs"), "theirs", "S-1-5-21-1-2-3-1106")
	theirs.DN, theirs.Members = "CN=theirs,OU=Other,DC=contoso,DC=test", []directory.MemberRef{account("a")}
	before := copied(theirs, true)
	b.sync(t)
	b.initial(t)
	delete(b.tenant.groups, guid("group theirs"))
	b.tenant.deleted[guid("group theirs")] = directory.PresenceHardDeleted
	b.sync(t)
	if run, err := b.engine.Disable(t.Context(), command.DisableRequest{}); err != nil || run.Planned.Delete != 1 {
		t.Errorf("%+v %v", run, err)
	}
	b.sync(t)
	if now := b.directory.objects[theirs.GUID]; now == nil || cmp.Diff(before, *now, ignoreUSN) != "" {
		t.Errorf("it is now %+v", now)
	}
}

// The objects of a batch are looked at all at once just before it is written. An object
// that was looked at longer ago is looked at again.
func TestABatchIsLookedAtAtOnce(t *testing.T) {
	count := func(b *bench) (looks int) {
		for _, operation := range b.directory.seen {
			if operation == "lookup" {
				looks++
			}
		}
		return looks
	}
	groups := map[string][]string{}
	for i := range 40 {
		groups[fmt.Sprint("group ", i)] = []string{"a"}
	}
	var looks [2]int
	for i, lasts := range []time.Duration{time.Hour, time.Nanosecond} {
		t.Run(lasts.String(), func(t *testing.T) {
			b := settled(t, groups)
			b.lookLasts = lasts
			b.start(t)
			for name := range groups {
				b.tenant.put(name, "a", "b")
			}
			b.forget()
			if run := b.sync(t); run.Exported.UpdateMembers != 40 {
				t.Errorf("%+v", run)
			}
			looks[i] = count(b)
		})
	}
	if looks[0] > 20 || looks[1]-looks[0] < 40 {
		t.Errorf("%d looks with the batches, and %d with each change too", looks[0], looks[1])
	}

	// A change after that look is noticed if the look is no longer valid.
	b := settled(t, map[string][]string{"one": {"a"}, "two": {"a"}})
	b.lookLasts = time.Nanosecond
	b.start(t)
	if _, err := b.engine.SetSettings(t.Context(), command.SettingsPatch{Connections: &one}); err != nil {
		t.Fatal(err)
	}
	b.tenant.put("one", "a", "b")
	b.tenant.put("two", "a", "b")
	written := 0
	b.directory.fail = func(operation string) error {
		if operation == "changeMembers" {
			if written++; written == 1 {
				for _, g := range b.directory.objects {
					g.AdminDesc, g.ExternalID = directory.Mark(guid("another")), directory.Mark(guid("another"))
				}
			}
		}
		return nil
	}
	if run := b.sync(t); written != 1 || run.Exported.Skip != 1 {
		t.Errorf("%d were written, %+v\n%v", written, run, b.outcomes(t, run))
	}
}

var one = 1
