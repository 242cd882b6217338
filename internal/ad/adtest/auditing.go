package adtest

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// testAudit tests what Audit reports about rights: the account's own and those of
// others.
func (s *suite) testAudit(t *testing.T) {
	target := s.open(t)
	ctx := testContext(t)
	users := s.people(t)
	account, _, _ := strings.Cut(s.Config.User, "@")
	deleter, _, _ := strings.Cut(s.DeletedUser, "@")
	audit := func(t *testing.T, by contract.Target, container directory.GUID) contract.Audit {
		t.Helper()
		a, err := by.Audit(ctx, container)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	who := func(a contract.Audit) map[string]contract.Meddler {
		named := make(map[string]contract.Meddler)
		for _, m := range a.Others {
			named[m.Name] = m
		}
		return named
	}
	container := s.admin.guid(t, s.Container)

	t.Run("the account that has what it needs", func(t *testing.T) {
		got := audit(t, target, container)
		if !got.Token || len(got.TierZero) > 0 || len(got.Outside) > 0 {
			t.Errorf("more than it needs: %+v", got)
		}
		// Exactly one other account has rights.
		others := who(got)
		if m := others[deleter]; len(others) != 1 || !m.Create || !m.Change || m.DN != s.Container {
			t.Errorf("others are %+v", got.Others)
		}
		if got.Unreadable > 0 {
			t.Errorf("%d lists were not readable", got.Unreadable)
		}
	})
	t.Run("rights above the container", func(t *testing.T) {
		got := audit(t, target, s.unit(t, target, s.Container).GUID)
		if len(got.Outside) != 1 || got.Outside[0].DN != s.Container || !slices.Equal(got.Outside[0].Create, []string{"group"}) || got.Outside[0].Control {
			t.Errorf("%+v", got.Outside)
		}
	})
	t.Run("an account without rights", func(t *testing.T) {
		by := s.open(t, func(c *contract.TargetConfig) { c.User = s.NoRightsUser })
		got := audit(t, by, container)
		if m, ok := who(got)[account]; !ok || !m.Create || !m.Change {
			t.Errorf("others are %+v", got.Others)
		}
	})
	t.Run("others", func(t *testing.T) {
		unit := s.unit(t, target, s.Container)
		below := s.unit(t, target, unit.DN)
		created, _ := s.create(t, target, below.GUID)
		creator, changer, controller := users["user0001"].ObjectSID, users["user0002"].ObjectSID, users["user0003"].ObjectSID
		s.admin.allow(t, below.DN, aceOf(5, 0, 1, 1, "bf967a9c-0de6-11d0-a285-00aa003049e2", creator), aceOf(0, 0, 0x10, 0, "", users["user0004"].ObjectSID))
		s.admin.allow(t, unit.DN, aceOf(0, 2, 0x40000, 0, "", controller))
		s.admin.allow(t, created.DN, aceOf(0, 0, 0x20, 0, "", changer))
		others := who(audit(t, target, unit.GUID))
		for name, want := range map[string]contract.Meddler{
			"user0001": {Create: true, DN: below.DN},
			"user0002": {Change: true, DN: created.DN},
			"user0003": {Create: true, Change: true, DN: unit.DN},
		} {
			if m := others[name]; m.Create != want.Create || m.Change != want.Change || m.DN != want.DN || m.Objects != 1 {
				t.Errorf("%s: %+v, want %+v", name, m, want)
			}
		}
		if m, ok := others["user0004"]; ok {
			t.Errorf("who may only read is named: %+v", m)
		}
	})
	t.Run("the owner of a group", func(t *testing.T) {
		unit := s.unit(t, target, s.Container)
		created, _ := s.create(t, target, unit.GUID)
		s.admin.give(t, created.DN, users["user0001"].ObjectSID)
		if m := who(audit(t, target, unit.GUID))["user0001"]; !m.Change || m.Create {
			t.Errorf("%+v", m)
		}
	})
	t.Run("what cannot be read", func(t *testing.T) {
		unit := s.unit(t, target, s.Container)
		created, _ := s.create(t, target, unit.GUID)
		s.admin.veil(t, created.DN)
		defer s.admin.remove(t, created.DN)
		// The owner of an object may read its access control list, and need not see the
		// object.
		if _, err := target.Audit(ctx, unit.GUID); err != nil {
			t.Error(err)
		}
	})
	t.Run("an administrator", func(t *testing.T) {
		by := s.open(t, func(c *contract.TargetConfig) { c.User, c.Password = s.AdminUser, contract.NewSecret(s.AdminPassword) })
		got := audit(t, by, container)
		for _, name := range []string{"Administrators", "Domain Admins", "Enterprise Admins"} {
			if !slices.Contains(got.TierZero, name) {
				t.Errorf("%s is not among %v", name, got.TierZero)
			}
		}
		if len(got.Outside) < 5 || got.Outside[0].DN != s.Base || !got.Outside[0].Control || len(got.Outside[0].Write) == 0 || len(got.Outside[0].Create) == 0 {
			t.Errorf("%+v", got.Outside)
		}
	})
}

// aceOf returns an entry that allows access. For kind 5, present says whether object is
// the class that the entry is limited to.
func aceOf(kind, flags byte, mask uint32, present byte, object string, trustee directory.SID) []byte {
	var body []byte
	if kind == 5 {
		body = append([]byte{present, 0, 0, 0}, directory.MustGUID(object).AD()...)
	}
	body = append(body, trustee.AD()...)
	b := []byte{kind, flags}
	b = binary.LittleEndian.AppendUint16(b, uint16(8+len(body)))
	return append(binary.LittleEndian.AppendUint32(b, mask), body...)
}

// allow replaces an object's own access control list; inherited entries stay.
func (a *admin) allow(t *testing.T, dn string, entries ...[]byte) {
	t.Helper()
	// Administrators have full control, and all accounts may read.
	entries = append(entries, aceOf(0, 2, 0xf01ff, 0, "", "S-1-5-32-544"), aceOf(0, 0, 0x20094, 0, "", "S-1-5-11"))
	list := slices.Concat(entries...)
	b := []byte{1, 0, 0x04, 0x84} // self-relative, DACL present, to be inherited
	for _, offset := range []int{0, 0, 0, 20} {
		b = binary.LittleEndian.AppendUint32(b, uint32(offset))
	}
	b = append(b, 4, 0)
	b = binary.LittleEndian.AppendUint16(b, uint16(8+len(list)))
	b = binary.LittleEndian.AppendUint16(b, uint16(len(entries)))
	request := ldap.NewModifyRequest(dn, []ldap.Control{&ldap.ControlMicrosoftSDFlags{Criticality: true, ControlValue: 4}})
	request.Replace("nTSecurityDescriptor", []string{string(append(append(b, 0, 0), list...))})
	if err := a.Modify(request); err != nil {
		t.Fatalf("writing the access control list of %s: %v", dn, err)
	}
}
