package state

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"groupwriteback/internal/contract"
)

// Folder returns path as an absolute path. If path is empty, it returns the default
// folder: %ProgramData%\GroupWriteback on Windows, /var/lib/groupwriteback for root,
// otherwise groupwriteback in $XDG_STATE_HOME or ~/.local/state. It does not look at
// the folder or create it.
func Folder(path string) (string, error) {
	if path == "" {
		return defaultFolder()
	}
	if strings.ContainsRune(path, 0) {
		return "", unusable(strings.ReplaceAll(path, "\x00", `\0`), "The path contains a null character.", nil)
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return "", unusable(path, "The absolute path cannot be determined.", err)
	}
	return absolute, nil
}

// Find reports whether the folder holds a state. It checks an existing folder as
// [Open] does and creates nothing if there is none. Errors: StateFolderRemote,
// StateFolderInsecure, StateFolderUnusable.
func Find(folder, serviceAccount string) (bool, error) {
	switch _, err := os.Lstat(folder); {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, unusable(folder, "The state folder cannot be examined.", err)
	}
	if err := secureFolder(folder, serviceAccount); err != nil {
		return false, err
	}
	for _, name := range []string{databaseName, settingsName} {
		if there, err := regularFile(filepath.Join(folder, name)); there || err != nil {
			return there, err
		}
	}
	return false, nil
}

// unusable returns the error for a file or folder that cannot be used.
func unusable(path, message string, cause error) error {
	return &contract.Error{Category: contract.PermissionDenied, ID: "StateFolderUnusable", Object: path, Message: message, Err: cause,
		Advice: "Check the path, and that this account can create, read and write files there, or specify another folder with -StatePath."}
}

func insecure(folder, message, advice string) error {
	return &contract.Error{Category: contract.PermissionDenied, ID: "StateFolderInsecure", Object: folder, Message: message, Advice: advice}
}

func remote(folder, kind string) error {
	return &contract.Error{Category: contract.InvalidArgument, ID: "StateFolderRemote", Object: folder,
		Message: "The state folder is on a network drive (" + kind + "), where file locks are not reliable enough for a database.",
		Advice:  "Specify a folder on a local disk with -StatePath."}
}

var errNoHome = errors.New("neither XDG_STATE_HOME nor a home folder is known")
