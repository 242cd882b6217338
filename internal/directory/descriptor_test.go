package directory

import (
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// rawSD encodes a self-relative descriptor with an owner and a list of entries.
func rawSD(owner SID, entries ...[]byte) []byte {
	list := slices.Concat(entries...)
	acl := []byte{4, 0}
	acl = binary.LittleEndian.AppendUint16(acl, uint16(8+len(list)))
	acl = binary.LittleEndian.AppendUint16(acl, uint16(len(entries)))
	acl = append(append(acl, 0, 0), list...)
	b := []byte{1, 0, 0x04, 0x80}
	for _, offset := range []int{20, 0, 0, 20 + len(owner.AD())} {
		b = binary.LittleEndian.AppendUint32(b, uint32(offset))
	}
	return append(append(b, owner.AD()...), acl...)
}

// rawACE encodes an ACE; the caller provides what follows the mask.
func rawACE(kind, flags byte, mask uint32, rest ...[]byte) []byte {
	body := slices.Concat(rest...)
	b := []byte{kind, flags}
	b = binary.LittleEndian.AppendUint16(b, uint16(8+len(body)))
	b = binary.LittleEndian.AppendUint32(b, mask)
	return append(b, body...)
}

const (
	someSID  = SID("S-1-5-21-1-2-3-1104")
	ownerSID = SID("S-1-5-32-544")
)

func TestParseDescriptor(t *testing.T) {
	group, user := MustGUID("bf967a9c-0de6-11d0-a285-00aa003049e2"), MustGUID("bf967aba-0de6-11d0-a285-00aa003049e2")
	present := func(n byte) []byte { return []byte{n, 0, 0, 0} }
	condition := []byte("artx\x00\x00")
	for name, c := range map[string]struct {
		in   []byte
		want Descriptor
	}{
		"owner alone": {
			append([]byte{1, 0, 0, 0x80, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, ownerSID.AD()...),
			Descriptor{Owner: ownerSID},
		},
		"nothing":            {append([]byte{1, 0, 0, 0x80}, make([]byte, 16)...), Descriptor{}},
		"null list":          {append([]byte{1, 0, 4, 0x80}, make([]byte, 16)...), Descriptor{}},
		"inheritance is off": {append([]byte{1, 0, 4, 0x90}, make([]byte, 16)...), Descriptor{Protected: true}},
		"empty list":         {rawSD(ownerSID), Descriptor{Owner: ownerSID, HasDACL: true}},
		"entries": {
			rawSD(ownerSID,
				rawACE(0, 2, 0xf01ff, someSID.AD()),
				rawACE(1, 0, 0x10000, someSID.AD()),
				rawACE(5, 2, 3, present(1), group.AD(), someSID.AD()),
				rawACE(5, 10, 0x20, present(2), group.AD(), someSID.AD()),
				rawACE(6, 18, 0x20, present(3), user.AD(), group.AD(), someSID.AD()),
				rawACE(5, 0, 0x100, present(0), someSID.AD()),
				rawACE(9, 0, 0x40000, someSID.AD(), condition),
				rawACE(10, 0, 0x40000, someSID.AD(), condition),
				rawACE(11, 0, 1, present(1), group.AD(), someSID.AD(), condition),
				rawACE(12, 0, 1, present(1), group.AD(), someSID.AD(), condition),
			),
			Descriptor{Owner: ownerSID, HasDACL: true, DACL: []ACE{
				{Flags: ACEContainerInherit, Mask: 0xf01ff, Trustee: someSID},
				{Denies: true, Mask: 0x10000, Trustee: someSID},
				{Flags: ACEContainerInherit, Mask: 3, Object: group, Trustee: someSID},
				{Flags: ACEContainerInherit | ACEInheritOnly, Mask: 0x20, InheritedBy: group, Trustee: someSID},
				{Denies: true, Flags: ACEContainerInherit | ACEInherited, Mask: 0x20, Object: user, InheritedBy: group, Trustee: someSID},
				{Mask: 0x100, Trustee: someSID},
				{Conditional: true, Mask: 0x40000, Trustee: someSID},
				{Denies: true, Conditional: true, Mask: 0x40000, Trustee: someSID},
				{Conditional: true, Mask: 1, Object: group, Trustee: someSID},
				{Denies: true, Conditional: true, Mask: 1, Object: group, Trustee: someSID},
			}},
		},
		"entries of other kinds": {
			rawSD(ownerSID, rawACE(2, 0x40, 1, someSID.AD()), rawACE(4, 0, 1, []byte{1, 2, 3}), []byte{17, 0, 4, 0}, rawACE(0, 0, 1, someSID.AD())),
			Descriptor{Owner: ownerSID, HasDACL: true, DACL: []ACE{{Mask: 1, Trustee: someSID}}},
		},
	} {
		got, err := ParseDescriptor(c.in)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestParseDescriptorRefuses(t *testing.T) {
	whole := rawSD(ownerSID, rawACE(5, 0, 1, []byte{1, 0, 0, 0}, make([]byte, 16), someSID.AD()))
	for n := range len(whole) {
		if d, err := ParseDescriptor(whole[:n]); err == nil {
			t.Errorf("the first %d of %d bytes were read as %+v", n, len(whole), d)
		}
	}
	change := func(at int, b ...byte) []byte {
		c := slices.Clone(whole)
		copy(c[at:], b)
		return c
	}
	acl := 20 + len(ownerSID.AD())
	for name, in := range map[string][]byte{
		"revision":             change(0, 2),
		"absolute":             change(2, 4, 0),
		"owner in the header":  change(4, 3),
		"owner beyond the end": change(4, 0xff, 0xff, 0xff, 0xff),
		"list beyond the end":  change(16, 0xff, 0xff, 0xff, 0x7f),
		"list too long":        change(acl+2, 0xff, 0xff),
		"list too short":       change(acl+2, 7, 0),
		"more entries":         change(acl+4, 2),
		"entry of no size":     change(acl+8+2, 0, 0),
		"entry too long":       change(acl+8+2, 0xff, 0),
		"entry without rights": rawSD(ownerSID, []byte{0, 0, 4, 0}),
		"entry without a SID":  rawSD(ownerSID, rawACE(0, 0, 1)),
		"SID too long":         rawSD(ownerSID, rawACE(0, 0, 1, []byte{1, 5, 0, 0, 0, 0, 0, 5, 1, 2, 3, 4})),
	} {
		if d, err := ParseDescriptor(in); err == nil {
			t.Errorf("%s: it was read as %+v", name, d)
		}
	}
}

func FuzzParseDescriptor(f *testing.F) {
	f.Add(rawSD(ownerSID, rawACE(0, 2, 0xf01ff, someSID.AD()), rawACE(5, 0, 1, []byte{1, 0, 0, 0}, make([]byte, 16), someSID.AD())))
	f.Add(rawSD(ownerSID, rawACE(9, 0, 1, someSID.AD(), []byte("artx"))))
	b, _ := hex.DecodeString(strings.ReplaceAll("01 00 04 80 00000000 00000000 00000000 00000000", " ", ""))
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := ParseDescriptor(b)
		if err != nil {
			return
		}
		if len(d.DACL) > len(b)/4 {
			t.Errorf("%d entries in %d bytes", len(d.DACL), len(b))
		}
		for _, e := range d.DACL {
			if _, err := ParseSID(string(e.Trustee)); err != nil {
				t.Error(err)
			}
		}
	})
}
