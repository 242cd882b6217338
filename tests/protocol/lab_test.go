//go:build unix

package protocol

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"groupwriteback/internal/graph/graphtest"
	"groupwriteback/tests/protocol/client"
)

// object holds params or a result.
type object = map[string]any

// seedText is the tenant's seed. It has enough groups for the limits to apply, and
// members that are not written for different reasons.
const seedText = `{
	"users": [{"userPrincipalName": "cloud@contoso.onmicrosoft.com", "displayName": "Cloud", "mail": "cloud@contoso.onmicrosoft.com"}],
	"groups": [
		{"id": "e0000000-0000-4000-8000-000000000001", "mailNickname": "one", "displayName": "One", "description": "the first", "mail": "one@contoso.com",
		 "groupTypes": ["Unified"], "members": ["user0001", "user0002", "user0003", "cloud@contoso.onmicrosoft.com"]},
		{"id": "e0000000-0000-4000-8000-000000000002", "mailNickname": "two", "displayName": "Two", "groupTypes": ["Unified"], "members": ["user0004"]},
		{"id": "e0000000-0000-4000-8000-000000000003", "mailNickname": "three", "displayName": "Three", "groupTypes": ["Unified"]},
		{"id": "e0000000-0000-4000-8000-000000000004", "mailNickname": "four", "displayName": "Four", "groupTypes": ["Unified"]},
		{"id": "e0000000-0000-4000-8000-000000000005", "mailNickname": "five", "displayName": "Five", "groupTypes": ["Unified"]},
		{"id": "e0000000-0000-4000-8000-000000000006", "mailNickname": "six", "displayName": "Six", "groupTypes": ["Unified"]},
		{"id": "e0000000-0000-4000-8000-000000000007", "mailNickname": "seven", "displayName": "Seven", "groupTypes": ["Unified"]},
		{"id": "e0000000-0000-4000-8000-000000000008", "mailNickname": "eight", "displayName": "Eight", "groupTypes": ["Unified"]}
	]}`

func groupID(n int) string { return fmt.Sprintf("e0000000-0000-4000-8000-%012d", n) }

// lab is a tenant and an organisational unit for this test, and the record of
// everything that its engines send.
type lab struct {
	t       *testing.T
	server  *graphtest.Server
	ou      string
	folder  string // for files of the test
	record  *record
	refresh func() (any, error) // answers credential.token
	key     *rsa.PrivateKey     // answers credential.sign; if nil, it is refused
}

func newLab(t *testing.T) *lab {
	if os.Getenv("GWB_LAB") == "" {
		t.Skip("no lab: run under tests/lab/run")
	}
	seed, err := graphtest.ParseSeed([]byte(seedText))
	check(t, err)
	users, err := graphtest.ParseADUsers(read(t, filepath.Join(os.Getenv("GWB_LAB_DIR"), "users.json")))
	check(t, err)
	server, err := graphtest.New(seed, graphtest.Options{ADUsers: users, ManagedIdentity: true}).Start()
	check(t, err)
	t.Cleanup(func() { server.Close() })

	l := &lab{t: t, server: server, folder: t.TempDir(), record: newRecord(), ou: "OU=protocol," + os.Getenv("GWB_LAB_CONTAINER")}
	write(t, l.file("tenant-ca.pem"), server.CAPEM)
	l.ldif("dn: " + l.ou + "\nchangetype: add\nobjectClass: organizationalUnit\n")
	l.ldif("dn: OU=second," + l.ou + "\nchangetype: add\nobjectClass: organizationalUnit\n")
	t.Cleanup(func() {
		if out, err := l.admin("ldapdelete", "-r", l.ou).CombinedOutput(); err != nil {
			t.Errorf("remove %s: %v\n%s", l.ou, err, out)
		}
	})
	return l
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (l *lab) file(name string) string { return filepath.Join(l.folder, name) }

// start starts an engine with a state folder. Its environment is that of this process
// and the given variables.
func (l *lab) start(state string, environment ...string) *client.Client {
	l.t.Helper()
	c := start(l.t, client.Options{
		Env: append(os.Environ(), environment...), Args: []string{"--log-level", "debug"},
		OnLine: l.record.watch(l.t), OnRequest: l.answer,
	})
	check(l.t, c.Call(l.t.Context(), "session.initialize", object{"protocol": 1, "client": "protocol test", "from": "192.0.2.1", "statePath": l.file(state), "serviceAccount": "none", "logLevel": "Debug"}, nil))
	check(l.t, c.Call(l.t.Context(), "session.log", object{"level": "Info"}, nil))
	check(l.t, c.Call(l.t.Context(), "session.log", object{"level": "Debug"}, nil))
	return c
}

// answer answers the engine's requests.
func (l *lab) answer(method string, params json.RawMessage) (any, error) {
	if method == "credential.token" {
		return l.refresh()
	}
	var p struct{ Digest, Padding string }
	digest, err := []byte(nil), json.Unmarshal(params, &p)
	if err == nil {
		digest, err = base64.StdEncoding.DecodeString(p.Digest)
	}
	if err != nil {
		return nil, err
	}
	if l.key == nil {
		return nil, errors.New("the key cannot be used")
	}
	var signature []byte
	if p.Padding == "Pss" {
		signature, err = rsa.SignPSS(rand.Reader, l.key, crypto.SHA256, digest, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	} else {
		signature, err = rsa.SignPKCS1v15(rand.Reader, l.key, crypto.SHA256, digest)
	}
	return object{"signature": base64.StdEncoding.EncodeToString(signature)}, err
}

func (l *lab) source(credential object, over ...object) object {
	o := object{"tenantId": l.server.TenantID, "clientId": l.server.ClientID, "authority": l.server.URL, "graphEndpoint": l.server.URL,
		"environment": "Global", "caFile": l.file("tenant-ca.pem"), "credential": credential}
	return object{"source": merge(o, over)}
}

func (l *lab) secret() object {
	return object{"kind": "ClientSecret", "secret": l.server.ClientSecret}
}

func (l *lab) target(credential object, over ...object) object {
	o := object{"server": os.Getenv("GWB_LAB_SERVER"), "caFile": os.Getenv("GWB_LAB_CA"), "credential": credential}
	return object{"target": merge(o, over)}
}

func simple(user, password string) object {
	return object{"kind": "Simple", "user": user, "password": password}
}

func (l *lab) account() object {
	return simple(os.Getenv("GWB_LAB_USER"), os.Getenv("GWB_LAB_PASSWORD"))
}

// both returns params that connect the tenant with the secret and the directory with
// the account.
func (l *lab) both() object {
	return merge(l.source(l.secret()), []object{l.target(l.account())})
}

func merge(o object, over []object) object {
	for _, more := range over {
		for k, v := range more {
			o[k] = v
		}
	}
	return o
}

func (l *lab) admin(tool string, args ...string) *exec.Cmd {
	command := exec.Command(tool, append([]string{"-x", "-H", "ldaps://" + os.Getenv("GWB_LAB_SERVER"),
		"-D", os.Getenv("GWB_LAB_ADMIN_USER"), "-w", os.Getenv("GWB_LAB_ADMIN_PASSWORD")}, args...)...)
	command.Env = append(os.Environ(), "LDAPTLS_CACERT="+os.Getenv("GWB_LAB_CA"))
	return command
}

func (l *lab) ldif(text string) {
	l.t.Helper()
	command := l.admin("ldapmodify")
	command.Stdin = strings.NewReader(text)
	if out, err := command.CombinedOutput(); err != nil {
		l.t.Fatalf("ldapmodify: %v\n%s\n%s", err, out, text)
	}
}

// patience is how long a test waits for something to happen. It is far longer than
// that takes, even on a busy machine.
const patience = 15 * time.Minute

func (l *lab) call(c *client.Client, method string, params any) object {
	l.t.Helper()
	var result object
	ctx, cancel := context.WithTimeout(l.t.Context(), patience)
	defer cancel()
	check(l.t, c.Call(ctx, method, params, &result))
	return result
}

func (l *lab) refused(c *client.Client, id, method string, params any) {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), patience)
	defer cancel()
	wantID(l.t, c.Call(ctx, method, params, nil), id)
}

// run calls a method that answers with a run, and checks how the run ended.
func (l *lab) run(c *client.Client, method string, params any, status, stopReason string) object {
	l.t.Helper()
	run := l.call(c, method, params)
	reason, _ := run["stopReason"].(string)
	if run["status"] != status || reason != stopReason {
		text, _ := json.MarshalIndent(run, "", "  ")
		l.t.Fatalf("%s %v ended as %v %q, want %s %q\n%s", method, params, run["status"], reason, status, stopReason, text)
	}
	return run
}

// TestProtocol takes the executable, the lab and a tenant through every method,
// and then compares what was seen with what docs/protocol.md promises.
func TestProtocol(t *testing.T) {
	l := newLab(t)
	for _, part := range []struct {
		name string
		run  func(*lab)
	}{
		{"framing", framing}, {"sign-in", signIn}, {"sign-in refused", signInRefused}, {"directory", directoryConnections},
		{"directory refused", directoryRefused}, {"before enable", beforeEnable}, {"permissions", permissions}, {"enable refused", enableRefused},
		{"from enable to disable", fromEnableToDisable}, {"scope", scope}, {"one group", oneGroup}, {"writeback configuration", writebackConfiguration},
		{"cancel", cancelled}, {"token", tokenExpires}, {"owner", otherOwner},
	} {
		t.Run(part.name, func(t *testing.T) {
			on := *l
			on.t = t
			part.run(&on)
		})
	}
	t.Run("state", func(t *testing.T) { stateErrors(t, l.record) })
	if !t.Failed() {
		t.Run("coverage", func(t *testing.T) { coverage(t, l.record) })
	}
}

// framing repeats parts of TestFraming, so that the record has them.
func framing(l *lab) {
	c := start(l.t, client.Options{OnLine: l.record.watch(l.t)})
	l.refused(c, "NotInitialized", "session.get", nil)
	l.refused(c, "ProtocolMismatch", "session.initialize", object{"protocol": 99})
	typo := filepath.Join(l.t.TempDir(), "typo")
	l.refused(c, "StateNotFound", "session.initialize", object{"protocol": 1, "statePath": typo, "checkState": "existing"})
	if _, err := os.Lstat(typo); !os.IsNotExist(err) {
		l.t.Errorf("something was made: %v", err)
	}
	l.call(c, "session.initialize", object{"protocol": 1, "client": "test", "statePath": l.file("framing"), "checkState": "USABLE"})
	l.refused(c, "AlreadyInitialized", "session.initialize", object{"protocol": 1})
	l.refused(c, "MethodNotFound", "sync.stop", nil)
	l.refused(c, "InvalidParameter", "run.list", object{"limit": 501})
	check(l.t, c.Raw(append([]byte("{\n[]\n"), append(bytes.Repeat([]byte("x"), 5<<20), '\n')...)))
	l.call(c, "session.get", nil)
}

// clientCertificate creates a certificate that nobody trusts. It is also valid for a
// server on 127.0.0.1.
func clientCertificate(t *testing.T, until time.Time) (certificate []byte, key *rsa.PrivateKey, file []byte) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	check(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: until.Add(-time.Hour), NotAfter: until,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	certificate, err = x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	check(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	check(t, err)
	file = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate})
	return certificate, key, append(file, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...)
}

// signIn signs in to the tenant in every way.
func signIn(l *lab) {
	certificate, err := l.server.ClientCertificate()
	check(l.t, err)
	pfx, err := certificate.PFX("pfx password")
	check(l.t, err)
	write(l.t, l.file("client.pfx"), pfx)
	write(l.t, l.file("client.pem"), slices.Concat(certificate.CertificatePEM, certificate.KeyPEM))
	write(l.t, l.file("federated"), []byte(l.server.FederatedToken(time.Hour)))
	l.key = certificate.Key
	l.refresh = func() (any, error) { return nil, errors.New("not asked for") }

	c := l.start("sign-in", "IDENTITY_ENDPOINT="+l.server.ManagedIdentityURL, "IDENTITY_HEADER="+l.server.ManagedIdentityHeader)
	for _, credential := range []object{
		l.secret(),
		{"kind": "ClientCertificate", "certificatePath": l.file("client.pem")},
		{"kind": "ClientCertificate", "certificatePath": l.file("client.pfx"), "certificatePassword": "pfx password"},
		{"kind": "CertificateThumbprint", "thumbprint": certificate.Thumbprint, "certificate": base64.StdEncoding.EncodeToString(certificate.Certificate.Raw)},
		{"kind": "WorkloadIdentity", "federatedTokenFile": l.file("federated")},
		{"kind": "AccessToken", "accessToken": l.server.AccessToken(), "canRefresh": true},
	} {
		got := l.call(c, "session.connect", l.source(credential))["source"].(object)
		if got["credential"] != credential["kind"] || got["tenantId"] != l.server.TenantID {
			l.t.Errorf("%s: %v", credential["kind"], got)
		}
	}
	l.call(c, "session.connect", object{"source": object{"graphEndpoint": l.server.URL, "caFile": l.file("tenant-ca.pem"), "credential": object{"kind": "ManagedIdentity"}}})
	l.call(c, "session.disconnect", nil)
	if got := l.call(c, "session.get", nil); len(got) != 0 {
		l.t.Errorf("after session.disconnect: %v", got)
	}
}

func signInRefused(l *lab) {
	stranger, key, strangerFile := clientCertificate(l.t, time.Now().Add(time.Hour))
	_, _, expiredFile := clientCertificate(l.t, time.Now().Add(-time.Hour))
	write(l.t, l.file("stranger.pem"), strangerFile)
	write(l.t, l.file("expired.pem"), expiredFile)
	write(l.t, l.file("garbage"), []byte("garbage"))
	pfx := object{"kind": "ClientCertificate", "certificatePath": l.file("client.pfx")}
	thumbprint := object{"kind": "CertificateThumbprint", "thumbprint": "AB", "certificate": base64.StdEncoding.EncodeToString(stranger)}
	c := l.start("refused", "IDENTITY_ENDPOINT=http://127.0.0.1:1/", "IDENTITY_HEADER=none")
	refused := func(id string, params object) {
		l.t.Helper()
		l.refused(c, id, "session.connect", params)
	}
	refused("InvalidParameter", object{})
	refused("ClientSecretInvalid", l.source(object{"kind": "ClientSecret", "secret": "wrong"}))
	refused("ApplicationNotFound", l.source(l.secret(), object{"clientId": "00000000-0000-4000-8000-00000000dead"}))
	refused("TenantNotFound", l.source(l.secret(), object{"tenantId": "00000000-0000-4000-8000-00000000dead"}))
	refused("ClientCertificateInvalid", l.source(object{"kind": "ClientCertificate", "certificatePath": l.file("stranger.pem")}))
	refused("ClientCertificateExpired", l.source(object{"kind": "ClientCertificate", "certificatePath": l.file("expired.pem")}))
	refused("CertificateFileInvalid", l.source(object{"kind": "ClientCertificate", "certificatePath": l.file("garbage")}))
	refused("CertificatePasswordWrong", l.source(merge(pfx, []object{{"certificatePassword": "wrong"}})))
	refused("SigningFailed", l.source(thumbprint))
	l.key = key
	refused("ClientCertificateInvalid", l.source(thumbprint))
	refused("FederatedTokenFileInvalid", l.source(object{"kind": "WorkloadIdentity", "federatedTokenFile": l.file("none")}))
	refused("ManagedIdentityUnavailable", l.source(object{"kind": "ManagedIdentity"}))
	refused("AccessTokenInvalid", l.source(object{"kind": "AccessToken", "accessToken": "garbage"}))
	refused("SignInTenantMismatch", l.source(object{"kind": "AccessToken", "accessToken": l.server.AccessToken()}, object{"tenantId": "00000000-0000-4000-8000-00000000dead"}))
	refused("CAFileInvalid", l.source(l.secret(), object{"caFile": l.file("garbage")}))
	refused("CertificateNotTrusted", l.source(l.secret(), object{"caFile": os.Getenv("GWB_LAB_OTHER_CA")}))
	refused("GraphUnreachable", l.source(l.secret(), object{"authority": "https://127.0.0.1:1"}))
	l.server.SetSecretExpired(true)
	refused("ClientSecretExpired", l.source(l.secret()))
	l.server.SetSecretExpired(false)
	// Answers that the simulated tenant never gives by itself.
	for id, code := range map[string]int{"FederatedIdentityInvalid": 700213, "SignInFailed": 900144} {
		l.fault(graphtest.Fault{Kind: graphtest.FaultStatus, Path: "/" + l.server.TenantID + "/oauth2", Status: 400,
			Body: fmt.Sprintf(`{"error":"invalid_request","error_description":"AADSTS%d: odd","error_codes":[%[1]d]}`, code)})
		refused(id, l.source(object{"kind": "WorkloadIdentity", "federatedTokenFile": l.file("federated")}))
		l.server.ClearFaults()
	}
	if got := l.call(c, "session.get", nil); len(got) != 0 {
		l.t.Errorf("a sign-in that failed left a connection: %v", got)
	}
}

func (l *lab) fault(f graphtest.Fault) {
	l.t.Helper()
	if f.Count == 0 {
		f.Count = -1
	}
	_, err := l.server.AddFault(f)
	check(l.t, err)
}

// directoryConnections binds to the directory in every way.
func directoryConnections(l *lab) {
	user, password := os.Getenv("GWB_LAB_USER"), os.Getenv("GWB_LAB_PASSWORD")
	krb5 := object{"realm": os.Getenv("GWB_LAB_REALM"), "krb5Conf": os.Getenv("KRB5_CONFIG")}
	c := l.start("directory")
	for _, params := range []object{
		l.target(l.account()),
		l.target(l.account(), object{"startTls": true}),
		l.target(merge(object{"kind": "KerberosPassword", "user": user, "password": password}, []object{krb5})),
		l.target(merge(object{"kind": "KerberosKeytab", "user": user, "keytab": os.Getenv("GWB_LAB_KEYTAB")}, []object{krb5})),
	} {
		got := l.call(c, "session.connect", params)["target"].(object)
		if got["domain"] != os.Getenv("GWB_LAB_DOMAIN") || got["account"] == "" {
			l.t.Errorf("%v: %v", params, got)
		}
	}
}

func directoryRefused(l *lab) {
	password := os.Getenv("GWB_LAB_PASSWORD")
	account := func(name string) object { return simple(name+"@"+os.Getenv("GWB_LAB_DOMAIN"), password) }
	c := l.start("directory")
	refused := func(id string, params object) {
		l.t.Helper()
		l.refused(c, id, "session.connect", params)
	}
	refused("LdapInvalidCredentials", l.target(simple(os.Getenv("GWB_LAB_USER"), "wrong")))
	refused("AccountDisabled", l.target(account("svc-disabled")))
	refused("AccountExpired", l.target(account("svc-expired")))
	refused("PasswordMustChange", l.target(account("svc-mustchange")))
	for range 6 {
		c.Call(l.t.Context(), "session.connect", l.target(simple("svc-locked@"+os.Getenv("GWB_LAB_DOMAIN"), "wrong")), nil)
	}
	refused("AccountLocked", l.target(account("svc-locked")))
	refused("CertificateNotTrusted", l.target(l.account(), object{"caFile": os.Getenv("GWB_LAB_OTHER_CA")}))
	refused("CertificateNameMismatch", l.target(l.account(), object{"server": "alias." + os.Getenv("GWB_LAB_DOMAIN")}))
	refused("TlsFailed", l.target(l.account(), object{"server": os.Getenv("GWB_LAB_SERVER") + ":389"}))
	refused("ServerUnreachable", l.target(l.account(), object{"server": os.Getenv("GWB_LAB_SERVER") + ":1"}))
	local := func(name string, serve func(net.Conn), over object) {
		refused(name, l.target(l.account(), object{"server": listen(l.t, serve)}, over))
	}
	certificate, key, file := clientCertificate(l.t, time.Now().Add(-time.Minute))
	write(l.t, l.file("expired-server.pem"), file)
	local("CertificateExpired", func(c net.Conn) {
		tls.Server(c, &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{certificate}, PrivateKey: key}}}).Handshake()
	}, object{"caFile": l.file("expired-server.pem")})
	local("StartTlsRefused", func(c net.Conn) {
		c.Read(make([]byte, 1024))
		// The answer to an extended request with the id 1: unavailable (52).
		c.Write([]byte{0x30, 0x0c, 0x02, 0x01, 0x01, 0x78, 0x07, 0x0a, 0x01, 0x34, 0x04, 0x00, 0x04, 0x00})
		c.Read(make([]byte, 1024))
	}, object{"startTls": true})
	refused("TargetConfigInvalid", l.target(l.account(), object{"server": "dc1/x"}))
	refused("CAFileInvalid", l.target(l.account(), object{"caFile": l.file("garbage")}))
	refused("CurrentIdentityUnsupported", l.target(object{"kind": "CurrentIdentity"}))
	refused("KeytabInvalid", l.target(object{"kind": "KerberosKeytab", "user": "u", "keytab": l.file("garbage")}))
	write(l.t, l.file("krb5.conf"), []byte("[libdefaults]\n ticket_lifetime = [\n"))
	refused("KerberosConfigInvalid", l.target(object{"kind": "KerberosPassword", "user": "u", "password": "p", "krb5Conf": l.file("krb5.conf")}))
	// The keytab has no key for this account.
	refused("KerberosFailed", l.target(object{"kind": "KerberosKeytab", "user": os.Getenv("GWB_LAB_NONE_USER"), "keytab": os.Getenv("GWB_LAB_KEYTAB"), "realm": os.Getenv("GWB_LAB_REALM")}))
}

// listen serves each connection to the address that it returns.
func listen(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				serve(c)
			}()
		}
	}()
	return listener.Addr().String()
}

func beforeEnable(l *lab) {
	c := l.start("main")
	if got := l.call(c, "writeback.get", nil); got["status"] != "NotConfigured" || got["groups"] != 0.0 || got["lastRun"] != nil {
		l.t.Errorf("writeback.get: %v", got)
	}
	if got := l.call(c, "settings.get", nil); got["enabled"] != false {
		l.t.Errorf("settings.get: %v", got)
	}
	for method, list := range map[string]string{"run.list": "runs", "group.list": "groups"} {
		if got := l.call(c, method, nil)[list]; fmt.Sprint(got) != "[]" {
			l.t.Errorf("%s: %v", method, got)
		}
	}
	l.refused(c, "RunNotFound", "run.get", object{"id": 1})
	l.refused(c, "RunNotFound", "change.list", object{"runId": 1})
	l.refused(c, "ChangeNotFound", "change.members", object{"changeId": 1})
	l.refused(c, "GroupNotFound", "group.members", object{"id": groupID(1)})
	for _, method := range []string{"sync.start", "sync.preview", "writeback.enable", "writeback.disable"} {
		l.refused(c, "NotConnected", method, nil)
	}
	l.refused(c, "NotConnected", "sync.group", object{"group": groupID(1)})
	for _, row := range l.call(c, "writeback.test", nil)["checks"].([]any) {
		if got := row.(object); got["name"] != "State" && got["result"] != "Skipped" {
			l.t.Errorf("without a connection: %v", got)
		}
	}
	l.call(c, "session.connect", l.both())
	l.call(c, "session.get", nil)
	for _, row := range l.call(c, "writeback.test", object{"targetContainer": l.ou})["checks"].([]any) {
		if got := row.(object); got["result"] == "Failed" {
			l.t.Errorf("with a connection: %v", got)
		}
	}
	// If a right is missing, the check says which error a run would have.
	l.call(c, "writeback.test", object{"targetContainer": os.Getenv("GWB_LAB_OTHER")})
	for _, method := range []string{"sync.start", "writeback.disable"} {
		l.refused(c, "NotConfigured", method, nil)
	}
	l.refused(c, "NotConfigured", "settings.set", object{"runHistoryDays": 3})
	l.refused(c, "NotConfigured", "sync.group", object{"group": groupID(1)})
}

// choices returns all parameters of writeback.enable, with the given ones replaced.
func (l *lab) choices(more object) object {
	return merge(object{"targetContainer": l.ou, "containerFilters": []object{{"container": l.ou, "filter": "displayName -eq 'nobody'"}}, "nameFormat": "DisplayName", "samAccountNameFormat": "ObjectId", "excludeMailAttribute": false, "mailRecipient": "MailOnly", "recipientDisplayType": "None", "updateAddressLists": false, "markCloudAuthority": false, "updateManagedBy": false,
		"adopt": false, "adoptPlan": "", "adoptGroups": []string{}, "trustedOwners": []string{"user0009"}, "movedGroup": "Keep", "softDeletedGroup": "Keep", "outOfScopeGroup": "Keep", "whatIf": false,
		"scope": "All", "groupIds": []string{}, "filter": "", "includeSecurityGroups": false, "onPremisesGroupType": "UniversalDistributionGroup",
		"maxMemberCount": 50_000, "includeHiddenMembership": false}, []object{more})
}

// permissions grants an account its rights and takes them away again, signed in as an
// administrator for these requests alone.
func permissions(l *lab) {
	c := l.start("permissions")
	unit, none := "OU=second,"+l.ou, os.Getenv("GWB_LAB_NONE_USER")
	l.refused(c, "NotConnected", "permission.get", object{"account": none, "targetContainer": unit})
	admin := object{"server": os.Getenv("GWB_LAB_SERVER"), "startTls": false, "caFile": os.Getenv("GWB_LAB_CA"),
		"credential": simple(os.Getenv("GWB_LAB_ADMIN_USER"), os.Getenv("GWB_LAB_ADMIN_PASSWORD"))}
	params := func(over object) object {
		return merge(object{"account": none, "targetContainer": unit, "usePropertySet": false, "compatible": false, "includeRestore": false, "force": false, "whatIf": false, "target": admin}, []object{over})
	}
	states := func(method string, over object) map[string]int {
		l.t.Helper()
		answer := l.call(c, method, params(over))
		count := map[string]int{}
		for _, e := range answer["containers"].([]any)[0].(object)["entries"].([]any) {
			count[e.(object)["state"].(string)]++
		}
		return count
	}
	before := states("permission.get", nil)
	if before["Missing"] < 10 || len(before) != 1 {
		l.t.Errorf("before: %v", before)
	}
	if got := states("permission.grant", object{"whatIf": true}); got["Added"] != before["Missing"] {
		l.t.Errorf("a preview: %v", got)
	}
	if got := states("permission.grant", nil); got["Added"] != before["Missing"] {
		l.t.Errorf("granted: %v", got)
	}
	if got := states("permission.grant", nil); got["Present"] != before["Missing"] || len(got) != 1 {
		l.t.Errorf("granted twice: %v", got)
	}
	if got := states("permission.get", nil); got["Present"] != before["Missing"] || len(got) != 1 {
		l.t.Errorf("after: %v", got)
	}
	states("permission.grant", object{"usePropertySet": true})
	states("permission.grant", object{"compatible": true})
	if got := states("permission.revoke", nil); got["Removed"] < before["Missing"]+2 {
		l.t.Errorf("revoked: %v", got)
	}
	if got := states("permission.get", nil); got["Missing"] != before["Missing"] || len(got) != 1 {
		l.t.Errorf("after revoking: %v", got)
	}
	l.refused(c, "ApplicationRequired", "permission.graph", object{"script": "graphsdk"})
	l.refused(c, "InvalidParameter", "permission.graph", object{"clientId": "me"})
	l.call(c, "session.connect", l.source(l.secret()))
	for _, script := range []string{"GraphSdk", "AzureCli"} {
		if got := l.call(c, "permission.graph", object{"script": script, "clientId": groupID(1)}); !strings.Contains(fmt.Sprint(got["script"]), groupID(1)) {
			l.t.Errorf("%v", got)
		}
	}
	l.call(c, "session.disconnect", nil)
	l.refused(c, "AccountRequired", "permission.grant", params(object{"account": ""}))
	l.refused(c, "ContainerRequired", "permission.grant", params(object{"targetContainer": ""}))
	l.refused(c, "AccountNotFound", "permission.grant", params(object{"account": "nobody"}))
	l.refused(c, "AccountOfOtherDomain", "permission.grant", params(object{"account": "S-1-5-21-1-2-3-1104"}))
	l.refused(c, "ContainerProtected", "permission.grant", params(object{"targetContainer": "CN=Users," + os.Getenv("GWB_LAB_BASE")}))
	l.refused(c, "InvalidParameter", "permission.grant", params(object{"usePropertySet": true, "compatible": true}))
	l.call(c, "session.connect", l.target(l.account()))
	l.refused(c, "ContainerNoPermissionRight", "permission.grant", object{"targetContainer": unit})
	own := object{"credential": admin["credential"]} // at the server of the connection
	l.call(c, "permission.get", object{"account": none, "targetContainer": unit, "target": own})
}

func enableRefused(l *lab) {
	c := l.start("main")
	l.call(c, "session.connect", l.both())
	enable := func(id string, params object) {
		l.t.Helper()
		l.refused(c, id, "writeback.enable", params)
	}
	enable("ContainerRequired", nil)
	enable("ContainerInvalid", object{"targetContainer": "Groups"})
	enable("ContainerNotFound", object{"targetContainer": "OU=none," + l.ou})
	enable("ContainerOutsideDomain", object{"targetContainer": "OU=x,DC=fabrikam,DC=test"})
	enable("ContainerProtected", object{"targetContainer": "CN=Users," + os.Getenv("GWB_LAB_BASE")})
	enable("AccountNotFound", object{"targetContainer": l.ou, "trustedOwners": []string{"nobody"}})
	for _, name := range []string{"twice", "twice$"} { // the second looks like a computer's name
		l.ldif("dn: CN=" + name + "," + l.ou + "\nchangetype: add\nobjectClass: user\nsAMAccountName: " + name + "\n")
	}
	enable("AccountAmbiguous", object{"targetContainer": l.ou, "trustedOwners": []string{"twice"}})
	for _, name := range []string{"twice", "twice$"} {
		l.ldif("dn: CN=" + name + "," + l.ou + "\nchangetype: delete\n")
	}
	enable("ContainerNoCreateRight", object{"targetContainer": os.Getenv("GWB_LAB_OTHER")})
	enable("InvalidParameter", l.choices(object{"nameFormat": "Fancy"}))
	enable("InvalidParameter", l.choices(object{"groupIds": []string{"Two"}}))
	enable("FilterInvalid", l.choices(object{"filter": "mail -is ''"}))
	enable("GroupIdsRequired", l.choices(object{"scope": "Selected"}))

	foreign := "CN=foreign," + l.ou
	l.ldif("dn: " + foreign + "\nchangetype: add\nobjectClass: group\nadminDescription: Group_" + groupID(99) + "\n")
	enable("ForeignGroupsPresent", l.choices(nil))
	l.ldif("dn: " + foreign + "\nchangetype: delete\n")

	l.server.SetRoles("Group.Read.All")
	l.call(c, "session.connect", l.source(l.secret()))
	enable("PermissionMissing", l.choices(nil))
	l.server.SetRoles(graphtest.DefaultRoles...)
	l.call(c, "session.connect", l.source(l.secret()))

	l.fault(graphtest.Fault{Kind: graphtest.FaultStatus, Path: "/directory/onPremisesSynchronization", Status: 200,
		Body: `{"value":[{"id":"` + l.server.TenantID + `","features":{"unifiedGroupWritebackEnabled":true,"groupWriteBackEnabled":true}}]}`})
	enable("ConnectWritebackEnabled", l.choices(nil))
	l.server.ClearFaults()
	if got := l.call(c, "writeback.get", nil); got["status"] != "NotConfigured" {
		l.t.Errorf("what was refused was saved: %v", got)
	}
}

func fromEnableToDisable(l *lab) {
	c := l.start("main")
	l.call(c, "session.connect", l.both())

	// First what Enable would do, then Enable.
	l.run(c, "sync.preview", object{"policyType": "Initial", "enable": l.choices(object{"whatIf": true})}, "Complete", "")
	l.call(c, "writeback.enable", l.choices(object{"whatIf": true}))
	if got := l.call(c, "writeback.get", nil); got["status"] != "NotConfigured" {
		l.t.Errorf("whatIf was saved: %v", got)
	}
	l.call(c, "writeback.enable", l.choices(nil))

	// The name of a group is taken, so that one change fails with an error.
	name := "Eight_" + groupID(8)[24:]
	l.ldif("dn: CN=" + name + "," + l.ou + "\nchangetype: add\nobjectClass: contact\n")
	first := l.run(c, "sync.start", object{"policyType": "Initial"}, "Partial", "")
	l.run(c, "sync.start", nil, "Partial", "")
	l.refused(c, "NotAdoptable", "settings.set", object{"adoptGroups": []string{groupID(8)}})
	l.ldif("dn: CN=" + name + "," + l.ou + "\nchangetype: delete\n")
	second := l.run(c, "sync.start", nil, "Complete", "")
	if got := second["planned"].(object); got["create"] != 1.0 || got["update"] != 0.0 || got["delete"] != 0.0 {
		l.t.Errorf("the second run planned %v", got)
	}
	lists(l, c, first)

	// Updates of attributes and members.
	check(l.t, l.server.PatchGroup(groupID(1), map[string]any{"description": "still the first"}))
	check(l.t, l.server.RemoveMember(groupID(2), "user0004"))
	check(l.t, l.server.AddMember(groupID(2), "user0005"))
	l.run(c, "sync.preview", object{"settings": l.choices(object{"initialIntervalDays": 3, "connections": 2, "outageMinutes": 1, "quarantineAfter": 3, "runHistoryDays": 5,
		"releaseGroups": []string{}, "limits": object{"deletionCount": 400, "deletionPercent": 20, "removalPercent": 0, "groupRemovalPercent": 0, "sourceShrinkPercent": 0, "targetShrinkPercent": 50}})}, "Complete", "")
	l.call(c, "settings.set", object{"limits": object{"deletionCount": 400, "deletionPercent": 20, "removalPercent": 0, "groupRemovalPercent": 0, "sourceShrinkPercent": 0, "targetShrinkPercent": 50}})
	updated := l.run(c, "sync.start", nil, "Complete", "")
	for _, item := range l.call(c, "change.list", object{"runId": updated["id"]})["changes"].([]any) {
		if got := item.(object); got["outcome"] != "Done" {
			l.t.Errorf("change %v", got)
		}
	}

	// The other parameters of settings.set. The container is changed and changed back.
	l.refused(c, "GroupNotFound", "settings.set", object{"adoptGroups": []string{"nobody"}})
	l.refused(c, "GroupNotFound", "settings.set", object{"releaseGroups": []string{"nobody"}})
	released := l.call(c, "settings.set", object{"releaseGroups": []string{groupID(1)}})["releasedGroups"].([]any)
	if len(released) != 1 || released[0].(object)["id"] != groupID(1) {
		l.t.Errorf("releasedGroups: %v", released)
	}
	l.call(c, "settings.get", nil)
	l.call(c, "writeback.get", nil)
	if got := l.call(c, "settings.set", object{"adoptGroups": []string{groupID(1)}})["releasedGroups"]; got != nil { // it is still ours
		l.t.Errorf("releasedGroups: %v", got)
	}
	l.call(c, "settings.set", object{"targetContainer": "OU=second," + l.ou, "containerFilters": []object{}, "nameFormat": "ObjectId", "samAccountNameFormat": "ObjectId",
		"excludeMailAttribute": true, "mailRecipient": "None", "recipientDisplayType": "GroupMailbox", "updateAddressLists": true, "markCloudAuthority": true, "updateManagedBy": true, "adopt": false, "adoptPlan": "", "adoptGroups": []string{}, "trustedOwners": []string{"user0009"}, "movedGroup": "MoveBack", "softDeletedGroup": "Remove", "outOfScopeGroup": "Remove", "runHistoryDays": 5,
		"includeHiddenMembership": true, "whatIf": true})
	if got := l.call(c, "settings.set", object{"filter": "displayName -eq 'nobody'", "whatIf": true})["warnings"]; len(got.([]any)) != 1 {
		l.t.Errorf("a filter that lets nothing through: %v", got)
	}
	l.call(c, "settings.set", object{"targetContainer": "OU=second," + l.ou, "containerFilters": []object{}})
	if got := l.call(c, "settings.get", nil); len(got["formerContainers"].([]any)) != 1 {
		l.t.Errorf("formerContainers: %v", got["formerContainers"])
	}
	l.call(c, "writeback.get", nil)
	l.call(c, "settings.set", object{"targetContainer": l.ou, "containerFilters": []object{{"container": "OU=second," + l.ou, "filter": "displayName -like 'x*'"}}})
	if got := l.call(c, "settings.get", nil); len(got["furtherContainers"].([]any)) != 1 || len(got["containerFilters"].([]any)) != 1 {
		l.t.Errorf("furtherContainers: %v, %v", got["furtherContainers"], got["containerFilters"])
	}
	l.call(c, "writeback.get", nil)
	l.refused(c, "ContainerRuleConflict", "settings.set", object{"mapping": object{"set": []object{{"attribute": "parentDistinguishedName", "expression": fmt.Sprintf("%q", l.ou)}}}})
	l.call(c, "settings.set", object{"containerFilters": []object{}})
	l.run(c, "sync.start", nil, "Complete", "")

	mapping(l, c)
	limits(l, c)
	failures(l, c)

	// A second process while this one holds the lock.
	other := l.start("main")
	l.call(other, "session.connect", l.both())
	l.server.SetLatency(time.Second)
	running := l.during(c, "sync.start", nil, "ImportSource", func(*client.Pending) {
		l.refused(other, "RunInProgress", "sync.start", nil)
		l.refused(c, "RunInProgress", "session.disconnect", nil)
		l.call(other, "run.list", object{"limit": 1})
	})
	if running["status"] != "Complete" {
		l.t.Errorf("the run that was watched: %v", running)
	}
	l.server.SetLatency(0)

	disable(l, c)
	if code, err := c.Close(); code != 0 || err != nil {
		l.t.Errorf("exit code %d, %v", code, err)
	}
}

// mapping sets, tests and reads mappings.
func mapping(l *lab, c *client.Client) {
	set := func(attribute, expression string) object {
		return object{"set": []object{{"attribute": attribute, "expression": expression, "apply": "OnlyAtCreation", "default": "none"}}, "remove": []string{}}
	}
	l.refused(c, "ExpressionInvalid", "settings.set", object{"mapping": set("info", "Lef([mail])")})
	l.refused(c, "AttributeProtected", "settings.set", object{"mapping": set("member", "[mail]")})
	l.refused(c, "AttributeUnknown", "settings.set", object{"mapping": set("noSuchAttribute", "[mail]")})
	l.call(c, "settings.set", object{"mapping": set("info", "[theme]")})
	l.call(c, "settings.get", nil)
	l.call(c, "writeback.get", nil)
	l.call(c, "mapping.get", nil)
	l.run(c, "sync.preview", object{"settings": object{"mapping": object{"set": []object{{"attribute": "info", "expression": "[mail]", "apply": "Always", "default": "x"}}, "remove": []string{"info"}}}}, "Complete", "")
	l.call(c, "mapping.test", merge(object{"group": groupID(1)}, []object{set("info", "[theme]")}))
	l.call(c, "settings.set", object{"mapping": object{"remove": []string{"info"}}})

	file := filepath.Join(l.t.TempDir(), "mapping.json")
	write := func(text string) {
		check(l.t, os.WriteFile(file, []byte(text), 0o600))
	}
	write(`{"groupWritebackMapping": 1, "attributes": [{"attribute": "info", "expression": "[theme]", "apply": "OnlyAtCreation", "default": "x"}, {"attribute": "member", "expression": "[mail]"}]}`)
	l.call(c, "mapping.read", object{"path": file})
	write("{}")
	l.refused(c, "MappingFileInvalid", "mapping.read", object{"path": file})
	l.refused(c, "MappingFileUnreadable", "mapping.read", object{"path": file + ".none"})
	l.run(c, "sync.start", nil, "Complete", "")
}

// lists requests every list, as a whole and in pages of one item.
func lists(l *lab, c *client.Client, run object) {
	pull := func(method, list string, params object) []any {
		l.t.Helper()
		whole := l.call(c, method, params)[list].([]any)
		var items []any
		params = merge(object{"limit": 1}, []object{params})
		for {
			page := l.call(c, method, params)
			items = append(items, page[list].([]any)...)
			if page["next"] == nil {
				break
			}
			params["after"] = page["next"]
		}
		if a, b := fmt.Sprint(whole), fmt.Sprint(items); a != b {
			l.t.Errorf("%s in pages of one is not the whole:\n%s\n%s", method, b, a)
		}
		if len(whole) < 2 {
			l.t.Errorf("%s %v lists %d items", method, params, len(whole))
		}
		return whole
	}
	pull("run.list", "runs", object{})
	pull("audit.list", "entries", object{})
	pull("audit.list", "entries", object{"events": []string{"RUNSTARTED"}, "since": "2020-01-01T00:00:00Z", "until": "2100-01-01T00:00:00+01:00"})
	if got := l.call(c, "audit.list", object{"group": "nobody"})["entries"].([]any); len(got) != 0 {
		l.t.Errorf("the audit of an unknown group: %v", got)
	}
	l.call(c, "run.get", object{"id": run["id"]})
	changes := pull("change.list", "changes", object{"runId": run["id"]})
	pull("change.list", "changes", object{"runId": run["id"], "action": "Create", "outcome": "Done"})
	for _, item := range changes {
		if change := item.(object); change["sourceId"] == groupID(1) {
			if change["addCount"] != 3.0 || len(change["add"].([]any)) != 3 {
				l.t.Errorf("the change of the first group: %v", change)
			}
			pull("change.members", "members", object{"changeId": change["id"]})
		}
	}
	if got := l.call(c, "run.list", object{"kinds": []string{"PREVIEW"}, "limit": 500})["runs"].([]any); len(got) == 0 || got[0].(object)["kind"] != "Preview" {
		l.t.Errorf("the previews: %v", got)
	}
	for _, name := range []string{groupID(1), " one ", "O?e"} {
		if got := l.call(c, "change.list", object{"runId": run["id"], "group": name})["changes"].([]any); len(got) != 1 || got[0].(object)["sourceId"] != groupID(1) {
			l.t.Errorf("the changes of %q: %v", name, got)
		}
	}
	if got := l.call(c, "group.members", object{"group": " one "})["members"].([]any); len(got) != 4 || got[0].(object)["groupName"] != "One" {
		l.t.Errorf("the members by name: %v", got)
	}
	steps := l.call(c, "exchange.steps", object{})["steps"].([]any)
	commands, decisions := 0, 0
	for _, item := range steps {
		switch step := item.(object); {
		case step["decide"] == true:
			decisions++
		case step["command"] != nil:
			commands++
		}
	}
	if commands+decisions == 0 {
		l.t.Errorf("the steps in Exchange: %v", steps)
	}
	l.call(c, "exchange.recipients", object{"limit": 500, "after": groupID(1)})
	if got := l.call(c, "exchange.clear", object{"steps": []object{{"targetGuid": groupID(1), "runId": 1}}}); got["cleared"] != 0.0 {
		l.t.Errorf("cleared what was not due: %v", got)
	}
	pull("group.list", "groups", object{})
	pull("group.list", "groups", object{"name": "F*"})
	suspended := l.call(c, "group.suspend", object{"group": groupID(1), "comment": "Migration", "until": "2099-01-01T00:00:00Z"})["group"].(object)
	if hold, ok := suspended["hold"].(object); !ok || hold["reason"] != "Suspended" || hold["comment"] != "Migration" || hold["until"] != "2099-01-01T00:00:00Z" {
		l.t.Errorf("suspended: %v", suspended)
	}
	if got := l.call(c, "group.list", object{"onHold": true})["groups"].([]any); len(got) != 1 || got[0].(object)["id"] != groupID(1) {
		l.t.Errorf("on hold: %v", got)
	}
	if got := l.call(c, "group.resume", object{"group": groupID(1)})["group"].(object); got["hold"] != nil {
		l.t.Errorf("resumed: %v", got)
	}
	l.refused(c, "GroupNotOnHold", "group.resume", object{"group": groupID(1)})
	if got := l.call(c, "group.list", object{"id": groupID(1)})["groups"].([]any); len(got) != 1 || got[0].(object)["members"] != 3.0 {
		l.t.Errorf("the first group: %v", got)
	}
	reasons := map[any]int{}
	for _, member := range pull("group.members", "members", object{"id": groupID(1)}) {
		reasons[member.(object)["reason"]]++
	}
	if reasons[""] != 3 || reasons["CloudOnly"] != 1 {
		l.t.Errorf("the members' reasons: %v", reasons)
	}
}

// limits lets limits hold runs back, and gives consent.
func limits(l *lab, c *client.Client) {
	l.refused(c, "PlanNotFound", "sync.start", object{"allowOnce": "none"})
	l.call(c, "settings.set", object{"limits": object{"deletionCount": 1}})
	last := l.call(c, "run.list", object{"limit": 1})["runs"].([]any)[0].(object)
	l.refused(c, "PlanNotStopped", "sync.start", object{"allowOnce": last["planId"]})
	for _, n := range []int{6, 7} {
		check(l.t, l.server.DeleteGroup(groupID(n)))
		check(l.t, l.server.PurgeGroup(groupID(n)))
	}
	stopped := l.run(c, "sync.start", nil, "Partial", "StoppedDeletionThreshold")
	if held := stopped["held"].(object); held["delete"] != 2.0 || stopped["heldRuns"] != 1.0 {
		l.t.Errorf("what was held: %v", stopped)
	}
	l.call(c, "run.get", object{"id": stopped["id"]})
	l.call(c, "run.list", nil)
	l.run(c, "sync.preview", nil, "Partial", "StoppedDeletionThreshold")
	l.call(c, "writeback.get", nil)
	l.run(c, "sync.preview", object{"allowOnce": stopped["planId"]}, "Complete", "")
	one := l.call(c, "sync.group", object{"group": groupID(6), "allowOnce": stopped["planId"], "whatIf": true})["run"].(object)
	if planned := one["planned"].(object); planned["delete"] != 0.0 || planned["skip"] != 1.0 {
		l.t.Errorf("the preview of one of the two, of which none is deleted on demand: %v", one)
	}
	l.run(c, "sync.start", object{"allowOnce": stopped["planId"]}, "Complete", "")
	l.refused(c, "PlanAlreadyUsed", "sync.start", object{"allowOnce": stopped["planId"]})
}

// failures makes runs fail, or parts of them.
func failures(l *lab, c *client.Client) {
	fail := func(id string, f graphtest.Fault) {
		l.t.Helper()
		l.fault(f)
		run := l.run(c, "sync.start", nil, "Failed", id)
		if e, ok := run["error"].(object); !ok || e["id"] != id {
			l.t.Errorf("the run's error: %v", run["error"])
		}
		l.server.ClearFaults()
	}
	fail("IncompleteRead", graphtest.Fault{Kind: graphtest.FaultNoValue, Path: "/groups"})
	fail("GraphError", graphtest.Fault{Kind: graphtest.FaultStatus, Path: "/groups", Status: 400, Code: "Odd", Message: "odd"})
	fail("GraphObjectNotFound", graphtest.Fault{Kind: graphtest.FaultStatus, Path: "/groups/delta", Status: 404, Code: "Request_ResourceNotFound", Message: "odd", Count: 1})
	fail("PermissionMissing", graphtest.Fault{Kind: graphtest.FaultStatus, Path: "/groups", Status: 403, Code: "Authorization_RequestDenied", Message: "odd"})

	last := l.call(c, "run.list", object{"limit": 1})["runs"].([]any)[0].(object)
	l.call(c, "run.get", object{"id": last["id"]})

	// An account without rights in the container.
	check(l.t, l.server.PatchGroup(groupID(3), map[string]any{"description": "new"}))
	l.call(c, "session.connect", l.target(simple(os.Getenv("GWB_LAB_NONE_USER"), os.Getenv("GWB_LAB_PASSWORD"))))
	run := l.call(c, "sync.start", nil)
	l.call(c, "change.list", object{"runId": run["id"]})
	l.call(c, "group.list", nil)
	if run["status"] == "Complete" {
		l.t.Errorf("a run without rights: %v", run)
	}
	l.call(c, "session.connect", l.target(l.account()))
	l.run(c, "sync.start", nil, "Complete", "")
}

func disable(l *lab, c *client.Client) {
	seen := l.run(c, "writeback.disable", object{"includeAdopted": false, "keepGroup": false, "whatIf": true}, "Complete", "")
	named := l.run(c, "writeback.disable", object{"planId": seen["planId"]}, "Complete", "")
	if got := l.call(c, "writeback.get", nil); got["status"] != "DisablePending" || got["disablePending"] != named["planned"].(object)["delete"] {
		l.t.Errorf("writeback.get: %v", got)
	}
	// One group loses its mark before the run.
	unmarked := ""
	for _, item := range l.call(c, "change.list", object{"runId": named["id"]})["changes"].([]any) {
		if change := item.(object); change["sourceId"] == groupID(4) {
			unmarked = change["dn"].(string)
			l.ldif("dn: " + unmarked + "\nchangetype: modify\ndelete: adminDescription\n-\ndelete: msDS-ExternalDirectoryObjectId\n")
		}
	}
	// What is deleted cannot be written down while a file is in the place of the folder.
	folder := l.file(filepath.Join("main", "undo"))
	away := os.Rename(folder, folder+".away") // it is there if a run removed members
	write(l.t, folder, nil)
	if failed := l.call(c, "sync.start", nil); failed["status"] != "Failed" || failed["error"].(object)["id"] != "UndoNotWritten" {
		l.t.Errorf("without an undo file: %v", failed)
	}
	if entry := l.call(c, "audit.list", object{"limit": 1})["entries"].([]any)[0].(object); entry["event"] != "RunEnded" || entry["errorId"] != "UndoNotWritten" {
		l.t.Errorf("the audit of that run: %v", entry)
	}
	check(l.t, os.Remove(folder))
	if away == nil {
		check(l.t, os.Rename(folder+".away", folder))
	}
	run := l.call(c, "sync.start", nil)
	for _, item := range l.call(c, "change.list", object{"runId": run["id"], "outcome": "Skipped"})["changes"].([]any) {
		if change := item.(object); change["dn"] != unmarked {
			l.t.Errorf("not deleted: %v", change)
		}
	}
	l.ldif("dn: " + unmarked + "\nchangetype: delete\n")
	l.call(c, "writeback.disable", object{"keepGroup": true})
	if got := l.call(c, "writeback.get", nil); got["status"] != "Disabled" {
		l.t.Errorf("writeback.get: %v", got)
	}
	l.refused(c, "NotEnabled", "sync.start", nil)
	l.refused(c, "NotEnabled", "sync.group", object{"group": groupID(1)})
	l.restore(c, run, unmarked)
}

// restore brings back what a run has deleted, and removes it again. What had lost its mark
// does not come back.
func (l *lab) restore(c *client.Client, run object, unmarked string) {
	l.t.Helper()
	admin := object{"server": os.Getenv("GWB_LAB_SERVER"), "startTls": false, "caFile": os.Getenv("GWB_LAB_CA"),
		"credential": simple(os.Getenv("GWB_LAB_ADMIN_USER"), os.Getenv("GWB_LAB_ADMIN_PASSWORD"))}
	request := func(over object) object {
		return merge(object{"groups": []string{}, "runId": run["id"], "path": "", "force": false, "whatIf": false, "target": admin}, []object{over})
	}
	l.refused(c, "DeletedNotVisible", "group.restore", object{"runId": run["id"]})
	l.refused(c, "GroupNotFound", "group.restore", request(object{"groups": []string{"nobody"}}))
	l.refused(c, "RunNotFound", "group.restore", request(object{"runId": 9999}))
	l.refused(c, "NothingToRestore", "group.restore", request(object{"runId": 1}))
	l.refused(c, "UndoFileUnreadable", "group.restore", request(object{"runId": 0, "path": l.file("none.ldif")}))
	edited := l.file("edited.ldif")
	text, err := os.ReadFile(run["undoFile"].(string))
	check(l.t, err)
	write(l.t, edited, append(text, "# edited\n"...))
	l.refused(c, "UndoFileChanged", "group.restore", request(object{"runId": 0, "path": edited}))
	if seen := l.call(c, "group.restore", request(object{"runId": 0, "path": edited, "force": true, "whatIf": true})); seen["run"].(object)["exported"].(object)["create"] != 0.0 {
		l.t.Errorf("a preview: %v", seen)
	}
	answer := l.call(c, "group.restore", request(nil))
	groups := answer["groups"].([]any)
	if len(groups) == 0 || answer["run"].(object)["status"] != "Partial" {
		l.t.Errorf("restored: %v", answer)
	}
	for _, item := range groups {
		g := item.(object)
		if g["dn"] == unmarked {
			if g["outcome"] != "Failed" || g["errorId"] != "NotOurs" {
				l.t.Errorf("without its mark: %v", g)
			}
			continue
		}
		if g["outcome"] != "Done" || g["way"] != "Tombstone" || g["held"] != true {
			l.t.Errorf("restored: %v", g)
		}
		l.ldif("dn: " + g["dn"].(string) + "\nchangetype: delete\n")
	}
}

// during starts a run by a method, does something when it reaches a step, and
// returns the method's result.
func (l *lab) during(c *client.Client, method string, params any, step string, then func(*client.Pending)) object {
	l.t.Helper()
	// Progress is read from OnLine, not from the log.
	reached := make(chan struct{})
	once := sync.OnceFunc(func() { close(reached) })
	l.record.onProgress(func(s string) {
		if s == step {
			once()
		}
	})
	defer l.record.onProgress(nil)
	pending, err := c.Go(method, params)
	check(l.t, err)
	ctx, cancel := context.WithTimeout(l.t.Context(), patience)
	defer cancel()
	select {
	case <-reached:
		then(pending)
	case <-ctx.Done():
		l.t.Errorf("the run never came to %s", step)
	}
	var result object
	check(l.t, pending.Wait(ctx, &result))
	return result
}

// changes returns the changes of a run, by group and reason.
func (l *lab) changes(c *client.Client, run object) []string {
	l.t.Helper()
	var out []string
	for _, item := range l.call(c, "change.list", object{"runId": run["id"]})["changes"].([]any) {
		change := item.(object)
		out = append(out, strings.TrimSpace(fmt.Sprint(change["displayName"], " ", change["action"], " ", change["reason"])))
	}
	slices.Sort(out)
	return out
}

func (l *lab) wantChanges(c *client.Client, run object, want ...string) {
	l.t.Helper()
	if got := l.changes(c, run); !slices.Equal(got, want) {
		l.t.Errorf("the %v run %v changes %q, want %q", run["policyType"], run["policyReason"], got, want)
	}
}

func (l *lab) wantPolicy(run object, policy string, reason any) {
	l.t.Helper()
	if run["policyType"] != policy || run["policyReason"] != reason {
		l.t.Errorf("the run is %v (%v), want %s (%v)", run["policyType"], run["policyReason"], policy, reason)
	}
}

// scope chooses groups, changes the choice, and lets somebody else change them.
func scope(l *lab) {
	c := l.start("scope")
	l.call(c, "session.connect", l.both())
	chosen := object{"scope": "Selected", "groupIds": []string{groupID(2), groupID(1)}, "filter": "displayName -ne 'Two'",
		"includeSecurityGroups": true, "onPremisesGroupType": "UniversalSecurityGroup", "maxMemberCount": 1000}
	preview := l.run(c, "sync.preview", object{"enable": l.choices(chosen), "skipReplicationCheck": true}, "Complete", "")
	l.wantChanges(c, preview, "One Create")
	saved := object{"groups": "Selected", "groupIds": []any{groupID(1), groupID(2)}, "filter": "displayName -ne 'Two'", "includeSecurityGroups": true}
	wantScope := func(settings any, want object) {
		l.t.Helper()
		if got := settings.(object)["scope"]; fmt.Sprint(got) != fmt.Sprint(want) {
			l.t.Errorf("the scope is %v, want %v", got, want)
		}
	}
	wantScope(l.call(c, "writeback.enable", l.choices(chosen))["settings"], saved)
	wantScope(l.call(c, "settings.get", nil), saved)
	overview := l.call(c, "writeback.get", nil)
	wantScope(overview["settings"], saved)
	if overview["nextPolicyType"] != "Initial" || overview["nextPolicyReason"] != "First" {
		l.t.Errorf("writeback.get: %v", overview)
	}

	// Before the first run, no single group can be synced.
	early := l.call(c, "sync.group", object{"group": groupID(1)})["run"].(object)
	if early["status"] != "Failed" || early["stopReason"] != "InitialSyncNeeded" || early["kind"] != "Group" {
		l.t.Errorf("a single group before the first run: %v", early)
	}
	first := l.run(c, "sync.start", object{"skipReplicationCheck": true}, "Complete", "")
	l.wantPolicy(first, "Initial", "First")
	l.wantChanges(c, first, "One Create")
	delta := l.run(c, "sync.start", nil, "Complete", "")
	l.wantPolicy(delta, "Delta", nil)
	l.wantChanges(c, delta)

	// An empty value clears a setting; a missing value leaves it as it is.
	for id, params := range map[string]object{
		"GroupIdsRequired": {"groupIds": []string{}},
		"FilterInvalid":    {"filter": "mail"},
		"InvalidParameter": {"connections": 17},
	} {
		l.refused(c, id, "settings.set", params)
	}
	wantScope(l.call(c, "settings.set", object{"filter": "", "whatIf": true}), object{"groups": "Selected", "groupIds": saved["groupIds"], "includeSecurityGroups": true})
	set := l.call(c, "settings.set", object{"scope": "All", "groupIds": []string{}, "filter": "displayName -like 't*' -or id -eq '" + groupID(1) + "'",
		"includeSecurityGroups": false, "onPremisesGroupType": "UniversalDistributionGroup", "maxMemberCount": 3, "initialIntervalDays": 3, "connections": 2, "outageMinutes": 9, "quarantineAfter": 5})
	wantScope(set, object{"groups": "All", "filter": "displayName -like 't*' -or id -eq '" + groupID(1) + "'"})
	for field, want := range map[string]any{"onPremisesGroupType": "UniversalDistributionGroup", "maxMemberCount": 3.0, "initialIntervalDays": 3.0, "connections": 2.0, "outageMinutes": 9.0, "quarantineAfter": 5.0, "initialPending": true} {
		if set[field] != want {
			l.t.Errorf("%s is %v, want %v", field, set[field], want)
		}
	}
	changed := l.run(c, "sync.start", nil, "Complete", "")
	l.wantPolicy(changed, "Initial", "SettingsChanged")
	l.wantChanges(c, changed, "One Skip TooManyMembers", "Three Create", "Two Create")

	// Somebody edits a group in AD.
	two := l.call(c, "group.list", object{"id": groupID(2)})["groups"].([]any)[0].(object)
	l.ldif(fmt.Sprintf("dn: %s\nchangetype: modify\nreplace: description\ndescription: by hand\n", two["dn"]))
	drifted := l.run(c, "sync.start", nil, "Complete", "")
	l.wantPolicy(drifted, "Delta", nil)
	l.wantChanges(c, drifted, "Two Update Drift")
	if drifted["driftedGroups"] != 1.0 {
		l.t.Errorf("driftedGroups is %v", drifted["driftedGroups"])
	}

	// The delta link expires; then the tenant gives no new one.
	l.server.ExpireDeltaTokens()
	l.wantPolicy(l.run(c, "sync.start", nil, "Complete", ""), "Initial", "LinkExpired")
	l.fault(graphtest.Fault{Kind: graphtest.FaultStatus, Path: "/groups/delta", Status: 410, Code: "syncStateNotFound", Message: "odd"})
	l.wantPolicy(l.run(c, "sync.start", nil, "Failed", "DeltaLinkExpired"), "Initial", "LinkExpired")
	l.server.ClearFaults()
	l.run(c, "sync.start", nil, "Complete", "")
}

// oneGroup syncs single groups, with the state that scope left.
func oneGroup(l *lab) {
	c := l.start("scope")
	l.call(c, "session.connect", l.both())
	l.call(c, "settings.set", object{"filter": "displayName -ne 'Five'", "maxMemberCount": 50_000})
	l.run(c, "sync.start", nil, "Complete", "")
	sync := func(params object, want ...string) object {
		l.t.Helper()
		result := l.call(c, "sync.group", params)
		var steps []string
		for _, item := range result["steps"].([]any) {
			step := item.(object)
			steps = append(steps, fmt.Sprint(step["name"], " ", step["result"]))
		}
		if !slices.Equal(steps, want) {
			text, _ := json.MarshalIndent(result, "", "  ")
			l.t.Errorf("%v has the steps %q, want %q\n%s", params, steps, want, text)
		}
		return result
	}
	whole := []string{"Import Passed", "Scope Passed", "Join Passed", "Members Passed", "Action Passed"}
	watermark := func() string { return fmt.Sprint(l.call(c, "writeback.get", nil)["nextPolicyType"]) }
	before := watermark()

	check(l.t, l.server.PatchGroup(groupID(1), map[string]any{"description": "once more"}))
	would := sync(object{"group": "one", "whatIf": true, "skipReplicationCheck": true}, whole...)
	if action := would["steps"].([]any)[4].(object)["message"].(string); !strings.HasPrefix(action, "Would: Update") {
		l.t.Errorf("what would be done: %q", action)
	}
	did := sync(object{"group": "ONE@contoso.com"}, whole...)
	run := did["run"].(object)
	if did["id"] != groupID(1) || did["displayName"] != "One" || run["kind"] != "Group" || run["status"] != "Complete" {
		l.t.Errorf("the result: %v", did)
	}
	l.wantChanges(c, run, "One Update")
	recorded := l.call(c, "run.get", object{"id": run["id"]})
	listed := l.call(c, "run.list", object{"limit": 1})["runs"].([]any)[0].(object)
	for _, run := range []object{recorded, listed} {
		if run["groupId"] != groupID(1) || run["groupName"] != "One" {
			l.t.Errorf("the record of the run of one group: %v", run)
		}
	}
	again := sync(object{"group": groupID(1)}, whole...)
	if action := again["steps"].([]any)[4].(object)["message"]; action != "There are no differences." {
		l.t.Errorf("the second time: %q", action)
	}
	sync(object{"group": groupID(5)}, "Import Passed", "Scope Skipped", "Join Passed", "Action Passed")
	l.refused(c, "GroupNotFound", "sync.group", object{"group": groupID(99)})
	if after := watermark(); after != before {
		l.t.Errorf("the next run was %s and is %s", before, after)
	}
	if last := l.call(c, "writeback.get", nil)["lastRun"].(object); last["kind"] != "Sync" {
		l.t.Errorf("lastRun is one of kind %v", last["kind"])
	}
	l.wantChanges(c, l.run(c, "sync.start", nil, "Complete", ""))

	// The totals of the next run continue those of the run of one group.
	check(l.t, l.server.RemoveMember(groupID(1), "cloud@contoso.onmicrosoft.com"))
	sync(object{"group": groupID(1)}, whole...)
	if next := l.run(c, "sync.start", nil, "Complete", ""); next["unwrittenMembers"] != 0.0 {
		l.t.Errorf("unwrittenMembers is %v after the only one has left", next["unwrittenMembers"])
	}

	l.refused(c, "InvalidParameter", "sync.group", object{"group": " "})
	l.refused(c, "PlanNotStopped", "sync.group", object{"group": groupID(1), "allowOnce": run["planId"]})
	l.refused(c, "GroupNotFound", "sync.group", object{"group": "no such group"})
	check(l.t, l.server.PatchGroup(groupID(3), map[string]any{"displayName": "Four"}))
	l.refused(c, "GroupAmbiguous", "sync.group", object{"group": "four"})

	// It can be cancelled like any run, and does not begin while another run goes on.
	l.server.SetLatency(300 * time.Millisecond)
	defer l.server.SetLatency(0)
	cancelled := l.during(c, "sync.group", object{"group": groupID(1)}, "ImportMembers", func(p *client.Pending) {
		l.refused(c, "RunInProgress", "sync.group", object{"group": groupID(2)})
		l.call(c, "request.cancel", object{"id": p.ID})
	})
	if run := cancelled["run"].(object); run["stopReason"] != "Cancelled" {
		l.t.Errorf("the cancelled one: %v", run)
	}
}

// writebackConfiguration lets the groups' own configuration decide whether and as what
// type they are written, including security groups.
func writebackConfiguration(l *lab) {
	configuration := func(enabled bool) map[string]any {
		return map[string]any{"writebackConfiguration": map[string]any{"isEnabled": enabled, "onPremisesGroupType": "universalSecurityGroup"}}
	}
	seed, err := graphtest.ParseSeed([]byte(`{"groups": [{"id": "` + groupID(9) + `", "mailNickname": "nine", "displayName": "Nine", "securityEnabled": true, "members": ["user0007"]}]}`))
	check(l.t, err)
	_, err = l.server.PutGroup(seed.Groups[0])
	check(l.t, err)
	check(l.t, l.server.PatchGroup(groupID(9), configuration(true)))
	check(l.t, l.server.PatchGroup(groupID(5), configuration(true)))
	check(l.t, l.server.PatchGroup(groupID(4), configuration(false)))

	c := l.start("configuration")
	l.call(c, "session.connect", l.both())
	filter := fmt.Sprintf("id -eq '%s' -or id -eq '%s' -or id -eq '%s'", groupID(4), groupID(5), groupID(9))
	l.call(c, "writeback.enable", l.choices(object{"scope": "WritebackEnabled", "includeSecurityGroups": true, "filter": filter}))
	run := l.run(c, "sync.start", nil, "Complete", "")
	types := object{}
	for _, item := range l.call(c, "change.list", object{"runId": run["id"], "action": "Create"})["changes"].([]any) {
		change := item.(object)
		for _, a := range change["attributes"].([]any) {
			if attribute := a.(object); attribute["name"] == "groupType" {
				types[change["displayName"].(string)] = attribute["new"].([]any)[0]
			}
		}
	}
	const universalSecurity = "-2147483640"
	if fmt.Sprint(types) != fmt.Sprint(object{"Five": universalSecurity, "Nine": universalSecurity}) {
		l.t.Errorf("created were %v", types)
	}
	steps := l.call(c, "sync.group", object{"group": groupID(4)})["steps"].([]any)
	if step := steps[1].(object); step["name"] != "Scope" || step["result"] != "Skipped" || !strings.Contains(step["message"].(string), "isEnabled is false") {
		l.t.Errorf("the group that is not to be written: %v", steps)
	}
}

func cancelled(l *lab) {
	c := l.start("cancel")
	l.call(c, "session.connect", l.both())
	l.call(c, "writeback.enable", l.choices(nil))
	l.server.SetLatency(300 * time.Millisecond)
	defer l.server.SetLatency(0)
	run := l.during(c, "sync.start", nil, "ImportSource", func(p *client.Pending) {
		l.call(c, "request.cancel", object{"id": p.ID})
	})
	if run["status"] != "Stopped" || run["stopReason"] != "Cancelled" {
		l.t.Errorf("the run: %v", run)
	}

	// A cancelled request that is not a run ends with an error.
	l.server.SetLatency(time.Hour) // nothing but the cancel ends it
	pending, err := c.Go("session.connect", l.source(l.secret()))
	check(l.t, err)
	time.Sleep(100 * time.Millisecond)
	check(l.t, pending.Cancel())
	ctx, cancel := context.WithTimeout(l.t.Context(), patience)
	defer cancel()
	wantID(l.t, pending.Wait(ctx, nil), "Cancelled")

	// The end of input cancels, too, and the run's record is still answered.
	l.server.SetLatency(300 * time.Millisecond)
	run = l.during(c, "sync.start", nil, "ImportSource", func(*client.Pending) { check(l.t, c.CloseInput()) })
	if run["stopReason"] != "Cancelled" {
		l.t.Errorf("the run at the end of input: %v", run)
	}
	if code, err := c.Wait(patience); code != 0 || err != nil {
		l.t.Errorf("exit code %d, %v", code, err)
	}
}

// tokenExpires lets the access token expire. The engine asks for a new one, and if there
// is none, the run ends as Partial.
func tokenExpires(l *lab) {
	c := l.start("token")
	l.call(c, "session.connect", l.both())
	l.call(c, "writeback.enable", l.choices(nil))
	asked := 0
	l.refresh = func() (any, error) {
		asked++
		return object{"accessToken": l.server.AccessToken(), "expiresOn": time.Now().Add(time.Hour).UTC().Format(time.RFC3339)}, nil
	}
	token := func() object {
		return l.source(object{"kind": "AccessToken", "accessToken": l.server.AccessToken(), "canRefresh": true})
	}
	// An engine's requests go to the lab that started it, so this needs another lab.
	other := *l
	c = other.start("token")
	l = &other
	l.call(c, "session.connect", merge(token(), []object{l.target(l.account())}))
	l.server.RevokeTokens()
	l.run(c, "sync.preview", nil, "Complete", "")
	if asked == 0 {
		l.t.Error("no fresh token was asked for")
	}
	l.refresh = func() (any, error) {
		return nil, &client.Error{Code: -32003, Message: "none left", Data: client.ErrorData{ID: "AccessTokenExpired"}}
	}
	stale := token()
	l.server.RevokeTokens()
	run := l.run(c, "sync.start", nil, "Partial", "AccessTokenExpired")
	if !strings.Contains(fmt.Sprint(run["message"], run["error"]), "oken") {
		l.t.Errorf("the run says nothing of the token: %v", run)
	}
	l.refused(c, "AccessTokenExpired", "session.connect", stale)
}

// otherOwner uses a state with another tenant and another domain.
func otherOwner(l *lab) {
	for id, replace := range map[string][2]string{
		"TenantMismatch": {`"id": "` + l.server.TenantID + `"`, `"id": "00000000-0000-4000-8000-00000000dead"`},
		"DomainMismatch": {`"sid": "S-1-5-21-`, `"sid": "S-1-5-21-9`},
	} {
		path := l.file("cancel") + "/settings.json"
		before := read(l.t, path)
		after := bytes.Replace(before, []byte(replace[0]), []byte(replace[1]), 1)
		if bytes.Equal(before, after) {
			l.t.Fatalf("%s does not hold %s:\n%s", path, replace[0], before)
		}
		write(l.t, path, after)
		c := l.start("cancel")
		l.call(c, "session.connect", l.both())
		l.refused(c, id, "sync.start", nil)
		c.Close()
		write(l.t, path, before)
	}
}

// TestOldSchemaIsRefused runs in a forest without the Exchange schema.
func TestOldSchemaIsRefused(t *testing.T) {
	l := newLab(t)
	if os.Getenv("GWB_LAB_SCHEMA") == "exchange" {
		t.Skip("the lab has the Exchange schema: run under tests/lab/run --schema 2012r2")
	}
	c := l.start("old")
	l.call(c, "session.connect", l.both())
	l.refused(c, "ExchangeSchemaMissing", "writeback.enable", object{"targetContainer": l.ou})
	l.call(c, "writeback.enable", object{"targetContainer": l.ou, "excludeMailAttribute": true})
	l.run(c, "sync.start", nil, "Complete", "")
}
