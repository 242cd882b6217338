package graphtest

import "encoding/json"

// The records below use the names that Microsoft Graph gives to its properties. The tag
// "graph" says when Graph returns a property:
//
//
//	default  without $select
//	select   only if named in $select
//	single   only if named in $select of GET /groups/{id}
//	beta     like default, but unknown to v1.0
//	-        not a property: it belongs to the seed
//
// An empty string, a nil pointer and a nil json.RawMessage are null. A list is
// never null.

// Group is a Microsoft 365, security or distribution group.
type Group struct {
	ID                            string          `json:"id,omitempty" graph:"default"`
	DeletedDateTime               string          `json:"deletedDateTime,omitempty" graph:"default"`
	Classification                string          `json:"classification,omitempty" graph:"default"`
	CreatedDateTime               string          `json:"createdDateTime,omitempty" graph:"default"`
	CreationOptions               []string        `json:"creationOptions,omitempty" graph:"default"`
	Description                   string          `json:"description,omitempty" graph:"default"`
	DisplayName                   string          `json:"displayName,omitempty" graph:"default"`
	ExpirationDateTime            string          `json:"expirationDateTime,omitempty" graph:"default"`
	GroupTypes                    []string        `json:"groupTypes,omitempty" graph:"default"`
	IsAssignableToRole            *bool           `json:"isAssignableToRole,omitempty" graph:"default"`
	Mail                          string          `json:"mail,omitempty" graph:"default"`
	MailEnabled                   *bool           `json:"mailEnabled,omitempty" graph:"default"`
	MailNickname                  string          `json:"mailNickname,omitempty" graph:"default"`
	MembershipRule                string          `json:"membershipRule,omitempty" graph:"default"`
	MembershipRuleProcessingState string          `json:"membershipRuleProcessingState,omitempty" graph:"default"`
	OnPremisesDomainName          string          `json:"onPremisesDomainName,omitempty" graph:"default"`
	OnPremisesLastSyncDateTime    string          `json:"onPremisesLastSyncDateTime,omitempty" graph:"default"`
	OnPremisesNetBiosName         string          `json:"onPremisesNetBiosName,omitempty" graph:"default"`
	OnPremisesSamAccountName      string          `json:"onPremisesSamAccountName,omitempty" graph:"default"`
	OnPremisesSecurityIdentifier  string          `json:"onPremisesSecurityIdentifier,omitempty" graph:"default"`
	OnPremisesSyncEnabled         *bool           `json:"onPremisesSyncEnabled,omitempty" graph:"default"`
	PreferredDataLocation         string          `json:"preferredDataLocation,omitempty" graph:"default"`
	PreferredLanguage             string          `json:"preferredLanguage,omitempty" graph:"default"`
	ProxyAddresses                []string        `json:"proxyAddresses,omitempty" graph:"default"`
	RenewedDateTime               string          `json:"renewedDateTime,omitempty" graph:"default"`
	ResourceBehaviorOptions       []string        `json:"resourceBehaviorOptions,omitempty" graph:"default"`
	ResourceProvisioningOptions   []string        `json:"resourceProvisioningOptions,omitempty" graph:"default"`
	SecurityEnabled               *bool           `json:"securityEnabled,omitempty" graph:"default"`
	SecurityIdentifier            string          `json:"securityIdentifier,omitempty" graph:"default"`
	Theme                         string          `json:"theme,omitempty" graph:"default"`
	UniqueName                    string          `json:"uniqueName,omitempty" graph:"default"`
	Visibility                    string          `json:"visibility,omitempty" graph:"default"`
	WritebackConfiguration        json.RawMessage `json:"writebackConfiguration,omitempty" graph:"beta"`

	AllowExternalSenders    *bool `json:"allowExternalSenders,omitempty" graph:"single"`
	AutoSubscribeNewMembers *bool `json:"autoSubscribeNewMembers,omitempty" graph:"single"`
	HideFromAddressLists    *bool `json:"hideFromAddressLists,omitempty" graph:"single"`
	HideFromOutlookClients  *bool `json:"hideFromOutlookClients,omitempty" graph:"single"`

	// Members names the members: an object id, or a user principal name,
	// sAMAccountName, mail address or display name that only one object has. A nil list
	// leaves the members of an existing group unchanged.
	Members []string `json:"members,omitempty" graph:"-"`
	// Owners names the owners in the same way.
	Owners []string `json:"owners,omitempty" graph:"-"`
	// Deleted makes the group begin in the deleted items.
	Deleted bool `json:"deleted,omitempty" graph:"-"`
}

// User is a user: synced from on-premises, cloud-only or a guest.
type User struct {
	ID                string   `json:"id,omitempty" graph:"default"`
	BusinessPhones    []string `json:"businessPhones,omitempty" graph:"default"`
	DisplayName       string   `json:"displayName,omitempty" graph:"default"`
	GivenName         string   `json:"givenName,omitempty" graph:"default"`
	JobTitle          string   `json:"jobTitle,omitempty" graph:"default"`
	Mail              string   `json:"mail,omitempty" graph:"default"`
	MobilePhone       string   `json:"mobilePhone,omitempty" graph:"default"`
	OfficeLocation    string   `json:"officeLocation,omitempty" graph:"default"`
	PreferredLanguage string   `json:"preferredLanguage,omitempty" graph:"default"`
	Surname           string   `json:"surname,omitempty" graph:"default"`
	UserPrincipalName string   `json:"userPrincipalName,omitempty" graph:"default"`

	AccountEnabled               *bool    `json:"accountEnabled,omitempty" graph:"select"`
	CreatedDateTime              string   `json:"createdDateTime,omitempty" graph:"select"`
	CreationType                 string   `json:"creationType,omitempty" graph:"select"`
	DeletedDateTime              string   `json:"deletedDateTime,omitempty" graph:"select"`
	ExternalUserState            string   `json:"externalUserState,omitempty" graph:"select"`
	MailNickname                 string   `json:"mailNickname,omitempty" graph:"select"`
	OnPremisesDistinguishedName  string   `json:"onPremisesDistinguishedName,omitempty" graph:"select"`
	OnPremisesDomainName         string   `json:"onPremisesDomainName,omitempty" graph:"select"`
	OnPremisesImmutableID        string   `json:"onPremisesImmutableId,omitempty" graph:"select"`
	OnPremisesLastSyncDateTime   string   `json:"onPremisesLastSyncDateTime,omitempty" graph:"select"`
	OnPremisesSamAccountName     string   `json:"onPremisesSamAccountName,omitempty" graph:"select"`
	OnPremisesSecurityIdentifier string   `json:"onPremisesSecurityIdentifier,omitempty" graph:"select"`
	OnPremisesSyncEnabled        *bool    `json:"onPremisesSyncEnabled,omitempty" graph:"select"`
	OnPremisesUserPrincipalName  string   `json:"onPremisesUserPrincipalName,omitempty" graph:"select"`
	ProxyAddresses               []string `json:"proxyAddresses,omitempty" graph:"select"`
	SecurityIdentifier           string   `json:"securityIdentifier,omitempty" graph:"select"`
	UserType                     string   `json:"userType,omitempty" graph:"select"`
}

// Device is a device that is a group member.
type Device struct {
	ID                           string `json:"id,omitempty" graph:"default"`
	AccountEnabled               *bool  `json:"accountEnabled,omitempty" graph:"default"`
	DeviceID                     string `json:"deviceId,omitempty" graph:"default"`
	DisplayName                  string `json:"displayName,omitempty" graph:"default"`
	OnPremisesSecurityIdentifier string `json:"onPremisesSecurityIdentifier,omitempty" graph:"default"`
	OnPremisesSyncEnabled        *bool  `json:"onPremisesSyncEnabled,omitempty" graph:"default"`
	OperatingSystem              string `json:"operatingSystem,omitempty" graph:"default"`
	OperatingSystemVersion       string `json:"operatingSystemVersion,omitempty" graph:"default"`
}

// Contact is an organizational contact that is a group member.
type Contact struct {
	ID                    string   `json:"id,omitempty" graph:"default"`
	DisplayName           string   `json:"displayName,omitempty" graph:"default"`
	GivenName             string   `json:"givenName,omitempty" graph:"default"`
	Mail                  string   `json:"mail,omitempty" graph:"default"`
	MailNickname          string   `json:"mailNickname,omitempty" graph:"default"`
	OnPremisesSyncEnabled *bool    `json:"onPremisesSyncEnabled,omitempty" graph:"default"`
	ProxyAddresses        []string `json:"proxyAddresses,omitempty" graph:"default"`
	Surname               string   `json:"surname,omitempty" graph:"default"`
}

// ServicePrincipal is a service principal that is a group member.
type ServicePrincipal struct {
	ID                   string `json:"id,omitempty" graph:"default"`
	AccountEnabled       *bool  `json:"accountEnabled,omitempty" graph:"default"`
	AppDisplayName       string `json:"appDisplayName,omitempty" graph:"default"`
	AppID                string `json:"appId,omitempty" graph:"default"`
	DisplayName          string `json:"displayName,omitempty" graph:"default"`
	ServicePrincipalType string `json:"servicePrincipalType,omitempty" graph:"default"`
}

// AgentIdentity is the identity of an agent that is a group member. Few clients know
// this type.
type AgentIdentity struct {
	ID             string `json:"id,omitempty" graph:"default"`
	AccountEnabled *bool  `json:"accountEnabled,omitempty" graph:"default"`
	DisplayName    string `json:"displayName,omitempty" graph:"default"`
}

// organization and onPremisesSync are singletons that Graph serves as collections with
// one item.
type organization struct {
	ID                    string          `json:"id" graph:"default"`
	DisplayName           string          `json:"displayName" graph:"default"`
	CreatedDateTime       string          `json:"createdDateTime" graph:"default"`
	OnPremisesSyncEnabled *bool           `json:"onPremisesSyncEnabled" graph:"default"`
	TenantType            string          `json:"tenantType" graph:"default"`
	VerifiedDomains       json.RawMessage `json:"verifiedDomains" graph:"default"`
}

type onPremisesSync struct {
	ID            string          `json:"id" graph:"default"`
	Configuration json.RawMessage `json:"configuration" graph:"default"`
	Features      json.RawMessage `json:"features" graph:"default"`
}

// Bool returns a pointer to v, for properties that may be null.
func Bool(v bool) *bool { return &v }

// IsUnified reports whether the group is a Microsoft 365 group.
func (g *Group) IsUnified() bool { return contains(g.GroupTypes, "Unified") }

func contains(list []string, s string) bool {
	for _, v := range list {
		if v == s {
			return true
		}
	}
	return false
}
