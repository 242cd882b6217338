package ad

import (
	"context"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/ldif"
)

// computed are attributes that Active Directory derives from others or from other objects,
// as far as it returns them unasked, and the members, which are read by ranges.
var computed = []string{attrMember, "memberOf", "dSCorePropagationData", "replPropertyMetaData"}

// Snapshots implements contract.TargetReader.
func (t *target) Snapshots(ctx context.Context, guids []directory.GUID, each func(contract.Snapshot) error) error {
	q := query{attributes: []string{"*", attrDescriptor}, sdFlags: sdOwner | sdGroup | sdDACL}
	return t.groupEntries(ctx, guids, q, func(guid directory.GUID, e *ldap.Entry) error {
		s := contract.Snapshot{GUID: guid, DN: e.DN}
		for _, a := range e.Attributes {
			if name, _, _ := strings.Cut(a.Name, ";"); !containsFold(computed, name) {
				s.Attributes = append(s.Attributes, ldif.Attribute{Name: a.Name, Values: a.Values})
			}
		}
		return each(s)
	})
}
