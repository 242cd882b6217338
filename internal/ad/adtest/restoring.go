package adtest

import (
	"slices"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/descriptor"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
	"groupwriteback/internal/rights"
)

// restorer returns a target that may restore: that of an administrator.
func (s *suite) restorer(t *testing.T) contract.Target {
	return s.open(t, func(c *contract.TargetConfig) {
		c.User, c.Password = s.AdminUser, contract.NewSecret(s.AdminPassword)
	})
}

// remains returns what is left of a deleted group.
func (s *suite) remains(t *testing.T, target contract.Target, guid directory.GUID) contract.DeletedGroup {
	t.Helper()
	found, err := target.Deleted(testContext(t), []directory.GUID{guid, newID()})
	if err != nil || len(found) != 1 || found[0].GUID != guid {
		t.Fatalf("what is left: %+v, %v", found, err)
	}
	return found[0]
}

// testUndelete deletes groups and brings them back.
func (s *suite) testUndelete(t *testing.T) {
	target, admin := s.open(t), s.restorer(t)
	unit := s.unit(t, target, s.Container)
	member := s.people(t)["user0001"].ref()
	group, id := s.create(t, target, unit.GUID, member)
	header := func(t *testing.T) directory.TargetGroup {
		t.Helper()
		groups, err := groupsByGUID(testContext(t), target, []directory.GUID{group.GUID}, contract.WithMembers)
		if err != nil || len(groups) != 1 {
			t.Fatalf("%+v %v", groups, err)
		}
		return groups[0]
	}
	before := header(t)
	if found, err := admin.Deleted(testContext(t), []directory.GUID{group.GUID}); err != nil || len(found) > 0 {
		t.Errorf("a group that is there counts as deleted: %+v %v", found, err)
	}
	remove := func(t *testing.T) contract.DeletedGroup {
		t.Helper()
		if err := target.Writer(nil).Delete(testContext(t), group.GUID); err != nil {
			t.Fatal(err)
		}
		return s.remains(t, admin, group.GUID)
	}
	left := remove(t)
	if left.SID != before.SID || left.SAMAccountName != before.SAMAccountName || left.CN != before.CN || left.Parent.GUID != unit.GUID || left.Parent.DN != unit.DN {
		t.Errorf("left is %+v of %+v", left, before)
	}
	if left.Remains == contract.RemainsNothing {
		t.Fatalf("nothing is left: %+v", left)
	}
	s.wantHidden(t, target, group.GUID)

	back := s.attributes(id, before.CN)[2:] // without the names, which are kept
	if left.Remains == contract.RemainsWhole {
		back = nil
	}
	dn, err := admin.Writer(nil).Undelete(testContext(t), left, unit.GUID, before.CN, back)
	if left.Remains == contract.RemainsWhole && err != nil && strings.Contains(err.Error(), "isRecycled") {
		t.Skip("Samba restores nothing where there is a recycle bin: ", err)
	}
	if err != nil {
		t.Fatalf("restoring %+v: %v", left, err)
	}
	after := header(t)
	if dn != before.DN || after.DN != dn || after.GUID != before.GUID || after.SID != before.SID || after.AdminDesc != before.AdminDesc ||
		after.SAMAccountName != before.SAMAccountName || after.GroupType != before.GroupType || !slices.Equal(after.ExtensionName, before.ExtensionName) {
		t.Errorf("%s came back as %+v, it was %+v", dn, after, before)
	}
	if diff := cmp.Diff(before.Attributes, after.Attributes); diff != "" {
		t.Error(diff)
	}
	want := []string{member.DN}
	if left.Remains != contract.RemainsWhole {
		want = nil
	}
	if got := s.admin.members(t, group.GUID); !slices.Equal(got, want) {
		t.Errorf("its members are %v, want %v", got, want)
	}
	if refused, err := target.Writer(nil).ChangeMembers(testContext(t), group.GUID, []directory.MemberRef{member}, nil); err != nil || len(refused) > 0 {
		t.Errorf("the account cannot write the group: %v, %v", refused, err)
	}

	t.Run("the name is taken", func(t *testing.T) {
		left := remove(t)
		s.admin.add(t, before.DN, map[string][]string{"objectClass": {"group"}, "sAMAccountName": {"taken-" + s.run}})
		defer s.admin.remove(t, before.DN)
		_, err := admin.Writer(nil).Undelete(testContext(t), left, unit.GUID, before.CN, back)
		if e := s.wantError(t, err, "NameClash"); e.Object != before.DN {
			t.Errorf("the holder is %s", e.Object)
		}
		s.remains(t, admin, group.GUID)
	})
	t.Run("without the right", func(t *testing.T) {
		sighted := s.open(t, func(c *contract.TargetConfig) { c.User = s.DeletedUser })
		_, err := sighted.Writer(nil).Undelete(testContext(t), s.remains(t, sighted, group.GUID), unit.GUID, before.CN, back)
		s.wantDenied(t, err, "Reanimate Tombstones")
		s.remains(t, admin, group.GUID)
	})
	t.Run("with the right", func(t *testing.T) {
		sighted := s.open(t, func(c *contract.TargetConfig) { c.User = s.DeletedUser })
		who, err := sighted.Identify(testContext(t))
		if err != nil {
			t.Fatal(err)
		}
		list, err := admin.AccessList(testContext(t), who.DomainGUID)
		if err != nil {
			t.Fatal(err)
		}
		set := func(d descriptor.Descriptor) {
			t.Helper()
			if err := admin.Writer(nil).SetAccessList(testContext(t), who.DomainGUID, d); err != nil {
				t.Fatal(err)
			}
		}
		set(list.Descriptor.With(rights.Grant(list.Descriptor.Entries(), rights.RestoreEntries(who.AccountSID))))
		defer set(list.Descriptor)
		dn, err := sighted.Writer(nil).Undelete(testContext(t), s.remains(t, sighted, group.GUID), unit.GUID, before.CN, back)
		if err != nil || dn != before.DN {
			t.Errorf("%s, %v", dn, err)
		}
		audit, err := sighted.Audit(testContext(t), unit.GUID)
		if err != nil || !slices.ContainsFunc(audit.Outside, func(r contract.OutsideRight) bool { return r.Restore && r.DN == s.Base }) {
			t.Errorf("the right is not told: %+v, %v", audit.Outside, err)
		}
		remove(t)
	})
	t.Run("no container", func(t *testing.T) {
		_, err := admin.Writer(nil).Undelete(testContext(t), s.remains(t, admin, group.GUID), newID(), before.CN, back)
		s.wantError(t, err, "ContainerNotFound")
	})
	t.Run("elsewhere", func(t *testing.T) {
		other := s.unit(t, target, s.Container)
		dn, err := admin.Writer(nil).Undelete(testContext(t), s.remains(t, admin, group.GUID), other.GUID, "other name", back)
		if want := "CN=other name," + other.DN; err != nil || dn != want || header(t).DN != want {
			t.Errorf("%s, %v", dn, err)
		}
	})
}

// wantHidden fails unless an account that sees no deleted objects is told so.
func (s *suite) wantHidden(t *testing.T, target contract.Target, guid directory.GUID) {
	t.Helper()
	found, err := target.Deleted(testContext(t), []directory.GUID{guid})
	if e := s.wantError(t, err, "DeletedNotVisible"); e.Category != contract.PermissionDenied || len(found) > 0 {
		t.Errorf("%+v %+v", found, e)
	}
}

// testRecycleBin deletes groups into the recycle bin and brings them back.
func (w *windows) testRecycleBin(t *testing.T) {
	admin := w.restorer(t)
	people := w.people(t)
	member := people["user0001"].ref()
	inner, _ := w.create(t, w.target, w.unit.GUID, member)
	outer, _ := w.create(t, w.target, w.unit.GUID, directory.MemberRef{GUID: inner.GUID, DN: inner.DN}, member)
	above, _ := w.create(t, w.target, w.unit.GUID, directory.MemberRef{GUID: outer.GUID, DN: outer.DN})
	w.admin.modify(t, inner.DN, func(r *ldap.ModifyRequest) { r.Replace("info", []string{"not ours"}) })
	before, err := groupsByGUID(testContext(t), w.target, []directory.GUID{inner.GUID}, contract.WithMembers)
	if err != nil || len(before) != 1 {
		t.Fatal(before, err)
	}
	for _, g := range []contract.Created{outer, inner} {
		if err := w.target.Writer(nil).Delete(testContext(t), g.GUID); err != nil {
			t.Fatal(err)
		}
	}
	if got := w.admin.members(t, above.GUID); len(got) > 0 {
		t.Errorf("deleted members are shown: %v", got)
	}
	restore := func(g contract.Created) (string, error) {
		left := w.remains(t, admin, g.GUID)
		return admin.Writer(nil).Undelete(testContext(t), left, w.unit.GUID, left.CN, nil)
	}
	for _, g := range []contract.Created{outer, inner} {
		if left := w.remains(t, admin, g.GUID); left.Remains != contract.RemainsWhole || !left.Marked() {
			t.Errorf("left is %+v", left)
		}
		if dn, err := restore(g); err != nil || dn != g.DN {
			t.Errorf("%s: %v", dn, err)
		}
	}
	after, err := groupsByGUID(testContext(t), w.target, []directory.GUID{inner.GUID}, contract.WithMembers)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, after, cmpopts.IgnoreFields(directory.TargetGroup{}, "USNChanged", "WhenChanged")); diff != "" {
		t.Error(diff)
	}
	if e := w.admin.get(t, inner.DN, "info"); e.GetAttributeValue("info") != "not ours" {
		t.Error("what is not ours is lost")
	}
	if got := w.admin.members(t, outer.GUID); !slices.Equal(got, []string{inner.DN, member.DN}) {
		t.Errorf("the members are %v", got)
	}
	if got := w.admin.members(t, above.GUID); !slices.Equal(got, []string{outer.DN}) {
		t.Errorf("the group is in %v", got)
	}

	if err := w.target.Writer(nil).Delete(testContext(t), inner.GUID); err != nil {
		t.Fatal(err)
	}
	if err := w.dc.Recycle(w.remains(t, admin, inner.GUID).DN); err != nil {
		t.Fatal(err)
	}
	if left := w.remains(t, admin, inner.GUID); left.Remains != contract.RemainsNothing {
		t.Errorf("left is %+v", left)
	}
	_, err = restore(inner)
	w.wantError(t, err, "WriteRefused")
}

// testTombstone is what Samba does not check.
func (w *windows) testTombstone(t *testing.T) {
	admin := w.restorer(t)
	group, id := w.create(t, w.target, w.unit.GUID)
	if err := w.target.Writer(nil).Delete(testContext(t), group.GUID); err != nil {
		t.Fatal(err)
	}
	holder := "CN=holder," + w.unit.DN
	w.admin.add(t, holder, map[string][]string{"objectClass": {"group"}, "sAMAccountName": {directory.Mark(id)}})
	left := w.remains(t, admin, group.GUID)
	_, err := admin.Writer(nil).Undelete(testContext(t), left, w.unit.GUID, left.CN, nil)
	if e := w.wantError(t, err, "NameClash"); e.Object != holder {
		t.Errorf("the holder is %s", e.Object)
	}
	w.admin.remove(t, holder)
	// A change that is refused leaves the object where it is.
	_, err = admin.Writer(nil).Undelete(testContext(t), left, w.unit.GUID, left.CN, []plan.AttributeChange{{Name: "displayName", New: []string{strings.Repeat("x", 300)}}})
	w.wantError(t, err, "WriteRefused")
	if again := w.remains(t, admin, group.GUID); again.Parent != left.Parent {
		t.Errorf("left is %+v", again)
	}
}
