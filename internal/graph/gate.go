package graph

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	khttp "github.com/microsoft/kiota-http-go"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

const (
	// throttlePatience is how long one request may be throttled without interruption
	// before the gate gives up.
	throttlePatience = 30 * time.Minute
	// ownPatience is how long the service may be unavailable or too slow for one
	// request while others are answered. After that, the fault is the request's own.
	ownPatience = 2 * time.Minute
	// faultDelay and throttleDelay are the first delays of the two exponential
	// back-offs, and maxDelay is the longest.
	faultDelay    = time.Second
	throttleDelay = 2 * time.Second
	maxDelay      = time.Minute
	// maxRetryAfter bounds what a server may ask for, to avoid overflow.
	maxRetryAfter = 100 * 365 * 24 * time.Hour
	// longWait is the shortest pause for throttling that is logged; on a large tenant
	// shorter ones are routine.
	longWait = 10 * time.Second
)

// gate retries requests. When a service throttles one of them, all wait until the time
// that the service asked for has passed; if each reader backed off by itself, the
// throttling would never end. While a service cannot be reached, the gate retries for
// as long as the run allows. Any other fault concerns a single request, which is
// retried a few times while others go on. The same holds if a service is unavailable
// for one request only: a group whose members it cannot return must not end the reading
// of the others.
type gate struct {
	attempts int           // number of times to try a request that meets a fault
	patience time.Duration // how long a request may be throttled
	window   *window       // nil: no limit on the requests under way

	mu     sync.Mutex
	opens  time.Time // nothing is sent before
	held   time.Time // when the gate was last closed
	told   time.Time // the run already knows the reason for waiting until then
	streak int       // how often in a row the gate was closed
	passes int       // number of requests answered
}

// throttledError says that a service throttled for longer than the gate waits.
type throttledError struct {
	status int
	since  time.Time
	asked  time.Duration // what the last answer asked for; 0: nothing
}

func (e *throttledError) Error() string {
	said := "throttled with status " + strconv.Itoa(e.status) + " since " + directory.Moment(e.since)
	if e.asked > 0 {
		said += ", asked to wait another " + e.asked.String()
	}
	return said
}

// Intercept implements [khttp.Middleware]. The request's context bounds all its attempts
// together.
func (g *gate) Intercept(pipeline khttp.Pipeline, next int, req *http.Request) (*http.Response, error) {
	body, err := readRequest(req)
	if err != nil {
		return nil, err
	}
	ctx := req.Context()
	p := passage{gate: g, host: req.URL.Host, path: req.URL.Path}
	forward := func(try *http.Request) (*http.Response, error) { return pipeline.Next(try, next) }
	for {
		sent, resp, err := g.try(req, body, forward)
		switch {
		case err == nil && throttles(resp.StatusCode):
			if p.throttled(sent); p.othersAnswered() && longUnavailable(resp.StatusCode, p.throttledSince) {
				return resp, nil
			}
			resp.Body.Close()
			if err := g.hold(ctx, p.host, resp.StatusCode, p.throttledSince, sent, retryAfter(resp.Header)); err != nil {
				return nil, err
			}
		case err == nil && !faulty(resp.StatusCode):
			p.answered(ctx)
			return resp, nil
		default:
			wait, again := p.failed(ctx, sent, resp, err)
			if !again {
				return resp, err
			}
			if resp != nil {
				resp.Body.Close()
			}
			if err := contract.Pause(ctx, wait); err != nil {
				return nil, err
			}
		}
	}
}

// passage is the history of a request that the gate retries.
type passage struct {
	gate           *gate
	host, path     string
	throttledSince time.Time // zero while it is not throttled
	failingSince   time.Time // the time of the first fault
	faults         int
	before         int // number of requests answered when this one first was not
}

// throttled records that the request was throttled.
func (p *passage) throttled(sent time.Time) {
	if p.throttledSince.IsZero() {
		p.throttledSince, p.before = sent, p.gate.answered()
	}
}

// othersAnswered reports whether other requests were answered while this one was not.
func (p *passage) othersAnswered() bool { return p.gate.answered() > p.before }

// answered records that the request was answered.
func (p *passage) answered(ctx context.Context) {
	if p.faults > 0 {
		slog.InfoContext(ctx, "the server responds again", "host", p.host, "seconds", time.Since(p.failingSince).Seconds())
	}
}

// failed records that the request met a fault, and returns whether to retry it and
// after which pause.
func (p *passage) failed(ctx context.Context, sent time.Time, resp *http.Response, err error) (wait time.Duration, again bool) {
	p.throttledSince = time.Time{}
	if ctx.Err() != nil || err != nil && lasting(err) {
		return 0, false
	}
	if p.faults++; p.faults == 1 {
		p.failingSince, p.before = sent, p.gate.answered()
	}
	wait = backoff(faultDelay, p.faults)
	allowed := p.faultPatience(ctx, err)
	if allowed == 0 && p.faults >= p.gate.attempts || allowed > 0 && time.Since(p.failingSince)+wait > allowed {
		return 0, false
	}
	slog.DebugContext(ctx, "retrying a request", "host", p.host, "path", p.path, "attempt", p.faults+1, "delay", wait)
	w := contract.Waiting{For: p.host, Since: p.failingSince, Next: time.Now().Add(wait), Brief: allowed == 0}
	if err != nil {
		w.Why = cause(err).Error()
	} else {
		w.Why = "it returned status " + strconv.Itoa(resp.StatusCode)
	}
	if allowed > 0 {
		w.Until = p.failingSince.Add(allowed)
	}
	p.gate.tell(ctx, w)
	return wait, true
}

// faultPatience returns how long to retry a request that meets a fault; 0 means a few
// times. A service that cannot be reached, or that breaks off its answers to everybody,
// may be back in some minutes.
func (p *passage) faultPatience(ctx context.Context, err error) time.Duration {
	patience := contract.OutagePatience(ctx)
	answers := err == nil || errors.Is(err, errNotJSON) || errors.Is(err, errCutOff) && p.othersAnswered()
	if answers || patience <= contract.ShortPatience {
		return 0
	}
	return patience
}

// tell lets the run know why it waits, once for all waiting requests.
func (g *gate) tell(ctx context.Context, w contract.Waiting) {
	g.mu.Lock()
	known := !w.Next.After(g.told)
	if !known {
		g.told = w.Next
	}
	g.mu.Unlock()
	if !known {
		contract.TellWaiting(ctx, w)
	}
}

// try sends the request once, when the gate is open and the window has a place. It also
// returns when it was sent.
func (g *gate) try(req *http.Request, body []byte, forward func(*http.Request) (*http.Response, error)) (sent time.Time, resp *http.Response, err error) {
	ctx := req.Context()
	if err := g.window.enter(ctx); err != nil {
		return sent, nil, err
	}
	defer g.window.leave()
	// Wait for the gate last, so that a request that waited for a place is not sent
	// while the gate is closed.
	if err := g.wait(ctx); err != nil {
		return sent, nil, err
	}
	try := req.Clone(ctx)
	if body != nil {
		try.Body, try.ContentLength = wholeOf(body), int64(len(body))
		try.GetBody = func() (io.ReadCloser, error) { return wholeOf(body), nil }
	}
	sent = time.Now()
	answered := contract.Asking(ctx, req.URL.Host)
	resp, err = forward(try)
	answered()
	if err == nil && resp.StatusCode < http.StatusInternalServerError && !throttles(resp.StatusCode) {
		g.passed(sent)
	}
	return sent, resp, err
}

// wait returns when the gate is open.
func (g *gate) wait(ctx context.Context) error {
	for {
		g.mu.Lock()
		opens := g.opens
		g.mu.Unlock()
		delay := time.Until(opens)
		if delay <= 0 {
			return ctx.Err()
		}
		if err := contract.Pause(ctx, delay); err != nil {
			return err
		}
	}
}

// hold closes the gate for at least the time that the service asked for, or for a
// growing time if it asked for none, but never beyond the request's patience. Once that
// is used up, hold returns a [throttledError]. Requests that were under way when the
// gate closed belong to the same round, even if others have since passed and ended the
// streak.
func (g *gate) hold(ctx context.Context, host string, status int, since, sent time.Time, asked time.Duration) error {
	now, patience := time.Now(), g.patience
	if asked > patience { // nobody means that; it amounts to an outage
		patience = min(patience, contract.OutagePatience(ctx))
	}
	left := patience - now.Sub(since)
	if left <= 0 {
		return &throttledError{status: status, since: since, asked: asked}
	}
	g.mu.Lock()
	if sent.After(g.held) {
		g.streak++
		g.held = now
		g.window.shrink()
	}
	delay := backoff(throttleDelay, g.streak)
	if asked > 0 {
		delay = asked + rand.N(time.Second)
	}
	if opens := now.Add(min(delay, left)); opens.After(g.opens) {
		g.opens = opens
	}
	opens, streak := g.opens, g.streak
	g.mu.Unlock()
	slog.DebugContext(ctx, "throttled", "host", host, "status", status, "asked", asked, "round", streak, "wait", opens.Sub(now))
	said := "it returned status " + strconv.Itoa(status)
	if asked > 0 {
		said += " and asked to wait for " + asked.String()
	}
	g.tell(ctx, contract.Waiting{For: host, Why: said, Since: since, Next: opens, Until: since.Add(patience), Brief: opens.Sub(now) < longWait})
	return nil
}

// passed ends the streak. A request that was under way when the gate closed says
// nothing about the time since.
func (g *gate) passed(sent time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.passes++
	if sent.After(g.held) {
		g.streak = 0
		g.window.grow()
	}
}

// answered returns how many requests have been answered so far.
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

// faulty reports whether the status is a server fault that may pass.
func faulty(status int) bool {
	return status == http.StatusInternalServerError || status == http.StatusBadGateway
}

// longUnavailable reports whether a service has been unavailable, or too slow, for so
// long that the fault is the request's own, provided that others are answered.
func longUnavailable(status int, since time.Time) bool {
	return throttles(status) && status != http.StatusTooManyRequests && time.Since(since) > ownPatience
}

// retryAfter parses the Retry-After header in either form. It returns 0 if the header
// is missing or cannot be parsed. The time until a date is measured by the server's own
// clock.
func retryAfter(h http.Header) time.Duration {
	value := strings.TrimSpace(h.Get("Retry-After"))
	if seconds, err := strconv.ParseFloat(value, 64); err == nil || errors.Is(err, strconv.ErrRange) {
		if !(seconds > 0) { // also catches NaN
			return 0
		}
		return time.Duration(math.Ceil(min(seconds, maxRetryAfter.Seconds()))) * time.Second
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	now, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		now = time.Now()
	}
	return min(max(at.Sub(now), 0), maxRetryAfter)
}

// backoff returns the delay before attempt n+1: first, doubled each time. A random
// share of up to half is taken off, so that readers do not come back in step. An n
// below 1 counts as 1.
func backoff(first time.Duration, n int) time.Duration {
	delay := maxDelay
	if shift := max(n-1, 0); shift < 10 {
		delay = min(first<<shift, maxDelay)
	}
	return delay/2 + rand.N(delay/2)
}

// lasting reports whether another attempt would fail in the same way.
func lasting(err error) bool {
	var (
		known     *contract.Error
		throttled *throttledError
	)
	return errors.As(err, &known) || errors.As(err, &throttled) || errors.Is(err, errTooLarge) || untrusted(err)
}

// readRequest takes the body out of the request, so that it can be sent more than once.
func readRequest(req *http.Request) ([]byte, error) {
	if req.Body == nil || req.Body == http.NoBody {
		return nil, nil
	}
	defer req.Body.Close()
	return io.ReadAll(req.Body)
}
