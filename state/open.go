package state

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"groupwriteback/internal/contract"
)

// The names of the files in the folder.
const (
	databaseName = "state.db"
	lockName     = "state.lock"
	settingsName = "settings.json"
)

//go:embed migrations/*.sql
var migrations embed.FS

// State is an open state folder. It implements [contract.State].
type State struct {
	folder string
	path   string // of the database
	now    contract.Clock

	// writing is held by the only writer; it also guards staged and closed.
	writing  sync.Mutex
	writerDB *sql.DB
	writer   *session
	staged   stagedCache
	closed   bool

	readerDB *sql.DB
	readers  chan *session

	// overlay is the overlay on the current generation, if there is one.
	overlay atomic.Pointer[layers]

	joins   joinCache
	members memberListCache
}

var _ contract.State = (*State)(nil)

// Options holds what only few installations need.
type Options struct {
	// ServiceAccount is an account that gets full access to the folder in
	// addition to SYSTEM, Administrators and the owner. It is DOMAIN\name or
	// a SID. Windows only.
	ServiceAccount string
}

// Open opens the state in the folder that [Folder] returns for the argument, and
// creates what is missing. It takes no lock, so it works while another process
// does a run, unless it has to create or migrate the database.
//
// Errors: StateFolderRemote, StateFolderInsecure, StateFolderUnusable,
// StateCorrupt, StateTooNew, StateMigrationFailed, StateUnusable,
// RunInProgress.
func Open(ctx context.Context, folder string) (*State, error) {
	return Options{}.Open(ctx, folder)
}

// Open is [Open] with options.
func (o Options) Open(ctx context.Context, folder string) (*State, error) {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	return o.open(ctx, folder, sub)
}

func (o Options) open(ctx context.Context, folder string, migrations fs.FS) (*State, error) {
	folder, err := Folder(folder)
	if err != nil {
		return nil, err
	}
	if err := secureFolder(folder, o.ServiceAccount); err != nil {
		return nil, err
	}
	s := &State{folder: folder, path: filepath.Join(folder, databaseName), now: time.Now, readers: make(chan *session, maxReaders)}
	for range maxReaders {
		s.readers <- &session{}
	}
	if err := s.bringUp(ctx, migrations); err != nil {
		return nil, err
	}
	s.writerDB = openDatabase(s.path, forWriting)
	s.readerDB = openDatabase(s.path, forReading)
	if err := s.check(ctx, migrations); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// check reads a little from each small table, so that most damage shows here and
// not in the middle of a run. The whole file is checked only before a migration,
// because that takes about a second for each gigabyte, too long for every start.
func (s *State) check(ctx context.Context, migrations fs.FS) error {
	wanted, err := newest(migrations)
	if err != nil {
		return err
	}
	var version int64
	err = s.read(ctx, "read the version of the state database", func(q *session) error {
		_, err := q.one("PRAGMA user_version", nil, &version)
		return err
	})
	if err != nil {
		return err
	}
	if version != wanted {
		return tooNew(s.path, version, wanted)
	}
	if _, _, err := s.Owner(ctx); err != nil {
		return err
	}
	if _, err := s.Watermark(ctx); err != nil {
		return err
	}
	_, err = s.Runs(ctx, 0, 1)
	return err
}

// Folder returns the absolute path of the state folder.
func (s *State) Folder() string { return s.folder }

// Close waits for reads and writes in progress and closes the database. A lock
// that is still held stays held until it is unlocked or the process ends.
func (s *State) Close() error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	var errs []error
	for range maxReaders {
		if q := <-s.readers; q.conn != nil {
			errs = append(errs, q.close())
		}
	}
	for range maxReaders {
		s.readers <- nil // later reads find that it is closed
	}
	if s.readerDB != nil {
		errs = append(errs, s.readerDB.Close())
	}
	if s.writer != nil {
		errs = append(errs, s.writer.close())
	}
	if s.writerDB != nil {
		// The last connection to close copies the log into the database, and
		// only a connection that may write can do so.
		errs = append(errs, s.writerDB.Close())
	}
	return s.translate("close the state database", errors.Join(errs...))
}

// regularFile reports whether the path exists, and returns an error if it is
// not a regular file.
func regularFile(path string) (bool, error) {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, unusable(path, "The file cannot be examined.", err)
	case !info.Mode().IsRegular():
		return false, unusable(path, "This path is not a regular file.", nil)
	}
	return true, nil
}
