package ldif

import (
	"bufio"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
)

// The limits of what is read. A file is as large as what it describes, so a larger one was
// not written by us.
const (
	maxValue = 16 << 20 // bytes of one value, encoded
	maxLines = 20 << 20 // of a file
)

// Error says which line of a file cannot be read, and why.
type Error struct {
	Line int
	Text string
}

func (e *Error) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Text) }

// Reader reads entries one after another.
type Reader struct {
	from *bufio.Reader
	line int // the number of the last line that was taken
	next *string
	end  bool
	any  bool // something but the version was read
}

// NewReader returns a reader of a file.
func NewReader(from io.Reader) *Reader { return &Reader{from: bufio.NewReaderSize(from, 64<<10)} }

// Read returns the next entry, or io.EOF after the last one. Any other error is an
// [*Error] or one of the file.
func (r *Reader) Read() (*Entry, error) {
	var e *Entry
	for {
		line, err := r.logical()
		if errors.Is(err, io.EOF) {
			if e != nil {
				return e, nil
			}
			return nil, io.EOF
		}
		if err != nil {
			return nil, err
		}
		if line == "" {
			if e != nil {
				return e, nil
			}
			continue
		}
		name, value, err := r.split(line)
		switch {
		case err != nil:
			return nil, err
		case strings.EqualFold(name, "version") && !r.any:
			if r.any = true; value != "1" {
				return nil, r.wrong("the version is %q, and only 1 is known", value)
			}
		case e == nil && !strings.EqualFold(name, "dn"):
			return nil, r.wrong("%s is given before the dn of an object", name)
		case e == nil:
			e, r.any = &Entry{DN: value}, true
		case strings.EqualFold(name, "dn"):
			return nil, r.wrong("a second dn is given without an empty line before it")
		case strings.EqualFold(name, "changetype"):
			return nil, r.wrong("it is a change, and only objects are read")
		default:
			e.add(name, value)
		}
	}
}

func (e *Entry) add(name, value string) {
	for i := range e.Attributes {
		if strings.EqualFold(e.Attributes[i].Name, name) {
			e.Attributes[i].Values = append(e.Attributes[i].Values, value)
			return
		}
	}
	e.Attributes = append(e.Attributes, Attribute{name, []string{value}})
}

// split returns the name and the value of a line.
func (r *Reader) split(line string) (name, value string, err error) {
	name, value, found := strings.Cut(line, ":")
	switch {
	case !found || !isName(name):
		return "", "", r.wrong("it is not of the form name: value")
	case strings.HasPrefix(value, "<"):
		return "", "", r.wrong("the value of %s is in another file, which is not read", name)
	case !strings.HasPrefix(value, ":"):
		return name, strings.TrimLeft(value, " "), nil
	}
	decoded, err := base64.StdEncoding.DecodeString(strings.TrimLeft(value[1:], " "))
	if err != nil {
		return "", "", r.wrong("the value of %s is not in base64", name)
	}
	return name, string(decoded), nil
}

// logical returns the next line, with its continuations, and leaves out comments.
func (r *Reader) logical() (string, error) {
	for {
		line, err := r.take()
		if err != nil {
			return "", err
		}
		if line == "" {
			return "", nil
		}
		var whole strings.Builder
		whole.WriteString(line)
		for {
			more, err := r.peek()
			if err != nil || !strings.HasPrefix(more, " ") {
				break
			}
			if whole.Len()+len(more) > maxValue {
				return "", r.wrong("the value is longer than %d bytes", maxValue)
			}
			whole.WriteString(more[1:])
			if _, err := r.take(); err != nil {
				return "", err
			}
		}
		if strings.HasPrefix(line, "#") {
			continue
		}
		if strings.HasPrefix(line, " ") {
			return "", r.wrong("it continues a line that is not there")
		}
		return whole.String(), nil
	}
}

func (r *Reader) take() (string, error) {
	line, err := r.peek()
	if err == nil {
		r.line++
	}
	r.next = nil
	return line, err
}

// peek returns the next line without its end.
func (r *Reader) peek() (string, error) {
	if r.next != nil {
		return *r.next, nil
	}
	if r.end {
		return "", io.EOF
	}
	var text []byte
	for {
		part, err := r.from.ReadSlice('\n')
		text = append(text, part...)
		if err == nil {
			break
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			if len(text) > maxValue {
				return "", r.wrong("the line is longer than %d bytes", maxValue)
			}
			continue
		}
		if !errors.Is(err, io.EOF) {
			return "", err
		}
		if r.end = true; len(text) == 0 {
			return "", io.EOF
		}
		break
	}
	if r.line >= maxLines {
		return "", r.wrong("the file has more than %d lines", maxLines)
	}
	line := strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")
	r.next = &line
	return line, nil
}

func (r *Reader) wrong(format string, args ...any) error {
	return &Error{Line: r.line, Text: fmt.Sprintf(format, args...)}
}
