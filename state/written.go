package state

import (
	"context"

	"groupwriteback/internal/directory"
)

// Written returns the values that were written to the group's object in attributes that
// others write to as well.
func (s *State) Written(ctx context.Context, source directory.GUID) (values directory.Values, err error) {
	err = s.read(ctx, "read the written values of a group", func(q *session) error {
		_, err := q.one("SELECT attributes FROM written WHERE source_id = ?", []any{source[:]}, intoValues(&values))
		return err
	})
	return values, err
}

// SaveWritten replaces the values that [State.Written] returns.
func (s *State) SaveWritten(ctx context.Context, source directory.GUID, values directory.Values) error {
	return s.write(ctx, "store the written values of a group", func(q *session) error {
		_, err := q.exec("INSERT OR REPLACE INTO written (source_id, attributes) VALUES (?, ?)", source[:], valuesText(values))
		return err
	})
}
