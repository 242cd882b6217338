package directory

import "strings"

// Wildcard returns a function that matches texts without regard to case, to
// blanks at their ends, and to what is invisible, since names are shown without
// it. In the pattern * stands for any text and ? for one character.
func Wildcard(pattern string) func(text string) bool {
	p := []rune(comparableName(pattern))
	return func(text string) bool {
		t := []rune(comparableName(text))
		// Only the last star is ever gone back to: the time is bounded by the
		// product of the lengths, whatever the pattern.
		i, star, from := 0, -1, 0
		for j := 0; j < len(t); {
			switch {
			case i < len(p) && p[i] == '*':
				star, from = i, j
				i++
			case i < len(p) && (p[i] == '?' || p[i] == t[j]):
				i++
				j++
			case star >= 0:
				from++
				i, j = star+1, from
			default:
				return false
			}
		}
		for i < len(p) && p[i] == '*' {
			i++
		}
		return i == len(p)
	}
}

// SameName reports whether two names differ at most in what [Wildcard] does not
// regard. No name is the same as none.
func SameName(a, b string) bool {
	a = comparableName(a)
	return a != "" && a == comparableName(b)
}

func comparableName(text string) string { return strings.ToLower(strings.TrimSpace(Clean(text))) }
