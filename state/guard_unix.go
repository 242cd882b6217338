//go:build unix

package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// guard finds out whether anybody except this account and root could replace,
// delete or write to files. Somebody who may only create something beside a file
// can do none of these.
type guard struct {
	uid int
	// root is the owner of the root of the file system, who can do everything.
	// Inside a user namespace, its number need not be 0.
	root int
	// groups and users are the paths of files in the format of group(5) and
	// passwd(5).
	groups, users string
}

func newGuard() guard {
	g := guard{uid: os.Geteuid(), groups: "/etc/group", users: "/etc/passwd"}
	if info, err := os.Stat("/"); err == nil {
		g.root, _ = g.owner(info)
	}
	return g
}

// exposure says who could do what to a path, and how to fix it.
type exposure struct{ path, message, fix string }

func (e *exposure) Error() string { return e.message }

// maxLinks is the largest number of symbolic links that the kernel follows in a
// path.
const maxLinks = 40

// path follows an absolute path from the root, through symbolic links, and returns
// where it leads. It returns an *exposure if somebody else could replace one of
// the parts. Parts that do not exist yet stay as they are written.
func (g guard) path(path string) (real string, err error) {
	at, rest := "/", split(path)
	info, err := os.Lstat(at)
	if err != nil {
		return "", err
	}
	if err := g.above(at, info); err != nil {
		return "", err
	}
	for links := 0; len(rest) > 0; {
		name := rest[0]
		rest = rest[1:]
		if name == ".." { // comes from a link; the folder above was checked already
			at = filepath.Dir(at)
			if info, err = os.Lstat(at); err != nil {
				return "", err
			}
			continue
		}
		child := filepath.Join(at, name)
		found, err := os.Lstat(child)
		if errors.Is(err, fs.ErrNotExist) {
			return filepath.Join(append([]string{child}, rest...)...), nil
		}
		if err != nil {
			return "", err
		}
		// In a sticky folder, others who can write to the folder cannot replace
		// a file, but the owner of the file can.
		if owner, ok := g.owner(found); !ok && info.Mode()&fs.ModeSticky != 0 && g.writers(at, info) != "" {
			return "", ownedByOther(child, owner)
		}
		if found.Mode()&fs.ModeSymlink != 0 {
			if links++; links > maxLinks {
				return "", &fs.PathError{Op: "follow", Path: path, Err: syscall.ELOOP}
			}
			target, err := os.Readlink(child)
			if err != nil {
				return "", err
			}
			rest = append(split(target), rest...)
			if filepath.IsAbs(target) {
				at = "/"
				if info, err = os.Lstat(at); err != nil {
					return "", err
				}
			}
			continue
		}
		if len(rest) > 0 {
			if err := g.above(child, found); err != nil {
				return "", err
			}
		}
		at, info = child, found
	}
	return at, nil
}

func split(path string) []string {
	return strings.FieldsFunc(filepath.Clean(path), func(r rune) bool { return r == filepath.Separator })
}

// above checks a folder above what is guarded: nobody else may own it or rename
// what is in it.
func (g guard) above(path string, info fs.FileInfo) error {
	if owner, ok := g.owner(info); !ok {
		return ownedByOther(path, owner)
	}
	if info.Mode()&fs.ModeSticky != 0 {
		return nil
	}
	return writable(path, info, g.writers(path, info))
}

// within checks what is guarded and everything below it: nobody else may own it
// or write to it.
func (g guard) within(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it was removed meanwhile, as files of a database are
	}
	if err != nil {
		return err
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		if path, err = g.path(path); err != nil {
			return err
		}
		if info, err = os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
			return nil
		} else if err != nil {
			return err
		}
	}
	if owner, ok := g.owner(info); !ok {
		return ownedByOther(path, owner)
	}
	who := g.writers(path, info)
	if sys, ok := info.Sys().(*syscall.Stat_t); who == "" && info.Mode().Perm()&0o020 != 0 && ok && sys.Gid == 0 {
		who = "The group of root" // on some systems, accounts other than root are in it
	}
	if err := writable(path, info, who); err != nil || !info.IsDir() {
		return err
	}
	entries, err := os.ReadDir(path)
	if errors.Is(err, fs.ErrPermission) {
		return nil // only root may read it, like lost+found
	}
	for _, entry := range entries {
		if err := g.within(filepath.Join(path, entry.Name())); err != nil {
			return err
		}
	}
	return err
}

func writable(path string, info fs.FileInfo, who string) error {
	if who == "" {
		return nil
	}
	return &exposure{path, fmt.Sprintf("%s can write to %s (mode %04o).", who, path, info.Mode().Perm()), "chmod go-w " + path}
}

// owner returns who owns the file, and whether that is this account or root.
func (g guard) owner(info fs.FileInfo) (uid int, ok bool) {
	sys, known := info.Sys().(*syscall.Stat_t)
	if !known {
		return -1, false
	}
	uid = int(sys.Uid)
	return uid, g.trusts(uid)
}

func (g guard) trusts(uid int) bool { return uid == g.uid || uid == 0 || uid == g.root }

// writers names somebody else who may write to the file, or returns "" if there is
// nobody. A group without other members, like a user's private group, does not
// count as somebody else.
func (g guard) writers(path string, info fs.FileInfo) string {
	if info.Mode().Perm()&0o002 != 0 {
		return "Every user"
	}
	if info.Mode().Perm()&0o020 == 0 {
		return "" // with an access control list, this is its mask
	}
	users, groups, listed := accessList(path)
	if !listed {
		sys, _ := info.Sys().(*syscall.Stat_t)
		groups = []int{int(sys.Gid)}
	}
	for _, uid := range users {
		if !g.trusts(uid) {
			return "User " + userName(uid)
		}
	}
	for _, gid := range groups {
		if gid == ownGroup {
			sys, _ := info.Sys().(*syscall.Stat_t)
			gid = int(sys.Gid)
		}
		if !g.private(gid) {
			return "Group " + groupName(gid)
		}
	}
	return ""
}

// private reports whether only this account and root are in the group. If the group
// is not in the file, like a group of a domain, its members are not known for sure.
// It is private then if it is this account's primary group and has its name.
func (g guard) private(gid int) bool {
	if gid == 0 {
		return true
	}
	ours := make(map[string]bool)
	others := false
	err := lines(g.users, func(fields []string) {
		if len(fields) < 4 {
			return
		}
		if uid, err := strconv.Atoi(fields[2]); err == nil && (uid == g.uid || uid == 0) {
			ours[fields[0]] = true
		} else if fields[3] == strconv.Itoa(gid) {
			others = true
		}
	})
	if err != nil || others {
		return false
	}
	account, _ := user.LookupId(strconv.Itoa(g.uid))
	if account != nil {
		ours[account.Username] = true
	}
	found := false
	err = lines(g.groups, func(fields []string) {
		if len(fields) < 4 || fields[2] != strconv.Itoa(gid) {
			return
		}
		found = true
		for member := range strings.SplitSeq(fields[3], ",") {
			if member = strings.TrimSpace(member); member != "" && !ours[member] {
				others = true
			}
		}
	})
	if err != nil || others {
		return false
	}
	return found || account != nil && account.Gid == strconv.Itoa(gid) && groupName(gid) == account.Username
}

func lines(file string, each func(fields []string)) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(text)) {
		each(strings.Split(strings.TrimRight(line, "\r\n"), ":"))
	}
	return nil
}

func ownedByOther(path string, uid int) error {
	return &exposure{path, fmt.Sprintf("%s is owned by another user, %s, who could replace its contents.", path, userName(uid)),
		fmt.Sprintf("chown %d %s", os.Geteuid(), path)}
}

func userName(uid int) string {
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return fmt.Sprintf("%s (%d)", u.Username, uid)
	}
	return strconv.Itoa(uid)
}

func groupName(gid int) string {
	if g, err := user.LookupGroupId(strconv.Itoa(gid)); err == nil {
		return g.Name
	}
	return strconv.Itoa(gid)
}
