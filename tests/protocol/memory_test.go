//go:build unix

package protocol

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"testing"
	"time"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
	"groupwriteback/state"
	"groupwriteback/tests/protocol/client"
)

// TestMemoryOfManyChanges lists a run of 50,000 changes, every tenth with 200 members,
// and reads the peak of the engine's memory from the system. The engine starts with
// about 40 MB, most of which is the program itself; a page has at most half a megabyte;
// and Go's garbage collector lets the heap double. An engine that held the whole list,
// 75 MB as text and more in memory, would exceed the limit.
func TestMemoryOfManyChanges(t *testing.T) {
	const changes, members, bound = 50_000, 200, 100 << 20
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skip("no /proc to read the peak of a process from")
	}
	folder := t.TempDir() + "/state"
	run := spoolMany(t, folder, changes, members)

	c := start(t, client.Options{})
	if err := c.Initialize(t.Context(), folder); err != nil {
		t.Fatal(err)
	}
	listed, added, pages := 0, 0, 0
	params := map[string]any{"runId": run, "limit": 500}
	for {
		var page struct {
			Changes []struct {
				AddCount int
				Add      []any
			}
			Next any
		}
		if err := c.Call(t.Context(), "change.list", params, &page); err != nil {
			t.Fatal(err)
		}
		for _, change := range page.Changes {
			if len(change.Add) != min(change.AddCount, 100) {
				t.Fatalf("a change has %d members and shows %d", change.AddCount, len(change.Add))
			}
			added += change.AddCount
		}
		listed, pages = listed+len(page.Changes), pages+1
		if page.Next == nil {
			break
		}
		params["after"] = page.Next
	}
	if listed != changes || added != changes/10*members {
		t.Errorf("%d of %d changes were listed, with %d members", listed, changes, added)
	}
	status := read(t, fmt.Sprintf("/proc/%d/status", c.PID()))
	m := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)
	if m == nil {
		t.Fatalf("no VmHWM in %s", status)
	}
	peak, err := strconv.Atoi(string(m[1]))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d pages; the engine's peak is %d MiB", pages, peak>>10)
	if peak<<10 > bound {
		t.Errorf("the engine's peak is %d MiB, above %d MiB", peak>>10, bound>>20)
	}
}

// spoolMany creates a state with a run of so many changes and returns the run's id.
func spoolMany(t *testing.T, folder string, changes, members int) int64 {
	t.Helper()
	s, err := state.Open(t.Context(), folder)
	check(t, err)
	defer s.Close()
	id, err := s.BeginRun(t.Context(), contract.Run{Kind: contract.PreviewRun, PolicyType: contract.Initial, PlanID: "many", Started: time.Now().UTC()})
	check(t, err)
	for first := 0; first < changes; first += 1000 {
		batch := make([]plan.Change, 1000)
		for i := range batch {
			n := first + i
			batch[i] = plan.Change{Action: plan.Create, Situation: plan.Unlinked, SourceID: guid(1, n), DisplayName: fmt.Sprintf("Group %d", n),
				DN:         fmt.Sprintf("CN=Group_%s,OU=Groups,DC=contoso,DC=test", guid(1, n)),
				Attributes: []plan.AttributeChange{{Name: "displayName", New: []string{fmt.Sprintf("Group %d", n)}}}}
			for m := range members {
				if n%10 != 0 {
					break
				}
				batch[i].Add = append(batch[i].Add, guid(2, m))
			}
		}
		check(t, s.Generation(id).Spool(t.Context(), batch))
	}
	return id
}

func guid(kind, n int) directory.GUID {
	return directory.MustGUID(fmt.Sprintf("%08x-0000-4000-8000-%012x", kind, n))
}
