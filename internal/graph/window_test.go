package graph

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/graph/graphtest"
)

// counted is what a simulated tenant saw of one read.
type counted struct {
	requests, throttled int
	underWay, peak      int // simultaneous requests
	elapsed             time.Duration
}

// inTenant returns a source whose transport calls the tenant without a network, so that
// latency and throttling use the time of a bubble.
func inTenant(t *testing.T, tenant *graphtest.Tenant) (*source, *counted) {
	t.Helper()
	var mu sync.Mutex
	seen := &counted{}
	hosts := endpoints{authority: "https://graph.example", graph: "https://graph.example"}
	token := (&graphtest.Server{Tenant: tenant, URL: hosts.graph}).AccessToken()
	direct := wire(func(req *http.Request) (*http.Response, error) {
		mu.Lock()
		seen.requests++
		seen.underWay++
		seen.peak = max(seen.peak, seen.underWay)
		mu.Unlock()
		answer := httptest.NewRecorder()
		arrived := req.Clone(req.Context())
		arrived.Host = req.URL.Host
		if arrived.Body == nil {
			arrived.Body = http.NoBody
		}
		tenant.ServeHTTP(answer, arrived)
		mu.Lock()
		defer mu.Unlock()
		seen.underWay--
		if answer.Code == http.StatusTooManyRequests {
			seen.throttled++
		}
		return answer.Result(), nil
	})
	s, err := newSource(contract.SourceConfig{Kind: contract.AccessToken, AccessToken: contract.NewSecret(token)}, hosts, direct, direct)
	if err != nil {
		t.Fatal(err)
	}
	return s, seen
}

// readAll reads the groups and their members as an Initial import does.
func readAll(ctx context.Context, s contract.Source) (groups, members int, err error) {
	var ids []directory.GUID
	if err := s.Groups(ctx, contract.SourceSelection{}, func(page []directory.SourceGroup) error {
		for _, g := range page {
			ids = append(ids, g.ID)
		}
		return nil
	}); err != nil {
		return 0, 0, err
	}
	err = s.Members(ctx, ids, func(p contract.MemberPage) error {
		members += len(p.Members)
		return p.Err
	})
	return len(ids), members, err
}

// TestReadingIsAsFastAsThrottlingAllows reads a tenant under each of Microsoft's
// limits, with low and high latency. It uses the bubble's time, so the figures do not
// depend on the machine.
func TestReadingIsAsFastAsThrottlingAllows(t *testing.T) {
	const groups, unitsEach = 4000, 2
	for _, test := range []struct {
		size    string
		rate    float64 // resource units a second
		latency time.Duration
	}{
		{"S", 350, 200 * time.Millisecond},
		{"L", 800, 200 * time.Millisecond},
		{"L", 800, 20 * time.Millisecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			tenant := graphtest.New(graphtest.Generate(groups, 1, 1), graphtest.Options{TokenLifetime: 24 * time.Hour})
			if err := tenant.SetThrottle(graphtest.Throttle{Size: test.size}); err != nil {
				t.Fatal(err)
			}
			s, seen := inTenant(t, tenant)
			// Use up what the bucket allows at the start, so that only the rate counts.
			drain(t, tenant, s)
			tenant.SetLatency(test.latency)
			*seen = counted{}
			start := time.Now()
			got, members, err := readAll(t.Context(), s)
			seen.elapsed = time.Since(start)
			if err != nil || got != groups || members != groups {
				t.Fatalf("%d groups, %d members, %v", got, members, err)
			}
			allowed := time.Duration(groups * unitsEach / test.rate * float64(time.Second))
			ratio := float64(seen.elapsed) / float64(allowed)
			t.Logf("%s at %v: %v for %v allowed, ratio %.2f, %d of %d requests throttled, at most %d at once",
				test.size, test.latency, seen.elapsed.Round(time.Millisecond), allowed.Round(time.Millisecond), ratio, seen.throttled, seen.requests, seen.peak)
			if ratio > 1.5 {
				t.Errorf("%s at %v: ratio %.2f", test.size, test.latency, ratio)
			}
			if seen.throttled > seen.requests/10 || seen.peak > maxReaders {
				t.Errorf("%s at %v: %d of %d requests throttled, %d at once", test.size, test.latency, seen.throttled, seen.requests, seen.peak)
			}
		})
	}
}

// drain fills the tenant's bucket, as another application would.
func drain(t *testing.T, tenant *graphtest.Tenant, s *source) {
	t.Helper()
	token, err := s.tokens.token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for {
		req := httptest.NewRequest(http.MethodGet, "https://graph.example/v1.0/organization", nil)
		req.Header.Set("Authorization", "Bearer "+token)
		answer := httptest.NewRecorder()
		tenant.ServeHTTP(answer, req)
		if answer.Code == http.StatusTooManyRequests {
			return
		}
	}
}

func TestTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWindow()
		enter := func(n int) {
			t.Helper()
			for range n {
				if err := w.enter(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
		enter(firstReaders)
		entered := make(chan int, 10)
		ctx, cancel := context.WithCancel(t.Context())
		for i := range 3 {
			go func() {
				if w.enter(ctx) == nil {
					entered <- i
				}
			}()
			synctest.Wait()
		}
		if len(entered) != 0 {
			t.Fatal("more than the window holds")
		}
		w.grow()
		synctest.Wait()
		if len(entered) != 1 || <-entered != 0 {
			t.Fatal("growth does not admit the first that waits")
		}
		cancel()
		synctest.Wait()
		w.leave()
		enter(1)
		if len(entered) != 0 || w.underWay != firstReaders+1 || len(w.waiting) != 0 {
			t.Fatalf("%d under way, %d wait: a place was lost to those that went away", w.underWay, len(w.waiting))
		}

		w.shrink()
		for range firstReaders + 1 {
			w.leave()
		}
		w.grow()
		if w.size != (firstReaders+1)/2.0 {
			t.Errorf("size %v: an empty window has grown", w.size)
		}
		for range 100 {
			w.shrink()
		}
		enter(1)
		for range 100_000 {
			w.grow()
		}
		if w.size != 2 {
			t.Errorf("size %v: a window that is not full has grown", w.size)
		}
		for w.underWay < maxReaders {
			enter(int(w.size) - w.underWay)
			for range maxReaders {
				w.grow()
			}
		}
		w.grow()
		if w.size != maxReaders {
			t.Errorf("size %v, want no more than %d", w.size, maxReaders)
		}
	})
}
