package graph

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

const (
	tenantID = "11111111-1111-4111-8111-111111111111"
	groupA   = "aaaaaaaa-0000-4000-8000-00000000000a"
	groupB   = "bbbbbbbb-0000-4000-8000-00000000000b"
)

// newToken returns a token for the tenant that expires at the given time.
func newToken(tenant string, ends time.Time) string {
	payload, err := json.Marshal(map[string]any{
		"tid": tenant, "appid": "app", "roles": []string{"Group.Read.All", "User.Read.All"}, "exp": ends.Unix(),
	})
	if err != nil {
		panic(err)
	}
	enc := base64.RawURLEncoding.EncodeToString
	return enc([]byte(`{"alg":"none"}`)) + "." + enc(payload) + "." + enc([]byte("signature"))
}

// inMemory returns a source whose Graph is a function.
func inMemory(t testing.TB, graph wire) *source {
	t.Helper()
	hosts := endpoints{authority: "https://login.example", graph: "https://graph.example"}
	s, err := newSource(contract.SourceConfig{
		Kind: contract.AccessToken, AccessToken: contract.NewSecret(newToken(tenantID, time.Now().Add(24*time.Hour))),
	}, hosts, wire(func(*http.Request) (*http.Response, error) { return nil, errors.New("no sign-in expected") }), graph)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// script answers the requests in turn, and fails the test if there is one more.
func script(t *testing.T, answers ...string) wire {
	return func(req *http.Request) (*http.Response, error) {
		if len(answers) == 0 {
			t.Errorf("unexpected request %s", req.URL)
			return reply(404, "{}"), nil
		}
		body := answers[0]
		answers = answers[1:]
		return reply(200, body), nil
	}
}

func wantID(t *testing.T, err error, id string) {
	t.Helper()
	if !contract.HasID(err, id) {
		t.Errorf("error = %v, want one with id %s", err, id)
	}
	if e, ok := errors.AsType[*contract.Error](err); ok && (e.Message == "" || e.Advice == "" || e.Category == "") {
		t.Errorf("error %s lacks its message, advice or category: %+v", id, e)
	}
}

func TestGroupsKeepsCloudMicrosoft365Groups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked []string
		pages := []string{
			`{"@odata.nextLink":"https://graph.example/v1.0/groups?$skiptoken=2","value":[
			 {"id":"` + groupA + `","displayName":"A \"quoted\" ☺","description":null,"mail":"a@example.com","visibility":"HiddenMembership","groupTypes":["Unified","DynamicMembership"],"onPremisesSyncEnabled":null,"onPremisesSecurityIdentifier":"s-1-5-21-1-2-3-1104"},
			 {"id":"` + groupB + `","displayName":"synced","groupTypes":["Unified"],"onPremisesSyncEnabled":true}]}`,
			`{"value":[{"id":"` + groupB + `","displayName":"security","groupTypes":[]}]}`,
		}
		s := inMemory(t, func(req *http.Request) (*http.Response, error) {
			asked = append(asked, req.URL.RequestURI())
			if req.Header.Get("x-ms-throttle-priority") != "low" || req.Header.Get("client-request-id") == "" ||
				!strings.HasPrefix(req.Header.Get("Authorization"), "Bearer ey") {
				t.Errorf("headers %v", req.Header)
			}
			return reply(200, pages[len(asked)-1]), nil
		})
		var got []directory.SourceGroup
		if err := s.Groups(t.Context(), contract.SourceSelection{}, func(g []directory.SourceGroup) error { got = append(got, g...); return nil }); err != nil {
			t.Fatal(err)
		}
		want := []directory.SourceGroup{{
			ID: directory.MustGUID(groupA), Kind: directory.UnifiedGroup, Properties: directory.Values{"displayName": {`A "quoted" ☺`}, "mail": {"a@example.com"}},
			Visibility: directory.HiddenMembership, OnPremisesSID: "S-1-5-21-1-2-3-1104",
		}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if len(asked) != 2 || !strings.Contains(asked[0], "$top=999") || !strings.Contains(asked[0], "&$select=id,") && !strings.Contains(asked[0], "$select=id%2C") ||
			asked[1] != "/v1.0/groups?$skiptoken=2" {
			t.Errorf("asked %q", asked)
		}
	})
}

func TestABrokenListIsAnError(t *testing.T) {
	group := `{"id":"` + groupA + `","displayName":"A","groupTypes":["Unified"]}`
	for name, answers := range map[string][]string{
		"a page without its value":      {`{"@odata.context":"x"}`},
		"a value that is null":          {`{"value":null}`},
		"a value that is no list":       {`{"value":{}}`},
		"a group that is null":          {`{"value":[null]}`},
		"a group without an id":         {`{"value":[{"displayName":"A","groupTypes":["Unified"]}]}`},
		"a group with a foreign id":     {`{"value":[{"id":"1","groupTypes":["Unified"]}]}`},
		"a group with a broken SID":     {`{"value":[{"id":"` + groupA + `","groupTypes":["Unified"],"onPremisesSecurityIdentifier":"S-1"}]}`},
		"a list of numbers":             {`{"value":[1]}`},
		"a link in a circle":            {`{"value":[` + group + `],"@odata.nextLink":"https://graph.example/v1.0/groups?x"}`, `{"value":[],"@odata.nextLink":"https://graph.example/v1.0/groups?x"}`},
		"a link to another host":        {`{"value":[],"@odata.nextLink":"https://graph.example.evil/v1.0/groups"}`},
		"a link without encryption":     {`{"value":[],"@odata.nextLink":"http://graph.example/v1.0/groups"}`},
		"a link that is none":           {`{"value":[],"@odata.nextLink":"::"}`},
		"a second page that is a page ": {`{"value":[],"@odata.nextLink":"https://graph.example/v1.0/groups?x"}`, `<html>`, `<html>`, `<html>`, `<html>`, `<html>`},
	} {
		synctest.Test(t, func(t *testing.T) {
			err := inMemory(t, script(t, answers...)).Groups(t.Context(), contract.SourceSelection{}, func([]directory.SourceGroup) error { return nil })
			if !contract.HasID(err, "IncompleteRead") {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
}

func TestTheConsumersErrorEndsTheReadingUnchanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		full := errors.New("disk full")
		group := `{"value":[{"id":"` + groupA + `","displayName":"A","groupTypes":["Unified"]}],"@odata.nextLink":"https://graph.example/v1.0/groups?x"}`
		if err := inMemory(t, script(t, group)).Groups(t.Context(), contract.SourceSelection{}, func([]directory.SourceGroup) error { return full }); err != full {
			t.Errorf("Groups: %v", err)
		}
		calls := 0
		s := inMemory(t, func(*http.Request) (*http.Response, error) { return reply(200, `{"value":[]}`), nil })
		err := s.Members(t.Context(), make([]directory.GUID, 100), func(contract.MemberPage) error { calls++; return full })
		if err != full || calls != 1 {
			t.Errorf("Members: %v after %d calls", err, calls)
		}
	})
}

func TestMembersAreReadWithWhatIsKnownOfThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer := `{"value":[
		 {"@odata.type":"#microsoft.graph.user","id":"00000000-0000-4000-8000-000000000001","displayName":"Ann","userPrincipalName":"ann@x","userType":"Member","onPremisesSyncEnabled":true,"onPremisesSecurityIdentifier":"S-1-5-21-1-2-3-4","onPremisesImmutableId":"AAAAAAAAAAAAAAAAAAAAAQ=="},
		 {"@odata.type":"#microsoft.graph.user","id":"00000000-0000-4000-8000-000000000002","userPrincipalName":"g#EXT#@x","userType":"Guest","onPremisesSyncEnabled":null,"onPremisesSecurityIdentifier":null},
		 {"@odata.type":"#microsoft.graph.user","id":"00000000-0000-4000-8000-000000000003","displayName":null,"userPrincipalName":null,"onPremisesSyncEnabled":null,"onPremisesSecurityIdentifier":null},
		 {"@odata.type":"#microsoft.graph.user","id":"00000000-0000-4000-8000-000000000004"},
		 {"@odata.type":"#microsoft.graph.user","id":"00000000-0000-4000-8000-000000000005","userPrincipalName":"odd@x","onPremisesSyncEnabled":true,"onPremisesSecurityIdentifier":"S-1-5-bad"},
		 {"@odata.type":"#microsoft.graph.group","id":"00000000-0000-4000-8000-000000000006","displayName":"Nested","onPremisesSyncEnabled":true,"onPremisesSecurityIdentifier":"S-1-5-21-1-2-3-5"},
		 {"@odata.type":"#microsoft.graph.group","id":"00000000-0000-4000-8000-000000000007","displayName":null},
		 {"@odata.type":"#microsoft.graph.device","id":"00000000-0000-4000-8000-000000000008","displayName":null},
		 {"@odata.type":"#microsoft.graph.servicePrincipal","id":"00000000-0000-4000-8000-000000000009","displayName":"App"},
		 {"@odata.type":"#microsoft.graph.orgContact","id":"00000000-0000-4000-8000-00000000000a","displayName":"Partner"},
		 {"@odata.type":"#microsoft.graph.newThing","id":"00000000-0000-4000-8000-00000000000b","displayName":"?"},
		 {"id":"00000000-0000-4000-8000-00000000000c"}]}`
		var got []contract.MemberPage
		if err := inMemory(t, script(t, answer)).Members(t.Context(), []directory.GUID{directory.MustGUID(groupA)},
			func(p contract.MemberPage) error { got = append(got, p); return nil }); err != nil {
			t.Fatal(err)
		}
		id := func(n byte) directory.GUID {
			g := directory.MustGUID("00000000-0000-4000-8000-000000000000")
			g[15] = n
			return g
		}
		user, group, other := directory.KindUser, directory.KindGroup, directory.KindOther
		want := []contract.MemberPage{{Group: directory.MustGUID(groupA), Last: true, Members: []directory.SourceMember{
			{ID: id(1), Kind: user, Name: "ann@x", Readable: true, Synced: true, SID: "S-1-5-21-1-2-3-4", ImmutableID: "AAAAAAAAAAAAAAAAAAAAAQ=="},
			{ID: id(2), Kind: user, Name: "g#EXT#@x", Readable: true, Guest: true},
			{ID: id(3), Kind: user},
			{ID: id(4), Kind: user},
			{ID: id(5), Kind: user, Name: "odd@x", Synced: true},
			{ID: id(6), Kind: group, Name: "Nested", Readable: true, Synced: true, SID: "S-1-5-21-1-2-3-5"},
			{ID: id(7), Kind: group},
			{ID: id(8), Kind: other, Readable: true},
			{ID: id(9), Kind: other, Name: "App", Readable: true},
			{ID: id(10), Kind: other, Name: "Partner", Readable: true},
			{ID: id(11), Kind: other, Name: "?", Readable: true},
			{ID: id(12), Kind: user},
		}}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestOneGroupsFailureDoesNotEndTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := inMemory(t, func(req *http.Request) (*http.Response, error) {
			switch {
			case strings.Contains(req.URL.Path, groupA):
				return reply(404, `{"error":{"code":"Request_ResourceNotFound","message":"gone"}}`, "request-id", "r-1"), nil
			case strings.Contains(req.URL.Path, groupB):
				return reply(500, `{"error":{"code":"InternalServerError","message":"oops"}}`), nil
			}
			return reply(200, `{"value":[]}`), nil
		})
		ids := []directory.GUID{directory.MustGUID(groupA), directory.MustGUID(groupB), directory.MustGUID(tenantID)}
		got := map[directory.GUID]contract.MemberPage{}
		if err := s.Members(t.Context(), ids, func(p contract.MemberPage) error { got[p.Group] = p; return nil }); err != nil {
			t.Fatal(err)
		}
		wantID(t, got[ids[0]].Err, "GraphObjectNotFound")
		wantID(t, got[ids[1]].Err, "GraphError")
		if got[ids[0]].Last || got[ids[1]].Last || !got[ids[2]].Last || got[ids[2]].Err != nil {
			t.Errorf("%+v", got)
		}
		if msg := got[ids[0]].Err.Error(); !strings.Contains(msg, "r-1") || !strings.Contains(msg, "Request_ResourceNotFound") {
			t.Errorf("the error names neither code nor request: %s", msg)
		}
	})
}

func TestWhatBefallsEveryGroupEndsTheReading(t *testing.T) {
	for name, test := range map[string]struct {
		wire wire
		id   string
	}{
		"no network": {func(*http.Request) (*http.Response, error) { return nil, errors.New("dial tcp: connection refused") }, "GraphUnreachable"},
		"a refused token": {func(*http.Request) (*http.Response, error) {
			return reply(401, `{"error":{"code":"InvalidAuthenticationToken","message":"Lifetime validation failed, the token is expired."}}`), nil
		}, "AccessTokenExpired"},
		"throttling": {func(*http.Request) (*http.Response, error) { return reply(429, `{}`, "Retry-After", "900"), nil }, "ThrottledTooLong"},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := inMemory(t, test.wire)
			if name == "a refused token" {
				s.tokens.credential = &passedToken{first: contract.NewSecret(newToken(tenantID, time.Now().Add(time.Hour))), failure: s.tokens.failure}
			}
			err := s.Members(t.Context(), make([]directory.GUID, 30), func(p contract.MemberPage) error {
				t.Errorf("%s: page %+v", name, p)
				return nil
			})
			if !contract.HasID(err, test.id) {
				t.Errorf("%s: %v, want %s", name, err, test.id)
			}
		})
	}
}

func TestCancellingEndsTheReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s := inMemory(t, func(req *http.Request) (*http.Response, error) {
			<-req.Context().Done()
			return nil, req.Context().Err()
		})
		time.AfterFunc(time.Second, cancel)
		err := s.Members(ctx, make([]directory.GUID, 100), func(p contract.MemberPage) error { t.Errorf("page %+v", p); return nil })
		wantID(t, err, "Cancelled")
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%v does not wrap context.Canceled", err)
		}
	})
}

// partsOf answers the requests of a batch by their URLs, in a different order; status 0
// leaves one out.
func partsOf(t *testing.T, req *http.Request, about func(url string) (status int, body, retryAfter string)) *http.Response {
	var batch struct {
		Requests []struct{ ID, Method, URL string }
	}
	body, err := io.ReadAll(req.Body)
	if err != nil || json.Unmarshal(body, &batch) != nil || len(batch.Requests) > 20 {
		t.Errorf("batch %s, %v", body, err)
	}
	var responses []string
	for _, r := range batch.Requests {
		if status, answer, after := about(r.URL); status != 0 {
			responses = append([]string{fmt.Sprintf(`{"id":%q,"status":%d,"headers":{"Retry-After":%q},"body":%s}`, r.ID, status, after, answer)}, responses...)
		}
	}
	return reply(200, `{"responses":[`+strings.Join(responses, ",")+`]}`)
}

// batchOf is like partsOf, but answers by path: "/groups/<id>".
func batchOf(t *testing.T, req *http.Request, about func(path string) (status int, body, retryAfter string)) *http.Response {
	return partsOf(t, req, func(url string) (int, string, string) {
		path, _, _ := strings.Cut(url, "?")
		return about(path)
	})
}

func TestPresenceTakesNothingForAbsentButAClearAnswer(t *testing.T) {
	missing := `{"error":{"code":"Request_ResourceNotFound"}}`
	type said struct {
		status int
		body   string
	}
	var (
		ids   []directory.GUID
		group = map[string]said{}
		want  = map[directory.GUID]directory.Presence{}
	)
	add := func(presence directory.Presence, alive, deleted said) {
		id := directory.GUID{15: byte(len(ids) + 1)}
		ids = append(ids, id)
		want[id] = presence
		fill := func(s said) said { s.body = strings.ReplaceAll(s.body, "ID", id.String()); return s }
		group["/groups/"+id.String()], group["/directory/deletedItems/"+id.String()] = fill(alive), fill(deleted)
	}
	found := said{200, `{"id":"ID"}`}
	add(directory.PresenceFound, found, said{})
	add(directory.PresenceFound, said{200, `{"id":"ID","groupTypes":["Unified"],"onPremisesSyncEnabled":null}`}, said{})
	add(directory.PresenceFound, said{200, `{"id":"ID","groupTypes":null}`}, said{})
	add(directory.PresenceOutOfScope, said{200, `{"id":"ID","groupTypes":["Unified"],"onPremisesSyncEnabled":true}`}, said{})
	add(directory.PresenceOutOfScope, said{200, `{"id":"ID","groupTypes":[]}`}, said{})
	add(directory.PresenceSoftDeleted, said{404, missing}, found)
	add(directory.PresenceHardDeleted, said{404, missing}, said{404, missing})
	for _, unclear := range []said{
		{}, {403, `{"error":{"code":"Authorization_RequestDenied"}}`}, {404, `{"error":{"code":"NotFound"}}`}, {404, `"aHRtbA=="`},
		{404, `null`}, {500, `{}`}, {200, `{"id":"` + groupA + `"}`}, {200, `{}`}, {401, missing}, {302, `{}`}, {410, missing},
	} {
		add(directory.PresenceUnknown, unclear, said{404, missing})
		add(directory.PresenceUnknown, said{404, missing}, unclear)
	}
	synctest.Test(t, func(t *testing.T) {
		s := inMemory(t, func(req *http.Request) (*http.Response, error) {
			if req.URL.Path != "/v1.0/$batch" {
				t.Errorf("path %s", req.URL.Path)
			}
			return batchOf(t, req, func(path string) (int, string, string) { return group[path].status, group[path].body, "" }), nil
		})
		got, err := s.Presence(t.Context(), contract.SourceSelection{}, ids)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

// A group that is restored after it was asked for, and before the deleted items are, is
// in neither answer.
func TestAGroupThatIsRestoredWhileItIsAskedForIsNotGone(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		want   directory.Presence
	}{
		"restored":         {200, `{"id":"` + groupA + `"}`, directory.PresenceFound},
		"restored, synced": {200, `{"id":"` + groupA + `","onPremisesSyncEnabled":true}`, directory.PresenceOutOfScope},
		"gone":             {404, `{"error":{"code":"Request_ResourceNotFound"}}`, directory.PresenceHardDeleted},
		"not answered":     {500, `{}`, directory.PresenceUnknown},
	} {
		synctest.Test(t, func(t *testing.T) {
			deleted := false
			s := inMemory(t, func(req *http.Request) (*http.Response, error) {
				return batchOf(t, req, func(path string) (int, string, string) {
					if strings.HasPrefix(path, "/directory/deletedItems/") {
						deleted = true
					} else if deleted {
						return c.status, c.body, ""
					}
					return 404, `{"error":{"code":"Request_ResourceNotFound"}}`, ""
				}), nil
			})
			got, err := s.Presence(t.Context(), contract.SourceSelection{}, []directory.GUID{directory.MustGUID(groupA)})
			if err != nil || got[directory.MustGUID(groupA)] != c.want {
				t.Errorf("%s: %v, %v, want %s", name, got, err, c.want)
			}
		})
	}
}

func TestPresenceAsksAgainForThrottledOnesAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		count := map[string]int{}
		start := time.Now()
		s := inMemory(t, func(req *http.Request) (*http.Response, error) {
			time.Sleep(time.Millisecond) // all batches are under way at once
			mu.Lock()
			defer mu.Unlock()
			return batchOf(t, req, func(path string) (int, string, string) {
				count[path]++
				id := path[strings.LastIndexByte(path, '/')+1:]
				if strings.HasSuffix(path, "7") && count[path] == 1 {
					return 429, `{"error":{"code":"TooManyRequests"}}`, "30"
				}
				return 200, `{"id":"` + id + `"}`, ""
			}), nil
		})
		var ids []directory.GUID
		for i := range 45 {
			ids = append(ids, directory.GUID{15: byte(i + 1)})
		}
		got, err := s.Presence(t.Context(), contract.SourceSelection{}, ids)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range ids {
			want := 1
			if strings.HasSuffix(id.String(), "7") {
				want = 2
			}
			if got[id] != directory.PresenceFound || count["/groups/"+id.String()] != want {
				t.Errorf("%s: %s after %d requests", id, got[id], count["/groups/"+id.String()])
			}
		}
		if took := time.Since(start); took < 30*time.Second || took > 35*time.Second {
			t.Errorf("took %v, want the 30 s that were asked for", took)
		}
	})
}

// A batch succeeds even if its parts fail, so the gate does not see that it is
// throttled again and again.
func TestPartsThrottledWithoutRetryAfterWaitLongerEachRound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var gaps []time.Duration
		last := time.Now()
		s := inMemory(t, func(req *http.Request) (*http.Response, error) {
			gaps = append(gaps, time.Since(last))
			last = time.Now()
			return batchOf(t, req, func(path string) (int, string, string) {
				if len(gaps) <= 5 {
					return 503, `{}`, ""
				}
				return 200, `{"id":"` + groupA + `"}`, ""
			}), nil
		})
		if _, err := s.Presence(t.Context(), contract.SourceSelection{}, []directory.GUID{directory.MustGUID(groupA)}); err != nil {
			t.Fatal(err)
		}
		for i, gap := range gaps[1:] {
			if low := throttleDelay << i / 2; gap < low {
				t.Errorf("wait %d was %v, want at least %v", i+1, gap, low)
			}
		}
	})
}

// A group whose members Graph cannot return, with whatever error, costs the other
// groups some seconds but does not end the run.
func TestOneGroupThatIsNeverAvailableDoesNotEndTheOthers(t *testing.T) {
	bad := directory.GUID{0: 9}
	ids := []directory.GUID{bad}
	for i := range 400 {
		ids = append(ids, directory.GUID{0: 1, 14: byte(i >> 8), 15: byte(i)})
	}
	for _, status := range []int{500, 503, 504} {
		synctest.Test(t, func(t *testing.T) {
			s := inMemory(t, func(req *http.Request) (*http.Response, error) {
				time.Sleep(200 * time.Millisecond)
				if strings.HasSuffix(req.URL.Path, "/$batch") {
					return batchOf(t, req, func(path string) (int, string, string) {
						if path == "/groups/"+bad.String() {
							return status, `{"error":{"code":"UnknownError"}}`, ""
						}
						return 200, `{"id":"` + strings.TrimPrefix(path, "/groups/") + `"}`, ""
					}), nil
				}
				if strings.Contains(req.URL.Path, bad.String()) {
					return reply(status, `{"error":{"code":"UnknownError"}}`), nil
				}
				return reply(200, `{"value":[]}`), nil
			})
			start, read, failed := time.Now(), 0, 0
			err := s.Members(t.Context(), ids, func(p contract.MemberPage) error {
				if p.Last {
					read++
				}
				if p.Err != nil {
					failed++
				}
				return nil
			})
			if took := time.Since(start); err != nil || read != 400 || failed != 1 || took > 5*time.Minute {
				t.Errorf("%d: %d were read, %d failed, %v after %v", status, read, failed, err, took)
			}
			start = time.Now()
			got, err := s.Presence(t.Context(), contract.SourceSelection{}, ids[:40])
			if took := time.Since(start); err != nil || got[bad] != directory.PresenceUnknown || got[ids[1]] != directory.PresenceFound || took > 5*time.Minute {
				t.Errorf("%d: %s, %s, %v after %v", status, got[bad], got[ids[1]], err, took)
			}
		})
	}
}

func TestConnectWriteback(t *testing.T) {
	for answer, want := range map[string]contract.Tristate{
		`{"value":[{"features":{"unifiedGroupWritebackEnabled":true,"groupWriteBackEnabled":false}}]}`: contract.Yes,
		`{"value":[{"features":{"unifiedGroupWritebackEnabled":false,"groupWriteBackEnabled":true}}]}`: contract.Yes,
		`{"features":{"unifiedGroupWritebackEnabled":true}}`:                                           contract.Yes,
		`{"features":{"unifiedGroupWritebackEnabled":false,"groupWriteBackEnabled":null}}`:             contract.No,
		`{"value":[]}`: contract.Unknown,
		`{}`:           contract.Unknown,
	} {
		got, err := inMemory(t, script(t, answer)).ConnectWriteback(t.Context())
		if err != nil || got != want {
			t.Errorf("%s: %s, %v, want %s", answer, got, err, want)
		}
	}
	s := inMemory(t, func(*http.Request) (*http.Response, error) {
		return reply(403, `{"error":{"code":"Authorization_RequestDenied"}}`), nil
	})
	if got, err := s.ConnectWriteback(t.Context()); err != nil || got != contract.Unknown {
		t.Errorf("without the permission: %s, %v", got, err)
	}
}

func TestIdentify(t *testing.T) {
	s := inMemory(t, script(t, `{"value":[{"id":"`+tenantID+`","displayName":"Contoso","verifiedDomains":[null,{"name":"contoso.com"},{"isInitial":true},{"name":"contoso.onmicrosoft.com"}]}]}`))
	got, err := s.Identify(t.Context())
	want := contract.SourceIdentity{
		TenantID: directory.MustGUID(tenantID), TenantName: "Contoso", AppID: "app", Roles: []string{"Group.Read.All", "User.Read.All"},
		VerifiedDomains: []string{"contoso.com", "contoso.onmicrosoft.com"},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Error(err, diff)
	}

	s = inMemory(t, script(t, `{"value":[{"id":"`+groupA+`","displayName":"Fabrikam"}]}`))
	_, err = s.Identify(t.Context())
	wantID(t, err, "SignInTenantMismatch")

	s = inMemory(t, script(t))
	s.tenant = groupB
	_, err = s.Identify(t.Context())
	wantID(t, err, "SignInTenantMismatch")

	s = inMemory(t, func(*http.Request) (*http.Response, error) {
		return reply(403, `{"error":{"code":"Authorization_RequestDenied"}}`), nil
	})
	want.TenantName, want.VerifiedDomains = "", nil
	got, err = s.Identify(t.Context())
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Error(err, diff)
	}

	for _, broken := range []string{`{"value":[]}`, `{"value":[null]}`, `{}`, `{"value":[{"id":"x"}]}`} {
		_, err = inMemory(t, script(t, broken)).Identify(t.Context())
		wantID(t, err, "IncompleteRead")
	}
}

// FuzzMemberPage reads arbitrary answers as a page of members. Nothing may panic, and no
// member may lack an id or be readable without a name.
func FuzzMemberPage(f *testing.F) {
	f.Add([]byte(`{"value":[{"@odata.type":"#microsoft.graph.user","id":"` + groupA + `","userPrincipalName":"a"}],"@odata.nextLink":"x"}`))
	f.Add([]byte(`{"value":[{"@odata.type":1,"id":true}],"@odata.nextLink":5}`))
	f.Add([]byte(`{"value":[[],{},null,"",0.5]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var members page[memberEntity]
		if json.Unmarshal(body, &members) != nil {
			return
		}
		for _, item := range members.Value {
			if item.check() != nil {
				continue
			}
			if m := item.member(); m.ID.IsZero() || m.Kind == "" || m.Readable && m.Name == "" && m.Kind != directory.KindOther {
				t.Errorf("%s: %+v", body, m)
			}
		}
	})
}
