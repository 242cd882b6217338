package exchange

import (
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
)

const (
	// maxFilter is the length of the longest filter that is read, in bytes. The range of
	// purportedSearch is documented as 2,048 characters.
	maxFilter = 32 << 10
	// maxDepth is how deep parts of a filter may be nested.
	maxDepth = 64
)

// Filter is an LDAP filter in text form (RFC 4515), with the habits of Windows' LDAP
// library: blanks between parts, "(!name=value)" without inner parentheses, and a single
// item without any.
type Filter struct{ root node }

// node is a part of a filter.
type node struct {
	kind  nodeKind
	parts []node // of and, or, not

	attribute string
	rule      string   // of extensible
	values    []string // one value, or the parts of a substring, where "" stands for an open end
}

type nodeKind int

const (
	kindAnd nodeKind = iota
	kindOr
	kindNot
	kindPresent
	kindEqual
	kindSubstrings
	kindGreater
	kindLess
	kindExtensible
)

// ParseFilter parses a filter. The error says where it is broken.
func ParseFilter(text string) (*Filter, error) {
	if len(text) > maxFilter {
		return nil, fmt.Errorf("the filter is longer than %d bytes", maxFilter)
	}
	p := filterParser{rest: text, whole: text}
	p.skipBlanks()
	var root node
	var err error
	if strings.HasPrefix(p.rest, "(") {
		root, err = p.filter(0)
	} else {
		root, err = p.item()
	}
	if err != nil {
		return nil, err
	}
	if p.skipBlanks(); p.rest != "" {
		return nil, p.broken("there is something after the end")
	}
	return &Filter{root}, nil
}

// Attributes returns the attributes that the filter names, in lower case and sorted.
func (f *Filter) Attributes() []string {
	named := map[string]bool{}
	var walk func(node)
	walk = func(n node) {
		if n.attribute != "" {
			named[strings.ToLower(n.attribute)] = true
		}
		for _, part := range n.parts {
			walk(part)
		}
	}
	walk(f.root)
	return slices.Sorted(maps.Keys(named))
}

type filterParser struct{ rest, whole string }

func (p *filterParser) broken(why string) error {
	return fmt.Errorf("the filter is broken at character %d: %s", len([]rune(p.whole[:len(p.whole)-len(p.rest)]))+1, why)
}

func (p *filterParser) skipBlanks() { p.rest = strings.TrimLeft(p.rest, " \t\r\n") }

// filter parses a part in parentheses.
func (p *filterParser) filter(depth int) (node, error) {
	if depth == maxDepth {
		return node{}, p.broken(fmt.Sprintf("it is nested more than %d deep", maxDepth))
	}
	p.rest = p.rest[1:]
	p.skipBlanks()
	var n node
	var err error
	switch {
	case strings.HasPrefix(p.rest, "&"):
		n, err = p.list(kindAnd, depth)
	case strings.HasPrefix(p.rest, "|"):
		n, err = p.list(kindOr, depth)
	case strings.HasPrefix(p.rest, "!"):
		n, err = p.not(depth)
	case strings.HasPrefix(p.rest, "("): // a part in more parentheses than it needs
		n, err = p.filter(depth + 1)
		p.skipBlanks()
	default:
		n, err = p.item()
	}
	if err != nil {
		return node{}, err
	}
	if !strings.HasPrefix(p.rest, ")") {
		return node{}, p.broken("a closing parenthesis is missing")
	}
	p.rest = p.rest[1:]
	return n, nil
}

func (p *filterParser) list(kind nodeKind, depth int) (node, error) {
	p.rest = p.rest[1:]
	n := node{kind: kind}
	for {
		if p.skipBlanks(); !strings.HasPrefix(p.rest, "(") {
			break
		}
		part, err := p.filter(depth + 1)
		if err != nil {
			return node{}, err
		}
		n.parts = append(n.parts, part)
	}
	if len(n.parts) == 0 {
		return node{}, p.broken("the list is empty")
	}
	return n, nil
}

func (p *filterParser) not(depth int) (node, error) {
	p.rest = p.rest[1:]
	p.skipBlanks()
	var part node
	var err error
	if strings.HasPrefix(p.rest, "(") {
		part, err = p.filter(depth + 1)
		p.skipBlanks()
	} else {
		part, err = p.item()
	}
	return node{kind: kindNot, parts: []node{part}}, err
}

// item parses a comparison up to its closing parenthesis or the end.
func (p *filterParser) item() (node, error) {
	end := strings.IndexAny(p.rest, "()")
	if end < 0 {
		end = len(p.rest)
	}
	name, value, found := strings.Cut(p.rest[:end], "=")
	if !found {
		return node{}, p.broken("a comparison is missing")
	}
	n := node{kind: kindEqual, attribute: strings.TrimSpace(name)}
	switch {
	case strings.HasSuffix(n.attribute, ">"):
		n.kind, n.attribute = kindGreater, n.attribute[:len(n.attribute)-1]
	case strings.HasSuffix(n.attribute, "<"):
		n.kind, n.attribute = kindLess, n.attribute[:len(n.attribute)-1]
	case strings.HasSuffix(n.attribute, "~"): // Active Directory takes it for an equality
		n.attribute = n.attribute[:len(n.attribute)-1]
	case strings.HasSuffix(n.attribute, ":"):
		n.kind = kindExtensible
		n.attribute, n.rule, _ = strings.Cut(n.attribute[:len(n.attribute)-1], ":")
	}
	if n.attribute = strings.TrimSpace(n.attribute); !isAttribute(n.attribute) && !(n.kind == kindExtensible && n.attribute == "") {
		return node{}, p.broken(fmt.Sprintf("%.60q is no attribute", n.attribute))
	}
	parts := []string{value}
	if n.kind == kindEqual {
		parts = strings.Split(value, "*")
		switch {
		case value == "*":
			n.kind, parts = kindPresent, nil
		case len(parts) > 1:
			n.kind = kindSubstrings
			if slices.Contains(parts[1:len(parts)-1], "") {
				return node{}, p.broken("a substring is empty")
			}
		}
	}
	for _, part := range parts {
		plain, ok := unescape(part)
		if !ok {
			return node{}, p.broken("a backslash is not followed by two hexadecimal digits")
		}
		n.values = append(n.values, plain)
	}
	p.rest = p.rest[end:]
	return n, nil
}

// isAttribute reports whether text is the name of an attribute, or its OID.
func isAttribute(text string) bool {
	for _, c := range []byte(text) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '.' {
			return false
		}
	}
	return text != ""
}

// unescape resolves \xx.
func unescape(text string) (string, bool) {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(text, `\`)
		b.WriteString(before)
		if !found {
			return b.String(), true
		}
		if len(after) < 2 {
			return "", false
		}
		c, err := hex.DecodeString(after[:2])
		if err != nil {
			return "", false
		}
		b.Write(c)
		text = after[2:]
	}
}
