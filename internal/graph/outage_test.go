package graph

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"groupwriteback/internal/contract"
)

// During a run, the gate waits for a service that cannot be reached for as long as the
// run allows. All readers wait, and the run is told once for all of them.
func TestAnOutageIsWaitedFor(t *testing.T) {
	for name, test := range map[string]struct {
		err  error
		back time.Duration
		want bool
	}{
		"refused":          {err: errors.New("connection refused"), back: 9 * time.Minute, want: true},
		"refused too long": {err: errors.New("connection refused"), back: 11 * time.Minute},
		"cut off":          {err: errCutOff, back: 9 * time.Minute, want: true},
	} {
		synctest.Test(t, func(t *testing.T) {
			var mu sync.Mutex
			var told []contract.Waiting
			ctx := contract.WithPatience(t.Context(), 10*time.Minute, func(w contract.Waiting) {
				mu.Lock()
				defer mu.Unlock()
				told = append(told, w)
			})
			begin := time.Now()
			g := newGate(func(*http.Request) (*http.Response, error) {
				if time.Since(begin) < test.back {
					return nil, test.err
				}
				return reply(200, "{}"), nil
			})
			var readers sync.WaitGroup
			for range 20 {
				readers.Go(func() {
					resp, err := g.RoundTrip(newRequest(ctx))
					if ok := err == nil && resp.StatusCode == 200; ok != test.want || time.Since(begin) > 11*time.Minute {
						t.Errorf("%s: %v after %v", name, err, time.Since(begin))
					}
				})
			}
			readers.Wait()
			if len(told) == 0 || len(told) > 200 {
				t.Errorf("%s: told %d times", name, len(told))
			}
			// Two readers held one after the other may report in the opposite order.
			slices.SortFunc(told, func(a, b contract.Waiting) int { return a.Next.Compare(b.Next) })
			for i, w := range told {
				if w.For != "graph.example" || w.Why == "" || !w.Since.Equal(begin) || w.Next.After(w.Until) || i > 0 && !w.Next.After(told[i-1].Next) {
					t.Errorf("%s: told %v", name, w)
				}
			}
		})
	}
	// A single request that never gets a complete answer does not make the others wait.
	synctest.Test(t, func(t *testing.T) {
		ctx := contract.WithPatience(t.Context(), 10*time.Minute, func(contract.Waiting) {})
		bad := newRequest(ctx)
		bad.URL.Path = "/bad"
		g := newGate(func(req *http.Request) (*http.Response, error) {
			if req.URL.Path == "/bad" {
				return nil, errCutOff
			}
			return reply(200, "{}"), nil
		})
		ended := make(chan struct{})
		begin := time.Now()
		go func() {
			defer close(ended)
			if _, err := g.RoundTrip(bad); !errors.Is(err, errCutOff) || time.Since(begin) > time.Minute {
				t.Errorf("%v after %v", err, time.Since(begin))
			}
		}()
		for {
			select {
			case <-ended:
				return
			case <-time.After(time.Second):
				if _, err := g.RoundTrip(newRequest(ctx)); err != nil {
					t.Error(err)
				}
			}
		}
	})
	// The end of the run ends the wait.
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(contract.WithPatience(t.Context(), time.Hour, func(contract.Waiting) {}))
		time.AfterFunc(100*time.Second, cancel)
		g := newGate(func(*http.Request) (*http.Response, error) { return nil, errors.New("refused") })
		begin := time.Now()
		if _, err := g.RoundTrip(newRequest(ctx)); err == nil || time.Since(begin) != 100*time.Second {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
	})
}
