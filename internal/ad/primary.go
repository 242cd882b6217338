package ad

import (
	"context"
	"strconv"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/internal/directory"
)

// PrimaryMembers implements contract.TargetReader. An account names its primary group
// by RID, the last part of the SID, so the primary group is always in the account's own
// domain.
func (t *target) PrimaryMembers(ctx context.Context, group directory.SID) ([]directory.MemberRef, error) {
	if group.Domain() != t.domainSID {
		return nil, nil
	}
	rid := strconv.FormatUint(uint64(group.RID()), 10)
	entries, err := t.pool.find(ctx, query{
		base: t.root.baseDN, scope: ldap.ScopeWholeSubtree, filter: equals("primaryGroupID", rid),
		attributes: []string{attrGUID, attrSID, "objectClass"},
	})
	if err != nil {
		return nil, t.readError(ctx, t.root.baseDN, err)
	}
	var members []directory.MemberRef
	for _, e := range entries {
		account, ok, err := parseCandidate(e)
		if err != nil {
			return nil, t.readError(ctx, e.DN, err)
		}
		if ok {
			members = append(members, account.ref)
		}
	}
	return members, nil
}
