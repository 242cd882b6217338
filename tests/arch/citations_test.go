package arch

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	// cited matches a test as documents name it. graph.TestPresence... means all
	// tests of package graph whose names begin with TestPresence.
	cited = regexp.MustCompile(`(?:([a-z]+(?:/[a-z]+)*)\.)?\b(Test[A-Z]\w*)(\.\.\.)?`)
	// citedScenarios matches a list of scenarios, which have the names of their
	// files. The word suite may follow the list, with a part of the suite.
	citedScenarios = regexp.MustCompile(`\bscenarios? ([a-z0-9-]+(?:(?:, | and )[a-z0-9-]+)*)`)
	citedPester    = regexp.MustCompile(`\b(\w+\.Tests\.ps1)\b`)
	testFunction   = regexp.MustCompile(`(?m)^func (Test\w+)\(`)
)

// TestCitedTestsExist checks that the tests, scenarios and Pester files which documents
// name exist.
func TestCitedTestsExist(t *testing.T) {
	root := filepath.Join("..", "..")
	tests := map[string][]string{} // folders by name of the test
	for _, top := range []string{"cmd", "internal", "state", "tests"} {
		err := filepath.WalkDir(filepath.Join(root, top), func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			for _, m := range testFunction.FindAllSubmatch(text, -1) {
				tests[string(m[1])] = append(tests[string(m[1])], filepath.ToSlash(filepath.Dir(path)))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	exists := func(folder, name string, prefix bool) bool {
		for known, folders := range tests {
			if known != name && !(prefix && strings.HasPrefix(known, name)) {
				continue
			}
			for _, f := range folders {
				if folder == "" || strings.HasSuffix(f, "/"+folder) {
					return true
				}
			}
		}
		return false
	}
	for _, document := range []string{"rules.md", "security.md"} {
		text, err := os.ReadFile(filepath.Join(root, "docs", document))
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for _, m := range cited.FindAllStringSubmatch(string(text), -1) {
			if found++; !exists(m[1], m[2], m[3] != "") {
				t.Errorf("%s names the test %s, which is nowhere", document, m[0])
			}
		}
		for line := range strings.Lines(string(text)) {
			if !strings.HasPrefix(line, "`") && !strings.HasPrefix(line, "|") {
				continue // prose
			}
			for _, m := range citedScenarios.FindAllStringSubmatch(line, -1) {
				for _, name := range regexp.MustCompile(`, | and `).Split(m[1], -1) {
					if name == "suite" {
						break
					}
					if _, err := os.Stat(filepath.Join(root, "tests", "scenarios", "testdata", name+".txtar")); err != nil {
						t.Errorf("%s names the scenario %s, which is nowhere", document, name)
					}
				}
			}
		}
		for _, m := range citedPester.FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join(root, "tests", "module", m[1])); err != nil {
				t.Errorf("%s names %s, which is nowhere", document, m[1])
			}
		}
		if found < 20 {
			t.Errorf("%s names %d tests: the search is broken", document, found)
		}
	}
}

// citedFile matches a file as documents name it: by its path or by the end of its path.
var citedFile = regexp.MustCompile("`((?:[A-Za-z0-9_.-]+/)+[A-Za-z0-9_.-]+\\.(?:go|ps1|psm1|sql|txtar|md))`")

// TestCitedFilesExist checks that the files which documents name exist.
func TestCitedFilesExist(t *testing.T) {
	root := filepath.Join("..", "..")
	var files []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == ".git" || d.Name() == "out") {
			return filepath.SkipDir
		}
		relative, err := filepath.Rel(root, path)
		files = append(files, "/"+filepath.ToSlash(relative))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	documents, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, document := range append(documents, filepath.Join(root, "README.md"), filepath.Join(root, "CONTRIBUTING.md")) {
		text, err := os.ReadFile(document)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range citedFile.FindAllStringSubmatch(string(text), -1) {
			found++
			if !slices.ContainsFunc(files, func(f string) bool { return strings.HasSuffix(f, "/"+m[1]) }) {
				t.Errorf("%s names %s, which is nowhere", filepath.Base(document), m[1])
			}
		}
	}
	if found < 50 {
		t.Errorf("found only %d files", found)
	}
}
