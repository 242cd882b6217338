package expression

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// differs are the vectors that do not hold here, each with the reason.
var differs = map[string]string{}

type vector struct {
	ID, Fn, Why string
	Args        []any
	Attributes  map[string]string
	Out         any
	Error       bool
}

// expression writes the call as an expression.
func (v vector) expression(t testing.TB) string {
	var args []string
	for _, a := range v.Args {
		switch a := a.(type) {
		case nil:
			args = append(args, "")
		case string:
			args = append(args, quote(a))
		case json.Number:
			args = append(args, a.String())
		case map[string]any:
			if name, ok := a["attribute"]; ok {
				args = append(args, fmt.Sprintf("[%s]", name))
			} else {
				args = append(args, fmt.Sprint(a["bare"]))
			}
		default:
			t.Fatalf("%s: an argument is a %T", v.ID, a)
		}
	}
	return v.Fn + "(" + strings.Join(args, ",") + ")"
}

func vectors(t testing.TB) []vector {
	t.Helper()
	text, err := os.ReadFile("testdata/dotnet.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	var list []vector
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		var v vector
		decoder := json.NewDecoder(bytes.NewReader(lines.Bytes()))
		decoder.UseNumber()
		if err := decoder.Decode(&v); err != nil {
			t.Fatalf("%s: %v", lines.Text(), err)
		}
		list = append(list, v)
	}
	if len(list) != 688 {
		t.Fatalf("there are %d vectors", len(list))
	}
	return list
}

func object(attributes map[string]string) Source {
	return func(name string) ([]string, bool) {
		if s, ok := attributes[name]; ok {
			return []string{s}, true
		}
		return nil, true
	}
}

func TestVectorsOfDotNet(t *testing.T) {
	for _, v := range vectors(t) {
		text := v.expression(t)
		var result Result
		x, err := Compile(text, nil)
		if err == nil {
			result, err = x.Evaluate(object(v.Attributes), Environment{})
		}
		got, want := outcome(result, err), "error"
		switch out := v.Out.(type) {
		case string:
			want = outcome(Result{Outcome: Present, Values: []string{out}}, nil)
			if out == "" {
				want = outcome(Result{Outcome: Empty}, nil)
			}
		case []any:
			var values []string
			for _, s := range out {
				values = append(values, s.(string))
			}
			want = outcome(Result{Outcome: Present, Values: values}, nil)
		case nil:
			if !v.Error {
				t.Fatalf("%s has no result", v.ID)
			}
		}
		if reason, known := differs[v.ID]; (got == want) == known {
			t.Errorf("%s (%s): %s is %s, %v; .NET has %s; %s", v.ID, v.Why, text, got, err, want, reason)
		}
	}
	for id := range differs {
		if !slices.ContainsFunc(vectors(t), func(v vector) bool { return v.ID == id }) {
			t.Errorf("there is no vector %s", id)
		}
	}
}

func outcome(r Result, err error) string {
	if err != nil {
		return "error"
	}
	return fmt.Sprintf("%s %q", r.Outcome, r.Values)
}
