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

// Ground is what a run is given to work with.
type Ground struct {
	State    contract.State
	Source   contract.Source // nil if only Active Directory is connected
	SourceID contract.SourceIdentity
	Target   contract.Target
	TargetID contract.TargetIdentity
	Settings contract.Settings
	Mapping  plan.Mapping // the attributes to write, in any forest
	// Projection identifies what is read from the tenant and how it is projected.
	Projection string
	Now        contract.Clock
	Log        *slog.Logger

	Initial bool            // requested, whatever is due
	Adopts  []contract.Link // what an administrator has agreed to adopt
	// OfSettings is the command whose settings are previewed before they take effect.
	OfSettings           string
	SkipReplicationCheck bool
	// Compare has groups, by id, of which a preview notes whether it would leave them as
	// they are. Holds of these groups do not count.
	Compare map[directory.GUID]bool
	// LookLasts is how long a look at an object remains valid for the first request that
	// changes it; 0 means one second.
	LookLasts time.Duration
}

// run is what the steps of one run share: its ground, its generation and its record.
type run struct {
	ground   *Ground
	state    contract.State
	source   contract.Source
	target   contract.Target
	settings contract.Settings
	now      contract.Clock
	log      *slog.Logger
	meter    *contract.Meter

	gen    contract.Generation // the generation that the run stages
	before contract.Generation // the generation that was current when the run began
	base   int64               // the run that staged before; 0: none

	consent   *plan.Consent
	consentTo string // the id of the plan that the consent is for
	// single means that the run syncs or previews one group on demand.
	single bool
	// keeping means that a later run may continue with the members that this one has
	// read.
	keeping bool

	record contract.Run
	found  findings
	holds  holds
	tries  tries

	mu sync.Mutex
	// pending has the groups that the next Delta run must plan; false: only because they fail.
	pending map[directory.GUID]bool
}

func newRun(ctx context.Context, g *Ground, kind contract.RunKind) *run {
	none := g.State.Generation(0) // for the time before the run has begun, and if nothing was ever committed
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

// warn logs a warning.
func (r *run) warn(message string, args ...any) { r.log.Warn(message, args...) }

// walk takes the run through its steps and writes its record. From the moment the record
// exists, it also reports every error.
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
	r.log.Info("run started", "run", id, "kind", r.record.Kind, "server", r.record.Server, "linkedGroups", links)
	r.meter.Stepped = func(step contract.Progress, took time.Duration) {
		r.log.Info("step ended", "run", id, "step", step.Step, "done", step.Done, "total", step.Total, "seconds", took.Seconds())
	}
	s := &steps{meter: r.meter}
	recipe(ctx, s)
	return r.close(ctx, s.err)
}

// close records how the run ended and removes what it staged unless that is current now.
func (r *run) close(ctx context.Context, ended error) (contract.Run, error) {
	kept := r.keeps(ctx, ended)
	r.conclude(ctx, ended)
	r.meter.Over()
	r.tellOutcome()

	// The record is written even if the run was cancelled. It is written first, because
	// removing what a large run staged may take longer than there is time. The next run
	// removes the rest when it begins.
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
		r.warn("timed out while removing what the run staged", "run", r.record.ID)
		err = nil
	}
	return r.record, err
}

// ClosingTime is how long a finished run may take to close its record.
const ClosingTime = 20 * time.Second

// patient lets the connectors wait for the end of an outage.
func (r *run) patient(ctx context.Context) context.Context {
	return contract.WithPatience(ctx, time.Duration(r.settings.OutageMinutes)*time.Minute, func(w contract.Waiting) {
		r.log.Warn("waiting for a response", "run", r.record.ID, "for", w.For, "why", w.Why, "since", w.Since.UTC(), "next", w.Next.UTC(), "until", w.Until.UTC())
	})
}

// keeps reports whether what the run staged is kept, depending on the error that ended
// it. Nothing that may be wrong is kept, such as data that an insufficient token no
// longer shows. If another process has taken over, the data belongs to that process.
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
