package run

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"sync"
	"time"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// Ground is what a run stands on.
type Ground struct {
	State    contract.State
	Source   contract.Source // nil where only Active Directory is connected
	SourceID contract.SourceIdentity
	Target   contract.Target
	TargetID contract.TargetIdentity
	Settings contract.Settings
	Mapping  plan.Mapping // what is written, whatever the forest
	// Projection is what is read of the tenant, and what is made of it.
	Projection string
	Now        contract.Clock
	Log        *slog.Logger

	Initial bool            // it is asked for, whatever is due
	Adopts  []contract.Link // what an administrator has agreed to adopt
	// OfSettings is the command whose settings a preview is about, before they hold.
	OfSettings           string
	SkipReplicationCheck bool
	// LookLasts is for how long a look at an object is enough before the first request
	// that changes it; 0: a second.
	LookLasts time.Duration
}

// run is what the steps of one run share: what it stands on, what it stages, and
// what it reports.
type run struct {
	ground   *Ground
	state    contract.State
	source   contract.Source
	target   contract.Target
	settings contract.Settings
	now      contract.Clock
	log      *slog.Logger
	meter    *contract.Meter

	gen    contract.Generation // what it stages
	before contract.Generation // what was current when it began
	base   int64               // the run that staged that; 0: there was none

	consent   *plan.Consent
	consentTo string // the plan that the consent is to
	// single: one group on demand, or the preview of that.
	single bool
	// keeping: a later run may go on with the members that this one has read.
	keeping bool

	record contract.Run
	found  findings

	mu      sync.Mutex
	pending map[directory.GUID]bool // groups that the next delta run has to plan
}

func newRun(ctx context.Context, g *Ground, kind contract.RunKind) *run {
	none := g.State.Generation(0) // until the run has begun, and where nothing was committed
	policy := contract.Delta
	if g.Initial {
		policy = contract.Initial
	}
	return &run{
		ground: g, state: g.State, source: g.Source, target: g.Target, settings: g.Settings, now: g.Now, log: g.Log,
		meter: contract.ProgressOf(ctx), gen: none, before: none, pending: map[directory.GUID]bool{},
		record: contract.Run{Kind: kind, PolicyType: policy, PlanID: rand.Text(), Started: g.Now().UTC(),
			Status: contract.RunRunning, Server: g.TargetID.Server, Projection: g.Projection},
	}
}

// warn logs what is amiss.
func (r *run) warn(message string, args ...any) { r.log.Warn(message, args...) }

// walk takes the run through its steps and writes its record. Whatever happens after
// the record has begun is told by the record.
func (r *run) walk(ctx context.Context, recipe func(context.Context, *steps)) (contract.Run, error) {
	ctx = r.patient(ctx)
	links, err := r.state.CountLinks(ctx)
	if err != nil {
		return contract.Run{}, err
	}
	r.record.LinkedGroups = links
	id, err := r.state.BeginRun(ctx, r.record)
	if err != nil {
		return contract.Run{}, err
	}
	r.record.ID, r.gen = id, r.state.Generation(id)
	r.log.Info("the run begins", "run", id, "kind", r.record.Kind, "server", r.record.Server, "linkedGroups", links)
	r.meter.Stepped = func(step contract.Progress, took time.Duration) {
		r.log.Info("a step ended", "run", id, "step", step.Step, "done", step.Done, "total", step.Total, "seconds", took.Seconds())
	}
	s := &steps{meter: r.meter}
	recipe(ctx, s)
	return r.close(ctx, s.err)
}

// close writes how the run ended, and removes what it staged where that is not
// current now.
func (r *run) close(ctx context.Context, ended error) (contract.Run, error) {
	kept := r.keeps(ctx, ended)
	r.conclude(ctx, ended)
	r.meter.Over()
	r.tellOutcome()

	// The record is written even when the run was cancelled, and first: removing
	// what a large run staged may take longer than there is time. What is left of
	// it, the next run removes when it begins.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), ClosingTime)
	defer cancel()
	if err := r.state.SaveRun(ctx, r.record); err != nil {
		return r.record, err
	}
	current, err := r.state.Current(ctx)
	if err == nil && current != r.record.ID && !kept {
		err = r.gen.Discard(ctx)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		r.warn("what the run staged could not all be removed in time", "run", r.record.ID)
		err = nil
	}
	return r.record, err
}

// ClosingTime is for how long a run that is over may take to close its record.
const ClosingTime = 20 * time.Second

// patient lets what the run asks wait for the end of an outage.
func (r *run) patient(ctx context.Context) context.Context {
	return contract.WithPatience(ctx, time.Duration(r.settings.OutageMinutes)*time.Minute, func(w contract.Waiting) {
		r.log.Warn("waiting for an answer", "run", r.record.ID, "for", w.For, "why", w.Why, "since", w.Since.UTC(), "next", w.Next.UTC(), "until", w.Until.UTC())
	})
}

// keeps reports whether what the run has staged stays, by what ended it. Nothing does
// that may be wrong, as what the token no longer shows. When another process has
// taken over, it is that one's.
func (r *run) keeps(ctx context.Context, err error) bool {
	if contract.HasID(err, "RunSuperseded") {
		return true
	}
	if err == nil || !r.keeping {
		return false
	}
	e := contract.AsError(err)
	return ctx.Err() != nil || e.Category == contract.Connection || e.Category == contract.ResourceBusy || e.ID == contract.StopAccessTokenExpired
}
