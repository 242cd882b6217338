package directory

import (
	"encoding/base64"
	"slices"
	"strings"
	"time"
)

// Values of groupType for universal groups (MS-ADTS 2.2.12).
const (
	GroupTypeUniversalDistribution int32 = 0x8
	GroupTypeUniversalSecurity     int32 = -0x80000000 + 0x8
)

// GroupKind is the kind of a group in the tenant.
type GroupKind string

// The kinds of groups that can be written.
const (
	UnifiedGroup  GroupKind = "Unified"  // a Microsoft 365 group
	SecurityGroup GroupKind = "Security" // a cloud security group without mail
)

// HiddenMembership is the visibility of a group whose members are shown only to
// applications with Member.Read.Hidden.
const HiddenMembership = "HiddenMembership"

// SourceGroup is a group of the tenant: what it is, and the properties from which
// attributes are made.
type SourceGroup struct {
	ID   GUID      `json:"id"`
	Kind GroupKind `json:"kind"`
	// Properties have the names that Graph uses.
	Properties Values `json:"properties,omitempty"`
	Visibility string `json:"visibility,omitempty"`
	// OnPremisesSID is onPremisesSecurityIdentifier: the group once existed in AD, and
	// its source of authority was moved to the cloud.
	OnPremisesSID SID `json:"onPremisesSecurityIdentifier,omitempty"`
	// Owners are the ids of the owners, ascending: nil if they were not read, and empty if
	// there are none.
	Owners []GUID `json:"owners,omitempty"`
	// WritebackEnabled and OnPremisesGroupType are isEnabled and onPremisesGroupType of
	// writebackConfiguration (Graph beta). They are nil and empty if they are not set
	// or were not requested.
	WritebackEnabled    *bool  `json:"writebackEnabled,omitempty"`
	OnPremisesGroupType string `json:"onPremisesGroupType,omitempty"`
}

// PropertyDisplayName is the property by which people know a group. It is always read.
const PropertyDisplayName = "displayName"

// DisplayName returns the name by which people know the group.
func (g *SourceGroup) DisplayName() string { return g.Properties.First(PropertyDisplayName) }

// Equal reports whether the two groups are the same in every field.
func (g *SourceGroup) Equal(other *SourceGroup) bool {
	enabled := func(g *SourceGroup) (set, value bool) {
		return g.WritebackEnabled != nil, g.WritebackEnabled != nil && *g.WritebackEnabled
	}
	setA, valueA := enabled(g)
	setB, valueB := enabled(other)
	owners := (g.Owners == nil) == (other.Owners == nil) && slices.Equal(g.Owners, other.Owners)
	return owners && g.ID == other.ID && g.Kind == other.Kind && g.Visibility == other.Visibility && g.OnPremisesSID == other.OnPremisesSID &&
		g.OnPremisesGroupType == other.OnPremisesGroupType && setA == setB && valueA == valueB && g.Properties.Equal(other.Properties)
}

// MemberKind is the type of a member in the tenant.
type MemberKind string

// The kinds of members. KindOther is a kind that never has an on-premises
// account: a device, a service principal, an organisational contact.
const (
	KindUser  MemberKind = "User"
	KindGroup MemberKind = "Group"
	KindOther MemberKind = "Other"
)

// SourceMember is a member of a cloud group, with the attributes that join it to an
// object of Active Directory.
type SourceMember struct {
	ID   GUID       `json:"id"`
	Kind MemberKind `json:"kind"`
	// Name is for people: the user principal name, or else the display name.
	Name string `json:"name,omitempty"`
	// Readable is false if Graph returned only type and id ("limited information"), so
	// that nothing is known about the join.
	Readable bool `json:"readable"`
	Guest    bool `json:"guest,omitempty"`
	// Synced is onPremisesSyncEnabled.
	Synced bool `json:"synced,omitempty"`
	// SID is onPremisesSecurityIdentifier.
	SID SID `json:"sid,omitempty"`
	// ImmutableID is onPremisesImmutableId. It is usually the base64 form of 16 bytes
	// in AD's order, but can be any text.
	ImmutableID string `json:"immutableId,omitempty"`
}

// SetSID sets the SID from its text form; an empty text means none. If the text cannot
// be parsed, it is unknown who the member is on-premises, and the member is not
// readable.
func (m *SourceMember) SetSID(text string) {
	m.SID = ""
	if text == "" {
		return
	}
	var err error
	if m.SID, err = ParseSID(text); err != nil {
		m.Readable = false
	}
}

// Immutable returns the 16 bytes of the immutable id. It returns nil if the id is any
// other text, or if the member is not synced, because then a tenant administrator can
// set the id to the GUID of any account.
func (m *SourceMember) Immutable() []byte {
	b, err := base64.StdEncoding.DecodeString(m.ImmutableID)
	if err != nil || len(b) != 16 || !m.Synced {
		return nil
	}
	return b
}

// Reason says why a member of a cloud group is not written. An empty reason means that
// it is joined.
type Reason string

// The reasons. See [Reason.Unknown] for the difference that matters.
const (
	ReasonJoined        Reason = ""
	ReasonCloudOnly     Reason = "CloudOnly"          // never synced from on-premises
	ReasonGuest         Reason = "Guest"              // a guest, not synced from on-premises
	ReasonNoAccount     Reason = "NoAccount"          // a device, service principal or contact
	ReasonNotFound      Reason = "NotFound"           // synced, but no object has its SID or immutable id
	ReasonAmbiguous     Reason = "Ambiguous"          // several objects have it
	ReasonWrongClass    Reason = "WrongClass"         // found, but neither user, inetOrgPerson nor allowed group
	ReasonSystemObject  Reason = "SystemObject"       // found, but a critical system object, such as krbtgt
	ReasonOtherForest   Reason = "OtherForest"        // its SID belongs to no domain of the forest
	ReasonGroup         Reason = "GroupNotWritten"    // a group that is not written back
	ReasonLimited       Reason = "LimitedInformation" // Graph gave only type and id
	ReasonGCUnavailable Reason = "NoGlobalCatalog"    // another domain's object, and no global catalog answers
	ReasonLookupFailed  Reason = "LookupFailed"       // the lookup in AD failed or was cut off
	ReasonUnresolved    Reason = "Unresolved"         // not asked yet
	ReasonWriteRefused  Reason = "WriteRefused"       // AD refused the value
)

// Unknown reports whether the reason leaves open who the member is on-premises. While a
// group has an unknown member, nothing is removed from it.
func (r Reason) Unknown() bool {
	switch r {
	case ReasonLimited, ReasonGCUnavailable, ReasonLookupFailed, ReasonUnresolved, ReasonAmbiguous:
		return true
	}
	return false
}

// Unfound reports whether no object was found for a member that may have one. The
// object may still exist, invisible to the account that searches.
func (r Reason) Unfound() bool { return r == ReasonNotFound || r == ReasonOtherForest }

// TargetGroup is a group of Active Directory as it was read: the fields that tell which
// object it is and whose, and the attributes that merely flow.
type TargetGroup struct {
	GUID           GUID     `json:"guid"`
	DN             string   `json:"dn"`
	CN             string   `json:"cn"`
	SAMAccountName string   `json:"sAMAccountName,omitempty"`
	SID            SID      `json:"sid,omitempty"`
	GroupType      int32    `json:"groupType"`
	AdminDesc      string   `json:"adminDescription,omitempty"`
	ExternalID     string   `json:"msDS-ExternalDirectoryObjectId,omitempty"`
	ExtensionName  []string `json:"extensionName,omitempty"`
	// Attributes are all other attributes that are read, by their LDAP names.
	Attributes Values `json:"attributes,omitempty"`
	USNChanged int64  `json:"uSNChanged,omitempty"`
	// WhenChanged is when this domain controller last saw the object change, to the
	// second, or zero if it is not known.
	WhenChanged time.Time `json:"whenChanged,omitzero"`
	// Critical is isCriticalSystemObject; AdminCount says that adminCount is not 0.
	Critical   bool `json:"isCriticalSystemObject,omitempty"`
	AdminCount bool `json:"adminCount,omitempty"`
	// Members is the whole membership as it was read. A reader that cannot read it to
	// the end fails instead of returning a part.
	Members []MemberRef `json:"-"`
}

// MemberRef is a value of the member attribute: the object's GUID, which is the key of
// a membership on both sides, and the object's name and SID when it was read, if they
// are known.
type MemberRef struct {
	GUID GUID   `json:"guid"`
	DN   string `json:"dn,omitempty"`
	SID  SID    `json:"-"`
}

// SourceID returns the cloud group that the marks name. If both marks can be parsed,
// they must agree: an object that claims two groups stands for neither.
func (t *TargetGroup) SourceID() (GUID, bool) {
	a, okA := ParseMark(t.AdminDesc)
	b, okB := ParseMark(t.ExternalID)
	switch {
	case okA && okB:
		return a, a == b
	case okA:
		return a, true
	default:
		return b, okB
	}
}

// Marked reports whether the object carries the mark of any cloud group, or even of
// two.
func (t *TargetGroup) Marked() bool {
	_, a := ParseMark(t.AdminDesc)
	_, b := ParseMark(t.ExternalID)
	return a || b
}

// Conflicted reports whether replication gave the object its name, because it lost a
// conflict (CNF) or was deleted (DEL).
func (t *TargetGroup) Conflicted() bool {
	return strings.Contains(t.CN, "\n") || strings.Contains(t.CN, "\x00")
}
