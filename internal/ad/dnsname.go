package ad

import (
	"net"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// hostName returns a name of DNS in the spelling in which it is asked for and
// stands in certificates: in lower case, letters beyond ASCII as Punycode,
// without the dot of the root. What is no such name stays as it is.
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

// atOrBelow reports whether the host is the domain or has a name below it. An
// address is below nothing.
func atOrBelow(host, domain string) bool {
	host, domain = hostName(host), hostName(domain)
	if host == "" || domain == "" || net.ParseIP(host) != nil {
		return false
	}
	return host == domain || strings.HasSuffix(host, "."+domain) && !strings.HasPrefix(host, ".")
}
