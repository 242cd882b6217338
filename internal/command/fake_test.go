package command_test

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/descriptor"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/exchange"
	"groupwriteback/internal/ldif"
	"groupwriteback/internal/plan"
)

var (
	tenantID    = directory.MustGUID("11111111-1111-1111-1111-111111111111")
	containerID = directory.MustGUID("cccccccc-cccc-cccc-cccc-cccccccccccc")
	domain      = contract.DomainRef{GUID: directory.MustGUID("dddddddd-dddd-dddd-dddd-dddddddddddd"), SID: "S-1-5-21-1-2-3", Name: "contoso.test"}
)

const containerDN = "OU=Groups,DC=contoso,DC=test"

// guid derives a GUID from a text.
func guid(text string) directory.GUID {
	sum := sha256.Sum256([]byte(text))
	return directory.GUID(sum[:16])
}

// faults make operations fail on purpose. fail is called before each operation.
type faults struct {
	mu   sync.Mutex
	fail func(operation string) error
	seen []string
	// waits is called for each operation, with its context.
	waits func(ctx context.Context, operation string)
}

func (f *faults) check(ctx context.Context, operation string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seen = append(f.seen, operation)
	if f.waits != nil {
		f.waits(ctx, operation)
	}
	if err := ctx.Err(); err != nil {
		return &contract.Error{Category: contract.Stopped, ID: "Cancelled", Message: "cancelled", Err: err}
	}
	if f.fail == nil {
		return nil
	}
	return f.fail(operation)
}

// fakeTenant is a tenant in memory. The real one is tested end to end; this one fails
// where a test wants it to.
type fakeTenant struct {
	faults
	groups  map[directory.GUID]*fakeGroup
	owners  map[directory.GUID][]directory.SourceMember
	mail    map[directory.GUID]directory.Values   // properties that are read for a single group only
	deleted map[directory.GUID]directory.Presence // soft- or HardDeleted
	roles   []string
	repeats int // how often each page of groups is repeated
	// moments has the tenant as it was when each delta link was issued. A link is the
	// index of its moment.
	moments []moment
	bins    []map[directory.GUID]directory.Presence // what was deleted at each moment
	// expired is the first link that is still accepted.
	expired int
	// lagging is what a lagging replica shows to everything except delta queries.
	lagging    *moment
	lagDeleted map[directory.GUID]directory.Presence
	lagLinks   int // links that were issued before it began to lag
	// behind is how far the replica lags that answers each kind of request. past has the
	// tenant as it was at each time, see remember.
	behind   map[resource]time.Duration
	past     []snapshot
	clock    func() time.Time
	recorded []int                                   // for each moment, how much of past came before it
	synced   map[string]bool                         // users who became synchronised
	veiled   bool                                    // the user of that name cannot be read
	natures  map[directory.GUID]contract.GroupNature // groups that are never written
	terse    bool                                    // deltas report only what has changed
	// gone has the names of the deleted users, and goneAt those who were deleted when
	// each link was issued. back is the number of links there were when a user was
	// restored. The delta of the groups reports none of this.
	gone      map[directory.GUID]string
	goneAt    []map[directory.GUID]string
	back      map[directory.GUID]int
	names     map[directory.GUID]string
	byDefault contract.Tristate
	asked     []directory.GUID // groups whose members were read
}

// resource is a kind of request. Each kind may be answered by another replica.
type resource string

const (
	lists        resource = "lists"
	byID         resource = "groups by id"
	single       resource = "single reads"
	deletedItems resource = "deleted items"
	memberships  resource = "members"
	users        resource = "users"
)

var resources = []resource{lists, byID, single, deletedItems, memberships, users}

// snapshot is the tenant from a point in time on.
type snapshot struct {
	at      time.Time
	groups  moment
	deleted map[directory.GUID]directory.Presence
}

// remember keeps the present tenant for replicas that lag.
func (t *fakeTenant) remember() {
	t.past = append(t.past, snapshot{t.clock(), t.now(), maps.Clone(t.deleted)})
}

// then returns what the replica knows that answers this kind of request. ok is false if
// the replica is up to date.
func (t *fakeTenant) then(kind resource) (r snapshot, ok bool) {
	behind := t.behind[kind]
	if behind == 0 || len(t.past) == 0 {
		return r, false
	}
	at := t.clock().Add(-behind)
	r = t.past[0]
	for _, p := range t.past {
		if p.at.After(at) {
			break
		}
		r = p
	}
	return r, true
}

// moment is a copy of the tenant.
type moment map[directory.GUID]fakeGroup

func (t *fakeTenant) now() moment {
	m := moment{}
	for id, g := range t.groups {
		members := slices.DeleteFunc(slices.Clone(g.members), func(m directory.SourceMember) bool { return t.gone[m.ID] != "" })
		m[id] = fakeGroup{g.SourceGroup, members}
	}
	return m
}

// MailSettings returns what mail says of each group; a group that it lacks cannot be read.
func (t *fakeTenant) MailSettings(ctx context.Context, ids []directory.GUID) (map[directory.GUID]directory.Values, error) {
	if err := t.check(ctx, "mail settings"); err != nil {
		return nil, err
	}
	said := map[directory.GUID]directory.Values{}
	for _, id := range ids {
		if values, ok := t.mail[id]; ok {
			said[id] = values
		}
	}
	return said, nil
}

// Owners returns the owners of each group that there is.
func (t *fakeTenant) Owners(ctx context.Context, ids []directory.GUID) (map[directory.GUID][]directory.SourceMember, error) {
	if err := t.check(ctx, "owners"); err != nil {
		return nil, err
	}
	said := map[directory.GUID][]directory.SourceMember{}
	for _, id := range ids {
		if g, ok := t.shown(memberships)[id]; ok {
			said[id] = t.owners[g.ID]
		}
	}
	return said, nil
}

// lag makes a replica lag from now on. A replica that lags already stays where it is.
func (t *fakeTenant) lag() {
	if t.lagging == nil {
		now := t.now()
		t.lagging, t.lagDeleted, t.lagLinks = &now, maps.Clone(t.deleted), len(t.moments)
	}
}

// shown returns what readings other than delta queries show.
func (t *fakeTenant) shown(kind resource) moment {
	if then, ok := t.then(kind); ok {
		return then.groups
	}
	if t.lagging != nil {
		return *t.lagging
	}
	return t.now()
}

type fakeGroup struct {
	directory.SourceGroup
	members []directory.SourceMember
}

func newTenant() *fakeTenant {
	return &fakeTenant{groups: map[directory.GUID]*fakeGroup{}, deleted: map[directory.GUID]directory.Presence{}, roles: []string{"Group.Read.All", "User.Read.All"},
		gone: map[directory.GUID]string{}, back: map[directory.GUID]int{}}
}

func distinctNames(names []string, more ...directory.Values) []string {
	for _, values := range more {
		names = slices.AppendSeq(names, maps.Keys(values))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// says sets a property of the group.
func (g *fakeGroup) says(property, value string) { g.Properties = g.Properties.With(property, value) }

// write sets an attribute of an object.
func write(g *directory.TargetGroup, attribute string, values ...string) {
	g.Attributes = g.Attributes.With(attribute, values...)
}

// put adds or replaces a group whose members are the users of these names.
func (t *fakeTenant) put(name string, members ...string) directory.GUID {
	g := &fakeGroup{SourceGroup: directory.SourceGroup{ID: guid("group " + name), Kind: directory.UnifiedGroup, Properties: directory.Values{"displayName": {name}}}}
	for _, m := range members {
		g.members = append(g.members, t.member(m))
	}
	t.groups[g.ID] = g
	delete(t.deleted, g.ID)
	return g.ID
}

// member returns the user of that name as the tenant shows them now.
func (t *fakeTenant) member(name string) directory.SourceMember {
	u := user(name)
	if t.synced[name] {
		u.Synced, u.SID = true, userSID(name)
	}
	if t.veiled && name == "veiled" {
		u.Readable, u.Synced, u.SID = false, false, ""
	}
	return u
}

// join makes a user synchronised, in every group.
func (t *fakeTenant) join(name string) {
	if t.synced == nil {
		t.synced = map[string]bool{}
	}
	t.synced[name] = true
	for _, g := range t.groups {
		for i := range g.members {
			if g.members[i].Name == name {
				g.members[i].Synced, g.members[i].SID = true, userSID(name)
			}
		}
	}
}

// user returns a synchronised user. A name that begins with "cloud" is not synchronised;
// one that begins with "unknown" is not readable.
func user(name string) directory.SourceMember {
	m := directory.SourceMember{ID: guid("user " + name), Kind: directory.KindUser, Name: name, Readable: true, Synced: true, SID: userSID(name)}
	switch {
	case strings.HasPrefix(name, "cloud"):
		m.Synced, m.SID = false, ""
	case strings.HasPrefix(name, "unknown"):
		m.Readable, m.Synced, m.SID = false, false, ""
	}
	return m
}

func userSID(name string) directory.SID {
	sum := sha256.Sum256([]byte(name))
	return directory.SID(fmt.Sprintf("%s-%d", domain.SID, 1000+int(sum[0])<<8+int(sum[1])))
}

func (t *fakeTenant) Identify(ctx context.Context) (contract.SourceIdentity, error) {
	return contract.SourceIdentity{TenantID: tenantID, TenantName: "Contoso", VerifiedDomains: []string{"contoso.test", "contoso.onmicrosoft.com", "contoso.mail.onmicrosoft.com"}, AppID: "app", Roles: t.roles}, t.check(ctx, "identify")
}

func (t *fakeTenant) SelectProperties([]string) {}

func (t *fakeTenant) Groups(ctx context.Context, selection contract.SourceSelection, page func([]directory.SourceGroup) error) error {
	shown := t.shown(lists)
	for _, id := range slices.SortedFunc(maps.Keys(shown), directory.GUID.Compare) {
		if err := t.check(ctx, "groups"); err != nil {
			return err
		}
		g := shown[id]
		if g.Kind == directory.SecurityGroup && !selection.SecurityGroups {
			continue
		}
		for range 1 + t.repeats {
			if err := page([]directory.SourceGroup{g.SourceGroup}); err != nil {
				return err
			}
		}
	}
	return t.check(ctx, "groups")
}

func (t *fakeTenant) GroupsByID(ctx context.Context, selection contract.SourceSelection, ids []directory.GUID) ([]directory.SourceGroup, error) {
	var out []directory.SourceGroup
	shown := t.shown(byID)
	for _, id := range ids {
		if g, ok := shown[id]; ok && (g.Kind == directory.UnifiedGroup || selection.SecurityGroups) {
			out = append(out, g.SourceGroup)
		}
	}
	return out, t.check(ctx, "groupsByID")
}

func (t *fakeTenant) GroupNatures(ctx context.Context, ids []directory.GUID) (map[directory.GUID]contract.NamedNature, error) {
	out := map[directory.GUID]contract.NamedNature{}
	shown := t.shown(byID)
	for _, id := range ids {
		if nature, ok := t.natures[id]; ok {
			out[id] = contract.NamedNature{Name: "unfit", Nature: nature}
		} else if g, ok := shown[id]; ok && g.Kind == directory.SecurityGroup {
			out[id] = contract.NamedNature{Name: g.DisplayName(), Nature: contract.NatureSecurity}
		} else if ok {
			out[id] = contract.NamedNature{Name: g.DisplayName(), Nature: contract.NatureUnified}
		}
	}
	return out, t.check(ctx, "groupNatures")
}

func (t *fakeTenant) FindGroups(ctx context.Context, text string) ([]directory.GUID, error) {
	var ids []directory.GUID
	for id, g := range t.shown(lists) {
		if directory.SameName(g.DisplayName(), text) || directory.SameName(g.Properties.First("mail"), text) {
			ids = append(ids, id)
		}
	}
	return ids, t.check(ctx, "findGroups")
}

func (t *fakeTenant) Members(ctx context.Context, groups []directory.GUID, page func(contract.MemberPage) error) error {
	shown := t.shown(memberships)
	for _, id := range groups {
		t.asked = append(t.asked, id)
		p := contract.MemberPage{Group: id, Last: true}
		if err := t.check(ctx, "members"); errors.Is(err, errOneGroup) {
			p = contract.MemberPage{Group: id, Err: err}
		} else if err != nil {
			return err
		} else if g, ok := shown[id]; ok && g.Visibility == directory.HiddenMembership && !slices.Contains(t.roles, "Member.Read.Hidden") {
			// Graph returns no members and no error.
		} else if ok {
			p.Members = g.members
		} else {
			p = contract.MemberPage{Group: id, Err: &contract.Error{Category: contract.ObjectNotFound, ID: "ObjectNotFound", Object: id.String(), Message: "not there"}}
		}
		if err := page(p); err != nil {
			return err
		}
	}
	return nil
}

func (t *fakeTenant) MembersByID(ctx context.Context, members []directory.SourceMember) ([]directory.SourceMember, error) {
	all := map[directory.GUID]directory.SourceMember{}
	for _, g := range t.shown(users) {
		for _, m := range g.members {
			all[m.ID] = m
		}
	}
	var out []directory.SourceMember
	for _, m := range members {
		if found, ok := all[m.ID]; ok {
			out = append(out, found)
		}
	}
	return out, t.check(ctx, "membersByID")
}

// deleteUser and restoreUser do what the delta of the groups does not report.
func (t *fakeTenant) deleteUser(name string) { t.gone[user(name).ID] = name }

func (t *fakeTenant) restoreUser(name string) {
	delete(t.gone, user(name).ID)
	t.back[user(name).ID] = len(t.moments)
	if t.names == nil {
		t.names = map[directory.GUID]string{}
	}
	t.names[user(name).ID] = name
}

func (t *fakeTenant) named(id directory.GUID) directory.SourceMember { return t.member(t.names[id]) }

// GroupsOf returns the groups of the users, direct and indirect.
func (t *fakeTenant) GroupsOf(ctx context.Context, users []directory.GUID) (map[directory.GUID][]directory.GUID, error) {
	shown, out := t.shown(memberships), map[directory.GUID][]directory.GUID{}
	for _, user := range users {
		out[user] = nil
		in := map[directory.GUID]bool{user: true}
		for more := true; more; {
			more = false
			for id, g := range shown {
				if !in[id] && slices.ContainsFunc(g.members, func(m directory.SourceMember) bool { return in[m.ID] }) {
					in[id], more = true, true
					out[user] = append(out[user], id)
				}
			}
		}
	}
	return out, t.check(ctx, "groupsOf")
}

func (t *fakeTenant) link() string {
	t.moments, t.bins, t.recorded = append(t.moments, t.now()), append(t.bins, maps.Clone(t.deleted)), append(t.recorded, len(t.past))
	t.goneAt = append(t.goneAt, maps.Clone(t.gone))
	return strconv.Itoa(len(t.moments) - 1)
}

func (t *fakeTenant) StartDelta(ctx context.Context) (contract.DeltaLinks, error) {
	if err := t.check(ctx, "startDelta"); err != nil {
		return contract.DeltaLinks{}, err
	}
	return contract.DeltaLinks{Groups: t.link(), Users: t.link()}, nil
}

// since returns the tenant as it was when the link was issued, followed by what a replica
// shows that began to lag later: a delta also reports what came and went in between, as
// absent.
func (t *fakeTenant) since(link string) ([]moment, error) {
	n, err := strconv.Atoi(link)
	if err != nil || n < t.expired || n >= len(t.moments) {
		return nil, &contract.Error{Category: contract.InvalidState, ID: "DeltaLinkExpired", Object: link, Message: "expired"}
	}
	if t.lagging != nil && n < t.lagLinks {
		return []moment{t.moments[n], *t.lagging}, nil
	}
	since := []moment{t.moments[n]}
	// A delta does not report a group that was deleted and restored since then.
	for _, p := range t.past[t.recorded[n]:] {
		between := maps.Clone(p.groups)
		for id := range t.groups {
			was, had := t.moments[n][id]
			if _, has := between[id]; had && !has {
				between[id] = was
			}
		}
		since = append(since, between)
	}
	return since, nil
}

func (t *fakeTenant) GroupChanges(ctx context.Context, link string, page func([]contract.GroupChange) error) (string, error) {
	since, err := t.since(link)
	if err != nil {
		return "", err
	}
	now := t.now()
	tell := func(c contract.GroupChange) error {
		if err := t.check(ctx, "groupChanges"); err != nil {
			return err
		}
		return page([]contract.GroupChange{c})
	}
	for _, before := range since {
		ids := slices.Collect(maps.Keys(before))
		for id := range now {
			if _, ok := before[id]; !ok {
				ids = append(ids, id)
			}
		}
		slices.SortFunc(ids, directory.GUID.Compare)
		for _, id := range ids {
			for _, c := range t.changes(id, before, now, link) {
				if err := tell(c); err != nil {
					return "", err
				}
			}
		}
	}
	// Groups that were in the recycle bin then and are now gone for good.
	n, _ := strconv.Atoi(link)
	for _, id := range slices.SortedFunc(maps.Keys(t.bins[n]), directory.GUID.Compare) {
		if t.bins[n][id] == directory.PresenceSoftDeleted && t.deleted[id] == directory.PresenceHardDeleted {
			if err := tell(contract.GroupChange{ID: id, Removed: contract.RemovedDeleted}); err != nil {
				return "", err
			}
		}
	}
	return t.link(), t.check(ctx, "groupChanges")
}

// changes returns the delta entries for one group, with attributes and members in
// separate entries, as if it were spread over pages.
func (t *fakeTenant) changes(id directory.GUID, before, now moment, link string) []contract.GroupChange {
	n, _ := strconv.Atoi(link)
	old, had := before[id]
	g, has := now[id]
	if !has {
		removed := contract.RemovedDeleted
		if t.deleted[id] == directory.PresenceSoftDeleted {
			removed = contract.RemovedChanged
		}
		return []contract.GroupChange{{ID: id, Removed: removed}}
	}
	var out []contract.GroupChange
	if !had || !old.SourceGroup.Equal(&g.SourceGroup) {
		c := contract.GroupChange{ID: id, Kind: &g.Kind, OnPremisesSID: &g.OnPremisesSID, Visibility: &g.Visibility, Properties: directory.Values{}}
		for _, name := range distinctNames(plan.Standard.Properties(), old.Properties, g.Properties) {
			if now := g.Properties[name]; !had || name == directory.PropertyDisplayName || !slices.Equal(old.Properties[name], now) {
				c.Properties[name] = now // no values: null
			}
		}
		if t.terse && had {
			forget(&c.Kind, old.Kind == g.Kind)
			if old.DisplayName() == g.DisplayName() {
				delete(c.Properties, directory.PropertyDisplayName)
			}
			forget(&c.OnPremisesSID, old.OnPremisesSID == g.OnPremisesSID)
			forget(&c.Visibility, old.Visibility == g.Visibility)
			if c.Kind != nil { // the entry reports some properties, not all
				c.Kind, c.Retyped = nil, true
			}
		}
		out = append(out, c)
	}
	has1 := func(members []directory.SourceMember, id directory.GUID) bool {
		return slices.ContainsFunc(members, func(m directory.SourceMember) bool { return m.ID == id })
	}
	for _, m := range g.members {
		if !has1(old.members, m.ID) && t.goneAt[n][m.ID] == "" {
			out = append(out, contract.GroupChange{ID: id, Members: []contract.MemberChange{{ID: m.ID, Kind: m.Kind}}})
		}
	}
	for _, m := range old.members {
		if !has1(g.members, m.ID) && t.gone[m.ID] == "" {
			out = append(out, contract.GroupChange{ID: id, Members: []contract.MemberChange{{ID: m.ID, Kind: m.Kind, Removed: true}}})
		}
	}
	return out
}

func (t *fakeTenant) UserChanges(ctx context.Context, link string, page func([]contract.UserChange) error) (string, error) {
	since, err := t.since(link)
	if err != nil {
		return "", err
	}
	were := map[directory.GUID]directory.SourceMember{}
	for _, g := range since[0] {
		for _, m := range g.members {
			were[m.ID] = m
		}
	}
	told := map[directory.GUID]bool{}
	for _, g := range t.now() {
		for _, m := range g.members {
			old, ok := were[m.ID]
			if !ok { // the user existed, but was in no group
				old = user(m.Name)
			}
			if old == m || told[m.ID] || m.Kind != directory.KindUser || m.Name == "veiled" { // whether a user can be read is not a change
				continue
			}
			told[m.ID] = true
			if err := t.check(ctx, "userChanges"); err != nil {
				return "", err
			}
			if err := page([]contract.UserChange{t.tells(m, old)}); err != nil {
				return "", err
			}
		}
	}
	n, _ := strconv.Atoi(link)
	for id := range t.gone {
		if t.goneAt[n][id] == "" {
			if err := page([]contract.UserChange{{ID: id, Deleted: true}}); err != nil {
				return "", err
			}
		}
	}
	for id, links := range t.back {
		if links > n && t.gone[id] == "" {
			if err := page([]contract.UserChange{t.tells(t.named(id), directory.SourceMember{})}); err != nil {
				return "", err
			}
		}
	}
	return t.link(), t.check(ctx, "userChanges")
}

// tells returns the delta entry for a user who has changed: everything or, if the tenant
// is terse, only the changes.
func (t *fakeTenant) tells(m, old directory.SourceMember) contract.UserChange {
	sid := string(m.SID)
	c := contract.UserChange{ID: m.ID, Name: &m.Name, Guest: &m.Guest, Synced: &m.Synced, SID: &sid, ImmutableID: &m.ImmutableID}
	if !m.Readable {
		c.Name, c.Guest, c.Synced, c.SID, c.ImmutableID = new(string), nil, nil, nil, nil
	}
	if t.terse && old.ID == m.ID && m.Readable {
		forget(&c.Name, m.Name == old.Name)
		forget(&c.Guest, m.Guest == old.Guest)
		forget(&c.Synced, m.Synced == old.Synced)
		forget(&c.SID, m.SID == old.SID)
		forget(&c.ImmutableID, m.ImmutableID == old.ImmutableID)
	}
	return c
}

func forget[T any](told **T, same bool) {
	if same {
		*told = nil
	}
}

func (t *fakeTenant) NewGroupDefault(ctx context.Context) (contract.Tristate, error) {
	return cmp.Or(t.byDefault, contract.Yes), t.check(ctx, "newGroupDefault")
}

// errOneGroup fails the members of one group but not the reading.
var errOneGroup = &contract.Error{Category: contract.PermissionDenied, ID: "PermissionMissing", Message: "not this one"}

func (t *fakeTenant) Presence(ctx context.Context, _ contract.SourceSelection, groups []directory.GUID) (map[directory.GUID]directory.Presence, error) {
	out, shown, deleted := map[directory.GUID]directory.Presence{}, t.shown(single), t.deleted
	if t.lagging != nil && t.lagDeleted != nil {
		deleted = t.lagDeleted
	}
	if then, ok := t.then(deletedItems); ok {
		deleted = then.deleted
	}
	for _, id := range groups {
		switch err := t.check(ctx, "presence"); {
		case errors.Is(err, errOneGroup):
			out[id] = directory.PresenceUnknown
		case err != nil:
			return out, err
		case shown[id].ID == id:
			out[id] = directory.PresenceFound
		default:
			out[id] = cmp.Or(deleted[id], directory.PresenceHardDeleted)
		}
	}
	return out, nil
}

func (t *fakeTenant) ConnectWriteback(ctx context.Context) (contract.Tristate, error) {
	return contract.No, t.check(ctx, "connectWriteback")
}

func (t *fakeTenant) Close() error { return nil }

// fakeDirectory is a domain in memory. Users of any name exist; groups exist once they
// are written.
type fakeDirectory struct {
	faults
	rights     fakeRights
	audit      contract.Audit // the answer of Audit
	exchange   exchange.Organization
	schema     plan.Schema    // nil: it says nothing
	audited    directory.GUID // the group of the last call of Audit
	objects    map[directory.GUID]*directory.TargetGroup
	dead       map[directory.GUID]bool // deleted users
	hidden     map[directory.GUID]bool // users that our account may not read
	accounts   map[directory.GUID]directory.MemberRef
	primary    map[directory.SID][]directory.MemberRef // accounts by primary group
	next       int
	usn        int64
	domain     contract.DomainRef
	whole      int // the number of memberships that were read
	server     string
	invocation directory.GUID
	// received is the answer of ReplicatedUSN for other domain controllers.
	received map[directory.GUID]int64
	// blind means that the account does not see deleted objects.
	blind bool
	// leave is how many values of a removal stay until finish is called.
	leave int

	// owners has the owners of objects that do not belong to the account; an empty owner
	// cannot be read.
	owners   map[directory.GUID]directory.SID
	critical bool // whether the container is critical

	known map[directory.GUID]string // each object as it was when it got its uSN
	gone  map[directory.GUID]int64  // tombstones, with their uSN
	// grave has what was deleted, as it was. bin means that the recycle bin is on, and
	// recycled that nothing is left.
	grave    map[directory.GUID]*directory.TargetGroup
	bin      bool
	recycled bool
	// stale is an attribute whose value is refused.
	stale string
}

func newDirectory() *fakeDirectory {
	d := &fakeDirectory{objects: map[directory.GUID]*directory.TargetGroup{}, dead: map[directory.GUID]bool{}, hidden: map[directory.GUID]bool{}, accounts: map[directory.GUID]directory.MemberRef{}, domain: domain,
		owners: map[directory.GUID]directory.SID{},
		server: "dc1", invocation: guid("dc1"), known: map[directory.GUID]string{}, gone: map[directory.GUID]int64{}, grave: map[directory.GUID]*directory.TargetGroup{}}
	d.rights.head = descriptor.Descriptor{}.With([]descriptor.ACE{}) // a list that allows nothing
	return d
}

// kill deletes an account. Its values disappear from every group, whose uSN stays.
func (d *fakeDirectory) kill(account directory.GUID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.settle()
	d.dead[account] = true
	for _, g := range d.sorted() {
		g.Members = slices.DeleteFunc(g.Members, func(m directory.MemberRef) bool { return m.GUID == account })
		d.known[g.GUID] = d.is(g)
	}
}

// remove deletes a group. Its value disappears from every other group.
func (d *fakeDirectory) remove(group directory.GUID) {
	d.settle()
	if g := d.objects[group]; g != nil {
		d.grave[group] = g
	}
	delete(d.objects, group)
	for _, g := range d.objects {
		if has(g, group) {
			g.Members = slices.DeleteFunc(g.Members, func(m directory.MemberRef) bool { return m.GUID == group })
			d.known[g.GUID] = d.is(g)
		}
	}
}

// is returns the part of an object whose change gives it a new uSN.
func (d *fakeDirectory) is(g *directory.TargetGroup) string {
	is := *g
	is.USNChanged = 0
	return fmt.Sprintf("%+v", is)
}

// settle gives a new uSN to every object that was changed since, by us or by hand, and a
// tombstone to every deleted one. The lock must be held.
func (d *fakeDirectory) settle() {
	for _, g := range d.sorted() {
		if now := d.is(g); d.known[g.GUID] != now {
			d.usn++
			g.USNChanged, d.known[g.GUID] = d.usn, now
			delete(d.gone, g.GUID)
		}
	}
	for id := range d.known {
		if d.objects[id] == nil {
			d.usn++
			d.gone[id] = d.usn
			delete(d.known, id)
		}
	}
}

func (d *fakeDirectory) Identify(ctx context.Context) (contract.TargetIdentity, error) {
	d.mu.Lock()
	d.settle()
	usn := d.usn
	d.mu.Unlock()
	return contract.TargetIdentity{DomainGUID: d.domain.GUID, DomainSID: d.domain.SID, DomainName: d.domain.Name, BaseDN: "DC=contoso,DC=test", Server: d.server, DSServiceName: "CN=" + d.server, InvocationID: d.invocation,
		HighestUSN: usn, Account: "svc", AccountSID: service, ForestSID: domain.SID, DeletedVisible: !d.blind, Schema: contract.Schema{ObjectVersion: 87, ExternalID: true, Exchange: true, Attributes: d.schema}}, d.check(ctx, "identify")
}

func (d *fakeDirectory) SelectAttributes(context.Context, []string) (plan.Schema, error) {
	return d.schema, nil
}

func (d *fakeDirectory) AttributeSchemas(context.Context, []string) (plan.Schema, error) {
	return d.schema, nil
}

func (d *fakeDirectory) Container(ctx context.Context, dn string, id directory.GUID) (contract.Container, error) {
	for guid, there := range containers {
		if dn == there || dn == "" && id == guid {
			return contract.Container{GUID: guid, DN: there, CanCreate: true, Critical: d.critical}, d.check(ctx, "container")
		}
	}
	return contract.Container{}, &contract.Error{Category: contract.ObjectNotFound, ID: "ContainerNotFound", Object: dn}
}

// containers are the containers of the domain.
var containers = map[directory.GUID]string{containerID: containerDN, guid("apart"): apartDN, guid("third"): "OU=Third,DC=contoso,DC=test"}

// apartDN is a second container.
const apartDN = "OU=Apart,DC=contoso,DC=test"

// in reports whether the object is in the container.
func in(g *directory.TargetGroup, container directory.GUID) bool {
	return strings.HasSuffix(g.DN, ","+containers[container])
}

func (d *fakeDirectory) Audit(ctx context.Context, _ directory.GUID) (contract.Audit, error) {
	return d.audit, d.check(ctx, "audit")
}

// copied returns an object as a reader gets it.
func copied(g *directory.TargetGroup, members bool) directory.TargetGroup {
	c := *g
	c.Members = nil
	if members {
		c.Members = slices.Clone(g.Members)
	}
	return c
}

func (d *fakeDirectory) sorted() []*directory.TargetGroup {
	return slices.SortedFunc(maps.Values(d.objects), func(a, b *directory.TargetGroup) int { return a.GUID.Compare(b.GUID) })
}

func (d *fakeDirectory) Groups(ctx context.Context, container directory.GUID, extent contract.Extent, each func(directory.TargetGroup) error) error {
	for _, g := range d.sorted() {
		if err := d.check(ctx, "read"); err != nil {
			return err
		}
		if _, marked := g.SourceID(); marked && in(g, container) {
			if extent == contract.WithMembers {
				d.whole++
			}
			if err := each(copied(g, extent == contract.WithMembers)); err != nil {
				return err
			}
		}
	}
	return d.check(ctx, "read")
}

func (d *fakeDirectory) Snapshots(ctx context.Context, guids []directory.GUID, each func(contract.Snapshot) error) error {
	if err := d.check(ctx, "snapshot"); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, id := range guids {
		if g := d.objects[id]; g != nil {
			s := contract.Snapshot{GUID: id, DN: g.DN, Attributes: []ldif.Attribute{
				{Name: "objectClass", Values: []string{"top", "group"}}, {Name: "objectGUID", Values: []string{string(id.AD())}},
				{Name: "info", Values: []string{"kept"}}, {Name: "nTSecurityDescriptor", Values: []string{"\x01\x00"}}}}
			if g.SID != "" {
				s.Attributes = append(s.Attributes, ldif.Attribute{Name: "objectSid", Values: []string{string(g.SID.AD())}})
			}
			for _, name := range append([]string{"cn", "sAMAccountName", "groupType", "adminDescription", "msDS-ExternalDirectoryObjectId", "extensionName"}, slices.Sorted(maps.Keys(g.Attributes))...) {
				if values := g.Attribute(name); len(values) > 0 {
					s.Attributes = append(s.Attributes, ldif.Attribute{Name: name, Values: values})
				}
			}
			err := each(s)
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *fakeDirectory) GroupsByGUID(ctx context.Context, guids []directory.GUID, extent contract.Extent, each func(directory.TargetGroup) error) error {
	if err := d.check(ctx, "lookup"); err != nil {
		return err
	}
	d.mu.Lock()
	d.settle()
	var out []directory.TargetGroup
	for _, id := range guids {
		if g := d.objects[id]; g != nil {
			if extent == contract.WithMembers {
				d.whole++
			}
			out = append(out, copied(g, extent == contract.WithMembers))
		}
	}
	d.mu.Unlock()
	for _, g := range out {
		if err := each(g); err != nil {
			return err
		}
	}
	return nil
}

func (d *fakeDirectory) GroupByRanges(ctx context.Context, guid directory.GUID, known []directory.GUID) (directory.TargetGroup, bool, error) {
	if err := d.check(ctx, "ranges"); err != nil {
		return directory.TargetGroup{}, false, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.settle()
	g := d.objects[guid]
	if g == nil {
		return directory.TargetGroup{}, false, nil
	}
	d.whole++
	group := copied(g, true)
	for i := range group.Members {
		if m := &group.Members[i]; slices.Contains(known, m.GUID) {
			*m = directory.MemberRef{GUID: m.GUID}
		}
	}
	return group, true, nil
}

func (d *fakeDirectory) ChangedGroups(ctx context.Context, since int64, each func(directory.TargetGroup) error) error {
	d.mu.Lock()
	d.settle()
	d.mu.Unlock()
	for _, g := range d.sorted() {
		if err := d.check(ctx, "changed"); err != nil {
			return err
		}
		if g.USNChanged > since {
			if err := each(copied(g, false)); err != nil {
				return err
			}
		}
	}
	return d.check(ctx, "changed")
}

func (d *fakeDirectory) DeletedGroups(ctx context.Context, since int64, each func(directory.GUID) error) error {
	if d.blind {
		return &contract.Error{Category: contract.PermissionDenied, ID: "DeletedNotVisible", Message: "not visible"}
	}
	for _, id := range slices.SortedFunc(maps.Keys(d.gone), directory.GUID.Compare) {
		if err := d.check(ctx, "deleted"); err != nil {
			return err
		}
		if d.gone[id] > since {
			if err := each(id); err != nil {
				return err
			}
		}
	}
	return d.check(ctx, "deleted")
}

func (d *fakeDirectory) Deleted(ctx context.Context, guids []directory.GUID) ([]contract.DeletedGroup, error) {
	if d.blind {
		return nil, &contract.Error{Category: contract.PermissionDenied, ID: "DeletedNotVisible", Message: "not visible"}
	}
	d.mu.Lock()
	var found []contract.DeletedGroup
	for _, id := range guids {
		g := d.grave[id]
		if g == nil {
			continue
		}
		left := contract.DeletedGroup{Remains: contract.RemainsWhole, TargetGroup: copied(g, false), Parent: directory.MemberRef{GUID: containerID, DN: containerDN}}
		if left.DN = "CN=" + g.CN + "\\0ADEL:" + id.String() + ",CN=Deleted Objects,DC=contoso,DC=test"; !d.bin {
			left.Remains = contract.RemainsTombstone
			left.AdminDesc, left.ExtensionName, left.Attributes = "", nil, nil
		}
		if d.recycled {
			left.Remains = contract.RemainsNothing
		}
		found = append(found, left)
	}
	d.mu.Unlock()
	return found, d.check(ctx, "deleted groups")
}

func (d *fakeDirectory) MarkedGroups(ctx context.Context, container directory.GUID, each func(directory.GUID) error) error {
	for _, g := range d.sorted() {
		if err := d.check(ctx, "marked"); err != nil {
			return err
		}
		if _, marked := g.SourceID(); marked && in(g, container) {
			if err := each(g.GUID); err != nil {
				return err
			}
		}
	}
	return d.check(ctx, "marked")
}

const (
	service  = directory.SID("S-1-5-21-1-2-3-1105") // the account that runs the sync
	attacker = directory.SID("S-1-5-21-1-2-3-1666")
)

func (d *fakeDirectory) StampedGroups(ctx context.Context, stamp string, each func(directory.TargetGroup) error) error {
	for _, g := range d.sorted() {
		if err := d.check(ctx, "stamped"); err != nil {
			return err
		}
		if g.Marked() && slices.Contains(g.ExtensionName, stamp) {
			if err := each(copied(g, false)); err != nil {
				return err
			}
		}
	}
	return d.check(ctx, "stamped")
}

// owner returns the owner of an object: the account, unless another one is set.
func (d *fakeDirectory) owner(id directory.GUID) directory.SID {
	if owner, ok := d.owners[id]; ok {
		return owner
	}
	return service
}

func (d *fakeDirectory) Owners(ctx context.Context, guids []directory.GUID) (map[directory.GUID]contract.Principal, error) {
	d.mu.Lock()
	owners := map[directory.GUID]contract.Principal{}
	for _, id := range guids {
		if owner := d.owner(id); d.objects[id] != nil && owner != "" {
			owners[id] = contract.Principal{SID: owner, Name: map[directory.SID]string{attacker: "mallory"}[owner]}
		}
	}
	d.mu.Unlock()
	return owners, d.check(ctx, "owners")
}

func (d *fakeDirectory) Principal(ctx context.Context, name string) (contract.Principal, error) {
	if name == "mallory" {
		return contract.Principal{SID: attacker, Name: name}, d.check(ctx, "principal")
	}
	if sid, err := directory.ParseSID(name); err == nil {
		return contract.Principal{SID: sid}, d.check(ctx, "principal")
	}
	return contract.Principal{}, &contract.Error{Category: contract.ObjectNotFound, ID: "AccountNotFound", Object: name, Message: "none"}
}

func (d *fakeDirectory) ReplicatedUSN(ctx context.Context, invocation directory.GUID) (int64, bool, error) {
	usn, known := d.received[invocation]
	return usn, known, d.check(ctx, "replicated")
}

func (d *fakeDirectory) Resolve(ctx context.Context, members []directory.SourceMember) ([]contract.Resolution, error) {
	failed := d.check(ctx, "resolve")
	if failed != nil && !errors.Is(failed, errOneGroup) {
		return nil, failed
	}
	out := make([]contract.Resolution, len(members))
	for i, m := range members {
		out[i].MemberID = m.ID
		switch {
		case m.Kind == directory.KindGroup:
			out[i].Reason = directory.ReasonGroup
		case !m.Readable:
			out[i].Reason = directory.ReasonLimited
		case !m.Synced:
			out[i].Reason = directory.ReasonCloudOnly
		case failed != nil:
			out[i].Reason = directory.ReasonLookupFailed
		case d.dead[account(m.Name).GUID], d.hidden[account(m.Name).GUID]:
			out[i].Reason = directory.ReasonUnresolved
		default:
			out[i].Ref = account(m.Name)
			d.mu.Lock()
			d.accounts[out[i].Ref.GUID] = out[i].Ref
			d.mu.Unlock()
		}
	}
	return out, nil
}

// ResolveRest finds nobody.
func (d *fakeDirectory) ResolveRest(ctx context.Context, members []directory.SourceMember) ([]contract.Resolution, error) {
	failed := d.check(ctx, "resolveRest")
	if failed != nil && !errors.Is(failed, errOneGroup) {
		return nil, failed
	}
	out := make([]contract.Resolution, len(members))
	for i, m := range members {
		out[i] = contract.Resolution{MemberID: m.ID, Reason: directory.ReasonNotFound}
		if failed != nil {
			out[i].Reason = directory.ReasonLookupFailed
		}
	}
	return out, nil
}

// account returns the object of a user.
func account(name string) directory.MemberRef {
	return directory.MemberRef{GUID: guid("account " + name), DN: "CN=" + name + ",DC=contoso,DC=test", SID: userSID(name)}
}

// value returns a member value as it is read. Whoever wrote it need not have known the
// SID.
func (d *fakeDirectory) value(m directory.MemberRef) directory.MemberRef {
	if account, ok := d.accounts[m.GUID]; ok {
		return account
	}
	return m
}

func (d *fakeDirectory) Holders(ctx context.Context, container directory.GUID, names []contract.Name) ([]contract.Holder, error) {
	if err := d.check(ctx, "holders"); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []contract.Holder
	for _, g := range d.sorted() {
		h := contract.Holder{GUID: g.GUID, DN: g.DN}
		for _, n := range names {
			if strings.EqualFold(n.CN, g.CN) && in(g, container) {
				h.CN = g.CN
			}
			if strings.EqualFold(n.SAMAccountName, g.SAMAccountName) {
				h.SAMAccountName = g.SAMAccountName
			}
		}
		if h.CN != "" || h.SAMAccountName != "" {
			out = append(out, h)
		}
	}
	return out, nil
}

func (d *fakeDirectory) Exchange(ctx context.Context) (*exchange.Organization, error) {
	return &d.exchange, d.check(ctx, "exchange")
}

func (d *fakeDirectory) Recipients(ctx context.Context, guids []directory.GUID) ([]exchange.Recipient, error) {
	var found []exchange.Recipient
	for _, id := range guids {
		if g := d.objects[id]; g != nil {
			a := g.Attributes
			found = append(found, exchange.Recipient{GUID: id, DN: g.DN, Mail: a.First("mail"), Alias: a.First("mailNickname"), Target: a.First("targetAddress"),
				LegacyDN: a.First("legacyExchangeDN"), Lists: len(a["showInAddressBook"]), Hidden: a.First("msExchHideFromAddressLists") == "TRUE"})
		}
	}
	return found, d.check(ctx, "recipients")
}

func (d *fakeDirectory) AddressHolders(ctx context.Context, keys []string) (map[string][]plan.Holder, error) {
	if err := d.check(ctx, "addresses"); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	found := map[string][]plan.Holder{}
	for _, g := range d.sorted() {
		held := append(slices.Clone(g.Attribute("proxyAddresses")), g.Attribute("targetAddress")...)
		for prefix, attribute := range map[string]string{"smtp:": "mail", "alias:": "mailNickname"} {
			if v := g.Attributes.First(attribute); v != "" {
				held = append(held, prefix+v)
			}
		}
		for _, key := range keys {
			if slices.ContainsFunc(held, func(h string) bool { return strings.EqualFold(h, key) }) {
				found[key] = append(found[key], plan.Holder{GUID: g.GUID, DN: g.DN})
			}
		}
	}
	return found, nil
}

func (d *fakeDirectory) BySID(ctx context.Context, sids []directory.SID) (map[directory.SID]directory.MemberRef, error) {
	found := map[directory.SID]directory.MemberRef{}
	for _, g := range d.sorted() {
		if g.SID != "" && slices.Contains(sids, g.SID) {
			found[g.SID] = directory.MemberRef{GUID: g.GUID, DN: g.DN}
		}
	}
	return found, d.check(ctx, "bySID")
}

func (d *fakeDirectory) PrimaryMembers(ctx context.Context, group directory.SID) ([]directory.MemberRef, error) {
	return d.primary[group], d.check(ctx, "primaryMembers")
}

func (d *fakeDirectory) CheckMembers(ctx context.Context, group directory.GUID, wanted, unwanted []directory.MemberRef) (missing, lingering []directory.GUID, err error) {
	if err := d.check(ctx, "checkMembers"); err != nil {
		return nil, nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	g := d.objects[group]
	for _, m := range wanted {
		if g == nil || !has(g, m.GUID) {
			missing = append(missing, m.GUID)
		}
	}
	for _, m := range unwanted {
		if g != nil && has(g, m.GUID) {
			lingering = append(lingering, m.GUID)
		}
	}
	return missing, lingering, nil
}

func has(g *directory.TargetGroup, member directory.GUID) bool {
	return slices.ContainsFunc(g.Members, func(m directory.MemberRef) bool { return m.GUID == member })
}

// fakeWriter writes as long as its lease holds.
type fakeWriter struct {
	*fakeDirectory
	lease contract.Lease
}

func (d *fakeDirectory) Writer(lease contract.Lease) contract.TargetWriter {
	return &fakeWriter{d, lease}
}

// write runs a change. The fault errLost lets it happen and loses the answer; errPart
// lets it happen and fails what comes after it.
func (d *fakeWriter) write(ctx context.Context, operation string, change func() error) error {
	if err := d.lease.Holds(ctx); err != nil {
		return err
	}
	err := d.check(ctx, operation)
	if err != nil && !errors.Is(err, errLost) && !errors.Is(err, errPart) {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if done := change(); done != nil {
		return done
	}
	d.settle()
	return err
}

var errLost = &contract.Error{Category: contract.Connection, ID: "OutcomeUnknown", Message: "the answer was lost"}

var errPart = &contract.Error{Category: contract.InvalidData, ID: "WriteRefused", Message: "a later part was refused"}

func (d *fakeWriter) Create(ctx context.Context, parent directory.GUID, attributes []plan.AttributeChange, members []directory.MemberRef) ([]contract.Refusal, error) {
	var refused []contract.Refusal
	err := d.write(ctx, "create", func() error {
		d.next++
		g := &directory.TargetGroup{GUID: guid("object " + strconv.Itoa(d.next))}
		for _, m := range members {
			if d.missing(m.GUID) {
				refused = append(refused, contract.Refusal{GUID: m.GUID, Reason: directory.ReasonWriteRefused})
			} else {
				g.Members = append(g.Members, d.value(m))
			}
		}
		set(g, attributes)
		g.DN = "CN=" + directory.EscapeRDN(g.CN) + "," + containers[parent]
		for _, other := range d.objects {
			if strings.EqualFold(other.DN, g.DN) || strings.EqualFold(other.SAMAccountName, g.SAMAccountName) {
				return &contract.Error{Category: contract.InvalidState, ID: "NameClash", Object: other.DN, Message: "taken"}
			}
		}
		d.objects[g.GUID] = g
		return nil
	})
	return refused, err
}

func (d *fakeDirectory) Created(ctx context.Context, parent directory.GUID, groups [][]plan.AttributeChange) ([]contract.Created, error) {
	if err := d.check(ctx, "created"); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	found := make([]contract.Created, len(groups))
	for i, attributes := range groups {
		var wanted directory.TargetGroup
		set(&wanted, attributes)
		for _, g := range d.sorted() {
			if strings.EqualFold(g.SAMAccountName, wanted.SAMAccountName) && in(g, parent) && g.AdminDesc == wanted.AdminDesc && d.owner(g.GUID) == service &&
				!slices.ContainsFunc(wanted.ExtensionName, func(v string) bool { return !slices.Contains(g.ExtensionName, v) }) {
				found[i] = contract.Created{GUID: g.GUID, DN: g.DN}
			}
		}
	}
	return found, nil
}

func set(g *directory.TargetGroup, attributes []plan.AttributeChange) {
	for _, a := range attributes {
		if err := g.SetAttribute(a.Name, a.New); err != nil {
			panic(err)
		}
		if a.Name == directory.AttrCN {
			g.DN = "CN=" + directory.EscapeRDN(g.CN) + "," + containerDN
		}
	}
}

func (d *fakeDirectory) object(id directory.GUID) (*directory.TargetGroup, error) {
	if g := d.objects[id]; g != nil {
		return g, nil
	}
	return nil, &contract.Error{Category: contract.ObjectNotFound, ID: "ObjectNotFound", Object: id.String(), Message: "no such object"}
}

func (d *fakeDirectory) refuses(attributes []plan.AttributeChange) bool {
	return d.stale != "" && slices.ContainsFunc(attributes, func(a plan.AttributeChange) bool { return a.Name == d.stale })
}

func (d *fakeWriter) Modify(ctx context.Context, group directory.GUID, attributes []plan.AttributeChange) error {
	return d.write(ctx, "modify", func() error {
		if d.refuses(attributes) {
			return errPart
		}
		g, err := d.object(group)
		if err == nil {
			set(g, attributes)
		}
		return err
	})
}

func (d *fakeWriter) Rename(ctx context.Context, group directory.GUID, cn string, parent directory.GUID) (dn string, err error) {
	err = d.write(ctx, "rename", func() error {
		g, err := d.object(group)
		if err == nil {
			before, _ := directory.ParseDN(g.DN)
			to := before.Parent().String()
			if !parent.IsZero() {
				to = containers[parent]
			}
			set(g, []plan.AttributeChange{{Name: directory.AttrCN, New: []string{cn}}})
			g.DN = "CN=" + directory.EscapeRDN(cn) + "," + to
			dn = g.DN
		}
		return err
	})
	return dn, err
}

// missing reports whether the object is gone, so that no group can have it as a member.
func (d *fakeDirectory) missing(object directory.GUID) bool {
	return d.dead[object] || d.grave[object] != nil && d.objects[object] == nil
}

func (d *fakeWriter) ChangeMembers(ctx context.Context, group directory.GUID, add, remove []directory.MemberRef) ([]contract.Refusal, error) {
	var refused []contract.Refusal
	err := d.write(ctx, "changeMembers", func() error {
		g, err := d.object(group)
		if err != nil {
			return err
		}
		for _, m := range add {
			switch {
			case d.missing(m.GUID):
				refused = append(refused, contract.Refusal{GUID: m.GUID, Reason: directory.ReasonWriteRefused})
			case !has(g, m.GUID):
				g.Members = append(g.Members, d.value(m))
			}
		}
		remove := remove[:max(len(remove)-d.leave, 0)]
		g.Members = slices.DeleteFunc(g.Members, func(m directory.MemberRef) bool {
			return slices.ContainsFunc(remove, func(r directory.MemberRef) bool { return r.GUID == m.GUID })
		})
		return nil
	})
	return refused, err
}

// finish ends a removal that left values, without a new uSN.
func (d *fakeDirectory) finish(g *directory.TargetGroup, stay ...directory.GUID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.settle()
	g.Members = slices.DeleteFunc(g.Members, func(m directory.MemberRef) bool { return !slices.Contains(stay, m.GUID) })
	d.known[g.GUID] = d.is(g)
}

func (d *fakeWriter) Undelete(ctx context.Context, group contract.DeletedGroup, parent directory.GUID, cn string, attributes []plan.AttributeChange) (dn string, err error) {
	err = d.write(ctx, "undelete", func() error {
		if d.refuses(attributes) {
			return errPart
		}
		g := copied(d.grave[group.GUID], d.bin)
		if !d.bin {
			g.AdminDesc, g.ExtensionName, g.Attributes = "", nil, nil
		}
		set(&g, append([]plan.AttributeChange{{Name: directory.AttrCN, New: []string{cn}}}, attributes...))
		g.DN = "CN=" + directory.EscapeRDN(cn) + "," + containers[parent]
		delete(d.grave, group.GUID)
		d.objects[group.GUID] = &g
		dn = g.DN
		return nil
	})
	return dn, err
}

func (d *fakeWriter) Delete(ctx context.Context, group directory.GUID) error {
	return d.write(ctx, "delete", func() error {
		d.remove(group)
		return nil
	})
}

func (d *fakeDirectory) Close() error { return nil }
