package command_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/internal/command"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// one syncs a single group.
func (b *bench) one(t fataler, name string) contract.Run {
	t.Helper()
	r, err := b.engine.SyncGroup(context.Background(), command.GroupSyncRequest{Group: guid("group " + name).String()}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r.Run
}

// expire makes all links issued so far invalid.
func (b *bench) expire() { b.tenant.expired = len(b.tenant.moments) }

// step lets a minute pass. From its end on the tenant is as it is now.
func (b *bench) step() {
	b.ahead += time.Minute
	b.tenant.remember()
}

// allBehind makes every replica lag by d.
func (b *bench) allBehind(d time.Duration) {
	b.tenant.behind = map[resource]time.Duration{}
	for _, kind := range resources {
		b.tenant.behind[kind] = d
	}
}

// remove removes a group from the tenant.
func (t *fakeTenant) remove(name string, how directory.Presence) {
	delete(t.groups, guid("group "+name))
	t.deleted[guid("group "+name)] = how
}

// A group that was created or restored a minute ago and has been written stays if a
// lagging replica shows it nowhere, both on demand and in a full import after a link
// expired.
func TestNothingIsDeletedOnEvidenceFromOneMoment(t *testing.T) {
	for _, how := range []string{"made", "restored"} {
		for _, asked := range []string{"on demand", "link expired", "requested"} {
			t.Run(how+", "+asked, func(t *testing.T) {
				b := settled(t, map[string][]string{"other": {"a"}, "back": {"a"}})
				b.tenant.remember()
				name := "back"
				if how == "made" {
					name = "new"
					b.ahead += 10 * time.Minute
					b.tenant.put("new", "a")
					b.step()
					b.delta(t)
				} else {
					// A delta does not report what was deleted and restored in between.
					g := b.tenant.groups[guid("group back")]
					b.ahead += time.Minute
					b.tenant.remove("back", directory.PresenceHardDeleted) // the recycle bin does not have it yet
					b.step()
					b.ahead += 10 * time.Minute
					b.tenant.groups[g.ID] = g
					delete(b.tenant.deleted, g.ID)
					b.step()
				}
				object := b.object(name).GUID
				b.allBehind(5 * time.Minute)
				switch asked {
				case "on demand":
					b.one(t, name)
				case "link expired":
					b.expire()
					if run := b.sync(t); run.PolicyReason != contract.InitialLinkExpired {
						t.Fatalf("%+v", run)
					}
				case "requested":
					if _, err := b.engine.Sync(context.Background(), command.SyncRequest{PolicyType: contract.Initial}, nil); err != nil {
						t.Fatal(err)
					}
				}
				for range 8 {
					if g := b.object(name); g == nil || g.GUID != object {
						t.Fatal("it was deleted")
					}
					b.ahead += 10 * time.Minute
					b.tenant.remember()
					b.sync(t)
				}
				b.tenant.behind = nil
				b.tenant.put(name, "b")
				b.delta(t)
				if diff := cmp.Diff([]string{"b"}, b.holds()[name]); diff != "" {
					t.Errorf("it does not go on: %s", diff)
				}
			})
		}
	}
}

// What a run says about a group if the answers of the tenant disagree.
func TestWhatIsSaidOfAGroupThatAReplicaDoesNotShow(t *testing.T) {
	for name, test := range map[string]struct {
		behind []resource
		edit   func(*fakeTenant)
		want   string
	}{
		"reported as there, and shown nowhere": {resources, func(t *fakeTenant) { t.put("new", "a") }, "one of the tenant's replicas lags"},
		"reported as there, and not listed":    {[]resource{lists, byID}, func(t *fakeTenant) { t.put("new", "a") }, "although its list did not contain it"},
		"reported as deleted, and still shown": {[]resource{single, deletedItems}, func(t *fakeTenant) { t.remove("gone", directory.PresenceHardDeleted) }, "one of the tenant's replicas lags"},
		"reported as deleted, and no answer": {nil, func(t *fakeTenant) {
			t.remove("gone", directory.PresenceHardDeleted)
			t.fail = func(operation string) error {
				if operation == "presence" {
					return errOneGroup
				}
				return nil
			}
		}, "did not report"},
	} {
		t.Run(name, func(t *testing.T) {
			b := settled(t, map[string][]string{"other": {"a"}, "gone": {"a"}})
			b.tenant.remember()
			b.ahead += 10 * time.Minute
			test.edit(b.tenant)
			b.step()
			ctx := context.Background()
			if b.tenant.groups[guid("group new")] != nil {
				b.delta(t)
			}
			b.tenant.behind = map[resource]time.Duration{}
			for _, kind := range test.behind {
				b.tenant.behind[kind] = 5 * time.Minute
			}
			request := command.SyncRequest{}
			if b.tenant.groups[guid("group new")] != nil {
				request.PolicyType = contract.Initial
			}
			run, err := b.engine.Sync(ctx, request, nil)
			if err != nil {
				t.Fatal(err)
			}
			said := b.reasons(t, run)[plan.ReasonPresenceUnknown]
			if !strings.Contains(said, test.want) || run.Planned != (plan.Totals{Skip: 1}) {
				t.Errorf("%q of %+v", said, run)
			}
		})
	}
}

// A group that is gone for good, without a delta reporting it, is deleted after it was
// asked for twice, the lag apart; not before, and not on demand.
func TestWhatNoDeltaReportsAsDeletedIsRequestedTwice(t *testing.T) {
	b := settled(t, map[string][]string{"other": {"a"}, "gone": {"a"}})
	b.tenant.remove("gone", directory.PresenceHardDeleted)
	b.expire()
	run := b.sync(t)
	if run.PolicyReason != contract.InitialLinkExpired || run.Status != contract.RunPartial || run.Exported.Delete != 0 {
		t.Errorf("%+v", run)
	}
	for range 2 {
		b.ahead += 10 * time.Minute
		if run := b.sync(t); run.Exported.Delete != 0 {
			t.Errorf("%+v", run)
		}
		if run := b.one(t, "gone"); run.Exported.Delete != 0 {
			t.Errorf("%+v", run)
		}
	}
	b.ahead += 11 * time.Minute
	if run := b.one(t, "gone"); run.Exported.Delete != 0 {
		t.Errorf("%+v", run)
	}
	if run := b.sync(t); run.Exported.Delete != 1 || run.Status != contract.RunComplete {
		t.Errorf("%+v\n%v", run, b.outcomes(t, run))
	}
	if run := b.delta(t); run.Planned != (plan.Totals{}) {
		t.Errorf("%+v", run)
	}
}

// If it is shown in between, it is asked for twice again.
func TestAGroupThatIsShownInBetweenIsNotGone(t *testing.T) {
	b := settled(t, map[string][]string{"other": {"a"}, "back": {"a"}})
	g := b.tenant.groups[guid("group back")]
	b.tenant.remove("back", directory.PresenceHardDeleted)
	b.expire()
	b.sync(t)
	b.ahead += 29 * time.Minute
	b.tenant.groups[g.ID] = g
	b.expire() // no delta reports that it is back
	b.sync(t)
	b.tenant.remove("back", directory.PresenceHardDeleted)
	b.ahead += 2 * time.Minute
	b.expire()
	if b.sync(t); b.object("back") == nil {
		t.Error("it was deleted")
	}
}

// A group that a delta reported as deleted is deleted once asking for it finds it
// nowhere, even in a later run.
func TestWhatADeltaReportedAsDeletedIsDeletedByALaterRun(t *testing.T) {
	b := settled(t, map[string][]string{"other": {"a"}, "gone": {"a"}})
	b.tenant.remove("gone", directory.PresenceHardDeleted)
	b.tenant.fail = func(operation string) error {
		if operation == "presence" {
			return errOneGroup
		}
		return nil
	}
	if run := b.sync(t); run.Status != contract.RunPartial || run.Exported.Delete != 0 {
		t.Errorf("%+v", run)
	}
	b.tenant.fail = nil
	if run := b.one(t, "gone"); run.Exported.Delete != 0 {
		t.Errorf("%+v", run)
	}
	if run := b.delta(t); run.Exported.Delete != 1 {
		t.Errorf("%+v", run)
	}
}

// A group that was reported as deleted and whose object is gone is not created again by a
// run that reads a replica which still shows it.
func TestADeletedGroupIsNotMadeAgain(t *testing.T) {
	for _, asked := range []string{"on demand", "link expired"} {
		b := settled(t, map[string][]string{"other": {"a"}, "gone": {"a"}})
		b.tenant.remember()
		b.ahead += 10 * time.Minute
		b.tenant.remove("gone", directory.PresenceHardDeleted)
		b.step()
		if run := b.delta(t); run.Exported.Delete != 1 {
			t.Fatalf("%+v", run)
		}
		b.allBehind(5 * time.Minute)
		if asked == "on demand" {
			b.one(t, "gone")
		} else {
			b.expire()
			b.sync(t)
		}
		if b.object("gone") != nil {
			t.Errorf("%s: it was made again", asked)
		}
	}
}

// No reading undoes what a delta reported minutes before: not a sync on demand, not a
// full import after a link expired, and not the repeated reading half an hour after one.
func TestNoReadingTakesBackWhatADeltaReported(t *testing.T) {
	want := map[string][]string{"one": {"b", "c"}, "other": {"a"}}
	for _, asked := range []string{"on demand", "link expired", "requested", "read once more"} {
		t.Run(asked, func(t *testing.T) {
			b := settled(t, map[string][]string{"one": {"a", "b"}, "other": {"a"}})
			b.tenant.remember()
			if asked == "read once more" {
				b.one(t, "one")
				b.ahead += 20 * time.Minute
			}
			b.ahead += 5 * time.Minute
			b.tenant.put("one", "b", "c")
			b.tenant.groups[guid("group one")].says("description", "told")
			b.step()
			b.delta(t)
			b.allBehind(20 * time.Minute)
			check := func() {
				t.Helper()
				if diff := cmp.Diff(want, b.holds()); diff != "" || b.object("one").Attributes.First("description") != "told" {
					t.Errorf("%q %s", b.object("one").Attributes.First("description"), diff)
				}
			}
			switch asked {
			case "on demand":
				b.one(t, "one")
			case "link expired":
				b.expire()
				b.sync(t)
			case "requested":
				if _, err := b.engine.Sync(context.Background(), command.SyncRequest{PolicyType: contract.Initial}, nil); err != nil {
					t.Fatal(err)
				}
			case "read once more":
				b.ahead += 6 * time.Minute
				b.forget()
				if b.sync(t); !slices.Contains(b.tenant.asked, guid("group one")) {
					t.Fatal("the test proves nothing")
				}
			}
			check()
			for range 8 {
				b.ahead += 10 * time.Minute
				b.sync(t)
				check()
			}
		})
	}
}

// The same holds for a user who was read singly and seemed to have no account.
func TestNoReadingTakesBackWhatADeltaReportedOfAUser(t *testing.T) {
	b := settled(t, map[string][]string{"one": {"a"}})
	b.tenant.remember()
	b.tenant.put("one", "a", "cloud b") // read singly, and noted
	b.step()
	b.delta(t)
	b.ahead += 20 * time.Minute
	b.tenant.join("cloud b")
	b.step()
	b.delta(t)
	if !has(b.object("one"), account("cloud b").GUID) {
		t.Fatal("the test proves nothing")
	}
	b.allBehind(20 * time.Minute)
	b.ahead += 10 * time.Minute
	b.forget()
	if b.sync(t); !slices.Contains(b.tenant.seen, "membersByID") {
		t.Fatal("the test proves nothing")
	}
	for _, again := range []func(){func() {}, func() { b.one(t, "one") }, func() { b.expire(); b.sync(t) }} {
		if again(); !has(b.object("one"), account("cloud b").GUID) {
			t.Error("the member lost access")
		}
	}
}

// If a delta is older than the lag when the group is read, it does not override what is
// read.
func TestADeltaOlderThanTheLagIsNotPutOverAReading(t *testing.T) {
	b := settled(t, map[string][]string{"one": {"a"}})
	b.tenant.put("new", "a", "b")
	waited := false
	b.tenant.fail = func(operation string) error {
		if operation == "groupsByID" && !waited { // an outage, after the delta was read
			waited = true
			b.ahead += 31 * time.Minute
			b.tenant.put("new", "a")
		}
		return nil
	}
	b.sync(t)
	b.tenant.fail = nil
	if diff := cmp.Diff([]string{"a"}, b.holds()["new"]); diff != "" || !waited {
		t.Error(diff)
	}
}

// A group in the recycle bin that a lagging replica still showed costs nothing more.
func TestASoftDeletedGroupIsNotWaitedFor(t *testing.T) {
	b := settled(t, map[string][]string{"one": {"a"}, "soft": {"a"}})
	b.tenant.remember()
	b.ahead += 10 * time.Minute
	b.tenant.remove("soft", directory.PresenceSoftDeleted)
	b.step()
	b.allBehind(5 * time.Minute)
	if run := b.delta(t); run.Planned.Skip != 1 {
		t.Errorf("%+v", run)
	}
	for i := range 4 {
		b.forget()
		b.delta(t)
		if seen := slices.Compact(b.tenant.seen); i != 1 && !slices.Equal(seen, []string{"identify", "groupChanges", "userChanges"}) {
			t.Errorf("run %d asks %v", i, seen)
		}
		b.ahead += 31 * time.Minute
	}
	if o, err := b.engine.Overview(context.Background()); err != nil || o.PendingGroups != 0 {
		t.Errorf("%+v %v", o, err)
	}
}

// A restored group that no delta reports is found when the lag is over.
func TestAGroupThatWasRestoredUnreportedGoesOn(t *testing.T) {
	for _, remove := range []contract.FrozenGroup{"", contract.FrozenRemove} {
		b := settled(t, map[string][]string{"one": {"a"}, "back": {"a"}})
		if remove != "" {
			if _, err := b.engine.SetSettings(context.Background(), command.SettingsPatch{Choices: command.Choices{SoftDeletedGroup: remove}}); err != nil {
				t.Fatal(err)
			}
		}
		b.tenant.remember()
		g := b.tenant.groups[guid("group back")]
		b.ahead += time.Minute
		b.tenant.remove("back", directory.PresenceSoftDeleted)
		b.step()
		b.ahead += 10 * time.Minute
		b.tenant.groups[g.ID] = g
		delete(b.tenant.deleted, g.ID)
		b.step()
		object := b.object("back").GUID
		b.allBehind(5 * time.Minute)
		b.one(t, "back")
		for range 4 {
			b.ahead += 16 * time.Minute
			b.sync(t)
		}
		b.tenant.put("back", "b")
		b.tenant.behind = nil
		b.delta(t)
		if g := b.object("back"); g == nil || g.GUID != object || !has(g, account("b").GUID) {
			t.Errorf("%q: %+v", remove, g)
		}
	}
}

// inTheBin deletes a group and restores it ten minutes later, which no delta reports, and
// makes the lists lag so far that they show it as deleted.
func (b *bench) inTheBin(name string) {
	g := b.tenant.groups[guid("group "+name)]
	b.tenant.remember()
	b.ahead += time.Minute
	b.tenant.remove(name, directory.PresenceSoftDeleted)
	b.step()
	b.ahead += 10 * time.Minute
	b.tenant.groups[g.ID] = g
	delete(b.tenant.deleted, g.ID)
	b.step()
	b.tenant.behind = map[resource]time.Duration{lists: 5 * time.Minute}
}

// A group that a full import lists as deleted and that nobody knows to ask for singly is
// found when the lag is over: it was created just before the first import, has come into
// scope, or had no object yet.
func TestAGroupThatWasRestoredUnreportedAndIsNotKnownIsFound(t *testing.T) {
	requested := func(b *bench) (contract.Run, error) {
		return b.engine.Sync(context.Background(), command.SyncRequest{PolicyType: contract.Initial}, nil)
	}
	for name, test := range map[string]struct {
		before func(t *testing.T, b *bench) // what happened before it went to the bin
		full   func(b *bench) (contract.Run, error)
		reason contract.PolicyReason
	}{
		"made just before the first import": {func(t *testing.T, b *bench) {
			b.tenant.remember()
			b.ahead += 10 * time.Minute
			b.tenant.put("back", "a")
			b.step()
			b.tenant.behind = map[resource]time.Duration{lists: 5 * time.Minute}
			b.sync(t)
			b.ahead += 31 * time.Minute
		}, func(b *bench) (contract.Run, error) {
			return b.engine.Sync(context.Background(), command.SyncRequest{}, nil)
		}, contract.InitialSettling},
		"come into the scope": {func(t *testing.T, b *bench) {
			b.tenant.put("back", "a")
			b.tenant.groups[guid("group back")].says("description", leftOut)
			b.leaveOut(t)
			b.sync(t)
			b.settle(t)
			if _, err := b.engine.SetSettings(context.Background(), command.SettingsPatch{Choices: command.Choices{Filter: new(string)}}); err != nil {
				t.Fatal(err)
			}
		}, requested, contract.InitialSettings},
		"without an object": {func(t *testing.T, b *bench) {
			b.sync(t)
			b.settle(t)
			b.directory.fail = func(operation string) error {
				if operation == "create" {
					return errOneGroup
				}
				return nil
			}
			b.tenant.put("back", "a")
			b.sync(t)
			b.directory.fail = nil
			b.ahead += 31 * time.Minute
		}, requested, contract.InitialRequested},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.tenant.put("other", "a")
			b.enable(t)
			test.before(t, b)
			b.inTheBin("back")
			if run, err := test.full(b); err != nil || run.PolicyReason != test.reason || b.object("back") != nil {
				t.Fatalf("the test proves nothing: %v %+v", err, run)
			}
			b.ahead += 31 * time.Minute
			b.sync(t)
			if b.object("back") == nil {
				t.Error("it is not in the directory")
			}
			b.forget()
			b.ahead += 31 * time.Minute
			b.delta(t)
			if slices.Contains(b.tenant.seen, "groups") {
				t.Error("the groups are listed by each run")
			}
		})
	}
}

// The notes of a large delta are rows, and they are gone when the lag is over.
func TestNotesAreForgottenWhenTheLagIsOver(t *testing.T) {
	b := settled(t, map[string][]string{"one": {"a"}})
	b.tenant.put("one", names("user", 3_000)...)
	b.delta(t)
	s, err := b.engine.State(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	told := func() int {
		t.Helper()
		members, err := s.Generation(0).ReportedMembers(context.Background(), guid("group one"), time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		return len(members)
	}
	if n := told(); n != 3_001 {
		t.Errorf("%d members are noted", n)
	}
	b.ahead += 31 * time.Minute
	b.delta(t)
	b.forget()
	if n := told(); n != 0 {
		t.Errorf("%d members are noted still", n)
	}
	for _, kind := range []contract.NoteKind{contract.NoteGroup, contract.NoteUser, contract.NoteDeleted, contract.NoteAbsent, contract.NoteRead, contract.NoteReadUser, contract.NoteListed} {
		if notes, err := s.Generation(0).Notes(context.Background(), kind, directory.GUID{}, 10); err != nil || len(notes) != 0 {
			t.Errorf("%s: %v %v", kind, notes, err)
		}
	}
	if b.delta(t); len(b.tenant.asked) > 0 {
		t.Error("it is read again")
	}
}

// A clock that was ahead does not make notes last longer.
func TestNotesOfAClockThatWasAheadEnd(t *testing.T) {
	b := settled(t, map[string][]string{"one": {"a"}})
	ahead := b.ahead
	b.ahead += 3 * time.Hour
	b.tenant.put("one", "a", "b")
	b.delta(t)
	b.ahead = ahead
	b.tenant.put("one", "a")
	b.expire()
	b.sync(t)
	b.ahead += 31 * time.Minute
	b.sync(t)
	if diff := cmp.Diff([]string{"a"}, b.holds()["one"]); diff != "" {
		t.Error(diff)
	}
}

// A preview notes nothing.
func TestAPreviewNotesNothing(t *testing.T) {
	b := settled(t, map[string][]string{"one": {"a"}, "gone": {"a"}})
	b.tenant.remove("gone", directory.PresenceHardDeleted)
	b.expire()
	if _, err := b.engine.Preview(context.Background(), command.PreviewRequest{}, nil); err != nil {
		t.Fatal(err)
	}
	b.ahead += 31 * time.Minute
	if run := b.sync(t); run.Exported.Delete != 0 {
		t.Errorf("%+v", run)
	}
}

// A frozen group is listed with its id and found by it.
func TestAFrozenGroupIsListedWithItsID(t *testing.T) {
	b := settled(t, map[string][]string{"one": {"a"}, "soft": {"a"}})
	b.tenant.remove("soft", directory.PresenceSoftDeleted)
	b.delta(t)
	s, err := b.engine.State(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, filter := range []contract.GroupFilter{{Name: "soft"}, {ID: guid("group soft")}, {ID: b.object("soft").GUID}} {
		views, err := s.Groups(context.Background(), filter, directory.GUID{}, 10)
		if err != nil || len(views) != 1 || views[0].ID != guid("group soft") || views[0].TargetGUID != b.object("soft").GUID || views[0].Situation != plan.Linked || views[0].LastAction != plan.Skip {
			t.Errorf("%+v: %+v %v", filter, views, err)
		}
	}
}
