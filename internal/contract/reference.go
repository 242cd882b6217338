package contract

import "groupwriteback/internal/directory"

// TenantRef names an Entra tenant.
type TenantRef struct {
	ID   directory.GUID `json:"id"`
	Name string         `json:"name,omitempty"`
}

// DomainRef identifies an Active Directory domain by what never changes.
type DomainRef struct {
	GUID directory.GUID `json:"guid"`
	SID  directory.SID  `json:"sid"`
	Name string         `json:"name,omitempty"`
}

// Container is an organisational unit or container that holds our groups.
type Container struct {
	GUID directory.GUID `json:"guid"`
	DN   string         `json:"dn"`
	// CanCreate reports whether the account may create groups below the container
	// (allowedChildClassesEffective). The right to delete is known only from a group.
	CanCreate bool `json:"canCreate"`
	// Critical is the value of isCriticalSystemObject.
	Critical bool `json:"-"`
}

// Principal is an account or a group of accounts.
type Principal struct {
	SID  directory.SID `json:"sid"`
	Name string        `json:"name,omitempty"` // for people
}

// Link is a stored pair of a cloud group and an AD object.
type Link struct {
	SourceID   directory.GUID `json:"sourceId"`
	TargetGUID directory.GUID `json:"targetGuid"`
	DN         string         `json:"dn"` // as last seen
	// Adopted is set for groups that we did not create. Disable leaves them (rule 24).
	Adopted bool `json:"adopted"`
	// Container is the container in which the object last was where it belongs; zero if
	// that is not known. Storing a link with zero keeps what is stored.
	Container directory.GUID `json:"-"`
}

// Target returns the objectGUID, which lists of links are sorted by.
func (l Link) Target() directory.GUID { return l.TargetGUID }

// Refusal is a member value that the directory refused to add or to remove.
type Refusal struct {
	GUID   directory.GUID
	Reason directory.Reason
	Err    error
}

// Targets returns the objectGUIDs of the links.
func Targets(links []Link) []directory.GUID {
	out := make([]directory.GUID, len(links))
	for i, l := range links {
		out[i] = l.TargetGUID
	}
	return out
}
