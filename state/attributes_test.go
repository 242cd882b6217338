package state

import (
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// before returns the migrations before the one named first, as an earlier release had
// them.
func before(t *testing.T, first string) fs.FS {
	t.Helper()
	old := fstest.MapFS{}
	files, err := fs.ReadDir(migrations, "migrations")
	must(t, err)
	for _, file := range files {
		if file.Name() >= first {
			break
		}
		text, err := fs.ReadFile(migrations, "migrations/"+file.Name())
		must(t, err)
		old[file.Name()] = &fstest.MapFile{Data: text}
	}
	return old
}

// TestColumnsBecomeValues: what a release with one column for each attribute stored is
// there after the migration, including names with special characters and notes of what
// deltas reported.
func TestColumnsBecomeValues(t *testing.T) {
	ctx := context.Background()
	folder := t.TempDir()
	must(t, os.Chmod(folder, 0o700))
	s, err := Options{}.open(ctx, folder, before(t, "00014"))
	must(t, err)
	odd := "q\"'\\ {}[], 🙂\tline\nfeed"
	must(t, s.write(ctx, "store as before", func(q *session) error {
		for _, g := range []struct {
			n                          uint32
			display, description, mail string
		}{{1, odd, "", "a@contoso.test"}, {2, "", "", ""}} {
			id := guid(1, g.n)
			if _, err := q.exec(`INSERT INTO source_group (id, generation, display_name, description, mail, visibility, on_premises_sid) VALUES (?, 7, ?, ?, ?, '', '')`,
				id[:], g.display, g.description, g.mail); err != nil {
				return err
			}
			if _, err := q.exec(`INSERT INTO target_group (guid, generation, source_id, mark_id, dn, cn, sam_account_name, sid, group_type, display_name, description, mail,
					admin_desc, external_id, extension_name, usn_changed, member_count) VALUES (?1, 7, ?1, ?1, '', '', '', '', 8, ?2, ?3, ?4, '', '', '', 1, 0)`,
				id[:], g.display, g.description, g.mail); err != nil {
				return err
			}
		}
		for n, change := range map[uint32]string{
			1: `{"ID":"00000000-0000-0000-0000-000000000001","Removed":"","Kind":null,"DisplayName":"` + "A \\\"b\\\"" + `","Description":"","Mail":null,"Visibility":"Private","OnPremisesSID":null,"Members":null}`,
			2: `{"ID":"00000000-0000-0000-0000-000000000002","Removed":"deleted","Kind":null,"DisplayName":null,"Description":null,"Mail":null,"Visibility":null,"OnPremisesSID":null,"Members":null}`,
		} {
			id := guid(1, n)
			if _, err := q.exec("INSERT INTO note (kind, id, generation, at, told) VALUES ('group', ?, -1, 1, ?)", id[:], `[{"At":"2026-11-30T10:00:00.5Z","Told":`+change+`},{"At":"2026-11-30T10:01:00Z","Told":`+change+"}]"); err != nil {
				return err
			}
		}
		return nil
	}))
	must(t, s.Close())

	s = openState(t, folder)
	sources, err := s.Generation(7).SourceGroups(ctx, directory.GUID{}, 10)
	must(t, err)
	want := []directory.Values{{"displayName": {odd}, "mail": {"a@contoso.test"}}, nil}
	for i, g := range sources {
		if diff := cmp.Diff(want[i], g.Properties); diff != "" {
			t.Error(diff)
		}
	}
	targets, err := s.Generation(7).TargetGroups(ctx, contract.TargetKey{}, 10)
	must(t, err)
	for i, g := range targets {
		if diff := cmp.Diff(want[i], g.Attributes); diff != "" {
			t.Error(diff)
		}
	}
	if len(sources) != 2 || len(targets) != 2 {
		t.Errorf("%d and %d groups", len(sources), len(targets))
	}
	var reported []directory.Values
	must(t, s.read(ctx, "read the notes", func(q *session) error {
		for n := uint32(1); n <= 2; n++ {
			id := guid(1, n)
			var text string
			if _, err := q.one("SELECT report FROM note WHERE id = ?", []any{id[:]}, &text); err != nil {
				return err
			}
			var reports []struct {
				At     time.Time
				Change contract.GroupChange
			}
			decoder := json.NewDecoder(strings.NewReader(text))
			decoder.DisallowUnknownFields()
			if err := decoder.Decode(&reports); err != nil || len(reports) != 2 || !reports[0].At.Before(reports[1].At) {
				t.Errorf("%s: %v", text, err)
				continue
			}
			reported = append(reported, reports[1].Change.Properties)
		}
		return nil
	}))
	if diff := cmp.Diff([]directory.Values{{"displayName": {`A "b"`}, "description": {}}, {}}, reported); diff != "" {
		t.Error(diff)
	}
}

func TestWritten(t *testing.T) {
	ctx := context.Background()
	s := newState(t)
	group := guid(1, 1)
	for _, want := range []directory.Values{nil, {"proxyAddresses": {"SMTP:a@x", "smtp:b@x"}}, {"proxyAddresses": {"smtp:b@x"}}, nil} {
		must(t, s.SaveWritten(ctx, group, want))
		got, err := s.Written(ctx, group)
		must(t, err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	if got, err := s.Written(ctx, guid(1, 2)); err != nil || got != nil {
		t.Errorf("of another group: %v, %v", got, err)
	}
}
