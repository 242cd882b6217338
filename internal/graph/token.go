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

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// tokenMargin is how long before its end a token is no longer used.
const tokenMargin = 2 * time.Minute

// tokenSource gives the token for Graph, one sign-in at a time, and keeps to
// the tenant that the first token was issued for.
type tokenSource struct {
	credential azcore.TokenCredential
	// again makes the credential anew, without the tokens that the one before has
	// kept; nil where it keeps none.
	again     func() (azcore.TokenCredential, error)
	kind      contract.CredentialKind
	authority string // for errors
	tenantID  string // as it was given, for errors
	clientID  string
	scope     string
	secret    contract.Secret
	failure   *failure

	mu      sync.Mutex
	current azcore.AccessToken
	tenant  directory.GUID
	granted []string // what the token allowed when it was last asked whose it is
}

// identify returns what the token says, and keeps to what it allows until it is called again.
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

// token returns a token that is good for some time yet; one that cannot be
// replaced serves to its end.
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

// replace returns a token other than the one that was refused, or the same
// when the credential has no other. It asks past what the library has kept,
// which would give the refused one again until the clock says otherwise.
func (t *tokenSource) replace(ctx context.Context, refused string) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.current.Token != refused {
		return t.current.Token, nil // another reader was quicker
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

// acquireAnew acquires a token that the library has not kept.
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
		// MSAL keeps the tokens of an identity for the whole process, and looks past
		// them where there are claims. It sends none to the identity's endpoint.
		options.Claims = "{}"
	}
	return t.acquire(ctx, options)
}

// acquire asks the credential for a token, and checks what it says.
func (t *tokenSource) acquire(ctx context.Context, options policy.TokenRequestOptions) (string, error) {
	options.Scopes = []string{t.scope}
	// Without a deadline MSAL sets one of 30 seconds, too short for a sign-in
	// service that asks to wait. The gate ends before this one.
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
		// Without a permission Graph says less and calls it all there is: the
		// members of a group of hidden membership are then none.
		if !slices.Contains(allowed, permission) {
			t.current = azcore.AccessToken{}
			return "", fewerPermissions(permission)
		}
	}
	t.tenant, t.current = claims.Tenant, got
	return got.Token, nil
}

// claims is what is read of a token. Graph verifies it; here it only informs.
type claims struct {
	Tenant  directory.GUID `json:"tid"`
	AppID   string         `json:"appid"`
	Party   string         `json:"azp"` // the application, in tokens of version 2
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

// maxToken bounds what is taken for a token; real ones have a few KiB.
const maxToken = 256 << 10

// readClaims reads a JSON web token without verifying it. Its errors hold no
// part of the token.
func readClaims(token string) (claims, error) {
	if len(token) > maxToken {
		return claims{}, errors.New("it is too long for a token")
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return claims{}, errors.New("it is no JSON web token, which has three parts")
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return claims{}, errors.New("its second part is not base64url")
	}
	var c claims
	if json.Unmarshal(payload, &c) != nil {
		return claims{}, errors.New("its claims are not of the form that Entra issues")
	}
	if c.Tenant.IsZero() {
		return claims{}, errors.New("it names no tenant (claim tid)")
	}
	return c, nil
}

// passedToken is the credential of a caller who has a token and may be asked
// for another.
type passedToken struct {
	first   contract.Secret
	used    bool
	refresh func(context.Context) (contract.Secret, time.Time, error)
	failure *failure
}

// GetToken implements [azcore.TokenCredential]. It is asked only when the
// token that it gave before is no longer good.
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

// failure keeps the error below a sign-in: azidentity passes on its text alone.
type failure struct {
	mu  sync.Mutex
	err error
}

// set keeps err and returns it.
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

// noted keeps the errors of the requests of a sign-in.
type noted struct {
	next    http.RoundTripper
	failure *failure
}

// RoundTrip implements [http.RoundTripper].
func (n noted) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := n.next.RoundTrip(req)
	if err != nil {
		n.failure.set(&hostError{host: req.URL.Host, err: err})
	}
	return resp, err
}

// hostError is a failure of a request of a sign-in.
type hostError struct {
	host string
	err  error
}

func (e *hostError) Error() string { return fmt.Sprintf("%s: %v", e.host, e.err) }
func (e *hostError) Unwrap() error { return e.err }
