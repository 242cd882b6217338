package plan

import (
	"fmt"
	"slices"
	"strings"

	"groupwriteback/internal/directory"
)

// Ours reports whether the object is ours to change as the cloud group id (rule 2): it
// carries the group's mark and either is linked or also carries our stamp and belongs to
// an owner whom we trust. Mark and stamp are public text and prove nothing by themselves.
func (c *Candidate) Ours(id directory.GUID, r *Rules) bool {
	switch {
	case !c.marks(id):
		return false
	case c.Linked:
		return true
	}
	return c.stamped(r) && r.trusts(c.Owner, c.Place) && Protection(&c.TargetGroup) == ""
}

// marks reports whether the object carries the mark of the cloud group.
func (c *Candidate) marks(id directory.GUID) bool {
	marked, ok := c.SourceID()
	return ok && marked == id
}

func (c *Candidate) stamped(r *Rules) bool { return directory.HasStamp(c.ExtensionName, r.TenantID) }

// Stray reports whether only mark, stamp and owner show that the object is ours: it is
// not linked and is outside of the containers, where another installation of the same
// tenant may have written it under the same account.
func (c *Candidate) Stray() bool { return !c.Linked && c.Place == Elsewhere }

// NeedsOwner reports whether the owner decides whose the object is. A linked object needs
// no owner.
func (c *Candidate) NeedsOwner(r *Rules) bool { return !c.Linked && c.stamped(r) }

// trusts reports whether objects that this owner has marked and stamped are ours. It
// trusts our own account and former service accounts that are named in the settings. An
// administrator's objects belong to a group of administrators, and nobody else can create
// objects for that group; but only inside the containers are they likely to be meant for
// us.
func (r *Rules) trusts(owner directory.SID, place Place) bool {
	if owner == "" {
		return false
	}
	return owner == r.Account || slices.Contains(r.TrustedOwners, owner) || place != Elsewhere && r.administrators(owner)
}

func (r *Rules) administrators(owner directory.SID) bool {
	return owner == "S-1-5-32-544" ||
		r.DomainSID != "" && owner == r.DomainSID+"-512" ||
		r.ForestSID != "" && owner == r.ForestSID+"-519"
}

// owner names the owner of the object, for messages.
func (c *Candidate) owner() string {
	switch {
	case c.Owner == "":
		return "its owner cannot be read"
	case c.OwnerName == "":
		return "its owner is " + string(c.Owner)
	}
	return fmt.Sprintf("its owner is %s (%s)", c.OwnerName, c.Owner)
}

// Protection says why the object must never be linked, adopted, changed or deleted,
// whoever wrote to it, and how to end that. It returns "" if the object is not protected.
func Protection(g *directory.TargetGroup) string {
	switch {
	case strings.HasPrefix(string(g.SID), "S-1-5-32-"):
		return "The object is a built-in group (" + string(g.SID) + ") of the domain."
	case WellKnown(g.SID):
		return fmt.Sprintf("The object is a well-known group of the domain (RID %d).", g.SID.RID())
	case g.Critical:
		return "The object is a critical system object (isCriticalSystemObject)."
	case g.AdminCount:
		return "The object is or was a member of a protected administrative group (adminCount is 1). " +
			"Remove it from that group, enable inheritance of its permissions, and clear its adminCount. The next run then continues with it."
	}
	return ""
}

// WellKnown reports whether the SID is one that every domain gives to the same account:
// its RID is below 1000.
func WellKnown(sid directory.SID) bool {
	return strings.HasPrefix(string(sid), "S-1-5-21-") && strings.Count(string(sid), "-") == 7 && sid.RID() < 1000
}

// ProtectedContainer reports whether the domain keeps what it depends on in the container
// dn: the head of the domain, CN=Users, CN=System, CN=Builtin and OU=Domain Controllers,
// none of which can be renamed or moved, and everything below CN=System (AdminSDHolder)
// and CN=Builtin.
func ProtectedContainer(dn, base directory.DN) bool {
	if dn.Equal(base) {
		return true
	}
	for _, c := range []struct {
		kind, name string
		below      bool
	}{{"CN", "Users", false}, {"OU", "Domain Controllers", false}, {"CN", "System", true}, {"CN", "Builtin", true}} {
		protected := append(directory.DN{{Type: c.kind, Value: c.name}}, base...)
		if dn.Equal(protected) || c.below && dn.Within(protected) {
			return true
		}
	}
	return false
}

// Refusal is why an object must not be touched. Message is empty if it may be touched.
type Refusal struct{ ID, Message string }

// refuse returns a refusal. MarkRemoved: the object does not carry the group's mark.
// NotOurs: it does, but is not ours. ObjectProtected: the object, or its place, is
// protected.
func refuse(id, message string) Refusal { return Refusal{id, message} }

// MayWrite returns whether the object, as it is now, may be changed as the cloud group
// id. If adopting is set, it need not be ours yet.
func (c *Candidate) MayWrite(id directory.GUID, r *Rules, adopting bool) Refusal {
	if why := Protection(&c.TargetGroup); why != "" {
		return refuse("ObjectProtected", why)
	}
	switch claim := c.claimed(id, r); {
	case adopting && claim != "":
		return refuse("NotOurs", strings.ToUpper(claim[:1])+claim[1:]+".")
	case !adopting && !c.marks(id):
		return c.unmarked()
	}
	return Refusal{}
}

// MayDelete returns whether the object, as it is now, may be deleted as the cloud group
// id: only if it is ours, and where nothing is protected (rule 2). container reports
// whether a DN is that of one of the configured containers.
func (c *Candidate) MayDelete(id directory.GUID, r *Rules, container func(directory.DN) bool) Refusal {
	if !c.marks(id) {
		return c.unmarked()
	}
	if why := Protection(&c.TargetGroup); why != "" {
		return refuse("ObjectProtected", why)
	}
	if !c.Ours(id, r) {
		if !c.stamped(r) {
			return refuse("NotOurs", "The object is not linked and does not carry our stamp.")
		}
		return refuse("NotOurs", "The object is not linked, and "+c.owner()+".")
	}
	dn, err := directory.ParseDN(c.DN)
	if err != nil {
		return refuse("ObjectProtected", "The object's distinguished name cannot be read ("+err.Error()+").")
	}
	if parent := dn.Parent(); ProtectedContainer(parent, r.BaseDN) && !container(parent) {
		return refuse("ObjectProtected", "The object is in "+parent.String()+", where nothing is deleted.")
	}
	return Refusal{}
}

func (c *Candidate) unmarked() Refusal {
	if marked, ok := c.SourceID(); ok {
		return refuse("MarkRemoved", "The object carries the mark of the cloud group "+marked.String()+".")
	}
	return refuse("MarkRemoved", "The object no longer carries the group's mark.")
}

// Left returns a skip that says why an object with our stamp is not ours (rule 3).
func Left(id directory.GUID, c *Candidate, r *Rules) Change { return leave(&Pair{ID: id}, c, r) }

// LeftOnHold returns a skip that says why an object of ours that is on hold is not deleted
// with the others.
func LeftOnHold(id directory.GUID, c *Candidate, h *directory.Hold) Change {
	return skip(&Pair{ID: id}, c, Reason(h.Reason), heldText(h))
}

// SkipStray returns a skip that says why an object of ours is not deleted with the
// others.
func SkipStray(id directory.GUID, c *Candidate) Change {
	return skip(&Pair{ID: id}, c, ReasonForeign,
		"The object carries our stamp and belongs to our account, but it is outside the container and not linked: another installation for this tenant writes it with the same account, or it was moved. It is left unchanged. Delete it if nobody needs it.")
}
