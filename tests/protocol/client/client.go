// Package client drives the engine's executable over its protocol
// (docs/protocol.md), for tests. It does not use the engine's packages.
//
//	c, err := client.Start(client.Options{Path: client.Executable(t)})
//	defer c.Kill()
//	var run map[string]any
//	err = c.Call(ctx, "sync.start", nil, &run)
//	code, err := c.Close()
package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"time"
	"unicode/utf8"
)

// MaxLine is the largest length of a line of the engine's output, in bytes.
const MaxLine = 1 << 20

// Options says what to start and how to handle what the engine sends unasked.
type Options struct {
	// Path is the executable and Args are its arguments. Env is the whole
	// environment; if it is nil, the engine gets that of this process.
	Path string
	Args []string
	Env  []string
	// OnNotify receives notifications, one at a time, in order.
	OnNotify func(method string, params json.RawMessage)
	// OnRequest answers the engine's requests (credential.token,
	// credential.sign), each in its own goroutine. An [*Error] is sent as it
	// is. If OnRequest is nil, every request is answered with MethodNotFound.
	OnRequest func(method string, params json.RawMessage) (any, error)
	// OnLine sees every line in both directions, without the line break, before
	// it is handled. It may be called from several goroutines.
	OnLine func(fromEngine bool, line []byte)
}

// Error is the error object of an answer.
type Error struct {
	Code    int       `json:"code"`
	Message string    `json:"message"`
	Data    ErrorData `json:"data"`
}

// ErrorData is the content of error.data.
type ErrorData struct {
	Category string `json:"category"`
	ID       string `json:"id"`
	Object   string `json:"object"`
	Advice   string `json:"advice"`
	Cause    string `json:"cause"`
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s %s (%d): %s [object %q] %s [cause %q]", e.Data.Category, e.Data.ID, e.Code, e.Message, e.Data.Object, e.Data.Advice, e.Data.Cause)
}

// ErrorID returns the error id in err's chain, or "".
func ErrorID(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Data.ID
	}
	return ""
}

// ErrEnded is the error of requests that were open when the output ended.
var ErrEnded = errors.New("the engine's output ended before the answer")

// Client is one engine process. Its methods may be called from several
// goroutines.
type Client struct {
	options Options
	command *exec.Cmd
	stderr  tail
	exited  chan struct{} // closed when the process has ended and its output is read
	readErr error         // what was wrong with the output; valid once exited is closed

	writing sync.Mutex
	stdin   io.WriteCloser

	mu      sync.Mutex
	nextID  int
	pending map[string]chan message // by the JSON text of the id
	orphans []Error                 // answers with the id null
	ended   bool
}

type message struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id,omitempty"`
	Method  string          `json:"method,omitempty"`
	Params  json.RawMessage `json:"params,omitempty"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   *Error          `json:"error,omitempty"`
}

// Start starts the executable. The caller ends it with [Client.Close] or
// [Client.Kill].
func Start(options Options) (*Client, error) {
	c := &Client{options: options, exited: make(chan struct{}), pending: map[string]chan message{}}
	c.command = exec.Command(options.Path, options.Args...)
	c.command.Env = options.Env
	c.command.Stderr = &c.stderr
	stdin, err := c.command.StdinPipe()
	if err != nil {
		return nil, err
	}
	c.stdin = stdin
	stdout, err := c.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.command.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", options.Path, err)
	}
	go func() {
		defer close(c.exited)
		c.readErr = c.read(stdout)
		io.Copy(io.Discard, stdout) // so that the process never blocks on us
		c.endPending()
		c.command.Wait()
	}()
	return c, nil
}

// Initialize sends session.initialize with the state folder.
func (c *Client) Initialize(ctx context.Context, statePath string) error {
	return c.Call(ctx, "session.initialize", map[string]any{"protocol": 1, "client": "test", "statePath": statePath}, nil)
}

// Call sends a request, waits for its answer and decodes it into result, unless that
// is nil. An error of the engine is an [*Error]. If ctx ends first, Call cancels the
// request with request.cancel and still waits up to 35 s for its answer.
func (c *Client) Call(ctx context.Context, method string, params, result any) error {
	p, err := c.Go(method, params)
	if err != nil {
		return err
	}
	return p.Wait(ctx, result)
}

// Pending is a request that was sent.
type Pending struct {
	// ID is the request's id, for request.cancel.
	ID     int
	client *Client
	method string
	answer chan message
}

// Go sends a request without waiting for its answer.
func (c *Client) Go(method string, params any) (*Pending, error) {
	m := message{Version: "2.0", Method: method}
	if params != nil {
		var err error
		if m.Params, err = json.Marshal(params); err != nil {
			return nil, err
		}
	}
	p := &Pending{client: c, method: method, answer: make(chan message, 1)}
	c.mu.Lock()
	if c.ended {
		c.mu.Unlock()
		return nil, fmt.Errorf("%s: %w", method, ErrEnded)
	}
	c.nextID++
	p.ID = c.nextID
	m.ID = json.RawMessage(fmt.Sprint(p.ID))
	c.pending[string(m.ID)] = p.answer
	c.mu.Unlock()
	return p, c.send(m)
}

// Wait waits for the answer as [Client.Call] does.
func (p *Pending) Wait(ctx context.Context, result any) error {
	var m message
	select {
	case m = <-p.answer:
	case <-ctx.Done():
		if err := p.Cancel(); err != nil {
			return fmt.Errorf("%s: %w", p.method, err)
		}
		select {
		case m = <-p.answer:
		case <-time.After(5 * time.Minute):
			return fmt.Errorf("%s: no answer 5 minutes after request.cancel: %w", p.method, context.Cause(ctx))
		}
	}
	switch {
	case m.Error != nil:
		return fmt.Errorf("%s: %w", p.method, m.Error)
	case m.Result == nil:
		return fmt.Errorf("%s: %w", p.method, ErrEnded)
	case result == nil:
		return nil
	}
	if err := json.Unmarshal(m.Result, result); err != nil {
		return fmt.Errorf("%s: the result %.200s: %w", p.method, m.Result, err)
	}
	return nil
}

// Cancel sends request.cancel for the request and does not wait for either answer.
func (p *Pending) Cancel() error {
	_, err := p.client.Go("request.cancel", map[string]any{"id": p.ID})
	return err
}

// Raw writes bytes to the engine's input as they are.
func (c *Client) Raw(b []byte) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	_, err := c.stdin.Write(b)
	return err
}

// Expect returns the pending answer to a request that is written with [Client.Raw]; id
// is the JSON text of its id. It must be called before the request is written.
func (c *Client) Expect(id string) *Pending {
	p := &Pending{client: c, method: "request " + id, answer: make(chan message, 1)}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pending[id] = p.answer
	return p
}

// Orphans returns the answers with the id null that have arrived so far.
func (c *Client) Orphans() []Error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Error(nil), c.orphans...)
}

// Stderr returns the last part, at most 1 MiB, of what the engine wrote to standard
// error.
func (c *Client) Stderr() string { return c.stderr.String() }

// CloseInput closes the engine's standard input.
func (c *Client) CloseInput() error {
	c.writing.Lock()
	defer c.writing.Unlock()
	return c.stdin.Close()
}

// Close closes the engine's input and waits at most 5 minutes for the process to end.
// It returns the exit code, and an error if the output violated the protocol.
func (c *Client) Close() (int, error) {
	c.CloseInput()
	return c.Wait(5 * time.Minute)
}

// Wait waits for the process to end by itself and returns its exit code, which is -1 if
// a signal killed it.
func (c *Client) Wait(limit time.Duration) (int, error) {
	select {
	case <-c.exited:
		return c.command.ProcessState.ExitCode(), c.readErr
	case <-time.After(limit):
		c.Kill()
		return -1, fmt.Errorf("the engine had not ended after %s and was killed", limit)
	}
}

// Kill kills the process, so that it cannot clean up, and waits until it is gone. It
// may be called at any time, even after the process has ended.
func (c *Client) Kill() {
	c.command.Process.Kill()
	<-c.exited
}

// PID returns the engine's process id.
func (c *Client) PID() int { return c.command.Process.Pid }

func (c *Client) send(m message) error {
	line, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if c.options.OnLine != nil {
		c.options.OnLine(false, line)
	}
	return c.Raw(append(line, '\n'))
}

// read handles the engine's output line by line. It returns at the end, or with an error
// if a line violates the protocol.
func (c *Client) read(stdout io.Reader) error {
	lines := bufio.NewReaderSize(stdout, MaxLine+2)
	for {
		line, err := lines.ReadSlice('\n')
		switch {
		case errors.Is(err, io.EOF) && len(line) == 0:
			return nil
		case errors.Is(err, bufio.ErrBufferFull), len(line) > MaxLine+1:
			return fmt.Errorf("a line of the output is longer than %d bytes: %.200s", MaxLine, line)
		case err != nil:
			return fmt.Errorf("the output ends within a line: %.200q (%v)", line, err)
		case !utf8.Valid(line):
			return fmt.Errorf("a line of the output is not UTF-8: %.200q", line)
		}
		line = bytes.Clone(line[:len(line)-1])
		if c.options.OnLine != nil {
			c.options.OnLine(true, line)
		}
		var m message
		if err := json.Unmarshal(line, &m); err != nil || m.Version != "2.0" {
			return fmt.Errorf("a line of the output is not a message: %.200q (%v)", line, err)
		}
		if err := c.receive(m); err != nil {
			return err
		}
	}
}

func (c *Client) receive(m message) error {
	switch {
	case m.Method != "" && m.ID != nil:
		go c.answer(m)
	case m.Method != "":
		if c.options.OnNotify != nil {
			c.options.OnNotify(m.Method, m.Params)
		}
	case m.Error != nil && (m.ID == nil || string(m.ID) == "null"):
		c.mu.Lock()
		c.orphans = append(c.orphans, *m.Error)
		c.mu.Unlock()
	default:
		c.mu.Lock()
		waiting := c.pending[string(m.ID)]
		delete(c.pending, string(m.ID))
		c.mu.Unlock()
		if waiting == nil {
			return fmt.Errorf("an answer to no open request: id %s", m.ID)
		}
		waiting <- m
	}
	return nil
}

func (c *Client) answer(request message) {
	m := message{Version: "2.0", ID: request.ID}
	var result any
	err := error(&Error{Code: -32601, Message: "the test's client knows no " + request.Method})
	if c.options.OnRequest != nil {
		result, err = c.options.OnRequest(request.Method, request.Params)
	}
	if err == nil {
		m.Result, err = json.Marshal(result)
	}
	if err != nil {
		if !errors.As(err, &m.Error) {
			m.Error = &Error{Code: -32603, Message: err.Error()}
		}
	}
	c.send(m) // an engine that has gone needs no answer
}

func (c *Client) endPending() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	for id, waiting := range c.pending {
		waiting <- message{}
		delete(c.pending, id)
	}
}

// tail keeps the last MiB of what is written to it.
type tail struct {
	mu   sync.Mutex
	text []byte
}

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, b...)
	if over := len(t.text) - 1<<20; over > 0 {
		t.text = t.text[over:]
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}
