// Package hardened checks the executables, because nothing else shows that a linker
// ignored a flag or that a later flag reverted it.
package hardened

import (
	"bytes"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"groupwriteback/tests/protocol/client"
)

func TestELF(t *testing.T) {
	path := client.Executable(t)
	file, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()

	if file.Type != elf.ET_DYN || flags(t, file, elf.DT_FLAGS_1)&uint64(elf.DF_1_PIE) == 0 {
		t.Errorf("it is %v: not position-independent, so it lies where everybody knows", file.Type)
	}
	now := flags(t, file, elf.DT_FLAGS)&uint64(elf.DF_BIND_NOW) != 0 ||
		flags(t, file, elf.DT_FLAGS_1)&uint64(elf.DF_1_NOW) != 0
	if !now || !has(file, elf.PT_GNU_RELRO) {
		t.Error("its tables stay writable: no full RELRO")
	}
	for _, program := range file.Progs {
		if program.Type == elf.PT_GNU_STACK && program.Flags&elf.PF_X != 0 {
			t.Error("its stack is executable")
		}
		if program.Flags&(elf.PF_W|elf.PF_X) == elf.PF_W|elf.PF_X {
			t.Errorf("what lies at %#x is writable and executable", program.Vaddr)
		}
	}
	if !has(file, elf.PT_GNU_STACK) {
		t.Error("nothing says that its stack is not executable")
	}
	symbols, err := file.ImportedSymbols()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(symbols, func(s elf.ImportedSymbol) bool { return s.Name == "__stack_chk_fail" }) {
		t.Error("the stacks of what is C are not guarded")
	}
	tellsNoPaths(t, path)
}

func flags(t *testing.T, file *elf.File, tag elf.DynTag) uint64 {
	t.Helper()
	values, err := file.DynValue(tag)
	if err != nil {
		t.Fatal(err)
	}
	var all uint64
	for _, v := range values {
		all |= v
	}
	return all
}

func has(file *elf.File, kind elf.ProgType) bool {
	return slices.ContainsFunc(file.Progs, func(p *elf.Prog) bool { return p.Type == kind })
}

// tellsNoPaths checks that the executable does not contain the paths of its build.
func tellsNoPaths(t *testing.T, path string) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	named := []string{root}
	for _, name := range []string{"GOROOT", "GOMODCACHE", "GOCACHE"} {
		value, err := exec.Command("go", "env", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		named = append(named, string(bytes.TrimSpace(value)))
	}
	for _, folder := range named {
		if bytes.Contains(content, []byte(folder+"/")) {
			t.Errorf("it names %s", folder)
		}
	}
	if found := regexp.MustCompile(`/go-build\d+/`).Find(content); found != nil {
		t.Errorf("it names a folder of the build: %s", found)
	}
}
