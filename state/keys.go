package state

import (
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"groupwriteback/internal/directory"
)

// rowKeys is how many keys a row holds that is written only once. A large group needs
// few such rows, and none of them is expensive to write.
const rowKeys = 1024

// The sizes of keys in bytes.
const (
	guidSize   = len(directory.GUID{})
	numberSize = 4
	pairSize   = 2 * numberSize
)

// guidColumn reads a column that holds a GUID or NULL. NULL becomes the zero GUID.
type guidColumn directory.GUID

func intoGUID(g *directory.GUID) *guidColumn { return (*guidColumn)(g) }

func (g *guidColumn) Scan(value any) error {
	switch b := value.(type) {
	case nil:
		*g = guidColumn{}
		return nil
	case []byte:
		if len(b) == guidSize {
			*g = guidColumn(b)
			return nil
		}
	}
	return damaged("a column that should hold a GUID holds %T", value)
}

// nullable reads a column that may be NULL.
type nullable[T any] struct{ to *T }

// orZero reads a column into to. NULL becomes the zero value.
func orZero[T any](to *T) nullable[T] { return nullable[T]{to} }

// Scan implements [sql.Scanner].
func (n nullable[T]) Scan(value any) error {
	var column sql.Null[T]
	err := column.Scan(value)
	*n.to = column.V
	return err
}

// valuesColumn reads a column that holds values by name, as a JSON object, or NULL.
type valuesColumn directory.Values

func intoValues(v *directory.Values) *valuesColumn { return (*valuesColumn)(v) }

func (v *valuesColumn) Scan(value any) error {
	var text []byte
	switch t := value.(type) {
	case string:
		text = []byte(t)
	case []byte:
		text = t
	}
	*v = nil
	if value == nil || string(text) == noValues {
		return nil
	}
	if err := json.Unmarshal(text, (*directory.Values)(v)); err != nil {
		return damaged("the values of a group: %v", err)
	}
	return nil
}

const noValues = "{}"

// valuesText returns the text that a valuesColumn reads.
func valuesText(v directory.Values) string {
	if len(v) == 0 {
		return noValues
	}
	return jsonText(v)
}

// packGUIDs writes GUIDs one after another.
func packGUIDs(guids []directory.GUID) []byte {
	b := make([]byte, 0, len(guids)*guidSize)
	for i := range guids {
		b = append(b, guids[i][:]...)
	}
	return b
}

// unpackGUIDs appends the GUIDs that packGUIDs wrote.
func unpackGUIDs(to []directory.GUID, b []byte) ([]directory.GUID, error) {
	if len(b)%guidSize != 0 {
		return nil, damaged("a row of GUIDs has %d bytes", len(b))
	}
	to = slices.Grow(to, len(b)/guidSize)
	for ; len(b) > 0; b = b[guidSize:] {
		to = append(to, directory.GUID(b[:guidSize]))
	}
	return to, nil
}

func packNumbers(numbers []uint32) []byte {
	b := make([]byte, 0, numberSize*len(numbers))
	for _, n := range numbers {
		b = binary.BigEndian.AppendUint32(b, n)
	}
	return b
}

func unpackNumbers(to []uint32, b []byte) ([]uint32, error) {
	if len(b)%numberSize != 0 {
		return nil, damaged("a row of member numbers has %d bytes", len(b))
	}
	to = slices.Grow(to, len(b)/numberSize)
	for ; len(b) > 0; b = b[numberSize:] {
		to = append(to, binary.BigEndian.Uint32(b))
	}
	return to, nil
}

// listGUIDs reads the only column of a query.
func listGUIDs(q *session, query string, args ...any) (guids []directory.GUID, err error) {
	err = q.each(query, args, func(rows *sql.Rows) error {
		var g directory.GUID
		err := rows.Scan(intoGUID(&g))
		guids = append(guids, g)
		return err
	})
	return guids, err
}

// sortedSet sorts the GUIDs in place and drops duplicates and zero GUIDs.
func sortedSet(guids []directory.GUID) []directory.GUID {
	slices.SortFunc(guids, directory.GUID.Compare)
	guids = slices.Compact(guids)
	if len(guids) > 0 && guids[0].IsZero() {
		guids = guids[1:]
	}
	return guids
}

// timeText formats a time as RFC 3339 in UTC with a fixed number of digits, so that
// texts sort like times.
func timeText(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// jsonText marshals values for which that cannot fail: lists of numbers.
func jsonText(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// damagedError says that the database holds something that this package never
// writes.
type damagedError string

func (e damagedError) Error() string { return string(e) }

func damaged(format string, args ...any) error {
	return damagedError(fmt.Sprintf(format, args...))
}
