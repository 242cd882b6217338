package server

import (
	"slices"
	"strings"
)

// syntax says how the values of an attribute are compared.
type syntax int

const (
	text      syntax = iota // Unicode or printable strings, without case
	integer                 // integers, large integers
	boolean                 // TRUE, FALSE
	octets                  // octet strings
	sidSyntax               // SIDs
	dnSyntax                // names of objects
	oidSyntax               // names of classes
)

// oid returns attributeSyntax (MS-ADTS 3.1.1.2.2.2).
func (s syntax) oid() string {
	return map[syntax]string{text: "2.5.5.12", integer: "2.5.5.9", boolean: "2.5.5.8", octets: "2.5.5.10", sidSyntax: "2.5.5.17", dnSyntax: "2.5.5.1", oidSyntax: "2.5.5.2"}[s]
}

// attribute is an attributeSchema object.
type attribute struct {
	name     string
	syntax   syntax
	single   bool
	low, top int // length of a text in UTF-16 units; if top is 0, any length
	// classes are the classes that may have the attribute, with those derived from
	// them.
	classes string
	// set is the property set that the attribute belongs to (attributeSecurityGUID), as
	// far as it matters to groups.
	set string
	// system says that only the server writes the attribute.
	system bool
	// kept says that a deleted object keeps the attribute (fPRESERVEONDELETE).
	kept bool
	// indexed says that a search by the attribute looks only at objects that can match.
	// Windows indexes the same attributes except adminDescription, extensionName and
	// mS-DS-ConsistencyGuid, so the cost of searches by those three says nothing about
	// Windows.
	indexed bool
	// constructed says that the attribute is computed when it is requested by name.
	constructed bool
}

const (
	mailRecipients = "group user contact"
	principals     = "group user"
)

// schema is the part of Active Directory's schema that matters to groups, with sizes of
// the Windows Server 2016 schema, and what Exchange Setup adds to it.
var schema = index(slices.Concat(windowsSchema, exchangeSchema()))

// windowsSchema are the attributes of Windows.
var windowsSchema = []attribute{
	{name: "objectClass", syntax: oidSyntax, classes: "top", kept: true},
	{name: "objectGUID", syntax: octets, indexed: true, single: true, classes: "top", system: true, kept: true},
	{name: "distinguishedName", syntax: dnSyntax, single: true, classes: "top", system: true, kept: true},
	{name: "name", syntax: text, indexed: true, single: true, low: 1, top: 255, classes: "top", system: true, kept: true},
	{name: "cn", syntax: text, indexed: true, single: true, low: 1, top: 64, classes: "top", set: publicInformation, kept: true},
	{name: "ou", syntax: text, low: 1, top: 64, classes: "organizationalUnit"},
	{name: "dc", syntax: text, single: true, low: 1, top: 255, classes: "domainDNS"},
	{name: "whenCreated", syntax: text, single: true, classes: "top", system: true, kept: true},
	{name: "whenChanged", syntax: text, single: true, classes: "top", system: true, kept: true},
	{name: "uSNCreated", syntax: integer, single: true, classes: "top", system: true, kept: true},
	{name: "uSNChanged", syntax: integer, indexed: true, single: true, classes: "top", system: true, kept: true},
	{name: "isDeleted", syntax: boolean, single: true, classes: "top", system: true, kept: true},
	{name: "isRecycled", syntax: boolean, single: true, classes: "top", system: true, kept: true},
	{name: "lastKnownParent", syntax: dnSyntax, single: true, classes: "top", system: true, kept: true},
	{name: "nTSecurityDescriptor", syntax: octets, single: true, classes: "top", kept: true},
	{name: "isCriticalSystemObject", syntax: boolean, single: true, classes: "top", system: true},
	{name: "adminCount", syntax: integer, single: true, classes: principals},
	{name: "systemFlags", syntax: integer, single: true, classes: "top", system: true},
	{name: "memberOf", syntax: dnSyntax, classes: "top", system: true},
	{name: "allowedAttributes", syntax: oidSyntax, classes: "top", system: true, constructed: true},
	{name: "allowedAttributesEffective", syntax: oidSyntax, classes: "top", system: true, constructed: true},
	{name: "sDRightsEffective", syntax: integer, single: true, classes: "top", system: true, constructed: true},
	{name: "allowedChildClassesEffective", syntax: oidSyntax, classes: "top", system: true, constructed: true},
	{name: "description", syntax: text, top: 1024, classes: "top", set: publicInformation},
	{name: "displayName", syntax: text, single: true, top: 256, classes: "top", set: generalInformation},
	{name: "adminDescription", syntax: text, indexed: true, single: true, top: 1024, classes: "top", set: generalInformation},
	{name: "extensionName", syntax: text, indexed: true, low: 1, top: 255, classes: "top"},
	{name: "mS-DS-ConsistencyGuid", syntax: octets, indexed: true, single: true, classes: "top"},
	{name: "objectSid", syntax: sidSyntax, indexed: true, single: true, classes: principals + " domainDNS foreignSecurityPrincipal", system: true, kept: true},
	{name: "sAMAccountName", syntax: text, indexed: true, single: true, top: 256, classes: principals, set: generalInformation, kept: true},
	{name: "groupType", syntax: integer, single: true, classes: "group", kept: true},
	{name: "member", syntax: dnSyntax, classes: "group", set: membership},
	{name: "managedBy", syntax: dnSyntax, single: true, classes: "group organizationalUnit"},
	{name: "msDS-ObjectSoa", syntax: text, single: true, low: 1, top: 64, classes: "top"},
	{name: "info", syntax: text, single: true, low: 1, top: 1024, classes: mailRecipients},
	{name: "mail", syntax: text, single: true, top: 256, classes: mailRecipients, set: publicInformation},
	{name: "proxyAddresses", syntax: text, low: 1, top: 1123, classes: mailRecipients, set: publicInformation},
	{name: "legacyExchangeDN", syntax: text, single: true, classes: "top", set: publicInformation},
	{name: "showInAddressBook", syntax: dnSyntax, classes: mailRecipients, set: publicInformation},
	{name: "displayNamePrintable", syntax: text, single: true, low: 1, top: 256, classes: "top", set: publicInformation},
	{name: "msDS-ExternalDirectoryObjectId", syntax: text, indexed: true, single: true, top: 256, classes: mailRecipients, set: personalInformation, kept: true},
	{name: "sn", syntax: text, single: true, low: 1, top: 64, classes: "user contact"},
	{name: "givenName", syntax: text, single: true, low: 1, top: 64, classes: "user contact"},
	{name: "userPrincipalName", syntax: text, indexed: true, single: true, top: 1024, classes: "user"},
	{name: "primaryGroupID", syntax: integer, indexed: true, single: true, classes: "user"},
	{name: "userAccountControl", syntax: integer, single: true, classes: "user", kept: true},
	{name: "accountExpires", syntax: integer, single: true, classes: "user"},
	{name: "pwdLastSet", syntax: integer, single: true, classes: "user"},
	{name: "lockoutTime", syntax: integer, single: true, classes: "user", system: true},
	{name: "badPwdCount", syntax: integer, single: true, classes: "user", system: true},
	{name: "objectVersion", syntax: integer, single: true, classes: "top"},
	{name: "purportedSearch", syntax: text, single: true, top: 2048, classes: "addressBookContainer"},
	{name: "attributeSecurityGUID", syntax: octets, single: true, classes: "attributeSchema", system: true},
	{name: "lDAPDisplayName", syntax: text, single: true, classes: "attributeSchema", system: true},
	{name: "rangeUpper", syntax: integer, single: true, classes: "attributeSchema", system: true},
	{name: "attributeSyntax", syntax: oidSyntax, single: true, classes: "attributeSchema", system: true},
	{name: "isSingleValued", syntax: boolean, single: true, classes: "attributeSchema", system: true},
	{name: "systemOnly", syntax: boolean, single: true, classes: "attributeSchema", system: true},
	{name: "invocationId", syntax: octets, single: true, classes: "nTDSDSA", system: true},
	{name: "msDS-NCReplCursors", syntax: octets, classes: "domainDNS", system: true},
	{name: "replUpToDateVector", syntax: octets, single: true, classes: "domainDNS", system: true},
	{name: "msDS-EnabledFeature", syntax: dnSyntax, classes: "container", system: true},
	{name: "nCName", syntax: dnSyntax, single: true, classes: "crossRef", system: true},
	{name: "dnsRoot", syntax: text, classes: "crossRef", system: true},
}

func index(list []attribute) map[string]*attribute {
	byName := make(map[string]*attribute, len(list))
	for i := range list {
		byName[strings.ToLower(list[i].name)] = &list[i]
	}
	return byName
}

func attributeOf(name string) *attribute { return schema[strings.ToLower(name)] }

// class is a classSchema object.
type class struct {
	name   string
	parent string // subClassOf
	rdn    string // rDNAttID
	guid   string // schemaIDGUID; only for classes whose creation can be granted
	holds  bool   // objects may be created below it
	system bool   // cannot be created over LDAP
}

var classes = map[string]*class{}

func init() {
	for _, c := range append(exchangeClasses, []class{
		{name: "top"},
		{name: "group", parent: "top", rdn: "CN", guid: "bf967a9c-0de6-11d0-a285-00aa003049e2"},
		{name: "person", parent: "top", rdn: "CN", system: true},
		{name: "organizationalPerson", parent: "person", rdn: "CN", system: true},
		{name: "user", parent: "organizationalPerson", rdn: "CN", guid: "bf967aba-0de6-11d0-a285-00aa003049e2"},
		{name: "inetOrgPerson", parent: "user", rdn: "CN", guid: "4828cc14-1437-45bc-9b07-ad6f015e5f28"},
		{name: "computer", parent: "user", rdn: "CN", guid: "bf967a86-0de6-11d0-a285-00aa003049e2"},
		{name: "contact", parent: "organizationalPerson", rdn: "CN", guid: "5cb41ed0-0e4c-11d0-a286-00aa003049e2"},
		{name: "organizationalUnit", parent: "top", rdn: "OU", guid: "bf967aa5-0de6-11d0-a285-00aa003049e2", holds: true},
		{name: "container", parent: "top", rdn: "CN", guid: "bf967a8b-0de6-11d0-a285-00aa003049e2", holds: true},
		{name: "foreignSecurityPrincipal", parent: "top", rdn: "CN", guid: "89e31c12-8530-11d0-afda-00c04fd930c9"},
		{name: "domainDNS", parent: "top", rdn: "DC", holds: true, system: true},
		{name: "configuration", parent: "top", rdn: "CN", holds: true, system: true},
		{name: "dMD", parent: "top", rdn: "CN", holds: true, system: true},
		{name: "attributeSchema", parent: "top", rdn: "CN", system: true},
		{name: "crossRef", parent: "top", rdn: "CN", system: true},
		{name: "server", parent: "top", rdn: "CN", holds: true, system: true},
		{name: "nTDSDSA", parent: "top", rdn: "CN", system: true},
		{name: "addressBookContainer", parent: "top", rdn: "CN", holds: true},
	}...) {
		classes[strings.ToLower(c.name)] = &c
	}
}

func classOf(name string) *class { return classes[strings.ToLower(name)] }

// chain returns the names of the class and its ancestors, top first.
func (c *class) chain() []string {
	var names []string
	for ; c != nil; c = classOf(c.parent) {
		names = append([]string{c.name}, names...)
	}
	return names
}

func (c *class) is(name string) bool {
	for ; c != nil; c = classOf(c.parent) {
		if strings.EqualFold(c.name, name) {
			return true
		}
	}
	return false
}

// may reports whether objects of the class may have the attribute.
func (c *class) may(a *attribute) bool {
	for name := range strings.FieldsSeq(a.classes) {
		if c.is(name) {
			return true
		}
	}
	return false
}

// principal reports whether objects of the class are accounts with a SID.
func (c *class) principal() bool { return c.is("group") || c.is("user") }
