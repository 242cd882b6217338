// Command ctrlc starts a program in a separate console, presses Ctrl+C or Ctrl+Break
// there and reports whether the program still answers a line of input with a line of
// output. Its exit code is 0 if it does, and 3 if the system cannot
// press the key.
//
// usage: ctrlc Ctrl+C|Ctrl+Break PROGRAM
package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"time"

	"golang.org/x/sys/windows"
)

func main() {
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		if errors.As(err, new(*cannotPress)) {
			os.Exit(3)
		}
		os.Exit(1)
	}
}

type cannotPress struct{ error }

func run(key, program string) error {
	event, ok := map[string]uint32{"Ctrl+C": windows.CTRL_C_EVENT, "Ctrl+Break": windows.CTRL_BREAK_EVENT}[key]
	if !ok {
		return fmt.Errorf("no key %q", key)
	}
	kernel := windows.NewLazySystemDLL("kernel32.dll")
	kernel.NewProc("FreeConsole").Call()
	if ok, _, err := kernel.NewProc("AllocConsole").Call(); ok == 0 {
		return fmt.Errorf("AllocConsole: %w", err)
	}
	pressed := make(chan os.Signal, 1)
	signal.Notify(pressed, os.Interrupt)

	command := exec.Command(program)
	stdin, err := command.StdinPipe()
	if err != nil {
		return err
	}
	stdout, err := command.StdoutPipe()
	if err != nil {
		return err
	}
	if err := command.Start(); err != nil {
		return err
	}
	answers := bufio.NewReader(stdout)
	ask := func() error {
		fmt.Fprintln(stdin, `{"jsonrpc":"2.0","id":1,"method":"session.get"}`)
		_, err := answers.ReadString('\n')
		return err
	}
	if err := ask(); err != nil {
		return fmt.Errorf("before %s: %w", key, err)
	}
	if err := windows.GenerateConsoleCtrlEvent(event, 0); err != nil {
		return &cannotPress{err}
	}
	select {
	case <-pressed: // so it has come to all processes of the console
	case <-time.After(10 * time.Second):
		return fmt.Errorf("%s did not come", key)
	}
	time.Sleep(200 * time.Millisecond) // a process takes a moment to end
	if err := ask(); err != nil {
		return fmt.Errorf("after %s: %w", key, err)
	}
	stdin.Close()
	return command.Wait()
}
