package directory

import (
	"fmt"
	"strings"
)

// ParseExtendedName parses the name of an object with its GUID and SID before it, as Active
// Directory returns it on request: <GUID=…>;<SID=…>;CN=… (MS-ADTS 3.1.1.3.4.1.5, flag 1).
// What is missing stays empty, so a plain name is one, too.
func ParseExtendedName(s string) (MemberRef, error) {
	var ref MemberRef
	rest := s
	for strings.HasPrefix(rest, "<") {
		component, tail, closed := strings.Cut(rest[1:], ">")
		name, value, named := strings.Cut(component, "=")
		if !closed || !named {
			return MemberRef{}, fmt.Errorf("%q is not an extended distinguished name", s)
		}
		var err error
		switch strings.ToUpper(name) {
		case "GUID":
			ref.GUID, err = ParseGUID(value)
		case "SID":
			ref.SID, err = ParseSID(value)
		}
		if err != nil {
			return MemberRef{}, fmt.Errorf("in the extended distinguished name %q: %w", s, err)
		}
		rest = strings.TrimPrefix(tail, ";")
	}
	ref.DN = rest
	return ref, nil
}

// ObjectName returns the object as the value of an attribute that keeps the GUIDs of the
// objects that it names, since their names change: <GUID=…>;CN=…
func (m MemberRef) ObjectName() string { return "<GUID=" + m.GUID.String() + ">;" + m.DN }

// PlainNames returns [PlainName] of each value.
func PlainNames(values []string) []string {
	plain := make([]string, len(values))
	for i, value := range values {
		plain[i] = PlainName(value)
	}
	return plain
}

// PlainName returns a value without the GUID of an [MemberRef.ObjectName]. Any other text
// stays as it is.
func PlainName(value string) string {
	if ref, err := ParseExtendedName(value); err == nil && ref.DN != "" && !ref.GUID.IsZero() {
		return ref.DN
	}
	return value
}
