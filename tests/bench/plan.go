package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"groupwriteback/internal/command"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
	"groupwriteback/state"
)

// planning runs the engine with the real state on a tenant and a domain that are computed
// while they are read, so that time and memory are those of the engine. It does so with
// nothing in AD yet, with all groups there and equal, and with every hundredth group
// changed. Staging comes before planning and is reported separately.
func planning(ctx context.Context, r *report) error {
	tenant := &largeTenant{groups: scaled(100_000), members: 50}
	domain := &largeDomain{tenant: tenant}
	folder, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	e := command.New(command.Config{
		OpenSource: func(context.Context, contract.SourceConfig) (contract.Source, error) { return tenant, nil },
		OpenTarget: func(context.Context, contract.TargetConfig) (contract.Target, error) { return domain, nil },
		OpenState:  func(ctx context.Context) (contract.State, error) { return state.Open(ctx, folder) },
		Log:        slog.New(slog.DiscardHandler), Now: time.Now,
	})
	defer e.Close()
	if _, err := e.Connect(ctx, &contract.SourceConfig{}, &contract.TargetConfig{}); err != nil {
		return err
	}
	if _, err := e.Enable(ctx, command.EnableRequest{Choices: command.Choices{TargetContainer: largeContainerDN}}); err != nil {
		return err
	}
	r.tell("groups", float64(tenant.groups), "")
	r.tell("memberships", float64(tenant.groups*tenant.members), "")

	preview := func(ctx context.Context, report contract.Report) (contract.Run, error) {
		return e.Preview(ctx, command.PreviewRequest{SyncRequest: command.SyncRequest{PolicyType: contract.Initial}}, report)
	}
	for _, round := range []struct {
		name    string
		arrange func()
		run     func(context.Context, contract.Report) (contract.Run, error)
		planned func(plan.Totals) bool
	}{
		{"nothing in AD", func() { domain.empty = true }, preview,
			func(t plan.Totals) bool {
				return t.Create == tenant.groups && t.MembersAdded == tenant.groups*tenant.members
			}},
		{"nothing differs", func() { domain.empty = false },
			func(ctx context.Context, report contract.Report) (contract.Run, error) {
				return e.Sync(ctx, command.SyncRequest{}, report)
			},
			func(t plan.Totals) bool { return t == plan.Totals{} }},
		{"every 100th group differs", func() { tenant.changed = true }, preview,
			func(t plan.Totals) bool { return t.UpdateMembers == (tenant.groups+99)/100 }},
	} {
		round.arrange()
		took := map[string]time.Duration{}
		peak := map[string]float64{}
		step, since := "", time.Now()
		enter := func(next string) {
			if next != step {
				took[step] += time.Since(since)
				peak[step] = max(peak[step], peakMiB())
				resetPeak()
				step, since = next, time.Now()
			}
		}
		runtime.GC()
		resetPeak()
		run, err := round.run(ctx, func(p contract.Progress) { enter(p.Step) })
		enter("")
		if err != nil {
			return err
		}
		if run.Status != contract.RunComplete || !round.planned(run.Planned) {
			return fmt.Errorf("%s: the run ended as %s %s (%s) with %+v planned", round.name, run.Status, run.StopReason, run.Message, run.Planned)
		}
		r.atMost(round.name+": planning", took["Plan"].Seconds(), "s", 60)
		r.atMost(round.name+": peak of memory while planning", peak["Plan"], "MiB", 300)
		whole := 0.0
		for _, p := range peak {
			whole = max(whole, p)
		}
		r.tell(round.name+": peak of memory in the whole run", whole, "MiB")
		r.tell(round.name+": reading and staging both sides", (took["ImportSource"] + took["ImportMembers"] + took["ImportTarget"] + took["Resolve"]).Seconds(), "s")
	}
	return nil
}

// resetPeak and peakMiB measure the resident memory of the whole process, including
// SQLite's, if the kernel tells it.
func resetPeak() { os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) }

func peakMiB() float64 { return peakOf("self") }

// peakOf returns the peak resident memory of a process, given by its id, in MiB.
func peakOf(process string) float64 {
	text, _ := os.ReadFile("/proc/" + process + "/status")
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kib / 1024
		}
	}
	return 0
}

const (
	largeDomainDN    = "DC=contoso,DC=test"
	largeContainerDN = "OU=Groups," + largeDomainDN
	largeSID         = directory.SID("S-1-5-21-1-2-3")
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

// mix is the finalizer of SplitMix64. It maps different numbers to different numbers.
func mix(z uint64) uint64 {
	z += 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// largeTenant has groups of equal size, and each user is in ten groups on average.
type largeTenant struct {
	contract.Source // nil: for methods that are not called here
	groups          int
	members         int
	// If changed is set, every hundredth group has another user as its first member.
	changed bool
}

func (t *largeTenant) users() int { return t.groups * t.members / 10 }

// member returns the number of the m-th user of group n. The users of a group have
// successive numbers, so that none occurs twice.
func (t *largeTenant) member(n, m int, changed bool) int {
	if changed && n%100 == 0 && m == 0 {
		m = t.members
	}
	return int((mix(uint64(n))%uint64(t.users()) + uint64(m)*7) % uint64(t.users()))
}

func (t *largeTenant) group(n int) directory.SourceGroup {
	return directory.SourceGroup{ID: numbered(ofGroup, n), Kind: directory.UnifiedGroup, Properties: directory.Values{"displayName": {fmt.Sprintf("Group %d", n)}, "mail": {fmt.Sprintf("group%d@contoso.test", n)}}}
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

func (t *largeTenant) GroupChanges(_ context.Context, link string, _ func([]contract.GroupChange) error) (string, error) {
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
	for n := range len(groups) {
		p := contract.MemberPage{Group: numbered(ofGroup, n), Last: true}
		for m := range t.members {
			u := t.member(n, m, t.changed)
			p.Members = append(p.Members, directory.SourceMember{ID: numbered(ofUser, u), Kind: directory.KindUser, Name: fmt.Sprintf("user%d@contoso.test", u),
				Readable: true, Synced: true, SID: directory.SID(fmt.Sprintf("%s-%d", largeSID, 1000+u))})
		}
		if err := page(p); err != nil {
			return err
		}
	}
	return nil
}

func (t *largeTenant) Close() error { return nil }

// largeDomain has what the tenant had before it changed, or no groups.
type largeDomain struct {
	contract.Target // nil: for methods that are not called here
	tenant          *largeTenant
	empty           bool
}

func (d *largeDomain) Identify(context.Context) (contract.TargetIdentity, error) {
	return contract.TargetIdentity{DomainGUID: numbered(ofOther, 2), DomainSID: largeSID, DomainName: "contoso.test", BaseDN: largeDomainDN,
		Server: "dc1.contoso.test", DSServiceName: "CN=NTDS Settings", InvocationID: numbered(ofOther, 3), HighestUSN: 1, Account: "service",
		Schema: contract.Schema{ObjectVersion: 88, ExternalID: true, Exchange: true, ExchangeVersion: 17003}}, nil
}

func (d *largeDomain) Container(context.Context, string, directory.GUID) (contract.Container, error) {
	return contract.Container{GUID: numbered(ofOther, 4), DN: largeContainerDN, CanCreate: true}, nil
}

func (d *largeDomain) account(u int) directory.MemberRef {
	return directory.MemberRef{GUID: numbered(ofAccount, u), DN: fmt.Sprintf("CN=User %d,OU=People,OU=Somewhere,%s", u, largeDomainDN)}
}

func (d *largeDomain) Groups(_ context.Context, _ directory.GUID, members bool, each func(directory.TargetGroup) error) error {
	for n := range d.tenant.groups {
		if d.empty {
			return nil
		}
		source := d.tenant.group(n)
		mark := directory.Mark(source.ID)
		g := directory.TargetGroup{GUID: numbered(ofObject, n), DN: "CN=" + mark + "," + largeContainerDN, CN: mark, SAMAccountName: mark,
			GroupType: directory.GroupTypeUniversalDistribution, Attributes: directory.Values{"displayName": {source.DisplayName()}, "mail": source.Properties["mail"]}, AdminDesc: mark, ExternalID: mark,
			ExtensionName: []string{directory.Stamp(numbered(ofOther, 1))}, USNChanged: int64(n + 1)}
		for m := range d.tenant.members {
			if members {
				g.Members = append(g.Members, d.account(d.tenant.member(n, m, false)))
			}
		}
		if err := each(g); err != nil {
			return err
		}
	}
	return nil
}

func (d *largeDomain) GroupsByGUID(context.Context, []directory.GUID, bool, func(directory.TargetGroup) error) error {
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
		answers[i] = contract.Resolution{MemberID: members[i].ID, Ref: d.account(u - 1000)}
	}
	return answers, nil
}

func (d *largeDomain) Holders(context.Context, directory.GUID, []contract.Name) ([]contract.Holder, error) {
	return nil, nil
}

func (d *largeDomain) Close() error { return nil }
