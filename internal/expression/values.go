package expression

import (
	"fmt"
)

func coalesce(a *arguments) value {
	for i := range a.args {
		if v := a.values(i); a.stopped() || !v.absent() {
			return v
		}
	}
	return value{}
}

func iif(a *arguments) value {
	if a.truth(0) {
		return a.values(1)
	}
	return a.values(2)
}

func ignoreFlow(a *arguments) value {
	v := a.values(0)
	if v.empty() && !a.stopped() {
		a.noFlow = true
	}
	return v
}

func item(a *arguments) value {
	v, n := a.values(0), a.whole(1)
	switch {
	case v.absent():
		return value{}
	case n < 1 || n > int64(len(v.texts)):
		a.fail(1, fmt.Sprintf("index is %d, and there are values 1 to %d", n, len(v.texts)), "")
		return value{}
	}
	return one(v.texts[n-1])
}

func removeDuplicates(a *arguments) value {
	v := a.values(0)
	seen := make(map[string]bool, len(v.texts))
	var texts []string
	for _, s := range v.texts {
		if !seen[s] {
			seen[s] = true
			texts = append(texts, s)
		}
	}
	return value{texts: texts}
}

// switchOver compares in every character. An absent source has the key "".
func switchOver(a *arguments) value {
	source := a.text(0)
	for i := 2; i+1 < len(a.args) && !a.stopped(); i += 2 {
		if a.text(i) == source {
			return a.values(i + 1)
		}
	}
	if !a.given(1) {
		return one("")
	}
	return a.values(1)
}

func prepareSwitch(c *checker, n *call) {
	if len(n.args)%2 != 0 {
		c.fail(n.at, n.name, fmt.Sprintf("has %d arguments, and a key without its value", len(n.args)),
			"write an even number: "+n.function.signature())
	}
	keys := map[string]bool{}
	for i := 2; i < len(n.args); i += 2 {
		if key, ok := n.args[i].(*literal); ok {
			if keys[key.text] {
				c.fail(key.at, n.name, "has the key "+shown(key.text)+" twice", "the second is never reached")
			}
			keys[key.text] = true
		}
	}
}

// fail is the function Error.
func fail(a *arguments) value {
	message := a.text(0)
	if _, constant := a.args[0].(*literal); !constant && a.expression.Redacted() {
		message = "[Redact]"
	}
	if message == "" {
		message = "the mapping refuses this object"
	}
	a.fail(0, slice(message, 0, 1000), "")
	return value{}
}
