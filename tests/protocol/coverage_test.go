package protocol

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

// elsewhere lists the error ids that the lab cannot cause from outside, or only by
// damaging it, with the file that tests each of them with parts of the engine.
var elsewhere = map[string]string{
	"GroupHasObject":           "internal/command/restore_test.go",
	"UndoFileInvalid":          "internal/command/restore_test.go",
	"GroupNotLinked":           "internal/command/identity_test.go",
	"NoGlobalCatalog":          "internal/command/recipient_test.go",
	"GroupNotWritten":          "internal/command/mapping_test.go",
	"AccessListFull":           "internal/ad/adtest/granting.go",
	"AccessListOutOfOrder":     "internal/command/permission_test.go",
	"AuditNotWritten":          "internal/command/audit_test.go",
	"AuditUnreadable":          "state/audit_test.go",
	"AnswerTooLarge":           "internal/stdio/wire_test.go",
	"ChannelBindingRequired":   "internal/ad/connect_test.go",
	"CloudAuthorityEnforced":   "internal/ad/write_test.go",
	"ClockSkew":                "internal/ad/connect_test.go",
	"DirectoryError":           "internal/ad/write_test.go",
	"ExchangeSchemaMissing":    "tests/protocol/lab_test.go", // TestOldSchemaIsRefused
	"GlobalCatalogNotFound":    "internal/ad/trust_test.go",
	"InternalError":            "internal/stdio/wire_test.go",
	"KdcNotFound":              "internal/ad/dnsname_test.go",
	"LogonNotPermitted":        "internal/ad/connect_test.go",
	"NameClash":                "internal/ad/adtest/writing.go",
	"NotADomainController":     "internal/ad/connect_test.go",
	"NotConfirmed":             "internal/command/engine_test.go",
	"NotOurs":                  "internal/command/own_test.go",
	"ObjectProtected":          "internal/command/own_test.go",
	"OutcomeUnknown":           "internal/ad/adtest/breaking.go",
	"PasswordExpired":          "internal/ad/adtest/connecting.go",
	"PermissionWithdrawn":      "internal/graph/token_test.go",
	"ReadOnlyDomainController": "internal/ad/connect_test.go",
	"ReferralReceived":         "internal/ad/write_test.go",
	"RunSuperseded":            "internal/command/delta_test.go",
	"ServerBusy":               "internal/ad/write_test.go",
	"ServerChanged":            "internal/ad/connect_test.go",
	"ServerElsewhere":          "internal/ad/trust_test.go",
	"ServerNotFound":           "internal/ad/adtest/connecting.go", // the lab has no DNS
	"ServerOfOtherDomain":      "internal/ad/trust_test.go",
	"SettingsInvalid":          "state/settings_test.go",
	"StateFolderRemote":        "state/folder_windows_test.go",
	"StateMigrationFailed":     "state/open_test.go",
	"StateUnusable":            "state/open_test.go",
	"StrongerAuthRequired":     "internal/ad/connect_test.go",
	"ThrottledTooLong":         "internal/graph/read_test.go",
	"WriteRefused":             "internal/ad/adtest/writing.go",
}

// untried lists the error ids that no test causes, with the reason. It should become
// shorter, not longer.
var untried = map[string]string{
	"AccessListUnreadable":       "needs an access control list that denies reading",
	"BindRefused":                "no refusal is known that is none of the others",
	"ContainerUnreadable":        "needs an access control list that denies reading",
	"DomainControllerUnreadable": "needs an access control list that denies reading",
	"DomainUnreadable":           "needs an access control list that denies reading",
	"MemberRefused":              "needs a member that is deleted between two steps of a run",
	"StateBusy":                  "needs a program that keeps the database locked",
	"StateDiskFull":              "needs a full disk",
}

func TestElsewhereIsTrue(t *testing.T) {
	for id, path := range elsewhere {
		text, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Error(err)
		} else if !regexp.MustCompile(`\b` + id + `\b`).Match(text) {
			t.Errorf("%s does not try %s", path, id)
		}
	}
}

// coverage fails for each method, field and error id in docs/protocol.md that was not
// seen, and for each that was seen and is not documented.
func coverage(t *testing.T, seen *record) {
	for _, name := range slices.Sorted(maps.Keys(methods)) {
		method := methods[name]
		if seen.params[name] == nil {
			t.Errorf("%s was never called", name)
			continue
		}
		for part, one := range map[string]struct {
			shape shape
			seen  map[string]bool
		}{"params": {method.params, seen.params[name]}, "result": {method.result, seen.results[name]}} {
			want := one.shape.paths(t, shapes)
			for path := range want {
				if notInEveryAnswer(name, path) && !one.seen[path] {
					delete(want, path)
				}
			}
			compare(t, name+" "+part, want, one.seen)
		}
	}
	compare(t, "error.data", map[string]bool{"category": true, "id": true, "object": true, "advice": true, "cause": true}, seen.data)

	documented := map[string]bool{}
	for id := range documentedIDs(t) {
		if seen.ids[id] || elsewhere[id]+untried[id] == "" {
			documented[id] = true
		}
	}
	compare(t, "error id", documented, seen.ids)
	for id, reason := range untried {
		if seen.ids[id] {
			t.Errorf("%s was seen: %q is not true any more", id, reason)
		} else {
			t.Logf("%s is tried nowhere: %s", id, reason)
		}
	}
}
