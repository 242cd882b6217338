package graph

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	khttp "github.com/microsoft/kiota-http-go"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// tokenMargin is how long before its expiry a token is no longer used.
const tokenMargin = 2 * time.Minute

// tokenSource provides the token for Graph. It signs in once at a time, and accepts
// only tokens of the tenant for which the first token was issued.
type tokenSource struct {
	credential azcore.TokenCredential
	// again creates the credential anew, without the tokens that the previous one
	// cached; nil if the credential caches none.
	again     func() (azcore.TokenCredential, error)
	kind      contract.CredentialKind
	authority string // for errors
	tenantID  string // as given, for errors
	clientID  string
	scope     string
	secret    contract.Secret
	failure   *failure

	mu      sync.Mutex
	current azcore.AccessToken
	tenant  directory.GUID
	granted []string // the permissions of the token when identify was last called
}

// identify returns the token's claims. Until it is called again, every later token must
// have the same permissions.
func (t *tokenSource) identify(ctx context.Context) (claims, error) {
	t.mu.Lock()
	t.granted = nil
	t.mu.Unlock()
	token, err := t.token(ctx)
	if err != nil {
		return claims{}, err
	}
	c, err := readClaims(token)
	if err != nil {
		return claims{}, invalidToken("its claims cannot be read: " + err.Error())
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.granted = c.permissions()
	return c, nil
}

// token returns a token that stays valid for some time. A token that cannot be replaced
// is used until it expires.
func (t *tokenSource) token(ctx context.Context) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	margin := tokenMargin
	if passed, ok := t.credential.(*passedToken); ok && passed.refresh == nil {
		margin = 0
	}
	if t.current.Token != "" && time.Until(t.current.ExpiresOn) > margin {
		return t.current.Token, nil
	}
	return t.acquire(ctx, policy.TokenRequestOptions{})
}

// GetToken implements [azcore.TokenCredential] for the SDK's adapter.
func (t *tokenSource) GetToken(ctx context.Context, _ policy.TokenRequestOptions) (azcore.AccessToken, error) {
	token, err := t.token(ctx)
	return azcore.AccessToken{Token: token}, err
}

// replace returns a token other than the refused one, or the same one if the credential
// has no other. It bypasses the library's cache, which would return the refused token
// until it expires.
func (t *tokenSource) replace(ctx context.Context, refused string) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.current.Token != refused {
		return t.current.Token, nil // another reader has already replaced it
	}
	return t.acquireAnew(ctx)
}

// permits reports whether the token has one of the permissions.
func (t *tokenSource) permits(ctx context.Context, wanted []string) (bool, error) {
	token, err := t.token(ctx)
	if err != nil {
		return false, err
	}
	c, err := readClaims(token)
	return err == nil && slices.ContainsFunc(wanted, func(p string) bool { return slices.Contains(c.permissions(), p) }), nil
}

// acquireAnew acquires a token that does not come from the library's cache.
func (t *tokenSource) acquireAnew(ctx context.Context) (string, error) {
	if t.again != nil {
		credential, err := t.again()
		if err != nil {
			return "", err
		}
		t.credential = credential
	}
	var options policy.TokenRequestOptions
	if t.kind == contract.ManagedIdentity {
		// MSAL caches a managed identity's tokens for the whole process, and bypasses
		// the cache if claims are set. It does not send them to the identity's
		// endpoint.
		options.Claims = "{}"
	}
	return t.acquire(ctx, options)
}

// acquire asks the credential for a token, and checks its claims.
func (t *tokenSource) acquire(ctx context.Context, options policy.TokenRequestOptions) (string, error) {
	options.Scopes = []string{t.scope}
	// Without a deadline, MSAL sets one of 30 seconds, which is too short for a sign-in
	// service that asks to wait. The gate gives up before this deadline.
	bounded, cancel := context.WithTimeout(ctx, 2*throttlePatience+contract.OutagePatience(ctx))
	defer cancel()
	t.failure.set(nil)
	got, err := t.credential.GetToken(bounded, options)
	if err != nil {
		return "", t.failed(ctx, err)
	}
	claims, err := readClaims(got.Token)
	if err != nil {
		return "", invalidToken(err.Error())
	}
	if !t.tenant.IsZero() && claims.Tenant != t.tenant {
		return "", otherTenant(t.tenant.String(), claims.Tenant.String())
	}
	allowed := claims.permissions()
	for _, permission := range t.granted {
		// Without a permission, Graph returns less and presents it as complete: a group
		// with hidden membership then appears to have no members.
		if !slices.Contains(allowed, permission) {
			t.current = azcore.AccessToken{}
			return "", fewerPermissions(permission)
		}
	}
	t.tenant, t.current = claims.Tenant, got
	return got.Token, nil
}

// claims are what is read from a token. Graph verifies the token; here the claims are
// only information.
type claims struct {
	Tenant  directory.GUID `json:"tid"`
	AppID   string         `json:"appid"`
	Party   string         `json:"azp"` // the application, in version 2 tokens
	Roles   []string       `json:"roles"`
	Scopes  string         `json:"scp"`
	Expires float64        `json:"exp"`
}

func (c claims) app() string {
	if c.AppID != "" {
		return c.AppID
	}
	return c.Party
}

func (c claims) permissions() []string {
	return append(c.Roles, strings.Fields(c.Scopes)...)
}

func (c claims) expires() time.Time { return time.Unix(int64(c.Expires), 0) }

// maxToken bounds the size of a token; real ones have a few KiB.
const maxToken = 256 << 10

// readClaims parses a JSON web token without verifying it. Its errors contain no part
// of the token.
func readClaims(token string) (claims, error) {
	if len(token) > maxToken {
		return claims{}, errors.New("it is too long for a token")
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return claims{}, errors.New("it is not a JSON web token, which has three parts")
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return claims{}, errors.New("its second part is not base64url")
	}
	var c claims
	if json.Unmarshal(payload, &c) != nil {
		return claims{}, errors.New("its claims do not have the form that Entra issues")
	}
	if c.Tenant.IsZero() {
		return claims{}, errors.New("it has no tenant id (claim tid)")
	}
	return c, nil
}

// passedToken is the credential of a caller who passes a token and may be asked for
// another.
type passedToken struct {
	first   contract.Secret
	used    bool
	refresh func(context.Context) (contract.Secret, time.Time, error)
	failure *failure
}

// GetToken implements [azcore.TokenCredential]. It is called only when the previous
// token is no longer valid.
func (p *passedToken) GetToken(ctx context.Context, _ policy.TokenRequestOptions) (azcore.AccessToken, error) {
	if !p.used && !p.first.IsZero() {
		p.used = true
		token, err := readPassed(p.first, time.Time{})
		if err != nil || time.Until(token.ExpiresOn) > tokenMargin || p.refresh == nil && time.Until(token.ExpiresOn) > 0 {
			return token, p.failure.set(err)
		}
	}
	if p.refresh == nil {
		return azcore.AccessToken{}, p.failure.set(expiredToken())
	}
	secret, expires, err := p.refresh(ctx)
	if err != nil {
		return azcore.AccessToken{}, p.failure.set(err)
	}
	token, err := readPassed(secret, expires)
	if err == nil && time.Until(token.ExpiresOn) <= 0 {
		err = expiredToken()
	}
	return token, p.failure.set(err)
}

func readPassed(secret contract.Secret, expires time.Time) (azcore.AccessToken, error) {
	value := strings.TrimPrefix(strings.TrimSpace(secret.Reveal()), "Bearer ")
	c, err := readClaims(value)
	if err != nil {
		return azcore.AccessToken{}, invalidToken(err.Error())
	}
	if c.Expires > 0 {
		expires = c.expires()
	}
	return azcore.AccessToken{Token: value, ExpiresOn: expires}, nil
}

// failure keeps the underlying error of a sign-in, because azidentity passes on only
// its text.
type failure struct {
	mu  sync.Mutex
	err error
}

// set stores err and returns it.
func (f *failure) set(err error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
	return err
}

func (f *failure) get() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

// noted stores the errors of a sign-in's requests.
type noted struct{ failure *failure }

// Intercept implements [khttp.Middleware].
func (n noted) Intercept(pipeline khttp.Pipeline, next int, req *http.Request) (*http.Response, error) {
	resp, err := pipeline.Next(req, next)
	if err != nil {
		n.failure.set(&hostError{host: req.URL.Host, err: err})
	}
	return resp, err
}

// hostError is the failure of a sign-in's request.
type hostError struct {
	host string
	err  error
}

func (e *hostError) Error() string { return fmt.Sprintf("%s: %v", e.host, e.err) }
func (e *hostError) Unwrap() error { return e.err }
