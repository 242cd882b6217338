package plan

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"groupwriteback/internal/directory"
	"groupwriteback/internal/expression"
)

// Entry is what an administrator has set for one attribute.
type Entry struct {
	Attribute  string `json:"attribute"`
	Expression string `json:"expression"`
	Apply      Apply  `json:"apply,omitempty"`
	// Default is the value if the expression is absent; empty means none.
	Default string `json:"default,omitempty"`
}

// About is what an [EntryError] is about.
type About int

// The subjects.
const (
	AboutExpression About = iota // the expression, or the default value
	AboutProtected               // nobody may set this attribute
	AboutSchema                  // the schema does not have it for groups, or not for texts
)

// EntryError says what is wrong with an entry. Where it is about the expression, Problem
// gives the place in it.
type EntryError struct {
	About                      About
	Attribute, Problem, Advice string
}

func (e *EntryError) Error() string { return "the mapping of " + e.Attribute + ": " + e.Problem }

// MaxEntries bounds the entries of a mapping.
const MaxEntries = 200

// Reasons why an attribute is protected.
const (
	ownsGroup     = "it decides whose the group is, or who is in it"
	ownsRights    = "it gives rights"
	ownsNames     = "it follows from cn, sAMAccountName and parentDistinguishedName"
	ownsAccount   = "the domain controller gives it"
	ownsAuthority = "Set-GroupWriteback -MarkCloudAuthority writes it"
	ownsMail      = "it makes the group a mail recipient, which is whole or not at all: an alias or addresses without recipient type and target address capture the group's mail on-premises"
)

// protected lists the attributes, in lower case, that no entry may set, with the reason.
// Attributes that only the directory may write are refused by their schema.
var protected = map[string]string{
	"member": ownsGroup, "memberof": ownsGroup, "grouptype": ownsGroup, "admindescription": ownsGroup, "extensionname": ownsGroup,
	"msds-externaldirectoryobjectid": ownsGroup, "primarygroupid": ownsGroup, "primarygrouptoken": ownsGroup, "objectclass": ownsGroup,
	"objectcategory": ownsGroup, "msds-objectsoa": ownsAuthority, "isdeleted": ownsGroup, "isrecycled": ownsGroup,
	"ntsecuritydescriptor": ownsRights, "admincount": ownsRights, "sidhistory": ownsRights, "iscriticalsystemobject": ownsRights, "systemflags": ownsRights,
	"msds-allowedtoactonbehalfofotheridentity": ownsRights, "msds-allowedtodelegateto": ownsRights, "serviceprincipalname": ownsRights,
	"useraccountcontrol": ownsRights, "msds-keycredentiallink": ownsRights, "altsecurityidentities": ownsRights, "msds-groupmsamembership": ownsRights,
	"name": ownsNames, "distinguishedname": ownsNames, "samaccounttype": ownsNames,
	"objectsid": ownsAccount, "objectguid": ownsAccount, "usnchanged": ownsAccount, "usncreated": ownsAccount, "whenchanged": ownsAccount, "whencreated": ownsAccount,
	"mailnickname": ownsMail, "proxyaddresses": ownsMail, "targetaddress": ownsMail, "legacyexchangedn": ownsMail, "showinaddressbook": ownsMail,
	"msexchrecipienttypedetails": ownsMail, "msexchrecipientdisplaytype": ownsMail, "msexchremoterecipienttype": ownsMail, "msexchpoliciesexcluded": ownsMail,
	"msexchpoliciesincluded": ownsMail, "msexchversion": ownsMail, "msexchmailboxguid": ownsMail, "msexchhomeservername": ownsMail, "homemdb": ownsMail,
	"msexchmasteraccountsid": ownsMail, "hidedlmembership": ownsMail, "msexcharbitrationmailbox": ownsMail, "altrecipient": ownsMail,
}

// With returns the mapping with the entries of an administrator in it: an entry takes the
// place of the row of its attribute, whose length and condition stay, or is a row of its
// own. The error is an [*EntryError].
func (m Mapping) With(entries []Entry) (Mapping, error) {
	merged, err := m.Parse()
	if err != nil {
		return nil, err
	}
	for i, entry := range entries {
		of := func(other Entry) bool { return strings.EqualFold(other.Attribute, entry.Attribute) }
		if slices.ContainsFunc(entries[:i], of) {
			return nil, entry.invalid("It is given twice.", "Give each attribute once.")
		}
		if i >= MaxEntries {
			return nil, entry.invalid("More than "+directory.Count(MaxEntries, "attribute")+" are set.", "Remove some.")
		}
		compiled, err := entry.compile()
		if err != nil {
			return nil, err
		}
		at := slices.IndexFunc(merged, func(row Row) bool { return strings.EqualFold(row.Attribute, entry.Attribute) })
		why, closed := protected[strings.ToLower(entry.Attribute)]
		switch {
		case closed:
			return nil, entry.closed(why)
		case at >= 0 && !merged[at].Open():
			return nil, entry.closed("this release writes it itself")
		case at < 0:
			row := Row{Attribute: entry.Attribute, Apply: entry.Apply}
			if attribute, names := NamingAttribute(entry.Attribute); names {
				if row, err = entry.namingRow(attribute); err != nil {
					return nil, err
				}
				entry.Apply = row.Apply
			}
			at = len(merged)
			merged = append(merged, row)
		case merged[at].When == ForOwners: // instead of the owners, for every group
			merged[at] = Row{Attribute: merged[at].Attribute}
		}
		row := &merged[at]
		if row.Attribute == AttrContainer && len((&Row{Default: entry.Default, compiled: compiled}).Containers()) == 0 {
			return nil, entry.invalid("It names no container.", `Write the distinguished name of each container as one text, such as "OU=Sales,DC=contoso,DC=com".`)
		}
		row.Function, row.Expression, row.Apply, row.Default, row.Custom, row.compiled = "", entry.Expression, entry.Apply, entry.Default, true, compiled
		if row.Apply == ApplyAlways {
			row.Apply = "" // one version for what is the same
		}
	}
	return merged, nil
}

// namingRow returns the row for a name or a place. Names are given at creation alone (rule
// 21); a change of them would break what others have noted.
func (e *Entry) namingRow(attribute string) (Row, error) {
	row := Row{Attribute: attribute, Apply: e.Apply}
	switch attribute {
	case AttrContainer:
		row.Compare = Name
		return row, nil
	case directory.AttrCN:
		row.Max = maxCN
	default:
		row.Max = maxSAM
	}
	if e.Apply == ApplyAlways {
		return row, e.invalid("A name is given at creation and stays.", "Apply it only at creation.")
	}
	row.Compare, row.Apply = Text, ApplyOnlyAtCreation
	return row, nil
}

// once reports whether the entry is for a name, which is given at creation alone.
func (e *Entry) once() bool {
	attribute, names := NamingAttribute(e.Attribute)
	return names && attribute != AttrContainer
}

// attributeName is what an LDAP name looks like.
var attributeName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{0,254}$`)

func (e *Entry) invalid(problem, advice string) *EntryError {
	return &EntryError{AboutExpression, e.Attribute, problem, advice}
}

func (e *Entry) closed(why string) *EntryError {
	return &EntryError{AboutProtected, e.Attribute, "This attribute cannot be mapped: " + why + ".", "Map another attribute."}
}

// compile compiles the expression and checks all that can be checked without a schema.
func (e *Entry) compile() (*expression.Expression, error) {
	if e.Apply != "" && !slices.Contains(Applies, e.Apply) {
		return nil, e.invalid(fmt.Sprintf("apply is %q.", e.Apply), "Give Always or OnlyAtCreation.")
	}
	if !attributeName.MatchString(e.Attribute) {
		return nil, &EntryError{AboutSchema, e.Attribute, "This is not the name of an attribute.", "Give its LDAP name, such as info."}
	}
	if strings.TrimSpace(e.Expression) == "" {
		return nil, e.invalid("The expression is empty.", `Give one, or "" with the quotes to clear the attribute.`)
	}
	x, err := expression.Compile(e.Expression, nil)
	if err == nil {
		x, err = expression.Compile(e.Expression, known(x.Attributes()))
	}
	var wrong *expression.Error
	if errors.As(err, &wrong) {
		advice := "docs/mapping.md describes the language."
		if p := property(wrong.Name); p != nil && p.Unlisted != "" {
			advice = "It cannot be used: " + p.Unlisted + "."
		}
		return nil, e.invalid("The expression is wrong "+sentence(wrong.Error()), advice)
	}
	if err != nil {
		return nil, e.invalid(err.Error(), "")
	}
	if err := x.Repeatable(); err != nil && e.Apply != ApplyOnlyAtCreation && !e.once() {
		return nil, e.invalid("The expression gives something else each time: "+err.Error()+".", "Apply it only at creation.")
	}
	return x, nil
}

// sentence ends a text with a full stop, unless it is a question.
func sentence(text string) string {
	if strings.HasSuffix(text, "?") {
		return text
	}
	return text + "."
}

// known returns the names that an expression which reads these attributes may read.
func known(attributes []string) []string {
	names := PropertyNames()
	for _, name := range attributes {
		if extension.MatchString(name) {
			names = append(names, name)
		}
	}
	return names
}

// Check checks the custom rows against a schema: whether groups can have the attributes,
// and whether values that are the same for every group fit. The error is an [*EntryError].
// The schema has entries for all attributes that it has, also those that groups cannot
// have.
func (m Mapping) Check(schema Schema) error {
	for i := range m {
		row := &m[i]
		if !row.Custom {
			continue
		}
		if row.names() {
			if err := row.checkConstants(); err != nil {
				return err
			}
			continue
		}
		known, there := schema[row.Attribute]
		refuse := func(problem, advice string) error {
			return &EntryError{AboutSchema, row.Attribute, problem, advice}
		}
		switch {
		case !there:
			return refuse("The forest's schema has no such attribute.", "Correct the name, or extend the schema.")
		case known.NotOnGroups:
			return refuse("The forest's schema does not allow the attribute on groups.", "Choose another attribute.")
		case known.System:
			return refuse("Only the directory itself writes the attribute.", "Choose another attribute.")
		case known.Comparison() == "":
			return refuse("The attribute holds no text, number, boolean or name of an object (its syntax is "+known.Syntax+").", "Choose another attribute.")
		}
		one := Mapping{*row}.Compile(schema, true)
		if err := one[0].checkConstants(); err != nil {
			return err
		}
	}
	return nil
}

// checkConstants checks the default value and, if the expression reads nothing and always
// gives the same, its values.
func (row *Row) checkConstants() error {
	constants := []string{row.Default}
	if row.compiled.Repeatable() == nil && len(row.compiled.Attributes()) == 0 {
		result, err := row.compiled.Evaluate(func(string) ([]string, bool) { return nil, true }, expression.Environment{})
		if err != nil {
			return &EntryError{AboutExpression, row.Attribute, "The expression fails for every group " + err.Error() + ".", "Correct it."}
		}
		constants = append(constants, result.Values...)
	}
	for _, value := range constants {
		if value != "" && !strings.EqualFold(row.Compare.clean(value, row.Max), strings.TrimSpace(directory.Clean(value))) {
			return &EntryError{AboutExpression, row.Attribute, fmt.Sprintf("The attribute cannot hold the value %q: %s.", clip(value), row.holds()), "Give another value."}
		}
	}
	return nil
}
