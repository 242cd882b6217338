package stdio

import (
	"bytes"
	"encoding/json"
	"io"

	"groupwriteback/internal/directory"
)

// printable returns the JSON text with every string in it cleaned by directory.Clean.
// The strings come from a tenant, a directory, files and libraries, and end up on a
// console. JSON escapes some deceptive characters, but only until it is parsed.
func printable(text []byte) []byte {
	var out []byte // nil: nothing has changed so far
	done := 0      // how much of the text has been copied to out
	for at := 0; at < len(text); {
		start := bytes.IndexByte(text[at:], '"')
		if start < 0 {
			break
		}
		start += at
		end, suspect := stringEnd(text, start)
		at = end
		if !suspect {
			continue
		}
		var s string
		if json.Unmarshal(text[start:end], &s) != nil {
			continue
		}
		clean := directory.Clean(s)
		if clean == s {
			continue
		}
		quoted, err := json.Marshal(clean)
		if err != nil {
			continue
		}
		out = append(append(out, text[done:start]...), quoted...)
		done = end
	}
	if out == nil {
		return text
	}
	return append(out, text[done:]...)
}

// stringEnd returns where the string that begins at start ends, and whether it contains
// anything other than plain ASCII.
func stringEnd(text []byte, start int) (end int, suspect bool) {
	for i := start + 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			return i + 1, suspect
		case c == '\\':
			i, suspect = i+1, true
		case c < 0x20 || c > 0x7e:
			suspect = true
		}
	}
	return len(text), false
}

// Printable returns a writer that makes JSON, such as log lines, fit for a console.
// Each Write must contain a complete JSON text.
func Printable(w io.Writer) io.Writer { return printableWriter{w} }

type printableWriter struct{ w io.Writer }

func (p printableWriter) Write(text []byte) (int, error) {
	if _, err := p.w.Write(printable(text)); err != nil {
		return 0, err
	}
	return len(text), nil
}
