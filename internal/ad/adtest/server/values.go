package server

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// stored returns the values of an attribute, except for links, of which there are many.
func (d *domain) stored(o *object, a *attribute) [][]byte {
	one := func(s string) [][]byte { return [][]byte{[]byte(s)} }
	switch a.name {
	case "objectGUID":
		return [][]byte{o.guid[:]}
	case "objectSid":
		if o.sid == "" {
			return nil
		}
		return one(string(o.sid))
	case "distinguishedName":
		return one(o.dn())
	case "name":
		return one(o.name.value)
	case "cn", "ou", "dc":
		if !strings.EqualFold(o.name.kind, a.name) {
			return nil
		}
		return one(o.name.value)
	case "objectClass":
		var values [][]byte
		for _, name := range o.class.chain() {
			values = append(values, []byte(name))
		}
		return values
	case "uSNChanged":
		return one(strconv.FormatInt(o.usn, 10))
	case "uSNCreated":
		return one(strconv.FormatInt(o.created, 10))
	case "isDeleted":
		if !o.deleted {
			return nil
		}
		return one("TRUE")
	}
	return o.values[a]
}

// count returns how many values the attribute has, including links.
func (d *domain) count(o *object, a *attribute) int {
	switch a.name {
	case "member":
		return o.members.count
	case "memberOf":
		return o.memberOf.count
	}
	return len(d.stored(o, a))
}

// computed returns the values of a constructed attribute.
func (d *domain) computed(o *object, a *attribute, t token) (values [][]byte) {
	switch a.name {
	case "allowedAttributes":
		for _, b := range schema {
			if o.class.may(b) {
				values = append(values, []byte(b.name))
			}
		}
	case "allowedAttributesEffective":
		for _, b := range schema {
			if o.class.may(b) && !b.system && t.allows(o, writeProp, nil) {
				values = append(values, []byte(b.name))
			}
		}
	case "sDRightsEffective":
		parts := 0
		if t.allows(o, writeOwner, nil) {
			parts |= ownerPart
		}
		if t.allows(o, writeDAC, nil) || t[o.owner] {
			parts |= listPart
		}
		if t[administrators] {
			parts |= auditPart
		}
		values = append(values, []byte(strconv.Itoa(parts)))
	case "allowedChildClassesEffective":
		for _, c := range classes {
			if o.class.holds && !c.system && c.guid != "" && t.allows(o, createChild, c) {
				values = append(values, []byte(c.name))
			}
		}
	}
	slices.SortFunc(values, slices.Compare)
	return values
}

// extendedName says how a search wants names: plain, or with GUIDs and SIDs in
// hexadecimal or as text (MS-ADTS 3.1.1.3.4.1.5).
type extendedName int

const (
	plainName extendedName = iota
	hexName
	textName
)

func (x extendedName) of(o *object) string {
	dn := o.dn()
	if x == plainName {
		return dn
	}
	id, security := o.guid.String(), o.sid.String()
	if x == hexName {
		id, security = fmt.Sprintf("%x", o.guid[:]), fmt.Sprintf("%x", string(o.sid))
	}
	if o.sid != "" {
		dn = "<SID=" + security + ">;" + dn
	}
	return "<GUID=" + id + ">;" + dn
}

// selection is what a search requests for each object.
type selection struct {
	names     []string // attribute descriptions, as requested
	typesOnly bool
	extended  extendedName
	token     token
	// descriptor says which parts of a security descriptor are requested.
	descriptor int64
}

// entry returns the answer about one object (RFC 4511 4.5.2).
func (s *Server) entry(o *object, want selection) *ber.Packet {
	d := s.domain
	entry := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationSearchResultEntry, nil, "entry")
	entry.AppendChild(octetString(want.extended.of(o)))
	list := ber.NewSequence("attributes")
	add := func(description string, values [][]byte) {
		pair := ber.NewSequence("attribute")
		pair.AppendChild(octetString(description))
		set := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSet, nil, "values")
		for _, v := range values {
			if !want.typesOnly {
				set.AppendChild(octetString(string(v)))
			}
		}
		pair.AppendChild(set)
		list.AppendChild(pair)
	}
	if want.token.allows(o, readProperty, nil) {
		for _, description := range d.expand(o, want.names) {
			name, options, _ := strings.Cut(description, ";")
			a := attributeOf(name)
			if a == nil {
				continue
			}
			if a.name == "nTSecurityDescriptor" {
				if v := want.token.descriptor(o, want.descriptor); v != nil {
					add(a.name, [][]byte{v})
				}
				continue
			}
			s.addAttribute(o, a, options, want, add)
		}
	}
	entry.AppendChild(list)
	return entry
}

// expand replaces "*" and an empty list by the attributes that the object has.
func (d *domain) expand(o *object, names []string) []string {
	var list []string
	if len(names) == 0 {
		names = []string{"*"}
	}
	for _, n := range names {
		switch n {
		case "1.1":
		case "*":
			for _, a := range schema {
				if !a.constructed && d.count(o, a) > 0 {
					list = append(list, a.name)
				}
			}
		default:
			list = append(list, n)
		}
	}
	return list
}

func (s *Server) addAttribute(o *object, a *attribute, options string, want selection, add func(string, [][]byte)) {
	var count int
	var collect func(from, to int) [][]byte
	names := func(linked interface{ from(int) *choice }) func(from, to int) [][]byte {
		return func(from, to int) [][]byte {
			values := make([][]byte, 0, to-from)
			for o := range linked.from(from).objects {
				if len(values) == to-from {
					break
				}
				values = append(values, []byte(want.extended.of(o)))
			}
			return values
		}
	}
	switch {
	case a.name == "member":
		count, collect = o.members.count, names(&o.members)
	case a.name == "memberOf":
		count, collect = o.memberOf.count, names(&o.memberOf)
	default:
		values := s.domain.stored(o, a)
		if a.constructed {
			values = s.domain.computed(o, a, want.token)
		}
		if a.syntax == dnSyntax {
			values = slices.Clone(values)
			for i, v := range values {
				if other, bad := s.domain.find(string(v)); bad == nil {
					values[i] = []byte(want.extended.of(other))
				}
			}
		}
		count, collect = len(values), func(from, to int) [][]byte { return values[from:to] }
	}
	low, high, ranged := parseRange(options)
	if count == 0 {
		return
	}
	// The text form of this attribute is XML, which this server does not write.
	if a.name == "msDS-NCReplCursors" {
		if strings.EqualFold(options, "binary") {
			add(a.name+";binary", collect(0, count))
		}
		return
	}
	if !ranged {
		if count <= s.options.MaxValRange {
			add(a.name, collect(0, count))
			return
		}
		add(a.name, nil)
		low, high = 0, count-1
	}
	end := min(high+1, low+s.options.MaxValRange, count)
	last := strconv.Itoa(end - 1)
	if end == count {
		last = "*"
	}
	add(fmt.Sprintf("%s;range=%d-%s", a.name, low, last), collect(low, end))
}

const noLimit = 1 << 30

// parseRange parses the option range=low-high or range=low-*.
func parseRange(options string) (low, high int, ok bool) {
	for option := range strings.SplitSeq(options, ";") {
		from, to, split := strings.Cut(strings.TrimPrefix(strings.ToLower(option), "range="), "-")
		if !split || len(option) == len(from)+len(to)+1 {
			continue
		}
		low, errLow := strconv.Atoi(from)
		high, errHigh := noLimit, error(nil)
		if to != "*" {
			high, errHigh = strconv.Atoi(to)
		}
		if errLow == nil && errHigh == nil && low >= 0 && high >= low && high <= noLimit {
			return low, high, true
		}
	}
	return 0, 0, false
}

// beyond reports whether a range begins after the last value. Windows then answers with
// operationsError ("Searching Using Range Retrieval").
func (d *domain) beyond(o *object, names []string) bool {
	for _, n := range names {
		name, options, _ := strings.Cut(n, ";")
		low, _, ranged := parseRange(options)
		a := attributeOf(name)
		if !ranged || a == nil || low == 0 {
			continue
		}
		if low >= d.count(o, a) {
			return true
		}
	}
	return false
}

func octetString(s string) *ber.Packet {
	return ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, s, "")
}
