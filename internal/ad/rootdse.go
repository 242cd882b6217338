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
)

const (
	// capActiveDirectory and capReadOnly are defined in MS-ADTS 3.1.1.3.4.3.
	capActiveDirectory = "1.2.840.113556.1.4.800"
	capReadOnly        = "1.2.840.113556.1.4.1920"
)

// rootDSE is what a domain controller tells anyone about itself.
type rootDSE struct {
	dnsHostName    string
	dsServiceName  string // DN of its nTDSDSA object
	baseDN         string // of its domain
	rootDomain     string // DN of the forest's root domain
	configuration  string // DN of the configuration partition
	schema         string
	namingContexts []string
	highestUSN     int64
	capabilities   []string
	// noCatalog says that the server denies being a global catalog. A server that does
	// not say so is asked.
	noCatalog bool
}

var rootDSEAttributes = []string{
	"dnsHostName", "dsServiceName", "defaultNamingContext", "configurationNamingContext",
	"schemaNamingContext", "rootDomainNamingContext", "namingContexts", "highestCommittedUSN", "supportedCapabilities",
	"isGlobalCatalogReady",
}

func readRootDSE(ctx context.Context, c *conn) (rootDSE, error) {
	var root rootDSE
	err := c.search(ctx, query{scope: ldap.ScopeBaseObject, attributes: rootDSEAttributes}, func(e *ldap.Entry) error {
		root = parseRootDSE(e)
		return nil
	})
	return root, err
}

func parseRootDSE(e *ldap.Entry) rootDSE {
	usn, _ := strconv.ParseInt(e.GetEqualFoldAttributeValue("highestCommittedUSN"), 10, 64)
	return rootDSE{
		dnsHostName:    e.GetEqualFoldAttributeValue("dnsHostName"),
		dsServiceName:  e.GetEqualFoldAttributeValue("dsServiceName"),
		baseDN:         e.GetEqualFoldAttributeValue("defaultNamingContext"),
		rootDomain:     e.GetEqualFoldAttributeValue("rootDomainNamingContext"),
		configuration:  e.GetEqualFoldAttributeValue("configurationNamingContext"),
		schema:         e.GetEqualFoldAttributeValue("schemaNamingContext"),
		namingContexts: e.GetEqualFoldAttributeValues("namingContexts"),
		highestUSN:     usn,
		noCatalog:      strings.EqualFold(e.GetEqualFoldAttributeValue("isGlobalCatalogReady"), "FALSE"),
		capabilities:   e.GetEqualFoldAttributeValues("supportedCapabilities"),
	}
}

// check returns an error unless the server is a writable domain controller.
func (r rootDSE) check(e endpoint) error {
	switch {
	case !slices.Contains(r.capabilities, capActiveDirectory) || r.baseDN == "" || r.dsServiceName == "":
		return &contract.Error{
			Category: contract.InvalidArgument, ID: "NotADomainController", Object: e.String(),
			Message: "The server is an LDAP server but not an Active Directory domain controller.",
			Advice:  "Specify a domain controller or the DNS name of a domain with -Server.",
		}
	case slices.Contains(r.capabilities, capReadOnly):
		return &contract.Error{
			Category: contract.InvalidArgument, ID: "ReadOnlyDomainController", Object: e.String(),
			Message: "The server is a read-only domain controller.",
			Advice:  "Specify a writable domain controller with -Server.",
		}
	}
	return nil
}

// domainName returns the DNS name of the domain: contoso.com for DC=contoso,DC=com.
func (r rootDSE) domainName() string { return dnsName(r.baseDN) }

// forestName returns the DNS name of the forest.
func (r rootDSE) forestName() string { return dnsName(r.rootDomain) }

func dnsName(of string) string {
	dn, err := directory.ParseDN(of)
	if err != nil {
		return ""
	}
	var labels []string
	for _, rdn := range dn {
		if strings.EqualFold(rdn.Type, "DC") {
			labels = append(labels, rdn.Value)
		}
	}
	return strings.Join(labels, ".")
}

// of returns an error if the domain controller belongs to another domain than the named
// one.
func (r rootDSE) of(domain string, e endpoint) error {
	if sameHost(r.domainName(), domain) {
		return nil
	}
	return &contract.Error{
		Category: contract.InvalidArgument, ID: "ServerOfOtherDomain", Object: e.String(),
		Message: fmt.Sprintf("The server is a domain controller of %s, not of %s, the domain that you specified.", r.domainName(), domain),
		Advice:  "Specify the domain controller itself or the DNS name of its domain with -Server. If the name is right, check DNS for forged records.",
	}
}

// elsewhere returns the error for domain controllers whose names are not below that of
// their domain.
func elsewhere(domain string, hosts []string) error {
	return &contract.Error{
		Category: contract.InvalidArgument, ID: "ServerElsewhere", Object: domain,
		Message: fmt.Sprintf("DNS lists domain controllers that are outside the domain's namespace (%s). DNS alone does not prove that they belong to the domain.", strings.Join(hosts, ", ")),
		Advice:  fmt.Sprintf("If you trust one of them, specify it by its own name with -Server, for example %s.", hosts[0]),
	}
}

// holds reports whether an object with that name is in the domain itself, and not in a
// partition whose name ends the same way (CN=Configuration,DC=contoso,DC=com).
func (r rootDSE) holds(dn directory.DN) bool {
	base, err := directory.ParseDN(r.baseDN)
	if err != nil || !dn.Within(base) {
		return false
	}
	for _, context := range r.namingContexts {
		partition, err := directory.ParseDN(context)
		if err == nil && len(partition) > len(base) && dn.Within(partition) {
			return false
		}
	}
	return true
}

// same returns an error if the address now leads to a different server than at first,
// as behind a load balancer.
func (r rootDSE) same(first rootDSE, e endpoint) error {
	if strings.EqualFold(r.dsServiceName, first.dsServiceName) {
		return nil
	}
	return &contract.Error{
		Category: contract.Connection, ID: "ServerChanged", Object: e.String(),
		Message: fmt.Sprintf("The address first led to %s and now leads to another domain controller, %s.", first.dnsHostName, r.dnsHostName),
		Advice:  "Specify a single domain controller by its own name with -Server.",
	}
}
