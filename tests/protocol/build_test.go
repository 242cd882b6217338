package protocol

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"groupwriteback/tests/protocol/client"
)

func TestVersionIsTheModules(t *testing.T) {
	manifest, err := os.ReadFile("../../GroupWriteback.psd1")
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`ModuleVersion\s*=\s*'([^']+)'`).FindSubmatch(manifest)
	if version == nil {
		t.Fatal("the manifest names no version")
	}
	out, err := exec.Command(client.Executable(t), "--version").Output()
	if got := strings.TrimSpace(string(out)); err != nil || got != string(version[1]) {
		t.Errorf("the engine is of version %q, %v; the module of %s. Build it with make build", got, err, version[1])
	}
}
