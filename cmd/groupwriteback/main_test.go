package main

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"groupwriteback": main})
}

// requests begins with a byte-order mark, ends its lines with CR LF, and has no line
// end after the last line.
const requests = "\xef\xbb\xbf" + `{"jsonrpc":"2.0","id":"first","method":"session.initialize","params":{"protocol":1,"statePath":"state"}}` +
	"\r\n\r\n" + `{"jsonrpc":` + "\r\n" + `{"jsonrpc":"2.0","id":2,"method":"session.get"}`

func TestCommandLine(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			return os.WriteFile(env.WorkDir+"/requests", []byte(requests), 0o600)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exitcode": exitCode,
		},
	})
}

// exitCode runs a program and checks its exit code: exitcode CODE PROGRAM [ARGS].
func exitCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exitcode CODE PROGRAM [ARGS]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var exit *exec.ExitError
	switch err := ts.Exec(args[1], args[2:]...); {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("the exit code is %d, not %d", got, want)
	}
}
