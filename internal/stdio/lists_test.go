package stdio

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// pages reads a list to its end and returns the number of items, checking every page.
func pages(p *peer, method, name string, params map[string]any, each func(item json.RawMessage)) int {
	p.t.Helper()
	n := 0
	for {
		p.call(1, method, params)
		text := p.wantResult("1")
		if len(text) > pageBytes+pageBytes/8 {
			p.t.Fatalf("a page has %d bytes", len(text))
		}
		var page map[string]json.RawMessage
		if err := json.Unmarshal(text, &page); err != nil {
			p.t.Fatal(err)
		}
		var items []json.RawMessage
		if err := json.Unmarshal(page[name], &items); err != nil || items == nil {
			p.t.Fatalf("%s is no list: %.100s", name, page[name])
		}
		if limit, ok := params["limit"].(int); ok && len(items) > limit || len(items) > maxLimit {
			p.t.Fatalf("a page has %d items", len(items))
		}
		for _, item := range items {
			each(item)
		}
		n++
		next, more := page["next"]
		if !more {
			return n
		}
		if len(items) == 0 {
			p.t.Fatal("an empty page says that there is more")
		}
		params["after"] = next
	}
}

func TestRunListIsNewestFirst(t *testing.T) {
	state := &fakeState{}
	for id := int64(205); id > 0; id-- {
		state.runs = append(state.runs, contract.Run{ID: id})
	}
	p := startInitialized(t, &fakeEngine{state: state})
	want := int64(205)
	n := pages(p, "run.list", "runs", map[string]any{}, func(item json.RawMessage) {
		var run contract.Run
		if err := json.Unmarshal(item, &run); err != nil || run.ID != want {
			t.Fatalf("got run %d (%v), want %d", run.ID, err, want)
		}
		want--
	})
	if n != 3 || want != 0 {
		t.Errorf("%d pages, %d runs left", n, want)
	}
	p.call(2, "run.list", map[string]any{"limit": 205})
	if got := string(p.wantResult("2")); strings.Contains(got, `"next"`) {
		t.Error("a list that fits exactly says that there is more")
	}
}

// For any sizes and any limit, the pages make up the list.
func TestPagesMakeUpTheList(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		sizes := rapid.SliceOfN(rapid.SampledFrom([]int{0, 10, 3_000, 200_000, 400_000}), 0, 60).Draw(r, "sizes")
		limit := rapid.IntRange(1, 70).Draw(r, "limit")
		left := rapid.IntRange(1, 4).Draw(r, "left out: every n-th")
		l := list[int64, int64]{
			name: "items", parse: parseNumber, text: numberText,
			fetch: func(after int64, n int) (out []int64, err error) {
				for i := after + 1; i <= int64(len(sizes)) && len(out) < n; i++ {
					out = append(out, i)
				}
				return out, nil
			},
			key:  func(i int64) int64 { return i },
			show: func(i int64) (any, bool, error) { return strings.Repeat("x", sizes[i-1]), i%int64(left) != 0, nil },
		}
		var got []int
		for p := (Paging{Limit: limit}); ; {
			answer, err := l.page(p)
			if err != nil {
				r.Fatal(err)
			}
			page := answer.(map[string]any)
			bytes := 0
			items := page["items"].([]json.RawMessage)
			for _, item := range items {
				got, bytes = append(got, len(item)-2), bytes+len(item)
			}
			if len(items) > limit || bytes > pageBytes {
				r.Fatalf("%d items of %d bytes", len(items), bytes)
			}
			next, more := page["next"].(string)
			if !more {
				break
			}
			if len(items) == 0 {
				r.Fatal("an empty page says that there is more")
			}
			p.After = next
		}
		var want []int
		for i, size := range sizes {
			if (i+1)%left != 0 {
				want = append(want, size)
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			r.Fatalf("got %v, want %v", got, want)
		}
	})
}

func members(n int, from int64) []directory.MemberRef {
	out := make([]directory.MemberRef, n)
	for i := range out {
		out[i] = directory.MemberRef{GUID: guidOf(from + 2*int64(i)), DN: fmt.Sprintf("CN=user %d,OU=People,DC=contoso,DC=test", i)}
	}
	return out
}

func TestChangesAndTheirMembers(t *testing.T) {
	state := &fakeState{count: 3,
		changes: func(i int64) contract.SpooledChange {
			c := contract.SpooledChange{ID: i, Outcome: contract.OutcomePending, Change: plan.Change{Action: plan.UpdateMembers, Message: "planned"}}
			if i == 2 {
				c.AddCount, c.RemoveCount = 700, 60
				c.Outcome, c.Message = contract.OutcomePartial, "refused"
			}
			if i == 3 {
				c.Action = plan.Skip
			}
			return c
		},
		members: func(int64) (add, remove []directory.MemberRef) { return members(700, 1), members(60, 2) },
	}
	p := startInitialized(t, &fakeEngine{state: state})
	p.call(1, "change.list", map[string]any{"runId": 9})
	p.wantError("1", -32001, "RunNotFound")

	var got []change
	pages(p, "change.list", "changes", map[string]any{"runId": 1, "action": "UpdateMembers"}, func(item json.RawMessage) {
		for _, list := range []string{`"attributes":[]`, `"add":[`, `"remove":[`} {
			if !strings.Contains(string(item), list) {
				t.Errorf("%s is missing in %.300s", list, item)
			}
		}
		var c change
		if err := json.Unmarshal(item, &c); err != nil {
			t.Fatal(err)
		}
		got = append(got, c)
	})
	if len(got) != 2 || got[0].Message != "planned" || got[1].Message != "refused" || got[1].RunID != 1 || got[1].AddCount != 700 {
		t.Fatalf("got %+v", got)
	}
	// These are the first hundred by GUID; the two kinds alternate in these lists.
	if len(got[1].Add) != 50 || len(got[1].Remove) != 50 || len(got[0].Add) != 0 {
		t.Errorf("shown: %d added, %d removed", len(got[1].Add), len(got[1].Remove))
	}

	pages(p, "change.list", "changes", map[string]any{"runId": 1, "outcome": "Partial"}, func(item json.RawMessage) {
		if !strings.Contains(string(item), `"id":2,`) {
			t.Errorf("got %.100s", item)
		}
	})

	counts := map[string]int{}
	last := directory.GUID{}
	pages(p, "change.members", "members", map[string]any{"changeId": 2, "limit": 33}, func(item json.RawMessage) {
		var m memberOperation
		if err := json.Unmarshal(item, &m); err != nil || m.GUID.Compare(last) <= 0 || m.DN == "" {
			t.Fatalf("got %s after %s: %v", item, last, err)
		}
		last = m.GUID
		counts[m.Operation]++
	})
	if counts["Add"] != 700 || counts["Remove"] != 60 || len(counts) != 2 {
		t.Errorf("counts %v", counts)
	}
}

// Fifty thousand changes, every fiftieth with a hundred members to show, are 30 MB of
// text when listed. Read page by page, they must cost this process no more than a few
// pages of half a megabyte: one as read, one as text, the copies made by encoding and
// the pipe, and what the garbage collector has not freed.
func TestMemoryOfALongList(t *testing.T) {
	const changes = 50_000
	const bound = 32 << 20
	shown := members(shownMembers, 1)
	state := &fakeState{count: changes,
		changes: func(i int64) contract.SpooledChange {
			c := contract.SpooledChange{ID: i, Change: plan.Change{Action: plan.UpdateMembers, DN: fmt.Sprintf("CN=Group_%d,OU=Groups,DC=contoso,DC=test", i)}}
			if i%50 == 0 {
				c.AddCount = 20_000
			}
			return c
		},
		members: func(int64) (add, remove []directory.MemberRef) { return shown, nil },
	}
	p := startInitialized(t, &fakeEngine{state: state})
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	before, peak := m.HeapAlloc, uint64(0)
	params := map[string]any{"runId": 1, "limit": maxLimit}
	n, total := 0, 0
	for {
		p.call(1, "change.list", params)
		text := p.wantResult("1")
		total += len(text)
		runtime.ReadMemStats(&m)
		peak = max(peak, m.HeapAlloc)
		// Only scan the text, because the client's part of this process is not what is
		// measured.
		n += strings.Count(string(text), `"addCount":`)
		_, next, more := strings.Cut(string(text[max(0, len(text)-40):]), `"next":"`)
		if !more {
			break
		}
		params["after"], _, _ = strings.Cut(next, `"`)
	}
	if n != changes {
		t.Errorf("%d changes were listed", n)
	}
	if grown := int64(peak) - int64(before); grown > bound {
		t.Errorf("listing grew the heap by %d MiB, more than %d MiB", grown>>20, bound>>20)
	} else {
		t.Logf("%d MiB of text; the heap grew by %d MiB", total>>20, grown>>20)
	}
}
