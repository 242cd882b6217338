package graph

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"groupwriteback/internal/contract"
)

// wire is an in-memory transport. Tests that use it run in a bubble where time passes
// at once.
type wire func(*http.Request) (*http.Response, error)

func (w wire) RoundTrip(req *http.Request) (*http.Response, error) { return w(req) }

func reply(status int, body string, headers ...string) *http.Response {
	h := http.Header{"Content-Type": {"application/json"}}
	for i := 0; i < len(headers); i += 2 {
		h.Set(headers[i], headers[i+1])
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body))}
}

func newRequest(ctx context.Context) *http.Request {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://graph.example/v1.0/$batch", strings.NewReader("body"))
	if err != nil {
		panic(err)
	}
	return req
}

// gated is a gate, and a transport that passes through it.
type gated struct {
	*gate
	http.RoundTripper
}

func newGate(next wire) gated {
	g := &gate{attempts: 5, patience: throttlePatience}
	return gated{g, client(next, g).Transport}
}

func TestGateHoldsAllReadersUntilRetryAfterHasPassed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var mu sync.Mutex
		var early, requests int
		g := newGate(func(req *http.Request) (*http.Response, error) {
			mu.Lock()
			defer mu.Unlock()
			requests++
			if requests == 1 {
				return reply(429, "", "Retry-After", "120"), nil
			}
			if time.Since(start) < 2*time.Minute {
				early++
			}
			return reply(200, "{}"), nil
		})
		if _, err := g.RoundTrip(newRequest(t.Context())); err != nil { // passes once the gate opens
			t.Fatal(err)
		}
		if took := time.Since(start); took < 2*time.Minute || took > 2*time.Minute+time.Second {
			t.Errorf("the throttled request took %v, want Retry-After and at most a second more", took)
		}

		requests, start = 0, time.Now()
		var readers sync.WaitGroup
		for range 8 {
			readers.Go(func() {
				time.Sleep(time.Millisecond) // the first is throttled before the others start
				if _, err := g.RoundTrip(newRequest(t.Context())); err != nil {
					t.Error(err)
				}
			})
		}
		if _, err := g.RoundTrip(newRequest(t.Context())); err != nil {
			t.Fatal(err)
		}
		readers.Wait()
		if early != 0 {
			t.Errorf("%d requests were sent while the service asked to wait", early)
		}
		if requests != 10 {
			t.Errorf("%d requests were sent, want 10: 9 and one again", requests)
		}
	})
}

func TestGateWithoutRetryAfterWaitsLongerEachRound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var gaps []time.Duration
		last := time.Now()
		g := newGate(func(*http.Request) (*http.Response, error) {
			gaps = append(gaps, time.Since(last))
			last = time.Now()
			if len(gaps) <= 4 {
				return reply(503, ""), nil
			}
			return reply(200, "{}"), nil
		})
		if _, err := g.RoundTrip(newRequest(t.Context())); err != nil {
			t.Fatal(err)
		}
		for i, gap := range gaps[1:] {
			low, high := throttleDelay<<i/2, throttleDelay<<i
			if gap < low || gap > high {
				t.Errorf("wait %d was %v, want between %v and %v", i+1, gap, low, high)
			}
		}
	})
}

func TestGateCountsParallelThrottlingAsOneRound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var count atomic.Int32
		g := newGate(func(*http.Request) (*http.Response, error) {
			time.Sleep(time.Second)
			if count.Add(1) <= 8 {
				return reply(429, ""), nil
			}
			return reply(200, "{}"), nil
		})
		start := time.Now()
		var readers sync.WaitGroup
		for range 8 {
			readers.Go(func() {
				if _, err := g.RoundTrip(newRequest(t.Context())); err != nil {
					t.Error(err)
				}
			})
		}
		readers.Wait()
		if took := time.Since(start); took > 6*time.Second {
			t.Errorf("one round of throttling held the readers for %v", took)
		}
	})
}

func TestGateGivesUpAfterItsPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(func(*http.Request) (*http.Response, error) { return reply(429, "", "Retry-After", "100"), nil })
		start := time.Now()
		_, err := g.RoundTrip(newRequest(t.Context()))
		if throttled, ok := errors.AsType[*throttledError](err); !ok || throttled.status != 429 {
			t.Fatalf("error = %v, want a throttledError", err)
		}
		if took := time.Since(start); took < 28*time.Minute || took > throttlePatience+time.Second {
			t.Errorf("gave up after %v", took)
		}
	})
}

// If a service asks for a wait beyond all patience, the gate holds for as long as an
// outage may last, tells the run, and makes nothing else wait afterwards.
func TestARetryAfterBeyondAllPatience(t *testing.T) {
	for _, value := range []string{"999999999", "99999999999999999999999", "1e300", "Inf", "Fri, 31 Dec 9999 23:59:59 GMT"} {
		synctest.Test(t, func(t *testing.T) {
			bad := 1
			g := newGate(func(*http.Request) (*http.Response, error) {
				if bad--; bad >= 0 {
					return reply(429, "", "Retry-After", value), nil
				}
				return reply(200, "{}"), nil
			})
			start := time.Now()
			if _, err := g.RoundTrip(newRequest(t.Context())); err != nil || time.Since(start) > contract.ShortPatience+time.Second {
				t.Errorf("%s, once: %v after %v", value, err, time.Since(start))
			}
			bad, start = 1<<30, time.Now()
			_, err := g.RoundTrip(newRequest(t.Context()))
			if throttled, ok := errors.AsType[*throttledError](err); !ok || throttled.asked < 24*time.Hour || time.Since(start) > contract.ShortPatience+time.Second {
				t.Errorf("%s, always: %v after %v", value, err, time.Since(start))
			}
			bad, start = 0, time.Now()
			if _, err := g.RoundTrip(newRequest(t.Context())); err != nil || time.Since(start) > time.Second {
				t.Errorf("%s, afterwards: %v after %v", value, err, time.Since(start))
			}
		})
	}
}

func TestGateEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(func(*http.Request) (*http.Response, error) { return reply(429, "", "Retry-After", "600"), nil })
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		start := time.Now()
		if _, err := g.RoundTrip(newRequest(ctx)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error = %v", err)
		}
		if took := time.Since(start); took != 10*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

func TestGateRepeatsFaultsAFewTimesWithTheWholeBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var bodies []string
		g := newGate(func(req *http.Request) (*http.Response, error) {
			b, err := io.ReadAll(req.Body)
			if err != nil {
				return nil, err
			}
			bodies = append(bodies, string(b))
			switch len(bodies) {
			case 1:
				return nil, errors.New("connection reset")
			case 2:
				return reply(500, "{}"), nil
			case 3:
				return nil, errCutOff
			}
			return reply(200, "{}"), nil
		})
		resp, err := g.RoundTrip(newRequest(t.Context()))
		if err != nil || resp.StatusCode != 200 {
			t.Fatalf("%v, %v", resp, err)
		}
		if got := strings.Join(bodies, " "); got != "body body body body" {
			t.Errorf("bodies sent: %q", got)
		}
	})
}

func TestGateReturnsALastingFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, test := range map[string]struct {
			resp  *http.Response
			err   error
			tries int
		}{
			"a server that keeps failing":  {resp: reply(500, "{}"), tries: 5},
			"a network that keeps failing": {err: errors.New("connection refused"), tries: 5},
			"an answer that is too large":  {err: errTooLarge, tries: 1},
			"an error of ours":             {err: expiredToken(), tries: 1},
			"a refusal":                    {resp: reply(403, "{}"), tries: 1},
			"an unauthorized request":      {resp: reply(401, "{}"), tries: 1},
		} {
			tries := 0
			g := newGate(func(*http.Request) (*http.Response, error) { tries++; return test.resp, test.err })
			resp, err := g.RoundTrip(newRequest(t.Context()))
			if resp != test.resp || !errors.Is(err, test.err) || tries != test.tries {
				t.Errorf("%s: %v, %v after %d tries, want %d", name, resp, err, tries, test.tries)
			}
		}
	})
}

func TestRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inAMinute := time.Now().Add(time.Minute).UTC().Format(http.TimeFormat)
		for value, want := range map[string]time.Duration{
			"": 0, "7": 7 * time.Second, "-3": 0, "-1e300": 0, "soon": 0, "NaN": 0, "0": 0, " 2 ": 2 * time.Second, "1.5": 2 * time.Second, "0.01": time.Second,
			"999999999999": maxRetryAfter, "99999999999999999999999999": maxRetryAfter, "+Inf": maxRetryAfter, inAMinute: time.Minute,
			"Fri, 31 Dec 9999 23:59:59 GMT": maxRetryAfter,
			"Sat, 02 Jan 1999 15:04:05 GMT": 0,
		} {
			got := retryAfter(http.Header{"Retry-After": {value}})
			if d := got - want; d > time.Second || d < -time.Second {
				t.Errorf("Retry-After %q is %v, want %v", value, got, want)
			}
		}
		// The server's clock may be wrong, and then so is its date.
		if got := retryAfter(http.Header{"Retry-After": {"Sat, 02 Jan 1999 15:05:04 GMT"}, "Date": {"Sat, 02 Jan 1999 15:04:04 GMT"}}); got != time.Minute {
			t.Errorf("by the server's clock it is %v", got)
		}
	})
}

// A request that was under way when the gate closed may be answered after others have
// passed and ended the streak.
func TestALateThrottledAnswerClosesTheGateOnceMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var count atomic.Int32
		g := newGate(func(*http.Request) (*http.Response, error) {
			switch count.Add(1) {
			case 1:
				time.Sleep(10 * time.Second)
				return reply(429, ""), nil
			case 2:
				return reply(429, "", "Retry-After", "1"), nil
			}
			return reply(200, "{}"), nil
		})
		var late sync.WaitGroup
		late.Go(func() {
			if _, err := g.RoundTrip(newRequest(t.Context())); err != nil {
				t.Error(err)
			}
		})
		time.Sleep(time.Second)
		if _, err := g.RoundTrip(newRequest(t.Context())); err != nil {
			t.Fatal(err)
		}
		late.Wait()
		if got := count.Load(); got != 4 {
			t.Errorf("%d requests were sent, want 4: either one again", got)
		}
	})
}
