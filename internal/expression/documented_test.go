package expression

import (
	"os"
	"strings"
	"testing"
)

// values splits a text of the test data into values, and joins them again.
const separator = " | "

func shownResult(r Result, err error) string {
	switch {
	case err != nil:
		return "error"
	case r.Outcome == Present:
		return strings.Join(r.Values, separator)
	}
	return r.Outcome.String()
}

func TestDocumentedExamples(t *testing.T) {
	text, err := os.ReadFile("testdata/documented.txt")
	if err != nil {
		t.Fatal(err)
	}
	object, examples := map[string][]string{}, 0
	source := func(name string) ([]string, bool) { return object[name], true }
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if name, v, ok := strings.Cut(line, "] = "); ok && strings.HasPrefix(line, "[") {
			if name = name[1:]; v == "absent" {
				delete(object, name)
			} else {
				object[name] = strings.Split(v, separator)
			}
			continue
		}
		text, want, ok := strings.Cut(line, " => ")
		if !ok {
			t.Fatalf("no example: %s", line)
		}
		examples++
		x, err := Compile(text, nil)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := shownResult(x.Evaluate(source, Environment{})); got != want {
			t.Errorf("%s = %s, want %s", text, got, want)
		}
	}
	if examples < 90 {
		t.Errorf("only %d examples", examples)
	}
}
