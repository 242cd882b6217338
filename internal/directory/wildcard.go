package directory

import "strings"

// Wildcard returns a function that matches texts without regard to case, to
// blanks at their ends, and to what is invisible, since names are shown without
// it. In the pattern * stands for any text and ? for one character.
func Wildcard(pattern string) func(text string) bool {
	p := []rune(comparableName(pattern))
	return func(text string) bool { return Covers(p, []rune(comparableName(text))) }
}

// Covers reports whether the pattern covers the whole text: * stands for any text
// and ? for one character. Only the last * is ever gone back to, so the steps are at
// most the product of the lengths.
func Covers(pattern, text []rune) bool {
	i, j := 0, 0
	star, from := -1, 0 // the last * in the pattern, and where in the text what it covers ends
	for i < len(text) {
		switch {
		case j < len(pattern) && pattern[j] == '*':
			star, from = j, i
			j++
		case j < len(pattern) && (pattern[j] == '?' || pattern[j] == text[i]):
			i, j = i+1, j+1
		case star >= 0:
			from++
			i, j = from, star+1
		default:
			return false
		}
	}
	return strings.Trim(string(pattern[j:]), "*") == ""
}

// SameName reports whether two names differ at most in what [Wildcard] does not
// regard. No name is the same as none.
func SameName(a, b string) bool {
	a = comparableName(a)
	return a != "" && a == comparableName(b)
}

func comparableName(text string) string { return strings.ToLower(strings.TrimSpace(Clean(text))) }
