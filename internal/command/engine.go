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

// Config is what an engine needs. The cmd package fills it in.
type Config struct {
	OpenSource contract.OpenSource
	OpenTarget contract.OpenTarget
	// OpenState opens the state, and creates it if there is none. The first method that
	// needs the state calls it.
	OpenState func(ctx context.Context) (contract.State, error)
	// FindState returns the folder of the state and whether it holds a state. It creates
	// nothing. If it is nil, there is a state.
	FindState func() (folder string, there bool, err error)
	Log       *slog.Logger
	Now       contract.Clock
	// Projection identifies, for comparison, the properties that the source always reads
	// of groups, members and users.
	Projection string
	// LookLasts is as in [run.Ground].
	LookLasts time.Duration
	// Mapping has the attributes to write; nil means [plan.Standard].
	Mapping plan.Mapping
	// Caller is who uses the engine, for the audit.
	Caller contract.Caller
}

// mapping returns the mapping with what the administrator has set. Errors:
// ExpressionInvalid, AttributeProtected.
func (e *Engine) mapping(settings *contract.Settings) (plan.Mapping, error) {
	mapping, err := e.config.Mapping.With(settings.Mapping)
	return mapping, entryError(err)
}

// projection identifies what is read from the tenant with a mapping, and how it is
// projected.
func (e *Engine) projection(mapping plan.Mapping, settings *contract.Settings) string {
	projection := e.config.Projection + "/" + mapping.Version()
	if settings.UpdateManagedBy {
		projection += "/" + plan.PropertyOwners
	}
	return projection
}

// Engine does what the cmdlets ask for. Its methods may be called from several
// goroutines. The lock of the state keeps runs apart.
type Engine struct {
	config Config

	mu         sync.Mutex
	state      contract.State
	connection connection
	running    int // methods that are using the connection
}

// connection is what session.connect set up.
type connection struct {
	source       contract.Source
	sourceConfig contract.SourceConfig
	sourceID     contract.SourceIdentity
	target       contract.Target
	targetConfig contract.TargetConfig
	targetID     contract.TargetIdentity
}

// New returns an engine that has opened nothing yet.
func New(config Config) *Engine {
	if config.Mapping == nil {
		config.Mapping = plan.Standard
	}
	return &Engine{config: config}
}

// State opens the state if it is not open yet. It is for readers: if there is no state,
// it returns an empty one and creates nothing.
func (e *Engine) State(ctx context.Context) (contract.State, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.state == nil && e.config.FindState != nil {
		folder, there, err := e.config.FindState()
		if err != nil {
			return nil, err
		}
		if !there {
			return nothing{folder: folder}, nil
		}
	}
	return e.openState(ctx)
}

// makeState is State for writers: it creates what is missing.
func (e *Engine) makeState(ctx context.Context) (contract.State, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.openState(ctx)
}

// openState opens the state if it is not open yet. The caller holds the lock.
func (e *Engine) openState(ctx context.Context) (contract.State, error) {
	if e.state == nil {
		s, err := e.config.OpenState(ctx)
		if err != nil {
			return nil, err
		}
		e.state = s
	}
	return e.state, nil
}

// Close closes the connections and the state.
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

// ground returns the ground of a run with these settings, and makes both sides read what
// their mapping needs. The caller holds the lock of the state.
func (e *Engine) ground(ctx context.Context, state contract.State, c *connection, settings contract.Settings) (*run.Ground, error) {
	mapping, err := e.mapping(&settings)
	if err != nil {
		return nil, err
	}
	if c.source != nil {
		properties := mapping.Properties()
		if settings.UpdateManagedBy {
			properties = append(properties, plan.PropertyOwners)
		}
		c.source.SelectProperties(properties)
	}
	if c.targetID.Schema.Attributes, err = c.target.SelectAttributes(ctx, mapping.Attributes()); err != nil {
		return nil, err
	}
	return &run.Ground{State: state, Source: c.source, SourceID: c.sourceID, Target: c.target, TargetID: c.targetID, Settings: settings,
		Mapping: mapping, Projection: e.projection(mapping, &settings), Now: e.config.Now, Log: e.config.Log, LookLasts: e.config.LookLasts}, nil
}
