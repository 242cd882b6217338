package engine_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/internal/directory"
	"groupwriteback/internal/engine"
	"groupwriteback/internal/plan"
)

// A member who is in the group and may not be read any more is still a member:
// his value is known by its SID. Once he has left the group of the tenant, it goes.
func TestAMemberWhoMayNotBeReadStaysInTheGroup(t *testing.T) {
	for name, run := range map[string]func(b *bench) (engine.Run, error){
		"delta": func(b *bench) (engine.Run, error) { return b.engine.Sync(t.Context(), engine.SyncRequest{}, nil) },
		"initial": func(b *bench) (engine.Run, error) {
			return b.engine.Sync(t.Context(), engine.SyncRequest{PolicyType: engine.Initial}, nil)
		},
		"preview": func(b *bench) (engine.Run, error) { return b.engine.Preview(t.Context(), engine.PreviewRequest{}, nil) },
		"on demand": func(b *bench) (engine.Run, error) {
			result, err := b.engine.SyncGroup(t.Context(), engine.GroupSyncRequest{Group: guid("group one").String()}, nil)
			return result.Run, err
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := settled(t, map[string][]string{"one": {"a", "b", "c"}})
			b.directory.hidden[account("b").GUID] = true
			b.tenant.put("one", "a", "b") // so that the group is looked at
			result, err := run(b)
			if err != nil || result.Planned.MembersRemoved != 1 {
				t.Errorf("%+v, %v", result, err)
			}
			if name == "preview" {
				return
			}
			if diff := cmp.Diff([]string{"a", "b"}, b.holds()["one"]); diff != "" {
				t.Error(diff)
			}
			b.tenant.put("one", "a")
			if _, err := run(b); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{"a"}, b.holds()["one"]); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What somebody put into the group beside him is drift all the same, also an
// account of which nothing is known.
func TestAMemberWhoMayNotBeReadKeepsNobodyElse(t *testing.T) {
	b := settled(t, map[string][]string{"one": {"a", "b"}})
	b.directory.hidden[account("b").GUID] = true
	for _, g := range b.directory.objects {
		g.Members = append(g.Members, account("c"), directory.MemberRef{GUID: guid("contact"), DN: "CN=contact,DC=contoso,DC=test"})
	}
	if run := b.delta(t); run.Exported.MembersRemoved != 2 {
		t.Errorf("%+v", run)
	}
	b.directory.hidden[account("b").GUID] = false
	b.ahead += 31 * time.Minute
	b.delta(t)
	if run := b.delta(t); run.Planned != (plan.Totals{}) {
		t.Errorf("%+v", run)
	}
	if diff := cmp.Diff([]string{"a", "b"}, b.holds()["one"]); diff != "" {
		t.Error(diff)
	}
}

// An account that is found and stands for the member no longer is none that may
// not be read.
func TestAMemberWhoBecameAnotherIsRemoved(t *testing.T) {
	b := settled(t, map[string][]string{"one": {"a", "b"}})
	b.tenant.groups[guid("group one")].members[1].SID = userSID("somebody else")
	b.directory.hidden[account("b").GUID] = true // it is not found
	b.delta(t)
	if diff := cmp.Diff([]string{"a"}, b.holds()["one"]); diff != "" {
		t.Error(diff)
	}
}
