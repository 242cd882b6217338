package server

import (
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strings"
)

// Rights of MS-ADTS 5.1.3.2.
const (
	createChild  = 0x1
	deleteChild  = 0x2
	listChildren = 0x4
	readProperty = 0x10
	writeProp    = 0x20
	deleteTree   = 0x40
	control      = 0x100
	deleteObject = 0x10000
	readControl  = 0x20000
	writeDAC     = 0x40000
	writeOwner   = 0x80000
	allRights    = 0xf01ff
)

var (
	everyone       = makeSID(1, 0)
	authenticated  = makeSID(5, 11)
	administrators = makeSID(5, 32, 544)
)

// ace is an entry that allows access.
type ace struct {
	trustee sid
	mask    uint32
	// child limits the rights to create and delete children to one class.
	child *class
	// extended limits the right control to one extended right.
	extended guid
	// inherits says that the entry also applies below, only to objects of the class
	// below if that is set. inheritOnly says that it does not apply to the object
	// itself.
	inherits, inheritOnly bool
	below                 *class
}

// token is the requesting account with the groups it belongs to.
type token map[sid]bool

func (d *domain) tokenOf(o *object) token {
	t := token{everyone: true, authenticated: true, d.sidOf(513): true, o.sid: true}
	var walk func(*object)
	walk = func(o *object) {
		for group := range o.memberOf.objects() {
			if !t[group.sid] {
				t[group.sid] = true
				walk(group)
			}
		}
	}
	walk(o)
	return t
}

// allows reports whether the token has the right to the object. child is the class for
// the rights to create and delete children.
func (t token) allows(o *object, right uint32, child *class) bool {
	for at := o; at != nil; at = at.parent {
		for _, e := range at.entries {
			if t[e.trustee] && e.mask&right != 0 && (e.child == nil || e.child == child) && e.concerns(o, at) {
				return true
			}
		}
		if at.protected {
			return false
		}
	}
	return false
}

// controls reports whether the token has the extended right to the object.
func (t token) controls(o *object, right guid) bool {
	return slices.ContainsFunc(o.entries, func(e ace) bool {
		return t[e.trustee] && e.mask&control != 0 && (e.extended == guid{} || e.extended == right) && e.concerns(o, o)
	})
}

// concerns reports whether an entry of the object at applies to o, which is at or below it.
func (e ace) concerns(o, at *object) bool {
	if at == o {
		return !e.inheritOnly
	}
	return e.inherits && (e.below == nil || e.below == o.class)
}

// sees reports whether the object exists for the token. Whoever may list the parent
// sees the name.
func (t token) sees(o *object) bool {
	return o.partition || t.allows(o.parent, listChildren, nil)
}

func (t token) mayDelete(o *object) bool {
	return t.allows(o, deleteObject, nil) || t.allows(o.parent, deleteChild, o.class)
}

// Parts of a security descriptor that can be read and written (MS-ADTS 3.1.1.3.4.1.11).
// Without the control a request means all of them, including the audit list, which this
// server does not store. A requester that may not read the audit list then gets
// nothing.
const (
	ownerPart       = 1
	listPart        = 4
	auditPart       = 8
	wholeDescriptor = 15
)

func meant(parts int64) int64 {
	if parts == 0 {
		return wholeDescriptor
	}
	return parts
}

// owner returns the owner of a new object: the group of administrators if the account
// is in it, otherwise the account (MS-ADTS 6.1.3.6).
func (w writer) owner() sid {
	if admins := w.sidOf(512); w.account == nil || w.token[admins] {
		return admins
	}
	return w.account.sid
}

// descriptor returns the owner and the access control list of an object as a
// self-relative security descriptor, as far as they are requested and may be read.
func (t token) descriptor(o *object, parts int64) []byte {
	parts = meant(parts)
	// The owner of an object may read its descriptor, whatever the descriptor says.
	if parts&auditPart != 0 && !t[administrators] || !t.allows(o, readControl, nil) && !t[o.owner] {
		return nil
	}
	b := make([]byte, 20)
	b[0] = 1
	binary.LittleEndian.PutUint16(b[2:], 0x8000)
	if parts&ownerPart != 0 && o.owner != "" {
		binary.LittleEndian.PutUint32(b[4:], 20)
		b = append(b, o.owner...)
	}
	if parts&listPart != 0 {
		binary.LittleEndian.PutUint16(b[2:], 0x8004)
		binary.LittleEndian.PutUint32(b[16:], uint32(len(b)))
		b = append(b, o.list()...)
	}
	return b
}

// list returns the access control list of an object, including inherited entries.
func (o *object) list() []byte {
	const inherited = 0x10
	var entries []byte
	count := 0
	for at := o; at != nil; at = at.parent {
		for _, e := range at.entries {
			flags := byte(0)
			if e.inherits {
				flags |= 0x2
			}
			if e.inheritOnly {
				flags |= 0x8
			}
			if at != o {
				if !e.inherits {
					continue
				}
				flags = inherited | 0x2
				if e.below != nil && e.below != o.class {
					flags |= 0x8
				}
			}
			entries = append(entries, e.bytes(flags)...)
			count++
		}
		if at.protected {
			break
		}
	}
	b := []byte{4, 0}
	b = binary.LittleEndian.AppendUint16(b, uint16(8+len(entries)))
	b = binary.LittleEndian.AppendUint16(b, uint16(count))
	return append(append(b, 0, 0), entries...)
}

func (e ace) bytes(flags byte) []byte {
	kind := byte(0)
	var body []byte
	if e.extended != (guid{}) {
		kind = 5
		body = append(binary.LittleEndian.AppendUint32(body, 1), e.extended[:]...)
	} else if e.child != nil || e.below != nil {
		kind = 5
		present := uint32(0)
		var ids []byte
		for i, c := range []*class{e.child, e.below} {
			if c != nil {
				present |= 1 << i
				ids = append(ids, c.id()...)
			}
		}
		body = append(binary.LittleEndian.AppendUint32(body, present), ids...)
	}
	body = append(body, e.trustee...)
	b := []byte{kind, flags}
	b = binary.LittleEndian.AppendUint16(b, uint16(8+len(body)))
	return append(binary.LittleEndian.AppendUint32(b, e.mask), body...)
}

// id returns the schemaIDGUID in the byte order of a descriptor.
func (c *class) id() []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(c.guid, "-", ""))
	if err != nil || len(b) != 16 {
		panic("the class " + c.name + " has no schemaIDGUID")
	}
	slices.Reverse(b[0:4])
	slices.Reverse(b[4:6])
	slices.Reverse(b[6:8])
	return b
}

// parseOwner parses the owner of a self-relative security descriptor.
func parseOwner(b []byte) (sid, *result) {
	if len(b) >= 20 && b[0] == 1 {
		if at := int(binary.LittleEndian.Uint32(b[4:])); at >= 20 && at+8 <= len(b) && at+8+4*int(b[at+1]) <= len(b) {
			return sid(b[at : at+8+4*int(b[at+1])]), nil
		}
	}
	return "", unwilling(0x57, "not a security descriptor with an owner")
}

// parseDescriptor parses the entries of a self-relative security descriptor (MS-DTYP
// 2.4.6).
func parseDescriptor(b []byte) (entries []ace, protected bool, bad *result) {
	bad = unwilling(0x57, "not a security descriptor, or one with entries that this server does not know")
	if len(b) < 20 || b[0] != 1 {
		return nil, false, bad
	}
	control, at := binary.LittleEndian.Uint16(b[2:]), int(binary.LittleEndian.Uint32(b[16:]))
	const present, isProtected, selfRelative = 0x4, 0x1000, 0x8000
	if control&selfRelative == 0 || control&present == 0 || at < 20 || at+8 > len(b) {
		return nil, false, bad
	}
	count, list := int(binary.LittleEndian.Uint16(b[at+4:])), b[at+8:]
	for range count {
		if len(list) < 8 || int(binary.LittleEndian.Uint16(list[2:])) > len(list) {
			return nil, false, bad
		}
		size := int(binary.LittleEndian.Uint16(list[2:]))
		e, ok := parseACE(list[:size])
		if !ok || size < 8 {
			return nil, false, bad
		}
		entries, list = append(entries, e), list[size:]
	}
	return entries, control&isProtected != 0, nil
}

func parseACE(b []byte) (e ace, ok bool) {
	const allowed, allowedObject = 0, 5
	const containerInherit, inheritOnly = 0x2, 0x8
	if len(b) < 8 {
		return e, false
	}
	e.mask = binary.LittleEndian.Uint32(b[4:])
	e.inherits, e.inheritOnly = b[1]&containerInherit != 0, b[1]&inheritOnly != 0
	rest := b[8:]
	switch b[0] {
	case allowed:
	case allowedObject:
		if len(rest) < 4 {
			return e, false
		}
		flags := rest[0]
		rest = rest[4:]
		if flags == 1 && e.mask == control && len(rest) >= 16 {
			e.extended, rest = guid(rest[:16]), rest[16:]
			break
		}
		for bit, to := range map[byte]**class{1: &e.child, 2: &e.below} {
			if flags&bit == 0 {
				continue
			}
			from := rest
			if bit == 2 && flags&1 != 0 {
				if len(from) < 16 {
					return e, false
				}
				from = from[16:]
			}
			if len(from) < 16 {
				return e, false
			}
			if *to = classByGUID(guid(from[:16])); *to == nil {
				return e, false
			}
		}
		for range int(flags&1) + int(flags&2)/2 {
			rest = rest[16:]
		}
	default:
		return e, false
	}
	e.trustee = sid(rest)
	return e, e.trustee.valid()
}

func classByGUID(g guid) *class {
	for _, c := range classes {
		if strings.EqualFold(c.guid, g.String()) {
			return c
		}
	}
	return nil
}
