package stdio

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/creachadair/jrpc2"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// protocolVersion is the version of the protocol that this engine serves.
const protocolVersion = 1

// session is what one client has set up.
type session struct {
	config      Config
	wire        *wire
	server      *jrpc2.Server
	slots       chan struct{}
	callTimeout time.Duration

	mu     sync.Mutex
	engine Engine // nil until session.initialize has succeeded
}

type initializeParams struct {
	Protocol       int      `json:"protocol"`
	Client         string   `json:"client"`
	From           string   `json:"from"`
	StatePath      string   `json:"statePath"`
	ServiceAccount string   `json:"serviceAccount"`
	LogLevel       logLevel `json:"logLevel"`
	// CheckState refuses a folder that cannot be used, or that holds no state yet.
	CheckState stateCheck `json:"checkState"`
}

// stateCheck says what a client wants to know about the folder before it is used.
type stateCheck string

const (
	usableState   stateCheck = "Usable"
	existingState stateCheck = "Existing" // and a state is in it
)

var stateChecks = []stateCheck{usableState, existingState}

// UnmarshalText accepts a value in any letter case.
func (c *stateCheck) UnmarshalText(text []byte) error {
	return directory.SetWord(c, text, stateChecks)
}

type initializeResult struct {
	Protocol      int    `json:"protocol"`
	EngineVersion string `json:"engineVersion"`
	StatePath     string `json:"statePath"`
	Platform      string `json:"platform"`
	LogPath       string `json:"logPath"`
}

func (s *session) initialize(_ context.Context, params json.RawMessage) (any, error) {
	var p initializeParams
	if err := decode(params, &p); err != nil {
		return nil, err
	}
	if p.Protocol != protocolVersion {
		return nil, &contract.Error{Category: contract.InvalidState, ID: "ProtocolMismatch",
			Message: fmt.Sprintf("The client uses protocol version %d, but this engine (%s) uses version %d.", p.Protocol, s.config.Version, protocolVersion),
			Advice:  "Install the module and the engine of the same release."}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.engine != nil {
		return nil, &contract.Error{Category: contract.InvalidState, ID: "AlreadyInitialized", Message: "This session is already initialised.",
			Advice: "To use another state folder, start another engine process."}
	}
	if err := contract.CheckOneOf("checkState", p.CheckState, stateChecks); err != nil {
		return nil, err
	}
	if err := s.setLevel(p.LogLevel); err != nil {
		return nil, err
	}
	opened, err := s.config.Open(OpenRequest{StatePath: p.StatePath, ServiceAccount: p.ServiceAccount, Client: p.Client, From: p.From})
	if err != nil {
		return nil, err
	}
	if p.CheckState != "" && opened.Find != nil {
		switch folder, there, err := opened.Find(); {
		case err != nil:
			return nil, err
		case !there && p.CheckState == existingState:
			return nil, &contract.Error{Category: contract.ObjectNotFound, ID: "StateNotFound", Object: folder, Message: "The folder does not contain a state.",
				Advice: "Specify the correct folder with -StatePath. Enable-GroupWriteback creates a state in the folder that you specify with Connect-GroupWriteback -StatePath."}
		}
	}
	s.engine = opened.Engine
	s.config.Log.Info("session initialised", "client", clip(p.Client), "statePath", opened.Folder, "version", s.config.Version)
	return initializeResult{protocolVersion, s.config.Version, opened.Folder, runtime.GOOS + "/" + runtime.GOARCH, opened.LogPath}, nil
}

type logParams struct {
	Level logLevel `json:"level"`
}

// setLog changes the log level from now on.
func (s *session) setLog(_ context.Context, _ Engine, p logParams) (any, error) {
	if p.Level == "" {
		return nil, missing("level")
	}
	return none{}, s.setLevel(p.Level)
}

func (s *session) setLevel(word logLevel) error {
	err := contract.CheckOneOf("logLevel", word, logLevels)
	if err == nil && word != "" && s.config.Level != nil {
		err = ParseLevel(s.config.Level, string(word))
	}
	return err
}

func (s *session) ready() (Engine, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.engine == nil {
		return nil, &contract.Error{Category: contract.InvalidState, ID: "NotInitialized", Message: "The session is not initialised.",
			Advice: "Send session.initialize first."}
	}
	return s.engine, nil
}

// closeLimit is how long closing may take. A server that does not answer must not keep
// the process alive.
const closeLimit = 10 * time.Second

func (s *session) close() error {
	e, err := s.ready()
	if err != nil {
		return nil
	}
	closed := make(chan error, 1)
	go func() { closed <- e.Close() }()
	select {
	case err := <-closed:
		if err != nil {
			s.config.Log.Warn("the engine did not close cleanly", "error", err.Error())
		}
		return nil
	case <-time.After(closeLimit):
		return ErrStillRunning
	}
}
