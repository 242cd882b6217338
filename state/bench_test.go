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

	"groupwriteback/internal/directory"
	"groupwriteback/internal/engine"
)

// BenchmarkMemberships stages a tenant with fifty members a group and a tenth
// as many people as memberships, and reads all of it as a plan does: both sides'
// lists and both memberships of each group. It reports the seconds of each step
// and the peak of the process's memory in the end.
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
	run := beginRun(b, s, engine.SyncRun, "")
	random := rand.New(rand.NewPCG(1, 2))
	id := func(kind byte, n int) directory.GUID { // spread, as real ones are
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
	var pages []engine.MemberPage
	var target []directory.TargetGroup
	flush := func() {
		must(b, s.StageSourceGroups(ctx, run, source))
		must(b, s.StageMembers(ctx, run, pages))
		must(b, s.StageTargetGroups(ctx, run, target))
		source, pages, target = nil, nil, nil
	}
	for n := range groups {
		source = append(source, directory.SourceGroup{ID: id(1, n), DisplayName: "Group", Mail: "group@contoso.test"})
		page := engine.MemberPage{Group: id(1, n), Last: true}
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
		unresolved, err := s.UnresolvedMembers(ctx, run, after, 1000)
		must(b, err)
		if len(unresolved) == 0 {
			break
		}
		resolutions := make([]engine.Resolution, len(unresolved))
		for i, m := range unresolved {
			to := m.ID
			to[0] = 4
			resolutions[i] = engine.Resolution{MemberID: m.ID, Ref: directory.MemberRef{GUID: to, DN: "CN=User,OU=People,OU=Somewhere,DC=contoso,DC=test"}}
		}
		must(b, s.SaveResolutions(ctx, run, resolutions, started))
		after = unresolved[len(unresolved)-1].ID
	}
	step("resolve")

	runtime.GC()
	resetPeak()
	memberships := 0
	list := func() {
		for after := (engine.TargetKey{}); ; {
			page, err := s.TargetGroups(ctx, run, after, 500)
			must(b, err)
			for _, t := range page {
				want, err := s.SourceMembership(ctx, run, t.SourceID)
				must(b, err)
				have, err := s.TargetMembership(ctx, run, t.GUID)
				must(b, err)
				if !slices.Equal(want.Joined, have) {
					b.Fatalf("group %s: %d members, %d in AD", t.SourceID, len(want.Joined), len(have))
				}
				memberships += len(have)
			}
			if len(page) < 500 {
				return
			}
			after = engine.TargetKey{SourceID: page[499].SourceID, GUID: page[499].GUID}
		}
	}
	list()
	step("plan")
	b.ReportMetric(float64(memberships), "memberships")
	if peak := peakMiB(); peak > 0 {
		b.ReportMetric(peak, "peak-MiB")
	}
	must(b, s.Commit(ctx, run, engine.Watermark{}, nil))
	endRun(b, s, run, engine.RunComplete)
	clock = time.Now()
	views := 0
	for after := (directory.GUID{}); views < 5_000; {
		page, err := s.Groups(ctx, engine.GroupFilter{}, after, 500)
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
	next := beginRun(b, s, engine.SyncRun, "")
	clock = time.Now()
	must(b, s.Commit(ctx, next, engine.Watermark{}, nil))
	step("remove")
}

// resetPeak and peakMiB measure the resident memory of the whole process,
// SQLite's included, where the kernel tells.
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
