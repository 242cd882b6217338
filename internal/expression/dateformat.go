package expression

import (
	"strconv"
	"strings"
	"time"
)

// token is a part of a date format: a letter that stands n times in a row, or,
// with the letter 0, a text that stands for itself.
type token struct {
	letter rune
	n      int
	text   string
}

// standardFormats are .NET's of one letter, in the invariant culture.
var standardFormats = map[string]string{
	"d": "MM/dd/yyyy", "D": "dddd, dd MMMM yyyy", "t": "HH:mm", "T": "HH:mm:ss",
	"f": "dddd, dd MMMM yyyy HH:mm", "F": "dddd, dd MMMM yyyy HH:mm:ss", "U": "dddd, dd MMMM yyyy HH:mm:ss",
	"g": "MM/dd/yyyy HH:mm", "G": "MM/dd/yyyy HH:mm:ss", "m": "MMMM dd", "M": "MMMM dd", "y": "yyyy MMMM", "Y": "yyyy MMMM",
	"o": "yyyy-MM-dd'T'HH:mm:ss.fffffffK", "O": "yyyy-MM-dd'T'HH:mm:ss.fffffffK",
	"r": "ddd, dd MMM yyyy HH:mm:ss 'GMT'", "R": "ddd, dd MMM yyyy HH:mm:ss 'GMT'",
	"s": "yyyy-MM-dd'T'HH:mm:ss", "u": "yyyy-MM-dd HH:mm:ss'Z'",
}

// scanFormat reads a format of .NET, standard or custom. problem says what is
// wrong with it, or is "".
func scanFormat(format string) (tokens []token, problem string) {
	if standard, ok := standardFormats[format]; ok {
		format = standard
	} else if len(format) == 1 {
		return nil, "is " + shown(format) + ", which is no standard format: write %" + format + " for the letter alone"
	}
	letters := []rune(format)
	if len(letters) == 0 {
		return nil, `is empty: write a format such as "yyyy-MM-dd"`
	}
	for i := 0; i < len(letters); {
		switch r := letters[i]; r {
		case 'd', 'f', 'F', 'g', 'h', 'H', 'K', 'm', 'M', 's', 't', 'y', 'z':
			n := 1
			for i+n < len(letters) && letters[i+n] == r {
				n++
			}
			if r == 'K' {
				n = 1
			}
			if (r == 'f' || r == 'F') && n > 7 {
				return nil, "is " + shown(format) + ": a second has seven digits at most"
			}
			tokens = append(tokens, token{letter: r, n: n})
			i += n
		case '\'', '"':
			var text strings.Builder
			for i++; i < len(letters) && letters[i] != r; i++ {
				if letters[i] == '\\' {
					i++
				}
				if i < len(letters) {
					text.WriteRune(letters[i])
				}
			}
			if i >= len(letters) {
				return nil, "is " + shown(format) + ": a quote in it is not closed"
			}
			tokens = append(tokens, token{text: text.String()})
			i++
		case '%':
			if i+1 == len(letters) || letters[i+1] == '%' {
				return nil, "is " + shown(format) + ": a letter has to follow %"
			}
			i++
		case '\\':
			if i+1 == len(letters) {
				return nil, "is " + shown(format) + `: a character has to follow \`
			}
			tokens = append(tokens, token{text: string(letters[i+1])})
			i += 2
		default:
			// Blanks, dots and Z are not only themselves in an input.
			tokens = append(tokens, token{letter: r, n: 1})
			i++
		}
	}
	return tokens, ""
}

// writeDate writes a date as .NET's ToString in the invariant culture.
func writeDate(d date, tokens []token) string {
	b := make([]byte, 0, 32)
	for _, t := range tokens {
		b = t.append(b, d)
	}
	return string(b)
}

func (t token) append(b []byte, d date) []byte {
	switch t.letter {
	case 0:
		return append(b, t.text...)
	case 'd':
		return appendNamed(b, t.n, d.t.Day(), d.t.Weekday().String())
	case 'M':
		return appendNamed(b, t.n, int(d.t.Month()), d.t.Month().String())
	case 'y':
		if t.n <= 2 {
			return pad(b, d.t.Year()%100, t.n)
		}
		return pad(b, d.t.Year(), t.n)
	case 'g':
		return append(b, "A.D."...)
	case 'h':
		return pad(b, (d.t.Hour()+11)%12+1, min(t.n, 2))
	case 'H':
		return pad(b, d.t.Hour(), min(t.n, 2))
	case 'm':
		return pad(b, d.t.Minute(), min(t.n, 2))
	case 's':
		return pad(b, d.t.Second(), min(t.n, 2))
	case 'f', 'F':
		digits := pad(nil, d.t.Nanosecond()/int(tick), 7)[:t.n]
		if t.letter == 'F' {
			digits = []byte(strings.TrimRight(string(digits), "0"))
			if len(digits) == 0 && len(b) > 0 && b[len(b)-1] == '.' {
				return b[:len(b)-1]
			}
		}
		return append(b, digits...)
	case 't':
		return append(b, half(d.t)[:min(t.n, 2)]...)
	case 'z':
		return append(b, [...]string{"+0", "+00", "+00:00"}[min(t.n, 3)-1]...)
	case 'K':
		return append(b, [...]string{unspecified: "", utc: "Z", local: "+00:00"}[d.kind]...)
	}
	return append(b, string(t.letter)...)
}

func half(t time.Time) string {
	if t.Hour() < 12 {
		return "AM"
	}
	return "PM"
}

func appendNamed(b []byte, n, number int, name string) []byte {
	switch {
	case n <= 2:
		return pad(b, number, n)
	case n == 3:
		name = name[:3]
	}
	return append(b, name...)
}

// pad appends a number with at least so many digits.
func pad(b []byte, number, digits int) []byte {
	s := strconv.Itoa(number)
	for range digits - len(s) {
		b = append(b, '0')
	}
	return append(b, s...)
}
