package expression

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

func bitAnd(a *arguments) value {
	if a.absent(0) || a.absent(1) {
		return value{}
	}
	return whole(a.whole(0) & a.whole(1))
}

func convertToUTF8Hex(s string) string { return strings.ToUpper(hex.EncodeToString([]byte(s))) }

// convertToBase64 encodes a text as UTF-16, little-endian.
func convertToBase64(s string) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return base64.StdEncoding.EncodeToString(b)
}

var encodings = []string{"Unicode", "ASCII", "UTF8"}

func wrongEncoding(s string) string {
	if slices.Contains(encodings, s) {
		return ""
	}
	return "is " + shown(s) + ": write " + strings.Join(encodings, ", ")
}

func convertFromBase64(a *arguments) value {
	encoding := "Unicode"
	if a.given(1) {
		encoding = a.text(1)
		if problem := wrongEncoding(encoding); problem != "" {
			a.fail(1, "encoding "+problem, "")
		}
	}
	b, ok := a.base64(0)
	if !ok {
		return value{}
	}
	switch encoding {
	case "ASCII":
		for i := range b {
			if b[i] > 127 {
				b[i] = '?'
			}
		}
		return one(string(b))
	case "UTF8":
		return one(decodeUTF8(b))
	}
	u := make([]uint16, 0, len(b)/2+1)
	for ; len(b) > 1; b = b[2:] {
		u = append(u, binary.LittleEndian.Uint16(b))
	}
	s := string(utf16.Decode(u))
	if len(b) > 0 {
		s += "\uFFFD"
	}
	return one(s)
}

var blanks = strings.NewReplacer(" ", "", "\t", "", "\r", "", "\n", "")

func (a *arguments) base64(i int) ([]byte, bool) {
	s := a.text(i)
	b, err := base64.StdEncoding.DecodeString(blanks.Replace(s))
	if err != nil {
		a.fail(i, a.shown(s)+" is no Base64", "")
	}
	return b, err == nil
}

// decodeUTF8 puts one U+FFFD for each longest part that may begin a character,
// as .NET and Unicode do, where Go puts one for each byte.
func decodeUTF8(b []byte) string {
	var s strings.Builder
	for len(b) > 0 {
		r, size := utf8.DecodeRune(b)
		if r == utf8.RuneError && size == 1 {
			size = beginning(b)
		}
		s.WriteRune(r)
		b = b[size:]
	}
	return s.String()
}

// beginning returns how many bytes may begin a character; 1 when none may.
func beginning(b []byte) int {
	for n := min(len(b), 3); n > 1; n-- {
		// FullRune is false for what only lacks further bytes.
		if !utf8.FullRune(b[:n]) {
			return n
		}
	}
	return 1
}

// stringFromSID takes the bytes of a SID as Base64.
func stringFromSID(a *arguments) value {
	if a.text(0) == "" {
		return one("")
	}
	b, ok := a.base64(0)
	if !ok {
		return value{}
	}
	if len(b) < 8 || b[0] != 1 || b[1] > 15 || len(b) != 8+4*int(b[1]) {
		a.fail(0, "these bytes are no SID", "")
		return value{}
	}
	authority := binary.BigEndian.Uint64(append([]byte{0, 0}, b[2:8]...))
	s := fmt.Appendf(nil, "S-1-%d", authority)
	for b = b[8:]; len(b) > 0; b = b[4:] {
		s = fmt.Appendf(s, "-%d", binary.LittleEndian.Uint32(b))
	}
	return one(string(s))
}
