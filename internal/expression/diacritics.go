package expression

import "strings"

// plain is a letter that Microsoft's table gives for others, the marks that the
// others have, and the others as single characters, small and capital.
type plain struct {
	letter, marks, small, capital string
}

var plains = []plain{
	{"a", "\u0300\u0301\u0302\u0303\u0304\u0306\u0307\u0308\u030A\u0328\u0331", "àáâãäåāăąǟǡǻȧấầẫắằẵ", "ÀÁÂÃÄÅĀĂĄǞǠǺȦẤẦẪẮẰẴ"},
	{"c", "\u0301\u0304\u030C\u0327\u0331", "çćčḉ", "ÇĆČḈ"},
	{"d", "\u0304\u030C\u0331", "ďḏ", "ĎḎ"},
	{"e", "\u0300\u0301\u0302\u0303\u0304\u0307\u0308\u030A\u030C\u0328\u0331", "èéêëēėęěḕḗẽếềễ", "ÈÉÊËĒĖĘĚḔḖẼẾỀỄ"},
	{"g", "\u0304\u0306\u0331", "ğḡ", "ĞḠ"},
	{"i", "\u0300\u0301\u0302\u0303\u0304\u0307\u0308\u0331", "ìíîïĩīḯ", "ÌÍÎÏĨĪİḮ"},
	{"l", "\u0304\u030C\u0323\u0331", "ľḷḹḻ", "ĽḶḸḺ"},
	{"n", "\u0301\u0303\u0304\u030C\u0331", "ñńňṉ", "ÑŃŇṈ"},
	{"o", "\u0300\u0301\u0302\u0303\u0304\u0307\u0308\u030B\u0328\u0331", "òóôõöōőǫǭȫȭȯȱṍṏṑṓốồỗ", "ÒÓÔÕÖŌŐǪǬȪȬȮȰṌṎṐṒỐỒỖ"},
	{"r", "\u0304\u030C\u0323\u0331", "řṛṝṟ", "ŘṚṜṞ"},
	{"s", "\u0301\u0304\u030C\u0326\u0327\u0331", "śşšș", "ŚŞŠȘ"},
	{"t", "\u0304\u030C\u0326\u0331", "ťțṯ", "ŤȚṮ"},
	{"u", "\u0300\u0301\u0302\u0303\u0304\u0307\u0308\u030A\u030B\u0324\u0331", "ùúûüũūůűǖǘǜṳṹṻ", "ÙÚÛÜŨŪŮŰǕǗǛṲṸṺ"},
	{"y", "\u0300\u0301\u0303\u0304\u0308\u0331", "ýÿȳỳỹ", "ÝŸȲỲỸ"},
	{"z", "\u0301\u0304\u0307\u030C\u0331", "źżžẕ", "ŹŻŽẔ"},
	{"ae", "\u0304", "æǣ", "ÆǢ"},
	{"oe", "\u0304", "øœ", "ØŒ"},
	{"l", "", "ł", "Ł"},
	{"i", "", "ı", ""},
	{"ss", "", "ß", ""},
}

// replaced are the letters by what stands for them, and follows the marks that
// may be dropped behind a letter.
var replaced, follows = func() (map[rune]string, map[rune]string) {
	replaced, follows := map[rune]string{}, map[rune]string{}
	for _, p := range plains {
		capital := strings.ToUpper(p.letter)
		if len(p.letter) == 1 && p.marks != "" {
			follows[rune(p.letter[0])], follows[rune(capital[0])] = p.marks, p.marks
		}
		for _, r := range p.small {
			replaced[r], follows[r] = p.letter, p.marks
		}
		for _, r := range p.capital {
			replaced[r], follows[r] = capital, p.marks
		}
	}
	// What has a dot of its own may have further marks.
	follows['ı'] = follows['i']
	return replaced, follows
}()

// normalizeDiacritics replaces the letters of Microsoft's table, written as one
// character or with combining marks, and leaves all others alone.
func normalizeDiacritics(s string) string {
	if ascii(s) {
		return s
	}
	var b strings.Builder
	marks := ""
	for _, r := range s {
		if marks != "" && strings.ContainsRune(marks, r) {
			continue
		}
		marks = follows[r]
		if letter, ok := replaced[r]; ok {
			b.WriteString(letter)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}
