package directory

import "testing"

func TestObjectName(t *testing.T) {
	const guid, sid, dn = "11111111-2222-3333-4444-555555555555", "S-1-5-21-1-2-3-1105", `CN=A\,B,DC=contoso,DC=test`
	for text, want := range map[string]MemberRef{
		dn:                          {DN: dn},
		"":                          {},
		"<GUID=" + guid + ">":       {GUID: MustGUID(guid)},
		"<guid=" + guid + ">;" + dn: {GUID: MustGUID(guid), DN: dn},
		"<GUID=" + guid + ">;<SID=" + sid + ">;" + dn: {GUID: MustGUID(guid), SID: sid, DN: dn},
	} {
		if got, err := ParseExtendedName(text); err != nil || got != want {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"<GUID=" + guid, "<GUID>;" + dn, "<GUID=1>;" + dn, "<SID=x>;" + dn} {
		if got, err := ParseExtendedName(text); err == nil {
			t.Errorf("%q: %+v", text, got)
		}
	}
	ref := MemberRef{GUID: MustGUID(guid), DN: dn}
	for value, want := range map[string]string{ref.ObjectName(): dn, dn: dn, "<b>": "<b>", "<GUID=" + guid + ">": "<GUID=" + guid + ">", "": ""} {
		if got := PlainName(value); got != want {
			t.Errorf("%q is shown as %q, want %q", value, got, want)
		}
	}
}

// An object's name comes back with its GUID, and any text can be shown.
func FuzzObjectName(f *testing.F) {
	for _, dn := range []string{"", "CN=Anna,DC=contoso,DC=test", "<GUID=1>;CN=x", "<a=b>;<c=d>"} {
		f.Add(dn)
	}
	guid := MustGUID("11111111-2222-3333-4444-555555555555")
	f.Fuzz(func(t *testing.T, dn string) {
		PlainName(dn)
		ref, err := ParseExtendedName(MemberRef{GUID: guid, DN: dn}.ObjectName())
		if plain, _ := ParseExtendedName(dn); err == nil && plain == (MemberRef{DN: dn}) && (ref.GUID != guid || ref.DN != dn) {
			t.Errorf("%q became %+v", dn, ref)
		}
	})
}
