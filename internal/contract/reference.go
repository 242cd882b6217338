package contract

import "groupwriteback/internal/directory"

// TenantRef names an Entra tenant.
type TenantRef struct {
	ID   directory.GUID `json:"id"`
	Name string         `json:"name,omitempty"`
}

// DomainRef names a domain of Active Directory by what never changes.
type DomainRef struct {
	GUID directory.GUID `json:"guid"`
	SID  directory.SID  `json:"sid"`
	Name string         `json:"name,omitempty"`
}

// Container is an organisational unit or container that holds our groups.
type Container struct {
	GUID directory.GUID `json:"guid"`
	DN   string         `json:"dn"`
	// CanCreate and CanDelete: groups may be created and deleted below it
	// (allowedChildClassesEffective; deletion is known only from a group).
	CanCreate bool `json:"canCreate"`
	// Critical is isCriticalSystemObject.
	Critical bool `json:"-"`
}

// Principal is an account or a group of accounts.
type Principal struct {
	SID  directory.SID `json:"sid"`
	Name string        `json:"name,omitempty"` // for people
}

// Link is a stored pair.
type Link struct {
	SourceID   directory.GUID `json:"sourceId"`
	TargetGUID directory.GUID `json:"targetGuid"`
	DN         string         `json:"dn"` // as last seen
	// Adopted groups were not made by us; Disable leaves them (rule 24).
	Adopted bool `json:"adopted"`
}

// Refusal is a member value that the directory did not take, or did not give up.
type Refusal struct {
	GUID   directory.GUID
	Reason directory.Reason
	Err    error
}

// Targets are the objects of the links.
func Targets(links []Link) []directory.GUID {
	out := make([]directory.GUID, len(links))
	for i, l := range links {
		out[i] = l.TargetGUID
	}
	return out
}
