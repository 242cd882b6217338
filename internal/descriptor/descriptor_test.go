package descriptor

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"groupwriteback/internal/directory"
)

const (
	someSID  = directory.SID("S-1-5-21-1-2-3-1104")
	ownerSID = directory.SID("S-1-5-32-544")
)

var (
	classGroup = directory.MustGUID("bf967a9c-0de6-11d0-a285-00aa003049e2")
	classUser  = directory.MustGUID("bf967aba-0de6-11d0-a285-00aa003049e2")
	attrMember = directory.MustGUID("bf9679c0-0de6-11d0-a285-00aa003049e2")
	membership = directory.MustGUID("bc0ac240-79a9-11d0-9020-00c04fc2d4cf")
	attrName   = directory.MustGUID("bf967a0e-0de6-11d0-a285-00aa003049e2")
	none       directory.GUID
)

// rawSD encodes a self-relative descriptor with an owner and a list of entries.
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

// rawACE encodes an ACE; the caller provides what follows the mask.
func rawACE(kind, flags byte, mask uint32, rest ...[]byte) []byte {
	body := slices.Concat(rest...)
	b := []byte{kind, flags}
	b = binary.LittleEndian.AppendUint16(b, uint16(8+len(body)))
	b = binary.LittleEndian.AppendUint32(b, mask)
	return append(b, body...)
}

func present(n byte) []byte { return []byte{n, 0, 0, 0} }

var condition = []byte("artx\x00\x00")

// fullOf returns a descriptor with an entry of each type.
func fullOf() []byte {
	return rawSD(ownerSID,
		rawACE(0, 2, 0xf01ff, someSID.AD()),
		rawACE(1, 0, 0x10000, someSID.AD()),
		rawACE(5, 2, 3, present(1), classGroup.AD(), someSID.AD()),
		rawACE(5, 10, 0x20, present(2), classGroup.AD(), someSID.AD()),
		rawACE(6, 18, 0x20, present(3), classUser.AD(), classGroup.AD(), someSID.AD()),
		rawACE(5, 0, 0x100, present(0), someSID.AD()),
		rawACE(9, 0, 0x40000, someSID.AD(), condition),
		rawACE(12, 0, 1, present(1), classGroup.AD(), someSID.AD(), condition),
		rawACE(17, 0, 1, directory.SID("S-1-16-8192").AD()),
		rawACE(200, 7, 0xffffffff, []byte("anything at all")),
	)
}

func TestParse(t *testing.T) {
	d, err := Parse(fullOf())
	if err != nil {
		t.Fatal(err)
	}
	if d.Owner != ownerSID || !d.HasDACL() || d.Protected() || len(d.Entries()) != 10 {
		t.Errorf("%+v", d)
	}
	const want = "O:BAD:(A;CI;CCDCLCSWRPWPDTLOCRSDRCWDWO;;;S-1-5-21-1-2-3-1104)" +
		"(D;;SD;;;S-1-5-21-1-2-3-1104)" +
		"(OA;CI;CCDC;bf967a9c-0de6-11d0-a285-00aa003049e2;;S-1-5-21-1-2-3-1104)" +
		"(OA;CIIO;WP;;bf967a9c-0de6-11d0-a285-00aa003049e2;S-1-5-21-1-2-3-1104)" +
		"(OD;CIID;WP;bf967aba-0de6-11d0-a285-00aa003049e2;bf967a9c-0de6-11d0-a285-00aa003049e2;S-1-5-21-1-2-3-1104)" +
		"(OA;;CR;;;S-1-5-21-1-2-3-1104)" +
		"(XA;;WD;;;S-1-5-21-1-2-3-1104)" +
		"(ZD;;CC;bf967a9c-0de6-11d0-a285-00aa003049e2;;S-1-5-21-1-2-3-1104)" +
		"(0x11;;;;;;0x010000000101000000000010002000" + "00)" +
		"(0xc8;OICINP;;;;;0xffffffff" // and the bytes of the text
	if got := d.SDDL(Domains{}); !strings.HasPrefix(got, want) {
		t.Errorf("%s\nwant %s…", got, want)
	}
	for i, e := range d.Entries() {
		if known := i < 8; e.Known() != known || known == (e.Trustee == "") {
			t.Errorf("entry %d: %+v", i, e)
		}
	}
}

func TestParseWithoutAList(t *testing.T) {
	empty := make([]byte, 16)
	for name, c := range map[string]struct {
		in                 []byte
		hasDACL, protected bool
		sddl               string
	}{
		"nothing":            {append([]byte{1, 0, 0, 0x80}, empty...), false, false, ""},
		"null list":          {append([]byte{1, 0, 4, 0x80}, empty...), false, false, "D:NO_ACCESS_CONTROL"},
		"inheritance is off": {append([]byte{1, 0, 4, 0x90}, empty...), false, true, "D:PNO_ACCESS_CONTROL"},
		"empty list":         {rawSD(ownerSID), true, false, "O:BAD:"},
	} {
		d, err := Parse(c.in)
		if err != nil || d.HasDACL() != c.hasDACL || d.Protected() != c.protected || d.SDDL(Domains{}) != c.sddl {
			t.Errorf("%s: %+v, %v", name, d, err)
		}
		if b, err := d.Bytes(); err != nil || !bytes.Equal(b, c.in) {
			t.Errorf("%s: %x, %v", name, b, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	at := func(i int, value byte) []byte {
		b := rawSD(ownerSID, rawACE(0, 0, 1, someSID.AD()))
		b[i] = value
		return b
	}
	list := 20 + 16
	for name, b := range map[string][]byte{
		"nothing":                 nil,
		"a header cut off":        fullOf()[:19],
		"another revision":        at(0, 2),
		"absolute":                at(3, 0),
		"owner in the header":     at(4, 19),
		"owner behind the end":    at(4, 255),
		"parts that overlap":      at(16, 24),
		"a SID cut off":           fullOf()[:24],
		"a list cut off":          fullOf()[:40],
		"a list beyond the end":   at(list+3, 1),
		"a list below its header": at(list+2, 4),
		"more entries than bytes": at(list+4, 2),
		"an entry beyond its end": at(list+8+2, 200),
		"an entry below its head": at(list+8+2, 2),
		"an entry without rights": rawSD(ownerSID, []byte{0, 0, 4, 0}),
		"an object entry's flags": rawSD(ownerSID, rawACE(5, 0, 1)),
		"an object entry's GUID":  rawSD(ownerSID, rawACE(5, 0, 1, present(3), classGroup.AD())),
		"a trustee cut off":       rawSD(ownerSID, rawACE(0, 0, 1, someSID.AD()[:10])),
		"too many bytes":          append(fullOf(), make([]byte, MaxSize)...),
	} {
		if d, err := Parse(b); err == nil {
			t.Errorf("%s: %+v", name, d)
		}
	}
}

// TestAThousandEntries: a list of a thousand entries is read, changed and written; a list
// that no longer fits is refused.
func TestAThousandEntries(t *testing.T) {
	d := New()
	var entries []ACE
	for i := range 1000 {
		entries = Add(entries, Allow(directory.SID("S-1-5-21-1-2-3-"+string(rune('1'+i%9))), Write, byte(i/9%2)*ContainerInherit, directory.GUID{byte(i), byte(i >> 8), 1}, none))
	}
	full := d.With(entries)
	b, err := full.Bytes()
	if err != nil || len(entries) != 1000 {
		t.Fatal(len(entries), err)
	}
	back, err := Parse(b)
	if err != nil || len(back.Entries()) != 1000 || OutOfOrder(back.Entries()) != -1 {
		t.Fatal(len(back.Entries()), err)
	}
	again := back.With(Remove(Add(back.Entries(), Allow(someSID, Delete, 0, none, none)), Allow(someSID, Delete, 0, none, none)))
	if c, err := again.Bytes(); err != nil || !bytes.Equal(b, c) {
		t.Error("adding and removing changed the rest", err)
	}
	for i := range 400 {
		entries = Add(entries, Allow(someSID, Write, ContainerInherit, directory.GUID{byte(i), byte(i >> 8), 2}, classGroup))
	}
	full = d.With(entries)
	if _, err := full.Bytes(); err == nil {
		t.Error("a list of more than 65,535 bytes was written")
	}
}

func TestOrder(t *testing.T) {
	deny := Deny(someSID, Delete, 0, none, none)
	allow := Allow(someSID, Write, ContainerInherit, attrMember, classGroup)
	other := Allow(ownerSID, FullControl, ContainerInherit, none, none)
	inherited := Allow(ownerSID, FullControl, Inherited, none, none)
	inheritedDeny := Deny(ownerSID, FullControl, Inherited, none, none)
	strange := ACE{Type: 200, body: []byte("anything")}
	for name, c := range map[string]struct {
		list []ACE
		out  int
		at   int // where allow is added
	}{
		"nothing":                {nil, -1, 0},
		"canonical":              {[]ACE{deny, other, inherited}, -1, 2},
		"inherited alone":        {[]ACE{inherited, inheritedDeny}, -1, 0},
		"denied behind allowed":  {[]ACE{other, deny, inherited}, 1, 2},
		"set behind inherited":   {[]ACE{deny, inherited, other}, 2, 3},
		"unknown ones anywhere":  {[]ACE{strange, deny, strange, other, inherited, strange}, -1, 4},
		"denied, then inherited": {[]ACE{deny, inherited}, -1, 1},
	} {
		if got := OutOfOrder(c.list); got != c.out {
			t.Errorf("%s: %d is out of order", name, got)
		}
		added := Add(c.list, allow)
		if at := slices.IndexFunc(added, allow.Equal); at != c.at || len(added) != len(c.list)+1 {
			t.Errorf("%s: added at %d", name, at)
		}
		if again := Add(added, allow); len(again) != len(added) {
			t.Errorf("%s: added twice", name)
		}
		if back := Remove(added, allow); !slices.EqualFunc(back, c.list, ACE.Equal) {
			t.Errorf("%s: removing does not undo adding", name)
		}
		if removed, more := Difference(c.list, added); len(removed) != 0 || len(more) != 1 || !more[0].Equal(allow) {
			t.Errorf("%s: difference %v, %v", name, removed, more)
		}
	}
}

func TestAllows(t *testing.T) {
	const me, team, other, object = directory.SID("S-1-5-21-1-2-3-1"), directory.SID("S-1-5-21-1-2-3-2"), directory.SID("S-1-5-21-1-2-3-3"), directory.SID("S-1-5-21-1-2-3-4")
	token := Token{me: true, team: true}
	of := Object{SID: object, Types: []directory.GUID{attrMember, membership, classGroup}}
	for name, c := range map[string]struct {
		list []ACE
		want bool
	}{
		"nothing":                  {nil, false},
		"by a group":               {[]ACE{Allow(team, Write, 0, none, none)}, true},
		"another's":                {[]ACE{Allow(other, Write, 0, none, none)}, false},
		"another right":            {[]ACE{Allow(me, Delete, 0, none, none)}, false},
		"all rights":               {[]ACE{Allow(me, GenericAll, 0, none, none)}, true},
		"the generic right":        {[]ACE{Allow(me, GenericWrite, 0, none, none)}, true},
		"another generic right":    {[]ACE{Allow(me, GenericRead|GenericExecute, 0, none, none)}, false},
		"the attribute":            {[]ACE{Allow(me, Write, 0, attrMember, none)}, true},
		"the property set":         {[]ACE{Allow(me, Write, 0, membership, none)}, true},
		"the class":                {[]ACE{Allow(me, Write, 0, classGroup, none)}, true},
		"another attribute":        {[]ACE{Allow(me, Write, 0, attrName, none)}, false},
		"below only":               {[]ACE{Allow(me, Write, ContainerInherit|InheritOnly, none, none)}, false},
		"denied first":             {[]ACE{Deny(team, Write, 0, none, none), Allow(me, Write, 0, none, none)}, false},
		"its set is denied":        {[]ACE{Deny(team, Write, 0, membership, none), Allow(me, Write, 0, none, none)}, false},
		"denied later":             {[]ACE{Allow(me, Write, 0, none, none), Deny(me, Write, 0, none, none)}, true},
		"something else denied":    {[]ACE{Deny(me, Write, 0, attrName, none), Allow(me, Write, 0, none, none)}, true},
		"perhaps":                  {[]ACE{{Type: AllowedCallback, Mask: Write, Trustee: me}}, false},
		"perhaps not, else surely": {[]ACE{{Type: DeniedCallback, Mask: Write, Trustee: me}, Allow(me, Write, 0, none, none)}, true},
		"to the object itself":     {[]ACE{Allow(principalSelf, Write, 0, none, none)}, false},
		"to whoever owns it":       {[]ACE{Allow(ownerRights, Write, 0, none, none)}, true},
		"an audit":                 {[]ACE{{Type: audit, Mask: Write, Trustee: me}}, false},
	} {
		d := New().With(c.list)
		d.Owner = team
		if got := d.Allows(token, Write, of); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if !(Descriptor{}).Allows(nil, Write, of) {
		t.Error("without a list everybody may")
	}
	d := New().With([]ACE{Allow(principalSelf, Write, 0, none, none), Allow(team, Delete, 0, none, none)})
	if !d.Allows(Token{object: true}, Write, of) {
		t.Error("SELF is not the object itself")
	}
	if !d.Allows(Token{object: true, team: true}, Write|Delete, of) || d.Allows(token, Write|Delete, of) {
		t.Error("several rights by several entries")
	}
	d.Owner = me
	if !d.Allows(token, WriteDAC|ReadControl, Object{}) {
		t.Error("the owner may change permissions")
	}
	d = d.With(append(d.Entries(), Allow(ownerRights, ReadControl, 0, none, none)))
	if d.Allows(token, WriteDAC, Object{}) || !d.Allows(token, ReadControl, Object{}) {
		t.Error("OWNER RIGHTS limits the owner")
	}
}

func TestInheritedBy(t *testing.T) {
	d := New().With([]ACE{
		Allow(someSID, Write, ContainerInherit|InheritOnly, attrMember, classGroup),
		Allow(someSID, Delete, ContainerInherit|InheritOnly, none, classUser),
		Allow(someSID, ReadProperty, ContainerInherit, none, none),
		Allow(someSID, WriteDAC, 0, none, none),
	})
	below := d.InheritedBy(classGroup)
	token, member := Token{someSID: true}, Object{Types: []directory.GUID{attrMember}}
	if !below.Allows(token, Write|ReadProperty, member) || below.Allows(token, Delete, member) || below.Allows(token, WriteDAC, member) {
		t.Errorf("%s", below.SDDL(Domains{}))
	}
	if nothing := (Descriptor{}).InheritedBy(classGroup); nothing.HasDACL() {
		t.Error("a null list has become one")
	}
}

func TestWords(t *testing.T) {
	names := Names{
		Trustee: func(sid directory.SID) string { return map[directory.SID]string{someSID: `CONTOSO\svc-gwb`}[sid] },
		Thing: func(g directory.GUID) string {
			return map[directory.GUID]string{classGroup: "group", attrMember: "member"}[g]
		},
	}
	for want, e := range map[string]ACE{
		`Allow CONTOSO\svc-gwb to create child objects of class group and delete child objects of class group, on this object and all objects below.`: Allow(someSID, CreateChild|DeleteChild, ContainerInherit, classGroup, none),
		`Allow CONTOSO\svc-gwb to write member, on group objects below.`:                                                                              Allow(someSID, Write, ContainerInherit|InheritOnly, attrMember, classGroup),
		`Allow S-1-5-32-544 to control everything, on this object alone, inherited from above.`:                                                       Allow(ownerSID, GenericAll, Inherited, none, none),
		`Deny CONTOSO\svc-gwb to delete the object, on this object alone.`:                                                                            Deny(someSID, Delete, 0, none, none),
		`Allow CONTOSO\svc-gwb to write bf967a0e-0de6-11d0-a285-00aa003049e2, on this object alone.`:                                                  Allow(someSID, Write, 0, attrName, none),
		`An entry of type 200, which is left as it is.`:                                                                                               {Type: 200},
	} {
		if got := e.Words(names); got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
}

// anyDescriptor draws the bytes of a descriptor with parts in any order and room between
// them.
func anyDescriptor(t *rapid.T) []byte {
	sids := rapid.SampledFrom([]directory.SID{someSID, ownerSID, "S-1-1-0", "S-1-5-10", "S-1-3-4"})
	guids := rapid.SampledFrom([]directory.GUID{none, classGroup, classUser, attrMember, membership})
	entry := rapid.Custom(func(t *rapid.T) []byte {
		kind, flags := rapid.SampledFrom([]byte{0, 1, 2, 5, 6, 9, 11, 17, 19, 200}).Draw(t, "type"), rapid.Byte().Draw(t, "flags")
		trailing := rapid.SliceOfN(rapid.Byte(), 0, 12).Draw(t, "trailing")
		rest := [][]byte{sids.Draw(t, "trustee").AD(), trailing}
		if (ACE{Type: Type(kind)}).ofObject() {
			shown := rapid.IntRange(0, 7).Draw(t, "present")
			var named []byte
			for bit := 1; bit <= 2; bit++ {
				if shown&bit != 0 {
					named = append(named, guids.Draw(t, "guid").AD()...)
				}
			}
			rest = append([][]byte{present(byte(shown)), named}, rest...)
		}
		return rawACE(kind, flags, rapid.Uint32().Draw(t, "mask"), rest...)
	})
	list := func(name string) []byte {
		entries := rapid.SliceOfN(entry, 0, 6).Draw(t, name)
		body := append(slices.Concat(entries...), rapid.SliceOfN(rapid.Byte(), 0, 5).Draw(t, "slack")...)
		b := []byte{rapid.SampledFrom([]byte{2, 4}).Draw(t, "revision"), 0}
		b = binary.LittleEndian.AppendUint16(b, uint16(8+len(body)))
		b = binary.LittleEndian.AppendUint16(b, uint16(len(entries)))
		return append(append(b, 0, 0), body...)
	}
	b := make([]byte, headerSize)
	b[0], b[1] = 1, rapid.Byte().Draw(t, "sbz1")
	binary.LittleEndian.PutUint16(b[2:], rapid.Uint16().Draw(t, "control")|controlSelfRelative)
	for _, at := range rapid.Permutation([]int{4, 8, 12, 16}).Draw(t, "order") {
		if rapid.Bool().Draw(t, "absent") {
			continue
		}
		b = append(b, rapid.SliceOfN(rapid.Byte(), 0, 5).Draw(t, "gap")...)
		binary.LittleEndian.PutUint32(b[at:], uint32(len(b)))
		if at < 12 {
			b = append(b, sids.Draw(t, "sid").AD()...)
		} else {
			b = append(b, list("list")...)
		}
	}
	return append(b, rapid.SliceOfN(rapid.Byte(), 0, 5).Draw(t, "tail")...)
}

// TestRoundTrip: what is read is written byte for byte, and so is everything around an
// entry that was added and removed again.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := anyDescriptor(t)
		d, err := Parse(b)
		if err != nil {
			t.Fatalf("%x: %v", b, err)
		}
		c, err := d.Bytes()
		if err != nil || !bytes.Equal(b, c) {
			t.Fatalf("%x\nbecame %x, %v", b, c, err)
		}
		if d.DACL == nil {
			return
		}
		more := Allow("S-1-5-21-9-9-9-9", Write, 0, attrMember, none)
		wider := d.With(Add(d.DACL.Entries, more))
		if w, err := wider.Bytes(); err != nil || bytes.Equal(w, b) {
			t.Fatal("nothing was added", err)
		}
		removed, added := Difference(d.DACL.Entries, wider.DACL.Entries)
		if len(removed) != 0 || len(added) != 1 {
			t.Fatal("other entries have changed")
		}
		back := wider.With(Remove(wider.DACL.Entries, more))
		if !slices.EqualFunc(back.DACL.Entries, d.DACL.Entries, ACE.Equal) {
			t.Fatal("removing does not undo adding")
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add(fullOf())
	f.Add(rawSD(ownerSID))
	f.Add([]byte{})
	odd, _ := hex.DecodeString("0100048414000000300000000000000000000000")
	f.Add(odd)
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := Parse(b)
		if err != nil {
			return
		}
		c, err := d.Bytes()
		if err != nil || !bytes.Equal(b, c) {
			t.Fatalf("%x\nbecame %x, %v", b, c, err)
		}
		d.SDDL(Domains{Domain: "S-1-5-21-1-2-3"})
		d.Allows(Token{someSID: true}, FullControl, Object{})
		for _, e := range d.Entries() {
			e.Words(Names{})
		}
	})
}
