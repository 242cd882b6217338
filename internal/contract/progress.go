package contract

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Progress is how far a request has come.
type Progress struct {
	Step       string `json:"step"`
	StepNumber int    `json:"stepNumber"`
	StepCount  int    `json:"stepCount"`
	Done       int    `json:"done"`
	Total      int    `json:"total"` // 0: not known
	Message    string `json:"message"`
	// Waiting is set while the run waits for something that does not answer.
	Waiting *Waiting `json:"waiting,omitempty"`
}

// Report receives progress. It is called from one goroutine at a time and must not block.
type Report func(Progress)

// Meter reports to the caller of a method how far the method is and what it waits for. It
// may be used from several goroutines.
type Meter struct {
	report Report
	// Stepped, if set, is called when a step is over, with the time that the step took.
	Stepped func(step Progress, took time.Duration)

	mu    sync.Mutex
	last  Progress
	began time.Time // when the last step began
	pause *Waiting  // before a retry
	// asked holds the requests without an answer, oldest first. silent is the one that
	// was reported as silent. heard is when a request was last answered.
	asked  []*Waiting
	silent *Waiting
	heard  time.Time
	timer  *time.Timer
}

// silence is how long nobody may answer before the meter reports whose answer is missing.
const silence = 3 * time.Second

type progressKey struct{}

// WithReport makes the method that gets the context report its progress.
func WithReport(ctx context.Context, report Report) context.Context {
	if report == nil {
		return ctx
	}
	return context.WithValue(ctx, progressKey{}, &Meter{report: report})
}

// ProgressOf returns the meter of the context. It is never nil.
func ProgressOf(ctx context.Context) *Meter {
	if p, ok := ctx.Value(progressKey{}).(*Meter); ok {
		return p
	}
	return &Meter{report: func(Progress) {}}
}

// Expects sets how many more steps follow.
func (p *Meter) Expects(steps int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last.StepCount = p.last.StepNumber + steps
}

// Begin reports the next step before its work starts.
func (p *Meter) Begin(step, message string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.end(time.Now())
	p.last = Progress{Step: step, StepNumber: p.last.StepNumber + 1, StepCount: max(p.last.StepCount, p.last.StepNumber+1), Message: message}
	p.send()
}

// At reports how far the step is. A total of 0 means that it is not known.
func (p *Meter) At(done, total int, message string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last.Done, p.last.Total, p.last.Message = done, total, message
	p.send()
}

// Read is At for a reading whose total is not known.
func (p *Meter) Read(done int, message string) { p.At(done, 0, message) }

// Over ends the last step.
func (p *Meter) Over() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.end(time.Now())
}

func (p *Meter) end(now time.Time) {
	if p.last.Step != "" && p.Stepped != nil {
		p.Stepped(p.last, now.Sub(p.began))
	}
	p.began = now
}

func (p *Meter) waits(w Waiting) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pause = &w
	p.send()
}

// asks notes a request to who until answered is called. If no request is answered for a
// while, the meter reports the oldest one.
func (p *Meter) asks(who string) (answered func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	request := &Waiting{For: who, Why: "it has not responded yet", Since: time.Now()}
	if p.asked = append(p.asked, request); len(p.asked) == 1 {
		p.listen(request.Since)
	}
	if p.pause != nil && !request.Since.Before(p.pause.Next) {
		p.pause = nil
		p.send()
	}
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.asked = slices.DeleteFunc(p.asked, func(r *Waiting) bool { return r == request })
		if p.timer.Stop(); len(p.asked) > 0 {
			p.listen(time.Now())
		}
		if p.silent != nil {
			p.silent = nil
			p.send()
		}
	}
}

func (p *Meter) listen(now time.Time) {
	p.heard = now
	p.timer = time.AfterFunc(silence, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if len(p.asked) > 0 && p.heard.Equal(now) {
			p.silent = p.asked[0]
			p.send()
		}
	})
}

// send reports the current state.
func (p *Meter) send() {
	now := p.last
	switch {
	case p.pause != nil && time.Now().Before(p.pause.Next):
		now.Waiting = p.pause
	case p.silent != nil:
		now.Waiting = p.silent
	}
	if now.Waiting != nil {
		now.Message = now.Waiting.String()
	}
	p.report(now)
}
