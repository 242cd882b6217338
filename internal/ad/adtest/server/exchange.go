package server

import (
	"fmt"
	"strings"
)

// Property sets that hold attributes of groups. Windows has the first four, and Exchange
// Setup adds the last one.
const (
	generalInformation  = "59ba2f42-79a2-11d0-9020-00c04fc2d3cf"
	membership          = "bc0ac240-79a9-11d0-9020-00c04fc2d4cf"
	publicInformation   = "e48d0154-bcf8-11d1-8702-00c04fb96050"
	personalInformation = "77b5b886-944a-11d1-aebd-0000f80367c1"
	exchangeInformation = "1f298a89-de98-47b8-b5cd-572ad53d267e"
)

// exchangeSchema returns the attributes that Exchange Setup adds, as far as groups and the
// reader of the organisation need them.
func exchangeSchema() []attribute {
	list := []attribute{
		{name: "mailNickname", syntax: text, single: true, low: 1, top: 64},
		{name: "targetAddress", syntax: text, single: true, low: 1, top: 1123},
		{name: "msExchRecipientDisplayType", syntax: integer, single: true},
		{name: "msExchRecipientTypeDetails", syntax: integer, single: true},
		{name: "msExchVersion", syntax: integer, single: true},
		{name: "msExchHideFromAddressLists", syntax: boolean, single: true},
		{name: "msExchRequireAuthToSendTo", syntax: boolean, single: true},
		{name: "msExchPoliciesIncluded", syntax: text},
		{name: "msExchPoliciesExcluded", syntax: text},
		{name: "msExchCoManagedByLink", syntax: dnSyntax},
		{name: "hideDLMembership", syntax: boolean, single: true},
		{name: "reportToOriginator", syntax: boolean, single: true},
		{name: "reportToOwner", syntax: boolean, single: true},
		{name: "oOFReplyToOriginator", syntax: boolean, single: true},
	}
	for n := range 15 {
		top := 1024
		if n >= 10 {
			top = 2048
		}
		list = append(list, attribute{name: fmt.Sprintf("extensionAttribute%d", n+1), syntax: text, single: true, low: 1, top: top})
	}
	for i := range list {
		list[i].classes, list[i].set = mailRecipients, exchangeInformation
	}
	return append(list, []attribute{
		{name: "serialNumber", syntax: text, classes: "msExchExchangeServer"},
		{name: "routingList", syntax: text, classes: "msExchRoutingSMTPConnector"},
		{name: "msExchSmtpSendEnabled", syntax: boolean, single: true, classes: "msExchRoutingSMTPConnector"},
		{name: "msExchAcceptedDomainName", syntax: text, single: true, classes: "msExchAcceptedDomain"},
		{name: "msExchAcceptedDomainFlags", syntax: integer, single: true, classes: "msExchAcceptedDomain"},
		// The attribute that limits an address list to a container is not documented; this
		// one has a name of our own.
		{name: "testRecipientContainer", syntax: dnSyntax, single: true, classes: "addressBookContainer"},
	}...)
}

// exchangeClasses are the classes of the organisation's objects. The names of those that
// are only on the way to others do not matter, and these are containers here.
var exchangeClasses = []class{
	{name: "msExchOrganizationContainer", parent: "container", rdn: "CN", holds: true},
	{name: "msExchAdminGroup", parent: "container", rdn: "CN", holds: true},
	{name: "msExchExchangeServer", parent: "server", rdn: "CN", holds: true},
	{name: "msExchRoutingSMTPConnector", parent: "top", rdn: "CN"},
	{name: "msExchAcceptedDomain", parent: "top", rdn: "CN"},
}

// The organisation of the domain.
const (
	Organization   = "CN=Litware,CN=Microsoft Exchange,CN=Services," + configDN
	adminGroupName = "Exchange Administrative Group (FYDIBOHF23SPDLT)"
	AdminGroup     = "CN=" + adminGroupName + ",CN=Administrative Groups," + Organization
	Connectors     = "CN=Connections,CN=Exchange Routing Group (DWBGZMFD01QNBJR),CN=Routing Groups," + AdminGroup
	AddressLists   = "CN=Address Lists Container," + Organization
	Transport      = "CN=Accepted Domains,CN=Transport Settings," + Organization
)

// exchange stores what Exchange Server 2019 CU14 leaves in the forest, with a hybrid
// connector: the places and names are those of public dumps.
func (b *builder) exchange(schema, services *object) {
	if b.noExchange {
		return
	}
	b.place(schema, "attributeSchema", "ms-Exch-Schema-Version-Pt", map[string]string{"rangeUpper": "17003"})
	b.place(b.domain.head, "container", "Microsoft Exchange System Objects", map[string]string{"objectVersion": "13243"})
	organization := b.place(b.place(services, "container", "Microsoft Exchange", nil), "msExchOrganizationContainer", "Litware",
		map[string]string{"objectVersion": "16762", "legacyExchangeDN": "/o=Litware"})
	path := func(at *object, names ...string) *object {
		for _, name := range names {
			at = b.place(at, "container", name, nil)
		}
		return at
	}
	group := b.place(path(organization, "Administrative Groups"), "msExchAdminGroup", adminGroupName,
		map[string]string{"legacyExchangeDN": "/o=Litware/ou=" + adminGroupName})
	b.place(path(group, "Servers"), "msExchExchangeServer", "EX1", map[string]string{"serialNumber": "Version 15.2 (Build 31544.4)"})
	connections := path(group, "Routing Groups", "Exchange Routing Group (DWBGZMFD01QNBJR)", "Connections")
	b.place(connections, "msExchRoutingSMTPConnector", "Outbound to Office 365", map[string]string{"routingList": "SMTP:litware.mail.onmicrosoft.com;1", "msExchSmtpSendEnabled": "TRUE"})
	b.place(connections, "msExchRoutingSMTPConnector", "Internet", map[string]string{"routingList": "SMTP:*;1"})
	domains := path(organization, "Transport Settings", "Accepted Domains")
	for name, flags := range map[string]string{domainName: "4", "groups." + domainName: "2", "litware.mail.onmicrosoft.com": "0"} {
		b.place(domains, "msExchAcceptedDomain", name, map[string]string{"msExchAcceptedDomainName": name, "msExchAcceptedDomainFlags": flags})
	}
	b.addressLists(path(organization, "Address Lists Container"))
}

// addressLists stores the lists that Exchange Setup makes. Those of Exchange 2003 that were
// never upgraded have blanks in their filters.
func (b *builder) addressLists(container *object) {
	for _, list := range [][2]string{
		{"All Address Lists", ""},
		{"All Address Lists/All Users", "(& (mailnickname=*) (| (&(objectCategory=person)(objectClass=user)(!(homeMDB=*))(!(msExchHomeServerName=*)))(&(objectCategory=person)(objectClass=user)(|(homeMDB=*)(msExchHomeServerName=*))) ))"},
		{"All Address Lists/All Groups", "(& (mailnickname=*) (| (objectCategory=group) ))"},
		{"All Address Lists/All Contacts", "(& (mailnickname=*) (| (&(objectCategory=person)(objectClass=contact)) ))"},
		{"All Address Lists/All Rooms", "(&(mailNickname=*)(msExchResourceMetaData=ResourceType:Room))"},
		{"All Global Address Lists", ""},
		{"All Global Address Lists/Default Global Address List", "(&(mailNickname=*)(|(objectClass=user)(objectClass=contact)(objectClass=msExchSystemMailbox)(objectClass=msExchDynamicDistributionList)(objectClass=group)(objectClass=publicFolder)))"},
		{"All System Address Lists", ""},
		{"All System Address Lists/All Recipients(VLV)", "(mailNickname=*)"},
		{"All System Address Lists/Groups(VLV)", "(&(mailNickname=*)(objectCategory=group)(!(msExchRecipientTypeDetails=1073741824)))"},
	} {
		at, name := container, list[0]
		if parent, child, below := strings.Cut(name, "/"); below {
			at, name = container.children[fold(parent)], child
		}
		values := map[string]string{"displayName": name}
		if list[1] != "" {
			values["purportedSearch"] = list[1]
		}
		b.place(at, "addressBookContainer", name, values)
	}
}
