package graph

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/graph/graphtest"
)

// passed returns a token source with tokens from a caller.
func passed(first string, refresh func(context.Context) (contract.Secret, time.Time, error)) *tokenSource {
	f := &failure{}
	return &tokenSource{
		kind: contract.AccessToken, authority: "access token", failure: f,
		credential: &passedToken{first: contract.NewSecret(first), refresh: refresh, failure: f},
	}
}

func TestAPassedTokenIsReplacedBeforeItRunsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		tokens := passed(newToken(tenantID, time.Now().Add(10*time.Minute)), func(context.Context) (contract.Secret, time.Time, error) {
			asked++
			return contract.NewSecret(newToken(tenantID, time.Now().Add(time.Hour))), time.Time{}, nil
		})
		first, err := tokens.token(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(7 * time.Minute)
		if again, err := tokens.token(t.Context()); err != nil || again != first || asked != 0 {
			t.Errorf("%v after %d requests for a token", err, asked)
		}
		time.Sleep(2 * time.Minute) // a minute is left
		if next, err := tokens.token(t.Context()); err != nil || next == first || asked != 1 {
			t.Errorf("%v after %d requests for a token", err, asked)
		}
	})
}

func TestATokenThatRanOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stale := newToken(tenantID, time.Now().Add(-time.Minute))
		_, err := passed(stale, nil).token(t.Context())
		wantID(t, err, "AccessTokenExpired")

		// The caller's own error is passed on unchanged.
		none := &contract.Error{Category: contract.Authentication, ID: "AccessTokenExpired", Message: "no other"}
		_, err = passed(stale, func(context.Context) (contract.Secret, time.Time, error) { return contract.Secret{}, time.Time{}, none }).token(t.Context())
		if err != error(none) {
			t.Errorf("%v", err)
		}

		_, err = passed("", func(context.Context) (contract.Secret, time.Time, error) {
			return contract.NewSecret(stale), time.Time{}, nil
		}).token(t.Context())
		wantID(t, err, "AccessTokenExpired")
	})
}

func TestATokenOfAnotherTenantIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tokens := passed(newToken(tenantID, time.Now().Add(10*time.Minute)), func(context.Context) (contract.Secret, time.Time, error) {
			return contract.NewSecret(newToken(groupA, time.Now().Add(time.Hour))), time.Time{}, nil
		})
		if _, err := tokens.token(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(9 * time.Minute)
		_, err := tokens.token(t.Context())
		wantID(t, err, "SignInTenantMismatch")
	})
}

func TestWhatIsNoToken(t *testing.T) {
	for _, value := range []string{"", "opaque-secret-value", "a.b.c", "e30.e30.", "a.!.c", strings.Repeat("x", maxToken+1), "x." + "eyJ0aWQiOiJub25lIn0" + ".x"} {
		_, err := passed(value, nil).token(t.Context())
		if value == "" {
			wantID(t, err, "AccessTokenExpired")
			continue
		}
		wantID(t, err, "AccessTokenInvalid")
		if strings.Contains(err.Error(), "opaque") {
			t.Errorf("the error holds the token: %v", err)
		}
	}
}

func TestARefusedTokenIsReplacedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked, requests := 0, 0
		s := inMemory(t, func(req *http.Request) (*http.Response, error) {
			requests++
			if asked == 0 {
				return reply(401, `{"error":{"code":"InvalidAuthenticationToken","message":"expired"}}`), nil
			}
			return reply(200, `{"value":[]}`), nil
		})
		s.tokens.credential.(*passedToken).refresh = func(context.Context) (contract.Secret, time.Time, error) {
			asked++
			return contract.NewSecret(newToken(tenantID, time.Now().Add(48*time.Hour))), time.Time{}, nil
		}
		if err := s.Groups(t.Context(), contract.SourceSelection{}, func([]directory.SourceGroup) error { return nil }); err != nil || asked != 1 || requests != 2 {
			t.Errorf("%v after %d tokens and %d requests", err, asked, requests)
		}
	})
}

func TestDateRepair(t *testing.T) {
	at := time.Date(2099, 7, 2, 8, 0, 34, 0, time.UTC).Unix()
	for _, date := range []string{
		"2099-07-02 08:00:34Z", "2099-07-02 08:00:34 Z", "2099-07-02 10:00:34+02:00", "07/02/2099 08:00:34 +00:00", "7/2/2099 8:00:34 AM +00:00", "7/2/2099 8:00:34 AM",
	} {
		var got struct {
			AccessToken string `json:"access_token"`
			ExpiresOn   int64  `json:"expires_on"`
		}
		if err := json.Unmarshal(repairDate([]byte(`{"access_token":"t","expires_on":"`+date+`"}`)), &got); err != nil || got.ExpiresOn != at || got.AccessToken != "t" {
			t.Errorf("%q became %+v, %v", date, got, err)
		}
	}
	for _, kept := range []string{`{"expires_on":"1625212834"}`, `{"expires_on":1625212834}`, `{"expires_on":"never"}`, `{}`, `[]`, `x`} {
		if got := string(repairDate([]byte(kept))); got != kept {
			t.Errorf("%s became %s", kept, got)
		}
	}
}

func TestMessagesAreClean(t *testing.T) {
	token := newToken(tenantID, time.Now())
	for in, want := range map[string]string{
		"line\nbreak\x1b[31m\u202egnp": "line break[31mgnp",
		"token: '" + token + "'":       "token: '***'",
		"  \t ":                        "",
		"\xff\xfe":                     "",
	} {
		if got := clean(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
	if got := clean(strings.Repeat("ä", 10000)); len(got) > maxText+3 {
		t.Errorf("%d bytes are left", len(got))
	}
}

func TestEndpoints(t *testing.T) {
	for cloud, want := range map[string]string{
		"": "https://graph.microsoft.com", "Global": "https://graph.microsoft.com", "USGov": "https://graph.microsoft.us",
		"USGovDoD": "https://dod-graph.microsoft.us", "China": "https://microsoftgraph.chinacloudapi.cn",
	} {
		if got, err := resolveEndpoints(contract.SourceConfig{Cloud: cloud}); err != nil || got.graph != want || got.private {
			t.Errorf("%q: %+v, %v", cloud, got, err)
		}
	}
	got, err := resolveEndpoints(contract.SourceConfig{Authority: "https://Login.Example:8443/", GraphEndpoint: "https://graph.example"})
	if want := (endpoints{authority: "https://login.example:8443", graph: "https://graph.example", private: true}); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	for _, bad := range []contract.SourceConfig{
		{Cloud: "Germany"}, {Authority: "http://login.example"}, {GraphEndpoint: "https://graph.example/v1.0"}, {GraphEndpoint: "graph.example"},
		{GraphEndpoint: "https://user:pass@graph.example"}, {GraphEndpoint: "https://graph.example?x=1"}, {Authority: "https://"}, {Authority: "https://%zz"},
	} {
		_, err := Open(t.Context(), bad)
		wantID(t, err, "InvalidParameter")
		if strings.Contains(err.Error(), "pass") {
			t.Errorf("the error holds a password: %v", err)
		}
	}
}

func TestOpenNamesWhatIsMissing(t *testing.T) {
	for _, config := range []contract.SourceConfig{
		{}, {Kind: "password"}, {Kind: contract.AccessToken},
		{Kind: contract.ClientSecret, ClientID: "c", Secret: contract.NewSecret("s")},
		{Kind: contract.ClientSecret, TenantID: "t", Secret: contract.NewSecret("s")},
		{Kind: contract.ClientSecret, TenantID: "t", ClientID: "c"},
		{Kind: contract.ClientCertificate, TenantID: "t", ClientID: "c"},
		{Kind: contract.CertificateThumbprint, TenantID: "t", ClientID: "c"},
		{Kind: contract.WorkloadIdentity},
	} {
		_, err := Open(t.Context(), config)
		wantID(t, err, "InvalidParameter")
	}
	_, err := Open(t.Context(), contract.SourceConfig{Kind: contract.ClientSecret, TenantID: "t/../x", ClientID: "c", Secret: contract.NewSecret("s")})
	wantID(t, err, "TenantNotFound")
	_, err = Open(t.Context(), contract.SourceConfig{CAFile: "none.pem"})
	wantID(t, err, "CAFileInvalid")
	_, err = Open(t.Context(), contract.SourceConfig{CAFile: "token_test.go"})
	wantID(t, err, "CAFileInvalid")
	_, err = Open(t.Context(), contract.SourceConfig{Kind: contract.WorkloadIdentity, TenantID: "t", ClientID: "c", FederatedTokenFile: "none"})
	wantID(t, err, "FederatedTokenFileInvalid")
}

func TestUnreachableHosts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hosts := endpoints{authority: "https://login.example", graph: "https://graph.example", private: true}
		down := wire(func(*http.Request) (*http.Response, error) { return nil, errors.New("dial tcp: connection refused") })
		s, err := newSource(contract.SourceConfig{
			Kind: contract.ClientSecret, TenantID: tenantID, ClientID: "c", Secret: contract.NewSecret("hunter2-secret"),
		}, hosts, down, down)
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Identify(t.Context())
		wantID(t, err, "GraphUnreachable")
		if e := contract.AsError(err); e.Object != "login.example" || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%v", err)
		}
	})
}

// A token that nobody can replace is used until it expires, even within the margin in
// which the engine would otherwise ask for another.
func TestAPassedTokenWithoutAnotherServesToItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, left := range []time.Duration{tokenMargin / 2, 2 * tokenMargin} {
			tokens := passed(newToken(tenantID, time.Now().Add(left)), nil)
			for range 2 {
				if _, err := tokens.token(t.Context()); err != nil {
					t.Errorf("%v before its end: %v", left, err)
				}
			}
			time.Sleep(left - time.Second - time.Duration(time.Now().Nanosecond()))
			if _, err := tokens.token(t.Context()); err != nil {
				t.Errorf("a second before its end: %v", err)
			}
			time.Sleep(2 * time.Second)
			_, err := tokens.token(t.Context())
			wantID(t, err, "AccessTokenExpired")
		}
	})
}

// A token renewed while members are read may have lost a permission. Graph then returns
// no members for a group with hidden membership, and no error.
func TestATokenThatAllowsLessEndsTheReading(t *testing.T) {
	seed := smallSeed()
	seed.Groups[0].Visibility = "HiddenMembership"
	l := startLab(t, seed, graphtest.Options{Roles: []string{"Group.Read.All", "User.Read.All", "Member.Read.Hidden"}})
	config := l.config
	config.Kind, config.Secret = contract.AccessToken, contract.Secret{}
	config.RefreshToken = func(context.Context) (contract.Secret, time.Time, error) {
		return contract.NewSecret(l.AccessToken()), time.Now().Add(time.Hour), nil
	}
	s := open(t, config)
	if _, err := s.Identify(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.SetRoles("Group.Read.All", "User.Read.All")
	l.RevokeTokens()
	read := func() error {
		return s.Members(t.Context(), []directory.GUID{directory.MustGUID(groupA)}, func(p contract.MemberPage) error { return p.Err })
	}
	wantID(t, read(), "PermissionWithdrawn")
	// The next run asks for its permissions again, and knows.
	got, err := s.Identify(t.Context())
	if err != nil || slices.Contains(got.Roles, "Member.Read.Hidden") {
		t.Errorf("%v, %v", got.Roles, err)
	}
	if err := read(); err != nil {
		t.Error(err)
	}
}
