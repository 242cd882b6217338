package server

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"github.com/go-ldap/ldap/v3"
	"golang.org/x/text/unicode/norm"
)

// fold removes what Active Directory ignores when it compares text: case, width and
// nonspacing marks (MS-ADTS 3.1.1.2.2.4.8, MS-UCODEREF).
func fold(s string) string {
	for i := range len(s) {
		if s[i] >= 0x80 {
			var b strings.Builder
			for _, r := range norm.NFKD.String(s) {
				if !unicode.Is(unicode.Mn, r) {
					b.WriteRune(unicode.ToLower(r))
				}
			}
			return b.String()
		}
	}
	return strings.ToLower(s)
}

// rdn is one component of a name.
type rdn struct{ kind, value string }

func (r rdn) String() string { return r.kind + "=" + escape(r.value) }

// escape implements RFC 4514 as Windows does: only NUL, line feed and carriage return
// become hexadecimal, and the equals sign is escaped.
func escape(value string) string {
	var b strings.Builder
	for i := range len(value) {
		c := value[i]
		switch {
		case c == 0 || c == '\n' || c == '\r':
			fmt.Fprintf(&b, `\%02X`, c)
			continue
		case strings.IndexByte(`,+"\<>;=`, c) >= 0, c == '#' && i == 0, c == ' ' && (i == 0 || i == len(value)-1):
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	}
	return b.String()
}

// parseName parses a name, the object's own component first.
func parseName(s string) ([]rdn, *result) {
	parsed, err := ldap.ParseDN(s)
	if err != nil {
		return nil, badName(err.Error())
	}
	name := make([]rdn, len(parsed.RDNs))
	for i, r := range parsed.RDNs {
		if len(r.Attributes) != 1 || r.Attributes[0].Value == "" {
			return nil, badName("a component without or with several values")
		}
		name[i] = rdn{r.Attributes[0].Type, r.Attributes[0].Value}
	}
	return name, nil
}

// guid is an objectGUID in its binary form.
type guid [16]byte

// String returns the text form. The first three parts are little-endian in the binary
// form (MS-DTYP 2.3.4).
func (g guid) String() string {
	return fmt.Sprintf("%08x-%04x-%04x-%x-%x", binary.LittleEndian.Uint32(g[:]), binary.LittleEndian.Uint16(g[4:]), binary.LittleEndian.Uint16(g[6:]), g[8:10], g[10:])
}

// parseGUID parses the text form, or the octets in hexadecimal.
func parseGUID(s string) (g guid, ok bool) {
	plain := strings.ReplaceAll(s, "-", "")
	b, err := hex.DecodeString(plain)
	if err != nil || len(b) != len(g) {
		return g, false
	}
	copy(g[:], b)
	if len(plain) != len(s) {
		binary.LittleEndian.PutUint32(g[:], binary.BigEndian.Uint32(b))
		binary.LittleEndian.PutUint16(g[4:], binary.BigEndian.Uint16(b[4:]))
		binary.LittleEndian.PutUint16(g[6:], binary.BigEndian.Uint16(b[6:]))
	}
	return g, true
}

// sid is a SID in its binary form (MS-DTYP 2.4.2.2).
type sid string

func makeSID(authority byte, parts ...uint32) sid {
	b := []byte{1, byte(len(parts)), 0, 0, 0, 0, 0, authority}
	for _, p := range parts {
		b = binary.LittleEndian.AppendUint32(b, p)
	}
	return sid(b)
}

func (s sid) valid() bool { return len(s) >= 8 && s[0] == 1 && len(s) == 8+4*int(s[1]) }

func (s sid) String() string {
	if !s.valid() {
		return ""
	}
	b := []byte(s)
	var text strings.Builder
	fmt.Fprintf(&text, "S-1-%d", binary.BigEndian.Uint64(append([]byte{0, 0}, b[2:8]...)))
	for i := 8; i < len(b); i += 4 {
		fmt.Fprintf(&text, "-%d", binary.LittleEndian.Uint32(b[i:]))
	}
	return text.String()
}

// parseSID parses the text form, or the octets in hexadecimal.
func parseSID(s string) (sid, bool) {
	if b, err := hex.DecodeString(s); err == nil && sid(b).valid() {
		return sid(b), true
	}
	parts := strings.Split(s, "-")
	if len(parts) < 3 || len(parts) > 18 || !strings.EqualFold(parts[0], "S") || parts[1] != "1" {
		return "", false
	}
	authority, err := strconv.ParseUint(parts[2], 10, 8)
	if err != nil {
		return "", false
	}
	var numbers []uint32
	for _, p := range parts[3:] {
		n, err := strconv.ParseUint(p, 10, 32)
		if err != nil {
			return "", false
		}
		numbers = append(numbers, uint32(n))
	}
	return makeSID(byte(authority), numbers...), true
}
