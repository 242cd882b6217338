package graphtest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Options are the settings of a Tenant. In the zero value, the tenant's application may
// read groups, members and users.
type Options struct {
	// Listen is the address of the HTTPS server; the default is 127.0.0.1:0.
	Listen string
	// ClientID and ClientSecret belong to the registered application; if empty, New
	// makes them up.
	ClientID, ClientSecret string
	// Roles are the application permissions in new tokens. If nil, the seed's roles are
	// used, or else DefaultRoles.
	Roles []string
	// ManagedIdentity starts an endpoint for the App Service protocol on a second
	// listener, over plain HTTP on the loopback address.
	ManagedIdentity bool
	// TokenLifetime is the lifetime of new access tokens; the default is one hour.
	TokenLifetime time.Duration
	// PageLimit, if above 0, is the largest number of objects on a page, even if $top
	// is higher, so that a test gets many pages from little data.
	PageLimit int
	// DeltaMembers is the largest number of members@delta entries on one page; the
	// default is 500.
	DeltaMembers int
	// ADUsers are the users of an on-premises directory. They are added to every seed
	// as synced users.
	ADUsers []ADUser
	// Now is the clock; the default is time.Now.
	Now func() time.Time
}

// DefaultRoles are the permissions needed to read groups, members, deleted groups and
// the organization, but not hidden memberships.
var DefaultRoles = []string{"Group.Read.All", "GroupMember.Read.All", "OnPremDirectorySynchronization.Read.All", "Organization.Read.All", "User.Read.All"}

// Tenant is a simulated Entra tenant. Its methods may be called from any goroutine at
// any time, even while it serves requests.
type Tenant struct {
	options                Options
	clientID, clientSecret string
	signingKey             []byte
	federationKey          []byte
	started                error // the error of the first seed

	passed atomic.Int64 // by how much the clock was moved forward

	logMu    sync.Mutex
	requests []Request

	mu              sync.RWMutex // guards all fields below
	seed, first     Seed
	tenant          TenantInfo
	directory       *directory
	epoch           string // used in delta and page tokens
	roles           []string
	lifetime        time.Duration
	secretExpired   bool
	tokenGeneration int
	certificates    []*x509.Certificate
	faults          []*Fault
	lastFault       int
	bucket          bucket
	latency         time.Duration
	pageLimit       int
	lagging         Lag
	behind          Behind
}

// Lag says which reads a held replica answers; see Tenant.HoldReplica.
type Lag struct {
	// Reads are all GET requests other than delta.
	Reads bool `json:"reads"`
	// Delta are delta requests.
	Delta bool `json:"delta"`
}

// New creates a tenant with the content of a seed. If the seed is invalid, Start
// reports it.
func New(seed Seed, options Options) *Tenant {
	t := &Tenant{
		options:       options,
		clientID:      options.ClientID,
		clientSecret:  options.ClientSecret,
		signingKey:    randomBytes(32),
		federationKey: randomBytes(32),
		first:         seed,
	}
	if t.clientID == "" {
		t.clientID = derivedGUID("application", "GroupWriteback").String()
	}
	if t.clientSecret == "" {
		t.clientSecret = "secret~" + rand.Text()
	}
	t.started = t.Reset()
	return t
}

// Reset restores the first seed and all initial settings: no faults, no throttling, no
// lag, an empty log. Credentials, keys and the clock stay as they are; tokens of delta
// queries and pages become invalid.
func (t *Tenant) Reset() error {
	if err := t.LoadSeed(t.first); err != nil {
		return err
	}
	t.ClearRequests()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lifetime = t.options.TokenLifetime
	if t.lifetime == 0 {
		t.lifetime = time.Hour
	}
	t.secretExpired, t.faults, t.bucket, t.latency = false, nil, bucket{}, 0
	t.pageLimit = t.options.PageLimit
	return nil
}

// LoadSeed replaces the content of the tenant, including its roles. The tenant's id
// stays unless the seed names one.
func (t *Tenant) LoadSeed(seed Seed) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if seed.Tenant.ID == "" {
		seed.Tenant.ID = t.tenant.ID
	}
	d, err := load(seed, t.options.ADUsers, t.now)
	if err != nil {
		return err
	}
	t.seed, t.directory, t.tenant = seed, d, seed.Tenant.withDefaults()
	t.epoch, t.lagging, t.behind = randomGUID(), Lag{}, Behind{}
	t.roles = DefaultRoles
	if seed.Roles != nil {
		t.roles = seed.Roles
	}
	if t.options.Roles != nil {
		t.roles = t.options.Roles
	}
	return nil
}

func (t *Tenant) now() time.Time {
	clock := time.Now
	if t.options.Now != nil {
		clock = t.options.Now
	}
	return clock().Add(time.Duration(t.passed.Load()))
}

func (t *Tenant) info() TenantInfo {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.tenant
}

func (t *Tenant) tokenLifetime() time.Duration {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.lifetime
}

// isTenant reports whether the name is the tenant's id or its verified domain.
func (t *Tenant) isTenant(name string) bool {
	info := t.info()
	return strings.EqualFold(name, info.ID) || strings.EqualFold(name, info.Domain)
}

// change runs a mutation under the lock.
func (t *Tenant) change(f func(*directory) error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return f(t.directory)
}

// PutGroup creates a group, or replaces the properties of an existing one and, unless
// they are nil, its members and its owners. It returns the group's id: g.ID, or else one derived from
// g.MailNickname.
func (t *Tenant) PutGroup(g Group) (id string, err error) {
	err = t.change(func(d *directory) error {
		full := completeGroup(g, t.tenant, t.now)
		id = full.ID
		if _, _, err := d.group(id, true); err == nil {
			return fmt.Errorf("group %s: it is among the deleted items", id)
		}
		members, err := d.resolveAll(g.Members)
		if err != nil {
			return err
		}
		if _, err = d.put(kindGroup, full, members); err != nil {
			return err
		}
		return d.putOwners(id, g.Owners)
	})
	return id, err
}

// PatchGroup sets properties of a group by their Graph names; nil sets null.
func (t *Tenant) PatchGroup(id string, set map[string]any) error {
	return t.change(func(d *directory) error {
		_, g, err := d.group(id, false)
		if err != nil {
			return err
		}
		next := &Group{}
		if err := patch(g, set, next); err != nil {
			return fmt.Errorf("group %s: %w", id, err)
		}
		_, err = d.put(kindGroup, next, nil)
		return err
	})
}

// DeleteGroup moves a Microsoft 365 group to the deleted items. Any other group is
// hard-deleted at once.
func (t *Tenant) DeleteGroup(id string) error {
	return t.change(func(d *directory) error { return d.deleteGroup(id) })
}

// PurgeGroup removes a group from the deleted items for good.
func (t *Tenant) PurgeGroup(id string) error {
	return t.change(func(d *directory) error { return d.purgeGroup(id) })
}

// RestoreGroup restores a group from the deleted items, with its members.
func (t *Tenant) RestoreGroup(id string) error {
	return t.change(func(d *directory) error { return d.restoreGroup(id) })
}

// AddMember adds a member, named as in Group.Members.
func (t *Tenant) AddMember(group, member string) error {
	return t.change(func(d *directory) error { return d.addMember(group, member) })
}

// RemoveMember removes a member, named as in Group.Members.
func (t *Tenant) RemoveMember(group, member string) error {
	return t.change(func(d *directory) error { return d.removeMember(group, member) })
}

// SetOwners replaces the owners, named as in Group.Members.
func (t *Tenant) SetOwners(group string, owners []string) error {
	return t.change(func(d *directory) error { return d.putOwners(group, append([]string{}, owners...)) })
}

// PutUser creates a user or replaces its properties, and returns its id: u.ID, or else
// UserID of its sAMAccountName or user principal name.
func (t *Tenant) PutUser(u User) (id string, err error) {
	err = t.change(func(d *directory) error {
		full := completeUser(u, t.tenant, t.now)
		id = full.ID
		_, err := d.put(kindUser, full, nil)
		return err
	})
	return id, err
}

// PatchUser sets properties of a user (named as in Group.Members) by their Graph names;
// nil sets null.
func (t *Tenant) PatchUser(user string, set map[string]any) error {
	return t.change(func(d *directory) error {
		_, u, err := d.user(user, false)
		if err != nil {
			return err
		}
		next := &User{}
		if err := patch(u, set, next); err != nil {
			return fmt.Errorf("user %s: %w", user, err)
		}
		_, err = d.put(kindUser, next, nil)
		return err
	})
}

// DeleteUser moves a user to the deleted items. The user is then no longer a member of
// any group.
func (t *Tenant) DeleteUser(user string) error {
	return t.change(func(d *directory) error { return d.deleteUser(user) })
}

// PurgeUser removes a deleted user for good.
func (t *Tenant) PurgeUser(user string) error {
	return t.change(func(d *directory) error { return d.purgeUser(user) })
}

// RestoreUser restores a deleted user, including its memberships.
func (t *Tenant) RestoreUser(user string) error {
	return t.change(func(d *directory) error { return d.restoreUser(user) })
}

// patch writes old into next, with some properties replaced.
func patch(old any, set map[string]any, next any) error {
	data, err := json.Marshal(old)
	if err != nil {
		return err
	}
	all := map[string]any{}
	if err := json.Unmarshal(data, &all); err != nil {
		return err
	}
	for name, value := range set {
		switch name {
		case "id", "members", "owners", "deleted", "deletedDateTime":
			return fmt.Errorf("the property %s cannot be patched", name)
		}
		// Keep null in the map: decoding it leaves the zero value, and an unknown name
		// is still detected.
		all[name] = value
	}
	if data, err = json.Marshal(all); err != nil {
		return err
	}
	return decodeStrict(data, next)
}

// SetRoles sets the application permissions in tokens issued from now on. Older tokens
// keep theirs, as in Entra.
func (t *Tenant) SetRoles(roles ...string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.roles = append([]string{}, roles...)
}

// SetTokenLifetime sets the lifetime of tokens issued from now on.
func (t *Tenant) SetTokenLifetime(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lifetime = d
}

// RevokeTokens makes Graph refuse every token issued so far.
func (t *Tenant) RevokeTokens() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tokenGeneration++
}

// SetSecretExpired sets whether the client secret has expired.
func (t *Tenant) SetSecretExpired(expired bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.secretExpired = expired
}

// RegisterCertificate makes the application accept client assertions signed with an RSA
// certificate.
func (t *Tenant) RegisterCertificate(cert *x509.Certificate) error {
	if _, ok := cert.PublicKey.(*rsa.PublicKey); !ok {
		return fmt.Errorf("certificate %s: its key is %T, want RSA", cert.Subject, cert.PublicKey)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.certificates = append(t.certificates[:len(t.certificates):len(t.certificates)], cert)
	return nil
}

func rsaKey(cert *x509.Certificate) *rsa.PublicKey { return cert.PublicKey.(*rsa.PublicKey) }

// SetThrottle starts with an empty bucket; the zero Throttle ends throttling.
func (t *Tenant) SetThrottle(th Throttle) error {
	th, err := th.resolve()
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.bucket = bucket{Throttle: th, last: t.now()}
	return nil
}

// SetLatency delays every answer of Graph and of the authority.
func (t *Tenant) SetLatency(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.latency = d
}

// SetPageLimit sets Options.PageLimit; 0 removes the limit.
func (t *Tenant) SetPageLimit(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pageLimit = n
}

// AddFault adds a fault and returns its id.
func (t *Tenant) AddFault(f Fault) (id int, err error) {
	if err := f.validate(); err != nil {
		return 0, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lastFault++
	f.ID, f.Hits, f.seen = t.lastFault, 0, 0
	t.faults = append(t.faults, &f)
	return f.ID, nil
}

// Faults returns the faults and how often they were applied.
func (t *Tenant) Faults() []Fault {
	t.mu.RLock()
	defer t.mu.RUnlock()
	out := make([]Fault, 0, len(t.faults))
	for _, f := range t.faults {
		out = append(out, *f)
	}
	return out
}

// ClearFaults removes all faults.
func (t *Tenant) ClearFaults() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.faults = nil
}

// HoldReplica makes the chosen reads show the tenant as it is now, whatever changes,
// until CatchUpReplica. This simulates a lagging replica without a clock. A delta query
// that is not held reports changes that other reads do not show yet.
func (t *Tenant) HoldReplica(lag Lag) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.directory.heldSequence = t.directory.sequence
	t.lagging = lag
}

// SetUsersUnreported makes the groups' delta omit members that are deleted or restored from
// now on. The users' delta always reports them.
func (t *Tenant) SetUsersUnreported(unreported bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.directory.usersUnreported = unreported
}

// SetGroupsUnreported makes the groups' delta omit groups that are soft-deleted or restored
// from now on, including their memberships.
func (t *Tenant) SetGroupsUnreported(unreported bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.directory.groupsUnreported = unreported
}

// CatchUpReplica ends HoldReplica.
func (t *Tenant) CatchUpReplica() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lagging = Lag{}
}

// ExpireDeltaTokens invalidates every delta token issued so far, as after their
// lifetime of 7 days.
func (t *Tenant) ExpireDeltaTokens() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.epoch = randomGUID()
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

func randomGUID() string { return guid(randomBytes(16)).String() }
