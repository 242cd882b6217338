//go:build unix

package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

func defaultFolder() (string, error) {
	if os.Geteuid() == 0 {
		return "/var/lib/groupwriteback", nil
	}
	if xdg := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(xdg) {
		return filepath.Join(xdg, "groupwriteback"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil || !filepath.IsAbs(home) {
		return "", unusable("", "There is no default folder for the state.", errNoHome)
	}
	return filepath.Join(home, ".local", "state", "groupwriteback"), nil
}

// secureFolder creates the folder, or checks that one that is there is ours
// alone to write. A group that may read is the administrator's choice.
func secureFolder(folder, _ string) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return unusable(folder, "The state folder cannot be created.", err)
	}
	real, err := filepath.EvalSymlinks(folder)
	if err != nil {
		return unusable(folder, "The state folder cannot be examined.", err)
	}
	if kind, err := networkFileSystem(real); err != nil {
		return unusable(folder, "It cannot be told what file system the state folder is on.", err)
	} else if kind != "" {
		return remote(folder, kind)
	}
	owner, mode, err := examine(real)
	if err != nil {
		return unusable(folder, "The state folder cannot be examined.", err)
	}
	if !mode.IsDir() {
		return unusable(folder, "This is not a folder.", nil)
	}
	if owner != os.Geteuid() && owner != 0 {
		return insecure(folder, fmt.Sprintf("The state folder belongs to another user (uid %d), who could replace its files.", owner),
			fmt.Sprintf("Give it to this account (chown %d %s), or name another folder with -StatePath.", os.Geteuid(), real))
	}
	if mode.Perm()&0o022 != 0 {
		return insecure(folder, fmt.Sprintf("Other users may write to the state folder (mode %04o).", mode.Perm()),
			fmt.Sprintf("Take that right away (chmod 700 %s), or name another folder with -StatePath.", real))
	}
	// Whoever may rename the folder away can put another in its place.
	for parent := filepath.Dir(real); ; parent = filepath.Dir(parent) {
		_, mode, err := examine(parent)
		if err != nil {
			return unusable(parent, "The folder above the state folder cannot be examined.", err)
		}
		if mode.Perm()&0o002 != 0 && mode&fs.ModeSticky == 0 {
			return insecure(folder, fmt.Sprintf("Every user may rename the state folder, since %s has mode %04o.", parent, mode.Perm()),
				fmt.Sprintf("Take that right away (chmod o-w %s), or name another folder with -StatePath.", parent))
		}
		if parent == filepath.Dir(parent) {
			return nil
		}
	}
}

func examine(path string) (owner int, mode fs.FileMode, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, 0, err
	}
	sys, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, errors.New("the owner is not known")
	}
	return int(sys.Uid), info.Mode(), nil
}

// replaceFile puts a finished file, synced to disk, in the place of another.
func replaceFile(from, to string) error {
	if err := syncPath(from); err != nil {
		return unusable(from, "The file cannot be written to the disk.", err)
	}
	if err := os.Rename(from, to); err != nil {
		return unusable(to, "The file cannot be replaced.", err)
	}
	if err := syncPath(filepath.Dir(to)); err != nil {
		return unusable(filepath.Dir(to), "The folder cannot be written to the disk.", err)
	}
	return nil
}

func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
