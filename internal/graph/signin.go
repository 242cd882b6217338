package graph

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"groupwriteback/internal/contract"
)

// signInErrors are Entra's error codes with a clear remedy, from Microsoft's reference
// of AADSTS error codes.
var signInErrors = []struct {
	id     string
	advice string
	codes  []int
}{
	{"TenantNotFound", "Check the tenant id or domain name, and that the tenant is in this cloud.",
		[]int{90002, 900023, 900021, 90008}},
	{"ApplicationNotFound", "Check the application (client) id, and that the app registration is in this tenant.",
		[]int{700016, 7000112}},
	{"ClientSecretInvalid", "Specify the value of the client secret, not its id, and check that it belongs to this application.",
		[]int{7000215, 7000216, 7000218}},
	{"ClientSecretExpired", "Create a new client secret for the app registration. A certificate or a managed identity is safer.",
		[]int{7000222}},
	{"ClientCertificateInvalid", "Add the certificate to the app registration, and check that it has not expired and that the clock of this computer is correct.",
		[]int{700027, 700024, 700030, 7000214, 7000277, 50012}},
	{"FederatedIdentityInvalid", "Check the issuer, subject and audience of the app registration's federated credential.",
		[]int{70021, 700211, 700212, 700213, 700214, 700223}},
}

// failed translates the error of a sign-in. It does not use the text of azidentity's
// own errors, which may quote the whole answer.
func (t *tokenSource) failed(ctx context.Context, err error) error {
	signIn := call{doing: "signing in", object: t.authority}
	if ctx.Err() != nil {
		return signIn.failed(ctx.Err())
	}
	var failed *azidentity.AuthenticationFailedError
	if errors.As(err, &failed) && failed.RawResponse != nil && failed.RawResponse.StatusCode != http.StatusOK {
		return t.refused(failed.RawResponse)
	}
	var (
		known *contract.Error
		host  *hostError
	)
	below := t.failure.get()
	switch {
	case errors.As(below, &known):
		return known
	case t.kind == contract.ManagedIdentity:
		what := "its endpoint did not respond"
		if below == nil {
			what = t.hide(firstLine(err))
		}
		return identityUnavailable(what, cause(below))
	case errors.As(below, &host):
		var throttled *throttledError
		if errors.As(host.err, &throttled) || errors.Is(host.err, errNotJSON) || errors.Is(host.err, errTooLarge) || errors.Is(host.err, errCutOff) {
			return signIn.failed(host.err)
		}
		return unreachable(host.host, host.err)
	case below != nil:
		return &contract.Error{
			Category: contract.Authentication, ID: "SignInFailed", Object: t.authority, Err: errors.New(t.hide(clean(below.Error()))),
			Message: "The sign-in failed.", Advice: "Check the credential.",
		}
	}
	return &contract.Error{
		Category: contract.Authentication, ID: "SignInFailed", Object: t.authority,
		Message: "The sign-in failed: " + t.hide(firstLine(err)) + ".",
		Advice:  "Check the tenant id, the client id, the credential and the cloud.",
	}
}

// refused translates an error answer of the sign-in service.
func (t *tokenSource) refused(resp *http.Response) error {
	var answer struct {
		Description string `json:"error_description"`
		Codes       []int  `json:"error_codes"`
		Trace       string `json:"trace_id"`
		Message     string `json:"message"` // from a managed identity's endpoint
	}
	body, _ := runtime.Payload(resp) // works even if MSAL has read the body; without a body only the status is used
	_ = json.Unmarshal(body, &answer)
	// The description continues with ids and the time.
	description, _, _ := strings.Cut(answer.Description, "Trace ID:")
	if description == "" {
		description = answer.Message
	}
	if description == "" {
		description = "the response has no description"
	}
	said := t.hide(clean(description))
	if t.kind == contract.ManagedIdentity {
		return identityUnavailable(fmt.Sprintf("its endpoint returned %d: %s", resp.StatusCode, said), nil)
	}
	out := &contract.Error{
		Category: contract.Authentication, ID: "SignInFailed", Object: t.authority,
		Message: fmt.Sprintf("Entra refused the sign-in with status %d: %s [trace id %s]", resp.StatusCode, said, t.hide(clean(answer.Trace))),
		Advice:  "Look up the AADSTS code at https://login.microsoftonline.com/error, and check the tenant's sign-in logs.",
	}
	for _, one := range signInErrors {
		if slices.ContainsFunc(one.codes, func(code int) bool {
			return slices.Contains(answer.Codes, code) || strings.HasPrefix(description, fmt.Sprintf("AADSTS%d:", code))
		}) {
			out.ID, out.Advice = one.id, one.advice
			switch one.id {
			case "TenantNotFound":
				out.Object = t.tenantID
			case "ApplicationNotFound":
				out.Object = t.clientID
			}
			break
		}
	}
	return out
}

// hide removes the client secret from a text, in case a server echoes it.
func (t *tokenSource) hide(s string) string {
	if t.secret.IsZero() {
		return s
	}
	return strings.ReplaceAll(s, t.secret.Reveal(), t.secret.String())
}

// firstLine drops what azidentity and MSAL append, which is the answer itself.
func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return clean(line)
}
