package graph

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"groupwriteback/internal/contract"
)

// call describes one kind of request, for its errors.
type call struct {
	doing      string // "reading the members of the group"
	object     string
	permission string // the application permission that the request needs
	collection string // the address whose pages are read, with or without a query
	link       linkUse
	allowsGaps bool // leave out what the server repeatedly fails to return
}

// statusError is an answer of Graph that is not a success.
type statusError struct {
	status    int
	code      string
	message   string
	requestID string
}

func (e *statusError) Error() string {
	return fmt.Sprintf("status %d, %s: %s, request id %s", e.status, e.code, e.message, e.requestID)
}

// newStatusError parses the error of an answer, whatever its form.
func newStatusError(status int, header http.Header, body io.Reader) *statusError {
	var answer struct {
		Error struct {
			Code       string `json:"code"`
			Message    string `json:"message"`
			InnerError struct {
				RequestID string `json:"request-id"`
			} `json:"innerError"`
		} `json:"error"`
	}
	if body, err := io.ReadAll(body); err == nil {
		_ = json.Unmarshal(body, &answer) // a proxy answers in its own words; then only the status is used
	}
	e := &statusError{
		status: status, code: clean(answer.Error.Code), message: clean(answer.Error.Message),
		requestID: clean(header.Get("request-id")),
	}
	if e.requestID == "" {
		e.requestID = clean(answer.Error.InnerError.RequestID)
	}
	if e.code == "" {
		e.code = "no Graph error code"
	}
	return e
}

// failed translates the error of a request. It returns nil for nil.
func (c call) failed(err error) error {
	if err == nil {
		return nil
	}
	var (
		known     *contract.Error
		status    *statusError
		throttled *throttledError
		transport *url.Error
	)
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return &contract.Error{
			Category: contract.Stopped, ID: "Cancelled", Object: c.object, Err: contextError(err),
			Message: "Cancelled while " + c.doing + ".", Advice: "Run it again when you want to continue.",
		}
	case errors.As(err, &status):
		return c.refused(status)
	case errors.As(err, &throttled):
		asked := ""
		if throttled.asked > 0 {
			asked = ", and asked to wait another " + throttled.asked.String()
		}
		return &contract.Error{
			Category: contract.ResourceBusy, ID: "ThrottledTooLong", Object: c.object, Err: throttled,
			Message: "Microsoft Graph kept throttling requests while " + c.doing + asked + ".",
			Advice:  "Other applications may be using up the tenant's quota. Run it again later. Nothing was lost.",
		}
	case errors.Is(err, errCutOff), errors.Is(err, errNotJSON), errors.Is(err, errTooLarge):
		return c.incomplete("a response could not be read completely", cause(err))
	case errors.As(err, &transport) && transport.Op != "parse": // a link in an answer may not be a URL
		return unreachable(hostOf(transport.URL), transport.Err)
	}
	return c.incomplete("a response could not be parsed", cause(err))
}

// refused translates an error answer.
func (c call) refused(e *statusError) error {
	out := &contract.Error{
		Object:  c.object,
		Message: fmt.Sprintf("Microsoft Graph returned %d %s while %s: %s [request id %s]", e.status, e.code, c.doing, e.message, e.requestID),
	}
	switch {
	case c.linkExpired(e):
		return c.expired(e)
	case e.status == http.StatusUnauthorized:
		out.Category, out.ID = contract.Authentication, "AccessTokenInvalid"
		out.Advice = "The token was rejected. Check that it was issued for this tenant and for Microsoft Graph in this cloud, and that the clock of this computer is correct."
		if strings.Contains(strings.ToLower(e.message), "expired") {
			out.ID = "AccessTokenExpired"
			out.Advice = "Connect again with a fresh access token, or sign in with a certificate or a managed identity."
		}
	case e.status == http.StatusForbidden:
		out.Category, out.ID = contract.PermissionDenied, "PermissionMissing"
		out.Advice = "Grant the app registration the Microsoft Graph application permission " + c.permission + " with admin consent, and connect again."
	case e.status == http.StatusNotFound:
		out.Category, out.ID = contract.ObjectNotFound, "GraphObjectNotFound"
		out.Advice = "It may have been deleted in the meantime. Run it again."
	default:
		out.Category, out.ID = contract.InvalidState, "GraphError"
		out.Advice = "Run it again later. If the error persists, report the request id to Microsoft support."
	}
	return out
}

// incomplete returns the error of a read that did not reach its end. Nothing may be
// concluded from the part that was read.
func (c call) incomplete(what string, err error) error {
	return &contract.Error{
		Category: contract.InvalidData, ID: "IncompleteRead", Object: c.object, Err: err,
		Message: "The read was incomplete while " + c.doing + ": " + what + ".",
		Advice:  "Run it again. If the error persists, check for a proxy or gateway that alters the responses of Microsoft Graph.",
	}
}

// unreachable translates a failure to connect, or a broken connection.
func unreachable(host string, err error) error {
	if untrusted(err) {
		return &contract.Error{
			Category: contract.Connection, ID: "CertificateNotTrusted", Object: host, Err: cause(err),
			Message: "The host's certificate is not trusted.",
			Advice:  "If a proxy inspects TLS or the endpoint is private, specify the file with the authority's certificate with -TenantCAFile. The certificate is always verified.",
		}
	}
	return &contract.Error{
		Category: contract.Connection, ID: "GraphUnreachable", Object: host, Err: cause(err),
		Message: "The host cannot be reached.",
		Advice:  "Check the host name, DNS, the firewall (TCP 443 outbound) and the proxy settings HTTPS_PROXY and NO_PROXY.",
	}
}

func untrusted(err error) bool {
	var (
		verification *tls.CertificateVerificationError
		authority    x509.UnknownAuthorityError
		hostname     x509.HostnameError
		invalid      x509.CertificateInvalidError
	)
	return errors.As(err, &verification) || errors.As(err, &authority) || errors.As(err, &hostname) || errors.As(err, &invalid)
}

func invalidSetting(setting, what, advice string) error {
	return &contract.Error{
		Category: contract.InvalidArgument, ID: "InvalidParameter", Object: setting,
		Message: "The setting is not valid: " + what + ".", Advice: advice,
	}
}

func invalidToken(what string) error {
	return &contract.Error{
		Category: contract.Authentication, ID: "AccessTokenInvalid", Object: "access token",
		Message: "The access token is not valid: " + what + ".",
		Advice:  "Specify a token for Microsoft Graph, such as (Get-AzAccessToken -ResourceTypeName MSGraph).Token.",
	}
}

func expiredToken() error {
	return &contract.Error{
		Category: contract.Authentication, ID: "AccessTokenExpired", Object: "access token",
		Message: "The access token has expired and cannot be renewed.",
		Advice:  "Connect again with a fresh access token, or sign in with a certificate or a managed identity.",
	}
}

func fewerPermissions(permission string) error {
	return &contract.Error{
		Category: contract.Authentication, ID: "PermissionWithdrawn", Object: permission,
		Message: "The renewed access token no longer has the permission " + permission + ".",
		Advice:  "Run it again. The next run uses the remaining permissions.",
	}
}

func otherTenant(want, got string) error {
	return &contract.Error{
		Category: contract.InvalidState, ID: "SignInTenantMismatch", Object: got,
		Message: "The sign-in returned a token for the tenant " + got + ", not for " + want + ".",
		Advice:  "Check the tenant id, and that the token or identity belongs to that tenant.",
	}
}

func contextError(err error) error {
	if errors.Is(err, context.Canceled) {
		return context.Canceled
	}
	return context.DeadlineExceeded
}

func hostOf(raw string) string {
	if u, err := url.Parse(raw); err == nil {
		return clean(u.Host)
	}
	return ""
}

// cause returns the text of another library's error in a form fit for a log: the
// innermost error, without the URL and its query.
func cause(err error) error {
	var (
		transport *url.Error
		network   *net.OpError
	)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &transport):
		err = transport.Err
	case errors.As(err, &network):
		err = network
	}
	return errors.New(clean(err.Error()))
}

// tokenLike matches a JSON web token, complete or truncated.
var tokenLike = regexp.MustCompile(`eyJ[A-Za-z0-9_-]{8,}(\.[A-Za-z0-9_-]*){0,2}`)

// maxText bounds the text that a message takes from an answer.
const maxText = 600

// clean makes a text from outside fit for a message: one line, no control characters,
// of limited length, and without any token that a server echoed.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), r == utf8.RuneError:
			return -1
		}
		return r
	}, s)
	s = strings.TrimSpace(tokenLike.ReplaceAllString(s, "***"))
	if len(s) <= maxText {
		return s
	}
	s = s[:maxText]
	for !utf8.ValidString(s) {
		s = s[:len(s)-1]
	}
	return s + "…"
}
