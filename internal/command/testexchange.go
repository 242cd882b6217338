package command

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/exchange"
)

// exchangeNames are the rows of checkExchange, in order.
var exchangeNames = []string{"Exchange", "MailAttribute", "AddressList", "RoutingDomain"}

// checkExchange reports what a group needs of Exchange to be a recipient.
func (t *tester) checkExchange(ctx context.Context, settings *contract.Settings) {
	switch {
	case t.targetID.Schema.Exchange:
	case settings.ExcludeMailAttribute:
		t.add(exchangeNames[0], contract.Passed, "The forest has no Exchange schema, and mail attributes are excluded.", "")
		t.skipped(exchangeNames[1:], "", "The forest has no Exchange.")
		return
	default:
		t.addError(exchangeNames[0], &contract.Error{ID: "ExchangeSchemaMissing", Message: "The forest has no Exchange schema.",
			Advice: "Extend the schema with Exchange Setup, or enable with -ExcludeMailAttribute."})
		t.skipped(exchangeNames[1:], "ExchangeSchemaMissing", "The forest has no Exchange.")
		return
	}
	t.looks("Looking at Exchange")
	o, err := t.target.Exchange(ctx)
	if err != nil {
		t.addError(exchangeNames[0], err)
		t.skipped(exchangeNames[1:], contract.AsError(err).ID, "Exchange cannot be read.")
		return
	}
	t.checkLevel(o)
	t.checkMailAttributes(settings)
	if !o.Exists() {
		t.skipped(exchangeNames[2:], "", "The forest has no Exchange organisation that can be read.")
		return
	}
	t.checkAddressLists(o)
	t.checkRouting(o)
}

// unreadParts returns what could not be read of the parts, for a message; "" if all was
// read.
func unreadParts(o *exchange.Organization, parts ...exchange.PartName) string {
	var texts []string
	for _, p := range o.Unread {
		if p.Name == exchange.PartOrganization || slices.Contains(parts, p.Name) {
			texts = append(texts, fmt.Sprintf("%s (%s): %s", p.Object, p.Reason, p.Message))
		}
	}
	return listed(texts)
}

const readExchange = "Let the account read the objects of Exchange in the configuration partition, as every account may that nobody has restricted."

func (t *tester) checkLevel(o *exchange.Organization) {
	name := exchangeNames[0]
	levels := fmt.Sprintf("prepared for %s: schema %d, domain %d, organisation %d", o.Release(), o.SchemaLevel, o.DomainLevel, o.OrganizationLevel)
	switch unread := unreadParts(o, exchange.PartServers, exchange.PartDomain); {
	case unread != "":
		t.add(name, contract.Warning, fmt.Sprintf("The forest is %s. Not all of it could be read: %s", levels, unread), readExchange)
	case o.SchemaOnly():
		t.add(name, contract.Warning, fmt.Sprintf("The forest is %s. There is no Exchange server: attributes can be written, and nobody here routes mail by them.", levels),
			"Enable with -ExcludeMailAttribute, if no server will come.")
	case !o.KnowsRemoteGroups():
		t.add(name, contract.Warning, fmt.Sprintf("The forest is %s. No server is known to be at least Exchange Server 2013 CU11 or 2016 CU1, the first that know groups of the cloud.", levels),
			"Update the servers before groups become recipients.")
	default:
		t.add(name, contract.Passed, fmt.Sprintf("The forest is %s. It has %s.", levels, directory.Count(len(o.Servers), "Exchange server")), "")
	}
}

// checkMailAttributes reports which attributes of the mapping a group can have. Whether
// the account may write those is in the row of its rights to a group.
func (t *tester) checkMailAttributes(settings *contract.Settings) {
	var written, missing []string
	for _, row := range t.mapping.Needed(settings.Choice()) {
		name := row.Attribute
		if row.Custom {
			continue // the schema was asked when it was set
		}
		if _, allowed := t.targetID.Schema.Attributes[name]; allowed || directory.IsField(name) {
			written = append(written, name)
		} else {
			missing = append(missing, name)
		}
	}
	switch {
	case t.targetID.Schema.Attributes == nil:
		t.add(exchangeNames[1], contract.Skipped, "What the schema allows on groups is not known.", "")
	case len(missing) > 0:
		t.add(exchangeNames[1], contract.Warning, "The schema does not know these attributes, or does not allow them on groups, so they are not written: "+strings.Join(missing, ", ")+".",
			"Complete the preparation of the forest with Exchange Setup (/PrepareAD), if they are wanted.")
	default:
		t.add(exchangeNames[1], contract.Passed, "The schema allows on groups all that is written: "+strings.Join(written, ", ")+".", "")
	}
}

func (t *tester) checkAddressLists(o *exchange.Organization) {
	name := exchangeNames[2]
	if unread := unreadParts(o, exchange.PartAddressLists); unread != "" {
		t.add(name, contract.Warning, "The address lists could not be read: "+unread, readExchange+" Until then Update-Recipient puts groups into the lists.")
		return
	}
	// Of a group whose attributes are all known, a filter that is understood says yes or
	// no.
	known := exchange.Object{DN: o.DN, Values: map[string][]string{}}
	for _, attribute := range exchange.FilterAttributes(o.AddressLists) {
		known.Values[attribute] = nil
	}
	_, unknown := exchange.AddressBooks(o.AddressLists, known)
	lists := 0
	for _, l := range o.AddressLists {
		if l.Filter != "" {
			lists++
		}
	}
	if len(unknown) == 0 {
		t.add(name, contract.Passed, fmt.Sprintf("%s can be read, and each filter is understood.", directory.Count(lists, "address list")), "")
		return
	}
	var strange []string
	for _, l := range unknown {
		strange = append(strange, l.DN[0].Value)
	}
	t.add(name, contract.Warning, fmt.Sprintf("Not every filter is understood; these lists are left to Exchange: %s.", listed(strange)), "Run Update-Recipient for new groups in Exchange's shell.")
}

// checkRouting reports whether a send connector leads to the tenant.
func (t *tester) checkRouting(o *exchange.Organization) {
	name := exchangeNames[3]
	if unread := unreadParts(o, exchange.PartConnectors); unread != "" {
		t.add(name, contract.Warning, "The send connectors could not be read: "+unread, readExchange)
		return
	}
	var routing, covered []string
	for _, domain := range t.sourceID.VerifiedDomains {
		if exchange.IsRouting(domain) {
			routing = append(routing, domain)
			if o.Covers(domain) {
				covered = append(covered, domain)
			}
		}
	}
	switch {
	case len(covered) > 0:
		t.add(name, contract.Passed, "A send connector leads to the tenant: "+strings.Join(covered, ", ")+".", "")
	case len(routing) > 0:
		t.add(name, contract.Warning, fmt.Sprintf("No address space of an enabled send connector covers a routing domain of the tenant (%s). A group without one keeps mail alone.", listed(routing)),
			"Add the domain that ends in mail.onmicrosoft.com to the address spaces of the connector to Exchange Online, or run the Hybrid Configuration wizard.")
	default:
		t.add(name, contract.Skipped, "The tenant's domains could not be read.", "Grant Organization.Read.All to have this checked.")
	}
}
