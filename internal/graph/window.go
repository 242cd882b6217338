package graph

import (
	"context"
	"sync"
)

const (
	// firstReaders is how many requests are under way at once in the beginning.
	firstReaders = 8
	// maxReaders bounds them. Graph allows an application 350 to 800 resource
	// units a second, and a page of members costs two; with 200 ms an answer the
	// largest tenant's share is used up by 80 requests at once, with 300 ms by
	// 120. Each of them may hold one page in memory.
	maxReaders = 128
)

// window is how many requests may be under way at once. It grows while all
// goes well, quickly until the service throttles for the first time and then
// by one for as many answers as it has places; throttling halves it. So it
// comes to rest at what the service allows, which nobody can know beforehand:
// the tenant's size, its distance and what other applications use all count.
type window struct {
	mu       sync.Mutex
	size     float64
	underWay int
	slow     bool // was throttled before
	waiting  []chan struct{}
}

func newWindow() *window { return &window{size: firstReaders} }

// enter waits for a place. A nil window has no bound.
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
	w.underWay-- // the place was given at the same moment
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

// admit gives the free places to those that wait, in their order.
func (w *window) admit() {
	for len(w.waiting) > 0 && w.underWay < int(w.size) {
		close(w.waiting[0])
		w.waiting = w.waiting[1:]
		w.underWay++
	}
}

// grow is called for each request that was answered, before it leaves. A
// window that is not full proves nothing, and stays.
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
