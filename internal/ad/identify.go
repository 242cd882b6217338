package ad

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// wkguidDeletedObjects is GUID_DELETED_OBJECTS_CONTAINER_W of MS-ADTS 6.1.1.4.
const wkguidDeletedObjects = "18E2EA80684F11D2B9AA00C04F79F805"

// readDomain reads what does not change while the target is open: the identity of the
// domain, what its schema says about the wanted attributes, and the account.
func (t *target) readDomain(ctx context.Context, wanted []string) error {
	head, err := t.pool.read(ctx, query{base: t.root.baseDN, attributes: []string{attrGUID, attrSID}})
	if err != nil {
		return t.readError(ctx, t.root.baseDN, err)
	}
	if head == nil {
		return &contract.Error{
			Category: contract.PermissionDenied, ID: "DomainUnreadable", Object: t.root.baseDN,
			Message: "The account cannot read the domain object.",
			Advice:  "Grant the account the rights of an ordinary domain user.",
		}
	}
	if t.domainGUID, err = directory.GUIDFromAD(head.GetRawAttributeValue(attrGUID)); err == nil {
		t.domainSID, err = directory.SIDFromAD(head.GetRawAttributeValue(attrSID))
	}
	if err != nil {
		return t.unexpected(t.root.baseDN, fmt.Errorf("the domain object: %w", err))
	}
	if t.schema, err = t.readSchema(ctx); err != nil {
		return err
	}
	if _, err := t.SelectAttributes(ctx, wanted); err != nil {
		return err
	}
	return t.readAccount(ctx)
}

func (t *target) readSchema(ctx context.Context) (contract.Schema, error) {
	var schema contract.Schema
	version, err := t.pool.read(ctx, query{base: t.root.schema, attributes: []string{"objectVersion"}})
	if err != nil {
		return schema, t.readError(ctx, t.root.schema, err)
	}
	if version != nil {
		schema.ObjectVersion, _ = strconv.Atoi(version.GetAttributeValue("objectVersion"))
	}
	exchangeDN := "CN=ms-Exch-Schema-Version-Pt," + t.root.schema
	exchange, err := t.pool.read(ctx, query{base: exchangeDN, attributes: []string{"rangeUpper"}})
	if err != nil {
		return schema, t.readError(ctx, exchangeDN, err)
	}
	if exchange != nil {
		schema.Exchange = true
		schema.ExchangeVersion, _ = strconv.Atoi(exchange.GetAttributeValue("rangeUpper"))
	}
	if t.allowed, err = t.allowedOfGroups(ctx); err != nil {
		return schema, err
	}
	schema.ExternalID = containsFold(t.allowed, attrExternalID)
	return schema, nil
}

// selection is what is read of groups.
type selection struct {
	names []string
	// flowing are those of names that are not read in any case, to tell which object a
	// group is.
	flowing []string
	schema  plan.Schema // of those of names that groups can have
	named   []string    // those whose values are names
}

// SelectAttributes implements contract.Target.
func (t *target) SelectAttributes(ctx context.Context, attributes []string) (plan.Schema, error) {
	if now := t.selected.Load(); now != nil && slices.Equal(now.names, attributes) {
		return now.schema, nil
	}
	chosen := &selection{names: slices.Clone(attributes), flowing: slices.DeleteFunc(slices.Clone(attributes), directory.IsField)}
	var err error
	if chosen.schema, err = t.AttributeSchemas(ctx, attributes); err != nil {
		return nil, err
	}
	for _, name := range attributes {
		if said, known := chosen.schema[name]; !known && containsFold(t.allowed, name) {
			chosen.schema[name] = plan.AttributeSchema{Name: name} // the account may not read its definition
		} else if said.NotOnGroups {
			delete(chosen.schema, name)
		} else if said.Comparison() == plan.Name {
			chosen.named = append(chosen.named, name)
		}
	}
	t.selected.Store(chosen)
	return chosen.schema, nil
}

// AttributeSchemas implements contract.TargetReader.
func (t *target) AttributeSchemas(ctx context.Context, names []string) (plan.Schema, error) {
	attributes := plan.Schema{}
	entries, err := findAny(ctx, t.pool, query{
		base: t.root.schema, scope: ldap.ScopeSingleLevel,
		attributes: []string{attrSchemaName, "rangeUpper", "attributeSyntax", "isSingleValued", "systemOnly", "systemFlags", "linkID", "isDefunct"},
	}, attrSchemaName, names)
	if err != nil {
		return nil, t.readError(ctx, t.root.schema, err)
	}
	for _, e := range entries {
		if strings.EqualFold(e.GetAttributeValue("isDefunct"), "TRUE") {
			continue
		}
		for _, name := range names {
			if strings.EqualFold(name, e.GetAttributeValue(attrSchemaName)) {
				attributes[name] = t.attributeSchema(e)
			}
		}
	}
	return attributes, nil
}

// flagConstructed marks an attribute that the directory computes (MS-ADTS 2.2.9).
const flagConstructed = 4

func (t *target) attributeSchema(e *ldap.Entry) plan.AttributeSchema {
	number := func(name string) int {
		n, _ := strconv.ParseInt(e.GetAttributeValue(name), 10, 64)
		return int(n)
	}
	name := e.GetAttributeValue(attrSchemaName)
	backLink := number("linkID")%2 != 0
	return plan.AttributeSchema{
		Name: name, Syntax: e.GetAttributeValue("attributeSyntax"), Several: !strings.EqualFold(e.GetAttributeValue("isSingleValued"), "TRUE"),
		RangeUpper: number("rangeUpper"), NotOnGroups: !containsFold(t.allowed, name),
		System: strings.EqualFold(e.GetAttributeValue("systemOnly"), "TRUE") || number("systemFlags")&flagConstructed != 0 || backLink,
	}
}

// attrSchemaName holds the name by which LDAP knows an attribute.
const attrSchemaName = "lDAPDisplayName"

func containsFold(values []string, value string) bool {
	return slices.ContainsFunc(values, func(v string) bool { return strings.EqualFold(v, value) })
}

// Identify implements contract.TargetReader.
func (t *target) Identify(ctx context.Context) (contract.TargetIdentity, error) {
	var account string
	var root rootDSE
	err := retry(ctx, t.server.host, func() error {
		return t.pool.use(ctx, func(c *conn) (err error) {
			if account, err = whoAmI(ctx, c, t.user); err != nil {
				return err
			}
			root, err = readRootDSE(ctx, c)
			return err
		})
	})
	if err != nil {
		return contract.TargetIdentity{}, t.readError(ctx, t.server.String(), err)
	}
	invocation, err := t.invocationID(ctx)
	if err != nil {
		return contract.TargetIdentity{}, err
	}
	deletedVisible, err := t.deletedVisible(ctx)
	if err != nil {
		return contract.TargetIdentity{}, err
	}
	schema := t.schema
	schema.Attributes = t.selected.Load().schema
	return contract.TargetIdentity{
		DomainGUID: t.domainGUID, DomainSID: t.domainSID, DomainName: t.root.domainName(), BaseDN: t.root.baseDN,
		Server: t.server.host, DSServiceName: t.root.dsServiceName, InvocationID: invocation, HighestUSN: root.highestUSN,
		Account: account, AccountSID: t.account, ForestSID: t.forestSID, Schema: schema, DeletedVisible: deletedVisible,
	}, nil
}

// whoAmI returns the account as DOMAIN\user, or as it was given if the server does not
// support the operation (Samba).
func whoAmI(ctx context.Context, c *conn, given string) (string, error) {
	account := given
	err := c.do(ctx, func(l *ldap.Conn) error {
		result, err := l.WhoAmI(nil)
		if err == nil {
			account = strings.TrimPrefix(result.AuthzID, "u:")
		}
		return err
	})
	if ldap.IsErrorAnyOf(err, ldap.LDAPResultProtocolError, ldap.LDAPResultUnwillingToPerform, ldap.LDAPResultNotSupported) {
		return given, nil
	}
	return account, err
}

// Container implements contract.TargetReader.
func (t *target) Container(ctx context.Context, dn string, guid directory.GUID) (contract.Container, error) {
	base, named := dn, dn
	if !guid.IsZero() {
		base = byGUID(guid)
		if named == "" {
			named = guid.String()
		}
	} else {
		parsed, err := directory.ParseDN(dn)
		if err == nil && len(parsed) == 0 {
			err = fmt.Errorf("it is empty")
		}
		if err != nil {
			return contract.Container{}, containerInvalid(dn, err)
		}
		if !t.root.holds(parsed) {
			return contract.Container{}, t.outsideDomain(dn)
		}
	}
	e, err := t.pool.read(ctx, query{base: base, attributes: []string{attrGUID, "objectClass", "allowedChildClassesEffective", attrCritical}})
	if ldap.IsErrorWithCode(err, ldap.LDAPResultReferral) {
		return contract.Container{}, t.outsideDomain(named)
	}
	if ldap.IsErrorWithCode(err, ldap.LDAPResultInsufficientAccessRights) {
		return contract.Container{}, containerUnreadable(named, err)
	}
	if ldap.IsErrorWithCode(err, ldap.LDAPResultInvalidDNSyntax) {
		return contract.Container{}, containerInvalid(named, err)
	}
	if err != nil {
		return contract.Container{}, t.readError(ctx, named, err)
	}
	if e == nil {
		return contract.Container{}, containerNotFound(named, nil)
	}
	found, err := directory.GUIDFromAD(e.GetRawAttributeValue(attrGUID))
	if err != nil || len(e.GetAttributeValues("objectClass")) == 0 {
		return contract.Container{}, containerUnreadable(e.DN, err)
	}
	if parsed, err := directory.ParseDN(e.DN); err != nil || !t.root.holds(parsed) {
		return contract.Container{}, t.outsideDomain(e.DN)
	}
	return contract.Container{
		GUID: found, DN: e.DN, Critical: strings.EqualFold(e.GetAttributeValue(attrCritical), "TRUE"),
		CanCreate: slices.ContainsFunc(e.GetAttributeValues("allowedChildClassesEffective"), func(c string) bool { return strings.EqualFold(c, "group") }),
	}, nil
}

func (t *target) outsideDomain(dn string) error {
	return &contract.Error{
		Category: contract.InvalidArgument, ID: "ContainerOutsideDomain", Object: dn,
		Message: fmt.Sprintf("The container is not in the domain %s.", t.root.domainName()),
		Advice:  "Choose a container in that domain, or specify a domain controller of the container's domain with -Server.",
	}
}

func containerInvalid(dn string, err error) error {
	return &contract.Error{
		Category: contract.InvalidArgument, ID: "ContainerInvalid", Object: dn,
		Message: "The container is not a distinguished name.",
		Advice:  "Specify it in the form OU=Groups,DC=contoso,DC=com.", Err: err,
	}
}

func containerUnreadable(dn string, err error) error {
	return &contract.Error{
		Category: contract.PermissionDenied, ID: "ContainerUnreadable", Object: dn,
		Message: "The account cannot read the container.",
		Advice:  "Grant the account the rights to list the container and to read all properties in it.", Err: err,
	}
}
