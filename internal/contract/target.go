package contract

import (
	"context"

	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

func (c TargetConfig) WithoutSecrets() TargetConfig {
	c.Password = Secret{}
	return c
}

func (id *TargetIdentity) Domain() DomainRef {
	return DomainRef{GUID: id.DomainGUID, SID: id.DomainSID, Name: id.DomainName}
}

// Protected refuses a container in which the domain keeps what it depends on.
func (c *Container) Protected(id *TargetIdentity) error {
	dn, errDN := directory.ParseDN(c.DN)
	base, errBase := directory.ParseDN(id.BaseDN)
	if errDN != nil || errBase != nil || !c.Critical && !plan.ProtectedContainer(dn, base) {
		return nil
	}
	return &Error{Category: InvalidArgument, ID: "ContainerProtected", Object: c.DN,
		Message: "Groups are not written to this container: it is one in which the domain keeps what it depends on.",
		Advice:  "Choose an organisational unit of its own with -TargetContainer. Groups of ours that stand here already are moved there by the next sync; Disable-GroupWriteback deletes them as anywhere."}
}

// Target is a domain of Active Directory, on one writable domain controller
// from opening to closing. Its methods may be called from several goroutines.
type Target interface {
	TargetReader
	// Writer writes for as long as the lease holds.
	Writer(lease Lease) TargetWriter
	Close() error
}

// Lease is the right to write. It is asked before each request that changes
// something, of a change that takes several, or is tried again, too (rule 18). An
// error means that nothing more may be written. nil is a lease that always holds.
type Lease func(ctx context.Context) error

// Holds asks the lease.
func (l Lease) Holds(ctx context.Context) error {
	if l == nil {
		return nil
	}
	return l(ctx)
}

// TargetReader reads. A read that could not be brought to its end is an error
// (id IncompleteRead), never a shorter answer.
type TargetReader interface {
	// Identify tells which domain and domain controller this is.
	Identify(ctx context.Context) (TargetIdentity, error)
	// Container finds a container by its DN or, when guid is not zero, by its
	// objectGUID, and tells what the account may do there. Errors:
	// ContainerNotFound, ContainerOutsideDomain, ContainerUnreadable.
	Container(ctx context.Context, dn string, guid directory.GUID) (Container, error)
	// Groups reads every group below the container that carries a mark, with
	// its whole membership or without members. each is called from one
	// goroutine at a time.
	Groups(ctx context.Context, container directory.GUID, members bool, each func(directory.TargetGroup) error) error
	// GroupsByGUID reads the named objects wherever they stand in the domain,
	// at most 1,000 a call, with their whole membership or without members. Those
	// that do not exist, are deleted, or are not groups are left out. each is
	// called once for every other, in any order, from one goroutine at a time.
	GroupsByGUID(ctx context.Context, guids []directory.GUID, members bool, each func(directory.TargetGroup) error) error
	// StampedGroups reads every group of the domain, wherever it stands, that
	// carries a mark and this value of extensionName, without members.
	StampedGroups(ctx context.Context, stamp string, each func(directory.TargetGroup) error) error
	// Owners tells who owns these objects, at most 1,000 a call. Those that do
	// not exist, and those whose owner the account may not read, are left out.
	Owners(ctx context.Context, guids []directory.GUID) (map[directory.GUID]Principal, error)
	// Principal finds an account by its SID, as DOMAIN\name, name@domain, or by
	// its sAMAccountName or DN; of a SID it need not know more than that. Errors:
	// AccountNotFound, AccountAmbiguous.
	Principal(ctx context.Context, name string) (Principal, error)
	// ChangedGroups reads every group of the domain, marked or not, whose
	// uSNChanged is above since, without members (rule 13).
	ChangedGroups(ctx context.Context, since int64, each func(directory.TargetGroup) error) error
	// DeletedGroups tells the objectGUIDs of the groups that were deleted with a
	// uSNChanged above since. Only where Identify says DeletedVisible; elsewhere
	// the error DeletedNotVisible.
	DeletedGroups(ctx context.Context, since int64, each func(directory.GUID) error) error
	// MarkedGroups lists the objectGUIDs of every marked group below the
	// container and nothing else of them (rule 9).
	MarkedGroups(ctx context.Context, container directory.GUID, each func(directory.GUID) error) error
	// Created finds groups that were just created, directly below parent, by the
	// sAMAccountName, mark and stamp among their attributes and by their owner: the
	// account itself. The answer has one element for each, in their order; zero
	// where there is no such group.
	Created(ctx context.Context, parent directory.GUID, groups [][]plan.AttributeChange) ([]Created, error)
	// ReplicatedUSN tells up to which USN this domain controller has received
	// the changes made on the one with that invocationId; known is false when it
	// has no cursor for it (rule 12).
	ReplicatedUSN(ctx context.Context, invocation directory.GUID) (usn int64, known bool, err error)
	// Resolve finds the objects that cloud members stand for, in as few
	// searches as possible. The answer has one element for each question, in
	// their order.
	Resolve(ctx context.Context, members []directory.SourceMember) ([]Resolution, error)
	// Holders tells which of the names are taken: each cn among the direct
	// children of the container, each sAMAccountName in the whole domain. Any
	// class of object holds a name. Names that are free are left out.
	Holders(ctx context.Context, container directory.GUID, names []Name) ([]Holder, error)
	// BySID finds the objects with these SIDs in the domain (rule 25).
	BySID(ctx context.Context, sids []directory.SID) (map[directory.SID]directory.MemberRef, error)
	// Audit tells what the account could do besides what it needs, who else could
	// do something to the groups of the container, and what the account may do to
	// one of them, or where group is zero, to one that it will create. attributes
	// are those that have to be written.
	Audit(ctx context.Context, container, group directory.GUID, attributes []string) (Audit, error)
	// PrimaryMembers finds the accounts whose primary group is the one of that
	// SID: they are its members without a value of member.
	PrimaryMembers(ctx context.Context, group directory.SID) ([]directory.MemberRef, error)
	// CheckMembers reports which of the wanted values are missing from the
	// group and which of the unwanted are still there, without reading the rest.
	CheckMembers(ctx context.Context, group directory.GUID, wanted, unwanted []directory.MemberRef) (missing, lingering []directory.GUID, err error)
}

// TargetWriter writes one object at a time. An error of a write whose answer
// was lost has the id OutcomeUnknown; the caller looks before it repeats.
type TargetWriter interface {
	// Create adds a group below parent with the attributes (cn among them) and
	// the first members in one operation; [TargetReader.Created] tells its
	// objectGUID. Errors: NameClash (Object is the DN that holds the name),
	// AccessDenied, … A lost answer or an entryAlreadyExists is settled by
	// looking: an object of that name with the same mark and stamp that belongs to
	// the account counts as created. Members that the directory refuses are returned, each with its
	// reason, and do not keep the group from being created with the others. With
	// an error the group may exist, with some of its members.
	Create(ctx context.Context, parent directory.GUID, attributes []plan.AttributeChange, members []directory.MemberRef) ([]Refusal, error)
	// Modify writes attributes other than cn and member. Empty New removes.
	Modify(ctx context.Context, group directory.GUID, attributes []plan.AttributeChange) error
	// Rename gives the group another cn and, when parent is not zero, another
	// container, by one ModifyDN. It returns the new DN.
	Rename(ctx context.Context, group directory.GUID, cn string, parent directory.GUID) (dn string, err error)
	// ChangeMembers adds and removes values of member in chunks, with
	// permissive modify. Values that the directory refuses are returned, each
	// with its reason; err is for what stopped the whole.
	ChangeMembers(ctx context.Context, group directory.GUID, add, remove []directory.MemberRef) (refused []Refusal, err error)
	// Delete removes the group. An object that is already gone is no error.
	Delete(ctx context.Context, group directory.GUID) error
}

// OpenTarget connects and binds, on one connection first (rule 19).
type OpenTarget func(ctx context.Context, config TargetConfig) (Target, error)

// TargetIdentity is what rule 12 pins and what a state belongs to.
type TargetIdentity struct {
	DomainGUID directory.GUID
	DomainSID  directory.SID
	DomainName string // DNS name, contoso.com
	BaseDN     string
	// Server is the host name of the domain controller that is used.
	Server        string
	DSServiceName string
	InvocationID  directory.GUID
	// HighestUSN is highestCommittedUSN at the time of the call.
	HighestUSN int64
	// Account is the user the connection is bound as, as whoami tells it, and
	// AccountSID its SID.
	Account    string
	AccountSID directory.SID
	// ForestSID is the SID of the forest's root domain; empty where it is not known.
	ForestSID directory.SID
	Schema    Schema
	// DeletedVisible says whether the account sees deleted objects (rule 9).
	DeletedVisible bool
}

// Schema is what of the schema matters to what is written.
type Schema struct {
	ObjectVersion int
	// ExternalID: msDS-ExternalDirectoryObjectId may be written to groups.
	ExternalID bool
	// Exchange: the forest has the Exchange schema; ExchangeVersion is the
	// rangeUpper of ms-Exch-Schema-Version-Pt.
	Exchange        bool
	ExchangeVersion int
	// Attributes is what it says of those that are read.
	Attributes plan.Schema
}

// Audit is what the command Test tells of rights in Active Directory.
type Audit struct {
	// Token is false where the server does not tell in which groups the account is.
	Token bool
	// TierZero are the groups of the account that administer the domain.
	TierZero []string
	// Outside is what the account may change outside of the container.
	Outside []OutsideRight
	// Others may create or change groups; Unreadable is the number of objects
	// whose access control lists the account may not read.
	Others     []Meddler
	Unreadable int
	Group      GroupRights
}

// OutsideRight is what the account may do to an object outside of the container:
// create objects of these classes below, write these attributes, or give itself
// all rights.
type OutsideRight struct {
	DN            string
	Create, Write []string
	Control       bool
}

// Meddler is somebody else who may create or change groups. DN is the first of
// the objects that say so, Objects their number.
type Meddler struct {
	Principal
	Create, Change bool
	DN             string
	Objects        int
}

// GroupRights is what the account may do to a group; DN is empty where there is
// none yet. Missing are attributes that it may not write. Delete counts only
// where Known says that the access control lists could be read.
type GroupRights struct {
	DN            string
	Missing       []string
	Known, Delete bool
}

// Resolution is who a cloud member is on-premises.
type Resolution struct {
	MemberID directory.GUID
	// Ref is set when Reason is ReasonJoined.
	Ref    directory.MemberRef
	Reason directory.Reason
}

// Name is a pair of names that a group is to have. Empty: not asked.
type Name struct {
	CN             string
	SAMAccountName string
}

// Holder is an object that has one of the names asked for.
type Holder struct {
	GUID           directory.GUID
	DN             string
	CN             string // set when the object is a direct child of the container
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
	SimpleBind       AuthKind = "simple"
	KerberosPassword AuthKind = "kerberosPassword"
	KerberosKeytab   AuthKind = "kerberosKeytab"
	CurrentIdentity  AuthKind = "currentIdentity" // SSPI, Windows only
)

// AuthKinds are all ways to bind.
var AuthKinds = []AuthKind{SimpleBind, KerberosPassword, KerberosKeytab, CurrentIdentity}

// UnmarshalText reads a value whatever its letter case.
func (k *AuthKind) UnmarshalText(text []byte) error { return directory.SetWord(k, text, AuthKinds) }

// TargetConfig is all that is needed to reach a domain controller.
type TargetConfig struct {
	// Server is a host, host:port, or the DNS name of a domain, which is
	// resolved once to a writable domain controller.
	Server string
	// PreferredServer is the domain controller to take first when Server is the
	// name of a domain: the one of the run before. Empty: none.
	PreferredServer string
	StartTLS        bool // on port 389 instead of LDAPS on 636
	// Attributes are read of each group beside what tells whose it is, as far as the
	// schema has them; nil: those of [plan.Standard].
	Attributes []string
	// CAFile is a file for [TrustedRoots], which are trusted in place of the
	// system's. Empty: the system's. The certificate is always verified.
	CAFile string

	Kind     AuthKind
	User     string // user@domain, DOMAIN\user or a DN
	Password Secret
	Keytab   string // path
	Realm    string // for Kerberos; empty: from User
	Krb5Conf string // path; empty: KRB5_CONFIG, else the system's
}
