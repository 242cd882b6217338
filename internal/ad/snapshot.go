package ad

import (
	"context"
	"fmt"
	"slices"
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
	if len(guids) > maxGUIDs {
		return t.unexpected("", fmt.Errorf("%d objects requested at once, the limit is %d", len(guids), maxGUIDs))
	}
	entries, err := findAny(ctx, t.pool, query{
		base: t.root.baseDN, scope: ldap.ScopeWholeSubtree, filter: "(objectClass=group)",
		attributes: []string{"*", attrDescriptor}, sdFlags: sdOwner | sdGroup | sdDACL,
	}, attrGUID, valuesOf(guids, directory.GUID.AD))
	if err != nil {
		return t.readError(ctx, t.root.baseDN, err)
	}
	for _, e := range entries {
		guid, err := guidOf(e)
		if err != nil {
			return t.readError(ctx, e.DN, err)
		}
		s := contract.Snapshot{GUID: guid, DN: e.DN}
		for _, a := range e.Attributes {
			name, _, _ := strings.Cut(a.Name, ";")
			if !slices.ContainsFunc(computed, func(c string) bool { return strings.EqualFold(c, name) }) {
				s.Attributes = append(s.Attributes, ldif.Attribute{Name: a.Name, Values: a.Values})
			}
		}
		if err := each(s); err != nil {
			return err
		}
	}
	return nil
}
