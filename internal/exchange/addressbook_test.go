package exchange_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"groupwriteback/internal/directory"
	"groupwriteback/internal/exchange"
)

func parseDN(t interface{ Fatal(...any) }, text string) directory.DN {
	dn, err := directory.ParseDN(text)
	if err != nil {
		t.Fatal(err)
	}
	return dn
}

func listOf(t interface{ Fatal(...any) }, name, filter, container string) exchange.AddressList {
	l := exchange.AddressList{DN: parseDN(t, "CN="+name+",CN=Address Lists Container,DC=contoso,DC=test"), Filter: filter}
	if container != "" {
		l.Container = parseDN(t, container)
	}
	return l
}

func TestAddressBooks(t *testing.T) {
	lists := []exchange.AddressList{
		listOf(t, "GAL", defaultFilters["Default Global"], ""),
		listOf(t, "Groups", defaultFilters["All Groups 2003"], ""),
		listOf(t, "Users", defaultFilters["All Users 2003"], ""),
		listOf(t, "Container", "", ""),
		listOf(t, "Here", "(mailNickname=*)", "OU=Groups,DC=contoso,DC=test"),
		listOf(t, "Elsewhere", "(mailNickname=*)", "OU=Other,DC=contoso,DC=test"),
		listOf(t, "Broken and elsewhere", "(mailNickname=", "OU=Other,DC=contoso,DC=test"),
		listOf(t, "Itself", "(mailNickname=*)", "CN=Sales,OU=Groups,DC=contoso,DC=test"),
	}
	named := func(dns []string) string {
		var short []string
		for _, dn := range dns {
			short = append(short, parseDN(t, dn)[0].Value)
		}
		return strings.Join(short, ",")
	}
	dns, unknown := exchange.AddressBooks(lists, made(nil))
	if got := named(dns); got != "GAL,Groups,Here" || len(unknown) > 0 {
		t.Errorf("%s, unknown %v", got, unknown)
	}
	if dns, unknown := exchange.AddressBooks(lists, made(map[string][]string{"msexchhidefromaddresslists": {"true"}})); len(dns)+len(unknown) > 0 {
		t.Errorf("a hidden group is in %v, unknown %v", dns, unknown)
	}
	strange := append(slices.Clone(lists), listOf(t, "Strange", "(memberOf:1.2.840.113556.1.4.1941:=CN=A,DC=b)", ""), listOf(t, "Broken", "(mailNickname", ""))
	if _, unknown := exchange.AddressBooks(strange, made(nil)); len(unknown) != 2 {
		t.Errorf("unknown %v", unknown)
	}
	nowhere := made(nil)
	nowhere.DN = nil
	if _, unknown := exchange.AddressBooks(lists, nowhere); len(unknown) != 4 {
		t.Errorf("a group without a place: unknown %v", unknown)
	}

	there := []string{"cn=groups, CN=Address Lists Container,DC=contoso,DC=test", lists[2].DN.String(), "CN=Unseen,DC=contoso,DC=test", "no name"}
	want := []string{there[0], there[2], there[3], lists[0].DN.String(), lists[4].DN.String()}
	if got, _ := exchange.ShowInAddressBook(lists, made(nil), there); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if got, unknown := exchange.ShowInAddressBook(strange, made(nil), there); !slices.Equal(got, there) || len(unknown) != 2 {
		t.Errorf("with lists that are not understood: %q", got)
	}
	if got, _ := exchange.ShowInAddressBook(lists, made(map[string][]string{"msexchhidefromaddresslists": {"TRUE"}}), there); len(got) > 0 {
		t.Errorf("a hidden group shows in %q", got)
	}
	if got := exchange.FilterAttributes(strange); !slices.Equal(got, []string{"homemdb", "mailnickname", "memberof", "msexchhomeservername", "objectcategory", "objectclass"}) {
		t.Errorf("%q", got)
	}
}

// TestShowInAddressBookSettles: what is written once is not changed again, and what is
// known to be a list is there exactly if the object belongs to it.
func TestShowInAddressBookSettles(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var lists []exchange.AddressList
		for i, name := range []string{"A", "B", "C", "D"}[:rapid.IntRange(0, 4).Draw(t, "lists")] {
			filter := rapid.SampledFrom([]string{"", "(mailNickname=*)", "(homeMDB=*)", "(objectClass=group)", "(mailNickname=x)"}).Draw(t, "filter")
			lists = append(lists, listOf(t, name, filter, []string{"", "", "OU=Groups,DC=contoso,DC=test", "OU=x,DC=y"}[i]))
		}
		var present []string
		for _, name := range rapid.SliceOfDistinct(rapid.SampledFrom([]string{"A", "b", "C", "E"}), rapid.ID).Draw(t, "present") {
			present = append(present, "CN="+name+",CN=Address Lists Container,DC=contoso,DC=test")
		}
		first, unknown := exchange.ShowInAddressBook(lists, made(nil), present)
		if len(unknown) > 0 {
			t.Fatalf("unknown %v", unknown)
		}
		if again, _ := exchange.ShowInAddressBook(lists, made(nil), first); !slices.Equal(again, first) {
			t.Fatalf("%q became %q", first, again)
		}
		belongs, _ := exchange.AddressBooks(lists, made(nil))
		for _, l := range lists {
			has := func(dns []string) bool {
				return slices.ContainsFunc(dns, func(dn string) bool { return parseDN(t, dn).Equal(l.DN) })
			}
			if has(first) != has(belongs) {
				t.Fatalf("%s is in %q, and belongs to %q", l.DN, first, belongs)
			}
		}
	})
}

func TestLegacyDN(t *testing.T) {
	id := directory.MustGUID("01234567-89ab-cdef-0123-456789abcdef")
	o := &exchange.Organization{LegacyDN: "/o=Contoso/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)"}
	if got, want := exchange.LegacyDN(o, id), "/o=Contoso/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients/cn=0123456789abcdef0123456789abcdef-Group"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	for length, want := range map[int]int{0: 0, 10: 66, 72: 128, 73: 123, 78: 128, 79: 0} {
		if got := len(exchange.LegacyDN(&exchange.Organization{LegacyDN: strings.Repeat("x", length)}, id)); got != want {
			t.Errorf("an administrative group of %d characters: %d, want %d", length, got, want)
		}
	}
	if exchange.LegacyDN(o, directory.GUID{}) != "" {
		t.Error("no group has a name")
	}
}
