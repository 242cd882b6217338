package plan

import (
	"encoding/binary"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"groupwriteback/internal/directory"
)

var defaults = Limits{DeletionCount: 500, DeletionPercent: 10, RemovalPercent: 10, GroupRemovalPercent: 50, SourceShrinkPercent: 20, TargetShrinkPercent: 10}

func numbered(kind byte, n int) directory.GUID {
	g := directory.GUID{0: kind}
	binary.BigEndian.PutUint32(g[12:], uint32(n))
	return g
}

func changesOf(action Action, situation Situation, n int) []Change {
	out := make([]Change, n)
	for i := range out {
		out[i] = Change{Action: action, Situation: situation, TargetGUID: numbered(1, i), SourceID: numbered(2, i)}
		if action == Create {
			out[i].TargetGUID = directory.GUID{}
		}
	}
	return out
}

// loses returns the change of a group that loses the first of its members and gains
// others.
func loses(group, removed, added int) Change {
	c := Change{Action: UpdateMembers, Situation: Linked, TargetGUID: numbered(3, group), SourceID: numbered(4, group)}
	for i := range removed {
		c.Remove = append(c.Remove, numbered(5, i))
	}
	for i := range added {
		c.Add = append(c.Add, numbered(6, i))
	}
	return c
}

// weighed is a change with the number of values of its object.
type weighed struct {
	Change
	values int
}

func weigh(values int, changes ...Change) []weighed {
	out := make([]weighed, len(changes))
	for i, c := range changes {
		out[i] = weighed{c, values}
	}
	return out
}

// limited returns the changes that go ahead and those that are held, each held one with
// its reason.
func limited(tally Tally, consent *Consent, changes []weighed) (goes, held []Change, why []StopReason) {
	for i := range changes {
		tally.Add(&changes[i].Change, changes[i].values, false, consent)
	}
	hold := tally.Hold(&defaults)
	for i := range changes {
		g, h, stop := hold.Split(&changes[i].Change, consent, nil)
		if g != nil {
			goes = append(goes, *g)
		}
		if h != nil {
			held = append(held, *h)
			why = append(why, stop.Reason)
		}
	}
	return goes, held, slices.Compact(slices.Sorted(slices.Values(why)))
}

func TestLimits(t *testing.T) {
	all := Tally{Links: 100, SourceBefore: 100, SourceNow: 100, Memberships: 1000}
	with := func(change func(*Tally)) Tally {
		tally := all
		change(&tally)
		return tally
	}
	for _, c := range []struct {
		name    string
		tally   Tally
		changes []weighed
		held    int
		why     StopReason
	}{
		{"nothing", all, nil, 0, ""},
		{"first run", Tally{SourceNow: 100}, weigh(0, changesOf(Create, Unlinked, 100)...), 0, ""},
		{"tenant shrunk by a fifth", with(func(t *Tally) { t.SourceNow = 80 }), weigh(0, changesOf(Delete, Linked, 5)...), 0, ""},
		{"tenant shrunk by more", with(func(t *Tally) { t.SourceNow = 79 }), weigh(0, changesOf(Delete, Linked, 5)...), 5, StopSource},
		{"re-creations in a tenant that shrank", with(func(t *Tally) { t.SourceNow = 79 }), weigh(0, changesOf(Create, Deleted, 2)...), 2, StopSource},
		{"new groups in a tenant that shrank", with(func(t *Tally) { t.SourceNow = 79 }), weigh(0, changesOf(Create, Unlinked, 40)...), 0, ""},
		{"removals in a tenant that shrank", with(func(t *Tally) { t.SourceNow = 79 }), weigh(100, loses(0, 20, 3)), 0, ""},
		{"moves in a tenant that shrank", with(func(t *Tally) { t.SourceNow = 79 }), weigh(0, changesOf(Move, Linked, 5)...), 0, ""},
		{"tenth missing in AD", with(func(t *Tally) { t.Missing = 10 }), weigh(0, changesOf(Create, Deleted, 5)...), 0, ""},
		{"more missing in AD", with(func(t *Tally) { t.Missing = 11 }), weigh(0, changesOf(Create, Deleted, 5)...), 5, StopTarget},
		{"re-creations", all, weigh(0, changesOf(Create, Deleted, 11)...), 11, StopTarget},
		{"five deletions", Tally{Links: 6, SourceNow: 6}, weigh(0, changesOf(Delete, Linked, 5)...), 0, ""},
		{"six deletions", Tally{Links: 6, SourceNow: 6}, weigh(0, changesOf(Delete, Linked, 6)...), 6, StopDeletions},
		{"a tenth deleted", all, weigh(0, changesOf(Delete, Linked, 10)...), 0, ""},
		{"500 deletions", Tally{Links: 50000, SourceNow: 50000}, weigh(0, changesOf(Delete, Linked, 500)...), 0, ""},
		{"501 deletions", Tally{Links: 50000, SourceNow: 50000}, weigh(0, changesOf(Delete, Linked, 501)...), 501, StopDeletions},
		{"deletions beside everything else", all, slices.Concat(weigh(0, changesOf(Delete, Linked, 11)...), weigh(0, changesOf(Move, Linked, 3)...), weigh(0, changesOf(Create, Deleted, 3)...), weigh(30, loses(0, 10, 0))), 11, StopDeletions},
		{"moves", all, weigh(0, changesOf(Move, Linked, 11)...), 11, StopDeletions},
		{"moves beside a deletion", all, slices.Concat(weigh(0, changesOf(Move, Linked, 11)...), weigh(0, changesOf(Delete, Linked, 1)...)), 11, StopDeletions},
		{"deletions and moves together", all, slices.Concat(weigh(0, changesOf(Move, Linked, 6)...), weigh(0, changesOf(Delete, Linked, 5)...)), 11, StopDeletions},
		{"removals in all", Tally{Links: 9, SourceNow: 9, Memberships: 200}, weigh(200, loses(0, 21, 0)), 1, StopRemovals},
		{"a tenth of all", Tally{Links: 9, SourceNow: 9, Memberships: 210}, weigh(210, loses(0, 21, 0)), 0, ""},
		{"half of a group", all, weigh(22, loses(0, 11, 0)), 0, ""},
		{"more of a group", all, weigh(22, loses(0, 12, 0), loses(1, 11, 0)), 1, StopRemovals},
		{"few, but most of all", Tally{Links: 9, SourceNow: 9, Memberships: 20}, weigh(20, loses(0, 20, 0)), 0, ""},
		{"all of a small group", all, weigh(20, loses(0, 20, 0)), 0, ""},
		{"a delta run that plans few of many", Tally{Links: 50000, SourceBefore: 50000, SourceNow: 50000, Memberships: 1000000}, slices.Concat(weigh(0, changesOf(Delete, Linked, 6)...), weigh(21, loses(0, 10, 0))), 0, ""},
		{"fewer groups because fewer are to be written", Tally{Links: 50000, SourceNow: 30000}, weigh(0, changesOf(Delete, Linked, 5)...), 0, ""},
		{"removals at an adoption", all, weigh(22, Change{Action: Adopt, TargetGUID: numbered(3, 0), Remove: loses(0, 12, 0).Remove}), 1, StopRemovals},
		{"removals at the adoption of a small group", all, weigh(3, Change{Action: Adopt, TargetGUID: numbered(3, 0), Remove: loses(0, 2, 0).Remove}), 1, StopRemovals},
		{"half of a small group at its adoption", all, weigh(4, Change{Action: Adopt, TargetGUID: numbered(3, 0), Remove: loses(0, 2, 0).Remove}), 0, ""},
		{"those that lose most, and not the others", Tally{Links: 9, SourceNow: 9, Memberships: 400}, slices.Concat(weigh(100, loses(0, 40, 2), loses(1, 15, 0), loses(2, 9, 0)), weigh(20, loses(3, 15, 0))), 1, StopRemovals},
	} {
		t.Run(c.name, func(t *testing.T) {
			goes, held, why := limited(c.tally, nil, c.changes)
			var want []StopReason
			if c.why != "" {
				want = []StopReason{c.why}
			}
			if diff := cmp.Diff(want, why); diff != "" || len(held) != c.held {
				t.Fatalf("held %d, want %d: %s", len(held), c.held, diff)
			}
			sameParts(t, c.changes, goes, held)

			// Consent to what was held lets it pass, but nothing beyond it.
			consent := &Consent{}
			for i := range held {
				consent.Agree(&held[i])
			}
			if _, held, why := limited(c.tally, consent, c.changes); len(held) > 0 {
				t.Errorf("in spite of consent %d changes are held: %v", len(held), why)
			}
			for i := range held {
				held[i].TargetGUID[1], held[i].SourceID[1] = 9, 9
			}
			others := &Consent{}
			for i := range held {
				others.Agree(&held[i])
			}
			if _, again, _ := limited(c.tally, others, c.changes); len(again) != c.held {
				t.Errorf("consent to other objects holds %d, want %d", len(again), c.held)
			}
		})
	}
	var off Tally
	off.Links, off.SourceBefore, off.SourceNow, off.Missing = 100, 100, 10, 90
	for _, c := range slices.Concat(changesOf(Delete, Linked, 50), changesOf(Create, Deleted, 50), []Change{loses(0, 300, 0)}) {
		off.Add(&c, 300, false, nil)
	}
	if off.Hold(&Limits{}) != nil {
		t.Error("limits that are switched off still hold")
	}
}

// sameParts checks that the two parts together are the plan.
func sameParts(t interface {
	Helper()
	Errorf(string, ...any)
}, changes []weighed, goes, held []Change) {
	t.Helper()
	count := func(changes []Change) (out Totals) {
		for i := range changes {
			out.Add(&changes[i])
		}
		return out
	}
	planned := make([]Change, len(changes))
	for i := range changes {
		planned[i] = changes[i].Change
	}
	want, have := count(planned), count(slices.Concat(goes, held))
	want.UpdateMembers, have.UpdateMembers, want.Update, have.Update = 0, 0, 0, 0 // a divided change counts twice
	if want != have {
		t.Errorf("of %+v came %+v", want, have)
	}
}

func TestSplit(t *testing.T) {
	because := &Stop{Reason: "because"}
	members := loses(0, 4, 2)
	hold := &Hold{Moves: because, removals: map[directory.GUID]*Stop{members.TargetGUID: because}}

	goes, held, _ := hold.Split(&members, nil, nil)
	if len(goes.Add) != 2 || goes.Remove != nil || len(held.Remove) != 4 || held.Add != nil {
		t.Errorf("additions go on, removals do not: %+v, %+v", goes, held)
	}
	consent := &Consent{}
	consent.Agree(&Change{Action: UpdateMembers, TargetGUID: members.TargetGUID, Remove: members.Remove[:3]})
	goes, held, _ = hold.Split(&members, consent, nil)
	if len(goes.Remove) != 3 || !slices.Equal(held.Remove, members.Remove[3:]) {
		t.Errorf("what is agreed goes on, and nothing else: %+v, %+v", goes, held)
	}

	adopted := members
	adopted.Action, adopted.Situation, adopted.Attributes = Adopt, Foreign, []AttributeChange{{Name: directory.AttrExtensionName, New: []string{"stamp"}}}
	goes, held, _ = hold.Split(&adopted, nil, nil)
	if goes.Action != Adopt || len(goes.Attributes) != 1 || len(goes.Add) != 2 || held.Action != UpdateMembers || held.Attributes != nil {
		t.Errorf("an adoption goes on without its removals: %+v, %+v", goes, held)
	}

	moved := Change{Action: Move, TargetGUID: numbered(9, 9), Reason: ReasonContainerChanged, Attributes: []AttributeChange{{Name: directory.AttrCN, New: []string{"x"}}, {Name: "mail", New: []string{"m"}}}}
	goes, held, _ = hold.Split(&moved, nil, nil)
	if goes.Action != Update || len(goes.Attributes) != 1 || goes.Reason != "" || held.Action != Move || held.Attributes[0].Name != directory.AttrCN {
		t.Errorf("attributes go on without the move: %+v, %+v", goes, held)
	}

	absence := &Hold{Absent: because}
	goes, held, _ = absence.Split(&members, nil, members.Remove[1:2])
	if len(goes.Remove) != 3 || len(held.Remove) != 1 || len(goes.Add) != 2 {
		t.Errorf("only what is absent is held: %+v, %+v", goes, held)
	}
}

// Whatever the groups of a plan lose: what goes ahead is within the limits, no addition
// waits, and everything held has a reason of its own.
func TestHolding(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var changes []weighed
		tally := Tally{Links: 1000, SourceBefore: 1000, SourceNow: 1000}
		for i := range rapid.IntRange(1, 40).Draw(t, "groups") {
			values := rapid.SampledFrom([]int{1, 5, 20, 21, 40, 100, 1000}).Draw(t, "values")
			removed := rapid.IntRange(0, values).Draw(t, "removed")
			changes = append(changes, weigh(values, loses(i, removed, rapid.IntRange(0, 2).Draw(t, "added")))...)
			tally.Memberships += values
		}
		tally.Memberships += rapid.IntRange(0, 5000).Draw(t, "members of others")
		goes, held, _ := limited(tally, nil, changes)
		sameParts(t, changes, goes, held)

		of := map[directory.GUID]weighed{}
		for _, c := range changes {
			of[c.TargetGUID] = c
		}
		removals := 0
		for _, c := range goes {
			removals += len(c.Remove)
			if v := of[c.TargetGUID]; len(c.Remove)*2 > v.values && v.values > 20 {
				t.Errorf("a group of %d loses %d", v.values, len(c.Remove))
			}
		}
		if removals > 20 && removals*10 > tally.Memberships {
			t.Errorf("%d of %d go on", removals, tally.Memberships)
		}
		for _, c := range held {
			v := of[c.TargetGUID]
			if c.Add != nil {
				t.Errorf("additions are held: %+v", c)
			}
			if len(c.Remove)*10 <= v.values {
				t.Errorf("a group that loses %d of %d is held for what others lose", len(c.Remove), v.values)
			}
			if own := len(c.Remove)*2 > v.values && v.values > 20; !own && (removals+len(c.Remove) <= 20 || (removals+len(c.Remove))*10 <= tally.Memberships) {
				t.Errorf("%d more would go on within the limit", len(c.Remove))
			}
		}
	})
}

// The owner of any number of groups, of any size, cannot hold back what others revoke:
// the removal of a few members of a larger group always goes ahead, and a removal that is
// small beside the owner's never waits for theirs.
func TestNobodyHoldsBackOthersRevocations(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hostile, victim := []weighed{}, loses(-1, rapid.IntRange(1, 30).Draw(t, "revoked"), 0)
		size := len(victim.Remove) * rapid.IntRange(10, 100).Draw(t, "times")
		tally := Tally{Links: 100000, SourceBefore: 100000, SourceNow: 100000, Memberships: size + rapid.IntRange(0, 20000).Draw(t, "others")}
		for i := range rapid.IntRange(1, 250).Draw(t, "hostile groups") {
			values := rapid.IntRange(1, 300).Draw(t, "values")
			hostile = append(hostile, weigh(values, loses(i, rapid.IntRange(0, values).Draw(t, "removed"), 0))...)
			tally.Memberships += values
		}
		hostile = append(hostile, weigh(0, changesOf(Delete, Linked, rapid.IntRange(0, 20000).Draw(t, "junk"))...)...)
		goes, _, _ := limited(tally, nil, append(hostile, weigh(size, victim)...))
		if !slices.ContainsFunc(goes, func(c Change) bool { return c.TargetGUID == victim.TargetGUID && len(c.Remove) == len(victim.Remove) }) {
			t.Errorf("%d of %d members are not removed", len(victim.Remove), size)
		}
	})
}

// Where the number of memberships is not needed, it changes nothing.
func TestMembershipsAreNeeded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limits := Limits{RemovalPercent: rapid.IntRange(0, 100).Draw(t, "percent"), GroupRemovalPercent: rapid.IntRange(0, 100).Draw(t, "percent of a group")}
		var tally Tally
		for group := range rapid.IntRange(0, 5).Draw(t, "groups") {
			values := rapid.IntRange(0, 200).Draw(t, "values")
			c := loses(group, rapid.IntRange(0, values).Draw(t, "removed"), 0)
			tally.Add(&c, values, false, nil)
		}
		if tally.NeedsMemberships(&limits) {
			return
		}
		few := tally.Hold(&limits)
		tally.Memberships = 1_000_000
		if diff := cmp.Diff(few, tally.Hold(&limits), cmp.AllowUnexported(Hold{})); diff != "" {
			t.Error(diff)
		}
	})
}
