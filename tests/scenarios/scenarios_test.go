// Package scenarios runs whole stories. Each is a script with its expected output.
// The parts are real: the engine's executable, an Active Directory that it uses as
// the service account, and the simulated tenant over HTTPS. The scripts read the
// directory with ldapsearch, not with the engine.
//
// The commands of the scripts are in commands_test.go. Run with -update to write
// the actual output into the scripts.
package scenarios

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"groupwriteback/internal/graph/graphtest"
	"groupwriteback/tests/protocol/client"
)

var update = flag.Bool("update", false, "write the output into the scripts")

func TestScenarios(t *testing.T) {
	play(t, "testdata", "exchange")
}

// TestOldSchemaScenarios runs the scripts for a forest without the Exchange schema
// and without msDS-ExternalDirectoryObjectId.
func TestOldSchemaScenarios(t *testing.T) {
	play(t, filepath.Join("testdata", "old-schema"), "2012r2")
}

func play(t *testing.T, folder, schema string) {
	if os.Getenv("GWB_LAB") == "" {
		t.Skip("no lab: run under tests/lab/run")
	}
	if os.Getenv("GWB_LAB_SCHEMA") != schema {
		t.Skip("another schema: run under tests/lab/run --schema " + schema)
	}
	testscript.RunT(serial{t}, testscript.Params{
		Dir:                 folder,
		Setup:               func(env *testscript.Env) error { return setUp(t, env) },
		Cmds:                commands,
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

// serial runs the scripts one after the other, because they share one directory, in
// which a sAMAccountName is unique.
type serial struct{ *testing.T }

func (serial) Parallel()     {}
func (serial) Verbose() bool { return testing.Verbose() }
func (s serial) Run(name string, f func(testscript.T)) {
	s.T.Run(name, func(t *testing.T) { f(serial{t}) })
}

// setUp gives a script its own organisational unit and its own tenant. The script's
// file tenant.json, if there is one, is the tenant's seed, and its options.json sets
// graphtest.Options.
func setUp(t *testing.T, env *testscript.Env) error {
	base := os.Getenv("GWB_LAB_CONTAINER")
	ou := "OU=" + filepath.Base(env.WorkDir) + "," + base
	for _, name := range []string{"SERVER", "CA", "OTHER_CA", "BASE", "CONTAINER", "OTHER", "PEOPLE", "USER", "DELETED_USER", "PASSWORD", "ADMIN_USER", "ADMIN_PASSWORD", "NONE_USER", "SCHEMA"} {
		env.Setenv("LAB_"+name, os.Getenv("GWB_LAB_"+name))
	}
	env.Setenv("OU", ou)
	env.Setenv("STATE", filepath.Join(env.WorkDir, "state"))
	env.Setenv("LDAPTLS_CACERT", os.Getenv("GWB_LAB_CA"))

	var seed graphtest.Seed
	if text, err := os.ReadFile(filepath.Join(env.WorkDir, "tenant.json")); err == nil {
		sid, err := groupSID("people-global")
		if err != nil {
			return err
		}
		if seed, err = graphtest.ParseSeed(bytes.ReplaceAll(text, []byte("$LAB_GROUP_SID"), []byte(sid))); err != nil {
			return err
		}
	}
	users, err := os.ReadFile(filepath.Join(os.Getenv("GWB_LAB_DIR"), "users.json"))
	if err != nil {
		return err
	}
	synced, err := graphtest.ParseADUsers(users)
	if err != nil {
		return err
	}
	options := graphtest.Options{ADUsers: synced}
	if text, err := os.ReadFile(filepath.Join(env.WorkDir, "options.json")); err == nil {
		if err := json.Unmarshal(text, &options); err != nil {
			return err
		}
	}
	server, err := graphtest.New(seed, options).Start()
	if err != nil {
		return err
	}
	env.Setenv("TENANT", server.TenantID)
	env.Defer(func() { server.Close() })
	if err := os.WriteFile(filepath.Join(env.WorkDir, "tenant-ca.pem"), server.CAPEM, 0o600); err != nil {
		return err
	}
	s := &story{server: server, state: filepath.Join(env.WorkDir, "state"), engine: client.Executable(t), work: env.WorkDir}
	if err := s.ldif(fmt.Sprintf("dn: %s\nchangetype: add\nobjectClass: organizationalUnit\n", ou)); err != nil {
		return err
	}
	env.Defer(func() {
		s.stop()
		if out, err := admin("ldapdelete", "-r", ou).CombinedOutput(); err != nil {
			t.Errorf("remove %s: %v\n%s", ou, err, out)
		}
		// The next script's installation would find groups that were moved out of the OU.
		left, err := search(os.Getenv("GWB_LAB_BASE"), "(&(objectClass=group)(extensionName=GroupWriteback:"+server.TenantID+"))", "distinguishedName")
		if err != nil {
			t.Error(err)
		}
		for _, entry := range left {
			if out, err := admin("ldapdelete", entry["distinguishedName"]).CombinedOutput(); err != nil {
				t.Errorf("remove %s: %v\n%s", entry["distinguishedName"], err, out)
			}
		}
	})
	env.Values["story"] = s
	return nil
}

// marshal returns JSON for people: indented, and with < and > not escaped.
func marshal(v any) string {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err.Error()
	}
	return string(text) + "\n"
}
