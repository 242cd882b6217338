package descriptor

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"groupwriteback/internal/directory"
)

// ACE is one entry of a list. Of an entry of a type that neither allows nor denies nor
// audits, nothing but Type and Flags is known; its bytes are kept all the same.
type ACE struct {
	Type  Type
	Flags byte
	// Mask, Object, InheritedBy and Trustee are what the bytes say. [Allow] and
	// [Deny] make an entry with others.
	Mask uint32
	// Object is the class, attribute, property set or extended right that the mask is
	// limited to, or zero. InheritedBy is the class of the objects below that inherit
	// the entry, or zero if all do.
	Object, InheritedBy directory.GUID
	Trustee             directory.SID

	body []byte // everything after the header
}

// Type is the type of an entry (MS-DTYP 2.4.4.1).
type Type byte

// The types of which more than the header is understood.
const (
	Allowed               Type = 0
	Denied                Type = 1
	audit                 Type = 2
	AllowedObject         Type = 5
	DeniedObject          Type = 6
	auditObject           Type = 7
	AllowedCallback       Type = 9
	DeniedCallback        Type = 10
	AllowedCallbackObject Type = 11
	DeniedCallbackObject  Type = 12
)

// Flags of an entry (MS-DTYP 2.4.4.1).
const (
	ObjectInherit    = 0x01
	ContainerInherit = 0x02 // objects below inherit it
	NoPropagate      = 0x04 // but those below them do not
	InheritOnly      = 0x08 // it does not apply to the object itself
	Inherited        = 0x10
)

// Flags of an object entry that say which GUIDs follow (MS-DTYP 2.4.4.3).
const (
	objectPresent    uint32 = 1
	inheritedPresent uint32 = 2
)

const aceHeaderSize = 4

// Allow returns an entry that gives the trustee the rights of mask to an object: to all of
// it, or only to the attribute, property set, class or extended right. inheritedBy is the
// class of the objects below that inherit the entry; zero stands for all.
func Allow(trustee directory.SID, mask uint32, flags byte, object, inheritedBy directory.GUID) ACE {
	return build(Allowed, AllowedObject, trustee, mask, flags, object, inheritedBy)
}

// Deny is like [Allow], for an entry that takes the rights away.
func Deny(trustee directory.SID, mask uint32, flags byte, object, inheritedBy directory.GUID) ACE {
	return build(Denied, DeniedObject, trustee, mask, flags, object, inheritedBy)
}

func build(whole, object Type, trustee directory.SID, mask uint32, flags byte, of, inheritedBy directory.GUID) ACE {
	e := ACE{Type: whole, Flags: flags, Mask: mask, Object: of, InheritedBy: inheritedBy, Trustee: trustee}
	e.body = binary.LittleEndian.AppendUint32(nil, mask)
	if !of.IsZero() || !inheritedBy.IsZero() {
		e.Type = object
		var present uint32
		var guids []byte
		if !of.IsZero() {
			present, guids = present|objectPresent, append(guids, of.AD()...)
		}
		if !inheritedBy.IsZero() {
			present, guids = present|inheritedPresent, append(guids, inheritedBy.AD()...)
		}
		e.body = append(binary.LittleEndian.AppendUint32(e.body, present), guids...)
	}
	e.body = append(e.body, trustee.AD()...)
	return e
}

// Allows reports whether the entry gives rights, and Denies whether it takes them away.
// Entries for audits, labels and the like do neither.
func (e ACE) Allows() bool {
	return slices.Contains([]Type{Allowed, AllowedObject, AllowedCallback, AllowedCallbackObject}, e.Type)
}

// Denies is the opposite of [ACE.Allows].
func (e ACE) Denies() bool {
	return slices.Contains([]Type{Denied, DeniedObject, DeniedCallback, DeniedCallbackObject}, e.Type)
}

// Conditional reports whether the entry holds only under a condition, which the domain
// controller alone can evaluate.
func (e ACE) Conditional() bool { return e.Type >= AllowedCallback && e.Type <= DeniedCallbackObject }

// Known reports whether more than the header of the entry is understood.
func (e ACE) Known() bool {
	return e.Allows() || e.Denies() || e.Type == audit || e.Type == auditObject
}

// Explicit reports whether the entry was set on the object itself.
func (e ACE) Explicit() bool { return e.Flags&Inherited == 0 }

// Here reports whether the entry applies to the object that carries it.
func (e ACE) Here() bool { return e.Flags&InheritOnly == 0 }

// Equal reports whether the entries have the same bytes.
func (e ACE) Equal(other ACE) bool {
	return e.Type == other.Type && e.Flags == other.Flags && bytes.Equal(e.body, other.body)
}

// ofObject reports whether the type has room for GUIDs.
func (e ACE) ofObject() bool {
	return slices.Contains([]Type{AllowedObject, DeniedObject, auditObject, AllowedCallbackObject, DeniedCallbackObject}, e.Type)
}

func (e ACE) bytes() []byte {
	b := []byte{byte(e.Type), e.Flags}
	b = binary.LittleEndian.AppendUint16(b, uint16(aceHeaderSize+len(e.body)))
	return append(b, e.body...)
}

// parseACE parses one entry, which has at least its header (MS-DTYP 2.4.4).
func parseACE(b []byte) (ACE, error) {
	e := ACE{Type: Type(b[0]), Flags: b[1], body: slices.Clone(b[aceHeaderSize:])}
	if !e.Known() {
		return e, nil
	}
	rest := e.body
	if len(rest) < 4 {
		return e, fmt.Errorf("it ends before its rights")
	}
	e.Mask, rest = binary.LittleEndian.Uint32(rest), rest[4:]
	if e.ofObject() {
		if len(rest) < 4 {
			return e, fmt.Errorf("it ends before its flags")
		}
		present := binary.LittleEndian.Uint32(rest)
		rest = rest[4:]
		for _, part := range []struct {
			bit uint32
			to  *directory.GUID
		}{{objectPresent, &e.Object}, {inheritedPresent, &e.InheritedBy}} {
			if present&part.bit == 0 {
				continue
			}
			if len(rest) < 16 {
				return e, fmt.Errorf("it ends in a GUID")
			}
			*part.to, _ = directory.GUIDFromAD(rest[:16])
			rest = rest[16:]
		}
	}
	var err error
	e.Trustee, _, err = leadingSID(rest) // a condition may follow
	return e, err
}
