package graphtest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// client is a plain HTTP client of one server.
type client struct {
	t     *testing.T
	s     *Server
	http  *http.Client
	token string
}

// answer is a response, with its JSON body if it has one.
type answer struct {
	status int
	header http.Header
	text   string
	json   map[string]any
}

func start(t *testing.T, seed Seed, o Options) *client {
	t.Helper()
	s, err := New(seed, o).Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return &client{t: t, s: s, http: s.HTTPClient(), token: s.AccessToken()}
}

// withRoles returns a client whose token has exactly these roles.
func (c *client) withRoles(roles ...string) *client {
	c.s.SetRoles(roles...)
	d := *c
	d.token = c.s.AccessToken()
	return &d
}

func (c *client) try(method, path, body string, header ...string) (*answer, error) {
	if strings.HasPrefix(path, "/") {
		path = c.s.URL + path
	}
	// Tests write Graph URLs in readable form; blanks and the like are escaped here.
	if base, query, ok := strings.Cut(path, "?"); ok {
		path = base + "?" + strings.NewReplacer(" ", "%20", "\"", "%22", "🚀", url.QueryEscape("🚀")).Replace(query)
	}
	r, err := http.NewRequest(method, path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+c.token)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := c.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	a := &answer{status: res.StatusCode, header: res.Header, text: string(data)}
	json.Unmarshal(data, &a.json)
	return a, nil
}

func (c *client) get(path string, header ...string) *answer {
	c.t.Helper()
	a, err := c.try("GET", path, "", header...)
	if err != nil {
		c.t.Fatalf("GET %s: %v", path, err)
	}
	return a
}

// ok is like get, for a request that must succeed.
func (c *client) ok(path string, header ...string) *answer {
	c.t.Helper()
	a := c.get(path, header...)
	if a.status != 200 {
		c.t.Fatalf("GET %s: %d %s", path, a.status, a.text)
	}
	return a
}

// fails expects a status and a Graph error code.
func (c *client) fails(status int, code, path string, header ...string) *answer {
	c.t.Helper()
	a := c.get(path, header...)
	if a.status != status || a.code() != code {
		c.t.Fatalf("GET %s: %d %s, want %d %s", path, a.status, a.text, status, code)
	}
	return a
}

func (a *answer) code() string {
	e, _ := a.json["error"].(map[string]any)
	s, _ := e["code"].(string)
	return s
}

func (a *answer) value() []map[string]any {
	list, _ := a.json["value"].([]any)
	out := []map[string]any{}
	for _, v := range list {
		out = append(out, v.(map[string]any))
	}
	return out
}

func (a *answer) next() string { s, _ := a.json["@odata.nextLink"].(string); return s }

func (a *answer) deltaLink() string { s, _ := a.json["@odata.deltaLink"].(string); return s }

// column returns one property of every object on the page.
func (a *answer) column(name string) []any {
	out := []any{}
	for _, v := range a.value() {
		out = append(out, v[name])
	}
	return out
}

// all follows nextLinks and returns the objects and the number of pages.
func (c *client) all(path string, header ...string) (objects []map[string]any, pages int) {
	c.t.Helper()
	for path != "" {
		a := c.ok(path, header...)
		objects = append(objects, a.value()...)
		path = a.next()
		if pages++; pages > 5000 {
			c.t.Fatal("the pages do not end")
		}
	}
	return objects, pages
}

func column(objects []map[string]any, name string) []string {
	out := []string{}
	for _, o := range objects {
		out = append(out, fmt.Sprint(o[name]))
	}
	return out
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func addFault(t *testing.T, c *client, f Fault) {
	t.Helper()
	if _, err := c.s.AddFault(f); err != nil {
		t.Fatal(err)
	}
}

var eventually = []string{"ConsistencyLevel", "eventual"}

// clock is a clock set by tests.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

// small returns a tenant with one of each kind of object.
func small() Seed {
	return Seed{
		Users: []User{
			{OnPremisesSamAccountName: "anna", UserPrincipalName: "anna@contoso.test", DisplayName: "Anna", OnPremisesSyncEnabled: Bool(true), OnPremisesImmutableID: "AAAAAAAAAAAAAAAAAAAAAA==", OnPremisesSecurityIdentifier: "S-1-5-21-1-2-3-1001"},
			{OnPremisesSamAccountName: "bert", UserPrincipalName: "bert@contoso.test", DisplayName: "Bert", OnPremisesSyncEnabled: Bool(true), OnPremisesSecurityIdentifier: "S-1-5-21-1-2-3-1002"},
			{UserPrincipalName: "cloud@contoso.onmicrosoft.com", DisplayName: "Cloud Only"},
			{UserPrincipalName: "guest_fabrikam.com#EXT#@contoso.onmicrosoft.com", DisplayName: "Guest", UserType: "Guest", Mail: "guest@fabrikam.com"},
		},
		Devices:           []Device{{DisplayName: "LAPTOP-1", OperatingSystem: "Windows"}},
		Contacts:          []Contact{{DisplayName: "Contact", Mail: "contact@example.com"}},
		ServicePrincipals: []ServicePrincipal{{DisplayName: "robot"}},
		Groups: []Group{
			{MailNickname: "sales", DisplayName: "Sales", Description: "Sells", GroupTypes: []string{"Unified"}, Members: []string{"anna", "bert", "cloud@contoso.onmicrosoft.com", "guest@fabrikam.com", "LAPTOP-1", "contact@example.com", "robot"}},
			{MailNickname: "hidden", DisplayName: "Hidden", GroupTypes: []string{"Unified"}, Visibility: "HiddenMembership", Members: []string{"anna"}},
			{MailNickname: "onprem", DisplayName: "O'Neil's \"list\", synced", GroupTypes: []string{"Unified"}, OnPremisesSyncEnabled: Bool(true), OnPremisesSecurityIdentifier: "S-1-5-21-1-2-3-2001", Members: []string{"anna"}},
			{MailNickname: "sec", DisplayName: "Security", Members: []string{"bert", "sales"}},
			{MailNickname: "dead", DisplayName: "Dead", GroupTypes: []string{"Unified"}, Deleted: true, Members: []string{"anna"}},
		},
	}
}

func date(s string) time.Time {
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return at
}
