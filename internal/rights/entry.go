package rights

import (
	"slices"
	"strings"

	"groupwriteback/internal/descriptor"
	"groupwriteback/internal/directory"
)

// Form says how the rights are written as entries.
type Form int

// The forms.
const (
	// ByAttribute has an entry for each attribute that is written.
	ByAttribute Form = iota
	// ByPropertySet has an entry for each property set instead, which also covers what
	// else is in the set. Attributes in no set have entries of their own.
	ByPropertySet
	// Compatible is the one entry that Entra Connect's
	// Set-ADSyncUnifiedGroupWritebackPermissions makes: GRGWCCDCSDDT;;group. It also
	// allows everything that it names on the container itself.
	Compatible
)

// Entry is an entry to grant.
type Entry struct {
	descriptor.ACE
	// Along are the attributes that the entry covers although they are not written.
	Along []string
}

const (
	onAll    = descriptor.ContainerInherit
	onGroups = descriptor.ContainerInherit | descriptor.InheritOnly
)

// Entries returns the entries that give the account what it needs to write these
// attributes: on the container, for objects below to inherit.
func Entries(schema Schema, attributes []string, form Form, account directory.SID) []Entry {
	var none directory.GUID
	if form == Compatible {
		const mask = descriptor.ReadAll | descriptor.WriteAll | descriptor.CreateChild | descriptor.DeleteChild | descriptor.Delete | descriptor.DeleteTree
		return []Entry{{ACE: descriptor.Allow(account, mask, onAll, none, ClassGroup)}}
	}
	entries := []Entry{
		{ACE: descriptor.Allow(account, descriptor.CreateChild|descriptor.DeleteChild, onAll, ClassGroup, none)},
		{ACE: descriptor.Allow(account, descriptor.ReadProperty|descriptor.ListObject|descriptor.ReadControl|descriptor.Delete, onGroups, none, ClassGroup)},
	}
	needed := written(schema, attributes)
	var sets []directory.GUID
	for _, a := range needed {
		if form == ByAttribute || a.Set.IsZero() {
			entries = append(entries, Entry{ACE: descriptor.Allow(account, descriptor.Write, onGroups, a.GUID, ClassGroup)})
		} else if !slices.Contains(sets, a.Set) {
			sets = append(sets, a.Set)
		}
	}
	for _, set := range sets {
		along := slices.DeleteFunc(schema.in(set), func(name string) bool {
			return slices.ContainsFunc(needed, func(a Attribute) bool { return strings.EqualFold(a.Name, name) })
		})
		entries = append(entries, Entry{ACE: descriptor.Allow(account, descriptor.Write, onGroups, set, ClassGroup), Along: along})
	}
	return entries
}

// RestoreEntries returns the entries at the head of the domain that let the account restore
// deleted objects, beside those that it needs to write them.
func RestoreEntries(account directory.SID) []Entry {
	return []Entry{{ACE: descriptor.Allow(account, descriptor.Control, 0, ReanimateTombstones, directory.GUID{})}}
}

// MayRestore reports whether the list of the head of the domain lets the token restore
// deleted objects.
func MayRestore(head descriptor.Descriptor, token descriptor.Token) bool {
	return head.Allows(token, descriptor.Control, descriptor.Object{Types: []directory.GUID{ReanimateTombstones}})
}

// Grant returns the list with the entries that are not there yet. What is there stays, and
// in its order.
func Grant(list []descriptor.ACE, entries []Entry) []descriptor.ACE {
	for _, e := range entries {
		list = descriptor.Add(list, e.ACE)
	}
	return list
}

// Revoke returns the list without the entries that Grant would add in any form.
func Revoke(list []descriptor.ACE, schema Schema, attributes []string, account directory.SID) []descriptor.ACE {
	for _, form := range []Form{ByAttribute, ByPropertySet, Compatible} {
		for _, e := range Entries(schema, attributes, form, account) {
			list = descriptor.Remove(list, e.ACE)
		}
	}
	return list
}

// Surplus returns the entries of the list that give the account itself more than it needs
// to write these attributes, set there or above.
func Surplus(list []descriptor.ACE, schema Schema, attributes []string, account directory.SID) []descriptor.ACE {
	needed := append(Entries(schema, attributes, ByAttribute, account), Entries(schema, attributes, ByPropertySet, account)...)
	return slices.DeleteFunc(slices.Clone(list), func(e descriptor.ACE) bool {
		if e.Trustee != account || !e.Allows() {
			return true
		}
		e.Flags &^= descriptor.Inherited
		return slices.ContainsFunc(needed, func(n Entry) bool { return n.Equal(e) })
	})
}

// Has reports whether the entry is in the list, set there or inherited from above.
func Has(list []descriptor.ACE, entry descriptor.ACE) bool {
	return slices.ContainsFunc(list, func(e descriptor.ACE) bool {
		e.Flags &^= descriptor.Inherited
		return e.Equal(entry)
	})
}
