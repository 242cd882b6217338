package graphtest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// signIn posts to the token endpoint; options replace fields, or remove them if empty.
func (c *client) signIn(tenant string, options ...string) *answer {
	c.t.Helper()
	form := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {c.s.ClientID}, "client_secret": {c.s.ClientSecret},
		"scope": {c.s.URL + "/.default openid offline_access profile"}, "client_info": {"1"},
	}
	for i := 0; i+1 < len(options); i += 2 {
		form.Set(options[i], options[i+1])
		if options[i+1] == "" {
			form.Del(options[i])
		}
	}
	a, err := c.try("POST", "/"+tenant+"/oauth2/v2.0/token", form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
	if err != nil {
		c.t.Fatal(err)
	}
	return a
}

// aadsts returns the error code of a failed sign-in.
func (a *answer) aadsts() int {
	codes, _ := a.json["error_codes"].([]any)
	if len(codes) != 1 {
		return 0
	}
	return int(codes[0].(float64))
}

// assertion signs a client assertion with a certificate.
func assertion(t *testing.T, c *ClientCertificate, alg string, claims map[string]any) string {
	t.Helper()
	header := map[string]any{"typ": "JWT", "alg": alg}
	if alg == "PS256" {
		thumbprint := sha256.Sum256(c.Certificate.Raw)
		header["x5t#S256"] = base64.StdEncoding.EncodeToString(thumbprint[:])
	} else {
		thumbprint := sha1.Sum(c.Certificate.Raw)
		header["x5t"] = base64.RawURLEncoding.EncodeToString(thumbprint[:])
	}
	text := segment(header) + "." + segment(claims)
	digest := sha256.Sum256([]byte(text))
	var signature []byte
	var err error
	if alg == "PS256" {
		signature, err = rsa.SignPSS(rand.Reader, c.Key, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	} else {
		signature, err = rsa.SignPKCS1v15(rand.Reader, c.Key, crypto.SHA256, digest[:])
	}
	must(t, err)
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func TestDiscovery(t *testing.T) {
	c := start(t, small(), Options{})
	a := c.ok("/" + c.s.TenantID + "/v2.0/.well-known/openid-configuration")
	if a.json["token_endpoint"] != c.s.URL+"/"+c.s.TenantID+"/oauth2/v2.0/token" || !strings.HasPrefix(a.json["issuer"].(string), c.s.URL+"/") || a.json["authorization_endpoint"] == nil {
		t.Error(a.text)
	}
	a = c.get("/" + UserID("nobody") + "/v2.0/.well-known/openid-configuration")
	if a.status != 400 || a.json["error"] != "invalid_tenant" || a.aadsts() != 90002 {
		t.Error(a.status, a.text)
	}
	a = c.ok("/common/discovery/instance?api-version=1.1&authorization_endpoint=" + url.QueryEscape(c.s.URL+"/"+c.s.TenantID+"/oauth2/v2.0/authorize"))
	if a.json["tenant_discovery_endpoint"] != c.s.URL+"/"+c.s.TenantID+"/v2.0/.well-known/openid-configuration" {
		t.Error(a.text)
	}
}

func TestSignInWithSecret(t *testing.T) {
	c := start(t, small(), Options{TokenLifetime: 20 * time.Minute})
	a := c.signIn(c.s.TenantID)
	if a.status != 200 || a.json["expires_in"] != float64(1200) || a.json["token_type"] != "Bearer" {
		t.Fatal(a.status, a.text)
	}
	token, err := parseJWT(a.json["access_token"].(string))
	must(t, err)
	if token.text("tid") != c.s.TenantID || token.text("appid") != c.s.ClientID || token.time("exp")-token.time("iat") != 1200 {
		t.Error(token.claims)
	}
	if roles := token.claims["roles"].([]any); len(roles) != len(DefaultRoles) {
		t.Error(roles)
	}
	c.token = a.json["access_token"].(string)
	c.ok("/v1.0/groups")

	// The domain also names the tenant, and Graph may be named as in the cloud.
	if a := c.signIn("Contoso.onmicrosoft.com", "scope", "https://graph.microsoft.com/.default"); a.status != 200 {
		t.Error(a.text)
	}
	for name, test := range map[string]struct {
		tenant  string
		options []string
		status  int
		error   string
		code    int
	}{
		"wrong secret":   {options: []string{"client_secret", "wrong"}, status: 401, error: "invalid_client", code: 7000215},
		"no secret":      {options: []string{"client_secret", ""}, status: 401, error: "invalid_client", code: 7000218},
		"unknown app":    {options: []string{"client_id", UserID("app")}, status: 400, error: "unauthorized_client", code: 700016},
		"unknown tenant": {tenant: UserID("tenant"), status: 400, error: "invalid_request", code: 90002},
		"no scope":       {options: []string{"scope", ""}, status: 400, error: "invalid_request", code: 900144},
		"wrong scope":    {options: []string{"scope", "User.Read"}, status: 400, error: "invalid_scope", code: 1002012},
		"wrong resource": {options: []string{"scope", "https://vault.azure.net/.default"}, status: 400, error: "invalid_resource", code: 500011},
		"wrong grant":    {options: []string{"grant_type", "password"}, status: 400, error: "unsupported_grant_type", code: 70003},
	} {
		if test.tenant == "" {
			test.tenant = c.s.TenantID
		}
		a := c.signIn(test.tenant, test.options...)
		description, _ := a.json["error_description"].(string)
		if a.status != test.status || a.json["error"] != test.error || a.aadsts() != test.code || !strings.HasPrefix(description, "AADSTS") {
			t.Errorf("%s: %d %s", name, a.status, a.text)
		}
	}
	c.s.SetSecretExpired(true)
	if a := c.signIn(c.s.TenantID); a.status != 401 || a.aadsts() != 7000222 {
		t.Error(a.status, a.text)
	}
}

func TestSignInWithCertificate(t *testing.T) {
	c := start(t, small(), Options{})
	cert, err := c.s.ClientCertificate()
	must(t, err)
	other, err := newClientCertificate("other", time.Now())
	must(t, err)
	endpoint := c.s.URL + "/" + c.s.TenantID + "/oauth2/v2.0/token"
	claims := func() map[string]any {
		now := time.Now().Unix()
		return map[string]any{"aud": endpoint, "iss": c.s.ClientID, "sub": c.s.ClientID, "jti": "1", "nbf": now, "exp": now + 600}
	}
	post := func(text string) *answer {
		return c.signIn(c.s.TenantID, "client_secret", "", "client_assertion_type", assertionType, "client_assertion", text)
	}
	for _, alg := range []string{"PS256", "RS256"} {
		if a := post(assertion(t, cert, alg, claims())); a.status != 200 {
			t.Errorf("%s: %s", alg, a.text)
		}
	}
	with := func(name string, value any) map[string]any {
		m := claims()
		m[name] = value
		return m
	}
	forged := *other
	forged.Certificate = cert.Certificate
	for name, test := range map[string]struct {
		text string
		code int
	}{
		"not registered": {assertion(t, other, "PS256", claims()), 700027},
		"forged":         {assertion(t, &forged, "PS256", claims()), 700027},
		"expired":        {assertion(t, cert, "PS256", with("exp", time.Now().Unix()-900)), 700024},
		"not yet valid":  {assertion(t, cert, "PS256", with("nbf", time.Now().Unix()+900)), 700024},
		"other audience": {assertion(t, cert, "PS256", with("aud", "https://example.com")), 50013},
		"other issuer":   {assertion(t, cert, "PS256", with("iss", "x")), 700021},
		"no JWT":         {"x.y.z", 50027},
	} {
		if a := post(test.text); a.status != 401 || a.aadsts() != test.code || a.json["error"] != "invalid_client" {
			t.Errorf("%s: %d %s", name, a.status, a.text)
		}
	}
}

func TestSignInFederated(t *testing.T) {
	c := start(t, small(), Options{})
	post := func(text string) *answer {
		return c.signIn(c.s.TenantID, "client_secret", "", "client_assertion_type", assertionType, "client_assertion", text)
	}
	if a := post(c.s.FederatedToken(time.Hour)); a.status != 200 {
		t.Error(a.text)
	}
	if a := post(c.s.FederatedToken(-time.Hour)); a.aadsts() != 700024 {
		t.Error(a.text)
	}
	strange := signHS256(map[string]any{"iss": federationIssuer, "sub": "other", "aud": federationAudience, "exp": time.Now().Unix() + 60}, c.s.federationKey)
	if a := post(strange); a.aadsts() != 700213 {
		t.Error(a.text)
	}
}

func TestManagedIdentity(t *testing.T) {
	c := start(t, small(), Options{ManagedIdentity: true})
	get := func(query, header string) (int, map[string]any) {
		r, _ := http.NewRequest("GET", c.s.ManagedIdentityURL+"?"+query, nil)
		r.Header.Set("X-IDENTITY-HEADER", header)
		res, err := http.DefaultClient.Do(r)
		must(t, err)
		defer res.Body.Close()
		var body map[string]any
		must(t, json.NewDecoder(res.Body).Decode(&body))
		return res.StatusCode, body
	}
	good := "api-version=2019-08-01&resource=" + url.QueryEscape(c.s.URL)
	status, body := get(good, c.s.ManagedIdentityHeader)
	if status != 200 || body["token_type"] != "Bearer" || body["expires_on"] == "" {
		t.Fatal(status, body)
	}
	c.token = body["access_token"].(string)
	c.ok("/v1.0/groups")
	for query, want := range map[string]int{good + "&client_id=x": 400, "api-version=2017&resource=x": 400, "api-version=2019-08-01&resource=https://vault.azure.net": 400} {
		if status, body := get(query, c.s.ManagedIdentityHeader); status != want {
			t.Error(query, status, body)
		}
	}
	if status, _ := get(good, "wrong"); status != 401 {
		t.Error(status)
	}
}

func TestAccessTokens(t *testing.T) {
	clock := &clock{at: date("2026-03-01T10:00:00Z")}
	c := start(t, small(), Options{Now: clock.now})
	c.ok("/v1.0/groups")
	bad := *c
	for _, bad.token = range []string{"", "nonsense", "a.b.c", c.token + "x", c.s.FederatedToken(time.Hour)} {
		a := bad.fails(401, "InvalidAuthenticationToken", "/v1.0/groups")
		if !strings.Contains(a.header.Get("WWW-Authenticate"), "authorization_uri=") {
			t.Error(a.header)
		}
	}
	clock.at = clock.at.Add(time.Hour)
	c.fails(401, "InvalidAuthenticationToken", "/v1.0/groups")
	c.token = c.s.AccessToken()
	c.ok("/v1.0/groups")
	c.s.RevokeTokens()
	c.fails(401, "InvalidAuthenticationToken", "/v1.0/groups")
	c.s.SetTokenLifetime(time.Second)
	c.token = c.s.AccessToken()
	c.ok("/v1.0/groups")
	clock.at = clock.at.Add(time.Second)
	c.fails(401, "InvalidAuthenticationToken", "/v1.0/groups")
}

func TestUntrustedCertificate(t *testing.T) {
	c := start(t, small(), Options{})
	if _, err := http.Get(c.s.URL + "/v1.0/groups"); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("without the CA: %v", err)
	}
}
