package ad

import (
	"slices"

	"groupwriteback/internal/directory"
)

// Rights to objects (MS-ADTS 5.1.3.2).
const (
	rightCreateChild = 0x1
	rightDeleteChild = 0x2
	rightSelf        = 0x8
	rightWrite       = 0x20
	rightDeleteTree  = 0x40
	rightDelete      = 0x10000
	rightWriteDAC    = 0x40000
	rightWriteOwner  = 0x80000
	rightAll         = 0x10000000
	rightWriteAll    = 0x40000000

	// rightControl is what leads to all others.
	rightControl = rightWriteDAC | rightWriteOwner | rightAll
)

// What entries of an access control list are limited to (MS-ADSC, MS-ADA1 to 3).
var (
	classGroup     = directory.MustGUID("bf967a9c-0de6-11d0-a285-00aa003049e2")
	classUnit      = directory.MustGUID("bf967aa5-0de6-11d0-a285-00aa003049e2")
	classContainer = directory.MustGUID("bf967a8b-0de6-11d0-a285-00aa003049e2")

	guidMember     = directory.MustGUID("bf9679c0-0de6-11d0-a285-00aa003049e2")
	guidMembership = directory.MustGUID("bc0ac240-79a9-11d0-9020-00c04fc2d4cf") // the set of member and memberOf
	guidAdminDesc  = directory.MustGUID("bf967919-0de6-11d0-a285-00aa003049e2")
	guidExtension  = directory.MustGUID("bf967972-0de6-11d0-a285-00aa003049e2")
	guidName       = directory.MustGUID("bf967a0e-0de6-11d0-a285-00aa003049e2")
	guidCN         = directory.MustGUID("bf96793f-0de6-11d0-a285-00aa003049e2")
	guidPublic     = directory.MustGUID("e48d0154-bcf8-11d1-8702-00c04fb96050") // the set with name and cn

	// decisive are who is in a group, and by what it is known whose it is.
	decisive = []directory.GUID{{}, guidMember, guidMembership, guidAdminDesc, guidExtension}
)

// allowed reports whether the list gives the token the right to one of the
// objects, or to all. Entries on a condition are passed over: whether it is met
// the domain controller alone knows.
func allowed(d directory.Descriptor, token map[directory.SID]bool, right uint32, objects ...directory.GUID) bool {
	if !d.HasDACL {
		return true
	}
	for _, e := range d.DACL {
		if e.Conditional || e.Flags&directory.ACEInheritOnly != 0 || e.Mask&(right|rightAll) == 0 || !token[e.Trustee] {
			continue
		}
		if e.Object.IsZero() || slices.Contains(objects, e.Object) {
			return !e.Denies
		}
	}
	return false
}

// inheritedBy is what a new object of the class will have of the list of the
// object above it.
func inheritedBy(d directory.Descriptor, class directory.GUID) directory.Descriptor {
	below := directory.Descriptor{HasDACL: d.HasDACL}
	for _, e := range d.DACL {
		if inherits(e, class) {
			e.Flags &^= directory.ACEInheritOnly
			below.DACL = append(below.DACL, e)
		}
	}
	return below
}

func inherits(e directory.ACE, classes ...directory.GUID) bool {
	return e.Flags&directory.ACEContainerInherit != 0 && (e.InheritedBy.IsZero() || slices.Contains(classes, e.InheritedBy))
}

// meddling is what somebody may do to groups.
type meddling struct{ create, change bool }

// groupMeddlers tells who may change a group, by its list.
func groupMeddlers(d directory.Descriptor) map[directory.SID]meddling {
	return meddlers(d, meddling{change: true}, func(e directory.ACE) meddling {
		return meddling{change: here(e) && (controls(e) || writes(e))}
	})
}

// containerMeddlers tells who may create or change groups in a container and
// below it, by its list.
func containerMeddlers(d directory.Descriptor) map[directory.SID]meddling {
	return meddlers(d, meddling{create: true, change: true}, func(e directory.ACE) meddling {
		inContainers := here(e) || inherits(e, classUnit, classContainer)
		creates := e.Mask&rightCreateChild != 0 && (e.Object.IsZero() || e.Object == classGroup)
		return meddling{
			create: (controls(e) || creates) && inContainers,
			change: (controls(e) || writes(e)) && inherits(e, classGroup) || controls(e) && inContainers,
		}
	})
}

// meddlers tells what everybody may do whom a list names. The owner may change the
// list, and without a list everybody has control. What is denied is not used.
func meddlers(d directory.Descriptor, control meddling, by func(directory.ACE) meddling) map[directory.SID]meddling {
	found := make(map[directory.SID]meddling)
	add := func(sid directory.SID, m meddling) {
		if m.create || m.change {
			found[sid] = meddling{found[sid].create || m.create, found[sid].change || m.change}
		}
	}
	if d.Owner != "" {
		add(d.Owner, control)
	}
	if !d.HasDACL {
		add(directory.Everyone, control)
	}
	for _, e := range d.DACL {
		if !e.Denies {
			add(e.Trustee, by(e))
		}
	}
	return found
}

// here reports whether the entry holds for the object that has it.
func here(e directory.ACE) bool { return e.Flags&directory.ACEInheritOnly == 0 }

// controls reports whether the entry gives a right that leads to all others.
func controls(e directory.ACE) bool { return e.Mask&rightControl != 0 }

// writes reports whether the entry lets somebody change who is in a group, or whose
// it is.
func writes(e directory.ACE) bool {
	return e.Mask&(rightWrite|rightSelf|rightWriteAll) != 0 && slices.Contains(decisive, e.Object)
}

// explicit is the list without the entries that come from the object above.
func explicit(d directory.Descriptor) directory.Descriptor {
	d.DACL = slices.DeleteFunc(slices.Clone(d.DACL), func(e directory.ACE) bool { return e.Flags&directory.ACEInherited != 0 })
	return d
}
