package plan

import (
	"testing"

	"groupwriteback/internal/directory"
)

func TestProtectedContainer(t *testing.T) {
	base := parsed(t, "DC=contoso,DC=test")
	for dn, want := range map[string]bool{
		"DC=contoso,DC=test":                                      true,
		"dc=Contoso,dc=TEST":                                      true,
		"CN=Users,DC=contoso,DC=test":                             true,
		"cn=users,DC=contoso,DC=test":                             true,
		"OU=Domain Controllers,DC=contoso,DC=test":                true,
		"CN=Builtin,DC=contoso,DC=test":                           true,
		"CN=Some,CN=Builtin,DC=contoso,DC=test":                   true,
		"CN=System,DC=contoso,DC=test":                            true,
		"CN=AdminSDHolder,CN=System,DC=contoso,DC=test":           true,
		"CN=Policies,CN=System,DC=contoso,DC=test":                true,
		"OU=Groups,DC=contoso,DC=test":                            false,
		"OU=Users,DC=contoso,DC=test":                             false,
		"OU=System,DC=contoso,DC=test":                            false,
		"CN=Users,OU=Branch,DC=contoso,DC=test":                   false,
		"OU=Below,OU=Domain Controllers,DC=contoso,DC=test":       false,
		"CN=Users,DC=other,DC=contoso,DC=test":                    false,
		"OU=Domain Controllers,OU=Groups,DC=contoso,DC=test":      false,
		"CN=Microsoft Exchange System Objects,DC=contoso,DC=test": false,
	} {
		if got := ProtectedContainer(parsed(t, dn), base); got != want {
			t.Errorf("%s: %v", dn, got)
		}
	}
}

func parsed(t *testing.T, text string) directory.DN {
	t.Helper()
	dn, err := directory.ParseDN(text)
	if err != nil {
		t.Fatal(err)
	}
	return dn
}
