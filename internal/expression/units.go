package expression

import (
	"cmp"
	"slices"
	"unicode/utf16"
	"unicode/utf8"
)

// units counts the UTF-16 units of a text.
func units(s string) int {
	n := 0
	for _, r := range s {
		n += utf16.RuneLen(r)
	}
	return n
}

// slice returns the units from start up to end; both may lie outside the text.
// Half a surrogate pair at either side is left out.
func slice(s string, start, end int64) string {
	from, to, at := len(s), len(s), int64(0)
	for i, r := range s {
		if at >= start && from == len(s) {
			from = i
		}
		if at += int64(utf16.RuneLen(r)); at > end {
			to = i
			break
		}
	}
	if from > to {
		return ""
	}
	return s[from:to]
}

// compare orders two texts by their UTF-16 units, as .NET's ordinal comparison.
func compare(a, b string) int {
	if ascii(a) && ascii(b) {
		return cmp.Compare(a, b)
	}
	return slices.Compare(utf16.Encode([]rune(a)), utf16.Encode([]rune(b)))
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// widen returns the units of a text, each as a rune.
func widen(s string) []rune {
	wide := make([]rune, 0, len(s))
	for _, r := range s {
		if r <= 0xFFFF {
			wide = append(wide, r)
			continue
		}
		high, low := utf16.EncodeRune(r)
		wide = append(wide, high, low)
	}
	return wide
}

// narrow is the inverse of widen. Half a surrogate pair is left out.
func narrow(wide []rune) string {
	b := make([]byte, 0, len(wide))
	for i := 0; i < len(wide); i++ {
		r := wide[i]
		if utf16.IsSurrogate(r) {
			if i+1 == len(wide) {
				break
			}
			if r = utf16.DecodeRune(r, wide[i+1]); r == utf8.RuneError {
				continue
			}
			i++
		}
		b = utf8.AppendRune(b, r)
	}
	return string(b)
}
