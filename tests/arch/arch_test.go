// Package arch tests that the code has the structure that docs/architecture.md describes.
package arch

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "groupwriteback"

// mayImport lists for each package which of our packages it may import. An entry also
// holds for the packages below it. A package without an entry fails the test, so that
// every new package gets a place.
var mayImport = map[string][]string{
	"internal/directory":        {},
	"internal/expression":       {},
	"internal/descriptor":       {"internal/directory"},
	"internal/rights":           {"internal/descriptor", "internal/directory"},
	"internal/exchange":         {"internal/directory"},
	"internal/plan":             {"internal/expression", "internal/exchange", "internal/directory"},
	"internal/contract":         {"internal/ldif", "internal/rights", "internal/descriptor", "internal/plan", "internal/exchange", "internal/directory"},
	"internal/ldif":             {},
	"internal/batch":            {},
	"internal/identity":         {"internal/contract", "internal/batch", "internal/plan", "internal/directory"},
	"internal/owner":            {"internal/contract", "internal/batch", "internal/plan", "internal/directory"},
	"internal/run":              {"internal/ldif", "internal/rights", "internal/expression", "internal/owner", "internal/identity", "internal/batch", "internal/contract", "internal/plan", "internal/exchange", "internal/directory"},
	"internal/command":          {"internal/expression", "internal/rights", "internal/descriptor", "internal/run", "internal/owner", "internal/identity", "internal/batch", "internal/contract", "internal/plan", "internal/exchange", "internal/directory"},
	"internal/graph":            {"internal/contract", "internal/plan", "internal/directory"},
	"internal/graph/graphtest":  {},
	"internal/ad":               {"internal/ldif", "internal/rights", "internal/descriptor", "internal/contract", "internal/plan", "internal/exchange", "internal/directory"},
	"internal/ad/kerberos":      {},
	"internal/ad/adtest/server": {},
	"state":                     {"internal/descriptor", "internal/contract", "internal/identity", "internal/plan", "internal/directory"},
	"internal/stdio":            {"internal/command", "internal/identity", "internal/contract", "internal/plan", "internal/exchange", "internal/directory"},
	"cmd":                       {"internal/", "state"},
	"tests/lab/tenant":          {"internal/graph/graphtest"},
	"tests/protocol":            {},
	"tests/demo":                {"tests/protocol/client"},
	"tests/bench": {"tests/protocol/client", "internal/graph/graphtest", "internal/ad/adtest/server",
		"internal/command", "internal/contract", "internal/plan", "internal/exchange", "internal/directory", "state"},
	"tests/module/fakeengine": {},
}

// onlyIn says for packages of others which one of our packages may import them.
var onlyIn = map[string]string{
	"github.com/microsoftgraph/":         "internal/graph",
	"github.com/microsoft/kiota":         "internal/graph",
	"github.com/Azure/":                  "internal/graph",
	"github.com/AzureAD/":                "internal/graph",
	"github.com/golang-jwt/":             "internal/graph",
	"software.sslmate.com/src/go-pkcs12": "internal/graph",
	"github.com/go-ldap/":                "internal/ad",
	"github.com/jcmturner/":              "internal/ad/kerberos",
	"github.com/mattn/go-sqlite3":        "state",
	"github.com/pressly/goose":           "state",
	"github.com/gofrs/flock":             "state",
	"database/sql":                       "state",
	"github.com/creachadair/jrpc2":       "internal/stdio",
	"github.com/dlclark/regexp2":         "internal/expression",
}

// standardOnly lists the packages that import no packages of others at all.
var standardOnly = []string{"internal/directory", "internal/descriptor", "internal/exchange", "internal/plan", "internal/ldif", "internal/graph/graphtest", "tests/module/fakeengine"}

type goPackage struct {
	ImportPath string
	Imports    []string
	Standard   bool
}

func list(t *testing.T) []goPackage {
	t.Helper()
	command := exec.Command("go", "list", "-json=ImportPath,Imports", "./...")
	command.Dir = filepath.Join("..", "..")
	out, err := command.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var packages []goPackage
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
	if len(packages) < 8 {
		t.Fatalf("go list found only %d packages", len(packages))
	}
	return packages
}

// rule returns the entry of mayImport that holds for a package: the longest one that
// matches.
func rule(path string) (string, bool) {
	best, found := "", false
	for entry := range mayImport {
		if (path == entry || strings.HasPrefix(path, entry+"/")) && len(entry) >= len(best) {
			best, found = entry, true
		}
	}
	return best, found
}

func TestImportsPointOneWay(t *testing.T) {
	for _, p := range list(t) {
		path := strings.TrimPrefix(p.ImportPath, module+"/")
		entry, known := rule(path)
		if !known && len(p.Imports) > 0 { // a folder with only tests imports nothing
			t.Errorf("%s has no place in the architecture: add it to mayImport and docs/architecture.md", path)
			continue
		}
		for _, imported := range p.Imports {
			if ours, ok := strings.CutPrefix(imported, module+"/"); ok {
				within := ours == entry || strings.HasPrefix(ours, entry+"/")
				allowed := slices.ContainsFunc(mayImport[entry], func(m string) bool {
					return ours == m || strings.HasSuffix(m, "/") && strings.HasPrefix(ours, m)
				})
				if !within && !allowed {
					t.Errorf("%s imports %s", path, ours)
				}
				continue
			}
			first, _, _ := strings.Cut(imported, "/")
			if strings.Contains(first, ".") && slices.Contains(standardOnly, entry) {
				t.Errorf("%s imports %s; it is to use the standard library alone", path, imported)
			}
			for prefix, home := range onlyIn {
				if strings.HasPrefix(imported, prefix) && path != home && !strings.HasPrefix(path, home+"/") {
					t.Errorf("%s imports %s, which only %s may", path, imported, home)
				}
			}
		}
	}
}

// TestModuleKnowsOnlyTheProtocol: the module talks only to the engine, so it names no
// type of LDAP, Graph or a database.
func TestModuleKnowsOnlyTheProtocol(t *testing.T) {
	scripts := 0
	err := filepath.WalkDir(filepath.Join("..", "..", "module"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && (strings.HasSuffix(path, ".ps1") || strings.HasSuffix(path, ".psm1")) && !strings.Contains(path, "runbooks") {
			scripts++
			for _, word := range []string{"DirectoryServices", "Microsoft.Graph", "sqlite", "Invoke-MgGraph"} {
				if found, err := contains(path, word); err != nil || found {
					t.Errorf("%s names %s (%v)", path, word, err)
				}
			}
		}
		return err
	})
	if err != nil || scripts == 0 {
		t.Errorf("walked %d scripts: %v", scripts, err)
	}
}

func contains(path, word string) (bool, error) {
	text, err := os.ReadFile(path)
	return strings.Contains(strings.ToLower(string(text)), strings.ToLower(word)), err
}
