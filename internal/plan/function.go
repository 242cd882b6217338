package plan

import (
	"strconv"
	"strings"

	"groupwriteback/internal/directory"
)

// Function names the source of an attribute whose values come from no single property.
type Function string

// The functions.
const (
	MarkOfGroup   Function = "mark"
	StampOfTenant Function = "stamp" // and, on what was adopted, that it was

	// What a recipient has.
	AliasOfGroup     Function = "alias"
	AddressesOfGroup Function = "addresses" // the target address is among them
	TargetOfGroup    Function = "target address"
	RecipientType    Function = "recipient type"
	RecipientDisplay Function = "display type"
	PoliciesExcluded Function = "exclusion from address policies"
	AuthenticatedTo  Function = "opposite of allowExternalSenders"
	HiddenFromLists  Function = "hiding from address lists"
	HiddenMembers    Function = "hidden membership"
	AddressLists     Function = "filters of the address lists"
	LegacyName       Function = "id of the group"

	// Who owns the group.
	ManagerOfGroup Function = "manager among the owners with an account"
	CoManagers     Function = "other owners with an account"
)

// origin is a function and the properties that it reads. flows is false if the attribute
// stays as it is.
type origin struct {
	properties []string
	values     func(s *subject) (values []string, flows bool)
}

// The properties that Graph returns for a single group only, and that no delta tracks.
const (
	propertyExternalSenders = "allowExternalSenders"
	propertyHiddenFromLists = "hideFromAddressLists"
)

// SingleProperties are the properties that can be read for a single group only.
var SingleProperties = []string{propertyExternalSenders, propertyHiddenFromLists}

var functions = map[Function]origin{
	MarkOfGroup: {nil, func(s *subject) ([]string, bool) { return []string{directory.Mark(s.group.ID)}, true }},
	StampOfTenant: {nil, func(s *subject) ([]string, bool) {
		stamps := []string{directory.Stamp(s.rules.TenantID)}
		if s.adopted {
			stamps = append(stamps, directory.AdoptedStamp(s.rules.TenantID))
		}
		return stamps, true
	}},
	AliasOfGroup:     {[]string{attrAlias}, func(s *subject) ([]string, bool) { return []string{s.recipient.alias}, true }},
	AddressesOfGroup: {[]string{attrProxies, attrMail}, func(s *subject) ([]string, bool) { return s.recipient.addresses, true }},
	TargetOfGroup:    {nil, func(s *subject) ([]string, bool) { return []string{s.recipient.target}, true }},
	RecipientType:    {nil, func(*subject) ([]string, bool) { return []string{remoteGroupMailbox}, true }},
	RecipientDisplay: {nil, func(s *subject) ([]string, bool) { return []string{displayTypes[s.rules.DisplayType]}, true }},
	PoliciesExcluded: {nil, func(*subject) ([]string, bool) { return []string{noAddressPolicy}, true }},
	AuthenticatedTo: {[]string{propertyExternalSenders}, func(s *subject) ([]string, bool) {
		return s.singly(propertyExternalSenders, func(allowed bool) bool { return !allowed })
	}},
	HiddenFromLists: {[]string{propertyHiddenFromLists}, func(s *subject) ([]string, bool) {
		return s.singly(propertyHiddenFromLists, func(hidden bool) bool { return hidden })
	}},
	AddressLists:   {nil, nil}, // needs what the other rows give, see Row.raw
	LegacyName:     {nil, (*subject).legacyName},
	ManagerOfGroup: {nil, (*subject).manager},
	CoManagers:     {nil, (*subject).coManagers},
	HiddenMembers: {nil, func(s *subject) ([]string, bool) {
		if strings.EqualFold(s.group.Visibility, directory.HiddenMembership) {
			return []string{"TRUE"}, true
		}
		return nil, true
	}},
}

// singly returns the value that follows from a property that can be read for a single
// group only, and perhaps not at all. While it is unread, a new recipient begins with
// TRUE, the careful value, and any other stays as it is.
func (s *subject) singly(property string, value func(bool) bool) ([]string, bool) {
	said := s.group.Properties.First(property)
	if said == "" {
		return []string{"TRUE"}, s.recipient.begins
	}
	return []string{strings.ToUpper(strconv.FormatBool(value(strings.EqualFold(said, "true"))))}, true
}
