package rights

import (
	"slices"
	"strings"
	"testing"

	"groupwriteback/internal/descriptor"
	"groupwriteback/internal/directory"
)

const account, stranger = directory.SID("S-1-5-21-1-2-3-1104"), directory.SID("S-1-5-21-1-2-3-1105")

var (
	setPublic = directory.MustGUID("e48d0154-bcf8-11d1-8702-00c04fb96050")
	setMember = directory.MustGUID("bc0ac240-79a9-11d0-9020-00c04fc2d4cf")
)

// forest is a schema in which each attribute has a GUID of its own.
func forest() Schema {
	s := Schema{Attributes: map[string]Attribute{}, Sets: map[directory.GUID]string{setPublic: "Public-Information", setMember: "Membership"}}
	for i, name := range []string{"member", "groupType", "sAMAccountName", "name", "cn", "displayName", "description", "mail", "proxyAddresses", "managedBy", "adminCount", "nTSecurityDescriptor"} {
		a := Attribute{Name: name, GUID: directory.GUID{1, byte(i + 1)}}
		switch name {
		case "member":
			a.Set = setMember
		case "cn", "description", "mail", "proxyAddresses":
			a.Set = setPublic
		}
		s.Attributes[strings.ToLower(name)] = a
	}
	return s
}

var mapped = []string{"displayName", "description", "mail", "extensionAttribute1"}

func said(entries []Entry) []string {
	var out []string
	for _, e := range entries {
		out = append(out, e.Words(descriptor.Names{Thing: forest().Thing, Trustee: func(directory.SID) string { return "it" }}))
	}
	return out
}

func TestEntries(t *testing.T) {
	got := said(Entries(forest(), mapped, ByAttribute, account))
	want := []string{
		"Allow it to create child objects of class group and delete child objects of class group, on this object and all objects below.",
		"Allow it to list the object, read all properties, delete the object and read its permissions, on group objects below.",
	}
	for _, name := range []string{"member", "groupType", "sAMAccountName", "name", "cn", "displayName", "description", "mail"} {
		want = append(want, "Allow it to write "+name+", on group objects below.")
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestPropertySets(t *testing.T) {
	entries := Entries(forest(), mapped, ByPropertySet, account)
	got := said(entries)[2:]
	want := []string{"groupType", "sAMAccountName", "name", "displayName", "the property set Membership", "the property set Public-Information"}
	for i, name := range want {
		if i >= len(got) || got[i] != "Allow it to write "+name+", on group objects below." {
			t.Errorf("entry %d of %q: %s", i, got, name)
		}
	}
	if along := entries[len(entries)-1].Along; !slices.Equal(along, []string{"proxyAddresses"}) {
		t.Errorf("along come %v", along)
	}
}

func TestCompatible(t *testing.T) {
	entries := Entries(forest(), mapped, Compatible, account)
	const want = "(OA;CI;CCDCLCSWRPWPDTLOSDRC;;bf967a9c-0de6-11d0-a285-00aa003049e2;S-1-5-21-1-2-3-1104)"
	if len(entries) != 1 || entries[0].SDDL(descriptor.Domains{}) != want {
		t.Errorf("%v", entries)
	}
}

// TestGrantIsAllThatIsNeeded: with the entries of each form nothing is missing, and
// without any one of them something is; and nothing is given beyond.
func TestGrantIsAllThatIsNeeded(t *testing.T) {
	token := descriptor.Token{account: true}
	needs := Needs(forest(), mapped)
	missing := func(list []descriptor.ACE) []Need {
		container := descriptor.New().With(list)
		return Missing(needs, container, container.InheritedBy(ClassGroup), token)
	}
	if got := missing(nil); len(got) != len(needs) {
		t.Errorf("without entries %v is missing", got)
	}
	for form, name := range map[Form]string{ByAttribute: "attributes", ByPropertySet: "property sets", Compatible: "as Microsoft"} {
		list := Grant(nil, Entries(forest(), mapped, form, account))
		if got := missing(list); len(got) > 0 {
			t.Errorf("%s: %v is missing", name, got)
		}
		for i, e := range list {
			if len(missing(slices.Delete(slices.Clone(list), i, i+1))) == 0 {
				t.Errorf("%s: nothing is missing without %s", name, e.SDDL(descriptor.Domains{}))
			}
		}
	}
	group := descriptor.New().With(Grant(nil, Entries(forest(), mapped, ByAttribute, account)))
	below := group.InheritedBy(ClassGroup)
	for _, name := range []string{"managedBy", "adminCount", "nTSecurityDescriptor", "proxyAddresses"} {
		a, _ := forest().attribute(name)
		if below.Allows(token, descriptor.Write, a.object()) {
			t.Errorf("it may write %s", name)
		}
	}
	for _, mask := range []uint32{descriptor.WriteDAC, descriptor.WriteOwner, descriptor.DeleteTree, descriptor.Control} {
		if below.Allows(token, mask, Attribute{}.object()) || group.Allows(token, mask, descriptor.Object{}) {
			t.Errorf("it has the right %#x", mask)
		}
	}
	if group.Allows(token, descriptor.Write, descriptor.Object{}) {
		t.Error("it may write the container")
	}
}

func TestGrantAndRevoke(t *testing.T) {
	var none directory.GUID
	others := []descriptor.ACE{
		descriptor.Deny(stranger, descriptor.Delete, 0, none, none),
		descriptor.Allow(account, descriptor.FullControl, 0, none, none),
		descriptor.Allow(stranger, descriptor.ReadAll, descriptor.ContainerInherit, none, none),
		descriptor.Allow(stranger, descriptor.FullControl, descriptor.ContainerInherit|descriptor.Inherited, none, none),
	}
	for _, form := range []Form{ByAttribute, ByPropertySet, Compatible} {
		entries := Entries(forest(), mapped, form, account)
		list := Grant(others, entries)
		if removed, added := descriptor.Difference(others, list); len(removed) != 0 || len(added) != len(entries) || descriptor.OutOfOrder(list) != -1 {
			t.Errorf("%d: removed %v, added %v", form, removed, added)
		}
		if again := Grant(list, entries); len(again) != len(list) {
			t.Errorf("%d: granting twice adds something", form)
		}
		for _, e := range entries {
			if !Has(list, e.ACE) || Has(others, e.ACE) {
				t.Errorf("%d: Has(%v)", form, e)
			}
		}
		back := Revoke(list, forest(), mapped, account)
		if !slices.EqualFunc(back, others, descriptor.ACE.Equal) {
			t.Errorf("%d: revoking leaves %v", form, back)
		}
		surplus := Surplus(list, forest(), mapped, account)
		want := 1
		if form == Compatible {
			want = 2
		}
		if len(surplus) != want || !surplus[0].Equal(others[1]) {
			t.Errorf("%d: surplus %v", form, surplus)
		}
	}
}
