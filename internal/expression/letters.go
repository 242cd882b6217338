package expression

import (
	"regexp"
	"strings"
	"unicode"
)

// cultureName is the form of RFC 4646: a language, then further parts.
var cultureName = regexp.MustCompile(`^[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8})*$`)

func wrongCulture(s string) string {
	if s == "" || cultureName.MatchString(s) {
		return ""
	}
	return "is " + shown(s) + ": write a language and a country, as in en-US"
}

func changeCase(a *arguments, to func(s, culture string) string) value {
	s, culture := a.text(0), a.text(1)
	if problem := wrongCulture(culture); problem != "" {
		a.fail(1, "culture "+problem, "")
	}
	return one(to(s, culture))
}

// lower changes letters one by one, as .NET does: none becomes two, and none
// depends on its neighbours. The invariant culture leaves the dotted capital İ
// alone.
func lower(s, culture string) string {
	switch {
	case culture == "":
		return strings.Map(func(r rune) rune {
			if r == 'İ' {
				return r
			}
			return unicode.ToLower(r)
		}, s)
	case turkic(culture):
		return strings.ToLowerSpecial(unicode.TurkishCase, s)
	}
	return strings.ToLower(s)
}

// upper is the same the other way; the invariant culture leaves the dotless ı
// alone.
func upper(s, culture string) string {
	switch {
	case culture == "":
		return strings.Map(upperInvariant, s)
	case turkic(culture):
		return strings.ToUpperSpecial(unicode.TurkishCase, s)
	}
	return strings.ToUpper(s)
}

func upperInvariant(r rune) rune {
	if r == 'ı' {
		return r
	}
	return unicode.ToUpper(r)
}

// turkic reports whether i and I have other partners in the culture.
func turkic(culture string) bool {
	language, _, _ := strings.Cut(strings.ReplaceAll(culture, "_", "-"), "-")
	return strings.EqualFold(language, "tr") || strings.EqualFold(language, "az")
}

func pCase(a *arguments) value {
	s := lower(a.text(0), "")
	if !a.given(1) {
		return one(title(s))
	}
	separators, start := characters(a.text(1)), true
	return one(strings.Map(func(r rune) rune {
		if start, r = separators[r], raise(r, start); start {
			return r
		}
		return r
	}, s))
}

func raise(r rune, first bool) rune {
	if first {
		return upperInvariant(r)
	}
	return r
}

// separating are the categories that end a word in .NET's ToTitleCase.
var separating = []*unicode.RangeTable{unicode.Z, unicode.Cc, unicode.Cf, unicode.Cs, unicode.P, unicode.S}

// title raises the first letter of each word of a text in small letters, as
// .NET's ToTitleCase. A word begins with its first letter, so that a digit before
// it does not count, and goes on over an apostrophe.
func title(s string) string {
	inWord := false
	return strings.Map(func(r rune) rune {
		switch {
		case !inWord && unicode.IsLetter(r):
			inWord = true
			if unicode.ToTitle(r) != unicode.ToUpper(r) && strings.ContainsRune("ǆǉǌǳ", r) {
				return unicode.ToTitle(r)
			}
			return upperInvariant(r)
		case inWord && r != '\'' && unicode.In(r, separating...):
			inWord = false
		}
		return r
	}, s)
}
