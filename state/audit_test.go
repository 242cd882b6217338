package state

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

func audited(t *testing.T, s *State, filter contract.AuditFilter, before string, limit int) []contract.AuditEntry {
	t.Helper()
	entries, err := s.Audit(t.Context(), filter, before, limit)
	must(t, err)
	return entries
}

func objects(entries []contract.AuditEntry) (names []string) {
	for _, e := range entries {
		names = append(names, e.Object)
	}
	return names
}

func entryAt(at time.Time, object string) contract.AuditEntry {
	return contract.AuditEntry{Event: contract.AuditSettingsChanged, Time: at, Object: object}
}

func TestAudit(t *testing.T) {
	s := openState(t, t.TempDir())
	if got := audited(t, s, contract.AuditFilter{}, "", 10); got != nil {
		t.Errorf("a new audit has %v", got)
	}
	next := started.AddDate(0, 0, 1)
	first := contract.AuditEntry{Event: contract.AuditEnabled, Time: started.In(time.FixedZone("", 3600)), Object: "a",
		Changes: []contract.AuditChange{{Name: "scope.filter", Old: "<old>", New: "line\nline"}}, RunID: 7, ErrorID: "X", Message: "m",
		Caller:           contract.Caller{Account: `CONTOSO\admin`, AccountSID: "S-1-5-21-1-2-3-4", Computer: "sync01", Client: "c", From: "f"},
		DirectoryAccount: "svc", AppID: "app"}
	must(t, s.AppendAudit(t.Context(), first, entryAt(started, "b")))
	must(t, s.AppendAudit(t.Context(), entryAt(next, "c"), entryAt(next, "d")))

	got := audited(t, s, contract.AuditFilter{}, "", 10)
	if names := objects(got); !slices.Equal(names, []string{"d", "c", "b", "a"}) {
		t.Fatalf("%v", names)
	}
	first.ID, first.Time, first.Changes[0].New = "20260102-1", started, "line<U+000A>line"
	if diff := cmp.Diff(first, got[3]); diff != "" {
		t.Error(diff)
	}
	var paged []string
	for before := ""; ; {
		page := audited(t, s, contract.AuditFilter{}, before, 3)
		if paged = append(paged, objects(page)...); len(page) < 3 {
			break
		}
		before = page[2].ID
	}
	if !slices.Equal(paged, []string{"d", "c", "b", "a"}) {
		t.Errorf("by pages %v", paged)
	}
	if names := objects(audited(t, s, contract.AuditFilter{Events: []contract.AuditEvent{contract.AuditEnabled}}, "", 1)); !slices.Equal(names, []string{"a"}) {
		t.Errorf("of one event %v", names)
	}
	if names := objects(audited(t, s, contract.AuditFilter{Since: next}, "", 10)); !slices.Equal(names, []string{"d", "c"}) {
		t.Errorf("since the second day %v", names)
	}
	_, err := s.Audit(t.Context(), contract.AuditFilter{}, "../x-1", 1)
	wantID(t, err, "InvalidParameter")

	path := auditPath(s.folder, "20260102")
	if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	must(t, os.WriteFile(filepath.Join(filepath.Dir(path), "notes.txt"), nil, 0o600))
	must(t, s.PurgeRuns(t.Context(), next.Truncate(24*time.Hour).Add(-time.Second)))
	if names := objects(audited(t, s, contract.AuditFilter{}, "", 10)); len(names) != 4 {
		t.Errorf("the first day is not over, and of it there are %v", names)
	}
	must(t, s.PurgeRuns(t.Context(), next.Truncate(24*time.Hour)))
	if names := objects(audited(t, s, contract.AuditFilter{}, "", 10)); !slices.Equal(names, []string{"d", "c"}) {
		t.Errorf("the first day is over, and of the rest there are %v", names)
	}
	must(t, s.PurgeRuns(t.Context(), next.AddDate(0, 0, 1)))
	if files, err := os.ReadDir(filepath.Dir(path)); err != nil || len(files) != 1 || files[0].Name() != "notes.txt" {
		t.Errorf("%v %v", files, err)
	}
}

// A line that a crash cut off is left out at the end; in the middle it is reported, and it
// never costs another line.
func TestATornLineOfTheAudit(t *testing.T) {
	s := openState(t, t.TempDir())
	must(t, s.AppendAudit(t.Context(), entryAt(started, "a")))
	path := auditPath(s.folder, "20260102")
	whole, err := os.ReadFile(path)
	must(t, err)
	torn := whole[:len(whole)/2]
	must(t, os.WriteFile(path, slices.Concat(whole, torn), 0o600))
	if names := objects(audited(t, s, contract.AuditFilter{}, "", 10)); !slices.Equal(names, []string{"a"}) {
		t.Errorf("%v", names)
	}
	must(t, s.AppendAudit(t.Context(), entryAt(started.Add(time.Hour), "b")))
	text, err := os.ReadFile(path)
	must(t, err)
	if !strings.HasPrefix(string(text), string(whole)+string(torn)+"\n") {
		t.Errorf("what was there has changed:\n%s", text)
	}
	got := audited(t, s, contract.AuditFilter{Events: []contract.AuditEvent{contract.AuditSettingsChanged}, Since: started}, "", 10)
	if len(got) != 3 || got[0].Object != "b" || got[1].Event != contract.AuditUnreadable || got[1].Object != path || !got[1].Time.Equal(started) || got[2].Object != "a" {
		t.Errorf("%+v", got)
	}
}

func TestAuditFilesThatSomebodyChanged(t *testing.T) {
	s := openState(t, t.TempDir())
	must(t, s.AppendAudit(t.Context(), entryAt(started, "a")))
	path := auditPath(s.folder, "20260102")
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	for _, line := range []string{"", "\r", "null", "[]", `{"event":"x"}`, strings.Repeat("x", maxAuditLine+1), "\xff\x00",
		`{"event":"Later","time":"2026-01-02T03:04:05Z","object":"evil\u202e\u001b"}`} {
		_, err := f.WriteString(line + "\n")
		must(t, err)
	}
	must(t, f.Close())
	got := audited(t, s, contract.AuditFilter{}, "", 20)
	if len(got) != 7 || got[0].Event != "Later" || got[0].Object != "evil " || got[0].ID != "20260102-9" || got[6].Object != "a" {
		t.Fatalf("%+v", got)
	}
	for _, e := range got[1:6] {
		if e.Event != contract.AuditUnreadable || len(e.Message) > 100 {
			t.Errorf("%+v", e)
		}
	}
	// A file that is none stays, and nothing is written to it.
	must(t, os.Mkdir(auditPath(s.folder, "20260105"), 0o700))
	err = s.AppendAudit(t.Context(), entryAt(started.AddDate(0, 0, 3), "b"))
	wantID(t, err, "AuditNotWritten")
	if names := objects(audited(t, s, contract.AuditFilter{}, "", 1)); !slices.Equal(names, []string{"evil "}) {
		t.Errorf("%v", names)
	}
	// A folder that cannot be.
	must(t, os.Rename(filepath.Join(s.folder, auditFolder), filepath.Join(s.folder, "away")))
	must(t, os.WriteFile(filepath.Join(s.folder, auditFolder), nil, 0o600))
	wantID(t, s.AppendAudit(t.Context(), entryAt(started, "b")), "AuditNotWritten")
	_, err = s.Audit(t.Context(), contract.AuditFilter{}, "", 1)
	wantID(t, err, "AuditUnreadable")
}

// Processes that share the folder do not mix up their lines.
func TestManyWriteTheAudit(t *testing.T) {
	s := openState(t, t.TempDir())
	long := strings.Repeat("x", 3_000)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 20 {
				if err := s.AppendAudit(t.Context(), entryAt(started, long)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	entries := audited(t, s, contract.AuditFilter{}, "", 500)
	if len(entries) != 160 || slices.ContainsFunc(entries, func(e contract.AuditEntry) bool { return e.Object != long }) {
		t.Errorf("%d entries", len(entries))
	}
}

// An audit that others may write to proves nothing, so the folder is refused (rule 34).
func TestAnAuditOfOthers(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no modes; TestInsecureFolder looks at access control lists")
	}
	s := openState(t, t.TempDir())
	must(t, s.AppendAudit(t.Context(), entryAt(started, "a")))
	must(t, s.Close())
	must(t, os.Chmod(auditPath(s.folder, "20260102"), 0o666))
	_, err := Open(t.Context(), s.folder)
	wantID(t, err, "StateFolderInsecure")
}

// The largest entry can be read again.
func TestTheLargestEntryOfTheAudit(t *testing.T) {
	s := openState(t, t.TempDir())
	e := entryAt(started, strings.Repeat(`"`, 1<<20))
	for range 200 {
		e.Changes = append(e.Changes, contract.AuditChange{Name: e.Object, Old: e.Object, New: strings.Repeat(`\`, 1<<20)})
	}
	must(t, s.AppendAudit(t.Context(), e))
	if got := audited(t, s, contract.AuditFilter{}, "", 1); len(got) != 1 || len(got[0].Changes) < 5 || len(got[0].Changes)+got[0].More != 200 {
		t.Errorf("%d entries", len(got))
	}
}

func FuzzAuditLine(f *testing.F) {
	for _, line := range []string{"", "{}", `{"event":"Enabled","time":"2026-01-02T03:04:05Z","changes":[{"name":"a","old":"b"}]}`, `{"event":"\u202e","time":"0001-01-01T00:00:00Z"}`} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		e, err := parseAudit(line)
		if err != nil {
			return
		}
		if e.Time.IsZero() || directory.Clean(e.Object) != e.Object || strings.ContainsFunc(string(e.Event)+e.Message, unicode.IsControl) {
			t.Errorf("%+v", e)
		}
	})
}
