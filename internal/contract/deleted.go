package contract

import "groupwriteback/internal/directory"

// Remains says what a directory has kept of a deleted object.
type Remains string

// What remains of a deleted object (MS-ADTS 3.1.1.5.5).
const (
	// RemainsWhole is an object in the recycle bin, with all attributes and members, and as
	// a member of other groups.
	RemainsWhole Remains = "Whole"
	// RemainsTombstone is an object of a forest without recycle bin: its objectGUID, SID,
	// sAMAccountName, permissions and little else.
	RemainsTombstone Remains = "Tombstone"
	// RemainsNothing is an object that cannot be brought back.
	RemainsNothing Remains = "Nothing"
)

// DeletedGroup is a group that was deleted, with the attributes that are left.
type DeletedGroup struct {
	directory.TargetGroup
	Remains Remains
	// Parent is the container in which the group was. It may be gone or deleted, too. Its
	// GUID is zero if the directory does not tell it.
	Parent directory.MemberRef
}
