package server

import (
	"bytes"
	"cmp"
	"slices"
	"strconv"
	"strings"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// truth is a value of the logic of filters (RFC 4511 4.5.1.7).
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
	// match judges an object; of one that is not readable only the name is known.
	match func(o *object, readable bool) truth
	// among returns all objects that can match, where an index tells; ok is
	// false where none does.
	among func() (found []*object, ok bool)
}

const (
	ruleBitAnd = "1.2.840.113556.1.4.803"
	ruleBitOr  = "1.2.840.113556.1.4.804"
)

// compile reads a filter of a search request.
func (d *domain) compile(p *ber.Packet) filter {
	switch p.Tag {
	case ldap.FilterAnd, ldap.FilterOr:
		parts := make([]filter, len(p.Children))
		for i, c := range p.Children {
			parts[i] = d.compile(c)
		}
		if p.Tag == ldap.FilterAnd {
			return all(parts)
		}
		return anyOf(parts)
	case ldap.FilterNot:
		part := d.compile(p.Children[0])
		return unindexed(func(o *object, readable bool) truth { return yes - part.match(o, readable) })
	case ldap.FilterPresent:
		return d.present(content(p))
	case ldap.FilterEqualityMatch, ldap.FilterApproxMatch:
		return d.equal(content(p.Children[0]), p.Children[1].Data.Bytes())
	case ldap.FilterGreaterOrEqual, ldap.FilterLessOrEqual:
		return d.ordered(content(p.Children[0]), content(p.Children[1]), p.Tag == ldap.FilterGreaterOrEqual)
	case ldap.FilterSubstrings:
		return d.substrings(content(p.Children[0]), p.Children[1].Children)
	case ldap.FilterExtensibleMatch:
		return d.bits(p)
	}
	return never()
}

func unindexed(match func(*object, bool) truth) filter {
	return filter{match, func() ([]*object, bool) { return nil, false }}
}

func never() filter { return unindexed(func(*object, bool) truth { return undefined }) }

func all(parts []filter) filter {
	return filter{
		match: func(o *object, readable bool) truth {
			worst := yes
			for _, p := range parts {
				worst = min(worst, p.match(o, readable))
			}
			return worst
		},
		among: func() (found []*object, ok bool) {
			for _, p := range parts {
				if some, indexed := p.among(); indexed && (!ok || len(some) < len(found)) {
					found, ok = some, true
				}
			}
			return found, ok
		},
	}
}

func anyOf(parts []filter) filter {
	return filter{
		match: func(o *object, readable bool) truth {
			best := no
			for _, p := range parts {
				if best = max(best, p.match(o, readable)); best == yes {
					break
				}
			}
			return best
		},
		among: func() (found []*object, ok bool) {
			for _, p := range parts {
				some, indexed := p.among()
				if !indexed {
					return nil, false
				}
				found = append(found, some...)
			}
			return found, true
		},
	}
}

// about is a filter item on the values of an attribute. One that the schema
// does not have, that is constructed, or that may not be read, is undefined.
func (d *domain) about(name string, match func(o *object, a *attribute) truth) filter {
	a := attributeOf(name)
	if a == nil || a.constructed {
		return never()
	}
	return unindexed(func(o *object, readable bool) truth {
		if !readable {
			return undefined
		}
		return match(o, a)
	})
}

func (d *domain) present(name string) filter {
	if strings.EqualFold(name, "objectClass") {
		return unindexed(func(*object, bool) truth { return yes })
	}
	return d.about(name, func(o *object, a *attribute) truth { return truthOf(d.has(o, a)) })
}

// has reports whether the attribute has a value.
func (d *domain) has(o *object, a *attribute) bool {
	switch a.name {
	case "member":
		return len(o.members.order) > 0
	case "memberOf":
		return len(o.memberOf) > 0
	}
	return len(d.stored(o, a)) > 0
}

func (d *domain) equal(name string, value []byte) filter {
	a := attributeOf(name)
	if a == nil || a.constructed {
		return never()
	}
	index := func(o *object) func() ([]*object, bool) {
		return func() ([]*object, bool) {
			if o == nil {
				return nil, true
			}
			return []*object{o}, true
		}
	}
	if a.name == "member" || a.name == "memberOf" {
		other, bad := d.find(string(value))
		if bad != nil || other.deleted {
			return never()
		}
		return d.about(name, func(o *object, _ *attribute) truth {
			if a.name == "member" {
				return truthOf(o.members.has(other))
			}
			return truthOf(o.memberOf[other])
		})
	}
	wanted, ok := comparable(a, value)
	if !ok {
		return never()
	}
	f := d.about(name, func(o *object, a *attribute) truth {
		return truthOf(slices.ContainsFunc(d.stored(o, a), func(v []byte) bool {
			have, _ := comparable(a, v)
			return have == wanted
		}))
	})
	switch a.name {
	case "objectGUID":
		if len(value) != 16 {
			return never()
		}
		f.among = index(d.byGUID[guid(value)])
	case "objectSid":
		f.among = index(d.bySID[sid(wanted)])
	}
	return f
}

// comparable returns a form of the value that is equal for values that match.
func comparable(a *attribute, value []byte) (string, bool) {
	switch a.syntax {
	case text, boolean, oidSyntax, dnSyntax:
		return fold(string(value)), true
	case integer:
		n, err := strconv.ParseInt(string(value), 10, 64)
		return strconv.FormatInt(n, 10), err == nil
	case sidSyntax:
		if sid(value).valid() {
			return string(value), true
		}
		s, ok := parseSID(string(value))
		return string(s), ok
	}
	return string(value), true
}

func (d *domain) ordered(name, value string, greater bool) filter {
	return d.about(name, func(o *object, a *attribute) truth {
		if a.syntax != integer && a.syntax != text {
			return undefined
		}
		wanted, ok := comparable(a, []byte(value))
		if !ok {
			return undefined
		}
		for _, v := range d.stored(o, a) {
			have, _ := comparable(a, v)
			order := cmp.Compare(have, wanted)
			if a.syntax == integer {
				x, _ := strconv.ParseInt(have, 10, 64)
				y, _ := strconv.ParseInt(wanted, 10, 64)
				order = cmp.Compare(x, y)
			}
			if order == 0 || order > 0 == greater {
				return yes
			}
		}
		return no
	})
}

func (d *domain) substrings(name string, parts []*ber.Packet) filter {
	return d.about(name, func(o *object, a *attribute) truth {
		if a.syntax != text && a.syntax != octets {
			return undefined
		}
		form := func(b []byte) []byte { return b }
		if a.syntax == text {
			form = func(b []byte) []byte { return []byte(fold(string(b))) }
		}
		for _, v := range d.stored(o, a) {
			rest, ok := form(v), true
			for _, p := range parts {
				part := form(p.Data.Bytes())
				switch p.Tag {
				case ldap.FilterSubstringsInitial:
					ok = ok && bytes.HasPrefix(rest, part)
					rest = bytes.TrimPrefix(rest, part)
				case ldap.FilterSubstringsFinal:
					ok = ok && bytes.HasSuffix(rest, part)
				default:
					var found bool
					_, rest, found = bytes.Cut(rest, part)
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

// bits is an extensible match by one of the rules for bits.
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
	mask, err := strconv.ParseInt(value, 10, 64)
	if err != nil || rule != ruleBitAnd && rule != ruleBitOr {
		return never()
	}
	return d.about(name, func(o *object, a *attribute) truth {
		if a.syntax != integer {
			return undefined
		}
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
