package state

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

func TestSpoolRoundTrip(t *testing.T) {
	ctx := context.Background()
	s := newState(t)
	text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "'; --", "%_\\", "a\x00b", "🙂\n"}))
	members := rapid.Custom(func(r *rapid.T) (guids []directory.GUID) {
		n := rapid.SampledFrom([]uint32{0, 0, 0, 0, 0, 0, 1, 3, 1024, 1025}).Draw(r, "members")
		first, step := rapid.Uint32Range(0, 100).Draw(r, "first"), rapid.Uint32Range(1, 5).Draw(r, "step")
		for i := range n {
			guids = append(guids, guid(4, first+i*step))
		}
		return guids
	})
	change := rapid.Custom(func(r *rapid.T) plan.Change {
		c := plan.Change{
			Action:      rapid.SampledFrom([]plan.Action{plan.Create, plan.Adopt, plan.Update, plan.Move, plan.UpdateMembers, plan.Delete, plan.Skip}).Draw(r, "action"),
			Situation:   rapid.SampledFrom([]plan.Situation{plan.Linked, plan.Unlinked, plan.Foreign}).Draw(r, "situation"),
			SourceID:    guid(1, rapid.Uint32Range(0, 3).Draw(r, "source")),
			TargetGUID:  rapid.SampledFrom([]directory.GUID{{}, guid(3, 1)}).Draw(r, "target"),
			DisplayName: text.Draw(r, "name"), DN: text.Draw(r, "dn"), Reason: plan.Reason(text.Draw(r, "reason")), Message: text.Draw(r, "message"),
		}
		for range rapid.IntRange(0, 3).Draw(r, "attributes") {
			c.Attributes = append(c.Attributes, plan.AttributeChange{Name: "mail", Old: rapid.SliceOfN(rapid.StringN(1, 5, 20), 1, 2).Draw(r, "old"), New: rapid.SliceOfN(rapid.StringN(1, 5, 20), 1, 2).Draw(r, "new")})
		}
		c.Add = members.Draw(r, "add")
		for _, g := range members.Draw(r, "remove") {
			if _, added := slices.BinarySearchFunc(c.Add, g, directory.GUID.Compare); !added {
				c.Remove = append(c.Remove, g)
			}
		}
		return c
	})
	rapid.Check(t, func(r *rapid.T) {
		run := beginRun(t, s, contract.PreviewRun, "")
		changes := rapid.SliceOfN(change, 0, 3).Draw(r, "changes")
		for chunk := range slices.Chunk(changes, 3) {
			must(t, s.Generation(run).Spool(ctx, chunk))
		}
		byPhase := map[plan.Phase][]plan.Change{0: changes}
		for _, c := range changes {
			byPhase[c.Action.Phase()] = append(byPhase[c.Action.Phase()], c)
		}
		for _, phase := range []plan.Phase{0, plan.PhaseCreate, plan.PhaseUpdate, plan.PhaseMembers, plan.PhaseDelete, plan.PhaseNone} {
			var got []plan.Change
			for after := int64(0); ; {
				page, err := s.Generation(run).Planned(ctx, phase, after, 2)
				must(t, err)
				for _, c := range page {
					if c.ID <= after {
						t.Fatalf("change %d comes after %d", c.ID, after)
					}
					after = c.ID
					pending := contract.OutcomePending
					if c.Action == plan.Skip {
						pending = contract.OutcomeSkipped
					}
					if c.Outcome != pending || c.AddCount != len(c.Add) || c.RemoveCount != len(c.Remove) {
						t.Fatalf("%+v", c)
					}
					got = append(got, c.Change)
					if phase == 0 {
						checkChangeMembers(t, s, c)
					}
				}
				if len(page) < 2 {
					break
				}
			}
			if diff := cmp.Diff(byPhase[phase], got, cmpopts.EquateEmpty(), wholeGUIDs); diff != "" {
				t.Fatalf("phase %d: %s", phase, diff)
			}
		}
	})
}

// checkChangeMembers lists the members of a change in pages and compares them with those
// of the change.
func checkChangeMembers(t *testing.T, s *State, c contract.SpooledChange) {
	t.Helper()
	var add, remove []directory.GUID
	for after, limit := (directory.GUID{}), 700; ; {
		a, r, err := s.ChangeMembers(context.Background(), c.ID, after, limit)
		must(t, err)
		for _, m := range a {
			add = append(add, m.GUID)
			after = m.GUID
		}
		for _, m := range r {
			remove = append(remove, m.GUID)
			if m.GUID.Compare(after) > 0 {
				after = m.GUID
			}
		}
		if len(a)+len(r) < limit {
			break
		}
	}
	if diff := cmp.Diff([][]directory.GUID{c.Add, c.Remove}, [][]directory.GUID{add, remove}, cmpopts.EquateEmpty(), wholeGUIDs); diff != "" {
		t.Fatal(diff)
	}
}

func TestSpoolWithoutMembers(t *testing.T) {
	ctx := context.Background()
	s := newState(t)
	run := beginRun(t, s, contract.SyncRun, "")
	must(t, s.Generation(run).Spool(ctx, []plan.Change{{Action: plan.UpdateMembers, Add: []directory.GUID{guid(4, 1), guid(4, 2)}, Remove: []directory.GUID{guid(4, 3)}}}))
	got, err := s.Changes(ctx, run, 0, 0, 1)
	must(t, err)
	if c := got[0]; c.Add != nil || c.Remove != nil || c.AddCount != 2 || c.RemoveCount != 1 {
		t.Errorf("%+v", c)
	}
	_, err = s.Changes(ctx, 99, 0, 0, 1)
	wantID(t, err, "RunNotFound")
	_, _, err = s.ChangeMembers(ctx, 99, directory.GUID{}, 1)
	wantID(t, err, "ChangeNotFound")
	wantID(t, s.Generation(run).Spool(ctx, []plan.Change{{Action: plan.Update}, {Add: []directory.GUID{guid(4, 2), guid(4, 1)}}}), "InternalError")
	if n := countRows(t, s, "change"); n != 1 {
		t.Errorf("%d changes: a failed call stored something", n)
	}
}

func TestOutcomes(t *testing.T) {
	ctx := context.Background()
	s := newState(t)
	run := beginRun(t, s, contract.SyncRun, "")
	must(t, s.Generation(run).StageTargetGroups(ctx, []directory.TargetGroup{{GUID: guid(3, 2), AdminDesc: directory.Mark(guid(1, 2))}}))
	must(t, s.SaveLinks(ctx, []contract.Link{{SourceID: guid(1, 2), TargetGUID: guid(3, 2)}}))
	must(t, s.Generation(run).Spool(ctx, []plan.Change{
		{Action: plan.Create, SourceID: guid(1, 1), DN: "CN=a", Add: []directory.GUID{guid(4, 1)}},
		{Action: plan.Delete, SourceID: guid(1, 2), TargetGUID: guid(3, 2)},
		{Action: plan.Update, SourceID: guid(1, 3), Message: "planned"},
	}))
	changes, err := s.Changes(ctx, run, 0, 0, 10)
	must(t, err)
	must(t, s.Generation(run).RecordOutcomes(ctx, []contract.ChangeOutcome{
		{ChangeID: changes[0].ID, Outcome: contract.OutcomePartial, ErrorID: "MembersRefused", Message: "one was refused",
			Link: &contract.Link{SourceID: guid(1, 1), TargetGUID: guid(3, 1), DN: "CN=a"}, Refused: []contract.Refusal{{GUID: guid(4, 1)}}},
		{ChangeID: changes[1].ID, Outcome: contract.OutcomeDone, Unlink: guid(3, 2)},
	}))
	changes, err = s.Changes(ctx, run, 0, 0, 10)
	must(t, err)
	if c := changes[0]; c.Outcome != contract.OutcomePartial || c.ErrorID != "MembersRefused" || c.Message != "one was refused" || c.Change.Message != "" {
		t.Errorf("%+v", c)
	}
	if c := changes[2]; c.Outcome != contract.OutcomePending || c.Change.Message != "planned" || c.Message != "" {
		t.Errorf("%+v", c)
	}
	links, err := s.Links(ctx, directory.GUID{}, 10)
	must(t, err)
	if diff := cmp.Diff([]contract.Link{{SourceID: guid(1, 1), TargetGUID: guid(3, 1), DN: "CN=a"}}, links); diff != "" {
		t.Error(diff)
	}
	if staged, err := s.Generation(run).TargetGroups(ctx, contract.TargetKey{}, 10); err != nil || len(staged) != 0 {
		t.Errorf("a deleted group is still staged: %+v, %v", staged, err)
	}
	// A call records all outcomes or none.
	err = s.Generation(run).RecordOutcomes(ctx, []contract.ChangeOutcome{{ChangeID: changes[2].ID, Outcome: contract.OutcomeDone}, {ChangeID: 99}})
	if !contract.HasID(err, "ChangeNotFound") {
		t.Errorf("%v", err)
	}
	err = s.Generation(run+1).RecordOutcomes(ctx, []contract.ChangeOutcome{{ChangeID: changes[2].ID, Outcome: contract.OutcomeDone}})
	if !contract.HasID(err, "ChangeNotFound") {
		t.Errorf("a change of another run: %v", err)
	}
	changes, err = s.Changes(ctx, run, plan.PhaseUpdate, 0, 10)
	must(t, err)
	if changes[0].Outcome != contract.OutcomePending {
		t.Errorf("%+v", changes[0])
	}
}

func TestViews(t *testing.T) {
	ctx := context.Background()
	s := newState(t)
	tenant := guid(9, 9)
	must(t, s.SetOwner(ctx, tenant, contract.DomainRef{}))
	settings := contract.DefaultSettings()
	settings.Container = contract.Container{GUID: guid(8, 1), DN: "OU=Groups,DC=contoso,DC=test"}
	must(t, s.SaveSettings(ctx, settings))
	preview := beginRun(t, s, contract.PreviewRun, "")
	endRun(t, s, preview, contract.RunComplete)
	run := beginRun(t, s, contract.SyncRun, "")
	must(t, s.Generation(run).StageSourceGroups(ctx, []directory.SourceGroup{
		{ID: guid(1, 1), Properties: directory.Values{"displayName": {"Linked"}, "mail": {"linked@contoso.test"}, "description": {"d"}}},
		{ID: guid(1, 2), Properties: directory.Values{"displayName": {"Unlinked 100%_'\\ *"}}},
		{ID: guid(1, 3), Properties: directory.Values{"displayName": {"Foreign"}}},
		{ID: guid(1, 4), Properties: directory.Values{"displayName": {"Moved"}}},
		{ID: guid(1, 5), Properties: directory.Values{"displayName": {"Disputed"}}},
		{ID: guid(1, 6), Properties: directory.Values{"displayName": {"Disputed, linked"}}},
		{ID: guid(1, 7), Properties: directory.Values{"displayName": {"Deleted"}}},
		{ID: guid(1, 8), Properties: directory.Values{"displayName": {"Stamped Äpfel"}}},
	}))
	target := func(n, source uint32, ou string, stamped bool, members ...uint32) directory.TargetGroup {
		g := directory.TargetGroup{GUID: guid(3, n), CN: fmt.Sprint("cn", n), DN: fmt.Sprintf("CN=cn%d,OU=%s,DC=contoso,DC=test", n, ou), SAMAccountName: fmt.Sprint("sam", n), AdminDesc: directory.Mark(guid(1, source))}
		if stamped {
			g.ExtensionName = []string{directory.Stamp(tenant)}
		}
		for _, m := range members {
			g.Members = append(g.Members, directory.MemberRef{GUID: guid(4, m), DN: fmt.Sprint("CN=user", m)})
		}
		return g
	}
	must(t, s.Generation(run).StageTargetGroups(ctx, []directory.TargetGroup{
		target(1, 1, "Groups", true, 1, 2), target(3, 3, "Groups", false), target(4, 4, "Elsewhere", true), target(5, 5, "Groups", true), target(15, 5, "Groups", false),
		target(6, 6, "Groups", true), target(2, 6, "Groups", true), target(8, 8, "Groups", true), target(20, 20, "Groups", false), target(21, 21, "Groups", true), target(22, 22, "Groups", true),
	}))
	must(t, s.SaveLinks(ctx, []contract.Link{{SourceID: guid(1, 1), TargetGUID: guid(3, 1)}, {SourceID: guid(1, 4), TargetGUID: guid(3, 4)}, {SourceID: guid(1, 6), TargetGUID: guid(3, 6)},
		{SourceID: guid(1, 7), TargetGUID: guid(3, 7), DN: "CN=was here"}, {SourceID: guid(1, 22), TargetGUID: guid(3, 22)}}))
	must(t, s.Generation(run).StageMembers(ctx, []contract.MemberPage{{Group: guid(1, 1), Last: true, Members: []directory.SourceMember{
		{ID: guid(2, 3), Kind: directory.KindUser, Name: "three", Readable: true, Guest: true}, {ID: guid(2, 1), Kind: directory.KindUser, Name: "one"}, {ID: guid(2, 2), Kind: directory.KindUser, Name: "two"}, {ID: guid(2, 4), Name: "four"}}}}))
	must(t, s.Generation(run).SaveResolutions(ctx, []contract.Resolution{
		{MemberID: guid(2, 1), Ref: directory.MemberRef{GUID: guid(4, 1), DN: "CN=user1"}}, {MemberID: guid(2, 2), Ref: directory.MemberRef{GUID: guid(4, 9), DN: "CN=user9"}}, {MemberID: guid(2, 3), Reason: directory.ReasonGuest}}, started))
	must(t, s.Generation(run).Spool(ctx, []plan.Change{
		{Action: plan.Update, SourceID: guid(1, 1), TargetGUID: guid(3, 1)},
		{Action: plan.UpdateMembers, SourceID: guid(1, 1), TargetGUID: guid(3, 1), Add: []directory.GUID{guid(4, 9)}},
		{Action: plan.Skip, SourceID: guid(1, 21), TargetGUID: guid(3, 21), Reason: plan.ReasonUnmatched, Message: "no such group"},
	}))
	changes, err := s.Changes(ctx, run, plan.PhaseMembers, 0, 1)
	must(t, err)
	must(t, s.Generation(run).RecordOutcomes(ctx, []contract.ChangeOutcome{{ChangeID: changes[0].ID, Outcome: contract.OutcomePartial, Message: "1 of 1 members refused",
		Refused: []contract.Refusal{{GUID: guid(4, 9), Reason: directory.ReasonAmbiguous}}}}))

	if views, err := s.Groups(ctx, contract.GroupFilter{}, directory.GUID{}, 10); err != nil || len(views) != 0 {
		t.Errorf("before the commit: %+v, %v", views, err)
	}
	must(t, s.Generation(run).Commit(ctx, contract.Watermark{}, nil))
	endRun(t, s, run, contract.RunPartial)
	// A later preview does not count as an action.
	preview = beginRun(t, s, contract.PreviewRun, "")
	must(t, s.Generation(preview).Spool(ctx, []plan.Change{{Action: plan.Delete, SourceID: guid(1, 1), TargetGUID: guid(3, 1)}}))

	list := func(filter contract.GroupFilter, n int) []contract.GroupView {
		return collect(t, n, func(after directory.GUID, limit int) ([]contract.GroupView, error) {
			return s.Groups(ctx, filter, after, limit)
		},
			func(v contract.GroupView) directory.GUID { return v.Key })
	}
	for n := 1; n < 20; n += 6 {
		var got []string
		for _, v := range list(contract.GroupFilter{}, n) {
			got = append(got, fmt.Sprintf("%d %d %s: %s", v.ID[7], v.TargetGUID[7], v.DisplayName, v.Situation))
		}
		want := []string{
			"1 1 Linked: Linked", "2 0 Unlinked 100%_'\\ *: Unlinked", "3 3 Foreign: Foreign", "4 4 Moved: Moved", "5 5 Disputed: Disputed", "6 6 Disputed, linked: Linked",
			"7 0 Deleted: Deleted", "8 8 Stamped Äpfel: Foreign",
			"0 2 cn2: Disputed", "0 15 cn15: Disputed", "0 20 cn20: Foreign", "0 21 cn21: Unmatched", "22 22 cn22: Linked",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("in pages of %d: %s", n, diff)
		}
	}
	want := contract.GroupView{Key: guid(1, 1), ID: guid(1, 1), TargetGUID: guid(3, 1), DisplayName: "Linked", Description: "d", Mail: "linked@contoso.test",
		DN: "CN=cn1,OU=Groups,DC=contoso,DC=test", SAMAccountName: "sam1", Situation: plan.Linked, Members: 2, Unwritten: 3, Recipient: plan.RecipientNone,
		LastAction: plan.UpdateMembers, LastOutcome: contract.OutcomePartial, LastMessage: "1 of 1 members refused"}
	for _, id := range []directory.GUID{guid(1, 1), guid(3, 1)} {
		if diff := cmp.Diff([]contract.GroupView{want}, list(contract.GroupFilter{ID: id}, 10)); diff != "" {
			t.Error(diff)
		}
	}
	if got := list(contract.GroupFilter{ID: guid(3, 21)}, 10); len(got) != 1 || got[0].LastMessage != "no such group" || got[0].LastOutcome != contract.OutcomeSkipped {
		t.Errorf("%+v", got)
	}
	if got := list(contract.GroupFilter{ID: guid(3, 7)}, 10); len(got) != 1 || got[0].ID != guid(1, 7) || got[0].DN != "CN=was here" {
		t.Errorf("by the objectGUID of a deleted object: %+v", got)
	}
	for pattern, want := range map[string]string{
		"Linked": "Linked", "linked": "Linked", "LINKED@contoso.test": "Linked", "link*": "Linked", "*linked": "Linked,Disputed, linked", "cn1": "Linked", "cn1?": "cn15",
		"%": "", "_": "", "Unlinked 100%_'\\ *": "Unlinked 100%_'\\ *", "*'*": "Unlinked 100%_'\\ *", "*%*": "Unlinked 100%_'\\ *", "*_*": "Unlinked 100%_'\\ *", "* ÄPFEL": "Stamped Äpfel",
		"' OR 1=1 --": "", "no such": "", "*'; DROP TABLE run; --*": "", "?": "", "cn2?": "cn20,cn21,cn22",
	} {
		var names []string
		for _, v := range list(contract.GroupFilter{Name: pattern}, 3) {
			names = append(names, v.DisplayName)
		}
		if got := strings.Join(names, ","); got != want {
			t.Errorf("%q finds %q, want %q", pattern, got, want)
		}
	}

	for n := 1; n < 6; n++ {
		members := collect(t, n, func(after directory.GUID, limit int) ([]contract.MemberView, error) {
			return s.GroupMembers(ctx, guid(1, 1), after, limit)
		},
			func(m contract.MemberView) directory.GUID { return m.ID })
		if diff := cmp.Diff([]contract.MemberView{
			{ID: guid(2, 1), Name: "one", Kind: directory.KindUser, TargetGUID: guid(4, 1), DN: "CN=user1"},
			{ID: guid(2, 2), Name: "two", Kind: directory.KindUser, TargetGUID: guid(4, 9), DN: "CN=user9", Reason: directory.ReasonAmbiguous},
			{ID: guid(2, 3), Name: "three", Kind: directory.KindUser, Reason: directory.ReasonGuest},
			{ID: guid(2, 4), Name: "four", Reason: directory.ReasonUnresolved},
		}, members); diff != "" {
			t.Error(diff)
		}
	}
	if members, err := s.GroupMembers(ctx, guid(1, 2), directory.GUID{}, 10); err != nil || len(members) != 0 {
		t.Errorf("a group without members: %+v, %v", members, err)
	}
	_, err = s.GroupMembers(ctx, guid(1, 99), directory.GUID{}, 10)
	wantID(t, err, "GroupNotFound")
	// The next run writes the member after all, so the refusal is removed.
	next := beginRun(t, s, contract.SyncRun, "")
	must(t, s.Generation(next).Spool(ctx, []plan.Change{{Action: plan.UpdateMembers, SourceID: guid(1, 1), TargetGUID: guid(3, 1), Add: []directory.GUID{guid(4, 9)}}}))
	changes, err = s.Changes(ctx, next, 0, 0, 1)
	must(t, err)
	must(t, s.Generation(next).RecordOutcomes(ctx, []contract.ChangeOutcome{{ChangeID: changes[0].ID, Outcome: contract.OutcomeDone}}))
	members, err := s.GroupMembers(ctx, guid(1, 1), guid(2, 1), 1)
	must(t, err)
	if members[0].Reason != directory.ReasonJoined {
		t.Errorf("%+v", members[0])
	}
}

// TestSkippedNoLonger: a skip is shown until a run that plans every group does not repeat
// it. Then the last action is what was done before.
func TestSkippedNoLonger(t *testing.T) {
	s, ctx := newState(t), context.Background()
	run := func(policy contract.PolicyType, changes ...plan.Change) string {
		t.Helper()
		id, err := s.BeginRun(ctx, contract.Run{Kind: contract.SyncRun, PolicyType: policy, Started: started})
		must(t, err)
		if policy == contract.Delta {
			must(t, s.Generation(id).Overlay(ctx))
		}
		must(t, s.Generation(id).StageSourceGroups(ctx, []directory.SourceGroup{{ID: guid(1, 1), Properties: directory.Values{"displayName": {"One"}}}}))
		for i := range changes {
			changes[i].SourceID = guid(1, 1)
		}
		must(t, s.Generation(id).Spool(ctx, changes))
		spooled, err := s.Changes(ctx, id, 0, 0, 10)
		must(t, err)
		for _, c := range spooled {
			if c.Action != plan.Skip {
				must(t, s.Generation(id).RecordOutcomes(ctx, []contract.ChangeOutcome{{ChangeID: c.ID, Outcome: contract.OutcomeDone}}))
			}
		}
		must(t, s.Generation(id).Commit(ctx, contract.Watermark{}, nil))
		endRun(t, s, id, contract.RunComplete)
		views, err := s.Groups(ctx, contract.GroupFilter{}, directory.GUID{}, 10)
		must(t, err)
		return string(views[0].LastAction)
	}
	got := []string{
		run(contract.Initial, plan.Change{Action: plan.Create}),
		run(contract.Initial, plan.Change{Action: plan.Skip, Reason: plan.ReasonOutOfScope}),
		run(contract.Delta),
		run(contract.Initial),
		run(contract.Delta, plan.Change{Action: plan.Skip, Reason: plan.ReasonNameClash}),
		run(contract.Delta),
	}
	if diff := cmp.Diff([]string{"Create", "Skip", "Skip", "Create", "Skip", "Skip"}, got); diff != "" {
		t.Error(diff)
	}
}

// TestNameMatcher compares the matcher with a simple recursion.
func TestNameMatcher(t *testing.T) {
	var plainly func(p, s []rune) bool
	plainly = func(p, s []rune) bool {
		if len(p) == 0 {
			return len(s) == 0
		}
		if p[0] == '*' {
			return plainly(p[1:], s) || len(s) > 0 && plainly(p, s[1:])
		}
		return len(s) > 0 && (p[0] == '?' || p[0] == s[0]) && plainly(p[1:], s[1:])
	}
	rapid.Check(t, func(r *rapid.T) {
		p := rapid.StringOfN(rapid.RuneFrom([]rune("ab*?ä%")), 1, 8, -1).Draw(r, "pattern")
		s := rapid.StringOfN(rapid.RuneFrom([]rune("abä%_")), 0, 8, -1).Draw(r, "text")
		if got, want := directory.Wildcard(strings.ToUpper(p))(s), plainly([]rune(p), []rune(s)); got != want {
			t.Errorf("%q matches %q: %t", p, s, got)
		}
	})
	// Hostile patterns do not take forever.
	if directory.Wildcard(strings.Repeat("*a", 200) + "b")(strings.Repeat("a", 2000)) {
		t.Error("matched")
	}
}

// TestLargeChangesComeFewAtATime: memory for the members of large changes does not grow
// with the number of changes.
func TestLargeChangesComeFewAtATime(t *testing.T) {
	ctx := context.Background()
	s := newState(t)
	run := beginRun(t, s, contract.SyncRun, "")
	members := make([]directory.GUID, heavyChanges*6/10)
	for i := range members {
		members[i] = guid(4, uint32(i+1))
	}
	for i := range uint32(3) {
		must(t, s.Generation(run).Spool(ctx, []plan.Change{{Action: plan.UpdateMembers, SourceID: guid(1, i), TargetGUID: guid(3, i), Add: members}}))
	}
	var got []int
	for after := int64(0); ; {
		changes, err := s.Generation(run).Planned(ctx, 0, after, 20)
		must(t, err)
		got = append(got, len(changes))
		if len(changes) == 0 {
			break
		}
		for i := range changes {
			if len(changes[i].Add) != len(members) {
				t.Errorf("a change has %d members", len(changes[i].Add))
			}
		}
		after = changes[len(changes)-1].ID
	}
	if !slices.Equal(got, []int{2, 1, 0}) {
		t.Errorf("the answers have %v changes", got)
	}
	if light, err := s.Changes(ctx, run, 0, 0, 20); err != nil || len(light) != 3 {
		t.Errorf("without members %d changes, %v", len(light), err)
	}
}
