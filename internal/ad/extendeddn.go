package ad

import (
	"fmt"
	"strings"

	"groupwriteback/internal/directory"
)

// extendedDN is a name as the extended-DN control gives it:
// <GUID=…>;<SID=…>;CN=…. An object that is only known by name, such as one of
// a domain that was removed, has no guid.
type extendedDN struct {
	guid directory.GUID
	sid  directory.SID // empty where the object has none
	dn   string
}

// deleted reports whether it is the name of a deleted object, which a domain
// controller makes of the one before, a line feed, DEL: and the objectGUID.
func (x extendedDN) deleted() bool {
	_, suffix, found := strings.Cut(x.dn, `\0ADEL:`)
	return found && strings.HasPrefix(strings.ToLower(suffix), x.guid.String()+",")
}

// parseExtendedDN reads the string form (flag 1). Components of other kinds
// are passed over.
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
