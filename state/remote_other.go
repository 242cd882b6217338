//go:build unix && !linux

package state

// networkFileSystem finds no network file system: these systems are only for
// development.
func networkFileSystem(string) (string, error) { return "", nil }
