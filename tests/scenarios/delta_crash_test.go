package scenarios

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"groupwriteback/internal/graph/graphtest"
	"groupwriteback/tests/protocol/client"
)

const (
	renamed = "ca000000-0000-0000-0000-000000000000"
	changed = "ca000000-0000-0000-0000-000000000001"
	coming  = "ca000000-0000-0000-0000-000000000009"
)

// turn switches the tenant between two states: one group is renamed, one gets another
// member, and one is created or deleted for good.
func (c *crash) turn(t *testing.T, to int) {
	t.Helper()
	var errs []error
	add := func(err error) { errs = append(errs, err) }
	if to == 1 {
		add(c.server.PatchGroup(renamed, map[string]any{"displayName": "Renamed"}))
		add(c.server.AddMember(changed, "user0003"))
		add(c.server.RemoveMember(changed, "user0001"))
		_, err := c.server.PutGroup(graphtest.Group{ID: coming, DisplayName: "Coming", GroupTypes: []string{"Unified"}, Members: []string{"user0004"}})
		add(err)
	} else {
		add(c.server.PatchGroup(renamed, map[string]any{"displayName": "Group 0"}))
		add(c.server.AddMember(changed, "user0001"))
		add(c.server.RemoveMember(changed, "user0003"))
		add(c.server.DeleteGroup(coming))
		add(c.server.PurgeGroup(coming))
	}
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestDeltaKilledAtAnyMoment kills the engine at each message that a delta run sends to
// the domain controller. One further delta run makes the directory the same as an
// undisturbed run does.
func TestDeltaKilledAtAnyMoment(t *testing.T) {
	needLab(t)
	c := newCrash(t)
	e := c.start(t)
	c.enable(t, e)
	c.run(t, e)
	var want [2]string
	sent := 0
	for _, state := range []int{1, 0} {
		c.turn(t, state)
		before := c.proxy.sent.Load()
		c.delta(t, e)
		sent = max(sent, int(c.proxy.sent.Load()-before))
		want[state] = c.dump(t)
	}
	e.Close()
	t.Logf("a delta run sends %d messages to the domain controller", sent)
	if sent < 10 || want[0] == want[1] {
		t.Fatalf("%d messages and the same directory: that says nothing", sent)
	}
	died := 0
	for n := 1; n <= sent; n++ {
		state := n % 2
		c.turn(t, state)
		e := c.start(t)
		c.proxy.killAt(n, e.Kill)
		if err := e.Call(context.Background(), "sync.start", nil, nil); err != nil {
			died++
		}
		c.proxy.killAt(0, nil)
		e.Kill()
		e = c.start(t)
		c.delta(t, e)
		e.Close()
		if got := c.dump(t); got != want[state] {
			t.Fatalf("killed at message %d, and after one more run the directory differs:\n%s\nnot\n%s", n, got, want[state])
		}
	}
	if died < sent*8/10 {
		t.Errorf("the engine died in only %d of %d runs", died, sent)
	}
}

// TestSuspendedRunWritesNoMore suspends the process in the middle of a run, lets another
// process take over, and resumes it: the first run notices before its next write.
func TestSuspendedRunWritesNoMore(t *testing.T) {
	needLab(t)
	c := newCrash(t)
	first := c.start(t)
	c.enable(t, first)
	c.run(t, first)
	c.turn(t, 1)

	if _, err := c.server.AddFault(graphtest.Fault{Kind: graphtest.FaultLatency, Path: "/users/delta", DelayMS: 5000}); err != nil {
		t.Fatal(err)
	}
	call, err := first.Go("sync.start", nil)
	if err != nil {
		t.Fatal(err)
	}
	// While the run waits for this answer, it is in no transaction.
	for n := 0; c.server.Faults()[0].Hits == 0; n++ {
		if n > 60_000 {
			t.Fatal("the run asks for no changes")
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err := signal(first, "STOP"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { signal(first, "CONT") })
	// The kernel keeps the lock of a suspended process; on a network share, the lock
	// may get lost.
	locks, err := filepath.Glob(filepath.Join(c.state, "*lock*"))
	if err != nil || len(locks) == 0 {
		t.Fatalf("no lock: %v", err)
	}
	for _, lock := range locks {
		if err := os.Rename(lock, filepath.Join(t.TempDir(), "lock")); err != nil {
			t.Fatal(err)
		}
	}
	second := c.start(t)
	c.delta(t, second)
	c.turn(t, 0) // only the next run may write this change
	want := c.dump(t)

	if err := signal(first, "CONT"); err != nil {
		t.Fatal(err)
	}
	var run struct{ Status, StopReason string }
	if err := call.Wait(context.Background(), &run); err != nil {
		t.Fatal(err)
	}
	if run.Status != "Failed" || run.StopReason != "RunSuperseded" {
		t.Errorf("the run that had slept: %+v", run)
	}
	if got := c.dump(t); got != want {
		t.Errorf("it wrote on:\n%s\nnot\n%s", got, want)
	}
	c.delta(t, second)
	if got := c.dump(t); got == want {
		t.Error("the run after it wrote nothing")
	}
	second.Close()
	first.Close()
}

func needLab(t *testing.T) {
	if os.Getenv("GWB_LAB") == "" {
		t.Skip("no lab: run under tests/lab/run")
	}
	if os.Getenv("GWB_LAB_SCHEMA") != "exchange" {
		t.Skip("another schema: run under tests/lab/run")
	}
}

// delta runs a synchronisation, which must be a delta run and end as Complete.
func (c *crash) delta(t *testing.T, e *client.Client) {
	t.Helper()
	var r json.RawMessage
	if err := e.Call(context.Background(), "sync.start", nil, &r); err != nil {
		t.Fatal(err)
	}
	var run struct{ Status, PolicyType string }
	if json.Unmarshal(r, &run); run.Status != "Complete" || run.PolicyType != "Delta" {
		t.Fatalf("the run ended as %s", r)
	}
}

func signal(e *client.Client, name string) error {
	return exec.Command("kill", "-"+name, strconv.Itoa(e.PID())).Run()
}
