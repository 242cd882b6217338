package expression

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/dlclark/regexp2"
)

// matchTimeout bounds what the regular expressions of one evaluation may take. A
// backtracking one would go on for years.
var matchTimeout = time.Second

// pattern is a regular expression of .NET over UTF-16 units.
type pattern struct {
	re *regexp2.Regexp
}

// newPattern compiles a regular expression. problem says what is wrong with it.
func newPattern(s string) (p *pattern, problem string) {
	translated, problem := translate(s)
	if problem != "" {
		return nil, problem
	}
	defer func() {
		// The library panics on some patterns that it does not foresee.
		if r := recover(); r != nil {
			p, problem = nil, "cannot be compiled"
		}
	}()
	re, err := regexp2.Compile(translated, regexp2.None)
	if err != nil {
		return nil, strings.TrimPrefix(err.Error(), "error parsing regexp: ")
	}
	re.MatchTimeout = matchTimeout
	return &pattern{re}, ""
}

// group returns the number of a group by its name or number; -1 is none.
func (p *pattern) group(name string) int {
	if name == "" {
		return -1
	}
	return p.re.GroupNumberFromName(name)
}

// all calls visit for each match in turn, until it returns false. The error is
// that the evaluation has no more time.
func (p *pattern) all(a *arguments, text []rune, visit func(m *regexp2.Match) bool) (err error) {
	if a.matched > matchTimeout {
		return errMatch
	}
	start := time.Now()
	defer func() {
		a.matched += time.Since(start)
		if r := recover(); r != nil {
			err = errMatch
		}
	}()
	m, err := p.re.FindRunesMatch(text)
	for err == nil && m != nil && visit(m) {
		if a.matched+time.Since(start) > matchTimeout {
			return errMatch
		}
		m, err = p.re.FindNextMatch(m)
	}
	if err != nil {
		return errMatch
	}
	return nil
}

var errMatch = fmt.Errorf("the regular expression did not end within %s", matchTimeout)

// word is .NET's \w by categories, notWord its complement. The library counts the
// joiners U+200C and U+200D to \w; .NET does so for \b alone.
const (
	wordCategories    = `\p{L}\p{Mn}\p{Nd}\p{Pc}`
	notWordCategories = `\p{Mc}\p{Me}\p{Nl}\p{No}\p{Z}\p{S}\p{C}\p{Pd}\p{Ps}\p{Pe}\p{Pi}\p{Pf}\p{Po}`
)

// translator writes a regular expression of .NET as the library takes it, and
// refuses what only the library takes. It understands no more of it than that
// needs: escapes, sets, comments and inline options.
type translator struct {
	in      []rune
	at      int
	out     strings.Builder
	problem string
	// blanks says for each open group whether (?x) counts in it: a # begins a
	// comment there.
	blanks []bool
}

func translate(s string) (translated, problem string) {
	t := translator{in: []rune(s), blanks: []bool{false}}
	for t.problem == "" && t.at < len(t.in) {
		t.next()
	}
	return t.out.String(), t.problem
}

func (t *translator) peek(ahead int) rune {
	if t.at+ahead >= len(t.in) {
		return 0
	}
	return t.in[t.at+ahead]
}

// copy writes the next n characters as they are. One beyond 16 bits is two units.
func (t *translator) copy(n int) {
	for ; n > 0 && t.at < len(t.in); n-- {
		if r := t.in[t.at]; r > 0xFFFF {
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&t.out, `\u%04X\u%04X`, high, low)
		} else {
			t.out.WriteRune(r)
		}
		t.at++
	}
}

func (t *translator) next() {
	open := len(t.blanks) - 1
	switch r := t.in[t.at]; {
	case r == '\\':
		t.escape(false)
	case r == '[':
		t.copy(1)
		t.set(0)
	case r == '#' && t.blanks[open]:
		for t.at < len(t.in) && t.in[t.at] != '\n' {
			t.copy(1)
		}
	case r == '(' && t.peek(1) == '?' && t.peek(2) == '#':
		for t.at < len(t.in) && t.in[t.at] != ')' {
			t.copy(1)
		}
		t.copy(1)
	case r == '(':
		t.blanks = append(t.blanks, t.blanks[open])
		t.copy(1)
		if t.peek(0) == '?' {
			t.copy(1)
			t.options()
		}
	case r == ')' && open > 0:
		t.blanks = t.blanks[:open]
		t.copy(1)
	default:
		t.copy(1)
	}
}

// options reads inline options behind "(?". The library has more of them than
// .NET; one prints to standard output.
func (t *translator) options() {
	start, on := t.at, true
	open := len(t.blanks) - 1
	blanks := t.blanks[open]
	for ; ; t.copy(1) {
		switch r := t.peek(0); r {
		case '-', '+':
			on = r == '+'
		case 'x', 'X':
			blanks = on
		case 'i', 'I', 'm', 'M', 'n', 'N', 's', 'S':
		case ')':
			if t.at > start && open > 0 {
				// The options are those of the group around.
				t.blanks[open-1] = blanks
			}
			return
		default:
			if t.at > start && r != ':' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' {
				t.problem = fmt.Sprintf("has the unknown option (?%s)", string(t.in[start:min(t.at+1, len(t.in))]))
			}
			t.blanks[open] = blanks
			return
		}
	}
}

// escape writes an escape, inside or outside of a set.
func (t *translator) escape(inSet bool) {
	switch r := t.peek(1); {
	case r == 'p' || r == 'P':
		t.category(inSet, r == 'P')
	case r == 'w':
		t.at += 2
		t.class(inSet, false, wordCategories)
	case r == 'W':
		t.at += 2
		if inSet {
			t.class(true, false, notWordCategories)
		} else {
			t.class(false, true, wordCategories)
		}
	case (r == 'x' || r == 'u') && t.peek(2) == '{':
		t.problem = fmt.Sprintf(`has \%c{…}, which .NET does not know: write \uXXXX`, r)
	default:
		// The escape of a character beyond 16 bits would escape its first half.
		if r > 0xFFFF {
			t.at++
			t.copy(1)
			return
		}
		t.copy(2)
	}
}

// class writes what stands in a set, with brackets where it is not in one.
func (t *translator) class(inSet, negated bool, members string) {
	switch {
	case inSet:
		t.out.WriteString(members)
	case negated:
		t.out.WriteString("[^" + members + "]")
	default:
		t.out.WriteString("[" + members + "]")
	}
}

// categories are those of Unicode that .NET knows by name.
var categories = func() map[string]bool {
	m := map[string]bool{}
	for name := range strings.FieldsSeq("L Lu Ll Lt Lm Lo M Mn Mc Me N Nd Nl No P Pc Pd Ps Pe Pi Pf Po S Sm Sc Sk So Z Zs Zl Zp C Cc Cf Cs Co Cn") {
		m[name] = true
	}
	return m
}()

// category writes \p{name}: a category as it is, a block as its range.
func (t *translator) category(inSet, negated bool) {
	start := t.at
	name, closed := "", false
	if t.peek(2) == '{' {
		for t.at += 3; t.at < len(t.in) && !closed; t.at++ {
			if closed = t.in[t.at] == '}'; !closed {
				name += string(t.in[t.at])
			}
		}
	}
	block, isBlock := blocks[name]
	switch {
	case !closed:
		t.problem = `has a \p without its name in braces: write \p{Lu}, for example`
	case categories[name]:
		t.out.WriteString(string(t.in[start:t.at]))
	case !isBlock:
		t.problem = fmt.Sprintf(`has \p{%s}, which .NET does not know: write a category such as Lu, or a block such as IsGreek`, name)
	case inSet && negated:
		var rest []string
		if block[0] > 0 {
			rest = append(rest, fmt.Sprintf(`\u0000-\u%04X`, block[0]-1))
		}
		if block[1] < 0xFFFF {
			rest = append(rest, fmt.Sprintf(`\u%04X-\uFFFF`, block[1]+1))
		}
		t.class(true, false, strings.Join(rest, ""))
	default:
		t.class(inSet, negated, fmt.Sprintf(`\u%04X-\u%04X`, block[0], block[1]))
	}
}

// set writes a set from behind its opening bracket to its closing one. A bracket
// that opens inside is a character, unless it begins a subtraction at the end.
func (t *translator) set(depth int) {
	if depth > MaxDepth {
		t.problem = fmt.Sprintf("has a set within more than %d sets", MaxDepth)
		return
	}
	if t.peek(0) == '^' {
		t.copy(1)
	}
	for first := true; t.at < len(t.in) && t.problem == ""; first = false {
		switch r := t.in[t.at]; {
		case r == ']' && !first:
			t.copy(1)
			return
		case r == '\\':
			t.escape(true)
		case r == '-' && t.peek(1) == '[' && !first:
			t.copy(2)
			t.set(depth + 1)
		case r == '[':
			t.out.WriteByte('\\')
			t.copy(1)
		default:
			t.copy(1)
		}
	}
}
