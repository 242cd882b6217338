// Command ctrlc starts a program in a console of its own, presses Ctrl+C and
// Ctrl+Break there and tells whether the program still answers a line of input
// with a line of output. Its exit code is 0 if it does.
package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"time"

	"golang.org/x/sys/windows"
)

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(program string) error {
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
		return fmt.Errorf("before Ctrl+C: %w", err)
	}
	for name, event := range map[string]uint32{"Ctrl+C": windows.CTRL_C_EVENT, "Ctrl+Break": windows.CTRL_BREAK_EVENT} {
		if err := windows.GenerateConsoleCtrlEvent(event, 0); err != nil {
			return fmt.Errorf("GenerateConsoleCtrlEvent: %w", err)
		}
		select {
		case <-pressed: // so it has come to all processes of the console
		case <-time.After(10 * time.Second):
			return fmt.Errorf("%s did not come", name)
		}
		time.Sleep(200 * time.Millisecond) // a process takes a moment to end
		if err := ask(); err != nil {
			return fmt.Errorf("after %s: %w", name, err)
		}
	}
	stdin.Close()
	return command.Wait()
}
