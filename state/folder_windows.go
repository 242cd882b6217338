package state

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

func defaultFolder() (string, error) {
	// From the system rather than from the environment, which the caller sets.
	data, err := windows.KnownFolderPath(windows.FOLDERID_ProgramData, windows.KF_FLAG_DEFAULT)
	if err != nil {
		return "", unusable(`%ProgramData%`, "The folder for data of programs is not known.", err)
	}
	return filepath.Join(data, "GroupWriteback"), nil
}

// secureFolder creates the folder with a protected access control list that
// holds SYSTEM, Administrators, this account and the service account, or checks
// that nobody else may write to one that is there.
func secureFolder(folder, serviceAccount string) error {
	if kind := remotePath(folder); kind != "" {
		return remote(folder, kind)
	}
	trusted, err := trustedSIDs(serviceAccount)
	if err != nil {
		return unusable(folder, "The accounts that are to have access to the state folder cannot be found.", err)
	}
	if err := os.MkdirAll(filepath.Dir(folder), 0o700); err != nil {
		return unusable(folder, "The folder above the state folder cannot be created.", err)
	}
	access, err := accessFor(trusted)
	if err != nil {
		return unusable(folder, "The access control list of the state folder cannot be made.", err)
	}
	name, err := windows.UTF16PtrFromString(folder)
	if err != nil {
		return unusable(folder, "This is not a path.", err)
	}
	// The list goes with the creation: the folder is never there without it.
	err = windows.CreateDirectory(name, &windows.SecurityAttributes{
		Length: uint32(unsafe.Sizeof(windows.SecurityAttributes{})), SecurityDescriptor: access})
	switch {
	case errors.Is(err, windows.ERROR_ALREADY_EXISTS):
		if err := checkAccess(folder, trusted); err != nil {
			return err
		}
		if serviceAccount != "" {
			if err := grant(folder, access); err != nil {
				return unusable(folder, "The service account cannot be given access to the state folder.", err)
			}
		}
	case err != nil:
		return unusable(folder, "The state folder cannot be created.", err)
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

// remotePath names the kind of network drive, empty for a local path.
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

// trustedSIDs are the accounts that may write: SYSTEM and Administrators, who
// could anyway, this account, and the service account.
func trustedSIDs(serviceAccount string) ([]*windows.SID, error) {
	var sids []*windows.SID
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

// fileDeleteChild is FILE_DELETE_CHILD of winnt.h.
const fileDeleteChild = 0x40

// accessAllowedCallback is ACCESS_ALLOWED_CALLBACK_ACE_TYPE of winnt.h: it
// allows on a condition, which is taken to be met.
const accessAllowedCallback = 9

// writing are the rights with which files of the folder can be replaced or
// changed, or the right to do so be taken.
const writing = windows.FILE_WRITE_DATA | windows.FILE_APPEND_DATA | fileDeleteChild | windows.DELETE |
	windows.WRITE_DAC | windows.WRITE_OWNER | windows.GENERIC_WRITE | windows.GENERIC_ALL

func checkAccess(folder string, trusted []*windows.SID) error {
	info, err := os.Stat(folder)
	if err != nil {
		return unusable(folder, "The state folder cannot be examined.", err)
	}
	if !info.IsDir() {
		return unusable(folder, "This is not a folder.", nil)
	}
	sd, err := windows.GetNamedSecurityInfo(folder, windows.SE_FILE_OBJECT, windows.OWNER_SECURITY_INFORMATION|windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return unusable(folder, "The access control list of the state folder cannot be read.", err)
	}
	advice := fmt.Sprintf("Name a folder that does not exist yet, which is then created with the right permissions, or take the right away: icacls \"%s\" /inheritance:r /grant:r *S-1-5-18:(OI)(CI)F *S-1-5-32-544:(OI)(CI)F \"%%USERNAME%%\":(OI)(CI)F", folder)
	owner, _, err := sd.Owner()
	if err != nil || owner == nil {
		return unusable(folder, "The owner of the state folder is not known.", err)
	}
	if !isTrusted(owner, trusted) {
		return insecure(folder, fmt.Sprintf("The state folder belongs to %s, who could replace its files.", accountName(owner)), advice)
	}
	dacl, _, err := sd.DACL()
	if err != nil || dacl == nil {
		return insecure(folder, "The state folder has no access control list: everyone may write to it.", advice)
	}
	stranger, err := strangerWhoWrites(dacl, trusted)
	if err != nil {
		return unusable(folder, "The access control list of the state folder cannot be read.", err)
	}
	if stranger != nil {
		return insecure(folder, fmt.Sprintf("%s may write to the state folder.", accountName(stranger)), advice)
	}
	return nil
}

// isTrusted takes the accounts that are given, those that stand for the owner,
// who is checked, and TrustedInstaller, who owns the system's own folders.
func isTrusted(sid *windows.SID, trusted []*windows.SID) bool {
	return slices.ContainsFunc(trusted, sid.Equals) ||
		sid.IsWellKnown(windows.WinCreatorOwnerSid) || sid.IsWellKnown(windows.WinCreatorOwnerRightsSid) ||
		sid.String() == "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"
}

// strangerWhoWrites returns the first account beside the trusted ones whom the
// list allows to write, to the folder or to what is below; nil for none. What
// the list denies is not made use of: that is safe, and the order of entries
// does not matter then.
func strangerWhoWrites(dacl *windows.ACL, trusted []*windows.SID) (*windows.SID, error) {
	for i := range uint32(dacl.AceCount) {
		var ace *windows.ACCESS_ALLOWED_ACE
		if err := windows.GetAce(dacl, i, &ace); err != nil {
			return nil, err
		}
		allows := ace.Header.AceType == windows.ACCESS_ALLOWED_ACE_TYPE || ace.Header.AceType == accessAllowedCallback
		if !allows || ace.Mask&writing == 0 {
			continue
		}
		if sid := (*windows.SID)(unsafe.Pointer(&ace.SidStart)); !isTrusted(sid, trusted) {
			return sid, nil
		}
	}
	return nil, nil
}

func accountName(sid *windows.SID) string {
	account, domain, _, err := sid.LookupAccount("")
	if err != nil {
		return sid.String()
	}
	return domain + `\` + account
}

// replaceFile puts a finished file in the place of another. Virus scanners and
// backups hold files open for moments, so it is tried for a while.
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
		return unusable(from, "This is not a path.", err)
	}
	toName, err := windows.UTF16PtrFromString(to)
	if err != nil {
		return unusable(to, "This is not a path.", err)
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
