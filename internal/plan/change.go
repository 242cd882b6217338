// Package plan decides what has to be done. Its pure functions look at one group of the
// tenant and the objects that stand for it in Active Directory, and return the changes
// that would make the latter equal to the former. Nothing here reads or writes anything,
// and no function keeps more than a few hundred bytes for each group.
package plan

import "groupwriteback/internal/directory"

// Action is what a change does to one object.
type Action string

// The actions. A Skip changes nothing: it says why a group is left as it is.
const (
	Create        Action = "Create"
	Adopt         Action = "Adopt"         // stamp a foreign object and bring it in line
	Update        Action = "Update"        // attributes, the cn among them (a rename)
	Move          Action = "Move"          // to another container, with attributes if they differ
	UpdateMembers Action = "UpdateMembers" // add and remove values of member
	Delete        Action = "Delete"
	Restore       Action = "Restore" // bring a deleted object back, with its members
	Skip          Action = "Skip"
)

// Actions are all actions.
var Actions = []Action{Create, Adopt, Update, Move, UpdateMembers, Delete, Restore, Skip}

// UnmarshalText ignores letter case.
func (a *Action) UnmarshalText(text []byte) error { return directory.SetWord(a, text, Actions) }

// Phase is the position of an action in the export: what others refer to is created
// first, and what others may still refer to is deleted last.
type Phase int

// The phases in the order in which they are exported. PhaseNone is not.
const (
	PhaseCreate  Phase = 1
	PhaseUpdate  Phase = 2
	PhaseMembers Phase = 3
	PhaseDelete  Phase = 4
	PhaseNone    Phase = 9
)

// Phase returns the phase in which the action is exported.
func (a Action) Phase() Phase {
	switch a {
	case Create, Restore:
		return PhaseCreate
	case Adopt, Update, Move:
		return PhaseUpdate
	case UpdateMembers:
		return PhaseMembers
	case Delete:
		return PhaseDelete
	}
	return PhaseNone
}

// Situation is the relation between a group of the tenant and an object of Active
// Directory.
type Situation string

// The situations.
const (
	Linked    Situation = "Linked"    // a stored pair, or mark and our stamp
	Unlinked  Situation = "Unlinked"  // a source group that nothing stands for
	Foreign   Situation = "Foreign"   // marked, but not with our stamp
	Unmatched Situation = "Unmatched" // our stamp, but no such group in the tenant
	Moved     Situation = "Moved"     // linked, found outside the container
	Disputed  Situation = "Disputed"  // two objects carry one mark
	Deleted   Situation = "Deleted"   // linked, but gone from AD
)

// AttributeChange is the difference in one attribute, by its LDAP name. Old and New are
// the values before and after; empty means absent.
type AttributeChange struct {
	Name string   `json:"name"`
	Old  []string `json:"old,omitempty"`
	New  []string `json:"new,omitempty"`
	// Shared means that others write values to the attribute too, so only the difference
	// between Old and New is written.
	Shared bool `json:"shared,omitempty"`
}

// Change is one thing to do to one object, with everything needed to do it and to show
// it.
type Change struct {
	Action      Action            `json:"action"`
	Situation   Situation         `json:"situation"`
	SourceID    directory.GUID    `json:"sourceId"`
	TargetGUID  directory.GUID    `json:"targetGuid"` // of a Create the former object that comes back, or zero
	DisplayName string            `json:"displayName"`
	DN          string            `json:"dn"` // where it is or, for Create, will be
	Attributes  []AttributeChange `json:"attributes,omitempty"`
	// Container is where a Create and a Move put the object, and where any other object
	// is; the first container for one that is in none of them.
	Container directory.GUID `json:"-"`
	// Add and Remove are values of member, ascending. A Create and an Adopt carry the
	// members of their object; all other actions leave them to UpdateMembers.
	Add    []directory.GUID `json:"-"`
	Remove []directory.GUID `json:"-"`
	// Reason is an id: for a Skip, why nothing is done; for other actions, what caused
	// the change if that is not obvious.
	Reason Reason `json:"reason,omitempty"`
	// Message explains the reason and names the objects concerned.
	Message string `json:"message,omitempty"`
	// Beside marks a Skip of an object beside the one that stands for the group. Nothing
	// waits for it. It is not stored.
	Beside bool `json:"-"`
	// Held marks a Skip of the object that stands for the group, which is protected and
	// held as it is. The outcome reports it.
	Held bool `json:"-"`
}

// Attribute returns the new values of the named attribute and whether the change touches
// it.
func (c *Change) Attribute(name string) ([]string, bool) {
	for _, a := range c.Attributes {
		if a.Name == name {
			return a.New, true
		}
	}
	return nil, false
}
