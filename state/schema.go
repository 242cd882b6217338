package state

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	sqlite3 "github.com/mattn/go-sqlite3"
	"github.com/pressly/goose/v3"

	"groupwriteback/internal/contract"
)

// applicationID is "GWB1"; SQLite stores it at offset 68 of the file.
const applicationID = 0x47574231

// purpose says what a connection is opened for, as parameters of its DSN.
type purpose string

// With a write-ahead log, synchronous=NORMAL loses at most the last transactions
// when the power fails, and the file stays consistent. [State.writeThrough] is
// for transactions that must not be lost.
const (
	forReading purpose = "_query_only=1&_busy_timeout=10000&_cache_size=-8000"
	forWriting purpose = "_busy_timeout=10000&_foreign_keys=1&_synchronous=NORMAL&_cache_size=-32000"
	// forExamining uses neither locks nor the log.
	forExamining purpose = "immutable=1&_query_only=1"
	// forMaking waits for the disk at each commit: the file must be complete when
	// it is renamed or migrated.
	forMaking purpose = "_busy_timeout=10000&_foreign_keys=1&_synchronous=FULL"
)

// connector opens connections to one file. With it, the package need not register
// a driver name, which would be visible in the whole process.
type connector struct {
	driver sqlite3.SQLiteDriver
	dsn    string
}

func (c *connector) Connect(context.Context) (driver.Conn, error) { return c.driver.Open(c.dsn) }
func (c *connector) Driver() driver.Driver                        { return &c.driver }

// openDatabase opens the file only when it is used, and never creates it.
func openDatabase(path string, p purpose) *sql.DB {
	slashed := filepath.ToSlash(path)
	if !strings.HasPrefix(slashed, "/") {
		slashed = "/" + slashed // C:/folder
	}
	file := url.URL{Scheme: "file", Path: slashed, RawQuery: "mode=rw&" + string(p)}
	return sql.OpenDB(&connector{dsn: file.String()})
}

// headerVersion returns the version in the header of the file, without taking a
// lock or changing anything. It refuses a file that is not a database of ours.
// It reads through SQLite because closing another handle of the same file would
// drop the locks that this process holds on it (POSIX). It does not see what is
// still only in the log.
func headerVersion(ctx context.Context, path string) (int64, error) {
	db := openDatabase(path, forExamining)
	defer db.Close()
	var id, version int64
	err := db.QueryRowContext(ctx, "PRAGMA application_id").Scan(&id)
	if err == nil {
		err = db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version)
	}
	if err == nil && id != applicationID {
		return 0, corrupt(path, fmt.Errorf("the application id is %#x instead of %#x", id, applicationID))
	}
	return version, err
}

func isCorrupt(err error) bool {
	var lite sqlite3.Error
	return errors.As(err, &lite) && lite.Code == sqlite3.ErrCorrupt
}

// newest returns the highest version that the migrations lead to.
func newest(migrations fs.FS) (int64, error) {
	names, err := fs.Glob(migrations, "*.sql")
	if err != nil || len(names) == 0 {
		return 0, errors.Join(err, errors.New("there are no migrations"))
	}
	return goose.NumericComponent(slices.Max(names))
}

func provider(db *sql.DB, migrations fs.FS) (*goose.Provider, error) {
	return goose.NewProvider(goose.DialectSQLite3, db, migrations,
		goose.WithDisableGlobalRegistry(true), goose.WithSlog(slog.New(slog.DiscardHandler)))
}

// bringUp makes sure that there is a database of the newest version: it creates
// or migrates it if necessary.
func (s *State) bringUp(ctx context.Context, migrations fs.FS) error {
	wanted, err := newest(migrations)
	if err != nil {
		return err
	}
	ready := func() (bool, error) {
		there, err := regularFile(s.path)
		if !there {
			return false, err
		}
		if err := os.Chmod(s.path, 0o600); err != nil {
			return false, unusable(s.path, "The permissions of the state database cannot be set.", err)
		}
		version, err := headerVersion(ctx, s.path)
		if err == nil && version < wanted || isCorrupt(err) {
			// The log may be newer than the file: it may hold a migration, or
			// pages that SQLite was copying into the file when the power failed.
			version, err = s.version(ctx)
		}
		if err == nil && version > wanted {
			err = tooNew(s.path, version, wanted)
		}
		return version == wanted, s.translate("read the version of the state database", err)
	}
	if ok, err := ready(); ok || err != nil {
		return err
	}
	unlock, err := s.lockToMake(ctx, ready)
	if err != nil || unlock == nil {
		return err
	}
	defer unlock()
	if ok, err := ready(); ok || err != nil {
		return err
	}
	if there, err := regularFile(s.path); err != nil {
		return err
	} else if there {
		return s.migrate(ctx, migrations, wanted)
	}
	return s.create(ctx, migrations)
}

// version returns the version of the database, including what is in its log.
func (s *State) version(ctx context.Context) (version int64, err error) {
	db := openDatabase(s.path, forReading)
	defer db.Close()
	err = db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version)
	return version, err
}

// lockToMake takes the lock of a run in order to create or migrate the database.
// If another process holds the lock, it may be doing the same; unlock is nil if
// it has.
func (s *State) lockToMake(ctx context.Context, ready func() (bool, error)) (unlock func(), err error) {
	for end := time.Now().Add(10 * time.Second); ; {
		unlock, err := s.lock(ctx)
		if !contract.HasID(err, "RunInProgress") {
			return unlock, err
		}
		if ok, readyErr := ready(); ok || readyErr != nil {
			return nil, readyErr
		}
		if time.Now().After(end) {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// create builds the database under another name and then renames it, so that a
// process that dies meanwhile leaves no incomplete database.
func (s *State) create(ctx context.Context, migrations fs.FS) error {
	making := s.path + ".new"
	for _, leftover := range []string{making, making + "-journal", making + "-wal", making + "-shm"} {
		if err := os.Remove(leftover); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return unusable(leftover, "A temporary file of an earlier process cannot be removed.", err)
		}
	}
	// The log of a deleted database must not be replayed into a new one.
	for _, stray := range []string{s.path + "-wal", s.path + "-journal"} {
		if there, err := regularFile(stray); err != nil {
			return err
		} else if there {
			return unusable(stray, "The write-ahead log exists, but its database does not.", nil)
		}
	}
	f, err := os.OpenFile(making, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return unusable(s.folder, "No file can be created in the state folder.", err)
	}
	if err := f.Close(); err != nil {
		return unusable(making, "The file cannot be written.", err)
	}
	db := openDatabase(making, forMaking)
	db.SetMaxOpenConns(1)
	err = func() error {
		p, err := provider(db, migrations)
		if err != nil {
			return err
		}
		if _, err := p.Up(ctx); err != nil {
			return err
		}
		var mode string
		return db.QueryRowContext(ctx, "PRAGMA journal_mode = WAL").Scan(&mode)
	}()
	if err := errors.Join(err, db.Close()); err != nil {
		return s.translate("create the state database", err)
	}
	return replaceFile(making, s.path)
}

// migrate keeps a copy of an older database and then brings it up to date.
func (s *State) migrate(ctx context.Context, migrations fs.FS, wanted int64) error {
	db := openDatabase(s.path, forMaking)
	db.SetMaxOpenConns(1)
	defer db.Close()
	var version int64
	if err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return s.translate("read the version of the state database", err)
	}
	var verdict string
	if err := db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&verdict); err != nil {
		return s.translate("check the state database before migrating it", err)
	}
	if verdict != "ok" {
		return corrupt(s.path, errors.New(verdict))
	}
	kept := fmt.Sprintf("%s.v%d-%s.bak", s.path, version, s.now().UTC().Format("20060102T150405Z"))
	if err := s.keepCopy(ctx, db, kept); err != nil {
		return err
	}
	p, err := provider(db, migrations)
	if err == nil {
		_, err = p.Up(ctx)
	}
	if err != nil && ctx.Err() != nil {
		return ctx.Err() // each migration is done completely or not at all
	}
	if err != nil {
		return &contract.Error{Category: contract.InvalidData, ID: "StateMigrationFailed", Object: s.path, Err: err,
			Message: fmt.Sprintf("The migration of the state database from version %d to %d failed. The release that wrote it can still use it. A copy is in %s.", version, wanted, kept),
			Advice:  "If the disk is full, free some space and try again. Otherwise move state.db out of the folder. The next sync then imports everything again."}
	}
	// headerVersion sees only what is in the file, not what is in its log.
	_, err = db.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
	return s.translate("write the migrated state database", err)
}

// keepCopy writes a copy of the database, completely or not at all.
func (s *State) keepCopy(ctx context.Context, db *sql.DB, to string) error {
	making := to + ".new"
	if err := os.Remove(making); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return unusable(making, "A temporary file of an earlier process cannot be removed.", err)
	}
	f, err := os.OpenFile(making, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return unusable(s.folder, "No file can be created in the state folder.", err)
	}
	if err := f.Close(); err != nil {
		return unusable(making, "The file cannot be written.", err)
	}
	if _, err := db.ExecContext(ctx, "VACUUM INTO ?", making); err != nil {
		return s.translate("keep a copy of the state database before migrating it", err)
	}
	return replaceFile(making, to)
}
