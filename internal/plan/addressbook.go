package plan

import (
	"strconv"
	"strings"

	"groupwriteback/internal/directory"
	"groupwriteback/internal/exchange"
)

// AddressBook is what Update-Recipient would otherwise add: in which address lists a
// recipient is, and its legacyExchangeDN.
type AddressBook struct {
	// Unread means that the lists could not be read, so that everything stays as it is.
	Unread bool
	Lists  []exchange.AddressList
	// LegacyDN returns the legacyExchangeDN of a group, or "".
	LegacyDN func(id directory.GUID) string
}

const attrLegacyDN = "legacyExchangeDN"

// inAddressLists returns the address lists that the object belongs to as it will be. While
// one of the lists cannot be judged, they stay as they are. Once all can be, a value that
// names a list to which the object does not belong goes, whoever wrote it.
func (s *subject) inAddressLists(row *Row, p *Projection) []string {
	book := s.rules.AddressBook
	switch {
	case book == nil:
		return nil
	case book.Unread:
		*p = Projection{Keep: true, Notes: []string{"The address lists could not be read."}}
		return nil
	}
	lists, unknown := exchange.ShowInAddressBook(book.Lists, s.becomes(row), s.object.Attribute(row.Attribute))
	if len(unknown) > 0 {
		names := make([]string, len(unknown))
		for i, l := range unknown {
			names[i] = l.DN[0].Value
		}
		s.recipient.problem(ReasonAddressListUnknown, "Whether it belongs to the address list %s cannot be said, so its address lists stay as they are. Run Update-Recipient for it in Exchange.", strings.Join(names, ", "))
		*p = Projection{Keep: true, Notes: s.recipient.texts()}
		return nil
	}
	p.Whole = true
	return lists
}

// becomes returns the object with what the other rows make of it. An attribute that neither
// they nor the object have is absent: all that the filters of the lists name was read.
func (s *subject) becomes(except *Row) exchange.Object {
	quiet := *s // what failed is noted once
	values := directory.Values{}
	set := func(name string, v []string) {
		values[strings.ToLower(name)] = v
		if len(v) > 0 && (name == directory.AttrManagedBy || name == directory.AttrCoManagedBy) {
			values[strings.ToLower(name)] = directory.PlainNames(v)
		}
	}
	for _, name := range exchange.FilterAttributes(s.rules.AddressBook.Lists) {
		set(name, nil)
	}
	for name, v := range s.object.Attributes {
		set(name, v)
	}
	cn := []string{s.cn()}
	set(directory.AttrCN, cn)
	set("name", cn)
	set(directory.AttrGroupType, []string{strconv.Itoa(int(s.rules.groupType(s.group)))})
	for i := range s.rules.Mapping {
		row := &s.rules.Mapping[i]
		if row.Attribute == except.Attribute {
			continue
		}
		if change, ok := row.difference(s.object, &quiet); ok {
			set(row.Attribute, change.New)
		}
	}
	dn, err := directory.ParseDN(s.object.DN)
	if err != nil || len(dn) == 0 {
		dn = s.newDN(cn[0])
	}
	return exchange.Object{DN: dn, Values: values}
}

// legacyName returns the legacyExchangeDN of a recipient. One that is there stays.
func (s *subject) legacyName() (values []string, flows bool) {
	switch {
	case s.rules.AddressBook == nil:
		return nil, true
	case s.rules.AddressBook.Unread:
		return nil, false
	}
	if s.object.Attributes.First(attrLegacyDN) != "" {
		return nil, false
	}
	return []string{s.rules.AddressBook.LegacyDN(s.group.ID)}, true
}
