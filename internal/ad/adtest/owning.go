package adtest

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// testOwned tests what tells whose an object is: mark and stamp alone are public text.
func (s *suite) testOwned(t *testing.T) {
	target := s.open(t)
	ctx := testContext(t)
	users := s.people(t)
	unit, other := s.unit(t, target, s.Container), s.unit(t, target, s.Other)
	identity, err := target.Identify(ctx)
	if err != nil {
		t.Fatal(err)
	}
	// A group like ours, but created by an administrator and owned by a user.
	planted := func(parent string, owner directory.SID) (guid, id directory.GUID) {
		id = newID()
		dn := "CN=" + directory.Mark(id) + "," + parent
		guid = s.admin.add(t, dn, map[string][]string{"objectClass": {"group"}, "sAMAccountName": {directory.Mark(id)},
			"groupType": {fmt.Sprint(directory.GroupTypeUniversalDistribution)}, "adminDescription": {directory.Mark(id)}, "extensionName": {directory.Stamp(testTenant)}})
		if s.ExternalID {
			s.admin.modify(t, dn, func(r *ldap.ModifyRequest) {
				r.Replace("msDS-ExternalDirectoryObjectId", []string{directory.Mark(id)})
			})
		}
		if owner != "" {
			s.admin.give(t, dn, owner)
		}
		return guid, id
	}

	t.Run("owners", func(t *testing.T) {
		ours, _ := s.create(t, target, unit.GUID)
		administrators, _ := planted(unit.DN, "")
		users1, _ := planted(other.DN, users["user0001"].ObjectSID)
		owners, err := target.Owners(ctx, []directory.GUID{ours.GUID, administrators, users1, newID()})
		if err != nil {
			t.Fatal(err)
		}
		account, _, _ := strings.Cut(s.Config.User, "@")
		for guid, want := range map[directory.GUID]contract.Principal{
			ours.GUID:      {SID: identity.AccountSID, Name: account},
			administrators: {SID: identity.DomainSID + "-512", Name: "Domain Admins"},
			users1:         {SID: users["user0001"].ObjectSID, Name: "user0001"},
		} {
			if owners[guid] != want {
				t.Errorf("owner %+v, want %+v", owners[guid], want)
			}
		}
		if len(owners) != 3 {
			t.Errorf("owners %v", owners)
		}
	})
	t.Run("stamped anywhere", func(t *testing.T) {
		inside, _ := s.create(t, target, unit.GUID)
		outside, _ := planted(other.DN, users["user0001"].ObjectSID)
		s.admin.add(t, "CN=unmarked,"+other.DN, map[string][]string{"objectClass": {"group"}, "extensionName": {directory.Stamp(testTenant)}})
		s.admin.add(t, "CN=another tenant's,"+other.DN, map[string][]string{"objectClass": {"group"}, "adminDescription": {directory.Mark(newID())}, "extensionName": {directory.Stamp(newID())}})
		var found []directory.GUID
		err := target.StampedGroups(ctx, directory.Stamp(testTenant), func(g directory.TargetGroup) error {
			if !g.Marked() || !slices.Contains(g.ExtensionName, directory.Stamp(testTenant)) {
				t.Errorf("found %+v", g)
			}
			found = append(found, g.GUID)
			return nil
		})
		if err != nil || !slices.Contains(found, inside.GUID) || !slices.Contains(found, outside) {
			t.Errorf("%v: neither %v nor %v may be missing of %v", err, inside, outside, found)
		}
	})
	t.Run("what another made is not created", func(t *testing.T) {
		// An administrator is not us either.
		for name, owner := range map[string]directory.SID{"user": users["user0001"].ObjectSID, "administrator": ""} {
			guid, id := planted(unit.DN, owner)
			attributes := s.attributes(id, directory.Mark(id))
			refused, err := target.Writer(nil).Create(ctx, unit.GUID, attributes, []directory.MemberRef{users["user0002"].ref()})
			s.wantError(t, err, "NameClash")
			if len(refused) > 0 {
				t.Errorf("%s: refused %v", name, refused)
			}
			if members := s.admin.members(t, guid); len(members) > 0 {
				t.Errorf("%s: it got the members %v", name, members)
			}
			found, err := target.Created(ctx, unit.GUID, [][]plan.AttributeChange{attributes})
			if err != nil || !found[0].GUID.IsZero() {
				t.Errorf("%s: taken as created: %v, %v", name, found, err)
			}
		}
	})
	t.Run("accounts by name", func(t *testing.T) {
		user := users["user0001"]
		for _, name := range []string{"user0001", " user0001 ", "USER0001@" + s.Domain, s.netbios() + `\user0001`, s.Domain + `\user0001`, user.DN, string(user.ObjectSID)} {
			got, err := target.Principal(ctx, name)
			if want := (contract.Principal{SID: user.ObjectSID, Name: "user0001"}); err != nil || got != want {
				t.Errorf("%s: %+v, %v", name, got, err)
			}
		}
		gone := identity.DomainSID + "-4000000000"
		if got, err := target.Principal(ctx, string(gone)); err != nil || got.SID != gone {
			t.Errorf("a deleted account: %+v, %v", got, err)
		}
		for _, name := range []string{"", "nobody", `OTHER\user0001`, "user0001@other.test", "*", "people-global"} {
			_, err := target.Principal(ctx, name)
			s.wantError(t, err, "AccountNotFound")
		}
	})
	t.Run("protected", func(t *testing.T) {
		created, _ := s.create(t, target, unit.GUID)
		s.admin.modify(t, byGUID(created.GUID), func(r *ldap.ModifyRequest) { r.Replace("adminCount", []string{"1"}) })
		refs, err := target.BySID(ctx, []directory.SID{identity.DomainSID + "-513"})
		if err != nil {
			t.Fatal(err)
		}
		users := refs[identity.DomainSID+"-513"].GUID
		found := map[directory.GUID]directory.TargetGroup{}
		if err := target.GroupsByGUID(ctx, []directory.GUID{created.GUID, users}, contract.HeaderOnly, func(g directory.TargetGroup) error {
			found[g.GUID] = g
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if g := found[created.GUID]; !g.AdminCount || g.Critical {
			t.Errorf("a group that was nested in a protected one: %+v", g)
		}
		if g := found[users]; !g.Critical {
			t.Errorf("Domain Users: %+v", g)
		}
		for _, dn := range []string{s.Base, "CN=Users," + s.Base, "CN=System," + s.Base, "CN=Builtin," + s.Base, "OU=Domain Controllers," + s.Base} {
			if c, err := target.Container(ctx, dn, directory.GUID{}); err != nil || !c.Critical {
				t.Errorf("%s: %+v, %v", dn, c, err)
			}
		}
		if unit.Critical {
			t.Errorf("%s is critical", unit.DN)
		}
	})
}

// give makes somebody the owner of an object.
func (a *admin) give(t *testing.T, dn string, owner directory.SID) {
	t.Helper()
	descriptor := []byte{1, 0, 0, 0x80} // self-relative
	for _, offset := range []int{20, 0, 0, 0} {
		descriptor = binary.LittleEndian.AppendUint32(descriptor, uint32(offset))
	}
	request := ldap.NewModifyRequest(dn, []ldap.Control{&ldap.ControlMicrosoftSDFlags{Criticality: true, ControlValue: 1}})
	request.Replace("nTSecurityDescriptor", []string{string(append(descriptor, owner.AD()...))})
	if err := a.Modify(request); err != nil {
		t.Fatalf("giving %s to %s: %v", dn, owner, err)
	}
}

// netbios returns the short name of the domain.
func (s *suite) netbios() string {
	label, _, _ := strings.Cut(s.Domain, ".")
	return strings.ToUpper(label)
}
