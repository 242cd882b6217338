package stdio

import (
	"context"
	"encoding/base64"
	"strings"
	"time"

	"groupwriteback/internal/command"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

type connectParams struct {
	Source *sourceParams `json:"source"`
	Target *targetParams `json:"target"`
}

type sourceParams struct {
	TenantID      string          `json:"tenantId"`
	ClientID      string          `json:"clientId"`
	Environment   directory.Cloud `json:"environment"`
	Authority     string          `json:"authority"`
	GraphEndpoint string          `json:"graphEndpoint"`
	CAFile        string          `json:"caFile"`
	Credential    struct {
		Kind                contract.CredentialKind `json:"kind"`
		Secret              contract.Secret         `json:"secret"`
		CertificatePath     string                  `json:"certificatePath"`
		CertificatePassword contract.Secret         `json:"certificatePassword"`
		Thumbprint          string                  `json:"thumbprint"`
		Certificate         string                  `json:"certificate"`
		FederatedTokenFile  string                  `json:"federatedTokenFile"`
		AccessToken         contract.Secret         `json:"accessToken"`
		CanRefresh          bool                    `json:"canRefresh"`
	} `json:"credential"`
}

type targetParams struct {
	Server     string `json:"server"`
	StartTLS   bool   `json:"startTls"`
	CAFile     string `json:"caFile"`
	Credential struct {
		Kind     contract.AuthKind `json:"kind"`
		User     string            `json:"user"`
		Password contract.Secret   `json:"password"`
		Keytab   string            `json:"keytab"`
		Realm    string            `json:"realm"`
		Krb5Conf string            `json:"krb5Conf"`
	} `json:"credential"`
}

func (s *session) connect(ctx context.Context, e Engine, p connectParams) (any, error) {
	if p.Source == nil && p.Target == nil {
		return nil, invalidParameter("params", "Neither source nor target is specified.", "Specify the tenant, Active Directory, or both.")
	}
	var source *contract.SourceConfig
	var target *contract.TargetConfig
	var err error
	if p.Source != nil {
		if source, err = s.sourceConfig(p.Source); err != nil {
			return nil, err
		}
	}
	if p.Target != nil {
		if p.Target.Server == "" {
			return nil, missing("target.server")
		}
		if target, err = p.Target.config(); err != nil {
			return nil, err
		}
	}
	info, err := e.Connect(ctx, source, target)
	return connection(info), err
}

// connection turns a nil list of roles into an empty one, so that JSON has a list.
func connection(info command.ConnectionInfo) command.ConnectionInfo {
	if info.Source != nil && info.Source.Roles == nil {
		info.Source.Roles = []string{}
	}
	return info
}

func (s *session) sourceConfig(p *sourceParams) (*contract.SourceConfig, error) {
	if err := contract.CheckOneOf("source.environment", p.Environment, directory.Clouds); err != nil {
		return nil, err
	}
	if p.Environment == "" {
		p.Environment = directory.Clouds[0]
	}
	p.TenantID, p.ClientID = strings.TrimSpace(p.TenantID), strings.TrimSpace(p.ClientID)
	c := &p.Credential
	err := checkCredential("source.credential", string(c.Kind), sourceCredentials, []given{
		{"secret", !c.Secret.IsZero()}, {"certificatePath", c.CertificatePath != ""}, {"certificatePassword", !c.CertificatePassword.IsZero()},
		{"thumbprint", c.Thumbprint != ""}, {"certificate", c.Certificate != ""}, {"federatedTokenFile", c.FederatedTokenFile != ""},
		{"accessToken", !c.AccessToken.IsZero()}, {"canRefresh", c.CanRefresh},
	})
	if err != nil {
		return nil, err
	}
	if p.TenantID == "" && c.Kind != contract.AccessToken && c.Kind != contract.ManagedIdentity {
		return nil, missing("source.tenantId")
	}
	if p.ClientID == "" && (c.Kind == contract.ClientSecret || c.Kind == contract.ClientCertificate || c.Kind == contract.CertificateThumbprint) {
		return nil, missing("source.clientId")
	}
	config := &contract.SourceConfig{
		TenantID: p.TenantID, ClientID: p.ClientID, Cloud: string(p.Environment), Authority: p.Authority, GraphEndpoint: p.GraphEndpoint, CAFile: p.CAFile,
		Kind: c.Kind, Secret: c.Secret, CertificatePath: c.CertificatePath, CertificatePassword: c.CertificatePassword,
		AccessToken: c.AccessToken, FederatedTokenFile: c.FederatedTokenFile,
	}
	switch {
	case c.Kind == contract.CertificateThumbprint:
		if config.Certificate, err = base64.StdEncoding.DecodeString(c.Certificate); err != nil {
			return nil, invalidParameter("source.credential.certificate", "The certificate is not valid base64.", "Specify the DER form of the certificate in base64.")
		}
		config.Sign = func(ctx context.Context, digest []byte, padding string) ([]byte, error) {
			return s.sign(ctx, c.Thumbprint, digest, padding)
		}
	case c.CanRefresh:
		resource := p.GraphEndpoint
		if resource == "" {
			hosts, _ := p.Environment.Endpoints()
			resource = hosts.Graph
		}
		config.RefreshToken = func(ctx context.Context) (contract.Secret, time.Time, error) {
			return s.freshToken(ctx, p.TenantID, resource)
		}
	}
	return config, nil
}

func (p *targetParams) config() (*contract.TargetConfig, error) {
	c := &p.Credential
	err := checkCredential("target.credential", string(c.Kind), targetCredentials, []given{
		{"user", c.User != ""}, {"password", !c.Password.IsZero()}, {"keytab", c.Keytab != ""}, {"realm", c.Realm != ""}, {"krb5Conf", c.Krb5Conf != ""},
	})
	if err != nil {
		return nil, err
	}
	return &contract.TargetConfig{Server: p.Server, StartTLS: p.StartTLS, CAFile: p.CAFile,
		Kind: c.Kind, User: c.User, Password: c.Password, Keytab: c.Keytab, Realm: c.Realm, Krb5Conf: c.Krb5Conf}, nil
}
