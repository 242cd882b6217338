package command_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"groupwriteback/internal/command"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/descriptor"
	"groupwriteback/internal/plan"
)

var me = contract.Caller{Account: `CONTOSO\admin`, AccountSID: "S-1-5-21-1-2-3-500", Computer: "sync01", Client: "test", From: "192.0.2.1"}

// told returns the entries of the audit after the first ones, oldest first, one text each.
func (b *bench) told(t *testing.T, skip int) []string {
	t.Helper()
	s, err := b.engine.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	entries, err := s.Audit(t.Context(), contract.AuditFilter{}, "", 1_000)
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(entries)
	var texts []string
	for _, e := range entries[min(skip, len(entries)):] {
		text := string(e.Event) + " " + e.Object
		for _, c := range e.Changes {
			text += fmt.Sprintf("; %s: %s -> %s", c.Name, c.Old, c.New)
		}
		if e.ErrorID != "" {
			text += "; " + e.ErrorID
		}
		texts = append(texts, text)
		if e.Caller != me || e.DirectoryAccount == "" || e.Time.IsZero() {
			t.Errorf("%+v", e)
		}
	}
	return texts
}

// Each change leaves an entry with the old and the new value, and so does each run.
func TestEachChangeIsInTheAudit(t *testing.T) {
	b := newBench(t)
	one := b.tenant.put("one", "a")
	b.directory.rights.list = descriptor.New()
	b.directory.schema = plan.Schema{"info": {Name: "info"}}
	for _, name := range plan.Standard.Attributes() {
		b.directory.schema[name] = plan.AttributeSchema{Name: name}
	}
	count := 0
	expect := func(want ...string) {
		t.Helper()
		got := b.told(t, count)
		count += len(got)
		if len(got) != len(want) {
			t.Fatalf("%d entries instead of %d: %s", len(got), len(want), strings.Join(got, "\n"))
		}
		for i := range want {
			if !strings.HasPrefix(got[i], want[i]) {
				t.Errorf("%s\ninstead of\n%s", got[i], want[i])
			}
		}
	}
	set := func(patch command.SettingsPatch) {
		t.Helper()
		if _, err := b.engine.SetSettings(t.Context(), patch); err != nil {
			t.Fatal(err)
		}
	}
	choices := command.Choices{TargetContainer: containerDN}
	if _, err := b.engine.Preview(t.Context(), command.PreviewRequest{Enable: &command.EnableRequest{Choices: choices}}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := b.engine.Enable(t.Context(), command.EnableRequest{Choices: choices, WhatIf: true}); err != nil {
		t.Fatal(err)
	}
	expect()
	b.enable(t)
	got := b.told(t, count)
	if len(got) != 1 || !strings.HasPrefix(got[0], "Enabled ; container.dn:  -> "+containerDN) || !strings.Contains(got[0], "; enabled: false -> true") {
		t.Fatalf("%v", got)
	}
	count += len(got)

	run := b.sync(t)
	expect("RunStarted "+containerDN+"; kind:  -> Sync", "RunEnded "+containerDN+"; kind:  -> Sync; status:  -> Complete; exported.create:  -> 1; exported.membersAdded:  -> 1")
	if _, err := b.engine.Preview(t.Context(), command.PreviewRequest{}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := b.engine.SyncGroup(t.Context(), command.GroupSyncRequest{Group: "one", WhatIf: true}, nil); err != nil {
		t.Fatal(err)
	}
	expect()
	if _, err := b.engine.SyncGroup(t.Context(), command.GroupSyncRequest{Group: "one"}, nil); err != nil {
		t.Fatal(err)
	}
	expect("RunStarted one; kind:  -> Group", fmt.Sprintf("RunEnded one (%s); kind:  -> Group; status:  -> Complete", one))

	days, filter := 7, "displayName -ne 'none'"
	set(command.SettingsPatch{RunHistoryDays: &days, WhatIf: true})
	set(command.SettingsPatch{RunHistoryDays: &run.SourceGroups, Choices: command.Choices{Filter: &filter}})
	expect("SettingsChanged ; runHistoryDays: 30 -> 1; scope.filter:  -> displayName -ne 'none'")
	set(command.SettingsPatch{RunHistoryDays: &run.SourceGroups})
	expect() // it is what it was
	set(command.SettingsPatch{RunHistoryDays: &days, Mapping: &command.MappingPatch{Set: []plan.Entry{{Attribute: "info", Expression: "[mail]"}}}})
	expect("SettingsChanged ; runHistoryDays: 1 -> 7", `MappingChanged ; info:  -> {"attribute":"info","expression":"[mail]"`)
	set(command.SettingsPatch{Mapping: &command.MappingPatch{Remove: []string{"info"}}})
	expect(`MappingChanged ; info: {"attribute":"info","expression":"[mail]"`)

	two := b.tenant.put("two", "a")
	stranger := b.stranger(two, "theirs")
	b.consent(t, command.Adoption{AdoptGroups: []string{"theirs"}})
	pair := fmt.Sprintf("%s (objectGUID %s) for the group %s", stranger.DN, stranger.GUID, two)
	expect("ConsentGiven ; adopt:  -> " + pair)
	b.consent(t, command.Adoption{Adopt: &no})
	expect("ConsentWithdrawn ; adopt: " + pair + " -> ")
	b.release(t, "one")
	expect(fmt.Sprintf(`SettingsChanged ; releasedGroups:  -> {"id":"%s"`, one))

	request := command.PermissionRequest{TargetContainer: containerDN, WhatIf: true}
	if _, err := b.engine.Grant(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	expect()
	request.WhatIf = false
	granted, err := b.engine.Grant(t.Context(), request)
	if err != nil || len(granted.Containers[0].Warnings) > 0 {
		t.Fatalf("%+v %v", granted, err)
	}
	expect("RightsGranted " + containerDN + "; svc:  -> (")
	if _, err := b.engine.Grant(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	expect() // everything is there
	if _, err := b.engine.Revoke(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	expect("RightsRevoked " + containerDN + "; svc: (")

	if _, err := b.engine.Disable(t.Context(), command.DisableRequest{WhatIf: true}); err != nil {
		t.Fatal(err)
	}
	expect()
	if _, err := b.engine.Disable(t.Context(), command.DisableRequest{}); err != nil {
		t.Fatal(err)
	}
	expect("Disabled ; enabled: true -> false")
	if _, err := b.engine.Sync(t.Context(), command.SyncRequest{}, nil); !contract.HasID(err, "NotEnabled") {
		t.Errorf("%v", err)
	}
	expect() // a run that may not begin is none
}

func TestAConsentToAPlanIsInTheAudit(t *testing.T) {
	b := manyGroups(t)
	for i := range 10 {
		b.purge(fmt.Sprint("group ", i))
	}
	held := b.sync(t)
	before := len(b.told(t, 0))
	b.agree(t, held)
	got := b.told(t, before)
	if len(got) != 3 || got[0] != fmt.Sprintf("ConsentGiven plan %s; held.delete:  -> %d", held.PlanID, held.Held.Delete) ||
		!strings.HasPrefix(got[1], "RunStarted ") || !strings.Contains(got[2], fmt.Sprintf("exported.delete:  -> %d", held.Held.Delete)) {
		t.Errorf("%v", got)
	}
	if _, err := b.engine.Sync(t.Context(), command.SyncRequest{AllowOnce: "none"}, nil); !contract.HasID(err, "PlanNotFound") {
		t.Errorf("%v", err)
	}
	if got := b.told(t, before+3); len(got) != 2 || !strings.HasSuffix(got[1], "; PlanNotFound") {
		t.Errorf("%v", got)
	}
}

// fullDisk is a state whose audit takes no more entries.
type fullDisk struct{ contract.State }

func (fullDisk) AppendAudit(context.Context, ...contract.AuditEntry) error {
	return &contract.Error{Category: contract.InvalidState, ID: "AuditNotWritten", Message: "full"}
}

// What cannot be recorded is not changed. A run goes on, but uses no consent.
func TestWhatCannotBeRecordedIsNotDone(t *testing.T) {
	b := manyGroups(t)
	b.directory.rights.list = descriptor.New()
	for i := range 10 {
		b.purge(fmt.Sprint("group ", i))
	}
	held := b.sync(t)
	b.wrap = func(s contract.State) contract.State { return fullDisk{s} }
	b.start(t)
	days := 7
	_, setting := b.engine.SetSettings(t.Context(), command.SettingsPatch{RunHistoryDays: &days})
	_, enabling := b.engine.Enable(t.Context(), command.EnableRequest{Choices: command.Choices{TargetContainer: containerDN}})
	_, disabling := b.engine.Disable(t.Context(), command.DisableRequest{})
	_, granting := b.engine.Grant(t.Context(), command.PermissionRequest{TargetContainer: containerDN})
	_, agreeing := b.engine.Sync(t.Context(), command.SyncRequest{AllowOnce: held.PlanID}, nil)
	for _, err := range []error{setting, enabling, disabling, granting, agreeing} {
		if !contract.HasID(err, "AuditNotWritten") {
			t.Errorf("%v", err)
		}
	}
	settings, err := b.engine.Settings(t.Context())
	if err != nil || settings.RunHistoryDays == days || !settings.Enabled || b.directory.rights.setLists != 0 || b.object("group 1") == nil {
		t.Errorf("something was changed: %+v %v", settings, err)
	}
	if run := b.sync(t); run.Status != contract.RunPartial { // for what is held back
		t.Errorf("%+v", run)
	}
}

// A change that fails leaves a second entry with the error.
func TestAChangeThatFailsIsInTheAudit(t *testing.T) {
	b := settled(t, map[string][]string{"one": {"a"}})
	b.directory.rights.list = descriptor.New()
	before := len(b.told(t, 0))
	b.directory.fail = func(operation string) error {
		if operation == "setAccessList" {
			return &contract.Error{Category: contract.PermissionDenied, ID: "AccessDenied", Message: "no"}
		}
		return nil
	}
	if _, err := b.engine.Grant(t.Context(), command.PermissionRequest{}); !contract.HasID(err, "AccessDenied") {
		t.Fatalf("%v", err)
	}
	got := b.told(t, before)
	if len(got) != 2 || !strings.HasPrefix(got[0], "RightsGranted "+containerDN+"; svc: ") || got[1] != "RightsGranted "+containerDN+"; AccessDenied" {
		t.Errorf("%v", got)
	}
}

// Rights can be granted before there is a state, whose folder must belong to the service
// account: none is made, and the answer says that there is no audit.
func TestBeforeThereIsAState(t *testing.T) {
	b := newBench(t)
	b.directory.rights.list = descriptor.New()
	b.folder = filepath.Join(b.folder, "none")
	b.absent = true
	b.start(t)
	r, err := b.engine.Grant(t.Context(), command.PermissionRequest{TargetContainer: containerDN})
	if err != nil || b.directory.rights.setLists != 1 || len(r.Containers[0].Warnings) != 1 || !strings.Contains(r.Containers[0].Warnings[0], b.folder) {
		t.Errorf("%+v %v", r, err)
	}
	if _, err := os.Stat(b.folder); !os.IsNotExist(err) {
		t.Errorf("%v", err)
	}
	if got := b.told(t, 0); got != nil {
		t.Errorf("%v", got)
	}
}

// No secret of a sign-in is in the audit.
func TestNoSecretIsInTheAudit(t *testing.T) {
	const password = "Pa55-w0rd-of-somebody"
	b := settled(t, map[string][]string{"one": {"a"}})
	b.directory.rights.list = descriptor.New()
	sign := &contract.TargetConfig{Server: "dc", User: "CONTOSO\\admin", Password: contract.NewSecret(password)}
	if _, err := b.engine.Connect(t.Context(), &contract.SourceConfig{Secret: contract.NewSecret(password)}, sign); err != nil {
		t.Fatal(err)
	}
	if _, err := b.engine.Grant(t.Context(), command.PermissionRequest{Target: sign}); err != nil {
		t.Fatal(err)
	}
	b.sync(t)
	files, err := filepath.Glob(filepath.Join(b.folder, "audit", "*.jsonl"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), password) || !strings.Contains(string(text), "RightsGranted") {
			t.Errorf("%s", text)
		}
	}
}
