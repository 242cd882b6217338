package ad

import (
	"context"
	"net"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/internal/contract"
)

// binder signs in a connection. Only one connection uses it at a time.
type binder interface {
	bind(ctx context.Context, c *conn) error
	close()
}

// newBinder prepares the kind of sign-in that the configuration names. The first KDC
// belongs to the account's own domain, unless the configuration names another realm.
func newBinder(ctx context.Context, config contract.TargetConfig, e endpoint, root rootDSE, known ...kdc) (binder, error) {
	switch config.Kind {
	case contract.SimpleBind:
		return simpleBinder{user: config.User, password: config.Password, server: e}, nil
	case contract.KerberosPassword, contract.KerberosKeytab:
		return newKerberosBinder(ctx, config, e, servicePrincipal(e, root), known)
	default:
		return newIdentityBinder(e, servicePrincipal(e, root))
	}
}

// checkCredentials refuses a configuration that cannot work before anything is sent. An
// empty password must not reach the server, which would treat it as an anonymous bind.
func checkCredentials(config contract.TargetConfig) error {
	missing := ""
	switch config.Kind {
	case contract.SimpleBind, contract.KerberosPassword:
		if config.User == "" {
			missing = "a user name"
		} else if config.Password.Reveal() == "" {
			missing = "a password"
		}
	case contract.KerberosKeytab:
		if config.User == "" {
			missing = "a user name"
		} else if config.Keytab == "" {
			missing = "a keytab file"
		}
	case contract.CurrentIdentity:
	default:
		missing = "a supported sign-in method"
	}
	if missing == "" {
		return nil
	}
	return targetConfigInvalid(config.User, "The credentials for Active Directory lack "+missing+".", "Connect again and specify the credentials with -Credential.")
}

// simpleBinder sends the user name and password, always over TLS.
type simpleBinder struct {
	user     string
	password contract.Secret
	server   endpoint
}

func (b simpleBinder) bind(ctx context.Context, c *conn) error {
	err := c.do(ctx, func(l *ldap.Conn) error { return l.Bind(b.user, b.password.Reveal()) })
	if err != nil {
		return bindError(ctx, b.server, b.user, err)
	}
	return nil
}

func (simpleBinder) close() {}

// servicePrincipal returns the name by which Kerberos knows the server. It uses the
// host name that was dialled or, if that is an IP address, the server's own name.
func servicePrincipal(e endpoint, root rootDSE) string {
	host := e.host
	if net.ParseIP(host) != nil && root.dnsHostName != "" {
		host = root.dnsHostName
	}
	return "ldap/" + strings.ToLower(host)
}
