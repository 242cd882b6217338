package ad

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/exchange"
)

const (
	classOrganization = "msExchOrganizationContainer"
	classServer       = "msExchExchangeServer"

	attrLegacyDN = "legacyExchangeDN"

	// currentAdminGroup is the administrative group of every server since Exchange 2007.
	// Others are left from earlier versions.
	currentAdminGroup = "Exchange Administrative Group (FYDIBOHF23SPDLT)"

	// maxExchangeObjects bounds each part of the organisation. The largest organisations
	// have some hundreds of servers and some thousands of address lists.
	maxExchangeObjects = 20_000
)

// Exchange implements contract.TargetReader.
func (t *target) Exchange(ctx context.Context) (*exchange.Organization, error) {
	o := &exchange.Organization{SchemaLevel: t.schema.ExchangeVersion}
	if !t.schema.Exchange {
		return o, nil
	}
	r := organizationReader{target: t, o: o}
	for _, read := range []func(context.Context) error{
		r.organization, r.domain, r.adminGroup, r.servers, r.connectors, r.acceptedDomains, r.addressLists,
	} {
		if err := read(ctx); err != nil {
			return nil, err
		}
		if !o.Exists() {
			break
		}
	}
	return o, nil
}

// organizationReader reads one organisation part by part.
type organizationReader struct {
	*target
	o *exchange.Organization
}

// unread records that a part could not be read. It returns an error only if no other part
// could be read either, because the server is gone or somebody cancelled.
func (r *organizationReader) unread(ctx context.Context, part exchange.PartName, object string, err error) error {
	p := exchange.Part{Name: part, Object: object, Reason: exchange.Incomplete}
	switch e := contract.AsError(r.readError(ctx, object, err)); {
	case ldap.IsErrorWithCode(err, ldap.LDAPResultReferral):
		p.Reason, p.Message = exchange.Referral, e.Message
	case e.ID == "AccessDenied":
		p.Reason, p.Message = exchange.AccessDenied, e.Message
	case e.ID == "IncompleteRead", e.ID == "DirectoryError":
		p.Message = e.Message
		if more := (*incompleteError)(nil); errors.As(err, &more) {
			p.Message = more.why
		}
	default:
		return e
	}
	r.o.Unread = append(r.o.Unread, p)
	return nil
}

func (r *organizationReader) note(part exchange.PartName, reason exchange.Reason, object, message string) {
	r.o.Unread = append(r.o.Unread, exchange.Part{Name: part, Reason: reason, Object: object, Message: message})
}

// below reads the objects of a class below base. It returns false if they could not be
// read.
func (r *organizationReader) below(ctx context.Context, part exchange.PartName, base, class string, attributes ...string) ([]*ldap.Entry, bool, error) {
	entries, err := r.pool.findAtMost(ctx, query{
		base: base, scope: ldap.ScopeWholeSubtree, filter: equals("objectClass", class), attributes: append(attributes, "cn"),
	}, maxExchangeObjects)
	if ldap.IsErrorWithCode(err, ldap.LDAPResultNoSuchObject) {
		return nil, true, nil
	}
	if err != nil {
		return nil, false, r.unread(ctx, part, base, err)
	}
	for _, e := range entries {
		// More values than fit into one answer come in parts, of which this is the first.
		if slices.ContainsFunc(e.Attributes, func(a *ldap.EntryAttribute) bool { return strings.Contains(a.Name, ";range=") }) {
			r.note(part, exchange.Incomplete, e.DN, "An attribute has more values than the server gives at once.")
			return nil, false, nil
		}
	}
	return entries, true, nil
}

// organization finds the one organisation. If there are several, it is the one with
// servers: the others are left from earlier installations.
func (r *organizationReader) organization(ctx context.Context) error {
	root := "CN=Microsoft Exchange,CN=Services," + r.root.configuration
	entries, err := r.pool.findAtMost(ctx, query{
		base: root, scope: ldap.ScopeSingleLevel, attributes: []string{"objectClass", "objectVersion", "cn"},
	}, maxExchangeObjects)
	if ldap.IsErrorWithCode(err, ldap.LDAPResultNoSuchObject) {
		return nil
	}
	if err != nil {
		return r.unread(ctx, exchange.PartOrganization, root, err)
	}
	var found []*ldap.Entry
	for _, e := range entries {
		switch classes := e.GetAttributeValues("objectClass"); {
		case len(classes) == 0:
			r.note(exchange.PartOrganization, exchange.AccessDenied, e.DN, "The account may not read the object.")
			return nil
		case containsFold(classes, classOrganization):
			found = append(found, e)
		}
	}
	if len(found) > 1 {
		servers, err := r.pool.findAtMost(ctx, query{
			base: root, scope: ldap.ScopeWholeSubtree, filter: equals("objectClass", classServer), attributes: []string{"1.1"},
		}, maxExchangeObjects)
		if err != nil {
			return r.unread(ctx, exchange.PartOrganization, root, err)
		}
		found = slices.DeleteFunc(found, func(e *ldap.Entry) bool { return !holdsAny(e.DN, servers) })
		if len(found) != 1 {
			r.note(exchange.PartOrganization, exchange.Ambiguous, root, "There are several organisations, and servers do not tell which one is in use.")
			return nil
		}
	}
	if len(found) == 0 {
		r.note(exchange.PartOrganization, exchange.NotVisible, root, "There is no organisation, or the account may not see it.")
		return nil
	}
	e := found[0]
	dn, err := directory.ParseDN(e.DN)
	if err != nil {
		r.note(exchange.PartOrganization, exchange.Invalid, e.DN, err.Error())
		return nil
	}
	r.o.DN, r.o.Name = dn, e.GetAttributeValue("cn")
	r.o.OrganizationLevel, _ = strconv.Atoi(e.GetAttributeValue("objectVersion"))
	return nil
}

// holdsAny reports whether one of the entries is below dn.
func holdsAny(dn string, entries []*ldap.Entry) bool {
	base, err := directory.ParseDN(dn)
	return err == nil && slices.ContainsFunc(entries, func(e *ldap.Entry) bool {
		below, err := directory.ParseDN(e.DN)
		return err == nil && below.Within(base)
	})
}

func (r *organizationReader) domain(ctx context.Context) error {
	dn := "CN=Microsoft Exchange System Objects," + r.root.baseDN
	e, err := r.pool.read(ctx, query{base: dn, attributes: []string{"objectVersion"}})
	switch {
	case err != nil:
		return r.unread(ctx, exchange.PartDomain, dn, err)
	case e != nil:
		r.o.DomainLevel, _ = strconv.Atoi(e.GetAttributeValue("objectVersion"))
	}
	return nil
}

func (r *organizationReader) adminGroup(ctx context.Context) error {
	base := "CN=Administrative Groups," + r.o.DN.String()
	groups, ok, err := r.below(ctx, exchange.PartAdminGroup, base, "msExchAdminGroup", attrLegacyDN)
	if err != nil || !ok {
		return err
	}
	if len(groups) > 1 {
		groups = slices.DeleteFunc(groups, func(e *ldap.Entry) bool { return !strings.EqualFold(e.GetAttributeValue("cn"), currentAdminGroup) })
	}
	switch {
	case len(groups) == 0:
		r.note(exchange.PartAdminGroup, exchange.NotVisible, base, "There is no administrative group of current servers, or the account may not see it.")
	case len(groups) > 1:
		r.note(exchange.PartAdminGroup, exchange.Ambiguous, base, "There are several administrative groups of current servers.")
	case groups[0].GetAttributeValue(attrLegacyDN) == "":
		r.note(exchange.PartAdminGroup, exchange.AccessDenied, groups[0].DN, "The account may not read legacyExchangeDN.")
	default:
		r.o.LegacyDN = groups[0].GetAttributeValue(attrLegacyDN)
	}
	return nil
}

// ofAdminGroup reads objects of the administrative groups. Who may not see those does not
// see what is below either.
func (r *organizationReader) ofAdminGroup(ctx context.Context, part exchange.PartName, class string, attributes ...string) ([]*ldap.Entry, error) {
	entries, ok, err := r.below(ctx, part, r.o.DN.String(), class, attributes...)
	if ok && len(entries) == 0 && !r.o.Read(exchange.PartAdminGroup) {
		r.note(part, exchange.NotVisible, r.o.DN.String(), "The account may not see the administrative groups.")
	}
	return entries, err
}

func (r *organizationReader) servers(ctx context.Context) error {
	entries, err := r.ofAdminGroup(ctx, exchange.PartServers, classServer, "serialNumber")
	for _, e := range entries {
		r.o.Servers = append(r.o.Servers, exchange.Server{Name: e.GetAttributeValue("cn"), Version: exchange.ParseVersion(e.GetAttributeValue("serialNumber"))})
	}
	return err
}

func (r *organizationReader) connectors(ctx context.Context) error {
	entries, err := r.ofAdminGroup(ctx, exchange.PartConnectors, "msExchRoutingSMTPConnector", "routingList", "msExchSmtpSendEnabled")
	for _, e := range entries {
		c := exchange.Connector{
			Name: e.GetAttributeValue("cn"), Spaces: e.GetAttributeValues("routingList"),
			Enabled: !strings.EqualFold(e.GetAttributeValue("msExchSmtpSendEnabled"), "FALSE"), // absent: enabled
		}
		r.o.Connectors = append(r.o.Connectors, c)
		for _, value := range c.Spaces {
			space, ok, err := exchange.ParseAddressSpace(c.Name, value)
			switch {
			case err != nil:
				r.note(exchange.PartConnectors, exchange.Invalid, e.DN, sentence(err))
			case ok && c.Enabled:
				r.o.AddressSpaces = append(r.o.AddressSpaces, space)
			}
		}
	}
	return err
}

func (r *organizationReader) acceptedDomains(ctx context.Context) error {
	base := r.o.DN.String()
	entries, ok, err := r.below(ctx, exchange.PartAcceptedDomains, base, "msExchAcceptedDomain", "msExchAcceptedDomainName", "msExchAcceptedDomainFlags")
	if ok && len(entries) == 0 {
		r.note(exchange.PartAcceptedDomains, exchange.NotVisible, base, "There is no accepted domain, or the account may not see them.")
	}
	for _, e := range entries {
		a, err := exchange.ParseAcceptedDomain(e.GetAttributeValue("msExchAcceptedDomainName"), e.GetAttributeValue("msExchAcceptedDomainFlags"))
		if err != nil {
			r.note(exchange.PartAcceptedDomains, exchange.Invalid, e.DN, sentence(err))
			continue
		}
		a.Identity = e.GetAttributeValue("cn")
		r.o.AcceptedDomains = append(r.o.AcceptedDomains, a)
	}
	return err
}

func (r *organizationReader) addressLists(ctx context.Context) error {
	base := "CN=Address Lists Container," + r.o.DN.String()
	entries, ok, err := r.below(ctx, exchange.PartAddressLists, base, "addressBookContainer", "*")
	if ok && len(entries) == 0 {
		r.note(exchange.PartAddressLists, exchange.NotVisible, base, "There is no address list, or the account may not see them.")
	}
	for _, e := range entries {
		dn, err := directory.ParseDN(e.DN)
		if err != nil {
			r.note(exchange.PartAddressLists, exchange.Invalid, e.DN, sentence(err))
			continue
		}
		containers := r.containersOf(e)
		if len(containers) > 1 {
			r.note(exchange.PartAddressLists, exchange.Ambiguous, e.DN, "The list names several objects that may be its recipient container.")
			continue
		}
		l := exchange.AddressList{DN: dn, Filter: e.GetAttributeValue("purportedSearch")}
		if len(containers) == 1 {
			l.Container = containers[0]
		}
		r.o.AddressLists = append(r.o.AddressLists, l)
	}
	return err
}

// containersOf returns the names of objects outside of the configuration partition that a
// list has as values. That a list may be limited to a container is documented, and the
// attribute that names it is not; nothing else of a list names an object elsewhere.
func (r *organizationReader) containersOf(e *ldap.Entry) []directory.DN {
	configuration, err := directory.ParseDN(r.root.configuration)
	if err != nil {
		return nil
	}
	var found []directory.DN
	for _, a := range e.Attributes {
		if strings.EqualFold(a.Name, "description") || strings.EqualFold(a.Name, "displayName") {
			continue
		}
		for _, value := range a.Values {
			dn, err := directory.ParseDN(value)
			if err != nil || len(dn) == 0 || !strings.EqualFold(dn[len(dn)-1].Type, "DC") || dn.Within(configuration) ||
				slices.ContainsFunc(found, dn.Equal) {
				continue
			}
			found = append(found, dn)
		}
	}
	return found
}

// sentence returns the message of an error that says what is wrong with a value.
func sentence(err error) string {
	text := err.Error()
	return fmt.Sprintf("%s%s.", strings.ToUpper(text[:1]), text[1:])
}

// recipientAttributes are the attributes that tell what Exchange has made of a group.
var recipientAttributes = []string{
	attrGUID, attrMail, attrAlias, attrTarget, attrLegacyDN, "showInAddressBook", "msExchHideFromAddressLists",
}

// Recipients implements contract.TargetReader.
func (t *target) Recipients(ctx context.Context, guids []directory.GUID) ([]exchange.Recipient, error) {
	recipients := make([]exchange.Recipient, 0, len(guids))
	err := t.groupEntries(ctx, guids, query{attributes: recipientAttributes}, func(guid directory.GUID, e *ldap.Entry) error {
		recipients = append(recipients, exchange.Recipient{
			GUID: guid, DN: e.DN, Mail: e.GetAttributeValue(attrMail), Alias: e.GetAttributeValue(attrAlias), Target: e.GetAttributeValue(attrTarget),
			LegacyDN: e.GetAttributeValue(attrLegacyDN), Lists: len(e.GetAttributeValues("showInAddressBook")),
			Hidden: strings.EqualFold(e.GetAttributeValue("msExchHideFromAddressLists"), "TRUE"),
		})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return recipients, nil
}
