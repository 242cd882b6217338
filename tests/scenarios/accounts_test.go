package scenarios

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"groupwriteback/internal/directory"
	"groupwriteback/internal/graph/graphtest"
)

// accountsOU holds the accounts that scripts create. It stays as long as the lab,
// because deleting thousands of accounts takes as long as creating them.
const accountsOU = "OU=Accounts"

func account(n int) string { return fmt.Sprintf("account%05d", n) }

// accountsCommand creates the accounts account00001 and so on in Active Directory,
// and synced users with the same names in the tenant.
func accountsCommand(ts *testscript.TestScript, _ bool, args []string) {
	s := of(ts)
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	ou := accountsOU + "," + os.Getenv("GWB_LAB_BASE")
	var ldif strings.Builder
	if _, err := search(ou, "(objectClass=*)", "objectClass"); err != nil {
		fmt.Fprintf(&ldif, "dn: %s\nchangetype: add\nobjectClass: organizationalUnit\n\n", ou)
	}
	for i := 1; i <= n; i++ {
		fmt.Fprintf(&ldif, "dn: CN=%[1]s,%[2]s\nchangetype: add\nobjectClass: user\nsAMAccountName: %[1]s\n\n", account(i), ou)
	}
	ts.Check(s.ldif(ldif.String()))
	entries, err := search(ou, "(objectClass=user)", "sAMAccountName", "objectGUID", "objectSid")
	ts.Check(err)
	for _, e := range entries {
		guid, err := directory.GUIDFromAD([]byte(e["objectGUID"]))
		ts.Check(err)
		sid, err := directory.SIDFromAD([]byte(e["objectSid"]))
		ts.Check(err)
		name := e["sAMAccountName"]
		user, err := graphtest.ADUser{SamAccountName: name, DN: e["dn"], ObjectGUID: guid.String(), ObjectSID: string(sid), UPN: name + "@contoso.test"}.Synced()
		ts.Check(err)
		_, err = s.server.PutUser(user)
		ts.Check(err)
	}
}

// groupOfCommand creates a group in the tenant with the first accounts as members.
func groupOfCommand(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	var group graphtest.Group
	ts.Check(json.Unmarshal(params(ts, args[1:]), &group))
	group.Members = make([]string, n)
	for i := range group.Members {
		group.Members[i] = account(i + 1)
	}
	_, err = of(ts).server.PutGroup(group)
	ts.Check(err)
}

// sidCommand sets the script's variable SID to the SID of the group with this
// sAMAccountName.
func sidCommand(ts *testscript.TestScript, _ bool, args []string) {
	sid, err := groupSID(args[0])
	ts.Check(err)
	ts.Setenv("SID", string(sid))
}

// groupSID reads the SID of a group from the directory.
func groupSID(name string) (directory.SID, error) {
	entries, err := search(os.Getenv("GWB_LAB_BASE"), "(sAMAccountName="+name+")", "objectSid")
	if err != nil {
		return "", err
	}
	if len(entries) != 1 {
		return "", fmt.Errorf("%d objects are called %s", len(entries), name)
	}
	return directory.SIDFromAD([]byte(entries[0]["objectSid"]))
}

// search returns entries with their single-valued attributes, as the administrator
// sees them.
func search(base, filter string, attributes ...string) ([]map[string]string, error) {
	out, err := admin("ldapsearch", append([]string{"-LLL", "-o", "ldif-wrap=no", "-E", "pr=500/noprompt", "-b", base, filter}, attributes...)...).Output()
	if err != nil {
		return nil, fmt.Errorf("ldapsearch %s below %s: %w", filter, base, err)
	}
	var entries []map[string]string
	for _, text := range strings.Split(string(out), "\n\n") {
		entry := map[string]string{}
		for line := range strings.Lines(text) {
			line = strings.TrimSuffix(line, "\n")
			if strings.HasPrefix(line, "#") {
				continue
			}
			if name, value, ok := strings.Cut(line, ":: "); ok {
				raw, err := base64.StdEncoding.DecodeString(value)
				if err != nil {
					return nil, err
				}
				entry[name] = string(raw)
			} else if name, value, ok := strings.Cut(line, ": "); ok {
				entry[name] = value
			}
		}
		if entry["dn"] != "" {
			entries = append(entries, entry)
		}
	}
	return entries, nil
}
