package state

import (
	"context"
	"encoding/binary"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

var update = flag.Bool("update", false, "write the goldens anew")

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		playRole(role)
		return
	}
	os.Exit(m.Run())
}

// newFolder returns a path that does not exist yet.
func newFolder(t testing.TB) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "state")
}

func openState(t testing.TB, folder string) *State {
	t.Helper()
	s, err := Open(context.Background(), folder)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func newState(t testing.TB) *State { return openState(t, newFolder(t)) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantID(t testing.TB, err error, id string) *contract.Error {
	t.Helper()
	if !contract.HasID(err, id) {
		t.Fatalf("got error %v, want %s", err, id)
	}
	e := contract.AsError(err)
	if e.Message == "" || e.Advice == "" || e.Category == "" {
		t.Errorf("the error %+v does not say enough", e)
	}
	return e
}

// guid returns a GUID; GUIDs of one kind sort by n.
func guid(kind byte, n uint32) directory.GUID {
	g := directory.GUID{0: kind, 15: 1}
	binary.BigEndian.PutUint32(g[4:], n)
	return g
}

// wholeGUIDs makes cmp compare GUIDs as a whole. Byte by byte, it takes a second for a
// large membership.
var wholeGUIDs = cmp.Comparer(func(a, b directory.GUID) bool { return a == b })

var started = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func beginRun(t testing.TB, s *State, kind contract.RunKind, plan string) int64 {
	t.Helper()
	id, err := s.BeginRun(context.Background(), contract.Run{Kind: kind, PolicyType: contract.Initial, PlanID: plan, Started: started})
	must(t, err)
	return id
}

// endRun marks a run as no longer running.
func endRun(t testing.TB, s *State, id int64, status contract.RunStatus) {
	t.Helper()
	run, err := s.Run(context.Background(), id)
	must(t, err)
	run.Status, run.Ended = status, run.Started.Add(time.Minute)
	must(t, s.SaveRun(context.Background(), run))
}

func readTree(t testing.TB, folder string) map[string]string {
	t.Helper()
	tree := map[string]string{}
	must(t, filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		tree[filepath.Base(path)] = string(b)
		return err
	}))
	return tree
}
