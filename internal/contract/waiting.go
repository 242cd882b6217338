package contract

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Waiting is a pause before a retry, or a request that is not answered yet.
type Waiting struct {
	For   string    `json:"for"` // the host
	Why   string    `json:"why"`
	Since time.Time `json:"since"`
	Next  time.Time `json:"next,omitzero"`  // when the retry follows; zero: the request was sent and has no answer yet
	Until time.Time `json:"until,omitzero"` // when the connector gives up; zero: not known
	// Brief marks an ordinary short pause, which is shown and not logged.
	Brief bool `json:"-"`
}

// String describes the pause in sentences, with local times.
func (w Waiting) String() string {
	clock := func(t time.Time) string { return t.Local().Format("15:04:05") }
	text := fmt.Sprintf("Waiting for %s since %s: %s.", w.For, clock(w.Since), strings.TrimSuffix(w.Why, "."))
	if !w.Next.IsZero() {
		text += " The next attempt is at " + clock(w.Next)
		if !w.Until.IsZero() {
			text += ", the last at " + clock(w.Until)
		}
		text += "."
	}
	return text
}

// patience is how long a run lets its connectors wait while nobody answers.
type patience struct {
	outage time.Duration
	log    func(Waiting)
	ended  <-chan struct{} // the end of the run itself, for an operation that outlives it by the grace period
}

type patienceKey struct{}

// WithPatience lets the connectors wait for the end of an outage, and logs the pauses.
func WithPatience(ctx context.Context, outage time.Duration, log func(Waiting)) context.Context {
	return context.WithValue(ctx, patienceKey{}, patience{outage, log, ctx.Done()})
}

// ShortPatience is how long a connector retries if no run allows more: a user waits, and
// the name may be wrong.
const ShortPatience = 30 * time.Second

// OutagePatience returns how long a connector retries what it cannot reach, counted from
// the first failure; at least [ShortPatience].
func OutagePatience(ctx context.Context) time.Duration {
	p, _ := ctx.Value(patienceKey{}).(patience)
	return max(p.outage, ShortPatience)
}

// WithShortPatience returns a context for work that a run can do without.
func WithShortPatience(ctx context.Context) context.Context {
	p, _ := ctx.Value(patienceKey{}).(patience)
	p.outage, p.log = 0, nil
	return context.WithValue(ctx, patienceKey{}, p)
}

// TellWaiting reports a pause to the caller of the method and logs it.
func TellWaiting(ctx context.Context, w Waiting) {
	if p, _ := ctx.Value(patienceKey{}).(patience); p.log != nil && !w.Brief {
		p.log(w)
	}
	ProgressOf(ctx).waits(w)
}

// Asking notes that a request was sent to who; the caller calls answered when the answer
// is there. In between, the meter can report a long silence.
func Asking(ctx context.Context, who string) (answered func()) { return ProgressOf(ctx).asks(who) }

// Pause waits for d, or until the context or the run ends.
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
