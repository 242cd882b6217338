package server

import (
	"encoding/binary"
	"slices"
	"strconv"
	"strings"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// truth is a value of the three-valued logic of filters (RFC 4511 4.5.1.7).
type truth int8

const (
	no truth = iota
	undefined
	yes
)

func truthOf(b bool) truth {
	if b {
		return yes
	}
	return no
}

// filter is a compiled filter.
type filter struct {
	// match judges an object. If the object is not readable, only its name is known.
	match func(o *object, readable bool) truth
	// among contains all objects that can match.
	among *choice
}

const (
	ruleBitAnd = "1.2.840.113556.1.4.803"
	ruleBitOr  = "1.2.840.113556.1.4.804"
)

// compile compiles the filter of a search request.
func (d *domain) compile(p *ber.Packet) filter {
	switch p.Tag {
	case ldap.FilterAnd:
		return all(d.compileAll(p.Children))
	case ldap.FilterOr:
		return anyOf(d.compileAll(p.Children))
	case ldap.FilterNot:
		part := d.compile(p.Children[0])
		return filter{match: func(o *object, readable bool) truth { return yes - part.match(o, readable) }}
	case ldap.FilterPresent:
		return d.present(content(p))
	case ldap.FilterExtensibleMatch:
		return d.bits(p)
	}
	a := filterable(content(p.Children[0]))
	if a == nil {
		return never()
	}
	switch p.Tag {
	case ldap.FilterEqualityMatch, ldap.FilterApproxMatch:
		return d.equal(a, p.Children[1].Data.Bytes())
	case ldap.FilterGreaterOrEqual, ldap.FilterLessOrEqual:
		return d.ordered(a, p.Children[1].Data.Bytes(), p.Tag == ldap.FilterGreaterOrEqual)
	case ldap.FilterSubstrings:
		return d.substrings(a, p.Children[1].Children)
	}
	return never()
}

func (d *domain) compileAll(packets []*ber.Packet) []filter {
	parts := make([]filter, len(packets))
	for i, p := range packets {
		parts[i] = d.compile(p)
	}
	return parts
}

func never() filter {
	return filter{func(*object, bool) truth { return undefined }, choose()}
}

func all(parts []filter) filter {
	var among *choice
	for _, p := range parts {
		among = smaller(among, p.among)
	}
	return filter{func(o *object, readable bool) truth {
		worst := yes
		for _, p := range parts {
			if worst = min(worst, p.match(o, readable)); worst == no {
				break
			}
		}
		return worst
	}, among}
}

func anyOf(parts []filter) filter {
	among := make([]*choice, len(parts))
	for i, p := range parts {
		among[i] = p.among
	}
	return filter{func(o *object, readable bool) truth {
		best := no
		for _, p := range parts {
			if best = max(best, p.match(o, readable)); best == yes {
				break
			}
		}
		return best
	}, together(among)}
}

// filterable returns the attribute if a filter can use it. A filter on an attribute
// that is constructed, or that the schema does not have, is undefined.
func filterable(name string) *attribute {
	if a := attributeOf(name); a != nil && !a.constructed {
		return a
	}
	return nil
}

// about returns a filter item on values, which is undefined if they may not be read.
func about(among *choice, match func(o *object) truth) filter {
	return filter{func(o *object, readable bool) truth {
		if !readable {
			return undefined
		}
		return match(o)
	}, among}
}

func (d *domain) present(name string) filter {
	if strings.EqualFold(name, "objectClass") {
		return filter{match: func(*object, bool) truth { return yes }}
	}
	a := filterable(name)
	if a == nil {
		return never()
	}
	return about(d.withAny(a), func(o *object) truth { return truthOf(d.count(o, a) > 0) })
}

func (d *domain) equal(a *attribute, value []byte) filter {
	switch a.name {
	case "member", "memberOf", "distinguishedName":
		return d.related(a, string(value))
	}
	wanted, ok := comparable(a, value)
	if !ok || a.name == "objectGUID" && len(value) != len(guid{}) {
		return never()
	}
	return about(d.withValue(a, wanted), func(o *object) truth {
		return truthOf(slices.ContainsFunc(d.stored(o, a), func(v []byte) bool {
			have, ok := comparable(a, v)
			return ok && have == wanted
		}))
	})
}

// related returns an item about the relation of an object to the object that the value
// names.
func (d *domain) related(a *attribute, value string) filter {
	other, bad := d.find(value)
	switch {
	case bad != nil:
		return never()
	case a.name == "distinguishedName":
		return about(choose(other), func(o *object) truth { return truthOf(o == other) })
	case other.deleted:
		return never()
	case a.name == "member":
		return about(other.memberOf.from(0), func(o *object) truth { return truthOf(o.hasMember(other)) })
	}
	return about(other.members.from(0), func(o *object) truth { return truthOf(other.hasMember(o)) })
}

// comparable returns a form of the value that is equal for values that match. For texts
// and numbers, the forms sort like the values.
func comparable(a *attribute, value []byte) (string, bool) {
	switch a.syntax {
	case text, boolean, oidSyntax, dnSyntax:
		return fold(string(value)), true
	case integer:
		n, err := strconv.ParseInt(string(value), 10, 64)
		return string(binary.BigEndian.AppendUint64(nil, uint64(n)^1<<63)), err == nil
	case sidSyntax:
		if sid(value).valid() {
			return string(value), true
		}
		s, ok := parseSID(string(value))
		return string(s), ok
	}
	return string(value), true
}

// ordered returns an item that compares with a text or a number.
func (d *domain) ordered(a *attribute, value []byte, greater bool) filter {
	wanted, ok := comparable(a, value)
	if !ok || a.syntax != integer && a.syntax != text {
		return never()
	}
	among := d.span(a, nil, above(wanted))
	if greater {
		among = d.span(a, notBelow(wanted), nil)
	}
	return about(among, func(o *object) truth {
		for _, v := range d.stored(o, a) {
			if have, ok := comparable(a, v); ok && (have == wanted || have > wanted == greater) {
				return yes
			}
		}
		return no
	})
}

func (d *domain) substrings(a *attribute, parts []*ber.Packet) filter {
	if a.syntax != text && a.syntax != octets {
		return never()
	}
	form := func(b []byte) string {
		f, _ := comparable(a, b)
		return f
	}
	var among *choice
	if len(parts) > 0 && parts[0].Tag == ldap.FilterSubstringsInitial {
		among = d.withPrefix(a, form(parts[0].Data.Bytes()))
	}
	return about(among, func(o *object) truth {
		for _, v := range d.stored(o, a) {
			rest, ok := form(v), true
			for _, p := range parts {
				part := form(p.Data.Bytes())
				switch p.Tag {
				case ldap.FilterSubstringsInitial:
					ok = ok && strings.HasPrefix(rest, part)
					rest = strings.TrimPrefix(rest, part)
				case ldap.FilterSubstringsFinal:
					ok = ok && strings.HasSuffix(rest, part)
				default:
					var found bool
					_, rest, found = strings.Cut(rest, part)
					ok = ok && found
				}
			}
			if ok {
				return yes
			}
		}
		return no
	})
}

// bits returns an extensible match by one of the bit rules.
func (d *domain) bits(p *ber.Packet) filter {
	var rule, name, value string
	for _, c := range p.Children {
		switch c.Tag {
		case 1:
			rule = content(c)
		case 2:
			name = content(c)
		case 3:
			value = content(c)
		}
	}
	a := filterable(name)
	mask, err := strconv.ParseInt(value, 10, 64)
	if err != nil || a == nil || a.syntax != integer || rule != ruleBitAnd && rule != ruleBitOr {
		return never()
	}
	return about(d.withAny(a), func(o *object) truth {
		values := d.stored(o, a)
		if len(values) == 0 {
			return no
		}
		n, _ := strconv.ParseInt(string(values[0]), 10, 64)
		if rule == ruleBitAnd {
			return truthOf(n&mask == mask)
		}
		return truthOf(n&mask != 0)
	})
}
