package directory

import (
	"encoding/binary"
	"fmt"
)

// Descriptor is the part of a security descriptor that says who may do what.
type Descriptor struct {
	// Owner is empty if the descriptor names none.
	Owner SID
	// HasDACL is false if the descriptor has no DACL, or a null DACL. If the DACL was
	// requested, everybody then has full access.
	HasDACL bool
	DACL    []ACE
	// Protected says that the DACL inherits nothing from above.
	Protected bool
}

// ACE is an entry that allows or denies access. A conditional entry is parsed as if its
// condition were met.
type ACE struct {
	Denies      bool
	Conditional bool
	Flags       byte
	Mask        uint32
	// Object is the class, attribute, property set or extended right that the mask is
	// limited to, or zero. InheritedBy is the class of the objects below that inherit
	// the entry, or zero if all do.
	Object, InheritedBy GUID
	Trustee             SID
}

// Flags of an entry (MS-DTYP 2.4.4.1).
const (
	ACEContainerInherit = 0x02 // objects below inherit it
	ACEInheritOnly      = 0x08 // it does not apply to the object itself
	ACEInherited        = 0x10
)

// Types of entries that are parsed. Others, such as those for audits and labels,
// neither allow nor deny access.
const (
	aceAllowed               = 0
	aceDenied                = 1
	aceAllowedObject         = 5
	aceDeniedObject          = 6
	aceAllowedCallback       = 9
	aceDeniedCallback        = 10
	aceAllowedCallbackObject = 11
	aceDeniedCallbackObject  = 12
)

// Flags of an object entry that say which GUIDs follow (MS-DTYP 2.4.4.3).
const (
	aceObjectPresent    uint32 = 1
	aceInheritedPresent uint32 = 2
)

// ParseDescriptor parses a self-relative security descriptor (MS-DTYP 2.4.6).
func ParseDescriptor(b []byte) (Descriptor, error) {
	const header, daclPresent, daclProtected, selfRelative = 20, 0x4, 0x1000, 0x8000
	var d Descriptor
	if len(b) < header || b[0] != 1 {
		return d, fmt.Errorf("%d bytes are not a security descriptor", len(b))
	}
	control := binary.LittleEndian.Uint16(b[2:])
	if control&selfRelative == 0 {
		return d, fmt.Errorf("the security descriptor is not self-relative")
	}
	d.Protected = control&daclProtected != 0
	part := func(at int) ([]byte, error) {
		offset := binary.LittleEndian.Uint32(b[at:])
		if offset == 0 {
			return nil, nil
		}
		if offset < header || uint64(offset) > uint64(len(b)) {
			return nil, fmt.Errorf("the security descriptor points to byte %d of %d", offset, len(b))
		}
		return b[offset:], nil
	}
	owner, err := part(4)
	if err != nil {
		return d, err
	}
	if owner != nil {
		if d.Owner, err = leadingSID(owner); err != nil {
			return d, fmt.Errorf("the owner: %w", err)
		}
	}
	list, err := part(16)
	if err != nil {
		return d, err
	}
	if d.HasDACL = control&daclPresent != 0 && list != nil; d.HasDACL {
		d.DACL, err = parseACL(list)
	}
	return d, err
}

func parseACL(b []byte) ([]ACE, error) {
	const header = 8
	if len(b) < header {
		return nil, fmt.Errorf("the access control list ends in its header")
	}
	size := int(binary.LittleEndian.Uint16(b[2:]))
	if size < header || size > len(b) {
		return nil, fmt.Errorf("the access control list has %d bytes, and %d are there", size, len(b))
	}
	rest := b[header:size]
	var list []ACE
	for i := range binary.LittleEndian.Uint16(b[4:]) {
		if len(rest) < 4 {
			return nil, fmt.Errorf("the access control list ends before entry %d", i)
		}
		size := int(binary.LittleEndian.Uint16(rest[2:]))
		if size < 4 || size > len(rest) {
			return nil, fmt.Errorf("entry %d of the access control list has %d bytes, and %d are there", i, size, len(rest))
		}
		entry, counts, err := parseACE(rest[:size])
		if err != nil {
			return nil, fmt.Errorf("entry %d of the access control list: %w", i, err)
		}
		if counts {
			list = append(list, entry)
		}
		rest = rest[size:]
	}
	return list, nil
}

// parseACE parses one entry of at least four bytes (MS-DTYP 2.4.4). counts is false if
// it neither allows nor denies access.
func parseACE(b []byte) (e ACE, counts bool, err error) {
	var ofObject bool
	switch b[0] {
	case aceAllowed:
	case aceDenied:
		e.Denies = true
	case aceAllowedObject:
		ofObject = true
	case aceDeniedObject:
		e.Denies, ofObject = true, true
	case aceAllowedCallback:
		e.Conditional = true
	case aceDeniedCallback:
		e.Denies, e.Conditional = true, true
	case aceAllowedCallbackObject:
		e.Conditional, ofObject = true, true
	case aceDeniedCallbackObject:
		e.Denies, e.Conditional, ofObject = true, true, true
	default:
		return e, false, nil
	}
	e.Flags = b[1]
	if len(b) < 8 {
		return e, false, fmt.Errorf("it ends before its rights")
	}
	e.Mask, b = binary.LittleEndian.Uint32(b[4:]), b[8:]
	if ofObject {
		if len(b) < 4 {
			return e, false, fmt.Errorf("it ends before its flags")
		}
		present := binary.LittleEndian.Uint32(b)
		b = b[4:]
		for _, part := range []struct {
			bit uint32
			to  *GUID
		}{{aceObjectPresent, &e.Object}, {aceInheritedPresent, &e.InheritedBy}} {
			if present&part.bit == 0 {
				continue
			}
			if len(b) < 16 {
				return e, false, fmt.Errorf("it ends in a GUID")
			}
			*part.to, _ = GUIDFromAD(b[:16])
			b = b[16:]
		}
	}
	e.Trustee, err = leadingSID(b)
	return e, err == nil, err
}

// leadingSID parses the SID at the beginning of b, and ignores what follows, such as an
// entry's condition.
func leadingSID(b []byte) (SID, error) {
	if len(b) < 8 || len(b) < 8+4*int(b[1]) {
		return "", fmt.Errorf("a SID is cut off")
	}
	return SIDFromAD(b[:8+4*int(b[1])])
}
