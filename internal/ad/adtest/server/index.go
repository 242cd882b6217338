package server

import (
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"
)

// entry says that an object has a value, in the form in which values are compared. The
// entries of an attribute are its index.
type entry struct {
	form string
	*object
}

func (e entry) compare(other entry) int {
	if order := strings.Compare(e.form, other.form); order != 0 {
		return order
	}
	return int(e.tag - other.tag)
}

// key is a position of an object in the indexes.
type key struct {
	attribute *attribute
	form      string
}

// indexed are the attributes with an index.
var indexed = func() (list []*attribute) {
	for _, a := range schema {
		if a.indexed {
			list = append(list, a)
		}
	}
	return list
}()

// file puts the object into the indexes as it is now. Whatever changes an indexed value
// calls it last.
func (d *domain) file(o *object) {
	now := make([]key, 0, len(o.filed))
	for _, a := range indexed {
		for _, v := range d.stored(o, a) {
			if form, ok := comparable(a, v); ok {
				now = append(now, key{a, form})
			}
		}
	}
	for _, k := range o.filed {
		if !slices.Contains(now, k) {
			d.indexes[k.attribute].take(entry{k.form, o})
		}
	}
	for _, k := range now {
		if !slices.Contains(o.filed, k) {
			d.indexes[k.attribute].put(entry{k.form, o})
		}
	}
	o.filed = now
}

// choice is a set of objects to look at; an object may occur twice. The choice of a
// filter contains every object that can match. It is nil if no index tells which these
// are.
type choice struct {
	size    int
	objects iter.Seq[*object]
}

func choose(objects ...*object) *choice { return &choice{len(objects), slices.Values(objects)} }

// smaller returns the cheaper of two choices that both suffice.
func smaller(a, b *choice) *choice {
	if a == nil || b != nil && b.size < a.size {
		return b
	}
	return a
}

// together returns the union of the choices, or nil if one of them is unknown.
func together(choices []*choice) *choice {
	size := 0
	for _, c := range choices {
		if c == nil {
			return nil
		}
		size += c.size
	}
	return &choice{size, func(yield func(*object) bool) {
		for _, c := range choices {
			for o := range c.objects {
				if !yield(o) {
					return
				}
			}
		}
	}}
}

// span chooses the objects with a value of the attribute that has reached the beginning
// and is not beyond the end. If a bound is nil, there is none.
func (d *domain) span(a *attribute, reached, beyond func(form string) bool) *choice {
	index := d.indexes[a]
	if index == nil {
		return nil
	}
	from, to := place{}, index.end()
	if reached != nil {
		from = index.first(func(e entry) bool { return reached(e.form) })
	}
	if beyond != nil {
		to = index.first(func(e entry) bool { return beyond(e.form) })
	}
	return index.between(from, to)
}

func (d *domain) withAny(a *attribute) *choice { return d.span(a, nil, nil) }

func (d *domain) withValue(a *attribute, form string) *choice {
	return d.span(a, notBelow(form), above(form))
}

func (d *domain) withPrefix(a *attribute, prefix string) *choice {
	return d.span(a, notBelow(prefix), func(form string) bool { return form > prefix && !strings.HasPrefix(form, prefix) })
}

func notBelow(form string) func(string) bool { return func(other string) bool { return other >= form } }
func above(form string) func(string) bool    { return func(other string) bool { return other > form } }

// one returns the object with that value of an indexed attribute, or nil. If there are
// two, it returns the older one.
func (d *domain) one(name, form string) *object {
	for o := range d.withValue(attributeOf(name), form).objects {
		return o
	}
	return nil
}

// named returns the account with that sAMAccountName. A deleted account keeps the name
// but does not hold it.
func (d *domain) named(account string) *object {
	for o := range d.withValue(attributeOf("sAMAccountName"), fold(account)).objects {
		if !o.deleted {
			return o
		}
	}
	return nil
}

// scope chooses the objects within the scope of a search.
func (d *domain) scope(base *object, scope int64) *choice {
	switch scope {
	case ldap.ScopeBaseObject:
		return choose(base)
	case ldap.ScopeSingleLevel:
		return &choice{len(base.children), maps.Values(base.children)}
	}
	if base == d.head {
		return choose(d.objects...)
	}
	return &choice{1 + base.below, base.tree}
}
