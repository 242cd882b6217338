package engine_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"groupwriteback/internal/directory"
	"groupwriteback/internal/engine"
	"groupwriteback/state"
)

// A command that reads makes nothing where there is no state, and one that needs
// settings says that there are none. Enable makes it.
func TestReadingMakesNothing(t *testing.T) {
	b := newBench(t)
	b.tenant.put("one", "a")
	folder := filepath.Join(t.TempDir(), "typo", "state")
	e := engine.New(engine.Config{
		OpenSource: func(context.Context, engine.SourceConfig) (engine.Source, error) { return b.tenant, nil },
		OpenTarget: func(context.Context, engine.TargetConfig) (engine.Target, error) { return b.directory, nil },
		OpenState:  func(ctx context.Context) (engine.State, error) { return state.Open(ctx, folder) },
		FindState: func() (string, bool, error) {
			there, err := state.Find(folder, "")
			return folder, there, err
		},
		Log: slog.New(slog.DiscardHandler), Now: time.Now,
	})
	defer e.Close()
	if _, err := e.Connect(t.Context(), &engine.SourceConfig{}, &engine.TargetConfig{}); err != nil {
		t.Fatal(err)
	}
	if o, err := e.Overview(t.Context()); err != nil || o.Status != engine.StatusNotConfigured || o.StatePath != folder {
		t.Errorf("%+v %v", o, err)
	}
	checks, err := e.Test(t.Context(), containerDN)
	if err != nil || checks[0].Name != "State" || checks[0].Result != engine.Passed {
		t.Errorf("%+v %v", checks, err)
	}
	for _, check := range checks {
		if check.Result == engine.Failed {
			t.Errorf("%+v", check)
		}
	}
	s, err := e.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if runs, err := s.Runs(t.Context(), 0, 10); err != nil || len(runs) != 0 {
		t.Errorf("%v %v", runs, err)
	}
	if groups, err := s.Groups(t.Context(), engine.GroupFilter{}, directory.GUID{}, 10); err != nil || len(groups) != 0 {
		t.Errorf("%v %v", groups, err)
	}
	_, runErr := s.Run(t.Context(), 1)
	_, membersErr := s.GroupMembers(t.Context(), guid("group one"), directory.GUID{}, 10)
	_, _, changeErr := s.ChangeMembers(t.Context(), 1, directory.GUID{}, 10)
	_, groupErr := e.Group(t.Context(), "group", "one")
	_, syncErr := e.Sync(t.Context(), engine.SyncRequest{}, nil)
	_, allowErr := e.Sync(t.Context(), engine.SyncRequest{AllowOnce: "plan"}, nil)
	_, previewErr := e.Preview(t.Context(), engine.PreviewRequest{}, nil)
	_, oneErr := e.SyncGroup(t.Context(), engine.GroupSyncRequest{Group: "one"}, nil)
	_, disableErr := e.Disable(t.Context(), engine.DisableRequest{})
	_, setErr := e.SetSettings(t.Context(), engine.SettingsPatch{})
	_, adoptErr := e.SetSettings(t.Context(), engine.SettingsPatch{Adoption: engine.Adoption{AdoptGroups: []string{"one"}}})
	for id, errs := range map[string][]error{
		"RunNotFound": {runErr}, "GroupNotFound": {membersErr, groupErr}, "ChangeNotFound": {changeErr},
		"NotConfigured": {syncErr, allowErr, previewErr, oneErr, disableErr, setErr, adoptErr},
	} {
		for _, err := range errs {
			if !engine.HasID(err, id) {
				t.Errorf("%v, want %s", err, id)
			}
		}
	}
	if _, err := os.Lstat(filepath.Dir(folder)); !os.IsNotExist(err) {
		t.Fatalf("something was made: %v", err)
	}

	if _, err := e.Enable(t.Context(), engine.EnableRequest{Choices: engine.Choices{TargetContainer: containerDN}}); err != nil {
		t.Fatal(err)
	}
	if run, err := e.Sync(t.Context(), engine.SyncRequest{}, nil); err != nil || run.Status != engine.RunComplete {
		t.Errorf("%+v %v", run, err)
	}
	if o, err := e.Overview(t.Context()); err != nil || o.Groups != 1 {
		t.Errorf("%+v %v", o, err)
	}
}
