package graphtest

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Seed is the initial content of a tenant. Its JSON form is the seed file; unknown
// names in it are an error.
type Seed struct {
	Tenant            TenantInfo         `json:"tenant"`
	Roles             []string           `json:"roles,omitempty"` // see Options.Roles
	Users             []User             `json:"users,omitempty"`
	Groups            []Group            `json:"groups,omitempty"`
	Devices           []Device           `json:"devices,omitempty"`
	Contacts          []Contact          `json:"contacts,omitempty"`
	ServicePrincipals []ServicePrincipal `json:"servicePrincipals,omitempty"`
	AgentIdentities   []AgentIdentity    `json:"agentIdentities,omitempty"`
	Generate          *Generation        `json:"generate,omitempty"`
}

// TenantInfo describes the organization. Every field has a default.
type TenantInfo struct {
	ID          string `json:"id,omitempty"`
	DisplayName string `json:"displayName,omitempty"`
	// Domain is the verified default domain, such as contoso.onmicrosoft.com.
	Domain string `json:"domain,omitempty"`
	// OnPremisesDomain is the DNS name of the Active Directory domain from which
	// generated users appear to be synced.
	OnPremisesDomain string `json:"onPremisesDomain,omitempty"`
	// SyncFeatures are the features of /directory/onPremisesSynchronization.
	// unifiedGroupWritebackEnabled is Entra Connect's group writeback V1,
	// groupWriteBackEnabled its V2. Features not named here are false.
	SyncFeatures map[string]bool `json:"syncFeatures,omitempty"`
	// GroupSettings are the settings of Microsoft 365 groups that differ from the
	// template, such as NewUnifiedGroupWritebackDefault. If it is nil, the tenant has
	// no such settings.
	GroupSettings map[string]string `json:"groupSettings,omitempty"`
}

func (t TenantInfo) withDefaults() TenantInfo {
	if t.ID == "" {
		t.ID = derivedGUID("tenant", t.DisplayName).String()
	}
	if t.DisplayName == "" {
		t.DisplayName = "Contoso"
	}
	if t.Domain == "" {
		t.Domain = "contoso.onmicrosoft.com"
	}
	if t.OnPremisesDomain == "" {
		t.OnPremisesDomain = "contoso.test"
	}
	return t
}

// ParseSeed parses a seed file.
func ParseSeed(data []byte) (Seed, error) {
	var s Seed
	if err := decodeStrict(data, &s); err != nil {
		return Seed{}, fmt.Errorf("read the seed: %w", err)
	}
	return s, nil
}

func decodeStrict(data []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if d.More() {
		return fmt.Errorf("text after the JSON value")
	}
	return nil
}

// ADUser is a user of an on-premises Active Directory domain.
type ADUser struct {
	SamAccountName string `json:"samAccountName"`
	DN             string `json:"dn"`
	ObjectGUID     string `json:"objectGUID"` // canonical form
	ObjectSID      string `json:"objectSid"`
	UPN            string `json:"upn"`
	// ConsistencyGUID is mS-DS-ConsistencyGuid, base64 of 16 bytes, or nil.
	ConsistencyGUID *string `json:"consistencyGuid"`
}

// ParseADUsers parses a JSON array of ADUser.
func ParseADUsers(data []byte) ([]ADUser, error) {
	var users []ADUser
	if err := decodeStrict(data, &users); err != nil {
		return nil, fmt.Errorf("read the directory's users: %w", err)
	}
	return users, nil
}

// Synced returns the Entra user that synchronisation creates from an on-premises user.
// Its source anchor is mS-DS-ConsistencyGuid or, if there is none, objectGUID in the
// byte order of Active Directory.
func (u ADUser) Synced() (User, error) {
	var anchor string
	if u.ConsistencyGUID != nil {
		raw, err := base64.StdEncoding.DecodeString(*u.ConsistencyGUID)
		if err != nil || len(raw) != 16 {
			return User{}, fmt.Errorf("user %s: consistencyGuid %q is not base64 of 16 bytes", u.SamAccountName, *u.ConsistencyGUID)
		}
		anchor = *u.ConsistencyGUID
	} else {
		id, ok := parseGUID(u.ObjectGUID)
		if !ok {
			return User{}, fmt.Errorf("user %s: objectGUID %q is no GUID", u.SamAccountName, u.ObjectGUID)
		}
		raw := id.directoryBytes()
		anchor = base64.StdEncoding.EncodeToString(raw[:])
	}
	if u.SamAccountName == "" || u.ObjectSID == "" || u.DN == "" {
		return User{}, fmt.Errorf("user %q: samAccountName, objectSid and dn are needed", u.SamAccountName)
	}
	_, domain, _ := strings.Cut(u.UPN, "@")
	return User{
		ID:                           UserID(u.SamAccountName),
		DisplayName:                  commonName(u.DN),
		Mail:                         u.UPN,
		UserPrincipalName:            u.UPN,
		OnPremisesSyncEnabled:        Bool(true),
		OnPremisesImmutableID:        anchor,
		OnPremisesSamAccountName:     u.SamAccountName,
		OnPremisesUserPrincipalName:  u.UPN,
		OnPremisesDistinguishedName:  u.DN,
		OnPremisesDomainName:         domain,
		OnPremisesSecurityIdentifier: u.ObjectSID,
	}, nil
}

// commonName returns the unescaped value of the first component of a DN.
func commonName(dn string) string {
	var b []byte
	for i := strings.IndexByte(dn, '=') + 1; i < len(dn) && dn[i] != ','; i++ {
		if dn[i] != '\\' || i+1 == len(dn) {
			b = append(b, dn[i])
			continue
		}
		if hi, lo := fromHex(dn, i+1), fromHex(dn, i+2); hi >= 0 && lo >= 0 {
			b = append(b, byte(hi<<4|lo))
			i += 2
			continue
		}
		i++
		b = append(b, dn[i])
	}
	return string(b)
}

// fromHex returns the value of the hexadecimal digit at i, or -1.
func fromHex(s string, i int) int {
	if i >= len(s) {
		return -1
	}
	return strings.Index("0123456789abcdef", strings.ToLower(s[i:i+1]))
}

func domainDN(dns string) string {
	return "DC=" + strings.Join(strings.Split(dns, "."), ",DC=")
}

// load builds the directory from a seed.
func load(seed Seed, adUsers []ADUser, now func() time.Time) (*directory, error) {
	d := newDirectory(now)
	info := seed.Tenant.withDefaults()
	if _, ok := parseGUID(info.ID); !ok {
		return nil, fmt.Errorf("tenant: the id %q is no GUID", info.ID)
	}
	if err := checkGroupSettings(info.GroupSettings); err != nil {
		return nil, err
	}
	for _, a := range adUsers {
		u, err := a.Synced()
		if err != nil {
			return nil, err
		}
		if err := d.create(kindUser, completeUser(u, info, now)); err != nil {
			return nil, err
		}
	}
	for _, u := range seed.Users {
		if err := d.create(kindUser, completeUser(u, info, now)); err != nil {
			return nil, err
		}
	}
	for _, v := range seed.Devices {
		v.ID = idOr(v.ID, "device", v.DisplayName)
		if err := d.create(kindDevice, &v); err != nil {
			return nil, err
		}
	}
	for _, v := range seed.Contacts {
		v.ID = idOr(v.ID, "contact", v.Mail)
		if err := d.create(kindContact, &v); err != nil {
			return nil, err
		}
	}
	for _, v := range seed.ServicePrincipals {
		v.ID = idOr(v.ID, "servicePrincipal", v.DisplayName)
		if err := d.create(kindServicePrincipal, &v); err != nil {
			return nil, err
		}
	}
	for _, v := range seed.AgentIdentities {
		v.ID = idOr(v.ID, "agentIdentity", v.DisplayName)
		if err := d.create(kindAgent, &v); err != nil {
			return nil, err
		}
	}
	if seed.Generate != nil {
		if err := d.generate(*seed.Generate, info); err != nil {
			return nil, err
		}
	}
	// Create the groups without members first, because one may be a member of another.
	for _, g := range seed.Groups {
		if err := d.create(kindGroup, completeGroup(g, info, now)); err != nil {
			return nil, err
		}
	}
	for _, g := range seed.Groups {
		if err := d.seedMembers(g, info, now); err != nil {
			return nil, err
		}
	}
	// What the seed created does not count as a change.
	d.sequence, d.changes, d.past = 0, map[handle]*history{}, map[handle][]past{}
	return d, nil
}

func (d *directory) create(k kind, record any) error {
	before := len(d.objects)
	h, err := d.put(k, record, nil)
	if err == nil && int(h) < before {
		return fmt.Errorf("%s %s: two objects of the seed have this id", schemas[k].name, d.objects[h].id)
	}
	return err
}

func (d *directory) seedMembers(g Group, info TenantInfo, now func() time.Time) error {
	full := completeGroup(g, info, now)
	members, err := d.resolveAll(g.Members)
	if err != nil {
		return fmt.Errorf("group %q: member %w", g.DisplayName, err)
	}
	if members != nil {
		if _, err := d.put(kindGroup, full, members); err != nil {
			return err
		}
	}
	if err := d.putOwners(full.ID, g.Owners); err != nil {
		return err
	}
	if g.Deleted {
		if !g.IsUnified() {
			return fmt.Errorf("group %q: only a Microsoft 365 group can be among the deleted items", g.DisplayName)
		}
		return d.deleteGroup(full.ID)
	}
	return nil
}

func (d *directory) resolveAll(refs []string) ([]handle, error) {
	if refs == nil {
		return nil, nil
	}
	out := make([]handle, 0, len(refs))
	for _, ref := range refs {
		h, err := d.resolve(ref, false)
		if err != nil {
			return nil, err
		}
		out = append(out, h)
	}
	return out, nil
}

// generate adds the objects of a Generation without states.
func (d *directory) generate(g Generation, info TenantInfo) error {
	if err := g.validate(); err != nil {
		return err
	}
	d.generator = &generator{Generation: g, domain: info.Domain, forest: info.OnPremisesDomain}
	add := func(k kind, n int) {
		for i := range n {
			id := d.generator.id(schemas[k].name, i)
			d.index[id] = handle(len(d.objects))
			d.byKind[k] = append(d.byKind[k], handle(len(d.objects)))
			d.objects = append(d.objects, object{id: id, kind: k, generated: int32(i + 1)})
		}
		d.sortKind(k)
	}
	first := handle(len(d.objects))
	add(kindUser, g.Users)
	if g.Users == 0 {
		d.generator.population = sorted(d.byKind[kindUser])
	} else {
		for i := range g.Users {
			d.generator.population = append(d.generator.population, first+handle(i))
		}
	}
	if most := max(g.Members, g.Largest); g.Groups+g.SecurityGroups > 0 && most > len(d.generator.population) {
		return fmt.Errorf("generate: %d members a group from %d users", most, len(d.generator.population))
	}
	add(kindGroup, g.Groups+g.SecurityGroups)
	return nil
}

func idOr(id, kind, name string) string {
	if id != "" {
		return strings.ToLower(id)
	}
	return derivedGUID(kind, name).String()
}

// completeUser fills in what Entra would.
func completeUser(u User, info TenantInfo, now func() time.Time) *User {
	name := u.OnPremisesSamAccountName
	if name == "" {
		name = u.UserPrincipalName
	}
	u.ID = idOr(u.ID, "user", name)
	if u.UserType == "" {
		u.UserType = "Member"
	}
	if u.AccountEnabled == nil {
		u.AccountEnabled = Bool(true)
	}
	if u.CreatedDateTime == "" {
		u.CreatedDateTime = timestamp(now())
	}
	if u.MailNickname == "" {
		u.MailNickname, _, _ = strings.Cut(u.UserPrincipalName, "@")
	}
	if u.Mail != "" && u.ProxyAddresses == nil {
		u.ProxyAddresses = []string{"SMTP:" + u.Mail}
	}
	if id, ok := parseGUID(u.ID); ok && u.SecurityIdentifier == "" {
		u.SecurityIdentifier = cloudSID(id)
	}
	return &u
}

func completeGroup(g Group, info TenantInfo, now func() time.Time) *Group {
	g.ID = idOr(g.ID, "group", g.MailNickname)
	if g.CreatedDateTime == "" {
		g.CreatedDateTime = timestamp(now())
	}
	if g.RenewedDateTime == "" {
		g.RenewedDateTime = g.CreatedDateTime
	}
	unified := g.IsUnified()
	if g.MailEnabled == nil {
		g.MailEnabled = Bool(unified)
	}
	if g.SecurityEnabled == nil {
		g.SecurityEnabled = Bool(!unified)
	}
	if g.MailNickname == "" {
		sum := sha256.Sum256([]byte(g.ID))
		g.MailNickname = fmt.Sprintf("%x", sum[:5])
	}
	if *g.MailEnabled && g.Mail == "" {
		g.Mail = g.MailNickname + "@" + info.Domain
	}
	if g.Mail != "" && g.ProxyAddresses == nil {
		g.ProxyAddresses = []string{"SMTP:" + g.Mail}
	}
	if g.Visibility == "" && unified {
		g.Visibility = "Public"
	}
	if id, ok := parseGUID(g.ID); ok && g.SecurityIdentifier == "" {
		g.SecurityIdentifier = cloudSID(id)
	}
	g.Members, g.Owners, g.Deleted = nil, nil, false
	return &g
}
