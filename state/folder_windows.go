package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"

	"groupwriteback/internal/descriptor"
	"groupwriteback/internal/directory"
)

func defaultFolder() (string, error) {
	// Ask the system, because the caller sets the environment.
	data, err := windows.KnownFolderPath(windows.FOLDERID_ProgramData, windows.KF_FLAG_DEFAULT)
	if err != nil {
		return "", unusable(`%ProgramData%`, "The ProgramData folder cannot be determined.", err)
	}
	return filepath.Join(data, "GroupWriteback"), nil
}

// secureFolder creates the folder, or checks an existing one. A new folder gets a
// protected access control list with SYSTEM, Administrators, this account and the
// service account. Nobody else may write to the folder or to anything in it, or
// replace it.
func secureFolder(folder, serviceAccount string) error {
	if kind := remotePath(folder); kind != "" {
		return remote(folder, kind)
	}
	trusted, err := trustedSIDs(serviceAccount)
	if err != nil {
		return unusable(folder, "The accounts that need access to the state folder cannot be found.", err)
	}
	if err := os.MkdirAll(filepath.Dir(folder), 0o700); err != nil {
		return unusable(folder, "The parent of the state folder cannot be created.", err)
	}
	access, err := accessFor(trusted)
	if err != nil {
		return unusable(folder, "The access control list for the state folder cannot be created.", err)
	}
	name, err := windows.UTF16PtrFromString(folder)
	if err != nil {
		return unusable(folder, "This is not a valid path.", err)
	}
	// The folder is created with the list, so it never exists without it.
	err = windows.CreateDirectory(name, &windows.SecurityAttributes{
		Length: uint32(unsafe.Sizeof(windows.SecurityAttributes{})), SecurityDescriptor: access})
	switch {
	case errors.Is(err, windows.ERROR_ALREADY_EXISTS):
		if err := checkWithin(folder, trusted); err != nil {
			return err
		}
		if serviceAccount != "" {
			if err := grant(folder, access); err != nil {
				return unusable(folder, "The service account cannot be granted access to the state folder.", err)
			}
		}
	case err != nil:
		return unusable(folder, "The state folder cannot be created.", err)
	}
	if err := checkAbove(folder, trusted); err != nil {
		return err
	}
	// A junction may lead to another machine.
	final, err := finalPath(name)
	if err != nil {
		return unusable(folder, "The state folder cannot be examined.", err)
	}
	if kind := remotePath(final); kind != "" {
		return remote(folder, kind)
	}
	return nil
}

// remotePath returns the kind of network drive that the path is on, or "" for a
// local path.
func remotePath(path string) string {
	path = filepath.FromSlash(path)
	switch {
	case strings.HasPrefix(strings.ToUpper(path), `\\?\UNC\`):
		return "UNC"
	case strings.HasPrefix(path, `\\?\`), strings.HasPrefix(path, `\\.\`):
		path = path[4:]
	case strings.HasPrefix(path, `\\`):
		return "UNC"
	}
	root, err := windows.UTF16PtrFromString(filepath.VolumeName(path) + `\`)
	if err == nil && windows.GetDriveType(root) == windows.DRIVE_REMOTE {
		return "mapped drive " + filepath.VolumeName(path)
	}
	return ""
}

func finalPath(name *uint16) (string, error) {
	h, err := windows.CreateFile(name, 0, windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE|windows.FILE_SHARE_DELETE,
		nil, windows.OPEN_EXISTING, windows.FILE_FLAG_BACKUP_SEMANTICS, 0)
	if err != nil {
		return "", err
	}
	defer windows.CloseHandle(h)
	b := make([]uint16, windows.MAX_LONG_PATH)
	n, err := windows.GetFinalPathNameByHandle(h, &b[0], uint32(len(b)), 0)
	if err != nil {
		return "", err
	}
	return windows.UTF16ToString(b[:n]), nil
}

const ownIndex = 2

// trustedSIDs returns the accounts that may write: SYSTEM and Administrators,
// which could write anyway, this account, and the service account.
func trustedSIDs(serviceAccount string) ([]*windows.SID, error) {
	var sids []*windows.SID // the SID of this account is at ownIndex
	for _, known := range []windows.WELL_KNOWN_SID_TYPE{windows.WinLocalSystemSid, windows.WinBuiltinAdministratorsSid} {
		sid, err := windows.CreateWellKnownSid(known)
		if err != nil {
			return nil, err
		}
		sids = append(sids, sid)
	}
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return nil, err
	}
	sids = append(sids, user.User.Sid)
	if serviceAccount == "" {
		return sids, nil
	}
	sid, err := windows.StringToSid(serviceAccount)
	if err != nil {
		if sid, _, _, err = windows.LookupSID("", serviceAccount); err != nil {
			return nil, fmt.Errorf("the service account %q: %w", serviceAccount, err)
		}
	}
	return append(sids, sid), nil
}

func accessFor(trusted []*windows.SID) (*windows.SECURITY_DESCRIPTOR, error) {
	sddl := "D:P"
	for _, sid := range trusted {
		sddl += fmt.Sprintf("(A;OICI;FA;;;%s)", sid)
	}
	return windows.SecurityDescriptorFromString(sddl)
}

func grant(folder string, access *windows.SECURITY_DESCRIPTOR) error {
	dacl, _, err := access.DACL()
	if err != nil {
		return err
	}
	return windows.SetNamedSecurityInfo(folder, windows.SE_FILE_OBJECT,
		windows.DACL_SECURITY_INFORMATION|windows.PROTECTED_DACL_SECURITY_INFORMATION, nil, nil, dacl, nil)
}

// checkWithin checks the folder and everything in it.
func checkWithin(folder string, trusted []*windows.SID) error {
	info, err := os.Stat(folder)
	if err != nil {
		return unusable(folder, "The state folder cannot be examined.", err)
	}
	if !info.IsDir() {
		return unusable(folder, "This path is not a folder.", nil)
	}
	return filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // it was removed meanwhile, as files of a database are
		}
		if err != nil {
			return unusable(path, "The state folder cannot be examined.", err)
		}
		if path != folder && entry.Type()&(fs.ModeSymlink|fs.ModeIrregular) != 0 {
			return unusable(path, "The state folder contains a link. Only regular files and folders are allowed there.", nil)
		}
		return checkAccess(path, guarded, trusted)
	})
}

// checkAbove checks each folder above, starting at the volume, and the folders to
// which junctions and symbolic links on the way lead.
func checkAbove(folder string, trusted []*windows.SID) error {
	volume := filepath.VolumeName(folder)
	at, rest := volume+`\`, parts(folder[len(volume):])
	if err := checkAccess(at, root, trusted); err != nil {
		return err
	}
	for links := 0; len(rest) > 0; {
		name := rest[0]
		rest = rest[1:]
		if name == ".." {
			at = filepath.Dir(at)
			continue
		}
		next := filepath.Join(at, name)
		target, err := os.Readlink(next)
		if err != nil { // it is not a link
			if len(rest) > 0 {
				if err := checkAccess(next, above, trusted); err != nil {
					return err
				}
			}
			at = next
			continue
		}
		if err := checkAccess(next, link, trusted); err != nil {
			return err
		}
		if links++; links > maxLinks {
			return unusable(folder, "The path has too many links.", nil)
		}
		if volume := filepath.VolumeName(target); volume != "" {
			at, target = volume+`\`, target[len(volume):]
			if err := checkAccess(at, root, trusted); err != nil {
				return err
			}
		} else if strings.HasPrefix(target, `\`) {
			at = filepath.VolumeName(at) + `\`
		}
		rest = append(parts(target), rest...)
	}
	return nil
}

// maxLinks is the largest number of links that Windows follows in a path.
const maxLinks = 63

func parts(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return r == '\\' || r == '/' })
}

func checkAccess(path string, at place, trusted []*windows.SID) error {
	d, err := descriptorOf(path)
	if errors.Is(err, windows.ERROR_FILE_NOT_FOUND) && at == guarded {
		return nil
	}
	if err != nil {
		return unusable(path, "The access control list cannot be read.", err)
	}
	own := directory.SID(trusted[ownIndex].String())
	who := stranger(d, at, func(sid directory.SID) bool {
		return administers(sid, own) || slices.ContainsFunc(trusted, func(t *windows.SID) bool { return directory.SID(t.String()) == sid })
	})
	advice := "Make Administrators the owner of the folder and remove this right, or specify another folder with -StatePath."
	if at == guarded {
		advice = fmt.Sprintf("Specify a folder that does not exist yet, which is then created with the correct permissions, or remove the right: icacls \"%s\" /inheritance:r /grant:r *S-1-5-18:(OI)(CI)F *S-1-5-32-544:(OI)(CI)F \"%%USERNAME%%\":(OI)(CI)F", path)
	}
	switch {
	case who == "":
		return nil
	case who == d.Owner:
		return insecure(path, fmt.Sprintf("%s is owned by %s, who could replace its contents.", path, accountName(who)), advice)
	case !d.HasDACL():
		return insecure(path, fmt.Sprintf("%s has no access control list, so everyone can write to it.", path), advice)
	case at == guarded:
		return insecure(path, fmt.Sprintf("%s can write to %s.", accountName(who), path), advice)
	}
	return insecure(path, fmt.Sprintf("%s can delete or rename the contents of %s, and so replace the state folder.", accountName(who), path), advice)
}

// descriptorOf reads the security descriptor of a file or folder. For a link, it
// reads that of the link itself.
func descriptorOf(path string) (descriptor.Descriptor, error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return descriptor.Descriptor{}, err
	}
	h, err := windows.CreateFile(name, windows.READ_CONTROL, windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE|windows.FILE_SHARE_DELETE,
		nil, windows.OPEN_EXISTING, windows.FILE_FLAG_BACKUP_SEMANTICS|windows.FILE_FLAG_OPEN_REPARSE_POINT, 0)
	if err != nil {
		return descriptor.Descriptor{}, err
	}
	defer windows.CloseHandle(h)
	sd, err := windows.GetSecurityInfo(h, windows.SE_FILE_OBJECT, windows.OWNER_SECURITY_INFORMATION|windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return descriptor.Descriptor{}, err
	}
	return descriptor.Parse(unsafe.Slice((*byte)(unsafe.Pointer(sd)), sd.Length()))
}

func accountName(name directory.SID) string {
	sid, err := windows.StringToSid(string(name))
	if err != nil {
		return string(name)
	}
	account, domain, _, err := sid.LookupAccount("")
	if err != nil {
		return string(name)
	}
	return domain + `\` + account
}

// syncPath does nothing, because NTFS writes a new entry of a folder to its journal.
func syncPath(string) error { return nil }

// replaceFile replaces a file by another, finished one. It retries for a while,
// because virus scanners and backups hold files open for a moment.
func replaceFile(from, to string) error {
	f, err := os.OpenFile(from, os.O_RDWR, 0)
	if err == nil {
		err = errors.Join(f.Sync(), f.Close())
	}
	if err != nil {
		return unusable(from, "The file cannot be written to the disk.", err)
	}
	fromName, err := windows.UTF16PtrFromString(from)
	if err != nil {
		return unusable(from, "This is not a valid path.", err)
	}
	toName, err := windows.UTF16PtrFromString(to)
	if err != nil {
		return unusable(to, "This is not a valid path.", err)
	}
	for tries := 40; ; tries-- {
		err = windows.MoveFileEx(fromName, toName, windows.MOVEFILE_REPLACE_EXISTING|windows.MOVEFILE_WRITE_THROUGH)
		if err == nil {
			return nil
		}
		if tries == 0 || !errors.Is(err, windows.ERROR_ACCESS_DENIED) && !errors.Is(err, windows.ERROR_SHARING_VIOLATION) {
			return unusable(to, "The file cannot be replaced.", err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}
