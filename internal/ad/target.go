package ad

import (
	"context"
	"crypto/x509"
	"errors"
	"sync"
	"sync/atomic"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/descriptor"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// target implements contract.Target on one domain controller.
type target struct {
	server endpoint
	root   rootDSE // as read when the target was opened
	user   string  // as given; empty for the current identity
	binder binder
	pool   *pool
	// catalog holds connections to a global catalog. None is opened before it is
	// needed.
	catalog *pool

	domainGUID directory.GUID
	domainSID  directory.SID
	schema     contract.Schema
	allowed    []string // attributes that groups can have
	// selected are the attributes to read from groups.
	selected atomic.Pointer[selection]
	// account is the account we are bound as; token holds it and the groups it belongs
	// to.
	account   directory.SID
	token     descriptor.Token
	forestSID directory.SID

	mu            sync.Mutex
	catalogBinder binder  // set if the catalog is on another host than the server
	forest        *forest // nil until it has been read
	parent        parentName
	outage        outage
}

var _ contract.OpenTarget = Open

// Open connects to a writable domain controller and signs in on a first connection. It
// reads what does not change while the target is open.
//
// Errors: TargetConfigInvalid, CAFileInvalid, KeytabInvalid, KerberosConfigInvalid;
// ServerNotFound, ServerUnreachable, StartTlsRefused, TlsFailed, ServerElsewhere,
// ServerOfOtherDomain, CertificateNotTrusted, CertificateNameMismatch,
// CertificateExpired; NotADomainController, ReadOnlyDomainController; and those of
// signing in, see bindFailures.
func Open(ctx context.Context, config contract.TargetConfig) (contract.Target, error) {
	named, err := parseServer(config)
	if err != nil {
		return nil, err
	}
	if err := checkCredentials(config); err != nil {
		return nil, err
	}
	roots, err := contract.TrustedRoots(config.CAFile, "-DirectoryCAFile")
	if err != nil {
		return nil, err
	}
	t := &target{user: config.User}
	wanted := config.Attributes
	if wanted == nil {
		wanted = plan.Standard.Attributes()
	}
	first, err := t.pin(ctx, named, config.PreferredServer, roots)
	if err != nil {
		return nil, err
	}
	t.binder, err = newBinder(ctx, config, t.server, t.root, kdc{t.root.domainName(), t.server.host})
	if err != nil {
		first.discard()
		return nil, err
	}
	account := newAccount()
	t.pool = newPool(account, t.server.host, opener{t.server, roots, t.root, t.binder, first}.open())
	t.catalog = newPool(account, t.server.catalog().String(), newCatalogOpener(t, config, roots).open)
	if err := t.readDomain(ctx, wanted); err != nil {
		_ = t.Close()
		return nil, err
	}
	return t, nil
}

// pin chooses the domain controller, which stays the same until the target is closed,
// and returns the first connection to it. The server's identity is certain before we
// sign in: its certificate is valid for the name that the administrator gave, or for a
// name below the domain that the administrator gave, and then the server must confirm
// that it belongs to that domain.
func (t *target) pin(ctx context.Context, named endpoint, preferred string, roots *x509.CertPool) (*conn, error) {
	found := locate(ctx, named, preferred, systemSRV)
	var problem error
	for _, e := range found.controllers {
		c, root, err := meet(ctx, e, roots)
		if err == nil {
			if err = root.of(named.host, e); err == nil {
				t.server, t.root = e, root
				return c, nil
			}
			c.discard()
		}
		if problem = err; ctx.Err() != nil {
			return nil, err
		}
	}
	c, root, err := meet(ctx, named, roots)
	if err == nil {
		switch {
		case sameHost(root.domainName(), named.host):
			if c, err = t.settle(ctx, named, c, root, roots); err == nil {
				return c, nil
			}
			return nil, err
		case !found.domain || sameHost(root.dnsHostName, named.host):
			t.server, t.root = named, root
			return c, nil
		}
		c.discard()
		err = root.of(named.host, named)
	}
	switch {
	case ctx.Err() != nil || !found.domain:
	case problem != nil:
		err = problem
	case len(found.elsewhere) > 0:
		err = elsewhere(named.host, found.elsewhere)
	}
	return nil, err
}

// settle replaces a connection to a domain's name with one to the same domain
// controller's own name, because the domain's name may lead to another domain
// controller next time.
func (t *target) settle(ctx context.Context, named endpoint, c *conn, root rootDSE, roots *x509.CertPool) (*conn, error) {
	t.server, t.root = named, root
	if root.dnsHostName == "" || sameHost(root.dnsHostName, named.host) {
		return c, nil
	}
	if !atOrBelow(root.dnsHostName, named.host) {
		c.discard()
		return nil, elsewhere(named.host, []string{root.dnsHostName})
	}
	own := endpoint{host: hostName(root.dnsHostName), port: named.port, startTLS: named.startTLS}
	d, root, err := meet(ctx, own, roots)
	if err != nil {
		return c, nil
	}
	if root.of(named.host, own) != nil {
		d.discard()
		return c, nil
	}
	c.discard()
	t.server, t.root = own, root
	return d, nil
}

// meet dials the server and reads its rootDSE.
func meet(ctx context.Context, e endpoint, roots *x509.CertPool) (*conn, rootDSE, error) {
	c, err := dial(ctx, e, roots)
	if err != nil {
		return nil, rootDSE{}, err
	}
	root, err := readRootDSE(ctx, c)
	if err == nil {
		err = root.check(e)
	} else {
		err = bindError(ctx, e, "", err)
	}
	if err != nil {
		c.discard()
		return nil, rootDSE{}, err
	}
	return c, root, nil
}

// opener opens connections to one domain controller, which it recognizes by its root.
type opener struct {
	server endpoint
	roots  *x509.CertPool
	root   rootDSE
	binder binder
	first  *conn // used before another connection is dialled
}

func (o opener) open() func(context.Context) (*conn, error) {
	return func(ctx context.Context) (*conn, error) {
		c := o.first
		o.first = nil
		if c == nil {
			var root rootDSE
			var err error
			if c, root, err = meet(ctx, o.server, o.roots); err != nil {
				return nil, err
			}
			if err := root.same(o.root, o.server); err != nil {
				c.discard()
				return nil, err
			}
		}
		if err := o.binder.bind(ctx, c); err != nil {
			c.discard()
			return nil, err
		}
		return c, nil
	}
}

// Close closes the connections. Methods called afterwards fail.
func (t *target) Close() error {
	t.pool.close()
	t.catalog.close()
	t.binder.close()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.catalogBinder != nil {
		t.catalogBinder.close()
	}
	return nil
}

// dnOf returns the current name of an object of the domain, or "" if it does not exist.
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

// groupDN returns the current name of a group. If the group does not exist, the error
// is GroupNotFound, which wraps the cause if there is one.
func (t *target) groupDN(ctx context.Context, group directory.GUID, cause error) (string, error) {
	dn, err := t.dnOf(ctx, group)
	if err == nil && dn == "" {
		err = groupNotFound(group.String(), cause)
	}
	return dn, err
}

// abort carries an error of the caller's function through the read, so that it is not
// taken for an error of the directory.
type abort struct{ err error }

func (a *abort) Error() string { return a.err.Error() }

// unwrapAbort returns the caller's own error if err contains one.
func unwrapAbort(err error) (error, bool) {
	var a *abort
	if errors.As(err, &a) {
		return a.err, true
	}
	return nil, false
}
