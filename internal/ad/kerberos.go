package ad

import (
	"context"
	"crypto"
	"crypto/md5"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"strings"
	"sync"

	"groupwriteback/internal/ad/kerberos"
	"groupwriteback/internal/contract"
)

// kerberosBinder signs in with tickets that it gets by password or keytab. All
// connections share the tickets.
type kerberosBinder struct {
	principal string // the service's principal
	user      string
	server    endpoint

	mu      sync.Mutex
	pending *login                  // in progress, or ended with nobody having read its result
	signIn  func() (tickets, error) // holds the password or the keytab; nil once closed
	tickets tickets                 // of the last login; nil before the first
}

func newKerberosBinder(ctx context.Context, settings contract.TargetConfig, e endpoint, principal string, known []kdc) (binder, error) {
	user, realm := kerberosUser(settings.User, settings.Realm, known[0].realm)
	krb5, err := loadKrb5Conf(ctx, settings.Krb5Conf, realm, known, systemSRV)
	if err != nil {
		return nil, err
	}
	b := &kerberosBinder{principal: principal, user: user + "@" + realm, server: e}
	if settings.Kind == contract.KerberosPassword {
		b.signIn = signInBy(kerberos.WithPassword(user, realm, settings.Password.Reveal(), krb5))
		return b, nil
	}
	account, err := kerberos.WithKeytab(user, realm, settings.Keytab, krb5)
	if err != nil {
		return nil, &contract.Error{
			Category: contract.InvalidData, ID: "KeytabInvalid", Object: settings.Keytab,
			Message: "The keytab file cannot be read.",
			Advice:  "Check the path and the permissions of the file, or export the keytab again with ktpass or ktutil.", Err: err,
		}
	}
	b.signIn = signInBy(account)
	return b, nil
}

// kerberosUser splits user@realm and DOMAIN\user. The given realm overrides the one in
// the name, which may be an alternative suffix; the domain's own realm is the last
// resort.
func kerberosUser(name, realm, domain string) (user, userRealm string) {
	user = name
	if _, account, ok := strings.Cut(name, `\`); ok {
		user = account
	} else if at := strings.LastIndexByte(name, '@'); at >= 0 {
		user, userRealm = name[:at], name[at+1:]
	}
	if realm != "" {
		userRealm = realm
	}
	if userRealm == "" {
		userRealm = domain
	}
	return user, strings.ToUpper(userRealm)
}

func (b *kerberosBinder) bind(ctx context.Context, c *conn) error {
	if b.underWay() != nil { // a cancelled login has to end first
		if err := b.login(ctx, b.getTickets); err != nil {
			return err
		}
	}
	if b.due() {
		if err := b.login(ctx, b.getTickets); err != nil {
			return err
		}
	}
	tickets := b.held()
	if tickets == nil {
		return errClosed
	}
	bindings, err := channelBindings(c.tls.PeerCertificates[0])
	if err != nil {
		return kerberosError(b, err)
	}
	ours, err := gssapiBind(ctx, c, tickets.Session(bindings), b.principal, []int{kerberos.MutualRequired})
	if ours != nil {
		return kerberosError(b, ours)
	}
	if err != nil {
		return bindError(ctx, b.server, b.user, err)
	}
	return nil
}

// kerberosFailures maps the KDC's errors to the data codes of bindFailures. gokrb5
// keeps their names only in its text.
var kerberosFailures = []struct{ name, data string }{
	{"KDC_ERR_PREAUTH_FAILED", "52e"},
	{"KDC_ERR_C_PRINCIPAL_UNKNOWN", "525"},
	{"KDC_ERR_KEY_EXPIRED", "532"},
	{"KRB_AP_ERR_SKEW", "576"},
	{"client password/keytab incorrect", "52e"},
}

func kerberosError(b *kerberosBinder, err error) error {
	failure := &contract.Error{Category: contract.Authentication, Object: fmt.Sprintf("%s on %s", b.user, b.server), Err: err}
	text := err.Error()
	for _, known := range kerberosFailures {
		if strings.Contains(text, known.name) {
			reason := bindFailures[known.data]
			failure.ID, failure.Message, failure.Advice = reason.id, reason.message, reason.advice
			return failure
		}
	}
	failure.ID = "KerberosFailed"
	switch {
	case strings.Contains(text, "KDC_ERR_CLIENT_REVOKED"):
		failure.ID = "AccountDisabled"
		failure.Message = "The account is disabled, expired or locked out."
		failure.Advice = "Check the account in Active Directory."
	case strings.Contains(text, "KDC_ERR_S_PRINCIPAL_UNKNOWN"):
		failure.Message = fmt.Sprintf("The domain has no service %s.", b.principal)
		failure.Advice = "Connect with the full DNS name of the domain controller."
	case kerberos.NoNetwork(err), strings.Contains(text, "communicat"):
		failure.Category, failure.ID = contract.Connection, "ServerUnreachable"
		failure.Message = "No Kerberos KDC of the realm can be reached."
		failure.Advice = "Check that this computer can reach port 88 of the domain controller, and check the realm in krb5.conf."
	default:
		failure.Message = "The Kerberos sign-in failed."
		failure.Advice = "Check the realm, the keytab and the clocks."
	}
	return failure
}

// channelBindings hashes the tls-server-end-point bindings (RFC 5929, 4) as RFC 4121,
// 4.1.1.2 says: no addresses, then the application data.
func channelBindings(certificate *x509.Certificate) ([md5.Size]byte, error) {
	hash := endPointHash(certificate.SignatureAlgorithm)
	if hash == 0 {
		return [md5.Size]byte{}, fmt.Errorf("channel bindings are not defined for a certificate signed with %v", certificate.SignatureAlgorithm)
	}
	digest := hash.New()
	digest.Write(certificate.Raw)
	data := append([]byte("tls-server-end-point:"), digest.Sum(nil)...)
	b := make([]byte, 16, 20+len(data)) // types and lengths of the two absent addresses
	b = binary.LittleEndian.AppendUint32(b, uint32(len(data)))
	return md5.Sum(append(b, data...)), nil
}

// endPointHash returns the hash of the certificate's signature, with SHA-256 instead of
// weaker ones, or 0 if the signature has no hash of its own.
func endPointHash(algorithm x509.SignatureAlgorithm) crypto.Hash {
	switch algorithm {
	case x509.MD5WithRSA, x509.SHA1WithRSA, x509.DSAWithSHA1, x509.ECDSAWithSHA1,
		x509.SHA256WithRSA, x509.SHA256WithRSAPSS, x509.DSAWithSHA256, x509.ECDSAWithSHA256:
		return crypto.SHA256
	case x509.SHA384WithRSA, x509.SHA384WithRSAPSS, x509.ECDSAWithSHA384:
		return crypto.SHA384
	case x509.SHA512WithRSA, x509.SHA512WithRSAPSS, x509.ECDSAWithSHA512:
		return crypto.SHA512
	}
	return 0
}
