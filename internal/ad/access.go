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

	// rightControl is the set of rights by which an account can give itself all others.
	rightControl = rightWriteDAC | rightWriteOwner | rightAll
)

// Object classes, attributes and property sets that an access control entry can be
// limited to (MS-ADSC, MS-ADA1 to 3).
var (
	classGroup     = directory.MustGUID("bf967a9c-0de6-11d0-a285-00aa003049e2")
	classUnit      = directory.MustGUID("bf967aa5-0de6-11d0-a285-00aa003049e2")
	classContainer = directory.MustGUID("bf967a8b-0de6-11d0-a285-00aa003049e2")

	guidMember     = directory.MustGUID("bf9679c0-0de6-11d0-a285-00aa003049e2")
	guidMembership = directory.MustGUID("bc0ac240-79a9-11d0-9020-00c04fc2d4cf") // the property set of member and memberOf
	guidAdminDesc  = directory.MustGUID("bf967919-0de6-11d0-a285-00aa003049e2")
	guidExtension  = directory.MustGUID("bf967972-0de6-11d0-a285-00aa003049e2")
	guidName       = directory.MustGUID("bf967a0e-0de6-11d0-a285-00aa003049e2")
	guidCN         = directory.MustGUID("bf96793f-0de6-11d0-a285-00aa003049e2")
	guidPublic     = directory.MustGUID("e48d0154-bcf8-11d1-8702-00c04fb96050") // the property set with name and cn

	// decisive are the attributes that hold a group's members or tell whose the group
	// is; the zero GUID stands for all attributes.
	decisive = []directory.GUID{{}, guidMember, guidMembership, guidAdminDesc, guidExtension}
)

// allowed reports whether the DACL gives the token the right to one of the objects, or
// to all. It skips conditional entries, because only the domain controller can evaluate
// the condition.
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

// inheritedBy returns what a new object of the class inherits from the DACL of the
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

// meddling says what somebody may do to groups.
type meddling struct{ create, change bool }

// groupMeddlers returns who may change a group, according to its DACL.
func groupMeddlers(d directory.Descriptor) map[directory.SID]meddling {
	return meddlers(d, meddling{change: true}, func(e directory.ACE) meddling {
		return meddling{change: here(e) && (controls(e) || writes(e))}
	})
}

// containerMeddlers returns who may create or change groups in a container and below
// it, according to its DACL.
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

// meddlers returns what each trustee of a DACL may do. The owner may change the DACL,
// and without a DACL everybody has full control. Entries that deny are ignored.
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

// here reports whether the entry applies to the object that carries it.
func here(e directory.ACE) bool { return e.Flags&directory.ACEInheritOnly == 0 }

// controls reports whether the entry grants a right that leads to all others.
func controls(e directory.ACE) bool { return e.Mask&rightControl != 0 }

// writes reports whether the entry lets the trustee change a group's members, or whose
// the group is.
func writes(e directory.ACE) bool {
	return e.Mask&(rightWrite|rightSelf|rightWriteAll) != 0 && slices.Contains(decisive, e.Object)
}

// explicit returns the descriptor without the inherited entries.
func explicit(d directory.Descriptor) directory.Descriptor {
	d.DACL = slices.DeleteFunc(slices.Clone(d.DACL), func(e directory.ACE) bool { return e.Flags&directory.ACEInherited != 0 })
	return d
}
