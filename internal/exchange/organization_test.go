package exchange_test

import (
	"testing"

	"groupwriteback/internal/exchange"
)

func spaces(t *testing.T, values ...string) *exchange.Organization {
	t.Helper()
	var o exchange.Organization
	for _, v := range values {
		space, ok, err := exchange.ParseAddressSpace("Out", v)
		if err != nil {
			t.Fatal(err)
		}
		if ok {
			o.AddressSpaces = append(o.AddressSpaces, space)
		}
	}
	return &o
}

func TestCovers(t *testing.T) {
	o := spaces(t, "SMTP:*;1", "*.com", "smtp:contoso.mail.onmicrosoft.com;1", "*.groups.contoso.com;10", "X400:c=US;a= ;p=fabrikam;1", "SMTP:fabrikam.com")
	for domain, want := range map[string]bool{
		"contoso.mail.onmicrosoft.com":   true,
		"Contoso.Mail.OnMicrosoft.com":   true,
		"x.contoso.mail.onmicrosoft.com": false, // named without subdomains
		"emea.groups.contoso.com":        true,
		"a.b.groups.contoso.com":         true,
		"groups.contoso.com":             false, // *.domain is not the domain
		"othergroups.contoso.com":        false,
		"fabrikam.com":                   true,
		"contoso.com":                    false, // only the catch-all and *.com
		"com":                            false,
		"*":                              false,
		"":                               false,
	} {
		if got := o.Covers(domain); got != want {
			t.Errorf("%q is covered: %t", domain, got)
		}
	}
}

func TestParseAddressSpace(t *testing.T) {
	for _, bad := range []string{"SMTP:", "SMTP:;1", "SMTP:a b.com;1", "SMTP:**.com;1", "SMTP:a..com;1", "SMTP:contoso.com;cheap", "SMTP:*contoso.com", "user@contoso.com"} {
		if space, ok, err := exchange.ParseAddressSpace("Out", bad); err == nil {
			t.Errorf("%q is %+v, %t", bad, space, ok)
		}
	}
	if space, ok, err := exchange.ParseAddressSpace("Out", "*.Contoso.com;20"); err != nil || !ok || space != (exchange.AddressSpace{Connector: "Out", Domain: "Contoso.com", WithSubdomains: true, Cost: 20}) {
		t.Errorf("%+v, %t, %v", space, ok, err)
	}
}

func TestAccepted(t *testing.T) {
	var o exchange.Organization
	for name, flags := range map[string]string{"contoso.com": "4", "*.contoso.com": "1", "groups.contoso.com": "2", "*.groups.contoso.com": ""} {
		a, err := exchange.ParseAcceptedDomain(name, flags)
		if err != nil {
			t.Fatal(err)
		}
		if !a.WithSubdomains {
			o.AcceptedDomains = append([]exchange.AcceptedDomain{a}, o.AcceptedDomains...)
		} else {
			o.AcceptedDomains = append(o.AcceptedDomains, a)
		}
	}
	for domain, want := range map[string]exchange.DomainType{
		"CONTOSO.com": exchange.Authoritative, "groups.contoso.com": exchange.InternalRelay,
		"emea.contoso.com": exchange.ExternalRelay, "x.groups.contoso.com": exchange.Authoritative, "fabrikam.com": "",
	} {
		if a, ok := o.Accepted(domain); a.Type != want || ok != (want != "") {
			t.Errorf("%s: %+v", domain, a)
		}
	}
	for _, bad := range [][2]string{{"", "0"}, {"contoso.com", "x"}, {"contoso.com", "3"}, {"con toso.com", "0"}} {
		if a, err := exchange.ParseAcceptedDomain(bad[0], bad[1]); err == nil {
			t.Errorf("%q is %+v", bad, a)
		}
	}
}

func TestRelease(t *testing.T) {
	for name, o := range map[string]exchange.Organization{
		"":                                    {},
		"Exchange Server SE RTM or 2019 CU15": {SchemaLevel: 17003, DomainLevel: 13243, OrganizationLevel: 16763},
		"Exchange Server 2016 CU23":           {SchemaLevel: 15334, DomainLevel: 13243, OrganizationLevel: 16223},
		"Exchange Server 2016 CU6":            {SchemaLevel: 15330, OrganizationLevel: 16213},
		"Exchange Server 2016 CU4 or CU5 up to Exchange Server 2016 CU7 to CU10":       {OrganizationLevel: 16213},
		"Exchange Server 2016 CU21 up to Exchange Server 2016 CU23":                    {SchemaLevel: 15334},
		"Exchange Server 2013 CU10 to CU21":                                            {SchemaLevel: 15312, OrganizationLevel: 16130},
		"newer than Exchange Server SE RTM or 2019 CU15":                               {SchemaLevel: 17003, OrganizationLevel: 17000},
		"older than Exchange Server 2013 CU10 to CU21":                                 {SchemaLevel: 15137, OrganizationLevel: 15449},
		"newer than Exchange Server 2016 CU23 and older than Exchange Server 2019 RTM": {SchemaLevel: 16999},
		// The schema is that of 2019, and the organisation was not prepared yet.
		"Exchange Server 2016 CU22": {SchemaLevel: 17003, OrganizationLevel: 16222},
	} {
		if got := o.Release(); got != name {
			t.Errorf("%+v is %q, want %q", o, got, name)
		}
	}
}

func TestKnowsRemoteGroups(t *testing.T) {
	for serial, want := range map[string]bool{
		"Version 15.0 (Build 31130.7)":  false, // 2013 CU10
		"Version 15.0 (Build 31156.6)":  true,  // 2013 CU11
		"Version 15.1 (Build 30225.42)": false, // 2016 RTM
		"Version 15.1 (Build 30396.30)": true,
		"Version 15.2 (Build 1118.7)":   true, // as Get-ExchangeServer shows it
		"Version 14.3 (Build 30123.4)":  false,
	} {
		o := exchange.Organization{SchemaLevel: 1, Servers: []exchange.Server{{Name: "EX1", Version: exchange.ParseVersion(serial)}}}
		if got := o.KnowsRemoteGroups(); got != want || o.SchemaOnly() {
			t.Errorf("%s: %t", serial, got)
		}
	}
	for level, want := range map[int]bool{16130: false, 16131: true, 16133: true, 16210: false, 16211: true, 16763: true, 0: false} {
		o := exchange.Organization{OrganizationLevel: level, Servers: []exchange.Server{{Version: exchange.ParseVersion("?")}}}
		if got := o.KnowsRemoteGroups(); got != want {
			t.Errorf("an unknown version at level %d: %t", level, got)
		}
	}
	o := exchange.Organization{SchemaLevel: 17003, OrganizationLevel: 16763}
	if o.KnowsRemoteGroups() || !o.SchemaOnly() {
		t.Error("a schema without servers knows groups")
	}
	o.Unread = []exchange.Part{{Name: exchange.PartServers}}
	if o.SchemaOnly() {
		t.Error("servers that could not be read count as missing")
	}
	if v := exchange.ParseVersion("Version 15.2 (Build 31544.4)").String(); v != "15.2.1544.4" || exchange.ParseVersion("").String() != "" {
		t.Errorf("%q", v)
	}
}
