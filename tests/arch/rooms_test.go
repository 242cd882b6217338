package arch

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// rooms lists files of a package that belong together, by the first of them. Files of a
// room may use one another. Every other file is a room of its own.
var rooms = map[string]map[string][]string{
	"internal/contract": {
		"state.go":   {"generation.go"},
		"waiting.go": {"progress.go"},
	},
	"internal/descriptor": {
		"descriptor.go": {"ace.go", "parse.go"},
	},
	"internal/directory": {},
	"internal/plan": {
		"group.go": {"change.go", "compare.go", "filter.go", "mapping.go", "own.go", "project.go", "release.go", "schema.go", "scope.go",
			"address.go", "addressbook.go", "function.go", "names.go", "naming.go", "owned.go", "owners.go", "pending.go", "recipient.go", "suspend.go"},
		"limits.go": {"hold.go"},
	},
	"internal/identity": {},
	"internal/owner":    {},
	"internal/run": {
		"restore.go":      {"restorehold.go", "restoreplan.go", "restorewrite.go"},
		"run.go":          {"conclusion.go", "consent.go"},
		"course.go":       {"policy.go"},
		"importsource.go": {"changes.go", "reported.go", "users.go", "reading.go", "mailsettings.go", "owners.go"},
		"export.go":       {"comeback.go"},
		"planner.go":      {"former.go", "plan.go", "pairs.go", "presence.go", "release.go"},
	},
	"internal/command": {
		"engine.go": {"connect.go"},
		"test.go":   {"testright.go", "testexchange.go"},
	},
}

// TestArrowsInsideAPackagePointOneWay fails if rooms use one another in a circle.
func TestArrowsInsideAPackagePointOneWay(t *testing.T) {
	t.Chdir(filepath.Join("..", ".."))
	fset := token.NewFileSet()
	from := importer.ForCompiler(fset, "source", nil)
	for _, folder := range slices.Sorted(maps.Keys(rooms)) {
		arrows := arrowsBetween(t, fset, from, folder, roomOf(t, folder))
		if circle := circleIn(arrows); circle != nil {
			t.Errorf("%s: these know each other, in a circle: %s", folder, strings.Join(circle, ", "))
		}
	}
}

// roomOf returns the room of each file in the folder.
func roomOf(t *testing.T, folder string) map[string]string {
	files, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	room := map[string]string{}
	for _, f := range files {
		if name := f.Name(); strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") {
			room[name] = name
		}
	}
	for first, others := range rooms[folder] {
		for _, name := range append([]string{first}, others...) {
			if _, there := room[name]; !there {
				t.Errorf("%s has no file %s", folder, name)
			}
			room[name] = first
		}
	}
	return room
}

// arrowsBetween returns for each room which other rooms it uses.
func arrowsBetween(t *testing.T, fset *token.FileSet, from types.Importer, folder string, room map[string]string) map[string]map[string]bool {
	var files []*ast.File
	for _, name := range slices.Sorted(maps.Keys(room)) {
		file, err := parser.ParseFile(fset, filepath.Join(folder, name), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	info := types.Info{Uses: map[*ast.Ident]types.Object{}}
	config := types.Config{Importer: from}
	checked, err := config.Check(module+"/"+folder, fset, files, &info)
	if err != nil {
		t.Fatal(err)
	}
	in := func(p token.Pos) string { return room[filepath.Base(fset.Position(p).Filename)] }
	arrows := map[string]map[string]bool{}
	for ident, object := range info.Uses {
		if object.Pkg() != checked {
			continue
		}
		if v, ok := object.(*types.Var); ok && !v.IsField() && v.Parent() != checked.Scope() {
			continue // a local variable
		}
		if a, b := in(ident.Pos()), in(object.Pos()); a != b {
			if arrows[a] == nil {
				arrows[a] = map[string]bool{}
			}
			arrows[a][b] = true
		}
	}
	if len(arrows) == 0 {
		t.Errorf("%s has no arrows", folder)
	}
	return arrows
}

// circleIn returns nodes that form a circle, or nil if there is none.
func circleIn(arrows map[string]map[string]bool) []string {
	done := map[string]bool{}
	var path []string
	var walk func(string) []string
	walk = func(node string) []string {
		if i := slices.Index(path, node); i >= 0 {
			return slices.Clone(path[i:])
		}
		if done[node] {
			return nil
		}
		path = append(path, node)
		for _, next := range slices.Sorted(maps.Keys(arrows[node])) {
			if circle := walk(next); circle != nil {
				return circle
			}
		}
		path = path[:len(path)-1]
		done[node] = true
		return nil
	}
	for _, node := range slices.Sorted(maps.Keys(arrows)) {
		if circle := walk(node); circle != nil {
			return circle
		}
	}
	return nil
}

// TestCircles tests that circleIn finds circles.
func TestCircles(t *testing.T) {
	to := func(nodes ...string) map[string]bool {
		set := map[string]bool{}
		for _, n := range nodes {
			set[n] = true
		}
		return set
	}
	if circle := circleIn(map[string]map[string]bool{"a": to("b", "c"), "b": to("d"), "c": to("d"), "d": to()}); circle != nil {
		t.Errorf("%v is no circle", circle)
	}
	if circle := circleIn(map[string]map[string]bool{"a": to("b"), "b": to("c"), "c": to("b")}); !slices.Equal(circle, []string{"b", "c"}) {
		t.Errorf("the circle is %v", circle)
	}
}
