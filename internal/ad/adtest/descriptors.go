package adtest

import (
	"bytes"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/internal/descriptor"
	"groupwriteback/internal/directory"
)

// Descriptors reads the security descriptor of every object of the domain, its
// configuration and its schema, as an administrator, and tests that each is written byte
// for byte as it was read. It returns their SDDL by DN.
func Descriptors(t *testing.T, env Env) map[string]string {
	t.Helper()
	admin := connectAdmin(t, env)
	domain, err := directory.SIDFromAD(admin.get(t, env.Base, "objectSid").GetRawAttributeValue("objectSid"))
	if err != nil {
		t.Fatal(err)
	}
	sddl := map[string]string{}
	for _, base := range []string{env.Base, "CN=Configuration," + env.Base, "CN=Schema,CN=Configuration," + env.Base} {
		request := ldap.NewSearchRequest(base, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 0, 0, false, "(objectClass=*)",
			[]string{"nTSecurityDescriptor"}, []ldap.Control{&ldap.ControlMicrosoftSDFlags{Criticality: true, ControlValue: 15}})
		found, err := admin.SearchWithPaging(request, 500)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range found.Entries {
			raw := e.GetRawAttributeValue("nTSecurityDescriptor")
			d, err := descriptor.Parse(raw)
			if err != nil {
				t.Errorf("%s: %v", e.DN, err)
				continue
			}
			if b, err := d.Bytes(); err != nil || !bytes.Equal(b, raw) {
				t.Errorf("%s: %x became %x, %v", e.DN, raw, b, err)
			}
			sddl[strings.ToLower(e.DN)] = d.SDDL(descriptor.Domains{Domain: domain, Forest: domain})
		}
	}
	return sddl
}
