package command_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/internal/command"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// consent sets what may be adopted.
func (b *bench) consent(t fataler, a command.Adoption) {
	t.Helper()
	if _, err := b.engine.SetSettings(context.Background(), command.SettingsPatch{Adoption: a}); err != nil {
		t.Fatal(err)
	}
}

func (b *bench) release(t fataler, names ...string) {
	t.Helper()
	if _, err := b.engine.SetSettings(context.Background(), command.SettingsPatch{ReleaseGroups: names}); err != nil {
		t.Fatal(err)
	}
}

func (b *bench) adoptPending(t fataler) int {
	t.Helper()
	o, err := b.engine.Overview(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return o.AdoptPending
}

func wantOutcomes(t *testing.T, b *bench, run contract.Run, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, b.outcomes(t, run)); diff != "" {
		t.Errorf("%+v\n%s", run, diff)
	}
}

var yes, no = true, false

// Rule 24: a consent covers what existed when it was given, and can be used once.
func TestAdoptingIsAListAndNotASwitch(t *testing.T) {
	b := newBench(t)
	one, two := b.tenant.put("one", "a"), b.tenant.put("two", "a")
	first := b.stranger(one, "first")
	result, err := b.engine.Enable(t.Context(), command.EnableRequest{Choices: command.Choices{TargetContainer: containerDN}, Adoption: command.Adoption{Adopt: &yes}})
	if err != nil || result.AdoptPending != 1 || b.adoptPending(t) != 1 {
		t.Fatalf("%+v %v", result, err)
	}
	second := b.stranger(two, "second") // between Enable and the sync
	run := b.sync(t)
	wantOutcomes(t, b, run, "Adopt one Done", "Skip two Skipped")
	if !directory.HasStamp(first.ExtensionName, tenantID) || second.ExtensionName != nil || b.adoptPending(t) != 0 {
		t.Errorf("%+v %+v", first, second)
	}
	for range 2 { // it does not appear later either
		wantSkippedStill(t, b, b.delta(t), "two")
	}
	b.consent(t, command.Adoption{Adopt: &yes})
	run = b.delta(t) // planned although nothing has changed
	wantOutcomes(t, b, run, "Adopt two Done")
	if b.adoptPending(t) != 0 || !directory.HasAdoptedStamp(second.ExtensionName, tenantID) {
		t.Errorf("%+v", second)
	}
}

// A consent can be taken back, and Disable takes it back.
func TestConsentIsTakenBack(t *testing.T) {
	b := newBench(t)
	id := b.tenant.put("one", "a")
	b.enable(t)
	b.sync(t)
	b.directory.remove(b.object("one").GUID)
	g := b.stranger(id, "theirs")
	b.consent(t, command.Adoption{Adopt: &yes})
	if n := b.adoptPending(t); n != 1 {
		t.Fatal(n)
	}
	b.consent(t, command.Adoption{Adopt: &no})
	wantOutcomes(t, b, b.delta(t), "Skip one Skipped")
	b.consent(t, command.Adoption{AdoptGroups: []string{"one"}})
	if _, err := b.engine.Disable(t.Context(), command.DisableRequest{KeepGroup: true}); err != nil {
		t.Fatal(err)
	}
	if n := b.adoptPending(t); n != 0 {
		t.Error(n)
	}
	if _, err := b.engine.Enable(t.Context(), command.EnableRequest{}); !contract.HasID(err, "ForeignGroupsPresent") {
		t.Error(err)
	}
	if g.ExtensionName != nil {
		t.Errorf("%+v", g)
	}
}

// A consent to a preview covers exactly what the preview listed: the object, for that
// group.
func TestConsentToAPlan(t *testing.T) {
	b := newBench(t)
	one, two, three := b.tenant.put("one", "a"), b.tenant.put("two", "a"), b.tenant.put("three", "a")
	enable := &command.EnableRequest{Choices: command.Choices{TargetContainer: containerDN}, Adoption: command.Adoption{Adopt: &yes}}
	first, turned := b.stranger(one, "first"), b.stranger(two, "turned")
	shown, err := b.engine.Preview(t.Context(), command.PreviewRequest{Enable: enable}, nil)
	if err != nil {
		t.Fatal(err)
	}
	wantOutcomes(t, b, shown, "Adopt one Pending", "Adopt two Pending", "Create three Pending")
	if o, err := b.engine.Overview(t.Context()); err != nil || o.AdoptPending != 0 || o.Status != command.StatusNotConfigured {
		t.Errorf("%+v %v", o, err)
	}
	later := b.stranger(two, "later")
	turned.AdminDesc = directory.Mark(three)
	enable.Adoption = command.Adoption{AdoptPlan: shown.PlanID}
	if result, err := b.engine.Enable(t.Context(), *enable); err != nil || result.AdoptPending != 2 {
		t.Fatalf("%+v %v", result, err)
	}
	run := b.sync(t)
	wantOutcomes(t, b, run, "Adopt one Done", "Skip three Skipped", "Skip two Skipped")
	if !directory.HasStamp(first.ExtensionName, tenantID) || later.ExtensionName != nil || turned.ExtensionName != nil {
		t.Errorf("%+v %+v %+v", first, later, turned)
	}

	for _, c := range []struct {
		adoption command.Adoption
		id       string
	}{
		{command.Adoption{AdoptPlan: "none"}, "PlanNotFound"},
		{command.Adoption{AdoptPlan: run.PlanID, Adopt: &yes}, "InvalidParameter"},
		{command.Adoption{AdoptPlan: b.delta(t).PlanID}, "InvalidParameter"}, // the plan adopts nothing
	} {
		if _, err := b.engine.SetSettings(t.Context(), command.SettingsPatch{Adoption: c.adoption}); !contract.HasID(err, c.id) {
			t.Errorf("%+v: %v", c.adoption, err)
		}
	}
}

func TestOneGroupIsAdopted(t *testing.T) {
	for _, name := range []string{"objectGUID", "DN", "id", "name", "name in AD"} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			one, two := b.tenant.put("one", "a"), b.tenant.put("two", "a")
			b.enable(t)
			wanted, left := b.stranger(one, "theirs"), b.stranger(two, "other")
			text := map[string]string{"objectGUID": strings.ToUpper(wanted.GUID.String()), "DN": strings.ToLower(wanted.DN), "id": one.String(), "name": " ONE", "name in AD": "Theirs"}[name]
			b.consent(t, command.Adoption{AdoptGroups: []string{text}})
			wantOutcomes(t, b, b.sync(t), "Adopt one Done", "Skip two Skipped")
			if left.ExtensionName != nil {
				t.Errorf("%+v", left)
			}
			b.consent(t, command.Adoption{AdoptGroups: []string{text}}) // it is ours, so there is nothing to agree to
			if n := b.adoptPending(t); n != 0 {
				t.Error(n)
			}
			// A sync of the one group adopts as well.
			b.consent(t, command.Adoption{AdoptGroups: []string{two.String()}})
			result, err := b.engine.SyncGroup(t.Context(), command.GroupSyncRequest{Group: "two"}, nil)
			if err != nil || !directory.HasAdoptedStamp(left.ExtensionName, tenantID) {
				t.Errorf("%+v %v", result, err)
			}
		})
	}
}

func TestWhatCannotBeAdopted(t *testing.T) {
	b := newBench(t)
	one := b.tenant.put("one", "a")
	b.tenant.put("two", "a")
	b.tenant.put("twin", "a")
	b.tenant.groups[guid("group other twin")] = &fakeGroup{SourceGroup: directory.SourceGroup{ID: guid("group other twin"), Kind: directory.UnifiedGroup, Properties: directory.Values{"displayName": {"twin"}}}}
	claimed := b.tenant.put("claimed", "a")
	b.tenant.groups[claimed].OnPremisesSID = "S-1-5-21-1-2-3-5000"
	b.enable(t)
	first, second := b.stranger(one, "first"), b.stranger(one, "second")
	was := &directory.TargetGroup{GUID: guid("was"), CN: "Was", DN: "CN=Was,OU=Old,DC=contoso,DC=test", SID: "S-1-5-21-1-2-3-5000", AdminDesc: directory.Mark(guid("x"))}
	b.directory.objects[was.GUID] = was
	b.stranger(guid("y"), "out of scope")
	for _, c := range []struct{ text, id, says string }{
		{"", "InvalidParameter", ""},
		{"nobody", "GroupNotFound", ""},
		{"out of scope", "GroupNotFound", ""},
		{"one", "GroupAmbiguous", first.GUID.String()},
		{"twin", "GroupAmbiguous", guid("group other twin").String()},
		{"two", "NotAdoptable", "The next run creates one"},
		{"claimed", "NotAdoptable", "mark of the cloud group"},
		{was.GUID.String(), "NotAdoptable", "mark of the cloud group"},
	} {
		_, err := b.engine.SetSettings(t.Context(), command.SettingsPatch{Adoption: command.Adoption{AdoptGroups: []string{c.text}}})
		if !contract.HasID(err, c.id) || !strings.Contains(err.Error()+contract.AsError(err).Message, c.says) {
			t.Errorf("%q: %v", c.text, err)
		}
	}
	if n := b.adoptPending(t); n != 0 {
		t.Error(n)
	}
	// An administrator can say which of the two it is.
	b.consent(t, command.Adoption{Adopt: &yes, AdoptGroups: []string{second.GUID.String()}})
	b.sync(t)
	if first.ExtensionName != nil || !directory.HasStamp(second.ExtensionName, tenantID) {
		t.Errorf("%+v %+v", first, second)
	}
}

// Removals by an adoption count at any size of the group, and a consent to adopt outlives
// a run that did not get to it.
func TestAnAdoptionMayNotEmptyASmallGroup(t *testing.T) {
	b := newBench(t)
	b.tenant.put("large", names("user", 400)...)
	id := b.tenant.put("small", "a")
	g := b.stranger(id, "small", "a", "x", "y")
	request := command.EnableRequest{Choices: command.Choices{TargetContainer: containerDN}, Adoption: command.Adoption{Adopt: &yes}}
	if _, err := b.engine.Enable(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	run := b.sync(t)
	if len(g.Members) != 3 || b.adoptPending(t) > 1 {
		t.Errorf("%+v %+v", run, g)
	}
	run, err := b.engine.Sync(t.Context(), command.SyncRequest{AllowOnce: run.PlanID}, nil)
	if err != nil || run.Status != contract.RunComplete || len(g.Members) != 1 || b.adoptPending(t) != 0 {
		t.Errorf("%+v %v %+v", run, err, g)
	}
}

func TestAGroupIsLetGoOf(t *testing.T) {
	for _, name := range []string{"objectGUID", "DN", "id", "name"} {
		t.Run(name, func(t *testing.T) {
			b := ready(t, map[string][]string{"one": {"a"}, "two": {"a"}})
			g := b.object("one")
			g.ExtensionName = append(g.ExtensionName, "somebody else's")
			b.release(t, map[string]string{"objectGUID": g.GUID.String(), "DN": strings.ToLower(g.DN), "id": guid("group one").String(), "name": "ONE"}[name])
			run := b.delta(t)
			wantOutcomes(t, b, run, "Update one Done")
			if diff := cmp.Diff([]string{"somebody else's"}, g.ExtensionName); diff != "" || g.AdminDesc != directory.Mark(guid("group one")) || run.LinkedGroups != 1 {
				t.Errorf("%+v %s", run, diff)
			}
			b.tenant.put("one", "b", "c")
			b.tenant.groups[guid("group one")].says("displayName", "one anew")
			wantOutcomes(t, b, b.delta(t), "Skip one anew Skipped")
			initial := func() contract.Run {
				t.Helper()
				run, err := b.engine.Sync(t.Context(), command.SyncRequest{PolicyType: contract.Initial}, nil)
				if err != nil {
					t.Fatal(err)
				}
				return run
			}
			wantSkippedStill(t, b, initial(), "one anew")
			b.consent(t, command.Adoption{Adopt: &yes}) // does not name it
			wantSkippedStill(t, b, initial(), "one anew")
			b.loseState(t)
			wantOutcomes(t, b, initial(), "Skip one anew Skipped")
			if _, err := b.engine.SyncGroup(t.Context(), command.GroupSyncRequest{Group: guid("group one").String()}, nil); err != nil {
				t.Error(err)
			}
			if !has(g, account("a").GUID) || len(g.Members) != 1 || len(b.directory.objects) != 2 {
				t.Errorf("%+v %v", g, b.holds())
			}
			b.consent(t, command.Adoption{AdoptGroups: []string{guid("group one").String()}})
			b.withoutLimits(t)
			b.sync(t)
			if !directory.HasAdoptedStamp(g.ExtensionName, tenantID) || len(g.Members) != 2 || len(b.directory.objects) != 2 {
				t.Errorf("%+v %v", g, b.holds())
			}
		})
	}
}

// If releasing a group fails half-way, the next run finishes it. Nothing else happens to
// the group in the meantime.
func TestLettingGoIsFinishedLater(t *testing.T) {
	b := ready(t, map[string][]string{"one": {"a"}})
	g := b.object("one")
	b.release(t, "one")
	b.tenant.put("one", "b")
	b.directory.fail = func(operation string) error {
		if operation == "modify" {
			return &contract.Error{Category: contract.PermissionDenied, ID: "AccessDenied", Message: "no"}
		}
		return nil
	}
	if run := b.sync(t); run.Failed != 1 || run.LinkedGroups != 1 || !has(g, account("a").GUID) {
		t.Errorf("%+v %+v", run, g)
	}
	b.directory.fail = nil
	wantOutcomes(t, b, b.delta(t), "Update one Done")
	if directory.HasStamp(g.ExtensionName, tenantID) || !has(g, account("a").GUID) {
		t.Errorf("%+v", g)
	}

	// A released group that is deleted by hand is not created either, until somebody asks
	// for it.
	b.directory.remove(g.GUID)
	wantOutcomes(t, b, b.delta(t))
	if run, err := b.engine.Sync(t.Context(), command.SyncRequest{PolicyType: contract.Initial}, nil); err != nil || len(b.directory.objects) != 0 {
		t.Errorf("%+v %v", run, err)
	}
	b.consent(t, command.Adoption{AdoptGroups: []string{"one"}})
	b.sync(t)
	if len(b.directory.objects) != 1 {
		t.Error(b.holds())
	}
}

// Disable leaves released groups, in whatever order the two come.
func TestDisableLeavesWhatWasLetGoOf(t *testing.T) {
	for _, first := range []string{"release", "disable"} {
		t.Run(first, func(t *testing.T) {
			b := ready(t, map[string][]string{"one": {"a"}, "two": {"a"}})
			if first == "release" {
				b.release(t, "one")
			}
			if _, err := b.engine.Disable(t.Context(), command.DisableRequest{IncludeAdopted: true}); err != nil {
				t.Fatal(err)
			}
			if first == "disable" {
				b.release(t, "one")
			}
			wantOutcomes(t, b, b.sync(t), "Delete two Done")
			if b.object("one") == nil {
				t.Error(b.holds())
			}
			if o, err := b.engine.Overview(t.Context()); err != nil || o.Status != command.StatusDisabled {
				t.Errorf("%+v %v", o, err)
			}
		})
	}
}

// A group that was deleted from the tenant after its release stays in AD.
func TestWhatWasLetGoOfIsNotDeletedWithItsGroup(t *testing.T) {
	b := ready(t, map[string][]string{"one": {"a"}, "two": {"a"}})
	b.release(t, "one")
	delete(b.tenant.groups, guid("group one"))
	b.tenant.deleted[guid("group one")] = directory.PresenceHardDeleted
	run := b.delta(t)
	if g := b.object("one"); g == nil || directory.HasStamp(g.ExtensionName, tenantID) || run.Planned.Delete != 0 {
		t.Errorf("%+v %v", run, b.holds())
	}
}

// An earlier release kept a standing consent in the settings.
func TestAStandingConsentOfAnOlderReleaseCoversNothing(t *testing.T) {
	b := newBench(t)
	id := b.tenant.put("one", "a")
	b.enable(t)
	g := b.stranger(id, "theirs")
	file := filepath.Join(b.folder, "settings.json")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), "{", "{\n  \"adopt\": true,", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	wantOutcomes(t, b, b.sync(t), "Skip one Skipped")
	if g.ExtensionName != nil {
		t.Errorf("%+v", g)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), "{", "{\n  \"adopt\": true,", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	result, err := b.engine.Enable(t.Context(), command.EnableRequest{Adoption: command.Adoption{AdoptGroups: []string{"one"}}, WhatIf: true})
	if err != nil || !strings.Contains(strings.Join(result.Warnings, " "), "-Adopt covers only the groups that exist now") {
		t.Errorf("%+v %v", result, err)
	}
}

// Adopted objects keep their owner, so a lost state does not recognise them by the stamp.
// They are reported as adopted before, and one consent covers the list.
func TestWhatWasAdoptedBeforeTheStateWasLost(t *testing.T) {
	b := newBench(t)
	objects := map[string]*directory.TargetGroup{}
	for _, name := range []string{"one", "two"} {
		objects[name] = b.stranger(b.tenant.put(name, "a"), name)
		b.directory.owners[objects[name].GUID] = attacker
	}
	if _, err := b.engine.Enable(t.Context(), command.EnableRequest{Choices: command.Choices{TargetContainer: containerDN}, Adoption: command.Adoption{Adopt: &yes}}); err != nil {
		t.Fatal(err)
	}
	b.sync(t)
	objects["two"].DN = "CN=two,OU=Moved,DC=contoso,DC=test" // moved by hand, and found by its stamp
	b.sync(t)
	b.loseState(t)
	run := b.initial(t)
	wantOutcomes(t, b, run, "Skip one Skipped", "Skip two Skipped")
	if said := b.reasons(t, run)[plan.ReasonAdoptedBefore]; !strings.Contains(said, "adopted before") || run.LinkedGroups != 0 {
		t.Errorf("%+v %q", run, said)
	}
	b.consent(t, command.Adoption{Adopt: &yes})
	if run := b.sync(t); run.Exported.Adopt != 2 || run.LinkedGroups != 2 || len(b.directory.objects) != 2 {
		t.Errorf("%+v %v", run, b.outcomes(t, run))
	}
	b.tenant.put("one", "b")
	if b.sync(t); !has(objects["one"], account("b").GUID) {
		t.Errorf("%+v", objects["one"])
	}
}
