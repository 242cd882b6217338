package plan

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"

	"groupwriteback/internal/directory"
)

// codeVersion is raised with each release whose code projects differently: the next run
// then reads and projects everything again. A change of the [Mapping] has this effect by
// itself.
const codeVersion = 2

// Rules are what the administrator's choices and the forest's schema say about how a
// group is written.
type Rules struct {
	TenantID directory.GUID
	// Container is where groups are written; ContainerDN is its current DN.
	Container   directory.GUID
	ContainerDN directory.DN
	// Account is the account that writes. TrustedOwners are further accounts whose marked
	// and stamped objects are ours (rule 2). ForestSID is the SID of the root domain.
	Account              directory.SID
	TrustedOwners        []directory.SID
	DomainSID, ForestSID directory.SID
	BaseDN               directory.DN // the head of the domain
	// CNFromDisplayName and SAMFromDisplayName choose readable names.
	CNFromDisplayName  bool
	SAMFromDisplayName bool
	// OnPremisesGroupType is what Microsoft 365 groups become; empty means
	// UniversalDistribution. Cloud security groups become UniversalSecurity.
	OnPremisesGroupType OnPremisesGroupType
	// OwnGroupType makes a group's own writebackConfiguration.onPremisesGroupType
	// override OnPremisesGroupType.
	OwnGroupType bool
	// MaxMembers is the largest number of members, of any kind, that a written group may
	// have; 0 means any number.
	MaxMembers int
	// Mapping has the attributes that are written, compiled for the forest.
	Mapping Mapping
	// Mail says what a group is to Exchange, Routing where mail leaves for the tenant, and
	// DisplayType which display type a recipient gets.
	Mail        MailRecipient
	Routing     Routing
	DisplayType DisplayType
	// Adopt has, by objectGUID, the objects that an administrator has agreed to adopt,
	// each with the cloud group for which it was shown (rule 24). Nothing else is
	// adopted.
	Adopt map[directory.GUID]directory.GUID
	// Released has the groups that an administrator has let go of (rule 24).
	Released map[directory.GUID]bool
	// MoveBack moves groups back that were moved out of the container.
	MoveBack bool
	// IncludeHidden writes groups with hidden membership if the application may read
	// them.
	IncludeHidden bool
	// RemoveSoftDeleted and RemoveOutOfScope delete groups that are otherwise frozen:
	// those in the tenant's recycle bin, and those that still exist in the tenant but are
	// no longer written.
	RemoveSoftDeleted bool
	RemoveOutOfScope  bool
}

// Limits of Active Directory's schema for names, in UTF-16 units.
const (
	maxCN = 64
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
	return readable(g.DisplayName(), maxCN-suffixLength) + suffix(g.ID)
}

// SAMAccountName returns the pre-Windows 2000 name for a new group (rule 21).
func SAMAccountName(g *directory.SourceGroup, fromDisplayName bool) string {
	if !fromDisplayName {
		return directory.Mark(g.ID)
	}
	name := strings.Map(func(r rune) rune {
		if strings.ContainsRune(`"/\[]:|<>+=;?,*@`, r) {
			return '_'
		}
		return r
	}, directory.Clean(g.DisplayName()))
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

// readable makes a name from text that anybody may have written. The name is never empty,
// contains nothing deceptive, and has at most max UTF-16 units.
func readable(s string, max int) string {
	if s = text(s, max); s == "" {
		return "Group"
	}
	return s
}

// cutUTF16 cuts s to at most max UTF-16 units without splitting a surrogate pair. 0 means
// any length.
func cutUTF16(s string, max int) string {
	if max == 0 {
		return s
	}
	n := 0
	for i, r := range s {
		n += utf16.RuneLen(r)
		if n > max {
			return s[:i]
		}
	}
	return s
}

// text prepares the value of a text attribute; empty means absent. Active Directory does
// not cut values by itself, and it gives control characters in names a special meaning
// (CNF, DEL). If a cut splits a sequence of characters, the remainder is removed too.
func text(s string, max int) string {
	cut := cutUTF16(strings.TrimSpace(directory.Clean(s)), max)
	return strings.TrimSpace(directory.Clean(cut))
}

// subject is a group with everything from which the attributes of its object are made.
type subject struct {
	group     *directory.SourceGroup
	rules     *Rules
	adopted   bool // the object existed before us
	recipient recipient
}

// subjectOf returns the group with what it becomes. c is the object that stands for it,
// or nil.
func subjectOf(p *Pair, c *Candidate, r *Rules) *subject {
	adopted := c != nil && (!c.Ours(p.ID, r) || c.adopted(r))
	return &subject{group: p.Source, rules: r, adopted: adopted, recipient: recipientOf(p, c, r)}
}

// project returns the values that an object for the group must have in the row's
// attribute. flows is false if the attribute stays as it is.
func (row *Row) project(s *subject) (values []string, flows bool) {
	switch {
	case row.When == WithMail && s.rules.onPremisesType(s.group) == UniversalSecurity, row.When == AsRecipient && !s.recipient.remote && !s.recipient.kept:
		return nil, true
	case row.When == WithMail && s.recipient.noMail, row.When == AsRecipient && s.recipient.kept:
		return nil, false
	}
	raw, flows := s.group.Properties[row.Property], true
	if row.Function != "" {
		raw, flows = functions[row.Function].values(s)
	}
	for _, v := range raw {
		if v = row.Compare.clean(v, row.Max); v != "" {
			values = append(values, v)
		}
	}
	if !row.Several {
		return values[:min(1, len(values))], flows
	}
	return row.Compare.settle(values), flows
}

// projection returns the attributes of a new object for the group, apart from its names
// and its type.
func (r *Rules) projection(s *subject) []AttributeChange {
	var attributes []AttributeChange
	for i := range r.Mapping {
		row := &r.Mapping[i]
		if values, flows := row.project(s); flows && len(values) > 0 {
			attributes = append(attributes, AttributeChange{Name: row.Attribute, New: values, Shared: row.Shared})
		}
	}
	return attributes
}

// difference returns what has to change in the row's attribute of the object. ok is false
// if nothing has to.
func (row *Row) difference(c *Candidate, s *subject) (change AttributeChange, ok bool) {
	have := c.Attribute(row.Attribute)
	wanted, flows := row.project(s)
	switch {
	case !flows:
		return change, false
	case row.When == AsRecipient && len(wanted) == 0:
		ours := row.ours(s.group, c, s.rules)
		if row.Compare == Address && s.recipient.copied != "" {
			ours = append(ours, secondaryPrefix+s.recipient.copied[len(secondaryPrefix):], s.recipient.copied)
		}
		wanted = row.Compare.without(have, ours)
	case row.Shared:
		wanted = row.Compare.merge(have, wanted, c.Written[row.Attribute])
	}
	if row.Compare.same(have, wanted) {
		return change, false
	}
	return AttributeChange{Name: row.Attribute, Old: have, New: wanted, Shared: row.Shared}, true
}

// lost reports whether somebody removed or changed a value that the object had. Values of
// others do not count.
func (row *Row) lost(before, now *Candidate) bool {
	had, has := before.Attribute(row.Attribute), now.Attribute(row.Attribute)
	if !row.Shared && row.When != AsRecipient {
		return !row.Compare.same(had, has)
	}
	return slices.ContainsFunc(row.Compare.without(had, has), func(v string) bool {
		return isStamp(v) || row.Compare.Contains(now.Written[row.Attribute], v)
	})
}

// Confirm says which values of a written attribute are not as written, or returns "" if
// all are.
func (m Mapping) Confirm(written *AttributeChange, now *directory.TargetGroup) string {
	compare := Text
	if row := m.row(written.Name); row != nil {
		compare = row.Compare
	}
	has := now.Attribute(written.Name)
	lacks := compare.without(written.New, has)
	switch {
	case len(lacks) > 0 && (written.Shared || len(written.New) > 1):
		return "The attribute " + written.Name + " does not have the value " + lacks[0] + "."
	case len(lacks) > 0 || !written.Shared && len(has) > len(written.New):
		return fmt.Sprintf("The attribute %s has the value %q instead of %q.", written.Name, strings.Join(has, ", "), strings.Join(written.New, ", "))
	}
	return ""
}
