package expression

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// parse reads an expression:
//
//	expression = sum [ ("=" | "<>" | ">" | ">=" | "<" | "<=") sum ]
//	sum        = operand { "&" operand }
//	operand    = text | number | "[" name "]" | name | name "(" [ arguments ] ")"
//	arguments  = [ expression ] { "," [ expression ] }
func parse(text string) (node, error) {
	if len(text) > MaxLength && utf8.RuneCountInString(text) > MaxLength {
		return nil, newError(text, 0, "the expression",
			fmt.Sprintf("has %d characters", utf8.RuneCountInString(text)), fmt.Sprintf("at most %d are taken", MaxLength))
	}
	if !utf8.ValidString(text) {
		at := strings.IndexFunc(text, func(r rune) bool { return r == utf8.RuneError })
		return nil, newError(text, at, "the expression", "is no valid UTF-8 here", "save it as UTF-8")
	}
	p := parser{text: text}
	if p.space(); p.at == len(text) {
		return nil, newError(text, 0, "the expression", "is empty", `write an attribute, [name], a text, "text", or a function`)
	}
	root := p.expression(0)
	if p.space(); p.err == nil && p.at < len(text) {
		p.unexpected("the expression ends before it")
	}
	if p.err != nil {
		return nil, p.err
	}
	return root, nil
}

// parser keeps the first error; after it, what its methods return means nothing.
type parser struct {
	text string
	at   int
	err  *Error
}

func (p *parser) fail(at int, name, problem, advice string) {
	if p.err == nil {
		p.err = newError(p.text, at, name, problem, advice)
	}
	p.at = len(p.text)
}

// peek returns the character that comes next; 0 at the end.
func (p *parser) peek() rune {
	if p.at == len(p.text) {
		return 0
	}
	r, _ := utf8.DecodeRuneInString(p.text[p.at:])
	return r
}

func (p *parser) space() {
	p.at += len(p.text[p.at:]) - len(strings.TrimLeftFunc(p.text[p.at:], unicode.IsSpace))
}

// take reports whether the token comes next, after spaces, and goes past it.
func (p *parser) take(token string) bool {
	p.space()
	if !strings.HasPrefix(p.text[p.at:], token) {
		return false
	}
	p.at += len(token)
	return true
}

// hints say what to write instead of what other languages have.
var hints = map[rune]string{
	'\'': `write a text in straight double quotes, "text"`,
	'“':  `write straight quotes, "text"`, '”': `write straight quotes, "text"`, '„': `write straight quotes, "text"`,
	';': "write a comma between arguments",
	'+': "there is no arithmetic; write Append, Join or & to put texts together",
	'-': "there is no arithmetic; write Append, Join or & to put texts together",
	'*': "there is no arithmetic", '/': "there is no arithmetic",
	'|': "there is no Or; write an IIF in the false branch of another",
	'!': "write Not(…), or <> for is not equal",
	'{': "write an attribute in square brackets, [name]", '$': "write an attribute in square brackets, [name]",
	'%': "write an attribute in square brackets, [name]",
	'(': "write parentheses only behind the name of a function",
	')': "a parenthesis that closes needs one that opens",
	']': "a bracket that closes needs one that opens",
}

func (p *parser) unexpected(problem string) {
	p.space()
	r := p.peek()
	if p.at == len(p.text) {
		p.fail(p.at, "the end", problem, "")
		return
	}
	hint := hints[r]
	if name := p.name(); name != "" {
		p.at -= len(name)
		switch strings.ToLower(name) {
		case "and", "or":
			hint = "there is neither And nor Or; write an IIF in a branch of another"
		}
		p.fail(p.at, name, problem, hint)
		return
	}
	p.fail(p.at, string(r), problem, hint)
}

func (p *parser) expression(depth int) node {
	left := p.sum(depth)
	p.space()
	at := p.at
	operator := p.operator()
	if operator == "" {
		return left
	}
	n := &infix{place{at}, operator, left, p.sum(depth)}
	p.space()
	if next := p.at; p.err == nil && p.operator() != "" {
		p.fail(next, p.text[next:p.at], "a comparison follows a comparison", "write IIF or CBool around the first")
	}
	return n
}

// operator goes past the comparison that comes next, if one does.
func (p *parser) operator() string {
	for _, o := range []string{"<>", ">=", "<=", "=", ">", "<"} {
		if p.take(o) {
			return o
		}
	}
	return ""
}

func (p *parser) sum(depth int) node {
	n := p.operand(depth)
	for p.err == nil {
		if p.space(); p.peek() != '&' {
			break
		}
		at := p.at
		p.at++
		n = &infix{place{at}, "&", n, p.operand(depth)}
	}
	return n
}

func (p *parser) operand(depth int) node {
	p.space()
	at := p.at
	switch r := p.peek(); {
	case r == '"':
		return &literal{place{at}, p.quoted()}
	case r == '[':
		return &attribute{place{at}, p.bracketed()}
	case r == '&' || r >= '0' && r <= '9',
		(r == '-' || r == '+') && p.at+1 < len(p.text) && isDigit(p.text[p.at+1]):
		return &number{place{at}, p.number()}
	}
	name := p.name()
	if name == "" {
		p.unexpected("a value is missing before it")
		return nil
	}
	if p.space(); p.peek() != '(' {
		return &word{place{at}, name}
	}
	if depth == MaxDepth {
		p.fail(at, name, fmt.Sprintf("stands in %d functions", MaxDepth), "nest less")
		return nil
	}
	p.at++
	return &call{place: place{at}, name: name, args: p.arguments(name, at, depth+1)}
}

func (p *parser) arguments(name string, at, depth int) []node {
	if p.take(")") {
		return nil
	}
	for args := []node(nil); p.err == nil; {
		p.space()
		switch r := p.peek(); r {
		case ',', ')':
			args = append(args, nil)
		default:
			args = append(args, p.expression(depth))
		}
		switch {
		case p.err != nil, p.take(","):
		case p.take(")"):
			return args
		case p.at == len(p.text):
			p.fail(at, name, "its parenthesis is not closed", "write ) behind its last argument")
		default:
			p.unexpected("a comma or ) is missing before it")
		}
	}
	return nil
}

// name goes past the name that comes next, if one does.
func (p *parser) name() string {
	rest := p.text[p.at:]
	n := strings.IndexFunc(rest, func(r rune) bool {
		return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
	if n < 0 {
		n = len(rest)
	}
	if first, _ := utf8.DecodeRuneInString(rest); unicode.IsDigit(first) {
		n = 0
	}
	p.at += n
	return rest[:n]
}

func (p *parser) quoted() string {
	var b strings.Builder
	for start := p.at; ; {
		p.at++
		switch {
		case p.at >= len(p.text):
			p.fail(start, "the text", "its quotes are not closed", `write " behind it; inside, a quote is \"`)
			return ""
		case p.text[p.at] == '"':
			p.at++
			return b.String()
		case p.text[p.at] == '\\':
			if p.at++; p.at < len(p.text) && p.text[p.at] != '\\' && p.text[p.at] != '"' {
				r := p.peek()
				p.fail(p.at-1, `\`+string(r), "is no escape", fmt.Sprintf(`write \\%c for a backslash and %[1]c`, r))
				return ""
			} else if p.at == len(p.text) {
				continue
			}
			fallthrough
		default:
			b.WriteByte(p.text[p.at])
		}
	}
}

func (p *parser) bracketed() string {
	start := p.at
	n := strings.IndexAny(p.text[p.at+1:], "[]")
	if n < 0 || p.text[p.at+1+n] == '[' {
		p.fail(start, "[", "the bracket is not closed", "write ] behind the name of the attribute")
		return ""
	}
	name := p.text[p.at+1 : p.at+1+n]
	if strings.TrimSpace(name) == "" {
		p.fail(start, "[]", "names no attribute", "write the attribute's name in the brackets")
		return ""
	}
	p.at += n + 2
	return name
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func (p *parser) number() int64 {
	start, base := p.at, 10
	if p.peek() == '&' {
		if !strings.HasPrefix(p.text[p.at:], "&H") && !strings.HasPrefix(p.text[p.at:], "&h") {
			p.fail(start, "&", "a value is missing before it", "write & between two values; a hexadecimal number is &HF")
			return 0
		}
		p.at, base = p.at+2, 16
	}
	digits := p.at
	if r := p.peek(); base == 10 && (r == '-' || r == '+') {
		p.at++
	}
	for r := p.peek(); r == '.' || unicode.IsLetter(r) || unicode.IsDigit(r); r = p.peek() {
		p.at += utf8.RuneLen(r)
	}
	n, err := strconv.ParseInt(p.text[digits:p.at], base, 64)
	if err != nil {
		name := p.text[start:p.at]
		switch {
		case strings.Contains(name, "."):
			p.fail(start, name, "is not whole", "only whole numbers are taken")
		case strings.Contains(err.Error(), "range"):
			p.fail(start, name, "is too large", "a number has at most 64 bits")
		default:
			p.fail(start, name, "is no number", "write it in quotes if it is a text")
		}
		return 0
	}
	return n
}
