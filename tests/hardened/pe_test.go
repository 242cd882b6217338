//go:build wine

package hardened

import (
	"debug/pe"
	"os"
	"strings"
	"testing"
)

func TestPE(t *testing.T) {
	path := os.Getenv("GWB_WINE_ENGINE")
	if path == "" {
		t.Fatal("GWB_WINE_ENGINE is not set: run tests/windows/run")
	}
	file, err := pe.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()

	header, ok := file.OptionalHeader.(*pe.OptionalHeader64)
	if !ok {
		t.Fatal("it is not for 64 bits")
	}
	for name, bit := range map[string]uint16{
		"DYNAMIC_BASE":    pe.IMAGE_DLLCHARACTERISTICS_DYNAMIC_BASE,
		"HIGH_ENTROPY_VA": pe.IMAGE_DLLCHARACTERISTICS_HIGH_ENTROPY_VA,
		"NX_COMPAT":       pe.IMAGE_DLLCHARACTERISTICS_NX_COMPAT,
	} {
		if header.DllCharacteristics&bit == 0 {
			t.Errorf("%s is not set", name)
		}
	}
	// Without relocations, Windows loads it at its link address, whatever the bits say.
	relocations := header.DataDirectory[pe.IMAGE_DIRECTORY_ENTRY_BASERELOC]
	if file.Characteristics&pe.IMAGE_FILE_RELOCS_STRIPPED != 0 || relocations.Size == 0 {
		t.Error("it has no relocations, so it is not moved")
	}
	for _, section := range file.Sections {
		const both = pe.IMAGE_SCN_MEM_WRITE | pe.IMAGE_SCN_MEM_EXECUTE
		if section.Characteristics&both == both {
			t.Errorf("the section %s is writable and executable", section.Name)
		}
	}
	// A library that is not part of Windows would have to be shipped with it.
	imported, err := file.ImportedSymbols()
	if err != nil {
		t.Fatal(err)
	}
	if len(imported) == 0 {
		t.Error("it imports nothing")
	}
	for _, symbol := range imported {
		_, library, _ := strings.Cut(symbol, ":")
		if library = strings.ToLower(library); library != "kernel32.dll" && library != "msvcrt.dll" {
			t.Errorf("it needs %s for %s", library, symbol)
		}
	}
	tellsNoPaths(t, path)
}
