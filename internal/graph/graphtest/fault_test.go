package graphtest

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestStatusFaults(t *testing.T) {
	c := start(t, small(), Options{})
	addFault(t, c, Fault{Kind: FaultStatus, Status: 429, RetryAfter: 7, Count: 2, Path: "/groups"})
	addFault(t, c, Fault{Kind: FaultStatus, Status: 503, Path: "/groups", Skip: 1})
	c.ok("/v1.0/users")
	for _, want := range []int{429, 429} {
		if a := c.get("/v1.0/groups"); a.status != want || a.header.Get("Retry-After") != "7" || a.code() != "TooManyRequests" {
			t.Error(a.status, a.header, a.text)
		}
	}
	c.ok("/beta/groups") // skipped by the second fault
	c.fails(503, "ServiceUnavailable", "/beta/groups")
	c.ok("/v1.0/groups")
	hits := []int{}
	for _, f := range c.s.Faults() {
		hits = append(hits, f.Hits)
	}
	if diff := cmp.Diff([]int{2, 1}, hits); diff != "" {
		t.Error(diff)
	}

	addFault(t, c, Fault{Kind: FaultStatus, Status: 500, Count: -1, Query: "$top=3"})
	for range 3 {
		c.fails(500, "InternalServerError", "/v1.0/groups?$top=3")
	}
	c.s.ClearFaults()
	addFault(t, c, Fault{Kind: FaultStatus, Status: 200, Body: "<html>Sign in to the hotel network</html>"})
	if a := c.get("/v1.0/groups"); a.status != 200 || !strings.HasPrefix(a.text, "<html>") {
		t.Error(a.status, a.text)
	}
	// The authority can fail too.
	addFault(t, c, Fault{Kind: FaultStatus, Status: 503, RetryAfter: 1, Path: "/" + c.s.TenantID + "/oauth2", Method: "POST"})
	if a := c.signIn(c.s.TenantID); a.status != 503 || a.header.Get("Retry-After") != "1" {
		t.Error(a.status, a.text)
	}
	if a := c.signIn(c.s.TenantID); a.status != 200 {
		t.Error(a.status, a.text)
	}
	for _, f := range []Fault{{Kind: "nonsense"}, {Kind: FaultStatus}, {Kind: FaultStatus, Status: 200}, {Kind: FaultStatus, Status: 99, Body: "x"}, {Kind: FaultLatency}} {
		if _, err := c.s.AddFault(f); err == nil {
			t.Errorf("accepted %+v", f)
		}
	}
}

func TestConnectionFaults(t *testing.T) {
	c := start(t, small(), Options{})
	for kind, check := range map[FaultKind]func(*answer, error) bool{
		FaultDrop:     func(a *answer, err error) bool { return err != nil },
		FaultTruncate: func(a *answer, err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) },
		FaultCut:      func(a *answer, err error) bool { return err == nil && a.status == 200 && a.json == nil && a.text != "" },
	} {
		// A second hit is needed because net/http retries a GET when a reused
		// connection is closed without an answer.
		addFault(t, c, Fault{Kind: kind, Count: 2})
		c.http.CloseIdleConnections()
		if a, err := c.try("GET", "/v1.0/groups", ""); !check(a, err) {
			t.Errorf("%s: %v %v", kind, a, err)
		}
		c.s.ClearFaults()
		c.ok("/v1.0/groups")
	}
}

func TestPageFaults(t *testing.T) {
	c := start(t, Generate(10, 1, 3), Options{PageLimit: 4})
	for kind, check := range map[FaultKind]func(a *answer) bool{
		FaultNoValue: func(a *answer) bool { _, ok := a.json["value"]; return !ok && a.next() != "" },
		FaultEmptyPage: func(a *answer) bool {
			return len(a.value()) == 0 && len(c.ok(a.next()).value()) == 4
		},
		FaultLoop: func(a *answer) bool { return len(a.value()) == 4 && a.next() == c.s.URL+"/v1.0/groups?$select=id" },
	} {
		addFault(t, c, Fault{Kind: kind})
		if a := c.ok("/v1.0/groups?$select=id"); !check(a) {
			t.Errorf("%s: %s", kind, a.text)
		}
	}
	// Empty pages in any position lose nothing, even several in a row.
	addFault(t, c, Fault{Kind: FaultEmptyPage, Skip: 1, Count: 2})
	if objects, pages := c.all("/v1.0/groups?$select=id"); len(objects) != 10 || pages != 5 {
		t.Errorf("%d objects on %d pages", len(objects), pages)
	}
}

func TestLatency(t *testing.T) {
	c := start(t, small(), Options{})
	addFault(t, c, Fault{Kind: FaultLatency, DelayMS: 60})
	begin := time.Now()
	c.ok("/v1.0/groups")
	if d := time.Since(begin); d < 60*time.Millisecond {
		t.Error(d)
	}
	c.s.SetLatency(40 * time.Millisecond)
	begin = time.Now()
	c.ok("/v1.0/groups")
	if d := time.Since(begin); d < 40*time.Millisecond {
		t.Error(d)
	}
}

func TestThrottle(t *testing.T) {
	clock := &clock{at: date("2026-03-01T10:00:00Z")}
	c := start(t, small(), Options{Now: clock.now})
	must(t, c.s.SetThrottle(Throttle{Units: 10, Seconds: 10}))
	members := "/v1.0/groups/" + GroupID("sales") + "/members"
	for range 3 {
		if a := c.ok(members); a.header.Get("x-ms-resource-unit") != "3" {
			t.Error(a.header)
		}
	}
	// Nine of ten units are used: first a warning, then no room for three more.
	a := c.ok("/v1.0/groups")
	if a.header.Get("x-ms-throttle-limit-percentage") != "1.00" {
		t.Error(a.header)
	}
	a = c.fails(429, "TooManyRequests", members)
	if a.header.Get("Retry-After") != "3" || a.header.Get("x-ms-throttle-information") != "ResourceUnitLimitExceeded" ||
		a.header.Get("x-ms-throttle-scope") != "Tenant_Application/ReadWrite/"+c.s.ClientID+"/"+c.s.TenantID {
		t.Error(a.header)
	}
	// Not waiting makes it worse.
	if a := c.fails(429, "TooManyRequests", members); a.header.Get("Retry-After") != "6" {
		t.Error(a.header)
	}
	// There are 16 units in the bucket; after 9 seconds there is room for exactly
	// three.
	clock.at = clock.at.Add(9 * time.Second)
	c.ok(members)
	c.fails(429, "TooManyRequests", "/v1.0/groups")
	must(t, c.s.SetThrottle(Throttle{}))
	for range 20 {
		c.ok(members)
	}
	for _, th := range []Throttle{{Size: "XL"}, {Units: 5}, {Units: -1}} {
		if c.s.SetThrottle(th) == nil {
			t.Errorf("accepted %+v", th)
		}
	}
}

func TestCost(t *testing.T) {
	for _, test := range []struct {
		path, query string
		want        int
	}{
		{"groups", "", 1},
		{"groups/x/members", "", 3},
		{"groups/x/members", "$select=id", 2},
		{"groups/x/members", "%24select=id&%24top=10", 1},
		{"groups/x/members", "$top=999", 3},
		{"users", "", 2},
		{"users/x", "", 1},
		{"users", "$select=id&$top=19", 1},
		{"groups/delta", "$select=id", 1},
	} {
		if got := cost("GET", strings.Split(test.path, "/"), test.query); got != test.want {
			t.Errorf("%s?%s costs %d, want %d", test.path, test.query, got, test.want)
		}
	}
}

func TestRequestLog(t *testing.T) {
	c := start(t, small(), Options{})
	c.ok("/v1.0/groups?$select=id", "client-request-id", "abc", "x-ms-throttle-priority", "low")
	c.get("/beta/groups/" + GroupID("nobody"))
	c.ok("/v1.0/users")
	log := c.s.Requests()
	if len(log) != 3 || c.s.Count("get", "/groups") != 2 || c.s.Count("POST", "") != 0 {
		t.Fatalf("%+v", log)
	}
	first := log[0]
	if first.Path != "/v1.0/groups" || first.Query != "$select=id" || first.Status != 200 || first.Units != 1 || first.ClientRequestID != "abc" || first.Priority != "low" {
		t.Errorf("%+v", first)
	}
	if log[1].Status != 404 || log[1].Code != "Request_ResourceNotFound" {
		t.Errorf("%+v", log[1])
	}
	c.s.ClearRequests()
	if c.s.Count("", "") != 0 {
		t.Error("the log is not empty")
	}
}
