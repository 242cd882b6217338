package plan

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"groupwriteback/internal/directory"
)

// Filter is a condition on the attributes of a group, in the language of Get-ADUser
// -Filter:
//
//	displayName -like 'HR-*' -and -not (mail -eq '' -or visibility -eq "Private")
//
// The attributes are those of [FilterAttributes]; an attribute that the group does not
// have is empty. The operators are -eq, -ne, -like and -notlike, which ignore case, and
// -not (or !), -and and -or, which bind in this order. In -like, * stands for any
// characters and ? for one. If an attribute has several values, -eq and -like need one
// that matches, and -ne and -notlike allow none. A nil Filter holds for every group.
type Filter struct{ root condition }

// Holds reports whether the filter holds for the group.
func (f *Filter) Holds(g *directory.SourceGroup) bool {
	return f == nil || f.root.holds(g)
}

// String returns the canonical form, which all equal filters share and which
// [ParseFilter] accepts.
func (f *Filter) String() string {
	if f == nil {
		return ""
	}
	return f.root.String()
}

// condition is a node of a filter.
type condition interface {
	holds(g *directory.SourceGroup) bool
	String() string
}

// A conjunction (-and) and a disjunction (-or) have two or more parts, none of the same
// kind.
type (
	conjunction []condition
	disjunction []condition
	negation    struct{ condition }
)

func (a conjunction) holds(g *directory.SourceGroup) bool {
	for _, c := range a {
		if !c.holds(g) {
			return false
		}
	}
	return true
}

func (a conjunction) String() string {
	parts := make([]string, len(a))
	for i, c := range a {
		parts[i] = c.String()
		if _, weaker := c.(disjunction); weaker {
			parts[i] = "(" + parts[i] + ")"
		}
	}
	return strings.Join(parts, " -and ")
}

func (a disjunction) holds(g *directory.SourceGroup) bool {
	for _, c := range a {
		if c.holds(g) {
			return true
		}
	}
	return false
}

func (a disjunction) String() string {
	parts := make([]string, len(a))
	for i, c := range a {
		parts[i] = c.String()
	}
	return strings.Join(parts, " -or ")
}

func (n negation) holds(g *directory.SourceGroup) bool { return !n.condition.holds(g) }

func (n negation) String() string {
	switch n.condition.(type) {
	case conjunction, disjunction:
		return "-not (" + n.condition.String() + ")"
	}
	return "-not " + n.condition.String()
}

// comparison compares one attribute with one value.
type comparison struct {
	attribute string // as in FilterAttributes
	operator  string // as in filterOperators
	value     string
}

// FilterAttributes returns the attributes that a filter may name, in the order in which
// messages list them: the properties that attributes copy, and those that tell what a
// group is.
func FilterAttributes() []string {
	var names []string
	for _, row := range Standard {
		if row.Expression != "" {
			names = append(names, row.compiled.Attributes()...)
		}
	}
	return append(names, "visibility", "id", "kind")
}

var filterOperators = []string{"-eq", "-ne", "-like", "-notlike"}

func (c comparison) holds(g *directory.SourceGroup) bool {
	matches := strings.EqualFold
	if strings.HasSuffix(c.operator, "like") {
		matches = like
	}
	found := slices.ContainsFunc(attributeOf(g, c.attribute), func(value string) bool { return matches(value, c.value) })
	return found != (c.operator == "-ne" || c.operator == "-notlike")
}

// attributeOf returns the values of an attribute, with an empty one if there are none.
func attributeOf(g *directory.SourceGroup, name string) []string {
	switch name {
	case "visibility":
		return []string{g.Visibility}
	case "id":
		return []string{g.ID.String()}
	case "kind":
		return []string{string(g.Kind)}
	}
	if values := g.Properties[name]; len(values) > 0 {
		return values
	}
	return []string{""}
}

// String uses the quote that has to be doubled less often, so the canonical form is never
// longer than the original.
func (c comparison) String() string {
	quote := "'"
	if strings.Count(c.value, "'") > strings.Count(c.value, `"`) {
		quote = `"`
	}
	return fmt.Sprintf("%s %s %s%s%s", c.attribute, c.operator, quote, strings.ReplaceAll(c.value, quote, quote+quote), quote)
}

// like reports whether the pattern matches the whole text, ignoring letter case.
func like(text, pattern string) bool { return directory.Covers(folded(pattern), folded(text)) }

// folded returns the characters in a form in which those that differ only in case, as in
// [strings.EqualFold], are equal.
func folded(s string) []rune {
	runes := []rune(s)
	for i, r := range runes {
		least := r
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			least = min(least, f)
		}
		runes[i] = least
	}
	return runes
}
