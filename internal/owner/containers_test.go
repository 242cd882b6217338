package owner

import (
	"testing"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

func container(n byte, dn string) contract.Container {
	return contract.Container{GUID: directory.GUID{n}, DN: dn}
}

var some = Containers{
	Current: []contract.Container{container(1, "OU=Groups,DC=contoso,DC=test"), container(2, "OU=Sales,OU=Groups,DC=contoso,DC=test"), container(1, "OU=Groups,DC=contoso,DC=test")},
	Former:  []contract.Container{container(3, "OU=Old,OU=Groups,DC=contoso,DC=test"), container(4, "OU=Before,DC=contoso,DC=test")},
}

// TestPlace checks that the innermost container decides, whichever stands first.
func TestPlace(t *testing.T) {
	for dn, want := range map[string]struct {
		place plan.Place
		in    byte
	}{
		"CN=a,OU=Groups,DC=contoso,DC=test":               {plan.InContainer, 1},
		"CN=a,ou=below,OU=Groups,DC=contoso,DC=test":      {plan.InContainer, 1},
		"CN=a,ou=sales,ou=groups,dc=contoso,dc=test":      {plan.InContainer, 2},
		"CN=a,OU=x,OU=Sales,OU=Groups,DC=contoso,DC=test": {plan.InContainer, 2},
		"CN=a,OU=Old,OU=Groups,DC=contoso,DC=test":        {plan.InFormerContainer, 3},
		"CN=a,OU=Before,DC=contoso,DC=test":               {plan.InFormerContainer, 4},
		"CN=a,OU=Elsewhere,DC=contoso,DC=test":            {plan.Elsewhere, 0},
		"CN=a,OU=Groups,DC=fabrikam,DC=test":              {plan.Elsewhere, 0},
		"no name of an object":                            {plan.Elsewhere, 0},
		"CN=a,OU=XSales,DC=contoso,DC=test":               {plan.Elsewhere, 0},
		"CN=a\\,OU=Sales,OU=Groups,DC=contoso,DC=test":    {plan.InContainer, 1},
	} {
		if place, in := some.Place(dn); place != want.place || in != (directory.GUID{want.in}) {
			t.Errorf("%s: %v in %v", dn, place, in)
		}
	}
}

// TestOutermost checks that each group is read once.
func TestOutermost(t *testing.T) {
	got := some.Outermost()
	if len(got) != 2 || got[0].GUID != (directory.GUID{1}) || got[1].GUID != (directory.GUID{4}) {
		t.Errorf("%v", got)
	}
}
