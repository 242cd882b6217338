package protocol

import (
	"bytes"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
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

// TestBuiltEngineIsHardened looks at the executable itself: a flag that a
// linker does not know, or a later one takes back, shows nowhere else.
func TestBuiltEngineIsHardened(t *testing.T) {
	path := client.Executable(t)
	f, err := elf.Open(path)
	if err != nil {
		t.Skip("no ELF file: ", err)
	}
	defer f.Close()
	if f.Type != elf.ET_DYN {
		t.Errorf("the type is %v: no PIE", f.Type)
	}
	has := func(kind elf.ProgType) bool {
		return slices.ContainsFunc(f.Progs, func(p *elf.Prog) bool { return p.Type == kind })
	}
	if !has(elf.PT_GNU_RELRO) {
		t.Error("no RELRO")
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_GNU_STACK && p.Flags&elf.PF_X != 0 {
			t.Error("the stack is executable")
		}
	}
	flags := func(tag elf.DynTag) (all uint64) {
		values, err := f.DynValue(tag)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range values {
			all |= v
		}
		return all
	}
	if flags(elf.DT_FLAGS)&uint64(elf.DF_BIND_NOW) == 0 && flags(elf.DT_FLAGS_1)&uint64(elf.DF_1_NOW) == 0 {
		t.Error("no BIND_NOW, so RELRO is not full")
	}
	if flags(elf.DT_FLAGS_1)&uint64(elf.DF_1_PIE) == 0 {
		t.Error("it does not say that it is a PIE")
	}
	symbols, err := f.ImportedSymbols()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(symbols, func(s elf.ImportedSymbol) bool { return s.Name == "__stack_chk_fail" }) {
		t.Error("no stack protector in what is C")
	}

	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	modules, err := exec.Command("go", "env", "GOMODCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{root + "/cmd", root + "/state", root + "/internal", strings.TrimSpace(string(modules)) + "/github.com"} {
		if bytes.Contains(content, []byte(folder)) {
			t.Errorf("it holds the path %s of the machine that built it", folder)
		}
	}
}
