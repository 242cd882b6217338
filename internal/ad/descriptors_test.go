package ad_test

import (
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"groupwriteback/internal/ad"
	"groupwriteback/internal/ad/adtest"
)

// TestDescriptorsOfTheLab: every descriptor of the lab's directory is written as it was
// read, and Samba's own tool writes the same SDDL.
func TestDescriptorsOfTheLab(t *testing.T) {
	env := adtest.Lab(t, ad.Open)
	ours := adtest.Descriptors(t, env)
	if len(ours) < 1000 {
		t.Fatalf("only %d descriptors", len(ours))
	}
	for _, dn := range []string{
		env.Base, env.Container, env.Other, "CN=Users," + env.Base, "CN=Builtin," + env.Base, "CN=AdminSDHolder,CN=System," + env.Base,
		"CN=Administrator,CN=Users," + env.Base, "OU=Domain Controllers," + env.Base, "CN=Configuration," + env.Base,
		"CN=Group,CN=Schema,CN=Configuration," + env.Base,
	} {
		out, err := exec.Command("samba-tool", "dsacl", "get", "--objectdn="+dn, "-H", "ldap://"+env.Config.Server, "-U", env.AdminUser+"%"+env.AdminPassword).Output()
		if err != nil {
			t.Fatalf("%s: %v", dn, err)
		}
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		if got, want := alike(ours[strings.ToLower(dn)]), alike(lines[len(lines)-1]); got != want || got == "" {
			t.Errorf("%s:\n%s\nand by Samba\n%s", dn, got, want)
		}
	}
}

var rights = regexp.MustCompile(`\(([A-Z]+;[A-Z]*);([^;]*);`)

// alike returns SDDL with the rights of each entry in one order: Samba has another one
// than Windows, and writes numbers with leading zeros.
func alike(sddl string) string {
	return rights.ReplaceAllStringFunc(sddl, func(s string) string {
		m := rights.FindStringSubmatch(s)
		text := m[2]
		if n, err := strconv.ParseUint(text, 0, 32); err == nil {
			text = strconv.FormatUint(n, 16)
		} else {
			var codes []string
			for i := 0; i+1 < len(text); i += 2 {
				codes = append(codes, text[i:i+2])
			}
			slices.Sort(codes)
			text = strings.Join(codes, "")
		}
		return "(" + m[1] + ";" + text + ";"
	})
}

// TestGrantedRights: with the entries that are granted, and no others, an account can do
// what a run does, on Samba, which enforces rights to single attributes.
func TestGrantedRights(t *testing.T) {
	adtest.Rights(t, adtest.Lab(t, ad.Open))
}

// TestTheLabGrantsWhatIsNeeded: the account that every test in the lab runs as has the
// entries that Grant-GroupWritebackPermission gives to one that uses everything, and no
// others. So all these tests show that the entries are enough.
func TestTheLabGrantsWhatIsNeeded(t *testing.T) {
	env := adtest.Lab(t, ad.Open)
	adtest.Granted(t, env, "info", "wWWHomePage")
}
