package ad

import (
	"slices"

	"groupwriteback/internal/descriptor"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/rights"
)

// rightControl is the set of rights by which an account can give itself all others.
const rightControl = descriptor.WriteDAC | descriptor.WriteOwner | descriptor.GenericAll

// Object classes, attributes and property sets that an access control entry can be
// limited to (MS-ADSC, MS-ADA1 to 3).
var (
	classGroup     = rights.ClassGroup
	classUnit      = directory.MustGUID("bf967aa5-0de6-11d0-a285-00aa003049e2")
	classContainer = directory.MustGUID("bf967a8b-0de6-11d0-a285-00aa003049e2")

	guidMember     = directory.MustGUID("bf9679c0-0de6-11d0-a285-00aa003049e2")
	guidMembership = directory.MustGUID("bc0ac240-79a9-11d0-9020-00c04fc2d4cf") // the property set of member and memberOf
	guidAdminDesc  = directory.MustGUID("bf967919-0de6-11d0-a285-00aa003049e2")
	guidExtension  = directory.MustGUID("bf967972-0de6-11d0-a285-00aa003049e2")

	// decisive are the attributes that hold a group's members or tell whose the group
	// is; the zero GUID stands for all attributes.
	decisive = []directory.GUID{{}, guidMember, guidMembership, guidAdminDesc, guidExtension}
)

// meddling says what somebody may do to groups.
type meddling struct{ create, change bool }

// groupMeddlers returns who may change a group, according to its DACL.
func groupMeddlers(d descriptor.Descriptor) map[directory.SID]meddling {
	return meddlers(d, meddling{change: true}, func(e descriptor.ACE) meddling {
		return meddling{change: e.Here() && (controls(e) || writes(e))}
	})
}

// containerMeddlers returns who may create or change groups in a container and below
// it, according to its DACL.
func containerMeddlers(d descriptor.Descriptor) map[directory.SID]meddling {
	return meddlers(d, meddling{create: true, change: true}, func(e descriptor.ACE) meddling {
		inContainers := e.Here() || e.Inherits(classUnit, classContainer)
		creates := e.Mask&descriptor.CreateChild != 0 && (e.Object.IsZero() || e.Object == classGroup)
		return meddling{
			create: (controls(e) || creates) && inContainers,
			change: (controls(e) || writes(e)) && e.Inherits(classGroup) || controls(e) && inContainers,
		}
	})
}

// meddlers returns what each trustee of a DACL may do. The owner may change the DACL,
// and without a DACL everybody has full control. Entries that deny are ignored.
func meddlers(d descriptor.Descriptor, control meddling, by func(descriptor.ACE) meddling) map[directory.SID]meddling {
	found := make(map[directory.SID]meddling)
	add := func(sid directory.SID, m meddling) {
		if m.create || m.change {
			found[sid] = meddling{found[sid].create || m.create, found[sid].change || m.change}
		}
	}
	if d.Owner != "" {
		add(d.Owner, control)
	}
	if !d.HasDACL() {
		add(directory.Everyone, control)
	}
	for _, e := range d.Entries() {
		if e.Allows() {
			add(e.Trustee, by(e))
		}
	}
	return found
}

// controls reports whether the entry grants a right that leads to all others.
func controls(e descriptor.ACE) bool { return e.Mask&rightControl != 0 }

// writes reports whether the entry lets the trustee change a group's members, or whose
// the group is.
func writes(e descriptor.ACE) bool {
	return e.Mask&(descriptor.Write|descriptor.Self|descriptor.GenericWrite) != 0 && slices.Contains(decisive, e.Object)
}

// explicit returns the descriptor without the inherited entries.
func explicit(d descriptor.Descriptor) descriptor.Descriptor {
	if !d.HasDACL() {
		return d
	}
	return d.With(slices.DeleteFunc(slices.Clone(d.Entries()), func(e descriptor.ACE) bool { return !e.Explicit() }))
}
