package plan

import (
	"fmt"

	"groupwriteback/internal/directory"
)

// Limits are those of rule 27; percentages are whole numbers, 0 switches off.
type Limits struct {
	DeletionCount       int
	DeletionPercent     int
	RemovalPercent      int
	GroupRemovalPercent int
	SourceShrinkPercent int
	TargetShrinkPercent int
}

const (
	// deletionFloor: a percentage never stops fewer deletions than this.
	deletionFloor = 5
	// smallGroup: groups up to this size may lose any share of their members.
	smallGroup = 20
)

// Stop says which limit a plan exceeds, as a run's stop reason, and by what.
type Stop struct{ Reason, Message string }

// The stop reasons of rule 27.
const (
	StopDeletions = "stopped-deletion-threshold-exceeded"
	StopRemovals  = "stopped-removal-threshold-exceeded"
	StopSource    = "stopped-source-shrunk"
	StopTarget    = "stopped-target-shrunk"
)

// Tally counts what the limits are about while a plan streams by. It keeps a
// few numbers and the worst group.
type Tally struct {
	// Links is the number of linked groups before the run, SourceBefore and
	// SourceNow the number of groups in the tenant then and now, Memberships
	// the number of member values of the linked groups now in AD, Missing the
	// number of linked objects that are nowhere in the domain. They are of all
	// groups, however few a delta run plans. SourceBefore is 0 where what is
	// written was changed since, so that the two cannot be compared.
	Links, SourceBefore, SourceNow, Memberships, Missing int

	deletions, moves, removals, recreations int
	worst                                   string // the group that loses too large a share, in words
}

// Add counts a change. values is the number of member values the group has
// now; consent takes out what an administrator has agreed to.
func (t *Tally) Add(c *Change, values int, limits *Limits, consent *Consent) {
	switch {
	case consent.covers(c):
		return
	case c.Action == Delete:
		t.deletions++
	case c.Action == Move:
		t.moves++
	case c.Action == Create && c.Situation == Deleted:
		t.recreations++
	}
	removed := len(consent.notCovered(c))
	t.removals += removed
	if limits.GroupRemovalPercent > 0 && values > spared(c) && removed*100 > values*limits.GroupRemovalPercent && t.worst == "" {
		t.worst = fmt.Sprintf("%s (%s) would lose %d of its %d members", c.DisplayName, c.DN, removed, values)
	}
}

// spared is up to which size a group may lose any share of its members by the
// change. What others put into a group that is being adopted is spared at no
// size.
func spared(c *Change) int {
	if c.Action == Adopt {
		return 0
	}
	return smallGroup
}

// Exceeded returns the first limit that the plan exceeds, or nil. The order is
// from what is wrong with the reading to what is wrong with the plan.
func (t *Tally) Exceeded(l *Limits, consent *Consent) *Stop {
	switch {
	case t.SourceNow == 0 && t.Links > 0 && !consent.source(t.SourceNow):
		return &Stop{StopSource, fmt.Sprintf("The tenant answered with no group at all, while %d are linked.", t.Links)}
	case l.SourceShrinkPercent > 0 && over(t.SourceBefore-t.SourceNow, t.SourceBefore, l.SourceShrinkPercent) && !consent.source(t.SourceNow):
		return &Stop{StopSource, fmt.Sprintf("The tenant has %d groups; last time it had %d. The limit is %d %% fewer.", t.SourceNow, t.SourceBefore, l.SourceShrinkPercent)}
	case l.TargetShrinkPercent > 0 && over(t.Missing, t.Links, l.TargetShrinkPercent) && !consent.target(t.Missing):
		return &Stop{StopTarget, fmt.Sprintf("%d of %d linked groups are not found in Active Directory. The limit is %d %%.", t.Missing, t.Links, l.TargetShrinkPercent)}
	case l.TargetShrinkPercent > 0 && over(t.recreations, t.Links, l.TargetShrinkPercent):
		return &Stop{StopTarget, fmt.Sprintf("%d of %d linked groups would be created anew. The limit is %d %%.", t.recreations, t.Links, l.TargetShrinkPercent)}
	}
	deletions := t.deletions + t.moves
	switch {
	case l.DeletionCount > 0 && deletions > l.DeletionCount:
		return &Stop{StopDeletions, fmt.Sprintf("%d groups would be deleted and %d moved. The limit is %d.", t.deletions, t.moves, l.DeletionCount)}
	case l.DeletionPercent > 0 && over(deletions, t.Links, l.DeletionPercent):
		return &Stop{StopDeletions, fmt.Sprintf("%d of %d groups would be deleted and %d moved. The limit is %d %%.", t.deletions, t.Links, t.moves, l.DeletionPercent)}
	case l.RemovalPercent > 0 && t.removals > smallGroup && t.removals*100 > t.Memberships*l.RemovalPercent:
		return &Stop{StopRemovals, fmt.Sprintf("%d of %d memberships would be removed. The limit is %d %%.", t.removals, t.Memberships, l.RemovalPercent)}
	case t.worst != "":
		return &Stop{StopRemovals, fmt.Sprintf("%s. The limit for one group is %d %%.", t.worst, l.GroupRemovalPercent)}
	}
	return nil
}

// over reports whether n exceeds the percentage of total and the floor: in a
// small tenant every change is a large share.
func over(n, total, percent int) bool {
	return n > deletionFloor && n*100 > total*percent
}

// Consent is what an administrator agreed to by naming a plan: exactly the
// objects that it lists (rule 28). A nil Consent covers nothing.
type Consent struct {
	deleted  map[directory.GUID]Action           // by objectGUID: Delete or Move
	created  map[directory.GUID]bool             // by source id: re-creations
	removals map[directory.GUID][]directory.GUID // by objectGUID, ascending
	// Source is how many groups the tenant had in that plan, Missing how many
	// linked objects were not found.
	Source, Missing int
	// Reason is why that plan was stopped; a shrunk side is agreed to only by
	// a plan that was stopped for it.
	Reason string
}

// Agree adds a change of the consented plan.
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

func (c *Consent) notCovered(change *Change) []directory.GUID {
	if c == nil {
		return change.Remove
	}
	return Without(change.Remove, c.removals[change.TargetGUID])
}

func (c *Consent) source(now int) bool {
	return c != nil && c.Reason == StopSource && now >= c.Source
}

func (c *Consent) target(missing int) bool {
	return c != nil && c.Reason == StopTarget && missing <= c.Missing
}
