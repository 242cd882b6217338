package stdio

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

func TestAuditListIsNewestFirst(t *testing.T) {
	state := &fakeState{}
	at := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	for i := range 205 {
		event := contract.AuditRunStarted
		if i%2 == 0 {
			event = contract.AuditRunEnded
		}
		state.audit = append(state.audit, contract.AuditEntry{ID: fmt.Sprintf("20261201-%03d", i+100), Time: at.Add(time.Duration(i) * time.Minute), Event: event})
	}
	p := startInitialized(t, &fakeEngine{state: state})
	list := func(params map[string]any) (ids []string) {
		pages(p, "audit.list", "entries", params, func(item json.RawMessage) {
			var entry contract.AuditEntry
			if err := json.Unmarshal(item, &entry); err != nil {
				t.Fatal(err)
			}
			ids = append(ids, entry.ID)
		})
		return ids
	}
	if ids := list(map[string]any{"limit": 40}); len(ids) != 205 || ids[0] != "20261201-304" || !slices.IsSortedFunc(ids, func(a, b string) int { return strings.Compare(b, a) }) {
		t.Errorf("%v", ids)
	}
	if ids := list(map[string]any{"events": []string{"RUNSTARTED"}, "since": "2026-12-01T01:00:00+01:00", "until": "2026-12-01T00:04:00Z"}); !slices.Equal(ids, []string{"20261201-103", "20261201-101"}) {
		t.Errorf("%v", ids)
	}
}

func TestTheAuditOfAGroup(t *testing.T) {
	id, object := directory.GUID{1}, directory.GUID{2}
	state := &fakeState{groups: []contract.GroupView{{Key: directory.GUID{3}, ID: id, TargetGUID: object, DN: "CN=Sales,DC=x"}}}
	p := startInitialized(t, &fakeEngine{state: state})
	for text, want := range map[string]contract.AuditFilter{
		" Sales ":       {Object: "Sales", Mentions: []string{"cn=sales,dc=x", id.String(), object.String()}},
		object.String(): {Object: object.String(), Mentions: []string{object.String(), "cn=sales,dc=x", id.String(), object.String()}},
	} {
		p.call(1, "audit.list", map[string]any{"group": text})
		p.wantResult("1")
		if diff := cmp.Diff(want, state.asked); diff != "" {
			t.Error(diff)
		}
	}
}
