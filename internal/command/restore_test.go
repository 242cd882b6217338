package command_test

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"groupwriteback/internal/command"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
	"groupwriteback/internal/run"
)

func (b *bench) restore(t *testing.T, request run.RestoreRequest) command.RestoreResult {
	t.Helper()
	result, err := b.engine.Restore(t.Context(), command.RestoreRequest{RestoreRequest: request})
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// heldAfterRestore returns the names of the groups that are on hold.
func (b *bench) heldAfterRestore(t *testing.T) (names []string) {
	t.Helper()
	state, err := b.engine.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	holds, err := state.Holds(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range holds {
		for name, object := range b.holdsByID() {
			if object == h.GroupID && h.Reason == directory.HoldRestored && strings.HasPrefix(h.Comment, "Restored by run ") && h.Account == me.Account {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names
}

func (b *bench) holdsByID() map[string]directory.GUID {
	ids := map[string]directory.GUID{}
	for name := range b.holds() {
		ids[name] = guid("group " + name)
	}
	return ids
}

// deleted returns a bench in which a run has deleted the groups, as they were, and that run.
func deleted(t *testing.T, groups map[string][]string, names ...string) (*bench, map[string]directory.TargetGroup, contract.Run) {
	t.Helper()
	b := settled(t, groups)
	b.withoutLimits(t)
	before := map[string]directory.TargetGroup{}
	for i, name := range names {
		b.object(name).SID = directory.SID(fmt.Sprintf("S-1-5-21-1-2-3-%d", 5000+i))
	}
	b.delta(t)
	for _, name := range names {
		before[name] = *b.object(name)
		b.tenant.remove(name, directory.PresenceHardDeleted)
	}
	of := b.delta(t)
	if of.Exported.Delete != len(names) || of.UndoFile == "" {
		t.Fatalf("%+v", of)
	}
	return b, before, of
}

// 200 groups are deleted and restored in each way. What the directory keeps is as before,
// and if the tenant has them again, the next sync changes nothing.
func TestDeletedGroupsComeBack(t *testing.T) {
	groups, names := map[string][]string{"other": {"a"}}, []string{}
	for i := range 200 {
		name := fmt.Sprintf("group %03d", i)
		groups[name], names = []string{"a", fmt.Sprint("user ", i)}, append(names, name)
	}
	for way, arrange := range map[run.Way]func(*fakeDirectory){
		run.WayRecycleBin: func(d *fakeDirectory) { d.bin = true },
		run.WayTombstone:  func(*fakeDirectory) {},
		run.WayNewObject:  func(d *fakeDirectory) { d.recycled = true },
	} {
		t.Run(string(way), func(t *testing.T) {
			b, before, of := deleted(t, groups, names...)
			arrange(b.directory)
			for _, name := range names {
				b.tenant.put(name, groups[name]...)
			}
			preview := b.restore(t, run.RestoreRequest{RunID: of.ID, WhatIf: true})
			if len(preview.Groups) != 200 || preview.Run.Kind != contract.PreviewRun || preview.Run.Planned.Create != 200 || len(b.directory.objects) != 1 || len(b.heldAfterRestore(t)) > 0 {
				t.Fatalf("%+v", preview.Run)
			}
			result := b.restore(t, run.RestoreRequest{RunID: of.ID})
			if result.Run.Kind != contract.RestoreRun || result.Run.Status != contract.RunComplete || result.Run.Exported.Create != 200 || result.Run.LinkedGroups != 201 {
				t.Fatalf("%+v", result.Run)
			}
			for i, r := range result.Groups {
				was := preview.Groups[i]
				if r.Way != way || was.Way != way || r.Outcome != contract.OutcomeDone || was.Outcome != contract.OutcomePending || r.Held || r.DN != was.DN || !slices.Equal(r.Lost, was.Lost) {
					t.Fatalf("%+v\n%+v", r, was)
				}
				now, old := b.object(r.DisplayName), before[r.DisplayName]
				lost := map[run.Way]string{run.WayTombstone: "memberOf info", run.WayNewObject: "objectGUID objectSid nTSecurityDescriptor owner memberOf info"}[way]
				if strings.Join(r.Lost, " ") != lost || r.TargetGUID != now.GUID || r.ID != guid("group "+r.DisplayName) {
					t.Errorf("%+v", r)
				}
				slices.SortFunc(now.Members, func(a, b directory.MemberRef) int { return a.GUID.Compare(b.GUID) })
				slices.SortFunc(old.Members, func(a, b directory.MemberRef) int { return a.GUID.Compare(b.GUID) })
				if way == run.WayNewObject {
					old.GUID, old.SID = now.GUID, now.SID
				}
				if diff := cmp.Diff(old, *now, cmpopts.IgnoreFields(directory.TargetGroup{}, "USNChanged")); diff != "" {
					t.Fatal(diff)
				}
			}
			if held := b.heldAfterRestore(t); len(held) > 0 {
				t.Errorf("%d are on hold: %v", len(held), held[0])
			}
			if next := b.delta(t); next.Planned != (plan.Totals{}) {
				t.Errorf("the next sync plans %+v: %v", next.Planned, b.outcomes(t, next))
			}
			b.pass(8 * 24 * 60 * 60 * 1e9)
			if next := b.sync(t); next.PolicyType != contract.Initial || next.Planned != (plan.Totals{}) {
				t.Errorf("the next full import plans %+v", next.Planned)
			}
		})
	}
}

// What the tenant does not have, or has with other members, is on hold, so that no sync
// undoes the restore.
func TestWhatDiffersFromTheTenantIsOnHold(t *testing.T) {
	b, _, of := deleted(t, map[string][]string{"gone": {"a"}, "fewer": {"a", "b"}, "same": {"a"}, "other": {"c"}}, "gone", "fewer", "same")
	b.tenant.put("fewer", "a")
	b.tenant.put("same", "a")
	result := b.restore(t, run.RestoreRequest{RunID: of.ID})
	for _, r := range result.Groups {
		if r.Outcome != contract.OutcomeDone || r.Held != (r.DisplayName != "same") {
			t.Errorf("%+v", r)
		}
	}
	if diff := cmp.Diff([]string{"fewer", "gone"}, b.heldAfterRestore(t)); diff != "" {
		t.Error(diff)
	}
	want := map[string][]string{"gone": {"a"}, "fewer": {"a", "b"}, "same": {"a"}, "other": {"c"}}
	for range 2 {
		if next := b.sync(t); next.Status != contract.RunComplete || next.Exported.Delete+next.Exported.MembersRemoved > 0 {
			t.Errorf("%+v %v", next, b.outcomes(t, next))
		}
		if diff := cmp.Diff(want, b.holds()); diff != "" {
			t.Error(diff)
		}
	}
}

// Without a tenant nothing can be compared, and everything is on hold.
func TestWithoutATenantEverythingIsOnHold(t *testing.T) {
	for name, hinder := range map[string]func(*bench){
		"no tenant": func(b *bench) {
			if err := b.engine.Disconnect(); err != nil {
				t.Fatal(err)
			}
			if _, err := b.engine.Connect(t.Context(), nil, &contract.TargetConfig{}); err != nil {
				t.Fatal(err)
			}
		},
		"no answer": func(b *bench) {
			b.tenant.fail = func(string) error {
				return &contract.Error{Category: contract.InvalidData, ID: "GraphError", Message: "no"}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			b, _, of := deleted(t, map[string][]string{"one": {"a"}, "other": {"c"}}, "one")
			b.tenant.put("one", "a")
			hinder(b)
			if r := b.restore(t, run.RestoreRequest{RunID: of.ID}).Groups[0]; r.Outcome != contract.OutcomeDone || !r.Held {
				t.Errorf("%+v", r)
			}
			if diff := cmp.Diff([]string{"one"}, b.heldAfterRestore(t)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Members that a run removed are added again, by the name of the group, and a group that
// has them all is left alone.
func TestRemovedMembersComeBack(t *testing.T) {
	b := settled(t, map[string][]string{"one": {"a", "b", "c"}, "two": {"a", "b", "c"}, "three": {"a"}})
	b.withoutLimits(t)
	b.tenant.put("one", "a")
	b.tenant.put("two", "c")
	of := b.delta(t)
	b.tenant.put("three", "b") // a later run, with another file
	b.delta(t)
	result := b.restore(t, run.RestoreRequest{Groups: []string{"ONE"}})
	if r := result.Groups; len(r) != 1 || r[0].Way != run.WayMembers || r[0].Members != 2 || r[0].Outcome != contract.OutcomeDone || !r[0].Held || r[0].Path != of.UndoFile {
		t.Errorf("%+v", r)
	}
	if result.Run.Exported != (plan.Totals{UpdateMembers: 1, MembersAdded: 2}) {
		t.Errorf("%+v", result.Run)
	}
	for range 2 {
		if diff := cmp.Diff(map[string][]string{"one": {"a", "b", "c"}, "two": {"c"}, "three": {"b"}}, b.holds()); diff != "" {
			t.Error(diff)
		}
		b.delta(t)
	}
	again := b.restore(t, run.RestoreRequest{RunID: of.ID, Groups: []string{"one", b.object("two").DN}})
	if r := again.Groups; len(r) != 2 || r[0].Way != run.WayNone || r[0].Outcome != contract.OutcomeDone || r[1].Way != run.WayMembers || r[1].Members != 2 {
		t.Errorf("%+v", r)
	}
}

// A group that was a member of another deleted group is one again, even as a new object.
func TestNestedGroupsComeBack(t *testing.T) {
	b := newBench(t)
	b.tenant.put("inner", "a")
	b.tenant.put("outer", "b")
	outer := b.tenant.groups[guid("group outer")]
	outer.members = append(outer.members, directory.SourceMember{ID: guid("group inner"), Kind: directory.KindGroup, Name: "inner", Readable: true})
	b.tenant.put("other", "c")
	b.enable(t)
	b.sync(t)
	b.settle(t)
	b.withoutLimits(t)
	if !has(b.object("outer"), b.object("inner").GUID) {
		t.Fatal("the group is not nested")
	}
	b.tenant.remove("outer", directory.PresenceHardDeleted)
	b.tenant.remove("inner", directory.PresenceHardDeleted)
	of := b.delta(t)
	b.directory.recycled = true
	result := b.restore(t, run.RestoreRequest{RunID: of.ID})
	if result.Run.Exported.Create != 2 || !has(b.object("outer"), b.object("inner").GUID) {
		t.Errorf("%+v %+v", result, b.holds())
	}
}

// Each of these is refused with its id, and nothing is changed.
func TestWhatIsNotRestored(t *testing.T) {
	edit := func(t *testing.T, path string, old, text string) {
		t.Helper()
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if edited := strings.ReplaceAll(string(content), old, text); edited == string(content) {
			t.Fatalf("%s is not in %s", old, content)
		} else if err := os.WriteFile(path, []byte(edited), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		id      string
		whole   bool // the request is refused
		arrange func(*testing.T, *bench, *contract.Run, *run.RestoreRequest)
	}{
		"unknown run": {"RunNotFound", true, func(_ *testing.T, _ *bench, _ *contract.Run, r *run.RestoreRequest) { r.RunID = 99 }},
		"another run": {"NothingToRestore", true, func(_ *testing.T, _ *bench, _ *contract.Run, r *run.RestoreRequest) { r.RunID = 1 }},
		"unknown group": {"GroupNotFound", true, func(_ *testing.T, _ *bench, _ *contract.Run, r *run.RestoreRequest) {
			*r = run.RestoreRequest{Groups: []string{"nobody"}}
		}},
		"not in the file": {"GroupNotFound", true, func(_ *testing.T, _ *bench, _ *contract.Run, r *run.RestoreRequest) { r.Groups = []string{"other"} }},
		"nothing named":   {"InvalidParameter", true, func(_ *testing.T, _ *bench, _ *contract.Run, r *run.RestoreRequest) { *r = run.RestoreRequest{} }},
		"run and file":    {"InvalidParameter", true, func(_ *testing.T, _ *bench, _ *contract.Run, r *run.RestoreRequest) { r.Path = "x" }},
		"no file": {"UndoFileUnreadable", true, func(_ *testing.T, b *bench, _ *contract.Run, r *run.RestoreRequest) {
			*r = run.RestoreRequest{Path: b.folder + "/none"}
		}},
		"a folder": {"UndoFileUnreadable", true, func(_ *testing.T, b *bench, _ *contract.Run, r *run.RestoreRequest) {
			*r = run.RestoreRequest{Path: b.folder}
		}},
		"edited": {"UndoFileChanged", true, func(t *testing.T, _ *bench, of *contract.Run, _ *run.RestoreRequest) {
			edit(t, of.UndoFile, "cn: ", "cn: x")
		}},
		"a foreign file": {"UndoFileChanged", true, func(t *testing.T, b *bench, _ *contract.Run, r *run.RestoreRequest) {
			*r = run.RestoreRequest{Path: b.folder + "/foreign.ldif"}
			if err := os.WriteFile(r.Path, []byte("dn: CN=a,DC=b\nundoAction: Delete\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}},
		"a file that is none": {"UndoFileInvalid", true, func(t *testing.T, b *bench, _ *contract.Run, r *run.RestoreRequest) {
			*r = run.RestoreRequest{Path: b.folder + "/foreign.ldif", Force: true}
			if err := os.WriteFile(r.Path, []byte("dn: CN=a,DC=b\ncn: a\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}},
		"fewer objectGUIDs": {"UndoFileInvalid", true, func(t *testing.T, _ *bench, of *contract.Run, r *run.RestoreRequest) {
			edit(t, of.UndoFile, "member: CN=a", "member: CN=x\nmember: CN=a")
			r.Force = true
		}},
		"not visible": {"DeletedNotVisible", true, func(_ *testing.T, b *bench, _ *contract.Run, _ *run.RestoreRequest) { b.directory.blind = true }},
		"protected": {"ObjectProtected", false, func(t *testing.T, _ *bench, of *contract.Run, r *run.RestoreRequest) {
			edit(t, of.UndoFile, "info: kept", "adminCount: 1")
			r.Force = true
		}},
		"another mark": {"NotOurs", false, func(t *testing.T, _ *bench, of *contract.Run, r *run.RestoreRequest) {
			edit(t, of.UndoFile, "adminDescription: Group_", "adminDescription: Group-")
			edit(t, of.UndoFile, "msDS-ExternalDirectoryObjectId: Group_", "msDS-ExternalDirectoryObjectId: Group-")
			r.Force = true
		}},
		"another object": {"NotOurs", false, func(_ *testing.T, b *bench, _ *contract.Run, _ *run.RestoreRequest) {
			for _, g := range b.directory.grave {
				g.SID = "S-1-5-21-1-2-3-9999"
			}
		}},
		"the name is taken": {"NameClash", false, func(_ *testing.T, b *bench, _ *contract.Run, _ *run.RestoreRequest) {
			b.directory.objects[guid("thief")] = &directory.TargetGroup{GUID: guid("thief"), CN: "thief", DN: "CN=thief," + containerDN, SAMAccountName: directory.Mark(guid("group one"))}
		}},
		"no container": {"ContainerNotFound", false, func(t *testing.T, b *bench, of *contract.Run, r *run.RestoreRequest) {
			b.directory.grave = map[directory.GUID]*directory.TargetGroup{}
			edit(t, of.UndoFile, ",OU=Groups,", ",OU=Gone,")
			r.Force = true
		}},
		"a protected container": {"ContainerProtected", false, func(_ *testing.T, b *bench, _ *contract.Run, _ *run.RestoreRequest) { b.directory.critical = true }},
		"replaced": {"GroupHasObject", false, func(t *testing.T, b *bench, _ *contract.Run, _ *run.RestoreRequest) {
			b.tenant.put("one", "a")
			b.delta(t)
		}},
		"only marked": {"NotOurs", false, func(_ *testing.T, b *bench, _ *contract.Run, _ *run.RestoreRequest) {
			for id, g := range b.directory.grave {
				marked := *g
				marked.ExtensionName = nil
				b.directory.objects[id] = &marked
			}
		}},
		"no SID in the file": {"NotOurs", false, func(t *testing.T, _ *bench, of *contract.Run, r *run.RestoreRequest) {
			edit(t, of.UndoFile, "objectSid:", "noSid:")
			r.Force = true
		}},
		"taken over": {"MarkRemoved", false, func(_ *testing.T, b *bench, _ *contract.Run, _ *run.RestoreRequest) {
			for id, g := range b.directory.grave {
				taken := *g
				taken.AdminDesc, taken.ExternalID = "mine", ""
				b.directory.objects[id] = &taken
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			b, _, of := deleted(t, map[string][]string{"one": {"a"}, "other": {"c"}}, "one")
			request := run.RestoreRequest{RunID: of.ID}
			c.arrange(t, b, &of, &request)
			before := b.holds()
			b.forget()
			result, err := b.engine.Restore(t.Context(), command.RestoreRequest{RestoreRequest: request})
			switch {
			case c.whole:
				if !contract.HasID(err, c.id) {
					t.Errorf("%v", err)
				}
			case err != nil || len(result.Groups) != 1 || result.Groups[0].ErrorID != c.id || result.Groups[0].Outcome != contract.OutcomeFailed || result.Groups[0].Message == "" ||
				result.Run.Status != contract.RunFailed || result.Run.Failed != 1:
				t.Errorf("%v %+v", err, result)
			}
			if diff := cmp.Diff(before, b.holds()); diff != "" || len(b.heldAfterRestore(t)) > 0 {
				t.Errorf("something was changed: %s", diff)
			}
			for _, operation := range b.directory.seen {
				if slices.Contains([]string{"create", "undelete", "modify", "changeMembers"}, operation) {
					t.Errorf("%s was tried", operation)
				}
			}
		})
	}
}

// With -Force an edited file is used, and only for what it may say.
func TestAnEditedFileIsUsedByForce(t *testing.T) {
	b, _, of := deleted(t, map[string][]string{"one": {"a"}, "other": {"c"}}, "one")
	content, err := os.ReadFile(of.UndoFile)
	if err != nil {
		t.Fatal(err)
	}
	copied := b.folder + "/copy.ldif"
	for path, text := range map[string]string{copied: string(content), of.UndoFile: string(content) + "# a note\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if r := b.restore(t, run.RestoreRequest{Path: copied, WhatIf: true}); r.Groups[0].Way != run.WayTombstone {
		t.Errorf("a copy: %+v", r)
	}
	if r := b.restore(t, run.RestoreRequest{RunID: of.ID, Force: true}); r.Groups[0].Outcome != contract.OutcomeDone {
		t.Errorf("%+v", r)
	}
}

// A value that the directory does not accept any more costs itself and not the group.
func TestAValueOutOfDateIsLost(t *testing.T) {
	b, _, of := deleted(t, map[string][]string{"one": {"a"}, "other": {"c"}}, "one")
	b.directory.stale = "displayName"
	r := b.restore(t, run.RestoreRequest{RunID: of.ID}).Groups[0]
	if r.Outcome != contract.OutcomeDone || !slices.Contains(r.Lost, "displayName") || b.object("one") == nil || b.object("one").DisplayName() != "" {
		t.Errorf("%+v", r)
	}
}

// A restore that is cut off leaves its groups on hold, and can be repeated.
func TestARestoreThatIsCutOff(t *testing.T) {
	b, before, of := deleted(t, map[string][]string{"one": {"a"}, "two": {"a"}, "other": {"c"}}, "one", "two")
	b.tenant.put("one", "a")
	b.tenant.put("two", "a")
	b.directory.fail = func(operation string) error {
		if operation == "changeMembers" {
			return &contract.Error{Category: contract.Connection, ID: "ServerUnreachable", Message: "gone"}
		}
		return nil
	}
	result := b.restore(t, run.RestoreRequest{RunID: of.ID})
	if result.Run.Status != contract.RunFailed || result.Run.StopReason != "ServerUnreachable" || len(b.heldAfterRestore(t)) != 2 {
		t.Errorf("%+v %v", result, b.heldAfterRestore(t))
	}
	b.directory.fail = nil
	if run := b.sync(t); run.Exported.Create+run.Exported.Delete+run.Exported.MembersAdded > 0 {
		t.Errorf("%+v", run)
	}
	again := b.restore(t, run.RestoreRequest{RunID: of.ID})
	for _, r := range again.Groups {
		if r.Way != run.WayMembers || r.Outcome != contract.OutcomeDone || b.object(r.DisplayName).GUID != before[r.DisplayName].GUID {
			t.Errorf("%+v", r)
		}
	}
	if diff := cmp.Diff(map[string][]string{"one": {"a"}, "two": {"a"}, "other": {"c"}}, b.holds()); diff != "" {
		t.Error(diff)
	}
}

// The audit says what was restored, before it is.
func TestRestoringIsAudited(t *testing.T) {
	b, _, of := deleted(t, map[string][]string{"one": {"a"}, "other": {"c"}}, "one")
	b.restore(t, run.RestoreRequest{RunID: of.ID, WhatIf: true})
	b.restore(t, run.RestoreRequest{RunID: of.ID})
	state, err := b.engine.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	entries, err := state.Audit(t.Context(), contract.AuditFilter{Events: []contract.AuditEvent{contract.AuditGroupsRestored}}, "", 10)
	if err != nil || len(entries) != 1 || entries[0].Object != fmt.Sprint("run ", of.ID) || len(entries[0].Changes) != 1 || !strings.HasPrefix(entries[0].Changes[0].New, "Tombstone: CN=") {
		t.Errorf("%+v %v", entries, err)
	}
}

// A domain controller that may not have received what was restored on another one would
// have the groups created a second time.
func TestWhatWasRestoredMustHaveBeenReceived(t *testing.T) {
	b, _, of := deleted(t, map[string][]string{"one": {"a"}, "other": {"c"}}, "one")
	b.tenant.put("one", "a")
	objects, usn := maps.Clone(b.directory.objects), b.directory.usn
	b.restore(t, run.RestoreRequest{RunID: of.ID})
	b.otherServer(objects, usn)
	if run := b.sync(t); run.Status != contract.RunStopped || run.StopReason != contract.StopTargetNotUpToDate || run.Exported.Create > 0 || !strings.Contains(run.Message, "restored groups on the domain controller dc1") {
		t.Errorf("%+v", run)
	}
}

// An object that an administrator brought back by hand is linked by a restore, and held, so
// that no later sync deletes it.
func TestWhatCameBackByHandIsHeld(t *testing.T) {
	b, before, of := deleted(t, map[string][]string{"one": {"a"}, "two": {"a"}, "other": {"c"}}, "one", "two")
	b.directory.bin = true
	byHand := before["one"]
	b.directory.objects[byHand.GUID] = &byHand
	b.directory.settle()
	b.sync(t)
	for range 2 {
		for _, r := range b.restore(t, run.RestoreRequest{RunID: of.ID}).Groups {
			if r.Outcome != contract.OutcomeDone || !r.Held || r.DisplayName == "one" && r.Way != run.WayNone {
				t.Errorf("%+v", r)
			}
		}
		for range 4 {
			b.sync(t)
			b.pass(time.Hour)
		}
		b.initial(t)
		if b.object("one") == nil || b.object("two") == nil {
			t.Fatal("a group was deleted after the restore")
		}
	}
}

// A group whose comparison failed is compared again when the restore is repeated.
func TestARepeatedRestoreComparesAgain(t *testing.T) {
	b, _, of := deleted(t, map[string][]string{"one": {"a"}, "two": {"a"}, "other": {"c"}}, "one", "two")
	b.directory.bin = true
	b.tenant.put("one", "a")
	b.tenant.fail = func(string) error {
		return &contract.Error{Category: contract.InvalidData, ID: "GraphError", Message: "no"}
	}
	b.restore(t, run.RestoreRequest{RunID: of.ID})
	b.tenant.fail = nil
	for _, r := range b.restore(t, run.RestoreRequest{RunID: of.ID}).Groups {
		if r.Way != run.WayNone || r.Held != (r.DisplayName == "two") {
			t.Errorf("%+v", r)
		}
	}
	if diff := cmp.Diff([]string{"two"}, b.heldAfterRestore(t)); diff != "" {
		t.Error(diff)
	}
}

// A group that an administrator has let go of is not taken back.
func TestAReleasedGroupIsNotRestored(t *testing.T) {
	b := settled(t, map[string][]string{"one": {"a", "b"}, "other": {"c"}})
	b.withoutLimits(t)
	b.tenant.put("one", "a")
	of := b.delta(t)
	b.release(t, "one")
	b.delta(t)
	if r := b.restore(t, run.RestoreRequest{RunID: of.ID}).Groups; len(r) != 1 || r[0].ErrorID != "NotOurs" {
		t.Errorf("%+v", r)
	}
	if diff := cmp.Diff(map[string][]string{"one": {"a"}, "other": {"c"}}, b.holds()); diff != "" {
		t.Error(diff)
	}
}

// A newer undo file that is missing or was edited does not keep a group of an older one from
// coming back, but is named if no other file has the group.
func TestAnUnreadableUndoFileBlocksNoOther(t *testing.T) {
	for id, spoil := range map[string]func(path string) error{
		"UndoFileUnreadable": os.Remove,
		"UndoFileChanged":    func(path string) error { return os.WriteFile(path, []byte("# nothing\n"), 0o600) },
	} {
		t.Run(id, func(t *testing.T) {
			b := settled(t, map[string][]string{"one": {"a", "b"}, "two": {"a", "b"}})
			b.withoutLimits(t)
			b.tenant.put("one", "a")
			b.delta(t)
			b.tenant.put("two", "a")
			if err := spoil(b.delta(t).UndoFile); err != nil {
				t.Fatal(err)
			}
			if r := b.restore(t, run.RestoreRequest{Groups: []string{"one"}}).Groups; len(r) != 1 || r[0].Way != run.WayMembers || r[0].Outcome != contract.OutcomeDone {
				t.Errorf("%+v", r)
			}
			_, err := b.engine.Restore(t.Context(), command.RestoreRequest{RestoreRequest: run.RestoreRequest{Groups: []string{"two"}}})
			if !contract.HasID(err, id) {
				t.Errorf("%v", err)
			}
		})
	}
}
