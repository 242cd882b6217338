// Package stdio serves the engine's protocol (docs/protocol.md): JSON-RPC 2.0 over a
// pair of streams, one message per line.
//
// jrpc2 dispatches the requests. The [wire] below it splits the streams into lines,
// sends the engine's own requests, and makes sure that nothing is written unless a
// request is open. A method refuses parameters that it does not know and returns a
// value; lists are returned page by page. At the end of input every open request is
// cancelled and still answered.
package stdio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"runtime/debug"
	"slices"
	"time"

	"github.com/creachadair/jrpc2"

	"groupwriteback/internal/command"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/exchange"
)

// Engine is what the methods call: [command.Engine].
type Engine interface {
	Connect(ctx context.Context, source *contract.SourceConfig, target *contract.TargetConfig) (command.ConnectionInfo, error)
	Disconnect() error
	Connection() command.ConnectionInfo
	Overview(ctx context.Context) (command.Overview, error)
	Test(ctx context.Context, container string) ([]command.Check, error)
	Enable(ctx context.Context, request command.EnableRequest) (command.EnableResult, error)
	Disable(ctx context.Context, request command.DisableRequest) (contract.Run, error)
	Settings(ctx context.Context) (contract.Settings, error)
	SetSettings(ctx context.Context, patch command.SettingsPatch) (command.SettingsResult, error)
	Mapping(ctx context.Context) (command.MappingView, error)
	TestMapping(ctx context.Context, request command.MappingTestRequest) (command.MappingTest, error)
	ReadMappingFile(ctx context.Context, path string) (command.MappingFile, error)
	Sync(ctx context.Context, request command.SyncRequest, report contract.Report) (contract.Run, error)
	Preview(ctx context.Context, request command.PreviewRequest, report contract.Report) (contract.Run, error)
	SyncGroup(ctx context.Context, request command.GroupSyncRequest, report contract.Report) (command.GroupSyncResult, error)
	Permission(ctx context.Context, request command.PermissionRequest) (command.PermissionResult, error)
	Grant(ctx context.Context, request command.PermissionRequest) (command.PermissionResult, error)
	Revoke(ctx context.Context, request command.PermissionRequest) (command.PermissionResult, error)
	Restore(ctx context.Context, request command.RestoreRequest) (command.RestoreResult, error)
	ExchangeSteps(ctx context.Context) ([]exchange.Step, error)
	RecipientSteps(ctx context.Context, after directory.GUID, n int) ([]command.RecipientStep, error)
	ClearExchangeSteps(ctx context.Context, seen map[directory.GUID]int64) (int, error)
	GraphPermission(ctx context.Context, request command.GraphPermissionRequest) (command.GraphPermissionResult, error)
	Suspend(ctx context.Context, request command.SuspendRequest) (contract.GroupView, error)
	Resume(ctx context.Context, request command.ResumeRequest) (contract.GroupView, error)
	State(ctx context.Context) (contract.State, error)
	Group(ctx context.Context, parameter, text string) (contract.GroupView, error)
	Close() error
}

// Config configures a session; cmd fills it in.
type Config struct {
	// Version is the engine's version, returned by session.initialize.
	Version string
	// Open creates the engine for a state folder. The state itself is opened later.
	Open func(OpenRequest) (Opened, error)
	Log  *slog.Logger
	// Level is the log level, which the client may change. If it is nil, the client may
	// not.
	Level *slog.LevelVar
	// Grace is how long requests may continue after the end of input; 0 means 30 s.
	Grace time.Duration
}

// OpenRequest is what a client has said at the beginning. Each text may be empty.
type OpenRequest struct {
	StatePath      string // empty: the default folder
	ServiceAccount string
	// Client and From are as in [contract.Caller].
	Client, From string
}

// Opened is the engine of a session, with the absolute paths of its state folder and
// its log file.
type Opened struct {
	Engine Engine
	// Find reports whether the folder holds a state; nil means that it does.
	Find    func() (folder string, there bool, err error)
	Folder  string
	LogPath string
}

// logLevel says how much is logged.
type logLevel string

var logLevels = []logLevel{"Debug", "Info", "Warn", "Error"}

// UnmarshalText accepts a value in any letter case.
func (l *logLevel) UnmarshalText(text []byte) error { return directory.SetWord(l, text, logLevels) }

// ParseLevel sets the level that the word names, in any letter case.
func ParseLevel(level *slog.LevelVar, word string) error {
	var name logLevel
	if err := name.UnmarshalText([]byte(word)); err != nil {
		return err
	}
	i := slices.Index(logLevels, name)
	if i < 0 {
		return errors.New("it is not Debug, Info, Warn or Error")
	}
	level.Set([]slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError}[i])
	return nil
}

var (
	// ErrStillRunning is returned by [Serve] when requests are still running after the
	// grace period.
	ErrStillRunning = errors.New("requests are still running after the end of the input")
	errOutput       = errors.New("the output cannot be written")
)

// maxServed is how many requests are served at once; others wait.
const maxServed = 16

// Serve serves one session until the input ends or ctx does. Either cancels the open
// requests. A nil error means that all of them had ended.
func Serve(ctx context.Context, config Config, in io.Reader, out io.Writer) error {
	if config.Grace == 0 {
		config.Grace = 30 * time.Second
	}
	s := &session{config: config, slots: make(chan struct{}, maxServed), callTimeout: callTimeout}
	s.wire = newWire(ctx, in, out, config.Log, config.Grace)
	defer s.wire.cancel()
	s.server = jrpc2.NewServer(s.methods(), &jrpc2.ServerOptions{
		// maxServed is the limit, and request.cancel is exempt from it.
		Concurrency:    math.MaxInt32,
		DisableBuiltin: true,
		NewContext:     func() context.Context { return s.wire.base },
	})
	s.server.Start(s.wire)

	ended := make(chan error, 1)
	go func() { ended <- s.server.WaitStatus().Err }()
	select {
	case err := <-ended:
		return errors.Join(err, s.close())
	case <-s.wire.overdue:
		return ErrStillRunning
	}
}

// methodTable maps the protocol's methods to their handlers.
type methodTable map[string]jrpc2.Handler

// Assign implements jrpc2.Assigner. It never returns nil, because jrpc2 would then
// answer by itself and keep the request's id as one in use.
func (t methodTable) Assign(_ context.Context, name string) jrpc2.Handler {
	if h, ok := t[name]; ok {
		return h
	}
	return func(context.Context, *jrpc2.Request) (any, error) { return nil, methodNotFound(name) }
}

// method serves one method: it parses params and returns the result.
type method func(ctx context.Context, params json.RawMessage) (any, error)

// serve makes a method fit for the server: it limits concurrent calls to maxServed,
// catches panics, converts errors to the protocol's form, and bounds the length of the
// answer.
func (s *session) serve(name string, m method) jrpc2.Handler {
	return func(ctx context.Context, request *jrpc2.Request) (any, error) {
		log := s.config.Log.With("method", name)
		if request.IsNotification() {
			log.Warn("ignoring a request without an id")
			return nil, nil
		}
		select {
		case s.slots <- struct{}{}:
			defer func() { <-s.slots }()
		case <-ctx.Done():
			return nil, wireError(errCancelled())
		}
		return s.answer(ctx, log, m, request)
	}
}

func (s *session) answer(ctx context.Context, log *slog.Logger, m method, request *jrpc2.Request) (any, error) {
	started := time.Now()
	var params json.RawMessage
	request.UnmarshalParams(&params)
	result, err := guard(ctx, log, m, params)
	if err != nil {
		e := translate(ctx, err)
		level := slog.LevelWarn
		if e.Category == contract.NotSpecified {
			level = slog.LevelError
		}
		log.Log(ctx, level, "request failed", "id", e.ID, "object", e.Object, "error", err.Error(), "seconds", time.Since(started).Seconds())
		return nil, wireError(e)
	}
	log.Debug("request completed", "seconds", time.Since(started).Seconds())
	return result, nil
}

// guard calls the method and encodes its result.
func guard(ctx context.Context, log *slog.Logger, m method, params json.RawMessage) (text json.RawMessage, err error) {
	defer func() {
		if p := recover(); p != nil {
			log.Error("internal error", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = contract.AsError(errors.New("internal error while serving the request"))
		}
	}()
	result, err := m(ctx, params)
	if err != nil {
		return nil, err
	}
	if text, err = json.Marshal(result); err != nil {
		return nil, err
	}
	const envelope = 1 << 10 // what jrpc2 adds to a result, including the id
	if len(text) > maxOutputLine-envelope {
		return nil, &contract.Error{Category: contract.LimitsExceeded, ID: "AnswerTooLarge",
			Message: fmt.Sprintf("The response would be longer than %d bytes.", maxOutputLine),
			Advice:  "Request fewer items with limit."}
	}
	return text, nil
}
