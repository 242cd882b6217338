package exchange

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"groupwriteback/internal/directory"
)

// Truth is a value of the three-valued logic of filters. Unknown means that it cannot be
// said without more knowledge of the object or of the schema.
type Truth int8

// The values, in an order in which "and" is the least and "or" the greatest.
const (
	No Truth = iota
	Unknown
	Yes
)

func truthOf(b bool) Truth {
	if b {
		return Yes
	}
	return No
}

// Object is a group as it is, or as it will be.
type Object struct {
	DN directory.DN
	// Values are the values of its attributes by name in lower case. An attribute without
	// values is known to be absent, and one that is not in the map is unknown.
	// objectClass, objectCategory and distinguishedName need not be there.
	Values map[string][]string
}

// group is the class of every object here, and the name of its category.
const group = "group"

// values returns the values of an attribute; known is false if it is unknown.
func (o Object) values(attribute string) (values []string, known bool) {
	switch attribute {
	case "objectclass":
		return []string{"top", group}, true
	case "objectcategory":
		return []string{group}, true
	case "distinguishedname":
		return []string{o.DN.String()}, len(o.DN) > 0
	}
	values, known = o.Values[attribute]
	return values, known
}

// Match reports whether the filter holds for the object, as Active Directory would judge.
// It returns Unknown where that depends on an attribute that is not known, on a matching
// rule other than the two of bits, or on how Active Directory orders text or compares
// letters beyond ASCII.
func (f *Filter) Match(o Object) Truth { return f.root.match(o) }

func (n node) match(o Object) Truth {
	switch n.kind {
	case kindAnd:
		worst := Yes
		for _, part := range n.parts {
			worst = min(worst, part.match(o))
		}
		return worst
	case kindOr:
		best := No
		for _, part := range n.parts {
			best = max(best, part.match(o))
		}
		return best
	case kindNot:
		return Yes - n.parts[0].match(o)
	}
	name := strings.ToLower(n.attribute)
	values, known := o.values(name)
	if !known {
		return Unknown
	}
	if n.kind == kindPresent {
		return truthOf(len(values) > 0)
	}
	compare := map[nodeKind]func(attribute, value string) Truth{
		kindEqual: n.equal, kindSubstrings: n.contains, kindGreater: n.ordered, kindLess: n.ordered, kindExtensible: n.bits,
	}[n.kind]
	best := No
	if n.kind == kindExtensible && n.bits(name, "0") == Unknown {
		return Unknown // whatever the values are, the rule is not understood
	}
	for _, value := range values {
		best = max(best, compare(name, value))
	}
	return best
}

// integers are the attributes whose values are numbers, among those that filters of
// address lists name. A number in another attribute may be a text.
var integers = []string{
	"grouptype", "useraccountcontrol", "samaccounttype", "instancetype", "systemflags", "admincount", "primarygroupid",
	"msexchrecipienttypedetails", "msexchrecipientdisplaytype", "msexchversion", "msexchaddressbookflags",
	"msexchmoderationflags", "msexchgroupmembercount", "msexchgroupexternalmembercount", "usnchanged", "usncreated",
	"msexchuseraccountcontrol", "msexchremoterecipienttype", "msexchresourcecapacity", "msexchprovisioningflags",
}

// names are the attributes whose values name objects. Substrings of a name match nothing.
var names = []string{
	"distinguishedname", "objectcategory", "memberof", "member", "managedby", "manager", "homemdb", "homemta",
	"showinaddressbook", "msexchcomanagedbylink", "authorig", "unauthorig", "dlmemsubmitperms", "dlmemrejectperms",
}

func (n node) equal(attribute, value string) Truth {
	wanted := n.values[0]
	switch {
	case attribute == "objectcategory":
		// Given as the name of a class, or as that of the class's object in the schema.
		if dn, err := directory.ParseDN(wanted); err == nil && len(dn) > 0 {
			wanted = dn[0].Value
		}
		return truthOf(strings.EqualFold(wanted, value))
	case strings.EqualFold(wanted, value):
		return Yes
	case slices.Contains(names, attribute):
		a, errA := directory.ParseDN(wanted)
		b, errB := directory.ParseDN(value)
		return truthOf(errA == nil && errB == nil && a.Equal(b))
	}
	a, errA := strconv.ParseInt(wanted, 10, 64)
	b, errB := strconv.ParseInt(value, 10, 64)
	switch {
	case errA == nil && errB == nil && slices.Contains(integers, attribute):
		return truthOf(a == b || attribute == "grouptype" && int32(a) == int32(b)) // also written without sign
	case errA == nil && errB == nil && a == b, !ascii(wanted), !ascii(value):
		return Unknown
	}
	return No
}

// contains judges a substring. The first and the last part may be empty.
func (n node) contains(attribute, value string) Truth {
	if slices.Contains(names, attribute) || attribute == "objectclass" {
		return Unknown
	}
	rest, last := strings.ToLower(value), len(n.values)-1
	ok := true
	for i, part := range n.values {
		part = strings.ToLower(part)
		switch {
		case i == 0:
			ok = strings.HasPrefix(rest, part)
			rest = strings.TrimPrefix(rest, part)
		case i == last:
			ok = ok && strings.HasSuffix(rest, part)
		default:
			var found bool
			_, rest, found = strings.Cut(rest, part)
			ok = ok && found
		}
	}
	if !ok && (!ascii(value) || slices.ContainsFunc(n.values, func(part string) bool { return !ascii(part) })) {
		return Unknown
	}
	return truthOf(ok)
}

// moment matches a time as Active Directory writes it. Times of that form sort as text.
var moment = regexp.MustCompile(`^\d{14}\.\dZ$`)

func (n node) ordered(attribute, value string) Truth {
	wanted := n.values[0]
	order := 0
	a, errA := strconv.ParseInt(value, 10, 64)
	b, errB := strconv.ParseInt(wanted, 10, 64)
	switch {
	case slices.Contains(integers, attribute) && errA == nil && errB == nil:
		if a != b {
			order = 1
			if a < b {
				order = -1
			}
		}
	case moment.MatchString(value) && moment.MatchString(wanted):
		order = strings.Compare(value, wanted)
	case strings.EqualFold(value, wanted):
	default:
		return Unknown
	}
	return truthOf(order == 0 || order > 0 == (n.kind == kindGreater))
}

// bits judges the two matching rules that compare bits: all of them are set, or one.
func (n node) bits(_, value string) Truth {
	mask, errMask := strconv.ParseInt(n.values[0], 10, 64)
	have, err := strconv.ParseInt(value, 10, 64)
	switch {
	case errMask != nil || err != nil:
	case n.rule == "1.2.840.113556.1.4.803":
		return truthOf(have&mask == mask)
	case n.rule == "1.2.840.113556.1.4.804":
		return truthOf(have&mask != 0)
	}
	return Unknown
}

func ascii(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return r >= 0x80 }) < 0
}
