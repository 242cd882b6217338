package command_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"groupwriteback/internal/command"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/ldif"
	"groupwriteback/internal/plan"
	"groupwriteback/internal/run"
)

// undone reads the undo file of a run.
func undone(t *testing.T, of contract.Run) []ldif.Entry {
	t.Helper()
	text, err := os.ReadFile(of.UndoFile)
	if err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(text); of.UndoHash != hex.EncodeToString(sum[:]) {
		t.Error("the file has another hash")
	}
	var all []ldif.Entry
	r := ldif.NewReader(strings.NewReader(string(text)))
	for {
		e, err := r.Read()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, *e)
	}
}

// Before groups are deleted and members removed, what they are is written down.
func TestWhatIsDestroyedIsWrittenDown(t *testing.T) {
	b := settled(t, map[string][]string{"one": {"a", "b"}, "two": {"a", "c"}})
	b.withoutLimits(t)
	if run := b.delta(t); run.UndoFile != "" {
		t.Errorf("nothing was destroyed, and %s was written", run.UndoFile)
	}
	one, two := b.object("one"), b.object("two")
	b.tenant.remove("one", directory.PresenceHardDeleted)
	b.tenant.put("two", "c")
	after := b.delta(t)
	entries := undone(t, after)
	if len(entries) != 2 {
		t.Fatalf("%+v", entries)
	}
	if e := entries[0]; e.DN != one.DN || e.First(run.UndoAction) != string(plan.Delete) || e.First("info") != "kept" || !slices.Equal(slices.Sorted(slices.Values(e.Values("member"))), []string{account("a").DN, account("b").DN}) {
		t.Errorf("%+v", e)
	}
	if e := entries[1]; e.DN != two.DN || e.First(run.UndoAction) != string(plan.UpdateMembers) || e.First("objectGUID") != string(two.GUID.AD()) || !slices.Equal(e.Values("member"), []string{account("a").DN}) {
		t.Errorf("%+v", e)
	}
}

// Without an undo file nothing is destroyed.
func TestNothingIsDestroyedThatCannotBeWrittenDown(t *testing.T) {
	for name, hinder := range map[string]func(*testing.T, *bench){
		"the folder": func(t *testing.T, b *bench) {
			if err := os.WriteFile(filepath.Join(b.folder, "undo"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"the directory": func(_ *testing.T, b *bench) {
			b.directory.fail = func(operation string) error {
				if operation == "snapshot" {
					return &contract.Error{Category: contract.PermissionDenied, ID: "AccessDenied", Message: "no"}
				}
				return nil
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := settled(t, map[string][]string{"one": {"a"}, "two": {"a"}})
			b.withoutLimits(t)
			b.tenant.remove("one", directory.PresenceHardDeleted)
			b.tenant.put("two", "a", "b")
			hinder(t, b)
			run, err := b.engine.Sync(t.Context(), command.SyncRequest{}, nil)
			if err != nil || run.Status != contract.RunFailed || run.UndoFile != "" || run.Exported != (plan.Totals{}) {
				t.Errorf("%+v %v", run, err)
			}
			if b.object("one") == nil || len(b.holds()["two"]) != 1 {
				t.Error("something was changed")
			}
		})
	}
}
