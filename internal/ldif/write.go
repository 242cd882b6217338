package ldif

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
)

// lineWidth is where a line is folded.
const lineWidth = 76

// Writer writes entries one after another. The first error is kept and returned by each
// later call.
type Writer struct {
	to  *bufio.Writer
	err error
}

// NewWriter returns a writer that has written the version.
func NewWriter(to io.Writer) *Writer {
	w := &Writer{to: bufio.NewWriter(to)}
	w.line("version: 1")
	return w
}

// Comment writes a comment of one line. Line breaks and other control characters in it
// become blanks.
func (w *Writer) Comment(format string, args ...any) error {
	text := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, fmt.Sprintf(format, args...))
	w.line("# " + text)
	return w.err
}

// Write writes one entry.
func (w *Writer) Write(e *Entry) error {
	w.line("")
	w.pair("dn", e.DN)
	for i := range e.Attributes {
		a := &e.Attributes[i]
		if !isName(a.Name) && w.err == nil {
			w.err = fmt.Errorf("%q is not the name of an attribute", a.Name)
		}
		for _, value := range a.Values {
			w.pair(a.Name, value)
		}
	}
	return w.err
}

// Flush writes what is buffered.
func (w *Writer) Flush() error {
	if w.err == nil {
		w.err = w.to.Flush()
	}
	return w.err
}

// pair writes one value, folded into lines. Everything but printable ASCII is written in
// base64, and so is what would be read in another way at the beginning or the end.
func (w *Writer) pair(name, value string) {
	line := name + ": " + value
	if !plain(value) {
		line = name + ":: " + base64.StdEncoding.EncodeToString([]byte(value))
	}
	for len(line) > lineWidth {
		w.line(line[:lineWidth])
		line = " " + line[lineWidth:]
	}
	w.line(line)
}

func (w *Writer) line(text string) {
	if w.err == nil {
		_, w.err = w.to.WriteString(text + "\n")
	}
}

// plain reports whether the value can be written as it is.
func plain(value string) bool {
	if value == "" {
		return true
	}
	if strings.ContainsRune(" :<", rune(value[0])) || value[len(value)-1] == ' ' {
		return false
	}
	for i := range len(value) {
		if value[i] < ' ' || value[i] > '~' {
			return false
		}
	}
	return true
}

// isName reports whether the text is the description of an attribute: a name or an object
// identifier, perhaps with options.
func isName(text string) bool {
	if text == "" {
		return false
	}
	for i := range len(text) {
		c := text[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '.', c == ';', c == '=':
		default:
			return false
		}
	}
	return true
}
