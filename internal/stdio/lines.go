package stdio

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// Limits on a line in bytes, without the end of the line.
const (
	maxInputLine  = 4 << 20
	maxOutputLine = 1 << 20
)

// errLineTooLong is returned by [lineReader.next] for a line that it has discarded; the
// caller may go on reading.
var errLineTooLong = errors.New("the line is too long")

// lineReader reads lines from a stream. It holds at most one line of at most max bytes.
type lineReader struct {
	r       *bufio.Reader
	max     int
	started bool
}

func newLineReader(r io.Reader, max int) *lineReader {
	return &lineReader{r: bufio.NewReaderSize(r, 64<<10), max: max}
}

var byteOrderMark = []byte("\xef\xbb\xbf")

// next returns the next line that is not blank, without surrounding blanks (including
// the CR of a CR LF) and, at the start of the stream, without a byte-order mark. The
// last line needs no line end. The caller owns the slice.
func (l *lineReader) next() ([]byte, error) {
	for {
		line, err := l.line()
		if errors.Is(err, errLineTooLong) {
			return nil, err
		}
		if line = bytes.Trim(line, " \t\r\n"); len(line) > 0 {
			return line, nil // the next call returns the error again
		}
		if err != nil {
			return nil, err
		}
	}
}

func (l *lineReader) line() ([]byte, error) {
	var line []byte
	tooLong := false
	for {
		part, err := l.r.ReadSlice('\n')
		if !l.started && len(part) > 0 {
			l.started = true
			part = bytes.TrimPrefix(part, byteOrderMark)
		}
		if len(line)+len(bytes.TrimRight(part, "\r\n")) > l.max {
			tooLong, line = true, nil
		}
		if !tooLong {
			line = append(line, part...)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if tooLong {
			return nil, errLineTooLong
		}
		return line, err
	}
}
