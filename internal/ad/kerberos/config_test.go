package kerberos

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestConfig(t *testing.T) {
	path := filepath.Join(t.TempDir(), "krb5.conf")
	text := "includedir /etc/krb5.conf.d/\n[libdefaults]\n dns_lookup_kdc = true\n[realms]\n contoso.com = {\n  kdc = kdc.contoso.com:88\n  v4_name_convert = {\n   x = y\n  }\n }\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := LoadConfig(path)
	if err != nil {
		t.Fatal(err)
	}
	if !c.ByDNS || c.krb5.LibDefaults.DNSLookupKDC {
		t.Errorf("asks for DNS: %v, gokrb5 asks DNS: %v", c.ByDNS, c.krb5.LibDefaults.DNSLookupKDC)
	}
	c.AddKDC("FABRIKAM.COM", "dc1.fabrikam.com:88")
	for realm, want := range map[string]string{"CONTOSO.COM": "kdc.contoso.com:88", "FABRIKAM.COM": "dc1.fabrikam.com:88"} {
		if diff := cmp.Diff([]string{want}, c.KDCs(realm)); diff != "" {
			t.Errorf("%s: %s", realm, diff)
		}
		// This is how gokrb5 itself finds them.
		if count, got, err := c.krb5.GetKDCs(realm, true); err != nil || count != 1 || got[1] != want {
			t.Errorf("%s: %v, %v", realm, got, err)
		}
	}
	if got := NewConfig().KDCs("CONTOSO.COM"); len(got) > 0 {
		t.Errorf("a new configuration has %v", got)
	}
}

func TestLoadConfigRefusesWhatIsNone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "krb5.conf")
	if err := os.WriteFile(path, []byte("[libdefaults]\n clockskew = soon\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadConfig(path); err == nil {
		t.Error("a file with a broken value is read")
	}
	if _, err := LoadConfig(path + ".none"); err == nil {
		t.Error("a file that does not exist is read")
	}
}
