package exchange

import (
	"slices"
	"strings"

	"groupwriteback/internal/directory"
)

// Organization is what the forest's configuration partition says about Exchange.
type Organization struct {
	// Name and DN are empty if the forest has no organisation.
	Name string
	DN   directory.DN
	// SchemaLevel is rangeUpper of ms-Exch-Schema-Version-Pt, DomainLevel objectVersion of
	// the domain's Microsoft Exchange System Objects, and OrganizationLevel objectVersion
	// of the organisation. 0 means that there is none.
	SchemaLevel, DomainLevel, OrganizationLevel int
	Servers                                     []Server
	// LegacyDN is legacyExchangeDN of the administrative group of current servers, such
	// as "/o=Contoso/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)".
	LegacyDN string
	// Connectors are all send connectors as an administrator set them; AddressSpaces are
	// the SMTP address spaces of those that are enabled.
	Connectors      []Connector
	AddressSpaces   []AddressSpace
	AcceptedDomains []AcceptedDomain
	AddressLists    []AddressList
	// Unread are the parts that could not be read. Nothing may be concluded from what
	// they lack.
	Unread []Part
}

// Server is a server of the organisation.
type Server struct {
	Name    string
	Version Version // zero if it is not known
}

// Connector is a send connector. Spaces are its address spaces as they are stored, of any
// type: "SMTP:contoso.com;1".
type Connector struct {
	Name    string
	Enabled bool
	Spaces  []string
}

// AddressSpace is an address space of type SMTP that an enabled send connector has.
type AddressSpace struct {
	Connector string
	// Domain is a domain without wildcard, or "*" for all domains.
	Domain string
	// WithSubdomains says that the address space is *.Domain.
	WithSubdomains bool
	Cost           int
}

// DomainType says what Exchange does with mail to recipients of an accepted domain that it
// does not know: refuse it, or relay it within or out of the organisation.
type DomainType string

// The types of accepted domains.
const (
	Authoritative DomainType = "Authoritative"
	InternalRelay DomainType = "InternalRelay"
	ExternalRelay DomainType = "ExternalRelay"
)

// AcceptedDomain is a domain that the organisation accepts mail for.
type AcceptedDomain struct {
	Name           string // the domain, without wildcard
	WithSubdomains bool
	Type           DomainType
	// Identity is the name of its object, by which Exchange's commands find it.
	Identity string
}

// AddressList is an address list, a global one or one of Exchange's own.
type AddressList struct {
	DN directory.DN
	// Filter is purportedSearch, an LDAP filter; empty if the list has none, as a mere
	// container has.
	Filter string
	// Container is the recipient container: only objects below it are in the list. Empty
	// means the whole organisation.
	Container directory.DN
}

// PartName names a part of [Organization].
type PartName string

// The parts that are read on their own.
const (
	PartOrganization    PartName = "Organization"
	PartDomain          PartName = "Domain"
	PartServers         PartName = "Servers"
	PartAdminGroup      PartName = "AdministrativeGroup"
	PartConnectors      PartName = "Connectors"
	PartAcceptedDomains PartName = "AcceptedDomains"
	PartAddressLists    PartName = "AddressLists"
)

// Reason says why a part could not be read.
type Reason string

// The reasons. NotVisible means that the directory shows nothing where Exchange Setup
// always leaves something, which is how Active Directory hides what an account may not
// list. Ambiguous means that several organisations or administrative groups are there and
// nothing says which is meant.
const (
	AccessDenied Reason = "AccessDenied"
	NotVisible   Reason = "NotVisible"
	Referral     Reason = "Referral"
	Incomplete   Reason = "Incomplete"
	Invalid      Reason = "Invalid"
	Ambiguous    Reason = "Ambiguous"
)

// Part is a part that could not be read. Object is the DN that was asked for, and Message
// says what happened.
type Part struct {
	Name    PartName
	Reason  Reason
	Object  string
	Message string
}

// Exists reports whether the forest has an organisation.
func (o *Organization) Exists() bool { return len(o.DN) > 0 }

// Read reports whether the part was read, so that what it lacks is really not there.
func (o *Organization) Read(part PartName) bool {
	return !slices.ContainsFunc(o.Unread, func(p Part) bool { return p.Name == part || p.Name == PartOrganization })
}

// Covers reports whether an address space of an enabled send connector is meant for the
// domain, so that mail to it leaves by a connector that somebody has set up for it.
//
// An address space counts if it names the domain, or as *.parent a parent of it. *.parent
// does not count for the parent itself: whether it does in Exchange is not documented for
// send connectors. The catch-all "*" and wildcards for a whole top-level domain ("*.com")
// do not count: they send mail by the Internet like any other, where the tenant takes it
// for mail from outside and refuses it for groups that take none, so they are no proof
// that mail reaches a group in the cloud.
func (o *Organization) Covers(domain string) bool {
	return slices.ContainsFunc(o.AddressSpaces, func(s AddressSpace) bool { return s.covers(domain) })
}

// IsRouting reports whether the domain is one that Microsoft gives to every tenant: mail to
// it reaches the tenant, whatever other domains the tenant has.
func IsRouting(domain string) bool { return below(domain, "onmicrosoft.com") }

func (s AddressSpace) covers(domain string) bool {
	if !s.WithSubdomains {
		return s.Domain != "*" && domain != "" && strings.EqualFold(s.Domain, domain)
	}
	return strings.Contains(s.Domain, ".") && below(domain, s.Domain)
}

// below reports whether domain is a subdomain of parent.
func below(domain, parent string) bool {
	at := len(domain) - len(parent) - 1
	return at > 0 && domain[at] == '.' && strings.EqualFold(domain[at+1:], parent)
}

// Accepted returns the accepted domain that applies to the domain: the one that names it,
// else the closest parent that is accepted with its subdomains.
func (o *Organization) Accepted(domain string) (AcceptedDomain, bool) {
	var best AcceptedDomain
	found := false
	for _, a := range o.AcceptedDomains {
		if strings.EqualFold(a.Name, domain) {
			return a, true
		}
		if a.WithSubdomains && below(domain, a.Name) && len(a.Name) > len(best.Name) {
			best, found = a, true
		}
	}
	return best, found
}
