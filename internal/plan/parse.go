package plan

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"groupwriteback/internal/directory"
)

// The bounds of a filter.
const (
	maxFilterLength = 4096 // characters
	maxFilterDepth  = 32   // of parentheses and -not within one another
)

// FilterError says what is wrong with the text of a filter.
type FilterError struct {
	// Position is the position in characters, from 1. It is one beyond the end if
	// something is missing there.
	Position int
	// Message says what was found and what is allowed, in sentences.
	Message string
}

// Error returns position and message.
func (e *FilterError) Error() string {
	return fmt.Sprintf("the filter is wrong at character %d: %s", e.Position, e.Message)
}

// ParseFilter parses a filter of at most 4,096 characters; see [Filter] for the language.
// It returns nil for a blank text. The error is a [*FilterError].
func ParseFilter(text string) (*Filter, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	const tooLong = "A filter has at most 4096 characters."
	if utf8.RuneCountInString(text) > maxFilterLength {
		return nil, &FilterError{maxFilterLength + 1, tooLong}
	}
	if valid := strings.ToValidUTF8(text, ""); valid != text {
		return nil, &FilterError{firstInvalid(text), "The character is not valid UTF-8."}
	}
	p := filterParser{text: []rune(text)}
	p.advance()
	root := p.either()
	switch p.token.kind {
	case endOfFilter:
	case closing:
		p.fail("This ) has no matching (.")
	default:
		p.fail("Found %s, expected -and, -or or the end.", p.found())
	}
	if p.err != nil {
		return nil, p.err
	}
	f := &Filter{root}
	if utf8.RuneCountInString(f.String()) > maxFilterLength { // the canonical form may have more blanks
		return nil, &FilterError{len(p.text) + 1, tooLong}
	}
	return f, nil
}

// firstInvalid returns the position of the first byte that is not UTF-8.
func firstInvalid(text string) int {
	position := 1
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		if r == utf8.RuneError && size == 1 {
			break
		}
		text, position = text[size:], position+1
	}
	return position
}

// token is the smallest part of a filter.
type token struct {
	kind  tokenKind
	text  string // as written
	value string // for quoted: the value without quotes
	start int    // in the filter's characters, from 0
}

type tokenKind int

const (
	endOfFilter tokenKind = iota
	opening               // (
	closing               // )
	inverting             // -not or !
	joining               // -and or -or
	quoted                // a value
	word                  // anything else
)

// filterParser is a recursive descent parser with one token of lookahead. The first
// mistake moves to the end of the text, so that all parsing in progress ends.
type filterParser struct {
	text  []rune
	token token
	next  int // where the text continues after token
	depth int
	err   *FilterError
}

func (p *filterParser) fail(format string, arguments ...any) {
	if p.err == nil {
		p.err = &FilterError{p.token.start + 1, fmt.Sprintf(format, arguments...)}
	}
	p.token, p.next = token{}, len(p.text)
}

// found returns the token for a message: short, and on one line.
func (p *filterParser) found() string {
	shown := strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, p.token.text)
	if cut := directory.CutUTF16(shown, 40); cut != shown {
		return cut + "…"
	}
	return shown
}

// advance reads the next token.
func (p *filterParser) advance() {
	for p.next < len(p.text) && unicode.IsSpace(p.text[p.next]) {
		p.next++
	}
	p.token = token{start: p.next, text: "the end"}
	if p.next == len(p.text) {
		return
	}
	switch first := p.text[p.next]; first {
	case '(':
		p.token.kind, p.next = opening, p.next+1
	case ')':
		p.token.kind, p.next = closing, p.next+1
	case '!':
		p.token.kind, p.next = inverting, p.next+1
	case '\'', '"':
		p.quoted(first)
	default:
		for p.next < len(p.text) && !unicode.IsSpace(p.text[p.next]) && !strings.ContainsRune(`()!'"`, p.text[p.next]) {
			p.next++
		}
		p.token.kind = word
	}
	if p.err != nil {
		return
	}
	p.token.text = string(p.text[p.token.start:p.next])
	switch strings.ToLower(p.token.text) {
	case "-not":
		p.token.kind = inverting
	case "-and", "-or":
		p.token.kind = joining
	}
}

func (p *filterParser) quoted(quote rune) {
	var value strings.Builder
	for i := p.next + 1; i < len(p.text); i++ {
		if p.text[i] != quote {
			value.WriteRune(p.text[i])
			continue
		}
		if i+1 < len(p.text) && p.text[i+1] == quote {
			value.WriteRune(quote)
			i++
			continue
		}
		p.token.kind, p.token.value, p.next = quoted, value.String(), i+1
		return
	}
	p.fail("The value that begins here has no closing %c. Write a %c inside the value twice.", quote, quote)
}

func (p *filterParser) either() condition {
	return joined[disjunction](p, "-or", p.both)
}

func (p *filterParser) both() condition {
	return joined[conjunction](p, "-and", p.inverted)
}

// joined parses conditions separated by the operator. It flattens conditions that are
// joined by the same operator themselves, so that equal filters have one form.
func joined[T interface {
	~[]condition
	condition
}](p *filterParser, operator string, read func() condition) condition {
	var parts T
	for {
		part := read()
		if same, ok := part.(T); ok {
			parts = append(parts, same...)
		} else {
			parts = append(parts, part)
		}
		if p.token.kind != joining || !strings.EqualFold(p.token.text, operator) {
			break
		}
		p.advance()
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return parts
}

func (p *filterParser) inverted() condition {
	if p.token.kind != inverting && p.token.kind != opening {
		return p.comparison()
	}
	if p.depth == maxFilterDepth {
		p.fail("Parentheses and -not are nested more than %d deep.", maxFilterDepth)
		return nil
	}
	p.depth++
	defer func() { p.depth-- }()
	begin := p.token
	p.advance()
	if begin.kind == inverting {
		return negation{p.inverted()}
	}
	inner := p.either()
	if p.token.kind != closing {
		p.fail("Found %s, expected -and, -or or the ) that matches the ( at character %d.", p.found(), begin.start+1)
		return nil
	}
	p.advance()
	return inner
}

func (p *filterParser) comparison() condition {
	attribute := p.oneOf(FilterAttributes(), "an attribute")
	operator := p.oneOf(filterOperators, "an operator")
	if p.token.kind != quoted {
		p.fail("Found %s, expected a quoted value such as 'HR-*', or '' for no value.", p.found())
		return nil
	}
	c := comparison{attribute, operator, p.token.value}
	if strings.HasSuffix(operator, "like") {
		p.advance()
		return c
	}
	// A value that no group can have is a mistake.
	switch kinds := []string{string(directory.UnifiedGroup), string(directory.SecurityGroup)}; attribute {
	case "kind":
		i := slices.IndexFunc(kinds, func(kind string) bool { return strings.EqualFold(kind, c.value) })
		if i < 0 {
			p.fail("%s is not a kind of group. The kinds are '%s'.", p.found(), strings.Join(kinds, "' and '"))
			return nil
		}
		c.value = kinds[i]
	case "id":
		id, err := directory.ParseGUID(c.value)
		if err != nil {
			p.fail("%s is not a group id. A group id has the form 00000000-0000-0000-0000-000000000000.", p.found())
		}
		c.value = id.String()
	}
	p.advance()
	return c
}

// oneOf reads one of the names, ignoring letter case.
func (p *filterParser) oneOf(names []string, what string) string {
	i := slices.IndexFunc(names, func(name string) bool { return strings.EqualFold(name, p.token.text) })
	if i < 0 || p.token.kind != word {
		p.fail("Found %s, expected %s: %s.", p.found(), what, strings.Join(names, ", "))
		return ""
	}
	p.advance()
	return names[i]
}
