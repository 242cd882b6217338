// Package adtest is one test suite for every contract.Target. It runs against a real
// directory as the service account, arranges what it needs as an administrator, and
// checks the results over a connection of its own.
package adtest

import (
	"os"
	"strconv"
	"testing"
	"time"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// Env is a directory to test on. The suite may change anything below Container. In
// Other and People the service account may only read; the suite adds objects to Other.
type Env struct {
	Open contract.OpenTarget
	// Config says how the service account signs in.
	Config contract.TargetConfig
	// AdminUser and AdminPassword belong to an account with all rights.
	AdminUser, AdminPassword string

	Domain, Base             string // DNS name, DN
	Container, Other, People string // DNs
	// Exchange and ExternalID say what the schema contains.
	Exchange, ExternalID bool
	// NoRightsUser and DeletedUser have the service account's password. NoRightsUser
	// has no rights; DeletedUser can see deleted objects.
	NoRightsUser, DeletedUser string
	// LDAPS and LDAP are the ports of the server; Config.Server names the port if LDAPS
	// is not 636.
	LDAPS, LDAP string
	// OtherCA is a PEM file of an authority that did not issue the server's
	// certificate.
	OtherCA string
	// Keytab and Realm are empty if there is no Kerberos.
	Keytab, Realm string
	// Users is the file that describes the users in People.
	Users string
}

// Lab returns the environment of tests/lab/run; without it, the test is skipped.
func Lab(t *testing.T, open contract.OpenTarget) Env {
	t.Helper()
	if os.Getenv("GWB_LAB") != "1" {
		t.Skip("no lab: run under tests/lab/run")
	}
	get := func(name string) string {
		v := os.Getenv("GWB_LAB_" + name)
		if v == "" {
			t.Fatalf("the lab gives no GWB_LAB_%s", name)
		}
		return v
	}
	return Env{
		Open: open,
		Config: contract.TargetConfig{
			Server: get("SERVER"), CAFile: get("CA"), Kind: contract.SimpleBind,
			User: get("USER"), Password: contract.NewSecret(get("PASSWORD")),
		},
		AdminUser: get("ADMIN_USER"), AdminPassword: get("ADMIN_PASSWORD"),
		LDAPS: "636", LDAP: "389",
		Domain: get("DOMAIN"), Base: get("BASE"), Container: get("CONTAINER"), Other: get("OTHER"), People: get("PEOPLE"),
		Exchange: get("SCHEMA") == "exchange", ExternalID: get("SCHEMA") != "2012r2",
		NoRightsUser: get("NONE_USER"), DeletedUser: get("DELETED_USER"),
		OtherCA: get("OTHER_CA"), Keytab: get("KEYTAB"), Realm: get("REALM"), Users: get("DIR") + "/users.json",
	}
}

// limit bounds a single test, which makes a few dozen requests.
const limit = 15 * time.Minute

// Suite runs all tests of the package.
func Suite(t *testing.T, env Env) {
	s := &suite{Env: env, admin: connectAdmin(t, env), run: strconv.FormatInt(time.Now().UnixMilli(), 36)}
	before := s.foreignPrincipals(t)
	t.Run("Connect", s.testConnect)
	t.Run("Identify", s.testIdentify)
	t.Run("NamesInAttributes", s.testNamesInAttributes)
	t.Run("Container", s.testContainer)
	t.Run("Create", s.testCreate)
	t.Run("Names", s.testNames)
	t.Run("Modify", s.testModify)
	t.Run("Rename", s.testRename)
	t.Run("Delete", s.testDelete)
	t.Run("Sizes", s.testSizes)
	t.Run("Members", s.testMembers)
	t.Run("Read", s.testRead)
	t.Run("Snapshots", s.testSnapshots)
	t.Run("Changed", s.testChanged)
	t.Run("Deleted", s.testDeleted)
	t.Run("Undelete", s.testUndelete)
	t.Run("Marked", s.testMarked)
	t.Run("Replicated", s.testReplicated)
	t.Run("Resolve", s.testResolve)
	t.Run("Owned", s.testOwned)
	t.Run("Audit", s.testAudit)
	t.Run("Exchange", s.testExchange)
	t.Run("Primary", s.testPrimary)
	t.Run("Holders", s.testHolders)
	t.Run("Parallel", s.testParallel)
	t.Run("Lost", s.testLost)
	if after := s.foreignPrincipals(t); after != before {
		t.Errorf("CN=ForeignSecurityPrincipals was changed:\nbefore %s\nafter  %s", before, after)
	}
}

type suite struct {
	Env
	admin *admin
	run   string                // makes the names of this run unique
	made  []directory.MemberRef // see contacts
}
