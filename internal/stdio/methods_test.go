package stdio

import (
	"context"
	"encoding/json"
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/internal/command"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

func methodNames() []string {
	s := &session{}
	var names []string
	for name := range s.methods() {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func TestInitialize(t *testing.T) {
	p := startSession(t, &fakeEngine{})
	for _, name := range methodNames() {
		if name != "session.initialize" {
			p.call(1, name, nil)
			p.wantError("1", -32005, "NotInitialized")
		}
	}
	p.call(2, "session.initialize", nil)
	p.wantError("2", -32005, "ProtocolMismatch")
	p.call(3, "session.initialize", map[string]any{"protocol": 2})
	p.wantError("3", -32005, "ProtocolMismatch")
	p.call(4, "session.initialize", map[string]any{"protocol": 1, "client": "test", "statePath": "", "serviceAccount": nil})
	want := `{"protocol":1,"engineVersion":"v1.2.3","statePath":"/state","platform":"` + runtime.GOOS + "/" + runtime.GOARCH + `","logPath":"/state/log/engine.log"}`
	if got := string(p.wantResult("4")); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	p.call(5, "session.initialize", map[string]any{"protocol": 1})
	p.wantError("5", -32005, "AlreadyInitialized")
}

func TestEveryMethodIsStrict(t *testing.T) {
	p := startInitialized(t, &fakeEngine{})
	for _, name := range methodNames() {
		p.call(1, name, map[string]any{"unheardOf": 1})
		if m := p.wantError("1", -32602, "InvalidParameter"); m.Error.Data.Object != "unheardOf" {
			t.Errorf("%s: the error names %q", name, m.Error.Data.Object)
		}
	}
}

func TestParametersAreRefusedByName(t *testing.T) {
	simple := map[string]any{"kind": "Simple", "user": "u", "password": "p"}
	secret := map[string]any{"kind": "ClientSecret", "secret": "s"}
	p := startInitialized(t, &fakeEngine{state: &fakeState{}})
	for _, test := range []struct {
		method string
		params map[string]any
		object string
	}{
		{"settings.set", map[string]any{"limits": map[string]any{"deletionCount": "many"}}, "limits.deletionCount"},
		{"settings.set", map[string]any{"limits": map[string]any{"deletions": 1}}, "deletions"},
		{"writeback.enable", map[string]any{"adopt": "yes"}, "adopt"},
		{"sync.preview", map[string]any{"enable": map[string]any{"whatIf": 1}}, "enable.whatIf"},
		{"sync.preview", map[string]any{"enable": map[string]any{"adopt": "yes"}}, "enable.adopt"},
		{"settings.set", map[string]any{"groupIds": "x"}, "groupIds"},
		{"settings.set", map[string]any{"groupIds": []any{5}}, "groupIds"},
		{"settings.set", map[string]any{"groupIds": []string{"x"}}, "groupIds"},
		{"settings.set", map[string]any{"groupIds": []any{nil}}, "groupIds"},
		{"settings.set", map[string]any{"filter": []string{}}, "filter"},
		{"settings.set", map[string]any{"connections": "many"}, "connections"},
		{"writeback.enable", map[string]any{"groupIds": []string{""}}, "groupIds"},
		{"writeback.enable", map[string]any{"maxMemberCount": 1.5}, "maxMemberCount"},
		{"writeback.enable", map[string]any{"initialIntervalDays": 3}, "initialIntervalDays"},
		{"sync.preview", map[string]any{"enable": map[string]any{"groupIds": []string{"x"}}}, "enable.groupIds"},
		{"sync.preview", map[string]any{"settings": map[string]any{"groupIds": []string{"x"}}}, "settings.groupIds"},
		{"sync.preview", map[string]any{"settings": map[string]any{"limits": map[string]any{"deletionCount": "x"}}}, "settings.limits.deletionCount"},
		{"sync.preview", map[string]any{"enable": map[string]any{}, "settings": map[string]any{}}, "settings"},
		{"sync.start", map[string]any{"skipReplicationCheck": "yes"}, "skipReplicationCheck"},
		{"sync.group", nil, "group"},
		{"sync.group", map[string]any{"group": []string{"x"}}, "group"},
		{"sync.group", map[string]any{"group": "x", "policyType": "Delta"}, "policyType"},
		{"run.list", map[string]any{"limit": 501}, "limit"},
		{"run.list", map[string]any{"limit": -1}, "limit"},
		{"run.list", map[string]any{"limit": 1.5}, "limit"},
		{"run.list", map[string]any{"after": "x"}, "after"},
		{"audit.list", map[string]any{"since": "yesterday"}, "since"},
		{"audit.list", map[string]any{"until": 5}, "until"},
		{"audit.list", map[string]any{"events": []string{"Nothing"}}, "events"},
		{"group.list", map[string]any{"after": "x"}, "after"},
		{"group.list", map[string]any{"id": "x"}, "id"},
		{"group.members", nil, "id"},
		{"group.members", map[string]any{"id": "x"}, "id"},
		{"run.get", nil, "id"},
		{"exchange.recipients", map[string]any{"after": "x"}, "after"},
		{"exchange.clear", map[string]any{"steps": []any{map[string]any{"targetGuid": "x"}}}, "targetGuid"},
		{"exchange.clear", map[string]any{"steps": []any{map[string]any{"runId": 1}}}, "targetGuid"},
		{"exchange.clear", map[string]any{"steps": make([]any, 1001)}, "steps"},
		{"change.list", nil, "runId"},
		{"change.list", map[string]any{"runId": 1, "action": "Explode"}, "action"},
		{"change.list", map[string]any{"runId": 1, "outcome": "Good"}, "outcome"},
		{"change.members", nil, "changeId"},
		{"session.connect", nil, "params"},
		{"session.connect", map[string]any{"target": map[string]any{"credential": simple}}, "target.server"},
		{"session.connect", map[string]any{"target": map[string]any{"server": "dc", "credential": map[string]any{"kind": "Telepathy"}}}, "target.credential.kind"},
		{"session.connect", map[string]any{"target": map[string]any{"server": "dc", "credential": map[string]any{"kind": "Simple", "user": "u"}}}, "target.credential.password"},
		{"session.connect", map[string]any{"target": map[string]any{"server": "dc", "credential": map[string]any{"kind": "CurrentIdentity", "user": "u"}}}, "target.credential.user"},
		{"session.connect", map[string]any{"target": map[string]any{"server": "dc", "credential": map[string]any{"kind": "Simple", "user": "u", "password": 5}}}, "target.credential.password"},
		{"session.connect", map[string]any{"source": map[string]any{"credential": secret}}, "source.tenantId"},
		{"session.connect", map[string]any{"source": map[string]any{"tenantId": "t", "credential": secret}}, "source.clientId"},
		{"session.connect", map[string]any{"source": map[string]any{"tenantId": "t", "clientId": "c", "environment": "Moon", "credential": secret}}, "source.environment"},
		{"session.connect", map[string]any{"source": map[string]any{}}, "source.credential.kind"},
	} {
		p.call(1, test.method, test.params)
		if m := p.wantError("1", -32602, "InvalidParameter"); m.Error.Data.Object != test.object {
			t.Errorf("%s %v: the error names %q, want %q", test.method, test.params, m.Error.Data.Object, test.object)
		}
	}
}

func TestConnectGivesTheEngineWhatWasSent(t *testing.T) {
	e := &fakeEngine{}
	p := startInitialized(t, e)
	got := connected(t, p, e, map[string]any{
		"tenantId": "contoso.com", "clientId": "app", "authority": "https://a", "graphEndpoint": "https://g", "caFile": "/ca.pem",
		"credential": map[string]any{"kind": "ClientCertificate", "certificatePath": "/c.pfx", "certificatePassword": "pw"},
	})
	want := &contract.SourceConfig{TenantID: "contoso.com", ClientID: "app", Cloud: "Global", Authority: "https://a", GraphEndpoint: "https://g",
		CAFile: "/ca.pem", Kind: contract.ClientCertificate, CertificatePath: "/c.pfx", CertificatePassword: contract.NewSecret("pw")}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b contract.Secret) bool { return a.Reveal() == b.Reveal() }),
		cmp.FilterPath(func(path cmp.Path) bool { return path.Last().Type().Kind().String() == "func" }, cmp.Ignore())); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestEveryCategoryHasItsCode(t *testing.T) {
	seen := map[int]contract.Category{}
	for _, c := range []contract.Category{contract.InvalidArgument, contract.ObjectNotFound, contract.PermissionDenied, contract.Authentication,
		contract.Connection, contract.InvalidState, contract.ResourceBusy, contract.LimitsExceeded, contract.InvalidData, contract.Stopped, contract.NotSpecified} {
		e := wireError(&contract.Error{Category: c, ID: "X", Object: "o", Message: "m", Advice: "a", Err: errors.New("c")})
		if other, taken := seen[int(e.Code)]; taken {
			t.Errorf("%s and %s have the code %d", c, other, e.Code)
		}
		seen[int(e.Code)] = c
		var data errorData
		if err := json.Unmarshal(e.Data, &data); err != nil || data != (errorData{c, "X", "o", "a", "c"}) || e.Message != "m" {
			t.Errorf("%s: %+v %s", c, e, e.Data)
		}
	}
	if e := wireError(contract.AsError(errors.New("odd"))); e.Code != -32603 {
		t.Errorf("an unknown error has the code %d", e.Code)
	}
}

// A field that is left out keeps its setting, and an empty one clears it.
func TestSettingsAreDecoded(t *testing.T) {
	const a, b = "e0000000-0000-4000-8000-00000000000a", "e0000000-0000-4000-8000-00000000000b"
	var patch command.SettingsPatch
	var enabled, previewed command.EnableRequest
	var preview command.SyncRequest
	e := &fakeEngine{
		set:     func(p command.SettingsPatch) { patch = p },
		enable:  func(r command.EnableRequest) { enabled = r },
		preview: func(r command.PreviewRequest) { previewed, preview = *r.Enable, r.SyncRequest },
	}
	p := startInitialized(t, e)
	ids := func(text ...string) *[]directory.GUID {
		out := []directory.GUID{}
		for _, s := range text {
			out = append(out, directory.MustGUID(s))
		}
		return &out
	}
	for _, test := range []struct {
		params map[string]any
		want   command.Choices
	}{
		{nil, command.Choices{}},
		{map[string]any{"groupIds": nil, "filter": nil, "scope": nil, "includeSecurityGroups": nil, "maxMemberCount": nil}, command.Choices{}},
		{map[string]any{"groupIds": []string{}, "filter": "", "scope": "", "onPremisesGroupType": ""}, command.Choices{GroupIDs: ids(), Filter: new(string)}},
		{
			map[string]any{"scope": "Selected", "groupIds": []string{b, "{" + strings.ToUpper(a) + "}"}, "filter": "mail -ne ''",
				"includeSecurityGroups": false, "onPremisesGroupType": "UniversalSecurityGroup", "maxMemberCount": 250000},
			command.Choices{Scope: plan.ScopeSelected, GroupIDs: ids(b, a), Filter: pointer("mail -ne ''"), IncludeSecurityGroups: new(bool),
				OnPremisesGroupType: plan.UniversalSecurity, MaxMemberCount: pointer(250_000)},
		},
	} {
		patch, enabled, previewed = command.SettingsPatch{}, command.EnableRequest{}, command.EnableRequest{}
		p.call(1, "settings.set", test.params)
		p.wantResult("1")
		p.call(2, "writeback.enable", test.params)
		p.wantResult("2")
		if test.params == nil {
			test.params = map[string]any{} // null would mean that there is no enable
		}
		p.call(3, "sync.preview", map[string]any{"enable": test.params})
		p.wantResult("3")
		for method, got := range map[string]command.Choices{"settings.set": patch.Choices, "writeback.enable": enabled.Choices, "sync.preview": previewed.Choices} {
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%s %v: -want +got\n%s", method, test.params, diff)
			}
		}
	}
	p.call(4, "sync.preview", map[string]any{"enable": map[string]any{}, "policyType": "Delta", "allowOnce": "plan", "skipReplicationCheck": true})
	p.wantResult("4")
	if diff := cmp.Diff(command.SyncRequest{PolicyType: contract.Delta, AllowOnce: "plan", SkipReplicationCheck: true}, preview); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	p.call(5, "settings.set", map[string]any{"initialIntervalDays": 3, "connections": 8})
	p.wantResult("5")
	if diff := cmp.Diff(command.SettingsPatch{InitialIntervalDays: pointer(3), Connections: pointer(8)}, patch); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func pointer[T any](v T) *T { return &v }

func TestSyncGroup(t *testing.T) {
	id := directory.MustGUID("e0000000-0000-4000-8000-00000000000a")
	started := make(chan struct{}, 1)
	var got command.GroupSyncRequest
	e := &fakeEngine{group: func(ctx context.Context, r command.GroupSyncRequest, report contract.Report) (command.GroupSyncResult, error) {
		got = r
		switch r.Group {
		case "two of them":
			return command.GroupSyncResult{}, &contract.Error{Category: contract.InvalidArgument, ID: "GroupAmbiguous", Object: r.Group, Message: "Two.", Advice: "Give the id."}
		case "slow":
			report(contract.Progress{Step: "ImportMembers", StepNumber: 2, StepCount: 10})
			<-started
			<-ctx.Done()
			return command.GroupSyncResult{ID: id, Run: contract.Run{Kind: contract.GroupRun, Status: contract.RunStopped, StopReason: contract.StopCancelled}}, nil
		}
		return command.GroupSyncResult{ID: id, DisplayName: "HR", Run: contract.Run{Kind: contract.GroupRun},
			Steps: []command.GroupStep{{Name: "Import", Result: contract.Passed, Message: "Read."}}}, nil
	}}
	p := startInitialized(t, e)

	p.call(1, "sync.group", map[string]any{"group": "HR", "whatIf": true, "allowOnce": "plan", "skipReplicationCheck": true})
	result := string(p.wantResult("1"))
	for _, want := range []string{`"id":"` + id.String() + `","displayName":"HR","steps":[{"name":"Import","result":"Passed","message":"Read."}]`, `"kind":"Group"`} {
		if !strings.Contains(result, want) {
			t.Errorf("got %s, want %s in it", result, want)
		}
	}
	if want := (command.GroupSyncRequest{Group: "HR", WhatIf: true, AllowOnce: "plan", SkipReplicationCheck: true}); got != want {
		t.Errorf("the engine got %+v, want %+v", got, want)
	}
	p.call(2, "sync.group", map[string]any{"group": "two of them"})
	if m := p.wantError("2", -32602, "GroupAmbiguous"); m.Error.Data.Object != "two of them" {
		t.Errorf("the error names %q", m.Error.Data.Object)
	}

	// Progress arrives, and a cancelled request still answers with its record.
	p.call(3, "sync.group", map[string]any{"group": "slow"})
	if m := p.next(); m.Method != "progress" || !strings.Contains(string(m.Params), `"requestId":3,"step":"ImportMembers","stepNumber":2,"stepCount":10`) {
		t.Errorf("got %s %s, want progress", m.Method, m.Params)
	}
	started <- struct{}{}
	p.send(`{"jsonrpc":"2.0","method":"request.cancel","params":{"id":3}}`)
	result = string(p.wantResult("3"))
	for _, want := range []string{`"stopReason":"Cancelled"`, `"steps":[]`} {
		if !strings.Contains(result, want) {
			t.Errorf("got %s, want %s in it", result, want)
		}
	}
}
