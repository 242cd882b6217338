package graphtest

import (
	"strings"
)

// filter is a parsed $filter expression.
type filter struct {
	root expression
	// advanced says that the expression needs the advanced query capabilities
	// (concepts/aad-advanced-queries.md).
	advanced bool
}

func (f *filter) match(s *schema, record any) bool { return f.root.match(s, record) }

// ids returns the ids that the filter names, if it filters only on the id.
func (f *filter) ids() ([]string, bool) { return idsOf(f.root) }

func idsOf(e expression) ([]string, bool) {
	var values []any
	switch e := e.(type) {
	case compareExpr:
		if e.property.name != "id" {
			return nil, false
		}
		values = []any{e.value}
	case inExpr:
		if e.property.name != "id" {
			return nil, false
		}
		values = e.values
	case orExpr:
		left, ok1 := idsOf(e.left)
		right, ok2 := idsOf(e.right)
		return append(left, right...), ok1 && ok2
	default:
		return nil, false
	}
	out := []string{}
	for _, v := range values {
		if s, ok := v.(string); ok {
			out = append(out, s)
		}
	}
	return out, true
}

type expression interface {
	match(s *schema, record any) bool
}

type (
	notExpr struct{ of expression }
	andExpr struct{ left, right expression }
	orExpr  struct{ left, right expression }

	// compareExpr is "property eq value"; ne is a compareExpr inside a notExpr.
	compareExpr struct {
		property property
		value    any // string, bool or nil
	}
	inExpr struct {
		property property
		values   []any
	}
	startsWithExpr struct {
		property property
		prefix   string
	}
	// anyExpr is "property/any(x:x eq value)", or the same with startsWith.
	anyExpr struct {
		property property
		value    string
		prefix   bool
	}
)

func (e notExpr) match(s *schema, r any) bool { return !e.of.match(s, r) }
func (e andExpr) match(s *schema, r any) bool { return e.left.match(s, r) && e.right.match(s, r) }
func (e orExpr) match(s *schema, r any) bool  { return e.left.match(s, r) || e.right.match(s, r) }

func (e compareExpr) match(s *schema, r any) bool { return equal(s.value(r, e.property), e.value) }

func (e inExpr) match(s *schema, r any) bool {
	have := s.value(r, e.property)
	for _, v := range e.values {
		if equal(have, v) {
			return true
		}
	}
	return false
}

func (e startsWithExpr) match(s *schema, r any) bool {
	have, _ := s.value(r, e.property).(string)
	return hasPrefixFold(have, e.prefix)
}

func (e anyExpr) match(s *schema, r any) bool {
	list, _ := s.value(r, e.property).([]string)
	for _, v := range list {
		if e.prefix && hasPrefixFold(v, e.value) || !e.prefix && strings.EqualFold(v, e.value) {
			return true
		}
	}
	return false
}

// equal compares as the directory does: strings without regard to case, and null equals
// only null.
func equal(have, want any) bool {
	if h, ok := have.(string); ok {
		w, ok := want.(string)
		return ok && strings.EqualFold(h, w)
	}
	return have == want
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

const (
	maxFilterLength = 16 << 10
	maxFilterDepth  = 64
	// maxClauses is the limit of Graph, which refuses more than 15 alternatives.
	maxClauses = 15
)

// parseFilter parses the part of the OData filter language that this package implements
// and refuses everything else. If a filter were silently ignored, a test would prove
// nothing.
func parseFilter(text string, s *schema, clauses int) (*filter, *graphError) {
	if len(text) > maxFilterLength {
		return nil, badRequest("BadRequest", "Invalid filter clause: longer than %d characters.", maxFilterLength)
	}
	p := &filterParser{schema: s, clauses: clauses}
	if err := p.scan(text); err != nil {
		return nil, err
	}
	root, ors, err := p.or(0)
	if err != nil {
		return nil, err
	}
	if !p.at(tokenEnd, "") {
		return nil, p.syntax("end of the expression")
	}
	if ors > clauses {
		return nil, tooManyClauses(ors, clauses)
	}
	return &filter{root: root, advanced: p.advanced}, nil
}

func tooManyClauses(n, limit int) *graphError {
	return badRequest("Request_UnsupportedQuery", "Too many child clauses specified in search filter expression containing 'OR' operators: %d. Max allowed: %d.", n, limit)
}

type tokenKind uint8

const (
	tokenEnd tokenKind = iota
	tokenWord
	tokenString
	tokenSymbol // one of ( ) , : /
)

type filterToken struct {
	kind tokenKind
	text string
	at   int
}

type filterParser struct {
	schema   *schema
	clauses  int
	tokens   []filterToken
	next     int
	advanced bool
}

func (p *filterParser) scan(text string) *graphError {
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c == ' ' || c == '\t':
			i++
		case strings.IndexByte("(),:/", c) >= 0:
			p.tokens = append(p.tokens, filterToken{tokenSymbol, string(c), i})
			i++
		case c == '\'':
			value, end, ok := scanString(text, i)
			if !ok {
				return badRequest("BadRequest", "Invalid filter clause: There is an unterminated string literal at position %d in '%s'.", i, text)
			}
			p.tokens = append(p.tokens, filterToken{tokenString, value, i})
			i = end
		case isWordByte(c):
			end := i
			for end < len(text) && isWordByte(text[end]) {
				end++
			}
			p.tokens = append(p.tokens, filterToken{tokenWord, text[i:end], i})
			i = end
		default:
			return badRequest("BadRequest", "Invalid filter clause: Syntax error: character %q is not valid at position %d in '%s'.", c, i, text)
		}
	}
	p.tokens = append(p.tokens, filterToken{tokenEnd, "", len(text)})
	return nil
}

// scanString scans a literal in single quotes, in which a quote is doubled.
func scanString(text string, from int) (value string, end int, ok bool) {
	var b strings.Builder
	for i := from + 1; i < len(text); i++ {
		if text[i] != '\'' {
			b.WriteByte(text[i])
			continue
		}
		if i+1 < len(text) && text[i+1] == '\'' {
			b.WriteByte('\'')
			i++
			continue
		}
		return b.String(), i + 1, true
	}
	return "", 0, false
}

func isWordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("_-.$@+", c) >= 0
}

func (p *filterParser) peek() filterToken { return p.tokens[p.next] }

func (p *filterParser) take() filterToken {
	t := p.tokens[p.next]
	if t.kind != tokenEnd {
		p.next++
	}
	return t
}

// at compares words without regard to case, because Graph's OData parser accepts "AND"
// and "Not".
func (p *filterParser) at(kind tokenKind, text string) bool {
	t := p.peek()
	return t.kind == kind && strings.EqualFold(t.text, text)
}

func (p *filterParser) accept(kind tokenKind, text string) bool {
	if p.at(kind, text) {
		p.take()
		return true
	}
	return false
}

func (p *filterParser) expect(symbol string) *graphError {
	if p.accept(tokenSymbol, symbol) {
		return nil
	}
	return p.syntax("'" + symbol + "'")
}

func (p *filterParser) syntax(wanted string) *graphError {
	t := p.peek()
	found := "'" + t.text + "'"
	if t.kind == tokenEnd {
		found = "the end"
	}
	return badRequest("BadRequest", "Invalid filter clause: Syntax error at position %d: %s expected, %s found.", t.at, wanted, found)
}

// or, and and unary also return the number of alternatives in the expression.
func (p *filterParser) or(depth int) (expression, int, *graphError) {
	left, n, err := p.and(depth)
	if err != nil {
		return nil, 0, err
	}
	for p.accept(tokenWord, "or") {
		right, m, err := p.and(depth)
		if err != nil {
			return nil, 0, err
		}
		left, n = orExpr{left, right}, n+m
	}
	return left, n, nil
}

func (p *filterParser) and(depth int) (expression, int, *graphError) {
	left, n, err := p.unary(depth)
	if err != nil {
		return nil, 0, err
	}
	for p.accept(tokenWord, "and") {
		right, m, err := p.unary(depth)
		if err != nil {
			return nil, 0, err
		}
		left, n = andExpr{left, right}, max(n, m)
	}
	return left, n, nil
}

func (p *filterParser) unary(depth int) (expression, int, *graphError) {
	if depth > maxFilterDepth {
		return nil, 0, badRequest("BadRequest", "Invalid filter clause: nested more than %d deep.", maxFilterDepth)
	}
	if p.accept(tokenWord, "not") {
		p.advanced = true
		of, n, err := p.unary(depth + 1)
		if err != nil {
			return nil, 0, err
		}
		return notExpr{of}, n, nil
	}
	if p.accept(tokenSymbol, "(") {
		of, n, err := p.or(depth + 1)
		if err != nil {
			return nil, 0, err
		}
		return of, n, p.expect(")")
	}
	e, err := p.predicate()
	return e, 1, err
}

func (p *filterParser) predicate() (expression, *graphError) {
	if p.peek().kind != tokenWord {
		return nil, p.syntax("a property")
	}
	if p.accept(tokenWord, "startsWith") {
		return p.startsWith()
	}
	prop, ops, err := p.property()
	if err != nil {
		return nil, err
	}
	if p.accept(tokenSymbol, "/") {
		return p.any(prop, ops)
	}
	operator := p.take()
	switch word := strings.ToLower(operator.text); {
	case operator.kind != tokenWord:
		p.next--
		return nil, p.syntax("an operator")
	case word == "eq" || word == "ne":
		value, err := p.literal(prop)
		if err != nil {
			return nil, err
		}
		need := ops.eq
		if value == nil {
			need = ops.null
		}
		if err := p.require(need, prop, word); err != nil {
			return nil, err
		}
		if word == "ne" {
			p.advanced = true
			return notExpr{compareExpr{prop, value}}, nil
		}
		return compareExpr{prop, value}, nil
	case word == "in":
		if err := p.require(ops.in, prop, word); err != nil {
			return nil, err
		}
		return p.in(prop)
	default:
		return nil, unsupportedFilter(prop.name, p.schema, "the operator '"+operator.text+"'")
	}
}

func (p *filterParser) property() (property, operators, *graphError) {
	name := p.take().text
	prop, ok := p.schema.property(name)
	if !ok {
		return property{}, operators{}, unknownProperty(name, p.schema)
	}
	ops, ok := p.schema.filters[prop.name]
	if !ok {
		return property{}, operators{}, unsupportedFilter(prop.name, p.schema, "any filter")
	}
	return prop, ops, nil
}

func (p *filterParser) startsWith() (expression, *graphError) {
	if err := p.expect("("); err != nil {
		return nil, err
	}
	if p.peek().kind != tokenWord {
		return nil, p.syntax("a property")
	}
	prop, ops, err := p.property()
	if err != nil {
		return nil, err
	}
	if err := p.require(ops.startsWith, prop, "startsWith"); err != nil {
		return nil, err
	}
	if err := p.expect(","); err != nil {
		return nil, err
	}
	if p.peek().kind != tokenString {
		return nil, p.syntax("a string")
	}
	prefix := p.take().text
	return startsWithExpr{prop, prefix}, p.expect(")")
}

func (p *filterParser) in(prop property) (expression, *graphError) {
	if err := p.expect("("); err != nil {
		return nil, err
	}
	e := inExpr{property: prop}
	for {
		value, err := p.literal(prop)
		if err != nil {
			return nil, err
		}
		e.values = append(e.values, value)
		if !p.accept(tokenSymbol, ",") {
			break
		}
	}
	if len(e.values) > p.clauses {
		return nil, tooManyClauses(len(e.values), p.clauses)
	}
	return e, p.expect(")")
}

func (p *filterParser) any(prop property, ops operators) (expression, *graphError) {
	if !p.accept(tokenWord, "any") {
		return nil, p.syntax("'any'")
	}
	if err := p.require(ops.any, prop, "any"); err != nil {
		return nil, err
	}
	if err := p.expect("("); err != nil {
		return nil, err
	}
	variable := p.take()
	if variable.kind != tokenWord {
		p.next--
		return nil, p.syntax("a variable")
	}
	if err := p.expect(":"); err != nil {
		return nil, err
	}
	e := anyExpr{property: prop}
	if p.accept(tokenWord, "startsWith") {
		e.prefix = true
		if err := p.expect("("); err != nil {
			return nil, err
		}
	}
	if !p.accept(tokenWord, variable.text) {
		return nil, p.syntax("the variable '" + variable.text + "'")
	}
	if e.prefix {
		if err := p.expect(","); err != nil {
			return nil, err
		}
	} else if !p.accept(tokenWord, "eq") {
		return nil, p.syntax("'eq'")
	}
	if p.peek().kind != tokenString {
		return nil, p.syntax("a string")
	}
	e.value = p.take().text
	if e.prefix {
		if err := p.expect(")"); err != nil {
			return nil, err
		}
	}
	return e, p.expect(")")
}

// literal parses a value of the property's type, or null.
func (p *filterParser) literal(prop property) (any, *graphError) {
	t := p.peek()
	word := t.kind == tokenWord
	switch {
	case word && strings.EqualFold(t.text, "null"):
		p.take()
		return nil, nil
	case word && prop.boolean && strings.EqualFold(t.text, "true"):
		p.take()
		return true, nil
	case word && prop.boolean && strings.EqualFold(t.text, "false"):
		p.take()
		return false, nil
	case t.kind == tokenString && !prop.boolean:
		p.take()
		return t.text, nil
	case prop.boolean:
		return nil, p.syntax("true, false or null")
	default:
		return nil, p.syntax("a string or null")
	}
}

func (p *filterParser) require(s support, prop property, operator string) *graphError {
	switch s {
	case plain:
	case advanced:
		p.advanced = true
	default:
		return unsupportedFilter(prop.name, p.schema, "'"+operator+"'")
	}
	return nil
}

func unknownProperty(name string, s *schema) *graphError {
	return badRequest("BadRequest", "Could not find a property named '%s' on type 'microsoft.graph.%s'.", name, s.name)
}

func unsupportedFilter(name string, s *schema, what string) *graphError {
	resource := strings.ToUpper(s.name[:1]) + s.name[1:]
	return badRequest("Request_UnsupportedQuery", "Unsupported or invalid query filter clause specified for property '%s' of resource '%s' (the simulated tenant does not know %s here).", name, resource, what)
}
