package contract

import (
	"io"

	"groupwriteback/internal/directory"
	"groupwriteback/internal/ldif"
)

// Snapshot is what the account can read of an object of AD, without members and what is
// computed from other objects, and with owner, group and access control list.
type Snapshot struct {
	GUID       directory.GUID
	DN         string
	Attributes []ldif.Attribute
}

// UndoFile is a file in which a run writes down what it is about to destroy. It ends with
// Keep or Discard.
type UndoFile interface {
	io.Writer
	// Keep makes the file last, even if the computer fails, and returns its path and the
	// SHA-256 hash of its content, in hexadecimal.
	Keep() (path, hash string, err error)
	// Discard removes the file.
	Discard()
}

// UndoStore keeps the undo files of runs, as long as their records.
type UndoStore interface {
	// NewUndo creates the file of a run. Error UndoNotWritten.
	NewUndo(run Run) (UndoFile, error)
	// OpenUndo opens a file for reading, wherever it is. Error UndoFileUnreadable.
	OpenUndo(path string) (io.ReadSeekCloser, error)
}
