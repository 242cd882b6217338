package directory

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// SID is a security identifier in its text form, S-1-5-21-…, or empty for "none".
// Compare only SIDs that came through [ParseSID] or [SIDFromAD], which normalise the
// text.
type SID string

// Everyone is the SID that stands for every account.
const Everyone SID = "S-1-1-0"

// maxSubAuthorities is SID_MAX_SUB_AUTHORITIES of MS-DTYP 2.4.2.
const maxSubAuthorities = 15

// ParseSID parses and normalises the text form.
func ParseSID(s string) (SID, error) {
	parts := strings.Split(strings.TrimSpace(s), "-")
	if len(parts) < 3 || len(parts) > 3+maxSubAuthorities || !strings.EqualFold(parts[0], "S") || parts[1] != "1" {
		return "", fmt.Errorf("%q is not a SID of the form S-1-5-21-…", s)
	}
	authority, err := strconv.ParseUint(parts[2], 0, 48)
	if err != nil {
		return "", fmt.Errorf("%q is not a SID: its authority %q is not a number of 48 bits", s, parts[2])
	}
	out := []string{"S", "1", strconv.FormatUint(authority, 10)}
	for _, part := range parts[3:] {
		sub, err := strconv.ParseUint(part, 10, 32)
		if err != nil {
			return "", fmt.Errorf("%q is not a SID: %q is not a number of 32 bits", s, part)
		}
		out = append(out, strconv.FormatUint(sub, 10))
	}
	return SID(strings.Join(out, "-")), nil
}

// SIDFromAD converts the binary form of an objectSid (MS-DTYP 2.4.2.2).
func SIDFromAD(b []byte) (SID, error) {
	if len(b) < 8 || b[0] != 1 || b[1] > maxSubAuthorities || len(b) != 8+4*int(b[1]) {
		return "", fmt.Errorf("%d bytes are not a SID", len(b))
	}
	var authority uint64
	for _, c := range b[2:8] {
		authority = authority<<8 | uint64(c)
	}
	var s strings.Builder
	fmt.Fprintf(&s, "S-1-%d", authority)
	for i := 8; i < len(b); i += 4 {
		fmt.Fprintf(&s, "-%d", binary.LittleEndian.Uint32(b[i:]))
	}
	return SID(s.String()), nil
}

// AD returns the binary form, or nil if s is empty or malformed.
func (s SID) AD() []byte {
	normal, err := ParseSID(string(s))
	if err != nil {
		return nil
	}
	parts := strings.Split(string(normal), "-")
	authority, _ := strconv.ParseUint(parts[2], 10, 48)
	b := make([]byte, 8, 8+4*(len(parts)-3))
	b[0], b[1] = 1, byte(len(parts)-3)
	for i := 7; i >= 2; i-- {
		b[i] = byte(authority)
		authority >>= 8
	}
	for _, part := range parts[3:] {
		sub, _ := strconv.ParseUint(part, 10, 32)
		b = binary.LittleEndian.AppendUint32(b, uint32(sub))
	}
	return b
}

// Domain returns the SID without its last part, which is the SID of the domain that
// issued it.
func (s SID) Domain() SID {
	if i := strings.LastIndexByte(string(s), '-'); i > 0 {
		return s[:i]
	}
	return ""
}

// RID returns the last part, which the domain assigned to the account, or 0 if there is
// none.
func (s SID) RID() uint32 {
	rid, _ := strconv.ParseUint(string(s[strings.LastIndexByte(string(s), '-')+1:]), 10, 32)
	return uint32(rid)
}

// CloudGUID returns the object id that Entra encodes in a SID of the form S-1-12-1-…,
// or zero for any other SID.
func (s SID) CloudGUID() GUID {
	rest, ok := strings.CutPrefix(string(s), "S-1-12-1-")
	parts := strings.Split(rest, "-")
	if !ok || len(parts) != 4 {
		return GUID{}
	}
	var ad [16]byte
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 10, 32)
		if err != nil {
			return GUID{}
		}
		binary.LittleEndian.PutUint32(ad[4*i:], uint32(n))
	}
	guid, err := GUIDFromAD(ad[:])
	if err != nil {
		return GUID{}
	}
	return guid
}
