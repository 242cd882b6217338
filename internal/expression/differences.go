package expression

// Differences returns what of the expression Microsoft's service may evaluate in
// another way, or does not promise to take, each with its place. It is for the
// report on mappings that come from there.
func (x *Expression) Differences() []*Error {
	var list []*Error
	add := func(n node, name, problem, advice string) {
		list = append(list, newError(x.text, n.position(), name, problem, advice))
	}
	walk(x.root, func(n node) {
		switch n := n.(type) {
		case *infix:
			if n.operator == "&" {
				add(n, n.operator, "Microsoft shows it in one example and does not describe it", "Append and Join are described")
			}
		case *call:
			switch {
			case n.name == "IIF" && asksForAbsence(n.args[0]):
				add(n, n.name, "Microsoft calls a condition on an absent attribute unsupported, and uses one in another page",
					"Switch with the key \"\" is supported")
			case n.name == "Switch" && isAny(n.args[0], "IsPresent", "IsNull", "IsNullOrEmpty"):
				add(n, n.name, "Microsoft forbids this source in one place, and shows it in another", "use the attribute itself and the key \"\"")
			}
		}
	})
	return list
}

// asksForAbsence reports whether a condition is about an attribute that is absent
// or empty.
func asksForAbsence(n node) bool {
	if c, ok := n.(*infix); ok {
		return isEmptyText(c.left) || isEmptyText(c.right)
	}
	if isAny(n, "Not", "CBool") {
		return asksForAbsence(n.(*call).args[0])
	}
	return isAny(n, "IsPresent", "IsNull", "IsNullOrEmpty")
}

func isEmptyText(n node) bool {
	l, ok := n.(*literal)
	return ok && l.text == ""
}

func isAny(n node, names ...string) bool {
	c, ok := n.(*call)
	if !ok {
		return false
	}
	for _, name := range names {
		if c.name == name {
			return true
		}
	}
	return false
}
