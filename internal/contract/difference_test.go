package contract

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

var noon = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)

func TestDifference(t *testing.T) {
	one, two := directory.GUID{1}, directory.GUID{2}
	before := DefaultSettings()
	before.Scope.GroupIDs = []directory.GUID{one}
	before.TrustedOwners = []Principal{{SID: "S-1-5-21-1-2-3-4", Name: `CONTOSO\R&D`}}
	before.Mapping = []plan.Entry{{Attribute: "info", Expression: "[description]"}, {Attribute: "mail", Expression: "[mail]"}}
	after := before
	after.Version, after.InitialPending, after.Enabled = 99, true, true
	after.Limits.DeletionCount = 7
	after.Scope.GroupIDs = []directory.GUID{two}
	after.Scope.Filter = "displayName -like '<&>'"
	after.TrustedOwners = nil
	after.Mapping = []plan.Entry{{Attribute: "mail", Expression: `"a" & [mail]`}, {Attribute: "url", Expression: "[id]"}}

	settings, mapping := before.Difference(&after)
	want := []AuditChange{
		{"enabled", "false", "true"},
		{"limits.deletionCount", "500", "7"},
		{"scope.filter", "", "displayName -like '<&>'"},
		{"scope.groupIds", one.String(), ""},
		{"scope.groupIds", "", two.String()},
		{"trustedOwners", `{"sid":"S-1-5-21-1-2-3-4","name":"CONTOSO\\R&D"}`, ""},
	}
	if diff := cmp.Diff(want, settings); diff != "" {
		t.Error(diff)
	}
	want = []AuditChange{
		{"info", `{"attribute":"info","expression":"[description]"}`, ""},
		{"mail", `{"attribute":"mail","expression":"[mail]"}`, `{"attribute":"mail","expression":"\"a\" & [mail]"}`},
		{"url", "", `{"attribute":"url","expression":"[id]"}`},
	}
	if diff := cmp.Diff(want, mapping); diff != "" {
		t.Error(diff)
	}
	if settings, mapping := after.Difference(&after); settings != nil || mapping != nil {
		t.Errorf("the same settings differ: %v %v", settings, mapping)
	}
}

// Every field that an administrator sets is told: a new one cannot be forgotten, unless it
// is listed as untold.
func TestEveryNumberIsTold(t *testing.T) {
	for _, r := range Ranges {
		before, after := DefaultSettings(), DefaultSettings()
		*r.Of(&after)++
		if settings, _ := before.Difference(&after); len(settings) != 1 || settings[0].Name != r.Name {
			t.Errorf("%s: %v", r.Name, settings)
		}
	}
}

func TestAuditEntriesAreCleanAndBounded(t *testing.T) {
	long := strings.Repeat("ä", 5_000)
	e := AuditEntry{Event: AuditSettingsChanged, Object: "a\nb\u202e", Message: long, Changes: make([]AuditChange, 1)}
	e.Changes[0] = AuditChange{Name: "n\x00", Old: "a\u202eb", New: long}
	e.From = "\x1b[31m"
	e.Clean()
	if e.Object != "a b" || e.From != " [31m" || e.Changes[0].Name != "n " || e.Changes[0].Old != "a<U+202E>b" {
		t.Errorf("%q %q %+q", e.Object, e.From, e.Changes[0])
	}
	for _, text := range []string{e.Message, e.Changes[0].New} {
		if len(text) > maxAuditText || !strings.HasSuffix(text, "ä… (10,000 bytes)") && !strings.HasSuffix(text, "ä… (10000 bytes)") {
			t.Errorf("%d bytes, which end in %q", len(text), text[len(text)-20:])
		}
	}
	again := e
	again.Clean()
	if diff := cmp.Diff(e, again); diff != "" {
		t.Error(diff)
	}
}

func TestAuditFilter(t *testing.T) {
	e := AuditEntry{Event: AuditGroupSuspended, Time: noon, Object: "CN=Sales,DC=x", Changes: []AuditChange{{Name: "until", New: "ABC"}}}
	for _, c := range []struct {
		f    AuditFilter
		want bool
	}{
		{AuditFilter{}, true},
		{AuditFilter{Since: noon}, true},
		{AuditFilter{Until: noon}, false},
		{AuditFilter{Since: noon.Add(1)}, false},
		{AuditFilter{Events: []AuditEvent{AuditEnabled}}, false},
		{AuditFilter{Events: []AuditEvent{AuditEnabled, AuditGroupSuspended}}, true},
		{AuditFilter{Mentions: []string{"cn=sales"}}, true},
		{AuditFilter{Mentions: []string{"nothing", "abc"}}, true},
		{AuditFilter{Mentions: []string{"nothing"}}, false},
		{AuditFilter{Object: "cn=sales,dc=X", Mentions: []string{"nothing"}}, true},
		{AuditFilter{Object: "cn=sales"}, false},
	} {
		if got := c.f.Holds(&e); got != c.want {
			t.Errorf("%+v: %v", c.f, got)
		}
	}
	unreadable := AuditEntry{Event: AuditUnreadable, Time: noon}
	if !(&AuditFilter{Events: []AuditEvent{AuditEnabled}}).Holds(&unreadable) {
		t.Error("a line that cannot be read is hidden")
	}
}

// A request that changes more than an entry can hold leaves several.
func TestManyChangesAreSplit(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	for _, value := range []string{"", long} {
		entry := AuditEntry{Event: AuditSettingsChanged}
		for i := range 1_250 {
			entry.Changes = append(entry.Changes, AuditChange{Name: fmt.Sprint(i), Old: value, New: value})
		}
		n, more := 0, 0
		for _, part := range entry.Split() {
			part.Clean()
			for _, c := range part.Changes {
				if c.Name != fmt.Sprint(n) {
					t.Fatalf("%s instead of %d", c.Name, n)
				}
				n++
			}
			more += part.More
		}
		if n != 1_000 || more != 250 {
			t.Errorf("%d changes and %d more", n, more)
		}
		entry.Clean()
		if len(entry.Changes) == 0 || len(entry.Changes)+entry.More != 1_250 {
			t.Errorf("%d changes and %d more", len(entry.Changes), entry.More)
		}
	}
	if diff := cmp.Diff([]AuditEntry{{Event: "x"}}, AuditEntry{Event: "x"}.Split()); diff != "" {
		t.Error(diff)
	}
}
