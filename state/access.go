package state

import (
	"strings"

	"groupwriteback/internal/descriptor"
	"groupwriteback/internal/directory"
)

// place says where a file or folder of Windows is, seen from the state folder.
type place int

const (
	guarded place = iota // the state folder or a file in it
	above                // a folder above: it and what is in it must not be replaced
	link                 // a junction or symbolic link on the way: its target must not change
	root                 // the root of a volume, which cannot be deleted or renamed
)

// Rights to files (winnt.h).
const (
	fileWriteData       = 0x2
	fileAppendData      = 0x4
	fileDeleteChild     = 0x40
	fileWriteAttributes = 0x100
	fileDelete          = 0x10000
	fileWriteDAC        = 0x40000
	fileWriteOwner      = 0x80000
	genericAll          = 0x10000000
	genericWrite        = 0x40000000
)

// harmful returns the rights that let somebody replace, delete or change what is
// guarded, or give themselves such a right. The right to create something in a
// folder above is not among them; every user has it in C:\ and in %ProgramData%.
func (p place) harmful() uint32 {
	const taking = fileWriteDAC | fileWriteOwner | genericAll
	switch p {
	case above:
		return taking | fileDelete | fileDeleteChild
	case link:
		return taking | fileDelete | fileWriteData | fileWriteAttributes | genericWrite
	case root:
		return taking | fileDeleteChild
	}
	return taking | fileDelete | fileDeleteChild | fileWriteData | fileAppendData | genericWrite
}

// stranger returns an account that is not trusted and that, by a file's descriptor,
// owns the file or has a harmful right. It returns "" if there is none. It ignores
// entries that deny rights: that errs on the safe side, and the order of entries does
// not matter.
func stranger(d descriptor.Descriptor, at place, trusted func(directory.SID) bool) directory.SID {
	if !trusted(d.Owner) {
		return d.Owner
	}
	if !d.HasDACL() {
		return directory.Everyone
	}
	for _, e := range d.Entries() {
		// An inherit-only entry applies to what will be created inside. That matters
		// in the state folder. In a folder above, everything that counts already has
		// a list of its own.
		if !e.Allows() || e.Mask&at.harmful() == 0 || at != guarded && e.Flags&descriptor.InheritOnly != 0 {
			continue
		}
		if !trusted(e.Trustee) {
			return e.Trustee
		}
	}
	return ""
}

// administers reports whether the account could do everything anyway. These are
// SYSTEM, Administrators, TrustedInstaller (which owns the system's own folders),
// the SIDs that stand for the owner (which is checked separately), and the
// administrators of the machine or domain that own belongs to.
func administers(sid, own directory.SID) bool {
	switch sid {
	case "S-1-5-18", "S-1-5-32-544", "S-1-3-0", "S-1-3-4",
		"S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464":
		return true
	}
	authority := own.Domain()
	if !strings.HasPrefix(string(authority), "S-1-5-21-") {
		return false
	}
	return sid == authority+"-500" || sid == authority+"-512" || sid == authority+"-519"
}
