package ad

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAtOrBelow(t *testing.T) {
	for _, c := range []struct {
		host, domain string
		want         bool
	}{
		{"dc1.contoso.com", "contoso.com", true},
		{"contoso.com", "contoso.com", true},
		{"DC1.Sites.CONTOSO.com.", "Contoso.com.", true},
		{"dc1.bücher.test", "xn--bcher-kva.test", true},
		{"dc1.xn--bcher-kva.test", "Bücher.test", true},
		{"dc1_a.contoso.com", "contoso.com", true},
		{"evilcontoso.com", "contoso.com", false},
		{"contoso.com.evil.example", "contoso.com", false},
		{"dc1.c\u043entoso.com", "contoso.com", false}, // contains a Cyrillic letter
		{".contoso.com", "contoso.com", false},
		{"com", "contoso.com", false},
		{"10.0.0.1", "0.0.1", false},
		{"10.0.0.1", "10.0.0.1", false},
		{"fe80::1", "", false},
		{"", "", false}, {".", ".", false}, {"dc1", "", false},
	} {
		if got := atOrBelow(c.host, c.domain); got != c.want {
			t.Errorf("%q at or below %q: %v", c.host, c.domain, got)
		}
	}
}

// records returns a lookup that knows the hosts of services by their full names.
func records(known map[string][]string) lookupSRV {
	return func(_ context.Context, service, proto, name string) (string, []*net.SRV, error) {
		hosts, ok := known["_"+service+"._"+proto+"."+name]
		if !ok {
			return "", nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
		}
		var answer []*net.SRV
		for i, host := range hosts {
			// Later hosts have to be asked first.
			answer = append(answer, &net.SRV{Target: host, Port: 4444, Priority: uint16(len(hosts) - i)})
		}
		return "", answer, nil
	}
}

func TestLocate(t *testing.T) {
	contoso := endpoint{"contoso.com", "636", false}
	known := records(map[string][]string{
		"_ldap._tcp.dc._msdcs.contoso.com.": {"far.contoso.com.", "dc.evil.example.", "Near.Contoso.com.", "10.0.0.1."},
		"_ldap._tcp.dc._msdcs.emea.com.":    {"dc1.hosts.example."},
		"_ldap._tcp.dc._msdcs.none.com.":    {"."},
	})
	for name, c := range map[string]struct {
		named     endpoint
		preferred string
		want      []string
		domain    bool
		elsewhere []string
	}{
		"a domain":                       {contoso, "", []string{"near.contoso.com", "far.contoso.com"}, true, []string{"10.0.0.1", "dc.evil.example"}},
		"one preferred":                  {contoso, "FAR.contoso.com.", []string{"far.contoso.com", "near.contoso.com"}, true, []string{"10.0.0.1", "dc.evil.example"}},
		"a preferred one that is gone":   {contoso, "other.contoso.com", []string{"near.contoso.com", "far.contoso.com"}, true, []string{"10.0.0.1", "dc.evil.example"}},
		"a preferred one elsewhere":      {contoso, "dc.evil.example", []string{"near.contoso.com", "far.contoso.com"}, true, []string{"10.0.0.1", "dc.evil.example"}},
		"all elsewhere":                  {endpoint{host: "emea.com"}, "dc1.hosts.example", nil, true, []string{"dc1.hosts.example"}},
		"no such service":                {endpoint{host: "none.com"}, "", nil, false, nil},
		"a host":                         {endpoint{host: "dc1.contoso.com"}, "", nil, false, nil},
		"without records, one preferred": {endpoint{host: "litware.test"}, "DC1.litware.test", []string{"dc1.litware.test"}, false, nil},
		"without, preferred elsewhere":   {endpoint{host: "litware.test"}, "dc1.fabrikam.com", nil, false, nil},
		"without, preferred is named":    {endpoint{host: "litware.test"}, "litware.test", nil, false, nil},
		"without, preferred is none":     {endpoint{host: "litware.test"}, ".litware.test", nil, false, nil},
		"an address":                     {endpoint{host: "10.0.0.1"}, "dc1.contoso.com", nil, false, nil},
	} {
		got := locate(t.Context(), c.named, c.preferred, known)
		var hosts []string
		for _, e := range got.controllers {
			hosts = append(hosts, e.host)
			if e.port != c.named.port {
				t.Errorf("%s: the port is %s", name, e.port)
			}
		}
		if diff := cmp.Diff(c.want, hosts); diff != "" || got.domain != c.domain || cmp.Diff(c.elsewhere, got.elsewhere) != "" {
			t.Errorf("%s: %+v %s", name, got, diff)
		}
	}
}

func TestCatalogsAreOfTheForest(t *testing.T) {
	tg := &target{
		server: endpoint{host: "dc1.emea.contoso.com"},
		root:   rootDSE{dnsHostName: "DC1.emea.contoso.com", baseDN: "DC=emea,DC=contoso,DC=com", rootDomain: "DC=contoso,DC=com"},
		forest: &forest{names: []string{"contoso.com", "emea.contoso.com", "Fabrikam.test"}},
	}
	known := records(map[string][]string{"_gc._tcp.contoso.com.": {
		"gc.other.example.", "gc.fabrikam.test.", "gc.contoso.com.", "gc.EMEA.contoso.com.", "dc1.emea.contoso.com.", "gc.notcontoso.com.", "10.0.0.1.",
	}})
	if diff := cmp.Diff([]string{"gc.emea.contoso.com", "gc.contoso.com", "gc.fabrikam.test"}, tg.catalogs(t.Context(), known)); diff != "" {
		t.Error(diff)
	}
	tg.forest = nil // not read yet
	if diff := cmp.Diff([]string{"gc.emea.contoso.com", "gc.contoso.com"}, tg.catalogs(t.Context(), known)); diff != "" {
		t.Error(diff)
	}
}

// TestKDCsAreOfTheRealm: somebody who forges DNS answers gets no pre-authentication
// data of an account, from which its password could be guessed.
func TestKDCsAreOfTheRealm(t *testing.T) {
	dns := records(map[string][]string{
		"_kerberos._tcp.corp.example.":      {"kdc.evil.example.", "kdc.corp.example."},
		"_kerberos._tcp.child.corp.test.":   {"kdc.child.corp.test.", "evil.example."},
		"_kerberos._tcp.corp.test.":         {"evil.example.", "kdc.corp.test."},
		"_kerberos._tcp.elsewhere.example.": {"kdc.evil.example."},
	})
	conf := func(text string) string {
		path := filepath.Join(t.TempDir(), "krb5.conf")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	own := kdc{"contoso.com", "dc1.contoso.com"}
	for name, c := range map[string]struct {
		conf, realm string
		want        string // the KDCs of each realm that has any
	}{
		"the domain's own":              {"", "CONTOSO.COM", "CONTOSO.COM dc1.contoso.com:88"},
		"another realm, by DNS":         {"", "CORP.EXAMPLE", "CONTOSO.COM dc1.contoso.com:88, CORP.EXAMPLE kdc.corp.example:88"},
		"another realm, all elsewhere":  {"", "ELSEWHERE.EXAMPLE", ""},
		"another realm, unknown":        {"", "FABRIKAM.COM", ""},
		"named in the file":             {"[realms]\n CORP.EXAMPLE = {\n  kdc = anywhere.example\n }\n", "CORP.EXAMPLE", "CONTOSO.COM dc1.contoso.com:88, CORP.EXAMPLE anywhere.example:88"},
		"named in small letters":        {"[realms]\n corp.example = {\n  kdc = anywhere.example\n }\n", "CORP.EXAMPLE", "CONTOSO.COM dc1.contoso.com:88, CORP.EXAMPLE anywhere.example:88"},
		"a realm without KDC, by DNS":   {"[libdefaults]\n dns_lookup_kdc = true\n[realms]\n CORP.EXAMPLE = {\n  default_domain = x\n }\n", "CORP.EXAMPLE", "CONTOSO.COM dc1.contoso.com:88, CORP.EXAMPLE kdc.corp.example:88"},
		"realms above, by DNS":          {"[libdefaults]\n dns_lookup_kdc = true\n", "CHILD.CORP.TEST", "CHILD.CORP.TEST kdc.child.corp.test:88, CONTOSO.COM dc1.contoso.com:88, CORP.TEST kdc.corp.test:88"},
		"DNS is asked by the file only": {"[libdefaults]\n dns_lookup_kdc = false\n", "CHILD.CORP.TEST", "CHILD.CORP.TEST kdc.child.corp.test:88, CONTOSO.COM dc1.contoso.com:88"},
	} {
		krb5, err := loadKrb5Conf(t.Context(), conf(c.conf), c.realm, []kdc{own}, dns)
		if c.want == "" {
			if !errors.Is(err, errID("KdcNotFound")) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var got []string
		for _, realm := range []string{"CHILD.CORP.TEST", "CONTOSO.COM", "CORP.EXAMPLE", "CORP.TEST", "ELSEWHERE.EXAMPLE", "EVIL.EXAMPLE", "EXAMPLE", "TEST"} {
			if kdcs := krb5.KDCs(realm); len(kdcs) > 0 {
				got = append(got, realm+" "+strings.Join(kdcs, " "))
			}
		}
		if text := strings.Join(got, ", "); text != c.want {
			t.Errorf("%s: %s", name, text)
		}
	}
}
