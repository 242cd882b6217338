package state

import (
	"os"
	"path/filepath"
	"testing"
)

// On Windows a file that is still open can be neither moved nor removed, which
// is what the messages tell administrators to do.
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
