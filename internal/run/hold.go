package run

import "groupwriteback/internal/directory"

// holds are the groups that are left as they are (rule 62).
type holds struct {
	now map[directory.GUID]*directory.Hold
	// lost are those that the state has lost and the objects in AD still carry.
	lost map[directory.GUID]*directory.Hold
	// over are the groups whose hold has ended by itself, or that are gone on both sides.
	// The commit forgets their holds.
	over []directory.GUID
}
