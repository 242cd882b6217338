package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"time"

	"groupwriteback/internal/command"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/exchange"
	"groupwriteback/internal/plan"
	"groupwriteback/state"
)

// largeEngine returns an engine that syncs the tenant with the domain, with its state in
// the folder.
func largeEngine(ctx context.Context, folder string, tenant *largeTenant, domain *largeDomain, choices command.Choices) (*command.Engine, error) {
	e := command.New(command.Config{
		OpenSource: func(context.Context, contract.SourceConfig) (contract.Source, error) { return tenant, nil },
		OpenTarget: func(context.Context, contract.TargetConfig) (contract.Target, error) { return domain, nil },
		OpenState:  func(ctx context.Context) (contract.State, error) { return state.Open(ctx, folder) },
		Log:        slog.New(slog.DiscardHandler), Now: time.Now,
	})
	_, err := e.Connect(ctx, &contract.SourceConfig{}, &contract.TargetConfig{})
	if err == nil {
		choices.TargetContainer = largeContainerDN
		_, err = e.Enable(ctx, command.EnableRequest{Choices: choices})
	}
	if err != nil {
		e.Close()
		return nil, err
	}
	return e, nil
}

const (
	largeDomainDN    = "DC=contoso,DC=test"
	largeContainerDN = "OU=Groups," + largeDomainDN
	largeSID         = directory.SID("S-1-5-21-1-2-3")
	firstRID         = 2000 // of a user
)

// The kinds of ids.
const (
	ofGroup = iota + 1
	ofUser
	ofObject
	ofAccount
	ofOther
)

// numbered returns the n-th id of a kind. The ids are spread over all GUIDs, like real
// ones.
func numbered(kind, n int) (g directory.GUID) {
	for i := range 2 {
		binary.BigEndian.PutUint64(g[8*i:], mix(uint64(n)<<8|uint64(2*kind+i)))
	}
	return g
}

// numberIn returns the number from which numbered made the id.
func numberIn(g directory.GUID) int { return int(unmix(binary.BigEndian.Uint64(g[:])) >> 8) }

// mix is the finalizer of SplitMix64. It maps different numbers to different numbers.
func mix(z uint64) uint64 {
	z += 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// unmix is the inverse of mix.
func unmix(z uint64) uint64 {
	z = (z ^ z>>31 ^ z>>62) * 0x319642b2d24d8ec3
	z = (z ^ z>>27 ^ z>>54) * 0x96de1b173f119089
	return (z ^ z>>30 ^ z>>60) - 0x9e3779b97f4a7c15
}

// largeTenant has groups of equal size.
type largeTenant struct {
	contract.Source // nil: for methods that are not called here
	groups          int
	members         int // of each group
	users           int
	// changed, unless 0, means that every so manieth group has another user as its first
	// member.
	changed int
	// entries are what the next delta reports.
	entries []contract.GroupChange
}

// member returns the number of the m-th user of group n. The users of a group are seven
// numbers apart, so that none occurs twice if the number of users is no multiple of 7.
func (t *largeTenant) member(n, m int, changed bool) int {
	if changed && t.changed > 0 && n%t.changed == 0 && m == 0 {
		m = t.members
	}
	return int((mix(uint64(n))%uint64(t.users) + uint64(m)*7) % uint64(t.users))
}

func (t *largeTenant) group(n int) directory.SourceGroup {
	return directory.SourceGroup{ID: numbered(ofGroup, n), Kind: directory.UnifiedGroup, Properties: directory.Values{"displayName": {fmt.Sprintf("Group %d", n)}, "mail": {fmt.Sprintf("group%d@contoso.test", n)}}}
}

func (t *largeTenant) user(u int) directory.SourceMember {
	return directory.SourceMember{ID: numbered(ofUser, u), Kind: directory.KindUser, Name: fmt.Sprintf("user%d@contoso.test", u),
		Readable: true, Synced: true, SID: directory.SID(fmt.Sprintf("%s-%d", largeSID, firstRID+u))}
}

func (t *largeTenant) Identify(context.Context) (contract.SourceIdentity, error) {
	return contract.SourceIdentity{TenantID: numbered(ofOther, 1), TenantName: "Contoso", Roles: []string{"Group.Read.All", "User.Read.All"}}, nil
}

func (t *largeTenant) ConnectWriteback(context.Context) (contract.Tristate, error) {
	return contract.No, nil
}

func (t *largeTenant) StartDelta(context.Context) (contract.DeltaLinks, error) {
	return contract.DeltaLinks{Groups: "groups", Users: "users"}, nil
}

// deltaPage is how many entries of a group a page of the delta has.
const deltaPage = 20

func (t *largeTenant) GroupChanges(_ context.Context, link string, page func([]contract.GroupChange) error) (string, error) {
	for entries := range slices.Chunk(t.entries, deltaPage) {
		if err := page(entries); err != nil {
			return "", err
		}
	}
	return link, nil
}

func (t *largeTenant) UserChanges(_ context.Context, link string, _ func([]contract.UserChange) error) (string, error) {
	return link, nil
}

func (t *largeTenant) Groups(_ context.Context, _ contract.SourceSelection, page func([]directory.SourceGroup) error) error {
	var groups []directory.SourceGroup
	for n := range t.groups {
		if groups = append(groups, t.group(n)); len(groups) == 999 || n == t.groups-1 {
			if err := page(groups); err != nil {
				return err
			}
			groups = nil
		}
	}
	return nil
}

// Members returns the members of all groups, in the order of the groups' numbers, or of
// none. Nothing else is asked for here.
func (t *largeTenant) Members(_ context.Context, groups []directory.GUID, page func(contract.MemberPage) error) error {
	if len(groups) != 0 && len(groups) != t.groups {
		return fmt.Errorf("the members of %d groups are asked for", len(groups))
	}
	const most = 999
	for n := range len(groups) {
		p := contract.MemberPage{Group: numbered(ofGroup, n)}
		for m := range t.members {
			p.Members = append(p.Members, t.user(t.member(n, m, true)))
			p.Last = m == t.members-1
			if p.Last || len(p.Members) == most {
				if err := page(p); err != nil {
					return err
				}
				p.Members = nil
			}
		}
	}
	return nil
}

func (t *largeTenant) MembersByID(_ context.Context, members []directory.SourceMember) ([]directory.SourceMember, error) {
	found := make([]directory.SourceMember, len(members))
	for i := range members {
		found[i] = t.user(numberIn(members[i].ID))
	}
	return found, nil
}

func (t *largeTenant) Close() error { return nil }

func (t *largeTenant) SelectProperties([]string) {}

// largeDomain has what the tenant had before it changed, or no groups, and what was
// written to it.
type largeDomain struct {
	contract.Target // nil: for methods that are not called here
	tenant          *largeTenant
	empty           bool

	mu      sync.Mutex
	written map[directory.GUID]*writtenGroup
}

// writtenGroup is what was written to one group.
type writtenGroup struct {
	usn     int64
	members map[directory.GUID]bool // false: removed
}

func (d *largeDomain) usn() int64 { return int64(d.tenant.groups + len(d.written) + 1) }

func (d *largeDomain) Identify(context.Context) (contract.TargetIdentity, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return contract.TargetIdentity{DomainGUID: numbered(ofOther, 2), DomainSID: largeSID, DomainName: "contoso.test", BaseDN: largeDomainDN,
		Server: "dc1.contoso.test", DSServiceName: "CN=NTDS Settings", InvocationID: numbered(ofOther, 3), HighestUSN: d.usn(), Account: "service", AccountSID: largeSID + "-1000",
		Schema: contract.Schema{ObjectVersion: 88, ExternalID: true, Exchange: true, ExchangeVersion: 17003}}, nil
}

func (d *largeDomain) Container(context.Context, string, directory.GUID) (contract.Container, error) {
	return contract.Container{GUID: numbered(ofOther, 4), DN: largeContainerDN, CanCreate: true}, nil
}

func (d *largeDomain) account(u int) directory.MemberRef {
	return directory.MemberRef{GUID: numbered(ofAccount, u), DN: fmt.Sprintf("CN=User %d,OU=People,OU=Somewhere,%s", u, largeDomainDN)}
}

// header returns group n without its members.
func (d *largeDomain) header(n int) directory.TargetGroup {
	source := d.tenant.group(n)
	mark := directory.Mark(source.ID)
	g := directory.TargetGroup{GUID: numbered(ofObject, n), DN: "CN=" + mark + "," + largeContainerDN, CN: mark, SAMAccountName: mark,
		GroupType: directory.GroupTypeUniversalDistribution, Attributes: directory.Values{"displayName": {source.DisplayName()}, "mail": source.Properties["mail"]}, AdminDesc: mark, ExternalID: mark,
		ExtensionName: []string{directory.Stamp(numbered(ofOther, 1))}, USNChanged: int64(n + 1)}
	d.mu.Lock()
	defer d.mu.Unlock()
	if w := d.written[g.GUID]; w != nil {
		g.USNChanged = w.usn
	}
	return g
}

func (d *largeDomain) Groups(_ context.Context, _ directory.GUID, extent contract.Extent, each func(directory.TargetGroup) error) error {
	for n := range d.tenant.groups {
		if d.empty {
			return nil
		}
		g := d.header(n)
		for m := range d.tenant.members {
			if extent == contract.WithMembers {
				g.Members = append(g.Members, d.account(d.tenant.member(n, m, false)))
			}
		}
		if err := each(g); err != nil {
			return err
		}
	}
	return nil
}

func (d *largeDomain) GroupsByGUID(_ context.Context, guids []directory.GUID, extent contract.Extent, each func(directory.TargetGroup) error) error {
	if extent == contract.WithMembers && len(guids) > 0 {
		return fmt.Errorf("the members of %d groups are asked for", len(guids))
	}
	for _, guid := range guids {
		if err := each(d.header(numberIn(guid))); err != nil {
			return err
		}
	}
	return nil
}

// Owners says that the account itself has created the groups.
func (d *largeDomain) Owners(_ context.Context, guids []directory.GUID) (map[directory.GUID]contract.Principal, error) {
	owners := make(map[directory.GUID]contract.Principal, len(guids))
	for _, guid := range guids {
		owners[guid] = contract.Principal{SID: largeSID + "-1000"}
	}
	return owners, nil
}

func (d *largeDomain) ChangedGroups(context.Context, int64, func(directory.TargetGroup) error) error {
	return nil
}

func (d *largeDomain) MarkedGroups(_ context.Context, _ directory.GUID, each func(directory.GUID) error) error {
	for n := range d.tenant.groups {
		if err := each(numbered(ofObject, n)); err != nil {
			return err
		}
	}
	return nil
}

func (d *largeDomain) StampedGroups(context.Context, string, func(directory.TargetGroup) error) error {
	return nil
}

func (d *largeDomain) Resolve(_ context.Context, members []directory.SourceMember) ([]contract.Resolution, error) {
	answers := make([]contract.Resolution, len(members))
	for i := range members {
		number := string(members[i].SID[len(largeSID)+1:])
		u, err := strconv.Atoi(number)
		if err != nil {
			return nil, err
		}
		answers[i] = contract.Resolution{MemberID: members[i].ID, Ref: d.account(u - firstRID)}
	}
	return answers, nil
}

func (d *largeDomain) SelectAttributes(context.Context, []string) (plan.Schema, error) {
	return nil, nil
}

// AddressHolders finds nobody who has an address of a group.
func (d *largeDomain) AddressHolders(context.Context, []string) (map[string][]plan.Holder, error) {
	return nil, nil
}

// Exchange finds no server.
func (d *largeDomain) Exchange(context.Context) (*exchange.Organization, error) {
	return &exchange.Organization{}, nil
}

func (d *largeDomain) Holders(context.Context, directory.GUID, []contract.Name) ([]contract.Holder, error) {
	return nil, nil
}

// CheckMembers says that every value is as it was written last.
func (d *largeDomain) CheckMembers(_ context.Context, group directory.GUID, wanted, unwanted []directory.MemberRef) (missing, lingering []directory.GUID, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	w := d.written[group]
	if w == nil {
		return nil, nil, fmt.Errorf("the members of %s are checked, and nothing was written to it", group)
	}
	for _, m := range wanted {
		if !w.members[m.GUID] {
			missing = append(missing, m.GUID)
		}
	}
	for _, m := range unwanted {
		if there, named := w.members[m.GUID]; there || !named {
			lingering = append(lingering, m.GUID)
		}
	}
	return missing, lingering, nil
}

func (d *largeDomain) Writer(lease contract.Lease) contract.TargetWriter {
	return largeWriter{domain: d, lease: lease}
}

func (d *largeDomain) Close() error { return nil }

// largeWriter notes what is written.
type largeWriter struct {
	contract.TargetWriter // nil: for methods that are not called here
	domain                *largeDomain
	lease                 contract.Lease
}

func (w largeWriter) ChangeMembers(ctx context.Context, group directory.GUID, add, remove []directory.MemberRef) ([]contract.Refusal, error) {
	if err := w.lease.Holds(ctx); err != nil {
		return nil, err
	}
	w.domain.mu.Lock()
	defer w.domain.mu.Unlock()
	if w.domain.written == nil {
		w.domain.written = map[directory.GUID]*writtenGroup{}
	}
	g := w.domain.written[group]
	if g == nil {
		g = &writtenGroup{members: map[directory.GUID]bool{}}
		w.domain.written[group] = g
	}
	for _, m := range add {
		g.members[m.GUID] = true
	}
	for _, m := range remove {
		g.members[m.GUID] = false
	}
	g.usn = w.domain.usn()
	return nil, nil
}
