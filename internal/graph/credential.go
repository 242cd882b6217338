package graph

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"groupwriteback/internal/contract"
)

// maxSignIn bounds an answer of a sign-in service.
const maxSignIn = 1 << 20

// newTokenSource creates the kind of credential that the configuration names. It never
// tries other credentials that the machine may have.
func newTokenSource(config contract.SourceConfig, hosts endpoints, wire http.RoundTripper) (*tokenSource, error) {
	if !tenantName(config.TenantID) {
		return nil, &contract.Error{
			Category: contract.Authentication, ID: "TenantNotFound", Object: config.TenantID,
			Message: "This is neither a tenant id nor a domain name.",
			Advice:  "Specify the tenant's id or one of its verified domain names, such as contoso.onmicrosoft.com.",
		}
	}
	t := &tokenSource{
		kind: config.Kind, tenantID: config.TenantID, clientID: config.ClientID, authority: hosts.authority, scope: hosts.graph + "/.default",
		secret: config.Secret, failure: &failure{},
	}
	options := clientOptions(hosts, client(wire,
		noted{t.failure}, &gate{attempts: 5, patience: throttlePatience}, buffered{limit: maxSignIn, timeout: answerTimeout}))

	var err error
	switch config.Kind {
	case contract.ClientSecret:
		if err = required(config, setting{name: "Secret", given: !config.Secret.IsZero()}); err == nil {
			t.again = func() (azcore.TokenCredential, error) {
				return azidentity.NewClientSecretCredential(config.TenantID, config.ClientID, config.Secret.Reveal(),
					&azidentity.ClientSecretCredentialOptions{ClientOptions: options, DisableInstanceDiscovery: hosts.private})
			}
		}
	case contract.ClientCertificate:
		if err = required(config, setting{name: "CertificatePath", given: config.CertificatePath != ""}); err == nil {
			t.again, err = certificateCredential(config, hosts, options)
		}
	case contract.CertificateThumbprint:
		if err = required(config, setting{name: "Certificate", given: len(config.Certificate) > 0 && config.Sign != nil}); err == nil {
			t.again = func() (azcore.TokenCredential, error) { return signedCredential(config, hosts, options, t.failure) }
		}
	case contract.ManagedIdentity:
		t.authority = "managed identity"
		t.credential, err = managedIdentity(config, t.failure)
	case contract.WorkloadIdentity:
		t.again = func() (azcore.TokenCredential, error) { return workloadIdentity(config, hosts, options) }
	case contract.AccessToken:
		t.authority = "access token"
		if config.AccessToken.IsZero() && config.RefreshToken == nil {
			return nil, invalidSetting("AccessToken", "it is missing", "Specify an access token, or a callback that supplies one.")
		}
		t.credential = &passedToken{first: config.AccessToken, refresh: config.RefreshToken, failure: t.failure}
	default:
		return nil, invalidSetting("Kind", fmt.Sprintf("%q is not a known kind of credential", config.Kind),
			"Use a client secret, a certificate, a managed identity, a workload identity or an access token.")
	}
	if err == nil && t.again != nil {
		t.credential, err = t.again()
	}
	if err != nil {
		var known *contract.Error
		if errors.As(err, &known) {
			return nil, err
		}
		return nil, invalidSetting("Credential", clean(err.Error()), "Check the client id and the credential.")
	}
	return t, nil
}

// tenantName reports whether the text has the form of a tenant id or a domain name.
func tenantName(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		return !letter && r != '-' && r != '.'
	})
}

// setting is the name of a setting, and whether it was given.
type setting struct {
	name  string
	given bool
}

// required checks the settings that every confidential client needs, and the
// credential's own setting.
func required(config contract.SourceConfig, own setting) error {
	switch {
	case config.TenantID == "":
		return invalidSetting("TenantID", "it is missing", "Specify the tenant's id or one of its domain names.")
	case config.ClientID == "":
		return invalidSetting("ClientID", "it is missing", "Specify the application (client) id of the app registration.")
	case !own.given:
		return invalidSetting(own.name, "it is missing", "Specify it, or choose another kind of credential.")
	}
	return nil
}

// clientOptions turns off azcore's retries, because the gate has its own, and its
// telemetry header.
func clientOptions(hosts endpoints, transport policy.Transporter) policy.ClientOptions {
	return policy.ClientOptions{
		Cloud:     cloud.Configuration{ActiveDirectoryAuthorityHost: hosts.authority + "/"},
		Retry:     policy.RetryOptions{MaxRetries: -1},
		Telemetry: policy.TelemetryOptions{Disabled: true},
		Transport: transport,
	}
}

func workloadIdentity(config contract.SourceConfig, hosts endpoints, options policy.ClientOptions) (azcore.TokenCredential, error) {
	if config.FederatedTokenFile != "" {
		if _, err := readSmallFile(config.FederatedTokenFile); err != nil {
			return nil, &contract.Error{
				Category: contract.ObjectNotFound, ID: "FederatedTokenFileInvalid", Object: config.FederatedTokenFile, Err: err,
				Message: "The workload identity's token file cannot be read.",
				Advice:  "Check the path and the permissions of the file. On Kubernetes, check that the pod is labelled for workload identity.",
			}
		}
	}
	return azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{
		ClientOptions: options, DisableInstanceDiscovery: hosts.private,
		TenantID: config.TenantID, ClientID: config.ClientID, TokenFilePath: config.FederatedTokenFile,
	})
}

// managedIdentity asks the machine's own endpoint, without a proxy. On a machine
// without a managed identity the endpoint does not answer at all.
func managedIdentity(config contract.SourceConfig, f *failure) (azcore.TokenCredential, error) {
	wire := &http.Transport{
		DialContext:         (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Minute,
	}
	options := &azidentity.ManagedIdentityCredentialOptions{ClientOptions: policy.ClientOptions{
		Retry:     policy.RetryOptions{MaxRetries: -1},
		Telemetry: policy.TelemetryOptions{Disabled: true},
		Transport: client(wire,
			noted{f}, &gate{attempts: 3, patience: 5 * time.Minute}, dateRepair{}, buffered{limit: maxSignIn, timeout: 30 * time.Second}),
	}}
	if config.ClientID != "" {
		options.ID = azidentity.ClientID(config.ClientID)
	}
	credential, err := azidentity.NewManagedIdentityCredential(options)
	if err != nil {
		return nil, identityUnavailable(clean(err.Error()), nil)
	}
	return credential, nil
}

func identityUnavailable(what string, err error) error {
	return &contract.Error{
		Category: contract.Authentication, ID: "ManagedIdentityUnavailable", Object: "managed identity", Err: err,
		Message: "The managed identity returned no token: " + what + ".",
		Advice: "Check that the identity is enabled for this machine, Arc server or Automation account (a hybrid worker offers only the account's system-assigned identity), " +
			"and that this account can use it. Alternatively, pass an access token.",
	}
}

// signedCredential signs in with a certificate whose key stays with its holder. MSAL
// accepts only RSA private keys and no signer, so the assertion is made here.
func signedCredential(config contract.SourceConfig, hosts endpoints, options policy.ClientOptions, f *failure) (azcore.TokenCredential, error) {
	a, err := newAssertion(config, hosts)
	if err != nil {
		return nil, err
	}
	return azidentity.NewClientAssertionCredential(config.TenantID, config.ClientID,
		func(ctx context.Context) (string, error) {
			signed, err := a.sign(ctx, time.Now())
			return signed, f.set(err)
		},
		&azidentity.ClientAssertionCredentialOptions{ClientOptions: options, DisableInstanceDiscovery: hosts.private})
}
