package state

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// roleVariable makes the test binary play another process.
const roleVariable = "GROUPWRITEBACK_STATE_TEST_ROLE"

// playRole does what a test needs another process to do, in the folder that is the last
// argument. It prints a line when it has reached the point that is tested.
func playRole(role string) {
	ctx := context.Background()
	fail := func(err error) {
		if err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
	}
	s, err := Open(ctx, os.Args[len(os.Args)-1])
	fail(err)
	switch role {
	case "lock":
		unlock, err := s.Lock(ctx)
		fail(err)
		defer unlock()
		fmt.Println("locked")
		select {}
	case "lock and unlock":
		unlock, err := s.Lock(ctx)
		fail(err)
		unlock()
		fail(s.Close())
		fmt.Println("unlocked")
	case "stage":
		unlock, err := s.Lock(ctx)
		fail(err)
		defer unlock() // never runs, but keeps the lock from being collected
		run, err := s.BeginRun(ctx, contract.Run{Kind: contract.SyncRun, Started: started})
		fail(err)
		for n := uint32(0); ; n++ {
			fail(s.Generation(run).StageSourceGroups(ctx, []directory.SourceGroup{{ID: guid(1, n), Properties: directory.Values{"displayName": {"x"}}}}))
			fail(s.Generation(run).StageMembers(ctx, []contract.MemberPage{{Group: guid(1, n), Members: randomMembers(n, 200), Last: true}}))
			if n == 20 {
				fmt.Println("staging")
			}
		}
	}
}

func randomMembers(seed uint32, n int) []directory.SourceMember {
	members := make([]directory.SourceMember, n)
	for i := range members {
		members[i] = directory.SourceMember{ID: guid(2, (seed*7919+uint32(i)*104729)%5000), Kind: directory.KindUser, Name: "user@contoso.test", Readable: true}
	}
	return members
}

// startRole starts another process and waits until it prints the line.
func startRole(t *testing.T, role, folder, line string) *exec.Cmd {
	t.Helper()
	c := exec.Command(os.Args[0], folder)
	c.Env = append(os.Environ(), roleVariable+"="+role)
	out, err := c.StdoutPipe()
	must(t, err)
	must(t, c.Start())
	t.Cleanup(func() { kill(c) })
	said, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || said != line+"\n" {
		t.Fatalf("the other process said %q, %v", said, err)
	}
	return c
}

// kill kills the process, so that it cannot clean up.
func kill(c *exec.Cmd) {
	c.Process.Kill()
	c.Wait()
}
