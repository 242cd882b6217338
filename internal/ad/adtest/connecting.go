package adtest

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

func (s *suite) testConnect(t *testing.T) {
	netbios := strings.ToUpper(strings.Split(s.Domain, ".")[0])
	account, _, _ := strings.Cut(s.Config.User, "@")
	accountDN := "CN=" + account + ",CN=Users," + s.Base
	for name, change := range map[string]func(*contract.TargetConfig){
		"LDAPS":                  func(c *contract.TargetConfig) {},
		"LDAPS with port":        func(c *contract.TargetConfig) { c.Server = s.at(s.LDAPS) },
		"StartTLS":               s.startTLS,
		"domain and user":        func(c *contract.TargetConfig) { c.User = netbios + `\` + account },
		"distinguished name":     func(c *contract.TargetConfig) { c.User = accountDN },
		"Kerberos by password":   func(c *contract.TargetConfig) { c.Kind = contract.KerberosPassword },
		"Kerberos by keytab":     func(c *contract.TargetConfig) { s.keytab(c) },
		"Kerberos over StartTLS": func(c *contract.TargetConfig) { s.keytab(c); s.startTLS(c) },
		"Kerberos to an address": func(c *contract.TargetConfig) { s.keytab(c); c.Server = "127.0.0.1" },
		"Kerberos, domain\\user": func(c *contract.TargetConfig) { c.Kind = contract.KerberosPassword; c.User = netbios + `\` + account },
		"Kerberos, no krb5.conf": func(c *contract.TargetConfig) { s.keytab(c); c.Krb5Conf = emptyFile(t) },
		"Kerberos, other suffix": func(c *contract.TargetConfig) {
			s.keytab(c)
			c.User = account + "@elsewhere"
			c.Realm = strings.ToLower(s.Realm)
		},
		// If a host is named, it is used, whatever is preferred.
		"another preferred":        func(c *contract.TargetConfig) { c.PreferredServer = "dc9." + s.Domain },
		"name of the whole domain": func(c *contract.TargetConfig) { c.Server = s.Domain },
		"domain, one preferred": func(c *contract.TargetConfig) {
			c.Server, c.PreferredServer = s.Domain, s.host()
		},
		"domain, one preferred that is gone": func(c *contract.TargetConfig) {
			c.Server, c.PreferredServer = s.Domain, "dc9."+s.Domain
		},
		// The certificate is not valid for this name.
		"domain, one preferred that is not trusted": func(c *contract.TargetConfig) {
			c.Server, c.PreferredServer = s.Domain, "alias."+s.Domain
		},
	} {
		t.Run(name, func(t *testing.T) {
			s.withoutKerberos(t, change)
			config := s.Config
			if change(&config); config.Server == s.Domain {
				if _, err := net.DefaultResolver.LookupHost(testContext(t), s.Domain); err != nil {
					t.Skip("no name service knows the domain: ", err)
				}
			}
			target, err := s.tryOpen(t, change)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := target.Container(testContext(t), s.Container, directory.GUID{}); err != nil {
				t.Error(err)
			}
			if config.Server == s.Domain {
				if who, err := target.Identify(testContext(t)); err != nil || who.Server != s.host() {
					t.Errorf("the domain's controller is %q, %v", who.Server, err)
				}
			}
			// Use several connections at once.
			done := make(chan error)
			for range 6 {
				go func() {
					_, err := target.Identify(testContext(t))
					done <- err
				}()
			}
			for range 6 {
				if err := <-done; err != nil {
					t.Error(err)
				}
			}
		})
	}
	for name, failing := range map[string]struct {
		id     string
		change func(*contract.TargetConfig)
	}{
		"wrong password": {"LdapInvalidCredentials", func(c *contract.TargetConfig) { c.Password = contract.NewSecret(wrongPassword) }},
		"wrong password, krb5": {"LdapInvalidCredentials", func(c *contract.TargetConfig) {
			c.Kind = contract.KerberosPassword
			c.Password = contract.NewSecret(wrongPassword)
		}},
		"unknown user":       {"LdapInvalidCredentials", func(c *contract.TargetConfig) { c.User = "nobody@" + s.Domain }},
		"unknown user, krb5": {"LdapInvalidCredentials", func(c *contract.TargetConfig) { c.Kind = contract.KerberosPassword; c.User = "nobody@" + s.Domain }},
		"disabled":           {"AccountDisabled", func(c *contract.TargetConfig) { c.User = "svc-disabled@" + s.Domain }},
		"disabled, krb5": {"AccountDisabled", func(c *contract.TargetConfig) {
			c.Kind = contract.KerberosPassword
			c.User = "svc-disabled@" + s.Domain
		}},
		"expired":     {"AccountExpired", func(c *contract.TargetConfig) { c.User = "svc-expired@" + s.Domain }},
		"must change": {"PasswordMustChange", func(c *contract.TargetConfig) { c.User = "svc-mustchange@" + s.Domain }},
		"must change, krb5": {"PasswordExpired", func(c *contract.TargetConfig) {
			c.Kind = contract.KerberosPassword
			c.User = "svc-mustchange@" + s.Domain
		}},
		"no password":           {"TargetConfigInvalid", func(c *contract.TargetConfig) { c.Password = contract.Secret{} }},
		"no user":               {"TargetConfigInvalid", func(c *contract.TargetConfig) { c.User = "" }},
		"no way to sign in":     {"TargetConfigInvalid", func(c *contract.TargetConfig) { c.Kind = "" }},
		"no server":             {"TargetConfigInvalid", func(c *contract.TargetConfig) { c.Server = "" }},
		"a URL as server":       {"TargetConfigInvalid", func(c *contract.TargetConfig) { c.Server = "ldaps://" + c.Server }},
		"unknown server":        {"ServerNotFound|ServerUnreachable", func(c *contract.TargetConfig) { c.Server = "dc9.invalid" }},
		"no such port":          {"ServerUnreachable", func(c *contract.TargetConfig) { c.Server = s.at("1") }},
		"port of plain LDAP":    {"TlsFailed", func(c *contract.TargetConfig) { c.Server = s.at(s.LDAP) }},
		"other authority":       {"CertificateNotTrusted", func(c *contract.TargetConfig) { c.CAFile = s.OtherCA }},
		"other authority, TLS":  {"CertificateNotTrusted", func(c *contract.TargetConfig) { c.CAFile = s.OtherCA; s.startTLS(c) }},
		"system's authorities":  {"CertificateNotTrusted", func(c *contract.TargetConfig) { c.CAFile = "" }},
		"other name":            {"CertificateNameMismatch", func(c *contract.TargetConfig) { c.Server = net.JoinHostPort("localhost", s.LDAPS) }},
		"other name, StartTLS":  {"CertificateNameMismatch", func(c *contract.TargetConfig) { c.Server = net.JoinHostPort("localhost", s.LDAP); c.StartTLS = true }},
		"no CA file":            {"CAFileInvalid", func(c *contract.TargetConfig) { c.CAFile = "/nowhere/ca.pem" }},
		"CA file without any":   {"CAFileInvalid", func(c *contract.TargetConfig) { c.CAFile = s.Users }},
		"no keytab":             {"KeytabInvalid", func(c *contract.TargetConfig) { s.keytab(c); c.Keytab = "/nowhere/keytab" }},
		"keytab of another":     {"KerberosFailed|LdapInvalidCredentials", func(c *contract.TargetConfig) { s.keytab(c); c.User = "svc-none@" + s.Domain }},
		"no krb5.conf there":    {"KerberosConfigInvalid", func(c *contract.TargetConfig) { s.keytab(c); c.Krb5Conf = "/nowhere/krb5.conf" }},
		"no KDC of that realm":  {"ServerUnreachable", func(c *contract.TargetConfig) { s.keytab(c); c.Krb5Conf = deadKDC(t, s.Realm) }},
		"current identity here": {"CurrentIdentityUnsupported", func(c *contract.TargetConfig) { c.Kind = contract.CurrentIdentity }},
	} {
		t.Run(name, func(t *testing.T) {
			s.withoutKerberos(t, failing.change)
			begin := time.Now()
			_, err := s.tryOpen(t, failing.change)
			s.wantOneOf(t, err, failing.id)
			if took := time.Since(begin); took > limit {
				t.Errorf("it took %v to say so", took)
			}
		})
	}
	t.Run("refused once", s.testRefusedOnce)
	t.Run("locked", s.testLocked)
	t.Run("cancelled", s.testCancelled)
}

// startTLS asks for StartTLS on the plain LDAP port.
func (s *suite) startTLS(c *contract.TargetConfig) { c.Server, c.StartTLS = s.at(s.LDAP), true }

// withoutKerberos skips the test if it needs Kerberos and there is none.
func (s *suite) withoutKerberos(t *testing.T, change func(*contract.TargetConfig)) {
	t.Helper()
	c := s.Config
	change(&c)
	if s.Realm == "" && (c.Kind == contract.KerberosPassword || c.Kind == contract.KerberosKeytab) {
		t.Skip("this directory has no Kerberos")
	}
}

func (s *suite) keytab(c *contract.TargetConfig) {
	c.Kind, c.Keytab, c.Password = contract.KerberosKeytab, s.Keytab, contract.Secret{}
}

func emptyFile(t *testing.T) string {
	t.Helper()
	return writeFile(t, "")
}

func writeFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "krb5.conf")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// deadKDC returns a configuration that points to a port where nobody listens.
func deadKDC(t *testing.T, realm string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = listener.Close()
	return writeFile(t, "[libdefaults]\n udp_preference_limit = 1\n[realms]\n "+realm+" = {\n  kdc = "+listener.Addr().String()+"\n }\n")
}

// testRefusedOnce tests that a wrong password is sent only once, so that the account is
// not locked. The domain counts failures only if a lockout policy applies.
func (s *suite) testRefusedOnce(t *testing.T) {
	failures := func() int {
		n, _ := strconv.Atoi(s.admin.get(t, "CN=svc-locked,CN=Users,"+s.Base, "badPwdCount").GetAttributeValue("badPwdCount"))
		return n
	}
	before := failures()
	_, err := s.tryOpen(t, func(c *contract.TargetConfig) {
		c.User = "svc-locked@" + s.Domain
		c.Password = contract.NewSecret(wrongPassword)
	})
	s.wantError(t, err, "LdapInvalidCredentials")
	if n := failures() - before; n != 1 {
		t.Errorf("%d failed logons were counted, want 1", n)
	}
}

func (s *suite) testLocked(t *testing.T) {
	locked := "svc-locked@" + s.Domain
	for range 10 {
		if err := s.admin.dialAgain(t, s.Env).Bind(locked, wrongPassword); err == nil {
			t.Fatal("the wrong password was accepted")
		}
	}
	_, err := s.tryOpen(t, func(c *contract.TargetConfig) { c.User = locked })
	s.wantError(t, err, "AccountLocked")
}

func (*admin) dialAgain(t *testing.T, env Env) *ldap.Conn {
	t.Helper()
	return connectAdmin(t, env).Conn
}

// testCancelled tests that the end of a context is noticed at once, whatever is in
// progress.
func (s *suite) testCancelled(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Open(ended, s.Config); !errors.Is(err, context.Canceled) {
		t.Errorf("opening: %v", err)
	} else {
		s.wantError(t, err, "Cancelled")
	}
	target := s.open(t)
	container := s.unit(t, target, s.Container)
	created, id := s.create(t, target, container.GUID)
	_, err := target.Resolve(ended, []directory.SourceMember{{Kind: directory.KindUser, Readable: true, Synced: true, SID: "S-1-5-21-1-2-3-4"}})
	s.wantError(t, err, "Cancelled")
	s.wantError(t, target.Groups(ended, container.GUID, contract.WithMembers, func(directory.TargetGroup) error { return nil }), "Cancelled")
	s.wantError(t, target.Writer(nil).Delete(ended, created.GUID), "Cancelled")
	_, err = target.Writer(nil).Create(ended, container.GUID, s.attributes(newID(), "late"), nil)
	s.wantError(t, err, "Cancelled")
	own := errors.New("enough")
	if err := target.Groups(testContext(t), container.GUID, contract.WithMembers, func(directory.TargetGroup) error { return own }); err != own {
		t.Errorf("the caller's error came back as %v", err)
	}
	// In the middle of a read.
	middle, cancel := context.WithCancel(t.Context())
	defer cancel()
	err = target.Groups(middle, container.GUID, contract.WithMembers, func(directory.TargetGroup) error {
		cancel()
		return nil
	})
	s.wantError(t, err, "Cancelled")
	// The target still works as before.
	if got := s.groups(t, target, container.GUID); len(got) != 1 || got[0].AdminDesc != directory.Mark(id) {
		t.Errorf("after cancelled calls there are %v", got)
	}
	if err := target.Close(); err != nil {
		t.Error(err)
	}
	if _, err := target.Identify(testContext(t)); err == nil {
		t.Error("a closed target answers")
	}
}
