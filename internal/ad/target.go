package ad

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"strings"
	"sync"

	"groupwriteback/internal/directory"
	"groupwriteback/internal/engine"
)

// target is the engine's Target on one domain controller.
type target struct {
	server endpoint
	root   rootDSE // as met at opening
	user   string  // as given; empty for the current identity
	binder binder
	pool   *pool
	// catalog holds connections to the global catalog on the same host; none
	// is made before one is needed.
	catalog *pool

	domainGUID directory.GUID
	domainSID  directory.SID
	schema     engine.Schema
	// account is who we are bound as, token the account and the groups it is in.
	account   directory.SID
	token     map[directory.SID]bool
	forestSID directory.SID

	mu     sync.Mutex
	forest *forest // nil until it was read
	parent parentName
	outage outage
}

var _ engine.OpenTarget = Open

// Open connects to a writable domain controller and signs in, on one
// connection first. It reads what does not change while the target is open.
//
// Errors: TargetConfigInvalid, CAFileInvalid, KeytabInvalid,
// KerberosConfigInvalid; ServerNotFound, ServerUnreachable, StartTlsRefused,
// TlsFailed, CertificateNotTrusted, CertificateNameMismatch,
// CertificateExpired; NotADomainController, ReadOnlyDomainController; and
// those of signing in, see bindFailures.
func Open(ctx context.Context, config engine.TargetConfig) (engine.Target, error) {
	named, err := parseServer(config.Server, config.StartTLS)
	if err != nil {
		return nil, err
	}
	if err := checkCredentials(config); err != nil {
		return nil, err
	}
	roots, err := engine.TrustedRoots(config.CAFile, "-DirectoryCAFile")
	if err != nil {
		return nil, err
	}
	t := &target{user: config.User}
	first, err := t.pin(ctx, named, config.PreferredServer, roots)
	if err != nil {
		return nil, err
	}
	t.binder, err = newBinder(config, t.server, t.root)
	if err != nil {
		first.discard()
		return nil, err
	}
	account := newAccount()
	t.pool = newPool(account, t.server.host, t.opener(t.server, roots, first))
	t.catalog = newPool(account, t.server.catalog().String(), t.opener(t.server.catalog(), roots, nil))
	if err := t.readDomain(ctx); err != nil {
		_ = t.Close()
		return nil, err
	}
	return t, nil
}

// pin chooses the domain controller, which stays the same to the end, and
// returns the first connection to it.
func (t *target) pin(ctx context.Context, named endpoint, preferred string, roots *x509.CertPool) (*conn, error) {
	var last error
	for _, e := range locate(ctx, named, preferred, net.DefaultResolver.LookupSRV) {
		c, root, err := meet(ctx, e, roots)
		if err == nil && e != named && strings.EqualFold(e.host, preferred) && !strings.EqualFold(root.domainName(), named.host) {
			// Not asked for: what is named is a host, or another domain.
			c.discard()
			continue
		}
		if err == nil {
			t.server, t.root = e, root
			return t.settle(ctx, c, roots), nil
		}
		last = err
		if ctx.Err() != nil {
			break
		}
	}
	return nil, last
}

// settle replaces a connection to a domain's name, which may lead to another
// domain controller next time, by one to the same domain controller's own name.
func (t *target) settle(ctx context.Context, c *conn, roots *x509.CertPool) *conn {
	if !strings.EqualFold(t.server.host, t.root.domainName()) || t.root.dnsHostName == "" {
		return c
	}
	own := endpoint{host: t.root.dnsHostName, port: t.server.port, startTLS: t.server.startTLS}
	d, root, err := meet(ctx, own, roots)
	if err != nil {
		return c
	}
	c.discard()
	t.server, t.root = own, root
	return d
}

// meet dials and asks the server who it is.
func meet(ctx context.Context, e endpoint, roots *x509.CertPool) (*conn, rootDSE, error) {
	c, err := dial(ctx, e, roots)
	if err != nil {
		return nil, rootDSE{}, err
	}
	root, err := readRootDSE(ctx, c)
	switch {
	case err == nil:
		err = root.check(e)
	case ctx.Err() != nil:
		err = stopped(ctx, e.String(), err)
	case isAnswer(err):
		err = bindError(ctx, e, "", err)
	default:
		err = unreachable(e, err)
	}
	if err != nil {
		c.discard()
		return nil, rootDSE{}, err
	}
	return c, root, nil
}

// opener returns the function that makes the connections of a pool; the first
// is used up before another is dialled.
func (t *target) opener(e endpoint, roots *x509.CertPool, first *conn) func(context.Context) (*conn, error) {
	return func(ctx context.Context) (*conn, error) {
		c := first
		first = nil
		if c == nil {
			var root rootDSE
			var err error
			if c, root, err = meet(ctx, e, roots); err != nil {
				return nil, err
			}
			if err := root.same(t.root, e); err != nil {
				c.discard()
				return nil, err
			}
		}
		if err := t.binder.bind(ctx, c); err != nil {
			c.discard()
			return nil, err
		}
		return c, nil
	}
}

// Close ends the connections. Methods called afterwards fail.
func (t *target) Close() error {
	t.pool.close()
	t.catalog.close()
	t.binder.close()
	return nil
}

// dnOf returns the present name of an object of the domain, "" when it does
// not exist.
func (t *target) dnOf(ctx context.Context, guid directory.GUID) (string, error) {
	e, err := t.pool.read(ctx, query{base: byGUID(guid), attributes: []string{"1.1"}})
	if err != nil {
		return "", t.readError(ctx, guid.String(), err)
	}
	if e == nil {
		return "", nil
	}
	return e.DN, nil
}

// abort carries the error of a caller's function through the reading, so that
// it is not taken for one of the directory.
type abort struct{ err error }

func (a *abort) Error() string { return a.err.Error() }

// unwrapAbort returns the caller's own error, if there is one in err.
func unwrapAbort(err error) (error, bool) {
	var a *abort
	if errors.As(err, &a) {
		return a.err, true
	}
	return nil, false
}
