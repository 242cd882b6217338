//go:build unix

package state

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
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
		return "", unusable("", "The default state folder cannot be determined.", errNoHome)
	}
	return filepath.Join(home, ".local", "state", "groupwriteback"), nil
}

// secureFolder creates the folder or checks an existing one: only this account and
// root may write to it or to anything in it, or replace it. Whether a group may
// read it is the administrator's choice.
func secureFolder(folder, _ string) error {
	g := newGuard()
	real, err := g.path(folder) // first, so that nothing is created where somebody else's link leads
	if err == nil {
		err = os.MkdirAll(folder, 0o700)
	}
	if err == nil {
		real, err = g.path(folder)
	}
	if exposed := new(exposure); errors.As(err, &exposed) {
		return insecureBy(folder, exposed)
	}
	if err != nil {
		return unusable(folder, "The state folder cannot be created.", err)
	}
	if kind, err := networkFileSystem(real); err != nil {
		return unusable(folder, "The file system of the state folder cannot be determined.", err)
	} else if kind != "" {
		return remote(folder, kind)
	}
	if info, err := os.Stat(real); err != nil {
		return unusable(folder, "The state folder cannot be examined.", err)
	} else if !info.IsDir() {
		return unusable(folder, "This path is not a folder.", nil)
	}
	err = g.within(real)
	if exposed := new(exposure); errors.As(err, &exposed) {
		return insecureBy(folder, exposed)
	}
	if err != nil {
		return unusable(folder, "The state folder cannot be examined.", err)
	}
	return nil
}

func insecureBy(folder string, e *exposure) error {
	return insecure(folder, e.message, fmt.Sprintf("Check the contents of the folder and correct the permissions (%s), or specify another folder with -StatePath.", e.fix))
}

// replaceFile syncs a finished file to the disk and replaces another file by it.
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
