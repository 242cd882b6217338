package ad

import (
	"context"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// Holders implements contract.TargetReader. Active Directory requires the naming
// attribute to be unique among siblings, and that is not always cn. Every object has
// the value of its naming attribute in name, so Holders searches name.
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
	siblings, err := t.findNamed(ctx, byGUID(container), ldap.ScopeSingleLevel, "name", cns)
	if ldap.IsErrorWithCode(err, ldap.LDAPResultNoSuchObject) {
		return nil, containerNotFound(container.String(), err)
	}
	if err != nil {
		return nil, t.readError(ctx, byGUID(container), err)
	}
	namesakes, err := t.findNamed(ctx, t.root.baseDN, ldap.ScopeWholeSubtree, attrSAM, accounts)
	if err != nil {
		return nil, t.readError(ctx, t.root.baseDN, err)
	}
	found := holders{at: map[directory.GUID]int{}}
	for _, e := range siblings {
		holder, err := found.add(e)
		if err != nil {
			return nil, t.readError(ctx, e.DN, err)
		}
		holder.CN = e.GetAttributeValue("name")
	}
	for _, e := range namesakes {
		if _, err := found.add(e); err != nil {
			return nil, t.readError(ctx, e.DN, err)
		}
	}
	return found.list, nil
}

// findNamed finds the objects whose attribute is one of the names.
func (t *target) findNamed(ctx context.Context, base string, scope int, attribute string, names []string) ([]*ldap.Entry, error) {
	return findAny(ctx, t.pool, query{base: base, scope: scope, attributes: []string{attrGUID, "name", attrSAM}}, attribute, names)
}

// holders lists each object once, even if several of its names were found.
type holders struct {
	list []contract.Holder
	at   map[directory.GUID]int
}

// add returns the holder for the entry. The pointer is valid until the next call.
func (h *holders) add(e *ldap.Entry) (*contract.Holder, error) {
	guid, err := guidOf(e)
	if err != nil {
		return nil, err
	}
	at, known := h.at[guid]
	if !known {
		at = len(h.list)
		h.at[guid] = at
		h.list = append(h.list, contract.Holder{GUID: guid, DN: e.DN, SAMAccountName: e.GetAttributeValue(attrSAM)})
	}
	return &h.list[at], nil
}
