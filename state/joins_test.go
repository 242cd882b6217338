package state

import (
	"context"
	"testing"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// A write drops from the cache only the blocks in which it changes something.
func TestWritesKeepTheCacheOfJoins(t *testing.T) {
	ctx := context.Background()
	s := newState(t)
	run := beginRun(t, s, contract.SyncRun, "")
	g := s.Generation(run)
	const people = 3 * blockSize
	members := make([]directory.SourceMember, people)
	for i := range members {
		members[i] = directory.SourceMember{ID: guid(2, uint32(i)), Kind: directory.KindUser, Readable: true, Synced: true}
	}
	must(t, g.StageMembers(ctx, []contract.MemberPage{{Group: guid(1, 1), Members: members, Last: true}}))
	unresolved := func() int {
		m, err := g.SourceMembership(ctx, guid(1, 1))
		must(t, err)
		return m.Unwritten[directory.ReasonUnresolved]
	}
	blocks := func() map[uint32]*joinBlock {
		all := map[uint32]*joinBlock{}
		for key, b := range s.joins.blocks {
			all[key.index] = b
		}
		return all
	}
	if n := unresolved(); n != people {
		t.Errorf("%d are not resolved", n)
	}
	before := blocks()
	changed := guid(2, blockSize+blockSize/2)
	for _, step := range []struct {
		write func() error
		want  int
	}{
		{func() error {
			return g.SaveResolutions(ctx, []contract.Resolution{{MemberID: changed, Reason: directory.ReasonNotFound}}, started)
		}, people - 1},
		{func() error { return g.StageMembersAgain(ctx, []directory.GUID{changed}) }, people},
	} {
		must(t, step.write())
		if n := unresolved(); n != step.want {
			t.Errorf("%d are not resolved, want %d", n, step.want)
		}
		after := blocks()
		for index, b := range before {
			if kept := after[index] == b; kept != (index != 1) {
				t.Errorf("block %d of %d: kept %v", index, len(before), kept)
			}
		}
		before = after
	}
	must(t, g.StageMembers(ctx, []contract.MemberPage{{Group: guid(1, 2), Members: members[:2], Last: true}}))
	for index, b := range blocks() {
		if before[index] != b {
			t.Errorf("block %d was read again, and nothing in it was changed", index)
		}
	}
}
