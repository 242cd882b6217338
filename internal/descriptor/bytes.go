package descriptor

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// Bytes returns the self-relative form. It fails if a list is larger than 65,535 bytes,
// which is some 900 entries that name an attribute and a class, or 1,800 that name
// neither.
func (d Descriptor) Bytes() ([]byte, error) {
	b := make([]byte, headerSize)
	b[0], b[1] = 1, d.reserved
	binary.LittleEndian.PutUint16(b[2:], d.control|controlSelfRelative)
	layout := slices.Clone(d.layout)
	for _, p := range []part{partSACL, partDACL, partOwner, partGroup} {
		if !slices.ContainsFunc(layout, func(l place) bool { return l.part == p }) {
			layout = append(layout, place{part: p})
		}
	}
	for _, l := range layout {
		bytes, err := d.bytesOf(l.part)
		if err != nil {
			return nil, err
		}
		b = append(b, l.gap...)
		if bytes == nil {
			continue
		}
		at := map[part]int{partOwner: 4, partGroup: 8, partSACL: 12, partDACL: 16}[l.part]
		binary.LittleEndian.PutUint32(b[at:], uint32(len(b)))
		b = append(b, bytes...)
	}
	return append(b, d.tail...), nil
}

// bytesOf returns the bytes of a part, or nil if there is none.
func (d Descriptor) bytesOf(p part) ([]byte, error) {
	switch p {
	case partOwner:
		return d.Owner.AD(), nil
	case partGroup:
		return d.Group.AD(), nil
	case partSACL:
		return d.SACL.bytes()
	}
	return d.DACL.bytes()
}

func (l *ACL) bytes() ([]byte, error) {
	if l == nil {
		return nil, nil
	}
	b := []byte{l.revision, l.reserved, 0, 0}
	b = binary.LittleEndian.AppendUint16(b, uint16(len(l.Entries)))
	b = binary.LittleEndian.AppendUint16(b, l.reserved2)
	for _, e := range l.Entries {
		b = append(b, e.bytes()...)
	}
	b = append(b, l.slack...)
	if len(b) > maxACL {
		return nil, fmt.Errorf("the access control list would have %d bytes; %d are possible", len(b), maxACL)
	}
	binary.LittleEndian.PutUint16(b[2:], uint16(len(b)))
	return b, nil
}
