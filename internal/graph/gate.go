package graph

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"

	"groupwriteback/internal/engine"
)

const (
	// throttlePatience is how long one request may be throttled without a pause
	// before it is given up.
	throttlePatience = 30 * time.Minute
	// ownPatience is how long one request may find the service not available, or
	// too slow, while others are answered: then it is its own fault.
	ownPatience = 2 * time.Minute
	// faultDelay and throttleDelay are the first steps of the two exponential
	// back-offs, and maxDelay their last one.
	faultDelay    = time.Second
	throttleDelay = 2 * time.Second
	maxDelay      = time.Minute
	// maxRetryAfter bounds what a server may ask for, against overflow.
	maxRetryAfter = 24 * time.Hour
)

// gate repeats requests. When a service throttles one of them, all wait until
// the service's own time has passed: readers that backed off each by itself
// would keep the others' throttling alive. Any other fault, of the network or
// of the server, is the single request's own, and is repeated a few times. So is
// a service that is not available for one request alone: one group whose members
// it cannot give must not end the reading of the others.
type gate struct {
	next     http.RoundTripper
	attempts int           // tries of a request that meets a fault
	patience time.Duration // how long a request may be throttled
	window   *window       // nil: no bound on the requests under way

	mu     sync.Mutex
	opens  time.Time // nothing is sent before
	held   time.Time // when the gate was last closed
	streak int       // how often in a row it was closed
	passes int       // how many requests were answered
}

// throttledError says that a service throttled longer than the gate waits.
type throttledError struct {
	status int
	since  time.Time
	wait   time.Duration
}

func (e *throttledError) Error() string {
	return "throttled with status " + strconv.Itoa(e.status) + " since " + e.since.UTC().Format(time.RFC3339) +
		", asked to wait another " + e.wait.Round(time.Second).String()
}

// RoundTrip implements [http.RoundTripper]. The request's context bounds all
// of its tries.
func (g *gate) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := readRequest(req)
	if err != nil {
		return nil, err
	}
	ctx := req.Context()
	var throttledSince time.Time
	var before int // requests that were answered until then
	for faults := 0; ; {
		sent, resp, err := g.try(req, body)
		if err == nil && throttles(resp.StatusCode) {
			if throttledSince.IsZero() {
				throttledSince, before = sent, g.answered()
			}
			if resp.StatusCode != http.StatusTooManyRequests && time.Since(throttledSince) > ownPatience && g.answered() > before {
				return resp, nil
			}
			resp.Body.Close()
			wait := g.hold(ctx, sent, retryAfter(resp.Header))
			if time.Now().Add(wait).Sub(throttledSince) > g.patience {
				return nil, &throttledError{status: resp.StatusCode, since: throttledSince, wait: wait}
			}
			continue
		}
		throttledSince = time.Time{}
		if err == nil && resp.StatusCode != http.StatusInternalServerError && resp.StatusCode != http.StatusBadGateway {
			return resp, nil
		}
		if faults++; faults >= g.attempts || ctx.Err() != nil || err != nil && lasting(err) {
			return resp, err
		}
		delay := backoff(faultDelay, faults)
		slog.DebugContext(ctx, "request is repeated", "host", req.URL.Host, "path", req.URL.Path, "attempt", faults+1, "delay", delay)
		if resp != nil {
			resp.Body.Close()
		}
		if err := sleep(ctx, delay); err != nil {
			return nil, err
		}
	}
}

// try sends the request once, when the gate is open and the window has a
// place, and tells when.
func (g *gate) try(req *http.Request, body []byte) (sent time.Time, resp *http.Response, err error) {
	ctx := req.Context()
	if err := g.window.enter(ctx); err != nil {
		return sent, nil, err
	}
	defer g.window.leave()
	// Last, so that what waited for a place does not go out while it is closed.
	if err := g.wait(ctx); err != nil {
		return sent, nil, err
	}
	try := req.Clone(ctx)
	if body != nil {
		try.Body, try.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
	sent = time.Now()
	resp, err = g.next.RoundTrip(try)
	if err == nil && resp.StatusCode < http.StatusInternalServerError && !throttles(resp.StatusCode) {
		g.passed(sent)
	}
	return sent, resp, err
}

// wait returns when the gate is open, or at once when that takes longer than a
// request may be throttled.
func (g *gate) wait(ctx context.Context) error {
	for {
		g.mu.Lock()
		opens, held := g.opens, g.held
		g.mu.Unlock()
		delay := time.Until(opens)
		if delay <= 0 {
			return ctx.Err()
		}
		if delay > g.patience {
			return &throttledError{status: http.StatusTooManyRequests, since: held, wait: delay}
		}
		if err := sleep(ctx, delay); err != nil {
			return err
		}
	}
}

// hold closes the gate for at least the time that the service asked for, or
// for a growing one when it asked for none, and returns how long it is closed.
// Requests that were under way when it closed belong to the same round, even
// when others have passed since and ended the streak.
func (g *gate) hold(ctx context.Context, sent time.Time, asked time.Duration) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	if sent.After(g.held) {
		g.streak++
		g.held = now
		g.window.shrink()
	}
	delay := backoff(throttleDelay, g.streak)
	if asked > 0 {
		delay = asked + rand.N(time.Second)
	}
	if opens := now.Add(delay); opens.After(g.opens) {
		g.opens = opens
	}
	slog.DebugContext(ctx, "throttled", "asked", asked, "round", g.streak, "wait", g.opens.Sub(now))
	return g.opens.Sub(now)
}

// passed ends the streak. A request that was under way when the gate was closed
// says nothing of the time since.
func (g *gate) passed(sent time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.passes++
	if sent.After(g.held) {
		g.streak = 0
		g.window.grow()
	}
}

// answered is how many requests were answered so far.
func (g *gate) answered() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.passes
}

func throttles(status int) bool {
	switch status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// retryAfter reads the header in either of its forms; 0 when there is none.
func retryAfter(h http.Header) time.Duration {
	value := h.Get("Retry-After")
	if value == "" {
		return 0
	}
	wait := time.Duration(0)
	if seconds, err := strconv.ParseInt(value, 10, 64); err == nil {
		wait = time.Duration(min(max(seconds, 0), int64(maxRetryAfter/time.Second))) * time.Second
	} else if at, err := http.ParseTime(value); err == nil {
		wait = time.Until(at)
	}
	return min(max(wait, 0), maxRetryAfter)
}

// backoff is the delay before try n+1: first, doubled each time, between half
// and all of it so that readers do not come back in step. Below 1, n is as 1.
func backoff(first time.Duration, n int) time.Duration {
	delay := maxDelay
	if shift := max(n-1, 0); shift < 10 {
		delay = min(first<<shift, maxDelay)
	}
	return delay/2 + rand.N(delay/2)
}

// lasting reports whether another try would fail in the same way.
func lasting(err error) bool {
	var (
		known     *engine.Error
		throttled *throttledError
	)
	return errors.As(err, &known) || errors.As(err, &throttled) || errors.Is(err, errTooLarge) || untrusted(err)
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// readRequest takes the body out of the request, to send it more than once.
func readRequest(req *http.Request) ([]byte, error) {
	if req.Body == nil || req.Body == http.NoBody {
		return nil, nil
	}
	defer req.Body.Close()
	return io.ReadAll(req.Body)
}
