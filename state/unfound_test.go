package state

import (
	"context"
	"encoding/base64"
	"testing"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// TestUnfoundAmong: a value is recognised as a member that was not found by the SID that
// the value had when it was read, or by the member's immutable id.
func TestUnfoundAmong(t *testing.T) {
	ctx := context.Background()
	s := newState(t)
	base := beginRun(t, s, contract.SyncRun, "")
	sid := func(n string) directory.SID { return directory.SID("S-1-5-21-1-2-3-" + n) }
	byGUID := base64.StdEncoding.EncodeToString(guid(4, 3).AD())
	members := []directory.SourceMember{
		{ID: guid(2, 1), Kind: directory.KindUser, Readable: true, Synced: true, SID: sid("1001")},
		{ID: guid(2, 2), Kind: directory.KindUser, Readable: true, SID: sid("1002"), ImmutableID: base64.StdEncoding.EncodeToString(guid(4, 5).AD())},
		{ID: guid(2, 3), Kind: directory.KindUser, Readable: true, Synced: true, ImmutableID: byGUID},
		{ID: guid(2, 4), Kind: directory.KindUser, Readable: true, Synced: true, SID: sid("1004")},
		{ID: guid(2, 6), Kind: directory.KindUser, Readable: true},
	}
	must(t, s.Generation(base).StageMembers(ctx, []contract.MemberPage{{Group: guid(1, 1), Members: members, Last: true}}))
	must(t, s.Generation(base).SaveResolutions(ctx, []contract.Resolution{
		{MemberID: guid(2, 1), Ref: directory.MemberRef{GUID: guid(4, 1), DN: "CN=one", SID: sid("1001")}},
		{MemberID: guid(2, 2), Reason: directory.ReasonNotFound},
		{MemberID: guid(2, 3), Reason: directory.ReasonNotFound},
		{MemberID: guid(2, 4), Reason: directory.ReasonWrongClass},
		{MemberID: guid(2, 6), Reason: directory.ReasonCloudOnly},
	}, started))
	values := []directory.MemberRef{
		{GUID: guid(4, 1), DN: "CN=one"}, // the SID was not known when it was staged
		{GUID: guid(4, 2), DN: "CN=two", SID: sid("1002")},
		{GUID: guid(4, 3), DN: "CN=three", SID: sid("1003")},
		{GUID: guid(4, 4), DN: "CN=four", SID: sid("1004")},
		{GUID: guid(4, 5), DN: "CN=five", SID: sid("1005")},
		{GUID: guid(4, 6), DN: "CN=six"},
	}
	must(t, s.Generation(base).StageTargetGroups(ctx, []directory.TargetGroup{{GUID: guid(3, 1), DN: "CN=group", Members: values}}))
	among := func(generation int64) []directory.GUID {
		t.Helper()
		staged, err := s.Generation(generation).TargetMembership(ctx, guid(3, 1))
		must(t, err)
		there, err := s.Generation(generation).UnfoundAmong(ctx, guid(1, 1), staged)
		must(t, err)
		return there
	}
	if diff := cmp.Diff([]directory.GUID{guid(4, 2), guid(4, 3)}, among(base)); diff != "" {
		t.Error(diff)
	}
	must(t, s.Generation(base).Commit(ctx, contract.Watermark{}, nil))
	endRun(t, s, base, contract.RunComplete)

	// A member that was found before is no longer found, and another has left the group.
	run := beginRun(t, s, contract.SyncRun, "")
	must(t, s.Generation(run).Overlay(ctx))
	must(t, s.Generation(run).StageMembersAgain(ctx, []directory.GUID{guid(2, 1)}))
	must(t, s.Generation(run).SaveResolutions(ctx, []contract.Resolution{{MemberID: guid(2, 1), Reason: directory.ReasonNotFound}}, started))
	must(t, s.Generation(run).ChangeMembership(ctx, guid(1, 1), []contract.MemberChange{{ID: guid(2, 3), Kind: directory.KindUser, Removed: true}}))
	if diff := cmp.Diff([]directory.GUID{guid(4, 1), guid(4, 2)}, among(run)); diff != "" {
		t.Error(diff)
	}
}
