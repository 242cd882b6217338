package adtest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"groupwriteback/internal/ad/adtest/server"
	"groupwriteback/internal/contract"
)

// InProcess returns the environment of a domain controller in this process, which is
// closed when the test ends. Package server says what it does not support.
func InProcess(t *testing.T, open contract.OpenTarget, options server.Options) (Env, *server.Server) {
	t.Helper()
	if options.Report == nil {
		options.Report = t.Errorf
	}
	dc, err := server.Start(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(dc.Close)
	users, err := json.Marshal(dc.People)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	env := Env{
		Open: open,
		Config: contract.TargetConfig{
			Server: "127.0.0.1:" + dc.LDAPS, CAFile: file("ca.pem", dc.CA), Kind: contract.SimpleBind,
			User: server.Service, Password: contract.NewSecret(server.Password),
		},
		AdminUser: server.Administrator, AdminPassword: server.AdministratorPassword,
		LDAPS: dc.LDAPS, LDAP: dc.LDAP,
		Domain: server.Domain, Base: server.Base, Container: server.Container, Other: server.Other, People: server.PeopleUnit,
		Exchange: true, ExternalID: true,
		NoRightsUser: server.NoRights, DeletedUser: server.Deleted,
		OtherCA: file("other-ca.pem", dc.OtherCA), Users: file("users.json", users),
	}
	return env, dc
}
