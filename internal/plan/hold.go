package plan

import (
	"slices"

	"groupwriteback/internal/directory"
)

// Hold says which changes of a plan the limits hold back (rule 27): for each kind of
// change the reason, or nil if it goes ahead.
type Hold struct {
	Deletions, Moves, Recreations *Stop
	// Absent holds back the removal of values that stand for something that is absent
	// because a side has shrunk.
	Absent *Stop

	removals map[directory.GUID]*Stop // by objectGUID of the group
}

// Split divides a change into the part that goes ahead and the part that is held back,
// with the reason. Either part may be nil. What the consent covers goes ahead. absent are
// the values to remove that stand for something absent, ascending; they matter only if
// Absent is set. A nil Hold holds back nothing.
func (h *Hold) Split(c *Change, consent *Consent, absent []directory.GUID) (goes, held *Change, why *Stop) {
	if h == nil || consent.covers(c) {
		return c, nil, nil
	}
	switch {
	case c.Action == Delete && h.Deletions != nil:
		return nil, c, h.Deletions
	case c.Action == Create && c.Situation == Deleted && h.Recreations != nil:
		return nil, c, h.Recreations
	case c.Action == Move && h.Moves != nil:
		return withoutPlace(c), onlyPlace(c), h.Moves
	}
	why = h.removals[c.TargetGUID]
	values := consent.notCovered(c)
	if why == nil && h.Absent != nil {
		why, values = h.Absent, intersection(values, absent)
	}
	if why == nil || len(values) == 0 {
		return c, nil, nil
	}
	return withoutRemovals(c, values), onlyRemovals(c, values), why
}

func onlyPlace(c *Change) *Change {
	move := *c
	move.Attributes = slices.DeleteFunc(slices.Clone(c.Attributes), func(a AttributeChange) bool { return !isName(a) })
	return &move
}

func withoutRemovals(c *Change, values []directory.GUID) *Change {
	rest := *c
	rest.Remove = Without(c.Remove, values)
	if c.Action == UpdateMembers && len(rest.Add)+len(rest.Remove) == 0 {
		return nil
	}
	return &rest
}

func onlyRemovals(c *Change, values []directory.GUID) *Change {
	removal := *c
	removal.Add, removal.Remove = nil, values
	if c.Action != UpdateMembers { // an adoption, which goes ahead
		removal.Action, removal.Attributes, removal.Reason, removal.Message = UpdateMembers, nil, "", ""
	}
	return &removal
}

// intersection returns the elements that are in both a and b. Both must be ascending.
func intersection(a, b []directory.GUID) []directory.GUID { return Without(a, Without(a, b)) }
