package ad

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/descriptor"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/rights"
)

// allowedOfGroups returns the attributes that groups may have. Domain Users exists in
// every domain, and what its class allows is what the schema allows for groups, including
// auxiliary classes.
func (t *target) allowedOfGroups(ctx context.Context) ([]string, error) {
	domainUsers := t.domainSID + "-513"
	groups, err := t.pool.find(ctx, query{
		base: t.root.baseDN, scope: ldap.ScopeWholeSubtree,
		filter: equals(attrSID, domainUsers.AD()), attributes: []string{"allowedAttributes"},
	})
	if err != nil {
		return nil, t.readError(ctx, string(domainUsers), err)
	}
	var allowed []string
	for _, g := range groups {
		allowed = g.GetAttributeValues("allowedAttributes")
	}
	return allowed, nil
}

// RightsSchema implements contract.RightsReader.
func (t *target) RightsSchema(ctx context.Context) (rights.Schema, error) {
	schema := rights.Schema{Attributes: map[string]rights.Attribute{}, Sets: map[directory.GUID]string{}}
	names, err := t.allowedOfGroups(ctx)
	if err != nil {
		return schema, err
	}
	found, err := findAny(ctx, t.pool, query{
		base: t.root.schema, scope: ldap.ScopeSingleLevel, attributes: []string{attrSchemaName, "schemaIDGUID", "attributeSecurityGUID"},
	}, attrSchemaName, names)
	if err != nil {
		return schema, t.readError(ctx, t.root.schema, err)
	}
	for _, e := range found {
		a := rights.Attribute{Name: e.GetAttributeValue(attrSchemaName)}
		if a.GUID, err = directory.GUIDFromAD(e.GetRawAttributeValue("schemaIDGUID")); err != nil {
			return schema, t.unexpected(e.DN, fmt.Errorf("its schemaIDGUID: %w", err))
		}
		if set := e.GetRawAttributeValue("attributeSecurityGUID"); len(set) > 0 {
			if a.Set, err = directory.GUIDFromAD(set); err != nil {
				return schema, t.unexpected(e.DN, fmt.Errorf("its attributeSecurityGUID: %w", err))
			}
		}
		schema.Attributes[strings.ToLower(a.Name)] = a
	}
	extended := "CN=Extended-Rights," + t.root.configuration
	sets, err := t.pool.find(ctx, query{
		base: extended, scope: ldap.ScopeSingleLevel, filter: "(objectClass=controlAccessRight)", attributes: []string{"cn", "rightsGuid", "validAccesses"},
	})
	if err != nil {
		return schema, t.readError(ctx, extended, err)
	}
	for _, e := range sets {
		const ofProperties = descriptor.ReadProperty | descriptor.Write // the accesses of a property set
		accesses, _ := strconv.ParseUint(e.GetAttributeValue("validAccesses"), 10, 32)
		if id, err := directory.ParseGUID(e.GetAttributeValue("rightsGuid")); err == nil && uint32(accesses)&ofProperties != 0 {
			schema.Sets[id] = e.GetAttributeValue("cn")
		}
	}
	return schema, nil
}

// AccessList implements contract.RightsReader.
func (t *target) AccessList(ctx context.Context, object directory.GUID) (contract.AccessList, error) {
	e, err := t.pool.read(ctx, query{base: byGUID(object), attributes: []string{attrDescriptor, "sDRightsEffective", "allowedAttributesEffective"}, sdFlags: sdDACL})
	if err != nil {
		return contract.AccessList{}, t.readError(ctx, object.String(), err)
	}
	if e == nil {
		return contract.AccessList{}, containerNotFound(object.String(), nil)
	}
	raw := e.GetRawAttributeValue(attrDescriptor)
	if len(raw) == 0 {
		return contract.AccessList{}, &contract.Error{
			Category: contract.PermissionDenied, ID: "AccessListUnreadable", Object: e.DN,
			Message: "The account may not read the permissions of the object.",
			Advice:  "Give it the right to read them, or name an account that has it with -Credential.",
		}
	}
	list := contract.AccessList{DN: e.DN, Writable: e.GetAttributeValues("allowedAttributesEffective")}
	if list.Descriptor, err = descriptor.Parse(raw); err != nil {
		return list, t.unexpected(e.DN, fmt.Errorf("its security descriptor: %w", err))
	}
	if !list.Descriptor.HasDACL() { // a list with our entries would take everybody's rights away
		return list, t.unexpected(e.DN, fmt.Errorf("it has no access control list, and so everybody may do everything to it"))
	}
	parts, _ := strconv.Atoi(e.GetAttributeValue("sDRightsEffective"))
	list.Changeable = parts&sdDACL != 0
	return list, nil
}

// Account implements contract.RightsReader.
func (t *target) Account(ctx context.Context, name string) (contract.Account, error) {
	p, err := t.Principal(ctx, name)
	if err != nil {
		return contract.Account{}, err
	}
	if p.SID.Domain() != t.domainSID {
		return contract.Account{}, &contract.Error{
			Category: contract.InvalidArgument, ID: "AccountOfOtherDomain", Object: name,
			Message: fmt.Sprintf("It is no account of the domain %s.", t.root.domainName()),
			Advice:  "Name an account of the domain to which the groups are written.",
		}
	}
	found, err := t.pool.find(ctx, query{
		base: t.root.baseDN, scope: ldap.ScopeWholeSubtree, filter: and("(objectClass=user)", equals(attrSID, p.SID.AD())), attributes: []string{attrSID, attrSAM},
	})
	if err != nil {
		return contract.Account{}, t.readError(ctx, name, err)
	}
	if len(found) != 1 {
		return contract.Account{}, accountNotFound(name)
	}
	account := contract.Account{Principal: contract.Principal{SID: p.SID, Name: found[0].GetAttributeValue(attrSAM)}, DN: found[0].DN}
	if p.SID == t.account && len(t.token) > 0 {
		account.Token = t.token // an account need not be able to read this from its own object
		return account, nil
	}
	account.Token = descriptor.Token{p.SID: true, directory.Everyone: true, "S-1-5-11": true}
	e, err := t.pool.read(ctx, query{base: account.DN, attributes: []string{"tokenGroups"}})
	if err != nil {
		return account, t.readError(ctx, account.DN, err)
	}
	if e != nil {
		for _, raw := range e.GetRawAttributeValues("tokenGroups") {
			if sid, err := directory.SIDFromAD(raw); err == nil {
				account.Token[sid] = true
			}
		}
	}
	return account, nil
}

// WithoutInheritance implements contract.RightsReader.
func (t *target) WithoutInheritance(ctx context.Context, container directory.GUID, limit int) (groups []contract.Uninheriting, count int, err error) {
	dn, err := t.dnOf(ctx, container)
	if err != nil {
		return nil, 0, err
	}
	if dn == "" {
		return nil, 0, containerNotFound(container.String(), nil)
	}
	err = retry(ctx, t.server.host, func() error {
		groups, count = nil, 0
		return t.pool.use(ctx, func(c *conn) error {
			return c.search(ctx, query{
				base: dn, scope: ldap.ScopeWholeSubtree, filter: "(objectClass=group)",
				attributes: []string{attrAdminCount, attrDescriptor}, sdFlags: sdDACL,
			}, func(e *ldap.Entry) error {
				administrative := e.GetAttributeValue(attrAdminCount) == "1"
				d, err := descriptor.Parse(e.GetRawAttributeValue(attrDescriptor))
				if !administrative && (err != nil || !d.Protected()) {
					return nil
				}
				if count++; len(groups) < limit {
					groups = append(groups, contract.Uninheriting{DN: e.DN, Administrative: administrative})
				}
				return nil
			})
		})
	})
	if err != nil {
		return nil, 0, t.readError(ctx, dn, err)
	}
	return groups, count, nil
}

var sidInText = regexp.MustCompile(`S-1-[0-9]+(-[0-9]+)+`)

// SOAPolicy implements contract.RightsReader. Nobody has documented the form of the values
// of msDS-Settings, so every SID in them counts.
func (t *target) SOAPolicy(ctx context.Context) (contract.SOAPolicy, error) {
	dn := "CN=Cloud,CN=SOA-Policies,CN=System," + t.root.baseDN
	e, err := t.pool.read(ctx, query{base: dn, attributes: []string{"msDS-Settings"}})
	if err != nil || e == nil {
		return contract.SOAPolicy{}, t.readError(ctx, dn, err)
	}
	policy := contract.SOAPolicy{There: true}
	for _, value := range e.GetAttributeValues("msDS-Settings") {
		for _, text := range sidInText.FindAllString(value, -1) {
			if sid, err := directory.ParseSID(text); err == nil && !slices.Contains(policy.Allowed, sid) {
				policy.Allowed = append(policy.Allowed, sid)
			}
		}
	}
	return policy, nil
}

// SetAccessList implements contract.RightsWriter.
func (t *writer) SetAccessList(ctx context.Context, object directory.GUID, list descriptor.Descriptor) error {
	b, err := list.Bytes()
	if err != nil {
		return &contract.Error{
			Category: contract.LimitsExceeded, ID: "AccessListFull", Object: object.String(),
			Message: "The access control list has no room for more entries.", Advice: "Remove entries that are no longer needed, or grant with -UsePropertySet, which takes fewer.", Err: err,
		}
	}
	request := ldap.NewModifyRequest(byGUID(object), []ldap.Control{&ldap.ControlMicrosoftSDFlags{Criticality: true, ControlValue: sdDACL}})
	request.Replace(attrDescriptor, []string{string(b)})
	err = t.write(ctx, object.String(), func(l *ldap.Conn) error { return l.Modify(request) }, nil)
	return t.writeError(ctx, object.String(), "change its permissions", err)
}
