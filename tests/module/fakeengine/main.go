// Command fakeengine speaks the protocol of docs/protocol.md and answers what a script
// says. The module's tests use it for what the real engine does not do on demand, like
// crash, hang, or have 50,000 changes.
//
// FAKE_ENGINE_SCRIPT names a JSON file: an object whose keys are methods and whose
// values are lists of [step]. The first call of a method takes the first step, and so
// on; all calls after the last step take the last step again. FAKE_ENGINE_JOURNAL names
// a file to which every received line is appended.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// step is what one call does, in the order of the fields.
type step struct {
	Stderr      string            `json:"stderr"`      // written to standard error
	StderrBytes int               `json:"stderrBytes"` // number of bytes of log lines to write
	Callbacks   []callback        `json:"callbacks"`   // requests to the client, one after another
	Progress    []json.RawMessage `json:"progress"`    // params of progress notifications; requestId is filled in
	Raw         string            `json:"raw"`         // a line that is written as it is
	DelayMS     int               `json:"delayMs"`
	Exit        *int              `json:"exit"`     // end with this code, without an answer
	Hang        bool              `json:"hang"`     // never answer
	OnCancel    json.RawMessage   `json:"onCancel"` // wait for request.cancel, then answer with this result
	Error       json.RawMessage   `json:"error"`
	Result      json.RawMessage   `json:"result"`
	Generate    *generated        `json:"generate"`
}

type callback struct {
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
}

// generated answers list requests with Count copies of Item in the field Property.
// Each "{n}" in Item is replaced by the number of the copy.
type generated struct {
	Property string          `json:"property"`
	Count    int             `json:"count"`
	Item     json.RawMessage `json:"item"`
}

type message struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
}

type engine struct {
	script  map[string][]step
	journal *os.File

	mu        sync.Mutex
	out       *bufio.Writer
	calls     map[string]int
	cancelled map[string]chan struct{}
	answers   chan message
}

func main() {
	e := &engine{
		out:       bufio.NewWriter(os.Stdout),
		calls:     map[string]int{},
		cancelled: map[string]chan struct{}{},
		answers:   make(chan message, 16),
	}
	if err := e.run(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func (e *engine) run(in io.Reader) error {
	if name := os.Getenv("FAKE_ENGINE_SCRIPT"); name != "" {
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(text, &e.script); err != nil {
			return fmt.Errorf("reading %s: %w", name, err)
		}
	}
	if name := os.Getenv("FAKE_ENGINE_JOURNAL"); name != "" {
		file, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		e.journal = file
	}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 8<<20)
	for lines.Scan() {
		line := lines.Bytes()
		if e.journal != nil {
			if _, err := fmt.Fprintf(e.journal, "%s\n", line); err != nil {
				return err
			}
		}
		// Windows PowerShell writes a BOM before the first line if its console uses UTF-8.
		line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
		var m message
		if err := json.Unmarshal(line, &m); err != nil {
			return fmt.Errorf("not a message: %q: %w", line, err)
		}
		switch {
		case m.Method == "": // the client answers a callback
			e.answers <- m
		case m.Method == "request.cancel":
			var params struct{ ID json.RawMessage }
			if err := json.Unmarshal(m.Params, &params); err != nil {
				return err
			}
			e.mu.Lock()
			if c, ok := e.cancelled[string(params.ID)]; ok {
				close(c)
				delete(e.cancelled, string(params.ID))
			}
			e.mu.Unlock()
			e.answer(m.ID, "result", json.RawMessage(`{}`))
		default:
			done := make(chan struct{})
			e.mu.Lock()
			e.cancelled[string(m.ID)] = done
			s := e.next(m.Method)
			e.mu.Unlock()
			go e.serve(m, s, done)
		}
	}
	return lines.Err()
}

// next returns the step for this call of the method. The caller holds e.mu.
func (e *engine) next(method string) step {
	steps := e.script[method]
	if len(steps) == 0 {
		if method == "session.initialize" {
			return step{Result: json.RawMessage(`{"protocol":1,"engineVersion":"0.0.0-fake","statePath":"/state","platform":"fake","logPath":"/state/log/engine-20260102.log"}`)}
		}
		return step{Error: json.RawMessage(`{"code":-32601,"message":"The script has no such method.","data":{"category":"InvalidArgument","id":"MethodNotFound","object":"` + method + `","advice":""}}`)}
	}
	i := e.calls[method]
	e.calls[method]++
	return steps[min(i, len(steps)-1)]
}

func (e *engine) serve(m message, s step, cancelled <-chan struct{}) {
	fmt.Fprint(os.Stderr, s.Stderr)
	for n := 0; n < s.StderrBytes; n += 100 {
		fmt.Fprintf(os.Stderr, `{"level":"INFO","msg":"%s"}`+"\n", strings.Repeat("x", 76))
	}
	for i, c := range s.Callbacks {
		e.write(map[string]any{"jsonrpc": "2.0", "id": i + 1, "method": c.Method, "params": c.Params})
		<-e.answers
	}
	for _, p := range s.Progress {
		params := map[string]any{}
		if err := json.Unmarshal(p, &params); err != nil {
			panic(err)
		}
		params["requestId"] = m.ID
		e.write(map[string]any{"jsonrpc": "2.0", "method": "progress", "params": params})
	}
	if s.Raw != "" {
		e.mu.Lock()
		e.out.WriteString(s.Raw + "\n")
		e.out.Flush()
		e.mu.Unlock()
	}
	time.Sleep(time.Duration(s.DelayMS) * time.Millisecond)
	switch {
	case s.Exit != nil:
		os.Exit(*s.Exit)
	case s.Hang:
	case s.OnCancel != nil:
		<-cancelled
		e.answer(m.ID, "result", s.OnCancel)
	case s.Error != nil:
		e.answer(m.ID, "error", s.Error)
	case s.Generate != nil:
		e.answer(m.ID, "result", s.Generate.page(m.Params))
	case s.Result != nil:
		e.answer(m.ID, "result", s.Result)
	default:
		e.answer(m.ID, "result", json.RawMessage(`{}`))
	}
}

// page returns the part of the list that the params ask for.
func (g *generated) page(params json.RawMessage) json.RawMessage {
	var p struct {
		After string
		Limit int
	}
	if err := json.Unmarshal(params, &p); err != nil {
		panic(err)
	}
	if p.Limit == 0 {
		p.Limit = 100
	}
	first, _ := strconv.Atoi(p.After)
	last := min(first+p.Limit, g.Count)
	items := make([]json.RawMessage, 0, last-first)
	for n := first + 1; n <= last; n++ {
		items = append(items, json.RawMessage(strings.ReplaceAll(string(g.Item), "{n}", strconv.Itoa(n))))
	}
	page := map[string]any{g.Property: items}
	if last < g.Count {
		page["next"] = strconv.Itoa(last)
	}
	text, err := json.Marshal(page)
	if err != nil {
		panic(err)
	}
	return text
}

func (e *engine) answer(id json.RawMessage, field string, value json.RawMessage) {
	e.write(map[string]any{"jsonrpc": "2.0", "id": id, field: value})
}

func (e *engine) write(v any) {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.out.Write(text)
	e.out.WriteByte('\n')
	e.out.Flush()
}
