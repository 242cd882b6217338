package state

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// ownGroup stands for the group that owns the file.
const ownGroup = -1

// accessList returns the users and groups that may write by a file's POSIX access
// control list, without the file's owner and the entry for everybody. listed is false
// if the file has no such list.
func accessList(path string) (users, groups []int, listed bool) {
	b := make([]byte, 64<<10)
	n, err := unix.Getxattr(path, "system.posix_acl_access", b)
	if err != nil {
		return nil, nil, false
	}
	return parseAccessList(b[:n])
}

// parseAccessList reads the attribute system.posix_acl_access: a version, then
// entries of tag, permission and number (linux/posix_acl_xattr.h). It ignores the
// mask, which the caller applies: it is the group's part of the file mode.
func parseAccessList(b []byte) (users, groups []int, listed bool) {
	const version, user, groupObject, group, write = 2, 0x02, 0x04, 0x08, 2
	if len(b) < 4 || binary.LittleEndian.Uint32(b) != version {
		return nil, nil, false
	}
	for b = b[4:]; len(b) >= 8; b = b[8:] {
		if binary.LittleEndian.Uint16(b[2:])&write == 0 {
			continue
		}
		number := int(binary.LittleEndian.Uint32(b[4:]))
		switch binary.LittleEndian.Uint16(b) {
		case user:
			users = append(users, number)
		case group:
			groups = append(groups, number)
		case groupObject:
			groups = append(groups, ownGroup)
		}
	}
	return users, groups, true
}
