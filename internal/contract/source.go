package contract

import (
	"context"
	"time"

	"groupwriteback/internal/directory"
)

func (c SourceConfig) WithoutSecrets() SourceConfig {
	c.Secret, c.CertificatePassword, c.AccessToken = Secret{}, Secret{}, Secret{}
	return c
}

// Source reads the groups of an Entra tenant. Its methods may be called from
// several goroutines; the functions that they are given are called from one at
// a time and end the reading by returning an error.
//
// Every error is an [*Error] that names the Graph error code, the request id
// and the permission or setting to look at.
type Source interface {
	// Identify signs in and says whose tenant it is and what the token allows.
	Identify(ctx context.Context) (SourceIdentity, error)
	// Groups reads every group of the selection that is not synced from
	// on-premises, to the last page, or fails.
	Groups(ctx context.Context, selection SourceSelection, page func([]directory.SourceGroup) error) error
	// GroupsByID reads the named groups as Groups does; those that are not
	// there or not of the selection are left out, which proves nothing.
	GroupsByID(ctx context.Context, selection SourceSelection, ids []directory.GUID) ([]directory.SourceGroup, error)
	// GroupNatures tells what the named groups are, whatever they are; those that
	// the tenant does not show are left out.
	GroupNatures(ctx context.Context, ids []directory.GUID) (map[directory.GUID]NamedNature, error)
	// FindGroups returns the ids of the groups that have exactly this display
	// name or mail, without regard to case and to a blank at the ends, at most 20.
	FindGroups(ctx context.Context, text string) ([]directory.GUID, error)
	// Members reads the members of the groups with their join attributes, in
	// an order of its own choosing and several groups at a time; pages of one
	// group come in order. A group whose members cannot be read yields one
	// page with Err and does not end the others.
	Members(ctx context.Context, groups []directory.GUID, page func(MemberPage) error) error
	// MembersByID reads the join attributes of single members, in as few
	// requests as possible. Of the members given ID and Kind count. One that is
	// missing from the answer is unknown, not gone.
	MembersByID(ctx context.Context, members []directory.SourceMember) ([]directory.SourceMember, error)
	// GroupsOf tells of each of the users in which groups he is, directly or as a
	// member of others. Those of whom it cannot be told are left out.
	GroupsOf(ctx context.Context, users []directory.GUID) (map[directory.GUID][]directory.GUID, error)
	// Presence asks for each group singly whether the tenant still has it.
	Presence(ctx context.Context, selection SourceSelection, groups []directory.GUID) (map[directory.GUID]Presence, error)

	// StartDelta returns links from which GroupChanges and UserChanges tell
	// what happens from now on (deltatoken=latest). Taken is left zero.
	StartDelta(ctx context.Context) (DeltaLinks, error)
	// GroupChanges reads what has happened to groups since the link was given
	// out, to the last page, and returns the link to go on from. Groups of any
	// kind occur, and one group may occur several times, on several pages; what
	// is said of one group is in order. Error DeltaLinkExpired: only a full
	// import helps.
	GroupChanges(ctx context.Context, link string, page func([]GroupChange) error) (next string, err error)
	// UserChanges reads what has happened to users since, as GroupChanges does. One
	// that was restored comes as any other.
	UserChanges(ctx context.Context, link string, page func([]UserChange) error) (next string, err error)

	// NewGroupDefault tells whether Microsoft 365 groups without a
	// writebackConfiguration are written back: NewUnifiedGroupWritebackDefault of
	// the tenant (Graph beta). Yes where it is not set; Unknown where the token
	// may not read it.
	NewGroupDefault(ctx context.Context) (Tristate, error)
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

// SourceSelection says what of the tenant is read. The scope proper is decided
// by plan.Scope on what was read.
type SourceSelection struct {
	// SecurityGroups: cloud security groups without mail, beside Microsoft 365 groups.
	SecurityGroups bool
	// WritebackConfiguration is read with each group (Graph beta).
	WritebackConfiguration bool
}

// DeltaLinks are where the next delta import begins.
type DeltaLinks struct {
	Groups string    `json:"groups"`
	Users  string    `json:"users"`
	Taken  time.Time `json:"taken"`
	// Projection is what the links tell of, in a form for comparing: Graph keeps to
	// the properties that were selected when the first of them was asked for.
	Projection string `json:"projection,omitempty"`
}

// Removal says how a group left the tenant.
type Removal string

// The removals, as @removed gives them. RemovedChanged can be restored.
const (
	NotRemoved     Removal = ""
	RemovedChanged Removal = "changed"
	RemovedDeleted Removal = "deleted"
)

// GroupChange is what one entry of a delta says of a group. What is nil is not told
// and therefore unchanged; what points to an empty value has none any more.
type GroupChange struct {
	ID      directory.GUID
	Removed Removal
	// Kind is the kind of the group, empty for one that is never written (synced
	// from on-premises, or of another kind); nil where the entry does not tell.
	// Retyped: it may have changed, and the entry does not tell to which.
	Kind       *directory.GroupKind
	Retyped    bool `json:",omitempty"`
	Visibility *string
	// Properties are those that are told; one without values has none any more.
	Properties directory.Values
	// OnPremisesSID as in [directory.SourceGroup].
	OnPremisesSID *directory.SID
	// Members are the members added and removed, in the order given.
	Members []MemberChange
}

// UserChange is what one entry of a delta says of a user. What is nil is not told:
// it has not changed, or was never set.
type UserChange struct {
	ID directory.GUID
	// Deleted: the user is in the recycle bin, or gone for good.
	Deleted bool    `json:",omitempty"`
	Name    *string `json:",omitempty"` // user principal name
	Guest   *bool   `json:",omitempty"`
	Synced  *bool   `json:",omitempty"`
	// SID and ImmutableID as in [directory.SourceMember], but the SID as it was told.
	SID         *string `json:",omitempty"`
	ImmutableID *string `json:",omitempty"`
}

// MemberChange is a member that was added to a group, or removed from it.
type MemberChange struct {
	ID      directory.GUID
	Kind    directory.MemberKind
	Removed bool
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
	// PresenceContradicted is what is made of an answer that a delta within the lag
	// contradicts. No source says it.
	PresenceContradicted Presence = "contradicted"
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

// CredentialKinds are all kinds of credentials for the source.
var CredentialKinds = []CredentialKind{ClientSecret, ClientCertificate, CertificateThumbprint, ManagedIdentity, WorkloadIdentity, AccessToken}

// UnmarshalText reads a value whatever its letter case.
func (k *CredentialKind) UnmarshalText(text []byte) error {
	return directory.SetWord(k, text, CredentialKinds)
}

// SourceConfig is all that is needed to reach a tenant.
type SourceConfig struct {
	TenantID string
	ClientID string
	// Cloud is Global, USGov, USGovDoD or China; Authority and GraphEndpoint,
	// https URLs without a path, take the place of the cloud's own.
	Cloud         string
	Authority     string
	GraphEndpoint string
	// Properties are what is read of a group beside what tells what it is, by Graph's
	// names; nil: those of plan.Standard.
	Properties []string
	// CAFile is a file for [TrustedRoots], which are trusted in place of the
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
