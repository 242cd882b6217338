package plan

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"groupwriteback/internal/directory"
)

func TestDrift(t *testing.T) {
	for _, c := range []struct {
		name string
		edit func(now *Candidate)
		want string // empty: no drift
	}{
		{"an echo", func(now *Candidate) { now.USNChanged += 7; now.WhenChanged = time.Now() }, ""},
		{"another value of extensionName", func(now *Candidate) { now.ExtensionName = append(now.ExtensionName, "x") }, ""},
		{"what is not ours", func(now *Candidate) { now.SAMAccountName = "sales" }, ""},
		{"the container was renamed", func(now *Candidate) { now.DN = "CN=x,OU=Renamed,DC=contoso,DC=test" }, ""},
		{"an attribute, when is reported", func(now *Candidate) {
			has(now, "description", "by hand")
			now.WhenChanged = time.Date(2026, 11, 24, 5, 12, 3, 0, time.FixedZone("", 3600))
		}, "Changed in Active Directory at " + directory.Moment(time.Date(2026, 11, 24, 4, 12, 3, 0, time.UTC)) + ": description."},
		{"all that is ours", func(now *Candidate) {
			now.CN, now.AdminDesc, now.ExternalID = "a", "d", "e"
			now.Attributes = directory.Values{"displayName": {"b"}, "mail": {"c"}}
			now.GroupType, now.ExtensionName = 2, []string{"x"}
		}, "Changed in Active Directory: cn, displayName, description, mail, adminDescription, msDS-ExternalDirectoryObjectId, groupType, extensionName."},
		{"members", func(now *Candidate) { now.Values = members(2, 3, 4) }, "Changed in Active Directory: 2 members added, 1 removed."},
		{"one member came", func(now *Candidate) { now.Values = members(1, 2, 3) }, "Changed in Active Directory: 1 member added."},
		{"all members went", func(now *Candidate) { now.Values = nil }, "Changed in Active Directory: 2 members removed."},
		{"moved and edited", func(now *Candidate) {
			now.DN, now.Place, now.Values = "CN=x,OU=Else,DC=contoso,DC=test", Elsewhere, members(1)
			has(now, "mail", "")
		}, "Changed in Active Directory: mail; moved out of OU=Groups,DC=contoso,DC=test; 1 member removed."},
	} {
		before := written(source(), rules(), object, 1, 2)
		now := before
		now.ExtensionName = slices.Clone(before.ExtensionName)
		c.edit(&now)
		switch drift := DriftBetween(&before, &now, Standard); {
		case drift == nil && c.want != "":
			t.Errorf("%s: no drift, want %s", c.name, c.want)
		case drift != nil && drift.String() != c.want:
			t.Errorf("%s: %s, want %s", c.name, drift, c.want)
		}
	}
}

func TestDriftExplains(t *testing.T) {
	before := written(source(), rules(), object, 1, 2, 3)
	for _, c := range []struct {
		name string
		edit func(now *Candidate, p *Pair, r *Rules)
		want []string
	}{
		{"an attribute put right", func(now *Candidate, p *Pair, r *Rules) { has(now, "description", "by hand") }, []string{"Update Linked Drift description"}},
		{"members put right", func(now *Candidate, p *Pair, r *Rules) { now.Values = members(1, 2, 4) }, []string{"UpdateMembers Linked Drift +1 -1"}},
		{"edited as the tenant has it by now", func(now *Candidate, p *Pair, r *Rules) {
			has(now, "description", "by hand")
			says(p.Source, "description", "by hand")
			now.Values, p.Membership.Joined = members(1), members(1)
		}, nil},
		{"edited here, something else there", func(now *Candidate, p *Pair, r *Rules) {
			now.Values = members(1, 2)
			says(p.Source, "description", "new")
		}, []string{"Update Linked description", "UpdateMembers Linked Drift +1"}},
		{"a reason of its own stays", func(now *Candidate, p *Pair, r *Rules) {
			now.DN, now.Place, r.MoveBack = "CN=x,DC=contoso,DC=test", Elsewhere, true
			has(now, "description", "by hand")
		}, []string{"Move Moved MovedBack description"}},
		{"no longer marked", func(now *Candidate, p *Pair, r *Rules) { now.AdminDesc, now.ExternalID = "", "" }, []string{"Skip Linked MarkRemoved"}},
	} {
		now, r := before, rules()
		p := &Pair{ID: groupID, Source: source(), Membership: Membership{Joined: members(1, 2, 3)}}
		c.edit(&now, p, r)
		p.Candidates = []Candidate{now}
		drift := DriftBetween(&before, &now, Standard)
		changes := Group(p, r)
		drift.Explain(changes)
		if diff := cmp.Diff(c.want, say(changes)); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
		for _, change := range changes {
			if change.Reason == ReasonDrift && change.Message != drift.String() {
				t.Errorf("%s: %q does not say %q", c.name, change.Message, drift)
			}
		}
	}
	// Without drift nothing is explained.
	changes := []Change{{Action: Update, Attributes: []AttributeChange{{Name: "mail"}}}}
	DriftBetween(&before, &before, Standard).Explain(changes)
	if changes[0].Reason != "" {
		t.Errorf("explained by nothing: %+v", changes[0])
	}
}

// If nobody changed the group in the tenant, every change that corrects it is explained
// by what somebody changed in AD, and by nothing else.
func TestDriftIsAllThatIsPutRight(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rules()
		draw := func(name string) []directory.GUID {
			return members(slices.Compact(slices.Sorted(slices.Values(rapid.SliceOf(rapid.ByteRange(0, 9)).Draw(t, name))))...)
		}
		before := written(source(), r, object)
		before.Values = draw("before")
		now := before
		now.Values = draw("now")
		for _, name := range []string{"cn", "displayName", "description", "mail"} {
			if !rapid.Bool().Draw(t, name) {
				continue
			}
			if err := now.SetAttribute(name, []string{rapid.String().Draw(t, name)}); err != nil {
				t.Fatal(err)
			}
		}
		now.GroupType = rapid.SampledFrom([]int32{now.GroupType, 2, 4}).Draw(t, "type")
		drift := DriftBetween(&before, &now, Standard)
		changes := Group(&Pair{ID: groupID, Source: source(), Membership: Membership{Joined: before.Values}, Candidates: []Candidate{now}}, r)
		if (drift == nil) != (len(changes) == 0) {
			t.Fatalf("drift %v, changes %v", drift, say(changes))
		}
		drift.Explain(changes)
		for _, c := range changes {
			if c.Reason != ReasonDrift {
				t.Fatalf("not explained by %s: %v", drift, say(changes))
			}
		}
	})
}
