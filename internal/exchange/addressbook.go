package exchange

import (
	"maps"
	"slices"
	"strings"

	"groupwriteback/internal/directory"
)

// AddressBooks returns the names of the lists that the object belongs to: those whose
// filter holds for it and whose recipient container, if there is one, it is in. unknown are
// lists for which that cannot be said, because their filter is broken or not understood or
// names an attribute that is not known; while there are any, showInAddressBook is left as
// it is. An object that is hidden from address lists belongs to none. A list without a
// filter is a container of lists.
func AddressBooks(lists []AddressList, object Object) (dns []string, unknown []AddressList) {
	if object.hidden() {
		return nil, nil
	}
	for _, l := range lists {
		switch l.holds(object) {
		case Yes:
			dns = append(dns, l.DN.String())
		case Unknown:
			unknown = append(unknown, l)
		}
	}
	return dns, unknown
}

// hidden reports whether the object is hidden from address lists. Exchange takes an absent
// value as FALSE.
func (o Object) hidden() bool {
	values := o.Values["msexchhidefromaddresslists"]
	return len(values) == 1 && strings.EqualFold(values[0], "TRUE")
}

func (l AddressList) holds(object Object) Truth {
	if l.Filter == "" {
		return No
	}
	place := Yes
	if len(l.Container) > 0 {
		if place = Unknown; len(object.DN) > 0 {
			place = truthOf(len(object.DN) > len(l.Container) && object.DN.Within(l.Container))
		}
	}
	filter, err := ParseFilter(l.Filter)
	if err != nil {
		return min(place, Unknown)
	}
	return min(place, filter.Match(object))
}

// ShowInAddressBook returns what showInAddressBook of the object will be: the lists it
// belongs to, and of the present values those that name none of the lists, because they
// cannot be judged (the account may not see the list). unknown is as in [AddressBooks]. The
// present spelling of a name is kept.
func ShowInAddressBook(lists []AddressList, object Object, present []string) (dns []string, unknown []AddressList) {
	belongs, unknown := AddressBooks(lists, object)
	if len(unknown) > 0 {
		return present, unknown
	}
	for _, value := range present {
		dn, err := directory.ParseDN(value)
		is := func(other string) bool {
			o, bad := directory.ParseDN(other)
			return err == nil && bad == nil && o.Equal(dn)
		}
		known := slices.ContainsFunc(lists, func(l AddressList) bool { return l.DN.Equal(dn) })
		if i := slices.IndexFunc(belongs, is); i >= 0 {
			belongs = slices.Delete(belongs, i, i+1)
			dns = append(dns, value)
		} else if !known && !object.hidden() {
			dns = append(dns, value)
		}
	}
	return append(dns, belongs...), nil
}

// FilterAttributes returns the attributes that the filters of the lists name, in lower case
// and sorted: what has to be known of an object to judge it. Broken filters name none.
func FilterAttributes(lists []AddressList) []string {
	named := map[string]bool{}
	for _, l := range lists {
		if filter, err := ParseFilter(l.Filter); err == nil {
			for _, name := range filter.Attributes() {
				named[name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(named))
}

// maxLegacyDN is the length of the longest legacyExchangeDN that Exchange makes.
const maxLegacyDN = 128

// LegacyDN returns legacyExchangeDN of the group with this id in the tenant, in the form
// that Exchange gives to recipients: the administrative group, the container Recipients,
// and 32 hexadecimal digits with a name. The digits are the id, and the name is a fixed
// word, so that the value is the same each time, unlike any other group's, and stays when
// the group is renamed. It returns "" if the administrative group is not known or leaves no
// room.
func LegacyDN(o *Organization, id directory.GUID) string {
	if o.LegacyDN == "" || id.IsZero() {
		return ""
	}
	dn := o.LegacyDN + "/cn=Recipients/cn=" + strings.ReplaceAll(id.String(), "-", "")
	if len(dn) > maxLegacyDN {
		return ""
	}
	if named := dn + "-Group"; len(named) <= maxLegacyDN {
		return named
	}
	return dn
}
