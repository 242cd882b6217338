package protocol

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
)

// record keeps what was seen of the protocol: the fields of params and results of each
// method, and the error ids.
type record struct {
	mu      sync.Mutex
	params  map[string]map[string]bool // field paths by method, of requests that succeeded
	results map[string]map[string]bool
	data    map[string]bool // fields of error.data that were not empty
	ids     map[string]bool // error ids, including those of runs, changes and checks
	onStep  func(step string)
}

// onProgress sets a function that is called with the step of each progress notification.
func (r *record) onProgress(f func(step string)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.onStep = f
}

func newRecord() *record {
	return &record{params: map[string]map[string]bool{}, results: map[string]map[string]bool{}, data: map[string]bool{}, ids: map[string]bool{}}
}

type wireMessage struct {
	ID     json.RawMessage
	Method string
	Params any
	Result any
	Error  *struct{ Data map[string]string }
}

// watch returns a function for a client's OnLine. Each process needs its own.
func (r *record) watch(t *testing.T) func(fromEngine bool, line []byte) {
	sent := map[string]wireMessage{} // open requests of both sides
	return func(fromEngine bool, line []byte) {
		var m wireMessage
		if err := json.Unmarshal(line, &m); err != nil {
			t.Errorf("not a message: %.200s", line)
			return
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		side := map[bool]string{false: "client ", true: "engine "}
		switch {
		case m.Method != "" && m.ID == nil:
			note(r.params, m.Method, "", m.Params)
			if p, ok := m.Params.(map[string]any); ok && r.onStep != nil {
				r.onStep(fmt.Sprint(p["step"]))
			}
		case m.Method != "":
			sent[side[fromEngine]+string(m.ID)] = m
		case m.Error != nil:
			for name, value := range m.Error.Data {
				if value != "" {
					r.data[name] = true
				}
			}
			if fromEngine {
				r.ids[m.Error.Data["id"]] = true
			}
		default:
			request := sent[side[!fromEngine]+string(m.ID)]
			note(r.params, request.Method, "", request.Params)
			note(r.results, request.Method, "", m.Result)
			r.noteIDs(m.Result)
		}
	}
}

// note records the path of every field of v that is not null.
func note(seen map[string]map[string]bool, method, path string, v any) {
	if seen[method] == nil {
		seen[method] = map[string]bool{}
	}
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			if inner != nil {
				seen[method][path+name] = true
				note(seen, method, path+name+".", inner)
			}
		}
	case []any:
		for _, inner := range v {
			note(seen, method, path, inner)
		}
	}
}

// noteIDs records the error ids of checks, changes and runs.
func (r *record) noteIDs(v any) {
	switch v := v.(type) {
	case map[string]any:
		if id, ok := v["errorId"].(string); ok && id != "" {
			r.ids[id] = true
		}
		if e, ok := v["error"].(map[string]any); ok {
			if id, ok := e["id"].(string); ok {
				r.ids[id] = true
			}
		}
		for _, inner := range v {
			r.noteIDs(inner)
		}
	case []any:
		for _, inner := range v {
			r.noteIDs(inner)
		}
	}
}

// shape is a set of field paths, written as names with their inner fields in
// braces; @name stands for the shape of that name.
type shape string

func (s shape) paths(t *testing.T, shapes map[string]shape) map[string]bool {
	out := map[string]bool{}
	var walk func(text, prefix string)
	walk = func(text, prefix string) {
		var parents []string
		last := ""
		for _, word := range strings.Fields(strings.NewReplacer("{", " { ", "}", " } ").Replace(text)) {
			inner := prefix + strings.Join(parents, "")
			switch {
			case word == "{":
				parents = append(parents, last+".")
			case word == "}":
				parents = parents[:len(parents)-1]
			case word[0] == '@':
				named, ok := shapes[word[1:]]
				if !ok {
					t.Fatalf("there is no shape %s", word)
				}
				walk(string(named), inner)
			default:
				out[inner+word] = true
				last = word
			}
		}
	}
	walk(string(s), "")
	return out
}

// names returns the field names in the shape itself, without those of shapes that it
// refers to.
func (s shape) names() []string {
	words := strings.Fields(strings.NewReplacer("{", " ", "}", " ").Replace(string(s)))
	return slices.DeleteFunc(words, func(w string) bool { return w[0] == '@' })
}

// compare reports what is in want and was never seen, and what was seen and is not in
// want.
func compare(t *testing.T, what string, want, seen map[string]bool) {
	t.Helper()
	for _, path := range slices.Sorted(maps.Keys(want)) {
		if !seen[path] {
			t.Errorf("%s: %s was never seen", what, path)
		}
	}
	for _, path := range slices.Sorted(maps.Keys(seen)) {
		if !want[path] {
			t.Errorf("%s: %s was seen and is not documented", what, path)
		}
	}
}
