package graph

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	pkcs12 "software.sslmate.com/src/go-pkcs12"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/graph/graphtest"
)

// lab is a simulated tenant, and the configuration to sign in to it.
type lab struct {
	*graphtest.Server
	config contract.SourceConfig
}

func startLab(t testing.TB, seed graphtest.Seed, options graphtest.Options) lab {
	t.Helper()
	return serveLab(t, graphtest.New(seed, options))
}

func serveLab(t testing.TB, tenant *graphtest.Tenant) lab {
	t.Helper()
	server, err := tenant.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	return lab{server, contract.SourceConfig{
		TenantID: server.TenantID, ClientID: server.ClientID,
		Authority: server.URL, GraphEndpoint: server.URL, CAFile: writeFile(t, "ca.pem", server.CAPEM),
		Kind: contract.ClientSecret, Secret: contract.NewSecret(server.ClientSecret),
	}}
}

func writeFile(t testing.TB, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func open(t *testing.T, config contract.SourceConfig) contract.Source {
	t.Helper()
	s, err := Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// smallSeed is a tenant with one of everything that can be a member.
func smallSeed() graphtest.Seed {
	yes := graphtest.Bool(true)
	unified := []string{"Unified"}
	return graphtest.Seed{
		Tenant: graphtest.TenantInfo{DisplayName: "Contoso", SyncFeatures: map[string]bool{"unifiedGroupWritebackEnabled": true}},
		Users: []graphtest.User{
			{ID: "00000000-0000-4000-8000-000000000001", UserPrincipalName: "ann@contoso.com", DisplayName: "Ann", OnPremisesSyncEnabled: yes, OnPremisesSecurityIdentifier: "S-1-5-21-1-2-3-1001", OnPremisesImmutableID: "AAAAAAAAAAAAAAAAAAAAAQ=="},
			{ID: "00000000-0000-4000-8000-000000000002", UserPrincipalName: "cloud@contoso.com", DisplayName: "Cloud"},
			{ID: "00000000-0000-4000-8000-000000000003", UserPrincipalName: "guest#EXT#@contoso.com", DisplayName: "Guest", UserType: "Guest"},
		},
		Devices: []graphtest.Device{{ID: "00000000-0000-4000-8000-000000000004", DisplayName: "PC"}},
		Groups: []graphtest.Group{
			{ID: groupA, DisplayName: `Sales, "EMEA" ☺`, Description: "All of sales", Mail: "sales@contoso.com", GroupTypes: unified, Visibility: "Public",
				Members: []string{"ann@contoso.com", "cloud@contoso.com", "guest#EXT#@contoso.com", "00000000-0000-4000-8000-000000000004"}},
			{ID: groupB, DisplayName: "Moved to the cloud", GroupTypes: unified, OnPremisesSecurityIdentifier: "S-1-5-21-1-2-3-2002"},
			{ID: "cccccccc-0000-4000-8000-00000000000c", DisplayName: "Synced", GroupTypes: unified, OnPremisesSyncEnabled: yes},
			{ID: "dddddddd-0000-4000-8000-00000000000d", DisplayName: "Security", SecurityEnabled: yes},
		},
	}
}

func TestTheWholeTenantIsRead(t *testing.T) {
	l := startLab(t, smallSeed(), graphtest.Options{PageLimit: 2})
	s := open(t, l.config)

	identity, err := s.Identify(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := contract.SourceIdentity{TenantID: directory.MustGUID(l.TenantID), TenantName: "Contoso", AppID: l.ClientID, Roles: graphtest.DefaultRoles,
		VerifiedDomains: []string{"contoso.onmicrosoft.com", "contoso.mail.onmicrosoft.com"}}
	if diff := cmp.Diff(want, identity); diff != "" {
		t.Error(diff)
	}
	if on, err := s.ConnectWriteback(t.Context()); err != nil || on != contract.Yes {
		t.Errorf("Entra Connect's writeback: %s, %v", on, err)
	}

	var groups []directory.SourceGroup
	if err := s.Groups(t.Context(), contract.SourceSelection{}, func(g []directory.SourceGroup) error { groups = append(groups, g...); return nil }); err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(groups, func(a, b directory.SourceGroup) int { return a.ID.Compare(b.ID) })
	if diff := cmp.Diff([]directory.SourceGroup{
		{ID: directory.MustGUID(groupA), Kind: directory.UnifiedGroup, Properties: directory.Values{"displayName": {`Sales, "EMEA" ☺`}, "description": {"All of sales"}, "mail": {"sales@contoso.com"},
			"mailNickname": groups[0].Properties["mailNickname"], "proxyAddresses": {"SMTP:sales@contoso.com"}}, Visibility: "Public"},
		{ID: directory.MustGUID(groupB), Kind: directory.UnifiedGroup, Properties: directory.Values{"displayName": {"Moved to the cloud"}, "mail": groups[1].Properties["mail"],
			"mailNickname": groups[1].Properties["mailNickname"], "proxyAddresses": {"SMTP:" + groups[1].Properties.First("mail")}}, Visibility: groups[1].Visibility, OnPremisesSID: "S-1-5-21-1-2-3-2002"},
	}, groups); diff != "" {
		t.Error(diff)
	}

	var members []directory.SourceMember
	pages := 0
	if err := s.Members(t.Context(), []directory.GUID{groups[0].ID}, func(p contract.MemberPage) error {
		pages++
		members = append(members, p.Members...)
		if p.Err != nil || p.Last != (pages == 2) {
			t.Errorf("page %d: last %v, %v", pages, p.Last, p.Err)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(members, func(a, b directory.SourceMember) int { return a.ID.Compare(b.ID) })
	id := func(n byte) directory.GUID {
		g := directory.MustGUID("00000000-0000-4000-8000-000000000000")
		g[15] = n
		return g
	}
	if diff := cmp.Diff([]directory.SourceMember{
		{ID: id(1), Kind: directory.KindUser, Name: "ann@contoso.com", Readable: true, Synced: true, SID: "S-1-5-21-1-2-3-1001", ImmutableID: "AAAAAAAAAAAAAAAAAAAAAQ=="},
		{ID: id(2), Kind: directory.KindUser, Name: "cloud@contoso.com", Readable: true},
		{ID: id(3), Kind: directory.KindUser, Name: "guest#EXT#@contoso.com", Readable: true, Guest: true},
		{ID: id(4), Kind: directory.KindOther, Name: members[3].Name, Readable: true},
	}, members); diff != "" {
		t.Error(diff)
	}

	for _, r := range l.Requests() {
		if strings.HasPrefix(r.Path, "/v1.0/") && (r.Priority != "low" || r.ClientRequestID == "") {
			t.Errorf("%s %s: priority %q, client request id %q", r.Method, r.Path, r.Priority, r.ClientRequestID)
		}
	}
}

func TestPresenceFollowsTheLifeOfAGroup(t *testing.T) {
	l := startLab(t, smallSeed(), graphtest.Options{})
	s := open(t, l.config)
	a, b, none := directory.MustGUID(groupA), directory.MustGUID(groupB), directory.MustGUID(tenantID)
	check := func(wantA, wantB, wantNone directory.Presence) {
		t.Helper()
		got, err := s.Presence(t.Context(), contract.SourceSelection{}, []directory.GUID{a, b, none})
		if diff := cmp.Diff(map[directory.GUID]directory.Presence{a: wantA, b: wantB, none: wantNone}, got); err != nil || diff != "" {
			t.Error(err, diff)
		}
	}
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(directory.PresenceFound, directory.PresenceFound, directory.PresenceHardDeleted)
	do(l.DeleteGroup(groupA))
	check(directory.PresenceSoftDeleted, directory.PresenceFound, directory.PresenceHardDeleted)
	do(l.RestoreGroup(groupA))
	do(l.DeleteGroup(groupB))
	do(l.PurgeGroup(groupB))
	check(directory.PresenceFound, directory.PresenceHardDeleted, directory.PresenceHardDeleted)

	// Without the permission for deleted items, no group counts as deleted.
	do(l.DeleteGroup(groupA))
	l.SetRoles("GroupMember.Read.All", "User.Read.All")
	s = open(t, l.config)
	check(directory.PresenceUnknown, directory.PresenceUnknown, directory.PresenceUnknown)
}

func TestWithoutUserReadAllMembersAreUnreadable(t *testing.T) {
	l := startLab(t, smallSeed(), graphtest.Options{Roles: []string{"GroupMember.Read.All"}})
	var got []directory.SourceMember
	err := open(t, l.config).Members(t.Context(), []directory.GUID{directory.MustGUID(groupA)}, func(p contract.MemberPage) error {
		got = append(got, p.Members...)
		return p.Err
	})
	if err != nil || len(got) != 4 {
		t.Fatalf("%v, %d members", err, len(got))
	}
	for _, m := range got {
		if m.Kind == directory.KindUser && (m.Readable || m.Name != "" || m.SID != "") {
			t.Errorf("%+v", m)
		}
	}
}

func TestEveryCredentialSignsIn(t *testing.T) {
	l := startLab(t, smallSeed(), graphtest.Options{ManagedIdentity: true})
	certificate, err := l.ClientCertificate()
	if err != nil {
		t.Fatal(err)
	}
	pfx, err := pkcs12.Modern2023.Encode(certificate.Key, certificate.Certificate, nil, "pw")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("IDENTITY_ENDPOINT", l.ManagedIdentityURL)
	t.Setenv("IDENTITY_HEADER", l.ManagedIdentityHeader)
	sign := func(paddings ...string) func(context.Context, []byte, string) ([]byte, error) {
		return func(_ context.Context, digest []byte, padding string) ([]byte, error) {
			if !slices.Contains(paddings, padding) {
				return nil, os.ErrInvalid
			}
			if padding == "Pss" {
				return rsa.SignPSS(rand.Reader, certificate.Key, crypto.SHA256, digest, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
			}
			return rsa.SignPKCS1v15(rand.Reader, certificate.Key, crypto.SHA256, digest)
		}
	}
	for name, change := range map[string]func(*contract.SourceConfig){
		"client secret": func(*contract.SourceConfig) {},
		"PFX": func(c *contract.SourceConfig) {
			c.Kind, c.CertificatePath, c.CertificatePassword = contract.ClientCertificate, writeFile(t, "app.pfx", pfx), contract.NewSecret("pw")
		},
		"PEM": func(c *contract.SourceConfig) {
			c.Kind, c.CertificatePath = contract.ClientCertificate, writeFile(t, "app.pem", append(certificate.CertificatePEM, certificate.KeyPEM...))
		},
		"thumbprint": func(c *contract.SourceConfig) {
			c.Kind, c.Certificate, c.Sign = contract.CertificateThumbprint, certificate.Certificate.Raw, sign("Pss", "Pkcs1")
		},
		"thumbprint, old provider": func(c *contract.SourceConfig) {
			c.Kind, c.Certificate, c.Sign = contract.CertificateThumbprint, certificate.Certificate.Raw, sign("Pkcs1")
		},
		"managed identity": func(c *contract.SourceConfig) { c.Kind, c.ClientID = contract.ManagedIdentity, "" },
		"workload identity": func(c *contract.SourceConfig) {
			c.Kind, c.FederatedTokenFile = contract.WorkloadIdentity, writeFile(t, "token", []byte(l.FederatedToken(time.Hour)))
		},
		"access token": func(c *contract.SourceConfig) {
			c.Kind, c.AccessToken = contract.AccessToken, contract.NewSecret(l.AccessToken())
		},
		"access token on request": func(c *contract.SourceConfig) {
			c.Kind = contract.AccessToken
			c.RefreshToken = func(context.Context) (contract.Secret, time.Time, error) {
				return contract.NewSecret(l.AccessToken()), time.Time{}, nil
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			config := l.config
			if name != "client secret" {
				config.Secret = contract.Secret{}
			}
			change(&config)
			s := open(t, config)
			got, err := s.Identify(t.Context())
			if err != nil || got.TenantName != "Contoso" || !slices.Contains(got.Roles, "User.Read.All") {
				t.Errorf("%+v, %v", got, err)
			}
			if name == "access token" {
				return // there is no other token
			}
			// A refused token is replaced even though the library has cached it and it
			// has not expired, and this works every time.
			for range 2 {
				l.RevokeTokens()
				if _, err := s.Identify(t.Context()); err != nil {
					t.Errorf("after a 401: %v", err)
				}
				l.AddFault(graphtest.Fault{Kind: graphtest.FaultStatus, Status: 401, Path: "/users", Query: "id"})
				ids := []directory.SourceMember{{ID: directory.MustGUID("00000000-0000-4000-8000-000000000001"), Kind: directory.KindUser}}
				if got, err := s.MembersByID(t.Context(), ids); err != nil || len(got) != 1 {
					t.Errorf("after a 401 within a batch: %v %v", got, err)
				}
			}
			// Only one fresh token is requested; another 401 is the answer.
			l.AddFault(graphtest.Fault{Kind: graphtest.FaultStatus, Status: 401, Path: "/organization", Count: 2})
			_, err = s.Identify(t.Context())
			wantID(t, err, "AccessTokenInvalid")
			if _, err := s.Identify(t.Context()); err != nil {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}

func TestAHybridWorkersDateIsUnderstood(t *testing.T) {
	l := startLab(t, smallSeed(), graphtest.Options{})
	worker := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]string{
			"access_token": l.AccessToken(), "token_type": "Bearer", "resource": l.URL,
			"expires_on": time.Now().Add(time.Hour).UTC().Format("2006-01-02 15:04:05Z"),
		})
	}))
	defer worker.Close()
	t.Setenv("IDENTITY_ENDPOINT", worker.URL)
	t.Setenv("IDENTITY_HEADER", "header")
	l.config.Kind = contract.ManagedIdentity
	l.config.ClientID = ""
	if _, err := open(t, l.config).Identify(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestFailuresSayWhatToDoAndHideTheSecret provokes each failure of sign-in and
// permission, and searches all messages and logs for the secrets.
func TestFailuresSayWhatToDoAndHideTheSecret(t *testing.T) {
	var logged bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewJSONHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug})))
	defer slog.SetDefault(before)

	certificate := newCertificate(t, rsaKey(), time.Now().Add(time.Hour))
	const wrong = "Wr0ng~secret.value"
	for name, test := range map[string]struct {
		change func(*testing.T, lab, *contract.SourceConfig)
		id     string
		says   string // in message or advice
	}{
		"unknown tenant":      {func(_ *testing.T, _ lab, c *contract.SourceConfig) { c.TenantID = groupA }, "TenantNotFound", groupA + ": Entra refused the sign-in with status 400: AADSTS90002"},
		"unknown application": {func(_ *testing.T, _ lab, c *contract.SourceConfig) { c.ClientID = groupA }, "ApplicationNotFound", "AADSTS700016"},
		"wrong secret":        {func(_ *testing.T, _ lab, c *contract.SourceConfig) { c.Secret = contract.NewSecret(wrong) }, "ClientSecretInvalid", "AADSTS7000215"},
		"expired secret":      {func(_ *testing.T, l lab, _ *contract.SourceConfig) { l.SetSecretExpired(true) }, "ClientSecretExpired", "AADSTS7000222"},
		"a secret that is given back": {func(t *testing.T, l lab, _ *contract.SourceConfig) {
			fault(t, l, graphtest.Fault{Kind: graphtest.FaultStatus, Path: "/" + l.TenantID + "/oauth2", Status: 401,
				Body: `{"error":"invalid_client","error_description":"AADSTS7000215: not ` + l.ClientSecret + ` nor ` + l.AccessToken() + `"}`})
		}, "ClientSecretInvalid", "***"},
		"an answer that is no token": {func(t *testing.T, l lab, _ *contract.SourceConfig) {
			fault(t, l, graphtest.Fault{Kind: graphtest.FaultStatus, Path: "/" + l.TenantID + "/oauth2", Status: 200,
				Body: `{"access_token":"` + l.AccessToken() + `","expires_in":"soon"}`})
		}, "SignInFailed", ""},
		"unregistered certificate": {func(_ *testing.T, _ lab, c *contract.SourceConfig) {
			c.Kind, c.Certificate, c.Sign = contract.CertificateThumbprint, certificate.Raw, holder("Pss")
		}, "ClientCertificateInvalid", "AADSTS700027"},
		"a holder that does not sign": {func(_ *testing.T, _ lab, c *contract.SourceConfig) {
			c.Kind, c.Certificate, c.Sign = contract.CertificateThumbprint, certificate.Raw, holder()
		}, "ClientCertificateInvalid", "private key"},
		"expired federated token": {func(t *testing.T, l lab, c *contract.SourceConfig) {
			c.Kind, c.FederatedTokenFile = contract.WorkloadIdentity, writeFile(t, "token", []byte(l.FederatedToken(-time.Hour)))
		}, "ClientCertificateInvalid", "AADSTS700024"},
		"expired access token": {func(_ *testing.T, l lab, c *contract.SourceConfig) {
			l.SetTokenLifetime(-time.Minute)
			c.Kind, c.AccessToken = contract.AccessToken, contract.NewSecret(l.AccessToken())
		}, "AccessTokenExpired", "fresh access token"},
		"revoked access token": {func(_ *testing.T, l lab, c *contract.SourceConfig) {
			c.Kind, c.AccessToken = contract.AccessToken, contract.NewSecret(l.AccessToken())
			l.RevokeTokens()
		}, "AccessTokenExpired", "fresh access token"},
		"no managed identity": {func(t *testing.T, l lab, c *contract.SourceConfig) {
			t.Setenv("IDENTITY_ENDPOINT", l.ManagedIdentityURL)
			t.Setenv("IDENTITY_HEADER", "wrong")
			c.Kind, c.ClientID = contract.ManagedIdentity, groupB // MSAL caches the tokens of an identity for the whole process
		}, "ManagedIdentityUnavailable", "X-IDENTITY-HEADER"},
		"missing permission":    {func(_ *testing.T, l lab, _ *contract.SourceConfig) { l.SetRoles("User.Read.All") }, "PermissionMissing", "GroupMember.Read.All"},
		"untrusted certificate": {func(_ *testing.T, _ lab, c *contract.SourceConfig) { c.CAFile = "" }, "CertificateNotTrusted", "-TenantCAFile"},
		"Graph that fails": {func(t *testing.T, l lab, _ *contract.SourceConfig) {
			fault(t, l, graphtest.Fault{Kind: graphtest.FaultStatus, Path: "/groups", Status: 400, Code: "BadRequest", Message: "no", Count: -1})
		}, "GraphError", "request id"},
		"a list that is cut": {func(t *testing.T, l lab, _ *contract.SourceConfig) {
			fault(t, l, graphtest.Fault{Kind: graphtest.FaultNoValue, Path: "/groups", Count: -1})
		}, "IncompleteRead", "proxy"},
		"a link in a circle": {func(t *testing.T, l lab, _ *contract.SourceConfig) {
			fault(t, l, graphtest.Fault{Kind: graphtest.FaultLoop, Path: "/groups", Count: -1})
		}, "IncompleteRead", "repeats"},
	} {
		t.Run(name, func(t *testing.T) {
			l := startLab(t, smallSeed(), graphtest.Options{ManagedIdentity: true})
			config := l.config
			test.change(t, l, &config)
			s := open(t, config)
			_, err := s.Identify(t.Context())
			if err == nil {
				err = s.Groups(t.Context(), contract.SourceSelection{}, func([]directory.SourceGroup) error { return nil })
			}
			wantID(t, err, test.id)
			if err == nil {
				return
			}
			e := contract.AsError(err)
			said := e.Error() + " " + e.Advice
			if !strings.Contains(said, test.says) {
				t.Errorf("nothing is said of %q: %s", test.says, said)
			}
			for _, secret := range []string{l.ClientSecret, wrong, l.AccessToken()[:60], l.ManagedIdentityHeader} {
				if strings.Contains(said, secret) || strings.Contains(logged.String(), secret) {
					t.Errorf("a secret shows: %s\n%s", said, logged.String())
				}
			}
		})
	}
}

// The error names what the user typed, not the sign-in service or the credential.
func TestANameThatNoTenantHas(t *testing.T) {
	l := startLab(t, smallSeed(), graphtest.Options{})
	for _, kind := range []contract.CredentialKind{contract.ClientSecret, contract.WorkloadIdentity, contract.AccessToken} {
		config := l.config
		config.Kind, config.TenantID, config.AccessToken = kind, "Contoso Ltd", contract.NewSecret("token")
		_, err := Open(t.Context(), config)
		wantID(t, err, "TenantNotFound")
		if e := contract.AsError(err); e.Object != "Contoso Ltd" {
			t.Errorf("%s: the error is about %q", kind, e.Object)
		}
	}
}

func fault(t *testing.T, l lab, f graphtest.Fault) {
	t.Helper()
	if _, err := l.AddFault(f); err != nil {
		t.Fatal(err)
	}
}

func TestDisturbancesAreRiddenOut(t *testing.T) {
	t.Parallel()
	l := startLab(t, smallSeed(), graphtest.Options{PageLimit: 1})
	for _, f := range []graphtest.Fault{
		{Kind: graphtest.FaultStatus, Path: "/" + l.TenantID + "/oauth2", Status: 503, RetryAfter: 1},
		{Kind: graphtest.FaultDrop, Path: "/groups"},
		{Kind: graphtest.FaultEmptyPage, Path: "/groups"},
		{Kind: graphtest.FaultTruncate, Path: "/groups"},
		{Kind: graphtest.FaultCut, Path: "/groups"},
		{Kind: graphtest.FaultStatus, Path: "/groups/" + groupA + "/members", Status: 429, RetryAfter: 1},
		{Kind: graphtest.FaultStatus, Path: "/groups/" + groupA + "/members", Status: 502, Skip: 1},
	} {
		fault(t, l, f)
	}
	s := open(t, l.config)
	groups, members := 0, 0
	if err := s.Groups(t.Context(), contract.SourceSelection{}, func(g []directory.SourceGroup) error { groups += len(g); return nil }); err != nil {
		t.Fatal(err)
	}
	if err := s.Members(t.Context(), []directory.GUID{directory.MustGUID(groupA)}, func(p contract.MemberPage) error {
		members += len(p.Members)
		return p.Err
	}); err != nil {
		t.Fatal(err)
	}
	if groups != 2 || members != 4 {
		t.Errorf("%d groups and %d members, want 2 and 4", groups, members)
	}
	for _, f := range l.Faults() {
		if f.Hits != 1 {
			t.Errorf("the fault %s of %s happened %d times", f.Kind, f.Path, f.Hits)
		}
	}
}

// TestRequestsFor20000Memberships counts the requests for a tenant of 1,000 groups with
// 20 members each: a page for 999 groups, and a request for each group's members.
func TestRequestsFor20000Memberships(t *testing.T) {
	t.Parallel()
	l := startLab(t, graphtest.Generate(1000, 20, 1), graphtest.Options{})
	s := open(t, l.config)
	var ids []directory.GUID
	if err := s.Groups(t.Context(), contract.SourceSelection{}, func(g []directory.SourceGroup) error {
		for _, one := range g {
			ids = append(ids, one.ID)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	members, complete := 0, 0
	if err := s.Members(t.Context(), ids, func(p contract.MemberPage) error {
		members += len(p.Members)
		if p.Last {
			complete++
		}
		return p.Err
	}); err != nil {
		t.Fatal(err)
	}
	if len(ids) != 1000 || members != 20000 || complete != 1000 {
		t.Errorf("%d groups, %d members, %d complete", len(ids), members, complete)
	}
	if n := l.Count("GET", "/groups"); n != 1002 {
		t.Errorf("%d requests, want 2 for the groups and 1,000 for their members", n)
	}
}

// TestALargeGroupIsReadInLittleMemory reads 100,000 members, page by page.
func TestALargeGroupIsReadInLittleMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("reads a group of 100,000 members")
	}
	l := startLab(t, graphtest.Seed{Generate: &graphtest.Generation{Groups: 1, Members: 1, Users: 100_000, Largest: 100_000}}, graphtest.Options{})
	s := open(t, l.config)
	var id directory.GUID
	if err := s.Groups(t.Context(), contract.SourceSelection{}, func(g []directory.SourceGroup) error { id = g[0].ID; return nil }); err != nil {
		t.Fatal(err)
	}
	var base, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&base)
	members, peak := 0, uint64(0)
	start := time.Now()
	if err := s.Members(t.Context(), []directory.GUID{id}, func(p contract.MemberPage) error {
		members += len(p.Members)
		if members%9990 == 0 {
			runtime.GC()
			runtime.ReadMemStats(&now)
			peak = max(peak, now.HeapAlloc)
		}
		return p.Err
	}); err != nil {
		t.Fatal(err)
	}
	grown := int64(peak) - int64(base.HeapAlloc)
	t.Logf("%d members in %v, %.1f MiB above the start while reading", members, time.Since(start), float64(grown)/(1<<20))
	if members != 100_000 || grown > 40<<20 {
		t.Errorf("%d members with %d bytes in use", members, grown)
	}
}
