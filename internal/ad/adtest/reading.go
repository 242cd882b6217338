package adtest

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"
	"github.com/google/go-cmp/cmp"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/descriptor"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/ldif"
	"groupwriteback/internal/plan"
)

func (s *suite) testRead(t *testing.T) {
	target := s.open(t)
	unit := s.unit(t, target, s.Container)
	users := s.people(t)
	created, id := s.create(t, target, unit.GUID, users["user0001"].ref())
	s.admin.modify(t, created.DN, func(r *ldap.ModifyRequest) {
		r.Replace("mail", []string{"sales@" + s.Domain})
		r.Replace("description", []string{"A description"})
		r.Add("extensionName", []string{"other"})
	})
	other := newID()
	foreign := s.admin.add(t, "CN=foreign,"+unit.DN, map[string][]string{"objectClass": {"group"}, "adminDescription": {directory.Mark(other)}, "groupType": {"-2147483640"}})
	s.admin.add(t, "CN=unmarked,"+unit.DN, map[string][]string{"objectClass": {"group"}, "adminDescription": {"Groups are fine"}})
	s.admin.add(t, "CN=marked contact,"+unit.DN, map[string][]string{"objectClass": {"contact"}, "adminDescription": {directory.Mark(newID())}})
	s.admin.add(t, "OU=below,"+unit.DN, map[string][]string{"objectClass": {"organizationalUnit"}})
	want := map[directory.GUID]bool{created.GUID: true, foreign: true}
	want[s.admin.add(t, "CN=below,OU=below,"+unit.DN, map[string][]string{"objectClass": {"group"}, "adminDescription": {directory.Mark(newID())}})] = true
	if s.ExternalID {
		want[s.admin.add(t, "CN=by the other mark,"+unit.DN, map[string][]string{"objectClass": {"group"}, "msDS-ExternalDirectoryObjectId": {directory.Mark(newID())}})] = true
	}
	gone, _ := s.create(t, target, unit.GUID)
	s.admin.remove(t, gone.DN)

	t.Run("marked groups", func(t *testing.T) {
		got := make(map[directory.GUID]directory.TargetGroup)
		for _, g := range s.groups(t, target, unit.GUID) {
			got[g.GUID] = g
			if !want[g.GUID] {
				t.Errorf("%s was read", g.DN)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%d groups, want %d", len(got), len(want))
		}
		e := s.admin.get(t, created.DN, "objectSid", "uSNChanged", "whenChanged")
		sid, err := directory.SIDFromAD(e.GetRawAttributeValue("objectSid"))
		if err != nil {
			t.Fatal(err)
		}
		g := got[created.GUID]
		slices.Sort(g.ExtensionName)
		expected := directory.TargetGroup{
			GUID: created.GUID, DN: created.DN, CN: directory.Mark(id), SAMAccountName: directory.Mark(id), SID: sid, GroupType: 8,
			Attributes: directory.Values{"displayName": {"Group " + id.String()}, "description": {"A description"}, "mail": {"sales@" + s.Domain}}, AdminDesc: directory.Mark(id),
			ExtensionName: []string{directory.Stamp(testTenant), "other"}, Members: []directory.MemberRef{users["user0001"].ref()}, USNChanged: g.USNChanged, WhenChanged: g.WhenChanged,
		}
		if s.ExternalID {
			expected.ExternalID = directory.Mark(id)
		}
		if diff := cmp.Diff(expected, g); diff != "" {
			t.Error(diff)
		}
		if usn := e.GetAttributeValue("uSNChanged"); usn != fmt.Sprint(g.USNChanged) {
			t.Errorf("uSNChanged is %s, read as %d", usn, g.USNChanged)
		}
		if when := e.GetAttributeValue("whenChanged"); when == "" || when != g.WhenChanged.Format("20060102150405.0Z") {
			t.Errorf("whenChanged is %q, read as %v", when, g.WhenChanged)
		}
		if f := got[foreign]; f.GroupType != -2147483640 || f.SID == "" {
			t.Errorf("the foreign group was read as %+v", f)
		}

		// The mapping determines which attributes are read.
		s.admin.modify(t, created.DN, func(r *ldap.ModifyRequest) { r.Replace("info", []string{"asked for"}) })
		asked := s.open(t, func(c *contract.TargetConfig) { c.Attributes = []string{"info", "noSuchAttribute"} })
		for _, g := range s.groups(t, asked, unit.GUID) {
			if diff := cmp.Diff(directory.Values{"info": {"asked for"}}, g.Attributes); g.GUID == created.GUID && (diff != "" || g.AdminDesc != directory.Mark(id)) {
				t.Errorf("%+v %s", g, diff)
			}
		}
		s.admin.modify(t, created.DN, func(r *ldap.ModifyRequest) { r.Replace("info", nil) })
		for _, now := range s.groups(t, target, unit.GUID) {
			if now.GUID == created.GUID {
				expected.USNChanged, expected.WhenChanged = now.USNChanged, now.WhenChanged
			}
		}

		expected.Members = nil
		if err := target.Groups(testContext(t), unit.GUID, contract.HeaderOnly, func(h directory.TargetGroup) error {
			slices.Sort(h.ExtensionName)
			if h.GUID == created.GUID && !cmp.Equal(expected, h) {
				t.Errorf("without members: %s", cmp.Diff(expected, h))
			}
			delete(want, h.GUID)
			return nil
		}); err != nil || len(want) > 0 {
			t.Errorf("without members: %v, %d groups are lacking", err, len(want))
		}
	})
	t.Run("by GUID", func(t *testing.T) {
		moved, _ := s.create(t, target, unit.GUID, users["user0002"].ref())
		other := s.unit(t, target, s.Other)
		s.admin.rename(t, moved.DN, "CN=moved", other.DN)
		asked := []directory.GUID{moved.GUID, gone.GUID, users["user0001"].ObjectGUID, newID(), created.GUID, unit.GUID}
		for range 120 {
			asked = append(asked, newID())
		}
		for _, extent := range []contract.Extent{contract.WithMembers, contract.HeaderOnly} {
			groups, err := groupsByGUID(testContext(t), target, asked, extent)
			if err != nil {
				t.Fatal(err)
			}
			var dns []string
			for _, g := range groups {
				dns = append(dns, g.DN)
				if (len(g.Members) == 1) != (extent == contract.WithMembers) {
					t.Errorf("%s has %d members", g.DN, len(g.Members))
				}
			}
			slices.Sort(dns)
			expected := []string{"CN=moved," + other.DN, created.DN}
			slices.Sort(expected)
			if diff := cmp.Diff(expected, dns); diff != "" {
				t.Error(diff)
			}
		}
		if groups, err := groupsByGUID(testContext(t), target, nil, contract.WithMembers); err != nil || len(groups) > 0 {
			t.Errorf("nothing was asked for: %v, %v", groups, err)
		}
	})
	t.Run("a deleted account's value", func(t *testing.T) {
		below := s.unit(t, target, s.Other)
		var some []directory.MemberRef
		for _, name := range []string{"a", "b", "c"} {
			dn := "CN=" + name + "," + below.DN
			s.admin.contact(t, dn)
			some = append(some, directory.MemberRef{GUID: s.admin.guid(t, dn), DN: dn})
		}
		group, _ := s.create(t, target, unit.GUID, some...)
		s.admin.remove(t, some[1].DN)
		groups, err := groupsByGUID(testContext(t), target, []directory.GUID{group.GUID}, contract.WithMembers)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{some[0].DN, some[2].DN}, names(groups[0].Members)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("several pages", func(t *testing.T) {
		unit := s.unit(t, target, s.Container)
		want := make(map[directory.GUID]bool)
		for range 230 {
			created, _ := s.create(t, target, unit.GUID)
			want[created.GUID] = true
		}
		for _, g := range s.groups(t, target, unit.GUID) {
			if !want[g.GUID] {
				t.Errorf("%s was read twice or is not there", g.DN)
			}
			delete(want, g.GUID)
		}
		if len(want) > 0 {
			t.Errorf("%d groups were not read", len(want))
		}
	})
}

func (s *suite) testResolve(t *testing.T) {
	target := s.open(t)
	users := s.people(t)
	unit := s.unit(t, target, s.Other)
	sidOf := func(dn string) directory.SID {
		sid, err := directory.SIDFromAD(s.admin.get(t, dn, "objectSid").GetRawAttributeValue("objectSid"))
		if err != nil {
			t.Fatal(err)
		}
		return sid
	}
	u := func(n int) user { return users[fmt.Sprintf("user%04d", n)] }
	synced := func(m directory.SourceMember) directory.SourceMember {
		m.ID, m.Readable, m.Synced = newID(), true, true
		if m.Kind == "" {
			m.Kind = directory.KindUser
		}
		return m
	}
	once := func(m directory.SourceMember) directory.SourceMember {
		m.ID, m.Kind, m.Readable = newID(), directory.KindUser, true
		return m
	}
	immutable := func(g directory.GUID) string { return base64.StdEncoding.EncodeToString(g.AD()) }
	consistent := u(31)
	if consistent.ConsistencyGUID == "" {
		t.Fatal("the lab's user0031 has no consistencyGuid")
	}
	// Two users share a consistency GUID, and a deleted user's SID is left over.
	twin, _ := base64.StdEncoding.DecodeString(u(32).ConsistencyGUID)
	s.admin.add(t, "CN=twin,"+unit.DN, map[string][]string{"objectClass": {"user"}, "sAMAccountName": {"twin-of-32"}, "mS-DS-ConsistencyGuid": {string(twin)}})
	s.admin.add(t, "CN=leaver,"+unit.DN, map[string][]string{"objectClass": {"user"}, "sAMAccountName": {"leaver"}})
	leaver := sidOf("CN=leaver," + unit.DN)
	leaverGUID := s.admin.guid(t, "CN=leaver,"+unit.DN)
	s.admin.remove(t, "CN=leaver,"+unit.DN)
	s.admin.add(t, "CN=person,"+unit.DN, map[string][]string{"objectClass": {"inetOrgPerson"}, "sn": {"x"}, "sAMAccountName": {"person"}})
	s.admin.add(t, "CN=machine,"+unit.DN, map[string][]string{"objectClass": {"computer"}, "sAMAccountName": {"machine$"}})
	s.admin.add(t, "CN=contact,"+unit.DN, map[string][]string{"objectClass": {"contact"}})
	s.admin.add(t, "CN=veiled,"+unit.DN, map[string][]string{"objectClass": {"user"}, "sAMAccountName": {"veiled-account"}})
	s.admin.veil(t, "CN=veiled,"+unit.DN)
	administrator := s.admin.guid(t, "CN=Administrator,CN=Users,"+s.Base)
	ref := func(dn string) directory.MemberRef {
		return directory.MemberRef{GUID: s.admin.guid(t, dn), DN: dn, SID: sidOf(dn)}
	}
	global, local := "CN=people-global,"+s.People, "CN=people-local,"+s.People

	none := directory.MemberRef{}
	for name, c := range map[string]struct {
		member directory.SourceMember
		ref    directory.MemberRef
		reason directory.Reason
	}{
		"by SID":                     {synced(directory.SourceMember{SID: u(1).ObjectSID}), u(1).ref(), ""},
		"hostile name":               {synced(directory.SourceMember{SID: users["plus"].ObjectSID}), users["plus"].ref(), ""},
		"by SID before immutable id": {synced(directory.SourceMember{SID: u(1).ObjectSID, ImmutableID: immutable(u(2).ObjectGUID)}), u(1).ref(), ""},
		"by objectGUID":              {synced(directory.SourceMember{ImmutableID: immutable(u(2).ObjectGUID)}), u(2).ref(), ""},
		"by consistency GUID":        {synced(directory.SourceMember{ImmutableID: consistent.ConsistencyGUID}), consistent.ref(), ""},
		"SID gone, objectGUID there": {synced(directory.SourceMember{SID: leaver, ImmutableID: immutable(u(3).ObjectGUID)}), u(3).ref(), ""},
		"foreign SID, objectGUID":    {synced(directory.SourceMember{SID: "S-1-5-21-1-2-3-1000", ImmutableID: immutable(u(4).ObjectGUID)}), none, directory.ReasonOtherForest},
		"foreign SID, consistency":   {synced(directory.SourceMember{SID: "S-1-5-21-1-2-3-1000", ImmutableID: consistent.ConsistencyGUID}), none, directory.ReasonOtherForest},
		// A tenant administrator may set the immutable id of a user that is not synced,
		// or no longer synced.
		"once synced, SID there":     {once(directory.SourceMember{SID: u(5).ObjectSID, ImmutableID: immutable(u(6).ObjectGUID)}), u(5).ref(), ""},
		"once synced, objectGUID":    {once(directory.SourceMember{SID: leaver, ImmutableID: immutable(administrator)}), none, directory.ReasonNotFound},
		"once synced, consistency":   {once(directory.SourceMember{SID: leaver, ImmutableID: consistent.ConsistencyGUID}), none, directory.ReasonNotFound},
		"a cloud user, objectGUID":   {once(directory.SourceMember{ImmutableID: immutable(u(7).ObjectGUID)}), none, directory.ReasonCloudOnly},
		"Administrator by SID":       {synced(directory.SourceMember{SID: sidOf("CN=Administrator,CN=Users," + s.Base)}), none, directory.ReasonSystemObject},
		"Administrator by GUID":      {synced(directory.SourceMember{ImmutableID: immutable(administrator)}), none, directory.ReasonSystemObject},
		"krbtgt by SID":              {synced(directory.SourceMember{SID: sidOf("CN=krbtgt,CN=Users," + s.Base)}), none, directory.ReasonSystemObject},
		"Guest, not synced any more": {once(directory.SourceMember{SID: sidOf("CN=Guest,CN=Users," + s.Base)}), none, directory.ReasonSystemObject},
		"Domain Users":               {synced(directory.SourceMember{Kind: directory.KindGroup, SID: sidOf("CN=Domain Users,CN=Users," + s.Base)}), none, directory.ReasonSystemObject},
		"who may not be read":        {synced(directory.SourceMember{SID: sidOf("CN=veiled," + unit.DN)}), none, directory.ReasonNotFound},
		"two consistency GUIDs":      {synced(directory.SourceMember{ImmutableID: u(32).ConsistencyGUID}), none, directory.ReasonAmbiguous},
		"deleted, by SID":            {synced(directory.SourceMember{SID: leaver}), none, directory.ReasonNotFound},
		"deleted, by objectGUID":     {synced(directory.SourceMember{ImmutableID: immutable(leaverGUID)}), none, directory.ReasonNotFound},
		"nothing to join by":         {synced(directory.SourceMember{}), none, directory.ReasonNotFound},
		"immutable id of text":       {synced(directory.SourceMember{ImmutableID: "employee-17"}), none, directory.ReasonNotFound},
		"malformed SID":              {synced(directory.SourceMember{SID: "S-1-x"}), none, directory.ReasonOtherForest},
		"other forest":               {synced(directory.SourceMember{SID: "S-1-5-21-1-2-3-1000"}), none, directory.ReasonOtherForest},
		"a computer":                 {synced(directory.SourceMember{SID: sidOf("CN=machine," + unit.DN)}), none, directory.ReasonWrongClass},
		"an inetOrgPerson":           {synced(directory.SourceMember{SID: sidOf("CN=person," + unit.DN)}), ref("CN=person," + unit.DN), ""},
		"a contact by objectGUID":    {synced(directory.SourceMember{ImmutableID: immutable(s.admin.guid(t, "CN=contact,"+unit.DN))}), none, directory.ReasonWrongClass},
		"a user that is a group":     {synced(directory.SourceMember{SID: sidOf(global)}), none, directory.ReasonWrongClass},
		"a synced group":             {synced(directory.SourceMember{Kind: directory.KindGroup, SID: sidOf(global)}), ref(global), ""},
		"a domain-local group":       {synced(directory.SourceMember{Kind: directory.KindGroup, SID: sidOf(local)}), none, directory.ReasonWrongClass},
		"a cloud user":               {directory.SourceMember{ID: newID(), Kind: directory.KindUser, Readable: true}, none, directory.ReasonCloudOnly},
		"a guest":                    {directory.SourceMember{ID: newID(), Kind: directory.KindUser, Readable: true, Guest: true}, none, directory.ReasonGuest},
		"limited information":        {directory.SourceMember{ID: newID(), Kind: directory.KindUser}, none, directory.ReasonLimited},
		"a device":                   {directory.SourceMember{ID: newID(), Kind: directory.KindOther, Readable: true}, none, directory.ReasonNoAccount},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := resolve(t, target, []directory.SourceMember{c.member})
			if err != nil {
				t.Fatal(err)
			}
			want := []contract.Resolution{{MemberID: c.member.ID, Ref: c.ref, Reason: c.reason}}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	t.Run("many", func(t *testing.T) {
		var members []directory.SourceMember
		var want []contract.Resolution
		for n := range 350 {
			m, r := synced(directory.SourceMember{}), contract.Resolution{}
			switch n % 3 {
			case 0:
				m.SID, r.Ref = u(n%30+1).ObjectSID, u(n%30+1).ref()
			case 1:
				m.ImmutableID, r.Ref = immutable(u(n%40+1).ObjectGUID), u(n%40+1).ref()
			default:
				m.SID, m.ImmutableID, r.Reason = leaver, immutable(newID()), directory.ReasonNotFound
			}
			r.MemberID = m.ID
			members, want = append(members, m), append(want, r)
		}
		got, err := resolve(t, target, members)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("BySID", func(t *testing.T) {
		got, err := target.BySID(testContext(t), []directory.SID{u(1).ObjectSID, leaver, "S-1-5-21-1-2-3-1000", "", "nonsense", sidOf(global)})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(map[directory.SID]directory.MemberRef{u(1).ObjectSID: u(1).ref(), sidOf(global): ref(global)}, got); diff != "" {
			t.Error(diff)
		}
	})
}

// resolve resolves the members, and the rest of them last, as a run does.
func resolve(t *testing.T, target contract.Target, members []directory.SourceMember) ([]contract.Resolution, error) {
	answers, err := target.Resolve(testContext(t), members)
	if err != nil {
		return nil, err
	}
	var rest []directory.SourceMember
	for i := range answers {
		if answers[i].Reason == directory.ReasonUnresolved {
			rest = append(rest, members[i])
		}
	}
	found, err := target.ResolveRest(testContext(t), rest)
	for i := range answers {
		if err == nil && answers[i].Reason == directory.ReasonUnresolved {
			answers[i], found = found[0], found[1:]
		}
	}
	return answers, err
}

// testPrimary tests that an account whose primary group is a group is a member of it
// without a value of member.
func (s *suite) testPrimary(t *testing.T) {
	target := s.open(t)
	unit := s.unit(t, target, s.Container)
	below := s.unit(t, target, s.Other)
	id := newID()
	attributes := s.attributes(id, directory.Mark(id))
	for i := range attributes {
		if attributes[i].Name == "groupType" {
			attributes[i].New = []string{fmt.Sprint(directory.GroupTypeUniversalSecurity)}
		}
	}
	dn := "CN=primary member," + below.DN
	account := directory.MemberRef{GUID: s.admin.add(t, dn, map[string][]string{"objectClass": {"user"}, "sAMAccountName": {"primary-member"}}), DN: dn}
	var err error
	if account.SID, err = directory.SIDFromAD(s.admin.get(t, dn, "objectSid").GetRawAttributeValue("objectSid")); err != nil {
		t.Fatal(err)
	}
	if refused, err := target.Writer(nil).Create(testContext(t), unit.GUID, attributes, []directory.MemberRef{account}); err != nil || len(refused) > 0 {
		t.Fatal(refused, err)
	}
	created := s.created(t, target, unit.GUID, attributes)
	group := func() directory.TargetGroup {
		groups, err := groupsByGUID(testContext(t), target, []directory.GUID{created.GUID}, contract.WithMembers)
		if err != nil || len(groups) != 1 {
			t.Fatal(groups, err)
		}
		return groups[0]
	}
	before := group()
	if got, err := target.PrimaryMembers(testContext(t), before.SID); err != nil || len(got) > 0 || len(before.Members) != 1 {
		t.Fatalf("%+v, %v; members %+v", got, err, before.Members)
	}
	s.admin.modify(t, dn, func(r *ldap.ModifyRequest) { r.Replace("primaryGroupID", []string{fmt.Sprint(before.SID.RID())}) })
	got, err := target.PrimaryMembers(testContext(t), before.SID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]directory.MemberRef{account}, got); diff != "" {
		t.Error(diff)
	}
	if after := group(); len(after.Members) > 0 {
		t.Errorf("the value of member stayed: %+v", after.Members)
	}
	if got, err := target.PrimaryMembers(testContext(t), "S-1-5-21-1-2-3-"+directory.SID(fmt.Sprint(before.SID.RID()))); err != nil || len(got) > 0 {
		t.Errorf("of a group of another domain: %+v, %v", got, err)
	}
}

func (s *suite) testHolders(t *testing.T) {
	target := s.open(t)
	unit := s.unit(t, target, s.Container)
	group := s.admin.add(t, "CN=Taken,"+unit.DN, map[string][]string{"objectClass": {"group"}, "sAMAccountName": {"taken-account"}})
	below := s.admin.add(t, "OU=A Unit,"+unit.DN, map[string][]string{"objectClass": {"organizationalUnit"}})
	s.admin.add(t, "CN=Deeper,OU=A Unit,"+unit.DN, map[string][]string{"objectClass": {"group"}})
	user1 := s.people(t)["user0001"]
	names := []contract.Name{{CN: "TAKEN", SAMAccountName: "Taken-Account"}, {CN: "a unit"}, {CN: "Deeper"}, {CN: "user0001", SAMAccountName: "User0001"}, {SAMAccountName: "free"}, {CN: "*"}, {CN: "free)(cn=*"}}
	for n := range 250 {
		names = append(names, contract.Name{CN: fmt.Sprint("free ", n), SAMAccountName: fmt.Sprint("free-", n)})
	}
	got, err := target.Holders(testContext(t), unit.GUID, names)
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(got, func(a, b contract.Holder) int { return strings.Compare(a.DN, b.DN) })
	want := []contract.Holder{
		{GUID: group, DN: "CN=Taken," + unit.DN, CN: "Taken", SAMAccountName: "taken-account"},
		{GUID: user1.ObjectGUID, DN: user1.DN, SAMAccountName: "user0001"},
		{GUID: below, DN: "OU=A Unit," + unit.DN, CN: "A Unit"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	_, err = target.Holders(testContext(t), newID(), names)
	s.wantError(t, err, "ContainerNotFound")
}

func groupsByGUID(ctx context.Context, target contract.TargetReader, guids []directory.GUID, extent contract.Extent) (groups []directory.TargetGroup, err error) {
	err = target.GroupsByGUID(ctx, guids, extent, func(g directory.TargetGroup) error {
		groups = append(groups, g)
		return nil
	})
	return groups, err
}

// testSnapshots reads all of a group.
func (s *suite) testSnapshots(t *testing.T) {
	target, ctx := s.open(t), testContext(t)
	unit := s.unit(t, target, s.Container)
	members := s.contacts(t, target, 3)
	created, _ := s.create(t, target, unit.GUID, members...)
	if err := target.Writer(nil).Modify(ctx, created.GUID, []plan.AttributeChange{{Name: "info", New: []string{"kept"}}}); err != nil {
		t.Fatal(err)
	}
	var found []contract.Snapshot
	err := target.Snapshots(ctx, []directory.GUID{created.GUID, newID(), unit.GUID}, func(snapshot contract.Snapshot) error {
		found = append(found, snapshot)
		return nil
	})
	if err != nil || len(found) != 1 {
		t.Fatalf("%d found, %v", len(found), err)
	}
	e := ldif.Entry{DN: found[0].DN, Attributes: found[0].Attributes}
	if found[0].GUID != created.GUID || e.DN != created.DN || e.First("info") != "kept" || e.First("objectGUID") != string(created.GUID.AD()) || len(e.First("objectSid")) < 20 {
		t.Errorf("%+v", e)
	}
	if _, err := descriptor.Parse([]byte(e.First("nTSecurityDescriptor"))); err != nil {
		t.Errorf("the security descriptor: %v", err)
	}
	if len(e.Values("member")) > 0 || len(e.Values("memberOf")) > 0 {
		t.Errorf("members are in it: %+v", e)
	}
}
