package state

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// everything calls each method of the state once and returns the errors by method.
func everything(ctx context.Context, s *State) map[string]error {
	failed := map[string]error{}
	note := func(name string, err error) {
		if err != nil {
			failed[name] = err
		}
	}
	var none directory.GUID
	group := guid(1, 1)
	_, _, err := s.Owner(ctx)
	note("Owner", err)
	_, err = s.Runs(ctx, 0, 10)
	note("Runs", err)
	_, err = s.Run(ctx, 1)
	note("Run", err)
	_, _, err = s.LastComplete(ctx)
	note("LastComplete", err)
	_, err = s.Watermark(ctx)
	note("Watermark", err)
	_, err = s.Current(ctx)
	note("Current", err)
	_, err = s.Pending(ctx)
	note("Pending", err)
	_, err = s.Generation(1).SourceGroups(ctx, none, 500)
	note("SourceGroups", err)
	_, err = s.Generation(1).SourceMembership(ctx, group)
	note("SourceMembership", err)
	_, err = s.Generation(1).TargetGroups(ctx, contract.TargetKey{}, 500)
	note("TargetGroups", err)
	_, err = s.Generation(1).Candidates(ctx, group)
	note("Candidates", err)
	_, err = s.Generation(1).TargetMembership(ctx, guid(3, 1))
	note("TargetMembership", err)
	_, err = s.Generation(1).CountMemberships(ctx)
	note("CountMemberships", err)
	_, err = s.Generation(1).UnresolvedMembers(ctx, none, 500)
	note("UnresolvedMembers", err)
	_, err = s.Generation(1).IncompleteGroups(ctx, none, 500)
	note("IncompleteGroups", err)
	_, err = s.Links(ctx, none, 500)
	note("Links", err)
	_, err = s.LinksOf(ctx, []directory.GUID{group})
	note("LinksOf", err)
	_, err = s.Generation(1).UnstagedLinks(ctx, none, 500)
	note("UnstagedLinks", err)
	_, err = s.DisableSet(ctx, none, 500)
	note("DisableSet", err)
	_, err = s.Generation(1).Planned(ctx, 0, 0, 500)
	note("Changes", err)
	_, _, err = s.ChangeMembers(ctx, 1, none, 500)
	note("ChangeMembers", err)
	_, err = s.Groups(ctx, contract.GroupFilter{}, none, 500)
	note("Groups", err)
	_, err = s.GroupMembers(ctx, group, none, 500)
	note("GroupMembers", err)
	_, err = s.Generation(1).MemberRefs(ctx, []directory.GUID{guid(4, 1)})
	note("MemberRefs", err)

	// The writing methods need one another: stop at the first that fails.
	var run int64
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{"BeginRun", func() (err error) {
			run, err = s.BeginRun(ctx, contract.Run{Kind: contract.SyncRun, PlanID: "damage", Started: started})
			return err
		}},
		{"Overlay", func() error { return s.Generation(run).Overlay(ctx) }},
		{"StageSourceGroups", func() error {
			return s.Generation(run).StageSourceGroups(ctx, []directory.SourceGroup{{ID: guid(1, 99), Properties: directory.Values{"displayName": {"new"}}}})
		}},
		{"StageMembers", func() error {
			return s.Generation(run).StageMembers(ctx, []contract.MemberPage{{Group: guid(1, 99), Last: true,
				Members: []directory.SourceMember{{ID: guid(2, 1), Kind: directory.KindUser, Readable: true}}}})
		}},
		{"ChangeMembership", func() error {
			return s.Generation(run).ChangeMembership(ctx, group, []contract.MemberChange{{ID: guid(2, 7), Kind: directory.KindUser}})
		}},
		{"StageTargetGroups", func() error {
			return s.Generation(run).StageTargetGroups(ctx, []directory.TargetGroup{{GUID: guid(3, 1), DN: "CN=x", Members: []directory.MemberRef{{GUID: guid(4, 1)}}}})
		}},
		{"StageDueMembers", func() error { return s.Generation(run).StageDueMembers(ctx, started) }},
		{"ChangedJoins", func() error {
			_, err := s.Generation(run).ChangedJoins(ctx)
			return err
		}},
		{"GroupsWithMembers", func() error {
			_, err := s.Generation(run).GroupsWithMembers(ctx, []directory.GUID{guid(2, 1)})
			return err
		}},
		{"SaveResolutions", func() error {
			return s.Generation(run).SaveResolutions(ctx, []contract.Resolution{{MemberID: guid(2, 1), Reason: directory.ReasonNotFound}}, started)
		}},
		{"Spool", func() error {
			return s.Generation(run).Spool(ctx, []plan.Change{{Action: plan.Update, SourceID: group}})
		}},
		{"SaveLinks", func() error {
			return s.SaveLinks(ctx, []contract.Link{{SourceID: guid(1, 98), TargetGUID: guid(3, 98)}})
		}},
		{"Commit", func() error { return s.Generation(run).Commit(ctx, contract.Watermark{}, []directory.GUID{group}) }},
		{"PurgeRuns", func() error { return s.PurgeRuns(ctx, started.Add(time.Hour)) }},
	} {
		err := step.do()
		if note(step.name, err); err != nil {
			break
		}
	}
	return failed
}

// wantKnown checks that each error has one of the state's ids and says what to do.
func wantKnown(t *testing.T, failed map[string]error) {
	t.Helper()
	for name, err := range failed {
		e := contract.AsError(err)
		if e.ID == "InternalError" || e.Message == "" || e.Advice == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// sound returns a database with some content in every part.
func sound(t *testing.T) []byte {
	t.Helper()
	folder := loadFixture(t, "v2.sql")
	s, err := Open(context.Background(), folder)
	must(t, err)
	must(t, s.Close())
	content, err := os.ReadFile(filepath.Join(folder, databaseName))
	must(t, err)
	return content
}

func folderWith(t *testing.T, database []byte) string {
	t.Helper()
	folder := newFolder(t)
	must(t, os.Mkdir(folder, 0o700))
	must(t, os.WriteFile(filepath.Join(folder, databaseName), database, 0o600))
	return folder
}

func tablesOf(t *testing.T, folder string) (tables []string, columns map[string][][2]string) {
	t.Helper()
	db := openDatabase(filepath.Join(folder, databaseName), forReading)
	defer db.Close()
	rows, err := db.Query("SELECT m.name, c.name, c.type FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'")
	must(t, err)
	defer rows.Close()
	columns = map[string][][2]string{}
	for rows.Next() {
		var table, column, kind string
		must(t, rows.Scan(&table, &column, &kind))
		if columns[table] == nil {
			tables = append(tables, table)
		}
		columns[table] = append(columns[table], [2]string{column, kind})
	}
	must(t, rows.Err())
	return tables, columns
}

// alter changes a database in a way that the state never would.
func alter(t *testing.T, folder, statement string) {
	t.Helper()
	db := openDatabase(filepath.Join(folder, databaseName), "")
	defer db.Close()
	if _, err := db.Exec("PRAGMA foreign_keys = 0; PRAGMA ignore_check_constraints = 1; " + statement); err != nil && !strings.Contains(err.Error(), "UNIQUE") {
		t.Fatalf("%s: %v", statement, err)
	}
}

// TestDamageInTheTables: a missing table and values that the state never writes are
// reported as damage by whatever method finds them.
func TestDamageInTheTables(t *testing.T) {
	ctx := context.Background()
	content := sound(t)
	folder := folderWith(t, content)
	tables, columns := tablesOf(t, folder)
	if failed := everything(ctx, openState(t, folder)); len(failed) > 0 {
		t.Fatalf("in a sound state: %v", failed)
	}
	var damage []string
	for _, table := range tables {
		damage = append(damage, fmt.Sprintf("DROP TABLE %q", table))
		for _, c := range columns[table] {
			value := "x'0102030405'"
			switch c[1] {
			case "INTEGER":
				value = "9223372036854775807"
			case "TEXT":
				value = "'{no JSON, no time'"
			}
			damage = append(damage, fmt.Sprintf("UPDATE %q SET %q = %s", table, c[0], value))
		}
		last := columns[table][len(columns[table])-1][0]
		damage = append(damage, fmt.Sprintf("PRAGMA writable_schema = 1; UPDATE sqlite_master SET sql = replace(sql, '%s', 'was_%s') WHERE name = '%s'", last, last, table))
	}
	damage = append(damage, "PRAGMA user_version = 77", "PRAGMA user_version = 0", "PRAGMA application_id = 5")
	for _, statement := range damage {
		t.Run(statement, func(t *testing.T) {
			folder := folderWith(t, content)
			alter(t, folder, statement)
			s, err := Open(ctx, folder)
			if err != nil {
				wantKnown(t, map[string]error{"Open": err})
				return
			}
			wantKnown(t, everything(ctx, s))
			s.Close()
		})
	}
}

// TestDamagedPages: overwritten pages are reported as damage by whatever method reads
// them.
func TestDamagedPages(t *testing.T) {
	ctx := context.Background()
	whole := sound(t)
	random := rand.NewChaCha8([32]byte{2})
	const page = 4096
	for at := 0; at < len(whole); at += page {
		for _, kind := range []string{"zero", "random", "flip", "cut"} {
			t.Run(fmt.Sprint(kind, " ", at/page), func(t *testing.T) {
				content := append([]byte(nil), whole...)
				switch part := content[at:min(at+page, len(content))]; kind {
				case "zero":
					clear(part)
				case "random":
					random.Read(part)
				case "flip":
					for range 40 {
						part[random.Uint64()%uint64(len(part))] ^= 1 << (random.Uint64() % 8)
					}
				case "cut":
					content = content[:at]
				}
				s, err := Open(ctx, folderWith(t, content))
				if err != nil {
					wantKnown(t, map[string]error{"Open": err})
					return
				}
				wantKnown(t, everything(ctx, s))
				s.Close()
			})
		}
	}
}
