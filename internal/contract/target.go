package contract

import (
	"context"

	"groupwriteback/internal/directory"
	"groupwriteback/internal/exchange"
	"groupwriteback/internal/plan"
)

// WithoutSecrets returns a copy of the configuration without its password.
func (c TargetConfig) WithoutSecrets() TargetConfig {
	c.Password = Secret{}
	return c
}

// Domain returns the reference to the domain.
func (id *TargetIdentity) Domain() DomainRef {
	return DomainRef{GUID: id.DomainGUID, SID: id.DomainSID, Name: id.DomainName}
}

// Protected returns an error if the container holds objects that the domain depends on.
func (c *Container) Protected(id *TargetIdentity) error {
	dn, errDN := directory.ParseDN(c.DN)
	base, errBase := directory.ParseDN(id.BaseDN)
	if errDN != nil || errBase != nil || !c.Critical && !plan.ProtectedContainer(dn, base) {
		return nil
	}
	return &Error{Category: InvalidArgument, ID: "ContainerProtected", Object: c.DN,
		Message: "Groups cannot be written to this container, because the domain keeps its system objects there.",
		Advice:  "Choose a separate organisational unit with -TargetContainer. The next sync moves our groups there. Disable-GroupWriteback deletes them in either place."}
}

// Target is an Active Directory domain, on one writable domain controller from opening to
// closing. Its methods may be called from several goroutines.
type Target interface {
	TargetReader
	// Writer returns a writer that works as long as the lease holds.
	Writer(lease Lease) TargetWriter
	// SelectAttributes chooses the attributes that are read of groups from now on, as
	// [TargetConfig.Attributes] does at the beginning, and returns what the schema says
	// about them, which Identify returns from then on. Nothing else may be read meanwhile.
	SelectAttributes(ctx context.Context, attributes []string) (plan.Schema, error)
	Close() error
}

// Lease is the right to write. The target checks it before each request that changes
// something, including every request of a change that takes several requests or is
// repeated (rule 18). An error means that nothing more may be written. A nil Lease always
// holds.
type Lease func(ctx context.Context) error

// Holds returns an error if the lease no longer holds.
func (l Lease) Holds(ctx context.Context) error {
	if l == nil {
		return nil
	}
	return l(ctx)
}

// Extent says how much of a group is read.
type Extent int

const (
	HeaderOnly  Extent = iota // everything but the members
	WithMembers               // the whole membership, too
)

// TargetReader reads from AD. A read that could not be completed is an error (id
// IncompleteRead), never a shorter answer.
type TargetReader interface {
	RightsReader
	// Identify returns the domain and the domain controller.
	Identify(ctx context.Context) (TargetIdentity, error)
	// Container finds a container by its objectGUID or, if guid is zero, by its DN, and
	// returns what the account may do there. Errors: ContainerNotFound,
	// ContainerOutsideDomain, ContainerUnreadable.
	Container(ctx context.Context, dn string, guid directory.GUID) (Container, error)
	// AttributeSchemas returns what the schema says about the attributes, whether or not
	// groups can have them. It leaves out attributes that the schema does not have.
	AttributeSchemas(ctx context.Context, attributes []string) (plan.Schema, error)
	// Groups reads every group below the container that carries a mark, with its whole
	// membership or only its header. It calls each from one goroutine at a time.
	Groups(ctx context.Context, container directory.GUID, extent Extent, each func(directory.TargetGroup) error) error
	// GroupsByGUID reads the given objects wherever they are in the domain, at most 1,000
	// for each call, with their whole membership or without members. It leaves out
	// objects that do not exist, are deleted, or are not groups. It calls each once for
	// every other object, in any order, from one goroutine at a time.
	GroupsByGUID(ctx context.Context, guids []directory.GUID, extent Extent, each func(directory.TargetGroup) error) error
	// Snapshots reads all that the account can read of the given groups, at most 1,000 for
	// each call, but their members and what is computed from other objects. It leaves out
	// objects that do not exist or are not groups.
	Snapshots(ctx context.Context, guids []directory.GUID, each func(Snapshot) error) error
	// GroupByRanges reads one group with its whole membership, however large. It keeps the
	// names and SIDs only of members that are not among known, which is ascending. ok is
	// false if there is no such group.
	GroupByRanges(ctx context.Context, guid directory.GUID, known []directory.GUID) (group directory.TargetGroup, ok bool, err error)
	// StampedGroups reads every group of the domain, wherever it is, that carries a mark
	// and this value of extensionName, without members.
	StampedGroups(ctx context.Context, stamp string, each func(directory.TargetGroup) error) error
	// Owners returns the owners of these objects, at most 1,000 for each call. It leaves
	// out objects that do not exist or whose owner the account may not read.
	Owners(ctx context.Context, guids []directory.GUID) (map[directory.GUID]Principal, error)
	// Principal finds an account by its SID, DOMAIN\name, name@domain, sAMAccountName or
	// DN. For a SID it need not know more than the SID. Errors: AccountNotFound,
	// AccountAmbiguous.
	Principal(ctx context.Context, name string) (Principal, error)
	// ChangedGroups reads every group of the domain, marked or not, whose uSNChanged is
	// greater than since, without members (rule 13).
	ChangedGroups(ctx context.Context, since int64, each func(directory.TargetGroup) error) error
	// DeletedGroups reads the objectGUIDs of the groups that were deleted with a
	// uSNChanged greater than since. It works only if Identify returns DeletedVisible,
	// and fails with DeletedNotVisible otherwise.
	DeletedGroups(ctx context.Context, since int64, each func(directory.GUID) error) error
	// Deleted returns those of the groups, at most 1,000 for each call, that were deleted
	// and of which something is left. Error DeletedNotVisible: the account cannot tell.
	Deleted(ctx context.Context, guids []directory.GUID) ([]DeletedGroup, error)
	// MarkedGroups lists the objectGUIDs of all marked groups below the container and
	// reads nothing else of them (rule 9).
	MarkedGroups(ctx context.Context, container directory.GUID, each func(directory.GUID) error) error
	// Created finds groups that were just created directly below parent, by the
	// sAMAccountName, mark and stamp among their attributes and by their owner, which
	// must be the account itself. The answer has one element for each group, in order; it
	// is zero if there is no such group.
	Created(ctx context.Context, parent directory.GUID, groups [][]plan.AttributeChange) ([]Created, error)
	// ReplicatedUSN returns the USN up to which this domain controller has received the
	// changes of the one with that invocationId. known is false if it has no cursor for
	// it (rule 12).
	ReplicatedUSN(ctx context.Context, invocation directory.GUID) (usn int64, known bool, err error)
	// Resolve finds the objects that cloud members stand for, in as few searches as
	// possible. The answer has one element for each member, in order. A member whom only
	// ResolveRest may still find is ReasonUnresolved.
	Resolve(ctx context.Context, members []directory.SourceMember) ([]Resolution, error)
	// ResolveRest finds members that Resolve has left, by what the directory has no index
	// of. Each search walks through the whole domain, for at most 500 members, so it pays
	// to ask for all of them at once.
	ResolveRest(ctx context.Context, members []directory.SourceMember) ([]Resolution, error)
	// Holders returns which of the names are taken: each cn among the direct children of
	// the container, each sAMAccountName in the whole domain. An object of any class
	// holds a name. Names that are free are left out.
	Holders(ctx context.Context, container directory.GUID, names []Name) ([]Holder, error)
	// AddressHolders finds the objects of the forest that hold these addresses or
	// aliases, which are keys of [plan.AddressKeys]. It asks a global catalog unless the
	// forest has one domain only. Error NoGlobalCatalog: none answers.
	AddressHolders(ctx context.Context, keys []string) (map[string][]plan.Holder, error)
	// BySID finds the objects with these SIDs in the domain (rule 25).
	BySID(ctx context.Context, sids []directory.SID) (map[directory.SID]directory.MemberRef, error)
	// Exchange returns what the configuration partition says about Exchange. It reads it
	// anew each time; a forest without Exchange costs one search at most. A part that
	// cannot be read is in Unread and is no error.
	Exchange(ctx context.Context) (*exchange.Organization, error)
	// Recipients returns what Exchange has made of the given groups, at most 1,000 for
	// each call, in any order. It leaves out objects that do not exist or are not groups,
	// and does not set GroupID.
	Recipients(ctx context.Context, guids []directory.GUID) ([]exchange.Recipient, error)
	// Audit returns what the account could do elsewhere, and who else could change the
	// groups of the container.
	Audit(ctx context.Context, container directory.GUID) (Audit, error)
	// PrimaryMembers finds the accounts whose primary group has this SID. They are
	// members of it without a value of member.
	PrimaryMembers(ctx context.Context, group directory.SID) ([]directory.MemberRef, error)
	// CheckMembers returns which of the wanted values are missing from the group and
	// which of the unwanted values are still there, without reading the rest.
	CheckMembers(ctx context.Context, group directory.GUID, wanted, unwanted []directory.MemberRef) (missing, lingering []directory.GUID, err error)
}

// TargetWriter writes one object at a time. If the answer to a write was lost, the error
// has the id OutcomeUnknown, and the caller looks before it repeats the write.
type TargetWriter interface {
	RightsWriter
	// Create adds a group below parent with the attributes (including cn) and the first
	// members in one operation; [TargetReader.Created] returns its objectGUID. Errors:
	// NameClash (Object is the DN that holds the name), AccessDenied, … Create settles a
	// lost answer or an entryAlreadyExists by looking: an object of that name with the
	// same mark and stamp that belongs to the account counts as created. Members that the
	// directory refuses are returned, each with its reason, and do not prevent the group
	// from being created with the others. If Create fails, the group may exist with some
	// of its members.
	Create(ctx context.Context, parent directory.GUID, attributes []plan.AttributeChange, members []directory.MemberRef) ([]Refusal, error)
	// Modify writes attributes other than cn and member. An empty New removes the
	// attribute.
	Modify(ctx context.Context, group directory.GUID, attributes []plan.AttributeChange) error
	// Rename gives the group another cn and, if parent is not zero, another container, in
	// one ModifyDN. It returns the new DN.
	Rename(ctx context.Context, group directory.GUID, cn string, parent directory.GUID) (dn string, err error)
	// ChangeMembers adds and removes values of member in chunks, with permissive modify.
	// It returns the values that the directory refused, each with its reason. err is set
	// if the operation could not go on.
	ChangeMembers(ctx context.Context, group directory.GUID, add, remove []directory.MemberRef) (refused []Refusal, err error)
	// Undelete brings a deleted group back below parent and writes the attributes, without
	// cn and member, in one operation (MS-ADTS 3.1.1.5.3.7). It returns the DN. Errors:
	// NameClash, ContainerNotFound, AccessDenied, GroupNotFound, …
	Undelete(ctx context.Context, group DeletedGroup, parent directory.GUID, cn string, attributes []plan.AttributeChange) (dn string, err error)
	// Delete removes the group. It is not an error if the object is already gone.
	Delete(ctx context.Context, group directory.GUID) error
}

// OpenTarget connects and binds, at first on one connection (rule 19).
type OpenTarget func(ctx context.Context, config TargetConfig) (Target, error)

// TargetIdentity is what rule 12 pins and what a state belongs to.
type TargetIdentity struct {
	DomainGUID directory.GUID
	DomainSID  directory.SID
	DomainName string // DNS name, contoso.com
	BaseDN     string
	// Server is the host name of the domain controller in use.
	Server        string
	DSServiceName string
	InvocationID  directory.GUID
	// HighestUSN is highestCommittedUSN at the time of the call.
	HighestUSN int64
	// Account is the user of the connection, as returned by whoami, and AccountSID is its
	// SID.
	Account    string
	AccountSID directory.SID
	// ForestSID is the SID of the forest's root domain; empty if unknown.
	ForestSID directory.SID
	Schema    Schema
	// DeletedVisible reports whether the account sees deleted objects (rule 9).
	DeletedVisible bool
}

// Schema is the part of the schema that affects what is written.
type Schema struct {
	ObjectVersion int
	// ExternalID reports whether msDS-ExternalDirectoryObjectId may be written to groups.
	ExternalID bool
	// Exchange reports whether the forest has the Exchange schema; ExchangeVersion is the
	// rangeUpper of ms-Exch-Schema-Version-Pt.
	Exchange        bool
	ExchangeVersion int
	// Attributes is what the schema says about the attributes that are read.
	Attributes plan.Schema
}

// Audit is what the command Test reports about rights in Active Directory.
type Audit struct {
	// Token is false if the server does not return the groups of the account.
	Token bool
	// TierZero lists the groups of the account that administer the domain.
	TierZero []string
	// Outside is what the account may change outside of the container.
	Outside []OutsideRight
	// Others may create or change groups; Unreadable counts the objects whose access
	// control lists the account may not read.
	Others     []Meddler
	Unreadable int
}

// OutsideRight is what the account may do to an object outside of the container: create
// child objects of these classes, write these attributes, or grant itself all rights.
type OutsideRight struct {
	DN            string
	Create, Write []string
	Control       bool
	// Restore says that it may restore deleted objects, at the head of the domain.
	Restore bool
}

// Meddler is another principal that may create or change groups. DN is the first object
// that grants it, and Objects is the number of such objects.
type Meddler struct {
	Principal
	Create, Change bool
	DN             string
	Objects        int
}

// Resolution is the on-premises object that a cloud member stands for.
type Resolution struct {
	MemberID directory.GUID
	// Ref is set if Reason is ReasonJoined.
	Ref    directory.MemberRef
	Reason directory.Reason
}

// Name is the pair of names that a group will get. An empty name is not looked up.
type Name struct {
	CN             string
	SAMAccountName string
}

// Holder is an object that has one of the requested names.
type Holder struct {
	GUID           directory.GUID
	DN             string
	CN             string // set if the object is a direct child of the container
	SAMAccountName string
}

// Created is a group that was just created.
type Created struct {
	GUID directory.GUID
	DN   string
}

// AuthKind says how the engine binds to Active Directory.
type AuthKind string

// The ways to bind.
const (
	SimpleBind       AuthKind = "Simple"
	KerberosPassword AuthKind = "KerberosPassword"
	KerberosKeytab   AuthKind = "KerberosKeytab"
	CurrentIdentity  AuthKind = "CurrentIdentity" // SSPI, Windows only
)

// AuthKinds are all ways to bind.
var AuthKinds = []AuthKind{SimpleBind, KerberosPassword, KerberosKeytab, CurrentIdentity}

// UnmarshalText ignores letter case.
func (k *AuthKind) UnmarshalText(text []byte) error { return directory.SetWord(k, text, AuthKinds) }

// TargetConfig is everything that is needed to reach a domain controller.
type TargetConfig struct {
	// Server is a host, host:port, or the DNS name of a domain, which is resolved once to
	// a writable domain controller.
	Server string
	// PreferredServer is the domain controller to try first if Server is the name of a
	// domain: the one of the previous run. Empty means none.
	PreferredServer string
	StartTLS        bool // on port 389 instead of LDAPS on 636
	// Attributes are the attributes to read in addition to those that show whose a group
	// is, as far as the schema has them; nil means those of [plan.Standard].
	Attributes []string
	// CAFile is a file for [TrustedRoots], whose certificates are trusted instead of the
	// system's. Empty means the system's. The server's certificate is always verified.
	CAFile string

	Kind     AuthKind
	User     string // user@domain, DOMAIN\user or a DN
	Password Secret
	Keytab   string // path
	Realm    string // for Kerberos; empty: from User
	Krb5Conf string // path; empty: KRB5_CONFIG, else the system's
}
