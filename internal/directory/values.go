package directory

import (
	"maps"
	"slices"
)

// Values are the values of attributes by name. A name without values counts as absent,
// except in the changes of a delta, where it says that the values were removed.
type Values map[string][]string

// First returns the first value of an attribute, or "" if it has none.
func (v Values) First(name string) string {
	if values := v[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// Equal reports whether both have the same values in the same order.
func (v Values) Equal(other Values) bool {
	within := func(a, b Values) bool {
		for name, values := range a {
			if !slices.Equal(values, b[name]) {
				return false
			}
		}
		return true
	}
	return within(v, other) && within(other, v)
}

// Clone returns a deep copy.
func (v Values) Clone() Values {
	copied := maps.Clone(v)
	for name, values := range copied {
		copied[name] = slices.Clone(values)
	}
	return copied
}

// With returns a copy in which the attribute has the given values, without empty ones.
// No values remove the attribute.
func (v Values) With(name string, values ...string) Values {
	changed := maps.Clone(v)
	values = slices.DeleteFunc(slices.Clone(values), func(value string) bool { return value == "" })
	if len(values) == 0 {
		delete(changed, name)
		return changed
	}
	if changed == nil {
		changed = Values{}
	}
	changed[name] = values
	return changed
}
