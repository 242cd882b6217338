package ldif

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func readAll(text string) ([]Entry, error) {
	var all []Entry
	r := NewReader(strings.NewReader(text))
	for {
		e, err := r.Read()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		all = append(all, *e)
	}
}

func written(t interface{ Fatal(...any) }, entries ...Entry) string {
	var text strings.Builder
	w := NewWriter(&text)
	for i := range entries {
		if err := w.Write(&entries[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

func TestForm(t *testing.T) {
	got := written(t, Entry{DN: "CN=Ä,DC=x", Attributes: []Attribute{
		{"cn", []string{"Ä"}}, {"description", []string{": begins", "ends ", "<x", "plain", ""}}, {"long", []string{strings.Repeat("x", 200)}},
	}})
	want := `version: 1

dn:: Q049w4QsREM9eA==
cn:: w4Q=
description:: OiBiZWdpbnM=
description:: ZW5kcyA=
description:: PHg=
description: plain
description: 
long: ` + strings.Repeat("x", 70) + `
 ` + strings.Repeat("x", 75) + `
 ` + strings.Repeat("x", 55) + `
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Whatever is written is read again, and no line is longer than it may be.
func TestWhatIsWrittenIsRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.OneOf(rapid.String(), rapid.StringN(0, 300, -1), rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 200), func(b []byte) string { return string(b) }))
		entry := rapid.Custom(func(t *rapid.T) Entry {
			e := Entry{DN: value.Draw(t, "dn")}
			for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"cn", "member", "objectGUID", "member;range=0-1", "2.5.4.3"}), 0, 4, func(s string) string { return s }).Draw(t, "names") {
				e.Attributes = append(e.Attributes, Attribute{name, rapid.SliceOfN(value, 1, 4).Draw(t, "values")})
			}
			return e
		})
		entries := rapid.SliceOfN(entry, 1, 4).Draw(t, "entries")
		text := written(t, entries...)
		for _, line := range strings.Split(text, "\n") {
			if len(line) > lineWidth {
				t.Fatalf("a line has %d bytes", len(line))
			}
		}
		for _, form := range []string{text, strings.ReplaceAll(text, "\n", "\r\n")} {
			got, err := readAll(form)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(entries, got); diff != "" {
				t.Fatal(diff)
			}
		}
	})
}

func TestWrongFiles(t *testing.T) {
	for text, want := range map[string]string{
		"version: 2\n\ndn: CN=a\n":               "line 1: the version is \"2\"",
		"cn: a\n":                                "line 1: cn is given before the dn",
		"dn: CN=a\ndn: CN=b\n":                   "line 2: a second dn",
		"dn: CN=a\nchangetype: delete\n":         "line 2: it is a change",
		"dn: CN=a\nphoto:< file:///etc/passwd\n": "line 2: the value of photo is in another file",
		"dn: CN=a\ncn:: %%%\n":                   "line 2: the value of cn is not in base64",
		"dn: CN=a\nno value\n":                   "line 2: it is not of the form",
		"dn: CN=a\n\n continued\n":               "line 3: it continues a line",
	} {
		if _, err := readAll(text); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
	if got, err := readAll("# a comment\n that goes on\ndn: CN=a\ncn: a\n # no comment\n\n\n\ndn: CN=b"); err != nil || len(got) != 2 || got[0].First("CN") != "a# no comment" || got[1].DN != "CN=b" {
		t.Errorf("%+v %v", got, err)
	}
}

func TestComment(t *testing.T) {
	var text strings.Builder
	w := NewWriter(&text)
	if err := w.Comment("from %s", "a\nb"); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil || text.String() != "version: 1\n# from a b\n" {
		t.Errorf("%q %v", text.String(), err)
	}
	if err := w.Write(&Entry{DN: "CN=a", Attributes: []Attribute{{"a\nb", []string{"x"}}}}); err == nil {
		t.Error("a name with a line break was written")
	}
}

// Nothing that is read makes the reader fail in another way, and what it returns can be
// written.
func FuzzRead(f *testing.F) {
	f.Add("version: 1\n\ndn: CN=a\ncn:: YQ==\nmember: x\n y\n\ndn:\n")
	f.Add("dn: a\ncn:<x\n")
	f.Fuzz(func(t *testing.T, text string) {
		entries, err := readAll(text)
		var wrong *Error
		if err != nil && !errors.As(err, &wrong) {
			t.Fatal(err)
		}
		if len(entries) == 0 {
			return
		}
		again, err := readAll(written(t, entries...))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(entries, again); diff != "" {
			t.Error(diff)
		}
	})
}
