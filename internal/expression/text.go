package expression

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

func left(a *arguments) value {
	s, n := a.text(0), a.whole(1)
	if n < 0 {
		return one(s)
	}
	return one(slice(s, 0, n))
}

func mid(a *arguments) value {
	s, start, length := a.text(0), a.whole(1), a.whole(2)
	switch {
	case start < 1:
		a.fail(1, fmt.Sprintf("start is %d", start), "the first character is 1")
	case length < 0:
		a.fail(2, fmt.Sprintf("length is %d", length), "")
	}
	end := start - 1 + min(length, MaxText)
	return one(slice(s, start-1, end))
}

var compares = []string{"vbBinaryCompare", "vbTextCompare"}

func wrongCompare(s string) string {
	if slices.Contains(compares, s) {
		return ""
	}
	return "is " + shown(s) + ": write " + strings.Join(compares, " or ") + " without quotes"
}

// inStr looks for a text, as Visual Basic does: an empty one is found where the
// search starts.
func inStr(a *arguments) value {
	s, find, start := a.text(0), a.text(1), int64(1)
	if a.given(2) && !a.absent(2) {
		start = a.whole(2)
	}
	if start < 1 {
		a.fail(2, fmt.Sprintf("start is %d", start), "the first character is 1")
	}
	if a.given(3) {
		switch how := a.text(3); how {
		case "vbTextCompare":
			s, find = upper(s, ""), upper(find, "")
		case "vbBinaryCompare":
		default:
			if problem := wrongCompare(how); problem != "" {
				a.fail(3, "compare "+problem, "")
			}
		}
	}
	all := units(s)
	if start > int64(all) {
		return whole(0)
	}
	rest := slice(s, start-1, int64(all))
	i := strings.Index(rest, find)
	if i < 0 {
		return whole(0)
	}
	return whole(int64(all - units(rest) + units(rest[:i]) + 1))
}

// characters returns those of a text as a set.
func characters(s string) map[rune]bool {
	set := make(map[rune]bool, len(s))
	for _, r := range s {
		set[r] = true
	}
	return set
}

// nthWord skips empty words, which stand between delimiters in a row.
func nthWord(a *arguments) value {
	s, n, delimiters := a.text(0), a.whole(1), characters(a.text(2))
	for word := range strings.FieldsFuncSeq(s, func(r rune) bool { return delimiters[r] }) {
		if n--; n == 0 {
			return one(word)
		}
	}
	return one("")
}

func wrongDelimiter(s string) string {
	if s == "" {
		return "is empty"
	}
	return ""
}

// split trims the parts, as Microsoft's example has it.
func split(a *arguments) value {
	s, delimiter := a.text(0), a.text(1)
	if a.absent(0) {
		return value{}
	}
	if delimiter == "" {
		a.fail(1, "delimiter is empty", "write what stands between the parts")
		return value{}
	}
	parts := strings.Split(s, delimiter)
	for i, part := range parts {
		parts[i] = trim(part)
	}
	return value{texts: parts}
}

// join skips what is empty.
func join(a *arguments) value {
	separator := a.text(0)
	var b strings.Builder
	for i := 1; i < len(a.args); i++ {
		for _, s := range a.values(i).texts {
			switch {
			case s == "":
				continue
			case b.Len() > 0:
				b.WriteString(separator)
			}
			b.WriteString(s)
			// Four bytes are two units at least, so this is too long by any count.
			if b.Len() > 3*MaxText {
				a.tooLong(a.call)
				return value{}
			}
		}
	}
	return one(b.String())
}

func trim(s string) string { return strings.TrimFunc(s, unicode.IsSpace) }

func dnComponent(a *arguments) value {
	s, n := a.text(0), a.whole(1)
	if n < 1 {
		a.fail(1, fmt.Sprintf("number is %d", n), "the first component is 1")
	}
	for ; s != ""; n-- {
		part := s
		if end := unescaped(s, ','); end >= 0 {
			part, s = s[:end], s[end+1:]
		} else {
			s = ""
		}
		if n != 1 {
			continue
		}
		_, component, ok := strings.Cut(part, "=")
		if !ok {
			a.fail(0, a.shown(part)+" is no component of a distinguished name", "")
		}
		return one(unescape(strings.TrimSpace(component)))
	}
	return one("")
}

// unescaped returns where the character stands without a backslash before it and
// outside of quotes, or -1.
func unescaped(s string, c byte) int {
	inQuotes := false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\':
			i++
		case s[i] == '"':
			inQuotes = !inQuotes
		case s[i] == c && !inQuotes:
			return i
		}
	}
	return -1
}

// unescape returns the value that a component of a distinguished name stands for.
func unescape(s string) string {
	if len(s) > 1 && s[0] == '"' && s[len(s)-1] == '"' {
		s = s[1 : len(s)-1]
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			if i+2 < len(s) && hexadecimal(s[i+1]) >= 0 && hexadecimal(s[i+2]) >= 0 {
				b.WriteByte(byte(hexadecimal(s[i+1])<<4 | hexadecimal(s[i+2])))
				i += 2
				continue
			}
			i++
		}
		b.WriteByte(s[i])
	}
	return valid(b.String())
}

func hexadecimal(c byte) int {
	return strings.IndexByte("0123456789abcdef", c|0x20)
}
