package stdio

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/creachadair/jrpc2"
)

// wire is the server's channel (channel.Channel of jrpc2), with one message per line.
// It keeps track of open requests, sends the engine's own requests, and passes their
// answers to the waiting callers, so the server sees only requests.
type wire struct {
	lines *lineReader
	out   io.Writer
	log   *slog.Logger
	// base is the context of every request; the end of input cancels it.
	base   context.Context
	cancel context.CancelFunc
	grace  time.Duration

	incoming chan inputLine
	broken   chan struct{} // closed when the output cannot be written
	overdue  chan struct{} // closed when requests outlive the grace period
	settled  chan struct{} // signalled, without blocking, when a request is answered

	writing sync.Mutex

	mu      sync.Mutex
	open    map[string]int // unanswered requests, by the text of their id
	calls   map[string]chan reply
	lastID  int
	failure error // why the output is broken
}

type inputLine struct {
	text []byte
	err  error
}

// reply is the client's answer to a request of the engine.
type reply struct{ result, failure json.RawMessage }

func newWire(ctx context.Context, in io.Reader, out io.Writer, log *slog.Logger, grace time.Duration) *wire {
	base, cancel := context.WithCancel(ctx)
	w := &wire{
		lines: newLineReader(in, maxInputLine), out: out, log: log, base: base, cancel: cancel, grace: grace,
		incoming: make(chan inputLine), broken: make(chan struct{}), overdue: make(chan struct{}), settled: make(chan struct{}, 1),
		open: map[string]int{}, calls: map[string]chan reply{},
	}
	go w.read()
	return w
}

// read runs in its own goroutine, because a read of standard input cannot be
// interrupted when the process is asked to end.
func (w *wire) read() {
	for {
		text, err := w.lines.next()
		select {
		case w.incoming <- inputLine{text, err}:
		case <-w.base.Done():
			return
		}
		if err != nil && !errors.Is(err, errLineTooLong) {
			return
		}
	}
}

// Recv returns the next message for the server. At the end of input it cancels all
// requests, and returns only once they are answered or the grace period is over,
// because the server then drops requests that it has not begun.
func (w *wire) Recv() ([]byte, error) {
	for {
		select {
		case line := <-w.incoming:
			switch {
			case errors.Is(line.err, errLineTooLong):
				w.refuse("", &messageTooLarge)
			case line.err != nil:
				return nil, w.end(line.err)
			case w.admit(line.text):
				return line.text, nil
			}
		case <-w.broken:
			return nil, w.end(w.failure)
		case <-w.base.Done():
			return nil, w.end(io.EOF)
		}
	}
}

func (w *wire) end(cause error) error {
	w.cancel()
	timer := time.NewTimer(w.grace)
	defer timer.Stop()
	for w.openRequests() > 0 {
		select {
		case <-w.settled:
		case <-timer.C:
			close(w.overdue)
			return cause
		}
	}
	return cause
}

// admit reports whether the line is a request for the server. It handles other lines
// itself.
func (w *wire) admit(line []byte) bool {
	m, refusal := parseMessage(line)
	switch {
	case refusal != nil:
		w.refuse(m.id, refusal)
		return false
	case m.answer != nil:
		w.deliver(m.id, *m.answer)
		return false
	case m.id != "": // a request without an id is a notification
		w.mu.Lock()
		w.open[m.id]++ // the server refuses an id that is already in use
		w.mu.Unlock()
	}
	return true
}

// Send writes an answer of the server.
func (w *wire) Send(message []byte) error {
	id, rest := cutID(message)
	if bytes.HasPrefix(rest, []byte(`,"error":`)) {
		message = complete(message)
		_, rest = cutID(message)
	}
	// Leave the id as the client wrote it.
	message = append(message[:len(message)-len(rest):len(message)-len(rest)], printable(rest)...)
	w.writing.Lock()
	err := w.write(message)
	w.writing.Unlock()
	w.settle(id)
	return err
}

// Close is called by the server when it stops. Requests that it has begun are still
// answered.
func (w *wire) Close() error { return nil }

// notify writes a notification, unless another write is in progress or no request is
// open.
func (w *wire) notify(method string, params any) {
	if w.openRequests() == 0 || !w.writing.TryLock() {
		return
	}
	defer w.writing.Unlock()
	w.writeMessage(map[string]any{"jsonrpc": "2.0", "method": method, "params": params})
}

var (
	errNoRequest = errors.New("the client has no open request")
	errCallEnded = errors.New("the client did not respond in time")
)

// call sends a request to the client and waits for the answer until ctx ends. An error
// from the client is a *jrpc2.Error.
func (w *wire) call(ctx context.Context, method string, params, result any) error {
	w.mu.Lock()
	if len(w.open) == 0 {
		w.mu.Unlock()
		return errNoRequest
	}
	w.lastID++
	// The id is a string, so that it is never taken for the id of one of the client's
	// requests.
	id := fmt.Sprintf("engine-%d", w.lastID)
	key := fmt.Sprintf("%q", id)
	answer := make(chan reply, 1)
	w.calls[key] = answer
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		delete(w.calls, key)
		w.mu.Unlock()
	}()

	w.writing.Lock()
	err := w.writeMessage(map[string]any{"jsonrpc": "2.0", "id": id, "method": method, "params": params})
	w.writing.Unlock()
	if err != nil {
		return err
	}
	select {
	case r := <-answer:
		return r.decode(result)
	case <-ctx.Done():
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return errCallEnded
		}
		return ctx.Err()
	}
}

// decode parses the result, or returns the client's error as a *jrpc2.Error.
func (r reply) decode(result any) error {
	// The errors of json.Unmarshal could quote a secret.
	malformed := errors.New("the client's response does not have the form that the protocol requires")
	if r.failure != nil {
		var e jrpc2.Error
		if json.Unmarshal(r.failure, &e) != nil {
			return malformed
		}
		return &e
	}
	if json.Unmarshal(r.result, result) != nil {
		return malformed
	}
	return nil
}

func (w *wire) deliver(id string, r reply) {
	w.mu.Lock()
	waiting := w.calls[id]
	delete(w.calls, id)
	w.mu.Unlock()
	if waiting == nil {
		w.log.Warn("ignoring a response that matches no request of the engine")
		return
	}
	waiting <- r
}

// refuse answers a line that is not a valid request, with its id or, if it has no
// usable id, null.
func (w *wire) refuse(id string, e *jrpc2.Error) {
	if id == "" {
		id = "null"
	}
	failure, err := json.Marshal(e)
	if err != nil {
		return
	}
	text, err := json.Marshal(struct {
		Version string          `json:"jsonrpc"`
		ID      json.RawMessage `json:"id"`
		Error   json.RawMessage `json:"error"`
	}{"2.0", json.RawMessage(id), printable(failure)})
	if err != nil {
		return
	}
	w.writing.Lock()
	defer w.writing.Unlock()
	_ = w.write(text)
}

func (w *wire) writeMessage(m any) error {
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return w.write(printable(text))
}

// write writes one line. The caller holds writing.
func (w *wire) write(text []byte) error {
	_, err := w.out.Write(append(text, '\n'))
	if err != nil {
		w.mu.Lock()
		if w.failure == nil {
			w.failure = fmt.Errorf("%w: %w", errOutput, err)
			close(w.broken)
		}
		w.mu.Unlock()
	}
	return err
}

func (w *wire) settle(id string) {
	w.mu.Lock()
	if w.open[id]--; w.open[id] <= 0 {
		delete(w.open, id)
	}
	w.mu.Unlock()
	select {
	case w.settled <- struct{}{}:
	default:
	}
}

func (w *wire) openRequests() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.open)
}

// cutID extracts the id from an answer in jrpc2's form, without decoding the result
// after it.
func cutID(message []byte) (id string, rest []byte) {
	after, ok := bytes.CutPrefix(message, []byte(`{"jsonrpc":"2.0","id":`))
	if !ok {
		return "", nil
	}
	d := json.NewDecoder(bytes.NewReader(after))
	var raw json.RawMessage
	if d.Decode(&raw) != nil {
		return "", nil
	}
	return string(raw), after[d.InputOffset():]
}
