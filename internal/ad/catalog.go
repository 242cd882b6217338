package ad

import (
	"context"
	"crypto/x509"
	"fmt"
	"strings"

	"groupwriteback/internal/contract"
)

// maxCatalogs is how many global catalogs are tried; lookups wait in the meantime.
const maxCatalogs = 4

// catalogOpener opens connections to a global catalog. It uses the domain controller
// itself if that is one, otherwise a host that DNS names at or below a domain of the
// forest. Once a global catalog has answered, it stays with it.
type catalogOpener struct {
	target *target
	config contract.TargetConfig
	roots  *x509.CertPool
	at     func(host string) endpoint
	chosen func(context.Context) (*conn, error)
}

func newCatalogOpener(t *target, config contract.TargetConfig, roots *x509.CertPool) *catalogOpener {
	return &catalogOpener{target: t, config: config, roots: roots, at: func(host string) endpoint {
		return endpoint{host: host, startTLS: t.server.startTLS}.catalog()
	}}
}

// open must not be called concurrently.
func (o *catalogOpener) open(ctx context.Context) (*conn, error) {
	if o.chosen != nil {
		return o.chosen(ctx)
	}
	t := o.target
	var problem error
	if !t.root.noCatalog {
		own := opener{o.at(t.server.host), o.roots, t.root, t.binder, nil}.open()
		c, err := own(ctx)
		if err == nil {
			o.chosen = own
		}
		if err == nil || ctx.Err() != nil || refusesCredentials(err) {
			return c, err
		}
		problem = err
	}
	hosts := t.catalogs(ctx, systemSRV)
	for _, host := range hosts[:min(len(hosts), maxCatalogs)] {
		c, err := o.try(ctx, host)
		if err == nil || ctx.Err() != nil || refusesCredentials(err) {
			return c, err
		}
		problem = err
	}
	if problem == nil {
		problem = catalogNotFound(t.root.forestName(), fmt.Sprintf("%s is not a global catalog, and DNS lists none in the domains of the forest.", t.server.host),
			"Specify a domain controller that is a global catalog with -Server.")
	}
	return nil, problem
}

// catalogs returns the hosts of global catalogs at or below a domain of the forest,
// those of our own domain first. The pinned domain controller is left out.
func (t *target) catalogs(ctx context.Context, lookup lookupSRV) []string {
	name := t.root.forestName()
	if name == "" {
		return nil
	}
	domains := []string{t.root.domainName(), name}
	t.mu.Lock()
	if t.forest != nil {
		domains = append(domains, t.forest.names...)
	}
	t.mu.Unlock()
	var near, far []string
	found, asked := find(ctx, lookup, "gc", name, domains...), map[string]bool{hostName(t.server.host): true, hostName(t.root.dnsHostName): true}
	for _, host := range found.below {
		switch {
		case asked[host]:
		case atOrBelow(host, t.root.domainName()):
			near = append(near, host)
		default:
			far = append(far, host)
		}
		asked[host] = true
	}
	return append(near, far...)
}

// try connects to the global catalog on the host and, if that succeeds, uses it from
// then on.
func (o *catalogOpener) try(ctx context.Context, host string) (*conn, error) {
	t := o.target
	e := o.at(host)
	c, root, err := meet(ctx, e, o.roots)
	if err != nil {
		return nil, err
	}
	if root.noCatalog || !strings.EqualFold(root.configuration, t.root.configuration) {
		c.discard()
		return nil, catalogNotFound(e.String(), "The server is not a global catalog of this forest.",
			"Correct the forest's _gc._tcp records in DNS, or specify a domain controller that is a global catalog with -Server.")
	}
	b, err := newBinder(ctx, o.config, e, root, kdc{t.root.domainName(), t.server.host}, kdc{root.domainName(), host})
	if err != nil {
		c.discard()
		return nil, err
	}
	open := opener{e, o.roots, root, b, c}.open()
	if c, err = open(ctx); err != nil {
		b.close()
		return nil, err
	}
	t.mu.Lock()
	t.catalogBinder = b
	t.mu.Unlock()
	o.chosen = open
	return c, nil
}
