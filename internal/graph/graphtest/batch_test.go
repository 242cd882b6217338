package graphtest

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type step struct {
	ID        string            `json:"id"`
	Method    string            `json:"method"`
	URL       string            `json:"url"`
	Headers   map[string]string `json:"headers,omitempty"`
	DependsOn []string          `json:"dependsOn,omitempty"`
}

// batch posts the steps and returns the answers by id, and the order of the ids.
func (c *client) batch(steps []step, header ...string) (*answer, map[string]batchResponse, []string) {
	c.t.Helper()
	data, _ := json.Marshal(map[string]any{"requests": steps})
	a, err := c.try("POST", "/v1.0/$batch", string(data), append([]string{"Content-Type", "application/json"}, header...)...)
	must(c.t, err)
	var body struct{ Responses []batchResponse }
	json.Unmarshal([]byte(a.text), &body)
	byID, order := map[string]batchResponse{}, []string{}
	for _, r := range body.Responses {
		byID[r.ID] = r
		order = append(order, r.ID)
	}
	return a, byID, order
}

func get(id, url string) step { return step{ID: id, Method: "GET", URL: url} }

func TestBatch(t *testing.T) {
	c := start(t, small(), Options{})
	advanced := get("4", "/groups?$filter=onPremisesSyncEnabled%20ne%20true&$count=true")
	advanced.Headers = map[string]string{"ConsistencyLevel": "eventual"}
	a, answers, order := c.batch([]step{
		get("1", "/groups/"+GroupID("sales")),
		get("2", "groups/"+GroupID("nobody")),
		get("3", "/groups?$filter=onPremisesSyncEnabled ne true&$count=true"),
		advanced,
		{ID: "5", Method: "DELETE", URL: "/groups/" + GroupID("sales")},
	})
	if a.status != 200 {
		t.Fatal(a.text)
	}
	got := map[string]int{}
	for id, r := range answers {
		got[id] = r.Status
	}
	if diff := cmp.Diff(map[string]int{"1": 200, "2": 404, "3": 400, "4": 200, "5": 405}, got); diff != "" {
		t.Error(diff)
	}
	if order[0] == "1" {
		t.Error("the answers come in the order of the requests")
	}
	if !strings.Contains(string(answers["1"].Body), `"displayName":"Sales"`) || answers["1"].Headers["Content-Type"] == "" {
		t.Error(string(answers["1"].Body))
	}
	if n := c.s.Count("GET", "/groups"); n != 4 {
		t.Errorf("%d requests in the log", n)
	}
}

func TestBatchLimits(t *testing.T) {
	c := start(t, small(), Options{})
	steps := []step{}
	for i := range 20 {
		steps = append(steps, get(fmt.Sprint(i), "/organization"))
	}
	if a, answers, _ := c.batch(steps); a.status != 200 || len(answers) != 20 {
		t.Error(a.status, a.text)
	}
	for name, steps := range map[string][]step{
		"21 requests": append(steps, get("20", "/organization")),
		"none":        {},
		"an id twice": {get("a", "/organization"), get("A", "/organization")},
		"no url":      {get("a", "")},
		"dependsOn":   {{ID: "a", Method: "GET", URL: "/organization", DependsOn: []string{"b"}}},
	} {
		if a, _, _ := c.batch(steps); a.status != 400 || a.code() != "BadRequest" {
			t.Errorf("%s: %d %s", name, a.status, a.text)
		}
	}
	bad := *c
	bad.token = "x"
	if a, _, _ := bad.batch(steps[:1]); a.status != 401 {
		t.Error(a.status, a.text)
	}
}

func TestBatchDependencies(t *testing.T) {
	c := start(t, small(), Options{})
	_, answers, _ := c.batch([]step{
		get("1", "/groups/"+GroupID("nobody")),
		{ID: "2", Method: "GET", URL: "/organization", DependsOn: []string{"1"}},
		get("3", "/organization"),
		{ID: "4", Method: "GET", URL: "/organization", DependsOn: []string{"3"}},
	})
	if answers["2"].Status != 424 || answers["4"].Status != 200 {
		t.Error(answers)
	}
}

func TestBatchThrottledSingly(t *testing.T) {
	clock := &clock{at: date("2026-03-01T10:00:00Z")}
	c := start(t, small(), Options{Now: clock.now})
	must(t, c.s.SetThrottle(Throttle{Units: 2, Seconds: 10}))
	a, answers, _ := c.batch([]step{get("1", "/groups"), get("2", "/groups"), get("3", "/groups")})
	if a.status != 200 || answers["1"].Status != 200 || answers["2"].Status != 200 || answers["3"].Status != 429 || answers["3"].Headers["Retry-After"] != "5" {
		t.Error(a.text)
	}
	must(t, c.s.SetThrottle(Throttle{}))
	addFault(t, c, Fault{Kind: FaultStatus, Status: 503, RetryAfter: 2, Path: "/users"})
	_, answers, _ = c.batch([]step{get("1", "/groups"), get("2", "/users")})
	if answers["1"].Status != 200 || answers["2"].Status != 503 || answers["2"].Headers["Retry-After"] != "2" {
		t.Error(answers)
	}
	addFault(t, c, Fault{Kind: FaultStatus, Status: 504, Path: "/$batch"})
	if a, _, _ := c.batch([]step{get("1", "/groups")}); a.status != 504 {
		t.Error(a.status)
	}
}

func TestCompressedBody(t *testing.T) {
	c := start(t, small(), Options{})
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	fmt.Fprint(z, `{"requests":[{"id":"1","method":"GET","url":"/organization"}]}`)
	z.Close()
	a, err := c.try("POST", "/v1.0/$batch", b.String(), "Content-Encoding", "gzip")
	if err != nil || a.status != 200 {
		t.Error(err, a)
	}
}
