package command_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"groupwriteback/internal/command"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// Whatever happens between runs and whatever fails in them, one further run without
// faults makes the directory equal to what the tenant implies. Objects of others are
// never touched, no surviving group gets another SID (it keeps its object), and no group
// is deleted that the tenant still has.
func TestHistories(t *testing.T) {
	histories, deltas := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		b := &bench{tenant: newTenant(), directory: newDirectory(), folder: t.TempDir()}
		b.directory.blind = rapid.Bool().Draw(rt, "blind")
		if b.directory.bin = rapid.Bool().Draw(rt, "recycle bin"); oneIn(rt, 2, "may restore") {
			b.directory.letRestore()
		}
		b.start(rt)
		defer func() { b.engine.Close() }()
		// Small tenants change by large shares. The limits have their own tests.
		b.enable(rt)
		b.withoutLimits(rt)
		if b.mailing = oneIn(rt, 2, "recipients"); b.mailing {
			b.routes(routingDomain)
			b.recipients(rt, plan.MailRecipientRemote)
		}
		if oneIn(rt, 2, "quarantine") {
			if _, err := b.engine.SetSettings(context.Background(), command.SettingsPatch{QuarantineAfter: new(1)}); err != nil {
				rt.Fatal(err)
			}
		}
		b.others = strangers(b.directory)
		names := []string{"A", "B", "C", "D"}
		users := []string{"a", "b", "c", "d", "cloud", "late", "veiled"}
		b.directory.dead[account("late").GUID] = true
		b.tenant.put(claimed, "b")
		alive := map[directory.GUID]bool{} // groups that the tenant has or can restore
		b.tenant.terse = oneIn(rt, 2, "terse")
		if b.filtered = oneIn(rt, 2, "filter"); b.filtered {
			b.leaveOut(rt)
		}
		if b.placed = oneIn(rt, 2, "containers"); b.placed {
			b.place(rt)
		}
		if !oneIn(rt, 4, "no replica is behind") {
			b.fallBehind(rt)
		}
		// Most histories begin where an installation spends most of its life: everything
		// is written, and no later run is Initial by itself.
		if !oneIn(rt, 8, "nothing written") {
			for _, name := range names {
				b.tenant.put(name, someOf(rt, users)...)
				alive[guid("group "+name)] = true
			}
			b.tenant.remember()
			for range 3 {
				b.sync(rt)
				b.pass(31 * time.Minute)
			}
		}
		for range rapid.IntRange(1, 6).Draw(rt, "rounds") {
			for range rapid.IntRange(0, 4).Draw(rt, "edits") {
				edit(rt, b, names, users, alive)
				b.tenant.remember()
				b.ahead += time.Duration(evenly(rt, 12, "minutes")) * time.Minute
			}
			objects, unreadable, left := owned(b), b.unreadable(), b.onHold(rt)
			crashed := b.disturb(rt, t)
			run, err := b.round(rt, names)
			if err != nil {
				rt.Fatal(err)
			}
			b.tenant.fail, b.directory.fail = nil, nil
			if *crashed != "" { // another process continues with what the crash left
				b.engine.Close()
				b.folder = *crashed
				b.start(rt)
			}
			for id, before := range left {
				if diff := cmp.Diff(before, *b.directory.objects[id], cmpopts.IgnoreFields(directory.TargetGroup{}, "USNChanged", "WhenChanged", "ExtensionName")); diff != "" {
					rt.Fatalf("a group on hold was changed: %s by %+v", diff, run)
				}
			}
			now := b.unreadable()
			for id, members := range unreadable {
				for _, m := range members {
					if b.directory.objects[id] != nil && !slices.Contains(now[id], m) {
						rt.Fatalf("%s: a member who may not be read was removed by %+v", b.directory.objects[id].DisplayName(), run)
					}
				}
			}
			if oneIn(rt, 16, "lose the state") {
				b.engine.Close()
				b.folder = t.TempDir()
				restart(rt, b)
				b.lost = true
			}
			for source, object := range objects {
				if now, ok := owned(b)[source]; alive[source] && (!ok || now != object) {
					rt.Fatalf("%s: the object of a group that the tenant has was replaced or is gone after %+v", source, run)
				}
			}
			if rapid.Bool().Draw(rt, "time passes") {
				b.pass(31 * time.Minute)
			}
		}
		b.veil(false)
		if b.mailing {
			b.routes(routingDomain)
			b.recipients(rt, plan.MailRecipientRemote)
		}
		for _, g := range b.directory.objects {
			g.AdminCount = false
		}
		clear(b.directory.hidden)
		b.resumeAll(rt)
		b.tenant.remember()
		b.pass(25 * time.Hour) // members not found are due again
		// A group that is gone and that no delta reports is asked for twice.
		if _, err := b.engine.Sync(context.Background(), command.SyncRequest{SkipReplicationCheck: true}, nil); err != nil {
			rt.Fatal(err)
		}
		b.pass(31 * time.Minute)
		// The domain controllers have received everything, including what an interrupted
		// run wrote.
		last, err := b.engine.Sync(context.Background(), command.SyncRequest{SkipReplicationCheck: true}, nil)
		if err != nil {
			rt.Fatal(err)
		}
		if histories++; last.PolicyType == contract.Delta {
			deltas++
		}
		b.isProjected(rt, last)
		b.isMailed(rt, last)
		b.isPlaced(rt, last)
		run := b.sync(rt)
		if run.Planned != (plan.Totals{Skip: run.Planned.Skip}) {
			rt.Fatalf("a further run still plans: %+v\n%v\nafter %+v", run, b.outcomes(rt, run), last)
		}
		for id, before := range b.others {
			if diff := cmp.Diff(before, *b.directory.objects[id], cmpopts.IgnoreFields(directory.TargetGroup{}, "USNChanged")); diff != "" {
				rt.Fatalf("an object of others was changed: %s", diff)
			}
		}
	})
	// A run that reads everything repairs everything, so histories that end with one say
	// nothing about deltas.
	if !t.Failed() && histories >= 50 && deltas*3 < histories {
		t.Errorf("only %d of %d histories end with a delta run", deltas, histories)
	}
}

// oneIn returns true once in n times.
func oneIn(rt *rapid.T, n int, label string) bool { return evenly(rt, n, label) == n-1 }

// evenly draws a number below n, each equally often. The ranges of rapid prefer values
// near their beginning, and then faults and lost states would leave hardly any Delta run
// to test.
func evenly(rt *rapid.T, n int, label string) int {
	drawn := 0
	for _, bit := range rapid.SliceOfN(rapid.Bool(), 12, 12).Draw(rt, label) {
		drawn *= 2
		if bit {
			drawn++
		}
	}
	return drawn % n
}

func someOf(rt *rapid.T, users []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(rapid.SliceOf(rapid.SampledFrom(users)).Draw(rt, "members"))))
}

// leftOut is the description of groups that the scope excludes.
const leftOut = "x"

func (b *bench) leaveOut(t fataler) {
	t.Helper()
	filter := "description -ne '" + leftOut + "'"
	if _, err := b.engine.SetSettings(context.Background(), command.SettingsPatch{Choices: command.Choices{Filter: &filter}}); err != nil {
		t.Fatal(err)
	}
}

// place sends the groups with one description to the second container.
func (b *bench) place(t fataler) {
	t.Helper()
	filters := []contract.ContainerFilter{{Container: apartDN, Filter: "description -eq '" + keptApart + "'"}}
	if _, err := b.engine.SetSettings(context.Background(), command.SettingsPatch{Choices: command.Choices{ContainerFilters: &filters}}); err != nil {
		t.Fatal(err)
	}
}

// keptApart is the description of groups that belong in the second container.
const keptApart = "y"

// isPlaced checks that every object is in the container where its group belongs, unless
// somebody moved it. After a lost state nobody knows who moved it.
func (b *bench) isPlaced(rt *rapid.T, run contract.Run) {
	objects := owned(b)
	for id, g := range b.tenant.now() {
		object, ok := objects[id]
		if !b.placed || b.lost || !ok || b.byHand[object] || b.filtered && g.Properties.First("description") == leftOut {
			continue
		}
		want := containerDN
		if g.Properties.First("description") == keptApart {
			want = apartDN
		}
		if at := b.directory.objects[object].DN; !strings.HasSuffix(at, ","+want) {
			rt.Fatalf("%s is not in %s after %+v\n%v", at, want, run, b.outcomes(rt, run))
		}
	}
}

// veil hides or shows who one of the users is on-premises. No delta reports that.
func (b *bench) veil(hidden bool) {
	b.tenant.veiled = hidden
	for _, g := range b.tenant.groups {
		for i := range g.members {
			if g.members[i].Name == "veiled" {
				g.members[i] = b.tenant.member("veiled")
			}
		}
	}
}

// unreadable returns, by the object of the group, the accounts that our account may not
// read and that have been members of the group on both sides for so long that every
// replica shows it.
func (b *bench) unreadable() map[directory.GUID][]directory.GUID {
	out := map[directory.GUID][]directory.GUID{}
	for id, object := range owned(b) {
		if g, ok := b.tenant.now()[id]; ok {
			for _, m := range g.members {
				if guid := account(m.Name).GUID; m.Synced && b.directory.hidden[guid] && has(b.directory.objects[object], guid) && b.tenant.stayed(id, m.ID) {
					out[object] = append(out[object], guid)
				}
			}
		}
	}
	return out
}

// stayed reports whether the user was a member of the group for the last hour. A run may
// act on a replica that was half an hour behind up to half an hour ago, in a full import
// whose links report nothing from before. Another full import follows and corrects that.
func (t *fakeTenant) stayed(group, member directory.GUID) bool {
	since := t.clock().Add(-time.Hour)
	for i, p := range t.past {
		if i+1 < len(t.past) && !t.past[i+1].at.After(since) {
			continue // it had changed by then
		}
		if !slices.ContainsFunc(p.groups[group].members, func(m directory.SourceMember) bool { return m.ID == member }) {
			return false
		}
	}
	return true
}

// withoutLimits switches every limit off except that of an empty tenant.
func (b *bench) withoutLimits(t fataler) {
	t.Helper()
	if _, err := b.engine.SetSettings(context.Background(), command.SettingsPatch{Limits: &command.LimitsPatch{RemovalPercent: new(int),
		GroupRemovalPercent: new(int), SourceShrinkPercent: new(int), TargetShrinkPercent: new(int), DeletionPercent: new(int)}}); err != nil {
		t.Fatal(err)
	}
}

// fallBehind makes each kind of request be answered by a replica that is behind by less
// than half an hour, or up to date.
func (b *bench) fallBehind(rt *rapid.T) {
	b.tenant.behind = map[resource]time.Duration{}
	for _, kind := range resources {
		if !oneIn(rt, 3, "up to date") {
			b.tenant.behind[kind] = time.Duration(1+evenly(rt, 29, string(kind))) * time.Minute
		}
	}
}

// pass lets time pass. Every replica catches up, except those that lag by a fixed time.
func (b *bench) pass(d time.Duration) {
	b.ahead += d
	b.tenant.lagging = nil
}

// round runs what is due, a full import, a preview, or one group.
func (b *bench) round(rt *rapid.T, names []string) (contract.Run, error) {
	ctx := context.Background()
	runs := []string{"due", "due", "due", "due", "due", "initial", "group", "group", "preview"}
	switch runs[evenly(rt, len(runs), "run")] {
	case "initial":
		return b.engine.Sync(ctx, command.SyncRequest{PolicyType: contract.Initial}, nil)
	case "group":
		id := guid("group " + rapid.SampledFrom(names).Draw(rt, "one"))
		_, shown := b.tenant.shown(byID)[id]
		r, err := b.engine.SyncGroup(ctx, command.GroupSyncRequest{Group: id.String()}, nil)
		if !shown && (contract.HasID(err, "GroupNotFound") || contract.HasID(err, "GroupNotLinked")) {
			break // there is no such group to sync
		}
		if r.Run.ID == 0 && b.tenant.fail != nil {
			break // it was not even found before the fault
		}
		return r.Run, err
	case "preview":
		return b.engine.Preview(ctx, command.PreviewRequest{}, nil)
	}
	return b.engine.Sync(ctx, command.SyncRequest{}, nil)
}

// isProjected compares the directory with what the tenant implies.
func (b *bench) isProjected(rt *rapid.T, run contract.Run) {
	objects := owned(b)
	for id, object := range objects {
		if b.tenant.groups[id] == nil && b.tenant.deleted[id] == directory.PresenceHardDeleted && linked(rt, b, object) {
			rt.Fatalf("%s was deleted from the tenant and is still in the directory after %+v\n%v", b.directory.objects[object].DisplayName(), run, b.outcomes(rt, run))
		}
	}
	for id, g := range b.tenant.now() {
		if g.DisplayName() == claimed || b.filtered && g.Properties.First("description") == leftOut {
			continue
		}
		object, ok := objects[id]
		if !ok && b.claimed(id) {
			continue // as long as a foreign object stands for it
		}
		if !ok {
			rt.Fatalf("%s is not in the directory after %+v\n%v", g.DisplayName(), run, b.outcomes(rt, run))
		}
		want := []directory.GUID{}
		for _, m := range g.members {
			if nested, ok := objects[m.ID]; m.Kind == directory.KindGroup && ok {
				want = append(want, nested)
			} else if m.Synced && !b.directory.dead[account(m.Name).GUID] {
				want = append(want, account(m.Name).GUID)
			}
		}
		have := []directory.GUID{}
		for _, m := range b.directory.objects[object].Members {
			have = append(have, m.GUID)
		}
		slices.SortFunc(want, directory.GUID.Compare)
		slices.SortFunc(have, directory.GUID.Compare)
		if diff := cmp.Diff(want, have); diff != "" {
			rt.Fatalf("%s: %s after %+v\n%v", g.DisplayName(), diff, run, b.outcomes(rt, run))
		}
		if have := b.directory.objects[object]; have.DisplayName() != g.DisplayName() || have.Attributes.First("description") != g.Properties.First("description") {
			rt.Fatalf("%+v after %+v", have, run)
		}
	}
}

// leftBehind copies the state as a process that is killed now would leave it.
func leftBehind(rt fataler, from, to string) {
	files, err := os.ReadDir(from)
	if err != nil {
		rt.Fatal(err)
	}
	for _, f := range files {
		if f.IsDir() {
			continue
		}
		in, err := os.Open(filepath.Join(from, f.Name()))
		if err != nil {
			rt.Fatal(err)
		}
		out, err := os.OpenFile(filepath.Join(to, f.Name()), os.O_CREATE|os.O_WRONLY, 0o600)
		if err == nil {
			_, err = io.Copy(out, in)
		}
		if err := errors.Join(err, in.Close(), out.Close()); err != nil {
			rt.Fatal(err)
		}
	}
}

// restart continues after the state was lost: the administrator enables writeback with
// the same settings.
func restart(rt *rapid.T, b *bench) {
	b.start(rt)
	if _, err := b.engine.Enable(context.Background(), command.EnableRequest{Choices: command.Choices{TargetContainer: containerDN}, Adoption: command.Adoption{Adopt: new(bool)}}); err != nil && !contract.HasID(err, "ForeignGroupsPresent") {
		rt.Fatal(err)
	}
	// The foreign objects came after the first Enable, so this one would refuse. Put them
	// aside for a moment, as if they came later again.
	aside := map[directory.GUID]*directory.TargetGroup{}
	for id, g := range b.directory.objects {
		if _, foreign := b.others[id]; foreign {
			aside[id] = g
			delete(b.directory.objects, id)
		}
	}
	b.enable(rt)
	b.withoutLimits(rt)
	if b.filtered {
		b.leaveOut(rt)
	}
	if b.placed {
		b.place(rt)
	}
	maps.Copy(b.directory.objects, aside)
}

// claimed is a group of the tenant that already has a foreign object.
const claimed = "claimed"

// strangers returns marked objects of others in our container.
func strangers(d *fakeDirectory) map[directory.GUID]directory.TargetGroup {
	out := map[directory.GUID]directory.TargetGroup{}
	for _, name := range []string{"cloud sync", "another tenant", "entra connect"} {
		g := directory.TargetGroup{GUID: guid(name), CN: name, DN: "CN=" + name + "," + containerDN, SAMAccountName: name, Attributes: directory.Values{"displayName": {name}},
			AdminDesc: directory.Mark(guid("group of " + name)), Members: []directory.MemberRef{account("a")}}
		switch name {
		case "another tenant":
			g.ExtensionName = []string{directory.Stamp(guid(name))}
		case "entra connect": // it stands for a group that the tenant has
			g.AdminDesc = directory.Mark(guid("group " + claimed))
		}
		object := copied(&g, true)
		d.objects[g.GUID] = &object
		out[g.GUID] = copied(&g, true)
	}
	return out
}

// owned returns our objects that stand for a group of the tenant, with that group.
func owned(b *bench) map[directory.GUID]directory.GUID {
	out := map[directory.GUID]directory.GUID{}
	for id, g := range b.directory.objects {
		if source, ok := g.SourceID(); ok && b.directory.owner(id) == service && directory.HasStamp(g.ExtensionName, tenantID) {
			if _, twice := out[source]; twice {
				panic("two objects stand for " + g.DisplayName())
			}
			out[source] = id
		}
	}
	return out
}

// claimed reports whether a foreign object carries the mark of the group.
func (b *bench) claimed(id directory.GUID) bool {
	for other := range b.others {
		if source, _ := b.directory.objects[other].SourceID(); source == id {
			return true
		}
	}
	return false
}

// plantFor adds an object with the mark and stamp of the group, as anybody can who may
// create groups somewhere.
func (b *bench) plantFor(rt *rapid.T, id directory.GUID) {
	name := fmt.Sprint("planted ", len(b.others))
	g := b.plant(id, name, rapid.SampledFrom([]directory.SID{attacker, "", "S-1-1-0"}).Draw(rt, "owner"))
	g.Members = []directory.MemberRef{account("a")}
	if rapid.Bool().Draw(rt, "elsewhere") {
		g.DN = "CN=" + name + ",OU=Elsewhere,DC=contoso,DC=test"
	}
	b.others[g.GUID] = copied(g, true)
}

// linked reports whether the state has a link to the object.
func linked(rt *rapid.T, b *bench, object directory.GUID) bool {
	s, err := b.engine.State(context.Background())
	if err != nil {
		rt.Fatal(err)
	}
	links, err := s.Links(context.Background(), directory.GUID{}, 500)
	if err != nil {
		rt.Fatal(err)
	}
	return slices.ContainsFunc(links, func(l contract.Link) bool { return l.TargetGUID == object })
}

// edit changes the tenant or the directory as people do.
func edit(rt *rapid.T, b *bench, names, users []string, alive map[directory.GUID]bool) {
	at := evenly(rt, len(names), "group")
	name := names[at]
	id := guid("group " + name)
	edits := []string{"put", "put", "put", "put", "nest", "nest", "describe", "describe", "delete", "delete", "purge", "account", "late account", "synced", "veil", "veil", "unreadable", "unreadable", "user", "user",
		"by hand", "delete by hand", "move by hand", "plant", "protect", "suspend", "suspend", "lag", "lag", "restore", "expire", "another domain controller"}
	if b.mailing && oneIn(rt, 3, "mail") {
		b.editMail(rt, name)
		return
	}
	switch edits[evenly(rt, len(edits), "edit")] {
	case "put":
		b.tenant.put(name, someOf(rt, users)...)
		alive[id] = true
	case "late account": // the account is created, and nothing reports it
		delete(b.directory.dead, account("late").GUID)
	case "unreadable": // our account may no longer read an account, or may again
		hidden, user := b.directory.hidden, account(rapid.SampledFrom(users[:2]).Draw(rt, "user")).GUID
		hidden[user] = !hidden[user]
	case "user": // deleted or restored
		name := rapid.SampledFrom(users[:5]).Draw(rt, "user")
		if b.tenant.gone[user(name).ID] == "" {
			b.tenant.deleteUser(name)
		} else {
			b.tenant.restoreUser(name)
		}
	case "veil":
		b.veil(!b.tenant.veiled)
	case "another domain controller": // it has received everything
		d := b.directory
		d.received = map[directory.GUID]int64{d.invocation: math.MaxInt64}
		d.server = map[string]string{"dc1": "dc2", "dc2": "dc1"}[d.server]
		d.invocation = guid(d.server)
	case "nest":
		if g, other := b.tenant.groups[id], rapid.SampledFrom(names).Draw(rt, "nested"); g != nil {
			nested := directory.SourceMember{ID: guid("group " + other), Kind: directory.KindGroup, Name: other, Readable: true}
			if !slices.Contains(g.members, nested) {
				g.members = append(g.members, nested)
			}
		}
	case "describe":
		if g := b.tenant.groups[id]; g != nil {
			g.says("description", rapid.SampledFrom([]string{"", leftOut, "y"}).Draw(rt, "description"))
		}
	case "delete":
		if b.tenant.groups[id] != nil {
			delete(b.tenant.groups, id)
			b.tenant.deleted[id] = rapid.SampledFrom([]directory.Presence{directory.PresenceSoftDeleted, directory.PresenceHardDeleted}).Draw(rt, "how")
			if b.tenant.deleted[id] == directory.PresenceHardDeleted {
				delete(alive, id)
				names[at] += "'" // its id never comes back
			}
		}
	case "purge": // of a group in the recycle bin
		if b.tenant.deleted[id] == directory.PresenceSoftDeleted {
			b.tenant.deleted[id] = directory.PresenceHardDeleted
			delete(alive, id)
			names[at] += "'"
		}
	case "account": // an account is deleted, and its values disappear silently
		user := account(rapid.SampledFrom(users[2:4]).Draw(rt, "user"))
		b.directory.kill(user.GUID)
	case "synced": // a cloud user gets an account on-premises
		b.tenant.join("cloud")
	case "by hand":
		if object, ok := owned(b)[id]; ok {
			g := b.directory.objects[object]
			write(g, "description", "by hand")
			g.Members = []directory.MemberRef{account(rapid.SampledFrom(users[:2]).Draw(rt, "member"))}
		}
	case "move by hand":
		if object, ok := owned(b)[id]; ok && linked(rt, b, object) {
			if b.byHand == nil {
				b.byHand = map[directory.GUID]bool{}
			}
			b.byHand[object] = true
			g := b.directory.objects[object]
			g.DN = "CN=" + directory.EscapeRDN(g.CN) + "," + rapid.SampledFrom([]string{"OU=Elsewhere,DC=contoso,DC=test", apartDN, containerDN}).Draw(rt, "to")
		}
	case "plant":
		if !b.claimed(id) {
			b.plantFor(rt, id)
		}
	case "protect": // nested in a group of administrators, or no longer
		if object, ok := owned(b)[id]; ok {
			g := b.directory.objects[object]
			g.AdminCount = !g.AdminCount
		}
	case "delete by hand":
		if object, ok := owned(b)[id]; ok {
			b.directory.remove(object)
			delete(alive, id) // it may get another object
		}
	case "suspend":
		b.suspendOrResume(rt, id)
	case "lag":
		b.fallBehind(rt)
	case "restore": // not reported if no run comes in between
		if g := b.tenant.groups[id]; g != nil {
			delete(b.tenant.groups, id)
			b.tenant.deleted[id] = directory.PresenceSoftDeleted
			b.tenant.remember()
			b.ahead += time.Duration(evenly(rt, 12, "minutes in the bin")) * time.Minute
			b.tenant.groups[id] = g
			delete(b.tenant.deleted, id)
		}
	case "expire":
		b.tenant.expired = len(b.tenant.moments)
	}
}

// disturb makes one operation fail, in one of the ways in which operations fail, or kills
// the process at that operation. It returns the folder of the state that a dead process
// has left.
func (b *bench) disturb(rt *rapid.T, t *testing.T) (crashed *string) {
	crashed = new(string)
	if oneIn(rt, 2, "undisturbed") {
		return crashed
	}
	gone := &contract.Error{Category: contract.Connection, ID: "ServerUnreachable", Message: "gone"}
	if oneIn(rt, 3, "crash") {
		at := 1 + evenly(rt, 60, "at")
		to, n := t.TempDir(), 0
		b.tenant.fail = func(string) error {
			if n++; n == at {
				leftBehind(rt, b.folder, to)
				*crashed = to
			}
			if n >= at {
				return gone
			}
			return nil
		}
		b.directory.fail = b.tenant.fail
		return crashed
	}
	err := rapid.SampledFrom([]error{
		errLost, errPart, errOneGroup, gone,
		&contract.Error{Category: contract.InvalidData, ID: "IncompleteRead", Message: "cut off"},
		&contract.Error{Category: contract.Authentication, ID: contract.StopAccessTokenExpired, Message: "expired"},
	}).Draw(rt, "error")
	n, every := 0, 1+evenly(rt, 30, "fail every")
	fail := func(string) error {
		if n++; n%every == 0 {
			return err
		}
		return nil
	}
	b.tenant.fail, b.directory.fail = fail, fail
	return crashed
}

// suspendOrResume puts a group on hold, for a while or for good, or resumes it. The state
// may not know the group.
func (b *bench) suspendOrResume(rt *rapid.T, id directory.GUID) {
	b.suspends = true
	var err error
	if oneIn(rt, 3, "resume") {
		_, err = b.engine.Resume(context.Background(), command.ResumeRequest{Group: id.String()})
	} else {
		request := command.SuspendRequest{Group: id.String()}
		if rapid.Bool().Draw(rt, "for a while") {
			request.Until = b.tenant.clock().Add(time.Duration(1+evenly(rt, 40, "minutes on hold")) * time.Minute)
		}
		_, err = b.engine.Suspend(context.Background(), request)
	}
	if err != nil && !contract.HasID(err, "GroupNotFound") && !contract.HasID(err, "GroupNotLinked") && !contract.HasID(err, "GroupNotOnHold") {
		rt.Fatal(err)
	}
}

// onHold returns, by objectGUID, the linked objects of groups that are on hold.
func (b *bench) onHold(rt *rapid.T) map[directory.GUID]directory.TargetGroup {
	left := map[directory.GUID]directory.TargetGroup{}
	s, err := b.engine.State(context.Background())
	if err != nil {
		rt.Fatal(err)
	}
	holds, err := s.Holds(context.Background())
	if err != nil {
		rt.Fatal(err)
	}
	for i := range holds {
		links, err := s.LinksOf(context.Background(), []directory.GUID{holds[i].GroupID})
		if err != nil {
			rt.Fatal(err)
		}
		for _, l := range links {
			// A run may outlast what is left of a short time.
			if object := b.directory.objects[l.TargetGUID]; object != nil && holds[i].Holds(b.tenant.clock().Add(time.Minute)) {
				left[l.TargetGUID] = copied(object, true)
			}
		}
	}
	return left
}

// resumeAll resumes every group, after a run has found the holds that a lost state left
// in the directory.
func (b *bench) resumeAll(rt *rapid.T) {
	if !b.suspends {
		return
	}
	ctx := context.Background()
	if _, err := b.engine.Sync(ctx, command.SyncRequest{SkipReplicationCheck: true}, nil); err != nil {
		rt.Fatal(err)
	}
	s, err := b.engine.State(ctx)
	if err != nil {
		rt.Fatal(err)
	}
	holds, err := s.Holds(ctx)
	if err != nil {
		rt.Fatal(err)
	}
	for i := range holds {
		if _, err := b.engine.Resume(ctx, command.ResumeRequest{Group: holds[i].GroupID.String()}); err != nil && !contract.HasID(err, "GroupNotOnHold") { // its time is over
			rt.Fatal(err)
		}
	}
}
