package graphtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	graphAppID = "00000003-0000-0000-c000-000000000000"
	// federationAudience is the audience that Entra expects in a token for workload
	// identity federation.
	federationAudience = "api://AzureADTokenExchange"
	assertionType      = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
)

// authorityError is an error answer of the token endpoint
// (learn.microsoft.com/entra/identity-platform/reference-error-codes).
type authorityError struct {
	status  int
	name    string // the OAuth error
	code    int    // AADSTS code
	message string
}

func (e *authorityError) Error() string { return fmt.Sprintf("AADSTS%d: %s", e.code, e.message) }

func unknownTenant(name, path string) *authorityError {
	kind := "invalid_tenant"
	if path == "oauth2/v2.0/token" {
		kind = "invalid_request"
	}
	return &authorityError{http.StatusBadRequest, kind, 90002,
		"Tenant '" + name + "' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant."}
}

// serveAuthority serves the sign-in endpoints: instance discovery, OpenID
// configuration, keys and tokens.
func (t *Tenant) serveAuthority(w http.ResponseWriter, r *http.Request, segments []string) {
	base := "https://" + r.Host
	path := strings.ToLower(strings.Join(segments[1:], "/"))
	if path == "discovery/instance" {
		t.writeInstance(w, r)
		return
	}
	if !t.isTenant(segments[0]) {
		t.writeAuthorityError(w, r, unknownTenant(segments[0], path))
		return
	}
	issuer := base + "/" + t.info().ID + "/v2.0"
	switch path {
	case "v2.0/.well-known/openid-configuration":
		writeJSON(w, http.StatusOK, map[string]any{
			"token_endpoint":                        base + "/" + segments[0] + "/oauth2/v2.0/token",
			"authorization_endpoint":                base + "/" + segments[0] + "/oauth2/v2.0/authorize",
			"jwks_uri":                              base + "/" + segments[0] + "/discovery/v2.0/keys",
			"issuer":                                issuer,
			"token_endpoint_auth_methods_supported": []string{"client_secret_post", "private_key_jwt"},
			"response_types_supported":              []string{"code"},
			"subject_types_supported":               []string{"pairwise"},
			"tenant_region_scope":                   "EU",
			"cloud_instance_name":                   "microsoftonline.com",
			"msgraph_host":                          r.Host,
		})
	case "discovery/v2.0/keys":
		// Only this server verifies the tokens; see signHS256.
		writeJSON(w, http.StatusOK, map[string]any{"keys": []any{}})
	case "oauth2/v2.0/token":
		t.serveToken(w, r, segments[0], base)
	default:
		http.NotFound(w, r)
	}
}

func (t *Tenant) writeInstance(w http.ResponseWriter, r *http.Request) {
	endpoint, err := url.Parse(r.URL.Query().Get("authorization_endpoint"))
	if err != nil || endpoint.Host == "" {
		writeJSON(w, http.StatusBadRequest, map[string]any{"error": "invalid_instance"})
		return
	}
	tenant, _, _ := strings.Cut(strings.TrimPrefix(endpoint.Path, "/"), "/")
	writeJSON(w, http.StatusOK, map[string]any{
		"tenant_discovery_endpoint": "https://" + r.Host + "/" + tenant + "/v2.0/.well-known/openid-configuration",
		"api-version":               "1.1",
		"metadata": []any{map[string]any{
			"preferred_network": r.Host, "preferred_cache": r.Host, "aliases": []string{r.Host},
		}},
	})
}

func (t *Tenant) serveToken(w http.ResponseWriter, r *http.Request, tenant, base string) {
	if r.Method != http.MethodPost {
		t.writeAuthorityError(w, r, &authorityError{http.StatusBadRequest, "invalid_request", 900561, "The endpoint only accepts POST requests. Received a " + r.Method + " request."})
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, 256<<10)
	if err := r.ParseForm(); err != nil {
		t.writeAuthorityError(w, r, &authorityError{http.StatusBadRequest, "invalid_request", 900144, "The request body could not be read."})
		return
	}
	audience, failure := t.authenticate(r.PostForm, base+"/"+tenant, base)
	if failure != nil {
		t.writeAuthorityError(w, r, failure)
		return
	}
	lifetime := t.tokenLifetime()
	writeJSON(w, http.StatusOK, map[string]any{
		"token_type":     "Bearer",
		"expires_in":     int(lifetime.Seconds()),
		"ext_expires_in": int(lifetime.Seconds()),
		"access_token":   t.issueToken(t.clientID, audience, lifetime),
	})
}

// authenticate checks a client credentials request and returns the audience of the
// token to issue.
func (t *Tenant) authenticate(form url.Values, authority, base string) (string, *authorityError) {
	bad := func(status int, name string, code int, format string, args ...any) (string, *authorityError) {
		return "", &authorityError{status, name, code, fmt.Sprintf(format, args...)}
	}
	for _, name := range []string{"grant_type", "client_id", "scope"} {
		if form.Get(name) == "" {
			return bad(400, "invalid_request", 900144, "The request body must contain the following parameter: '%s'.", name)
		}
	}
	if g := form.Get("grant_type"); g != "client_credentials" {
		return bad(400, "unsupported_grant_type", 70003, "The app requested an unsupported grant type '%s'.", g)
	}
	app := form.Get("client_id")
	if !strings.EqualFold(app, t.clientID) {
		return bad(400, "unauthorized_client", 700016, "Application with identifier '%s' was not found in the directory '%s'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant.", app, t.info().DisplayName)
	}
	var failure *authorityError
	switch {
	case form.Get("client_assertion") != "":
		if form.Get("client_assertion_type") != assertionType {
			return bad(400, "invalid_request", 900144, "The request body must contain the following parameter: 'client_assertion_type'.")
		}
		failure = t.checkAssertion(form.Get("client_assertion"), authority)
	case form.Get("client_secret") != "":
		failure = t.checkSecret(form.Get("client_secret"))
	default:
		return bad(401, "invalid_client", 7000218, "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.")
	}
	if failure != nil {
		return "", failure
	}
	return scopeAudience(form.Get("scope"), base)
}

// scopeAudience parses a scope such as "https://graph.microsoft.com/.default". It
// ignores the OpenID scopes that client libraries add.
func scopeAudience(scope, base string) (string, *authorityError) {
	var wanted []string
	for _, s := range strings.Fields(scope) {
		if s != "openid" && s != "profile" && s != "offline_access" {
			wanted = append(wanted, s)
		}
	}
	resource, isDefault := strings.CutSuffix(strings.Join(wanted, " "), "/.default")
	if len(wanted) != 1 || !isDefault {
		return "", &authorityError{400, "invalid_scope", 1002012, "The provided value for scope " + scope + " is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI)."}
	}
	resource = strings.TrimSuffix(resource, "/")
	if !isGraphAudience(resource, base) {
		return "", &authorityError{400, "invalid_resource", 500011, "The resource principal named " + resource + " was not found in the tenant."}
	}
	return resource, nil
}

// isGraphAudience reports whether the audience is a Graph endpoint of any cloud
// (concepts/deployments.md) or this server.
func isGraphAudience(audience, base string) bool {
	switch strings.TrimSuffix(audience, "/") {
	case base, graphAppID, "https://graph.microsoft.com", "https://graph.microsoft.us", "https://dod-graph.microsoft.us", "https://microsoftgraph.chinacloudapi.cn":
		return true
	}
	return false
}

func (t *Tenant) checkSecret(secret string) *authorityError {
	t.mu.RLock()
	defer t.mu.RUnlock()
	switch {
	case secret != t.clientSecret:
		return &authorityError{401, "invalid_client", 7000215, "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '" + t.clientID + "'."}
	case t.secretExpired:
		return &authorityError{401, "invalid_client", 7000222, "The provided client secret keys for app '" + t.clientID + "' are expired. Visit the Azure portal to create new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: https://aka.ms/certCreds."}
	}
	return nil
}

// checkAssertion accepts a JWT signed with a registered certificate, or a JWT of the
// issuer for which the application has a federated credential.
func (t *Tenant) checkAssertion(text, authority string) *authorityError {
	token, err := parseJWT(text)
	if err != nil {
		return &authorityError{401, "invalid_client", 50027, "JWT token is invalid or malformed."}
	}
	if token.text("iss") == federationIssuer {
		return t.checkFederated(token)
	}
	t.mu.RLock()
	certificates := t.certificates
	t.mu.RUnlock()
	for _, cert := range certificates {
		if !matches(cert, token.header) {
			continue
		}
		if !token.verifyRSA(rsaKey(cert)) {
			return &authorityError{401, "invalid_client", 700027, "The certificate with identifier used to sign the client assertion is registered on application, but the client assertion signature is invalid."}
		}
		return t.checkAssertionClaims(token, authority)
	}
	return &authorityError{401, "invalid_client", 700027, "The certificate with identifier used to sign the client assertion is not registered on application. [Reason - The key was not found.]"}
}

func (t *Tenant) checkAssertionClaims(token *jwt, authority string) *authorityError {
	if failure := t.checkValidity(token); failure != nil {
		return failure
	}
	audience := token.text("aud")
	if audience != authority+"/oauth2/v2.0/token" && audience != authority+"/v2.0" {
		return &authorityError{401, "invalid_client", 50013, "Assertion failed audience check: '" + audience + "'."}
	}
	if token.text("iss") != t.clientID || token.text("sub") != t.clientID {
		return &authorityError{401, "invalid_client", 700021, "Client assertion application identifier doesn't match 'client_id' parameter."}
	}
	return nil
}

func (t *Tenant) checkFederated(token *jwt) *authorityError {
	if !token.verifyHS256(t.federationKey) {
		return &authorityError{401, "invalid_client", 7002381, "Presented assertion signature is invalid."}
	}
	if failure := t.checkValidity(token); failure != nil {
		return failure
	}
	if token.text("sub") != federationSubject || token.text("aud") != federationAudience {
		return &authorityError{400, "invalid_request", 700213, "No matching federated identity record found for presented assertion subject '" + token.text("sub") + "'."}
	}
	return nil
}

func (t *Tenant) checkValidity(token *jwt) *authorityError {
	const skew = 300
	now := t.now().Unix()
	if now > token.time("exp")+skew || now < token.time("nbf")-skew {
		return &authorityError{401, "invalid_client", 700024, "Client assertion is not within its valid time range."}
	}
	return nil
}

func (t *Tenant) writeAuthorityError(w http.ResponseWriter, r *http.Request, e *authorityError) {
	trace, now := randomGUID(), t.now().UTC()
	correlation := r.Header.Get("client-request-id")
	if _, ok := parseGUID(correlation); !ok {
		correlation = randomGUID()
	}
	stamp := now.Format("2006-01-02 15:04:05Z")
	w.Header().Set("x-ms-request-id", trace)
	writeJSON(w, e.status, map[string]any{
		"error":             e.name,
		"error_description": fmt.Sprintf("%s Trace ID: %s Correlation ID: %s Timestamp: %s", e.Error(), trace, correlation, stamp),
		"error_codes":       []int{e.code},
		"timestamp":         stamp,
		"trace_id":          trace,
		"correlation_id":    correlation,
		"error_uri":         fmt.Sprintf("https://%s/error?code=%d", r.Host, e.code),
	})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err) // every caller passes plain maps and structs
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	w.Write(data)
}

// accessToken is what Graph learns from a token.
type accessToken struct {
	app   string
	roles []string
}

func (a accessToken) hasAny(roles []string) bool {
	for _, r := range roles {
		if contains(a.roles, r) {
			return true
		}
	}
	return false
}

func (t *Tenant) issueToken(app, audience string, lifetime time.Duration) string {
	t.mu.RLock()
	defer t.mu.RUnlock()
	now := t.now()
	return signHS256(map[string]any{
		"aud":   audience,
		"iss":   "https://sts.windows.net/" + t.tenant.ID + "/",
		"iat":   now.Unix(),
		"nbf":   now.Unix(),
		"exp":   now.Add(lifetime).Unix(),
		"appid": app,
		"idtyp": "app",
		"oid":   derivedGUID("servicePrincipal", app).String(),
		"sub":   derivedGUID("servicePrincipal", app).String(),
		"roles": t.roles,
		"tid":   t.tenant.ID,
		"uti":   randomGUID(),
		"ver":   "1.0",
		"gen":   t.tokenGeneration,
	}, t.signingKey)
}

// checkToken validates an Authorization header as Graph does.
func (t *Tenant) checkToken(header, base string) (accessToken, *graphError) {
	text, ok := strings.CutPrefix(header, "Bearer ")
	if !ok || text == "" {
		return accessToken{}, invalidToken("Access token is empty.")
	}
	token, err := parseJWT(text)
	if err != nil {
		return accessToken{}, invalidToken("IDX14100: JWT is not well formed, there are no dots (.).")
	}
	t.mu.RLock()
	generation, tenant := t.tokenGeneration, t.tenant.ID
	t.mu.RUnlock()
	switch {
	case !token.verifyHS256(t.signingKey):
		return accessToken{}, invalidToken("Access token validation failure. Signature is invalid.")
	case !isGraphAudience(token.text("aud"), base):
		return accessToken{}, invalidToken("Access token validation failure. Invalid audience.")
	case token.text("tid") != tenant:
		return accessToken{}, invalidToken("Access token validation failure. Invalid tenant.")
	case t.now().Unix() >= token.time("exp"):
		return accessToken{}, invalidToken("Lifetime validation failed, the token is expired.")
	case token.time("gen") != int64(generation):
		return accessToken{}, invalidToken("Access token validation failure. The token was revoked.")
	}
	a := accessToken{app: token.text("appid")}
	list, _ := token.claims["roles"].([]any)
	for _, r := range list {
		if s, ok := r.(string); ok {
			a.roles = append(a.roles, s)
		}
	}
	return a, nil
}
