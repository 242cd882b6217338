package plan

import (
	"slices"

	"groupwriteback/internal/directory"
)

// Owner is an owner of a cloud group. Object is set if Reason is ReasonJoined.
type Owner struct {
	ID     directory.GUID
	Object directory.MemberRef
	Reason directory.Reason
}

// PropertyOwners is how the delta names the owners of a group. No group has it as a
// property.
const PropertyOwners = "owners"

// accounts returns the owners' objects, as values, in the order of the owners. unknown
// reports whether some owner may have another one.
func (s *subject) accounts() (joined []string, unknown bool) {
	for i := range s.owners {
		switch o := &s.owners[i]; {
		case o.Reason == directory.ReasonJoined:
			joined = append(joined, o.Object.ObjectName())
		case o.Reason.Unknown():
			unknown = true
		}
	}
	return joined, unknown
}

// manager returns the one value of managedBy: the present one while he is an owner, else
// the first owner with an account. While an owner is unknown, who is there may be that
// owner, and stays.
func (s *subject) manager() (values []string, flows bool) {
	if s.group.Owners == nil {
		return nil, false
	}
	present := s.object.Attribute(directory.AttrManagedBy)
	joined, unknown := s.accounts()
	still := slices.DeleteFunc(slices.Clone(present), func(v string) bool { return !Object.Contains(joined, v) })
	switch {
	case len(still) > 0:
		return still, true
	case unknown && len(present) > 0:
		return nil, false
	}
	return joined[:min(1, len(joined))], true
}

// coManagers returns the owners with an account besides the manager. While an owner is
// unknown, none that we wrote goes.
func (s *subject) coManagers() (values []string, flows bool) {
	if s.group.Owners == nil {
		return nil, false
	}
	joined, unknown := s.accounts()
	if row := s.rules.Mapping.row(directory.AttrManagedBy); row != nil && !row.Custom {
		manager, _ := s.manager()
		joined = Object.without(joined, manager)
	}
	if unknown {
		ours := s.object.Written[directory.AttrCoManagedBy]
		for _, v := range s.object.Attribute(directory.AttrCoManagedBy) {
			if Object.Contains(ours, v) && !Object.Contains(joined, v) {
				joined = append(joined, v)
			}
		}
	}
	return joined, true
}
