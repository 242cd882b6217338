package ad

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/md5"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

func TestParseServer(t *testing.T) {
	for in, want := range map[string]endpoint{
		"dc1.contoso.com":       {"dc1.contoso.com", "636", false},
		" dc1.contoso.com. ":    {"dc1.contoso.com", "636", false},
		"dc1.contoso.com:10636": {"dc1.contoso.com", "10636", false},
		"DC1.Contoso.com":       {"dc1.contoso.com", "636", false},
		"dc1.Bücher.test":       {"dc1.xn--bcher-kva.test", "636", false},
		"10.0.0.1":              {"10.0.0.1", "636", false},
		"fe80::1":               {"fe80::1", "636", false},
		"[fe80::1]":             {"fe80::1", "636", false},
		"[fe80::1]:3636":        {"fe80::1", "3636", false},
	} {
		if got, err := parseServer(contract.TargetConfig{Server: in}); err != nil || got != want {
			t.Errorf("%q: %+v, %v", in, got, err)
		}
	}
	if got, _ := parseServer(contract.TargetConfig{Server: "dc1", StartTLS: true}); got != (endpoint{"dc1", "389", true}) || got.catalog() != (endpoint{"dc1", "3268", true}) {
		t.Errorf("StartTLS: %+v, catalog %+v", got, got.catalog())
	}
	for _, in := range []string{"", " ", "ldaps://dc1", "dc1/x", `CONTOSO\dc1`, "dc1:0", "dc1:70000", "dc1:ldap", "a:b:c", ":636", "user@dc1", "dc1:3268", "dc1:3269", "dc1.b\xfccher.test"} {
		if got, err := parseServer(contract.TargetConfig{Server: in}); !contract.HasID(err, "TargetConfigInvalid") {
			t.Errorf("%q was read as %+v, %v", in, got, err)
		}
	}
}

func contosoRoot() rootDSE {
	return rootDSE{
		dnsHostName: "dc1.contoso.com", dsServiceName: "CN=NTDS Settings,CN=DC1", baseDN: "DC=contoso,DC=com",
		namingContexts: []string{"DC=contoso,DC=com", "CN=Configuration,DC=contoso,DC=com", "DC=DomainDnsZones,DC=contoso,DC=com"},
		capabilities:   []string{capActiveDirectory},
	}
}

func TestRootDSE(t *testing.T) {
	root, e := contosoRoot(), endpoint{host: "dc1"}
	if err := root.check(e); err != nil {
		t.Error(err)
	}
	readOnly := root
	readOnly.capabilities = []string{capActiveDirectory, capReadOnly}
	if err := readOnly.check(e); !contract.HasID(err, "ReadOnlyDomainController") {
		t.Error(err)
	}
	if err := (rootDSE{namingContexts: []string{"dc=openldap"}}).check(e); !contract.HasID(err, "NotADomainController") {
		t.Error(err)
	}
	if root.domainName() != "contoso.com" {
		t.Error(root.domainName())
	}
	for dn, want := range map[string]bool{
		"OU=a,DC=contoso,DC=com": true, "dc=CONTOSO,dc=com": true, "CN=x,CN=Configuration,DC=contoso,DC=com": false,
		"DC=DomainDnsZones,DC=contoso,DC=com": false, "OU=a,DC=fabrikam,DC=com": false, "DC=com": false,
	} {
		parsed, err := directory.ParseDN(dn)
		if err != nil {
			t.Fatal(err)
		}
		if root.holds(parsed) != want {
			t.Errorf("holds %s: %v", dn, !want)
		}
	}
	other := root
	other.dsServiceName = "CN=NTDS Settings,CN=DC2"
	if err := other.same(root, e); !contract.HasID(err, "ServerChanged") {
		t.Error(err)
	}
	if err := root.same(root, e); err != nil {
		t.Error(err)
	}
}

func TestBindDataCode(t *testing.T) {
	text := "80090308: LdapErr: DSID-0C09050F, comment: AcceptSecurityContext error, data %s, v4563"
	for code, id := range map[string]string{
		"525": "LdapInvalidCredentials", "52e": "LdapInvalidCredentials", "52E": "LdapInvalidCredentials", "530": "LogonNotPermitted",
		"531": "LogonNotPermitted", "532": "PasswordExpired", "533": "AccountDisabled", "534": "LogonNotPermitted", "576": "ClockSkew",
		"701": "AccountExpired", "773": "PasswordMustChange", "775": "AccountLocked", "80090346": "ChannelBindingRequired", "999": "LdapInvalidCredentials",
	} {
		answer := ldap.NewError(ldap.LDAPResultInvalidCredentials, fmt.Errorf(text, code))
		err := contract.AsError(bindError(t.Context(), endpoint{host: "dc1", port: "636"}, "user", answer))
		if err.ID != id || err.Category != contract.Authentication || err.Object != "user on dc1:636" {
			t.Errorf("data %s: %+v", code, err)
		}
	}
	for code, failure := range bindFailures {
		if failure.id == "" || !strings.HasSuffix(failure.message, ".") || !strings.HasSuffix(failure.advice, ".") {
			t.Errorf("%s: %+v", code, failure)
		}
	}
	if code := bindDataCode("80090346: LdapErr: DSID-0C0905F5, comment: AcceptSecurityContext error, data 57, v4563"); code != "80090346" {
		t.Errorf("the code of Windows in front: %q", code)
	}
	strong := ldap.NewError(ldap.LDAPResultStrongAuthRequired, errors.New("x"))
	if err := bindError(t.Context(), endpoint{}, "user", strong); !contract.HasID(err, "StrongerAuthRequired") {
		t.Error(err)
	}
	if err := bindError(t.Context(), endpoint{}, "user", &lostError{errors.New("EOF")}); !contract.HasID(err, "ServerUnreachable") {
		t.Error(err)
	}
}

func TestKerberosErrors(t *testing.T) {
	b := &kerberosBinder{user: "u@R", principal: "ldap/dc1"}
	for text, id := range map[string]string{
		"[Root cause: KDC_Error] KDC_Error: AS Exchange Error: kerberos error response from KDC: KRB Error: (24) KDC_ERR_PREAUTH_FAILED Pre-authentication information was invalid": "LdapInvalidCredentials",
		"KRB Error: (6) KDC_ERR_C_PRINCIPAL_UNKNOWN Client not found in Kerberos database":                                                                                          "LdapInvalidCredentials",
		"KRB Error: (18) KDC_ERR_CLIENT_REVOKED Clients credentials have been revoked":                                                                                              "AccountDisabled",
		"KRB Error: (23) KDC_ERR_KEY_EXPIRED Password has expired":                                                                                                                  "PasswordExpired",
		"KRB Error: (37) KRB_AP_ERR_SKEW Clock skew too great":                                                                                                                      "ClockSkew",
		"KRB Error: (7) KDC_ERR_S_PRINCIPAL_UNKNOWN Server not found in Kerberos database":                                                                                          "KerberosFailed",
		"[Root cause: Networking_Error] Networking_Error: AS Exchange Error: failed sending AS_REQ to KDC":                                                                          "ServerUnreachable",
		"anything": "KerberosFailed",
	} {
		err := contract.AsError(kerberosError(b, errors.New(text)))
		if err.ID != id || err.Message == "" || err.Advice == "" {
			t.Errorf("%s: %+v", text, err)
		}
		if network := strings.Contains(text, "Networking"); (err.Category == contract.Connection) != network {
			t.Errorf("%s: category %s", text, err.Category)
		}
	}
}

func TestKerberosUser(t *testing.T) {
	for _, c := range [][5]string{
		// name, realm, domain, user, user's realm
		{"svc@contoso.com", "", "emea.contoso.com", "svc", "CONTOSO.COM"},
		{`CONTOSO\svc`, "", "contoso.com", "svc", "CONTOSO.COM"},
		{"svc", "", "contoso.com", "svc", "CONTOSO.COM"},
		{"svc@mail.example", "contoso.com", "x", "svc", "CONTOSO.COM"},
		{"a@b@contoso.com", "", "x", "a@b", "CONTOSO.COM"},
	} {
		if user, realm := kerberosUser(c[0], c[1], c[2]); user != c[3] || realm != c[4] {
			t.Errorf("%v: %s, %s", c, user, realm)
		}
	}
}

func TestLoadKrb5Conf(t *testing.T) {
	path := filepath.Join(t.TempDir(), "krb5.conf")
	if err := os.WriteFile(path, []byte("includedir /etc/krb5.conf.d/\n[libdefaults]\n default_realm = X\n[realms]\n CONTOSO.COM = {\n  kdc = kdc.contoso.com:88\n  v4_name_convert = {\n   x = y\n  }\n }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	none := func(context.Context, string, string, string) (string, []*net.SRV, error) {
		return "", nil, errors.New("no such name")
	}
	for realm, want := range map[string]string{"CONTOSO.COM": "kdc.contoso.com:88", "FABRIKAM.COM": "dc1.fabrikam.com:88"} {
		krb5, err := loadKrb5Conf(t.Context(), path, realm, []kdc{{"fabrikam.com", "dc1.fabrikam.com"}}, none)
		if err != nil {
			t.Fatal(err)
		}
		if got := krb5.KDCs(realm); !slices.Equal(got, []string{want}) {
			t.Errorf("%s: %v", realm, got)
		}
	}
}

// TestChannelBindings checks the layout of RFC 4121, 4.1.1.2 and RFC 5929 octet by octet.
func TestChannelBindings(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	hash := sha256.Sum256(der)
	structure, _ := hex.DecodeString("00000000" + "00000000" + "00000000" + "00000000" + "35000000") // 21 + 32 octets follow
	structure = append(append(structure, "tls-server-end-point:"...), hash[:]...)
	got, err := channelBindings(certificate)
	if err != nil || got != md5.Sum(structure) {
		t.Errorf("%x, %v", got, err)
	}
	certificate.SignatureAlgorithm = x509.PureEd25519
	if _, err := channelBindings(certificate); err == nil {
		t.Error("a signature without a hash has bindings")
	}
}

func TestRetry(t *testing.T) {
	busy := ldap.NewError(ldap.LDAPResultBusy, errors.New("busy"))
	for name, c := range map[string]struct {
		err   error
		tries int
	}{
		"success":            {nil, 1},
		"busy":               {busy, maxTries},
		"time limit":         {ldap.NewError(ldap.LDAPResultTimeLimitExceeded, errors.New("slow")), maxTries},
		"lost":               {&lostError{errors.New("EOF")}, maxTries},
		"unreachable":        {unreachable(endpoint{}, errors.New("refused")), maxTries},
		"access denied":      {ldap.NewError(ldap.LDAPResultInsufficientAccessRights, errors.New("no")), 1},
		"refused bind":       {ldap.NewError(ldap.LDAPResultInvalidCredentials, errors.New("no")), 1},
		"translated refusal": {&contract.Error{Category: contract.Authentication, ID: "LdapInvalidCredentials"}, 1},
		"incomplete":         {&incompleteError{"referred"}, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			begin, tries := time.Now(), 0
			if err := retry(t.Context(), "dc", func() error { tries++; return c.err }); err != c.err {
				t.Errorf("%s: %v", name, err)
			}
			if tries != c.tries || time.Since(begin) > maxTrying {
				t.Errorf("%s: %d tries in %v", name, tries, time.Since(begin))
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		// Slow failures end the retries by time, an ended context ends them at once.
		tries := 0
		_ = retry(t.Context(), "dc", func() error { tries++; time.Sleep(20 * time.Second); return busy })
		if tries != 2 {
			t.Errorf("%d slow tries", tries)
		}
		// A request that hung until it timed out is tried once more.
		tries = 0
		_ = retry(t.Context(), "dc", func() error { tries++; time.Sleep(requestTimeout); return &lostError{errors.New("timed out")} })
		if tries != 2 {
			t.Errorf("%d tries of what hangs", tries)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		begin := time.Now()
		if err := retry(ctx, "dc", func() error { return busy }); err != busy || time.Since(begin) > time.Second {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
	})
}

// pipeConn returns a connection whose other end never answers.
func pipeConn(t *testing.T) *conn {
	ours, theirs := net.Pipe()
	t.Cleanup(func() { _ = theirs.Close() })
	c := &conn{Conn: ldap.NewConn(ours, true), socket: ours}
	c.Start()
	return c
}

func TestPool(t *testing.T) {
	var opened, inUse, most atomic.Int32
	p := newPool(newAccount(), "dc", func(context.Context) (*conn, error) {
		opened.Add(1)
		return pipeConn(t), nil
	})
	done := make(chan error)
	for range 2 * maxConns {
		go func() {
			done <- p.use(t.Context(), func(*conn) error {
				n := inUse.Add(1)
				for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
				}
				time.Sleep(5 * time.Millisecond)
				inUse.Add(-1)
				return nil
			})
		}()
	}
	for range 2 * maxConns {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if most.Load() > maxConns || opened.Load() > maxConns {
		t.Errorf("%d connections were in use at once, %d opened", most.Load(), opened.Load())
	}
	before := opened.Load()
	_ = p.use(t.Context(), func(c *conn) error { _ = c.socket.Close(); c.discard(); return nil })
	for range maxConns {
		if err := p.use(t.Context(), func(c *conn) error {
			if !c.sound() {
				t.Error("a broken connection was handed out")
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
	}
	if opened.Load() > before+1 {
		t.Errorf("%d connections were opened in place of one", opened.Load()-before)
	}
	p.close()
	if err := p.use(t.Context(), func(*conn) error { return nil }); !errors.Is(err, errClosed) {
		t.Errorf("a closed pool: %v", err)
	}
}

// TestTheIdleAreGivenUpWithOneThatIsLost: after a machine has slept, or a firewall has
// forgotten idle connections, all of them hang, each until its request times out. So
// the next attempt uses a new connection.
func TestTheIdleAreGivenUpWithOneThatIsLost(t *testing.T) {
	opened := 0
	p := newPool(newAccount(), "dc", func(context.Context) (*conn, error) {
		opened++
		return pipeConn(t), nil
	})
	old := map[*conn]bool{}
	do := func(*conn) error { return nil }
	for range 3 { // nested, so that three connections are idle at the end
		inner := do
		do = func(c *conn) error {
			old[c] = true
			return p.use(t.Context(), inner)
		}
	}
	if err := p.use(t.Context(), do); err != nil || opened != 4 {
		t.Fatalf("%v, %d opened", err, opened)
	}
	tries := 0
	ShortenPauses(t, time.Millisecond)
	err := retry(t.Context(), "dc", func() error {
		return p.use(t.Context(), func(c *conn) error {
			tries++
			if !old[c] {
				return nil
			}
			_ = c.socket.Close()
			return &lostError{errors.New("timed out")}
		})
	})
	if err != nil || tries != 2 {
		t.Errorf("%v after %d tries", err, tries)
	}
}

// TestRefusedBindIsNotRepeated: callers that wait while a bind is refused get its
// error, without another bind.
func TestRefusedBindIsNotRepeated(t *testing.T) {
	var binds atomic.Int32
	refused := &contract.Error{Category: contract.Authentication, ID: "LdapInvalidCredentials"}
	account := newAccount()
	open := func(context.Context) (*conn, error) {
		binds.Add(1)
		time.Sleep(10 * time.Millisecond)
		return nil, refused
	}
	// The second pool is like the global catalog's.
	pools := []*pool{newPool(account, "dc", open), newPool(account, "dc", open)}
	done := make(chan error)
	for i := range 8 {
		p := pools[i%2]
		go func() { done <- retry(t.Context(), "dc", func() error { return p.use(t.Context(), nil) }) }()
	}
	for range 8 {
		if err := <-done; err != refused {
			t.Error(err)
		}
	}
	if binds.Load() != 1 {
		t.Errorf("%d binds were sent", binds.Load())
	}
}

// TestAFailureToSignInMayPass: an error that says nothing about the credentials is not
// kept for later binds, nor for the account's other server.
func TestAFailureToSignInMayPass(t *testing.T) {
	for _, id := range []string{"KerberosFailed", "BindRefused", "StrongerAuthRequired"} {
		fails := true
		account := newAccount()
		open := func(context.Context) (*conn, error) {
			if fails {
				return nil, &contract.Error{Category: contract.Authentication, ID: id}
			}
			return pipeConn(t), nil
		}
		catalog, own := newPool(account, "dc", open), newPool(account, "dc", open)
		if err := catalog.use(t.Context(), nil); !contract.HasID(err, id) {
			t.Errorf("%v", err)
		}
		fails = false
		if err := own.use(t.Context(), func(*conn) error { return nil }); err != nil {
			t.Errorf("afterwards %v", err)
		}
	}
}

// TestDoCancelled: the end of the context frees an exchange that hangs.
func TestDoCancelled(t *testing.T) {
	c := pipeConn(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	err := c.do(ctx, func(l *ldap.Conn) error { return l.Del(ldap.NewDelRequest("CN=x", nil)) })
	var lost *lostError
	if !errors.As(err, &lost) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	if id := contract.AsError((&target{}).writeError(ctx, "CN=x", "change it", err)).ID; id != "OutcomeUnknown" {
		t.Error(id)
	}
}

// During a run, retry waits for a domain controller that is gone for as long as the run
// allows, and tells the run. The end of the run ends the wait.
func TestAnOutageIsWaitedFor(t *testing.T) {
	gone := unreachable(endpoint{host: "dc"}, errors.New("refused"))
	patient := func(ctx context.Context, told *[]contract.Waiting) context.Context {
		return contract.WithPatience(ctx, 10*time.Minute, func(w contract.Waiting) { *told = append(*told, w) })
	}
	for name, c := range map[string]struct {
		err  error
		back time.Duration
		want bool
	}{
		"unreachable":           {gone, 9 * time.Minute, true},
		"unreachable too long":  {gone, 11 * time.Minute, false},
		"lost":                  {&lostError{errors.New("EOF")}, 9 * time.Minute, true},
		"its name":              {&contract.Error{ID: "ServerNotFound", Message: "no such name"}, 9 * time.Minute, true},
		"busy":                  {ldap.NewError(ldap.LDAPResultBusy, errors.New("busy")), 9 * time.Minute, true},
		"a search that is slow": {ldap.NewError(ldap.LDAPResultTimeLimitExceeded, errors.New("slow")), time.Minute, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			var told []contract.Waiting
			begin := time.Now()
			err := retry(patient(t.Context(), &told), "dc", func() error {
				if time.Since(begin) < c.back {
					return c.err
				}
				return nil
			})
			took := time.Since(begin)
			if (err == nil) != c.want || took > 10*time.Minute {
				t.Errorf("%s: %v after %v", name, err, took)
			}
			for _, w := range told {
				if w.For != "dc" || w.Why == "" || !w.Since.Equal(begin) || !w.Until.Equal(begin.Add(10*time.Minute)) || w.Next.After(w.Until) {
					t.Errorf("%s: told %v", name, w)
				}
			}
			if absent(c.err) && len(told) < 5 {
				t.Errorf("%s: told %d times", name, len(told))
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		var told []contract.Waiting
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Minute, cancel)
		begin := time.Now()
		// A write continues for a while after its run was cancelled, but a pause in it
		// does not.
		if err := retry(context.WithoutCancel(patient(ctx, &told)), "dc", func() error { return gone }); err != gone || time.Since(begin) != time.Minute {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
		// An earlier answer restarts the time.
		begin = time.Now()
		n := 0
		err := retryOn(patient(t.Context(), &told), "dc", func() (bool, error) {
			n++
			time.Sleep(8 * time.Minute)
			if n < 4 {
				return true, &lostError{errors.New("EOF")}
			}
			return true, nil
		})
		if err != nil || n != 4 {
			t.Errorf("%v after %d tries", err, n)
		}
	})
}
