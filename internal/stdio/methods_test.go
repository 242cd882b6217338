package stdio

import (
	"encoding/json"
	"errors"
	"runtime"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/internal/engine"
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
	want := `{"protocol":1,"engineVersion":"v1.2.3","statePath":"/state","platform":"` + runtime.GOOS + "/" + runtime.GOARCH + `"}`
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
	simple := map[string]any{"kind": "simple", "user": "u", "password": "p"}
	secret := map[string]any{"kind": "clientSecret", "secret": "s"}
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
		{"run.list", map[string]any{"limit": 501}, "limit"},
		{"run.list", map[string]any{"limit": -1}, "limit"},
		{"run.list", map[string]any{"limit": 1.5}, "limit"},
		{"run.list", map[string]any{"after": "x"}, "after"},
		{"group.list", map[string]any{"after": "x"}, "after"},
		{"group.list", map[string]any{"id": "x"}, "id"},
		{"group.members", nil, "id"},
		{"group.members", map[string]any{"id": "x"}, "id"},
		{"run.get", nil, "id"},
		{"change.list", nil, "runId"},
		{"change.list", map[string]any{"runId": 1, "action": "Explode"}, "action"},
		{"change.list", map[string]any{"runId": 1, "outcome": "good"}, "outcome"},
		{"change.members", nil, "changeId"},
		{"session.connect", nil, "params"},
		{"session.connect", map[string]any{"target": map[string]any{"credential": simple}}, "target.server"},
		{"session.connect", map[string]any{"target": map[string]any{"server": "dc", "credential": map[string]any{"kind": "telepathy"}}}, "target.credential.kind"},
		{"session.connect", map[string]any{"target": map[string]any{"server": "dc", "credential": map[string]any{"kind": "simple", "user": "u"}}}, "target.credential.password"},
		{"session.connect", map[string]any{"target": map[string]any{"server": "dc", "credential": map[string]any{"kind": "currentIdentity", "user": "u"}}}, "target.credential.user"},
		{"session.connect", map[string]any{"target": map[string]any{"server": "dc", "credential": map[string]any{"kind": "simple", "user": "u", "password": 5}}}, "target.credential.password"},
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
		"credential": map[string]any{"kind": "clientCertificate", "certificatePath": "/c.pfx", "certificatePassword": "pw"},
	})
	want := &engine.SourceConfig{TenantID: "contoso.com", ClientID: "app", Cloud: "Global", Authority: "https://a", GraphEndpoint: "https://g",
		CAFile: "/ca.pem", Kind: engine.ClientCertificate, CertificatePath: "/c.pfx", CertificatePassword: engine.NewSecret("pw")}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b engine.Secret) bool { return a.Reveal() == b.Reveal() }),
		cmp.FilterPath(func(path cmp.Path) bool { return path.Last().Type().Kind().String() == "func" }, cmp.Ignore())); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestEveryCategoryHasItsCode(t *testing.T) {
	seen := map[int]engine.Category{}
	for _, c := range []engine.Category{engine.InvalidArgument, engine.ObjectNotFound, engine.PermissionDenied, engine.Authentication,
		engine.Connection, engine.InvalidState, engine.ResourceBusy, engine.LimitsExceeded, engine.InvalidData, engine.Stopped, engine.NotSpecified} {
		e := wireError(&engine.Error{Category: c, ID: "X", Object: "o", Message: "m", Advice: "a", Err: errors.New("c")})
		if other, taken := seen[int(e.Code)]; taken {
			t.Errorf("%s and %s have the code %d", c, other, e.Code)
		}
		seen[int(e.Code)] = c
		var data errorData
		if err := json.Unmarshal(e.Data, &data); err != nil || data != (errorData{c, "X", "o", "a", "c"}) || e.Message != "m" {
			t.Errorf("%s: %+v %s", c, e, e.Data)
		}
	}
	if e := wireError(engine.AsError(errors.New("odd"))); e.Code != -32603 {
		t.Errorf("an unknown error has the code %d", e.Code)
	}
}
