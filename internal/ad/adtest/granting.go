package adtest

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/descriptor"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
	"groupwriteback/internal/rights"
)

// Rights tests, on a directory that enforces rights to single attributes, that an account
// with only the entries of package rights can do everything that a run does to groups that
// others own, and nothing else.
func Rights(t *testing.T, env Env) {
	s := &suite{Env: env, admin: connectAdmin(t, env), run: "rights"}
	admin := s.open(t, func(c *contract.TargetConfig) { c.User, c.Password = s.AdminUser, contract.NewSecret(s.AdminPassword) })
	service := s.open(t, func(c *contract.TargetConfig) { c.User = s.NoRightsUser })
	ctx := testContext(t)
	name, _, _ := strings.Cut(s.NoRightsUser, "@")
	account, err := admin.Account(ctx, name)
	if err != nil || account.DN == "" || !account.Token[account.SID] || len(account.Token) < 4 {
		t.Fatalf("%+v, %v", account, err)
	}
	schema, err := admin.RightsSchema(ctx)
	if err != nil {
		t.Fatal(err)
	}
	identity, err := admin.Identify(ctx)
	if err != nil {
		t.Fatal(err)
	}
	every := plan.Standard.Compile(identity.Schema.Attributes, true)
	written := every.Attributes()
	withoutOwners := every.Needed(plan.Choice{Mail: plan.MailRecipientRemote, AddressLists: true, MarkAuthority: true}).Attributes()

	for name, form := range map[string]rights.Form{"by attribute": rights.ByAttribute, "by property set": rights.ByPropertySet, "as Microsoft": rights.Compatible} {
		t.Run("granted "+name, func(t *testing.T) {
			written := written
			if form == rights.ByPropertySet {
				written = withoutOwners
			}
			unit := s.unit(t, admin, s.Other)
			before := s.accessList(t, admin, unit.GUID)
			entries := rights.Entries(schema, written, form, account.SID)
			s.setList(t, admin, unit.GUID, before.Descriptor.With(rights.Grant(before.Descriptor.Entries(), entries)))
			after := s.accessList(t, admin, unit.GUID)
			removed, added := descriptor.Difference(before.Descriptor.Entries(), after.Descriptor.Entries())
			if len(removed) != 0 || len(added) != len(entries) || after.Descriptor.Protected() != before.Descriptor.Protected() {
				t.Errorf("removed %v, added %v", removed, added)
			}
			s.live(t, admin, service, unit, written, form != rights.Compatible)
			if form != rights.Compatible {
				var along []string
				for _, e := range entries {
					along = append(along, e.Along...)
				}
				s.isRefused(t, admin, service, unit, append(along, written...))
			}
			s.setList(t, admin, unit.GUID, after.Descriptor.With(rights.Revoke(after.Descriptor.Entries(), schema, written, account.SID)))
			back := s.accessList(t, admin, unit.GUID)
			if !slices.EqualFunc(back.Descriptor.Entries(), before.Descriptor.Entries(), descriptor.ACE.Equal) {
				t.Errorf("revoking leaves\n%s\nof\n%s", back.Descriptor.SDDL(descriptor.Domains{}), before.Descriptor.SDDL(descriptor.Domains{}))
			}
		})
	}
	t.Run("without one of them", func(t *testing.T) {
		needs := rights.Needs(schema, written)
		unit := s.unit(t, admin, s.Other)
		group, _ := s.create(t, admin, unit.GUID)
		before := s.accessList(t, admin, unit.GUID).Descriptor
		entries := rights.Entries(schema, written, rights.ByAttribute, account.SID)
		for i, left := range entries {
			s.setList(t, admin, unit.GUID, before.With(rights.Grant(before.Entries(), slices.Delete(slices.Clone(entries), i, i+1))))
			missing := rights.Missing(needs, s.accessList(t, service, unit.GUID).Descriptor, s.accessList(t, service, group.GUID).Descriptor, account.Token)
			if len(missing) == 0 || i > 1 && (len(missing) != 1 || schema.Thing(left.Object) != missing[0].Attribute) {
				t.Errorf("without %s: %v", left.SDDL(descriptor.Domains{}), missing)
			}
		}
	})
	t.Run("a group that inherits nothing", func(t *testing.T) {
		unit := s.unit(t, admin, s.Other)
		group, _ := s.create(t, admin, unit.GUID)
		s.create(t, admin, unit.GUID)
		s.admin.veil(t, group.DN)
		found, count, err := admin.WithoutInheritance(ctx, unit.GUID, 10)
		if err != nil || count != 1 || len(found) != 1 || found[0].DN != group.DN || found[0].Administrative {
			t.Errorf("%+v, %d, %v", found, count, err)
		}
	})
	t.Run("without the right to change permissions", func(t *testing.T) {
		unit := s.unit(t, admin, s.Other)
		list := s.accessList(t, service, unit.GUID)
		if list.Changeable {
			t.Error("it may change permissions")
		}
		s.wantDenied(t, service.Writer(nil).SetAccessList(ctx, unit.GUID, list.Descriptor), "change its permissions")
	})
	t.Run("more entries than a list can have", func(t *testing.T) {
		unit := s.unit(t, admin, s.Other)
		list := s.accessList(t, admin, unit.GUID).Descriptor
		entries := slices.Clone(list.Entries())
		for i := range 1200 {
			entries = append(entries, descriptor.Allow(account.SID, descriptor.Write, 0, directory.GUID{byte(i), byte(i >> 8)}, rights.ClassGroup))
		}
		s.wantError(t, admin.Writer(nil).SetAccessList(ctx, unit.GUID, list.With(entries)), "AccessListFull")
	})
	t.Run("no enforcement of the cloud's authority", func(t *testing.T) {
		if policy, err := service.SOAPolicy(ctx); err != nil || policy.There {
			t.Errorf("%+v, %v", policy, err)
		}
	})
	t.Run("accounts that are none", func(t *testing.T) {
		for name, id := range map[string]string{
			"nobody": "AccountNotFound", string(identity.DomainSID) + "-513": "AccountNotFound", string(identity.DomainSID) + "-999999": "AccountNotFound",
			"S-1-5-21-9-9-9-1104": "AccountOfOtherDomain", "S-1-5-32-544": "AccountOfOtherDomain", `FABRIKAM\svc`: "AccountNotFound",
		} {
			_, err := admin.Account(ctx, name)
			s.wantError(t, err, id)
		}
		for _, name := range []string{string(account.SID), account.DN, s.NoRightsUser} {
			if same, err := admin.Account(ctx, name); err != nil || same.SID != account.SID {
				t.Errorf("%s: %+v, %v", name, same, err)
			}
		}
	})
}

// live does to groups that another account owns, and to one of its own, what runs do.
// below says that groups may be moved to a unit below, which Microsoft's entry does not
// allow: it lets the account create objects in the unit that has it, and not below.
func (s *suite) live(t *testing.T, admin, service contract.Target, unit contract.Container, written []string, below bool) {
	t.Helper()
	ctx := testContext(t)
	writer := service.Writer(nil)
	theirs, _ := s.create(t, admin, unit.GUID)
	own, _ := s.create(t, service, unit.GUID)
	for i, group := range []contract.Created{theirs, own} {
		var changes []plan.AttributeChange
		for _, name := range written {
			changes = append(changes, plan.AttributeChange{Name: name, New: []string{valueOf(name, i, group.GUID)}})
		}
		changes = append(changes,
			plan.AttributeChange{Name: "sAMAccountName", New: []string{"renamed-" + strconv.Itoa(i)}},
			plan.AttributeChange{Name: "groupType", New: []string{strconv.Itoa(int(directory.GroupTypeUniversalSecurity))}})
		for _, change := range changes {
			if err := writer.Modify(ctx, group.GUID, []plan.AttributeChange{change}); err != nil {
				t.Errorf("group %d, %s: %v", i, change.Name, err)
			}
		}
		member := s.contacts(t, admin, 1)
		if refused, err := writer.ChangeMembers(ctx, group.GUID, member, nil); err != nil || len(refused) > 0 {
			t.Errorf("adding a member: %v, %v", refused, err)
		}
		if refused, err := writer.ChangeMembers(ctx, group.GUID, nil, member); err != nil || len(refused) > 0 {
			t.Errorf("removing a member: %v, %v", refused, err)
		}
		if _, err := writer.Rename(ctx, group.GUID, "renamed-"+strconv.Itoa(i), directory.GUID{}); err != nil {
			t.Errorf("renaming: %v", err)
		}
		if below {
			if _, err := writer.Rename(ctx, group.GUID, "moved-"+strconv.Itoa(i), s.unit(t, admin, unit.DN).GUID); err != nil {
				t.Errorf("moving: %v", err)
			}
		}
		if err := writer.Delete(ctx, group.GUID); err != nil {
			t.Errorf("deleting: %v", err)
		}
	}
}

// isRefused tries what is not granted, one by one, on a group that another account owns.
// granted are attributes that are.
func (s *suite) isRefused(t *testing.T, admin, service contract.Target, unit contract.Container, granted []string) {
	t.Helper()
	ctx := testContext(t)
	theirs, _ := s.create(t, admin, unit.GUID)
	writer := service.Writer(nil)
	for name, value := range map[string]string{"managedBy": s.Container, "info": "x", "adminCount": "1", "wWWHomePage": "https://x"} {
		if slices.Contains(granted, name) {
			continue
		}
		s.wantDenied(t, writer.Modify(ctx, theirs.GUID, []plan.AttributeChange{{Name: name, New: []string{value}}}), name)
	}
	list := s.accessList(t, service, theirs.GUID)
	s.wantDenied(t, writer.SetAccessList(ctx, theirs.GUID, list.Descriptor), "change its permissions")
	outside, _ := s.create(t, admin, s.unit(t, admin, s.Other).GUID)
	s.wantDenied(t, writer.Modify(ctx, outside.GUID, []plan.AttributeChange{{Name: "displayName", New: []string{"x"}}}), "displayName")
	s.wantDenied(t, writer.Delete(ctx, outside.GUID), "delete")
}

func (s *suite) accessList(t *testing.T, target contract.Target, object directory.GUID) contract.AccessList {
	t.Helper()
	list, err := target.AccessList(testContext(t), object)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func (s *suite) setList(t *testing.T, target contract.Target, object directory.GUID, list descriptor.Descriptor) {
	t.Helper()
	if err := target.Writer(nil).SetAccessList(testContext(t), object, list); err != nil {
		t.Fatal(err)
	}
}

// valueOf returns a value that the attribute can hold. object is one that exists.
func valueOf(attribute string, n int, object directory.GUID) string {
	row := slices.IndexFunc(plan.Standard, func(row plan.Row) bool { return row.Attribute == attribute })
	if row >= 0 {
		switch plan.Standard[row].Compare {
		case plan.Number:
			return strconv.Itoa(n)
		case plan.Boolean:
			return "TRUE"
		case plan.Name:
			return "CN=Users,DC=contoso,DC=test"
		case plan.Object:
			return directory.MemberRef{GUID: object}.ObjectName()
		}
	}
	return "changed-" + strconv.Itoa(n) + "-" + attribute
}

// Granted checks that the service account has exactly the entries that it needs in the
// container if everything is chosen and these attributes are mapped.
func Granted(t *testing.T, env Env, mapped ...string) {
	s := &suite{Env: env, admin: connectAdmin(t, env), run: "granted"}
	admin := s.open(t, func(c *contract.TargetConfig) { c.User, c.Password = s.AdminUser, contract.NewSecret(s.AdminPassword) })
	ctx := testContext(t)
	identity, err := admin.Identify(ctx)
	if err != nil {
		t.Fatal(err)
	}
	name, _, _ := strings.Cut(s.Config.User, "@")
	account, err := admin.Account(ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	schema, err := admin.RightsSchema(ctx)
	if err != nil {
		t.Fatal(err)
	}
	unit, err := admin.Container(ctx, s.Container, directory.GUID{})
	if err != nil {
		t.Fatal(err)
	}
	attributes := append(plan.Standard.Compile(identity.Schema.Attributes, true).Attributes(), mapped...)
	entries := s.accessList(t, admin, unit.GUID).Descriptor.Entries()
	needed := rights.Entries(schema, attributes, rights.ByAttribute, account.SID)
	for _, n := range needed {
		if !rights.Has(entries, n.ACE) {
			t.Errorf("the account lacks %s", n.SDDL(descriptor.Domains{}))
		}
	}
	own := 0
	for _, e := range entries {
		if e.Trustee == account.SID {
			own++
		}
	}
	if own != len(needed) {
		t.Errorf("the account has %d entries and needs %d", own, len(needed))
	}
}
