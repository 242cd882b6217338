// Command groupwriteback is the engine of GroupWriteback. It serves the protocol of
// docs/protocol.md on standard input and output.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"groupwriteback/internal/ad"
	"groupwriteback/internal/command"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/graph"
	"groupwriteback/internal/stdio"
	"groupwriteback/state"
)

// Exit codes of docs/protocol.md.
const (
	exitEnded        = 0
	exitFailed       = 1
	exitUsage        = 2
	exitStillRunning = 3
)

const usage = `groupwriteback is the engine of the PowerShell module GroupWriteback. It serves
JSON-RPC 2.0 requests, one per line, on standard input and output until the
input ends. Its own messages go to standard error, as JSON.

usage: groupwriteback [--log-level Debug|Info|Warn|Error]
       groupwriteback --version
       groupwriteback --help
`

func main() {
	// The client handles Ctrl+C, Ctrl+Break and Ctrl+\. Ignoring the signals is not
	// enough on Windows, where a signal ends the process unless somebody asked to be
	// notified. So ask for them, and let nobody read the channel.
	signal.Notify(make(chan os.Signal, 1), os.Interrupt, syscall.SIGQUIT)
	// A client that has gone away shows up as a write error.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGHUP)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run runs the program and returns its exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("groupwriteback", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	showVersion := flags.Bool("version", false, "")
	level := &slog.LevelVar{}
	flags.Func("log-level", "", func(s string) error { return stdio.ParseLevel(level, s) })
	err := flags.Parse(args)
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("unknown argument %q", flags.Arg(0))
	}
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, usage)
		return exitEnded
	case err != nil:
		fmt.Fprintf(stderr, "groupwriteback: %s\n\n%s", directory.Clean(err.Error()), usage)
		return exitUsage
	case *showVersion:
		fmt.Fprintln(stdout, version())
		return exitEnded
	}

	logs := &state.Log{}
	defer logs.Close()
	log := slog.New(slog.NewJSONHandler(stdio.Printable(io.MultiWriter(stderr, logs)), &slog.HandlerOptions{Level: level, ReplaceAttr: utc})).With("pid", os.Getpid())
	slog.SetDefault(log) // the connectors' lines, and those of libraries
	err = stdio.Serve(ctx, stdio.Config{Version: version(), Open: opener(log, logs), Log: log, Level: level}, stdin, stdout)
	switch {
	case errors.Is(err, stdio.ErrStillRunning):
		log.Error("exiting while requests are still running; the next run completes their work")
		return exitStillRunning
	case err != nil:
		log.Error("the engine cannot continue", "error", err.Error())
		return exitFailed
	}
	return exitEnded
}

// opener connects the connectors and the state to the engine of a session. The log goes
// to the state folder once the folder was found to be sound.
func opener(log *slog.Logger, logs *state.Log) func(stdio.OpenRequest) (stdio.Opened, error) {
	return func(request stdio.OpenRequest) (stdio.Opened, error) {
		folder, err := state.Folder(request.StatePath)
		if err != nil {
			return stdio.Opened{}, err
		}
		openState := func(ctx context.Context) (contract.State, error) {
			s, err := state.Options{ServiceAccount: request.ServiceAccount}.Open(ctx, folder)
			if err == nil || aboutDatabase(contract.AsError(err)) {
				if err := logs.Open(folder); err != nil {
					log.Warn("cannot write the log to the state folder", "error", err.Error())
				}
			}
			if err != nil {
				return nil, err
			}
			return s, nil
		}
		findState := func() (string, bool, error) {
			there, err := state.Find(folder, request.ServiceAccount)
			return folder, there, err
		}
		return stdio.Opened{
			Engine: command.New(command.Config{OpenSource: graph.Open, OpenTarget: ad.Open, OpenState: openState, FindState: findState,
				Log: log, Now: time.Now, Projection: graph.Projection(), Caller: caller(request.Client, request.From)}),
			Find:    findState,
			Folder:  folder,
			LogPath: state.LogPath(folder, time.Now()),
		}, nil
	}
}

func utc(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.TimeKey {
		a.Value = slog.TimeValue(a.Value.Time().UTC())
	}
	return a
}

// aboutDatabase reports whether the error is about the contents of the folder, not
// about the folder itself.
func aboutDatabase(e *contract.Error) bool {
	return !strings.HasPrefix(e.ID, "StateFolder") && e.Category != contract.Stopped
}

// release is the version of the module, set by cmd/hardened.
var release string

// version returns the module's version or, for an engine that was built otherwise, the
// version that Go recorded.
func version() string {
	if release != "" {
		return release
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}
