// Package graph reads a tenant through Microsoft Graph. It is the only package that
// imports the Graph SDK and azidentity.
//
// Every request is the SDK's RequestInformation, written by one of its builders or by
// [get] and [post], and goes through its adapter, which authorizes it and sends it
// through these layers, from the outside in: [exchange], which gives the request an id
// and turns an error answer into a Go error; the gate, which retries, holds back all
// readers when Graph throttles one of them, and lets through as many requests at once as
// Graph turns out to allow (window.go); the authorizer, which renews the token of each
// attempt; and [buffered], which reads an answer to its end or fails. The rest of the
// engine sees a failure as a [contract.Error], made in errors.go.
package graph

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"sync/atomic"

	kauth "github.com/microsoft/kiota-authentication-azure-go"
	khttp "github.com/microsoft/kiota-http-go"
	sdkdirectory "github.com/microsoftgraph/msgraph-sdk-go/directory"
	"github.com/microsoftgraph/msgraph-sdk-go/groups"
	"github.com/microsoftgraph/msgraph-sdk-go/organization"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// source is a tenant reached through Microsoft Graph.
type source struct {
	tenant  string // as configured: a GUID, a domain name or empty
	hosts   endpoints
	v1      version
	beta    version
	tokens  *tokenSource
	gate    *gate
	adapter *khttp.NetHttpRequestAdapter
	idle    []*http.Transport
	// selected are the properties from which attributes are made.
	selected atomic.Pointer[[]string]
}

var _ contract.OpenSource = Open

// Open creates a source. It reads the files that the configuration names and checks
// what can be checked without the network. It does not sign in.
func Open(_ context.Context, config contract.SourceConfig) (contract.Source, error) {
	hosts, err := resolveEndpoints(config)
	if err != nil {
		return nil, err
	}
	roots, err := contract.TrustedRoots(config.CAFile, "-TenantCAFile")
	if err != nil {
		return nil, err
	}
	signIn, graph := newTransport(roots), newTransport(roots)
	s, err := newSource(config, hosts, signIn, graph)
	if err != nil {
		return nil, err
	}
	s.idle = []*http.Transport{signIn, graph}
	return s, nil
}

// newSource builds a source on top of the two transports.
func newSource(config contract.SourceConfig, hosts endpoints, signIn, graph http.RoundTripper) (*source, error) {
	tokens, err := newTokenSource(config, hosts, signIn)
	if err != nil {
		return nil, err
	}
	host, err := url.Parse(hosts.graph)
	if err != nil {
		return nil, err
	}
	// Continuous access evaluation stays off: a token revoked within its time would have
	// to be renewed by an answer to a challenge for claims.
	auth, err := kauth.NewAzureIdentityAuthenticationProviderWithScopesAndValidHostsAndObservabilityOptionsAndIsCaeEnabled(
		tokens, []string{tokens.scope}, []string{host.Hostname()}, kauth.ObservabilityOptions{}, false)
	if err != nil {
		return nil, err
	}
	s := &source{
		tenant: config.TenantID, hosts: hosts, v1: version(hosts.graph + "/v1.0"), beta: version(hosts.graph + "/beta"),
		tokens: tokens, gate: &gate{attempts: 5, patience: throttlePatience, window: newWindow()},
	}
	if config.Properties == nil {
		config.Properties = plan.Standard.Properties()
	}
	s.SelectProperties(config.Properties)
	s.adapter, err = khttp.NewNetHttpRequestAdapterWithParseNodeFactoryAndSerializationWriterFactoryAndHttpClient(auth, nil, nil, client(graph,
		exchange{}, s.gate, authorizer{tokens: tokens, endpoint: hosts.graph}, buffered{limit: maxAnswer, timeout: answerTimeout}))
	return s, err
}

// SelectProperties implements [contract.Source].
func (s *source) SelectProperties(properties []string) {
	properties = slices.Clone(properties)
	s.selected.Store(&properties)
}

// properties returns the properties from which attributes are made.
func (s *source) properties() []string { return *s.selected.Load() }

func (s *source) groups() *groups.GroupsRequestBuilder {
	return groups.NewGroupsRequestBuilderInternal(nil, s.adapter)
}

func (s *source) directory() *sdkdirectory.DirectoryRequestBuilder {
	return sdkdirectory.NewDirectoryRequestBuilderInternal(nil, s.adapter)
}

// Identify implements [contract.Source].
func (s *source) Identify(ctx context.Context) (contract.SourceIdentity, error) {
	claims, err := s.tokens.identify(ctx)
	if err != nil {
		return contract.SourceIdentity{}, call{doing: "signing in", object: s.tokens.authority}.failed(err)
	}
	id := contract.SourceIdentity{TenantID: claims.Tenant, AppID: claims.app(), Roles: claims.permissions()}
	if configured, err := directory.ParseGUID(s.tenant); err == nil && configured != id.TenantID {
		return contract.SourceIdentity{}, otherTenant(configured.String(), id.TenantID.String())
	}

	read := call{doing: "reading the organization", object: id.TenantID.String(), permission: "Organization.Read.All or Directory.Read.All"}
	var page struct {
		Value []struct {
			ID          string `json:"id"`
			DisplayName string `json:"displayName"`
			Domains     []struct {
				Name string `json:"name"`
			} `json:"verifiedDomains"`
		} `json:"value"`
	}
	request, err := s.v1.at(organization.NewOrganizationRequestBuilderInternal(nil, s.adapter).
		ToGetRequestInformation(ctx, &organization.OrganizationRequestBuilderGetRequestConfiguration{
			QueryParameters: &organization.OrganizationRequestBuilderGetQueryParameters{Select: []string{"id", "displayName", "verifiedDomains"}},
		}))
	if err == nil {
		err = s.send(ctx, request, &page)
	}
	if err := read.failed(err); err != nil {
		if contract.HasID(err, "PermissionMissing") {
			return id, nil // the token says which tenant it is; only its name stays unknown
		}
		return contract.SourceIdentity{}, err
	}
	if len(page.Value) != 1 {
		return contract.SourceIdentity{}, read.incomplete("the response does not contain exactly one organization", nil)
	}
	tenant, err := directory.ParseGUID(page.Value[0].ID)
	if err != nil {
		return contract.SourceIdentity{}, read.incomplete("the organization has no valid id", err)
	}
	if tenant != id.TenantID {
		return contract.SourceIdentity{}, otherTenant(id.TenantID.String(), tenant.String())
	}
	id.TenantName = page.Value[0].DisplayName
	for _, domain := range page.Value[0].Domains {
		if domain.Name != "" {
			id.VerifiedDomains = append(id.VerifiedDomains, domain.Name)
		}
	}
	return id, nil
}

// ConnectWriteback implements [contract.Source]. Graph returns this setting only to
// delegated tokens, so an application gets Unknown.
func (s *source) ConnectWriteback(ctx context.Context) (contract.Tristate, error) {
	type features struct {
		Unified *bool `json:"unifiedGroupWritebackEnabled"` // version 1: Microsoft 365 groups
		Group   *bool `json:"groupWriteBackEnabled"`        // version 2: selected groups
	}
	type synchronization struct {
		Features features `json:"features"`
	}
	// The documentation shows a single object where the metadata declares a collection,
	// so accept both.
	var answer struct {
		synchronization
		Value []synchronization `json:"value"`
	}
	read := call{
		doing: "reading the directory synchronization settings", object: "/directory/onPremisesSynchronization",
		permission: "OnPremDirectorySynchronization.Read.All",
	}
	request, err := s.v1.at(s.directory().OnPremisesSynchronization().ToGetRequestInformation(ctx, nil))
	if err == nil {
		err = s.send(ctx, request, &answer)
	}
	if err := read.failed(err); err != nil {
		if contract.HasID(err, "PermissionMissing") || contract.HasID(err, "GraphObjectNotFound") {
			return contract.Unknown, nil
		}
		return contract.Unknown, err
	}
	result := contract.Unknown
	for _, one := range append(answer.Value, answer.synchronization) {
		for _, enabled := range []*bool{one.Features.Unified, one.Features.Group} {
			switch {
			case enabled != nil && *enabled:
				return contract.Yes, nil
			case enabled != nil:
				result = contract.No
			}
		}
	}
	return result, nil
}

// Close implements [contract.Source].
func (s *source) Close() error {
	for _, wire := range s.idle {
		wire.CloseIdleConnections()
	}
	return nil
}

// text returns the value of an optional string.
func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
