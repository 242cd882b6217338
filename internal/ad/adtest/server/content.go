package server

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Names of objects that the domain contains.
const (
	Domain     = domainName
	Base       = baseDN
	Container  = "OU=Writeback," + baseDN // where svc-gwb may create and change groups
	Other      = "OU=Other," + baseDN
	PeopleUnit = "OU=People," + baseDN

	// Service may write, Deleted may also see deleted objects, and NoRights may only
	// read. All of them have Password, as do svc-disabled, svc-expired, svc-mustchange
	// and svc-locked, whose names describe their state.
	Service  = "svc-gwb@" + domainName
	Deleted  = "svc-gwb-deleted@" + domainName
	NoRights = "svc-none@" + domainName
	Password = "Service-password-1"

	Administrator         = "Administrator@" + domainName
	AdministratorPassword = "Administrator-password-1"
)

// Person is a synced user, as known to a tenant that is synced from the domain.
type Person struct {
	SAMAccountName  string `json:"samAccountName"`
	DN              string `json:"dn"`
	ObjectGUID      string `json:"objectGUID"`
	ObjectSID       string `json:"objectSid"`
	ConsistencyGUID []byte `json:"consistencyGuid,omitempty"`
}

// newDomain creates the domain with the contents of a new installation and some users.
func newDomain(options Options) (*domain, []Person, error) {
	var seed [12]byte
	if _, err := rand.Read(seed[:]); err != nil {
		return nil, nil, err
	}
	d := &domain{
		rid: 1103, linkLimit: options.LinkLimit, recycleBin: options.RecycleBin,
		sid:     sid(append([]byte(makeSID(5, 21)), seed[:]...)),
		indexes: make(map[*attribute]*sorted[entry]),
	}
	for _, a := range indexed {
		d.indexes[a] = new(sorted[entry])
	}
	fixed := []byte(d.sid)
	fixed[1] = 4
	d.sid = sid(fixed)
	b := builder{domain: d, writer: writer{domain: d, system: true}}
	b.noExchange = options.NoExchange
	b.installation()
	people := b.content()
	return d, people, b.failed
}

func (d *domain) sidOf(rid uint32) sid {
	parts := []byte(d.sid)
	parts[1]++
	return sid(append(parts, byte(rid), byte(rid>>8), byte(rid>>16), byte(rid>>24)))
}

type builder struct {
	*domain
	writer     writer
	failed     error
	noExchange bool
}

// place stores an object without checks.
func (b *builder) place(parent *object, kind, value string, values map[string]string) *object {
	c := classOf(kind)
	o := &object{name: rdn{c.rdn, value}, class: c, values: make(map[*attribute][][]byte)}
	for name, v := range values {
		o.set(name, v)
	}
	b.insert(o, parent)
	return o
}

// make adds an object by the rules for an add request.
func (b *builder) make(dn, kind string, values map[string][]string) *object {
	lower := map[string][]string{"objectclass": {kind}}
	for name, v := range values {
		lower[strings.ToLower(name)] = v
	}
	o, bad := b.writer.create(dn, lower)
	if bad != nil {
		b.failed = fmt.Errorf("%s: %w", dn, bad)
		return &object{values: make(map[*attribute][][]byte), class: classOf(kind)}
	}
	return o
}

// renumber gives an account another SID.
func (b *builder) renumber(o *object, id sid) {
	o.sid = id
	b.file(o)
}

func (b *builder) installation() {
	d := b.domain
	d.head = b.place(nil, "domainDNS", "litware", map[string]string{})
	d.head.partition = true
	b.renumber(d.head, d.sid)
	d.head.entries = []ace{
		{trustee: authenticated, mask: listChildren | readProperty | readControl, inherits: true},
		{trustee: administrators, mask: allRights, inherits: true},
	}
	d.deleted = b.place(d.head, "container", "Deleted Objects", nil)
	d.deleted.deleted, d.deleted.protected = true, true
	d.deleted.entries = []ace{{trustee: administrators, mask: allRights, inherits: true}}

	configuration := b.place(d.head, "configuration", "Configuration", nil)
	configuration.partition = true
	head := b.place(configuration, "dMD", "Schema", map[string]string{"objectVersion": "88"})
	head.partition = true
	b.attributes(head)
	b.exchange(head, b.place(configuration, "container", "Services", nil))
	partitions := b.place(configuration, "container", "Partitions", nil)
	if d.recycleBin {
		partitions.set("msDS-EnabledFeature", "CN=Recycle Bin Feature,CN=Optional Features,CN=Directory Service,CN=Windows NT,CN=Services,"+configDN)
	}
	for name, p := range map[string][2]string{netbios: {baseDN, "3"}, "Enterprise Configuration": {configDN, "1"}, "Enterprise Schema": {schemaDN, "1"}} {
		b.place(partitions, "crossRef", name, map[string]string{"nCName": p[0], "systemFlags": p[1], "dnsRoot": domainName})
	}
	at := configuration
	for _, name := range []string{"Sites", "Default-First-Site-Name", "Servers"} {
		at = b.place(at, "container", name, nil)
	}
	at = b.place(at, "server", "DC1", nil)
	invocation := make([]byte, 16)
	_, _ = rand.Read(invocation)
	d.service = b.place(at, "nTDSDSA", "NTDS Settings", map[string]string{"invocationId": string(invocation)})

	critical := []*object{d.head}
	for _, name := range []string{"Users", "System", "Builtin"} {
		critical = append(critical, b.place(d.head, "container", name, nil))
	}
	b.place(critical[2], "container", "AdminSDHolder", nil)
	critical = append(critical, b.place(d.head, "organizationalUnit", "Domain Controllers", nil))
	d.foreign = b.place(d.head, "container", "ForeignSecurityPrincipals", nil)
	group := b.make("CN=Administrators,CN=Builtin,"+baseDN, "group", map[string][]string{"sAMAccountName": {"Administrators"}, "groupType": {"-2147483643"}})
	b.renumber(group, administrators)
	users := b.make("CN=Domain Users,CN=Users,"+baseDN, "group", map[string][]string{"sAMAccountName": {"Domain Users"}})
	b.renumber(users, d.sidOf(513))
	administrator := b.account("Administrator", AdministratorPassword, nil)
	b.renumber(administrator, d.sidOf(500))
	group.addMembers(administrator)
	disabled := map[string][]string{"userAccountControl": {fmt.Sprint(normalAccount | accountDisabled)}}
	guest, krbtgt := b.account("Guest", Password, disabled), b.account("krbtgt", Password, disabled)
	b.renumber(guest, d.sidOf(501))
	b.renumber(krbtgt, d.sidOf(502))
	critical = append(critical, group, users, administrator, guest, krbtgt)
	for name, rid := range map[string]uint32{"Domain Admins": 512, "Enterprise Admins": 519} {
		o := b.make("CN="+name+",CN=Users,"+baseDN, "group", map[string][]string{"sAMAccountName": {name}, "adminCount": {"1"}})
		b.renumber(o, d.sidOf(rid))
		o.addMembers(administrator)
		critical = append(critical, o)
	}
	for _, o := range critical {
		o.set("isCriticalSystemObject", "TRUE")
	}
}

// attributes stores the schema objects of the attributes.
func (b *builder) attributes(head *object) {
	for _, name := range slices.Sorted(maps.Keys(schema)) {
		a := schema[name]
		values := map[string]string{"lDAPDisplayName": a.name}
		if a.top > 0 {
			values["rangeUpper"] = strconv.Itoa(a.top)
		}
		if set, ok := parseGUID(a.set); ok {
			values["attributeSecurityGUID"] = string(set[:])
		}
		values["attributeSyntax"] = a.syntax.oid()
		values["isSingleValued"], values["systemOnly"] = ldapBoolean(a.single), ldapBoolean(a.system)
		b.place(head, "attributeSchema", a.name, values)
	}
}

// account creates a user that can sign in.
func (b *builder) account(name, password string, special map[string][]string) *object {
	values := map[string][]string{
		"sAMAccountName": {name}, "userPrincipalName": {name + "@" + domainName}, "userAccountControl": {fmt.Sprint(normalAccount)},
		"pwdLastSet": {"133000000000000000"},
	}
	for k, v := range special {
		values[k] = v
	}
	o := b.make("CN="+name+",CN=Users,"+baseDN, "user", values)
	o.password = password
	return o
}

func (b *builder) content() []Person {
	for _, unit := range []string{Container, Other, PeopleUnit} {
		b.make(unit, "organizationalUnit", nil)
	}
	container, _ := b.find(Container)
	for _, name := range []string{"svc-gwb", "svc-gwb-deleted"} {
		o := b.account(name, Password, nil)
		group := classOf("group")
		container.entries = append(container.entries,
			ace{trustee: o.sid, mask: createChild | deleteChild, child: group, inherits: true},
			ace{trustee: o.sid, mask: readProperty | writeProp | deleteObject | deleteTree | listChildren | readControl, inherits: true, inheritOnly: true, below: group})
		if name == "svc-gwb-deleted" {
			b.domain.deleted.entries = append(b.domain.deleted.entries, ace{trustee: o.sid, mask: listChildren | readProperty, inherits: true})
		}
	}
	b.account("svc-none", Password, nil)
	b.account(lockoutAccount, Password, nil)
	b.account("svc-disabled", Password, map[string][]string{"userAccountControl": {fmt.Sprint(normalAccount | accountDisabled)}})
	b.account("svc-expired", Password, map[string][]string{"accountExpires": {"125911584000000000"}})
	b.account("svc-mustchange", Password, map[string][]string{"pwdLastSet": {"0"}})

	// Names that need escaping in a DN or in a filter.
	names := [][2]string{{"obrien", "O'Brien, Zoë"}, {"plus", `#1 C++ "Team" <a>; x=y`}, {"backslash", `back\slash (and) * star`}, {"emoji", "Жанна 日本 😀"}}
	for n := range 40 {
		name := fmt.Sprintf("user%04d", n+1)
		names = append(names, [2]string{name, name})
	}
	var people []Person
	for i, n := range names {
		dn := rdn{"CN", n[1]}.String() + "," + PeopleUnit
		values := map[string][]string{"sAMAccountName": {n[0]}, "displayName": {n[1]}, "mail": {n[0] + "@" + domainName}, "userPrincipalName": {n[0] + "@" + domainName}}
		person := Person{SAMAccountName: n[0]}
		if i >= len(names)-10 {
			hash := sha256.Sum256([]byte(n[0]))
			person.ConsistencyGUID = hash[:16]
			values["mS-DS-ConsistencyGuid"] = []string{string(hash[:16])}
		}
		o := b.make(dn, "user", values)
		person.DN, person.ObjectGUID, person.ObjectSID = dn, o.guid.String(), o.sid.String()
		people = append(people, person)
	}
	for name, kind := range map[string]string{"people-global": "-2147483646", "people-local": "-2147483644"} {
		b.make("CN="+name+","+PeopleUnit, "group", map[string][]string{"sAMAccountName": {name}, "groupType": {kind}, "member": {"CN=user0001," + PeopleUnit}})
	}
	return people
}

func ldapBoolean(b bool) string {
	if b {
		return "TRUE"
	}
	return "FALSE"
}
