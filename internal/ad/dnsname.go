package ad

import (
	"net"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// hostName returns a DNS name in the form used in queries and certificates: in lower
// case, with non-ASCII letters as Punycode, and without the trailing dot. A string that
// is not a valid DNS name is only lower-cased, without its trailing dot.
func hostName(name string) string {
	name = strings.TrimSuffix(name, ".")
	if ascii, err := idna.Lookup.ToASCII(name); err == nil && utf8.ValidString(name) && !isASCII(name) {
		return ascii
	}
	return strings.ToLower(name)
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
}

func sameHost(a, b string) bool { return hostName(a) == hostName(b) }

// atOrBelow reports whether the host is the domain itself or a name below it. An IP
// address is never below a domain.
func atOrBelow(host, domain string) bool {
	host, domain = hostName(host), hostName(domain)
	if host == "" || domain == "" || net.ParseIP(host) != nil {
		return false
	}
	return host == domain || strings.HasSuffix(host, "."+domain) && !strings.HasPrefix(host, ".")
}
