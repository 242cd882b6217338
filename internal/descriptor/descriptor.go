package descriptor

import (
	"slices"

	"groupwriteback/internal/directory"
)

// Descriptor says whose an object is and who may do what to it.
type Descriptor struct {
	// Owner and Group are empty if the descriptor names none.
	Owner, Group directory.SID
	// DACL says who may do what, and SACL what is audited. They are nil if there is no
	// such list.
	DACL, SACL *ACL

	control  uint16
	reserved byte
	// layout lists the parts in the order of their bytes, each with the bytes before it
	// that belong to none; tail are such bytes at the end.
	layout []place
	tail   []byte
}

// ACL is an access control list.
type ACL struct {
	Entries []ACE

	revision, reserved byte
	reserved2          uint16
	slack              []byte // after the last entry
}

// part is one of the parts that the header points to.
type part int

// The parts, in the order in which Windows writes them.
const (
	partSACL part = iota
	partDACL
	partOwner
	partGroup
)

type place struct {
	part part
	gap  []byte
}

// Bits of the control field (MS-DTYP 2.4.6).
const (
	controlDACL         = 0x0004
	controlSACL         = 0x0010
	controlProtected    = 0x1000
	controlSelfRelative = 0x8000
)

const (
	headerSize    = 20
	aclHeaderSize = 8
	// maxACL is the size of the largest list: its header counts bytes with 16 bits.
	maxACL = 0xffff
	// MaxSize is the size of the largest descriptor that is read: two full lists, two
	// SIDs, and room between them.
	MaxSize = 4 << 16
)

// revisionDS is the revision of a list that has entries of objects.
const revisionDS = 4

// New returns a descriptor with an empty DACL and nothing else.
func New() Descriptor {
	return Descriptor{DACL: &ACL{revision: revisionDS}, control: controlSelfRelative | controlDACL}
}

// HasDACL is false if there is no DACL, or a null DACL. If the DACL was requested,
// everybody then has full access.
func (d Descriptor) HasDACL() bool { return d.control&controlDACL != 0 && d.DACL != nil }

// Protected reports whether the DACL inherits nothing from above.
func (d Descriptor) Protected() bool { return d.control&controlProtected != 0 }

// Entries returns the entries of the DACL.
func (d Descriptor) Entries() []ACE {
	if !d.HasDACL() {
		return nil
	}
	return d.DACL.Entries
}

// With returns the descriptor with these entries in its DACL. It leaves d as it is.
func (d Descriptor) With(entries []ACE) Descriptor {
	changed := d
	list := ACL{revision: revisionDS}
	if d.DACL != nil {
		list = *d.DACL
	}
	list.Entries = entries
	if list.revision < revisionDS && slices.ContainsFunc(entries, ACE.ofObject) {
		list.revision = revisionDS
	}
	changed.DACL = &list
	changed.control |= controlDACL | controlSelfRelative
	return changed
}
