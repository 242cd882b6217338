package ad

import (
	"context"
	"slices"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// Holders implements contract.TargetReader. Among siblings Active Directory
// keeps unique not only cn but the value of whatever attribute names an
// object, which every object has in name.
func (t *target) Holders(ctx context.Context, container directory.GUID, names []contract.Name) ([]contract.Holder, error) {
	var cns, accounts []string
	for _, n := range names {
		if n.CN != "" {
			cns = append(cns, n.CN)
		}
		if n.SAMAccountName != "" {
			accounts = append(accounts, n.SAMAccountName)
		}
	}
	var holders []contract.Holder
	seen := make(map[directory.GUID]int)
	add := func(base string, scope int, attribute string, values []string) error {
		for batch := range slices.Chunk(values, batchSize) {
			entries, err := t.pool.find(ctx, query{
				base: base, scope: scope, filter: anyOf(attribute, batch), attributes: []string{attrGUID, "name", attrSAM},
			})
			if ldap.IsErrorWithCode(err, ldap.LDAPResultNoSuchObject) {
				return containerNotFound(container.String(), err)
			}
			if err != nil {
				return t.readError(ctx, base, err)
			}
			for _, e := range entries {
				guid, err := directory.GUIDFromAD(e.GetRawAttributeValue(attrGUID))
				if err != nil {
					return t.readError(ctx, e.DN, &incompleteError{err.Error()})
				}
				at, known := seen[guid]
				if !known {
					at = len(holders)
					seen[guid] = at
					holders = append(holders, contract.Holder{GUID: guid, DN: e.DN, SAMAccountName: e.GetAttributeValue(attrSAM)})
				}
				if scope == ldap.ScopeSingleLevel {
					holders[at].CN = e.GetAttributeValue("name")
				}
			}
		}
		return nil
	}
	if err := add(byGUID(container), ldap.ScopeSingleLevel, "name", cns); err != nil {
		return nil, err
	}
	if err := add(t.root.baseDN, ldap.ScopeWholeSubtree, attrSAM, accounts); err != nil {
		return nil, err
	}
	return holders, nil
}
