package plan

import (
	"cmp"
	"math/big"
	"slices"
	"strings"

	"groupwriteback/internal/directory"
)

// Comparison is the kind of values that an attribute has. It determines when two values
// are the same.
type Comparison string

// The comparisons.
const (
	// Text compares with letter case, although Active Directory ignores it.
	Text Comparison = "text"
	// IgnoreCase compares text without letter case.
	IgnoreCase Comparison = "ignoreCase"
	// Name is the distinguished name of an object.
	Name Comparison = "dn"
	// Object is the name of an object after its GUID ([directory.MemberRef.ObjectName]),
	// and compares the GUIDs, so that a renamed object is the same.
	Object Comparison = "object"
	// Number is an integer.
	Number Comparison = "number"
	// Boolean is TRUE or FALSE.
	Boolean Comparison = "boolean"
	// Address is a prefix with significant letter case (SMTP: is the primary address,
	// smtp: a secondary one), followed by an address, whose letter case is ignored.
	Address Comparison = "address"
)

// key returns a form that two values share if and only if they are the same.
func (c Comparison) key(value string) string {
	switch c {
	case IgnoreCase, Boolean:
		return fold(value)
	case Name, Object:
		if ref, err := directory.ParseExtendedName(value); c == Object && err == nil && !ref.GUID.IsZero() {
			return ref.GUID.String()
		}
		value = directory.PlainName(value)
		if dn, err := directory.ParseDN(value); err == nil {
			return fold(dn.String())
		}
		return fold(value)
	case Number:
		if n, ok := new(big.Int).SetString(value, 10); ok {
			return n.String()
		}
	case Address:
		if prefix, address, ok := strings.Cut(value, ":"); ok {
			return prefix + ":" + fold(address)
		}
	}
	return value
}

// fold returns the same text for texts that differ only in letter case. Active Directory
// treats such values of one attribute as the same.
func fold(s string) string { return string(folded(s)) }

// clean prepares a value for writing. It returns "" if the value cannot be written.
func (c Comparison) clean(value string, max int) string {
	switch c {
	case Text, IgnoreCase:
		return text(value, max)
	case Object: // it comes from Active Directory
		return value
	}
	value = strings.TrimSpace(directory.Clean(value))
	if max > 0 && directory.CutUTF16(value, max) != value {
		return ""
	}
	valid := true
	switch c {
	case Name:
		dn, err := directory.ParseDN(value)
		valid = err == nil && len(dn) > 0
	case Number:
		_, valid = new(big.Int).SetString(value, 10)
	case Boolean:
		value = strings.ToUpper(value)
		valid = value == "TRUE" || value == "FALSE"
	case Address:
		prefix, address, _ := strings.Cut(value, ":")
		valid = prefix != "" && address != ""
	}
	if !valid {
		return ""
	}
	return value
}

// same reports whether two lists have the same values, in any order.
func (c Comparison) same(a, b []string) bool {
	return len(a) == len(b) && len(c.without(a, b)) == 0 && len(c.without(b, a)) == 0
}

// without returns the values of a that are not in b.
func (c Comparison) without(a, b []string) []string {
	var rest []string
	for _, v := range a {
		if !c.Contains(b, v) {
			rest = append(rest, v)
		}
	}
	return rest
}

// Contains reports whether one of the values is the same as the given one.
func (c Comparison) Contains(values []string, value string) bool {
	return slices.ContainsFunc(values, func(v string) bool { return c.key(v) == c.key(value) })
}

const (
	primaryPrefix   = "SMTP:"
	secondaryPrefix = "smtp:"
)

// settle reduces the wanted values to those that an attribute can hold together: each
// value once, as Active Directory compares them, and one primary address, the first.
func (c Comparison) settle(wanted []string) []string {
	if c == Address { // a value listed as both primary and secondary is primary
		wanted = slices.Clone(wanted)
		slices.SortStableFunc(wanted, func(a, b string) int { return cmp.Compare(rank(a), rank(b)) })
	}
	var out []string
	primary := false
	for _, v := range wanted {
		if c == Address && isPrimary(v) {
			if primary {
				v = secondaryPrefix + v[len(primaryPrefix):]
			}
			primary = true
		}
		if !slices.ContainsFunc(out, func(o string) bool { return fold(o) == fold(v) }) {
			out = append(out, v)
		}
	}
	return out
}

func isPrimary(address string) bool { return strings.HasPrefix(address, primaryPrefix) }

func rank(address string) int {
	if isPrimary(address) {
		return 1
	}
	return 2
}

// merge returns the values that a shared attribute should have: the wanted values, and
// those present that others wrote. ours are the values that we wrote; they are removed
// when they are no longer wanted. A value that stays keeps its spelling. A value that
// differs from a wanted one for us, but not for Active Directory, is replaced, whoever
// wrote it, and another primary address becomes a secondary one.
func (c Comparison) merge(have, wanted, ours []string) []string {
	var out []string
	for _, v := range have {
		switch {
		case c.Contains(wanted, v):
		case slices.ContainsFunc(wanted, func(w string) bool { return fold(w) == fold(v) }), c.Contains(ours, v):
			continue
		case c == Address && isPrimary(v) && slices.ContainsFunc(wanted, isPrimary):
			v = secondaryPrefix + v[len(primaryPrefix):]
		}
		out = append(out, v)
	}
	return append(out, c.without(wanted, out)...)
}
