package state

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"groupwriteback/internal/contract"
)

// undoFolder is the folder of undo files in the folder of the state, and undoTime how a
// file's name begins.
const (
	undoFolder = "undo"
	undoTime   = "20060102T150405Z"
	undoMaking = ".new" // ends the name of a file that is being written
)

// undoFile implements [contract.UndoFile]. Its name is complete only when its content is.
type undoFile struct {
	*os.File
	path string
	sum  hash.Hash
}

// NewUndo creates the undo file of a run. Only this account can read it.
func (s *State) NewUndo(run contract.Run) (contract.UndoFile, error) {
	folder := filepath.Join(s.Folder(), undoFolder)
	path := filepath.Join(folder, fmt.Sprintf("%s-run-%d.ldif", run.Started.UTC().Format(undoTime), run.ID))
	err := os.Mkdir(folder, 0o700)
	if err == nil {
		err = syncPath(s.Folder())
	} else if errors.Is(err, fs.ErrExist) {
		err = nil
	}
	var file *os.File
	if err == nil {
		file, err = os.OpenFile(path+undoMaking, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	}
	if err != nil {
		return nil, undoNotWritten(path, err)
	}
	return &undoFile{File: file, path: path, sum: sha256.New()}, nil
}

func undoNotWritten(path string, err error) error {
	return &contract.Error{Category: contract.InvalidState, ID: "UndoNotWritten", Object: path, Err: err,
		Message: fmt.Sprintf("What the run was about to delete or remove could not be written down: %v.", err),
		Advice:  "Nothing was changed. Make room in the folder of the state, or let the account write to it."}
}

func (f *undoFile) Write(text []byte) (int, error) {
	n, err := f.File.Write(text)
	f.sum.Write(text[:n])
	if err != nil {
		return n, undoNotWritten(f.path, err)
	}
	return n, nil
}

func (f *undoFile) Keep() (path, hash string, err error) {
	if err = f.Close(); err == nil {
		err = replaceFile(f.Name(), f.path)
	}
	if err != nil {
		f.Discard()
		return "", "", undoNotWritten(f.path, err)
	}
	return f.path, hex.EncodeToString(f.sum.Sum(nil)), nil
}

func (f *undoFile) Discard() {
	f.Close()
	os.Remove(f.Name())
}

// OpenUndo opens an undo file for reading, wherever it is.
func (s *State) OpenUndo(path string) (io.ReadSeekCloser, error) {
	info, err := os.Stat(path) // first: opening a pipe would wait for a writer
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("it is no file")
	}
	var file *os.File
	if err == nil {
		file, err = os.Open(path)
	}
	if err != nil {
		return nil, &contract.Error{Category: contract.ObjectNotFound, ID: "UndoFileUnreadable", Object: path, Err: err,
			Message: "The undo file cannot be read.", Advice: "Check the path. Undo files are kept as long as the records of their runs, in the folder undo of the state."}
	}
	return file, nil
}

// purgeUndo removes the undo files of runs that began before a time. The name says when a
// run began, since the records may be lost.
func (s *State) purgeUndo(before time.Time) {
	folder := filepath.Join(s.Folder(), undoFolder)
	files, err := os.ReadDir(folder)
	if err != nil {
		return
	}
	for _, file := range files {
		began, _, found := strings.Cut(file.Name(), "-run-")
		if at, err := time.Parse(undoTime, began); found && err == nil && at.Before(before) {
			os.Remove(filepath.Join(folder, file.Name()))
		}
	}
}
