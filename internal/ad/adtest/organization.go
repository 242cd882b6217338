package adtest

import (
	"context"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/internal/ad/adtest/server"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/exchange"
)

// organization reads what the target says about Exchange.
func organization(t *testing.T, target contract.Target) *exchange.Organization {
	t.Helper()
	o, err := target.Exchange(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func (s *suite) testExchange(t *testing.T) {
	target := s.open(t)
	o := organization(t, target)
	if !s.Exchange {
		if o.Exists() || o.SchemaLevel != 0 || len(o.Unread) > 0 || o.KnowsRemoteGroups() {
			t.Errorf("a forest without Exchange has %+v", o)
		}
		return
	}
	if len(o.Unread) > 0 {
		t.Fatalf("not read: %+v", o.Unread)
	}
	if !o.Exists() || o.Name == "" || o.SchemaLevel == 0 || o.DomainLevel == 0 || o.OrganizationLevel == 0 || o.Release() == "" {
		t.Errorf("the organisation is %+v, %s", o, o.Release())
	}
	if len(o.Servers) != 1 || o.Servers[0].Name != "EX1" || o.Servers[0].Version.Major != 15 || !o.KnowsRemoteGroups() {
		t.Errorf("the servers are %+v", o.Servers)
	}
	if !strings.HasPrefix(o.LegacyDN, "/o=") || !strings.HasSuffix(o.LegacyDN, "/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)") {
		t.Errorf("the administrative group is %q", o.LegacyDN)
	}
	tenant, _, _ := strings.Cut(s.Domain, ".")
	if !o.Covers(tenant+".mail.onmicrosoft.com") || o.Covers("elsewhere.example") || len(o.Connectors) != 2 {
		t.Errorf("the address spaces are %+v of %+v", o.AddressSpaces, o.Connectors)
	}
	for domain, kind := range map[string]exchange.DomainType{s.Domain: exchange.Authoritative, "groups." + s.Domain: exchange.InternalRelay} {
		if a, ok := o.Accepted(domain); !ok || a.Type != kind {
			t.Errorf("%s is accepted as %+v", domain, a)
		}
	}
	if len(o.AddressLists) != 10 {
		t.Errorf("%d address lists", len(o.AddressLists))
	}
	s.testAddressLists(t, target, o.AddressLists)
	s.testRecipients(t, target, o.AddressLists)
	for _, l := range o.AddressLists {
		if strings.Contains(l.DN[0].Value, "Default Global") != strings.Contains(l.Filter, "publicFolder") || !l.DN.Within(o.DN) || len(l.Container) > 0 {
			t.Errorf("%s has the filter %q", l.DN, l.Filter)
		}
	}
}

// compact takes out the blanks that Windows' LDAP library ignores and ours does not compile.
var compact = strings.NewReplacer(" (", "(", " )", ")")

// testAddressLists tests that a filter holds for a group exactly if the directory finds the
// group by it.
func (s *suite) testAddressLists(t *testing.T, target contract.Target, lists []exchange.AddressList) {
	created, _ := s.create(t, target, s.unit(t, target, s.Container).GUID)
	finds := func(filter string) bool {
		found, err := s.admin.Search(ldap.NewSearchRequest(created.DN, ldap.ScopeBaseObject, ldap.NeverDerefAliases, 0, 0, false, compact.Replace(filter), []string{"1.1"}, nil))
		if err != nil {
			t.Fatalf("%s: %v", filter, err)
		}
		return len(found.Entries) == 1
	}
	if !finds("(objectCategory=group)") {
		return // the directory in this process has no categories
	}
	dn, err := directory.ParseDN(created.DN)
	if err != nil {
		t.Fatal(err)
	}
	for _, extra := range []string{
		"(groupType:1.2.840.113556.1.4.803:=2147483648)", "(!(groupType:1.2.840.113556.1.4.804:=2147483656))", "(groupType>=8)", "(displayName=*e*)", "(!(homeMDB=x))",
		"(objectCategory=CN=Group,CN=Schema,CN=Configuration," + s.Base + ")", "(mailNickname=SALES*)", "(&(objectClass=group)(!(objectClass=user)))",
	} {
		lists = append(lists, exchange.AddressList{DN: dn, Filter: extra})
	}
	for _, alias := range []string{"", "sales.team"} {
		if alias != "" {
			s.admin.modify(t, created.DN, func(r *ldap.ModifyRequest) { r.Replace("mailNickname", []string{alias}) })
		}
		o := exchange.Object{DN: dn, Values: map[string][]string{}}
		names := exchange.FilterAttributes(lists)
		entry := s.admin.get(t, created.DN, names...)
		for _, name := range names {
			o.Values[name] = entry.GetEqualFoldAttributeValues(name)
		}
		for _, l := range lists {
			if l.Filter == "" {
				continue
			}
			filter, err := exchange.ParseFilter(l.Filter)
			if err != nil {
				t.Errorf("%s: %v", l.Filter, err)
			} else if got := filter.Match(o); (got == exchange.Yes) != finds(l.Filter) || got == exchange.Unknown {
				t.Errorf("%s of a group with the alias %q is %d, and the directory finds it: %t", l.Filter, alias, got, finds(l.Filter))
			}
		}
	}
}

func (s *suite) testRecipients(t *testing.T, target contract.Target, lists []exchange.AddressList) {
	unit := s.unit(t, target, s.Container).GUID
	whole, _ := s.create(t, target, unit)
	plain, _ := s.create(t, target, unit)
	want := exchange.Recipient{GUID: whole.GUID, DN: whole.DN, Mail: "a@" + s.Domain, Alias: "a", Target: "SMTP:a@b.example", LegacyDN: "/o=x/cn=a", Lists: 1, Hidden: true}
	s.admin.modify(t, whole.DN, func(r *ldap.ModifyRequest) {
		for name, value := range map[string]string{
			"mail": want.Mail, "mailNickname": want.Alias, "targetAddress": want.Target, "legacyExchangeDN": want.LegacyDN,
			"showInAddressBook": lists[0].DN.String(), "msExchHideFromAddressLists": "TRUE",
		} {
			r.Replace(name, []string{value})
		}
	})
	got, err := target.Recipients(testContext(t), []directory.GUID{plain.GUID, newID(), whole.GUID, s.admin.guid(t, s.Container)})
	if err != nil || len(got) != 2 {
		t.Fatalf("%+v, %v", got, err)
	}
	for _, r := range got {
		if r.GUID == whole.GUID && r != want || r.GUID == plain.GUID && (r.Alias != "" || r.LegacyDN != "" || r.Lists != 0 || r.Hidden || r.DN != plain.DN) {
			t.Errorf("%+v", r)
		}
	}
}

// testOrganization tests organisations that a real directory is not arranged for.
func (w *windows) testOrganization(t *testing.T) {
	add := func(t *testing.T, dn, class string, attributes map[string][]string) {
		t.Helper()
		if attributes == nil {
			attributes = map[string][]string{}
		}
		attributes["objectClass"] = []string{class}
		w.admin.add(t, dn, attributes)
		t.Cleanup(func() { w.admin.remove(t, dn) })
	}
	unread := func(t *testing.T, part exchange.PartName, reason exchange.Reason) *exchange.Organization {
		t.Helper()
		o := organization(t, w.target)
		if len(o.Unread) == 0 || o.Unread[0].Name != part || o.Unread[0].Reason != reason || o.Unread[0].Object == "" || o.Unread[0].Message == "" {
			t.Errorf("not read: %+v, want %s: %s", o.Unread, part, reason)
		}
		if o.Read(part) {
			t.Errorf("%s counts as read", part)
		}
		return o
	}
	t.Run("a disabled connector", func(t *testing.T) {
		add(t, "CN=Off,"+server.Connectors, "msExchRoutingSMTPConnector", map[string][]string{"routingList": {"SMTP:off.example;1", "X400:c=US;a= ;p=x;5"}, "msExchSmtpSendEnabled": {"FALSE"}})
		if o := organization(t, w.target); o.Covers("off.example") || len(o.Unread) > 0 || len(o.Connectors) != 3 {
			t.Errorf("%+v", o)
		}
	})
	t.Run("a broken address space", func(t *testing.T) {
		add(t, "CN=Broken,"+server.Connectors, "msExchRoutingSMTPConnector", map[string][]string{"routingList": {"SMTP:fine.example;1", "SMTP:not a domain;1"}})
		if o := unread(t, exchange.PartConnectors, exchange.Invalid); !o.Covers("fine.example") {
			t.Error("the other address space is lost")
		}
	})
	t.Run("a list of a container", func(t *testing.T) {
		add(t, "CN=Sales,CN=All Address Lists,"+server.AddressLists, "addressBookContainer",
			map[string][]string{"displayName": {"OU=Sales,DC=litware,DC=test"}, "purportedSearch": {"(mailNickname=*)"}, "testRecipientContainer": {w.Container}})
		for _, l := range organization(t, w.target).AddressLists {
			if (l.DN[0].Value == "Sales") != strings.EqualFold(l.Container.String(), w.Container) {
				t.Errorf("%s is of %s", l.DN, l.Container)
			}
		}
	})
	t.Run("the leftovers of another organisation", func(t *testing.T) {
		other := "CN=Old,CN=Microsoft Exchange,CN=Services,CN=Configuration," + w.Base
		add(t, other, "msExchOrganizationContainer", nil)
		if o := organization(t, w.target); o.Name != "Litware" || len(o.Unread) > 0 {
			t.Errorf("%s, %+v", o.Name, o.Unread)
		}
		add(t, "CN=EX0,"+other, "msExchExchangeServer", nil)
		if o := unread(t, exchange.PartOrganization, exchange.Ambiguous); o.Exists() || o.KnowsRemoteGroups() || o.Read(exchange.PartConnectors) {
			t.Errorf("%+v", o)
		}
	})
	t.Run("another administrative group", func(t *testing.T) {
		add(t, "CN=First Administrative Group,CN=Administrative Groups,"+server.Organization, "msExchAdminGroup", map[string][]string{"legacyExchangeDN": {"/o=Litware/ou=First Administrative Group"}})
		if o := organization(t, w.target); !strings.Contains(o.LegacyDN, "FYDIBOHF23SPDLT") {
			t.Errorf("%q", o.LegacyDN)
		}
	})
	for part, want := range map[exchange.PartName]struct {
		dn     string
		reason exchange.Reason
	}{
		exchange.PartOrganization:    {server.Organization, exchange.AccessDenied}, // its name is seen
		exchange.PartAdminGroup:      {server.AdminGroup, exchange.NotVisible},
		exchange.PartAddressLists:    {server.AddressLists, exchange.NotVisible},
		exchange.PartAcceptedDomains: {server.Transport, exchange.NotVisible},
	} {
		t.Run("hidden: "+string(part), func(t *testing.T) {
			w.admin.veil(t, want.dn)
			defer w.admin.allow(t, want.dn)
			unread(t, part, want.reason)
		})
	}
	t.Run("faults", func(t *testing.T) {
		defer w.dc.SetFault(nil)
		for fault, reason := range map[server.Fault]exchange.Reason{server.Limited: exchange.Incomplete, server.NoPaging: exchange.Incomplete} {
			w.dc.SetFault(func(o server.Operation) server.Fault {
				if o.Kind == "search" && strings.EqualFold(o.DN, server.AddressLists) {
					return fault
				}
				return server.None
			})
			if o := unread(t, exchange.PartAddressLists, reason); !o.Read(exchange.PartConnectors) || len(o.AddressLists) > 0 {
				t.Errorf("%+v", o)
			}
		}
	})
	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(testContext(t))
		cancel()
		_, err := w.target.Exchange(ctx)
		w.wantError(t, err, "Cancelled")
	})
	t.Run("no organisation", func(t *testing.T) {
		if err := w.admin.Del(ldap.NewDelRequest(server.Organization, []ldap.Control{ldap.NewControlString("1.2.840.113556.1.4.805", true, "")})); err != nil {
			t.Fatal(err)
		}
		unread(t, exchange.PartOrganization, exchange.NotVisible)
	})
}

// testNoExchange tests that a forest without Exchange costs one search at most.
func (w *windows) testNoExchange(t *testing.T) {
	searches := 0
	w.dc.SetFault(func(o server.Operation) server.Fault {
		if o.Kind == "search" {
			searches++
		}
		return server.None
	})
	o := organization(t, w.target)
	w.dc.SetFault(nil)
	if o.Exists() || o.Release() != "" || o.SchemaOnly() || len(o.Unread) > 0 || searches > 1 {
		t.Errorf("%d searches, %+v", searches, o)
	}
}
