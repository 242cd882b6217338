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
// when the name is a domain's, the preferred one first, else the host itself.
// Where no DNS knows the domain's controllers, a preferred host whose name is
// below the named one is tried first too; whether that is its domain, it has to
// say itself.
func locate(ctx context.Context, named endpoint, preferred string, lookup lookupSRV) []endpoint {
	if net.ParseIP(named.host) != nil {
		return []endpoint{named}
	}
	// The port is the named one: that of a record is of plain LDAP.
	at := func(host string) endpoint { return endpoint{host: host, port: named.port, startTLS: named.startTLS} }
	ctx, cancel := context.WithTimeout(ctx, srvTimeout)
	defer cancel()
	_, records, err := lookup(ctx, "ldap", "tcp", "dc._msdcs."+named.host)
	if err != nil || len(records) == 0 {
		if rest, below := cutSuffixFold(preferred, "."+named.host); below && rest != "" {
			return []endpoint{at(preferred), named}
		}
		return []endpoint{named}
	}
	// The resolver has shuffled records of one priority by weight.
	rank := func(r *net.SRV) int {
		if strings.EqualFold(strings.TrimSuffix(r.Target, "."), preferred) {
			return -1
		}
		return int(r.Priority)
	}
	slices.SortStableFunc(records, func(a, b *net.SRV) int { return cmp.Compare(rank(a), rank(b)) })
	found := make([]endpoint, len(records))
	for i, r := range records {
		found[i] = at(strings.TrimSuffix(r.Target, "."))
	}
	return found
}

func cutSuffixFold(s, suffix string) (string, bool) {
	at := len(s) - len(suffix)
	if at < 0 || !strings.EqualFold(s[at:], suffix) {
		return s, false
	}
	return s[:at], true
}
