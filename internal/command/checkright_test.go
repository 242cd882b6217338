package command_test

import (
	"strings"
	"testing"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// TestWhatIsSaidOfRights covers the rows of Test about surplus rights, missing rights,
// and the rights of others.
func TestWhatIsSaidOfRights(t *testing.T) {
	good := contract.Audit{Token: true, Group: contract.GroupRights{DN: "CN=Group_1", Known: true, Delete: true}}
	for name, c := range map[string]struct {
		change func(b *bench)
		row    string
		result contract.CheckResult
		says   []string
	}{
		"nothing to say": {func(b *bench) {}, "GraphPrivilege", contract.Passed, nil},
		"permissions beyond the documented ones": {func(b *bench) { b.tenant.roles = append(b.tenant.roles, "Group.ReadWrite.All", "Mail.Send") },
			"GraphPrivilege", contract.Warning, []string{"Group.ReadWrite.All; Mail.Send"}},
		"each documented permission": {func(b *bench) {
			b.tenant.roles = []string{"GroupMember.Read.All", "User.Read.All", "Group.Read.All", "Member.Read.Hidden", "GroupSettings.Read.All", "Organization.Read.All", "Directory.Read.All"}
		}, "GraphPrivilege", contract.Passed, nil},
		"an account as needed":   {func(b *bench) {}, "AccountPrivilege", contract.Passed, nil},
		"a domain administrator": {func(b *bench) { b.directory.audit.TierZero = []string{"Domain Admins"} }, "AccountPrivilege", contract.Warning, []string{"Domain Admins"}},
		"unknown groups":         {func(b *bench) { b.directory.audit.Token = false }, "AccountPrivilege", contract.Skipped, nil},
		"no rights outside":      {func(b *bench) {}, "OutsideRight", contract.Passed, nil},
		"rights outside": {func(b *bench) {
			b.directory.audit.Outside = []contract.OutsideRight{{DN: "DC=contoso,DC=test", Control: true}, {DN: "CN=Users", Create: []string{"user"}, Write: []string{"a", "b", "c", "d", "e", "f", "g"}}}
		}, "OutsideRight", contract.Warning, []string{"DC=contoso,DC=test (change its permissions or owner)", "CN=Users (create user; write a, b, c, d, e and 2 more)"}},
		"nobody else": {func(b *bench) {}, "OtherWriter", contract.Passed, nil},
		"somebody else": {func(b *bench) {
			b.directory.audit.Others = []contract.Meddler{{Principal: contract.Principal{Name: "helpdesk"}, Create: true, DN: "OU=Sub", Objects: 1}, {Principal: contract.Principal{SID: "S-1-5-21-9"}, Change: true, DN: "CN=G", Objects: 3}}
			b.directory.audit.Unreadable = 2
		}, "OtherWriter", contract.Warning, []string{"helpdesk (creates, by OU=Sub)", "S-1-5-21-9 (changes, by CN=G and 2 more)", "2 more objects"}},
		"perhaps somebody":         {func(b *bench) { b.directory.audit.Unreadable = 2 }, "OtherWriter", contract.Warning, []string{"2 objects"}},
		"rights to a group":        {func(b *bench) {}, "GroupRight", contract.Passed, []string{"CN=Group_1"}},
		"rights to groups to come": {func(b *bench) { b.directory.audit.Group.DN = "" }, "GroupRight", contract.Passed, []string{"will create"}},
		"create alone": {func(b *bench) {
			b.directory.audit.Group = contract.GroupRights{Missing: []string{"member", "cn"}, Known: true}
		},
			"GroupRight", contract.Failed, []string{"write member, cn; delete"}},
		"no deletion":        {func(b *bench) { b.directory.audit.Group.Delete = false }, "GroupRight", contract.Failed, []string{"lacks rights on this group: delete"}},
		"unknown permission": {func(b *bench) { b.directory.audit.Group.Known = false }, "GroupRight", contract.Warning, []string{"permissions"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.directory.audit = good
			c.change(b)
			checks, err := b.engine.Test(t.Context(), containerDN)
			if err != nil {
				t.Fatal(err)
			}
			found := false
			for _, check := range checks {
				if check.Name != c.row {
					continue
				}
				found = true
				if check.Result != c.result || (check.Advice == "") != (c.result == contract.Passed || c.result == contract.Skipped) {
					t.Errorf("%+v", check)
				}
				for _, text := range c.says {
					if !strings.Contains(check.Message, text) {
						t.Errorf("%q does not say %q", check.Message, text)
					}
				}
			}
			if !found {
				t.Errorf("there is no row %s", c.row)
			}
		})
	}
}

// Test used to pass with the right to create alone. Only an existing group shows the
// other rights.
func TestRightsAreTriedOnAWrittenGroup(t *testing.T) {
	b := newBench(t)
	b.directory.audited = guid("nothing was asked yet")
	if _, err := b.engine.Test(t.Context(), containerDN); err != nil {
		t.Fatal(err)
	}
	if b.directory.audited != (directory.GUID{}) {
		t.Errorf("tried on %s, though none is written", b.directory.audited)
	}
	b = ready(t, map[string][]string{"one": {"a"}})
	if _, err := b.engine.Test(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	if _, written := b.directory.objects[b.directory.audited]; !written {
		t.Errorf("tried on %s, which is no written group", b.directory.audited)
	}
}
