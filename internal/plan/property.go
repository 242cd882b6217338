package plan

import (
	"regexp"
	"slices"
	"strings"

	"groupwriteback/internal/directory"
)

// Property is a property of a group in Microsoft Graph that an expression may name.
type Property struct {
	Name    string
	Several bool // a collection
	Boolean bool // True or False in expressions
	// Unlisted says why an expression cannot name the property, which Graph does not return
	// in lists of groups; empty if it does.
	Unlisted string
}

const onlySingly = "Graph returns it only when a single group is read"

// Properties are the properties of groups with simple values, as Graph's v1.0 documents
// the resource type group. Lists return all but those that are Unlisted, and the delta
// reports their changes.
var Properties = []Property{
	{Name: "classification"},
	{Name: "createdDateTime"},
	{Name: "description"},
	{Name: "displayName"},
	{Name: "expirationDateTime"},
	{Name: "groupTypes", Several: true},
	{Name: "id"},
	{Name: "isAssignableToRole", Boolean: true},
	{Name: "mail"},
	{Name: "mailEnabled", Boolean: true},
	{Name: "mailNickname"},
	{Name: "membershipRule"},
	{Name: "membershipRuleProcessingState"},
	{Name: "onPremisesLastSyncDateTime"},
	{Name: "onPremisesSamAccountName"},
	{Name: "onPremisesSecurityIdentifier"},
	{Name: "onPremisesSyncEnabled", Boolean: true},
	{Name: "preferredDataLocation"},
	{Name: "preferredLanguage"},
	{Name: "proxyAddresses", Several: true},
	{Name: "renewedDateTime"},
	{Name: "resourceBehaviorOptions", Several: true},
	{Name: "resourceProvisioningOptions", Several: true},
	{Name: "securityEnabled", Boolean: true},
	{Name: "securityIdentifier"},
	{Name: "theme"},
	{Name: "visibility"},

	{Name: "allowExternalSenders", Unlisted: onlySingly},
	{Name: "autoSubscribeNewMembers", Unlisted: onlySingly},
	{Name: "hideFromAddressLists", Unlisted: onlySingly},
	{Name: "hideFromOutlookClients", Unlisted: onlySingly},
	{Name: "isArchived", Unlisted: onlySingly},
	{Name: "isSubscribedByMail", Unlisted: onlySingly},
	{Name: "unseenCount", Unlisted: onlySingly},
	{Name: "hasMembersWithLicenseErrors", Unlisted: "Graph never returns it"},
	{Name: "owners", Unlisted: "owners are other objects, which would be read group by group"},
	{Name: "members", Unlisted: "members are other objects, and have the attribute member"},
}

// objectID is what Cloud Sync's mappings call the property id.
const objectID = "objectId"

func isID(name string) bool { return name == "id" || name == objectID }

// extension is the name that Graph gives to a directory extension.
var extension = regexp.MustCompile(`^extension_[0-9a-f]{32}_[A-Za-z0-9_]{1,100}$`)

// PropertyNames returns the names that an expression may have in brackets, besides those
// of directory extensions.
func PropertyNames() []string {
	var names []string
	for _, p := range Properties {
		if p.Unlisted == "" {
			names = append(names, p.Name)
		}
	}
	return append(names, objectID)
}

// property returns the table's entry of a name, or nil.
func property(name string) *Property {
	if i := slices.IndexFunc(Properties, func(p Property) bool { return p.Name == name }); i >= 0 {
		return &Properties[i]
	}
	return nil
}

// read returns the values that an expression sees. Booleans are True and False there, and
// JSON's true and false in what was read.
func read(g *directory.SourceGroup, name string) []string {
	if isID(name) {
		return []string{g.ID.String()}
	}
	values := g.Properties[name]
	if p := property(name); p != nil && p.Boolean && len(values) == 1 {
		return []string{strings.ToUpper(values[0][:1]) + values[0][1:]}
	}
	return values
}
