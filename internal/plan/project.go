package plan

import (
	"strings"
	"unicode/utf16"

	"groupwriteback/internal/directory"
)

// ProjectionVersion is raised with each release that makes something else of what
// was read: the next run then reads everything again, and projects it anew.
const ProjectionVersion = 1

// Rules is what the administrator's choices and the forest's schema say about
// how a group is written.
type Rules struct {
	TenantID directory.GUID
	// Container is where groups are to stand, ContainerDN its name now.
	Container   directory.GUID
	ContainerDN directory.DN
	// Account is who writes, TrustedOwners are further accounts whose marked and
	// stamped objects are ours (rule 2). ForestSID is that of the root domain.
	Account              directory.SID
	TrustedOwners        []directory.SID
	DomainSID, ForestSID directory.SID
	BaseDN               directory.DN // the head of the domain
	// CNFromDisplayName and SAMFromDisplayName choose the readable names.
	CNFromDisplayName  bool
	SAMFromDisplayName bool
	// OnPremisesGroupType is what Microsoft 365 groups become; empty:
	// UniversalDistribution. Cloud security groups become UniversalSecurity.
	OnPremisesGroupType OnPremisesGroupType
	// OwnGroupType: a group's own writebackConfiguration.onPremisesGroupType
	// goes before OnPremisesGroupType.
	OwnGroupType bool
	// MaxMembers is how many members, of any kind, a group may have to be
	// written; 0: any number.
	MaxMembers int
	// Mail: the mail attribute is written, to groups whose type can have one.
	Mail bool
	// ExternalID: the schema has msDS-ExternalDirectoryObjectId for groups.
	ExternalID bool
	// Adopt are the objects that an administrator has agreed to take over, by
	// objectGUID, and each the cloud group that it was shown to stand for (rule
	// 24). Nothing else is adopted.
	Adopt map[directory.GUID]directory.GUID
	// Released are the groups that an administrator has let go of (rule 24).
	Released map[directory.GUID]bool
	// MoveBack: groups that were moved out of the container are moved back.
	MoveBack bool
	// IncludeHidden: groups of hidden membership are written where the application
	// may read them.
	IncludeHidden bool
	// RemoveSoftDeleted and RemoveOutOfScope delete what is otherwise frozen:
	// groups in the tenant's recycle bin, and groups that are in the tenant but
	// no longer ones that are written.
	RemoveSoftDeleted bool
	RemoveOutOfScope  bool
}

// The attributes that are written, as LDAP names them.
const (
	AttrCN             = "cn"
	AttrSAMAccountName = "sAMAccountName"
	AttrGroupType      = "groupType"
	AttrDisplayName    = "displayName"
	AttrDescription    = "description"
	AttrMail           = "mail"
	AttrAdminDesc      = "adminDescription"
	AttrExternalID     = "msDS-ExternalDirectoryObjectId"
	AttrExtensionName  = "extensionName"
)

// Limits of Active Directory's schema, in UTF-16 units.
const (
	maxCN          = 64
	maxDisplayName = 256
	maxDescription = 448 // what Microsoft's own writeback cuts to
	maxMail        = 256
	// suffixLength is the underscore and the last 12 digits of the object id.
	suffixLength = 13
	// maxSAM is MS-SAMR 3.1.1.8.4's limit for groups.
	maxSAM = 256
)

// CN returns the common name of the group (rule 20).
func CN(g *directory.SourceGroup, fromDisplayName bool) string {
	if !fromDisplayName {
		return directory.Mark(g.ID)
	}
	return readable(g.DisplayName, maxCN-suffixLength) + suffix(g.ID)
}

// SAMAccountName returns the pre-Windows 2000 name that a new group gets
// (rule 21).
func SAMAccountName(g *directory.SourceGroup, fromDisplayName bool) string {
	if !fromDisplayName {
		return directory.Mark(g.ID)
	}
	name := strings.Map(func(r rune) rune {
		if strings.ContainsRune(`"/\[]:|<>+=;?,*@`, r) {
			return '_'
		}
		return r
	}, directory.Clean(g.DisplayName))
	name = strings.TrimRight(text(name, maxSAM-suffixLength), ". ")
	if name == "" {
		name = "Group"
	}
	return name + suffix(g.ID)
}

func suffix(id directory.GUID) string {
	s := id.String()
	return "_" + s[len(s)-12:]
}

// readable makes a name out of text that anyone may have written: never empty,
// nothing that deceives, at most max UTF-16 units.
func readable(s string, max int) string {
	if s = text(s, max); s == "" {
		return "Group"
	}
	return s
}

// cutUTF16 cuts s to at most max UTF-16 units and splits no surrogate pair.
func cutUTF16(s string, max int) string {
	n := 0
	for i, r := range s {
		n += utf16.RuneLen(r)
		if n > max {
			return s[:i]
		}
	}
	return s
}

// text prepares the value of a text attribute; empty means absent. Active
// Directory cuts nothing by itself, and in names control characters have a meaning
// of its own (CNF, DEL). What a cut leaves of a sequence of characters goes too.
func text(s string, max int) string {
	cut := cutUTF16(strings.TrimSpace(directory.Clean(s)), max)
	return strings.TrimSpace(directory.Clean(cut))
}

// projection is the attributes that an object of ours has to have, apart from
// its names.
func (r *Rules) projection(g *directory.SourceGroup) []attribute {
	attributes := []attribute{
		{AttrDisplayName, text(g.DisplayName, maxDisplayName)},
		{AttrDescription, text(g.Description, maxDescription)},
	}
	if r.Mail {
		attributes = append(attributes, attribute{AttrMail, text(r.mail(g), maxMail)})
	}
	attributes = append(attributes, attribute{AttrAdminDesc, directory.Mark(g.ID)})
	if r.ExternalID {
		attributes = append(attributes, attribute{AttrExternalID, directory.Mark(g.ID)})
	}
	return attributes
}

type attribute struct{ name, value string }

// Value returns the value that t has for a single-valued text attribute of the
// projection, or its cn.
func Value(t *directory.TargetGroup, name string) string {
	switch name {
	case AttrCN:
		return t.CN
	case AttrDisplayName:
		return t.DisplayName
	case AttrDescription:
		return t.Description
	case AttrMail:
		return t.Mail
	case AttrAdminDesc:
		return t.AdminDesc
	case AttrExternalID:
		return t.ExternalID
	}
	panic("plan: no attribute " + name)
}

// one returns the values of a single-valued attribute.
func one(value string) []string {
	if value == "" {
		return nil
	}
	return []string{value}
}
