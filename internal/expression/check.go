package expression

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// checker checks a parsed expression and binds its calls to their functions. It
// stops at the first error.
type checker struct {
	text  string
	known []string
	err   error
}

func (c *checker) fail(at int, name, problem, advice string) {
	if c.err == nil {
		c.err = newError(c.text, at, name, problem, advice)
	}
}

func (c *checker) check(n node) {
	if c.err != nil {
		return
	}
	switch n := n.(type) {
	case *attribute:
		if c.known != nil && !slices.Contains(c.known, n.name) {
			c.fail(n.at, "["+n.name+"]", "there is no attribute of this name", meant(similar(n.name, c.known)))
		}
	case *word:
		c.fail(n.at, n.name, "is no value", c.adviceOnWord(n.name))
	case *infix:
		c.check(n.left)
		c.check(n.right)
	case *call:
		c.call(n)
	}
}

func meant(name string) string {
	if name == "" {
		return ""
	}
	return "did you mean " + name + "?"
}

func (c *checker) adviceOnWord(name string) string {
	switch {
	case functions[name] != nil:
		return "a function needs its parentheses: " + functions[name].signature()
	case slices.Contains(c.known, name):
		return "an attribute stands in brackets: [" + name + "]"
	}
	return fmt.Sprintf("write [%s] for an attribute, %s for a text", name, quote(name))
}

func (c *checker) call(n *call) {
	f := functions[n.name]
	if f == nil {
		advice := elsewhere[n.name]
		if advice == "" {
			advice = meant(similar(n.name, slices.Collect(maps.Keys(functions))))
		}
		c.fail(n.at, n.name, "there is no function of this name", advice)
		return
	}
	n.function = f
	// Older pages have FormatDateTime without its second parameter.
	if f.name == "FormatDateTime" && len(n.args) == 3 {
		n.args = slices.Insert(n.args, 1, node(nil))
	}
	if least, most := f.least(), f.most(); len(n.args) < least || most >= 0 && len(n.args) > most {
		needs := fmt.Sprint(least)
		switch {
		case most < 0:
			needs += " or more"
		case most > least:
			needs += " to " + strconv.Itoa(most)
		}
		arguments := "arguments"
		if len(n.args) == 1 {
			arguments = "argument"
		}
		c.fail(n.at, n.name, fmt.Sprintf("has %d %s and needs %s", len(n.args), arguments, needs), "write "+f.signature())
		return
	}
	for i, argument := range n.args {
		c.argument(n, f.parameter(i), argument)
	}
	if f.prepare != nil && c.err == nil {
		f.prepare(c, n)
	}
}

func (c *checker) argument(n *call, p parameter, argument node) {
	switch a := argument.(type) {
	case nil:
		if !p.optional {
			c.fail(n.at, n.name, "its "+p.name+" is omitted", `write "" for an empty text: `+n.function.signature())
		}
		return
	case *word:
		if slices.Contains(p.words, a.name) {
			return
		}
		if p.words != nil {
			c.fail(a.at, a.name, fmt.Sprintf("is no %s of %s", p.name, n.name), "write "+strings.Join(p.words, " or "))
			return
		}
	case *literal:
		if problem := wrongText(p, a.text); problem != "" {
			c.fail(a.at, n.name, fmt.Sprintf("its %s %s", p.name, problem), "")
		}
		return
	case *number:
		if p.kind == moment || p.literal != nil || p.constant {
			c.fail(a.at, n.name, fmt.Sprintf("its %s is a number", p.name), "write "+p.kind.String()+" in quotes")
		}
		return
	}
	c.check(argument)
	if p.constant {
		c.fail(argument.position(), n.name, fmt.Sprintf("its %s is not constant", p.name), "write a text in quotes")
	}
	given := anything
	switch a := argument.(type) {
	case *call:
		if a.function != nil {
			given = a.function.result
		}
	case *infix:
		if given = logical; a.operator == "&" {
			given = text
		}
	}
	// A text may hold anything, and anything is a text.
	wrong := false
	switch p.kind {
	case integer:
		wrong = given == moment || given == logical
	case logical:
		wrong = given == moment
	case moment:
		wrong = given == integer || given == logical
	}
	if wrong {
		c.fail(argument.position(), n.name, fmt.Sprintf("its %s is %s and needs to be %s", p.name, given, p.kind), "")
	}
}

// wrongText says what is wrong with a text in quotes, or "".
func wrongText(p parameter, s string) string {
	switch p.kind {
	case integer:
		if _, err := strconv.ParseInt(s, 10, 64); err != nil {
			return "needs a whole number, and is " + shown(s)
		}
	case logical:
		if _, ok := truth(s); !ok {
			return "needs a condition, and is " + shown(s)
		}
	case moment:
		if _, err := parseDate(s); err != nil {
			return "is no date: " + err.Error() + "; " + dateAdvice
		}
	}
	if p.literal != nil {
		return p.literal(s)
	}
	return ""
}
