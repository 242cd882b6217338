// Package graphtest is a simulated Entra tenant: an HTTPS server that implements as
// much of the Microsoft identity platform and of Microsoft Graph as group writeback
// needs, with data, permissions, throttling and faults under the test's control. It is
// written from Microsoft's documentation (comments name the pages, below
// github.com/microsoftgraph/microsoft-graph-docs-contrib unless they say otherwise) and
// shares no code with the client, so that the two cannot agree by construction. It
// refuses what it does not implement with an error that says so, and never ignores a
// query option.
//
//	tenant := graphtest.New(seed, graphtest.Options{})
//	server, err := tenant.Start()
//	defer server.Close()
//	... server.URL, server.CAPEM, server.TenantID, server.ClientID, server.ClientSecret
//	tenant.DeleteGroup(id)
//
// A Tenant is also an http.Handler, for clients with an in-memory transport.
//
// # What is served
//
// Authority: {tenant}/v2.0/.well-known/openid-configuration,
// {tenant}/oauth2/v2.0/token (client credentials with a secret, a certificate or
// a federated assertion), common/discovery/instance. On a separate listener,
// over plain HTTP, the managed identity protocol of App Service.
//
// Graph, below /v1.0 and /beta: groups, groups/{id}, groups/{id}/members (with
// cast and $count), groups/delta, users, users/{id or UPN}, users/delta,
// users/{id or UPN}/getMemberGroups, directoryObjects/getByIds,
// directory/deletedItems/{type} and /{id}, organization,
// directory/onPremisesSynchronization, $batch; groupSettings below /v1.0 and
// settings below /beta.
//
// # Control interface
//
// The methods of Tenant are also available over HTTPS, without authentication: POST
// /_control/VERB with a JSON body; an empty body means {}. The answer is 200 with a
// JSON object, or 400 with {"error": "..."}. Users and members are named as in
// Group.Members.
//
//	put-group           a Group                      answers {"id"}
//	patch-group         {"id", "set": {property: value or null}}
//	delete-group        {"id"}   purge-group {"id"}   restore-group {"id"}
//	add-member          {"group", "member"}
//	remove-member       {"group", "member"}
//	put-user            a User                       answers {"id"}
//	patch-user          {"user", "set": {...}}
//	delete-user         {"user"} purge-user {"user"}  restore-user {"user"}
//	set-roles           {"roles": [...]}             for tokens issued from now on
//	set-token-lifetime  {"seconds"}
//	revoke-tokens       {}
//	set-secret-expired  {"expired"}
//	set-throttle        a Throttle                   {} ends throttling
//	set-latency         {"seconds"}
//	set-page-limit      {"limit"}
//	set-group-settings  {"values": {...}}            TenantInfo.GroupSettings
//	add-fault           a Fault                      answers {"id"}
//	clear-faults        {}
//	clear-requests      {}
//	set-users-unreported    {"unreported"}                   SetUsersUnreported
//	set-groups-unreported   {"unreported"}                   SetGroupsUnreported
//	set-lag             a Behind                     {} ends the lag
//	pass-time           {"seconds"}                  moves the clock of the tenant on
//	hold-replica        a Lag
//	catch-up-replica    {}
//	expire-delta-tokens {}
//	seed                a Seed, which replaces the content
//	reset               {}                           the first seed and settings
//
// GET /_control/requests?method=GET&path=/groups answers {"count", "requests"},
// GET /_control/faults {"faults"}, GET /_control/ids the ids by name.
package graphtest
