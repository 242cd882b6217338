package plan

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"groupwriteback/internal/directory"
)

// Drift is what somebody else has changed on an object of ours since it was last read or
// written.
type Drift struct {
	// At is when Active Directory last saw the object change; zero if it does not say.
	At time.Time
	// Attributes are the LDAP names of our attributes whose values differ.
	Attributes []string
	// MovedFrom is the DN of the container that the object was moved out of. It is empty
	// if the object is in one of our containers or has not moved.
	MovedFrom string
	// Added and Removed are the values of member that were added and removed, ascending.
	Added, Removed []directory.GUID
}

// DriftBetween compares the object as it was last staged with what Active Directory has
// now: the header and Values of both. It returns nil if nothing of ours differs, whatever
// the uSN says.
func DriftBetween(before, now *Candidate, mapping Mapping) *Drift {
	d := &Drift{At: now.WhenChanged, Added: Without(now.Values, before.Values), Removed: Without(before.Values, now.Values)}
	differs := func(name string, does bool) {
		if does {
			d.Attributes = append(d.Attributes, name)
		}
	}
	lost := func(shared bool) {
		for i := range mapping {
			if row := &mapping[i]; row.Shared == shared {
				differs(row.Attribute, row.lost(before, now))
			}
		}
	}
	differs(directory.AttrCN, before.CN != now.CN)
	lost(false)
	differs(directory.AttrGroupType, before.GroupType != now.GroupType)
	lost(true)
	// If a container is renamed, the DNs of its objects change with it. Only an object
	// that is in none of our containers was moved.
	if now.Place == Elsewhere {
		from, errBefore := directory.ParseDN(before.DN)
		to, errNow := directory.ParseDN(now.DN)
		if errBefore == nil && errNow == nil && !from.Parent().Equal(to.Parent()) {
			d.MovedFrom = from.Parent().String()
		}
	}
	if len(d.Attributes)+len(d.Added)+len(d.Removed) == 0 && d.MovedFrom == "" {
		return nil
	}
	return d
}

// String describes the changes in one sentence.
func (d *Drift) String() string {
	var what []string
	if len(d.Attributes) > 0 {
		what = append(what, strings.Join(d.Attributes, ", "))
	}
	if d.MovedFrom != "" {
		what = append(what, "moved out of "+d.MovedFrom)
	}
	switch added, removed := len(d.Added), len(d.Removed); {
	case added > 0 && removed > 0:
		what = append(what, directory.Count(added, "member")+" added, "+strconv.Itoa(removed)+" removed")
	case added > 0:
		what = append(what, directory.Count(added, "member")+" added")
	case removed > 0:
		what = append(what, directory.Count(removed, "member")+" removed")
	}
	at := ""
	if !d.At.IsZero() {
		at = " at " + directory.Moment(d.At)
	}
	return "Changed in Active Directory" + at + ": " + strings.Join(what, "; ") + "."
}

// Explain adds the description to the changes that undo a part of the drift, and
// ReasonDrift to those that have no other reason. A nil Drift explains nothing.
func (d *Drift) Explain(changes []Change) {
	if d == nil {
		return
	}
	for i := range changes {
		c := &changes[i]
		if c.Reason == "" && d.undoneBy(c) {
			c.Reason, c.Message = ReasonDrift, d.String()
		}
	}
}

// undoneBy reports whether the change corrects drift. What the tenant has changed in the
// meantime is not drift.
func (d *Drift) undoneBy(c *Change) bool {
	switch c.Action {
	case Update, Move:
		return slices.ContainsFunc(d.Attributes, func(name string) bool { _, ok := c.Attribute(name); return ok })
	case UpdateMembers:
		return overlap(c.Remove, d.Added) || overlap(c.Add, d.Removed)
	}
	return false
}

// overlap reports whether a and b, both ascending, have an element in common.
func overlap(a, b []directory.GUID) bool { return len(Without(a, b)) < len(a) }
