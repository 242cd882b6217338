package state

import (
	"os"
	"path/filepath"
	"testing"
)

// TestCloseLeavesNothingOpen: messages tell administrators to move or remove files,
// which Windows refuses while a file is open.
func TestCloseLeavesNothingOpen(t *testing.T) {
	folder := filled(t)
	must(t, os.Rename(filepath.Join(folder, databaseName), filepath.Join(folder, "away.db")))
	must(t, os.Remove(filepath.Join(folder, "away.db")))
	if fds, err := filepath.Glob("/proc/self/fd/*"); err == nil {
		for _, fd := range fds {
			if to, err := os.Readlink(fd); err == nil && filepath.Dir(to) == folder {
				t.Errorf("%s is still open", to)
			}
		}
	}
}
