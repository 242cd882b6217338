package graph

import (
	"context"
	"sync"
)

const (
	// firstReaders is how many requests may be under way at first.
	firstReaders = 8
	// maxReaders bounds the number of requests under way. Graph allows an application
	// 350 to 800 resource units a second, and a page of members costs two. With 200 ms
	// per answer, 80 simultaneous requests use up the largest tenant's share; with 300
	// ms, 120 do. Each request may hold one page in memory.
	maxReaders = 128
)

// window bounds the number of requests under way. It grows while requests succeed:
// quickly until the service throttles for the first time, then by one for every full
// window of answers. Throttling halves it. So it settles at what the service allows,
// which nobody can know in advance, because it depends on the tenant's size, its
// distance and the load from other applications.
type window struct {
	mu       sync.Mutex
	size     float64
	underWay int
	slow     bool // has been throttled before
	waiting  []chan struct{}
}

func newWindow() *window { return &window{size: firstReaders} }

// enter waits for a place. A nil window is unbounded.
func (w *window) enter(ctx context.Context) error {
	if w == nil {
		return nil
	}
	w.mu.Lock()
	if w.underWay < int(w.size) && len(w.waiting) == 0 {
		w.underWay++
		w.mu.Unlock()
		return nil
	}
	place := make(chan struct{})
	w.waiting = append(w.waiting, place)
	w.mu.Unlock()
	select {
	case <-place:
		return nil
	case <-ctx.Done():
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, other := range w.waiting {
		if other == place {
			w.waiting = append(w.waiting[:i], w.waiting[i+1:]...)
			return ctx.Err()
		}
	}
	w.underWay-- // the place was granted at the same moment
	w.admit()
	return ctx.Err()
}

// leave gives the place back.
func (w *window) leave() {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.underWay--
	w.admit()
}

// admit gives the free places to the waiting requests, in order.
func (w *window) admit() {
	for len(w.waiting) > 0 && w.underWay < int(w.size) {
		close(w.waiting[0])
		w.waiting = w.waiting[1:]
		w.underWay++
	}
}

// grow is called for each answered request, before it leaves. A window that is not full
// proves nothing, so it keeps its size.
func (w *window) grow() {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.underWay < int(w.size) {
		return
	}
	step := 1.0
	if w.slow {
		step = 1 / w.size
	}
	w.size = min(w.size+step, maxReaders)
	w.admit()
}

// shrink is called once for each round of throttling.
func (w *window) shrink() {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.size = max(w.size/2, 1)
	w.slow = true
}
