package command_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"groupwriteback/internal/command"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/plan"
)

// TestGraphPermissions: the list follows what is switched on, and says what the token has
// of it and beyond.
func TestGraphPermissions(t *testing.T) {
	b := newBench(t)
	b.enable(t)
	states := func() map[string]command.PermissionState {
		t.Helper()
		r, err := b.engine.GraphPermission(t.Context(), command.GraphPermissionRequest{})
		if err != nil || r.Script != nil {
			t.Fatal(r.Script, err)
		}
		out := map[string]command.PermissionState{}
		for _, p := range r.Permissions {
			if out[p.Name] = p.State; p.Reason == "" {
				t.Errorf("%s has no reason", p.Name)
			}
		}
		return out
	}
	b.tenant.roles = []string{"User.Read.All", "Directory.Read.All", "Mail.Send"}
	if _, err := b.engine.Connect(t.Context(), &contract.SourceConfig{}, nil); err != nil {
		t.Fatal(err)
	}
	got := states()
	if len(got) != 3 || got["Group.Read.All"] != command.PermissionCovered || got["User.Read.All"] != command.PermissionPresent || got["Mail.Send"] != command.PermissionSurplus {
		t.Errorf("%v", got)
	}
	on := true
	if _, err := b.engine.SetSettings(t.Context(), command.SettingsPatch{Choices: command.Choices{IncludeHiddenMembership: &on, Scope: plan.ScopeWritebackEnabled}}); err != nil {
		t.Fatal(err)
	}
	if got = states(); got["Member.Read.Hidden"] != command.PermissionMissing || got["GroupSettings.Read.All"] != command.PermissionCovered {
		t.Errorf("with all switched on: %v", got)
	}
	if err := b.engine.Disconnect(); err != nil {
		t.Fatal(err)
	}
	for name, state := range states() {
		if state != "" {
			t.Errorf("%s is %s without a connection", name, state)
		}
	}
	if _, err := b.engine.GraphPermission(t.Context(), command.GraphPermissionRequest{Script: command.GraphSDKScript}); !contract.HasID(err, "ApplicationRequired") {
		t.Error(err)
	}
}

// TestGraphScripts: a script names the application and each permission, and bash can parse
// the one for it.
func TestGraphScripts(t *testing.T) {
	b := newBench(t)
	for _, kind := range command.ScriptKinds {
		r, err := b.engine.GraphPermission(t.Context(), command.GraphPermissionRequest{Script: kind, ClientID: guid("application")})
		if err != nil {
			t.Fatal(err)
		}
		script := strings.Join(r.Script, "\n") + "\n"
		for _, text := range []string{guid("application").String(), "Group.Read.All", "User.Read.All"} {
			if !strings.Contains(script, text) {
				t.Errorf("%s does not have %s:\n%s", kind, text, script)
			}
		}
		if strings.Contains(script, "\r") || slices.ContainsFunc([]string{"@CLIENT@", "@PERMISSIONS@", "@CLOUD@", "@GRAPH@"}, func(s string) bool { return strings.Contains(script, s) }) {
			t.Errorf("%s has something left to fill in:\n%s", kind, script)
		}
		if kind != command.AzureCLIScript {
			continue
		}
		bash, err := exec.LookPath("bash")
		if err != nil {
			t.Skip("no bash")
		}
		check := exec.Command(bash, "-n")
		check.Stdin = strings.NewReader(script)
		if out, err := check.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	}
}
