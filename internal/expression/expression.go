// Package expression is the language of the mappings of Microsoft Entra
// provisioning: functions over the attributes of an object.
//
//	Left(Trim([description]), 448)
//
// An expression is compiled once, which finds what is wrong with it before any
// object is looked at, and evaluated for each object. docs/mapping.md describes
// the language, and where Microsoft's pages leave a choice, which one it is.
//
// A character is a UTF-16 unit, as in .NET, on which Microsoft's service runs. A
// result that would hold half a surrogate pair is without that half.
package expression

import (
	"io"
	"slices"
	"strings"
	"time"
)

// Limits of an expression and of one evaluation of it.
const (
	MaxLength = 10_000  // of an expression, in characters
	MaxDepth  = 100     // of functions in functions
	MaxText   = 100_000 // of one text, in UTF-16 units
	// maxWork is of all texts that one evaluation reads and makes, in bytes. It
	// stops what grows by nesting.
	maxWork = 10_000_000
)

// Source returns the values of an attribute of the object. An attribute without
// values is absent. known is false for one that could not be read: what depends
// on it cannot be said.
type Source func(attribute string) (values []string, known bool)

// Environment is what an evaluation takes from outside the object. Only
// expressions that are not repeatable need it.
type Environment struct {
	Now    func() time.Time
	Random io.Reader
}

// Outcome says what an evaluation came to.
type Outcome int

const (
	// Absent: there is no value at all. A default value counts here only.
	Absent Outcome = iota
	// Empty: the value is the empty text, which clears the attribute.
	Empty
	// Present: there are values.
	Present
	// NoFlow: the attribute is left as it is, by IgnoreFlowIfNullOrEmpty.
	NoFlow
	// Unread: an attribute that it depends on could not be read.
	Unread
)

func (o Outcome) String() string {
	return [...]string{"absent", "empty", "present", "no flow", "unread"}[o]
}

// Result is what an expression is for one object.
type Result struct {
	Outcome Outcome
	// Values are what Present has: one or more, none of them empty.
	Values []string
	// Attribute is the one that could not be read, of Unread.
	Attribute string
}

// Expression is a compiled expression. It may be evaluated from many goroutines
// at once.
type Expression struct {
	text string
	root node
}

// Compile parses and checks an expression. known are the names of the attributes
// that it may read; nil allows any. The error is an [*Error].
func Compile(text string, known []string) (*Expression, error) {
	root, err := parse(text)
	if err != nil {
		return nil, err
	}
	c := checker{text: text, known: known}
	c.check(root)
	if c.err != nil {
		return nil, c.err
	}
	return &Expression{text: text, root: root}, nil
}

// String returns the expression in the one form that all equal expressions
// share. It compiles to an equal expression.
func (x *Expression) String() string { return render(x.root) }

// Attributes returns the names of the attributes that the expression reads,
// sorted.
func (x *Expression) Attributes() []string {
	var names []string
	walk(x.root, func(n node) {
		if a, ok := n.(*attribute); ok {
			names = append(names, a.name)
		}
	})
	slices.Sort(names)
	return slices.Compact(names)
}

// Texts returns the texts in quotes that the expression has, in their order.
func (x *Expression) Texts() []string {
	var texts []string
	walk(x.root, func(n node) {
		if l, ok := n.(*literal); ok {
			texts = append(texts, l.text)
		}
	})
	return texts
}

// Repeatable returns nil when two evaluations over the same object give the same,
// and otherwise an [*Error] that names the function which does not.
func (x *Expression) Repeatable() error {
	var found error
	walk(x.root, func(n node) {
		if c, ok := n.(*call); ok && c.function.changing && found == nil {
			found = newError(x.text, c.at, c.name,
				"gives another value each time", "use it in a mapping that applies only when the object is created")
		}
	})
	return found
}

// Redacted reports whether the result is not to stand in logs.
func (x *Expression) Redacted() bool {
	found := false
	walk(x.root, func(n node) {
		if c, ok := n.(*call); ok && c.name == "Redact" {
			found = true
		}
	})
	return found
}

// Evaluate returns what the expression is for an object. The error is an [*Error]
// with the place in the expression.
func (x *Expression) Evaluate(source Source, environment Environment) (Result, error) {
	e := evaluation{expression: x, source: source, environment: environment}
	v := e.value(x.root)
	switch {
	case e.err != nil:
		return Result{}, e.err
	case e.unread != "":
		return Result{Outcome: Unread, Attribute: e.unread}, nil
	case e.noFlow:
		return Result{Outcome: NoFlow}, nil
	case v.absent():
		return Result{Outcome: Absent}, nil
	case v.empty():
		return Result{Outcome: Empty}, nil
	}
	return Result{Outcome: Present, Values: slices.DeleteFunc(slices.Clone(v.texts), func(s string) bool { return s == "" })}, nil
}

// valid returns the text with U+FFFD for what is no UTF-8.
func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
