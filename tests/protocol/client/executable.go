package client

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
)

var build = sync.OnceValues(func() (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	name := filepath.Join(root, "bin", "groupwriteback")
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	command := exec.Command("cmd/hardened", "go", "build", "-o", name, "./cmd/groupwriteback")
	if runtime.GOOS == "windows" {
		command = exec.Command("go", "build", "-o", name, "./cmd/groupwriteback")
	}
	command.Dir = root
	command.Stderr = os.Stderr
	return name, command.Run()
})

// Executable returns the path of the engine: the value of GROUPWRITEBACK_ENGINE or, if
// it is not set, bin/groupwriteback, which is built once in each test process.
func Executable(t testing.TB) string {
	t.Helper()
	if path := os.Getenv("GROUPWRITEBACK_ENGINE"); path != "" {
		return path
	}
	path, err := build()
	if err != nil {
		t.Fatalf("build the engine: %v", err)
	}
	return path
}

// moduleRoot returns the folder above the working directory that has go.mod.
func moduleRoot() (string, error) {
	folder, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			return folder, nil
		}
		if filepath.Dir(folder) == folder {
			return "", os.ErrNotExist
		}
		folder = filepath.Dir(folder)
	}
}
