package engine

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Waiting is a pause before something that gave no answer is asked again.
type Waiting struct {
	For   string    `json:"for"` // the host
	Why   string    `json:"why"`
	Since time.Time `json:"since"`
	Next  time.Time `json:"next"`  // when it is asked again
	Until time.Time `json:"until"` // when it is given up
}

func (w Waiting) String() string {
	clock := func(t time.Time) string { return t.Local().Format("15:04:05") }
	return fmt.Sprintf("Waiting for %s since %s: %s. Next try at %s, at the latest until %s.", w.For, clock(w.Since), w.Why, clock(w.Next), clock(w.Until))
}

// patience is what a run allows its connectors while nobody answers.
type patience struct {
	outage time.Duration
	tell   func(Waiting)
	ended  <-chan struct{} // the run's own end, where an operation outlives it by the grace
}

type patienceKey struct{}

// WithPatience lets the connectors wait for the end of an outage, and tell of it.
func WithPatience(ctx context.Context, outage time.Duration, tell func(Waiting)) context.Context {
	return context.WithValue(ctx, patienceKey{}, patience{outage, tell, ctx.Done()})
}

// ShortPatience is for how long a connector goes on asking where no run allows
// more: somebody waits there, and the name may be a wrong one.
const ShortPatience = 30 * time.Second

// OutagePatience is for how long a connector goes on asking what cannot be
// reached, from the first failure on; at least [ShortPatience].
func OutagePatience(ctx context.Context) time.Duration {
	p, _ := ctx.Value(patienceKey{}).(patience)
	return max(p.outage, ShortPatience)
}

// WithShortPatience is for what a run can do without.
func WithShortPatience(ctx context.Context) context.Context {
	p, _ := ctx.Value(patienceKey{}).(patience)
	p.outage, p.tell = 0, nil
	return context.WithValue(ctx, patienceKey{}, p)
}

// TellWaiting tells the run, if there is one, of a pause.
func TellWaiting(ctx context.Context, w Waiting) {
	if p, _ := ctx.Value(patienceKey{}).(patience); p.tell != nil {
		p.tell(w)
	}
}

// Pause waits, but no longer than until the context or the run ends.
func Pause(ctx context.Context, d time.Duration) error {
	p, _ := ctx.Value(patienceKey{}).(patience)
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-p.ended:
		return context.Canceled
	}
}

// progressing passes on how far the run is. It may be called from several
// goroutines.
type progressing struct {
	report Report
	// stepped is told of each step that is over, with how long it took.
	stepped func(step Progress, took time.Duration)
	mu      sync.Mutex
	last    Progress
	wait    *Waiting
	began   time.Time // the last step
}

func (p *progressing) is(now Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Step != p.last.Step {
		p.step(time.Now())
	}
	p.last = now
	p.send()
}

// over is for the end of the last step.
func (p *progressing) over() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.step(time.Now())
}

func (p *progressing) step(now time.Time) {
	if p.last.Step != "" {
		p.stepped(p.last, now.Sub(p.began))
	}
	p.began = now
}

func (p *progressing) waits(w Waiting) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wait = &w
	p.send()
}

func (p *progressing) send() {
	now := p.last
	if p.wait != nil && time.Now().Before(p.wait.Next) {
		now.Waiting, now.Message = p.wait, p.wait.String()
	}
	p.report(now)
}
