package expression

import (
	"strconv"
	"strings"
)

// node is a part of an expression. An omitted argument is the node nil.
type node interface {
	// position is where the node begins, in bytes.
	position() int
}

type place struct{ at int }

func (p place) position() int { return p.at }

type (
	// literal is a text in quotes.
	literal struct {
		place
		text string
	}
	// number is a whole number, of up to 64 bits with its sign.
	number struct {
		place
		value int64
	}
	// word is a name without quotes, such as vbTextCompare.
	word struct {
		place
		name string
	}
	// attribute is a reference to an attribute of the object.
	attribute struct {
		place
		name string
	}
	// call is a function with its arguments.
	call struct {
		place
		name string
		args []node
		// The rest is set by the checks.
		function *function
		prepared prepared
	}
	// infix is two operands with & or a comparison between them.
	infix struct {
		place
		operator    string
		left, right node
	}
)

// walk calls visit for the node and all below it, in the order of the text.
func walk(n node, visit func(node)) {
	switch n := n.(type) {
	case nil:
		return
	case *infix:
		walk(n.left, visit)
		visit(n)
		walk(n.right, visit)
		return
	case *call:
		visit(n)
		for _, a := range n.args {
			walk(a, visit)
		}
		return
	}
	visit(n)
}

// render writes a node as it is parsed.
func render(n node) string {
	var b strings.Builder
	write(&b, n)
	return b.String()
}

func write(b *strings.Builder, n node) {
	switch n := n.(type) {
	case *literal:
		b.WriteString(quote(n.text))
	case *number:
		b.WriteString(strconv.FormatInt(n.value, 10))
	case *word:
		b.WriteString(n.name)
	case *attribute:
		b.WriteString("[" + n.name + "]")
	case *infix:
		write(b, n.left)
		b.WriteString(" " + n.operator + " ")
		write(b, n.right)
	case *call:
		b.WriteString(n.name + "(")
		for i, a := range n.args {
			if i > 0 {
				b.WriteByte(',')
			}
			if i > 0 && a != nil {
				b.WriteByte(' ')
			}
			write(b, a)
		}
		b.WriteByte(')')
	}
}

var quoted = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// Quote returns the expression that is the text.
func Quote(s string) string { return quote(s) }

func quote(s string) string { return `"` + quoted.Replace(s) + `"` }
