package state

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// readRun begins a run that has read three groups: one to its end, one with an error, and
// one that may have more members.
func readRun(t *testing.T, s *State) int64 {
	t.Helper()
	ctx := context.Background()
	run := beginRun(t, s, contract.SyncRun, "")
	must(t, s.Generation(run).StageSourceGroups(ctx, []directory.SourceGroup{{ID: guid(1, 1)}, {ID: guid(1, 2)}, {ID: guid(1, 3)}, {ID: guid(1, 4)}}))
	must(t, s.Generation(run).KeepReading(ctx, contract.Reading{Links: contract.DeltaLinks{Groups: "groups", Users: "users", Taken: started, Projection: "p"}, Scope: "scope"}))
	var many []directory.SourceMember
	for n := range uint32(2*rowKeys + 5) {
		many = append(many, directory.SourceMember{ID: guid(2, n), Kind: directory.KindUser, Name: "user", Readable: true})
	}
	must(t, s.Generation(run).StageMembers(ctx, []contract.MemberPage{
		{Group: guid(1, 1), Members: many[:rowKeys+7]}, {Group: guid(1, 1), Members: many[rowKeys+7:], Last: true},
		{Group: guid(1, 2), Members: many[:3]},
		{Group: guid(1, 3), Members: many[:3]}, {Group: guid(1, 3), Err: errors.New("cut off")},
		{Group: guid(1, 4), Members: many[:3], Last: true},
	}))
	must(t, s.Generation(run).SaveResolutions(ctx, []contract.Resolution{{MemberID: guid(2, 1), Ref: directory.MemberRef{GUID: guid(4, 1)}}}, started))
	must(t, s.Generation(run).StageNotes(ctx, []contract.Note{
		{Kind: contract.NoteUserDeleted, ID: guid(2, 900_000), At: started}, {Kind: contract.NoteRead, ID: guid(1, 1), At: started},
		{Kind: contract.NoteGroup, ID: guid(1, 1), At: started}, {Kind: contract.NoteUserDeleted, ID: guid(2, 1)},
	}))
	return run
}

func TestAReadingOutlivesItsRun(t *testing.T) {
	ctx := context.Background()
	s := newState(t)
	first := readRun(t, s)
	preview := beginRun(t, s, contract.PreviewRun, "") // the process of the first is dead
	must(t, s.Generation(preview).StageSourceGroups(ctx, []directory.SourceGroup{{ID: guid(1, 1)}}))
	must(t, s.Generation(preview).Discard(ctx))
	second := beginRun(t, s, contract.SyncRun, "")
	reading, generation, err := s.KeptReading(ctx)
	must(t, err)
	want := contract.Reading{Links: contract.DeltaLinks{Groups: "groups", Users: "users", Taken: started, Projection: "p"}, Scope: "scope"}
	if diff := cmp.Diff(want, reading); diff != "" || generation != first {
		t.Fatal(generation, diff)
	}

	must(t, s.Generation(second).StageSourceGroups(ctx, []directory.SourceGroup{{ID: guid(1, 1)}, {ID: guid(1, 2)}, {ID: guid(1, 3)}, {ID: guid(1, 5)}}))
	must(t, s.Generation(second).TakeReading(ctx, first))
	incomplete, err := s.Generation(second).IncompleteGroups(ctx, directory.GUID{}, 10)
	must(t, err)
	if diff := cmp.Diff([]directory.GUID{guid(1, 2), guid(1, 3), guid(1, 5)}, incomplete); diff != "" {
		t.Error(diff)
	}
	members, err := s.Generation(second).SourceMembership(ctx, guid(1, 1))
	must(t, err)
	if members.Count() != 2*rowKeys+5 || len(members.Joined) != 0 || members.Unknown() != members.Count() {
		t.Errorf("%d members, %d joined", members.Count(), len(members.Joined))
	}
	// Group 4 does not belong to this run, so nothing finds it.
	groups, err := s.Generation(second).GroupsWithMembers(ctx, []directory.GUID{guid(2, 1)})
	must(t, err)
	if diff := cmp.Diff([]directory.GUID{guid(1, 1)}, groups); diff != "" {
		t.Error(diff)
	}
	for kind, want := range map[contract.NoteKind]int{contract.NoteUserDeleted: 1, contract.NoteRead: 1, contract.NoteGroup: 0} {
		if notes, err := s.Generation(second).Notes(ctx, kind, directory.GUID{}, 10); err != nil || len(notes) != want {
			t.Errorf("%s: %v %v", kind, notes, err)
		}
	}
	for _, table := range stagedTables {
		if n, err := s.count(ctx, "count", "SELECT count(*) FROM "+table.table+" WHERE generation = ?", first); err != nil || n != 0 {
			t.Errorf("%d rows are left in %s: %v", n, table.table, err)
		}
	}
	if _, generation, err := s.KeptReading(ctx); err != nil || generation != 0 {
		t.Error(generation, err)
	}
	// A reading cannot be taken twice.
	if err := s.Generation(second).TakeReading(ctx, first); !contract.HasID(err, "RunSuperseded") {
		t.Error(err)
	}
	// A group that is read again is staged as usual.
	must(t, s.Generation(second).StageMembers(ctx, []contract.MemberPage{{Group: guid(1, 2), Members: []directory.SourceMember{{ID: guid(2, 1), Kind: directory.KindUser, Readable: true}}, Last: true}}))
	if members, err := s.Generation(second).SourceMembership(ctx, guid(1, 2)); err != nil || members.Count() != 1 || members.Incomplete != "" {
		t.Errorf("%+v %v", members, err)
	}
}

func TestAReadingEnds(t *testing.T) {
	ctx := context.Background()
	for name, end := range map[string]func(*State, int64) error{
		"discarded": func(s *State, run int64) error { return s.Generation(run).Discard(ctx) },
		"committed": func(s *State, run int64) error { return s.Generation(run).Commit(ctx, contract.Watermark{}, nil) },
		"another is committed": func(s *State, run int64) error {
			next, err := s.BeginRun(ctx, contract.Run{Kind: contract.SyncRun, Started: started.Add(time.Hour)})
			return errors.Join(err, s.Generation(next).Commit(ctx, contract.Watermark{}, nil))
		},
	} {
		s := newState(t)
		run := readRun(t, s)
		must(t, end(s, run))
		if _, generation, err := s.KeptReading(ctx); err != nil || generation != 0 {
			t.Errorf("%s: %d %v", name, generation, err)
		}
		if _, err := s.BeginRun(ctx, contract.Run{Kind: contract.SyncRun, Started: started}); err != nil {
			t.Fatal(err)
		}
		if n, err := s.count(ctx, "count", "SELECT count(*) FROM source_group WHERE generation = ?", run); err != nil || name != "committed" && n != 0 {
			t.Errorf("%s: %d rows are left: %v", name, n, err)
		}
	}
}
