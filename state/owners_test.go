package state

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// Owners that were read, none that were read, and unread ones stay apart, and an overlay
// shows its own above those of the generation below.
func TestOwners(t *testing.T) {
	ctx := context.Background()
	s := newState(t)
	anna, bert, cloud := guid(2, 1), guid(2, 2), guid(2, 3)
	groups := []directory.SourceGroup{
		{ID: guid(1, 1), Owners: []directory.GUID{anna, cloud}},
		{ID: guid(1, 2), Owners: []directory.GUID{}},
		{ID: guid(1, 3)},
	}
	first := beginRun(t, s, contract.SyncRun, "")
	g := s.Generation(first)
	must(t, g.StageSourceGroups(ctx, groups))
	must(t, g.StageOwners(ctx, []directory.SourceMember{{ID: anna, Kind: directory.KindUser, Readable: true}, {ID: cloud, Kind: directory.KindUser, Readable: true}}))
	account := directory.MemberRef{GUID: guid(4, 1), DN: "CN=Anna"}
	must(t, g.SaveResolutions(ctx, []contract.Resolution{{MemberID: anna, Ref: account}, {MemberID: cloud, Reason: directory.ReasonCloudOnly}}, started))
	check := func(g contract.Generation, want []directory.SourceGroup, owned map[directory.GUID][]directory.GUID) {
		t.Helper()
		got, err := g.SourceGroups(ctx, directory.GUID{}, 10)
		must(t, err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		for owner, groups := range owned {
			got, err := g.OwnedGroups(ctx, []directory.GUID{owner})
			must(t, err)
			if diff := cmp.Diff(groups, got); diff != "" {
				t.Errorf("the groups of %s: %s", owner, diff)
			}
		}
		found, err := g.Owners(ctx, []directory.GUID{cloud, bert, anna})
		must(t, err)
		if diff := cmp.Diff([]plan.Owner{{ID: cloud, Reason: directory.ReasonCloudOnly}, {ID: bert, Reason: directory.ReasonUnresolved}, {ID: anna, Object: account}}, found); diff != "" {
			t.Error(diff)
		}
	}
	check(g, groups, map[directory.GUID][]directory.GUID{anna: {guid(1, 1)}, bert: nil})
	must(t, g.Commit(ctx, contract.Watermark{}, nil))
	endRun(t, s, first, contract.RunComplete)

	second := beginRun(t, s, contract.SyncRun, "")
	g = s.Generation(second)
	must(t, g.Overlay(ctx))
	groups[0].Owners, groups[1].Owners = []directory.GUID{bert}, []directory.GUID{anna, bert}
	must(t, g.StageSourceGroups(ctx, groups[:2]))
	owned := map[directory.GUID][]directory.GUID{anna: {guid(1, 2)}, bert: {guid(1, 1), guid(1, 2)}}
	check(g, groups, owned)
	must(t, g.Commit(ctx, contract.Watermark{}, nil))
	check(s.Generation(first), groups, owned)
}

func TestDamagedOwners(t *testing.T) {
	if owners, err := unpackOwners(make([]byte, 17)); err == nil {
		t.Errorf("%v", owners)
	}
}
