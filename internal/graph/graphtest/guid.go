package graphtest

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// guid holds the 16 bytes of an object id in the order in which they are printed.
type guid [16]byte

// parseGUID parses the canonical form (8-4-4-4-12 hexadecimal digits, any case).
func parseGUID(s string) (g guid, ok bool) {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return guid{}, false
	}
	digits := s[0:8] + s[9:13] + s[14:18] + s[19:23] + s[24:36]
	if _, err := hex.Decode(g[:], []byte(digits)); err != nil {
		return guid{}, false
	}
	return g, true
}

func (g guid) String() string {
	var out [36]byte
	hex.Encode(out[0:8], g[0:4])
	hex.Encode(out[9:13], g[4:6])
	hex.Encode(out[14:18], g[6:8])
	hex.Encode(out[19:23], g[8:10])
	hex.Encode(out[24:36], g[10:16])
	out[8], out[13], out[18], out[23] = '-', '-', '-', '-'
	return string(out[:])
}

// directoryBytes returns the bytes in the order in which Active Directory stores an
// objectGUID: the first three fields are little-endian.
func (g guid) directoryBytes() [16]byte {
	b := [16]byte(g)
	b[0], b[1], b[2], b[3] = g[3], g[2], g[1], g[0]
	b[4], b[5] = g[5], g[4]
	b[6], b[7] = g[7], g[6]
	return b
}

// derivedGUID derives an id from a name. The id is the same on every machine and in
// every run, and has the form of a version 8 UUID (RFC 9562).
func derivedGUID(kind string, name string) guid {
	sum := sha256.Sum256([]byte(kind + "\x00" + strings.ToLower(name)))
	var g guid
	copy(g[:], sum[:16])
	g[6] = g[6]&0x0f | 0x80
	g[8] = g[8]&0x3f | 0x80
	return g
}

// UserID returns the object id of a user for which the seed gives none. It is derived
// from the sAMAccountName or, if the user has none, from the user principal name.
// Letter case does not matter.
func UserID(name string) string { return derivedGUID("user", name).String() }

// GroupID returns the object id of a group for which the seed gives none, derived from
// its mailNickname.
func GroupID(mailNickname string) string { return derivedGUID("group", mailNickname).String() }
