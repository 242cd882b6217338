package plan

import "groupwriteback/internal/directory"

// Membership is who should be in a group, in terms of Active Directory.
type Membership struct {
	// Joined are the objectGUIDs of the members found in AD, ascending and
	// without repeats.
	Joined []directory.GUID
	// Unwritten counts the others by reason, the unknown ones among them.
	Unwritten map[directory.Reason]int
	// Incomplete is why the membership could not be read to its end, empty if
	// it could. Such a group only gains members.
	Incomplete string
}

// Unknown counts the members of whom it is not known who they are on-premises.
func (m *Membership) Unknown() int {
	n := 0
	for reason, count := range m.Unwritten {
		if reason.Unknown() {
			n += count
		}
	}
	return n
}
