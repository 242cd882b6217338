package expression

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/dlclark/regexp2"
)

// prepared is what the checks keep for the calls that follow.
type prepared struct {
	form         form
	pattern      *pattern
	group        int
	substitution []piece // nil when the replacement is not constant
	formats      [2][]token
}

// form is one of the five ways of Replace, which the arguments decide.
type form int

const (
	byText form = iota + 1
	inTemplate
	byPattern
	byGroup
	fromAttribute
)

// Places of the arguments of Replace.
const (
	oldValue = iota + 1
	regexPattern
	regexGroupName
	replacementValue
	replacementAttribute
	template
)

var forms = map[string]form{
	"oldValue replacementValue":                            byText,
	"oldValue template":                                    inTemplate,
	"regexPattern replacementValue":                        byPattern,
	"regexPattern regexGroupName replacementValue":         byGroup,
	"regexPattern regexGroupName replacementAttributeName": fromAttribute,
}

func prepareReplace(c *checker, n *call) {
	var given []string
	for i := 1; i < len(n.args); i++ {
		if n.args[i] != nil {
			given = append(given, n.function.parameters[i].name)
		}
	}
	p := &n.prepared
	if p.form = forms[strings.Join(given, " ")]; p.form == 0 {
		has := "nothing to replace"
		if given != nil {
			has = strings.Join(given, " with ")
		}
		c.fail(n.at, n.name, "has "+has, "beside its source write oldValue and replacementValue; oldValue and template; "+
			"regexPattern and replacementValue; or these with regexGroupName, or regexPattern, regexGroupName and replacementAttributeName")
		return
	}
	if p.form == byText || p.form == inTemplate {
		if old, ok := n.args[oldValue].(*literal); ok && old.text == "" {
			c.fail(old.at, n.name, "oldValue is empty", "write what is to be replaced")
		}
		return
	}
	re := n.args[regexPattern].(*literal)
	var problem string
	if p.pattern, problem = newPattern(re.text); problem != "" {
		c.fail(re.at, n.name, "the regular expression "+shown(re.text)+": "+problem, "write it as .NET takes it")
		return
	}
	if p.form != byPattern {
		name := n.args[regexGroupName].(*literal)
		if p.group = p.pattern.group(name.text); p.group < 0 {
			c.fail(name.at, n.name, "the regular expression has no group "+shown(name.text),
				"it has "+strings.Join(p.pattern.re.GetGroupNames(), ", "))
		}
		return
	}
	if with, ok := n.args[replacementValue].(*literal); ok {
		if p.substitution, problem = p.pattern.substitution(with.text); problem != "" {
			c.fail(with.at, n.name, "replacementValue "+problem, "write $$ for a dollar")
		}
	}
}

func replace(a *arguments) value {
	s := a.text(0)
	switch a.prepared.form {
	case byText:
		return a.replaceText(s, a.text(oldValue), a.text(replacementValue))
	case inTemplate:
		return a.replaceText(a.text(template), a.text(oldValue), s)
	case byGroup:
		return a.replaceGroup(s, a.text(replacementValue))
	case fromAttribute:
		if s != "" {
			return one(s)
		}
		return a.extract(a.text(replacementAttribute))
	}
	with := a.prepared.substitution
	if with == nil {
		var problem string
		if with, problem = a.prepared.pattern.substitution(a.text(replacementValue)); problem != "" {
			a.fail(replacementValue, "replacementValue "+problem, "")
		}
	}
	return a.replacePattern(s, func(out, text []rune, m *regexp2.Match) []rune {
		for _, piece := range with {
			if out = piece.append(out, text, m); len(out) > MaxText {
				break
			}
		}
		return out
	})
}

func (a *arguments) replaceText(s, old, with string) value {
	if old == "" {
		a.fail(oldValue, "oldValue is empty", "")
		return value{}
	}
	// Four bytes are two units at least, so this is too long by any count.
	if n := strings.Count(s, old); len(s)+n*(len(with)-len(old)) > 3*MaxText {
		a.tooLong(a.call)
		return value{}
	}
	return one(strings.ReplaceAll(s, old, with))
}

// replacePattern writes the text with each match as the function appends it.
func (a *arguments) replacePattern(s string, with func(out, text []rune, m *regexp2.Match) []rune) value {
	if a.stopped() {
		return value{}
	}
	text := widen(s)
	var out []rune
	end, matched := 0, false
	err := a.prepared.pattern.all(a, text, func(m *regexp2.Match) bool {
		matched = true
		out = append(out, text[end:m.Index]...)
		end = m.Index + m.Length
		out = with(out, text, m)
		return len(out) <= MaxText
	})
	switch {
	case err != nil:
		a.timedOut(err)
		return value{}
	case !matched:
		return one(s)
	case len(out) > MaxText:
		a.tooLong(a.call)
		return value{}
	}
	return one(narrow(append(out, text[end:]...)))
}

func (a *arguments) timedOut(err error) {
	a.fail(regexPattern, err.Error(), "write one that does not try so many ways, such as without a repetition in a repetition")
}

// replaceGroup replaces in each match the text of the group alone.
func (a *arguments) replaceGroup(s, with string) value {
	replacement := widen(with)
	return a.replacePattern(s, func(out, text []rune, m *regexp2.Match) []rune {
		g := m.GroupByNumber(a.prepared.group)
		from, to := g.Index, g.Index+g.Length
		// A group of a lookaround may lie outside the match.
		if len(g.Captures) == 0 || from < m.Index || to > m.Index+m.Length {
			return append(out, text[m.Index:m.Index+m.Length]...)
		}
		out = append(out, text[m.Index:from]...)
		out = append(out, replacement...)
		return append(out, text[to:m.Index+m.Length]...)
	})
}

// extract returns the text of the group in the first match.
func (a *arguments) extract(s string) value {
	if a.stopped() {
		return value{}
	}
	found := ""
	err := a.prepared.pattern.all(a, widen(s), func(m *regexp2.Match) bool {
		if g := m.GroupByNumber(a.prepared.group); len(g.Captures) > 0 {
			found = narrow(g.Runes())
		}
		return false
	})
	if err != nil {
		a.timedOut(err)
	}
	return one(found)
}

// piece is a part of a replacement: text, or what the match has.
type piece struct {
	text []rune
	what rune // 0 text, 'g' group, and & ` ' + _ as .NET has them
	n    int  // the group
}

func (p piece) append(out, text []rune, m *regexp2.Match) []rune {
	switch p.what {
	case 'g':
		if g := m.GroupByNumber(p.n); g != nil && len(g.Captures) > 0 {
			out = append(out, g.Runes()...)
		}
		return out
	case '`':
		return append(out, text[:m.Index]...)
	case '\'':
		return append(out, text[m.Index+m.Length:]...)
	case '_':
		return append(out, text...)
	}
	return append(out, p.text...)
}

// substitution reads a replacement as .NET does: what is no reference to
// anything that is there stays as it is.
func (p *pattern) substitution(s string) (pieces []piece, problem string) {
	pieces = []piece{}
	plain := func(s string) { pieces = append(pieces, piece{text: widen(s)}) }
	for s != "" {
		before, rest, found := strings.Cut(s, "$")
		plain(before)
		if s = rest; !found {
			break
		}
		group, length, problem := p.reference(s)
		switch {
		case problem != "":
			return nil, problem
		case length > 0:
			pieces = append(pieces, piece{what: 'g', n: group})
			s = s[length:]
		case s != "" && strings.IndexByte("&`'+_", s[0]) >= 0:
			switch s[0] {
			case '&':
				pieces = append(pieces, piece{what: 'g'})
			case '+':
				numbers := p.re.GetGroupNumbers()
				pieces = append(pieces, piece{what: 'g', n: numbers[len(numbers)-1]})
			default:
				pieces = append(pieces, piece{what: rune(s[0])})
			}
			s = s[1:]
		case strings.HasPrefix(s, "$"):
			plain("$")
			s = s[1:]
		default:
			plain("$")
		}
	}
	return pieces, ""
}

// reference reads what may follow a dollar, a number or a name in braces, and
// returns the group with the length of what was read; 0 where it is none.
func (p *pattern) reference(s string) (group, length int, problem string) {
	name := s
	braces := strings.HasPrefix(s, "{")
	if braces {
		name, _, braces = strings.Cut(s[1:], "}")
		if length = len(name) + 2; !braces || name == "" {
			return 0, 0, ""
		}
	}
	digits := len(name) - len(strings.TrimLeft(name, "0123456789"))
	switch {
	case digits > 0 && (!braces || digits == len(name)):
		n, err := strconv.ParseInt(name[:digits], 10, 32)
		if err != nil {
			return 0, 0, fmt.Sprintf("refers to the group %s", shown(name[:digits]))
		}
		if !braces {
			length = digits
		}
		// A group that has a name has its number, too.
		if group = p.group(strconv.FormatInt(n, 10)); group < 0 && p.re.GroupNameFromNumber(int(n)) != "" {
			group = int(n)
		}
	case digits > 0 || !braces:
		return 0, 0, ""
	default:
		group = p.group(name)
	}
	if group < 0 {
		return 0, 0, ""
	}
	return group, length, ""
}
