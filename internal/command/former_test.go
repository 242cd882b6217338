package command_test

import (
	"slices"
	"testing"
	"time"

	"groupwriteback/internal/command"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/descriptor"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
	"groupwriteback/internal/rights"
)

// letRestore gives the account the right to restore deleted objects.
func (d *fakeDirectory) letRestore() {
	d.rights.head = descriptor.Descriptor{}.With(rights.Grant(nil, rights.RestoreEntries(service)))
}

// wentOut returns a bench whose group one was deleted because it left the scope, and which
// is in scope again with other members; and the object that it had.
func wentOut(t *testing.T) (*bench, directory.TargetGroup) {
	t.Helper()
	b := settled(t, map[string][]string{"one": {"a", "b"}, "two": {"a"}})
	b.withoutLimits(t)
	b.force(t, command.Choices{OutOfScopeGroup: contract.FrozenRemove})
	b.object("one").SID = "S-1-5-21-1-2-3-5000"
	b.sync(t)
	before := *b.object("one")
	filter := "displayName -ne 'one'"
	b.force(t, command.Choices{Filter: &filter})
	if run := b.sync(t); run.Exported.Delete != 1 {
		t.Fatalf("%+v", run)
	}
	b.tenant.put("one", "b", "c")
	filter = ""
	b.force(t, command.Choices{Filter: &filter})
	return b, before
}

// TestAFormerObjectComesBack checks that a group which comes back into scope gets its own
// object, with the members that it has now, in both ways that keep the SID.
func TestAFormerObjectComesBack(t *testing.T) {
	for name, bin := range map[string]bool{"recycle bin": true, "tombstone": false} {
		t.Run(name, func(t *testing.T) {
			b, before := wentOut(t)
			b.directory.bin = bin
			b.directory.letRestore()
			preview, err := b.engine.Preview(t.Context(), command.PreviewRequest{}, nil)
			if err != nil || preview.Planned.Create != 1 || len(b.directory.objects) != 1 {
				t.Fatalf("%+v %v", preview, err)
			}
			run := b.sync(t)
			now := b.object("one")
			if run.Exported.Create != 1 || run.Failed != 0 || now.GUID != before.GUID || now.SID != before.SID || now.DN != before.DN {
				t.Fatalf("%+v\n%+v", run, now)
			}
			if got := b.holds()["one"]; !slices.Equal(got, []string{"b", "c"}) {
				t.Errorf("%v", got)
			}
			state, err := b.engine.State(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			changes, err := state.Changes(t.Context(), run.ID, 0, 0, 10)
			if err != nil || len(changes) != 1 || changes[0].Reason != plan.ReasonFormerObject || changes[0].TargetGUID != before.GUID || changes[0].Outcome != contract.OutcomeDone {
				t.Errorf("%+v %v", changes, err)
			}
			b.pass(31 * time.Minute)
			for range 2 {
				if run := b.sync(t); run.Planned != (plan.Totals{}) {
					t.Errorf("%+v\n%v", run, b.outcomes(t, run))
				}
			}
		})
	}
}

// TestAFormerObjectThatDoesNotComeBack checks the cases in which the group gets a new
// object.
func TestAFormerObjectThatDoesNotComeBack(t *testing.T) {
	for name, arrange := range map[string]func(*bench, *directory.TargetGroup){
		"no right":           func(*bench, *directory.TargetGroup) {},
		"deleted are hidden": func(b *bench, _ *directory.TargetGroup) { b.directory.letRestore(); b.directory.blind = true },
		"nothing is left":    func(b *bench, _ *directory.TargetGroup) { b.directory.letRestore(); b.directory.recycled = true },
		"a protected object": func(b *bench, g *directory.TargetGroup) { b.directory.letRestore(); g.AdminCount = true },
		"an unreadable list": func(b *bench, _ *directory.TargetGroup) {
			b.directory.letRestore()
			b.directory.rights.unreadable = true
		},
		"somebody else's now": func(b *bench, g *directory.TargetGroup) {
			b.directory.letRestore()
			b.directory.bin = true
			g.AdminDesc, g.ExternalID = directory.Mark(guid("x")), ""
		},
		"refused": func(b *bench, _ *directory.TargetGroup) {
			b.directory.letRestore()
			b.directory.fail = func(operation string) error {
				if operation == "undelete" {
					return &contract.Error{Category: contract.PermissionDenied, ID: "AccessDenied", Message: "no"}
				}
				return nil
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			b, before := wentOut(t)
			arrange(b, b.directory.grave[before.GUID])
			run := b.sync(t)
			if now := b.object("one"); run.Exported.Create != 1 || run.Failed != 0 || now.GUID == before.GUID || len(now.Members) != 2 {
				t.Errorf("%+v\n%+v", run, now)
			}
		})
	}
}

// TestALostAnswerBringsNothingBackTwice checks that the next run finds the object that came
// back although the answer was lost.
func TestALostAnswerBringsNothingBackTwice(t *testing.T) {
	b, before := wentOut(t)
	b.directory.letRestore()
	b.directory.fail = func(operation string) error {
		if operation == "undelete" {
			return errLost
		}
		return nil
	}
	if _, err := b.engine.Sync(t.Context(), command.SyncRequest{}, nil); err != nil {
		t.Fatal(err)
	}
	b.directory.fail = nil
	b.sync(t)
	if now := b.object("one"); now.GUID != before.GUID || len(now.Members) != 2 || len(b.directory.objects) != 2 {
		t.Errorf("%+v", now)
	}
}

// TestAnObjectDeletedByHandComesBack checks the same for an object that an administrator
// deleted.
func TestAnObjectDeletedByHandComesBack(t *testing.T) {
	b := settled(t, map[string][]string{"one": {"a", "b"}})
	b.withoutLimits(t)
	b.directory.letRestore()
	before := *b.object("one")
	b.directory.mu.Lock()
	b.directory.remove(before.GUID)
	b.directory.mu.Unlock()
	if run := b.delta(t); run.Exported.Create != 1 || b.object("one").GUID != before.GUID || len(b.object("one").Members) != 2 {
		t.Errorf("%+v", run)
	}
}
