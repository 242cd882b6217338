package adtest

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-ldap/ldap/v3"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// highest returns the current highestCommittedUSN.
func (s *suite) highest(t *testing.T, target contract.Target) int64 {
	t.Helper()
	who, err := target.Identify(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	return who.HighestUSN
}

// changed reads the groups changed since the USN, by DN.
func (s *suite) changed(t *testing.T, target contract.Target, since int64) map[string]directory.TargetGroup {
	t.Helper()
	groups := make(map[string]directory.TargetGroup)
	if err := target.ChangedGroups(testContext(t), since, func(g directory.TargetGroup) error {
		if _, twice := groups[g.DN]; twice {
			t.Errorf("%s was read twice", g.DN)
		}
		if g.USNChanged <= since {
			t.Errorf("%s with the USN %d has not changed since %d", g.DN, g.USNChanged, since)
		}
		groups[g.DN] = g
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return groups
}

// wantChanged fails unless exactly the groups with these names have changed since the
// USN.
func (s *suite) wantChanged(t *testing.T, target contract.Target, since int64, want ...string) map[string]directory.TargetGroup {
	t.Helper()
	groups := s.changed(t, target, since)
	var got []string
	for dn := range groups {
		got = append(got, dn)
	}
	if diff := cmp.Diff(want, got, equateEmpty, cmpopts.SortSlices(func(a, b string) bool { return a < b })); diff != "" {
		t.Error(diff)
	}
	return groups
}

func (s *suite) testChanged(t *testing.T) {
	target := s.open(t)
	unit, other := s.unit(t, target, s.Container), s.unit(t, target, s.Other)
	users := s.people(t)
	contact := "CN=member," + other.DN
	s.admin.contact(t, contact)
	gone := directory.MemberRef{GUID: s.admin.guid(t, contact), DN: contact}
	created, _ := s.create(t, target, unit.GUID, users["user0001"].ref(), gone)
	unmarked := "CN=unmarked," + other.DN
	unmarkedGUID := s.admin.add(t, unmarked, map[string][]string{"objectClass": {"group"}})
	s.wantChanged(t, target, s.highest(t, target))

	t.Run("attribute", func(t *testing.T) {
		since := s.highest(t, target)
		s.admin.modify(t, created.DN, func(r *ldap.ModifyRequest) { r.Replace("displayName", []string{"by hand"}) })
		got := s.wantChanged(t, target, since, created.DN)[created.DN]
		want, err := groupsByGUID(testContext(t), target, []directory.GUID{created.GUID}, contract.HeaderOnly)
		if err != nil || len(want) != 1 {
			t.Fatalf("%v, %v", want, err)
		}
		if diff := cmp.Diff(want[0], got); diff != "" || got.DisplayName() != "by hand" || got.WhenChanged.IsZero() {
			t.Errorf("%+v: %s", got, diff)
		}
		// The USN itself is not above the limit.
		s.wantChanged(t, target, got.USNChanged-1, created.DN)
		s.wantChanged(t, target, got.USNChanged)
	})
	t.Run("members", func(t *testing.T) {
		since := s.highest(t, target)
		if _, err := target.Writer(nil).ChangeMembers(testContext(t), created.GUID, []directory.MemberRef{users["user0002"].ref()}, nil); err != nil {
			t.Fatal(err)
		}
		s.wantChanged(t, target, since, created.DN)
		since = s.highest(t, target)
		s.admin.modify(t, created.DN, func(r *ldap.ModifyRequest) { r.Delete("member", []string{users["user0002"].DN}) })
		s.wantChanged(t, target, since, created.DN)
	})
	t.Run("members as they were", func(t *testing.T) {
		since := s.highest(t, target)
		if _, err := target.Writer(nil).ChangeMembers(testContext(t), created.GUID, []directory.MemberRef{users["user0001"].ref()}, []directory.MemberRef{users["user0002"].ref()}); err != nil {
			t.Fatal(err)
		}
		s.wantChanged(t, target, since)
	})
	t.Run("a member's account deleted", func(t *testing.T) {
		since := s.highest(t, target)
		s.admin.remove(t, contact)
		s.wantChanged(t, target, since)
		if got := s.admin.members(t, created.GUID); len(got) != 1 {
			t.Errorf("members %v", got)
		}
	})
	t.Run("unmarked", func(t *testing.T) {
		since := s.highest(t, target)
		s.admin.modify(t, unmarked, func(r *ldap.ModifyRequest) { r.Replace("description", []string{"x"}) })
		if got := s.wantChanged(t, target, since, unmarked)[unmarked]; got.GUID != unmarkedGUID || got.AdminDesc != "" {
			t.Errorf("%+v", got)
		}
	})
	t.Run("no groups", func(t *testing.T) {
		since := s.highest(t, target)
		s.admin.contact(t, contact)
		s.admin.modify(t, other.DN, func(r *ldap.ModifyRequest) { r.Replace("description", []string{"x"}) })
		s.wantChanged(t, target, since)
	})
	t.Run("mark removed, moved, renamed, created, deleted", func(t *testing.T) {
		without, _ := s.create(t, target, unit.GUID)
		moved, _ := s.create(t, target, unit.GUID)
		deleted, _ := s.create(t, target, unit.GUID)
		since := s.highest(t, target)
		s.admin.modify(t, without.DN, func(r *ldap.ModifyRequest) { r.Replace("adminDescription", nil) })
		s.admin.rename(t, moved.DN, "CN=moved", other.DN)
		s.admin.rename(t, created.DN, "CN=renamed", "")
		fresh, _ := s.create(t, target, unit.GUID)
		s.admin.remove(t, deleted.DN)
		got := s.wantChanged(t, target, since, without.DN, "CN=moved,"+other.DN, "CN=renamed,"+unit.DN, fresh.DN)
		if g := got["CN=moved,"+other.DN]; g.GUID != moved.GUID {
			t.Errorf("the moved one is %+v", g)
		}
		if g := got[without.DN]; g.AdminDesc != "" {
			t.Errorf("the mark is %q", g.AdminDesc)
		}
	})
	t.Run("from the beginning", func(t *testing.T) {
		for _, since := range []int64{-1, 0} {
			if got := s.changed(t, target, since); len(got) < 5 || got["CN=Domain Users,CN=Users,"+s.Base].CN == "" {
				t.Errorf("%d groups since %d", len(got), since)
			}
		}
	})
	t.Run("the caller's error", func(t *testing.T) {
		own := errors.New("enough")
		if err := target.ChangedGroups(testContext(t), 0, func(directory.TargetGroup) error { return own }); err != own {
			t.Errorf("it came back as %v", err)
		}
	})
}

// deleted reads the groups deleted since the USN.
func (s *suite) deleted(t *testing.T, target contract.Target, since int64) []directory.GUID {
	t.Helper()
	var guids []directory.GUID
	if err := target.DeletedGroups(testContext(t), since, func(g directory.GUID) error {
		guids = append(guids, g)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return guids
}

var anyOrder = cmpopts.SortSlices(func(a, b directory.GUID) bool { return slices.Compare(a[:], b[:]) < 0 })

func (s *suite) wantDeleted(t *testing.T, target contract.Target, since int64, want ...directory.GUID) {
	t.Helper()
	if diff := cmp.Diff(want, s.deleted(t, target, since), equateEmpty, anyOrder); diff != "" {
		t.Error(diff)
	}
}

func (s *suite) testDeleted(t *testing.T) {
	target := s.open(t)
	unit, other := s.unit(t, target, s.Container), s.unit(t, target, s.Other)
	sighted := s.open(t, func(c *contract.TargetConfig) { c.User = s.DeletedUser })
	created, _ := s.create(t, target, unit.GUID, s.people(t)["user0001"].ref())
	restored, _ := s.create(t, target, unit.GUID)
	foreign := s.admin.add(t, "CN=foreign,"+other.DN, map[string][]string{"objectClass": {"group"}})
	s.admin.contact(t, "CN=contact,"+other.DN)

	before := s.highest(t, sighted)
	s.wantDeleted(t, sighted, before)
	if err := target.Writer(nil).Delete(testContext(t), created.GUID); err != nil {
		t.Fatal(err)
	}
	between := s.highest(t, sighted)
	s.admin.remove(t, "CN=foreign,"+other.DN)
	s.admin.remove(t, "CN=contact,"+other.DN)
	s.wantDeleted(t, sighted, before, created.GUID, foreign)
	s.wantDeleted(t, sighted, between, foreign)
	s.wantDeleted(t, sighted, s.highest(t, sighted))
	s.wantChanged(t, sighted, before)

	t.Run("restored", func(t *testing.T) {
		before := s.highest(t, sighted)
		s.admin.remove(t, restored.DN)
		s.wantDeleted(t, sighted, before, restored.GUID)
		between := s.highest(t, sighted)
		s.admin.restore(t, restored.GUID, restored.DN)
		s.wantDeleted(t, sighted, before)
		if got := s.wantChanged(t, sighted, between, restored.DN)[restored.DN]; got.GUID != restored.GUID {
			t.Errorf("%+v came back", got)
		}
	})
	t.Run("not visible", func(t *testing.T) {
		for _, user := range []string{s.Config.User, s.NoRightsUser} {
			err := s.open(t, func(c *contract.TargetConfig) { c.User = user }).DeletedGroups(testContext(t), 0, func(g directory.GUID) error {
				t.Errorf("%s sees %s", user, g)
				return nil
			})
			if e := s.wantError(t, err, "DeletedNotVisible"); e.Category != contract.PermissionDenied {
				t.Errorf("the category is %s", e.Category)
			}
		}
	})
	t.Run("the caller's error", func(t *testing.T) {
		own := errors.New("enough")
		if err := sighted.DeletedGroups(testContext(t), 0, func(directory.GUID) error { return own }); err != own {
			t.Errorf("it came back as %v", err)
		}
	})
}

// restore restores a deleted object under the given name.
func (a *admin) restore(t *testing.T, guid directory.GUID, dn string) {
	t.Helper()
	shown := []ldap.Control{ldap.NewControlMicrosoftShowDeleted()}
	found, err := a.Search(ldap.NewSearchRequest(byGUID(guid), ldap.ScopeBaseObject, ldap.NeverDerefAliases, 0, 0, false, "(isDeleted=TRUE)", []string{"1.1"}, shown))
	if err != nil || len(found.Entries) != 1 {
		t.Fatalf("the tombstone of %s: %v", dn, err)
	}
	request := ldap.NewModifyRequest(found.Entries[0].DN, []ldap.Control{ldap.NewControlString(shown[0].GetControlType(), true, "")})
	request.Delete("isDeleted", nil)
	request.Replace("distinguishedName", []string{dn})
	err = a.Modify(request)
	if ldap.IsErrorWithCode(err, ldap.LDAPResultNoSuchAttribute) && strings.Contains(err.Error(), "isRecycled") {
		t.Skip("Samba restores nothing where there is a recycle bin: ", err)
	}
	if err != nil {
		t.Fatalf("restoring %s: %v", dn, err)
	}
}

func (s *suite) testMarked(t *testing.T) {
	target := s.open(t)
	unit := s.unit(t, target, s.Container)
	list := func(t *testing.T) []directory.GUID {
		var guids []directory.GUID
		if err := target.MarkedGroups(testContext(t), unit.GUID, func(g directory.GUID) error {
			guids = append(guids, g)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return guids
	}
	if got := list(t); len(got) > 0 {
		t.Errorf("in an empty container there are %v", got)
	}
	var want []directory.GUID
	for range 3 {
		created, _ := s.create(t, target, unit.GUID)
		want = append(want, created.GUID)
	}
	s.admin.add(t, "OU=below,"+unit.DN, map[string][]string{"objectClass": {"organizationalUnit"}})
	want = append(want, s.admin.add(t, "CN=foreign,OU=below,"+unit.DN, map[string][]string{"objectClass": {"group"}, "adminDescription": {directory.Mark(newID())}}))
	s.admin.add(t, "CN=unmarked,"+unit.DN, map[string][]string{"objectClass": {"group"}})
	s.admin.add(t, "CN=contact,"+unit.DN, map[string][]string{"objectClass": {"contact"}, "adminDescription": {directory.Mark(newID())}})
	if s.ExternalID {
		want = append(want, s.admin.add(t, "CN=by the other mark,"+unit.DN, map[string][]string{"objectClass": {"group"}, "msDS-ExternalDirectoryObjectId": {directory.Mark(newID())}}))
	}
	if diff := cmp.Diff(want, list(t), anyOrder); diff != "" {
		t.Error(diff)
	}
	if err := target.Writer(nil).Delete(testContext(t), want[0]); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want[1:], list(t), anyOrder); diff != "" {
		t.Error(diff)
	}
	s.wantError(t, target.MarkedGroups(testContext(t), newID(), func(directory.GUID) error { return nil }), "ContainerNotFound")
	own := errors.New("enough")
	if err := target.MarkedGroups(testContext(t), unit.GUID, func(directory.GUID) error { return own }); err != own {
		t.Errorf("the caller's error came back as %v", err)
	}
	t.Run("unreadable", func(t *testing.T) {
		s.admin.modify(t, unit.DN, func(r *ldap.ModifyRequest) {
			r.Replace("nTSecurityDescriptor", []string{string(administratorsOnly())})
		})
		err := target.MarkedGroups(testContext(t), unit.GUID, func(g directory.GUID) error {
			t.Errorf("%s was listed", g)
			return nil
		})
		s.wantError(t, err, "ContainerUnreadable")
	})
}

func (s *suite) testReplicated(t *testing.T) {
	for _, user := range []string{s.Config.User, s.NoRightsUser} {
		target := s.open(t, func(c *contract.TargetConfig) { c.User = user })
		who, err := target.Identify(testContext(t))
		if err != nil {
			t.Fatal(err)
		}
		// A domain controller always has its own changes.
		usn, known, err := target.ReplicatedUSN(testContext(t), who.InvocationID)
		if err != nil || !known || usn < who.HighestUSN {
			t.Errorf("of itself: %d, %v, %v; its highest USN is %d", usn, known, err, who.HighestUSN)
		}
		for _, other := range []directory.GUID{newID(), {}} {
			if usn, known, err := target.ReplicatedUSN(testContext(t), other); err != nil || known || usn != 0 {
				t.Errorf("of one that it never met: %d, %v, %v", usn, known, err)
			}
		}
	}
}

// testParallel writes as many groups at once as there may be connections.
func (s *suite) testParallel(t *testing.T) {
	const workers, each = 16, 4
	target := s.open(t)
	unit := s.unit(t, target, s.Container)
	users := s.people(t)
	first, second := users["user0001"].ref(), users["user0002"].ref()
	ctx := testContext(t)
	since := s.highest(t, target)
	var wait sync.WaitGroup
	for range workers {
		wait.Go(func() {
			for range each {
				id := newID()
				attributes := s.attributes(id, directory.Mark(id))
				refused, err := target.Writer(nil).Create(ctx, unit.GUID, attributes, []directory.MemberRef{first})
				var created []contract.Created
				if err == nil && len(refused) == 0 {
					created, err = target.Created(ctx, unit.GUID, [][]plan.AttributeChange{attributes})
				}
				if err == nil && len(refused) == 0 {
					refused, err = target.Writer(nil).ChangeMembers(ctx, created[0].GUID, []directory.MemberRef{second}, []directory.MemberRef{first})
				}
				if err != nil || len(refused) > 0 {
					t.Errorf("%v, refused %v", err, refused)
				}
			}
		})
	}
	wait.Wait()
	groups := s.groups(t, target, unit.GUID)
	if len(groups) != workers*each {
		t.Errorf("%d groups, want %d", len(groups), workers*each)
	}
	for _, g := range groups {
		if diff := cmp.Diff([]directory.MemberRef{second}, g.Members); diff != "" {
			t.Errorf("%s: %s", g.DN, diff)
		}
	}
	if got := s.changed(t, target, since); len(got) != len(groups) {
		t.Errorf("%d groups have changed", len(got))
	}
}
