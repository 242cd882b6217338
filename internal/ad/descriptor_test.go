package ad

import (
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/internal/directory"
)

// rawSD writes a self-relative descriptor with an owner and a list of entries.
func rawSD(owner directory.SID, entries ...[]byte) []byte {
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

// rawACE writes an ACE; what follows its mask is put together by the caller.
func rawACE(kind, flags byte, mask uint32, rest ...[]byte) []byte {
	body := slices.Concat(rest...)
	b := []byte{kind, flags}
	b = binary.LittleEndian.AppendUint16(b, uint16(8+len(body)))
	b = binary.LittleEndian.AppendUint32(b, mask)
	return append(b, body...)
}

const (
	someSID  = directory.SID("S-1-5-21-1-2-3-1104")
	ownerSID = directory.SID("S-1-5-32-544")
)

func TestParseDescriptor(t *testing.T) {
	group, user := directory.MustGUID("bf967a9c-0de6-11d0-a285-00aa003049e2"), directory.MustGUID("bf967aba-0de6-11d0-a285-00aa003049e2")
	present := func(n byte) []byte { return []byte{n, 0, 0, 0} }
	condition := []byte("artx\x00\x00")
	for name, c := range map[string]struct {
		in   []byte
		want descriptor
	}{
		"owner alone": {
			append([]byte{1, 0, 0, 0x80, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, ownerSID.AD()...),
			descriptor{owner: ownerSID},
		},
		"nothing":    {append([]byte{1, 0, 0, 0x80}, make([]byte, 16)...), descriptor{}},
		"null list":  {append([]byte{1, 0, 4, 0x80}, make([]byte, 16)...), descriptor{}},
		"empty list": {rawSD(ownerSID), descriptor{owner: ownerSID, hasDACL: true}},
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
			descriptor{owner: ownerSID, hasDACL: true, dacl: []ace{
				{flags: aceContainerInherit, mask: 0xf01ff, trustee: someSID},
				{denies: true, mask: 0x10000, trustee: someSID},
				{flags: aceContainerInherit, mask: 3, object: group, trustee: someSID},
				{flags: aceContainerInherit | aceInheritOnly, mask: 0x20, inheritedBy: group, trustee: someSID},
				{denies: true, flags: aceContainerInherit | aceInherited, mask: 0x20, object: user, inheritedBy: group, trustee: someSID},
				{mask: 0x100, trustee: someSID},
				{conditional: true, mask: 0x40000, trustee: someSID},
				{denies: true, conditional: true, mask: 0x40000, trustee: someSID},
				{conditional: true, mask: 1, object: group, trustee: someSID},
				{denies: true, conditional: true, mask: 1, object: group, trustee: someSID},
			}},
		},
		"entries of other kinds": {
			rawSD(ownerSID, rawACE(2, 0x40, 1, someSID.AD()), rawACE(4, 0, 1, []byte{1, 2, 3}), []byte{17, 0, 4, 0}, rawACE(0, 0, 1, someSID.AD())),
			descriptor{owner: ownerSID, hasDACL: true, dacl: []ace{{mask: 1, trustee: someSID}}},
		},
	} {
		got, err := parseDescriptor(c.in)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(descriptor{}, ace{})); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestParseDescriptorRefuses(t *testing.T) {
	whole := rawSD(ownerSID, rawACE(5, 0, 1, []byte{1, 0, 0, 0}, make([]byte, 16), someSID.AD()))
	for n := range len(whole) {
		if d, err := parseDescriptor(whole[:n]); err == nil {
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
		if d, err := parseDescriptor(in); err == nil {
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
		d, err := parseDescriptor(b)
		if err != nil {
			return
		}
		if len(d.dacl) > len(b)/4 {
			t.Errorf("%d entries in %d bytes", len(d.dacl), len(b))
		}
		for _, e := range d.dacl {
			if _, err := directory.ParseSID(string(e.trustee)); err != nil {
				t.Error(err)
			}
		}
	})
}
