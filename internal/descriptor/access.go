package descriptor

import (
	"slices"

	"groupwriteback/internal/directory"
)

// Token holds the SIDs of an account: its own, and those of all groups that it is in.
type Token map[directory.SID]bool

// SIDs that stand for somebody else.
const (
	principalSelf directory.SID = "S-1-5-10" // the object itself
	ownerRights   directory.SID = "S-1-3-4"  // limits what the owner has anyway
)

// Object is what a right is asked for, besides the object as a whole.
type Object struct {
	// SID is the object's own, if it has one.
	SID directory.SID
	// Types are the class of the object, and what of it is meant, most general last: an
	// attribute and its property set, the class of a child, or an extended right.
	Types []directory.GUID
}

// Allows reports whether the token has all rights of mask to the object (MS-ADTS
// 5.1.3.3): for each right, the first entry that speaks of it decides. It skips
// conditional entries, because only the domain controller can evaluate the condition.
func (d Descriptor) Allows(token Token, mask uint32, object Object) bool {
	if !d.HasDACL() {
		return true
	}
	missing := Specific(mask)
	if d.Owner != "" && token[d.Owner] && !d.limitsOwner() {
		missing &^= ReadControl | WriteDAC
	}
	for _, e := range d.DACL.Entries {
		if missing == 0 {
			break
		}
		if e.Conditional() || !e.Here() || !e.Allows() && !e.Denies() || !d.means(e.Trustee, token, object.SID) {
			continue
		}
		if !e.Object.IsZero() && !slices.Contains(object.Types, e.Object) {
			continue
		}
		rights := Specific(e.Mask) & missing
		if rights != 0 && e.Denies() {
			return false
		}
		missing &^= rights
	}
	return missing == 0
}

// means reports whether the trustee of an entry is among the SIDs of the token.
func (d Descriptor) means(trustee directory.SID, token Token, object directory.SID) bool {
	switch trustee {
	case principalSelf:
		return object != "" && token[object] || token[principalSelf]
	case ownerRights:
		return d.Owner != "" && token[d.Owner]
	}
	return token[trustee]
}

// limitsOwner reports whether an entry says what the owner may do; the owner then has no
// right by being that.
func (d Descriptor) limitsOwner() bool {
	return slices.ContainsFunc(d.DACL.Entries, func(e ACE) bool {
		return e.Trustee == ownerRights && e.Here() && (e.Allows() || e.Denies())
	})
}

// InheritedBy returns the descriptor that a new object of the class would inherit from
// this one.
func (d Descriptor) InheritedBy(class directory.GUID) Descriptor {
	var entries []ACE
	for _, e := range d.Entries() {
		if e.Inherits(class) {
			e.Flags = e.Flags&^InheritOnly | Inherited
			entries = append(entries, e)
		}
	}
	below := New()
	if !d.HasDACL() {
		return Descriptor{}
	}
	return below.With(entries)
}

// Inherits reports whether an object below, of one of the classes, inherits the entry.
func (e ACE) Inherits(classes ...directory.GUID) bool {
	return e.Flags&ContainerInherit != 0 && (e.InheritedBy.IsZero() || slices.Contains(classes, e.InheritedBy))
}
