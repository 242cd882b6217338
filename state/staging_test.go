package state

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// collect lists everything in pages of n.
func collect[T any](t testing.TB, n int, list func(after directory.GUID, limit int) ([]T, error), key func(T) directory.GUID) (all []T) {
	t.Helper()
	for after := (directory.GUID{}); ; {
		page, err := list(after, n)
		must(t, err)
		if len(page) > n {
			t.Fatalf("%d elements, %d were asked for", len(page), n)
		}
		all = append(all, page...)
		if len(page) < n {
			return all
		}
		after = key(page[n-1])
	}
}

func itself(g directory.GUID) directory.GUID { return g }

func TestSourceGroups(t *testing.T) {
	ctx := context.Background()
	s := newState(t)
	one, two := beginRun(t, s, contract.SyncRun, ""), beginRun(t, s, contract.SyncRun, "")
	want := []directory.SourceGroup{
		{ID: guid(1, 1), Properties: directory.Values{"displayName": {"A"}, "description": {"line\nfeed"}, "mail": {"a@contoso.test"}}, Visibility: directory.HiddenMembership, OnPremisesSID: "S-1-5-21-1"},
		{ID: guid(1, 2), Properties: directory.Values{"displayName": {"'; DROP TABLE run; --"}}},
		{ID: guid(1, 3), Properties: directory.Values{"displayName": {"nul \x00 and 🙂"}}},
	}
	must(t, s.Generation(one).StageSourceGroups(ctx, []directory.SourceGroup{want[2], want[0], {ID: guid(1, 2), Properties: directory.Values{"displayName": {"before"}}}}))
	must(t, s.Generation(one).StageSourceGroups(ctx, want[1:2]))
	must(t, s.Generation(two).StageSourceGroups(ctx, []directory.SourceGroup{{ID: guid(1, 2), Properties: directory.Values{"displayName": {"another run's"}}}}))
	for n := 1; n < 5; n++ {
		got := collect(t, n, func(after directory.GUID, limit int) ([]directory.SourceGroup, error) {
			return s.Generation(one).SourceGroups(ctx, after, limit)
		},
			func(g directory.SourceGroup) directory.GUID { return g.ID })
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
}

func TestMemberships(t *testing.T) {
	ctx := context.Background()
	s := newState(t)
	run := beginRun(t, s, contract.SyncRun, "")
	groups := []directory.GUID{guid(1, 0), guid(1, 1), guid(1, 2), guid(1, 3), guid(1, 4)}
	var staged []directory.SourceGroup
	for _, g := range groups {
		staged = append(staged, directory.SourceGroup{ID: g})
	}
	must(t, s.Generation(run).StageSourceGroups(ctx, staged))
	user := func(n uint32) directory.SourceMember {
		return directory.SourceMember{ID: guid(2, n), Kind: directory.KindUser, Name: fmt.Sprint("user", n), Readable: true, Synced: true, SID: "S-1-5-21-1-2-3-4", ImmutableID: "x"}
	}
	limited := func(n uint32) directory.SourceMember {
		return directory.SourceMember{ID: guid(2, n), Kind: directory.KindUser}
	}
	must(t, s.Generation(run).StageMembers(ctx, []contract.MemberPage{
		{Group: groups[0], Members: []directory.SourceMember{user(5), user(3), limited(9)}},
		{Group: groups[1], Members: []directory.SourceMember{user(3), user(4), user(7), user(8)}, Last: true},
		{Group: groups[0], Members: []directory.SourceMember{user(1), user(3)}, Last: true},
		{Group: groups[2], Members: []directory.SourceMember{user(1)}},
		{Group: groups[2], Err: fmt.Errorf("reading: %w", &contract.Error{ID: "GraphForbidden"})},
		{Group: groups[2], Last: true},
		{Group: groups[3], Members: []directory.SourceMember{user(1)}},
	}))
	// Of a member that is read twice, the readable reading counts.
	must(t, s.Generation(run).StageMembers(ctx, []contract.MemberPage{{Group: groups[3], Members: []directory.SourceMember{user(9), limited(1)}}}))

	unresolved := func() []directory.SourceMember {
		return byID(collect(t, 2, func(after directory.GUID, limit int) ([]directory.SourceMember, error) {
			return s.Generation(run).UnresolvedMembers(ctx, after, limit)
		}, idOf))
	}
	if diff := cmp.Diff([]directory.SourceMember{user(1), user(3), user(4), user(5), user(7), user(8), user(9)}, unresolved()); diff != "" {
		t.Error(diff)
	}
	m, err := s.Generation(run).SourceMembership(ctx, groups[0])
	must(t, err)
	if m.Unknown() != 4 || len(m.Joined) != 0 || m.Incomplete != "" {
		t.Errorf("before resolving: %+v", m)
	}

	joined := func(n, to uint32) contract.Resolution {
		return contract.Resolution{MemberID: guid(2, n), Ref: directory.MemberRef{GUID: guid(4, to), DN: fmt.Sprintf("CN=user %d,DC=contoso,DC=test", to)}}
	}
	must(t, s.Generation(run).SaveResolutions(ctx, []contract.Resolution{
		joined(1, 11), joined(3, 10), joined(5, 9), joined(4, 10), // 3 and 4 are the same object
		{MemberID: guid(2, 7), Reason: directory.ReasonCloudOnly}, {MemberID: guid(2, 8), Reason: directory.ReasonGCUnavailable},
	}, started))
	must(t, s.Generation(run).SaveResolutions(ctx, []contract.Resolution{joined(8, 1), {MemberID: guid(2, 5), Reason: directory.ReasonNotFound}}, started)) // looked up again
	if diff := cmp.Diff([]directory.SourceMember{user(9)}, unresolved()); diff != "" {
		t.Error(diff)
	}
	for i, want := range []plan.Membership{
		{Joined: []directory.GUID{guid(4, 10), guid(4, 11)}, Unwritten: map[directory.Reason]int{directory.ReasonNotFound: 1, directory.ReasonUnresolved: 1}},
		{Joined: []directory.GUID{guid(4, 1), guid(4, 10)}, Unwritten: map[directory.Reason]int{directory.ReasonCloudOnly: 1}},
		{Joined: []directory.GUID{guid(4, 11)}, Incomplete: "GraphForbidden"},
		{Joined: []directory.GUID{guid(4, 11)}, Unwritten: map[directory.Reason]int{directory.ReasonUnresolved: 1}, Incomplete: notReadToEnd},
		{Joined: []directory.GUID{}, Incomplete: notReadToEnd},
	} {
		got, err := s.Generation(run).SourceMembership(ctx, groups[i])
		must(t, err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("group %d: %s", i, diff)
		}
	}
	incomplete := collect(t, 1, func(after directory.GUID, limit int) ([]directory.GUID, error) {
		return s.Generation(run).IncompleteGroups(ctx, after, limit)
	}, itself)
	if diff := cmp.Diff(groups[2:], incomplete); diff != "" {
		t.Error(diff)
	}
	refs, err := s.Generation(run).MemberRefs(ctx, []directory.GUID{guid(4, 11), guid(4, 99), guid(4, 1)})
	must(t, err)
	if diff := cmp.Diff([]directory.MemberRef{{GUID: guid(4, 11), DN: "CN=user 11,DC=contoso,DC=test"}, {GUID: guid(4, 99)}, {GUID: guid(4, 1), DN: "CN=user 1,DC=contoso,DC=test"}}, refs); diff != "" {
		t.Error(diff)
	}

	// A mistake of the caller changes nothing.
	for _, wrong := range []contract.Resolution{{MemberID: guid(2, 99), Reason: directory.ReasonGuest}, {MemberID: guid(2, 1)}} {
		err := s.Generation(run).SaveResolutions(ctx, []contract.Resolution{{MemberID: guid(2, 9), Reason: directory.ReasonGuest}, wrong}, started)
		wantID(t, err, "InternalError")
	}
	if len(unresolved()) != 1 {
		t.Error("a failed call stored something")
	}
}

// TestMembershipsAreSets: memberships that arrive in pages of any size and with
// duplicates are returned as ascending sets of objects.
func TestMembershipsAreSets(t *testing.T) {
	ctx := context.Background()
	s := newState(t)
	rapid.Check(t, func(r *rapid.T) {
		run := beginRun(t, s, contract.PreviewRun, "")
		type expectation struct {
			joined    map[directory.GUID]bool
			unwritten map[directory.Reason]int
			target    map[directory.GUID]bool
			complete  bool
		}
		resolve := func(n uint32) contract.Resolution {
			if n%5 == 0 {
				return contract.Resolution{MemberID: guid(2, n), Reason: directory.ReasonGuest}
			}
			return contract.Resolution{MemberID: guid(2, n), Ref: directory.MemberRef{GUID: guid(4, 100000-n/2*2), DN: "x"}} // two members share an object
		}
		expected := map[directory.GUID]*expectation{}
		members := map[uint32]bool{}
		var pages []contract.MemberPage
		var targets []directory.TargetGroup
		for g := range rapid.Uint32Range(1, 3).Draw(r, "groups") {
			e := &expectation{joined: map[directory.GUID]bool{}, unwritten: map[directory.Reason]int{}, target: map[directory.GUID]bool{}, complete: rapid.Bool().Draw(r, "complete")}
			expected[guid(1, g)] = e
			in := map[uint32]bool{}
			counts := rapid.SliceOfN(rapid.IntRange(0, 1100), 0, 3).Draw(r, "pages")
			for i, count := range counts {
				page := contract.MemberPage{Group: guid(1, g), Last: e.complete && i == len(counts)-1}
				start, step := rapid.Uint32Range(0, 5000).Draw(r, "start"), rapid.Uint32Range(1, 3000).Draw(r, "step")
				for i := range uint32(count) {
					n := (start + i*step) % 5003
					page.Members = append(page.Members, directory.SourceMember{ID: guid(2, n), Kind: directory.KindUser, Readable: true})
					members[n], in[n] = true, true
				}
				pages = append(pages, page)
			}
			e.complete = e.complete && len(counts) > 0
			for n := range in {
				if res := resolve(n); res.Reason == directory.ReasonJoined {
					e.joined[res.Ref.GUID] = true
				} else {
					e.unwritten[res.Reason]++
				}
			}
			target := directory.TargetGroup{GUID: guid(1, g)}
			count, step := rapid.Uint32Range(0, 1500).Draw(r, "target"), rapid.Uint32Range(1, 3000).Draw(r, "step")
			for i := range count {
				n := i * step % 2003
				target.Members = append(target.Members, directory.MemberRef{GUID: guid(4, n), DN: "y"})
				e.target[guid(4, n)] = true
			}
			targets = append(targets, target)
		}
		// Pages of different groups mix, but the last page of each group stays last.
		order := rapid.Permutation(pages).Draw(r, "order")
		slices.SortStableFunc(order, func(a, b contract.MemberPage) int {
			switch {
			case a.Last == b.Last:
				return 0
			case b.Last:
				return -1
			}
			return 1
		})
		for chunk := range slices.Chunk(order, 2) {
			must(t, s.Generation(run).StageMembers(ctx, chunk))
		}
		must(t, s.Generation(run).StageTargetGroups(ctx, targets))
		var resolutions []contract.Resolution
		for n := range members {
			resolutions = append(resolutions, resolve(n))
		}
		must(t, s.Generation(run).SaveResolutions(ctx, resolutions, started))

		for g, e := range expected {
			m, err := s.Generation(run).SourceMembership(ctx, g)
			must(t, err)
			if diff := cmp.Diff(sortedKeys(e.joined), m.Joined, wholeGUIDs); diff != "" {
				t.Fatal(diff)
			}
			if len(e.unwritten) > 0 && !maps.Equal(e.unwritten, m.Unwritten) || (m.Incomplete == "") != e.complete {
				t.Fatalf("%+v, want %+v", m, e)
			}
			got, err := s.Generation(run).TargetMembership(ctx, g)
			must(t, err)
			if diff := cmp.Diff(sortedKeys(e.target), append([]directory.GUID{}, got...), wholeGUIDs); diff != "" {
				t.Fatal(diff)
			}
		}
		must(t, s.Generation(run).Discard(ctx))
	})
}

func sortedKeys(set map[directory.GUID]bool) []directory.GUID {
	return slices.AppendSeq([]directory.GUID{}, slices.Values(slices.SortedFunc(maps.Keys(set), directory.GUID.Compare)))
}

func TestTargetGroups(t *testing.T) {
	ctx := context.Background()
	s := newState(t)
	run := beginRun(t, s, contract.SyncRun, "")
	full := directory.TargetGroup{GUID: guid(3, 5), DN: "CN=a\\0ACNF:x,DC=contoso,DC=test", CN: "a\nCNF:x", SAMAccountName: "a", SID: "S-1-5-21-1-2-3-4", GroupType: -2147483640,
		Attributes: directory.Values{"displayName": {"A"}, "description": {"d"}, "mail": {"a@contoso.test"}}, AdminDesc: directory.Mark(guid(1, 2)), ExternalID: directory.Mark(guid(1, 2)),
		ExtensionName: []string{"x", "GroupWriteback:y"}, USNChanged: 1 << 40}
	must(t, s.Generation(run).StageTargetGroups(ctx, []directory.TargetGroup{
		full,
		{GUID: guid(3, 1), AdminDesc: directory.Mark(guid(1, 9))},
		{GUID: guid(3, 2), AdminDesc: directory.Mark(guid(1, 2))},
		{GUID: guid(3, 4), AdminDesc: "no mark"},
		{GUID: guid(3, 3), AdminDesc: directory.Mark(guid(1, 1)), ExternalID: directory.Mark(guid(1, 2))}, // two different marks
	}))
	// A link takes precedence over the mark, before and after staging.
	must(t, s.SaveLinks(ctx, []contract.Link{{SourceID: guid(1, 1), TargetGUID: guid(3, 1), Adopted: true}}))
	keys := func() (keys []string) {
		for after := (contract.TargetKey{}); ; {
			page, err := s.Generation(run).TargetGroups(ctx, after, 2)
			must(t, err)
			for _, g := range page {
				keys = append(keys, fmt.Sprintf("%d:%d linked=%t adopted=%t", g.SourceID[7], g.GUID[7], g.Linked, g.Adopted))
			}
			if len(page) < 2 {
				return keys
			}
			after = contract.TargetKey{SourceID: page[1].SourceID, GUID: page[1].GUID}
		}
	}
	if diff := cmp.Diff([]string{"0:3 linked=false adopted=false", "0:4 linked=false adopted=false", "1:1 linked=true adopted=true", "2:2 linked=false adopted=false", "2:5 linked=false adopted=false"}, keys()); diff != "" {
		t.Error(diff)
	}
	// If the link is replaced, its object falls back to its mark.
	must(t, s.SaveLinks(ctx, []contract.Link{{SourceID: guid(1, 1), TargetGUID: guid(3, 4)}}))
	must(t, s.Generation(run).StageTargetGroups(ctx, []directory.TargetGroup{{GUID: guid(3, 4), AdminDesc: "still no mark"}}))
	if diff := cmp.Diff([]string{"0:3 linked=false adopted=false", "1:4 linked=true adopted=false", "2:2 linked=false adopted=false", "2:5 linked=false adopted=false", "9:1 linked=false adopted=false"}, keys()); diff != "" {
		t.Error(diff)
	}
	all, err := s.Generation(run).TargetGroups(ctx, contract.TargetKey{SourceID: guid(1, 2), GUID: guid(3, 2)}, 1)
	must(t, err)
	if diff := cmp.Diff([]contract.StagedTarget{{SourceID: guid(1, 2), TargetGroup: full}}, all); diff != "" {
		t.Error(diff)
	}

	// An object that is gone leaves nothing behind.
	must(t, s.SetDisableSet(ctx, []contract.Link{{TargetGUID: guid(3, 4)}, {TargetGUID: guid(3, 5)}}))
	must(t, s.Unlink(ctx, guid(3, 4)))
	if diff := cmp.Diff([]string{"0:3 linked=false adopted=false", "2:2 linked=false adopted=false", "2:5 linked=false adopted=false", "9:1 linked=false adopted=false"}, keys()); diff != "" {
		t.Error(diff)
	}
	if n, err := s.CountLinks(ctx); n != 0 || err != nil {
		t.Errorf("%d links, %v", n, err)
	}
	if n, err := s.CountDisableSet(ctx); n != 1 || err != nil {
		t.Errorf("%d to be deleted, %v", n, err)
	}
}

func TestTargetStagedTwiceIsReplaced(t *testing.T) {
	ctx := context.Background()
	s := newState(t)
	run := beginRun(t, s, contract.SyncRun, "")
	group := directory.TargetGroup{GUID: guid(3, 1)}
	for n := range uint32(3000) {
		group.Members = append(group.Members, directory.MemberRef{GUID: guid(4, n), DN: "before"})
	}
	must(t, s.Generation(run).StageTargetGroups(ctx, []directory.TargetGroup{group}))
	group.Members = []directory.MemberRef{{GUID: guid(4, 7), DN: "after"}, {DN: "an object without a GUID"}}
	must(t, s.Generation(run).StageTargetGroups(ctx, []directory.TargetGroup{group}))
	got, err := s.Generation(run).TargetMembership(ctx, group.GUID)
	must(t, err)
	if diff := cmp.Diff([]directory.GUID{guid(4, 7)}, got); diff != "" {
		t.Error(diff)
	}
	refs, err := s.Generation(run).MemberRefs(ctx, []directory.GUID{guid(4, 7), guid(4, 8)})
	must(t, err)
	if refs[0].DN != "after" || refs[1].DN != "before" {
		t.Errorf("%+v", refs)
	}
}

func TestGenerations(t *testing.T) {
	ctx := context.Background()
	s := newState(t)
	stage := func(run int64, name string) {
		must(t, s.Generation(run).StageSourceGroups(ctx, []directory.SourceGroup{{ID: guid(1, 1), Properties: directory.Values{"displayName": {name}}}}))
		must(t, s.Generation(run).StageMembers(ctx, []contract.MemberPage{{Group: guid(1, 1), Last: true, Members: []directory.SourceMember{{ID: guid(2, uint32(run))}, {ID: guid(2, 100)}}}}))
		must(t, s.Generation(run).StageTargetGroups(ctx, []directory.TargetGroup{{GUID: guid(3, 1), Members: []directory.MemberRef{{GUID: guid(4, 1), DN: name}}}}))
	}
	seen := func() string {
		views, err := s.Groups(ctx, contract.GroupFilter{ID: guid(1, 1)}, directory.GUID{}, 10)
		must(t, err)
		if len(views) == 0 {
			return ""
		}
		return views[0].DisplayName
	}
	if current, err := s.Current(ctx); current != 0 || err != nil {
		t.Fatalf("a new state has generation %d, %v", current, err)
	}
	first := beginRun(t, s, contract.SyncRun, "")
	stage(first, "first")
	if seen() != "" {
		t.Error("what was not committed is seen")
	}
	mark := contract.Watermark{Server: "dc1", DSServiceName: "CN=NTDS Settings", InvocationID: guid(7, 7), HighestUSN: 1 << 50, SearchedUSN: 1 << 49,
		Source:  []contract.DeltaLinks{{Groups: "https://g/1", Users: "https://u/1", Taken: started}, {Groups: "https://g/0", Users: "https://u/0", Taken: started.Add(-time.Hour)}},
		Initial: started, Settled: true, Scope: "all"}
	must(t, s.Generation(first).Commit(ctx, mark, nil))
	endRun(t, s, first, contract.RunComplete)
	got, err := s.Watermark(ctx)
	must(t, err)
	if diff := cmp.Diff(mark, got); diff != "" {
		t.Error(diff)
	}
	preview := beginRun(t, s, contract.PreviewRun, "")
	stage(preview, "preview")
	if seen() != "first" {
		t.Error("a preview is seen")
	}
	must(t, s.Generation(preview).Discard(ctx))
	endRun(t, s, preview, contract.RunComplete)
	wantID(t, s.Generation(first).Discard(ctx), "InternalError")
	if seen() != "first" {
		t.Error("the current generation is gone")
	}
	second := beginRun(t, s, contract.SyncRun, "")
	stage(second, "second")
	must(t, s.Generation(second).Commit(ctx, contract.Watermark{}, nil))
	endRun(t, s, second, contract.RunComplete)
	if seen() != "second" {
		t.Error("the new generation is not seen")
	}
	last, ok, err := s.LastComplete(ctx)
	if err != nil || !ok || last.ID != second {
		t.Errorf("last complete: %+v %t %v", last, ok, err)
	}
	wantID(t, s.Generation(99).Commit(ctx, contract.Watermark{}, nil), "RunNotFound")

	// Only what the second run staged is left, including members.
	for table, want := range map[string]int{"source_group": 1, "source_membership": 1, "source_membership_chunk": 1, "target_group": 1, "target_membership_chunk": 1, "member_join": 2, "member": 3, "member_group_chunk": 1} {
		if got := countRows(t, s, table); got != want {
			t.Errorf("%s has %d rows, want %d", table, got, want)
		}
	}
}

func countRows(t testing.TB, s *State, table string) (n int) {
	t.Helper()
	n, err := s.count(context.Background(), "count", "SELECT count(*) FROM "+table)
	must(t, err)
	return n
}

// TestRemovalInPortions removes more rows than one transaction can, under one key and
// under many.
func TestRemovalInPortions(t *testing.T) {
	ctx := context.Background()
	s := newState(t)
	run := beginRun(t, s, contract.SyncRun, "")
	must(t, s.write(ctx, "fill", func(q *session) error {
		for n := range uint32(3 * removalPortion) {
			id := guid(1, n)
			if _, err := q.exec("INSERT INTO source_membership (group_id, generation, incomplete) VALUES (?, ?, '')", id[:], run+int64(n%2)); err != nil {
				return err
			}
			if _, err := q.exec("INSERT INTO source_membership_chunk (group_id, generation, first, members) VALUES (?, ?, ?, x'')", make([]byte, 16), run, packNumbers([]uint32{n})); err != nil {
				return err
			}
		}
		return nil
	}))
	must(t, s.Generation(run).Discard(ctx))
	if got := countRows(t, s, "source_membership"); got != 3*removalPortion/2 {
		t.Errorf("%d rows are left", got)
	}
	if got := countRows(t, s, "source_membership_chunk"); got != 0 {
		t.Errorf("%d chunks are left", got)
	}
}

func TestRuns(t *testing.T) {
	ctx := context.Background()
	s := newState(t)
	unlock, err := s.Lock(ctx)
	must(t, err)
	defer unlock()
	run := contract.Run{Kind: contract.SyncRun, PolicyType: contract.Initial, PlanID: "plan", Started: started, Server: "dc1"}
	id, err := s.BeginRun(ctx, run)
	must(t, err)
	got, err := s.Run(ctx, id)
	must(t, err)
	run.ID, run.Status = id, contract.RunRunning
	if diff := cmp.Diff(run, got); diff != "" {
		t.Error(diff)
	}
	run.Status, run.StopReason, run.Message, run.Ended = contract.RunStopped, contract.StopDeletionThreshold, "too many", started.Add(time.Hour)
	run.Error = &contract.RunError{Category: contract.LimitsExceeded, ID: "X", Message: "m"}
	run.Planned = plan.Totals{Delete: 501}
	must(t, s.SaveRun(ctx, run))
	if got, err = s.RunByPlan(ctx, "plan"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(run, got); diff != "" {
		t.Error(diff)
	}
	for range 4 {
		endRun(t, s, beginRun(t, s, contract.PreviewRun, ""), contract.RunComplete)
	}
	runs, err := s.Runs(ctx, 0, 2)
	must(t, err)
	rest, err := s.Runs(ctx, runs[1].ID, 10)
	must(t, err)
	var ids []int64
	for _, r := range append(runs, rest...) {
		ids = append(ids, r.ID)
	}
	if diff := cmp.Diff([]int64{5, 4, 3, 2, 1}, ids); diff != "" {
		t.Error(diff)
	}

	_, err = s.Run(ctx, 99)
	wantID(t, err, "RunNotFound")
	wantID(t, s.SaveRun(ctx, contract.Run{ID: 99}), "RunNotFound")
	_, err = s.RunByPlan(ctx, "")
	wantID(t, err, "PlanNotFound")
	wantID(t, s.UsePlan(ctx, ""), "PlanNotFound")
	wantID(t, s.CheckPlan(ctx, ""), "PlanNotFound")
	must(t, s.CheckPlan(ctx, "plan"))
	must(t, s.UsePlan(ctx, "plan"))
	wantID(t, s.CheckPlan(ctx, "plan"), "PlanAlreadyUsed")
	wantID(t, s.UsePlan(ctx, "plan"), "PlanAlreadyUsed")
	if _, ok, err := s.LastComplete(ctx); ok || err != nil {
		t.Errorf("nothing was committed: %t, %v", ok, err)
	}
}

func TestPurgeRuns(t *testing.T) {
	ctx := context.Background()
	s := newState(t)
	begin := func(kind contract.RunKind, day int, end contract.RunStatus) int64 {
		id, err := s.BeginRun(ctx, contract.Run{Kind: kind, Started: started.AddDate(0, 0, day)})
		must(t, err)
		must(t, s.Generation(id).Spool(ctx, []plan.Change{{Action: plan.Create, Add: []directory.GUID{guid(4, 1)}}}))
		must(t, s.Generation(id).StageTargetGroups(ctx, []directory.TargetGroup{{GUID: guid(3, uint32(id)), Members: []directory.MemberRef{{GUID: guid(4, uint32(id)), DN: "x"}}}}))
		endRun(t, s, id, end)
		return id
	}
	committed := begin(contract.SyncRun, 0, contract.RunRunning)
	must(t, s.Generation(committed).Commit(ctx, contract.Watermark{}, nil))
	endRun(t, s, committed, contract.RunComplete)
	begin(contract.SyncRun, 1, contract.RunFailed)
	begin(contract.PreviewRun, 1, contract.RunFailed)
	recent := begin(contract.SyncRun, 5, contract.RunFailed)
	must(t, s.PurgeRuns(ctx, started.AddDate(0, 0, 5)))
	runs, err := s.Runs(ctx, 0, 10)
	must(t, err)
	if len(runs) != 2 || runs[0].ID != recent || runs[1].ID != committed {
		t.Errorf("left: %+v", runs)
	}
	for table, want := range map[string]int{"change": 2, "change_member_chunk": 2, "target_group": 2, "target_membership_chunk": 2, "target_object": 4} {
		if got := countRows(t, s, table); got != want {
			t.Errorf("%s has %d rows, want %d", table, got, want)
		}
	}
	next := beginRun(t, s, contract.SyncRun, "")
	if next != recent+1 {
		t.Errorf("the id after purging is %d", next)
	}
	must(t, s.Generation(next).Commit(ctx, contract.Watermark{}, nil))
	endRun(t, s, next, contract.RunComplete)
	must(t, s.PurgeRuns(ctx, started.AddDate(0, 0, 6)))
	must(t, s.Generation(beginRun(t, s, contract.SyncRun, "")).Commit(ctx, contract.Watermark{}, nil))
	if got := countRows(t, s, "target_object"); got != 0 {
		t.Errorf("%d names of members are left that no run has seen", got)
	}
}

func TestLinks(t *testing.T) {
	ctx := context.Background()
	s := newState(t)
	link := func(source, target uint32) contract.Link {
		return contract.Link{SourceID: guid(1, source), TargetGUID: guid(3, target), DN: fmt.Sprint("CN=", target), Adopted: target%2 == 0}
	}
	list := func() []contract.Link {
		return collect(t, 2, func(after directory.GUID, limit int) ([]contract.Link, error) { return s.Links(ctx, after, limit) },
			func(l contract.Link) directory.GUID { return l.TargetGUID })
	}
	must(t, s.SaveLinks(ctx, []contract.Link{link(1, 4), link(2, 3), link(3, 2)}))
	must(t, s.SaveLinks(ctx, []contract.Link{link(1, 4), link(2, 5)})) // group 2 has another object now
	if diff := cmp.Diff([]contract.Link{link(3, 2), link(1, 4), link(2, 5)}, list()); diff != "" {
		t.Error(diff)
	}
	must(t, s.SaveLinks(ctx, []contract.Link{link(9, 4)})) // the object stands for another group now
	if diff := cmp.Diff([]contract.Link{link(3, 2), link(9, 4), link(2, 5)}, list()); diff != "" {
		t.Error(diff)
	}
	wantID(t, s.SaveLinks(ctx, []contract.Link{{SourceID: guid(1, 1)}}), "InternalError")

	run := beginRun(t, s, contract.SyncRun, "")
	must(t, s.Generation(run).StageTargetGroups(ctx, []directory.TargetGroup{{GUID: guid(3, 4)}}))
	unstaged := collect(t, 1, func(after directory.GUID, limit int) ([]contract.Link, error) {
		return s.Generation(run).UnstagedLinks(ctx, after, limit)
	},
		func(l contract.Link) directory.GUID { return l.TargetGUID })
	if diff := cmp.Diff([]contract.Link{link(3, 2), link(2, 5)}, unstaged); diff != "" {
		t.Error(diff)
	}

	must(t, s.SetDisableSet(ctx, []contract.Link{link(1, 1)}))
	must(t, s.SetDisableSet(ctx, []contract.Link{link(3, 2), link(2, 5)}))
	must(t, s.Unlink(ctx, guid(3, 2)))
	set, err := s.DisableSet(ctx, directory.GUID{}, 10)
	must(t, err)
	if diff := cmp.Diff([]contract.Link{link(2, 5)}, set); diff != "" {
		t.Error(diff)
	}
	must(t, s.SetDisableSet(ctx, nil))
	if n, err := s.CountDisableSet(ctx); n != 0 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}

func TestErrorOfAPageWithoutID(t *testing.T) {
	ctx := context.Background()
	s := newState(t)
	run := beginRun(t, s, contract.SyncRun, "")
	must(t, s.Generation(run).StageMembers(ctx, []contract.MemberPage{{Group: guid(1, 1), Err: errors.New("cut off")}}))
	m, err := s.Generation(run).SourceMembership(ctx, guid(1, 1))
	must(t, err)
	if m.Incomplete != "InternalError" {
		t.Errorf("%+v", m)
	}
}

// TestSuperseded: a run that another process took for dead can neither commit nor
// overwrite its record.
func TestSuperseded(t *testing.T) {
	ctx := context.Background()
	s := newState(t)
	first := beginRun(t, s, contract.SyncRun, "")
	must(t, s.Generation(first).StillRunning(ctx))
	must(t, s.Generation(first).Commit(ctx, contract.Watermark{HighestUSN: 1}, []directory.GUID{guid(1, 2), guid(1, 1)}))
	endRun(t, s, first, contract.RunComplete)
	wantID(t, s.Generation(first).StillRunning(ctx), "RunSuperseded")

	asleep := beginRun(t, s, contract.SyncRun, "")
	must(t, s.Generation(asleep).Overlay(ctx))
	must(t, s.Generation(asleep).StageSourceGroups(ctx, []directory.SourceGroup{{ID: guid(1, 1)}}))
	record, err := s.Run(ctx, asleep)
	must(t, err)
	other := openState(t, s.folder)
	newer := beginRun(t, other, contract.SyncRun, "")
	for _, state := range []*State{s, other} {
		wantID(t, state.Generation(asleep).StillRunning(ctx), "RunSuperseded")
		must(t, state.Generation(newer).StillRunning(ctx))
	}
	wantID(t, s.Generation(asleep).Commit(ctx, contract.Watermark{HighestUSN: 2}, nil), "RunSuperseded")
	record.Status = contract.RunComplete
	must(t, s.SaveRun(ctx, record))
	if record, err = s.Run(ctx, asleep); err != nil || record.StopReason != contract.StopInterrupted {
		t.Errorf("%+v, %v", record, err)
	}
	wantID(t, s.Generation(99).StillRunning(ctx), "RunSuperseded")
	w, err := s.Watermark(ctx)
	must(t, err)
	pending, err := s.Pending(ctx)
	must(t, err)
	if diff := cmp.Diff([]directory.GUID{guid(1, 1), guid(1, 2)}, pending); diff != "" || w.HighestUSN != 1 {
		t.Errorf("the watermark is %+v, pending: %s", w, diff)
	}
	// The newer run simply goes on.
	must(t, other.Generation(newer).Commit(ctx, contract.Watermark{HighestUSN: 3}, nil))
	if pending, err := s.Pending(ctx); err != nil || pending != nil {
		t.Errorf("pending %v, %v", pending, err)
	}
}

// TestContainersOfLinks checks that a link keeps its container until it gets another one.
func TestContainersOfLinks(t *testing.T) {
	ctx := context.Background()
	s := newState(t)
	containers := func() (in []directory.GUID) {
		links, err := s.Links(ctx, directory.GUID{}, 10)
		must(t, err)
		for _, l := range links {
			in = append(in, l.Container)
		}
		return in
	}
	link := func(n uint32, container directory.GUID) contract.Link {
		return contract.Link{SourceID: guid(1, n), TargetGUID: guid(3, n), DN: "CN=x", Container: container}
	}
	none, first, second := directory.GUID{}, guid(4, 1), guid(4, 2)
	must(t, s.SaveLinks(ctx, []contract.Link{link(1, first), link(2, none)}))
	must(t, s.SaveLinks(ctx, []contract.Link{link(1, none)}))
	if diff := cmp.Diff([]directory.GUID{first, none}, containers()); diff != "" {
		t.Error(diff)
	}
	must(t, s.SaveLinks(ctx, []contract.Link{link(1, second)}))
	run := beginRun(t, s, contract.SyncRun, "")
	must(t, s.Generation(run).StageTargetGroups(ctx, []directory.TargetGroup{{GUID: guid(3, 1)}}))
	staged, err := s.Generation(run).StagedTargets(ctx, []directory.GUID{guid(3, 1)})
	must(t, err)
	if len(staged) != 1 || staged[0].Container != second {
		t.Errorf("%v", staged)
	}
}

func TestFindLinks(t *testing.T) {
	ctx := context.Background()
	s := newState(t)
	one, two := contract.Link{SourceID: guid(1, 1), TargetGUID: guid(3, 1), DN: "CN=1", Adopted: true}, contract.Link{SourceID: guid(1, 2), TargetGUID: guid(3, 2)}
	must(t, s.SaveLinks(ctx, []contract.Link{one, two}))
	of, err := s.LinksOf(ctx, []directory.GUID{guid(1, 2), guid(1, 9), guid(1, 1), guid(1, 2)})
	must(t, err)
	to, err := s.LinksTo(ctx, []directory.GUID{guid(3, 2), guid(1, 1)})
	must(t, err)
	if diff := cmp.Diff([][]contract.Link{{one, two}, {two}}, [][]contract.Link{of, to}); diff != "" {
		t.Error(diff)
	}
}

func idOf(m directory.SourceMember) directory.GUID { return m.ID }

func byID(members []directory.SourceMember) []directory.SourceMember {
	slices.SortFunc(members, func(a, b directory.SourceMember) int { return a.ID.Compare(b.ID) })
	return members
}
