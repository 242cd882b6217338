//go:build wine

// Package windows runs the Windows executable under Wine. tests/windows/run prepares
// Wine.
package windows

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"groupwriteback/tests/protocol/client"
)

func engine(t *testing.T) string {
	t.Helper()
	path := os.Getenv("GWB_WINE_ENGINE")
	if path == "" {
		t.Fatal("GWB_WINE_ENGINE is not set: run tests/windows/run")
	}
	return path
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func start(t *testing.T) *client.Client {
	t.Helper()
	c, err := client.Start(client.Options{Path: "wine", Args: []string{engine(t), "--log-level", "debug"}})
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

func TestSession(t *testing.T) {
	c, ctx := start(t), within(t)
	// A byte-order mark and CR LF, as Windows PowerShell would write them.
	first := c.Expect(`"first"`)
	if err := c.Raw([]byte("\xef\xbb\xbf" + `{"jsonrpc":"2.0","id":"first","method":"session.initialize","params":{"protocol":1,"statePath":"C:\\state é"}}` + "\r\n")); err != nil {
		t.Fatal(err)
	}
	var session struct{ Platform, StatePath string }
	if err := first.Wait(ctx, &session); err != nil {
		t.Fatal(err)
	}
	if session.Platform != "windows/amd64" || session.StatePath != `C:\state é` {
		t.Errorf("session.initialize: %+v", session)
	}
	var list struct{ Runs []any }
	if err := c.Call(ctx, "run.list", nil, &list); err != nil || list.Runs == nil || len(list.Runs) != 0 {
		t.Errorf("run.list: %+v, %v", list, err)
	}
	var overview struct{ Status, StatePath string }
	if err := c.Call(ctx, "writeback.get", nil, &overview); err != nil || overview.Status != "NotConfigured" {
		t.Errorf("writeback.get: %+v, %v", overview, err)
	}
	// Connecting without a network fails with a clear error.
	target := map[string]any{"server": "127.0.0.1:1", "credential": map[string]any{"kind": "Simple", "user": "u", "password": "p"}}
	if id := client.ErrorID(c.Call(ctx, "session.connect", map[string]any{"target": target}, nil)); id != "ServerUnreachable" {
		t.Errorf("session.connect: %s", id)
	}
	if code, err := c.Close(); code != 0 || err != nil {
		t.Errorf("exit code %d, %v", code, err)
	}
	for _, line := range strings.Split(strings.TrimSpace(c.Stderr()), "\n") {
		if !strings.HasPrefix(line, `{"time":"`) {
			t.Errorf("not a log line: %q", line)
		}
	}
}

func TestTwoProcessesOnOneState(t *testing.T) {
	ctx := within(t)
	for range 2 { // the second finds the state that the first has made
		c := start(t)
		if err := c.Initialize(ctx, `C:\state shared`); err != nil {
			t.Fatal(err)
		}
		if err := c.Call(ctx, "settings.get", nil, nil); err != nil {
			t.Fatal(err)
		}
		if id := client.ErrorID(c.Call(ctx, "sync.start", nil, nil)); id != "NotConnected" {
			t.Errorf("sync.start: %s", id)
		}
	}
}

func TestDefaultFolder(t *testing.T) {
	c, ctx := start(t), within(t)
	var session struct{ StatePath string }
	if err := c.Call(ctx, "session.initialize", map[string]any{"protocol": 1}, &session); err != nil {
		t.Fatal(err)
	}
	if want := `C:\ProgramData\GroupWriteback`; !strings.EqualFold(session.StatePath, want) {
		t.Errorf("the default folder is %s, want %s", session.StatePath, want)
	}
}

func TestExitCodes(t *testing.T) {
	for _, test := range []struct {
		arg  string
		code int
	}{{"--version", 0}, {"--help", 0}, {"--colour", 2}} {
		command := exec.Command("wine", engine(t), test.arg)
		out, _ := command.CombinedOutput()
		if code := command.ProcessState.ExitCode(); code != test.code || len(out) == 0 {
			t.Errorf("%s: exit code %d\n%s", test.arg, code, out)
		}
	}
}

// Ctrl+C and Ctrl+Break reach all programs of a console, so the engine ignores them and
// the client decides what they mean.
func TestCtrlC(t *testing.T) {
	for _, key := range []string{"Ctrl+C", "Ctrl+Break"} {
		t.Run(key, func(t *testing.T) {
			command := exec.Command("wine", os.Getenv("GWB_WINE_CTRLC"), key, engine(t))
			out, err := command.CombinedOutput()
			if key == "Ctrl+Break" && command.ProcessState.ExitCode() == 3 {
				t.Skipf("Wine 8 cannot press it: %s", out)
			}
			if err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
