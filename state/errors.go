package state

import (
	"context"
	"errors"
	"fmt"
	"strings"

	sqlite3 "github.com/mattn/go-sqlite3"

	"groupwriteback/internal/contract"
)

var errClosed = errors.New("the state is closed")

// translate turns errors of SQLite into errors of the contract. doing says what was
// being done, as an infinitive without "to".
func (s *State) translate(doing string, err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	var known *contract.Error
	if errors.As(err, &known) {
		return err
	}
	var wrong damagedError
	// database/sql has no error type for a value that does not fit its destination.
	if errors.As(err, &wrong) || strings.Contains(err.Error(), "sql: Scan error") {
		return corrupt(s.path, err)
	}
	var lite sqlite3.Error
	if errors.As(err, &lite) {
		switch lite.Code {
		case sqlite3.ErrInterrupt:
			return context.Canceled
		// A file of the right version that lacks a table or column, or violates the
		// constraints of the schema, was changed after it was written.
		case sqlite3.ErrCorrupt, sqlite3.ErrNotADB, sqlite3.ErrFormat, sqlite3.ErrNotFound, sqlite3.ErrEmpty,
			sqlite3.ErrError, sqlite3.ErrSchema, sqlite3.ErrConstraint, sqlite3.ErrMismatch:
			return corrupt(s.path, err)
		case sqlite3.ErrBusy, sqlite3.ErrLocked, sqlite3.ErrProtocol:
			return &contract.Error{Category: contract.ResourceBusy, ID: "StateBusy", Object: s.path, Err: err,
				Message: fmt.Sprintf("Another program locked the state database; failed to %s.", doing),
				Advice:  "Close programs that have the file open, such as a backup or a database browser, and try again."}
		case sqlite3.ErrFull:
			return &contract.Error{Category: contract.InvalidState, ID: "StateDiskFull", Object: s.path, Err: err,
				Message: fmt.Sprintf("The disk is full; failed to %s.", doing),
				Advice:  "Free some space on the disk with the state folder and try again. Nothing is lost."}
		case sqlite3.ErrIoErr, sqlite3.ErrReadonly, sqlite3.ErrCantOpen, sqlite3.ErrPerm, sqlite3.ErrAuth, sqlite3.ErrNoLFS:
			return &contract.Error{Category: contract.PermissionDenied, ID: "StateUnusable", Object: s.path, Err: err,
				Message: fmt.Sprintf("The state database cannot be read or written; failed to %s.", doing),
				Advice:  "Check the disk, and that this account can read and write all files in the state folder."}
		}
	}
	return &contract.Error{Category: contract.NotSpecified, ID: "InternalError", Object: s.path, Err: fmt.Errorf("%s: %w", doing, err),
		Message: "An operation on the state database failed.",
		Advice:  "This is a bug. Please report it and attach the engine's log file."}
}

// corrupt returns the error for a damaged database. It says that the file was left
// alone and how to go on without it.
func corrupt(path string, cause error) error {
	return &contract.Error{Category: contract.InvalidData, ID: "StateCorrupt", Object: path, Err: cause,
		Message: "The file is damaged, or it is not a state database of GroupWriteback. It was left unchanged.",
		Advice: "Move state.db, state.db-wal and state.db-shm out of the folder, keep settings.json, and run a sync. " +
			"The sync imports everything again and finds each of our groups by its mark and stamp. " +
			"Only the run history and a pending Disable are lost. Run Disable-GroupWriteback again if one was pending."}
}

func tooNew(path string, version, known int64) error {
	return &contract.Error{Category: contract.InvalidData, ID: "StateTooNew", Object: path,
		Message: fmt.Sprintf("The state database was written by a newer release (version %d; this release supports %d). It was left unchanged.", version, known),
		Advice: "Install that release or a newer one. To go back to this release, restore state.db from the copy state.db.v<version>-<time>.bak of an earlier " +
			"version, or move state.db, state.db-wal and state.db-shm out of the folder. The next sync then imports everything again."}
}

func notFound(id, object, message, advice string) error {
	return &contract.Error{Category: contract.ObjectNotFound, ID: id, Object: object, Message: message, Advice: advice}
}
