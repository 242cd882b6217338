package command_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/internal/command"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

var errOutage = &contract.Error{Category: contract.Connection, ID: "ServerUnreachable", Message: "gone"}

// failAt makes one kind of operation fail from the nth on, for good.
func failAt(operation string, n int, err error) func(string) error {
	return func(seen string) error {
		if seen == operation {
			n--
		}
		if n <= 0 {
			return err
		}
		return nil
	}
}

// halfRead returns a bench whose first full import ended in the middle of the members of
// twelve groups.
func halfRead(t *testing.T) *bench {
	t.Helper()
	b := newBench(t)
	for i := range 12 {
		b.tenant.put(fmt.Sprint("group ", i), "a", "b", fmt.Sprint("user ", i))
	}
	b.enable(t)
	b.tenant.fail = failAt("members", 9, errOutage)
	if run := b.sync(t); run.Status != contract.RunFailed || run.StopReason != "ServerUnreachable" {
		t.Fatalf("%+v", run)
	}
	b.tenant.fail = nil
	b.forget()
	return b
}

// holdsAll compares the directory with the tenant.
func (b *bench) holdsAll(t *testing.T) {
	t.Helper()
	want := map[string][]string{}
	for _, g := range b.tenant.now() {
		names := []string{}
		for _, m := range g.members {
			if m.Synced {
				names = append(names, m.Name)
			}
		}
		slices.Sort(names)
		want[g.DisplayName()] = names
	}
	if diff := cmp.Diff(want, b.holds()); diff != "" {
		t.Error(diff)
	}
}

// An outage that outlasts the patience costs the time after it, not what was read before:
// the next run reads only the rest.
func TestTheNextRunReadsTheRest(t *testing.T) {
	for name, between := range map[string]func(*testing.T, *bench){
		"at once":           func(*testing.T, *bench) {},
		"hours later":       func(_ *testing.T, b *bench) { b.ahead += 20 * time.Hour },
		"another process":   func(t *testing.T, b *bench) { b.engine.Close(); b.start(t) },
		"a preview between": func(t *testing.T, b *bench) { b.preview(t); b.forget() },
		"a second outage": func(t *testing.T, b *bench) {
			b.tenant.fail = failAt("members", 2, errOutage)
			b.sync(t)
			b.tenant.fail = nil
			b.tenant.asked = b.tenant.asked[:1] // the one with an answer
		},
		"a second outage before the groups are listed": func(t *testing.T, b *bench) {
			b.tenant.fail = failAt("groups", 1, errOutage)
			b.sync(t)
			b.tenant.fail = nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := halfRead(t)
			between(t, b)
			// The delta reports what happens in the meantime.
			b.tenant.put("group 0", "b", "c")
			b.tenant.put("group 11", "a")
			b.tenant.put("new", "a")
			b.tenant.remove("group 1", directory.PresenceHardDeleted)
			run := b.sync(t)
			if run.Status != contract.RunComplete || run.PolicyReason != contract.InitialFirst {
				t.Errorf("%+v", run)
			}
			asked := map[directory.GUID]bool{}
			for _, id := range b.tenant.asked {
				asked[id] = true
			}
			// Four of the twelve, possibly including "group 1", and the new one.
			if len(asked) != 5 && len(asked) != 4 {
				t.Errorf("the members of %d groups were read", len(asked))
			}
			b.holdsAll(t)
			b.settle(t)
			if run := b.delta(t); run.Planned.Delete+run.Planned.Create+run.Planned.UpdateMembers != 0 {
				t.Errorf("%+v", run)
			}
			b.holdsAll(t)
		})
	}
}

func (b *bench) preview(t fataler) contract.Run {
	t.Helper()
	run, err := b.engine.Preview(context.Background(), command.PreviewRequest{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// What was read is no longer useful, or may be wrong: everything is read again.
func TestWhatWasReadIsNotAlwaysGoneOnFrom(t *testing.T) {
	for name, between := range map[string]func(*testing.T, *bench){
		"the scope is another": func(t *testing.T, b *bench) { b.withSecurityGroups(t) },
		"a filter":             func(t *testing.T, b *bench) { b.leaveOut(t) },
		"hidden members may be read": func(t *testing.T, b *bench) {
			b.withHiddenMembership(t, true)
			b.tenant.roles = append(b.tenant.roles, "Member.Read.Hidden")
		},
		"a release that reads more":   func(t *testing.T, b *bench) { b.engine.Close(); b.projection = "other"; b.start(t) },
		"it is a day old":             func(_ *testing.T, b *bench) { b.ahead += 25 * time.Hour },
		"the clock was set back":      func(_ *testing.T, b *bench) { b.ahead -= time.Hour },
		"its links are taken no more": func(_ *testing.T, b *bench) { b.expire() },
	} {
		t.Run(name, func(t *testing.T) {
			b := halfRead(t)
			between(t, b)
			b.tenant.put("group 0", "b", "c")
			b.tenant.put("group 11", "a")
			run := b.sync(t)
			if run.Status != contract.RunComplete {
				t.Errorf("%+v", run)
			}
			asked := map[directory.GUID]bool{}
			for _, id := range b.tenant.asked {
				asked[id] = true
			}
			if len(asked) != 12 {
				t.Errorf("the members of %d groups were read", len(asked))
			}
			b.holdsAll(t)
		})
	}
}

// A run that ended because of an answer of the tenant leaves nothing to continue from.
func TestAReadingThatMayBeWrongIsNotKept(t *testing.T) {
	for name, err := range map[string]*contract.Error{
		"less of a token": {Category: contract.PermissionDenied, ID: "PermissionMissing", Message: "less"},
		"a broken list":   {Category: contract.InvalidData, ID: "IncompleteRead", Message: "cut off"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			for i := range 12 {
				b.tenant.put(fmt.Sprint("group ", i), "a")
			}
			b.enable(t)
			b.tenant.fail = failAt("groupChanges", 1, err)
			if run := b.sync(t); run.Status != contract.RunFailed {
				t.Fatalf("%+v", run)
			}
			b.tenant.fail = nil
			b.forget()
			if b.sync(t); len(b.tenant.asked) != 12 {
				t.Errorf("the members of %d groups were read", len(b.tenant.asked))
			}
			b.holdsAll(t)
		})
	}
}

// The loss of the domain controller, a cancel and the end of the process do not lose what
// was read from the tenant either.
func TestWhatWasReadOutlivesTheRun(t *testing.T) {
	for name, end := range map[string]func(*testing.T, *bench){
		"no domain controller": func(t *testing.T, b *bench) {
			b.directory.fail = failAt("read", 1, errOutage)
			b.sync(t)
			b.directory.fail = nil
		},
		"in the middle of the export": func(t *testing.T, b *bench) {
			b.directory.fail = failAt("create", 5, errOutage)
			b.sync(t)
			b.directory.fail = nil
		},
		"cancelled": func(t *testing.T, b *bench) {
			ctx, cancel := context.WithCancel(context.Background())
			b.directory.fail = func(operation string) error {
				if operation == "read" {
					cancel()
				}
				return nil
			}
			if _, err := b.engine.Sync(ctx, command.SyncRequest{}, nil); err != nil && ctx.Err() == nil {
				t.Fatal(err)
			}
			b.directory.fail = nil
		},
		"killed": func(t *testing.T, b *bench) {
			to := t.TempDir()
			b.directory.fail = func(operation string) error {
				if operation == "read" {
					leftBehind(t, b.folder, to)
					return errOutage
				}
				return nil
			}
			b.sync(t)
			b.directory.fail = nil
			b.engine.Close()
			b.folder = to
			b.start(t)
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			for i := range 12 {
				b.tenant.put(fmt.Sprint("group ", i), "a", "b", "c")
			}
			b.enable(t)
			end(t, b)
			b.forget()
			b.tenant.put("group 0", "c")
			// The delta of the groups does not report this deletion, and what was read
			// includes the user.
			b.tenant.deleteUser("b")
			if run := b.sync(t); run.Status != contract.RunComplete || len(b.tenant.asked) > 1 {
				t.Errorf("the members of %d groups were read: %+v", len(b.tenant.asked), run)
			}
			b.holdsAll(t)
		})
	}
}

// A user who was deleted when some of the members were read, and restored before the next
// run, is a member everywhere.
func TestAUserWhoIsRestoredBeforeTheReadingGoesOn(t *testing.T) {
	b := newBench(t)
	for i := range 12 {
		b.tenant.put(fmt.Sprint("group ", i), "a", "b")
	}
	b.enable(t)
	n := 0
	b.tenant.fail = func(operation string) error {
		if operation == "members" {
			switch n++; n {
			case 4:
				b.tenant.deleteUser("b")
			case 9:
				return errOutage
			}
		}
		return nil
	}
	b.sync(t)
	b.tenant.fail = nil
	b.tenant.restoreUser("b")
	b.sync(t)
	b.holdsAll(t)
}

// A Delta run in between makes what was read outdated.
func TestACommittedRunEndsWhatWasKept(t *testing.T) {
	b := settled(t, map[string][]string{"one": {"a"}, "two": {"a"}})
	b.tenant.fail = failAt("members", 2, errOutage)
	if _, err := b.engine.Sync(context.Background(), command.SyncRequest{PolicyType: contract.Initial}, nil); err != nil {
		t.Fatal(err)
	}
	b.tenant.fail = nil
	b.delta(t)
	b.forget()
	if _, err := b.engine.Sync(context.Background(), command.SyncRequest{PolicyType: contract.Initial}, nil); err != nil {
		t.Fatal(err)
	}
	if len(b.tenant.asked) != 2 {
		t.Errorf("the members of %d groups were read", len(b.tenant.asked))
	}
}
