package state

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLockExcludesProcesses(t *testing.T) {
	ctx := context.Background()
	folder := newFolder(t)
	s := openState(t, folder)
	other := startRole(t, "lock", folder, "locked")

	_, err := s.Lock(ctx)
	e := wantID(t, err, "RunInProgress")
	host, _ := os.Hostname()
	for _, want := range []string{fmt.Sprintf("Process %d ", other.Process.Pid), host, "since 20"} {
		if !strings.Contains(e.Message, want) {
			t.Errorf("%q does not say %q", e.Message, want)
		}
	}
	// A run in another process does not keep anybody from opening and reading.
	again, err := Open(ctx, folder)
	must(t, err)
	must(t, again.Close())

	kill(other)
	unlock, err := s.Lock(ctx)
	if err != nil {
		t.Fatalf("the lock of a dead process is not free: %v", err)
	}
	defer unlock()
	_, err = s.Lock(ctx)
	wantID(t, err, "RunInProgress")
	unlock()
	unlock() // does no harm
	startRole(t, "lock and unlock", folder, "unlocked")
	unlock, err = s.Lock(ctx)
	must(t, err)
	unlock()
}

func TestLockFile(t *testing.T) {
	ctx := context.Background()
	s := newState(t)
	path := filepath.Join(s.Folder(), lockName)

	// The lock works whatever the file holds, and the error says what is known.
	must(t, os.WriteFile(path, []byte("not JSON at all"), 0o600))
	if _, ok := readHolder(path); ok {
		t.Error("a holder was read from nonsense")
	}
	unlock, err := s.Lock(ctx)
	must(t, err)
	if h, ok := readHolder(path); !ok || h.PID != os.Getpid() {
		t.Errorf("the lock file names %+v", h)
	}
	unlock()

	must(t, os.Remove(path))
	must(t, os.Mkdir(path, 0o700))
	_, err = s.Lock(ctx)
	wantID(t, err, "StateFolderUnusable")
}
