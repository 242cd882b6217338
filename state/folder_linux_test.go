package state

import (
	"bufio"
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
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
		"below another user's": {func(t *testing.T, parent string) string {
			giveAway(t, parent)
			return filepath.Join(parent, "state")
		}, "StateFolderInsecure"},
		"far below what every user may write to": {func(t *testing.T, parent string) string {
			must(t, os.MkdirAll(filepath.Join(parent, "a", "b"), 0o755))
			must(t, os.Chmod(parent, 0o757))
			return filepath.Join(parent, "a", "b", "state")
		}, "StateFolderInsecure"},
		"below what a group of others may write to": {func(t *testing.T, parent string) string {
			needsRoot(t)
			must(t, os.Chown(parent, 0, 12345))
			must(t, os.Chmod(parent, 0o775))
			return filepath.Join(parent, "state")
		}, "StateFolderInsecure"},
		"beside what others may add": {func(t *testing.T, parent string) string {
			must(t, os.Chmod(parent, 0o777|os.ModeSticky))
			return filepath.Join(parent, "state")
		}, ""},
		"made by another where all may add": {func(t *testing.T, parent string) string {
			must(t, os.Chmod(parent, 0o777|os.ModeSticky))
			f := filepath.Join(parent, "between")
			must(t, os.Mkdir(f, 0o755))
			giveAway(t, f)
			return filepath.Join(f, "state")
		}, "StateFolderInsecure"},
		"behind another user's link": {func(t *testing.T, parent string) string {
			must(t, os.Chmod(parent, 0o777|os.ModeSticky))
			f := filepath.Join(parent, "link")
			must(t, os.Symlink(t.TempDir(), f))
			giveAway(t, f)
			return filepath.Join(f, "state")
		}, "StateFolderInsecure"},
		"behind a link that every user may replace": {func(t *testing.T, parent string) string {
			must(t, os.Symlink(t.TempDir(), filepath.Join(parent, "link")))
			must(t, os.Chmod(parent, 0o777))
			return filepath.Join(parent, "link", "state")
		}, "StateFolderInsecure"},
		"behind a link by way of an insecure folder": {func(t *testing.T, parent string) string {
			must(t, os.MkdirAll(filepath.Join(parent, "open", "real"), 0o700))
			must(t, os.Symlink("open/real", filepath.Join(parent, "first")))
			must(t, os.Symlink("../"+filepath.Base(parent)+"/first", filepath.Join(parent, "second")))
			must(t, os.Chmod(filepath.Join(parent, "open"), 0o777))
			return filepath.Join(parent, "second")
		}, "StateFolderInsecure"},
		"behind links that are sound": {func(t *testing.T, parent string) string {
			must(t, os.MkdirAll(filepath.Join(parent, "a", "real"), 0o700))
			must(t, os.Symlink("a/real", filepath.Join(parent, "first")))
			must(t, os.Symlink("a/../first", filepath.Join(parent, "second")))
			return filepath.Join(parent, "second")
		}, ""},
		"behind links in a circle": {func(t *testing.T, parent string) string {
			must(t, os.Symlink("b", filepath.Join(parent, "a")))
			must(t, os.Symlink("a", filepath.Join(parent, "b")))
			return filepath.Join(parent, "a", "state")
		}, "StateFolderUnusable"},
		"with a file that others may write to": {func(t *testing.T, parent string) string {
			f := filepath.Join(parent, "state")
			must(t, os.Mkdir(f, 0o755))
			must(t, os.WriteFile(filepath.Join(f, settingsName), nil, 0o600))
			must(t, os.Chmod(filepath.Join(f, settingsName), 0o606))
			return f
		}, "StateFolderInsecure"},
		"with another user's file": {func(t *testing.T, parent string) string {
			f := filepath.Join(parent, "state")
			must(t, os.Mkdir(f, 0o755))
			must(t, os.WriteFile(filepath.Join(f, settingsName), nil, 0o644))
			giveAway(t, filepath.Join(f, settingsName))
			return f
		}, "StateFolderInsecure"},
		"with a folder that others may write to": {func(t *testing.T, parent string) string {
			f := filepath.Join(parent, "state")
			must(t, os.MkdirAll(filepath.Join(f, "log"), 0o755))
			must(t, os.Chmod(filepath.Join(f, "log"), 0o777|os.ModeSticky))
			return f
		}, "StateFolderInsecure"},
		"with a link to where others may write": {func(t *testing.T, parent string) string {
			f, elsewhere := filepath.Join(parent, "state"), t.TempDir()
			must(t, os.Mkdir(f, 0o755))
			must(t, os.Symlink(filepath.Join(elsewhere, "log"), filepath.Join(f, "log")))
			must(t, os.Chmod(elsewhere, 0o777))
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

func needsRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can give a file away")
	}
}

func giveAway(t *testing.T, path string) {
	t.Helper()
	needsRoot(t)
	must(t, os.Lchown(path, 12345, 12345))
}

func TestWhoIsNoOther(t *testing.T) {
	dir := t.TempDir()
	g := guard{uid: 1000, groups: filepath.Join(dir, "group"), users: filepath.Join(dir, "passwd")}
	must(t, os.WriteFile(g.users, []byte(`root:x:0:0:root:/root:/bin/sh
alice:x:1000:1000::/home/alice:/bin/sh
alias:x:1000:1010::/home/alice:/bin/sh
bob:x:1001:1002::/home/bob:/bin/sh
short
`), 0o600))
	must(t, os.WriteFile(g.groups, []byte(`root:x:0:
alice:x:1000:
users:x:1002:
wheel:x:1003:root, alias
staff:x:1004:alice,bob
staff2:x:1004:
empty:x:1005:
`), 0o600))
	for gid, want := range map[int]bool{0: true, 1000: true, 1002: false, 1003: true, 1004: false, 1005: true, 987654: false} {
		if got := g.private(gid); got != want {
			t.Errorf("group %d is private: %v, want %v", gid, got, want)
		}
	}
	g.groups = filepath.Join(dir, "none")
	if g.private(1000) {
		t.Error("a group of which nothing is known is private")
	}
}

func TestAPrivateGroupMayWrite(t *testing.T) {
	needsRoot(t)
	dir := t.TempDir()
	g := guard{uid: 1000, groups: filepath.Join(dir, "group"), users: filepath.Join(dir, "passwd")}
	must(t, os.WriteFile(g.users, []byte("alice:x:1000:1000::/:/bin/sh\n"), 0o600))
	must(t, os.WriteFile(g.groups, []byte("alice:x:1000:\nall:x:1001:alice,bob\n"), 0o600))
	for gid, want := range map[int]bool{1000: true, 1001: false} {
		home := filepath.Join(t.TempDir(), "home")
		folder := filepath.Join(home, "state")
		must(t, os.MkdirAll(folder, 0o775))
		for _, path := range []string{home, folder} {
			must(t, os.Chown(path, 1000, gid))
			must(t, os.Chmod(path, 0o775))
		}
		if _, err := g.path(folder); (err == nil) != want {
			t.Errorf("group %d, the path: %v", gid, err)
		}
		if err := g.within(folder); (err == nil) != want {
			t.Errorf("group %d, the folder: %v", gid, err)
		}
	}
}

func TestAccessLists(t *testing.T) {
	list := func(entries ...[3]uint32) []byte {
		b := []byte{2, 0, 0, 0}
		for _, e := range entries {
			b = binary.LittleEndian.AppendUint16(b, uint16(e[0]))
			b = binary.LittleEndian.AppendUint16(b, uint16(e[1]))
			b = binary.LittleEndian.AppendUint32(b, e[2])
		}
		return b
	}
	const userObject, user, groupObject, group, mask, other, none = 1, 2, 4, 8, 16, 32, 0xffffffff
	b := list([3]uint32{userObject, 7, none}, [3]uint32{user, 7, 1001}, [3]uint32{user, 5, 1002}, [3]uint32{groupObject, 5, none},
		[3]uint32{group, 6, 1003}, [3]uint32{mask, 7, none}, [3]uint32{other, 5, none})
	users, groups, listed := parseAccessList(b)
	if !listed || !slices.Equal(users, []int{1001}) || !slices.Equal(groups, []int{1003}) {
		t.Errorf("%v, %v, %v", users, groups, listed)
	}
	folder := filepath.Join(t.TempDir(), "state")
	must(t, os.Mkdir(folder, 0o700))
	if err := unix.Setxattr(folder, "system.posix_acl_access", b, 0); err != nil {
		t.Skip("no access control lists here: ", err)
	}
	_, err := Open(context.Background(), folder)
	if e := wantID(t, err, "StateFolderInsecure"); !strings.Contains(e.Message, "1001") {
		t.Errorf("%+v", e)
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
