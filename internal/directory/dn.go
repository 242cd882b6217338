package directory

import (
	"encoding/hex"
	"fmt"
	"strings"
	"unicode/utf8"
)

// RDN is one component of a distinguished name, with its value unescaped.
type RDN struct {
	Type  string
	Value string
}

// String returns the component with the value escaped.
func (r RDN) String() string { return r.Type + "=" + EscapeRDN(r.Value) }

// DN is a distinguished name, the object's own component first. Components with several
// values (a+b) do not occur in Active Directory and are refused.
type DN []RDN

// ParseDN parses the text form of RFC 4514, including the hexadecimal escapes that
// Active Directory uses for control characters.
func ParseDN(s string) (DN, error) {
	if !utf8.ValidString(s) {
		return nil, fmt.Errorf("the distinguished name %q is not valid UTF-8", s)
	}
	var dn DN
	rest := s
	for strings.TrimSpace(rest) != "" {
		name, value, tail, err := parseRDN(rest)
		if err != nil {
			return nil, fmt.Errorf("%q is not a distinguished name: %w", s, err)
		}
		dn = append(dn, RDN{Type: name, Value: value})
		if tail == "" {
			return dn, nil
		}
		rest = tail[1:]
		if strings.TrimSpace(rest) == "" {
			return nil, fmt.Errorf("%q is not a distinguished name: it ends with a comma", s)
		}
	}
	return dn, nil
}

// parseRDN parses one component. The tail is either empty or begins with the separating
// comma.
func parseRDN(s string) (name, value, tail string, err error) {
	name, rest, found := strings.Cut(s, "=")
	name = strings.TrimSpace(name)
	if !found || name == "" || strings.ContainsAny(name, `,+"\<>;`) {
		return "", "", "", fmt.Errorf("a component lacks the form name=value")
	}
	var b strings.Builder
	rest = strings.TrimLeft(rest, " ")
	keep := 0 // length up to the last escaped character; only blanks after it are trimmed
	for i := 0; i < len(rest); i++ {
		switch c := rest[i]; c {
		case ',', ';':
			tail = rest[i:]
			i = len(rest)
		case '+', '"', '<', '>':
			return "", "", "", fmt.Errorf("the component %s has an unescaped %q", name, c)
		case '\\':
			if i+1 >= len(rest) {
				return "", "", "", fmt.Errorf("the component %s ends with a backslash", name)
			}
			if i+2 < len(rest) && isHex(rest[i+1]) && isHex(rest[i+2]) {
				pair, _ := hex.DecodeString(rest[i+1 : i+3])
				b.WriteByte(pair[0])
				i += 2
			} else {
				b.WriteByte(rest[i+1])
				i++
			}
			keep = b.Len()
		default:
			b.WriteByte(c)
		}
	}
	value = b.String()
	value = value[:keep] + strings.TrimRight(value[keep:], " ")
	if value == "" {
		return "", "", "", fmt.Errorf("the component %s has no value", name)
	}
	if !utf8.ValidString(value) {
		return "", "", "", fmt.Errorf("the component %s is not valid UTF-8", name)
	}
	return name, value, tail, nil
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// EscapeRDN escapes a value for use in a distinguished name (RFC 4514 2.4). Control
// characters become hexadecimal pairs, so a hostile display name can neither break out
// of its component nor hide a line end in a log.
func EscapeRDN(value string) string {
	var b strings.Builder
	for i := 0; i < len(value); i++ {
		c := value[i]
		switch {
		case c < 0x20 || c == 0x7f:
			fmt.Fprintf(&b, `\%02X`, c)
		case strings.IndexByte(`,+"\<>;=`, c) >= 0,
			c == '#' && i == 0,
			c == ' ' && (i == 0 || i == len(value)-1):
			b.WriteByte('\\')
			b.WriteByte(c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// String returns the text form.
func (d DN) String() string {
	parts := make([]string, len(d))
	for i, r := range d {
		parts[i] = r.String()
	}
	return strings.Join(parts, ",")
}

// Parent returns the name of the object's parent, or nil for a root.
func (d DN) Parent() DN {
	if len(d) <= 1 {
		return nil
	}
	return d[1:]
}

// Equal compares without regard to case, as Active Directory does.
func (d DN) Equal(e DN) bool {
	if len(d) != len(e) {
		return false
	}
	for i := range d {
		if !strings.EqualFold(d[i].Type, e[i].Type) || !strings.EqualFold(d[i].Value, e[i].Value) {
			return false
		}
	}
	return true
}

// Within reports whether d is base or below it.
func (d DN) Within(base DN) bool {
	return len(d) >= len(base) && d[len(d)-len(base):].Equal(base)
}
