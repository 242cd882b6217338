package directory

import "strings"

// Wildcard returns a function that matches texts, ignoring case, leading and trailing
// blanks, and invisible characters, because names are shown without them. In the
// pattern, * stands for any text and ? for one character.
func Wildcard(pattern string) func(text string) bool {
	p := []rune(comparableName(pattern))
	return func(text string) bool { return Covers(p, []rune(comparableName(text))) }
}

// Covers reports whether the pattern matches the whole text: * stands for any text and
// ? for one character. It only ever backtracks to the last *, so the number of steps is
// at most the product of the lengths.
func Covers(pattern, text []rune) bool {
	i, j := 0, 0
	star, from := -1, 0 // the last * in the pattern, and where the text it covers ends
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

// SameName reports whether two names differ at most in what [Wildcard] ignores. An
// empty name equals no name.
func SameName(a, b string) bool {
	a = comparableName(a)
	return a != "" && a == comparableName(b)
}

func comparableName(text string) string { return strings.ToLower(strings.TrimSpace(Clean(text))) }
