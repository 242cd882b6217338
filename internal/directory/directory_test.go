package directory

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestGUIDInADOrder(t *testing.T) {
	// MS-DTYP 2.3.4.3: the well-known GUID of the Users container.
	g := MustGUID("a9d1ca15-7688-11d1-aded-00c04fd8d5cd")
	want := []byte{0x15, 0xca, 0xd1, 0xa9, 0x88, 0x76, 0xd1, 0x11, 0xad, 0xed, 0x00, 0xc0, 0x4f, 0xd8, 0xd5, 0xcd}
	if diff := cmp.Diff(want, g.AD()); diff != "" {
		t.Error(diff)
	}
	back, err := GUIDFromAD(want)
	if err != nil || back != g {
		t.Errorf("GUIDFromAD = %v, %v", back, err)
	}
}

func TestParseGUIDRefuses(t *testing.T) {
	for _, s := range []string{"", "a9d1ca15768811d1aded00c04fd8d5cd", "a9d1ca15-7688-11d1-aded-00c04fd8d5cg",
		"{a9d1ca15-7688-11d1-aded-00c04fd8d5cd", "a9d1ca15-7688-11d1-aded-00c04fd8d5cd0"} {
		if g, err := ParseGUID(s); err == nil {
			t.Errorf("ParseGUID(%q) = %v, want an error", s, g)
		}
	}
}

func TestGUIDRoundTrips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var g GUID
		copy(g[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "bytes"))
		text, _ := g.MarshalText()
		var back GUID
		if err := back.UnmarshalText([]byte(strings.ToUpper(string(text)))); err != nil || back != g {
			t.Fatalf("text %q came back as %v, %v", text, back, err)
		}
		if ad, err := GUIDFromAD(g.AD()); err != nil || ad != g {
			t.Fatalf("AD form came back as %v, %v", ad, err)
		}
	})
}

func TestSIDRoundTrips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := []byte{1, 0}
		b = append(b, rapid.SliceOfN(rapid.Byte(), 6, 6).Draw(t, "authority")...)
		n := rapid.IntRange(0, 15).Draw(t, "count")
		b[1] = byte(n)
		b = append(b, rapid.SliceOfN(rapid.Byte(), 4*n, 4*n).Draw(t, "parts")...)
		sid, err := SIDFromAD(b)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := ParseSID(strings.ToLower(string(sid)))
		if n > 0 && (err != nil || parsed != sid) {
			t.Fatalf("%s came back as %s, %v", sid, parsed, err)
		}
		if diff := cmp.Diff(b, sid.AD()); n > 0 && diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestSIDRefuses(t *testing.T) {
	for _, s := range []string{"", "S-1", "S-2-5-21", "S-1-5-x", "S-1-5-4294967296", "S-1-5" + strings.Repeat("-1", 16)} {
		if sid, err := ParseSID(s); err == nil {
			t.Errorf("ParseSID(%q) = %v, want an error", s, sid)
		}
	}
	if got, want := SID("S-1-5-21-1-2-3-1105").Domain(), SID("S-1-5-21-1-2-3"); got != want {
		t.Errorf("Domain() = %s, want %s", got, want)
	}
}

func TestDNRoundTrips(t *testing.T) {
	value := rapid.StringMatching(`[ #,+"\\<>;=a-zA-Z0-9ÄÖ日𝒜😀\n\x00\x7f'/()*&]{1,20}`)
	rapid.Check(t, func(t *rapid.T) {
		dn := DN{{"CN", value.Draw(t, "cn")}, {"OU", value.Draw(t, "ou")}, {"DC", "test"}}
		back, err := ParseDN(dn.String())
		if err != nil {
			t.Fatalf("%s: %v", dn, err)
		}
		if diff := cmp.Diff(dn, back); diff != "" {
			t.Fatal(diff)
		}
		if !back.Within(dn.Parent()) || back.Parent().Within(back) {
			t.Fatalf("%s: Within is wrong", dn)
		}
	})
}

func TestParseDN(t *testing.T) {
	dn, err := ParseDN(`CN=Zo\C3\AB \, O'Brien\0ACNF:1 , ou=A=B,DC=contoso,DC=test`)
	if err != nil {
		t.Fatal(err)
	}
	want := DN{{"CN", "Zoë , O'Brien\nCNF:1"}, {"ou", "A=B"}, {"DC", "contoso"}, {"DC", "test"}}
	if diff := cmp.Diff(want, dn); diff != "" {
		t.Error(diff)
	}
	for _, s := range []string{"x", "CN=", "CN=a,", "CN=a+OU=b", `CN=a\`, "=a", "CN=a,,DC=b", "CN=\"a\""} {
		if dn, err := ParseDN(s); err == nil {
			t.Errorf("ParseDN(%q) = %q, want an error", s, dn)
		}
	}
}

func FuzzParseDN(f *testing.F) {
	f.Add(`CN=a\,b,DC=c`)
	f.Add(`CN=\20a\20`)
	f.Fuzz(func(t *testing.T, s string) {
		dn, err := ParseDN(s)
		if err != nil {
			return
		}
		back, err := ParseDN(dn.String())
		if err != nil || !cmp.Equal(dn, back) {
			t.Fatalf("%q: %q came back as %q, %v", s, dn, back, err)
		}
		if !utf8.ValidString(dn.String()) {
			t.Fatalf("%q: %q is not UTF-8", s, dn.String())
		}
	})
}

func TestMarks(t *testing.T) {
	id, other := MustGUID("3a5c3221-c465-48c0-95b8-e9305786a271"), MustGUID("3a5c3221-c465-48c0-95b8-e9305786a272")
	for _, c := range []struct {
		name            string
		admin, external string
		want            GUID
		ok              bool
	}{
		{"both", Mark(id), Mark(id), id, true},
		{"upper case", strings.ToUpper(Mark(id)), "", id, true},
		{"external only", "written by hand", Mark(id), id, true},
		{"two groups", Mark(id), Mark(other), id, false},
		{"no mark", "Group_", "Group_x", GUID{}, false},
		{"user mark", "User_" + id.String(), "", GUID{}, false},
		{"braces", "Group_{" + id.String() + "}", "", id, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, ok := (&TargetGroup{AdminDesc: c.admin, ExternalID: c.external}).SourceID()
			if ok != c.ok || ok && got != c.want {
				t.Errorf("SourceID() = %v, %v, want %v, %v", got, ok, c.want, c.ok)
			}
		})
	}
	if !HasStamp([]string{"x", "groupwriteback:" + id.String()}, id) || HasStamp([]string{Stamp(other)}, id) {
		t.Error("HasStamp does not tell tenants apart")
	}
}
