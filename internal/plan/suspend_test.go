package plan

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"groupwriteback/internal/directory"
)

func held(reason directory.HoldReason) *directory.Hold {
	return &directory.Hold{Reason: reason, Comment: "Migration.", Account: `CONTOSO\anna`, Since: time.Date(2026, 12, 1, 9, 30, 0, 0, time.UTC)}
}

// TestOnHold goes through everything that a run would otherwise do to a group.
func TestOnHold(t *testing.T) {
	hold := held(directory.HoldSuspended)
	value := directory.HoldValue(tenant, hold)
	carries := func(c *Candidate) { c.ExtensionName = append(slices.Clone(c.ExtensionName), value) }
	for name, test := range map[string]struct {
		change func(*Pair, *Rules)
		want   []string
	}{
		"nothing to do":        {func(*Pair, *Rules) {}, []string{"Skip Linked Suspended"}},
		"a rename and members": {func(p *Pair, _ *Rules) { says(p.Source, "displayName", "Other"); p.Membership.Joined = members(2) }, []string{"Skip Linked Suspended"}},
		"drift": {func(p *Pair, _ *Rules) {
			has(&p.Candidates[0], "displayName", "By hand")
			p.Candidates[0].CN = "By hand"
		}, []string{"Skip Linked Suspended"}},
		"not in AD yet":     {func(p *Pair, _ *Rules) { p.Candidates = nil }, []string{"Skip Unlinked Suspended"}},
		"deleted by hand":   {func(p *Pair, _ *Rules) { p.Candidates, p.LinkLost = nil, &directory.MemberRef{GUID: object} }, []string{"Skip Unlinked Suspended"}},
		"moved":             {func(p *Pair, r *Rules) { p.Candidates[0].Place, r.MoveBack = Elsewhere, true }, []string{"Skip Moved Suspended"}},
		"another container": {func(p *Pair, _ *Rules) { p.Candidates[0].Place = InFormerContainer }, []string{"Skip Linked Suspended"}},
		"hard-deleted":      {func(p *Pair, _ *Rules) { p.Source, p.Presence = nil, directory.PresenceHardDeleted }, []string{"Skip Linked Suspended"}},
		"soft-deleted": {func(p *Pair, r *Rules) {
			p.Source, p.Presence, r.RemoveSoftDeleted = nil, directory.PresenceSoftDeleted, true
		}, []string{"Skip Linked Suspended"}},
		"out of scope": {func(p *Pair, r *Rules) {
			p.Source, p.Presence, r.RemoveOutOfScope = nil, directory.PresenceOutOfScope, true
		}, []string{"Skip Linked Suspended"}},
		"gone on both sides": {func(p *Pair, _ *Rules) {
			p.Source, p.Candidates, p.Presence, p.LinkLost = nil, nil, directory.PresenceHardDeleted, &directory.MemberRef{GUID: object}
		}, []string{"Skip Deleted AlreadyDeleted"}},
		"the value is missing": {func(p *Pair, _ *Rules) { p.Candidates[0].ExtensionName = p.Candidates[0].ExtensionName[:1] }, []string{"Update Linked Suspended extensionName"}},
		"protected":            {func(p *Pair, _ *Rules) { p.Candidates[0].AdminCount = true }, []string{"Skip Linked Protected"}},
		"no longer marked":     {func(p *Pair, _ *Rules) { p.Candidates[0].AdminDesc, p.Candidates[0].ExternalID = "", "" }, []string{"Skip Linked MarkRemoved"}},
		"released":             {func(p *Pair, r *Rules) { r.Released = map[directory.GUID]bool{groupID: true} }, []string{"Update Linked Released extensionName"}},
		"another object besides": {func(p *Pair, r *Rules) {
			p.Candidates = append(p.Candidates, p.Candidates[0])
			p.Candidates[1].GUID, p.Candidates[1].Linked = other, false
		}, []string{"Skip Disputed Disputed", "Skip Linked Suspended"}},
		"to be adopted": {func(p *Pair, r *Rules) {
			p.Candidates[0].Linked, p.Candidates[0].ExtensionName = false, []string{"x", value}
			agree(p, r)
		}, []string{"Skip Foreign Suspended"}},
		"unmatched": {func(p *Pair, _ *Rules) { p.Source, p.Candidates[0].Linked = nil, false }, []string{"Skip Unmatched Unmatched"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := rules()
			p := &Pair{ID: groupID, Source: source(), Candidates: []Candidate{written(source(), r, object, 1)}, Hold: hold}
			p.Membership.Joined = members(1)
			carries(&p.Candidates[0])
			test.change(p, r)
			changes := Group(p, r)
			if diff := cmp.Diff(test.want, say(changes)); diff != "" {
				t.Error(diff)
			}
			if Pending(changes, &Membership{}) != (name == "protected" || name == "no longer marked") {
				t.Errorf("pending: %+v", changes)
			}
		})
	}
}

func TestAHoldSaysWhyByWhomAndUntilWhen(t *testing.T) {
	hold := held(directory.HoldSuspended)
	p := &Pair{ID: groupID, Source: source(), Hold: hold}
	text := func() string { return Group(p, rules())[0].Message }
	for _, part := range []string{directory.Moment(hold.Since), `CONTOSO\anna`, ": Migration. ", "until somebody resumes it."} {
		if !strings.Contains(text(), part) {
			t.Errorf("%q does not say %q", text(), part)
		}
	}
	p.Hold = held(directory.HoldRestored)
	p.Hold.Until = hold.Since.Add(time.Hour)
	if c := Group(p, rules())[0]; c.Reason != ReasonRestored || !strings.Contains(c.Message, "until "+directory.Moment(p.Hold.Until)+".") {
		t.Errorf("%+v", c)
	}
}

// TestNobodyHoldsAGroupThroughAD checks that values which the state does not know are
// removed, whatever they look like, and nothing else.
func TestNobodyHoldsAGroupThroughAD(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, hold := rules(), held(directory.HoldSuspended)
		ours := written(source(), r, object, 1)
		stamps := slices.Clone(ours.ExtensionName)
		forged := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{
			directory.HoldValue(tenant, hold), strings.ToUpper(directory.HoldValue(tenant, held(directory.HoldRestored))), directory.Stamp(tenant) + ":hold:", directory.Stamp(tenant) + ":hold:forever",
		}), 0, 4, rapid.ID).Draw(t, "forged")
		others := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"x", directory.HoldValue(other, hold), directory.Stamp(tenant) + ":holder"}), 0, 3, rapid.ID).Draw(t, "others")
		ours.ExtensionName = rapid.Permutation(slices.Concat(stamps, forged, others)).Draw(t, "values")
		p := &Pair{ID: groupID, Source: source(), Candidates: []Candidate{ours}, Membership: Membership{Joined: members(1)}}
		if rapid.Bool().Draw(t, "held") {
			p.Hold = hold
		}
		changes := Group(p, r)
		for _, c := range changes {
			apply(&p.Candidates[0], c)
		}
		want := slices.Concat(stamps, others)
		if p.Hold != nil {
			want = append(want, directory.HoldValue(tenant, hold))
		}
		if got := p.Candidates[0].ExtensionName; !IgnoreCase.same(got, want) {
			t.Fatalf("the object has %q, want %q", got, want)
		}
		if again := Group(p, r); len(again) > 0 && again[0].Action != Skip {
			t.Fatalf("and then %v", say(again))
		}
	})
}

func TestAForgedHoldIsDrift(t *testing.T) {
	r := rules()
	before := written(source(), r, object, 1)
	now := before
	now.ExtensionName = append(slices.Clone(before.ExtensionName), directory.HoldValue(tenant, held(directory.HoldSuspended)))
	p := &Pair{ID: groupID, Source: source(), Candidates: []Candidate{now}, Membership: Membership{Joined: members(1)}}
	changes := Group(p, r)
	DriftBetween(&before, &now, r.Mapping).Explain(changes)
	if diff := cmp.Diff([]string{"Update Linked Drift extensionName"}, say(changes)); diff != "" {
		t.Error(diff)
	}
}

func TestALostHoldIsTakenFromOurOwnObjectsOnly(t *testing.T) {
	hold := held(directory.HoldSuspended)
	for i, test := range []struct {
		change func(*Pair, *Rules)
		want   bool
	}{
		{func(*Pair, *Rules) {}, true},
		{func(p *Pair, _ *Rules) { p.Candidates[0].Linked = true }, false},
		{func(p *Pair, _ *Rules) { p.Candidates[0].Owner = attack }, false},
		{func(p *Pair, _ *Rules) { p.Candidates[0].ExtensionName = p.Candidates[0].ExtensionName[1:] }, false},
		{func(p *Pair, _ *Rules) { p.Candidates[0].AdminCount = true }, false},
		{func(p *Pair, _ *Rules) { p.Source = nil }, false},
		{func(p *Pair, r *Rules) { p.Candidates[0].Owner = attack; agree(p, r) }, false},
		{func(p *Pair, _ *Rules) { p.Candidates[0].ExtensionName[1] = directory.HoldValue(other, hold) }, false},
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			r := rules()
			p := &Pair{ID: groupID, Source: source(), Candidates: []Candidate{written(source(), r, object, 1)}}
			p.Candidates[0].Linked = false
			p.Candidates[0].ExtensionName = []string{directory.Stamp(tenant), directory.HoldValue(tenant, hold)}
			test.change(p, r)
			if got := LostHold(p, r); (got != nil) != test.want {
				t.Errorf("the hold is %+v", got)
			}
		})
	}
}
