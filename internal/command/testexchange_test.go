package command_test

import (
	"strings"
	"testing"

	"groupwriteback/internal/command"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/exchange"
)

// hybrid returns an organisation as a hybrid installation of Exchange Server 2019 leaves
// it.
func hybrid(t *testing.T) exchange.Organization {
	t.Helper()
	dn, err := directory.ParseDN("CN=Contoso,CN=Microsoft Exchange,CN=Services,CN=Configuration,DC=contoso,DC=test")
	if err != nil {
		t.Fatal(err)
	}
	list := func(name, filter string) exchange.AddressList {
		return exchange.AddressList{DN: append(directory.DN{{Type: "CN", Value: name}}, dn...), Filter: filter}
	}
	return exchange.Organization{
		Name: "Contoso", DN: dn, SchemaLevel: 17003, DomainLevel: 13243, OrganizationLevel: 16763,
		Servers:         []exchange.Server{{Name: "EX1", Version: exchange.Version{Major: 15, Minor: 2, Build: 2562}}},
		LegacyDN:        "/o=Contoso/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)",
		Connectors:      []exchange.Connector{{Name: "Outbound to Office 365", Enabled: true, Spaces: []string{"SMTP:contoso.mail.onmicrosoft.com;1"}}},
		AddressSpaces:   []exchange.AddressSpace{{Connector: "Outbound to Office 365", Domain: "contoso.mail.onmicrosoft.com", Cost: 1}},
		AcceptedDomains: []exchange.AcceptedDomain{{Name: "contoso.test", Type: exchange.Authoritative}},
		AddressLists:    []exchange.AddressList{list("All Groups", "(& (mailnickname=*) (| (objectCategory=group) ))"), list("All Address Lists", "")},
	}
}

func TestWhatIsSaidOfExchange(t *testing.T) {
	b := newBench(t)
	b.enable(t)
	unread := func(part exchange.PartName) func(o *exchange.Organization) {
		return func(o *exchange.Organization) {
			o.Unread = []exchange.Part{{Name: part, Reason: exchange.AccessDenied, Object: "CN=X", Message: "No."}}
		}
	}
	for name, test := range map[string]struct {
		change func(o *exchange.Organization)
		row    string
		result contract.CheckResult
		says   string
	}{
		"level":          {func(*exchange.Organization) {}, "Exchange", contract.Passed, "SE RTM or 2019 CU15: schema 17003, domain 13243, organisation 16763. It has 1 Exchange server."},
		"no server":      {func(o *exchange.Organization) { o.Servers = nil }, "Exchange", contract.Warning, "There is no Exchange server"},
		"an old server":  {func(o *exchange.Organization) { o.Servers[0].Version.Minor = 0; o.Servers[0].Version.Build = 1130 }, "Exchange", contract.Warning, "2013 CU11 or 2016 CU1"},
		"servers unread": {unread(exchange.PartServers), "Exchange", contract.Warning, "CN=X (AccessDenied): No."},
		"unread as a whole": {func(o *exchange.Organization) {
			*o = exchange.Organization{SchemaLevel: 17003}
			unread(exchange.PartOrganization)(o)
		}, "RoutingDomain", contract.Skipped, "no Exchange organisation that can be read"},
		"lists": {func(*exchange.Organization) {}, "AddressList", contract.Passed, "1 address list can be read"},
		"a strange list": {func(o *exchange.Organization) {
			o.AddressLists[0].Filter = "(memberOf:1.2.840.113556.1.4.1941:=CN=A,DC=b)"
		}, "AddressList", contract.Warning, "left to Exchange: All Groups"},
		"lists unread":      {unread(exchange.PartAddressLists), "AddressList", contract.Warning, "CN=X"},
		"routing":           {func(*exchange.Organization) {}, "RoutingDomain", contract.Passed, "contoso.mail.onmicrosoft.com"},
		"no routing":        {func(o *exchange.Organization) { o.AddressSpaces[0].Domain = "*" }, "RoutingDomain", contract.Warning, "contoso.onmicrosoft.com; contoso.mail.onmicrosoft.com"},
		"connectors unread": {unread(exchange.PartConnectors), "RoutingDomain", contract.Warning, "CN=X"},
	} {
		t.Run(name, func(t *testing.T) {
			b.directory.exchange = hybrid(t)
			test.change(&b.directory.exchange)
			checks, err := b.engine.Test(t.Context(), containerDN)
			if err != nil {
				t.Fatal(err)
			}
			var row command.Check
			for _, c := range checks {
				if c.Name == test.row {
					row = c
				}
			}
			if row.Result != test.result || !strings.Contains(row.Message, test.says) || row.Result == contract.Warning && row.Advice == "" {
				t.Errorf("%+v", row)
			}
		})
	}
}
