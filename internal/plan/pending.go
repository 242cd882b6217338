package plan

// Pending reports whether the next delta run has to plan the group again,
// whether anything of it changes or not: what stood in the way may be gone by
// then without a trace in what the delta run reads.
func Pending(changes []Change, m *Membership) bool {
	if m.Incomplete != "" || m.Unknown() > 0 {
		return true
	}
	for i := range changes {
		if changes[i].Action == Skip && mayPass(changes[i].Reason) {
			return true
		}
	}
	return false
}

// mayPass reports whether what a Skip waits for can happen to another object
// than the group and the one that stands for it, or in a lookup. The other
// reasons end with a change of the group or of the settings.
func mayPass(reason string) bool {
	switch reason {
	case ReasonNameClash, ReasonDisputed, ReasonMarkRemoved, ReasonForeign, ReasonAuthorityMoved,
		ReasonMembersUnread, ReasonRemovalsHeld, ReasonPresenceUnknown:
		return true
	}
	return false
}
