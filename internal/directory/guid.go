package directory

import (
	"bytes"
	"encoding/hex"
	"fmt"
)

// GUID is a 16-byte identifier in the order of its text form: a Graph object id, or an
// Active Directory objectGUID after [GUIDFromAD]. The zero value means "none".
type GUID [16]byte

// ParseGUID parses the form 01234567-89ab-cdef-0123-456789abcdef in either case, with
// or without braces.
func ParseGUID(s string) (GUID, error) {
	t := s
	if len(t) == 38 && t[0] == '{' && t[37] == '}' {
		t = t[1:37]
	}
	if len(t) != 36 || t[8] != '-' || t[13] != '-' || t[18] != '-' || t[23] != '-' {
		return GUID{}, fmt.Errorf("%q is not a GUID of the form 00000000-0000-0000-0000-000000000000", s)
	}
	var g GUID
	if _, err := hex.Decode(g[:], []byte(t[0:8]+t[9:13]+t[14:18]+t[19:23]+t[24:36])); err != nil {
		return GUID{}, fmt.Errorf("%q is not a GUID: it has a character that is no hexadecimal digit", s)
	}
	return g, nil
}

// MustGUID is like [ParseGUID], for constants; it panics if the text is malformed.
func MustGUID(s string) GUID {
	g, err := ParseGUID(s)
	if err != nil {
		panic(err)
	}
	return g
}

// GUIDFromAD converts the 16 bytes of an objectGUID as LDAP returns them, with the
// first three fields in little-endian order (MS-DTYP 2.3.4.2).
func GUIDFromAD(b []byte) (GUID, error) {
	if len(b) != 16 {
		return GUID{}, fmt.Errorf("an objectGUID has 16 bytes, not %d", len(b))
	}
	var g GUID
	copy(g[:], b)
	swapADOrder(&g)
	return g, nil
}

// AD returns the 16 bytes in the order in which Active Directory stores them.
func (g GUID) AD() []byte {
	swapADOrder(&g)
	return g[:]
}

func swapADOrder(g *GUID) {
	g[0], g[1], g[2], g[3] = g[3], g[2], g[1], g[0]
	g[4], g[5] = g[5], g[4]
	g[6], g[7] = g[7], g[6]
}

// String returns the lower-case text form, with hyphens and without braces.
func (g GUID) String() string {
	var b [36]byte
	hex.Encode(b[0:8], g[0:4])
	b[8] = '-'
	hex.Encode(b[9:13], g[4:6])
	b[13] = '-'
	hex.Encode(b[14:18], g[6:8])
	b[18] = '-'
	hex.Encode(b[19:23], g[8:10])
	b[23] = '-'
	hex.Encode(b[24:36], g[10:16])
	return string(b[:])
}

// IsZero reports whether g is the zero GUID, which stands for "none".
func (g GUID) IsZero() bool { return g == GUID{} }

// Compare orders GUIDs by their bytes, which is also the order of their text forms.
func (g GUID) Compare(h GUID) int { return bytes.Compare(g[:], h[:]) }

// MarshalText returns the text form; for the zero GUID, the empty string.
func (g GUID) MarshalText() ([]byte, error) {
	if g.IsZero() {
		return []byte{}, nil
	}
	return []byte(g.String()), nil
}

// UnmarshalText parses the output of [GUID.MarshalText].
func (g *GUID) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*g = GUID{}
		return nil
	}
	h, err := ParseGUID(string(b))
	if err != nil {
		return err
	}
	*g = h
	return nil
}
