package state

import (
	"strings"

	"groupwriteback/internal/directory"
)

// place says what a file or folder of Windows is to what is guarded.
type place int

const (
	guarded place = iota // the folder of the state, or a file in it
	above                // a folder above: what stands in it must stay, and itself
	link                 // a junction or symbolic link on the way: it must lead where it does
	root                 // of a volume, which cannot be deleted or renamed
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

// harmful are the rights with which what is guarded can be replaced, deleted or
// changed, or the right to do so be taken. Whoever may only create something in
// a folder above cannot, as every user may in C:\ and in %ProgramData%.
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

// stranger returns somebody whom a file's descriptor allows what would be
// harmful, and who is not trusted; empty for nobody. What the list denies is not
// made use of: that is safe, and the order of entries does not matter then.
func stranger(d directory.Descriptor, at place, trusted func(directory.SID) bool) directory.SID {
	if !trusted(d.Owner) {
		return d.Owner
	}
	if !d.HasDACL {
		return directory.Everyone
	}
	for _, e := range d.DACL {
		// What only counts below concerns what will be made in the folder of the
		// state; a folder above holds what has a list of its own.
		if e.Denies || e.Mask&at.harmful() == 0 || at != guarded && e.Flags&directory.ACEInheritOnly != 0 {
			continue
		}
		if !trusted(e.Trustee) {
			return e.Trustee
		}
	}
	return ""
}

// administers reports whether the account could do everything anyway: SYSTEM,
// Administrators, TrustedInstaller, who owns the system's own folders, those who
// stand for the owner, who is looked at for himself, and the administrators of
// the machine or domain that own belongs to.
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
