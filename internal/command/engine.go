package command

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/plan"
	"groupwriteback/internal/run"
)

// Config is what an engine is made of; cmd wires it.
type Config struct {
	OpenSource contract.OpenSource
	OpenTarget contract.OpenTarget
	// OpenState opens the state, by the first method that needs it, and makes it
	// where there is none.
	OpenState func(ctx context.Context) (contract.State, error)
	// FindState returns the folder of the state and whether there is a state in it,
	// and makes nothing. nil: there is one.
	FindState func() (folder string, there bool, err error)
	Log       *slog.Logger
	Now       contract.Clock
	// Projection names the properties that the source always reads of groups, members
	// and users, in a form for comparing.
	Projection string
	// LookLasts is as in [run.Ground].
	LookLasts time.Duration
	// Mapping is the attributes that are written; nil: [plan.Standard].
	Mapping plan.Mapping
}

// projection is what is read of the tenant, and what is made of it.
func (c *Config) projection() string {
	return c.Projection + "/" + c.Mapping.Version()
}

// Engine does what the cmdlets ask for. Its methods may be called from several
// goroutines; runs exclude one another by the state's lock.
type Engine struct {
	config Config

	mu         sync.Mutex
	state      contract.State
	connection connection
	running    int // methods that use the connection now
}

// connection is what session.connect made.
type connection struct {
	source       contract.Source
	sourceConfig contract.SourceConfig
	sourceID     contract.SourceIdentity
	target       contract.Target
	targetConfig contract.TargetConfig
	targetID     contract.TargetIdentity
}

// New makes an engine that has opened nothing yet.
func New(config Config) *Engine {
	if config.Mapping == nil {
		config.Mapping = plan.Standard
	}
	return &Engine{config: config}
}

// State opens the state if it is not open yet. Where there is none it answers as an
// empty one, for readers, and makes none.
func (e *Engine) State(ctx context.Context) (contract.State, error) { return e.openState(ctx, false) }

// makeState is State for those who mean to write: it makes what is missing.
func (e *Engine) makeState(ctx context.Context) (contract.State, error) {
	return e.openState(ctx, true)
}

func (e *Engine) openState(ctx context.Context, make bool) (contract.State, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.state == nil && !make && e.config.FindState != nil {
		folder, there, err := e.config.FindState()
		if err != nil {
			return nil, err
		}
		if !there {
			return nothing{folder: folder}, nil
		}
	}
	if e.state == nil {
		s, err := e.config.OpenState(ctx)
		if err != nil {
			return nil, err
		}
		e.state = s
	}
	return e.state, nil
}

// Close closes connections and state.
func (e *Engine) Close() error {
	e.Disconnect()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.state == nil {
		return nil
	}
	s := e.state
	e.state = nil
	return s.Close()
}

// ground is what a run of these settings stands on.
func (e *Engine) ground(state contract.State, c *connection, settings contract.Settings) *run.Ground {
	return &run.Ground{State: state, Source: c.source, SourceID: c.sourceID, Target: c.target, TargetID: c.targetID, Settings: settings,
		Mapping: e.config.Mapping, Projection: e.config.projection(), Now: e.config.Now, Log: e.config.Log, LookLasts: e.config.LookLasts}
}
