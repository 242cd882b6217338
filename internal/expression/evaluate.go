package expression

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// value is what a part of an expression is for an object: any number of texts.
// No text at all is absent.
type value struct {
	texts []string
	// number tells the whole number from a text that looks like one. A comparison
	// heeds it.
	number bool
}

func one(s string) value { return value{texts: []string{s}} }

func whole(n int64) value { return value{texts: []string{strconv.FormatInt(n, 10)}, number: true} }

func boolean(b bool) value {
	if b {
		return one("True")
	}
	return one("False")
}

func (v value) absent() bool { return len(v.texts) == 0 }

// empty reports whether there is nothing but empty texts.
func (v value) empty() bool {
	for _, s := range v.texts {
		if s != "" {
			return false
		}
	}
	return true
}

// evaluation is one evaluation of an expression. What stops it is kept in it:
// the first error, an attribute that could not be read, or no flow. After that
// the values mean nothing, and no more functions are called.
type evaluation struct {
	expression  *Expression
	source      Source
	environment Environment

	err    error
	unread string
	noFlow bool

	work    int           // bytes of the texts that were read and made
	matched time.Duration // time that went into regular expressions
}

func (e *evaluation) stopped() bool { return e.err != nil || e.unread != "" || e.noFlow }

func (e *evaluation) fail(at int, name, problem, advice string) {
	if !e.stopped() {
		e.err = newError(e.expression.text, at, name, problem, advice)
	}
}

// shown returns a text of the object for a message.
func (e *evaluation) shown(s string) string {
	if e.expression.Redacted() {
		return "[Redact]"
	}
	return shown(s)
}

// because is the reason of an error that may tell something of the object.
func (e *evaluation) because(err error) string {
	if e.expression.Redacted() {
		return ""
	}
	return ": " + err.Error()
}

func (e *evaluation) value(n node) value {
	if e.stopped() {
		return value{}
	}
	switch n := n.(type) {
	case *literal:
		return one(n.text)
	case *number:
		return whole(n.value)
	case *word:
		return one(n.name)
	case *attribute:
		return e.attribute(n)
	case *infix:
		return e.infix(n)
	case *call:
		return e.call(n)
	}
	return value{}
}

func (e *evaluation) attribute(n *attribute) value {
	values, known := e.source(n.name)
	if !known {
		e.unread = n.name
		return value{}
	}
	if slices.ContainsFunc(values, func(s string) bool { return !utf8.ValidString(s) }) {
		values = slices.Clone(values)
		for i := range values {
			values[i] = valid(values[i])
		}
	}
	return e.counted(n.at, "["+n.name+"]", value{texts: values})
}

// call calls the function: once for each value of the first argument, where it
// works on a single one.
func (e *evaluation) call(n *call) value {
	a := arguments{evaluation: e, call: n}
	f := n.function
	if !f.each || len(n.args) == 0 {
		return e.checked(n, f.run(&a))
	}
	all := e.value(n.args[0])
	if len(all.texts) < 2 {
		a.first = &all
		return e.checked(n, f.run(&a))
	}
	a.others = make([]*value, len(n.args))
	result := value{texts: make([]string, 0, len(all.texts))}
	for _, s := range all.texts {
		if e.stopped() {
			return value{}
		}
		first := value{texts: []string{s}, number: all.number}
		a.first = &first
		v := e.checked(n, f.run(&a))
		result.texts, result.number = append(result.texts, v.texts...), v.number
	}
	return result
}

// checked counts what a function made against the limits.
func (e *evaluation) checked(n *call, v value) value {
	for _, s := range v.texts {
		if len(s) > MaxText && units(s) > MaxText {
			e.tooLong(n)
		}
	}
	return e.counted(n.at, n.name, v)
}

// counted counts the value to what the evaluation has made and read.
func (e *evaluation) counted(at int, name string, v value) value {
	const perText = 16
	e.work += perText
	for _, s := range v.texts {
		e.work += perText + len(s)
	}
	if e.work > maxWork {
		e.fail(at, name, "the expression makes too much text of this object", "write it with fewer functions in one another")
	}
	if e.stopped() {
		return value{}
	}
	return v
}

func (e *evaluation) tooLong(n *call) {
	e.fail(n.at, n.name, fmt.Sprintf("makes a text of more than %d characters", MaxText), "cut what goes into it by Left")
}

func (e *evaluation) infix(n *infix) value {
	left, right := e.single(n, n.left), e.single(n, n.right)
	if e.stopped() {
		return value{}
	}
	a, b := strings.Join(left.texts, ""), strings.Join(right.texts, "")
	if n.operator == "&" {
		if e.work += len(a) + len(b); e.work > maxWork || len(a)+len(b) > MaxText && units(a)+units(b) > MaxText {
			e.fail(n.at, n.operator, fmt.Sprintf("makes a text of more than %d characters", MaxText), "cut what goes into it by Left")
			return value{}
		}
		return one(a + b)
	}
	order := 0
	switch {
	case n.operator != "=" && n.operator != "<>" && (a == "" || b == ""):
		// What is absent is neither greater nor less than anything.
		return boolean(false)
	case left.number || right.number:
		x, errX := strconv.ParseInt(a, 10, 64)
		y, errY := strconv.ParseInt(b, 10, 64)
		switch {
		case errX == nil && errY == nil && x < y:
			order = -1
		case errX == nil && errY == nil && x > y:
			order = 1
		case errX == nil && errY == nil:
		case n.operator == "=" || n.operator == "<>":
			order = strings.Compare(a, b)
		case errX != nil:
			e.fail(n.at, n.operator, e.shown(a)+" is no whole number", "compare numbers with numbers")
		default:
			e.fail(n.at, n.operator, e.shown(b)+" is no whole number", "compare numbers with numbers")
		}
	default:
		order = compare(a, b)
	}
	switch n.operator {
	case "=":
		return boolean(order == 0)
	case "<>":
		return boolean(order != 0)
	case ">":
		return boolean(order > 0)
	case ">=":
		return boolean(order >= 0)
	case "<":
		return boolean(order < 0)
	}
	return boolean(order <= 0)
}

// single returns an operand, which may have one value at most.
func (e *evaluation) single(n *infix, operand node) value {
	v := e.value(operand)
	if len(v.texts) > 1 {
		e.several(operand.position(), n.operator, len(v.texts))
	}
	return v
}

func (e *evaluation) several(at int, name string, n int) {
	e.fail(at, name, fmt.Sprintf("there are %d values where one is needed", n), "take one by Item, or put them together by Join")
}

// arguments are those of one call of a function.
type arguments struct {
	*evaluation
	*call
	// first is the first argument of a function that works on a single value;
	// others are the further ones, evaluated once for all values.
	first  *value
	others []*value
}

// given reports whether the argument is there at all.
func (a *arguments) given(i int) bool { return i >= 0 && i < len(a.args) && a.args[i] != nil }

// at is where the argument is, for a message.
func (a *arguments) at(i int) int {
	if a.given(i) {
		return a.args[i].position()
	}
	return a.call.at
}

func (a *arguments) fail(i int, problem, advice string) {
	a.evaluation.fail(a.at(i), a.name, problem, advice)
}

// values returns an argument with all its values; an omitted one is absent.
func (a *arguments) values(i int) value {
	switch {
	case !a.given(i):
		return value{}
	case i == 0 && a.first != nil:
		return *a.first
	case a.others == nil:
		return a.value(a.args[i])
	case a.others[i] == nil:
		v := a.value(a.args[i])
		a.others[i] = &v
	}
	return *a.others[i]
}

// absent reports whether an argument has no value.
func (a *arguments) absent(i int) bool { return a.values(i).absent() }

// text returns an argument of one value. What is absent is the empty text.
func (a *arguments) text(i int) string {
	v := a.values(i)
	switch len(v.texts) {
	case 0:
		return ""
	case 1:
		return v.texts[0]
	}
	a.several(a.at(i), a.name, len(v.texts))
	return ""
}

// whole returns an argument that has to be a whole number.
func (a *arguments) whole(i int) int64 {
	s := a.text(i)
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil && !a.stopped() {
		a.fail(i, fmt.Sprintf("%s needs a whole number, and has %s", a.function.parameter(i).name, a.shown(s)), "")
	}
	return n
}

// date returns an argument that has to be a date.
func (a *arguments) date(i int) date {
	s := a.text(i)
	if a.stopped() {
		return date{}
	}
	d, err := parseDate(s)
	if err != nil {
		a.fail(i, a.shown(s)+" is no date"+a.because(err), dateAdvice)
	}
	return d
}

// truth returns an argument as a condition: True, and a number that is not 0,
// hold; False, 0, and what is absent or empty do not.
func (a *arguments) truth(i int) bool {
	s := a.text(i)
	holds, ok := truth(s)
	if !ok {
		a.fail(i, a.shown(s)+" is neither True nor False", `compare it, as in [name] = "text"`)
	}
	return holds
}

func truth(s string) (holds, ok bool) {
	switch {
	case strings.EqualFold(s, "True"):
		return true, true
	case strings.EqualFold(s, "False"), s == "":
		return false, true
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n != 0, err == nil
}
