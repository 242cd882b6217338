package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"groupwriteback/internal/graph/graphtest"
)

// usersFile writes a file of the users that the lab's directory would have.
func usersFile(t *testing.T) string {
	t.Helper()
	var users []graphtest.ADUser
	for n := 1; n <= 40; n++ {
		name := fmt.Sprintf("user%04d", n)
		users = append(users, graphtest.ADUser{SamAccountName: name, DN: "CN=" + name + ",OU=People,DC=contoso,DC=test",
			ObjectGUID: graphtest.UserID("ad/" + name), ObjectSID: fmt.Sprintf("S-1-5-21-1-2-3-%d", 1000+n), UPN: name + "@contoso.test"})
	}
	data, err := json.Marshal(users)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "users.json")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestServe(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tenant")
	users := usersFile(t)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, dir, users, "", "127.0.0.1:0", nil) }()
	env := waitForEnv(t, dir, ended)

	pem, err := os.ReadFile(env["GWB_LAB_TENANT_CA"])
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	res, err := client.PostForm(env["GWB_LAB_TENANT_AUTHORITY"]+"/"+env["GWB_LAB_TENANT_ID"]+"/oauth2/v2.0/token", url.Values{
		"grant_type": {"client_credentials"}, "client_id": {env["GWB_LAB_TENANT_CLIENT_ID"]},
		"client_secret": {env["GWB_LAB_TENANT_CLIENT_SECRET"]}, "scope": {env["GWB_LAB_TENANT_GRAPH"] + "/.default"},
	})
	token := decode(t, res, err)["access_token"]
	r, _ := http.NewRequest("GET", env["GWB_LAB_TENANT_GRAPH"]+"/v1.0/groups/10000000-0000-4000-8000-000000000001/members?$select=onPremisesSecurityIdentifier", nil)
	r.Header.Set("Authorization", "Bearer "+token.(string))
	res, err = client.Do(r)
	members := decode(t, res, err)["value"].([]any)
	if len(members) != 11 || members[0].(map[string]any)["onPremisesSecurityIdentifier"] != "S-1-5-21-1-2-3-1001" {
		t.Error(members)
	}
	res, err = client.Get(env["GWB_LAB_TENANT_CONTROL"] + "/requests")
	if n := decode(t, res, err)["count"]; n != float64(2) {
		t.Errorf("%v requests in the log", n)
	}
	for _, name := range []string{"CERT_PEM", "CERT_PFX", "FEDERATED_TOKEN_FILE"} {
		if data, err := os.ReadFile(env["GWB_LAB_TENANT_"+name]); err != nil || len(data) == 0 {
			t.Errorf("%s: %d bytes, %v", name, len(data), err)
		}
	}
	if len(env["GWB_LAB_TENANT_CERT_THUMBPRINT"]) != 40 || env["GWB_LAB_TENANT_MSI_ENDPOINT"] == "" || env["GWB_LAB_TENANT_MSI_HEADER"] == "" {
		t.Error(env)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func waitForEnv(t *testing.T, dir string, ended chan error) map[string]string {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		select {
		case err := <-ended:
			t.Fatalf("ended: %v", err)
		default:
		}
		data, err := os.ReadFile(filepath.Join(dir, "env"))
		if err != nil {
			continue
		}
		env := map[string]string{}
		for _, line := range strings.Split(strings.TrimSpace(string(data)), "\n") {
			name, value, _ := strings.Cut(line, "=")
			env[name] = value
		}
		return env
	}
	t.Fatal("no env file after 10 s")
	return nil
}

func decode(t *testing.T, res *http.Response, err error) map[string]any {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 200 {
		t.Fatalf("%d %s %v", res.StatusCode, data, err)
	}
	var out map[string]any
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestBadArguments(t *testing.T) {
	broken := filepath.Join(t.TempDir(), "broken.json")
	if err := os.WriteFile(broken, []byte(`{"nonsense": 1}`), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, err := range map[string]error{
		"no folder":        run(t.Context(), "", "", "", "127.0.0.1:0", nil),
		"an argument":      run(t.Context(), dir, "", "", "127.0.0.1:0", []string{"x"}),
		"no seed file":     run(t.Context(), dir, "", "missing.json", "127.0.0.1:0", nil),
		"broken seed":      run(t.Context(), dir, "", broken, "127.0.0.1:0", nil),
		"broken users":     run(t.Context(), dir, broken, "", "127.0.0.1:0", nil),
		"demo, no users":   run(t.Context(), dir, "", "", "127.0.0.1:0", nil),
		"no such address":  run(t.Context(), dir, usersFile(t), "", "203.0.113.1:1", nil),
		"folder is a file": run(t.Context(), broken, usersFile(t), "", "127.0.0.1:0", nil),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
