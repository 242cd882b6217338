package contract

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Waiting is a pause before something that gave no answer is asked again, or a
// request that is not answered yet.
type Waiting struct {
	For   string    `json:"for"` // the host
	Why   string    `json:"why"`
	Since time.Time `json:"since"`
	Next  time.Time `json:"next,omitzero"`  // when it is asked again; zero: it was asked, and has not answered
	Until time.Time `json:"until,omitzero"` // when it is given up; zero: not known
	// Brief is a pause of everyday, which is shown and not logged.
	Brief bool `json:"-"`
}

func (w Waiting) String() string {
	clock := func(t time.Time) string { return t.Local().Format("15:04:05") }
	text := fmt.Sprintf("Waiting for %s since %s: %s.", w.For, clock(w.Since), strings.TrimSuffix(w.Why, "."))
	if !w.Next.IsZero() {
		text += " Next try at " + clock(w.Next)
		if !w.Until.IsZero() {
			text += ", at the latest until " + clock(w.Until)
		}
		text += "."
	}
	return text
}

// patience is what a run allows its connectors while nobody answers.
type patience struct {
	outage time.Duration
	log    func(Waiting)
	ended  <-chan struct{} // the run's own end, where an operation outlives it by the grace
}

type patienceKey struct{}

// WithPatience lets the connectors wait for the end of an outage, and log it.
func WithPatience(ctx context.Context, outage time.Duration, log func(Waiting)) context.Context {
	return context.WithValue(ctx, patienceKey{}, patience{outage, log, ctx.Done()})
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
	p.outage, p.log = 0, nil
	return context.WithValue(ctx, patienceKey{}, p)
}

// TellWaiting tells those who watch the method of a pause, and logs it.
func TellWaiting(ctx context.Context, w Waiting) {
	if p, _ := ctx.Value(patienceKey{}).(patience); p.log != nil && !w.Brief {
		p.log(w)
	}
	ProgressOf(ctx).waits(w)
}

// Asking is called when somebody is asked, and what it returns when that one has
// answered: those who watch are told of a long silence.
func Asking(ctx context.Context, who string) (answered func()) { return ProgressOf(ctx).asks(who) }

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
