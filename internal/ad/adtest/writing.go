package adtest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

func (s *suite) testCreate(t *testing.T) {
	target := s.open(t)
	unit := s.unit(t, target, s.Container)
	users := s.people(t)
	dead := directory.MemberRef{GUID: newID(), DN: "CN=gone," + s.People}

	t.Run("as asked", func(t *testing.T) {
		id := newID()
		attributes := append(s.attributes(id, "Sales"), plan.AttributeChange{Name: "description", New: []string{"ä \"quoted\"\nline"}}, plan.AttributeChange{Name: "mail"})
		members := []directory.MemberRef{users["user0001"].ref(), users["obrien"].ref(), users["plus"].ref(), users["backslash"].ref(), users["emoji"].ref(), users["user0001"].ref()}
		refused, err := target.Writer(nil).Create(testContext(t), unit.GUID, attributes, members)
		if err != nil || len(refused) > 0 {
			t.Fatalf("%v, refused %v", err, refused)
		}
		created := s.created(t, target, unit.GUID, attributes)
		e := s.admin.get(t, "CN=Sales,"+unit.DN)
		if e == nil {
			t.Fatal("there is no group of that name")
		}
		for _, a := range attributes {
			if diff := cmp.Diff(a.New, slices.Clip(e.GetAttributeValues(a.Name)), equateEmpty); diff != "" {
				t.Errorf("%s: %s", a.Name, diff)
			}
		}
		if diff := cmp.Diff(names(members[:5]), s.admin.members(t, created.GUID)); diff != "" {
			t.Error(diff)
		}
		if want := (contract.Created{GUID: s.admin.guid(t, e.DN), DN: e.DN}); created != want {
			t.Errorf("created %+v, want %+v", created, want)
		}
	})
	t.Run("twice", func(t *testing.T) {
		id := newID()
		attributes := s.attributes(id, "twice")
		if _, err := target.Writer(nil).Create(testContext(t), unit.GUID, attributes, []directory.MemberRef{users["user0001"].ref()}); err != nil {
			t.Fatal(err)
		}
		first := s.created(t, target, unit.GUID, attributes)
		refused, err := target.Writer(nil).Create(testContext(t), unit.GUID, attributes, []directory.MemberRef{users["user0001"].ref(), users["user0002"].ref()})
		if second := s.created(t, target, unit.GUID, attributes); err != nil || len(refused) > 0 || second != first {
			t.Errorf("%+v, refused %v, %v; the first was %+v", second, refused, err, first)
		}
		if got := s.admin.members(t, first.GUID); len(got) != 2 {
			t.Errorf("members %v", got)
		}
	})
	t.Run("name held by another", func(t *testing.T) {
		for kind, holder := range map[string]map[string][]string{
			"unmarked group":       {"objectClass": {"group"}},
			"contact":              {"objectClass": {"contact"}},
			"another cloud group":  {"objectClass": {"group"}, "adminDescription": {directory.Mark(newID())}, "extensionName": {directory.Stamp(testTenant)}},
			"marked, not stamped":  {"objectClass": {"group"}, "adminDescription": {"the mark"}},
			"another tenant's":     {"objectClass": {"group"}, "adminDescription": {"the mark"}, "extensionName": {directory.Stamp(newID())}},
			"with our stamp alone": {"objectClass": {"group"}, "extensionName": {directory.Stamp(testTenant)}},
		} {
			t.Run(kind, func(t *testing.T) {
				id, cn := newID(), "held, by "+kind
				if slices.Equal(holder["adminDescription"], []string{"the mark"}) {
					holder["adminDescription"] = []string{directory.Mark(id)}
				}
				dn := directory.RDN{Type: "CN", Value: cn}.String() + "," + unit.DN
				guid := s.admin.add(t, dn, holder)
				_, err := target.Writer(nil).Create(testContext(t), unit.GUID, s.attributes(id, cn), []directory.MemberRef{users["user0001"].ref()})
				if e := s.wantError(t, err, "NameClash"); !sameDN(e.Object, dn) {
					t.Errorf("the error names %s, want %s", e.Object, dn)
				}
				if e := s.admin.get(t, byGUID(guid), "member"); len(e.GetAttributeValues("member")) > 0 {
					t.Error("the other object was given members")
				}
			})
		}
	})
	t.Run("account name held by another", func(t *testing.T) {
		id := newID()
		attributes := s.attributes(id, "account name")
		for i := range attributes {
			if attributes[i].Name == "sAMAccountName" {
				attributes[i].New = []string{"USER0003"}
			}
		}
		_, err := target.Writer(nil).Create(testContext(t), unit.GUID, attributes, nil)
		if e := s.wantError(t, err, "NameClash"); e.Object != users["user0003"].DN {
			t.Errorf("the error names %s, want %s", e.Object, users["user0003"].DN)
		}
	})
	t.Run("with a dead member", func(t *testing.T) {
		for _, members := range [][]directory.MemberRef{
			{dead}, {dead, users["user0001"].ref()}, {users["user0001"].ref(), users["user0002"].ref(), dead, users["user0003"].ref()},
		} {
			id := newID()
			attributes := s.attributes(id, directory.Mark(id))
			refused, err := target.Writer(nil).Create(testContext(t), unit.GUID, attributes, members)
			if err != nil {
				t.Fatal(err)
			}
			created := s.created(t, target, unit.GUID, attributes)
			if len(refused) != 1 || refused[0].GUID != dead.GUID || refused[0].Reason != directory.ReasonNotFound || !strings.Contains(fmt.Sprint(refused[0].Err), "The member does not exist") {
				t.Errorf("refused %+v", refused)
			}
			if got := s.admin.members(t, created.GUID); len(got) != len(members)-1 {
				t.Errorf("members %v", got)
			}
		}
	})
	t.Run("looked up at once", func(t *testing.T) {
		// The groups need more than one filter, and an object counts only if it is in
		// the place and has the marks intended for it.
		elsewhere := s.unit(t, target, s.Container)
		var asked [][]plan.AttributeChange
		var want []contract.Created
		none := func(attributes []plan.AttributeChange) {
			asked, want = append(asked, attributes), append(want, contract.Created{})
		}
		there := func(parent contract.Container) []plan.AttributeChange {
			id := newID()
			attributes := s.attributes(id, "(looked up) "+id.String())
			if _, err := target.Writer(nil).Create(testContext(t), parent.GUID, attributes, nil); err != nil {
				t.Fatal(err)
			}
			return attributes
		}
		exists := func(attributes []plan.AttributeChange) {
			asked, want = append(asked, attributes), append(want, s.created(t, target, unit.GUID, attributes))
		}
		exists(there(unit))
		none(there(elsewhere))
		for range 120 {
			none(s.attributes(newID(), "never"))
		}
		unlike := there(unit)
		for i, a := range unlike {
			if a.Name == "adminDescription" {
				unlike[i].New = []string{directory.Mark(newID())}
			}
		}
		none(unlike)
		exists(there(unit))
		got, err := target.Created(testContext(t), unit.GUID, asked)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Error(err, diff)
		}
	})
	t.Run("without the right", func(t *testing.T) {
		other := s.admin.guid(t, s.Other)
		id := newID()
		_, err := target.Writer(nil).Create(testContext(t), other, s.attributes(id, "no right"), nil)
		s.wantDenied(t, err, "create groups in "+s.Other)
		if s.admin.get(t, "CN=no right,"+s.Other) != nil {
			t.Error("it was created")
		}
	})
	t.Run("in a container that was just renamed", func(t *testing.T) {
		unit := s.unit(t, target, s.Container)
		s.create(t, target, unit.GUID)
		s.admin.rename(t, unit.DN, "OU=just renamed", s.Container)
		defer s.admin.rename(t, "OU=just renamed,"+s.Container, strings.SplitN(unit.DN, ",", 2)[0], s.Container)
		if got, _ := s.create(t, target, unit.GUID); !strings.HasSuffix(got.DN, ",OU=just renamed,"+s.Container) {
			t.Errorf("the group was made as %s", got.DN)
		}
	})
	t.Run("in no container", func(t *testing.T) {
		_, err := target.Writer(nil).Create(testContext(t), newID(), s.attributes(newID(), "nowhere"), nil)
		s.wantError(t, err, "ContainerNotFound")
	})
	t.Run("an attribute that is refused", func(t *testing.T) {
		attributes := append(s.attributes(newID(), "refused"), plan.AttributeChange{Name: "description", New: []string{strings.Repeat("x", 2000)}})
		_, err := target.Writer(nil).Create(testContext(t), unit.GUID, attributes, []directory.MemberRef{users["user0001"].ref()})
		s.wantError(t, err, "WriteRefused")
		if s.admin.get(t, "CN=refused,"+unit.DN) != nil {
			t.Error("half of it was created")
		}
	})
}

var equateEmpty = cmpopts.EquateEmpty()

func sameDN(a, b string) bool {
	x, errX := directory.ParseDN(a)
	y, errY := directory.ParseDN(b)
	return errX == nil && errY == nil && x.Equal(y)
}

// hostileNames are names that must be written and read unchanged.
var hostileNames = []string{
	`O'Brien "the" boss`, "a,b;c+d=e", `back\slash \2c`, "#hash", "<angle>", "50 % (of) *all* | & !", "slash/slash",
	"emoji 😀 👩‍👩‍👧", "日本語 Ünïcode", " leading", "trailing ", " ", "   ", "tab\tinside", "line\nfeed", "nul\x01one", "CN=x,DC=y",
	`\`, `"`, "$(rm -rf)", strings.Repeat("é", 64), "ends with \\",
}

func (s *suite) testNames(t *testing.T) {
	target := s.open(t)
	unit := s.unit(t, target, s.Container)
	users := s.people(t)
	for _, name := range hostileNames {
		t.Run(fmt.Sprintf("%q", name), func(t *testing.T) {
			id := newID()
			attributes := s.attributes(id, name)
			for i := range attributes {
				if attributes[i].Name == "displayName" {
					attributes[i].New = []string{name}
				}
			}
			_, err := target.Writer(nil).Create(testContext(t), unit.GUID, attributes, []directory.MemberRef{users["plus"].ref()})
			if err != nil {
				// The server may refuse a name, but with a clear error.
				s.wantError(t, err, "WriteRefused")
				if !strings.ContainsAny(name, "\n\x01") && strings.TrimSpace(name) != "" {
					t.Errorf("the name was refused: %v", err)
				}
				return
			}
			created := s.created(t, target, unit.GUID, attributes)
			if !strings.HasSuffix(strings.ToLower(created.DN), strings.ToLower(","+unit.DN)) {
				t.Fatalf("it was created at %s, outside of the container", created.DN)
			}
			e := s.admin.get(t, byGUID(created.GUID))
			cn, shown := e.GetAttributeValue("cn"), e.GetAttributeValue("displayName")
			if shown != name {
				t.Errorf("displayName is %q", shown)
			}
			groups, err := groupsByGUID(testContext(t), target, []directory.GUID{created.GUID}, contract.WithMembers)
			if err != nil || len(groups) != 1 {
				t.Fatalf("%v, %v", groups, err)
			}
			if g := groups[0]; g.CN != cn || g.DisplayName() != shown || len(g.Members) != 1 || g.Members[0].GUID != users["plus"].ObjectGUID {
				t.Errorf("read back as %+v, members %v", g, g.Members)
			}
			if cn != name {
				t.Errorf("cn is %q", cn)
			}
			// The name is found, and counts as taken.
			holders, err := target.Holders(testContext(t), unit.GUID, []contract.Name{{CN: name}})
			if err != nil || len(holders) != 1 || holders[0].GUID != created.GUID {
				t.Errorf("holders %v, %v", holders, err)
			}
			second := newID()
			_, err = target.Writer(nil).Create(testContext(t), unit.GUID, s.attributes(second, name), nil)
			if e := s.wantError(t, err, "NameClash"); !sameDN(e.Object, created.DN) {
				t.Errorf("the clash is with %s, want %s", e.Object, created.DN)
			}
			// Rename there and back.
			if _, err := target.Writer(nil).Rename(testContext(t), created.GUID, "plain", directory.GUID{}); err != nil {
				t.Fatal(err)
			}
			dn, err := target.Writer(nil).Rename(testContext(t), created.GUID, name, directory.GUID{})
			if err != nil || !sameDN(dn, created.DN) {
				t.Errorf("renamed to %s, %v", dn, err)
			}
			if err := target.Writer(nil).Delete(testContext(t), created.GUID); err != nil {
				t.Error(err)
			}
		})
	}
}

func (s *suite) testModify(t *testing.T) {
	target := s.open(t)
	unit := s.unit(t, target, s.Container)
	created, id := s.create(t, target, unit.GUID)
	s.admin.modify(t, created.DN, func(r *ldap.ModifyRequest) {
		r.Add("extensionName", []string{"of another product"})
		r.Replace("info", []string{"left alone"})
	})
	modify := func(t *testing.T, changes ...plan.AttributeChange) {
		t.Helper()
		if err := target.Writer(nil).Modify(testContext(t), created.GUID, changes); err != nil {
			t.Fatal(err)
		}
	}
	check := func(t *testing.T, want map[string][]string) {
		t.Helper()
		e := s.admin.get(t, created.DN)
		for name, values := range want {
			got := slices.Clone(e.GetAttributeValues(name))
			slices.Sort(got)
			if diff := cmp.Diff(values, got, equateEmpty); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		}
	}
	modify(t,
		plan.AttributeChange{Name: "displayName", Old: []string{"something else"}, New: []string{"New name"}},
		plan.AttributeChange{Name: "description", New: []string{"New description"}},
		plan.AttributeChange{Name: "groupType", Old: []string{"8"}, New: []string{"8"}})
	check(t, map[string][]string{"displayName": {"New name"}, "description": {"New description"}, "info": {"left alone"}})
	modify(t, plan.AttributeChange{Name: "description", Old: []string{"New description"}}, plan.AttributeChange{Name: "mail", Old: []string{"never was"}})
	check(t, map[string][]string{"description": nil, "mail": nil})
	modify(t, plan.AttributeChange{Name: "extensionName", Old: []string{directory.Stamp(testTenant)}, Shared: true})
	check(t, map[string][]string{"extensionName": {"of another product"}})
	modify(t, plan.AttributeChange{Name: "extensionName", New: []string{directory.Stamp(testTenant)}, Shared: true})
	modify(t, plan.AttributeChange{Name: "extensionName", New: []string{directory.Stamp(testTenant)}, Shared: true})
	check(t, map[string][]string{"extensionName": {directory.Stamp(testTenant), "of another product"}, "adminDescription": {directory.Mark(id)}})
	// To the directory, values that differ only in case are the same.
	respelled := strings.ToUpper(directory.Stamp(testTenant))
	modify(t, plan.AttributeChange{Name: "extensionName", Old: []string{directory.Stamp(testTenant)}, New: []string{respelled}, Shared: true})
	check(t, map[string][]string{"extensionName": {respelled, "of another product"}})
	modify(t)

	err := target.Writer(nil).Modify(testContext(t), created.GUID, []plan.AttributeChange{{Name: "description", New: []string{strings.Repeat("x", 2000)}}})
	s.wantError(t, err, "WriteRefused")
	err = target.Writer(nil).Modify(testContext(t), newID(), []plan.AttributeChange{{Name: "description", New: []string{"x"}}})
	s.wantError(t, err, "GroupNotFound")
	people := s.admin.guid(t, "CN=people-global,"+s.People)
	err = target.Writer(nil).Modify(testContext(t), people, []plan.AttributeChange{{Name: "description", New: []string{"x"}}})
	s.wantDenied(t, err, "write description of the group")
}

func (s *suite) testRename(t *testing.T) {
	target := s.open(t)
	unit, second := s.unit(t, target, s.Container), s.unit(t, target, s.Container)
	created, _ := s.create(t, target, unit.GUID)
	rename := func(t *testing.T, cn string, parent directory.GUID, want string) {
		t.Helper()
		dn, err := target.Writer(nil).Rename(testContext(t), created.GUID, cn, parent)
		if err != nil || dn != want {
			t.Fatalf("renamed to %q, %v; want %q", dn, err, want)
		}
		if got := s.admin.get(t, byGUID(created.GUID), "cn"); got.DN != want || got.GetAttributeValue("cn") != cn {
			t.Fatalf("it is %q, cn %q", got.DN, got.GetAttributeValue("cn"))
		}
	}
	rename(t, "lower", directory.GUID{}, "CN=lower,"+unit.DN)
	rename(t, "LOWER", directory.GUID{}, "CN=LOWER,"+unit.DN)
	rename(t, "LOWER", directory.GUID{}, "CN=LOWER,"+unit.DN)
	rename(t, "moved, too", second.GUID, `CN=moved\, too,`+second.DN)
	rename(t, "moved, too", unit.GUID, `CN=moved\, too,`+unit.DN)

	holder, _ := s.create(t, target, unit.GUID)
	holderCN := strings.TrimPrefix(strings.Split(holder.DN, ",")[0], "CN=")
	_, err := target.Writer(nil).Rename(testContext(t), created.GUID, holderCN, directory.GUID{})
	if e := s.wantError(t, err, "NameClash"); e.Object != holder.DN {
		t.Errorf("the clash is with %s, want %s", e.Object, holder.DN)
	}
	_, err = target.Writer(nil).Rename(testContext(t), newID(), "x", directory.GUID{})
	s.wantError(t, err, "GroupNotFound")
	_, err = target.Writer(nil).Rename(testContext(t), created.GUID, "x", newID())
	s.wantError(t, err, "ContainerNotFound")
	_, err = target.Writer(nil).Rename(testContext(t), created.GUID, "x", s.admin.guid(t, s.Other))
	s.wantDenied(t, err, "move the group")
}

func (s *suite) testDelete(t *testing.T) {
	target := s.open(t)
	unit := s.unit(t, target, s.Container)
	created, _ := s.create(t, target, unit.GUID, s.people(t)["user0001"].ref())
	for range 2 {
		if err := target.Writer(nil).Delete(testContext(t), created.GUID); err != nil {
			t.Fatal(err)
		}
	}
	if s.admin.get(t, created.DN) != nil {
		t.Error("it is still there")
	}
	if err := target.Writer(nil).Delete(testContext(t), newID()); err != nil {
		t.Error(err)
	}
	s.wantDenied(t, target.Writer(nil).Delete(testContext(t), s.admin.guid(t, "CN=people-global,"+s.People)), "delete the group")
}

func (s *suite) testMembers(t *testing.T) {
	target := s.open(t)
	many := s.contacts(t, target, 1100)
	unit := s.unit(t, target, s.Container)
	users := s.people(t)
	some := []directory.MemberRef{users["user0001"].ref(), users["user0002"].ref(), users["plus"].ref(), users["backslash"].ref(), users["obrien"].ref(), users["emoji"].ref()}
	created, _ := s.create(t, target, unit.GUID)
	change := func(t *testing.T, add, remove []directory.MemberRef, want ...directory.MemberRef) {
		t.Helper()
		refused, err := target.Writer(nil).ChangeMembers(testContext(t), created.GUID, add, remove)
		if err != nil || len(refused) > 0 {
			t.Fatalf("%v, refused %+v", err, refused)
		}
		if diff := cmp.Diff(names(want), s.admin.members(t, created.GUID), equateEmpty); diff != "" {
			t.Fatal(diff)
		}
	}
	byKey := func(refs ...directory.MemberRef) []directory.MemberRef {
		var keys []directory.MemberRef
		for _, r := range refs {
			keys = append(keys, directory.MemberRef{GUID: r.GUID})
		}
		return keys
	}
	t.Run("add", func(t *testing.T) { change(t, some, nil, some...) })
	t.Run("add again", func(t *testing.T) { change(t, append(some, some...), nil, some...) })
	t.Run("remove", func(t *testing.T) { change(t, nil, some[2:5], some[0], some[1], some[5]) })
	t.Run("remove again", func(t *testing.T) { change(t, nil, some[2:5], some[0], some[1], some[5]) })
	t.Run("both, by key alone", func(t *testing.T) {
		change(t, byKey(some[2], some[3]), byKey(some[0]), some[1], some[2], some[3], some[5])
	})
	t.Run("remove by a name of before", func(t *testing.T) {
		stale := directory.MemberRef{GUID: some[1].GUID, DN: "CN=former name," + s.People}
		change(t, nil, []directory.MemberRef{some[5], stale}, some[2], some[3])
	})
	t.Run("remove the dead", func(t *testing.T) {
		dead := directory.MemberRef{GUID: newID(), DN: "CN=dead," + s.People}
		change(t, nil, []directory.MemberRef{dead, {GUID: newID()}, some[2]}, some[3])
	})
	t.Run("deleted meanwhile", func(t *testing.T) {
		below := s.unit(t, target, s.Other)
		var gone []directory.MemberRef
		for _, name := range []string{"one", "two", "three", "four"} {
			dn := "CN=" + name + "," + below.DN
			s.admin.contact(t, dn)
			gone = append(gone, directory.MemberRef{GUID: s.admin.guid(t, dn), DN: dn})
		}
		change(t, gone, nil, append(slices.Clone(gone), some[3])...)
		for _, g := range gone[:3] {
			s.admin.remove(t, g.DN)
		}
		// Remove by the old name, by key alone, and by a name that another object has
		// now.
		s.admin.contact(t, gone[2].DN)
		heir := directory.MemberRef{GUID: s.admin.guid(t, gone[2].DN), DN: gone[2].DN}
		remove := []directory.MemberRef{gone[0], {GUID: gone[1].GUID}, gone[2], gone[3]}
		change(t, nil, remove, some[3])
		change(t, nil, remove, some[3])
		missing, lingering, err := target.CheckMembers(testContext(t), created.GUID, byKey(gone[:2]...), append(gone[:3:3], byKey(gone[3])...))
		if err != nil || len(missing) != 2 || len(lingering) > 0 {
			t.Errorf("missing %v, lingering %v, %v", missing, lingering, err)
		}
		// The object that now has the name is a member in its own right.
		change(t, []directory.MemberRef{heir}, nil, some[3], heir)
		change(t, nil, gone[2:3], some[3], heir)
		change(t, nil, []directory.MemberRef{heir}, some[3])
		for _, form := range [][]directory.MemberRef{gone[:2], byKey(gone[:2]...)} {
			refused, err := target.Writer(nil).ChangeMembers(testContext(t), created.GUID, append(slices.Clone(form), some[0]), nil)
			if err != nil || len(refused) != 2 || refused[0].Reason != directory.ReasonNotFound || refused[1].Reason != directory.ReasonNotFound ||
				!strings.Contains(fmt.Sprint(refused[0].Err), "The member does not exist") {
				t.Errorf("added: %v, refused %+v", err, refused)
			}
			change(t, nil, some[:1], some[3])
		}
	})
	t.Run("a group as member", func(t *testing.T) {
		nested, _ := s.create(t, target, unit.GUID)
		ref := directory.MemberRef{GUID: nested.GUID, DN: nested.DN}
		change(t, []directory.MemberRef{ref}, nil, some[3], ref)
		change(t, nil, []directory.MemberRef{ref}, some[3])
	})
	t.Run("who may not be read", func(t *testing.T) {
		below := s.unit(t, target, s.Other)
		dn := "CN=veiled member," + below.DN
		veiled := directory.MemberRef{GUID: s.admin.add(t, dn, map[string][]string{"objectClass": {"user"}, "sAMAccountName": {"veiled-member"}}), DN: dn}
		sid, err := directory.SIDFromAD(s.admin.get(t, dn, "objectSid").GetRawAttributeValue("objectSid"))
		if err != nil {
			t.Fatal(err)
		}
		change(t, []directory.MemberRef{veiled}, nil, some[3], veiled)
		s.admin.veil(t, dn)
		answer, err := resolve(t, target, []directory.SourceMember{{ID: newID(), Kind: directory.KindUser, Readable: true, Synced: true, SID: sid}})
		if err != nil || answer[0].Reason != directory.ReasonNotFound {
			t.Fatalf("%+v, %v", answer, err)
		}
		groups, err := groupsByGUID(testContext(t), target, []directory.GUID{created.GUID}, contract.WithMembers)
		veiled.SID = sid
		if err != nil || len(groups) != 1 || !slices.Contains(groups[0].Members, veiled) {
			t.Errorf("the value does not tell the SID: %+v, %v", groups, err)
		}
		change(t, nil, []directory.MemberRef{veiled}, some[3])
	})
	t.Run("one dead among many", func(t *testing.T) {
		dead := []directory.MemberRef{{GUID: newID()}, {GUID: newID(), DN: "CN=dead," + s.People}}
		add := slices.Concat(many[:300], dead[:1], many[300:1050], dead[1:], many[1050:])
		refused, err := target.Writer(nil).ChangeMembers(testContext(t), created.GUID, add, nil)
		if err != nil || len(refused) != 2 {
			t.Fatalf("%v, refused %+v", err, refused)
		}
		for i, r := range refused {
			if r.GUID != dead[i].GUID || r.Reason != directory.ReasonNotFound {
				t.Errorf("refused %+v", r)
			}
		}
		if got := s.admin.members(t, created.GUID); len(got) != len(many)+1 {
			t.Errorf("%d members", len(got))
		}
		t.Run("checked", func(t *testing.T) {
			wanted := slices.Concat(many[:5], dead[:1], many[5:], some[:1])
			missing, lingering, err := target.CheckMembers(testContext(t), created.GUID, wanted, slices.Concat(some[3:4], some[:3], dead[1:], many[7:8]))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]directory.GUID{dead[0].GUID, some[0].GUID}, missing); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff([]directory.GUID{some[3].GUID, many[7].GUID}, lingering); diff != "" {
				t.Error(diff)
			}
			missing, lingering, err = target.CheckMembers(testContext(t), created.GUID, byKey(many...), byKey(some[:3]...))
			if err != nil || len(missing)+len(lingering) > 0 {
				t.Errorf("missing %v, lingering %v, %v", missing, lingering, err)
			}
		})
	})
	t.Run("of what may not be changed", func(t *testing.T) {
		_, err := target.Writer(nil).ChangeMembers(testContext(t), newID(), some[:1], nil)
		s.wantError(t, err, "GroupNotFound")
		_, err = target.Writer(nil).ChangeMembers(testContext(t), newID(), nil, some[:1])
		s.wantError(t, err, "GroupNotFound")
		_, _, err = target.CheckMembers(testContext(t), newID(), some[:1], nil)
		s.wantError(t, err, "GroupNotFound")
		_, err = target.Writer(nil).ChangeMembers(testContext(t), s.admin.guid(t, "CN=people-global,"+s.People), some[1:2], nil)
		s.wantDenied(t, err, "write the group's attribute member")
	})
}

func (s *suite) testSizes(t *testing.T) {
	sizes := []int{0, 1, 199, 200, 201, 1499, 1500, 1501, 5001}
	target := s.open(t)
	many := s.contacts(t, target, sizes[len(sizes)-1])
	unit := s.unit(t, target, s.Container)
	want := make(map[directory.GUID]int)
	for _, n := range sizes {
		created, _ := s.create(t, target, unit.GUID, many[:n]...)
		want[created.GUID] = n
		if missing, _, err := target.CheckMembers(testContext(t), created.GUID, many[:n], nil); err != nil || len(missing) > 0 {
			t.Errorf("%d members: %d missing, %v", n, len(missing), err)
		}
	}
	compare := func(t *testing.T, groups []directory.TargetGroup) {
		t.Helper()
		if len(groups) != len(want) {
			t.Errorf("%d groups, want %d", len(groups), len(want))
		}
		for _, g := range groups {
			if diff := cmp.Diff(names(many[:want[g.GUID]]), names(g.Members), equateEmpty); diff != "" {
				t.Errorf("of %d members, %d were read", want[g.GUID], len(g.Members))
			}
			for _, m := range g.Members {
				if i, found := slices.BinarySearchFunc(many, m, func(a, b directory.MemberRef) int { return strings.Compare(a.DN, b.DN) }); !found || many[i].GUID != m.GUID {
					t.Fatalf("%+v is no member", m)
				}
			}
		}
	}
	t.Run("Groups", func(t *testing.T) { compare(t, s.groups(t, target, unit.GUID)) })
	t.Run("GroupsByGUID", func(t *testing.T) {
		var guids []directory.GUID
		for guid := range want {
			guids = append(guids, guid)
		}
		groups, err := groupsByGUID(testContext(t), target, guids, contract.WithMembers)
		if err != nil {
			t.Fatal(err)
		}
		compare(t, groups)
	})
	t.Run("emptied", func(t *testing.T) {
		for guid, n := range want {
			if n == 5001 {
				refused, err := target.Writer(nil).ChangeMembers(testContext(t), guid, nil, many)
				if err != nil || len(refused) > 0 {
					t.Fatalf("%v, refused %v", err, refused)
				}
				if got := s.admin.members(t, guid); len(got) > 0 {
					t.Errorf("%d members are left", len(got))
				}
			}
		}
	})
}
