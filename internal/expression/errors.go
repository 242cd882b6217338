package expression

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Error says what is wrong with an expression, or with an object that it was
// evaluated for.
type Error struct {
	Offset  int    // where, in bytes from the start of the expression
	Column  int    // the same in characters, from 1
	Name    string // the function, attribute or token that it is about
	Problem string // what is wrong
	Advice  string // what to write instead; may be empty
}

func (e *Error) Error() string {
	s := fmt.Sprintf("at character %d, %s: %s", e.Column, e.Name, e.Problem)
	if e.Advice != "" {
		s += "; " + e.Advice
	}
	return s
}

func newError(text string, offset int, name, problem, advice string) *Error {
	offset = min(max(offset, 0), len(text))
	return &Error{
		Offset: offset, Column: utf8.RuneCountInString(text[:offset]) + 1,
		Name: name, Problem: problem, Advice: advice,
	}
}

// shown returns a text for a message: quoted, and cut when it is long.
func shown(s string) string {
	const most = 60
	if utf8.RuneCountInString(s) > most {
		s = string([]rune(s)[:most]) + "…"
	}
	return quote(s)
}

// similar returns the name that was most likely meant, or "".
func similar(name string, names []string) string {
	best, least := "", 3
	for _, candidate := range slices.Sorted(slices.Values(names)) {
		if strings.EqualFold(candidate, name) {
			return candidate
		}
		if d := distance(strings.ToLower(name), strings.ToLower(candidate)); d < least && d < len(name)/2+1 {
			best, least = candidate, d
		}
	}
	return best
}

// distance counts the letters to insert, delete or change that make a into b. Of
// names that are much longer than any of ours it gives up.
func distance(a, b string) int {
	if len(a) > 200 || len(b) > 200 {
		return 200
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := before
			if a[i] != b[j] {
				cost = 1 + min(before, row[j], row[j+1])
			}
			before, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
