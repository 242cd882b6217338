package ad

import (
	"cmp"
	"context"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"groupwriteback/internal/contract"
)

const (
	portLDAP  = "389"
	portLDAPS = "636"
	portGC    = "3268"
	portGCS   = "3269"

	// srvTimeout bounds the DNS query that tells whether a name is a domain. If it is a
	// host, or there is no DNS at all, the answer may never come.
	srvTimeout = 3 * time.Second
)

// endpoint is an address to dial; the certificate must be valid for host.
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

// parseServer parses the server that the administrator gave: host or host:port. An IPv6
// address with a port is in brackets.
func parseServer(config contract.TargetConfig) (endpoint, error) {
	e := endpoint{port: portLDAPS, startTLS: config.StartTLS}
	if e.startTLS {
		e.port = portLDAP
	}
	server := strings.TrimSpace(config.Server)
	invalid := func(why string) error {
		return targetConfigInvalid(server, "The server name is not valid: "+why+".",
			"Specify a host name, host:port, or the DNS name of a domain, such as dc1.contoso.com.")
	}
	if server == "" {
		return e, invalid("it is empty")
	}
	if strings.ContainsAny(server, "/\\@ ") {
		return e, invalid("it contains characters that a host name cannot have")
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
		if port == portGC || port == portGCS {
			return e, invalid("port " + port + " is the port of the global catalog, which is read-only and lacks most attributes; " +
				"the engine finds the global catalog itself")
		}
		e.host, e.port = host, port
	}
	if e.host = hostName(e.host); !isASCII(e.host) {
		return e, invalid("it contains characters that are not ASCII")
	}
	if e.host == "" {
		return e, invalid("the host name is missing")
	}
	return e, nil
}

// lookupSRV has the signature of net.Resolver.LookupSRV.
type lookupSRV func(ctx context.Context, service, proto, name string) (string, []*net.SRV, error)

// systemSRV asks the system's resolver.
func systemSRV(ctx context.Context, service, proto, name string) (string, []*net.SRV, error) {
	return net.DefaultResolver.LookupSRV(ctx, service, proto, name)
}

// servers are the hosts that DNS returned for a service, in the order in which to try
// them.
type servers struct {
	// below are the hosts at or below a name that the administrator gave, or at or
	// below the forest's. DNS may choose only among these: its answers can be forged,
	// and a certificate proves no more than the name that was asked for.
	below []string
	// elsewhere are the other hosts.
	elsewhere []string
}

// find asks DNS for the servers of _service._tcp.name and separates those at or below
// one of the domains from the others.
func find(ctx context.Context, lookup lookupSRV, service, name string, domains ...string) servers {
	ctx, cancel := context.WithTimeout(ctx, srvTimeout)
	defer cancel()
	// The trailing dot keeps the resolver from appending a search domain. Valid records
	// count even if others were invalid.
	_, records, _ := lookup(ctx, service, "tcp", name+".")
	// The resolver has already shuffled records of the same priority by weight.
	slices.SortStableFunc(records, func(a, b *net.SRV) int { return cmp.Compare(a.Priority, b.Priority) })
	var found servers
	for _, r := range records {
		host := hostName(r.Target)
		switch {
		case host == "": // DNS says that the service is not available
		case slices.ContainsFunc(domains, func(d string) bool { return atOrBelow(host, d) }):
			found.below = append(found.below, host)
		default:
			found.elsewhere = append(found.elsewhere, host)
		}
	}
	return found
}

// located tells where a named server may be.
type located struct {
	// controllers are the domain controllers to try in turn, the preferred one first,
	// if the name is a domain's. Each must confirm that it belongs to that domain. If
	// none does, the name may still be a host's.
	controllers []endpoint
	// domain says that DNS knows domain controllers for the name; elsewhere are those
	// whose names are not below it.
	domain    bool
	elsewhere []string
}

// locate asks DNS what the name stands for. If DNS knows no domain controllers, a
// preferred host below the named one is tried first.
func locate(ctx context.Context, named endpoint, preferred string, lookup lookupSRV) located {
	if net.ParseIP(named.host) != nil {
		return located{}
	}
	found := find(ctx, lookup, "ldap", "dc._msdcs."+named.host, named.host)
	l := located{domain: len(found.below)+len(found.elsewhere) > 0, elsewhere: found.elsewhere}
	hosts := found.below
	if !l.domain && atOrBelow(preferred, named.host) && !sameHost(preferred, named.host) {
		hosts = []string{hostName(preferred)}
	}
	slices.SortStableFunc(hosts, func(a, b string) int {
		rank := func(host string) int {
			if sameHost(host, preferred) {
				return 0
			}
			return 1
		}
		return cmp.Compare(rank(a), rank(b))
	})
	for _, host := range hosts {
		// Use the named port: the record's port is that of plain LDAP.
		l.controllers = append(l.controllers, endpoint{host: host, port: named.port, startTLS: named.startTLS})
	}
	return l
}
