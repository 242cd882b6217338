package plan

// Pending reports whether the next delta run has to plan the group again,
// whether anything of it changes or not: what stood in the way may be gone by
// then without a trace in what the delta run reads. What [Names.Take] returns
// has to be asked for too.
func Pending(changes []Change, m *Membership) bool {
	if m.Incomplete != "" || m.Unknown() > 0 {
		return true
	}
	for i := range changes {
		if !changes[i].Beside && passes(changes[i].Reason) {
			return true
		}
	}
	return false
}

// passes reports whether what stands in the way can end by something else than
// a change of the group, of its object or of the settings: by what happens to
// another object, or by a lookup that succeeds.
func passes(reason string) bool {
	switch reason {
	case ReasonNameClash, ReasonDisputed, ReasonMarkRemoved, ReasonForeign, ReasonAuthorityMoved,
		ReasonMembersUnread, ReasonRemovalsHeld, ReasonPrimaryGroup, ReasonPresenceUnknown,
		ReasonProtected, ReasonAdoptedBefore, ReasonReturned:
		return true
	}
	return false
}
