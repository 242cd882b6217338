package command_test

import (
	"context"
	"maps"
	"testing"

	"groupwriteback/internal/command"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// otherServer switches to a domain controller that has the objects and claims to have
// everything that the first one had at that USN.
func (b *bench) otherServer(objects map[directory.GUID]*directory.TargetGroup, usn int64) {
	b.directory.server, b.directory.invocation = "dc2", guid("dc2")
	b.directory.objects, b.directory.received = objects, map[directory.GUID]int64{guid("dc1"): usn}
}

func wantNotUpToDate(t *testing.T, b *bench) {
	t.Helper()
	run := b.sync(t)
	if run.Status != contract.RunStopped || run.StopReason != contract.StopTargetNotUpToDate || run.Exported.Create > 0 {
		t.Errorf("%s %s %q, exported %+v", run.Status, run.StopReason, run.Message, run.Exported)
	}
}

// TestWhatAnUnfinishedRunWroteMustHaveBeenReceived: the domain controller breaks down
// during an export. Another one, which has everything that the previous run wrote, does
// not know the groups created since.
func TestWhatAnUnfinishedRunWroteMustHaveBeenReceived(t *testing.T) {
	gone := &contract.Error{Category: contract.Connection, ID: "ServerUnreachable", Object: "dc1", Message: "gone"}
	for name, c := range map[string]struct{ first, killed bool }{
		"failed":            {},
		"failed, the first": {first: true},
		"killed":            {killed: true},
		"killed, the first": {first: true, killed: true},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.enable(t)
			if !c.first {
				b.tenant.put("before", "a")
				b.sync(t)
			}
			objects, usn := maps.Clone(b.directory.objects), b.directory.usn
			b.tenant.put("one", "a")
			b.tenant.put("two", "a")
			exporting, left := false, t.TempDir()
			b.directory.fail = func(operation string) error {
				if operation == "created" && !exporting {
					leftBehind(t, b.folder, left)
					exporting = true
				}
				if operation == "identify" && exporting { // before the watermark is stored
					return gone
				}
				return nil
			}
			if run := b.sync(t); run.Status != contract.RunFailed || run.Exported.Create != 2 {
				t.Fatalf("%+v", run)
			}
			b.directory.fail = nil
			if c.killed {
				b.engine.Close()
				b.folder = left
				b.start(t)
			}
			b.otherServer(objects, usn)
			wantNotUpToDate(t, b)
			run, err := b.engine.Sync(context.Background(), command.SyncRequest{SkipReplicationCheck: true}, nil)
			if err != nil || run.Status != contract.RunComplete || run.Exported.Create != 2 {
				t.Errorf("with consent: %+v %v", run, err)
			}
			if run := b.sync(t); run.Status != contract.RunComplete {
				t.Errorf("after it: %+v", run)
			}
		})
	}
}

// TestWhatWasWrittenOnDemandMustHaveBeenReceived does the same for a run of one group.
func TestWhatWasWrittenOnDemandMustHaveBeenReceived(t *testing.T) {
	b := ready(t, map[string][]string{"before": {"a"}})
	objects, usn := maps.Clone(b.directory.objects), b.directory.usn
	b.tenant.put("one", "a")
	result, err := b.engine.SyncGroup(context.Background(), command.GroupSyncRequest{Group: guid("group one").String()}, nil)
	if err != nil || result.Run.Exported.Create != 1 {
		t.Fatalf("%+v %v", result, err)
	}
	before := maps.Clone(b.directory.objects)
	b.otherServer(objects, usn)
	wantNotUpToDate(t, b)
	// Once the changes have arrived and a group was synced here on demand, the staged
	// uSNs come from two domain controllers: the next run reads everything.
	b.otherServer(before, b.directory.usn)
	b.tenant.put("two", "a")
	if result, err = b.engine.SyncGroup(context.Background(), command.GroupSyncRequest{Group: guid("group two").String()}, nil); err != nil || result.Run.Exported.Create != 1 {
		t.Fatalf("%+v %v", result, err)
	}
	if run := b.sync(t); run.Status != contract.RunComplete || run.PolicyReason != contract.InitialServer {
		t.Errorf("%+v", run)
	}
	b.delta(t)
}
