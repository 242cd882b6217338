package plan

import (
	"slices"
	"strings"
)

// The limits of SMTP for an address (RFC 5321, 4.5.3.1), in octets.
const (
	maxLocalPart = 64
	maxAddress   = 254
)

// atext are the characters of a local part, apart from letters, digits and single dots
// between others (RFC 5321, 4.1.2). A mailNickname may have the same ones.
const atext = "!#$%&'*+-/=?^_`{|}~"

// splitAddress splits an SMTP address into its local part and its domain. why says what
// is wrong with it; it is empty for an address that Exchange can use. Quoted local parts
// and characters outside of ASCII (SMTPUTF8) are not among those.
func splitAddress(address string) (local, domain, why string) {
	at := strings.LastIndexByte(address, '@')
	switch {
	case strings.IndexFunc(address, func(r rune) bool { return r > 0x7e }) >= 0:
		return "", "", "it has a character outside of ASCII"
	case len(address) > maxAddress:
		return "", "", "it is too long"
	case at < 0:
		return "", "", "it has no domain"
	}
	local, domain = address[:at], address[at+1:]
	switch {
	case !isAlias(local):
		return "", "", "the part before the @ is not one that Exchange accepts"
	case !isDomain(domain):
		return "", "", "the part after the @ is no domain"
	}
	return local, domain, ""
}

// isAlias reports whether Exchange accepts the text as an alias, which obeys the rules of
// a local part.
func isAlias(s string) bool {
	if s == "" || len(s) > maxLocalPart {
		return false
	}
	for _, atom := range strings.Split(s, ".") {
		if atom == "" || strings.IndexFunc(atom, func(r rune) bool { return !isLetterOrDigit(r) && !strings.ContainsRune(atext, r) }) >= 0 {
			return false
		}
	}
	return true
}

func isDomain(s string) bool {
	for _, label := range strings.Split(s, ".") {
		if label == "" || len(label) > 63 || strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-") ||
			strings.IndexFunc(label, func(r rune) bool { return !isLetterOrDigit(r) && r != '-' }) >= 0 {
			return false
		}
	}
	return true
}

func isLetterOrDigit(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}

// addressKey returns the form in which addresses are compared: with the prefix, without
// letter case.
func addressKey(address string) string { return strings.ToLower(address) }

// isSMTP reports whether the address has the prefix of SMTP, and returns the rest.
func isSMTP(address string) (rest string, ok bool) {
	if len(address) < len(primaryPrefix) || !strings.EqualFold(address[:len(primaryPrefix)], primaryPrefix) {
		return "", false
	}
	return address[len(primaryPrefix):], true
}

// usableAddresses returns the addresses of a group that Exchange can use: the primary
// one first, each once, secondary ones in order. refused names the others, each with what
// is wrong with it. Without proxyAddresses the group's mail is the primary address.
func usableAddresses(proxies []string, mail string) (addresses, refused []string) {
	if mail != "" && !slices.ContainsFunc(proxies, isPrimary) {
		proxies = append(slices.Clone(proxies), primaryPrefix+mail)
	}
	for _, proxy := range Address.settle(proxies) {
		rest, smtp := isSMTP(proxy)
		if smtp {
			if _, _, why := splitAddress(rest); why != "" {
				refused = append(refused, proxy+" ("+why+")")
				continue
			}
		}
		if Address.clean(proxy, maxProxy) == "" {
			refused = append(refused, proxy+" (it has no prefix, or is too long)")
			continue
		}
		addresses = append(addresses, proxy)
	}
	return addresses, refused
}

// maxProxy is the schema's rangeUpper of proxyAddresses.
const maxProxy = 1123
