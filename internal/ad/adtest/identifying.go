package adtest

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"
	"github.com/google/go-cmp/cmp"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

func (s *suite) testIdentify(t *testing.T) {
	got, err := s.open(t).Identify(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	root := s.admin.get(t, "", "dsServiceName", "highestCommittedUSN")
	service := root.GetAttributeValue("dsServiceName")
	invocation, err := directory.GUIDFromAD(s.admin.get(t, service, "invocationId").GetRawAttributeValue("invocationId"))
	if err != nil {
		t.Fatal(err)
	}
	head := s.admin.get(t, s.Base, "objectSid")
	sid, err := directory.SIDFromAD(head.GetRawAttributeValue("objectSid"))
	if err != nil {
		t.Fatal(err)
	}
	want := contract.TargetIdentity{
		DomainGUID: s.admin.guid(t, s.Base), DomainSID: sid, DomainName: s.Domain, BaseDN: s.Base,
		Server: s.host(), DSServiceName: service, InvocationID: invocation,
		Schema: contract.Schema{ObjectVersion: got.Schema.ObjectVersion, ExternalID: s.ExternalID, Exchange: s.Exchange, ExchangeVersion: got.Schema.ExchangeVersion, Attributes: got.Schema.Attributes},
		// These two depend on the server and are checked below.
		HighestUSN: got.HighestUSN, Account: got.Account,
		AccountSID: s.admin.sid(t, s.Config.User), ForestSID: sid,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got.HighestUSN <= 0 || got.Schema.ObjectVersion < 44 || s.Exchange != (got.Schema.ExchangeVersion > 0) {
		t.Errorf("highest USN %d, schema %+v", got.HighestUSN, got.Schema)
	}
	may := s.admin.get(t, "<SID="+string(sid)+"-513>", "allowedAttributes").GetAttributeValues("allowedAttributes")
	for _, name := range plan.Standard.Attributes() {
		if _, allowed := got.Schema.Attributes[name]; allowed != slices.Contains(may, name) {
			t.Errorf("%s is allowed on groups: %t", name, allowed)
		}
	}
	if a := got.Schema.Attributes; a["displayName"].RangeUpper != 256 || a["description"].RangeUpper != 1024 || a["mail"].RangeUpper != 256 {
		t.Errorf("the schema says %+v", a)
	}
	t.Run("attributes", func(t *testing.T) { s.testAttributes(t) })
	account, _, _ := strings.Cut(s.Config.User, "@")
	if !strings.Contains(got.Account, account) {
		t.Errorf("the account is %q", got.Account)
	}
	t.Run("deleted objects", func(t *testing.T) {
		got, err := s.open(t, func(c *contract.TargetConfig) { c.User = s.DeletedUser }).Identify(testContext(t))
		if err != nil {
			t.Fatal(err)
		}
		if !got.DeletedVisible {
			t.Error("deleted objects are not visible to the account that may see them")
		}
	})
}

// testAttributes asks the schema about attributes that are not read yet, and reads one of
// them from then on.
func (s *suite) testAttributes(t *testing.T) {
	target := s.open(t)
	names := []string{"INFO", "managedBy", "userPrincipalName", "objectSid", "objectGUID", "isDeleted", "noSuchAttribute"}
	said, err := target.AttributeSchemas(testContext(t), names)
	if err != nil {
		t.Fatal(err)
	}
	if a := said["INFO"]; a.Name != "info" || a.Several || a.NotOnGroups || a.System || a.RangeUpper != 1024 || a.Syntax != "2.5.5.12" {
		t.Errorf("info is %+v", a)
	}
	if a := said["managedBy"]; a.Syntax != "2.5.5.1" || a.Several || a.NotOnGroups {
		t.Errorf("managedBy is %+v", a)
	}
	if !said["userPrincipalName"].NotOnGroups || !said["objectGUID"].System {
		t.Errorf("userPrincipalName %+v, objectGUID %+v", said["userPrincipalName"], said["objectGUID"])
	}
	if _, there := said["noSuchAttribute"]; there {
		t.Error("the schema has noSuchAttribute")
	}
	chosen := append(plan.Standard.Attributes(), "info", "userPrincipalName")
	for range 2 { // the second time nothing needs to be asked
		schema, err := target.SelectAttributes(testContext(t), chosen)
		if err != nil {
			t.Fatal(err)
		}
		if _, allowed := schema["userPrincipalName"]; allowed || schema["info"].RangeUpper != 1024 {
			t.Errorf("%+v", schema)
		}
	}
	if now, err := target.Identify(testContext(t)); err != nil || now.Schema.Attributes["info"].Name != "info" {
		t.Errorf("%+v %v", now.Schema.Attributes, err)
	}
}

// testNamesInAttributes reads a group with attributes that hold a name, in each way in which
// groups are read. Those that name owners keep the objectGUID.
func (s *suite) testNamesInAttributes(t *testing.T) {
	target, ctx := s.open(t), testContext(t)
	if _, err := target.SelectAttributes(ctx, plan.Standard.Attributes()); err != nil {
		t.Fatal(err)
	}
	unit := s.unit(t, target, s.Container)
	since := s.highest(t, target)
	created, _ := s.create(t, target, unit.GUID)
	named := directory.MemberRef{GUID: unit.GUID, DN: unit.DN}
	changes := []plan.AttributeChange{
		{Name: "managedBy", New: []string{directory.MemberRef{GUID: unit.GUID, DN: "OU=renamed since," + s.Container}.ObjectName()}},
		{Name: "showInAddressBook", New: []string{unit.DN}},
	}
	if err := target.Writer(nil).Modify(ctx, created.GUID, changes); err != nil {
		t.Fatal(err)
	}
	read := map[string]directory.TargetGroup{}
	take := func(how string) func(directory.TargetGroup) error {
		return func(g directory.TargetGroup) error {
			if g.GUID == created.GUID {
				read[how] = g
			}
			return nil
		}
	}
	ranged, _, err := target.GroupByRanges(ctx, created.GUID, nil)
	read["by ranges"] = ranged
	for _, err := range []error{err,
		target.Groups(ctx, unit.GUID, contract.HeaderOnly, take("header")),
		target.Groups(ctx, unit.GUID, contract.WithMembers, take("container")),
		target.ChangedGroups(ctx, since, take("changed")),
		target.GroupsByGUID(ctx, []directory.GUID{created.GUID}, contract.WithMembers, take("by GUID")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(read) != 5 {
		t.Errorf("the group was read in %d ways", len(read))
	}
	for how, g := range read {
		for attribute, want := range map[string]string{"managedBy": named.ObjectName(), "showInAddressBook": unit.DN} {
			if got := g.Attributes[attribute]; !slices.Equal(got, []string{want}) {
				t.Errorf("%s: %s is %q, want %s", how, attribute, got, want)
			}
		}
	}
}

// sid reads the SID of the account name@domain.
func (a *admin) sid(t *testing.T, account string) directory.SID {
	t.Helper()
	name, domain, _ := strings.Cut(account, "@")
	base := "DC=" + strings.ReplaceAll(domain, ".", ",DC=")
	found, err := a.Search(ldap.NewSearchRequest(base, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 0, 0, false,
		"(sAMAccountName="+ldap.EscapeFilter(name)+")", []string{"objectSid"}, []ldap.Control{ldap.NewControlString("1.2.840.113556.1.4.1339", false, "")}))
	if err != nil || len(found.Entries) != 1 {
		t.Fatalf("looking for %s: %v", account, err)
	}
	sid, err := directory.SIDFromAD(found.Entries[0].GetRawAttributeValue("objectSid"))
	if err != nil {
		t.Fatal(err)
	}
	return sid
}

// administratorsOnly returns a security descriptor (MS-DTYP 2.4.6) that grants rights
// only to BUILTIN\Administrators and inherits nothing.
func administratorsOnly() []byte {
	administrators := directory.SID("S-1-5-32-544").AD()
	entry := []byte{0, 0, byte(8 + len(administrators)), 0} // ACCESS_ALLOWED_ACE
	entry = binary.LittleEndian.AppendUint32(entry, 0x000f01ff)
	entry = append(entry, administrators...)
	acl := append([]byte{2, 0, byte(8 + len(entry)), 0, 1, 0, 0, 0}, entry...)
	const header = 20
	owner := header
	group := owner + len(administrators)
	descriptor := []byte{1, 0, 0x04, 0x90} // self-relative, DACL present and protected
	for _, offset := range []int{owner, group, 0, group + len(administrators)} {
		descriptor = binary.LittleEndian.AppendUint32(descriptor, uint32(offset))
	}
	return slices.Concat(descriptor, administrators, administrators, acl)
}

func (s *suite) testContainer(t *testing.T) {
	target := s.open(t)
	for name, want := range map[string]struct {
		dn string
		id string
	}{
		"missing":               {"OU=Nowhere," + s.Base, "ContainerNotFound"},
		"missing below":         {"OU=A,OU=Nowhere," + s.Base, "ContainerNotFound"},
		"another domain":        {"OU=Groups,DC=fabrikam,DC=example", "ContainerOutsideDomain"},
		"domain below":          {"OU=Groups,DC=emea," + s.Base, "ContainerNotFound"},
		"configuration":         {"CN=Services,CN=Configuration," + s.Base, "ContainerOutsideDomain"},
		"schema":                {"CN=Schema,CN=Configuration," + s.Base, "ContainerOutsideDomain"},
		"no distinguished name": {"Groups", "ContainerInvalid"},
		"a path":                {s.Domain + "/Groups", "ContainerInvalid"},
		"empty":                 {"", "ContainerInvalid"},
		"hostile":               {`OU=a)(objectClass=\2a*,` + s.Base, "ContainerInvalid|ContainerNotFound"},
		"with a NUL":            {`OU=a\00b,` + s.Base, "ContainerInvalid|ContainerNotFound"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := target.Container(testContext(t), want.dn, directory.GUID{})
			s.wantOneOf(t, err, want.id)
		})
	}
	t.Run("unknown guid", func(t *testing.T) {
		_, err := target.Container(testContext(t), "", newID())
		s.wantError(t, err, "ContainerNotFound")
	})
	t.Run("guid of another partition", func(t *testing.T) {
		_, err := target.Container(testContext(t), "", s.admin.guid(t, "CN=Services,CN=Configuration,"+s.Base))
		s.wantError(t, err, "ContainerOutsideDomain")
	})
	t.Run("rights", func(t *testing.T) {
		for dn, can := range map[string]bool{s.Container: true, strings.ToLower(s.Container): true, s.Other: false, s.Base: false} {
			got, err := target.Container(testContext(t), dn, directory.GUID{})
			if err != nil {
				t.Fatal(err)
			}
			if got.CanCreate != can || got.GUID != s.admin.guid(t, dn) || !strings.EqualFold(got.DN, dn) {
				t.Errorf("%s: %+v, want CanCreate %v", dn, got, can)
			}
		}
		without := s.open(t, func(c *contract.TargetConfig) { c.User = s.NoRightsUser })
		got, err := without.Container(testContext(t), s.Container, directory.GUID{})
		if err != nil || got.CanCreate {
			t.Errorf("an account without rights: %+v, %v", got, err)
		}
	})
	t.Run("renamed", func(t *testing.T) {
		unit := s.unit(t, target, s.Container)
		created, _ := s.create(t, target, unit.GUID)
		s.admin.rename(t, unit.DN, `OU=ren\,amed`, s.Other)
		defer s.admin.rename(t, `OU=ren\,amed,`+s.Other, strings.SplitN(unit.DN, ",", 2)[0], s.Container)
		got, err := target.Container(testContext(t), unit.DN, unit.GUID)
		if err != nil || got.DN != `OU=ren\,amed,`+s.Other {
			t.Errorf("%+v, %v", got, err)
		}
		if groups := s.groups(t, target, unit.GUID); len(groups) != 1 || groups[0].GUID != created.GUID {
			t.Errorf("groups of the renamed container: %v", groups)
		}
	})
	t.Run("unreadable", func(t *testing.T) {
		dn := s.unit(t, target, s.Container).DN
		s.admin.modify(t, dn, func(r *ldap.ModifyRequest) {
			r.Replace("nTSecurityDescriptor", []string{string(administratorsOnly())})
		})
		_, err := target.Container(testContext(t), dn, directory.GUID{})
		s.wantOneOf(t, err, "ContainerUnreadable")
	})
	t.Run("gone", func(t *testing.T) {
		err := target.Groups(testContext(t), newID(), contract.WithMembers, func(directory.TargetGroup) error { return nil })
		s.wantError(t, err, "ContainerNotFound")
	})
}
