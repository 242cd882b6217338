package graph

import (
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// memberEntity is an object that can be a member, as Graph writes it: in a page of
// members, in a batch of users or groups, or in the delta of the users.
type memberEntity struct {
	Type                  string           `json:"@odata.type"` // only where objects of several types can occur
	ID                    directory.GUID   `json:"id"`
	DisplayName           optional[string] `json:"displayName"`
	UserPrincipalName     optional[string] `json:"userPrincipalName"`
	UserType              optional[string] `json:"userType"`
	OnPremisesSyncEnabled optional[bool]   `json:"onPremisesSyncEnabled"`
	OnPremisesSID         optional[string] `json:"onPremisesSecurityIdentifier"`
	OnPremisesImmutableID optional[string] `json:"onPremisesImmutableId"`

	Removed *removed `json:"@removed"`
}

// The properties of members that are users, that are groups, and of both.
var (
	userProperties = []string{
		"id", "userPrincipalName", "userType", "onPremisesSyncEnabled", "onPremisesSecurityIdentifier", "onPremisesImmutableId",
	}
	nestedProperties = []string{"id", "displayName", "onPremisesSyncEnabled", "onPremisesSecurityIdentifier"}
	memberProperties = []string{
		"id", "displayName", "userPrincipalName", "userType",
		"onPremisesSyncEnabled", "onPremisesSecurityIdentifier", "onPremisesImmutableId",
	}
)

const (
	typeUser  = "#microsoft.graph.user"
	typeGroup = "#microsoft.graph.group"
)

// check returns an error unless m is an object. An item that is null is nil.
func (m *memberEntity) check() error {
	switch {
	case m == nil:
		return errNull
	case m.ID.IsZero():
		return errNoID
	}
	return nil
}

// member converts the object to a member. A property that was left out counts as null.
// If the application lacks the permission for a type, Graph returns only type and id,
// and null for everything else. Every user has a user principal name and every group has
// a display name, so a member without one is not readable. Neither is a member without a
// type.
func (m *memberEntity) member() directory.SourceMember {
	member := directory.SourceMember{ID: m.ID, Kind: memberKind(m.Type)}
	switch m.Type {
	case typeUser:
		member.Name = m.UserPrincipalName.or("")
		member.Guest = isGuest(m.UserType.or(""))
		member.ImmutableID = m.OnPremisesImmutableID.or("")
	case typeGroup:
		member.Name = m.DisplayName.or("")
	default:
		if member.Kind == directory.KindOther {
			member.Readable, member.Name = true, m.DisplayName.or("")
		}
		return member
	}
	member.Readable = member.Name != ""
	member.Synced = m.OnPremisesSyncEnabled.or(false)
	member.SetSID(m.OnPremisesSID.or(""))
	return member
}

// change converts an entry of the delta of the users.
func (m *memberEntity) change() (contract.UserChange, error) {
	if err := m.check(); err != nil {
		return contract.UserChange{}, err
	}
	if m.Removed != nil {
		return contract.UserChange{ID: m.ID, Deleted: true}, nil
	}
	change := contract.UserChange{
		ID: m.ID, Name: m.UserPrincipalName.change(), Synced: m.OnPremisesSyncEnabled.change(),
		SID: m.OnPremisesSID.change(), ImmutableID: m.OnPremisesImmutableID.change(),
	}
	if kind := m.UserType.change(); kind != nil {
		guest := isGuest(*kind)
		change.Guest = &guest
	}
	return change, nil
}

func isGuest(userType string) bool { return userType == "Guest" }

// memberKind returns the kind of a member by its type. Only users and groups have
// accounts on-premises; other types, including those unknown here, such as agents,
// never do. A member without a type counts as a user, so that it is not taken for one
// without an account.
func memberKind(odataType string) directory.MemberKind {
	switch odataType {
	case typeGroup:
		return directory.KindGroup
	case typeUser, "#microsoft.graph.directoryObject", "":
		return directory.KindUser
	}
	return directory.KindOther
}
