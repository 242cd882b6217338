package server

import (
	"fmt"
	"strings"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// Bits of userAccountControl.
const (
	accountDisabled = 0x2
	normalAccount   = 0x200
)

// lockoutThreshold is the number of wrong passwords that locks lockoutAccount, the only
// account with a lockout policy.
const lockoutThreshold, lockoutAccount = 5, "svc-locked"

// bind signs in by name and password, only over TLS.
func (c *session) bind(p *ber.Packet) *result {
	c.user, c.name = nil, ""
	name, credentials := content(p.Children[1]), p.Children[2]
	if credentials.Tag != 0 {
		return refuse(ldap.LDAPResultAuthMethodNotSupported, 0x57, "LdapErr: DSID-0C0904D0, comment: this server has no SASL, data 0, v4563")
	}
	password := content(credentials)
	if password == "" {
		return nil // an anonymous bind, even if a name is given
	}
	if !c.secure {
		return refuse(ldap.LDAPResultStrongAuthRequired, 0x2028, "LdapErr: DSID-0C09027F, comment: The server requires binds to turn on integrity checking if SSL\\TLS are not already active on the connection, data 0, v4563")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	account := c.domain.account(name)
	if code := account.signIn(password); code != "" {
		return refuse(ldap.LDAPResultInvalidCredentials, 0x80090308, "LdapErr: DSID-0C09050F, comment: AcceptSecurityContext error, data "+code+", v4563")
	}
	c.user, c.name = account, account.text("sAMAccountName")
	return nil
}

// account finds an account by the forms of a name in a simple bind (MS-ADTS 5.1.1.1.1):
// DN, UPN, DOMAIN\name.
func (d *domain) account(name string) *object {
	if domain, account, ok := strings.Cut(name, `\`); ok && !strings.Contains(name, "=") {
		if sameText(domain, netbios) || sameText(domain, domainName) {
			return d.named(account)
		}
		return nil
	}
	if strings.Contains(name, "=") {
		if o, bad := d.find(name); bad == nil && !o.deleted {
			return o
		}
		return nil
	}
	if o := d.one("userPrincipalName", fold(name)); o != nil {
		return o
	}
	if account, domain, ok := strings.Cut(name, "@"); ok && (sameText(domain, domainName) || sameText(domain, netbios)) {
		return d.named(account)
	}
	return nil
}

// signIn returns the data code of a refusal, or "". An account's state is revealed only
// to those who know its password, except that anyone learns that it is locked.
func (o *object) signIn(password string) string {
	if o == nil || o.password == "" {
		return "52e" // Windows returns 525 in some cases; 52e does not reveal which accounts exist
	}
	if o.number("lockoutTime") > 0 {
		return "775"
	}
	if password != o.password {
		failures := o.number("badPwdCount") + 1
		o.set("badPwdCount", fmt.Sprint(failures))
		if o.text("sAMAccountName") == lockoutAccount && failures >= lockoutThreshold {
			o.set("lockoutTime", fmt.Sprint(windowsTime(time.Now())))
		}
		return "52e"
	}
	o.set("badPwdCount", "0")
	expires := o.number("accountExpires")
	switch {
	case o.number("userAccountControl")&accountDisabled != 0:
		return "533"
	case expires > 0 && expires < windowsTime(time.Now()):
		return "701"
	case o.text("pwdLastSet") == "0":
		return "773"
	}
	return ""
}

// windowsTime returns the time in units of 100 ns since 1601.
func windowsTime(t time.Time) int64 { return t.UnixNano()/100 + 116444736000000000 }
