package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"groupwriteback/internal/directory"
	"groupwriteback/internal/expression"
)

// codeVersion is raised with each release whose code projects differently: the next run
// then reads and projects everything again. A change of the [Mapping] has this effect by
// itself.
const codeVersion = 2

// Rules are what the administrator's choices and the forest's schema say about how a
// group is written.
type Rules struct {
	TenantID directory.GUID
	// Containers are where groups are written. The first takes every group that Naming and
	// ContainerFilters send nowhere else.
	Containers       []Container
	ContainerFilters []ContainerFilter
	// Naming has the expressions for names and places that an administrator has set.
	Naming Naming
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
	// UniqueMail leaves out mail that another object of the forest has. A recipient has no
	// address of another object in any case.
	UniqueMail bool
	// MarkAuthority marks all groups as the cloud's, and Owners writes who owns them.
	MarkAuthority, Owners bool
	// AddressBook puts recipients in the address lists; nil leaves that to Exchange.
	AddressBook *AddressBook
	// Environment is what expressions take from outside the group.
	Environment expression.Environment
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
	return cmp.Or(accountName(g.DisplayName(), maxSAM-suffixLength), "Group") + suffix(g.ID)
}

// accountName makes a pre-Windows 2000 name of at most max UTF-16 units, or "".
func accountName(s string, max int) string {
	name := strings.Map(func(r rune) rune {
		if strings.ContainsRune(`"/\[]:|<>+=;?,*@`, r) {
			return '_'
		}
		return r
	}, directory.Clean(s))
	return strings.TrimRight(text(name, max), ". ")
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

// text prepares the value of a text attribute; empty means absent. Active Directory does
// not cut values by itself, and it gives control characters in names a special meaning
// (CNF, DEL). If a cut splits a sequence of characters, the remainder is removed too.
func text(s string, max int) string {
	cut := directory.CutUTF16(strings.TrimSpace(directory.Clean(s)), max)
	return strings.TrimSpace(directory.Clean(cut))
}

// subject is a group with everything from which the attributes of its object are made.
type subject struct {
	group     *directory.SourceGroup
	rules     *Rules
	adopted   bool       // the object existed before us
	creating  bool       // there is no object yet
	object    *Candidate // what stands for it, or an empty one
	owners    []Owner    // by id
	recipient recipient
	place     placement // where the group belongs
	failed    []string  // the attributes whose expressions failed, each with why
}

// subjectOf returns the group with what it becomes. c is the object that stands for it,
// or nil.
func subjectOf(p *Pair, c *Candidate, r *Rules) *subject {
	adopted := c != nil && (!c.Ours(p.ID, r) || c.adopted(r))
	s := &subject{group: p.Source, rules: r, adopted: adopted, creating: c == nil, object: c, owners: p.Owners, recipient: recipientOf(p, c, r), place: r.placeOf(p.Source)}
	if s.creating {
		s.object = &Candidate{}
	}
	return s
}

// Projection is what a row makes of one group.
type Projection struct {
	// Values are what the attribute must have.
	Values []string
	// Keep leaves the attribute as it is, whatever it has; at creation it gets nothing.
	Keep bool
	// Whole replaces the values of others as well.
	Whole bool
	// Notes say what became of values that are not written as the expression gives them,
	// and why the attribute is kept. Failed means that the expression failed for this
	// group.
	Notes  []string
	Failed bool
}

// project returns what an object for the group must have in the row's attribute.
func (row *Row) project(s *subject) Projection {
	if p := row.excluded(s); p != nil {
		return *p
	}
	var p Projection
	raw := row.raw(s, &p)
	if p.Keep {
		return p
	}
	for _, v := range raw {
		clean := row.Compare.clean(v, row.Max)
		if clean != "" {
			p.Values = append(p.Values, clean)
		}
		if clean != v && !(row.Compare == Boolean && strings.EqualFold(clean, v)) {
			p.Notes = append(p.Notes, row.changed(v, clean))
		}
	}
	if !row.Several {
		if len(p.Values) > 1 {
			p.Notes = append(p.Notes, fmt.Sprintf("The attribute holds one value, and of %d the first is written.", len(p.Values)))
		}
		p.Values = p.Values[:min(1, len(p.Values))]
		return p
	}
	settled := row.Compare.settle(p.Values)
	if len(settled) < len(p.Values) {
		p.Notes = append(p.Notes, "Values that are the same to Active Directory are written once.")
	}
	p.Values = settled
	return p
}

// excluded returns the projection of a row that does not apply to the group, or leaves the
// attribute as it is; nil if the row applies.
func (row *Row) excluded(s *subject) *Projection {
	switch {
	case row.Apply == ApplyOnlyAtCreation && !s.creating:
		return &Projection{Keep: true, Notes: []string{"It is written only at creation."}}
	case row.When == WithMail && s.rules.onPremisesType(s.group) == UniversalSecurity:
		return &Projection{Notes: []string{"The type of the group cannot have mail."}}
	case row.When == WithMail && s.recipient.noMail, row.When == AsRecipient && s.recipient.kept:
		return &Projection{Keep: true, Notes: s.recipient.texts()}
	case row.When == InCloud && !s.rules.MarkAuthority:
		return &Projection{Notes: []string{"Groups are not marked as the cloud's (Set-GroupWriteback -MarkCloudAuthority)."}}
	case row.When == ForOwners && !s.rules.Owners:
		return &Projection{Notes: []string{"Owners are not written (Set-GroupWriteback -UpdateManagedBy)."}}
	case row.When == AsRecipient && !s.recipient.remote:
		return &Projection{Notes: append(s.recipient.texts(), "The group is no recipient of Exchange.")}
	}
	return nil
}

// raw returns the values of the row's function or expression, or sets p.Keep.
func (row *Row) raw(s *subject, p *Projection) []string {
	switch row.Function {
	case "":
	case AddressLists:
		return s.inAddressLists(row, p)
	default:
		values, flows := functions[row.Function].values(s)
		if !flows {
			*p = Projection{Keep: true, Notes: []string{"What the tenant says of it could not be read."}}
		}
		return slices.DeleteFunc(slices.Clone(values), func(v string) bool { return v == "" })
	}
	result, err := row.evaluate(s.group, s.rules)
	switch {
	case err != nil:
		*p = Projection{Keep: true, Failed: true, Notes: []string{"The expression fails for this group " + err.Error() + "."}}
	case result.Outcome == expression.NoFlow:
		*p = Projection{Keep: true, Notes: []string{"The expression says that the attribute stays as it is (IgnoreFlowIfNullOrEmpty)."}}
	case result.Outcome == expression.Unread:
		*p = Projection{Keep: true, Notes: []string{"The property " + result.Attribute + " could not be read."}}
	case result.Outcome == expression.Absent && row.Default != "":
		p.Notes = append(p.Notes, "The default value is taken.")
		return []string{row.Default}
	}
	return result.Values
}

// evaluate evaluates the row's expression for a group.
func (row *Row) evaluate(g *directory.SourceGroup, r *Rules) (expression.Result, error) {
	return row.compiled.Evaluate(func(name string) ([]string, bool) { return read(g, name), true }, r.Environment)
}

// holds says what values the attribute can hold.
func (row *Row) holds() string {
	what := map[Comparison]string{Text: "texts", IgnoreCase: "texts", Name: "names of objects, as CN=Anna,DC=contoso,DC=com", Object: "objects", Number: "whole numbers", Boolean: "True and False", Address: "addresses with a prefix"}[row.Compare]
	if row.Max > 0 {
		return "it holds " + what + " of up to " + directory.Count(row.Max, "character")
	}
	return "it holds " + what
}

// clip shortens a value for a message.
func clip(value string) string {
	const most = 60
	if short := directory.CutUTF16(value, most); short != value {
		return short + "…"
	}
	return value
}

// changed says why a value is not written as it is.
func (row *Row) changed(value, clean string) string {
	switch {
	case clean != "" && row.Max > 0 && directory.CutUTF16(value, row.Max) != value:
		return "It is cut to " + directory.Count(row.Max, "character") + "."
	case clean != "":
		return "Characters that nobody sees, and white space at the ends, are removed (rule 20)."
	}
	return fmt.Sprintf("The value %q is left out: %s.", clip(value), row.holds())
}

// projection returns the attributes of a new object for the group, apart from its names
// and its type.
func (r *Rules) projection(s *subject) (attributes []AttributeChange) {
	for i := range r.Mapping {
		row := &r.Mapping[i]
		p := row.project(s)
		s.note(row, &p)
		if !p.Keep && len(p.Values) > 0 {
			attributes = append(attributes, AttributeChange{Name: row.Attribute, New: p.Values, Shared: row.Shared})
		}
	}
	return attributes
}

// note notes an expression that failed.
func (s *subject) note(row *Row, p *Projection) {
	if p.Failed {
		s.failed = append(s.failed, row.Attribute+": "+p.Notes[0])
	}
}

// difference returns what has to change in the row's attribute of the object. ok is false
// if nothing has to.
func (row *Row) difference(c *Candidate, s *subject) (change AttributeChange, ok bool) {
	p := row.project(s)
	s.note(row, &p)
	if p.Keep {
		return change, false
	}
	have, wanted := c.Attribute(row.Attribute), p.Values
	switch {
	case p.Whole:
	case row.When.withdrawn() && len(wanted) == 0:
		ours := row.ours(s)
		if row.Compare == Address && s.recipient.copied != "" {
			ours = append(ours, secondaryPrefix+s.recipient.copied[len(secondaryPrefix):], s.recipient.copied)
		}
		wanted = row.Compare.without(have, ours)
	case row.Function == StampOfTenant: // nothing holds the group, whatever somebody has written there
		wanted = row.Compare.merge(have, wanted, holdValues(have, s.rules))
	case row.Shared:
		wanted = row.Compare.merge(have, wanted, c.Written[row.Attribute])
	}
	if row.Compare.same(have, wanted) {
		return change, false
	}
	return AttributeChange{Name: row.Attribute, Old: have, New: wanted, Shared: row.Shared}, true
}

// Try returns what the object, or a new one if it is nil, would have in the row's attribute
// after the next run, whether that is a change, and what there is to say about it. Whether
// addresses are free in the forest is not asked.
func (row *Row) Try(g *directory.SourceGroup, owners []Owner, object *Candidate, r *Rules) (then []string, changes bool, notes []string) {
	s := subjectOf(&Pair{ID: g.ID, Source: g, Owners: owners}, object, r)
	p := row.project(s)
	if object == nil {
		return p.Values, len(p.Values) > 0, p.Notes
	}
	change, changes := row.difference(object, s)
	if !changes {
		return object.Attribute(row.Attribute), false, p.Notes
	}
	return change.New, true, p.Notes
}

// lost reports whether somebody removed or changed a value that the object had. Values of
// others do not count.
func (row *Row) lost(before, now *Candidate) bool {
	if row.Apply == ApplyOnlyAtCreation {
		return false
	}
	had, has := before.Attribute(row.Attribute), now.Attribute(row.Attribute)
	if !row.Shared && !row.When.withdrawn() {
		return !row.Compare.same(had, has)
	}
	if row.Function == StampOfTenant && slices.ContainsFunc(row.Compare.without(has, had), isStamp) {
		return true // somebody put it there
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
