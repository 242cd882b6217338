package state

import (
	"bufio"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDefaultFolder(t *testing.T) {
	t.Setenv("HOME", "/home/someone")
	t.Setenv("XDG_STATE_HOME", "/srv/state")
	want := "/srv/state/groupwriteback"
	if os.Geteuid() == 0 {
		want = "/var/lib/groupwriteback"
	}
	if got, err := Folder(""); err != nil || got != want {
		t.Errorf("%q, %v", got, err)
	}
	if os.Geteuid() == 0 {
		return
	}
	t.Setenv("XDG_STATE_HOME", "relative")
	if got, err := Folder(""); err != nil || got != "/home/someone/.local/state/groupwriteback" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestFolderMadeAbsolute(t *testing.T) {
	here, err := os.Getwd()
	must(t, err)
	if got, err := Folder("a/../b"); err != nil || got != filepath.Join(here, "b") {
		t.Errorf("%q, %v", got, err)
	}
	_, err = Folder("a\x00b")
	wantID(t, err, "StateFolderUnusable")
}

func TestInsecureFolders(t *testing.T) {
	for name, c := range map[string]struct {
		make func(t *testing.T, parent string) string
		id   string
	}{
		"written by others": {func(t *testing.T, parent string) string {
			f := filepath.Join(parent, "state")
			must(t, os.Mkdir(f, 0o700))
			must(t, os.Chmod(f, 0o707))
			return f
		}, "StateFolderInsecure"},
		"written by a group": {func(t *testing.T, parent string) string {
			f := filepath.Join(parent, "state")
			must(t, os.Mkdir(f, 0o700))
			must(t, os.Chmod(f, 0o770))
			return f
		}, "StateFolderInsecure"},
		"replaceable from above": {func(t *testing.T, parent string) string {
			must(t, os.Chmod(parent, 0o777))
			return filepath.Join(parent, "state")
		}, "StateFolderInsecure"},
		"behind a link": {func(t *testing.T, parent string) string {
			must(t, os.Mkdir(filepath.Join(parent, "real"), 0o700))
			must(t, os.Chmod(filepath.Join(parent, "real"), 0o707))
			must(t, os.Symlink("real", filepath.Join(parent, "state")))
			return filepath.Join(parent, "state")
		}, "StateFolderInsecure"},
		"a file": {func(t *testing.T, parent string) string {
			f := filepath.Join(parent, "state")
			must(t, os.WriteFile(f, nil, 0o600))
			return f
		}, "StateFolderUnusable"},
		"below a file": {func(t *testing.T, parent string) string {
			f := filepath.Join(parent, "file")
			must(t, os.WriteFile(f, nil, 0o600))
			return filepath.Join(f, "state")
		}, "StateFolderUnusable"},
		"another user's": {func(t *testing.T, parent string) string {
			if os.Geteuid() != 0 {
				t.Skip("only root can give a folder away")
			}
			f := filepath.Join(parent, "state")
			must(t, os.Mkdir(f, 0o700))
			must(t, os.Chown(f, 12345, 12345))
			return f
		}, "StateFolderInsecure"},
		"readable by a group": {func(t *testing.T, parent string) string {
			f := filepath.Join(parent, "state")
			must(t, os.Mkdir(f, 0o700))
			must(t, os.Chmod(f, 0o750))
			return f
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			folder := c.make(t, t.TempDir())
			s, err := Open(context.Background(), folder)
			if c.id == "" {
				must(t, err)
				must(t, s.Close())
				return
			}
			wantID(t, err, c.id)
			if _, err := os.Stat(filepath.Join(folder, databaseName)); err == nil {
				t.Error("a database was made there")
			}
		})
	}
}

func TestPermissionsOfTheDatabaseAreTightened(t *testing.T) {
	folder := filled(t)
	path := filepath.Join(folder, databaseName)
	must(t, os.Chmod(path, 0o644))
	openState(t, folder)
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

const mountInfo = `22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
40 22 0:35 / /mnt/remote rw,nosuid shared:20 master:1 - fuse.sshfs user@host:/ rw,user_id=0
41 22 0:36 / /mnt/local rw,nosuid shared:21 - fuse.fuse-overlayfs fuse-overlayfs rw
garbage
`

func TestFuseKind(t *testing.T) {
	for device, want := range map[string]string{"0:35": "fuse.sshfs", "0:36": "", "9:9": "", "8:1": ""} {
		got, err := fuseKind(bufio.NewScanner(strings.NewReader(mountInfo)), device)
		if err != nil || got != want {
			t.Errorf("%s: %q, %v", device, got, err)
		}
	}
}
