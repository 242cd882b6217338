package ad

import (
	"encoding/binary"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/internal/directory"
)

var someCursors = []cursor{
	{directory.MustGUID("00112233-4455-6677-8899-aabbccddeeff"), 0},
	{directory.MustGUID(someGUID), 123456789012},
	{directory.MustGUID("ffffffff-ffff-ffff-ffff-ffffffffffff"), math.MaxInt64},
}

// vector encodes an up-to-dateness vector as defined in MS-DRSR.
func vector(version uint32, cursors []cursor) []byte {
	b := binary.LittleEndian.AppendUint32(nil, version)
	b = append(b, 0, 0, 0, 0)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(cursors)))
	b = append(b, 0, 0, 0, 0)
	for _, c := range cursors {
		b = append(b, c.invocation.AD()...)
		b = binary.LittleEndian.AppendUint64(b, uint64(c.usn))
		if version == 2 {
			b = append(b, 1, 2, 3, 4, 5, 6, 7, 8)
		}
	}
	return b
}

func TestParseUpToDateVector(t *testing.T) {
	for _, version := range []uint32{1, 2} {
		for n := range len(someCursors) + 1 {
			got, err := parseUpToDateVector(vector(version, someCursors[:n]))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(someCursors[:n], got, cmp.AllowUnexported(cursor{})); diff != "" {
				t.Errorf("version %d: %s", version, diff)
			}
		}
	}
	good := vector(2, someCursors)
	more := append(vector(2, someCursors), 0)
	count := vector(2, someCursors)
	binary.LittleEndian.PutUint32(count[8:], math.MaxUint32)
	negative := vector(2, []cursor{{someCursors[0].invocation, -1}})
	for name, b := range map[string][]byte{
		"nothing": nil, "a header cut": good[:15], "a cursor cut": good[:len(good)-1], "a byte more": more,
		"version 3": vector(3, nil), "too great a count": count, "a negative USN": negative,
	} {
		if got, err := parseUpToDateVector(b); err == nil {
			t.Errorf("%s was read as %v", name, got)
		}
	}
}

func FuzzParseUpToDateVector(f *testing.F) {
	f.Add([]byte{})
	f.Add(vector(1, someCursors))
	f.Add(vector(2, someCursors))
	f.Add(vector(2, someCursors)[:40])
	f.Fuzz(func(t *testing.T, b []byte) {
		cursors, err := parseUpToDateVector(b)
		if err != nil {
			return
		}
		if len(cursors)*cursorSize > len(b) {
			t.Errorf("%d cursors of %d bytes", len(cursors), len(b))
		}
		for _, c := range cursors {
			if c.usn < 0 {
				t.Errorf("the USN %d", c.usn)
			}
		}
	})
}

func TestParseCursors(t *testing.T) {
	// A DS_REPL_CURSOR_BLOB continues with a time, an offset and a name.
	blob := append(append(someCursors[1].invocation.AD(), binary.LittleEndian.AppendUint64(nil, uint64(someCursors[1].usn))...),
		"\x01\x02\x03\x04\x05\x06\x07\x08\x24\x00\x00\x00C\x00N\x00\x00\x00"...)
	got, err := parseCursors([][]byte{blob, blob[:cursorSize]})
	if diff := cmp.Diff([]cursor{someCursors[1], someCursors[1]}, got, cmp.AllowUnexported(cursor{})); err != nil || diff != "" {
		t.Errorf("%v, %s", err, diff)
	}
	if _, err := parseCursors([][]byte{blob, blob[:cursorSize-1]}); err == nil {
		t.Error("a short cursor was accepted")
	}
}
