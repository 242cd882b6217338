package plan

import (
	"cmp"
	"fmt"
	"slices"

	"groupwriteback/internal/directory"
)

// Limits are the limits of rule 27. Percentages are whole numbers; 0 switches a limit
// off.
type Limits struct {
	DeletionCount       int
	DeletionPercent     int
	RemovalPercent      int
	GroupRemovalPercent int
	SourceShrinkPercent int
	TargetShrinkPercent int
}

const (
	// deletionFloor is the number of deletions that a percentage never holds back.
	deletionFloor = 5
	// smallGroup is the size up to which a group may lose any share of its members.
	smallGroup = 20
)

// StopReason says why a run stopped, or what holds back a part of its plan.
type StopReason string

// Stop says which limit a plan exceeds, as a run's stop reason, and by how much.
type Stop struct {
	Reason  StopReason
	Message string
	// OneGroup means that this group alone exceeds the limit.
	OneGroup bool
}

// The stop reasons of rule 27.
const (
	StopDeletions StopReason = "StoppedDeletionThreshold"
	StopRemovals  StopReason = "StoppedRemovalThreshold"
	StopSource    StopReason = "StoppedSourceShrunk"
	StopTarget    StopReason = "StoppedTargetShrunk"
)

// Tally counts what the limits need while a plan streams by. It keeps a few numbers, and
// some 30 bytes for each group that loses members.
type Tally struct {
	// Links is the number of linked groups before the run. SourceBefore and SourceNow are
	// the number of groups in the tenant before and now. Memberships is the number of
	// member values that the linked groups have in AD now. Missing is the number of
	// linked objects that are nowhere in the domain. They count all groups, however few a
	// Delta run plans. SourceBefore is 0 if the scope has changed since, so that the two
	// numbers cannot be compared.
	Links, SourceBefore, SourceNow, Memberships, Missing int

	deletions, moves, recreations int
	losses                        []loss
	agreed                        bool // the consent has covered something
}

// loss is what a plan would remove from one group.
type loss struct {
	object          directory.GUID
	removed, values int
	// anySize means that the group counts even if it is small.
	anySize bool
}

// Add counts a change. values is the number of member values that the group has now. What
// the consent covers is not counted. Removals by an adoption count at any size of the
// group, because others added the members; anySize says that the change is the part of an
// adoption that was held back.
func (t *Tally) Add(c *Change, values int, anySize bool, consent *Consent) {
	switch {
	case consent.covers(c):
		t.agreed = true
		return
	case c.Action == Delete:
		t.deletions++
	case c.Action == Move:
		t.moves++
	case c.Action == Create && c.Situation == Deleted:
		t.recreations++
	}
	removed := len(consent.notCovered(c))
	t.agreed = t.agreed || removed < len(c.Remove)
	if removed > 0 {
		t.losses = append(t.losses, loss{object: c.TargetGUID, removed: removed, values: values, anySize: anySize || c.Action == Adopt})
	}
}

// Empty reports whether the tenant returned no group at all although groups are linked.
// Such a plan stops before its first write.
func (t *Tally) Empty() bool { return t.SourceNow == 0 && t.Links > 0 }

// Agreed reports whether the consent has covered anything in the plan.
func (t *Tally) Agreed() bool { return t.agreed }

// NeedsMemberships reports whether Memberships, which may be 0 otherwise, can decide what
// Hold returns. It cannot if the groups that lose members lose no more than the limit's share of their own.
func (t *Tally) NeedsMemberships(l *Limits) bool {
	removed, values := 0, 0
	for _, g := range t.losses {
		removed, values = removed+g.removed, values+g.values
	}
	return removed > smallGroup && removed*100 > values*l.RemovalPercent
}

// Hold returns what the limits hold back, or nil if nothing. A limit holds back only the
// changes that it is about: somebody who can make a plan exceed a limit must not be able
// to delay what others have revoked.
func (t *Tally) Hold(l *Limits) *Hold {
	h := &Hold{removals: map[directory.GUID]*Stop{}}
	t.holdForAbsence(l, h)
	t.holdDeletions(l, h)
	t.holdRemovals(l, h)
	if h.Deletions == nil && h.Moves == nil && h.Recreations == nil && h.Absent == nil && len(h.removals) == 0 {
		return nil
	}
	return h
}

// holdForAbsence holds back what follows from a side that has shrunk.
func (t *Tally) holdForAbsence(l *Limits, h *Hold) {
	switch {
	case l.SourceShrinkPercent > 0 && over(t.SourceBefore-t.SourceNow, t.SourceBefore, l.SourceShrinkPercent):
		h.Absent = &Stop{Reason: StopSource, Message: fmt.Sprintf("The tenant has %s, down from %d. The limit is a decrease of %d %%.", directory.Count(t.SourceNow, "group"), t.SourceBefore, l.SourceShrinkPercent)}
	case l.TargetShrinkPercent > 0 && over(t.Missing, t.Links, l.TargetShrinkPercent):
		h.Absent = &Stop{Reason: StopTarget, Message: fmt.Sprintf("%d of %s %s not found in Active Directory. The limit is %d %%.", t.Missing, directory.Count(t.Links, "linked group"), directory.Plural(t.Missing, "is", "are"), l.TargetShrinkPercent)}
	case l.TargetShrinkPercent > 0 && over(t.recreations, t.Links, l.TargetShrinkPercent):
		h.Recreations = &Stop{Reason: StopTarget, Message: fmt.Sprintf("%d of %s would be created again. The limit is %d %%.", t.recreations, directory.Count(t.Links, "linked group"), l.TargetShrinkPercent)}
		return
	default:
		return
	}
	h.Deletions, h.Recreations = h.Absent, h.Absent
}

// holdDeletions holds back deletions or moves, or both if only their sum is too large:
// deleting many groups must not keep others from being moved.
func (t *Tally) holdDeletions(l *Limits, h *Hold) {
	exceeded := func(n int) *Stop {
		switch {
		case l.DeletionCount > 0 && n > l.DeletionCount:
			return &Stop{Reason: StopDeletions, Message: fmt.Sprintf("%s would be deleted and %d moved. The limit is %d.", directory.Count(t.deletions, "group"), t.moves, l.DeletionCount)}
		case l.DeletionPercent > 0 && over(n, t.Links, l.DeletionPercent):
			return &Stop{Reason: StopDeletions, Message: fmt.Sprintf("%d of %s would be deleted and %d moved. The limit is %d %%.", t.deletions, directory.Count(t.Links, "group"), t.moves, l.DeletionPercent)}
		}
		return nil
	}
	deletions, moves := exceeded(t.deletions), exceeded(t.moves)
	if deletions == nil && moves == nil {
		deletions = exceeded(t.deletions + t.moves)
		moves = deletions
	}
	if h.Deletions == nil {
		h.Deletions = deletions
	}
	h.Moves = moves
}

// holdRemovals holds back the removals of each group that would lose too large a share,
// and then those of the groups that lose most, until the rest is within the limit.
func (t *Tally) holdRemovals(l *Limits, h *Hold) {
	var left []loss
	removals, values := 0, 0
	for _, g := range t.losses {
		values += g.values
		if l.GroupRemovalPercent > 0 && (g.anySize || g.values > smallGroup) && g.removed*100 > g.values*l.GroupRemovalPercent {
			h.removals[g.object] = &Stop{Reason: StopRemovals, OneGroup: true, Message: fmt.Sprintf("%d of the group's %s would be removed. The limit for one group is %d %%.", g.removed, directory.Count(g.values, "member"), l.GroupRemovalPercent)}
			continue
		}
		left = append(left, g)
		removals += g.removed
	}
	within := func(n int) bool { return n <= smallGroup || n*100 <= max(t.Memberships, values)*l.RemovalPercent }
	if l.RemovalPercent <= 0 || within(removals) {
		return
	}
	// What a group loses beyond the limit's share of its own members is what makes the
	// total exceed the limit. A group that loses no more than that share is never held
	// back because of others, however many groups there are.
	excess := func(g loss) int { return g.removed*100 - g.values*l.RemovalPercent }
	slices.SortFunc(left, func(a, b loss) int {
		return cmp.Or(cmp.Compare(excess(b), excess(a)), cmp.Compare(b.removed, a.removed), a.object.Compare(b.object))
	})
	why := &Stop{Reason: StopRemovals, Message: fmt.Sprintf("%d of %s would be removed. The limit is %d %%, and this group is among those that lose most.", removals, directory.Count(t.Memberships, "membership"), l.RemovalPercent)}
	goes, held := removals, 0
	for ; !within(goes); held++ {
		goes -= left[held].removed
	}
	for _, g := range slices.Backward(left[:held]) { // do not hold what fits in after all
		if within(goes + g.removed) {
			goes += g.removed
		} else {
			h.removals[g.object] = why
		}
	}
}

// over reports whether n exceeds both the percentage of total and the floor, because in a
// small tenant every change is a large share.
func over(n, total, percent int) bool {
	return n > deletionFloor && n*100 > total*percent
}

// Consent is what an administrator agreed to by naming a plan: exactly what was held back
// of it (rule 28). A nil Consent covers nothing.
type Consent struct {
	deleted  map[directory.GUID]Action           // by objectGUID: Delete or Move
	created  map[directory.GUID]bool             // by source id: re-creations
	removals map[directory.GUID][]directory.GUID // by objectGUID, ascending
	// Empty means that the plan was stopped because the tenant had no group at all.
	Empty bool
}

// Agree adds a change of the named plan.
func (c *Consent) Agree(change *Change) {
	if c.deleted == nil {
		c.deleted, c.created = map[directory.GUID]Action{}, map[directory.GUID]bool{}
		c.removals = map[directory.GUID][]directory.GUID{}
	}
	switch {
	case change.Action == Delete || change.Action == Move:
		c.deleted[change.TargetGUID] = change.Action
	case change.Action == Create && change.Situation == Deleted:
		c.created[change.SourceID] = true
	case len(change.Remove) > 0:
		c.removals[change.TargetGUID] = change.Remove
	}
}

func (c *Consent) covers(change *Change) bool {
	if c == nil {
		return false
	}
	switch change.Action {
	case Delete, Move:
		return c.deleted[change.TargetGUID] == change.Action
	case Create:
		return change.Situation == Deleted && c.created[change.SourceID]
	}
	return false
}

// LetsPass reports whether a part of the change goes ahead because of the consent.
func (c *Consent) LetsPass(change *Change) bool {
	return c.covers(change) || len(c.notCovered(change)) < len(change.Remove)
}

func (c *Consent) notCovered(change *Change) []directory.GUID {
	if c == nil {
		return change.Remove
	}
	return Without(change.Remove, c.removals[change.TargetGUID])
}
