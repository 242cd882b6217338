package descriptor

import (
	"encoding/binary"
	"fmt"
	"slices"

	"groupwriteback/internal/directory"
)

// Parse parses a self-relative security descriptor. [Descriptor.Bytes] of the result
// returns b again.
func Parse(b []byte) (Descriptor, error) {
	var d Descriptor
	if len(b) < headerSize || b[0] != 1 {
		return d, fmt.Errorf("%d bytes are not a security descriptor", len(b))
	}
	if len(b) > MaxSize {
		return d, fmt.Errorf("the security descriptor has %d bytes, more than %d", len(b), MaxSize)
	}
	d.reserved, d.control = b[1], binary.LittleEndian.Uint16(b[2:])
	if d.control&controlSelfRelative == 0 {
		return d, fmt.Errorf("the security descriptor is not self-relative")
	}
	type pointer struct {
		part part
		at   int
	}
	var pointers []pointer
	for i, p := range []part{partOwner, partGroup, partSACL, partDACL} {
		offset := binary.LittleEndian.Uint32(b[4+4*i:])
		if offset == 0 {
			continue
		}
		if offset < headerSize || uint64(offset) > uint64(len(b)) {
			return d, fmt.Errorf("the security descriptor points to byte %d of %d", offset, len(b))
		}
		pointers = append(pointers, pointer{p, int(offset)})
	}
	slices.SortFunc(pointers, func(a, b pointer) int { return a.at - b.at })
	end := headerSize
	for _, p := range pointers {
		if p.at < end {
			return d, fmt.Errorf("two parts of the security descriptor share byte %d", p.at)
		}
		size, err := d.parsePart(p.part, b[p.at:])
		if err != nil {
			return d, err
		}
		d.layout = append(d.layout, place{p.part, slices.Clone(b[end:p.at])})
		end = p.at + size
	}
	d.tail = slices.Clone(b[end:])
	return d, nil
}

// parsePart parses the part that b begins with, and returns its size.
func (d *Descriptor) parsePart(p part, b []byte) (size int, err error) {
	switch p {
	case partOwner:
		if d.Owner, size, err = leadingSID(b); err != nil {
			err = fmt.Errorf("the owner: %w", err)
		}
	case partGroup:
		if d.Group, size, err = leadingSID(b); err != nil {
			err = fmt.Errorf("the group: %w", err)
		}
	case partSACL:
		d.SACL, size, err = parseACL(b)
	case partDACL:
		d.DACL, size, err = parseACL(b)
	}
	return size, err
}

func parseACL(b []byte) (*ACL, int, error) {
	if len(b) < aclHeaderSize {
		return nil, 0, fmt.Errorf("the access control list ends in its header")
	}
	size := int(binary.LittleEndian.Uint16(b[2:]))
	if size < aclHeaderSize || size > len(b) {
		return nil, 0, fmt.Errorf("the access control list has %d bytes, and %d are there", size, len(b))
	}
	list := &ACL{revision: b[0], reserved: b[1], reserved2: binary.LittleEndian.Uint16(b[6:])}
	rest := b[aclHeaderSize:size]
	for i := range binary.LittleEndian.Uint16(b[4:]) {
		if len(rest) < aceHeaderSize {
			return nil, 0, fmt.Errorf("the access control list ends before entry %d", i)
		}
		size := int(binary.LittleEndian.Uint16(rest[2:]))
		if size < aceHeaderSize || size > len(rest) {
			return nil, 0, fmt.Errorf("entry %d of the access control list has %d bytes, and %d are there", i, size, len(rest))
		}
		entry, err := parseACE(rest[:size])
		if err != nil {
			return nil, 0, fmt.Errorf("entry %d of the access control list: %w", i, err)
		}
		list.Entries = append(list.Entries, entry)
		rest = rest[size:]
	}
	list.slack = slices.Clone(rest)
	return list, size, nil
}

// leadingSID parses the SID at the beginning of b, and returns its size.
func leadingSID(b []byte) (directory.SID, int, error) {
	if len(b) < 8 || len(b) < 8+4*int(b[1]) {
		return "", 0, fmt.Errorf("a SID is cut off")
	}
	size := 8 + 4*int(b[1])
	sid, err := directory.SIDFromAD(b[:size])
	return sid, size, err
}
