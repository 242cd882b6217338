package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// several matches a text that writes a count itself: "%d members", "%d added members".
var several = regexp.MustCompile(`%d ([a-z-]+ )?[a-z]+s\b`)

// neverOne lists parts of texts whose number is never 1, or that count nothing.
var neverOne = []string{
	" bytes", " is ", "was interrupted", "by this one.", // "version 3 is not known"
	"carry the mark of this group", "carry the group's mark", "of the tenant are called that", "runs in a row",
	"within %d pages", "requested at once", "returned %q with", "groups match", "%d has %s instead",
}

// beyondLimit lists whole texts whose number exceeds a limit, so it is not 1.
var beyondLimit = []string{"%d groups", "%d accounts", "%d ids"}

// TestCountsAreSingularOrPlural: texts use directory.Count or Plural for a number of
// things, so that one thing is in the singular.
func TestCountsAreSingularOrPlural(t *testing.T) {
	root := filepath.Join("..", "..")
	for _, folder := range []string{"internal/plan", "internal/contract", "internal/batch", "internal/identity", "internal/owner", "internal/run", "internal/command", "internal/ad", "internal/graph", "internal/stdio", "state", "cmd/groupwriteback"} {
		files, err := os.ReadDir(filepath.Join(root, folder))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if name := file.Name(); strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") {
				for _, text := range countingTexts(t, filepath.Join(root, folder, name)) {
					t.Errorf("%s/%s: %q is wrong of one: use directory.Count or Plural", folder, name, text)
				}
			}
		}
	}
}

func countingTexts(t *testing.T, path string) (texts []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if f, ok := n.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "Plural" {
				return false
			}
		case *ast.BasicLit:
			if text, err := strconv.Unquote(n.Value); err == nil && n.Kind == token.STRING && several.MatchString(text) && !isNeverOne(text) {
				texts = append(texts, text)
			}
		}
		return true
	})
	return texts
}

func isNeverOne(text string) bool {
	return slices.Contains(beyondLimit, text) ||
		slices.ContainsFunc(neverOne, func(part string) bool { return strings.Contains(text, part) })
}
