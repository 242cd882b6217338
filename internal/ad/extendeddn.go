package ad

import (
	"fmt"
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

// parseExtendedDN parses the string form (flag 1). It ignores components other than
// GUID and SID.
func parseExtendedDN(s string) (extendedDN, error) {
	var x extendedDN
	rest := s
	for strings.HasPrefix(rest, "<") {
		component, tail, closed := strings.Cut(rest[1:], ">")
		name, value, named := strings.Cut(component, "=")
		if !closed || !named {
			return extendedDN{}, fmt.Errorf("%q is not an extended distinguished name", s)
		}
		var err error
		switch strings.ToUpper(name) {
		case "GUID":
			x.guid, err = directory.ParseGUID(value)
		case "SID":
			x.sid, err = directory.ParseSID(value)
		}
		if err != nil {
			return extendedDN{}, fmt.Errorf("in the extended distinguished name %q: %w", s, err)
		}
		rest = strings.TrimPrefix(tail, ";")
	}
	x.dn = rest
	return x, nil
}
