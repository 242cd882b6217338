package command_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"groupwriteback/internal/command"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/descriptor"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
	"groupwriteback/internal/rights"
)

// TestWhatIsSaidOfRights covers the rows of Test about surplus rights, missing rights,
// and the rights of others.
func TestWhatIsSaidOfRights(t *testing.T) {
	good := contract.Audit{Token: true}
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
		"rights to groups to come": {func(b *bench) { b.directory.rights.list = granted() }, "GroupRight", contract.Passed, []string{"will create"}},
		"create alone": {func(b *bench) { b.directory.rights.list = granted(0) }, "GroupRight", contract.Failed,
			[]string{"read groups; read the permissions of groups; delete groups; write member of groups", "more"}},
		"no write of one attribute": {func(b *bench) { b.directory.rights.list = without("displayName") }, "GroupRight", contract.Failed, []string{"lacks these rights: write displayName of groups."}},
		"no deletion from the container": {func(b *bench) {
			b.directory.rights.list = descriptor.New().With([]descriptor.ACE{
				descriptor.Allow(service, descriptor.CreateChild, descriptor.ContainerInherit, rights.ClassGroup, directory.GUID{}),
				descriptor.Allow(service, descriptor.ReadAll|descriptor.Write|descriptor.Delete, descriptor.ContainerInherit|descriptor.InheritOnly, directory.GUID{}, rights.ClassGroup),
			})
		}, "GroupRight", contract.Warning, []string{"can do everything that a run does, but lacks these rights: delete groups from the container."}},
		"unknown permission": {func(b *bench) { b.directory.rights.unreadable = true }, "GroupRight", contract.Warning, []string{"Cannot determine"}},
		"nothing beyond":     {func(b *bench) { b.directory.rights.list = granted() }, "SurplusRight", contract.Passed, nil},
		"something beyond": {func(b *bench) {
			b.directory.rights.list = descriptor.New().With([]descriptor.ACE{descriptor.Allow(service, descriptor.WriteDAC, 0, directory.GUID{}, directory.GUID{})})
		}, "SurplusRight", contract.Warning, []string{"Allow svc to change its permissions, on this object alone"}},
		"no policy": {func(b *bench) {}, "CloudAuthority", contract.Passed, []string{"no policy"}},
		"a policy that allows us": {func(b *bench) {
			b.directory.rights.policy = contract.SOAPolicy{There: true, Allowed: []directory.SID{service}}
		}, "CloudAuthority", contract.Passed, []string{"on the list"}},
		"a policy for others only": {func(b *bench) {
			b.directory.rights.policy = contract.SOAPolicy{There: true, Allowed: []directory.SID{"S-1-5-21-9"}}
		}, "CloudAuthority", contract.Warning, []string{"not on the list"}},
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

// attributesGranted are the attributes that are granted: those of groups that are no
// recipients of Exchange.
var attributesGranted = plan.Standard.Needed(plan.Choice{Mail: plan.MailRecipientMailOnly}).Attributes()

// granted returns a list with the entries that the account needs, or only those at the
// given places.
func granted(only ...int) descriptor.Descriptor {
	schema, _ := (&fakeDirectory{}).RightsSchema(context.Background())
	entries := rights.Entries(schema, attributesGranted, rights.ByAttribute, service)
	if len(only) > 0 {
		entries = entries[only[0] : only[0]+1]
	}
	return descriptor.New().With(rights.Grant(nil, entries))
}

// without returns a list with all entries that the account needs but the one for an
// attribute.
func without(attribute string) descriptor.Descriptor {
	return descriptor.New().With(slices.DeleteFunc(slices.Clone(granted().Entries()), func(e descriptor.ACE) bool { return e.Object == guid("attribute "+attribute) }))
}

// TestMissingRightsAreNamed: without any one of the entries a row names what is missing,
// and names the account and the container for Grant-GroupWritebackPermission.
func TestMissingRightsAreNamed(t *testing.T) {
	entries := granted().Entries()
	for i, e := range entries {
		b := newBench(t)
		b.directory.audit = contract.Audit{Token: true}
		b.directory.rights.list = descriptor.New().With(slices.Delete(slices.Clone(entries), i, i+1))
		checks, err := b.engine.Test(t.Context(), containerDN)
		if err != nil {
			t.Fatal(err)
		}
		named := slices.ContainsFunc(checks, func(c command.Check) bool {
			return c.Name == "GroupRight" && c.Result != contract.Passed && c.Account == service && c.TargetContainer == containerDN
		})
		if !named {
			t.Errorf("without %s: %+v", e.SDDL(descriptor.Domains{}), checks)
		}
	}
}

// TestWhatTheServerSaysCounts: what allowedAttributesEffective leaves out is missing,
// whatever the entries say.
func TestWhatTheServerSaysCounts(t *testing.T) {
	b := ready(t, map[string][]string{"one": {"a"}})
	b.directory.audit = contract.Audit{Token: true}
	b.directory.rights.list, b.directory.rights.unwritable = granted(), "description"
	checks, err := b.engine.Test(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range checks {
		if c.Name == "GroupRight" && (c.Result != contract.Failed || !strings.Contains(c.Message, "lacks these rights: write description of groups.")) {
			t.Errorf("%+v", c)
		}
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
	if b.directory.audited != guid("nothing was asked yet") {
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
