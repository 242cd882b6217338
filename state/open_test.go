package state

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

func TestOpenCreates(t *testing.T) {
	odd := "100% #&;'"
	if runtime.GOOS != "windows" {
		odd += `?:"\`
	}
	folder := filepath.Join(t.TempDir(), "a b", odd, "état")
	s := openState(t, folder)
	if s.Folder() != folder {
		t.Errorf("the folder is %q", s.Folder())
	}
	must(t, s.SaveSettings(context.Background(), contract.DefaultSettings()))
	unlock, err := s.Lock(context.Background())
	must(t, err)
	defer unlock()
	must(t, s.SetOwner(context.Background(), guid(1, 1), contract.DomainRef{}))
	if runtime.GOOS == "windows" {
		return
	}
	entries, err := os.ReadDir(folder)
	must(t, err)
	for _, e := range entries {
		if info, err := e.Info(); err != nil || info.Mode() != 0o600 {
			t.Errorf("%s has mode %v, %v", e.Name(), info.Mode(), err)
		}
	}
	if info, err := os.Stat(folder); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder has mode %v, %v", info.Mode(), err)
	}
}

func TestOpenAgain(t *testing.T) {
	ctx := context.Background()
	folder := newFolder(t)
	s := openState(t, folder)
	domain := contract.DomainRef{GUID: guid(3, 1), SID: "S-1-5-21-1-2-3", Name: "contoso.test"}
	must(t, s.SetOwner(ctx, guid(2, 1), domain))
	must(t, s.Close())
	must(t, s.Close())
	if _, _, err := s.Owner(ctx); !contract.HasID(err, "InternalError") {
		t.Errorf("a closed state answered %v", err)
	}
	if err := s.SetOwner(ctx, guid(2, 1), domain); !contract.HasID(err, "InternalError") {
		t.Errorf("a closed state answered %v", err)
	}

	s = openState(t, folder)
	tenant, got, err := s.Owner(ctx)
	must(t, err)
	if diff := cmp.Diff(domain, got); diff != "" || tenant != guid(2, 1) {
		t.Errorf("tenant %v, domain %s", tenant, diff)
	}
}

func TestOpenAtOnce(t *testing.T) {
	folder := newFolder(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			s, err := Open(context.Background(), folder)
			if err != nil {
				t.Error(err)
				return
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	left, err := filepath.Glob(filepath.Join(folder, "*.new*"))
	if err != nil || left != nil {
		t.Errorf("left over: %v, %v", left, err)
	}
}

// TestOpenAfterHalfCreation: a process that dies while it creates the database leaves a
// file that the next process does not take for the database.
func TestOpenAfterHalfCreation(t *testing.T) {
	folder := newFolder(t)
	must(t, os.MkdirAll(folder, 0o700))
	must(t, os.WriteFile(filepath.Join(folder, "state.db.new"), []byte("half"), 0o600))
	must(t, os.WriteFile(filepath.Join(folder, "state.db.new-journal"), []byte("half"), 0o600))
	openState(t, folder)
}

// filled creates a database with some content in every part, closes it and returns the
// folder.
func filled(t testing.TB) string {
	t.Helper()
	ctx := context.Background()
	folder := newFolder(t)
	s := openState(t, folder)
	run := beginRun(t, s, contract.SyncRun, "p1")
	for n := range uint32(50) {
		must(t, s.Generation(run).StageSourceGroups(ctx, []directory.SourceGroup{{ID: guid(1, n), Properties: directory.Values{"displayName": {"group"}}}}))
		must(t, s.Generation(run).StageMembers(ctx, []contract.MemberPage{{Group: guid(1, n), Members: randomMembers(n, 100), Last: true}}))
	}
	must(t, s.Generation(run).Commit(ctx, contract.Watermark{HighestUSN: 7}, nil))
	endRun(t, s, run, contract.RunComplete)
	must(t, s.Close())
	return folder
}

func TestDamagedFilesAreLeftAlone(t *testing.T) {
	ctx := context.Background()
	whole, err := os.ReadFile(filepath.Join(filled(t), databaseName))
	must(t, err)
	edit := func(f func(b []byte) []byte) []byte { return f(append([]byte(nil), whole...)) }
	random := rand.NewChaCha8([32]byte{1})

	for name, c := range map[string]struct {
		content []byte
		id      string
	}{
		"empty":                {nil, "StateCorrupt"},
		"text":                 {[]byte("hello, this is no database"), "StateCorrupt"},
		"random":               {edit(func(b []byte) []byte { random.Read(b); return b }), "StateCorrupt"},
		"header only":          {whole[:100], "StateCorrupt"},
		"cut in a page":        {whole[:len(whole)/2+100], "StateCorrupt"},
		"cut at a page":        {whole[:4096*3], "StateCorrupt"},
		"random after header":  {edit(func(b []byte) []byte { random.Read(b[100:]); return b }), "StateCorrupt"},
		"random after schema":  {edit(func(b []byte) []byte { random.Read(b[4096:]); return b }), "StateCorrupt"},
		"another application":  {edit(func(b []byte) []byte { binary.BigEndian.PutUint32(b[68:], 0x12345678); return b }), "StateCorrupt"},
		"no application":       {edit(func(b []byte) []byte { binary.BigEndian.PutUint32(b[68:], 0); return b }), "StateCorrupt"},
		"newer":                {edit(func(b []byte) []byte { binary.BigEndian.PutUint32(b[60:], 3); return b }), "StateTooNew"},
		"much newer, damaged":  {edit(func(b []byte) []byte { binary.BigEndian.PutUint32(b[60:], 99); return b[:8192] }), "StateCorrupt"},
		"older, damaged":       {edit(func(b []byte) []byte { binary.BigEndian.PutUint32(b[60:], 0); random.Read(b[4096:]); return b }), "StateCorrupt"},
		"version without data": {edit(func(b []byte) []byte { random.Read(b[100:4096]); return b }), "StateCorrupt"},
	} {
		t.Run(name, func(t *testing.T) {
			folder := newFolder(t)
			must(t, os.Mkdir(folder, 0o700))
			path := filepath.Join(folder, databaseName)
			must(t, os.WriteFile(path, c.content, 0o600))
			s, err := Open(ctx, folder)
			if s != nil {
				t.Error("it was opened")
			}
			e := wantID(t, err, c.id)
			if e.Object != path || !strings.Contains(e.Advice, "state.db") {
				t.Errorf("the error does not say what to do with which file: %+v", e)
			}
			after, err := os.ReadFile(path)
			must(t, err)
			if sha256.Sum256(after) != sha256.Sum256(c.content) {
				t.Error("the file was changed")
			}
			// What the message tells the administrator to do works.
			for _, f := range []string{path, path + "-wal", path + "-shm"} {
				os.Rename(f, f+".away")
			}
			openState(t, folder)
		})
	}
}

func TestDamageFoundLater(t *testing.T) {
	ctx := context.Background()
	folder := filled(t)
	s := openState(t, folder)
	must(t, s.write(ctx, "spoil a row", func(q *session) error {
		_, err := q.exec("UPDATE source_membership_chunk SET members = x'010203'")
		return err
	}))
	_, err := s.Generation(1).SourceMembership(ctx, guid(1, 3))
	wantID(t, err, "StateCorrupt")
}

func TestStrayLogIsNotPlayed(t *testing.T) {
	folder := newFolder(t)
	must(t, os.Mkdir(folder, 0o700))
	must(t, os.WriteFile(filepath.Join(folder, "state.db-wal"), []byte("log of a database that is gone"), 0o600))
	_, err := Open(context.Background(), folder)
	wantID(t, err, "StateFolderUnusable")
}

func TestDatabaseMustBeAFile(t *testing.T) {
	folder := newFolder(t)
	must(t, os.MkdirAll(filepath.Join(folder, databaseName), 0o700))
	_, err := Open(context.Background(), folder)
	wantID(t, err, "StateFolderUnusable")
}

// withNext returns the migrations and one more, as a future release would have.
func withNext(t *testing.T, sqlText string) fs.FS {
	t.Helper()
	next := fstest.MapFS{"99999_next.sql": {Data: []byte("-- +goose Up\n" + sqlText)}}
	names, err := fs.Glob(migrations, "migrations/*.sql")
	must(t, err)
	for _, name := range names {
		b, err := fs.ReadFile(migrations, name)
		must(t, err)
		next[filepath.Base(name)] = &fstest.MapFile{Data: b}
	}
	return next
}

const nextSQL = "PRAGMA user_version = 99999;\nALTER TABLE owner ADD COLUMN note TEXT NOT NULL DEFAULT 'new';\n"

// loadFixture creates a database from SQL in testdata, as the release of that version
// left it.
func loadFixture(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	must(t, err)
	folder := newFolder(t)
	must(t, os.Mkdir(folder, 0o700))
	path := filepath.Join(folder, databaseName)
	must(t, os.WriteFile(path, nil, 0o600))
	db := openDatabase(path, forMaking)
	defer db.Close()
	db.SetMaxOpenConns(1)
	if _, err := db.Exec(string(text)); err != nil {
		t.Fatal(err)
	}
	return folder
}

func TestOpenEachOlderVersion(t *testing.T) {
	fixtures, err := filepath.Glob("testdata/v*.sql")
	must(t, err)
	if len(fixtures) == 0 {
		t.Fatal("no fixtures")
	}
	for _, fixture := range fixtures {
		t.Run(filepath.Base(fixture), func(t *testing.T) {
			s := openState(t, loadFixture(t, filepath.Base(fixture)))
			checkFixture(t, s)
			// The migrated database has the schema of a new one.
			if diff := cmp.Diff(schemaOf(t, newState(t)), schemaOf(t, s)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// checkFixture checks the content that every testdata/v*.sql has.
func checkFixture(t *testing.T, s *State) {
	t.Helper()
	ctx := context.Background()
	tenant, domain, err := s.Owner(ctx)
	must(t, err)
	if tenant != guid(9, 1) || domain.SID != "S-1-5-21-1-2-3" {
		t.Errorf("owner %v %v", tenant, domain)
	}
	run, ok, err := s.LastComplete(ctx)
	must(t, err)
	if !ok || run.ID != 1 || run.SourceGroups != 1 {
		t.Errorf("run %+v", run)
	}
	links, err := s.Links(ctx, directory.GUID{}, 10)
	must(t, err)
	if diff := cmp.Diff([]contract.Link{{SourceID: guid(1, 1), TargetGUID: guid(3, 1), DN: "CN=one,DC=contoso,DC=test", Adopted: true}}, links); diff != "" {
		t.Error(diff)
	}
	m, err := s.Generation(1).SourceMembership(ctx, guid(1, 1))
	must(t, err)
	if diff := cmp.Diff([]directory.GUID{guid(4, 1)}, m.Joined); diff != "" || m.Incomplete != "" || m.Unwritten[directory.ReasonGuest] != 1 {
		t.Errorf("membership %+v %s", m, diff)
	}
	group, ok, err := s.Generation(1).SourceGroup(ctx, guid(1, 1))
	must(t, err)
	if diff := cmp.Diff(directory.SourceGroup{ID: guid(1, 1), Kind: directory.UnifiedGroup, Properties: directory.Values{"displayName": {"One"}, "mail": {"one@contoso.test"}}}, group); diff != "" || !ok {
		t.Error(diff)
	}
	w, err := s.Watermark(ctx)
	must(t, err)
	if w.Server != "dc1.contoso.test" || w.HighestUSN != 42 {
		t.Errorf("watermark %+v", w)
	}
	if w.Source != nil { // since version 2
		pending, err := s.Pending(ctx)
		must(t, err)
		at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		if !w.Settled || w.SearchedUSN != 41 || w.Scope != "all" || !w.Initial.Equal(at) || !w.Source[0].Taken.Equal(at) || len(pending) != 1 || pending[0] != guid(1, 1) {
			t.Errorf("watermark %+v, pending %v", w, pending)
		}
	}
	changes, err := s.Generation(1).Planned(ctx, 0, 0, 10)
	must(t, err)
	if len(changes) != 1 || len(changes[0].Add) != 1 || changes[0].Outcome != contract.OutcomeDone {
		t.Errorf("changes %+v", changes)
	}
}

func TestMigrate(t *testing.T) {
	ctx := context.Background()
	folder := loadFixture(t, "v2.sql")
	next := withNext(t, nextSQL)
	first := openState(t, folder)
	present, err := first.version(ctx)
	must(t, err)
	must(t, first.Close()) // Windows does not replace an open file

	// While the old release does a run, the new one does not migrate the database.
	before := readTree(t, folder)[databaseName]
	if old := openState(t, folder); true {
		unlock, err := old.Lock(ctx)
		must(t, err)
		brief, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
		defer cancel()
		if _, err := (Options{}).open(brief, folder, next); err == nil {
			t.Error("migrated during a run")
		}
		unlock()
		must(t, old.Close())
	}
	if readTree(t, folder)[databaseName] != before {
		t.Error("the database was changed")
	}

	s, err := Options{}.open(ctx, folder, next)
	must(t, err)
	checkFixture(t, s)
	must(t, s.Close())

	// The copy is complete and private, and the old release can use it.
	kept, err := filepath.Glob(filepath.Join(folder, fmt.Sprintf("state.db.v%d-*.bak", present)))
	must(t, err)
	if len(kept) != 1 {
		t.Fatalf("copies: %v", kept)
	}
	if info, err := os.Stat(kept[0]); err != nil || runtime.GOOS != "windows" && info.Mode() != 0o600 {
		t.Errorf("the copy: %v, %v", info, err)
	}
	_, err = Open(ctx, folder)
	wantID(t, err, "StateTooNew")
	must(t, os.Rename(kept[0], filepath.Join(folder, databaseName)))
	checkFixture(t, openState(t, folder))
}

func TestMigrationThatFails(t *testing.T) {
	ctx := context.Background()
	folder := loadFixture(t, "v2.sql")
	_, err := Options{}.open(ctx, folder, withNext(t, nextSQL+"INSERT INTO nowhere VALUES (1);\n"))
	e := wantID(t, err, "StateMigrationFailed")
	if !strings.Contains(e.Message, ".bak") {
		t.Errorf("the message does not name the copy: %s", e.Message)
	}
	checkFixture(t, openState(t, folder)) // the old release reads it as before
}

func TestSchema(t *testing.T) {
	const golden = "testdata/schema.golden.sql"
	got := schemaOf(t, newState(t))
	if *update {
		must(t, os.WriteFile(golden, []byte(got), 0o644))
	}
	want, err := os.ReadFile(golden)
	must(t, err)
	if diff := cmp.Diff(strings.ReplaceAll(string(want), "\r\n", "\n"), got); diff != "" {
		t.Error(diff)
	}
}

func schemaOf(t *testing.T, s *State) string {
	t.Helper()
	var b strings.Builder
	must(t, s.read(context.Background(), "dump", func(q *session) error {
		return q.each("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY type DESC, name", nil, func(rows *sql.Rows) error {
			var text string
			err := rows.Scan(&text)
			b.WriteString(text + ";\n")
			return err
		})
	}))
	return b.String()
}

func TestReadersDoNotWait(t *testing.T) {
	ctx := context.Background()
	s := openState(t, filled(t))
	other := openState(t, s.Folder())
	must(t, s.write(ctx, "hold the writer", func(q *session) error {
		if _, err := q.exec(`UPDATE source_group SET properties = '{"displayName":["changed"]}'`); err != nil {
			return err
		}
		for _, reader := range []*State{s, other} {
			views, err := reader.Groups(ctx, contract.GroupFilter{}, directory.GUID{}, 100)
			if err != nil {
				return err
			}
			if len(views) != 50 || views[0].DisplayName != "group" {
				t.Errorf("a reader saw %d groups, the first %+v", len(views), views[0])
			}
		}
		return nil
	}))
}

func TestReadersCannotWrite(t *testing.T) {
	s := newState(t)
	err := s.read(context.Background(), "write through a reader", func(q *session) error {
		_, err := q.exec("DELETE FROM owner")
		return err
	})
	wantID(t, err, "StateUnusable")
}

func TestConcurrentUse(t *testing.T) {
	ctx := context.Background()
	s := openState(t, filled(t))
	run := beginRun(t, s, contract.SyncRun, "")
	var wg sync.WaitGroup
	for w := range uint32(4) {
		wg.Go(func() {
			for n := range uint32(20) {
				g := guid(1, w*100+n)
				if err := s.Generation(run).StageMembers(ctx, []contract.MemberPage{{Group: g, Members: randomMembers(n, 50), Last: true}}); err != nil {
					t.Error(err)
				}
				if _, err := s.Generation(run).SourceMembership(ctx, g); err != nil {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			for range 20 {
				views, err := s.Groups(ctx, contract.GroupFilter{}, directory.GUID{}, 100)
				if err != nil || len(views) != 50 {
					t.Errorf("%d groups, %v", len(views), err)
				}
			}
		})
	}
	wg.Wait()
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	s := newState(t)
	if _, err := s.Runs(ctx, 0, 1); err != context.Canceled {
		t.Errorf("read: %v", err)
	}
	if err := s.SetOwner(ctx, guid(1, 1), contract.DomainRef{}); err != context.Canceled {
		t.Errorf("write: %v", err)
	}
}

// TestKilledWhileStaging: a process that is killed in the middle of staging leaves a
// state that opens at once and shows what was current. The next run removes the rest.
func TestKilledWhileStaging(t *testing.T) {
	ctx := context.Background()
	folder := filled(t)
	for range 3 {
		kill(startRole(t, "stage", folder, "staging"))
		s := openState(t, folder)
		views, err := s.Groups(ctx, contract.GroupFilter{}, directory.GUID{}, 100)
		must(t, err)
		if len(views) != 50 {
			t.Errorf("%d groups", len(views))
		}
		must(t, s.Close())
	}
	s := openState(t, folder)
	unlock, err := s.Lock(ctx)
	must(t, err)
	defer unlock()
	run := beginRun(t, s, contract.SyncRun, "")
	runs, err := s.Runs(ctx, 0, 10)
	must(t, err)
	if len(runs) != 5 || runs[0].ID != run || runs[0].Status != contract.RunRunning {
		t.Errorf("runs: %+v", runs)
	}
	for _, r := range runs[1:4] {
		if r.Status != contract.RunFailed || r.StopReason != contract.StopInterrupted || r.Ended.IsZero() {
			t.Errorf("run %d was closed as %s, %q", r.ID, r.Status, r.StopReason)
		}
	}
	var verdict string
	left := 0
	must(t, s.read(ctx, "check", func(q *session) error {
		if _, err := q.one("PRAGMA integrity_check", nil, &verdict); err != nil {
			return err
		}
		_, err := q.one("SELECT (SELECT count(*) FROM source_group WHERE generation <> 1) + (SELECT count(*) FROM source_membership_chunk WHERE generation <> 1) + (SELECT count(*) FROM member_join WHERE generation <> 1)", nil, &left)
		return err
	}))
	if verdict != "ok" || left != 0 {
		t.Errorf("integrity %q, %d rows left of the dead runs", verdict, left)
	}
}
