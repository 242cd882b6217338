package state

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"groupwriteback/internal/contract"
)

func TestUndoFile(t *testing.T) {
	s := openState(t, t.TempDir())
	run := contract.Run{ID: 7, Started: started}
	f, err := s.NewUndo(run)
	must(t, err)
	_, err = f.Write([]byte("dn: CN=a\n"))
	must(t, err)
	if _, err := s.NewUndo(run); contract.AsError(err).ID != "UndoNotWritten" {
		t.Errorf("a second file of the run: %v", err)
	}
	path, hash, err := f.Keep()
	must(t, err)
	text, err := os.ReadFile(path)
	must(t, err)
	sum := sha256.Sum256(text)
	if string(text) != "dn: CN=a\n" || hash != hex.EncodeToString(sum[:]) || filepath.Base(path) != started.UTC().Format("20060102T150405Z")+"-run-7.ldif" {
		t.Errorf("%s has %q and the hash %s", path, text, hash)
	}
	open, err := s.OpenUndo(path)
	must(t, err)
	must(t, open.Close())
	for _, wrong := range []string{path + "x", filepath.Dir(path)} {
		if _, err := s.OpenUndo(wrong); !contract.HasID(err, "UndoFileUnreadable") {
			t.Errorf("%s: %v", wrong, err)
		}
	}
	if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}

	run.ID = 8
	f, err = s.NewUndo(run)
	must(t, err)
	f.Discard()
	names := func() (names []string) {
		files, err := os.ReadDir(filepath.Dir(path))
		must(t, err)
		for _, file := range files {
			names = append(names, file.Name())
		}
		return names
	}
	if got := names(); len(got) != 1 {
		t.Errorf("after a file was discarded there are %v", got)
	}
	must(t, os.WriteFile(filepath.Join(filepath.Dir(path), "notes.txt"), nil, 0o600))
	must(t, s.PurgeRuns(t.Context(), started))
	if got := names(); len(got) != 2 {
		t.Errorf("too early, there are %v", got)
	}
	must(t, s.PurgeRuns(t.Context(), started.Add(time.Second)))
	if got := names(); len(got) != 1 || got[0] != "notes.txt" {
		t.Errorf("later there are %v", got)
	}
}
