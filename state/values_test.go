package state

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// TestOldSpellings: a folder in which an earlier release stored the values of fixed lists
// in their old spelling is read like a new one.
func TestOldSpellings(t *testing.T) {
	ctx := context.Background()
	folder := newFolder(t)
	old, err := Options{}.open(ctx, folder, before(t, "00016"))
	must(t, err)
	must(t, old.write(ctx, "fill", func(q *session) error {
		for _, text := range []string{
			`INSERT INTO run (id, plan_id, kind, status, started, committed, record) VALUES
				(1, 'p', 'sync', 'partial', '2026-01-02T03:04:05.000Z', 1, '{"id":1,"kind":"sync","policyType":"Initial","policyReason":"settings-changed","planId":"p",
					"started":"2026-01-02T03:04:05Z","status":"partial","stopReason":"stopped-source-shrunk","heldBy":["stopped-source-shrunk","stopped-removal-threshold-exceeded"],"held":{"delete":3}}'),
				(2, 'q', 'group', 'failed', '2026-01-02T03:04:06.000Z', 0, '{"id":2,"kind":"group","policyType":"Delta","planId":"q","started":"2026-01-02T03:04:06Z","status":"failed","stopReason":"GraphUnreachable","error":{"category":"ConnectionError","id":"GraphUnreachable","message":"failed","cause":""}}')`,
			`INSERT INTO change (id, run, phase, action, situation, source_id, target_guid, display_name, dn, attributes, reason, message, add_count, remove_count, outcome, error_id, error) VALUES
				(1, 1, 9, 'Delete', 'linked', zeroblob(16), zeroblob(16), 'held', 'CN=held', '', 'hard-deleted', 'held', 0, 0, 'held', 'stopped-source-shrunk', 'held'),
				(2, 1, 1, 'Create', 'deleted', zeroblob(16), zeroblob(16), 'done', 'CN=done', '', 'deleted-in-ad', 'done', 0, 0, 'failed', 'AccessDenied', 'failed')`,
			`INSERT INTO source_group (id, generation, kind, visibility, on_premises_sid) VALUES (X'01000000000000010000000000000001', 1, 'security', '', '')`,
			`INSERT INTO note (kind, id, generation, at, told) VALUES
				('group', X'01000000000000010000000000000001', -1, 0, '[{"At":"2026-01-02T03:04:05Z","Told":{"Kind":"unified","Removed":"changed"}},{"At":"2026-01-02T03:04:06Z","Told":{"Kind":"","Removed":""}},{"At":"2026-01-02T03:04:07Z","Told":{"Kind":null,"Removed":"deleted"}}]'),
				('absent', X'01000000000000010000000000000001', -1, 0, '"soft-deleted"'),
				('restored-user', X'01000000000000010000000000000001', -1, 0, '')`,
		} {
			if _, err := q.exec(text); err != nil {
				return err
			}
		}
		return nil
	}))
	must(t, old.Close())

	s := openState(t, folder)
	runs, err := s.Runs(ctx, 0, 10)
	must(t, err)
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	if diff := cmp.Diff([]contract.Run{
		{ID: 2, Kind: contract.GroupRun, PolicyType: contract.Delta, PlanID: "q", Started: at.Add(time.Second), Status: contract.RunFailed, StopReason: "GraphUnreachable",
			Error: &contract.RunError{Category: contract.Connection, ID: "GraphUnreachable", Message: "failed"}},
		{ID: 1, Kind: contract.SyncRun, PolicyType: contract.Initial, PolicyReason: contract.InitialSettings, PlanID: "p", Started: at, Status: contract.RunPartial,
			StopReason: contract.StopSourceShrunk, HeldBy: []contract.StopReason{contract.StopSourceShrunk, contract.StopRemovalThreshold}, Held: plan.Totals{Delete: 3}},
	}, runs); diff != "" {
		t.Error(diff)
	}
	if run, ok, err := s.LastComplete(ctx); err != nil || !ok || run.ID != 1 {
		t.Errorf("the newest committed run is %d: %v", run.ID, err)
	}
	changes, err := s.Changes(ctx, 1, 0, 0, 10)
	must(t, err)
	if diff := cmp.Diff([]contract.SpooledChange{
		{ID: 1, Outcome: contract.OutcomeHeld, ErrorID: string(contract.StopSourceShrunk), Message: "held",
			Change: plan.Change{Action: plan.Delete, Situation: plan.Linked, DisplayName: "held", DN: "CN=held", Reason: plan.ReasonHardDeleted, Message: "held"}},
		{ID: 2, Outcome: contract.OutcomeFailed, ErrorID: "AccessDenied", Message: "failed",
			Change: plan.Change{Action: plan.Create, Situation: plan.Deleted, DisplayName: "done", DN: "CN=done", Reason: plan.ReasonDeletedInAD, Message: "done"}},
	}, changes); diff != "" {
		t.Error(diff)
	}
	g, ok, err := s.Generation(1).SourceGroup(ctx, guid(1, 1))
	must(t, err)
	if !ok || g.Kind != directory.SecurityGroup {
		t.Errorf("the group is %+v", g)
	}
	noted := func(kind contract.NoteKind) string {
		t.Helper()
		notes, err := s.Generation(3).NotesOf(ctx, kind, []directory.GUID{guid(1, 1)})
		must(t, err)
		n, ok := notes[guid(1, 1)]
		if !ok {
			t.Errorf("no note %s", kind)
		}
		return string(n.Report)
	}
	noted(contract.NoteUserBack)
	if got := noted(contract.NoteAbsent); got != `"SoftDeleted"` {
		t.Errorf("absent: %s", got)
	}
	var reports []struct{ Change contract.GroupChange }
	must(t, json.Unmarshal([]byte(noted(contract.NoteGroup)), &reports))
	kind := func(k directory.GroupKind) *directory.GroupKind { return &k }
	want := []struct{ Change contract.GroupChange }{
		{contract.GroupChange{Kind: kind(directory.UnifiedGroup), Removed: contract.RemovedChanged}},
		{contract.GroupChange{Kind: kind("")}},
		{contract.GroupChange{Removed: contract.RemovedDeleted}},
	}
	if diff := cmp.Diff(want, reports); diff != "" {
		t.Error(diff)
	}
}
