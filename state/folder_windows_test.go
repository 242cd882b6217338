package state

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/windows"

	"groupwriteback/internal/descriptor"
	"groupwriteback/internal/directory"
)

// makeFolder creates a folder with this access control list.
func makeFolder(t *testing.T, sddl string) string {
	t.Helper()
	folder := newFolder(t)
	sd, err := windows.SecurityDescriptorFromString(sddl)
	must(t, err)
	name, err := windows.UTF16PtrFromString(folder)
	must(t, err)
	must(t, windows.CreateDirectory(name, &windows.SecurityAttributes{Length: uint32(unsafe.Sizeof(windows.SecurityAttributes{})), SecurityDescriptor: sd}))
	return folder
}

func ownSID(t *testing.T) string {
	t.Helper()
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	must(t, err)
	return user.User.Sid.String()
}

func TestCreatedFolderIsProtected(t *testing.T) {
	needsAccessControl(t)
	folder := newFolder(t)
	s, err := Options{ServiceAccount: "S-1-5-19"}.Open(context.Background(), folder)
	must(t, err)
	must(t, s.Close())
	sd, err := windows.GetNamedSecurityInfo(folder, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION)
	must(t, err)
	dacl, _, err := sd.DACL()
	must(t, err)
	var sids []string
	for i := range uint32(dacl.AceCount) {
		var ace *windows.ACCESS_ALLOWED_ACE
		must(t, windows.GetAce(dacl, i, &ace))
		sids = append(sids, (*windows.SID)(unsafe.Pointer(&ace.SidStart)).String())
	}
	slices.Sort(sids)
	want := []string{"S-1-5-18", "S-1-5-19", "S-1-5-32-544", ownSID(t)}
	slices.Sort(want)
	if !slices.Equal(slices.Compact(sids), want) {
		t.Errorf("access for %v, want %v", sids, want)
	}
	openState(t, folder) // Open accepts what it created
}

// TestStrangersWhoWrite reads the descriptors that the system writes. TestStrangers
// tests what the entries mean for each place.
func TestStrangersWhoWrite(t *testing.T) {
	own := ownSID(t)
	trusted := func(sid directory.SID) bool {
		return string(sid) == own || sid == "S-1-5-19" || administers(sid, directory.SID(own))
	}
	for entries, want := range map[string]directory.SID{
		"(A;OICI;FA;;;WD)":       "S-1-1-0",  // everyone
		"(A;OICI;0x1301bf;;;AU)": "S-1-5-11", // authenticated users may modify
		"(A;OICI;0x1200a9;;;BU)(A;CIIO;0x4;;;S-1-5-21-1-2-3-4)": "S-1-5-21-1-2-3-4", // a stranger may add something further down
		"(A;;WO;;;S-1-5-21-1-2-3-4)":                            "S-1-5-21-1-2-3-4", // or become the owner
		"(A;OICI;GA;;;S-1-5-20)":                                "S-1-5-20",         // everything, as a generic right
		"(A;OICI;0x1200a9;;;BU)(D;OICI;FA;;;S-1-5-21-1-2-3-4)":  "",                 // may read; is denied
		"(A;OICI;FA;;;BA)(A;OICIIO;FA;;;CO)(A;OICI;FA;;;LS)":    "",                 // Administrators, the creator, the service account
	} {
		sd, err := windows.SecurityDescriptorFromString("O:SYD:P(A;OICI;FA;;;SY)(A;OICI;FA;;;" + own + ")" + entries)
		must(t, err)
		d, err := descriptor.Parse(unsafe.Slice((*byte)(unsafe.Pointer(sd)), sd.Length()))
		must(t, err)
		if got := stranger(d, guarded, trusted); got != want {
			t.Errorf("%s: %q may write, want %q", entries, got, want)
		}
	}
}

func TestInsecureParent(t *testing.T) {
	needsAccessControl(t)
	parent := makeFolder(t, "D:P(A;OICI;FA;;;"+ownSID(t)+")(A;;0x40;;;BU)") // users may delete its content
	_, err := Open(context.Background(), filepath.Join(parent, "state"))
	wantID(t, err, "StateFolderInsecure")
}

func TestInsecureFolder(t *testing.T) {
	needsAccessControl(t)
	folder := makeFolder(t, "D:P(A;OICI;FA;;;"+ownSID(t)+")(A;OICI;FA;;;WD)")
	_, err := Open(context.Background(), folder)
	if e := wantID(t, err, "StateFolderInsecure"); !strings.Contains(e.Advice, "icacls") {
		t.Errorf("%+v", e)
	}
}

// needsAccessControl skips the test under Wine, which stores no access control lists
// but makes them up from the modes of the underlying files.
func needsAccessControl(t *testing.T) {
	t.Helper()
	if onWine() {
		t.Skip("Wine keeps no access control lists")
	}
}

func TestRemoteFolders(t *testing.T) {
	for _, folder := range []string{`\\server\share\state`, `//server/share/state`, `\\?\UNC\server\share\state`, `\\?\unc\server\share`} {
		_, err := Open(context.Background(), folder)
		wantID(t, err, "StateFolderRemote")
	}
	for _, folder := range []string{`C:\state`, `\\?\C:\state`} {
		if kind := remotePath(folder); kind != "" {
			t.Errorf("%s is said to be %s", folder, kind)
		}
	}
}

func TestDefaultFolder(t *testing.T) {
	folder, err := Folder("")
	must(t, err)
	if !filepath.IsAbs(folder) || filepath.Base(folder) != "GroupWriteback" {
		t.Errorf("%q", folder)
	}
}
