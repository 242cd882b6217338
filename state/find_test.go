package state

import (
	"os"
	"path/filepath"
	"testing"
)

func TestFind(t *testing.T) {
	root := t.TempDir()
	there := func(folder string, want bool) {
		t.Helper()
		if got, err := Find(folder, ""); err != nil || got != want {
			t.Errorf("%s: %t, %v", folder, got, err)
		}
	}
	missing := filepath.Join(root, "no", "such")
	there(missing, false)
	if _, err := os.Lstat(filepath.Join(root, "no")); !os.IsNotExist(err) {
		t.Errorf("something was made: %v", err)
	}
	empty := filepath.Join(root, "empty")
	must(t, os.Mkdir(empty, 0o700))
	there(empty, false)
	settings := filepath.Join(root, "settings")
	must(t, os.Mkdir(settings, 0o700))
	must(t, os.WriteFile(filepath.Join(settings, settingsName), []byte("{}"), 0o600))
	there(settings, true)
	s := newState(t)
	there(s.Folder(), true)

	file := filepath.Join(root, "file")
	must(t, os.WriteFile(file, nil, 0o600))
	_, err := Find(file, "")
	wantID(t, err, "StateFolderUnusable")
}
