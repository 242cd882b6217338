package state

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// wholly are the statements of a delta run that may scan a whole staged table, because
// they ask about all groups.
var wholly = []string{
	"SELECT group_id, members FROM source_membership_chunk WHERE +generation IN", // GroupsWithMembers
}

// TestDeltaPlans: no statement of a delta run scans a whole table that grows with the
// tenant, or the whole generation below.
func TestDeltaPlans(t *testing.T) {
	ctx := context.Background()
	s := openState(t, filled(t))
	run := beginRun(t, s, contract.SyncRun, "")
	must(t, s.Generation(run).Overlay(ctx))
	people := randomMembers(1, 3)
	must(t, s.Generation(run).StageSourceGroups(ctx, []directory.SourceGroup{{ID: guid(1, 1)}}))
	must(t, s.Generation(run).StageMembers(ctx, []contract.MemberPage{{Group: guid(1, 1), Members: people, Last: true}}))
	must(t, s.Generation(run).StageGoneGroups(ctx, []directory.GUID{guid(1, 2)}))
	must(t, s.Generation(run).ChangeMembership(ctx, guid(1, 3), []contract.MemberChange{{ID: guid(2, 1)}, {ID: people[0].ID}, {ID: guid(2, 7777)}}))
	must(t, s.Generation(run).StageTargetGroups(ctx, []directory.TargetGroup{{GUID: guid(3, 1), Members: []directory.MemberRef{{GUID: guid(4, 1), DN: "x"}}}}))
	must(t, s.Generation(run).StageTargetWritten(ctx, directory.TargetGroup{GUID: guid(3, 1)}, []directory.MemberRef{{GUID: guid(4, 2), DN: "y"}}, nil))
	must(t, s.Generation(run).StageGoneTargets(ctx, []directory.GUID{guid(3, 2)}))
	must(t, s.Generation(run).StageKnownMembers(ctx, people))
	must(t, s.Generation(run).StageMembersAgain(ctx, []directory.GUID{people[1].ID}))
	must(t, s.Generation(run).StageDueMembers(ctx, started))
	must(t, s.Generation(run).SaveResolutions(ctx, []contract.Resolution{{MemberID: people[1].ID, Reason: directory.ReasonNotFound}}, started))
	must(t, s.SaveLinks(ctx, []contract.Link{{SourceID: guid(1, 1), TargetGUID: guid(3, 1)}}))
	must(t, s.Generation(run).Spool(ctx, []plan.Change{{Action: plan.UpdateMembers, SourceID: guid(1, 1), TargetGUID: guid(3, 1), Add: []directory.GUID{guid(4, 1)}}}))
	changes, err := s.Generation(run).Planned(ctx, plan.PhaseMembers, 0, 10)
	must(t, err)
	must(t, s.Generation(run).RecordOutcomes(ctx, []contract.ChangeOutcome{{ChangeID: changes[0].ID, Outcome: contract.OutcomeDone, Link: &contract.Link{SourceID: guid(1, 1), TargetGUID: guid(3, 1)},
		Refused: []contract.Refusal{{GUID: guid(4, 1)}}, Unlink: guid(3, 8)}}))
	_, _, err = s.LastComplete(ctx)
	must(t, err)
	must(t, s.PurgeRuns(ctx, started.AddDate(1, 0, 0)))
	for _, err := range []error{
		second(s.Generation(run).UnreadMembers(ctx, directory.GUID{}, 10)), second(s.Generation(run).UnresolvedMembers(ctx, directory.GUID{}, 10)),
		second(s.Generation(run).SourceGroups(ctx, directory.GUID{}, 10)), second(s.Generation(run).IncompleteGroups(ctx, directory.GUID{}, 10)),
		second(s.Generation(run).TargetGroups(ctx, contract.TargetKey{}, 10)), second(s.Generation(run).UnstagedLinks(ctx, directory.GUID{}, 10)),
		second(s.Generation(run).Notes(ctx, contract.NoteGroup, directory.GUID{}, 10)), second(s.Generation(run).ReportedGroups(ctx, started, directory.GUID{}, 10)),
		second(s.Generation(run).ChangedJoins(ctx)), second(s.Generation(run).GroupsWithMembers(ctx, []directory.GUID{people[0].ID})),
		second(s.Generation(run).MembersAmong(ctx, guid(1, 1), []directory.GUID{people[0].ID})),
		second(s.Generation(run).MembersJoinedTo(ctx, []directory.GUID{guid(4, 1)})),
		second(s.Generation(run).SourceMembership(ctx, guid(1, 1))), second(s.Generation(run).StagedUnwritten(ctx, guid(1, 1), 10)), second(s.Generation(run).TargetMembership(ctx, guid(3, 1))),
		second(s.Generation(run).Candidates(ctx, guid(1, 1))), second(s.Generation(run).StagedTargets(ctx, []directory.GUID{guid(3, 1)})),
		second(s.LinksOf(ctx, []directory.GUID{guid(1, 1)})), second(s.LinksTo(ctx, []directory.GUID{guid(3, 1)})),
		second(s.Generation(run).MemberRefs(ctx, []directory.GUID{guid(4, 1)})), second(s.Pending(ctx)), second(s.Watermark(ctx)),
		s.Generation(run).StillRunning(ctx), s.Unlink(ctx, guid(3, 9)),
		s.Generation(run).Commit(ctx, contract.Watermark{}, []directory.GUID{guid(1, 1)}),
	} {
		must(t, err)
	}
	if _, _, err := s.Generation(run).SourceGroup(ctx, guid(1, 1)); err != nil {
		t.Error(err)
	}

	statements := map[string]bool{}
	for query := range s.writer.statements {
		statements[query] = true
	}
	for range maxReaders {
		q := <-s.readers
		for query := range q.statements {
			statements[query] = true
		}
		defer func() { s.readers <- q }()
	}
	whole := regexp.MustCompile(`^SCAN (source_group|source_membership|source_membership_chunk|target_group|target_membership_chunk|member_group_chunk|member|member_join|target_object|link|change|s|t|j|m|o|b|l)\b`)
	checked := 0
	for query := range statements {
		if slices.ContainsFunc(wholly, func(w string) bool { return strings.HasPrefix(query, w) }) || strings.HasPrefix(query, "PRAGMA") ||
			slices.Contains([]string{"BEGIN", "BEGIN IMMEDIATE", "COMMIT", "ROLLBACK"}, query) {
			continue
		}
		checked++
		for _, step := range queryPlan(t, s, query) {
			// A list that is sorted for each page is read wholly for each page. What an
			// argument lists is short.
			sorted := strings.Contains(query, "LIMIT ?") && !strings.Contains(query, "json_each(?)") && strings.HasPrefix(step, "USE TEMP B-TREE")
			if sorted || whole.MatchString(step) {
				t.Errorf("%s\n\t%s", query, step)
			}
		}
	}
	// A merge finds the rows that it replaces by the overlay's objects.
	for _, query := range merging {
		table, replaces := strings.CutPrefix(query, "DELETE FROM ")
		if table, _, _ = strings.Cut(table, " WHERE generation = ?2"); !replaces || !strings.Contains(query, "?2") {
			continue
		}
		if step := queryPlan(t, s, query)[0]; !regexp.MustCompile(`^SEARCH ` + table + ` .*\((\w+=\? AND generation=\?|generation=\? AND \w+=\?)`).MatchString(step) {
			t.Errorf("%s\n\t%s", query, step)
		}
	}
	if checked < 60 {
		t.Errorf("only %d statements were looked at", checked)
	}
}

func second[T any](_ T, err error) error { return err }

func queryPlan(t *testing.T, s *State, query string) (steps []string) {
	t.Helper()
	numbered := regexp.MustCompile(`\?\d+`)
	var args []any
	for range max(strings.Count(query, "?"), 1) {
		args = append(args, nil)
	}
	if found := numbered.FindAllString(query, -1); found != nil {
		slices.Sort(found)
		args = args[:len(slices.Compact(found))]
	} else {
		args = args[:strings.Count(query, "?")]
	}
	err := s.write(context.Background(), "explain", func(q *session) error {
		rows, err := q.conn.QueryContext(context.Background(), "EXPLAIN QUERY PLAN "+query, args...)
		if err != nil {
			return fmt.Errorf("%s: %w", query, err)
		}
		defer rows.Close()
		for rows.Next() {
			var id, parent, unused sql.NullInt64
			var detail string
			if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
				return err
			}
			steps = append(steps, detail)
		}
		return rows.Err()
	})
	must(t, err)
	return steps
}
