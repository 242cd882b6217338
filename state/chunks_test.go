package state

import (
	"bytes"
	"context"
	"database/sql"
	"maps"
	"os"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// smallChunks makes chunks so small that a test with a few members splits and joins
// them.
func smallChunks(t *testing.T) {
	for _, table := range []*chunkTable{sourceChunks, targetChunks, indexChunks} {
		most := table.most
		table.most = 4
		t.Cleanup(func() { table.most = most })
	}
}

func packedSet(set map[uint32]bool) []byte { return packNumbers(slices.Sorted(maps.Keys(set))) }

// TestChunks changes sets through overlays, which it merges or drops, and compares them
// with plain sets.
func TestChunks(t *testing.T) {
	smallChunks(t)
	ctx := context.Background()
	s := newState(t)
	generation := int64(1) // of the overlay; the generation below is 1 in each example
	var owner [16]byte
	rapid.Check(t, func(r *rapid.T) {
		owner[0]++
		if owner[0] == 0 {
			owner[1]++
		}
		group := directory.GUID(owner)
		keys := func(label string) map[uint32]bool {
			return maps.Collect(func(yield func(uint32, bool) bool) {
				for _, n := range rapid.SliceOfN(rapid.Uint32Range(1, 60), 0, 12).Draw(r, label) {
					if !yield(n, true) {
						return
					}
				}
			})
		}
		below := keys("below")
		maps.Copy(below, keys("more"))
		seen := func(in layers, want map[uint32]bool) {
			var got []byte
			err := s.read(ctx, "read", func(q *session) error {
				return sourceChunks.each(q, in, group[:], func(keys []byte) error {
					got = append(got, keys...)
					return nil
				})
			})
			if err != nil || !bytes.Equal(got, packedSet(want)) {
				r.Fatalf("%x in %+v, want %x, %v", got, in, packedSet(want), err)
			}
		}
		base := layers{top: 1}
		must(t, s.write(ctx, "store", func(q *session) error { return sourceChunks.replace(q, 1, group[:], packedSet(below)) }))
		for range rapid.IntRange(1, 4).Draw(r, "generations") {
			generation++
			in, now := layers{top: generation, base: 1}, maps.Clone(below)
			if rapid.IntRange(0, 3).Draw(r, "directly") == 0 {
				in = base
			}
			for range rapid.IntRange(0, 6).Draw(r, "changes") {
				add, remove := keys("add"), keys("remove")
				maps.DeleteFunc(remove, func(n uint32, _ bool) bool { return add[n] })
				var added, removed int
				must(t, s.write(ctx, "change", func(q *session) (err error) {
					added, removed, err = sourceChunks.change(q, in, group[:], packedSet(add), packedSet(remove))
					return err
				}))
				for n := range add {
					if !now[n] {
						added--
					}
					now[n] = true
				}
				for n := range remove {
					if now[n] {
						removed--
					}
					delete(now, n)
				}
				if added != 0 || removed != 0 {
					r.Fatalf("it says %d more were added and %d removed", added, removed)
				}
				seen(in, now)
			}
			if in != base {
				seen(base, below)
			}
			if in == base || rapid.Bool().Draw(r, "merge") {
				if in != base {
					must(t, s.write(ctx, "merge", in.merge))
				}
				below = now
			}
			seen(base, below)
			arranged(t, s, group)
		}
	})
}

// arranged checks the chunks of generation 1: no chunk is empty or too large, and none
// has keys outside its range.
func arranged(t *testing.T, s *State, group directory.GUID) {
	t.Helper()
	var last []byte
	must(t, s.read(context.Background(), "read", func(q *session) error {
		return q.each("SELECT first, members FROM source_membership_chunk WHERE group_id = ? AND generation = 1 ORDER BY first", []any{group[:]}, func(rows *sql.Rows) error {
			var first, keys []byte
			err := rows.Scan(&first, &keys)
			if len(keys) == 0 || len(keys) > sourceChunks.most*numberSize || bytes.Compare(keys[:numberSize], first) < 0 || bytes.Compare(last, first) >= 0 && last != nil {
				t.Errorf("a chunk from %x, after %x, has %x", first, last, keys)
			}
			last = keys[len(keys)-numberSize:]
			return err
		})
	}))
}

// TestOnlyTouchedChunks: what a change and its commit write does not grow with the
// membership.
func TestOnlyTouchedChunks(t *testing.T) {
	ctx := context.Background()
	most := uint32(sourceChunks.most)
	var counts [][2]int64
	for _, chunks := range []uint32{4, 40} {
		s := newState(t)
		base := beginRun(t, s, contract.SyncRun, "")
		target := directory.TargetGroup{GUID: guid(3, 1)}
		page := contract.MemberPage{Group: guid(1, 1), Last: true}
		for n := range chunks * most {
			page.Members = append(page.Members, directory.SourceMember{ID: guid(2, n), Readable: true})
			target.Members = append(target.Members, directory.MemberRef{GUID: guid(4, n)})
		}
		must(t, s.Generation(base).StageMembers(ctx, []contract.MemberPage{page}))
		must(t, s.Generation(base).StageTargetGroups(ctx, []directory.TargetGroup{target}))
		must(t, s.Generation(base).Commit(ctx, contract.Watermark{}, nil))
		endRun(t, s, base, contract.RunComplete)

		run := beginRun(t, s, contract.SyncRun, "")
		must(t, s.Generation(run).Overlay(ctx))
		rows := written(t, s)
		for entry := range uint32(20) {
			n := most + entry
			must(t, s.Generation(run).ChangeMembership(ctx, guid(1, 1), []contract.MemberChange{{ID: guid(2, n), Removed: true}, {ID: guid(2, most+n), Removed: true}}))
			must(t, s.Generation(run).StageTargetWritten(ctx, target, nil, target.Members[n:n+1]))
		}
		staged := written(t, s) - rows
		must(t, s.Generation(run).Commit(ctx, contract.Watermark{HighestUSN: run}, nil))
		counts = append(counts, [2]int64{staged, written(t, s) - rows - staged})
		m, err := s.Generation(base).SourceMembership(ctx, guid(1, 1))
		must(t, err)
		members, err := s.Generation(base).TargetMembership(ctx, guid(3, 1))
		must(t, err)
		if len(members) != int(chunks*most)-20 || m.Count() != int(chunks*most)-40 {
			t.Errorf("%d and %d members are left", m.Count(), len(members))
		}
	}
	if counts[0] != counts[1] {
		t.Errorf("rows written, staged and by the commit: %v with 4 chunks, %v with 40", counts[0], counts[1])
	}
}

// TestPositionsBecomeKeys: memberships that former releases stored are read as before,
// and are rearranged into chunks when they change.
func TestPositionsBecomeKeys(t *testing.T) {
	ctx := context.Background()
	folder := t.TempDir()
	must(t, os.Chmod(folder, 0o700))
	s, err := Options{}.open(ctx, folder, before(t, "00015"))
	must(t, err)
	group, object := guid(1, 1), guid(3, 1)
	numbers, guids := []uint32{}, []directory.GUID{}
	must(t, s.write(ctx, "store as before", func(q *session) error {
		for n := range uint32(300) {
			if _, err := giveNumber(q, guid(2, n)); err != nil {
				return err
			}
			guids = append(guids, guid(4, n))
		}
		for n := range uint32(300) { // not in order, and each twice
			numbers = append(numbers, 1+n*7%300, 1+n*11%300)
		}
		for _, query := range []string{
			"INSERT INTO run (id, plan_id, kind, status, started, record) VALUES (7, '', 'sync', 'complete', '', '{}')",
			"INSERT INTO watermark (only, generation, run, server, ds_service_name, invocation_id, highest_usn) VALUES (1, 7, 7, '', '', zeroblob(16), 1)",
		} {
			if _, err := q.exec(query); err != nil {
				return err
			}
		}
		_, err := q.exec("INSERT INTO source_membership (group_id, generation, incomplete) VALUES (?, 7, '')", group[:])
		for position := 0; position < 3 && err == nil; position++ {
			if _, err = q.exec("INSERT INTO source_membership_chunk (group_id, generation, position, members) VALUES (?, 7, ?, ?)", group[:], position, packNumbers(numbers[200*position:200*position+200])); err == nil {
				_, err = q.exec("INSERT INTO target_membership_chunk (guid, generation, position, members) VALUES (?, 7, ?, ?)", object[:], position, packGUIDs(guids[100*position:100*position+100]))
			}
		}
		if err == nil {
			_, err = q.exec(`INSERT INTO target_group (guid, generation, source_id, mark_id, dn, cn, sam_account_name, sid, group_type, admin_desc, external_id, extension_name, usn_changed, member_count)
				VALUES (?, 7, zeroblob(16), zeroblob(16), '', '', '', '', 8, '', '', '', 1, 300)`, object[:])
		}
		return err
	}))
	must(t, s.Close())

	s = openState(t, folder)
	holds := func(generation int64, source, target int) {
		t.Helper()
		m, err := s.Generation(generation).SourceMembership(ctx, group)
		must(t, err)
		members, err := s.Generation(generation).TargetMembership(ctx, object)
		must(t, err)
		if m.Count() != source || len(members) != target || !slices.IsSortedFunc(members, directory.GUID.Compare) {
			t.Errorf("generation %d: %d and %d members", generation, m.Count(), len(members))
		}
	}
	holds(7, 300, 300)
	run := beginRun(t, s, contract.SyncRun, "")
	must(t, s.Generation(run).Overlay(ctx))
	must(t, s.Generation(run).ChangeMembership(ctx, group, []contract.MemberChange{{ID: guid(2, 5), Removed: true}, {ID: guid(2, 299), Removed: true}}))
	must(t, s.Generation(run).StageTargetWritten(ctx, directory.TargetGroup{GUID: object}, nil, []directory.MemberRef{{GUID: guid(4, 0)}, {GUID: guid(4, 150)}, {GUID: guid(4, 299)}}))
	holds(run, 298, 297)
	holds(7, 300, 300)
	must(t, s.Generation(run).Commit(ctx, contract.Watermark{}, nil))
	holds(7, 298, 297)
	targets, err := s.Generation(7).StagedTargets(ctx, []directory.GUID{object})
	must(t, err)
	if len(targets) != 1 {
		t.Errorf("%+v", targets)
	}
}
