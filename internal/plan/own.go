package plan

import (
	"fmt"
	"slices"
	"strings"

	"groupwriteback/internal/directory"
)

// Ours reports whether the object is ours to change as the cloud group id
// (rule 2): it carries the group's mark and is linked, or carries our stamp too
// and belongs to somebody whom we trust. Mark and stamp are public text: by
// themselves they prove nothing.
func (c *Candidate) Ours(id directory.GUID, r *Rules) bool {
	switch {
	case !c.marks(id):
		return false
	case c.Linked:
		return true
	}
	return c.stamped(r) && r.trusts(c.Owner, c.Place) && Protection(&c.TargetGroup) == ""
}

// marks reports whether the object carries the mark of that cloud group.
func (c *Candidate) marks(id directory.GUID) bool {
	marked, ok := c.SourceID()
	return ok && marked == id
}

func (c *Candidate) stamped(r *Rules) bool { return directory.HasStamp(c.ExtensionName, r.TenantID) }

// Apart reports whether nothing but mark, stamp and owner says that the object is
// ours: it is not linked and stands outside of the containers, where another
// installation of the same tenant may have written it under the same account.
func (c *Candidate) Apart() bool { return !c.Linked && c.Place == Elsewhere }

// NeedsOwner reports whether it depends on the owner whose the object is: those
// that are linked need none.
func (c *Candidate) NeedsOwner(r *Rules) bool { return !c.Linked && c.stamped(r) }

// trusts reports whether what an owner has marked and stamped is ours: our own
// account, or one that is named for a service account of before. What an
// administrator makes belongs to his group, and nobody who is none may create
// for it; but only in the containers is it likely to be meant for us.
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

// owner names the owner of an object for people.
func (c *Candidate) owner() string {
	switch {
	case c.Owner == "":
		return "its owner cannot be read"
	case c.OwnerName == "":
		return "its owner is " + string(c.Owner)
	}
	return fmt.Sprintf("its owner is %s (%s)", c.OwnerName, c.Owner)
}

// Protection says why the object is one of those that are never linked, adopted,
// changed or deleted, whoever wrote to it, and how that ends; empty if it is none.
func Protection(g *directory.TargetGroup) string {
	switch {
	case strings.HasPrefix(string(g.SID), "S-1-5-32-"):
		return "It is a group of BUILTIN (" + string(g.SID) + "), which every domain has."
	case WellKnown(g.SID):
		return fmt.Sprintf("It is a well-known group of the domain: its RID is %d.", g.SID.RID())
	case g.Critical:
		return "It is a critical system object (isCriticalSystemObject)."
	case g.AdminCount:
		return "It is, or once was, a member of a protected group of administrators (adminCount is 1). " +
			"Take it out of that group, let the group's permissions be inherited again and clear its adminCount; the next run goes on with it."
	}
	return ""
}

// WellKnown reports whether the SID is one of those that every domain gives to
// the same account: its RID is below 1000.
func WellKnown(sid directory.SID) bool {
	return strings.HasPrefix(string(sid), "S-1-5-21-") && strings.Count(string(sid), "-") == 7 && sid.RID() < 1000
}

// ProtectedContainer reports whether a container of that name is one in which
// the domain keeps what it depends on: the head of the domain, CN=Users, CN=System,
// CN=Builtin and OU=Domain Controllers, none of which can be renamed or moved, and
// what lies below CN=System (AdminSDHolder) and CN=Builtin.
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

// Refusal is why an object may not be touched; its Message is empty if it may.
type Refusal struct{ ID, Message string }

// refuse makes a refusal: MarkRemoved, it does not carry the group's mark; NotOurs,
// it does and is not ours all the same; ObjectProtected, it or where it stands is.
func refuse(id, message string) Refusal { return Refusal{id, message} }

// MayWrite says whether the object may be changed as the cloud group id, as it is
// now; adopting: it need not be ours yet.
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

// MayDelete says whether the object may be deleted as the cloud group id, as it
// is now: where nothing is protected, and only what is ours (rule 2). container
// reports whether a name is that of one of the configured containers.
func (c *Candidate) MayDelete(id directory.GUID, r *Rules, container func(directory.DN) bool) Refusal {
	if !c.marks(id) {
		return c.unmarked()
	}
	if why := Protection(&c.TargetGroup); why != "" {
		return refuse("ObjectProtected", why)
	}
	if !c.Ours(id, r) {
		if !c.stamped(r) {
			return refuse("NotOurs", "It is not linked and does not carry our stamp.")
		}
		return refuse("NotOurs", "It is not linked, and "+c.owner()+".")
	}
	dn, err := directory.ParseDN(c.DN)
	if err != nil {
		return refuse("ObjectProtected", "Where it stands is not known ("+err.Error()+").")
	}
	if parent := dn.Parent(); ProtectedContainer(parent, r.BaseDN) && !container(parent) {
		return refuse("ObjectProtected", "It stands in "+parent.String()+", where nothing is deleted.")
	}
	return Refusal{}
}

func (c *Candidate) unmarked() Refusal {
	if marked, ok := c.SourceID(); ok {
		return refuse("MarkRemoved", "It carries the mark of the cloud group "+marked.String()+".")
	}
	return refuse("MarkRemoved", "It no longer carries the group's mark.")
}

// Left says why an object that carries our stamp is not ours (rule 3).
func Left(id directory.GUID, c *Candidate, r *Rules) Change { return leave(&Pair{ID: id}, c, r) }

// LeftApart says of an object of ours why it is not deleted with the others.
func LeftApart(id directory.GUID, c *Candidate) Change {
	return skip(&Pair{ID: id}, c, ReasonForeign,
		"It carries our stamp and belongs to us, but stands outside of the container and is not linked: another installation of this tenant writes it under the same account, or it was moved. It is left as it is; delete it yourself if nobody needs it.")
}
