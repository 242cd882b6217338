//go:build unix

package protocol

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"groupwriteback/state"
	"groupwriteback/tests/protocol/client"
)

func start(t *testing.T, options client.Options) *client.Client {
	t.Helper()
	options.Path = client.Executable(t)
	c, err := client.Start(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Kill()
		if t.Failed() {
			t.Logf("standard error:\n%s", c.Stderr())
		}
	})
	return c
}

func wantID(t *testing.T, err error, id string) {
	t.Helper()
	if got := client.ErrorID(err); got != id {
		t.Errorf("got %v, want the error %s", err, id)
	}
}

func TestEndOfProcess(t *testing.T) {
	for name, end := range map[string]func(c *client.Client) error{
		"end of input": (*client.Client).CloseInput,
		"SIGTERM":      func(c *client.Client) error { return syscall.Kill(c.PID(), syscall.SIGTERM) },
		"SIGHUP":       func(c *client.Client) error { return syscall.Kill(c.PID(), syscall.SIGHUP) },
	} {
		t.Run(name, func(t *testing.T) {
			c := start(t, client.Options{})
			if err := c.Initialize(t.Context(), t.TempDir()); err != nil {
				t.Fatal(err)
			}
			if err := end(c); err != nil {
				t.Fatal(err)
			}
			if code, err := c.Wait(10 * time.Second); code != 0 || err != nil {
				t.Errorf("exit code %d, %v", code, err)
			}
		})
	}
	t.Run("what is pressed in a console is ignored", func(t *testing.T) {
		c := start(t, client.Options{})
		if err := c.Initialize(t.Context(), t.TempDir()); err != nil {
			t.Fatal(err)
		}
		for _, pressed := range []syscall.Signal{syscall.SIGINT, syscall.SIGQUIT, syscall.SIGINT, syscall.SIGQUIT} {
			if err := syscall.Kill(c.PID(), pressed); err != nil {
				t.Fatal(err)
			}
			if err := c.Call(t.Context(), "writeback.get", nil, nil); err != nil {
				t.Fatal(err)
			}
		}
		if code, err := c.Close(); code != 0 || err != nil {
			t.Errorf("exit code %d, %v", code, err)
		}
		if said := c.Stderr(); strings.Contains(said, "goroutine") {
			t.Errorf("it dumped: %s", said)
		}
	})
	t.Run("broken output", func(t *testing.T) {
		command := exec.Command(client.Executable(t))
		stdin, err := command.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		stdout, err := command.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		stdout.Close()
		fmt.Fprintln(stdin, `{"jsonrpc":"2.0","id":1,"method":"session.get"}`)
		command.Wait() // with the input still open
		if code := command.ProcessState.ExitCode(); code != 1 {
			t.Errorf("exit code %d", code)
		}
	})
}

func TestLogLinesAreJSON(t *testing.T) {
	c := start(t, client.Options{Args: []string{"--log-level", "debug"}})
	if err := c.Initialize(t.Context(), t.TempDir()); err != nil {
		t.Fatal(err)
	}
	wantID(t, c.Call(t.Context(), "sync.start", nil, nil), "NotConnected")
	if _, err := c.Close(); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(c.Stderr()), "\n")
	if len(lines) < 2 {
		t.Fatalf("too little is logged: %q", lines)
	}
	for _, line := range lines {
		var entry struct{ Time, Level, Msg string }
		if err := json.Unmarshal([]byte(line), &entry); err != nil || entry.Level == "" || entry.Msg == "" || !strings.HasSuffix(entry.Time, "Z") {
			t.Errorf("%q: %v", line, err)
		}
	}
}

// TestTheLogIsInTheStateFolder: from the first method that opens the state, the log is
// in the state folder. It is private to its owner and includes what was logged before.
// Two processes share it.
func TestTheLogIsInTheStateFolder(t *testing.T) {
	folder := t.TempDir()
	makeState(t, folder)
	var path string
	for range 2 {
		c := start(t, client.Options{})
		var hello struct{ LogPath string }
		if err := c.Call(t.Context(), "session.initialize", map[string]any{"protocol": 1, "client": "the client of this test", "statePath": folder, "logLevel": "Warn"}, &hello); err != nil {
			t.Fatal(err)
		}
		if err := c.Call(t.Context(), "session.log", map[string]any{"level": "Debug"}, nil); err != nil {
			t.Fatal(err)
		}
		wantID(t, c.Call(t.Context(), "session.log", map[string]any{"level": "Loud"}, nil), "InvalidParameter")
		path = hello.LogPath
		if err := c.Call(t.Context(), "settings.get", nil, nil); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	pids := map[int]bool{}
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		var entry struct {
			Pid         int
			Msg, Method string
		}
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if entry.Method == "settings.get" {
			pids[entry.Pid] = true
		}
	}
	if len(pids) != 2 || filepath.Dir(filepath.Dir(path)) != folder {
		t.Errorf("%s: %s", path, text)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
}

// TestFraming tests what the protocol itself answers, without a connection or a state.
func TestFraming(t *testing.T) {
	c := start(t, client.Options{})
	ctx := t.Context()
	wantID(t, c.Call(ctx, "writeback.get", nil, nil), "NotInitialized")
	wantID(t, c.Call(ctx, "session.initialize", map[string]any{"protocol": 2}, nil), "ProtocolMismatch")
	if err := c.Initialize(ctx, t.TempDir()); err != nil {
		t.Fatal(err)
	}
	wantID(t, c.Initialize(ctx, t.TempDir()), "AlreadyInitialized")
	wantID(t, c.Call(ctx, "session.gone", nil, nil), "MethodNotFound")
	wantID(t, c.Call(ctx, "session.get", map[string]any{"x": 1}, nil), "InvalidParameter")

	huge := append(bytes.Repeat([]byte("x"), 5<<20), '\n')
	for _, line := range [][]byte{[]byte("{\n"), []byte("[]\n"), []byte("{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"session.get\"}\r\n"), huge} {
		if err := c.Raw(line); err != nil {
			t.Fatal(err)
		}
	}
	text := c.Expect(`"zwölf"`)
	if err := c.Raw([]byte(`{"jsonrpc":"2.0","id":"zwölf","method":"session.get"}` + "\r\n")); err != nil {
		t.Fatal(err)
	}
	if err := text.Wait(ctx, nil); err != nil {
		t.Error(err)
	}
	var ids []string
	for _, e := range c.Orphans() {
		ids = append(ids, e.Data.ID)
	}
	if got := strings.Join(ids, " "); got != "ParseError InvalidRequest InvalidRequest MessageTooLarge" {
		t.Errorf("the lines that are no messages were answered with %s", got)
	}
	if code, err := c.Close(); code != 0 || err != nil {
		t.Errorf("exit code %d, %v", code, err)
	}
}

// TestSlowReader: a client that sends requests and reads nothing blocks the answers. The
// engine gives up on it after the grace period; here the client reads before that.
func TestSlowReader(t *testing.T) {
	command := exec.Command(client.Executable(t))
	stdin, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	command.Stdout = write
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	write.Close()
	const n = 2000 // about 500 KB of answers, more than a pipe holds
	go func() {    // an engine whose answers are blocked may leave requests unread
		for i := range n {
			fmt.Fprintf(stdin, `{"jsonrpc":"2.0","id":%d,"method":"session.get"}`+"\n", i)
		}
		stdin.Close()
	}()
	time.Sleep(100 * time.Millisecond)
	if _, err := out.ReadFrom(read); err != nil {
		t.Fatal(err)
	}
	if err := command.Wait(); err != nil {
		t.Error(err)
	}
	if got := bytes.Count(out.Bytes(), []byte("\n")); got != n {
		t.Errorf("%d of %d requests were answered", got, n)
	}
}

// makeState creates a state as Enable does.
func makeState(t *testing.T, folder string) {
	t.Helper()
	s, err := state.Open(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestStateErrors: each kind of damage to the state folder has its own error, and the
// files stay as they are.
func TestStateErrors(t *testing.T) {
	stateErrors(t, newRecord())
}

func stateErrors(t *testing.T, seen *record) {
	for id, damage := range map[string]func(t *testing.T, folder string){
		"StateCorrupt": func(t *testing.T, folder string) {
			write(t, folder+"/state.db", bytes.Repeat([]byte("not a database "), 1000))
		},
		"StateTooNew": func(t *testing.T, folder string) {
			// The user_version is at byte 60 of the file.
			db := read(t, folder+"/state.db")
			copy(db[60:], []byte{0, 0, 0x27, 0x0f})
			write(t, folder+"/state.db", db)
		},
		"SettingsUnreadable": func(t *testing.T, folder string) { write(t, folder+"/settings.json", []byte(`{"version":1,`)) },
		"SettingsTooNew":     func(t *testing.T, folder string) { write(t, folder+"/settings.json", []byte(`{"version":999}`)) },
		"StateFolderInsecure": func(t *testing.T, folder string) {
			if err := os.Chmod(folder, 0o777); err != nil {
				t.Fatal(err)
			}
		},
		"StateFolderUnusable": func(t *testing.T, folder string) {
			if err := os.RemoveAll(folder); err != nil {
				t.Fatal(err)
			}
			write(t, folder, []byte("a file"))
		},
	} {
		t.Run(id, func(t *testing.T) {
			folder := t.TempDir() + "/state"
			ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
			defer cancel()
			c := start(t, client.Options{})
			if err := c.Initialize(ctx, folder); err != nil {
				t.Fatal(err)
			}
			if _, err := c.Close(); err != nil {
				t.Fatal(err)
			}
			makeState(t, folder)
			damage(t, folder)
			var before []byte
			if id == "StateCorrupt" || id == "StateTooNew" {
				before = read(t, folder+"/state.db")
			}
			c = start(t, client.Options{OnLine: seen.watch(t)})
			if err := c.Initialize(ctx, folder); err != nil {
				t.Fatal(err)
			}
			wantID(t, c.Call(ctx, "writeback.get", nil, nil), id)
			if before != nil && !bytes.Equal(before, read(t, folder+"/state.db")) {
				t.Error("the file was changed")
			}
		})
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}
