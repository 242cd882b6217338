package plan

import (
	"slices"
	"testing"

	"groupwriteback/internal/directory"
	"groupwriteback/internal/exchange"
)

// list returns an address list with a filter.
func list(name, filter string) exchange.AddressList {
	return exchange.AddressList{DN: directory.DN{{Type: "CN", Value: name}, {Type: "DC", Value: "test"}}, Filter: filter}
}

func listed(lists ...exchange.AddressList) *Rules {
	r := remote(routing)
	r.AddressBook = &AddressBook{Lists: lists, LegacyDN: func(id directory.GUID) string { return "/o=Contoso/cn=" + id.String() }}
	return r
}

func shown() *directory.SourceGroup {
	g := sales()
	g.Properties = g.Properties.With("hideFromAddressLists", "false")
	return g
}

func TestAddressLists(t *testing.T) {
	all, groups, others := list("All", "(mailNickname=*)"), list("Groups", "(&(mailNickname=*)(objectCategory=group)(msExchRecipientTypeDetails=8796093022208))"), list("Others", "(displayName=x*)")
	r, g := listed(all, groups, others), shown()
	c := written(g, r, object)
	if got := c.Attribute("showInAddressBook"); !slices.Equal(got, []string{"CN=All,DC=test", "CN=Groups,DC=test"}) {
		t.Errorf("of a new recipient: %q", got)
	}
	if got := c.Attributes.First("legacyExchangeDN"); got != "/o=Contoso/cn="+groupID.String() {
		t.Error(got)
	}
	c.Written = r.Owned(nil, pairOf(g))
	if again := Group(pairOf(g, c), r); again != nil {
		t.Errorf("planned again: %v", again)
	}

	// A list that the object does not belong to goes, whoever wrote it; one that the account
	// does not see stays, and so does a name that Exchange gave.
	c.Attributes = c.Attributes.With("showInAddressBook", "CN=All,DC=test", "CN=Others,DC=test", "CN=Unseen,DC=test").With("legacyExchangeDN", "/o=Contoso/cn=exchange")
	apply(&c, Group(pairOf(g, c), r)[0])
	if got := c.Attribute("showInAddressBook"); !slices.Equal(got, []string{"CN=All,DC=test", "CN=Unseen,DC=test", "CN=Groups,DC=test"}) {
		t.Errorf("%q", got)
	}
	if got := c.Attributes.First("legacyExchangeDN"); got != "/o=Contoso/cn=exchange" {
		t.Error(got)
	}

	// A filter that is not understood leaves the lists alone, and names what to do.
	strange := listed(all, list("Strange", "(cn:1.2.3.4:=x)"))
	changes := Group(pairOf(g, c), strange)
	if got := reasons(changes); !slices.Equal(got, []Reason{ReasonAddressListUnknown}) || len(mailSide(changes)) > 0 {
		t.Errorf("%v", changes)
	}
	unread := listed()
	unread.AddressBook = &AddressBook{Unread: true}
	if changes := Group(pairOf(g, c), unread); changes != nil {
		t.Errorf("lists that cannot be read: %v", changes)
	}

	// A hidden group is in no list.
	says(g, "hideFromAddressLists", "true")
	apply(&c, Group(pairOf(g, c), r)[0])
	if got := c.Attribute("showInAddressBook"); got != nil {
		t.Errorf("of a hidden group: %q", got)
	}
	says(g, "hideFromAddressLists", "false")
	apply(&c, Group(pairOf(g, c), r)[0])

	// Without this choice, ours go.
	c.Written = r.Owned(c.Written, pairOf(g, c))
	c.Attributes = c.Attributes.With("showInAddressBook", append(c.Attribute("showInAddressBook"), "CN=Exchange,DC=test")...)
	apply(&c, Group(pairOf(g, c), remote(routing))[0])
	if got := c.Attribute("showInAddressBook"); !slices.Equal(got, []string{"CN=Exchange,DC=test"}) {
		t.Errorf("turned off: %q", got)
	}
}
