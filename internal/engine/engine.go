package engine

import (
	"context"
	"log/slog"
	"sync"

	"groupwriteback/internal/plan"
)

// State is the local state of one installation.
type State interface {
	Store
	SettingsFile
	// Lock takes the operating system's lock on the state without waiting:
	// error RunInProgress. The kernel frees it when the process dies.
	Lock(ctx context.Context) (unlock func(), err error)
	// Folder is where the state stands, absolute.
	Folder() string
	Close() error
}

// Config is what an engine is made of; cmd wires it.
type Config struct {
	OpenSource OpenSource
	OpenTarget OpenTarget
	// OpenState opens the state, by the first method that needs it, and makes it
	// where there is none.
	OpenState func(ctx context.Context) (State, error)
	// FindState returns the folder of the state and whether there is a state in it,
	// and makes nothing. nil: there is one.
	FindState func() (folder string, there bool, err error)
	Log       *slog.Logger
	Now       Clock
	// Projection names the properties that the source always reads of groups, members
	// and users, in a form for comparing.
	Projection string
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
	state      State
	connection connection
	running    int // methods that use the connection now
}

// connection is what session.connect made.
type connection struct {
	source       Source
	sourceConfig SourceConfig
	sourceID     SourceIdentity
	target       Target
	targetConfig TargetConfig
	targetID     TargetIdentity
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
func (e *Engine) State(ctx context.Context) (State, error) { return e.openState(ctx, false) }

// makeState is State for those who mean to write: it makes what is missing.
func (e *Engine) makeState(ctx context.Context) (State, error) { return e.openState(ctx, true) }

func (e *Engine) openState(ctx context.Context, make bool) (State, error) {
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
