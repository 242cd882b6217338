package protocol

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const root = "../.."

// TestErrorIDsAreDocumented compares the error ids in the Go sources with the table
// "Error ids" of docs/protocol.md, in both directions. It also compares the categories
// of ids if the source names both in one place.
func TestErrorIDsAreDocumented(t *testing.T) {
	inSource := map[string]map[string]bool{} // categories by id
	for _, folder := range []string{"cmd", "internal", "state"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case entry.IsDir() && (strings.HasSuffix(path, "test") || entry.Name() == "testdata"):
				return filepath.SkipDir
			case entry.IsDir():
				return collectPackage(path, inSource)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	documented := documentedIDs(t)
	for _, id := range slices.Sorted(maps.Keys(inSource)) {
		categories, ok := documented[id]
		if !ok {
			t.Errorf("%s (%s) is missing in docs/protocol.md", id, strings.Join(slices.Sorted(maps.Keys(inSource[id])), ", "))
			continue
		}
		for category := range inSource[id] {
			if !slices.Contains(categories, category) {
				t.Errorf("%s has the category %s in the source, and %v in docs/protocol.md", id, category, categories)
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(documented)) {
		if inSource[id] == nil {
			t.Errorf("%s is in docs/protocol.md, and nowhere in the source", id)
		}
	}
	if len(inSource) < 50 {
		t.Errorf("only %d error ids were found in the source: the search is broken", len(inSource))
	}
}

var idRow = regexp.MustCompile("(?m)^\\| `([A-Z][A-Za-z]+)` \\| ([A-Za-z, `]+) \\| (.+) \\| (.+) \\|$")

func documentedIDs(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "docs", "protocol.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(text), "\n## Error ids\n")
	if !ok {
		t.Fatal(`docs/protocol.md has no section "Error ids"`)
	}
	out := map[string][]string{}
	var last string
	for _, m := range idRow.FindAllStringSubmatch(table, -1) {
		if m[1] <= last {
			t.Errorf("the error id %s stands after %s", m[1], last)
		}
		last = m[1]
		out[m[1]] = strings.Split(strings.ReplaceAll(m[2], "`", ""), ", ")
	}
	return out
}

// categories maps the names of the engine's constants to their values.
var categories = map[string]string{
	"InvalidArgument": "InvalidArgument", "ObjectNotFound": "ObjectNotFound", "PermissionDenied": "PermissionDenied",
	"Authentication": "AuthenticationError", "Connection": "ConnectionError", "InvalidState": "InvalidOperation",
	"ResourceBusy": "ResourceBusy", "LimitsExceeded": "LimitsExceeded", "InvalidData": "InvalidData",
	"Stopped": "OperationStopped", "NotSpecified": "NotSpecified",
}

// collectPackage adds the error ids in a package's sources: in the field ID or ErrorID
// of a composite literal or an assignment, in tables with a field id, and in arguments
// for a parameter id.
func collectPackage(folder string, found map[string]map[string]bool) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	var files []*ast.File
	for _, entry := range entries {
		if name := entry.Name(); strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") {
			file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(folder, name), nil, 0)
			if err != nil {
				return err
			}
			files = append(files, file)
		}
	}
	parameters := map[string]int{} // position of the parameter id, by function
	for _, file := range files {
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok {
				if i := fieldIndex(f.Type.Params); i >= 0 {
					parameters[f.Name.Name] = i
				}
			}
		}
	}
	add := func(id, category ast.Expr) {
		literal, ok := id.(*ast.BasicLit)
		if !ok || literal.Kind != token.STRING {
			return
		}
		name, err := strconv.Unquote(literal.Value)
		if err != nil || !regexp.MustCompile(`^[A-Z][A-Za-z]+$`).MatchString(name) {
			return
		}
		if found[name] == nil {
			found[name] = map[string]bool{}
		}
		if c := categories[lastName(category)]; c != "" {
			found[name][c] = true
		}
	}
	for _, file := range files {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CompositeLit:
				var id, category ast.Expr
				for _, element := range n.Elts {
					if pair, ok := element.(*ast.KeyValueExpr); ok {
						switch lastName(pair.Key) {
						case "ID", "ErrorID", "id":
							id = pair.Value
						case "Category":
							category = pair.Value
						}
					}
				}
				add(id, category)
				if i := fieldIndex(elementFields(n.Type)); i >= 0 {
					for _, element := range n.Elts {
						if pair, ok := element.(*ast.KeyValueExpr); ok {
							element = pair.Value
						}
						if row, ok := element.(*ast.CompositeLit); ok && i < len(row.Elts) {
							add(row.Elts[i], nil)
						}
					}
				}
			case *ast.AssignStmt:
				var category ast.Expr
				for i, left := range n.Lhs {
					if i < len(n.Rhs) && lastName(left) == "Category" {
						category = n.Rhs[i]
					}
				}
				for i, left := range n.Lhs {
					if name := lastName(left); i < len(n.Rhs) && (name == "ID" || name == "ErrorID") {
						add(n.Rhs[i], category)
					}
				}
			case *ast.ValueSpec: // a stop reason that is also an error id
				for i, name := range n.Names {
					if n.Type == nil && strings.HasPrefix(name.Name, "Stop") && i < len(n.Values) {
						add(n.Values[i], nil)
					}
				}
			case *ast.CallExpr:
				if i, ok := parameters[lastName(n.Fun)]; ok && i < len(n.Args) {
					add(n.Args[i], nil)
				}
			}
			return true
		})
	}
	return nil
}

func lastName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}

// elementFields returns the fields of the elements of a slice or map if their type is
// written out.
func elementFields(t ast.Expr) *ast.FieldList {
	switch t := t.(type) {
	case *ast.ArrayType:
		if s, ok := t.Elt.(*ast.StructType); ok {
			return s.Fields
		}
	case *ast.MapType:
		if s, ok := t.Value.(*ast.StructType); ok {
			return s.Fields
		}
	}
	return nil
}

// fieldIndex returns the position of the field or parameter named id, or -1.
func fieldIndex(list *ast.FieldList) int {
	if list == nil {
		return -1
	}
	i := 0
	for _, field := range list.List {
		for _, name := range field.Names {
			if name.Name == "id" {
				return i
			}
			i++
		}
	}
	return -1
}
