package ad

import (
	"cmp"
	"context"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"groupwriteback/internal/engine"
)

const (
	portLDAP  = "389"
	portLDAPS = "636"
	portGC    = "3268"
	portGCS   = "3269"

	// srvTimeout bounds the question whether a name is a domain: where it is
	// a host, or there is no DNS at all, the answer may never come.
	srvTimeout = 3 * time.Second
)

// endpoint is an address to dial; host is also the name the certificate must bear.
type endpoint struct {
	host, port string
	startTLS   bool
}

func (e endpoint) String() string { return net.JoinHostPort(e.host, e.port) }

// catalog returns the address of the global catalog on the same host.
func (e endpoint) catalog() endpoint {
	if e.startTLS {
		return endpoint{host: e.host, port: portGC, startTLS: true}
	}
	return endpoint{host: e.host, port: portGCS}
}

// parseServer reads what an administrator gave as server: host or host:port,
// an IPv6 address in brackets when a port follows.
func parseServer(server string, startTLS bool) (endpoint, error) {
	e := endpoint{port: portLDAPS, startTLS: startTLS}
	if startTLS {
		e.port = portLDAP
	}
	server = strings.TrimSpace(server)
	invalid := func(why string) error {
		return &engine.Error{
			Category: engine.InvalidArgument, ID: "TargetConfigInvalid", Object: server,
			Message: "The server name cannot be used: " + why + ".",
			Advice:  "Give a host name, host:port, or the DNS name of a domain, such as dc1.contoso.com.",
		}
	}
	if server == "" {
		return e, invalid("it is empty")
	}
	if strings.ContainsAny(server, "/\\@ ") {
		return e, invalid("it is not a bare host name")
	}
	if net.ParseIP(strings.Trim(server, "[]")) != nil || !strings.Contains(server, ":") {
		e.host = strings.Trim(server, "[]")
	} else {
		host, port, err := net.SplitHostPort(server)
		if err != nil {
			return e, invalid(err.Error())
		}
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return e, invalid(port + " is not a port number")
		}
		e.host, e.port = host, port
	}
	e.host = strings.TrimSuffix(e.host, ".")
	if e.host == "" {
		return e, invalid("it has no host")
	}
	return e, nil
}

// lookupSRV is net.Resolver.LookupSRV.
type lookupSRV func(ctx context.Context, service, proto, name string) (string, []*net.SRV, error)

// locate returns the domain controllers to try in turn: those of the domain
// when the name is a domain's, else the host itself.
func locate(ctx context.Context, e endpoint, lookup lookupSRV) []endpoint {
	if net.ParseIP(e.host) != nil {
		return []endpoint{e}
	}
	ctx, cancel := context.WithTimeout(ctx, srvTimeout)
	defer cancel()
	_, records, err := lookup(ctx, "ldap", "tcp", "dc._msdcs."+e.host)
	if err != nil || len(records) == 0 {
		return []endpoint{e}
	}
	// The resolver has shuffled records of one priority by weight.
	slices.SortStableFunc(records, func(a, b *net.SRV) int { return cmp.Compare(a.Priority, b.Priority) })
	found := make([]endpoint, len(records))
	for i, r := range records {
		// The record's port is that of plain LDAP, which is not the one used.
		found[i] = endpoint{host: strings.TrimSuffix(r.Target, "."), port: e.port, startTLS: e.startTLS}
	}
	return found
}
