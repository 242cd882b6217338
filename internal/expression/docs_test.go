package expression

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

var code = regexp.MustCompile("`[^`]+`")

// sourceOf is the argument that the last column of the table is about, where it
// is not the first.
var sourceOf = map[string]int{"DateAdd": 2, "DateDiff": 1, "Join": 1}

// The table of docs/mapping.md has each function with its parameters, and its
// examples are true.
func TestDocumentation(t *testing.T) {
	text, err := os.ReadFile("../../docs/mapping.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "<!-- functions -->\n")
	table, _, ok := strings.Cut(table, "<!-- end -->")
	if !ok {
		t.Fatal("the table is gone")
	}
	undocumented := map[string]bool{}
	for _, f := range functions {
		undocumented[f.name] = true
	}
	for row := range strings.Lines(table) {
		cells := strings.Split(row, " | ")
		if !strings.HasPrefix(row, "| `") {
			continue
		}
		signature := strings.Trim(cells[0], "| `")
		name, _, _ := strings.Cut(signature, "(")
		f := functions[name]
		if f == nil || f.signature() != signature {
			t.Errorf("the table has %s", signature)
			continue
		}
		delete(undocumented, name)
		if f.changing {
			if cells[2] != "*only at creation*" {
				t.Errorf("%s has an example: %s", name, cells[2])
			}
			continue
		}
		example := strings.Trim(code.FindString(cells[2]), "`")
		_, result, _ := strings.Cut(cells[2], "` is ")
		if got := evaluated(t, example, -1); got != result {
			t.Errorf("%s is %s, in the table %s", example, got, result)
		}
		absent := strings.TrimSuffix(strings.TrimSpace(cells[3]), " |")
		if got := evaluated(t, example, sourceOf[name]); got != absent {
			t.Errorf("%s with an absent source is %s, in the table %s", example, got, absent)
		}
	}
	for name := range undocumented {
		t.Errorf("the table lacks %s", functions[name].signature())
	}
	for name := range elsewhere {
		if functions[name] != nil {
			t.Errorf("%s is one of ours", name)
		}
	}
}

// evaluated returns the result as the table writes it. absent is the argument to
// put an absent attribute in the place of; -1 is none.
func evaluated(t *testing.T, text string, absent int) string {
	x, err := Compile(text, nil)
	if err != nil {
		t.Error(err)
		return ""
	}
	if absent >= 0 {
		x.root.(*call).args[absent] = &attribute{name: "absent"}
	}
	r, err := x.Evaluate(groupSource, Environment{})
	if err != nil || r.Outcome != Present {
		return "*" + shownResult(r, err) + "*"
	}
	return "`" + strings.Join(r.Values, "`, `") + "`"
}
