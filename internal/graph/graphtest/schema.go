package graphtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// kind is the type of a directory object.
type kind uint8

const (
	kindUser kind = iota
	kindGroup
	kindDevice
	kindContact
	kindServicePrincipal
	// kindAgent is a type that is younger than the clients.
	kindAgent
)

// property is one property of a resource type.
type property struct {
	name  string
	field int
	when  string // the tag "graph"

	boolean bool
}

// schema is a resource type: its properties and the ones that can be filtered.
type schema struct {
	name       string // user
	set        string // users, as in @odata.context
	properties []property
	filters    map[string]operators
	// readers are the application permissions for reading objects of this type; one is
	// enough.
	readers []string
}

func newSchema(name, set string, record any, filters map[string]operators, readers ...string) *schema {
	s := &schema{name: name, set: set, filters: filters, readers: readers}
	t := reflect.TypeOf(record)
	for i := range t.NumField() {
		f := t.Field(i)
		when := f.Tag.Get("graph")
		if when == "-" {
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		s.properties = append(s.properties, property{name: name, field: i, when: when, boolean: f.Type == reflect.TypeFor[*bool]()})
	}
	for name := range filters {
		if _, ok := s.property(name); !ok {
			panic("graphtest: filter on unknown property " + name)
		}
	}
	return s
}

// property finds a property by name. Graph ignores letter case in the names of
// properties (concepts/traverse-the-graph.md).
func (s *schema) property(name string) (property, bool) {
	for _, p := range s.properties {
		if strings.EqualFold(p.name, name) {
			return p, true
		}
	}
	return property{}, false
}

// defaults returns the properties that are returned without $select.
func (s *schema) defaults(version string) []property {
	var out []property
	for _, p := range s.properties {
		if p.when == "default" || p.when == "beta" && version == "beta" {
			out = append(out, p)
		}
	}
	return out
}

// value returns the value of a property: nil, string, bool, []string or
// json.RawMessage.
func (s *schema) value(record any, p property) any {
	f := reflect.ValueOf(record).Elem().Field(p.field)
	switch v := f.Interface().(type) {
	case string:
		if v == "" {
			return nil
		}
		return v
	case *bool:
		if v == nil {
			return nil
		}
		return *v
	case []string:
		return v
	case json.RawMessage:
		if v == nil {
			return nil
		}
		return v
	default:
		panic(fmt.Sprintf("graphtest: property %s has type %T", p.name, v))
	}
}

// appendValue writes a value returned by schema.value.
func appendValue(b *bytes.Buffer, value any) {
	switch v := value.(type) {
	case nil:
		b.WriteString("null")
	case []string:
		b.WriteByte('[')
		for i, s := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			appendValue(b, s)
		}
		b.WriteByte(']')
	case json.RawMessage:
		b.Write(v)
	default:
		data, err := json.Marshal(v)
		if err != nil {
			panic(err) // strings and booleans always marshal
		}
		b.Write(data)
	}
}

// appendEntity writes one object. If the collection holds several types, the object
// states its type. limited writes null for every property but the id
// (concepts/permissions-overview.md, "Limited information returned for inaccessible
// member objects").
func (s *schema) appendEntity(b *bytes.Buffer, record any, properties []property, typed, limited bool) {
	b.WriteByte('{')
	comma := false
	if typed {
		b.WriteString(`"@odata.type":"#microsoft.graph.` + s.name + `"`)
		comma = true
	}
	if limited {
		id, _ := s.property("id")
		if !hasProperty(properties, "id") {
			properties = append([]property{id}, properties...)
		}
	}
	for _, p := range properties {
		if comma {
			b.WriteByte(',')
		}
		comma = true
		b.WriteString(`"` + p.name + `":`)
		if limited && p.name != "id" {
			b.WriteString("null")
			continue
		}
		appendValue(b, s.value(record, p))
	}
	b.WriteByte('}')
}

func hasProperty(list []property, name string) bool {
	for _, p := range list {
		if p.name == name {
			return true
		}
	}
	return false
}

// support says which operators a property supports, from
// includes/filter-directory-objects.md and the property tables of group and user. Only
// what is listed here is accepted.
type support uint8

const (
	never    support = iota
	plain            // works by default
	advanced         // needs ConsistencyLevel: eventual and $count=true
)

type operators struct {
	eq, in, startsWith, null, any support
}

var groupFilters = map[string]operators{
	"id":                           {eq: plain, in: plain},
	"displayName":                  {eq: plain, in: plain, startsWith: plain, null: advanced},
	"mail":                         {eq: plain, in: plain, startsWith: plain, null: plain},
	"mailNickname":                 {eq: plain, in: plain, startsWith: plain, null: advanced},
	"mailEnabled":                  {eq: plain},
	"securityEnabled":              {eq: plain, in: plain},
	"groupTypes":                   {any: plain},
	"onPremisesSyncEnabled":        {eq: plain, in: plain, null: plain},
	"onPremisesSamAccountName":     {eq: advanced, in: advanced, startsWith: advanced},
	"onPremisesSecurityIdentifier": {null: advanced},
	"proxyAddresses":               {any: plain},
}

var userFilters = map[string]operators{
	"id":                           {eq: plain, in: plain},
	"accountEnabled":               {eq: plain, in: plain},
	"displayName":                  {eq: plain, in: plain, startsWith: plain, null: advanced},
	"mail":                         {eq: plain, in: plain, startsWith: plain},
	"userPrincipalName":            {eq: plain, in: plain, startsWith: plain},
	"userType":                     {eq: plain, in: plain, null: advanced},
	"onPremisesImmutableId":        {eq: advanced, in: advanced},
	"onPremisesSamAccountName":     {eq: advanced, in: advanced, startsWith: advanced},
	"onPremisesSecurityIdentifier": {null: advanced},
	"onPremisesSyncEnabled":        {eq: plain, in: plain},
}

var (
	groupReaders  = []string{"GroupMember.Read.All", "GroupMember.ReadWrite.All", "Group.Read.All", "Group.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}
	userReaders   = []string{"User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}
	deviceReaders = []string{"Device.Read.All", "Device.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}
	// deletedGroupReaders lacks GroupMember.Read.All, because listing and reading
	// deleted groups requires Group.Read.All (api/directory-deleteditems-list.md).
	deletedGroupReaders = []string{"Group.Read.All", "Group.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}
	// organizationReaders lacks User.Read.All (api/organization-list.md, application
	// permissions).
	organizationReaders = []string{"Organization.Read.All", "Organization.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}
	// syncReaders: api/onpremisesdirectorysynchronization-get.md says that application
	// permissions are not supported, but the permission exists as an application
	// permission. So the request succeeds here with the role and is denied without it;
	// a client has to handle both.
	syncReaders = []string{"OnPremDirectorySynchronization.Read.All", "OnPremDirectorySynchronization.ReadWrite.All"}
)

var schemas = [...]*schema{
	kindUser:             newSchema("user", "users", User{}, userFilters, userReaders...),
	kindGroup:            newSchema("group", "groups", Group{}, groupFilters, groupReaders...),
	kindDevice:           newSchema("device", "devices", Device{}, nil, deviceReaders...),
	kindContact:          newSchema("orgContact", "contacts", Contact{}, nil, "OrgContact.Read.All", "Directory.Read.All", "Directory.ReadWrite.All"),
	kindServicePrincipal: newSchema("servicePrincipal", "servicePrincipals", ServicePrincipal{}, nil, "Application.Read.All", "Application.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"),
	kindAgent:            newSchema("agentIdentity", "agentIdentities", AgentIdentity{}, nil, "AgentIdentity.Read.All", "Directory.Read.All", "Directory.ReadWrite.All"),
}

var (
	organizationSchema = newSchema("organization", "organization", organization{}, nil, organizationReaders...)
	syncSchema         = newSchema("onPremisesDirectorySynchronization", "directory/onPremisesSynchronization", onPremisesSync{}, nil, syncReaders...)
)

// castKind parses the type name of an OData cast. Graph also accepts the alias graph
// for the namespace microsoft.graph.
func castKind(segment string) (kind, bool) {
	name := strings.ToLower(segment)
	name, ok := strings.CutPrefix(strings.TrimPrefix(name, "microsoft."), "graph.")
	if !ok {
		return 0, false
	}
	for k, s := range schemas {
		if strings.EqualFold(s.name, name) {
			return kind(k), true
		}
	}
	return 0, false
}
