package state

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

func TestSettingsRoundTrip(t *testing.T) {
	ctx := context.Background()
	s := newState(t)
	got, err := s.LoadSettings(ctx)
	must(t, err)
	if diff := cmp.Diff(contract.DefaultSettings(), got); diff != "" {
		t.Errorf("without a file: %s", diff)
	}
	want := contract.DefaultSettings()
	want.Enabled = true
	want.Tenant = contract.TenantRef{ID: guid(1, 1), Name: "Contoso \"<&>\" 🙂"}
	want.Domain = contract.DomainRef{GUID: guid(1, 2), SID: "S-1-5-21-1-2-3", Name: "contoso.test"}
	want.Container = contract.Container{GUID: guid(1, 3), DN: `OU=a\,b,DC=contoso,DC=test`, CanCreate: true}
	want.FormerContainers = []contract.Container{{GUID: guid(1, 4), DN: "OU=old"}}
	want.NameFormat = contract.NameDisplayName
	want.MovedGroup = contract.MovedBack
	want.SoftDeletedGroup, want.OutOfScopeGroup = contract.FrozenRemove, contract.FrozenRemove
	want.Limits.DeletionCount = 0
	want.InitialPending = true
	want.Scope = contract.Scope{Groups: plan.ScopeSelected, GroupIDs: []directory.GUID{guid(1, 5), guid(1, 6)}, Filter: `displayName -like "a*"`, IncludeSecurityGroups: true}
	want.OnPremisesGroupType = plan.UniversalMailEnabledSecurity
	want.MaxMemberCount, want.InitialIntervalDays, want.Connections = 1_000_000, 30, 16
	for range 2 {
		must(t, s.SaveSettings(ctx, want))
		got, err = s.LoadSettings(ctx)
		must(t, err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	left, err := filepath.Glob(filepath.Join(s.Folder(), "settings*"))
	if err != nil || len(left) != 1 {
		t.Errorf("files: %v, %v", left, err)
	}
}

func TestSettingsThatAreInvalidAreNotSaved(t *testing.T) {
	ctx := context.Background()
	s := newState(t)
	wrong := contract.DefaultSettings()
	wrong.Limits.RemovalPercent = 101
	e := wantID(t, s.SaveSettings(ctx, wrong), "SettingsInvalid")
	if !strings.Contains(e.Error(), "limits.removalPercent") {
		t.Errorf("the field is not named: %v", e)
	}
	if _, err := os.Stat(s.settingsPath()); err == nil {
		t.Error("a file was written")
	}
}

func TestSettingsThatCannotBeRead(t *testing.T) {
	ctx := context.Background()
	s := newState(t)
	for _, c := range []struct{ text, id, says string }{
		{"", "SettingsUnreadable", "line 1"},
		{"null", "SettingsUnreadable", "not a JSON object"},
		{"[]", "SettingsUnreadable", "not a JSON object"},
		{"{\n\"enabled\": true,\n}", "SettingsUnreadable", "line 3"},
		{"{\"enabled\": true} {}", "SettingsUnreadable", "line 1"},
		{"{\n\n\"enabled\": \"yes\"\n}", "SettingsUnreadable", `line 3, field "enabled"`},
		{"{\"limits\": {\"deletionCount\": 1.5}}", "SettingsUnreadable", "limits.deletionCount"},
		{"{\"limits\": {\"deletionCount\": -1}}", "SettingsUnreadable", "limits.deletionCount"},
		{"{\"limits\": {\"deletonCount\": 1}}", "SettingsUnreadable", "deletonCount"},
		{"{\"limits\": {\"removalPercent\": 101}}", "SettingsUnreadable", "101 is not between 0 and 100"},
		{"{\n\"tenant\": {\"id\": \"nonsense\"}}", "SettingsUnreadable", `line 2, field "tenant"`},
		{"{\"nameFormat\": \"Other\"}", "SettingsUnreadable", `"Other"`},
		{"{\"movedGroup\": \"\"}", "SettingsUnreadable", "movedGroup"},
		{"{\"softDeletedGroup\": \"Lose\"}", "SettingsUnreadable", "softDeletedGroup"},
		{"{\"outOfScopeGroup\": \"Lose\"}", "SettingsUnreadable", "outOfScopeGroup"},
		{"{\"runHistoryDays\": 0}", "SettingsUnreadable", "runHistoryDays"},
		{"{\"scope\": {\"groups\": \"Some\"}}", "SettingsUnreadable", "scope.groups"},
		{"{\"scope\": {\"filter\": \"displayName -eq\"}}", "SettingsUnreadable", "scope.filter"},
		{"{\"onPremisesGroupType\": \"GlobalGroup\"}", "SettingsUnreadable", "onPremisesGroupType"},
		{"{\"maxMemberCount\": 1000001}", "SettingsUnreadable", "maxMemberCount"},
		{"{\"maxMemberCount\": -1}", "SettingsUnreadable", "maxMemberCount"},
		{"{\"initialIntervalDays\": 31}", "SettingsUnreadable", "initialIntervalDays"},
		{"{\"connections\": 17}", "SettingsUnreadable", "connections"},
		{"{\"colour\": 1}", "SettingsUnreadable", "colour"},
		{"{\"enabled\": true}", "SettingsUnreadable", "tenant.id"},
		{"{\"version\": 0}", "SettingsUnreadable", "version"},
		{"{\"version\": \"1\"}", "SettingsUnreadable", "version"},
		{"{\"version\": 2, \"colour\": 1, \"enabled\": \"perhaps\"}", "SettingsTooNew", "version 2"},
		{"\xff\xfe{\x00}\x00", "SettingsUnreadable", "line 1"},
		{"{\"movedGroup\": \"" + strings.Repeat("x", maxSettingsSize) + "\"}", "SettingsUnreadable", "larger"},
	} {
		must(t, os.WriteFile(s.settingsPath(), []byte(c.text), 0o600))
		_, err := s.LoadSettings(ctx)
		if e := wantID(t, err, c.id); !strings.Contains(e.Error(), c.says) {
			t.Errorf("%.60q: %v does not say %q", c.text, e, c.says)
		}
		wantID(t, s.SaveSettings(ctx, contract.DefaultSettings()), c.id)
		if after, err := os.ReadFile(s.settingsPath()); err != nil || string(after) != c.text {
			t.Errorf("%.60q was changed", c.text)
		}
	}

	// A file saved by an editor on Windows is fine, and missing fields get their default.
	must(t, os.WriteFile(s.settingsPath(), []byte("\xef\xbb\xbf{\r\n\"adopt\": true\r\n}\r\n"), 0o600))
	got, err := s.LoadSettings(ctx)
	must(t, err)
	want := contract.DefaultSettings()
	want.StandingAdopt = true
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestSettingsOfAnOlderRelease: a release that did not know a field left it out or wrote
// zero.
func TestSettingsOfAnOlderRelease(t *testing.T) {
	ctx := context.Background()
	s := newState(t)
	must(t, os.WriteFile(s.settingsPath(), []byte(`{"version": 1, "adopt": true, "scope": {"groups": "", "filter": "mail -ne ''"}, "maxMemberCount": 0, "connections": 0}`), 0o600))
	got, err := s.LoadSettings(ctx)
	must(t, err)
	want := contract.DefaultSettings()
	want.StandingAdopt, want.Scope.Filter = true, "mail -ne ''"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestSettingsOfTooManyGroups(t *testing.T) {
	settings := contract.DefaultSettings()
	settings.Scope = contract.Scope{Groups: plan.ScopeSelected, GroupIDs: slices.Repeat([]directory.GUID{guid(1, 1)}, maxSettingsSize/40)}
	e := wantID(t, newState(t).SaveSettings(context.Background(), settings), "SettingsInvalid")
	if !strings.Contains(e.Error(), "scope.groupIds") {
		t.Errorf("the field is not named: %v", e)
	}
}

func FuzzParseSettings(f *testing.F) {
	f.Add([]byte(`{"version":1,"enabled":false,"tenant":{"id":"","name":"x"},"limits":{"deletionCount":5}}`))
	f.Add([]byte("\xef\xbb\xbf{}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		settings, err := parseSettings(text)
		if err == nil {
			if err := validate(&settings); err != nil {
				t.Errorf("%q was read as invalid settings: %v", text, err)
			}
		}
	})
}

func TestSettingsInAnyLetterCase(t *testing.T) {
	ctx := context.Background()
	s := newState(t)
	text := `{"nameFormat": "displayname", "movedGroup": "MOVEBACK", "outOfScopeGroup": "remove",
		"scope": {"groups": "writebackENABLED"}, "onPremisesGroupType": "universalsecuritygroup"}`
	must(t, os.WriteFile(s.settingsPath(), []byte(text), 0o600))
	got, err := s.LoadSettings(ctx)
	must(t, err)
	want := contract.DefaultSettings()
	want.NameFormat, want.MovedGroup, want.OutOfScopeGroup = contract.NameDisplayName, contract.MovedBack, contract.FrozenRemove
	want.Scope.Groups, want.OnPremisesGroupType = plan.ScopeWritebackEnabled, plan.UniversalSecurity
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
