package plan

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"

	"groupwriteback/internal/directory"
	"groupwriteback/internal/expression"
)

// Mapping is the table of the attributes that are written, apart from the names, the type
// and the members of a group. Everything that concerns an attribute walks the table: what
// is requested from Graph and from Active Directory, what is written, compared, confirmed
// and reported, and what a filter may name. To write one more attribute, add a row.
//
// [Standard] is the table as defined here, and [Mapping.With] adds what an administrator
// has set. A run uses its [Mapping.Compile] for one forest.
type Mapping []Row

// Row describes one attribute.
type Row struct {
	// Attribute is the LDAP name.
	Attribute string
	// Expression says what the values are, in the language of docs/mapping.md. Function
	// produces them otherwise. Exactly one of the two is set.
	Expression string   `json:",omitempty"`
	Function   Function `json:",omitempty"`
	// Apply says when the attribute is written, and Default is its value if the
	// expression is absent. Both go with Expression.
	Apply   Apply  `json:",omitempty"`
	Default string `json:",omitempty"`
	// When says which groups have the attribute.
	When When `json:",omitempty"`
	// Max is the maximum length of a value in UTF-16 units; 0 means any length. A longer
	// text is cut; any other longer value is left out.
	Max int `json:",omitempty"`
	// Several gives the attribute all values of its source. Otherwise it gets the first
	// one.
	Several bool `json:",omitempty"`
	// Compare determines when two values are the same.
	Compare Comparison
	// Shared keeps the values that others wrote. It requires Several.
	Shared bool `json:",omitempty"`
	// Custom marks a row that an administrator has set.
	Custom bool `json:",omitempty"`

	compiled *expression.Expression
}

// Open reports whether an administrator may set another expression for the attribute.
func (row *Row) Open() bool {
	return row.Function == "" && row.When != InCloud || row.When == ForOwners || row.Function == AuthenticatedTo || row.Function == HiddenFromLists
}

// Apply says when an attribute is written.
type Apply string

// The two choices; the zero value counts as ApplyAlways.
const (
	ApplyAlways         Apply = "Always"
	ApplyOnlyAtCreation Apply = "OnlyAtCreation" // what others make of it later stays
)

// Applies are all choices.
var Applies = []Apply{ApplyAlways, ApplyOnlyAtCreation}

// UnmarshalText ignores letter case.
func (a *Apply) UnmarshalText(text []byte) error { return directory.SetWord(a, text, Applies) }

// When says which groups have an attribute.
type When string

// The conditions. Every attribute also depends on the schema: if the forest does not allow
// it on groups, it is neither written nor compared.
const (
	Always When = ""
	// WithMail selects the groups whose type in Active Directory can have mail, or none
	// while the mail attribute is excluded.
	WithMail When = "mail"
	// AsRecipient selects the groups that are recipients of Exchange. What we wrote to
	// one that no longer is goes.
	AsRecipient When = "recipient"
	// InCloud selects all groups while they are to be marked as the cloud's. Our mark goes
	// when they no longer are.
	InCloud When = "cloud"
	// ForOwners selects all groups while their owners are to be written. What we wrote
	// goes when they no longer are.
	ForOwners When = "owners"
)

// Standard is the mapping of an administrator who has not chosen another one.
var Standard = mustParse(Mapping{
	{Attribute: directory.AttrDisplayName, Expression: "[displayName]", Max: 256, Compare: Text},
	{Attribute: "description", Expression: "[description]", Max: 448, Compare: Text}, // Microsoft's own writeback cuts here
	{Attribute: attrMail, Expression: "[mail]", When: WithMail, Max: 256, Compare: IgnoreCase},
	{Attribute: directory.AttrAdminDesc, Function: MarkOfGroup, Compare: Text},
	{Attribute: directory.AttrExternalID, Function: MarkOfGroup, Compare: Text},
	{Attribute: directory.AttrExtensionName, Function: StampOfTenant, Several: true, Compare: IgnoreCase, Shared: true},
	{Attribute: attrAuthority, Expression: `"Cloud"`, When: InCloud, Compare: IgnoreCase},
	{Attribute: directory.AttrManagedBy, Function: ManagerOfGroup, When: ForOwners, Compare: Object},
	{Attribute: directory.AttrCoManagedBy, Function: CoManagers, When: ForOwners, Several: true, Compare: Object, Shared: true},
	{Attribute: attrAlias, Function: AliasOfGroup, When: AsRecipient, Max: 64, Compare: Text},
	{Attribute: attrProxies, Function: AddressesOfGroup, When: AsRecipient, Max: maxProxy, Several: true, Compare: Address, Shared: true},
	{Attribute: attrTarget, Function: TargetOfGroup, When: AsRecipient, Max: maxProxy, Compare: Address},
	{Attribute: attrRecipientType, Function: RecipientType, When: AsRecipient, Compare: Number},
	{Attribute: "msExchRecipientDisplayType", Function: RecipientDisplay, When: AsRecipient, Compare: Number},
	{Attribute: "msExchPoliciesExcluded", Function: PoliciesExcluded, When: AsRecipient, Several: true, Compare: IgnoreCase, Shared: true},
	{Attribute: "msExchRequireAuthToSendTo", Function: AuthenticatedTo, When: AsRecipient, Compare: Boolean},
	{Attribute: "msExchHideFromAddressLists", Function: HiddenFromLists, When: AsRecipient, Compare: Boolean},
	{Attribute: "hideDLMembership", Function: HiddenMembers, When: AsRecipient, Compare: Boolean},
	{Attribute: attrLegacyDN, Function: LegacyName, When: AsRecipient, Compare: IgnoreCase},
	{Attribute: "showInAddressBook", Function: AddressLists, When: AsRecipient, Several: true, Compare: Name, Shared: true},
})

// attrAuthority marks an object that Active Directory may protect from all accounts but
// those on a list, since the cloud is in charge of it.
const attrAuthority = "msDS-ObjectSoa"

// withdrawn reports whether what we wrote to the attribute goes when the row no longer
// applies to the group, and nothing that others wrote.
func (w When) withdrawn() bool { return w == AsRecipient || w == InCloud || w == ForOwners }

// indispensable are the attributes without which a recipient would be an ordinary
// distribution group, or none.
var indispensable = []string{attrMail, attrAlias, attrProxies, attrTarget, attrRecipientType}

// Parse returns the mapping with its expressions compiled. The error is an
// [*expression.Error]. Which properties they read is checked by [Mapping.With] alone.
func (m Mapping) Parse() (Mapping, error) {
	parsed := slices.Clone(m)
	for i := range parsed {
		row := &parsed[i]
		if row.Expression == "" || row.compiled != nil {
			continue
		}
		var err error
		if row.compiled, err = expression.Compile(row.Expression, nil); err != nil {
			return nil, fmt.Errorf("the mapping of %s: %w", row.Attribute, err)
		}
	}
	return parsed, nil
}

// mustParse is [Mapping.Parse] for mappings that the code has.
func mustParse(m Mapping) Mapping {
	parsed, err := m.Parse()
	if err != nil {
		panic(err)
	}
	return parsed
}

// Compile returns the rows that apply in a forest, each with the limit that holds there.
// mail is false if the administrator has excluded the mail attribute. Where the schema
// lacks what a recipient cannot be without, none of the rows for recipients applies.
func (m Mapping) Compile(schema Schema, mail bool) Mapping {
	allowed := func(attribute string) bool {
		_, known := schema[attribute]
		return schema == nil || known
	}
	recipients := !slices.ContainsFunc(indispensable, func(name string) bool { return !allowed(name) })
	var compiled Mapping
	for _, row := range m {
		if row.names() || !allowed(row.Attribute) || row.When == WithMail && !mail || row.When == AsRecipient && !recipients {
			continue
		}
		known := schema[row.Attribute]
		if row.Compare == "" {
			if row.Compare, row.Several = known.Comparison(), known.Several; row.Compare == "" {
				continue
			}
		}
		if known.RangeUpper > 0 && (row.Max == 0 || known.RangeUpper < row.Max) {
			row.Max = known.RangeUpper
		}
		compiled = append(compiled, row)
	}
	return compiled
}

// Choice is what an administrator has chosen about rows that apply to some groups only.
type Choice struct {
	Mail MailRecipient
	// AddressLists puts recipients in the address lists, MarkAuthority marks all groups as
	// the cloud's, and Owners writes who owns them.
	AddressLists, MarkAuthority, Owners bool
}

// Needed returns the rows whose attributes are written with the choice. A run that only
// takes back what an earlier choice wrote has had the rights to do so.
func (m Mapping) Needed(choice Choice) Mapping {
	return slices.DeleteFunc(slices.Clone(m), func(row Row) bool {
		switch {
		case row.When == InCloud:
			return !choice.MarkAuthority
		case row.When == ForOwners:
			return !choice.Owners
		case row.When != AsRecipient:
			return false
		case row.Function == AddressLists || row.Function == LegacyName:
			return choice.Mail != MailRecipientRemote || !choice.AddressLists
		}
		return choice.Mail != MailRecipientRemote
	})
}

// Version identifies the mapping. What was read for one mapping may not be enough for
// another one, and what was written by one may differ from what another one would write.
func (m Mapping) Version() string {
	rows, err := json.Marshal(m)
	if err != nil {
		panic(err) // strings, numbers and booleans
	}
	return fmt.Sprintf("%x", sha256.Sum256(fmt.Appendf(nil, "%d %s", codeVersion, rows)))[:16]
}

// Attributes returns the LDAP names of the attributes that are written.
func (m Mapping) Attributes() []string {
	names := make([]string, 0, len(m))
	for i := range m {
		if !m[i].names() {
			names = append(names, m[i].Attribute)
		}
	}
	return names
}

// Properties returns the Graph properties to read of every group, in addition to those
// that tell what a group is.
func (m Mapping) Properties() []string {
	names := []string{directory.PropertyDisplayName} // names are made from it too
	for _, row := range mustParse(m) {
		for _, name := range row.properties() {
			if !isID(name) && !slices.Contains(names, name) && !slices.Contains(SingleProperties, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// properties returns the properties from which the row's values are made.
func (row *Row) properties() []string {
	if row.Function != "" {
		return functions[row.Function].properties
	}
	return row.compiled.Attributes()
}

// row returns the row of an attribute, or nil.
func (m Mapping) row(attribute string) *Row {
	for i := range m {
		if m[i].Attribute == attribute {
			return &m[i]
		}
	}
	return nil
}
