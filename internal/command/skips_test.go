package command_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"groupwriteback/internal/command"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// shown returns what the list of groups says about a group.
func (b *bench) shown(t *testing.T, name string) contract.GroupView {
	t.Helper()
	s, err := b.engine.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	views, err := s.Groups(t.Context(), contract.GroupFilter{Name: name}, directory.GUID{}, 10)
	if err != nil || len(views) != 1 {
		t.Fatalf("%v %v", views, err)
	}
	return views[0]
}

// wantSkippedStill checks that the run skips only this group, for a reason that an
// earlier run has recorded.
func wantSkippedStill(t *testing.T, b *bench, run contract.Run, name string) {
	t.Helper()
	v, rows := b.shown(t, name), b.outcomes(t, run)
	if run.Planned != (plan.Totals{Skip: 1}) || len(rows) != 0 || v.LastAction != plan.Skip || v.LastMessage == "" {
		t.Errorf("%+v\n%v\n%+v", run, rows, v)
	}
}

// A persistent skip is a row only in the run that reports it first. The counts, previews
// and lists of groups still show it.
func TestASkipIsRecordedOnce(t *testing.T) {
	groups := map[string][]string{"one": {"a"}}
	for i := range 20 {
		groups[fmt.Sprint("gone ", i)] = []string{"a"}
	}
	b := settled(t, groups)
	soften := func(name string) {
		id := guid("group " + name)
		delete(b.tenant.groups, id)
		b.tenant.deleted[id] = directory.PresenceSoftDeleted
	}
	for i := range 3 {
		soften(fmt.Sprint("gone ", i))
	}
	full := command.SyncRequest{PolicyType: contract.Initial}
	run, err := b.engine.Sync(t.Context(), full, nil)
	if err != nil || run.Planned.Skip != 3 || len(b.outcomes(t, run)) != 3 {
		t.Fatalf("%+v %v", run, err)
	}
	for range 2 {
		if run, err = b.engine.Sync(t.Context(), full, nil); err != nil || run.Planned.Skip != 3 || len(b.outcomes(t, run)) != 0 {
			t.Fatalf("%+v %v %v", run, b.outcomes(t, run), err)
		}
		if v := b.shown(t, "gone 1"); v.LastAction != "Skip" || v.LastOutcome != contract.OutcomeSkipped || !strings.Contains(v.LastMessage, "recycle bin") {
			t.Errorf("%+v", v)
		}
	}
	preview, err := b.engine.Preview(t.Context(), command.PreviewRequest{SyncRequest: full}, nil)
	if err != nil || len(b.outcomes(t, preview)) != 3 {
		t.Errorf("%v %v", b.outcomes(t, preview), err)
	}
	one, err := b.engine.SyncGroup(t.Context(), command.GroupSyncRequest{Group: guid("group gone 1").String()}, nil)
	if err != nil || len(b.outcomes(t, one.Run)) != 1 {
		t.Errorf("%v %v", b.outcomes(t, one.Run), err)
	}

	b.pass(31 * time.Minute)

	// A new skip is recorded, and one that is over is no longer shown.
	soften("gone 3")
	b.tenant.put("gone 1", "a")
	if run, err = b.engine.Sync(t.Context(), full, nil); err != nil || run.Planned.Skip != 3 || !slices.Equal(b.outcomes(t, run), []string{"Skip gone 3 Skipped"}) {
		t.Errorf("%+v %v %v", run, b.outcomes(t, run), err)
	}
	if v := b.shown(t, "gone 1"); v.LastAction == "Skip" {
		t.Errorf("%+v", v)
	}
	b.pass(31 * time.Minute)
	// The same holds in a Delta run, which plans what was touched.
	b.tenant.put("gone 3", "a")
	b.sync(t)
	if v := b.shown(t, "gone 3"); v.LastAction == "Skip" {
		t.Errorf("%+v", v)
	}
	if v := b.shown(t, "gone 0"); v.LastAction != "Skip" {
		t.Errorf("%+v", v)
	}
}
