package directory

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
)

// Invisible characters whose meaning depends on their neighbours, and those neighbours.
const (
	zeroWidthNonJoiner = '\u200c'
	zeroWidthJoiner    = '\u200d'
	textStyle          = '\ufe0e' // the variation selectors of emoji
	emojiStyle         = '\ufe0f'
	keycap             = '\u20e3'
	blackFlag          = '\U0001f3f4'
)

// subdivisions are the tag sequences of the flags of England, Scotland and Wales. Any
// other tags could hide arbitrary text.
var subdivisions = [][]rune{tagged("gbeng"), tagged("gbsct"), tagged("gbwls")}

func tagged(code string) []rune {
	tags := make([]rune, 0, len(code)+1)
	for _, c := range code {
		tags = append(tags, 0xe0000+c)
	}
	return append(tags, 0xe007f)
}

// Clean returns the text without characters that deceive the reader. Control characters
// and line and paragraph separators become blanks, invalid UTF-8 becomes U+FFFD, and
// invisible characters are removed, such as directional marks, zero-width characters,
// fillers and tags. The joiners U+200C and U+200D stay where RFC 5892, A.1 and A.2, and
// emoji sequences need them; variation selectors stay where they choose the form of an
// emoji or of a Han or Mongolian letter. So two texts that look alike only because of
// such characters become equal. A clean text is returned unchanged.
//
// Everything that others wrote passes through Clean before it becomes a name in Active
// Directory, and before it is shown or logged.
func Clean(s string) string {
	if plain(s) {
		return s
	}
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\ufffd"), "\r\n", "\n")
	text := make([]rune, 0, len(s))
	for _, r := range s {
		switch {
		case unicode.IsControl(r), r == '\u2028', r == '\u2029':
			text = append(text, ' ')
		case !ignorable(r) || depends(r):
			text = append(text, r)
		}
	}
	clean := make([]rune, 0, len(text))
	for i := 0; i < len(text); i++ {
		r, before, after := text[i], clean, text[i+1:]
		switch {
		case !depends(r), stays(r, before, after):
			clean = append(clean, r)
			if r == blackFlag {
				tags := flag(after)
				clean = append(clean, tags...)
				i += len(tags)
			}
		}
	}
	return string(clean)
}

// Reveal returns the text with each character that Clean would change replaced by its
// code, such as <U+202E>.
func Reveal(s string) string {
	if Clean(s) == s {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || ignorable(r) {
			fmt.Fprintf(&b, "<U+%04X>", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// plain reports whether the text is printable ASCII, as most texts are.
func plain(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < 0x20 || s[i] > 0x7e {
			return false
		}
	}
	return true
}

// ignorable reports whether the character is invisible by itself.
func ignorable(r rune) bool {
	return unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) &&
		!unicode.Is(unicode.Prepended_Concatenation_Mark, r)
}

// depends reports whether the neighbours of an invisible character decide if it stays.
func depends(r rune) bool {
	return r == zeroWidthNonJoiner || r == zeroWidthJoiner || unicode.Is(unicode.Variation_Selector, r) || isTag(r)
}

func isTag(r rune) bool { return r >= 0xe0020 && r <= 0xe007f }

// stays reports whether the character has a meaning between the text that was kept
// before it and the text after it.
func stays(r rune, before, after []rune) bool {
	last := lastOf(before)
	switch {
	case r == zeroWidthNonJoiner:
		return unicode.Is(viramas, last) || joinsNextLetter(before) && joinsLetterBefore(after)
	case r == zeroWidthJoiner:
		return unicode.Is(viramas, last) || len(after) > 0 && isPictograph(after[0]) && endsEmoji(before)
	case r == textStyle, r == emojiStyle:
		if isKeycapBase(last) {
			return len(after) > 0 && after[0] == keycap
		}
		return isPictograph(last) || r == textStyle && unicode.Is(unicode.Han, last)
	case r >= 0x180b && r <= 0x180f:
		return unicode.IsLetter(last) && unicode.Is(unicode.Mongolian, last)
	case isTag(r):
		return false // the tags of a flag are copied together with the flag
	}
	return unicode.Is(unicode.Han, last) && unicode.IsLetter(last)
}

func lastOf(text []rune) rune {
	if len(text) == 0 {
		return -1
	}
	return text[len(text)-1]
}

// endsEmoji reports whether the text ends with an emoji, in any style and skin tone.
func endsEmoji(text []rune) bool {
	for len(text) > 0 && (lastOf(text) == emojiStyle || lastOf(text) == textStyle || lastOf(text) >= 0x1f3fb && lastOf(text) <= 0x1f3ff) {
		text = text[:len(text)-1]
	}
	return isPictograph(lastOf(text))
}

func isPictograph(r rune) bool { return unicode.Is(pictographs, r) }

func isKeycapBase(r rune) bool { return r >= '0' && r <= '9' || r == '#' || r == '*' }

// joinsNextLetter and joinsLetterBefore are the two sides of RFC 5892, A.1: a letter
// that joins the next one, and a letter that joins the previous one, with any marks in
// between.
func joinsNextLetter(text []rune) bool {
	for isMark(lastOf(text)) {
		text = text[:len(text)-1]
	}
	return unicode.Is(joinsNext, lastOf(text))
}

func joinsLetterBefore(text []rune) bool {
	for len(text) > 0 && isMark(text[0]) {
		text = text[1:]
	}
	return len(text) > 0 && unicode.IsLetter(text[0]) && unicode.In(text[0], cursive...) && !strings.ContainsRune("\u0621\u0674\u0887\u08ad", text[0])
}

func isMark(r rune) bool {
	return unicode.In(r, unicode.Mn, unicode.Me) && !unicode.Is(unicode.Variation_Selector, r)
}

// cursive are the scripts whose letters join.
var cursive = []*unicode.RangeTable{
	unicode.Arabic, unicode.Syriac, unicode.Mandaic, unicode.Nko, unicode.Mongolian, unicode.Phags_Pa, unicode.Manichaean,
	unicode.Psalter_Pahlavi, unicode.Hanifi_Rohingya, unicode.Sogdian, unicode.Old_Uyghur, unicode.Chorasmian, unicode.Adlam,
}

// flag returns the tags of a subdivision's flag if the text begins with them.
func flag(text []rune) []rune {
	for _, tags := range subdivisions {
		if len(text) >= len(tags) && string(text[:len(tags)]) == string(tags) {
			return tags
		}
	}
	return nil
}

// CutUTF16 cuts s to at most max UTF-16 units without splitting a surrogate pair. 0 means
// any length.
func CutUTF16(s string, max int) string {
	if max == 0 {
		return s
	}
	n := 0
	for i, r := range s {
		n += utf16.RuneLen(r)
		if n > max {
			return s[:i]
		}
	}
	return s
}
