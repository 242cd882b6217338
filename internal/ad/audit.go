package ad

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/descriptor"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/rights"
)

// tierZero are the groups of the domain and the forest whose members can take control
// of the domain, by the last part of their SID.
var tierZero = map[string]string{
	"512": "Domain Admins", "516": "Domain Controllers", "518": "Schema Admins", "519": "Enterprise Admins",
	"520": "Group Policy Creator Owners", "526": "Key Admins", "527": "Enterprise Key Admins",
}

var tierZeroBuiltin = map[directory.SID]string{
	"S-1-5-32-544": "Administrators", "S-1-5-32-548": "Account Operators", "S-1-5-32-549": "Server Operators",
	"S-1-5-32-550": "Print Operators", "S-1-5-32-551": "Backup Operators", "S-1-5-32-552": "Replicator",
	"S-1-5-32-557": "Incoming Forest Trust Builders",
	"S-1-5-18":     "SYSTEM",
}

// Audit implements contract.TargetReader.
func (t *target) Audit(ctx context.Context, container directory.GUID) (contract.Audit, error) {
	audit := contract.Audit{Token: len(t.token) > 0}
	for sid := range t.token {
		name := tierZeroBuiltin[sid]
		if of := sid.Domain(); of == t.domainSID || of != "" && of == t.forestSID {
			name = tierZero[strings.TrimPrefix(string(sid), string(of)+"-")]
		}
		if name != "" {
			audit.TierZero = append(audit.TierZero, name)
		}
	}
	slices.Sort(audit.TierZero)
	dn, err := t.dnOf(ctx, container)
	if err != nil {
		return audit, err
	}
	if dn == "" {
		return audit, containerNotFound(container.String(), nil)
	}
	if audit.Outside, err = t.outside(ctx, dn); err != nil {
		return audit, err
	}
	audit.Others, audit.Unreadable, err = t.others(ctx, dn)
	return audit, err
}

// outside asks the domain controller what the account may do at the head of the domain,
// in the containers that hold its administrative objects, and above the container.
func (t *target) outside(ctx context.Context, container string) ([]contract.OutsideRight, error) {
	names := []string{t.root.baseDN}
	for _, below := range []string{"CN=Users", "CN=Builtin", "CN=System", "CN=AdminSDHolder,CN=System", "OU=Domain Controllers"} {
		names = append(names, below+","+t.root.baseDN)
	}
	at, err := directory.ParseDN(container)
	if err != nil {
		return nil, t.unexpected(container, err)
	}
	head, err := directory.ParseDN(t.root.baseDN)
	if err != nil {
		return nil, t.unexpected(t.root.baseDN, err)
	}
	for parent := at.Parent(); len(parent) > len(head); parent = parent.Parent() {
		if !slices.ContainsFunc(names, func(n string) bool { return sameDN(n, parent.String()) }) {
			names = append(names, parent.String())
		}
	}
	var found []contract.OutsideRight
	for _, name := range names {
		if sameDN(name, container) {
			continue
		}
		e, err := t.pool.read(ctx, query{base: name, attributes: []string{"allowedChildClassesEffective", "allowedAttributesEffective", "sDRightsEffective", attrDescriptor}, sdFlags: sdDACL})
		if err != nil {
			return nil, t.readError(ctx, name, err)
		}
		if e == nil {
			continue
		}
		right := contract.OutsideRight{DN: e.DN, Create: e.GetAttributeValues("allowedChildClassesEffective"), Write: e.GetAttributeValues("allowedAttributesEffective")}
		parts, _ := strconv.Atoi(e.GetAttributeValue("sDRightsEffective"))
		right.Control = parts&(sdOwner|sdDACL) != 0
		if d, err := descriptor.Parse(e.GetRawAttributeValue(attrDescriptor)); err == nil && sameDN(e.DN, t.root.baseDN) && d.HasDACL() {
			right.Restore = rights.MayRestore(d, t.token)
		}
		if len(right.Create) > 0 || len(right.Write) > 0 || right.Control || right.Restore {
			found = append(found, right)
		}
	}
	return found, nil
}

// others reads the access control lists of the container, of the containers below it
// and of all groups there, and returns who else may create or change groups.
func (t *target) others(ctx context.Context, container string) (others []contract.Meddler, unreadable int, err error) {
	first := make(map[directory.SID]*contract.Meddler)
	err = retry(ctx, t.server.host, func() error {
		clear(first)
		unreadable = 0
		return t.pool.use(ctx, func(c *conn) error {
			return c.search(ctx, query{
				base: container, scope: ldap.ScopeWholeSubtree,
				filter:     "(|(objectClass=organizationalUnit)(objectClass=container)(objectClass=group))",
				attributes: []string{"objectClass", attrDescriptor}, sdFlags: sdOwner | sdDACL,
			}, func(e *ldap.Entry) error {
				d, err := descriptor.Parse(e.GetRawAttributeValue(attrDescriptor))
				if err != nil {
					unreadable++
					return nil
				}
				if !sameDN(e.DN, container) { // inherited entries are reported for the object above
					d = explicit(d)
				}
				meddlers := containerMeddlers
				if containsFold(e.GetAttributeValues("objectClass"), "group") {
					meddlers = groupMeddlers
				}
				for sid, m := range meddlers(d) {
					if t.mayMeddle(sid) {
						continue
					}
					other := first[sid]
					if other == nil {
						other = &contract.Meddler{Principal: contract.Principal{SID: sid}, DN: e.DN}
						first[sid] = other
					}
					other.Create, other.Change = other.Create || m.create, other.Change || m.change
					other.Objects++
				}
				return nil
			})
		})
	})
	if err != nil {
		return nil, 0, t.readError(ctx, container, err)
	}
	sids := make([]directory.SID, 0, len(first))
	for sid := range first {
		sids = append(sids, sid)
	}
	for batch := range slices.Chunk(sids, batchSize) {
		matching := anyOf(attrSID, valuesOf(batch, directory.SID.AD))
		named, err := t.principals(ctx, matching)
		if err != nil {
			return nil, 0, err
		}
		for _, p := range named {
			if other := first[p.SID]; other != nil {
				other.Name = p.Name
			}
		}
		// A group without members is nobody. Account Operators is in the list of every
		// container, and mostly has no members.
		empty, err := t.principals(ctx, and("(objectClass=group)", "(!("+attrMember+"=*))", matching))
		if err != nil {
			return nil, 0, err
		}
		for _, p := range empty {
			primary, err := t.isPrimary(ctx, p.SID)
			if err != nil {
				return nil, 0, err
			}
			if !primary {
				delete(first, p.SID)
			}
		}
	}
	for sid, other := range first {
		if other.Name == "" {
			other.Name = wellKnown[sid]
		}
		others = append(others, *other)
	}
	slices.SortFunc(others, func(a, b contract.Meddler) int {
		return strings.Compare(a.Name+string(a.SID), b.Name+string(b.SID))
	})
	return others, unreadable, nil
}

// wellKnown are the principals that are not objects of the domain.
var wellKnown = map[directory.SID]string{
	"S-1-1-0": "Everyone", "S-1-5-7": "Anonymous", "S-1-5-11": "Authenticated Users", "S-1-5-2": "Network", "S-1-5-4": "Interactive",
}

// mayMeddle reports whether the right is to be expected: the SID is the account itself,
// the domain's administrators, the system, or a placeholder for another principal.
func (t *target) mayMeddle(sid directory.SID) bool {
	switch sid {
	case t.account, t.domainSID + "-512", t.domainSID + "-516", t.forestSID + "-519",
		"S-1-5-32-544", "S-1-5-18", "S-1-5-9", "S-1-5-10", "S-1-3-0", "S-1-3-1", "S-1-3-4":
		return true
	}
	return false
}

// isPrimary reports whether the group is some account's primary group, which its member
// attribute does not show.
func (t *target) isPrimary(ctx context.Context, sid directory.SID) (bool, error) {
	if sid.Domain() != t.domainSID {
		return false, nil
	}
	rid := strings.TrimPrefix(string(sid), string(t.domainSID)+"-")
	if rid == "513" || rid == "514" || rid == "515" { // users, guests, computers
		return true, nil
	}
	found, err := t.pool.find(ctx, query{base: t.root.baseDN, scope: ldap.ScopeWholeSubtree, filter: equals("primaryGroupID", rid), attributes: []string{"1.1"}})
	if err != nil {
		return false, t.readError(ctx, t.root.baseDN, err)
	}
	return len(found) > 0, nil
}
