package stdio

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

const tooLong = "<too long>"

func readLines(r io.Reader, max int) ([]string, error) {
	l := newLineReader(r, max)
	var out []string
	for {
		line, err := l.next()
		switch {
		case errors.Is(err, errLineTooLong):
			out = append(out, tooLong)
		case err != nil:
			return out, err
		default:
			out = append(out, string(line))
		}
	}
}

func TestLines(t *testing.T) {
	const bom = "\xef\xbb\xbf"
	for name, test := range map[string]struct {
		in   string
		want []string
	}{
		"empty":                      {"", nil},
		"LF":                         {"a\nb\n", []string{"a", "b"}},
		"CR LF":                      {"a\r\nb\r\n", []string{"a", "b"}},
		"no end":                     {"a\nb", []string{"a", "b"}},
		"blank lines":                {"\n \r\n\na\n\n", []string{"a"}},
		"BOM":                        {bom + "a\nb\n", []string{"a", "b"}},
		"BOM alone":                  {bom, nil},
		"BOM later":                  {"a\n" + bom + "b\n", []string{"a", bom + "b"}},
		"exactly the limit":          {"12345678\na\n", []string{"12345678", "a"}},
		"exactly the limit, CR LF":   {"12345678\r\na\n", []string{"12345678", "a"}},
		"above the limit":            {"123456789\na\n", []string{tooLong, "a"}},
		"far above, then at the end": {strings.Repeat("x", 300_000) + "\na\n" + strings.Repeat("y", 200_000), []string{tooLong, "a", tooLong}},
		"BOM does not count":         {bom + "12345678\n", []string{"12345678"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := readLines(strings.NewReader(test.in), 8)
			if err != io.EOF {
				t.Errorf("err = %v, want EOF", err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func TestLinesReportReadErrors(t *testing.T) {
	broken := errors.New("broken")
	got, err := readLines(io.MultiReader(strings.NewReader("a\nb"), iotest.ErrReader(broken)), 8)
	if !errors.Is(err, broken) || !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("got %q, %v", got, err)
	}
}

// FuzzLines compares with a simple implementation, in whatever parts the input arrives.
func FuzzLines(f *testing.F) {
	f.Add([]byte("\xef\xbb\xbf{}\r\n\n{\"a\":1}"), uint8(4))
	f.Add([]byte("123456789\n\r\r\n"), uint8(8))
	f.Fuzz(func(t *testing.T, in []byte, size uint8) {
		max := int(size)
		var want []string
		for _, line := range bytes.SplitAfter(bytes.TrimPrefix(in, byteOrderMark), []byte("\n")) {
			switch text := bytes.Trim(line, " \t\r\n"); {
			case len(bytes.TrimRight(line, "\r\n")) > max:
				want = append(want, tooLong)
			case len(text) > 0:
				want = append(want, string(text))
			}
		}
		got, err := readLines(bytes.NewReader(in), max)
		if err != io.EOF {
			t.Fatalf("err = %v", err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
	})
}
