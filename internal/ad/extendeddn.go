package ad

import (
	"strings"

	"groupwriteback/internal/directory"
)

// extendedDN is a name as the extended-DN control returns it: <GUID=…>;<SID=…>;CN=…. An
// object that the server knows only by name, such as one from a removed domain, has no
// GUID.
type extendedDN struct {
	guid directory.GUID
	sid  directory.SID // empty if the object has no SID
	dn   string
}

// deleted reports whether the name is that of a deleted object. A domain controller
// builds it from the old name, a line feed, "DEL:" and the objectGUID.
func (x extendedDN) deleted() bool {
	_, suffix, found := strings.Cut(x.dn, `\0ADEL:`)
	return found && strings.HasPrefix(strings.ToLower(suffix), x.guid.String()+",")
}

// parseExtendedDN parses the string form (flag 1).
func parseExtendedDN(s string) (extendedDN, error) {
	ref, err := directory.ParseExtendedName(s)
	return extendedDN{guid: ref.GUID, sid: ref.SID, dn: ref.DN}, err
}
