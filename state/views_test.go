package state

import (
	"context"
	"slices"
	"testing"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// TestGroupsComeTheSameInPagesOfAnySize: cloud groups, and objects that stand for none,
// are listed in one order, whatever the size of the pages.
func TestGroupsComeTheSameInPagesOfAnySize(t *testing.T) {
	ctx := context.Background()
	s := newState(t)
	run := beginRun(t, s, contract.SyncRun, "")
	var groups []directory.SourceGroup
	var objects []directory.TargetGroup
	want := map[directory.GUID]bool{}
	for i := range uint32(20) {
		// The keys of the two kinds alternate in runs of several.
		id := guid(byte(1+i/3), i)
		if i%5 < 3 {
			groups = append(groups, directory.SourceGroup{ID: id, Properties: directory.Values{"displayName": {"group"}}})
		} else {
			objects = append(objects, directory.TargetGroup{GUID: id, CN: "other", AdminDesc: directory.Mark(guid(99, i))})
		}
		want[id] = true
	}
	objects = append(objects, directory.TargetGroup{GUID: guid(50, 1), CN: "ours", AdminDesc: directory.Mark(groups[0].ID)})
	must(t, s.Generation(run).StageSourceGroups(ctx, groups))
	must(t, s.Generation(run).StageTargetGroups(ctx, objects))
	must(t, s.SaveLinks(ctx, []contract.Link{{SourceID: groups[0].ID, TargetGUID: guid(50, 1)}}))
	must(t, s.Generation(run).Commit(ctx, contract.Watermark{}, nil))
	for size := 1; size <= len(want)+1; size++ {
		var keys []directory.GUID
		for after := (directory.GUID{}); ; {
			page, err := s.Groups(ctx, contract.GroupFilter{}, after, size)
			must(t, err)
			for _, v := range page {
				keys = append(keys, v.Key)
			}
			if len(page) < size {
				break
			}
			after = page[len(page)-1].Key
		}
		if len(keys) != len(want) || !slices.IsSortedFunc(keys, directory.GUID.Compare) {
			t.Errorf("in pages of %d come %d of %d: %v", size, len(keys), len(want), keys)
		}
		for _, key := range keys {
			if !want[key] {
				t.Errorf("in pages of %d comes %s", size, key)
			}
		}
	}
}
