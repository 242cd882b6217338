package contract

import (
	"context"
	"time"

	"groupwriteback/internal/directory"
)

// WithoutSecrets returns a copy of the configuration without its secrets.
func (c SourceConfig) WithoutSecrets() SourceConfig {
	c.Secret, c.CertificatePassword, c.AccessToken = Secret{}, Secret{}, Secret{}
	return c
}

// Source reads the groups of an Entra tenant. Its methods may be called from several
// goroutines. Each callback is called from one goroutine at a time and ends the reading
// by returning an error.
//
// Every error is an [*Error] that names the Graph error code, the request id, and the
// permission or setting to look at.
type Source interface {
	// Identify signs in and returns the tenant and what the token allows.
	Identify(ctx context.Context) (SourceIdentity, error)
	// Groups reads all groups of the selection that are not synchronised from
	// on-premises, up to the last page, or fails.
	Groups(ctx context.Context, selection SourceSelection, page func([]directory.SourceGroup) error) error
	// GroupsByID reads the given groups as Groups does. It leaves out groups that do not
	// exist or are outside the selection, so a missing group proves nothing.
	GroupsByID(ctx context.Context, selection SourceSelection, ids []directory.GUID) ([]directory.SourceGroup, error)
	// GroupNatures returns the nature of the given groups, whatever their kind. It leaves
	// out groups that the tenant does not show.
	GroupNatures(ctx context.Context, ids []directory.GUID) (map[directory.GUID]NamedNature, error)
	// FindGroups returns the ids of at most 20 groups with exactly this display name or
	// mail, ignoring letter case and leading and trailing blanks.
	FindGroups(ctx context.Context, text string) ([]directory.GUID, error)
	// Members reads the members of the groups with their join attributes, several groups
	// at a time and in any order. The pages of one group come in order. A group whose
	// members cannot be read yields one page with Err and does not stop the others.
	Members(ctx context.Context, groups []directory.GUID, page func(MemberPage) error) error
	// MembersByID reads the join attributes of single members in as few requests as
	// possible. Only ID and Kind of the arguments matter. A member missing from the
	// answer is unknown, not gone.
	MembersByID(ctx context.Context, members []directory.SourceMember) ([]directory.SourceMember, error)
	// GroupsOf returns for each user the groups that contain them, directly or through
	// other groups. It leaves out users for whom that cannot be determined.
	GroupsOf(ctx context.Context, users []directory.GUID) (map[directory.GUID][]directory.GUID, error)
	// MailSettings reads plan.SingleProperties, which Graph returns for one group at a
	// time only. It leaves out groups of which they cannot be read, and fails with the
	// category PermissionDenied if none can, because the application may not read them.
	MailSettings(ctx context.Context, groups []directory.GUID) (map[directory.GUID]directory.Values, error)
	// Owners reads the owners of the groups with their join attributes. It leaves out groups
	// whose owners cannot be read, and fails with the category PermissionDenied if the
	// application may not read those of any.
	Owners(ctx context.Context, groups []directory.GUID) (map[directory.GUID][]directory.SourceMember, error)
	// Presence asks for each group singly whether the tenant still has it.
	Presence(ctx context.Context, selection SourceSelection, groups []directory.GUID) (map[directory.GUID]directory.Presence, error)

	// StartDelta returns links from which GroupChanges and UserChanges report what
	// happens from now on (deltatoken=latest). Taken is left zero.
	StartDelta(ctx context.Context) (DeltaLinks, error)
	// GroupChanges reads what happened to groups since the link was issued, up to the
	// last page, and returns the link for the next call. Groups of any kind occur. A
	// group may occur several times, on several pages; its entries are in order. Error
	// DeltaLinkExpired: only a full import helps.
	GroupChanges(ctx context.Context, link string, page func([]GroupChange) error) (next string, err error)
	// UserChanges does the same for users. A restored user comes as any other user.
	UserChanges(ctx context.Context, link string, page func([]UserChange) error) (next string, err error)

	// NewGroupDefault returns whether Microsoft 365 groups without a
	// writebackConfiguration are written back: the tenant's
	// NewUnifiedGroupWritebackDefault (Graph beta). It returns Yes if that is not set and
	// Unknown if the token may not read it.
	NewGroupDefault(ctx context.Context) (Tristate, error)
	// ConnectWriteback returns whether Entra Connect's own group writeback is on in the
	// tenant, or Unknown if the token may not read it.
	ConnectWriteback(ctx context.Context) (Tristate, error)
	// SelectProperties chooses the properties that the methods above read of groups from
	// now on, in addition to those that tell what a group is. Nothing else may be read
	// meanwhile. A delta link reports the properties that were selected when it was taken.
	// With plan.PropertyOwners it also reports that the owners of a group changed.
	SelectProperties(properties []string)
	Close() error
}

// OpenSource creates a Source. It does not sign in yet.
type OpenSource func(ctx context.Context, config SourceConfig) (Source, error)

// SourceIdentity identifies the tenant that the source reads and the rights of its token.
type SourceIdentity struct {
	TenantID   directory.GUID
	TenantName string
	// VerifiedDomains are the tenant's domains; empty if they could not be read.
	VerifiedDomains []string
	// AppID is the application that the token was issued to; empty if unknown.
	AppID string
	// Roles are the application permissions in the token (claim "roles"), or the scopes
	// (claim "scp") of a delegated token.
	Roles []string
}

// SourceSelection says what is read from the tenant. plan.Scope then decides which of the
// groups are written.
type SourceSelection struct {
	// SecurityGroups adds cloud security groups without mail to the Microsoft 365 groups.
	SecurityGroups bool
	// WritebackConfiguration is read with each group (Graph beta).
	WritebackConfiguration bool
}

// DeltaLinks are where the next delta import begins.
type DeltaLinks struct {
	Groups string    `json:"groups"`
	Users  string    `json:"users"`
	Taken  time.Time `json:"taken"`
	// Projection identifies the properties that the links report, for comparison. Graph
	// keeps to the properties selected in the first request.
	Projection string `json:"projection,omitempty"`
	// Routing are the domains for which mail left Exchange by a connector when the links
	// were stored, for comparison; empty if no group is a recipient.
	Routing string `json:"routing,omitempty"`
}

// Removal says how a group left the tenant.
type Removal string

// The removals, as @removed gives them. RemovedChanged can be restored.
const (
	NotRemoved     Removal = ""
	RemovedChanged Removal = "changed"
	RemovedDeleted Removal = "deleted"
)

// GroupChange is what one delta entry says about a group. A nil field is not reported and
// therefore unchanged; a pointer to an empty value means that the value was removed.
type GroupChange struct {
	ID      directory.GUID
	Removed Removal
	// Kind is the kind of the group. It is empty for a group that is never written
	// (synchronised from on-premises, or of another kind), and nil if the entry does not
	// report it. Retyped means that the kind may have changed and the entry does not say
	// to which.
	Kind       *directory.GroupKind
	Retyped    bool `json:",omitempty"`
	Visibility *string
	// Owners means that owners were added or removed.
	Owners bool `json:",omitempty"`
	// Properties are the reported properties. A property without values was cleared.
	Properties directory.Values
	// OnPremisesSID is as in [directory.SourceGroup].
	OnPremisesSID *directory.SID
	// Members are the members added and removed, in the reported order.
	Members []MemberChange
}

// UserChange is what one delta entry says about a user. A nil field is not reported: it
// has not changed or was never set.
type UserChange struct {
	ID directory.GUID
	// Deleted means that the user is in the recycle bin or gone for good.
	Deleted bool    `json:",omitempty"`
	Name    *string `json:",omitempty"` // user principal name
	Guest   *bool   `json:",omitempty"`
	Synced  *bool   `json:",omitempty"`
	// SID and ImmutableID are as in [directory.SourceMember], but the SID is the reported
	// text.
	SID         *string `json:",omitempty"`
	ImmutableID *string `json:",omitempty"`
}

// MemberChange is a member that was added to a group or removed from it.
type MemberChange struct {
	ID      directory.GUID
	Kind    directory.MemberKind
	Removed bool
}

// MemberPage is a part of one group's members.
type MemberPage struct {
	Group   directory.GUID
	Members []directory.SourceMember
	// Last marks the page that completes the group's membership.
	Last bool
	// Err says why the membership could not be read completely; Last is then false.
	Err error
}

// Tristate is yes, no or unknown.
type Tristate string

// The values of a Tristate.
const (
	Yes     Tristate = "Yes"
	No      Tristate = "No"
	Unknown Tristate = "Unknown"
)

// CredentialKind says how the engine signs in to Entra.
type CredentialKind string

// The kinds of credentials for the source.
const (
	ClientSecret          CredentialKind = "ClientSecret"
	ClientCertificate     CredentialKind = "ClientCertificate"     // a PFX or PEM file
	CertificateThumbprint CredentialKind = "CertificateThumbprint" // the client signs, see Sign
	ManagedIdentity       CredentialKind = "ManagedIdentity"
	WorkloadIdentity      CredentialKind = "WorkloadIdentity"
	AccessToken           CredentialKind = "AccessToken"
)

// CredentialKinds are all kinds of credentials for the source.
var CredentialKinds = []CredentialKind{ClientSecret, ClientCertificate, CertificateThumbprint, ManagedIdentity, WorkloadIdentity, AccessToken}

// UnmarshalText ignores letter case.
func (k *CredentialKind) UnmarshalText(text []byte) error {
	return directory.SetWord(k, text, CredentialKinds)
}

// SourceConfig is everything that is needed to reach a tenant.
type SourceConfig struct {
	TenantID string
	ClientID string
	// Cloud is Global, USGov, USGovDoD or China. Authority and GraphEndpoint, https URLs
	// without a path, replace the URLs of the cloud.
	Cloud         string
	Authority     string
	GraphEndpoint string
	// Properties are the properties, by their Graph names, to read in addition to those
	// that identify a group and its kind; nil means those of plan.Standard.
	Properties []string
	// CAFile is a file for [TrustedRoots], whose certificates are trusted instead of the
	// system's for both endpoints. Empty means the system's.
	CAFile string

	Kind   CredentialKind
	Secret Secret // the client secret
	// CertificatePath names a PFX (PKCS #12) or PEM file with the private key.
	CertificatePath     string
	CertificatePassword Secret
	// Certificate is the public part in DER, for CertificateThumbprint. Sign has the
	// holder of the private key sign a SHA-256 digest with RSASSA-PSS or PKCS #1 v1.5
	// (padding is "Pss" or "Pkcs1").
	Certificate []byte
	Sign        func(ctx context.Context, digest []byte, padding string) ([]byte, error)
	// AccessToken is the first token. RefreshToken asks for another one when it has
	// expired and fails with AccessTokenExpired if there is none.
	AccessToken  Secret
	RefreshToken func(ctx context.Context) (Secret, time.Time, error)
	// FederatedTokenFile is the token file of a workload identity; empty means the path
	// in AZURE_FEDERATED_TOKEN_FILE.
	FederatedTokenFile string
}
