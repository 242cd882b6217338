package plan

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"

	"groupwriteback/internal/directory"
)

// Mapping is the table of the attributes that are written, apart from the names, the type
// and the members of a group. Everything that concerns an attribute walks the table: what
// is requested from Graph and from Active Directory, what is written, compared, confirmed
// and reported, and what a filter may name. To write one more attribute, add a row.
//
// [Standard] is the table as defined here. A run uses its [Mapping.Compile] for one
// forest.
type Mapping []Row

// Row describes one attribute.
type Row struct {
	// Attribute is the LDAP name.
	Attribute string
	// Property is the Graph property that the values come from. Function produces them
	// otherwise. Exactly one of the two is set.
	Property string   `json:",omitempty"`
	Function Function `json:",omitempty"`
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
}

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
)

// Standard is the mapping of an administrator who has not chosen another one.
var Standard = Mapping{
	{Attribute: directory.AttrDisplayName, Property: directory.PropertyDisplayName, Max: 256, Compare: Text},
	{Attribute: "description", Property: "description", Max: 448, Compare: Text}, // Microsoft's own writeback cuts here
	{Attribute: attrMail, Property: "mail", When: WithMail, Max: 256, Compare: IgnoreCase},
	{Attribute: directory.AttrAdminDesc, Function: MarkOfGroup, Compare: Text},
	{Attribute: directory.AttrExternalID, Function: MarkOfGroup, Compare: Text},
	{Attribute: directory.AttrExtensionName, Function: StampOfTenant, Several: true, Compare: IgnoreCase, Shared: true},
	{Attribute: attrAlias, Function: AliasOfGroup, When: AsRecipient, Max: 64, Compare: Text},
	{Attribute: attrProxies, Function: AddressesOfGroup, When: AsRecipient, Max: maxProxy, Several: true, Compare: Address, Shared: true},
	{Attribute: attrTarget, Function: TargetOfGroup, When: AsRecipient, Max: maxProxy, Compare: Address},
	{Attribute: attrRecipientType, Function: RecipientType, When: AsRecipient, Compare: Number},
	{Attribute: "msExchRecipientDisplayType", Function: RecipientDisplay, When: AsRecipient, Compare: Number},
	{Attribute: "msExchPoliciesExcluded", Function: PoliciesExcluded, When: AsRecipient, Several: true, Compare: IgnoreCase, Shared: true},
	{Attribute: "msExchRequireAuthToSendTo", Function: AuthenticatedTo, When: AsRecipient, Compare: Boolean},
	{Attribute: "msExchHideFromAddressLists", Function: HiddenFromLists, When: AsRecipient, Compare: Boolean},
	{Attribute: "hideDLMembership", Function: HiddenMembers, When: AsRecipient, Compare: Boolean},
}

// indispensable are the attributes without which a recipient would be an ordinary
// distribution group, or none.
var indispensable = []string{attrMail, attrAlias, attrProxies, attrTarget, attrRecipientType}

// Schema is what a forest's schema says about attributes of groups, by their names in the
// mapping. It lacks the attributes that groups cannot have. A nil Schema says nothing.
type Schema map[string]AttributeSchema

// AttributeSchema is what the schema says about one attribute.
type AttributeSchema struct {
	// RangeUpper is the maximum length of a text; 0 means no limit.
	RangeUpper int
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
		if !allowed(row.Attribute) || row.When == WithMail && !mail || row.When == AsRecipient && !recipients {
			continue
		}
		if limit := schema[row.Attribute].RangeUpper; limit > 0 && (row.Max == 0 || limit < row.Max) {
			row.Max = limit
		}
		compiled = append(compiled, row)
	}
	return compiled
}

// Needed returns the rows whose attributes are written with the choice. A run that only
// takes back what an earlier choice wrote has had the rights to do so.
func (m Mapping) Needed(choice MailRecipient) Mapping {
	return slices.DeleteFunc(slices.Clone(m), func(row Row) bool { return row.When == AsRecipient && choice != MailRecipientRemote })
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
	names := make([]string, len(m))
	for i, row := range m {
		names[i] = row.Attribute
	}
	return names
}

// Properties returns the Graph properties to read of every group, in addition to those
// that tell what a group is.
func (m Mapping) Properties() []string {
	names := []string{directory.PropertyDisplayName} // names are made from it too
	for _, row := range m {
		for _, property := range row.properties() {
			if !slices.Contains(names, property) && !slices.Contains(SingleProperties, property) {
				names = append(names, property)
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
	return []string{row.Property}
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
