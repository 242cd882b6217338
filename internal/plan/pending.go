package plan

// Pending reports whether the next Delta run must plan the group again even if nothing
// about it changes: an obstacle may disappear without a trace in what the Delta run
// reads. It must also be called for the changes that [Names.Take] returns.
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

// passes reports whether the obstacle can disappear by something other than a change of
// the group, of its object or of the settings: by a change of another object, or by a
// lookup that succeeds.
func passes(reason Reason) bool {
	switch reason {
	case ReasonNameClash, ReasonDisputed, ReasonMarkRemoved, ReasonForeign, ReasonAuthorityMoved,
		ReasonMembersUnread, ReasonRemovalsHeld, ReasonPrimaryGroup, ReasonPresenceUnknown,
		ReasonProtected, ReasonAdoptedBefore, ReasonReturned,
		ReasonAddressTaken, ReasonAddressesUnknown, ReasonRoutingUnknown, ReasonMappingFailed:
		return true
	}
	return false
}
