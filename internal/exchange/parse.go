package exchange

import (
	"fmt"
	"strconv"
	"strings"
)

// maxDomain is the length of the longest domain name in text (RFC 1035).
const maxDomain = 253

// ParseAddressSpace parses a value of routingList, whose form is type:space;cost. The type
// and the cost may be missing and are then SMTP and 1. ok is false for another type. An
// error names the value.
func ParseAddressSpace(connector, value string) (space AddressSpace, ok bool, err error) {
	kind, rest, typed := strings.Cut(value, ":")
	if !typed {
		kind, rest = "SMTP", value
	}
	if !strings.EqualFold(strings.TrimSpace(kind), "SMTP") {
		return AddressSpace{}, false, nil
	}
	domain, cost, priced := strings.Cut(rest, ";")
	space = AddressSpace{Connector: connector, Domain: strings.TrimSpace(domain), Cost: 1}
	if priced {
		if space.Cost, err = strconv.Atoi(strings.TrimSpace(cost)); err != nil {
			return AddressSpace{}, false, fmt.Errorf("the address space %.300q of the connector %.100q has no number as its cost", value, connector)
		}
	}
	if space.Domain == "*" {
		return space, true, nil
	}
	if space.Domain, space.WithSubdomains, ok = parseDomain(space.Domain); !ok {
		return AddressSpace{}, false, fmt.Errorf("the address space %.300q of the connector %.100q names no domain", value, connector)
	}
	return space, true, nil
}

// parseDomain parses a domain or *.domain.
func parseDomain(text string) (domain string, withSubdomains, ok bool) {
	domain, withSubdomains = strings.CutPrefix(text, "*.")
	if domain == "" || len(domain) > maxDomain || strings.ContainsAny(domain, "* @:;,\"'\\/") {
		return "", false, false
	}
	for label := range strings.SplitSeq(domain, ".") {
		if label == "" {
			return "", false, false
		}
	}
	return domain, withSubdomains, true
}

// Flags of msExchAcceptedDomainFlags. A domain without either is authoritative; other flags
// do not say what happens to its mail.
const (
	flagExternalRelay = 1
	flagInternalRelay = 2
)

// ParseAcceptedDomain returns the accepted domain with these values of
// msExchAcceptedDomainName and msExchAcceptedDomainFlags.
func ParseAcceptedDomain(name, flags string) (AcceptedDomain, error) {
	domain, withSubdomains, ok := parseDomain(strings.TrimSpace(name))
	if !ok {
		return AcceptedDomain{}, fmt.Errorf("the accepted domain %.300q is no domain", name)
	}
	bits := 0
	if flags != "" {
		var err error
		if bits, err = strconv.Atoi(flags); err != nil {
			return AcceptedDomain{}, fmt.Errorf("the flags %.100q of the accepted domain %s are no number", flags, domain)
		}
	}
	a := AcceptedDomain{Name: domain, WithSubdomains: withSubdomains, Type: Authoritative}
	switch bits & (flagExternalRelay | flagInternalRelay) {
	case flagExternalRelay:
		a.Type = ExternalRelay
	case flagInternalRelay:
		a.Type = InternalRelay
	case flagExternalRelay | flagInternalRelay:
		return AcceptedDomain{}, fmt.Errorf("the flags %s of the accepted domain %s contradict each other", flags, domain)
	}
	return a, nil
}

// Version is the version of a server: 15.2.1118.7 is a cumulative update of Exchange
// Server 2019.
type Version struct{ Major, Minor, Build, Revision int }

// String returns the version, or "" if it is not known.
func (v Version) String() string {
	if v == (Version{}) {
		return ""
	}
	return fmt.Sprintf("%d.%d.%d.%d", v.Major, v.Minor, v.Build, v.Revision)
}

// before reports whether v is older than w.
func (v Version) before(w Version) bool {
	for _, pair := range [][2]int{{v.Major, w.Major}, {v.Minor, w.Minor}, {v.Build, w.Build}} {
		if pair[0] != pair[1] {
			return pair[0] < pair[1]
		}
	}
	return v.Revision < w.Revision
}

// ParseVersion parses serialNumber of a server, "Version 15.2 (Build 31118.7)". Active
// Directory has the build with 30,000 added to it; Get-ExchangeServer shows it without. A
// text of another form is an unknown version.
func ParseVersion(serial string) Version {
	var v Version
	if n, err := fmt.Sscanf(serial, "Version %d.%d (Build %d.%d)", &v.Major, &v.Minor, &v.Build, &v.Revision); n != 4 || err != nil {
		return Version{}
	}
	if v.Build >= 30000 {
		v.Build -= 30000
	}
	return v
}
