package contract

import (
	"context"

	"groupwriteback/internal/descriptor"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/rights"
)

// RightsReader reads what a grant of rights depends on.
type RightsReader interface {
	// RightsSchema returns what entries of access control lists call the attributes of
	// groups.
	RightsSchema(ctx context.Context) (rights.Schema, error)
	// AccessList reads the access control list of an object. Error AccessListUnreadable.
	AccessList(ctx context.Context, object directory.GUID) (AccessList, error)
	// Account finds an account of the domain as Principal does, with its groups. Errors:
	// those of Principal, and AccountOfOtherDomain.
	Account(ctx context.Context, name string) (Account, error)
	// WithoutInheritance returns the groups below the container that inherit no rights
	// from it: at most limit of them, and how many there are.
	WithoutInheritance(ctx context.Context, container directory.GUID, limit int) (groups []Uninheriting, count int, err error)
	// SOAPolicy reads the policy by which domain controllers refuse changes of groups that
	// are marked as the cloud's.
	SOAPolicy(ctx context.Context) (SOAPolicy, error)
}

// RightsWriter writes rights.
type RightsWriter interface {
	// SetAccessList replaces the access control list of an object and no other part of
	// its descriptor.
	SetAccessList(ctx context.Context, object directory.GUID, list descriptor.Descriptor) error
}

// AccessList is the access control list of an object, without owner and audit list.
type AccessList struct {
	DN         string
	Descriptor descriptor.Descriptor
	// Changeable reports whether the account of the connection may change it.
	Changeable bool
	// Writable are the attributes that the account of the connection may write
	// (allowedAttributesEffective).
	Writable []string
}

// Account is an account of the domain.
type Account struct {
	Principal
	DN string
	// Token has its SID and those of its groups, as the domain controller counts them.
	Token descriptor.Token
}

// Uninheriting is a group that inherits no rights.
type Uninheriting struct {
	DN string
	// Administrative says that AdminSDHolder keeps it so (adminCount is 1).
	Administrative bool
}

// SOAPolicy is the enforcement of the cloud's authority over marked groups
// (msDS-ObjectSoa), CN=Cloud,CN=SOA-Policies,CN=System.
type SOAPolicy struct {
	// There reports whether the domain has the policy, and may be read by the account.
	There bool
	// Allowed are the accounts that may change marked groups.
	Allowed []directory.SID
}
