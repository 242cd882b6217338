package state

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// BenchmarkMemberships stages a tenant with fifty members in each group and a tenth
// as many people as memberships. Then it reads everything as a plan does: the lists of
// both sides and both memberships of each group. It reports the seconds of each step
// and the peak of the process's memory.
func BenchmarkMemberships(b *testing.B) {
	for _, groups := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprintf("groups=%d", groups), func(b *testing.B) {
			if testing.Short() && groups > 10_000 {
				b.Skip("large")
			}
			for b.Loop() {
				benchmarkMemberships(b, groups)
			}
		})
	}
}

func benchmarkMemberships(b *testing.B, groups int) {
	const members = 50
	ctx := context.Background()
	people := groups * members / 10
	s := newState(b)
	run := beginRun(b, s, contract.SyncRun, "")
	random := rand.New(rand.NewPCG(1, 2))
	id := func(kind byte, n int) directory.GUID { // spread like real GUIDs
		g := guid(kind, uint32(n)*2654435761)
		return g
	}
	dn := func(n int) string {
		return fmt.Sprintf("CN=User %d,OU=People,OU=Somewhere,DC=contoso,DC=test", n)
	}

	clock := time.Now()
	step := func(name string) {
		b.ReportMetric(time.Since(clock).Seconds(), name+"-s")
		clock = time.Now()
	}
	var source []directory.SourceGroup
	var pages []contract.MemberPage
	var target []directory.TargetGroup
	flush := func() {
		must(b, s.Generation(run).StageSourceGroups(ctx, source))
		must(b, s.Generation(run).StageMembers(ctx, pages))
		must(b, s.Generation(run).StageTargetGroups(ctx, target))
		source, pages, target = nil, nil, nil
	}
	for n := range groups {
		source = append(source, directory.SourceGroup{ID: id(1, n), Properties: directory.Values{"displayName": {"Group"}, "mail": {"group@contoso.test"}}})
		page := contract.MemberPage{Group: id(1, n), Last: true}
		group := directory.TargetGroup{GUID: id(3, n), DN: "CN=Group,OU=Groups,DC=contoso,DC=test", AdminDesc: directory.Mark(id(1, n))}
		for range members {
			m := random.IntN(people)
			page.Members = append(page.Members, directory.SourceMember{ID: id(2, m), Kind: directory.KindUser, Name: "user@contoso.test", Readable: true, Synced: true, SID: "S-1-5-21-1-2-3-4"})
			group.Members = append(group.Members, directory.MemberRef{GUID: id(4, m), DN: dn(m)})
		}
		pages, target = append(pages, page), append(target, group)
		if len(pages) == 500 {
			flush()
		}
	}
	flush()
	step("stage")

	for after := (directory.GUID{}); ; {
		unresolved, err := s.Generation(run).UnresolvedMembers(ctx, after, 1000)
		must(b, err)
		if len(unresolved) == 0 {
			break
		}
		resolutions := make([]contract.Resolution, len(unresolved))
		for i, m := range unresolved {
			to := m.ID
			to[0] = 4
			resolutions[i] = contract.Resolution{MemberID: m.ID, Ref: directory.MemberRef{GUID: to, DN: "CN=User,OU=People,OU=Somewhere,DC=contoso,DC=test"}}
		}
		must(b, s.Generation(run).SaveResolutions(ctx, resolutions, started))
		after = unresolved[len(unresolved)-1].ID
	}
	step("resolve")

	runtime.GC()
	resetPeak()
	memberships := 0
	list := func() {
		for after := (contract.TargetKey{}); ; {
			page, err := s.Generation(run).TargetGroups(ctx, after, 500)
			must(b, err)
			for _, t := range page {
				want, err := s.Generation(run).SourceMembership(ctx, t.SourceID)
				must(b, err)
				have, err := s.Generation(run).TargetMembership(ctx, t.GUID)
				must(b, err)
				if !slices.Equal(want.Joined, have) {
					b.Fatalf("group %s: %d members, %d in AD", t.SourceID, len(want.Joined), len(have))
				}
				memberships += len(have)
			}
			if len(page) < 500 {
				return
			}
			after = contract.TargetKey{SourceID: page[499].SourceID, GUID: page[499].GUID}
		}
	}
	list()
	step("plan")
	b.ReportMetric(float64(memberships), "memberships")
	if peak := peakMiB(); peak > 0 {
		b.ReportMetric(peak, "peak-MiB")
	}
	must(b, s.Generation(run).Commit(ctx, contract.Watermark{}, nil))
	endRun(b, s, run, contract.RunComplete)
	clock = time.Now()
	views := 0
	for after := (directory.GUID{}); views < 5_000; {
		page, err := s.Groups(ctx, contract.GroupFilter{}, after, 500)
		must(b, err)
		if views += len(page); len(page) < 500 {
			break
		}
		after = page[499].Key
	}
	b.ReportMetric(1000*time.Since(clock).Seconds()/float64(max(1, views/500)), "page-of-500-ms")
	if info, err := os.Stat(s.path); err == nil {
		b.ReportMetric(float64(info.Size())/(1<<20), "file-MiB")
	}
	clock = time.Now()
	must(b, s.Close())
	s = openState(b, s.folder)
	b.ReportMetric(1000*time.Since(clock).Seconds(), "reopen-ms")
	next := beginRun(b, s, contract.SyncRun, "")
	clock = time.Now()
	must(b, s.Generation(next).Commit(ctx, contract.Watermark{}, nil))
	step("remove")
}

// BenchmarkOverlay measures what the state adds to a delta run. There are 2,000 or
// 20,000 linked groups of 20 members, and one of them has 50,000. In one case nothing
// has changed; in the other, one member of the large group changes on both sides, and
// the group is read again in full and written. The result must not depend on the number
// of groups.
func BenchmarkOverlay(b *testing.B) {
	const large = 50_000
	ctx := context.Background()
	for _, groups := range []uint32{2_000, 20_000} {
		s := newState(b)
		base := beginRun(b, s, contract.SyncRun, "")
		member := func(n uint32) directory.SourceMember {
			return directory.SourceMember{ID: guid(2, n), Kind: directory.KindUser, Name: "user@contoso.test", Readable: true, Synced: true, SID: "S-1-5-21-1-2-3-4"}
		}
		ref := func(n uint32) directory.MemberRef {
			return directory.MemberRef{GUID: guid(4, n), DN: "CN=User,OU=People,OU=Somewhere,DC=contoso,DC=test"}
		}
		for chunk := range slices.Chunk(slices.Collect(func(yield func(uint32) bool) {
			for n := range groups {
				yield(n)
			}
		}), 500) {
			var source []directory.SourceGroup
			var pages []contract.MemberPage
			var target []directory.TargetGroup
			var links []contract.Link
			for _, n := range chunk {
				page := contract.MemberPage{Group: guid(1, n), Last: true}
				group := directory.TargetGroup{GUID: guid(3, n), DN: "CN=Group,OU=Groups,DC=contoso,DC=test", AdminDesc: directory.Mark(guid(1, n))}
				size := uint32(20)
				if n == 0 {
					size = large
				}
				for i := range size {
					page.Members, group.Members = append(page.Members, member((n*20+i)%large)), append(group.Members, ref((n*20+i)%large))
				}
				source, pages, target = append(source, directory.SourceGroup{ID: guid(1, n), Properties: directory.Values{"displayName": {"Group"}}}), append(pages, page), append(target, group)
				links = append(links, contract.Link{SourceID: guid(1, n), TargetGUID: guid(3, n), DN: group.DN})
			}
			must(b, s.Generation(base).StageSourceGroups(ctx, source))
			must(b, s.Generation(base).StageMembers(ctx, pages))
			must(b, s.Generation(base).StageTargetGroups(ctx, target))
			must(b, s.SaveLinks(ctx, links))
		}
		var resolutions []contract.Resolution
		for n := range uint32(large) {
			resolutions = append(resolutions, contract.Resolution{MemberID: guid(2, n), Ref: ref(n)})
		}
		must(b, s.Generation(base).SaveResolutions(ctx, resolutions, started))
		must(b, s.Generation(base).Commit(ctx, contract.Watermark{}, nil))
		endRun(b, s, base, contract.RunComplete)

		run := func(b *testing.B, changes func(run int64)) {
			for b.Loop() {
				run := beginRun(b, s, contract.SyncRun, "")
				must(b, s.Generation(run).Overlay(ctx))
				must(b, s.Generation(run).StageDueMembers(ctx, started))
				changes(run)
				must(b, s.Generation(run).Commit(ctx, contract.Watermark{HighestUSN: run}, nil))
				endRun(b, s, run, contract.RunComplete)
			}
		}
		b.Run(fmt.Sprintf("groups=%d/nothing", groups), func(b *testing.B) { run(b, func(int64) {}) })
		in := true
		b.Run(fmt.Sprintf("groups=%d/member", groups), func(b *testing.B) {
			run(b, func(run int64) {
				group, object, change := guid(1, 0), guid(3, 0), []directory.MemberRef{ref(7)}
				must(b, s.Generation(run).ChangeMembership(ctx, group, []contract.MemberChange{{ID: guid(2, 7), Kind: directory.KindUser, Removed: in}}))
				wanted, err := s.Generation(run).SourceMembership(ctx, group)
				must(b, err)
				had, err := s.Generation(run).TargetMembership(ctx, object)
				must(b, err)
				added, removed := change, []directory.MemberRef(nil)
				if in {
					added, removed = nil, change
				}
				if len(wanted.Joined)-len(had) != len(added)-len(removed) {
					b.Fatalf("%d members are wanted, %d are there", len(wanted.Joined), len(had))
				}
				found, err := s.Generation(run).Candidates(ctx, group)
				must(b, err)
				must(b, s.Generation(run).StageTargetWritten(ctx, found[0].TargetGroup, added, removed))
				in = !in
			})
		})
		b.Run(fmt.Sprintf("groups=%d/joins", groups), func(b *testing.B) {
			run(b, func(run int64) {
				_, err := s.Generation(run).GroupsWithMembers(ctx, []directory.GUID{guid(2, 7)})
				must(b, err)
			})
		})
		b.Run(fmt.Sprintf("groups=%d/counts", groups), func(b *testing.B) {
			run(b, func(run int64) {
				_, err := s.Generation(run).CountSourceGroups(ctx)
				must(b, err)
				_, err = s.Generation(run).CountMemberships(ctx)
				must(b, err)
				_, err = s.Generation(run).UnstagedLinks(ctx, directory.GUID{}, 500)
				must(b, err)
			})
		})
	}
}

// BenchmarkEntries measures what the state adds to a delta run in which 5,000 members of
// a group of 250,000 change on both sides, in 500 delta entries. It reports the seconds
// of each step and the rows that SQLite wrote.
func BenchmarkEntries(b *testing.B) {
	const large, entries, each = 250_000, 500, 10
	ctx := context.Background()
	s := newState(b)
	base := beginRun(b, s, contract.SyncRun, "")
	member := func(n uint32) directory.SourceMember {
		return directory.SourceMember{ID: guid(2, n*2654435761), Kind: directory.KindUser, Name: "user@contoso.test", Readable: true, Synced: true, SID: "S-1-5-21-1-2-3-4"}
	}
	ref := func(n uint32) directory.MemberRef {
		return directory.MemberRef{GUID: guid(4, n*2654435761), DN: "CN=User,OU=People,OU=Somewhere,DC=contoso,DC=test"}
	}
	header := directory.TargetGroup{GUID: guid(3, 0), DN: "CN=Group,OU=Groups,DC=contoso,DC=test", AdminDesc: directory.Mark(guid(1, 0))}
	must(b, s.Generation(base).StageSourceGroups(ctx, []directory.SourceGroup{{ID: guid(1, 0)}}))
	whole := header
	var page []directory.SourceMember
	for n := range uint32(large) {
		page, whole.Members = append(page, member(n)), append(whole.Members, ref(n))
		if len(page) == 1000 {
			must(b, s.Generation(base).StageMembers(ctx, []contract.MemberPage{{Group: guid(1, 0), Members: page, Last: n == large-1}}))
			page = nil
		}
	}
	must(b, s.Generation(base).StageTargetGroups(ctx, []directory.TargetGroup{whole}))
	must(b, s.SaveLinks(ctx, []contract.Link{{SourceID: guid(1, 0), TargetGUID: guid(3, 0)}}))
	must(b, s.Generation(base).Commit(ctx, contract.Watermark{}, nil))
	endRun(b, s, base, contract.RunComplete)
	random := rand.New(rand.NewPCG(1, 2))
	for b.Loop() {
		run := beginRun(b, s, contract.SyncRun, "")
		must(b, s.Generation(run).Overlay(ctx))
		clock, cpu, rows := time.Now(), cpuSeconds(), written(b, s)
		step := func(name string) {
			b.ReportMetric(time.Since(clock).Seconds(), name+"-s")
			b.ReportMetric(cpuSeconds()-cpu, name+"-cpu-s")
			b.ReportMetric(float64(written(b, s)-rows), name+"-rows")
			clock, cpu, rows = time.Now(), cpuSeconds(), written(b, s)
		}
		var drawn [entries][each]uint32
		for e := range drawn {
			for i := range drawn[e] {
				drawn[e][i] = random.Uint32N(large)
				if i >= each/2 {
					drawn[e][i] += large // a new member
				}
			}
		}
		for e := range drawn {
			var changes []contract.MemberChange
			for i, n := range drawn[e] {
				changes = append(changes, contract.MemberChange{ID: member(n).ID, Kind: directory.KindUser, Removed: i < each/2})
			}
			must(b, s.Generation(run).ChangeMembership(ctx, guid(1, 0), changes))
		}
		step("source")
		for e := range drawn {
			var added, removed []directory.MemberRef
			for i, n := range drawn[e] {
				if i < each/2 {
					removed = append(removed, ref(n))
				} else {
					added = append(added, ref(n))
				}
			}
			must(b, s.Generation(run).StageTargetWritten(ctx, header, added, removed))
		}
		step("target")
		must(b, s.Generation(run).Commit(ctx, contract.Watermark{HighestUSN: run}, nil))
		endRun(b, s, run, contract.RunComplete)
		step("commit")
	}
}

// cpuSeconds returns the CPU time of the process, if the kernel tells it. Other work on
// the machine does not count.
func cpuSeconds() float64 {
	text, _ := os.ReadFile("/proc/self/stat")
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseFloat(fields[11], 64)
	system, _ := strconv.ParseFloat(fields[12], 64)
	return (user + system) / 100
}

// written returns how many rows the writer has inserted, changed and deleted.
func written(t testing.TB, s *State) (rows int64) {
	t.Helper()
	must(t, s.write(context.Background(), "count", func(q *session) error {
		_, err := q.one("SELECT total_changes()", nil, &rows)
		return err
	}))
	return rows
}

// resetPeak and peakMiB measure the resident memory of the whole process, including
// SQLite's, if the kernel tells it.
func resetPeak() { os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) }

func peakMiB() float64 {
	text, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kib / 1024
		}
	}
	return 0
}
