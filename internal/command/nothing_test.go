package command_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"groupwriteback/internal/command"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/state"
)

// A command that reads creates nothing if there is no state, and one that needs settings
// says that there are none. Enable creates the state.
func TestReadingMakesNothing(t *testing.T) {
	b := newBench(t)
	b.tenant.put("one", "a")
	folder := filepath.Join(t.TempDir(), "typo", "state")
	e := command.New(command.Config{
		OpenSource: func(context.Context, contract.SourceConfig) (contract.Source, error) { return b.tenant, nil },
		OpenTarget: func(context.Context, contract.TargetConfig) (contract.Target, error) { return b.directory, nil },
		OpenState:  func(ctx context.Context) (contract.State, error) { return state.Open(ctx, folder) },
		FindState: func() (string, bool, error) {
			there, err := state.Find(folder, "")
			return folder, there, err
		},
		Log: slog.New(slog.DiscardHandler), Now: time.Now,
	})
	defer e.Close()
	if _, err := e.Connect(t.Context(), &contract.SourceConfig{}, &contract.TargetConfig{}); err != nil {
		t.Fatal(err)
	}
	if o, err := e.Overview(t.Context()); err != nil || o.Status != command.StatusNotConfigured || o.StatePath != folder {
		t.Errorf("%+v %v", o, err)
	}
	checks, err := e.Test(t.Context(), containerDN)
	if err != nil || checks[0].Name != "State" || checks[0].Result != contract.Passed {
		t.Errorf("%+v %v", checks, err)
	}
	for _, check := range checks {
		if check.Result == contract.Failed {
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
	if groups, err := s.Groups(t.Context(), contract.GroupFilter{}, directory.GUID{}, 10); err != nil || len(groups) != 0 {
		t.Errorf("%v %v", groups, err)
	}
	_, runErr := s.Run(t.Context(), 1)
	_, membersErr := s.GroupMembers(t.Context(), guid("group one"), directory.GUID{}, 10)
	_, _, changeErr := s.ChangeMembers(t.Context(), 1, directory.GUID{}, 10)
	_, groupErr := e.Group(t.Context(), "group", "one")
	_, syncErr := e.Sync(t.Context(), command.SyncRequest{}, nil)
	_, allowErr := e.Sync(t.Context(), command.SyncRequest{AllowOnce: "plan"}, nil)
	_, previewErr := e.Preview(t.Context(), command.PreviewRequest{}, nil)
	_, oneErr := e.SyncGroup(t.Context(), command.GroupSyncRequest{Group: "one"}, nil)
	_, disableErr := e.Disable(t.Context(), command.DisableRequest{})
	_, setErr := e.SetSettings(t.Context(), command.SettingsPatch{})
	_, adoptErr := e.SetSettings(t.Context(), command.SettingsPatch{Adoption: command.Adoption{AdoptGroups: []string{"one"}}})
	for id, errs := range map[string][]error{
		"RunNotFound": {runErr}, "GroupNotFound": {membersErr, groupErr}, "ChangeNotFound": {changeErr},
		"NotConfigured": {syncErr, allowErr, previewErr, oneErr, disableErr, setErr, adoptErr},
	} {
		for _, err := range errs {
			if !contract.HasID(err, id) {
				t.Errorf("%v, want %s", err, id)
			}
		}
	}
	if _, err := os.Lstat(filepath.Dir(folder)); !os.IsNotExist(err) {
		t.Fatalf("something was made: %v", err)
	}

	if _, err := e.Enable(t.Context(), command.EnableRequest{Choices: command.Choices{TargetContainer: containerDN}}); err != nil {
		t.Fatal(err)
	}
	if run, err := e.Sync(t.Context(), command.SyncRequest{}, nil); err != nil || run.Status != contract.RunComplete {
		t.Errorf("%+v %v", run, err)
	}
	if o, err := e.Overview(t.Context()); err != nil || o.Groups != 1 {
		t.Errorf("%+v %v", o, err)
	}
}
