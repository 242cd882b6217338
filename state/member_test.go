package state

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// TestDueMembers: a member that was not found is looked up again at intervals that
// double, up to a day. An unknown member is looked up in every run, and other members
// never.
func TestDueMembers(t *testing.T) {
	ctx := context.Background()
	s := newState(t)
	base := beginRun(t, s, contract.SyncRun, "")
	member := func(n uint32) directory.SourceMember {
		return directory.SourceMember{ID: guid(2, n), Kind: directory.KindUser, Readable: true, Synced: true}
	}
	answers := []directory.Reason{directory.ReasonNotFound, directory.ReasonLookupFailed, directory.ReasonCloudOnly, directory.ReasonGuest, directory.ReasonNoAccount, directory.ReasonGroup}
	var members []directory.SourceMember
	var resolutions []contract.Resolution
	for n, reason := range answers {
		members = append(members, member(uint32(n)))
		resolutions = append(resolutions, contract.Resolution{MemberID: guid(2, uint32(n)), Reason: reason})
	}
	members = append(members, member(99))
	resolutions = append(resolutions, contract.Resolution{MemberID: guid(2, 99), Ref: directory.MemberRef{GUID: guid(4, 1), DN: "CN=x"}})
	must(t, s.Generation(base).StageMembers(ctx, []contract.MemberPage{{Group: guid(1, 1), Members: members, Last: true}}))
	must(t, s.Generation(base).SaveResolutions(ctx, resolutions, started))
	must(t, s.Generation(base).Commit(ctx, contract.Watermark{}, nil))
	endRun(t, s, base, contract.RunComplete)

	now := started
	var intervals []time.Duration
	for asked := started; len(intervals) < 9; now = now.Add(30 * time.Minute) {
		run := beginRun(t, s, contract.SyncRun, "")
		must(t, s.Generation(run).Overlay(ctx))
		must(t, s.Generation(run).StageDueMembers(ctx, now))
		due, err := s.Generation(run).UnresolvedMembers(ctx, directory.GUID{}, 10)
		must(t, err)
		want := []directory.SourceMember{member(1)}
		if len(due) == 2 {
			want = []directory.SourceMember{member(0), member(1)}
			intervals, asked = append(intervals, now.Sub(asked)), now
		}
		if diff := cmp.Diff(want, due); diff != "" {
			t.Fatal(diff)
		}
		for _, m := range due {
			must(t, s.Generation(run).SaveResolutions(ctx, []contract.Resolution{{MemberID: m.ID, Reason: answers[m.ID[7]]}}, now))
		}
		if changed, err := s.Generation(run).ChangedJoins(ctx); err != nil || changed != nil {
			t.Fatalf("the answers are the same: %v, %v", changed, err)
		}
		must(t, s.Generation(run).Commit(ctx, contract.Watermark{}, nil))
		endRun(t, s, run, contract.RunComplete)
	}
	const h = time.Hour
	if diff := cmp.Diff([]time.Duration{h / 2, 1 * h, 2 * h, 4 * h, 8 * h, 16 * h, 24 * h, 24 * h, 24 * h}, intervals); diff != "" {
		t.Error(diff)
	}
}

// TestOverlayStagesLittle: if a group is read again and nothing has changed, the overlay
// stages the membership and no member.
func TestOverlayStagesLittle(t *testing.T) {
	ctx := context.Background()
	s := newState(t)
	people := make([]directory.SourceMember, 3000)
	for n := range people {
		people[n] = directory.SourceMember{ID: guid(2, uint32(n)), Kind: directory.KindUser, Name: "user", Readable: true, Synced: true, SID: "S-1-5-21-1"}
	}
	page := []contract.MemberPage{{Group: guid(1, 1), Members: people, Last: true}}
	base := beginRun(t, s, contract.SyncRun, "")
	must(t, s.Generation(base).StageSourceGroups(ctx, []directory.SourceGroup{{ID: guid(1, 1)}}))
	must(t, s.Generation(base).StageMembers(ctx, page))
	must(t, s.Generation(base).SaveResolutions(ctx, []contract.Resolution{{MemberID: guid(2, 0), Ref: directory.MemberRef{GUID: guid(4, 1), DN: "CN=x"}}}, started))
	must(t, s.Generation(base).Commit(ctx, contract.Watermark{}, nil))
	endRun(t, s, base, contract.RunComplete)

	run := beginRun(t, s, contract.SyncRun, "")
	must(t, s.Generation(run).Overlay(ctx))
	must(t, s.Generation(run).StageMembers(ctx, page))
	must(t, s.Generation(run).StageKnownMembers(ctx, people))
	if n := countRows(t, s, "member_join"); n != len(people) {
		t.Errorf("%d members are staged again", n-len(people))
	}
	people[0].Name, people[1].SID = "another name", "S-1-5-21-2"
	must(t, s.Generation(run).StageKnownMembers(ctx, append(people, directory.SourceMember{ID: guid(2, 9999)})))
	unresolved, err := s.Generation(run).UnresolvedMembers(ctx, directory.GUID{}, 10)
	must(t, err)
	if diff := cmp.Diff(people[1:2], unresolved); diff != "" || countRows(t, s, "member_join") != len(people)+2 {
		t.Errorf("of those that changed: %s", diff)
	}
	m, err := s.Generation(run).SourceMembership(ctx, guid(1, 1))
	must(t, err)
	if len(m.Joined) != 1 {
		t.Errorf("whoever has another name is not joined any more: %+v", m)
	}
	must(t, s.Generation(run).Commit(ctx, contract.Watermark{}, nil))
	views, err := s.GroupMembers(ctx, guid(1, 1), directory.GUID{}, 1)
	must(t, err)
	if views[0].Name != "another name" || views[0].TargetGUID != guid(4, 1) {
		t.Errorf("%+v", views[0])
	}
}

func TestChangeMembership(t *testing.T) {
	ctx := context.Background()
	s := newState(t)
	run := beginRun(t, s, contract.SyncRun, "")
	users := func(ns ...uint32) (members []directory.SourceMember) {
		for _, n := range ns {
			members = append(members, directory.SourceMember{ID: guid(2, n), Kind: directory.KindUser, Readable: true})
		}
		return members
	}
	must(t, s.Generation(run).StageMembers(ctx, []contract.MemberPage{{Group: guid(1, 1), Members: users(1, 2, 3), Last: true}, {Group: guid(1, 2), Members: users(4)}}))
	change := func(group uint32, changes ...contract.MemberChange) {
		t.Helper()
		must(t, s.Generation(run).ChangeMembership(ctx, guid(1, group), changes))
	}
	want := func(group uint32, incomplete string, ns ...uint32) {
		t.Helper()
		var got []uint32
		must(t, s.read(ctx, "read the members", func(q *session) error {
			members, err := new(memberListCache).of(q, layers{top: run}, guid(1, group))
			for _, m := range members {
				got = append(got, uint32(m.id[7]))
			}
			return err
		}))
		m, err := s.Generation(run).SourceMembership(ctx, guid(1, group))
		must(t, err)
		if diff := cmp.Diff(ns, got); diff != "" || m.Incomplete != incomplete {
			t.Errorf("incomplete %q, %s", m.Incomplete, diff)
		}
	}
	add := func(n uint32) contract.MemberChange {
		return contract.MemberChange{ID: guid(2, n), Kind: directory.KindGroup}
	}
	remove := func(n uint32) contract.MemberChange { return contract.MemberChange{ID: guid(2, n), Removed: true} }
	change(1, add(5), remove(2), remove(9), add(1), add(6), remove(6), remove(3), add(3))
	want(1, "", 1, 3, 5)
	change(2, add(4), add(1))
	want(2, notReadToEnd, 1, 4)
	change(3, add(7), remove(8))
	want(3, notReadToEnd, 7)
	unread, err := s.Generation(run).UnreadMembers(ctx, directory.GUID{}, 10)
	must(t, err)
	if diff := cmp.Diff([]directory.SourceMember{{ID: guid(2, 5), Kind: directory.KindGroup}, {ID: guid(2, 7), Kind: directory.KindGroup}}, unread); diff != "" {
		t.Error(diff)
	}
	// A membership that is read in full afterwards replaces everything from before.
	must(t, s.Generation(run).StageMembers(ctx, []contract.MemberPage{{Group: guid(1, 2), Members: users(2)}}))
	must(t, s.Generation(run).StageMembers(ctx, []contract.MemberPage{{Group: guid(1, 2), Members: users(3), Last: true}, {Group: guid(1, 1), Last: true}}))
	want(2, "", 2, 3)
	want(1, "")
}
