package state

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// TestIndex builds an index in several ranges, applies a small difference to it, builds
// it again after a large difference, and has none after a large difference in an overlay.
func TestIndex(t *testing.T) {
	defer func(d, p int) { maxDifference, indexPortion = d, p }(maxDifference, indexPortion)
	maxDifference, indexPortion = 50, 1000
	ctx := context.Background()
	s := newState(t)
	const groups = 30
	// Group g has the members whose number is a multiple of g.
	stage := func(run int64, without uint32) {
		for g := uint32(1); g <= groups; g++ {
			page := contract.MemberPage{Group: guid(1, g), Last: true}
			for n := g; n <= 3000; n += g {
				if n != without {
					page.Members = append(page.Members, directory.SourceMember{ID: guid(2, n), Kind: directory.KindUser, Readable: true})
				}
			}
			must(t, s.Generation(run).StageMembers(ctx, []contract.MemberPage{page}))
		}
	}
	finds := func(generation int64, without uint32) {
		t.Helper()
		for _, n := range []uint32{1, 7, 1024, 1800, 2520, 3000} {
			var want []directory.GUID
			for g := uint32(1); g <= groups && n != without; g++ {
				if n%g == 0 {
					want = append(want, guid(1, g))
				}
			}
			got, err := s.Generation(generation).GroupsWithMembers(ctx, []directory.GUID{guid(2, n), guid(2, 999_999)})
			must(t, err)
			if diff := cmp.Diff(want, got, wholeGUIDs); diff != "" {
				t.Errorf("groups of member %d: %s", n, diff)
			}
		}
	}
	index := func(generation int64) {
		t.Helper()
		var got, rows, others int64
		must(t, s.read(ctx, "read where the index is", func(q *session) error {
			_, err := q.one(`SELECT indexed, (SELECT count(*) FROM member_group_chunk WHERE generation = indexed),
				(SELECT count(*) FROM member_group_chunk WHERE generation <> indexed) FROM watermark`, nil, &got, &rows, &others)
			return err
		}))
		if got != generation || generation == 0 && rows > 0 || others != 0 {
			t.Errorf("the index of generation %d has %d rows, others %d; want generation %d", got, rows, others, generation)
		}
	}
	run := func(overlay bool, change func(run int64)) int64 {
		run := beginRun(t, s, contract.SyncRun, "")
		if overlay {
			must(t, s.Generation(run).Overlay(ctx))
		}
		change(run)
		must(t, s.Generation(run).Commit(ctx, contract.Watermark{}, nil))
		endRun(t, s, run, contract.RunComplete)
		return run
	}
	first := run(false, func(run int64) { stage(run, 0); finds(run, 0) })
	index(first)
	finds(first, 0)
	second := run(false, func(run int64) { stage(run, 2520) }) // a small difference
	index(first)
	finds(second, 2520)
	run(true, func(run int64) {
		for g := uint32(1); g <= groups; g++ {
			if 2520%g == 0 {
				must(t, s.Generation(run).ChangeMembership(ctx, guid(1, g), []contract.MemberChange{{ID: guid(2, 2520)}}))
			}
		}
		finds(run, 0)
	})
	index(first)
	finds(second, 0)
	dead := beginRun(t, s, contract.SyncRun, "") // it dies before its commit and leaves an index
	stage(dead, 0)
	must(t, s.buildIndex(ctx, dead))
	beginRun(t, s, contract.SyncRun, "")
	index(first)
	finds(second, 0)
	third := run(false, func(int64) {}) // a large difference
	index(third)
	if got, err := s.Generation(third).GroupsWithMembers(ctx, []directory.GUID{guid(2, 7)}); got != nil || err != nil {
		t.Errorf("%v, %v", got, err)
	}
	run(true, func(run int64) { stage(run, 0); finds(run, 0) }) // a large difference in an overlay
	finds(third, 0)
	beginRun(t, s, contract.SyncRun, "")
	index(0)
}
