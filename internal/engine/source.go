package engine

import (
	"context"
	"time"

	"groupwriteback/internal/directory"
)

// Source reads the groups of an Entra tenant. Its methods may be called from
// several goroutines; the functions that they are given are called from one at
// a time and end the reading by returning an error.
//
// Every error is an [*Error] that names the Graph error code, the request id
// and the permission or setting to look at.
type Source interface {
	// Identify signs in and says whose tenant it is and what the token allows.
	Identify(ctx context.Context) (SourceIdentity, error)
	// Groups reads every Microsoft 365 group that is not synced from
	// on-premises, to the last page, or fails.
	Groups(ctx context.Context, page func([]directory.SourceGroup) error) error
	// Members reads the members of the groups with their join attributes, in
	// an order of its own choosing and several groups at a time; pages of one
	// group come in order. A group whose members cannot be read yields one
	// page with Err and does not end the others.
	Members(ctx context.Context, groups []directory.GUID, page func(MemberPage) error) error
	// Presence asks for each group singly whether the tenant still has it.
	Presence(ctx context.Context, groups []directory.GUID) (map[directory.GUID]Presence, error)
	// ConnectWriteback tells whether Entra Connect's own group writeback is
	// on in the tenant. Unknown where the token may not read it.
	ConnectWriteback(ctx context.Context) (Tristate, error)
	Close() error
}

// OpenSource makes a Source; it does not sign in yet.
type OpenSource func(ctx context.Context, config SourceConfig) (Source, error)

// SourceIdentity is whose tenant the source reads, and with which rights.
type SourceIdentity struct {
	TenantID   directory.GUID
	TenantName string
	// AppID is the application the token was issued to, empty if unknown.
	AppID string
	// Roles are the application permissions in the token (claim "roles"), or
	// for a delegated token its scopes (claim "scp").
	Roles []string
}

// MemberPage is a part of one group's members.
type MemberPage struct {
	Group   directory.GUID
	Members []directory.SourceMember
	// Last says that this page ends the group's membership.
	Last bool
	// Err says why the membership could not be read to its end; Last is false.
	Err error
}

// Presence is what the tenant says of a single group.
type Presence string

// The presences. PresenceUnknown is never taken for an absence, and
// PresenceFound says that a list which lacked the group was not whole.
const (
	PresenceFound       Presence = "present"
	PresenceOutOfScope  Presence = "out-of-scope" // there, but no longer one that is written
	PresenceSoftDeleted Presence = "soft-deleted"
	PresenceHardDeleted Presence = "hard-deleted"
	PresenceUnknown     Presence = "unknown"
)

// Tristate is a yes or no that may be unknown.
type Tristate string

// The values of a Tristate.
const (
	Yes     Tristate = "yes"
	No      Tristate = "no"
	Unknown Tristate = "unknown"
)

// CredentialKind says how the engine signs in to Entra.
type CredentialKind string

// The kinds of credentials for the source.
const (
	ClientSecret          CredentialKind = "clientSecret"
	ClientCertificate     CredentialKind = "clientCertificate"     // a PFX or PEM file
	CertificateThumbprint CredentialKind = "certificateThumbprint" // the client signs, see Sign
	ManagedIdentity       CredentialKind = "managedIdentity"
	WorkloadIdentity      CredentialKind = "workloadIdentity"
	AccessToken           CredentialKind = "accessToken"
)

// SourceConfig is all that is needed to reach a tenant.
type SourceConfig struct {
	TenantID string
	ClientID string
	// Cloud is Global, USGov, USGovDoD or China; Authority and GraphEndpoint,
	// https URLs without a path, take the place of the cloud's own.
	Cloud         string
	Authority     string
	GraphEndpoint string
	// CAFile is a PEM file of certificates that are trusted in place of the
	// system's, for both endpoints. Empty: the system's.
	CAFile string

	Kind   CredentialKind
	Secret Secret // the client secret
	// CertificatePath names a PFX (PKCS #12) or PEM file with the private key.
	CertificatePath     string
	CertificatePassword Secret
	// Certificate is the public part in DER for CertificateThumbprint, and Sign
	// has the holder of the private key sign a SHA-256 digest with RSASSA-PSS or
	// PKCS #1 v1.5 (padding is "PSS" or "PKCS1").
	Certificate []byte
	Sign        func(ctx context.Context, digest []byte, padding string) ([]byte, error)
	// AccessToken is the first token, and RefreshToken asks for another when it
	// has run out; it answers with the AccessTokenExpired error when there is none.
	AccessToken  Secret
	RefreshToken func(ctx context.Context) (Secret, time.Time, error)
	// FederatedTokenFile is the file of a workload identity; empty: the path
	// in AZURE_FEDERATED_TOKEN_FILE.
	FederatedTokenFile string
}
