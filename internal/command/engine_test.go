package command_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/internal/command"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
	"groupwriteback/state"
)

// bench is an engine with a real state, between a tenant and a directory in memory.
type bench struct {
	mailing   bool // groups are recipients of Exchange
	suspends  bool // groups were on hold
	tenant    *fakeTenant
	directory *fakeDirectory
	folder    string
	engine    *command.Engine
	filtered  bool                    // the scope excludes some groups
	placed    bool                    // some groups belong in the second container
	lost      bool                    // the state was lost
	byHand    map[directory.GUID]bool // objects that somebody moved
	ahead     time.Duration           // how far the engine's clock is ahead
	wrap      func(contract.State) contract.State
	log       *slog.Logger
	// projection identifies what this release reads from the tenant.
	projection string
	// mapping has the attributes to write; nil means the standard.
	mapping plan.Mapping
	// around, if set, stands between the engine and the directory.
	around func(contract.Target) contract.Target
	// lookLasts is as in [command.Config].
	lookLasts time.Duration
	// absent means that there is no state yet.
	absent bool
	// others has the objects of others, which must not change.
	others map[directory.GUID]directory.TargetGroup
}

type fataler interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

func newBench(t *testing.T) *bench {
	b := &bench{tenant: newTenant(), directory: newDirectory(), folder: t.TempDir()}
	b.start(t)
	t.Cleanup(func() { b.engine.Close() })
	return b
}

// start begins a new process with the same state.
func (b *bench) start(t fataler) {
	t.Helper()
	if b.log == nil {
		b.log = slog.New(slog.DiscardHandler)
	}
	now := func() time.Time { return time.Now().Add(b.ahead) }
	b.tenant.clock = now
	var find func() (string, bool, error)
	if b.absent {
		find = func() (string, bool, error) { return b.folder, false, nil }
	}
	b.engine = command.New(command.Config{
		Caller: me, FindState: find,
		OpenSource: func(context.Context, contract.SourceConfig) (contract.Source, error) { return b.tenant, nil },
		OpenTarget: func(context.Context, contract.TargetConfig) (contract.Target, error) {
			if b.around != nil {
				return b.around(b.directory), nil
			}
			return b.directory, nil
		},
		OpenState: func(ctx context.Context) (contract.State, error) {
			s, err := state.Open(ctx, b.folder)
			if err != nil || b.wrap == nil {
				return s, err
			}
			return b.wrap(s), nil
		},
		Log: b.log, Projection: b.projection, Mapping: b.mapping, LookLasts: b.lookLasts,
		Now: now,
	})
	if _, err := b.engine.Connect(context.Background(), &contract.SourceConfig{}, &contract.TargetConfig{}); err != nil {
		t.Fatal(err)
	}
}

func (b *bench) enable(t fataler) {
	t.Helper()
	if _, err := b.engine.Enable(context.Background(), command.EnableRequest{Choices: command.Choices{TargetContainer: containerDN}}); err != nil {
		t.Fatal(err)
	}
}

func (b *bench) withSecurityGroups(t fataler) {
	t.Helper()
	if _, err := b.engine.SetSettings(context.Background(), command.SettingsPatch{Choices: command.Choices{IncludeSecurityGroups: new(true)}}); err != nil {
		t.Fatal(err)
	}
}

func (b *bench) sync(t fataler) contract.Run {
	t.Helper()
	run, err := b.engine.Sync(context.Background(), command.SyncRequest{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// outcomes returns the changes of a run, one line each.
func (b *bench) outcomes(t fataler, run contract.Run) []string {
	t.Helper()
	s, err := b.engine.State(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	changes, err := s.Generation(run.ID).Planned(context.Background(), 0, 0, 500)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, c := range changes {
		out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s %s %s", c.Action, c.DisplayName, c.Outcome, c.ErrorID)))
	}
	slices.Sort(out)
	return out
}

// holds returns the names and members of the groups in the directory.
func (b *bench) holds() map[string][]string {
	out := map[string][]string{}
	for _, g := range b.directory.objects {
		members := []string{}
		for _, m := range g.Members {
			members = append(members, strings.TrimSuffix(strings.TrimPrefix(m.DN, "CN="), ",DC=contoso,DC=test"))
		}
		slices.Sort(members)
		out[g.DisplayName()] = members
	}
	return out
}

func TestEveryChangeIsConfirmed(t *testing.T) {
	b := newBench(t)
	for i := range 50 { // more than two batches
		b.tenant.put(fmt.Sprint("group ", i), "a", "b")
	}
	b.enable(t)
	if run := b.sync(t); run.Status != contract.RunComplete || run.Exported.Create != 50 {
		t.Fatalf("%+v", run)
	}
	read := 0
	for _, operation := range b.directory.seen {
		if operation == "lookup" {
			read++
		}
	}
	if read < 3 {
		t.Errorf("%d batches were read back", read)
	}

	// A member that the directory silently drops is found.
	b.tenant.put("group 1", "a", "b", "c")
	b.directory.fail = func(operation string) error {
		if operation == "checkMembers" { // it is removed between the write and the check
			for _, g := range b.directory.objects {
				g.Members = slices.DeleteFunc(g.Members, func(m directory.MemberRef) bool { return m == account("c") })
			}
		}
		return nil
	}
	run := b.sync(t)
	if run.Status != contract.RunPartial || run.Failed != 1 {
		t.Errorf("%+v", run)
	}
	if diff := cmp.Diff([]string{"UpdateMembers group 1 Partial NotConfirmed"}, b.outcomes(t, run)); diff != "" {
		t.Error(diff)
	}
}

func TestNothingIsConfirmedWhereNothingWasWritten(t *testing.T) {
	b := newBench(t)
	for i := range 45 {
		b.tenant.put(fmt.Sprint("group ", i))
	}
	b.enable(t)
	refused := &contract.Error{Category: contract.PermissionDenied, ID: "AccessDenied", Message: "no"}
	b.directory.fail = func(operation string) error {
		if operation == "create" {
			return refused
		}
		return nil
	}
	if run := b.sync(t); run.Status != contract.RunFailed || run.Failed != 45 {
		t.Fatalf("%+v", run)
	}
	b.directory.fail = nil
	if run := b.sync(t); run.Status != contract.RunComplete || run.Exported.Create != 45 {
		t.Fatalf("%+v", run)
	}
}

func TestOneBadObjectDoesNotStopTheOthers(t *testing.T) {
	b := newBench(t)
	b.tenant.put("good", "a")
	b.tenant.put("bad", "a")
	b.tenant.put("fine", "a", "unknown", "cloud")
	b.enable(t)
	once := true
	b.directory.fail = func(operation string) error {
		if operation == "create" && once {
			once = false
			return &contract.Error{Category: contract.PermissionDenied, ID: "AccessDenied", Message: "no"}
		}
		return nil
	}
	run := b.sync(t)
	if run.Status != contract.RunPartial || run.Failed != 1 || run.Exported.Create != 2 || run.UnknownMembers != 1 || run.UnwrittenMembers != 1 {
		t.Errorf("%+v", run)
	}
}

func TestTheDomainControllerGoesAway(t *testing.T) {
	b := newBench(t)
	for i := range 30 {
		b.tenant.put(fmt.Sprint("group ", i))
	}
	b.enable(t)
	n := 0
	b.directory.fail = func(operation string) error {
		if operation == "create" {
			if n++; n > 5 {
				return &contract.Error{Category: contract.Connection, ID: "ServerUnreachable", Object: "dc1", Message: "gone", Advice: "look"}
			}
		}
		return nil
	}
	run := b.sync(t)
	if run.Status != contract.RunFailed || run.StopReason != "ServerUnreachable" || run.Error == nil || run.Error.Advice != "look" {
		t.Errorf("%+v", run)
	}
	if run.Exported.Create != 5 || n > 5+4 {
		t.Errorf("%d were created, %d were tried", run.Exported.Create, n)
	}
	b.directory.fail = nil
	if run := b.sync(t); run.Status != contract.RunComplete || len(b.directory.objects) != 30 {
		t.Errorf("%+v, %d objects", run, len(b.directory.objects))
	}
}

func TestALostAnswerIsFoundByTheNextRun(t *testing.T) {
	b := newBench(t)
	b.tenant.put("one", "a")
	b.enable(t)
	b.directory.fail = func(operation string) error {
		if operation == "create" {
			return errLost
		}
		return nil
	}
	run := b.sync(t)
	if diff := cmp.Diff([]string{"Create one Unknown OutcomeUnknown"}, b.outcomes(t, run)); diff != "" || run.Status != contract.RunPartial {
		t.Errorf("%+v %s", run, diff)
	}
	b.directory.fail = nil
	if run := b.sync(t); run.Status != contract.RunComplete || run.Planned.Create != 0 || run.LinkedGroups != 1 || len(b.directory.objects) != 1 {
		t.Errorf("%+v", run)
	}
}

func TestGroupsThatCannotBeLookedUpAreLinkedByTheNextRun(t *testing.T) {
	gone := &contract.Error{Category: contract.Connection, ID: "ServerUnreachable", Message: "gone"}
	short := &contract.Error{Category: contract.InvalidData, ID: "IncompleteRead", Message: "cut off"}
	for _, c := range []struct {
		fault  error
		status contract.RunStatus
		tried  int
	}{{gone, contract.RunFailed, 20}, {short, contract.RunPartial, 30}} {
		b := newBench(t)
		for i := range 30 {
			b.tenant.put(fmt.Sprint("group ", i), "a")
		}
		b.enable(t)
		// With one worker the second portion begins when the first has been looked up.
		if _, err := b.engine.SetSettings(t.Context(), command.SettingsPatch{Connections: new(1)}); err != nil {
			t.Fatal(err)
		}
		once := true
		b.directory.fail = func(operation string) error {
			if operation == "created" && once {
				once = false
				return c.fault
			}
			return nil
		}
		run := b.sync(t)
		if run.Status != c.status || run.Exported.Create != c.tried-20 || run.Failed != 20 || len(b.directory.objects) != c.tried {
			t.Errorf("%+v, %d objects", run, len(b.directory.objects))
		}
		unknown := slices.DeleteFunc(b.outcomes(t, run), func(o string) bool { return !strings.HasSuffix(o, "Unknown OutcomeUnknown") })
		if len(unknown) != 20 {
			t.Errorf("%d unknown outcomes: %q", len(unknown), unknown)
		}
		if run := b.sync(t); run.Status != contract.RunComplete || run.Planned.Create != 30-c.tried || run.LinkedGroups != 30 || len(b.directory.objects) != 30 {
			t.Errorf("%+v, %d objects", run, len(b.directory.objects))
		}
	}
}

func TestABrokenReadIsNoInstruction(t *testing.T) {
	incomplete := &contract.Error{Category: contract.InvalidData, ID: "IncompleteRead", Message: "cut off"}
	for _, operation := range []string{"groups", "members", "read", "lookup", "resolve", "holders", "presence", "container"} {
		t.Run(operation, func(t *testing.T) {
			b := newBench(t)
			for i := range 5 {
				b.tenant.put(fmt.Sprint("group ", i), "a", "b")
			}
			b.enable(t)
			b.sync(t)
			before := b.holds()
			gone := b.tenant.put("group 0")
			delete(b.tenant.groups, gone)
			b.tenant.put("new", "a")
			b.directory.objects[moved(b)].DN = "CN=elsewhere,DC=contoso,DC=test"
			fail := func(o string) error {
				if o == operation {
					return incomplete
				}
				return nil
			}
			b.tenant.fail, b.directory.fail = fail, fail
			run, err := b.engine.Sync(context.Background(), command.SyncRequest{PolicyType: contract.Initial}, nil)
			if err != nil || run.Status != contract.RunFailed || run.StopReason != "IncompleteRead" {
				t.Errorf("%+v", run)
			}
			if diff := cmp.Diff(before, b.holds()); diff != "" {
				t.Error(diff)
			}
			b.tenant.fail, b.directory.fail = nil, nil
			if run := b.sync(t); run.Status != contract.RunComplete || run.Exported.Create != 1 || run.Exported.Delete != 1 {
				t.Errorf("afterwards: %+v", run)
			}
		})
	}
}

// moved returns an object that still has its group.
func moved(b *bench) directory.GUID {
	for id, g := range b.directory.objects {
		if g.DisplayName() == "group 3" {
			return id
		}
	}
	panic("no such object")
}

func TestAChangedTenantIsRefused(t *testing.T) {
	b := newBench(t)
	b.tenant.put("one")
	b.enable(t)
	b.tenant.roles = []string{"GroupMember.Read.All"}
	b.start(t)
	if _, err := b.engine.Sync(context.Background(), command.SyncRequest{}, nil); !contract.HasID(err, "PermissionMissing") {
		t.Errorf("without User.Read.All: %v", err)
	}
	if len(b.directory.objects) != 0 {
		t.Error("something was written")
	}
}

func TestWhatLostItsMarkIsNotDeletedAndForgotten(t *testing.T) {
	b := newBench(t)
	b.tenant.put("one", "a")
	b.tenant.put("two", "a")
	b.enable(t)
	b.sync(t)
	if _, err := b.engine.Disable(context.Background(), command.DisableRequest{}); err != nil {
		t.Fatal(err)
	}
	for _, g := range b.directory.objects {
		if g.DisplayName() == "one" {
			g.AdminDesc, g.ExternalID = "", ""
		}
	}
	run := b.sync(t)
	if diff := cmp.Diff([]string{"Delete one Skipped MarkRemoved", "Delete two Done"}, b.outcomes(t, run)); diff != "" {
		t.Error(diff)
	}
	if o, err := b.engine.Overview(context.Background()); err != nil || o.Status != command.StatusDisabled || o.Groups != 0 || len(b.directory.objects) != 1 {
		t.Errorf("%+v %v", o, err)
	}
}

func TestWhatLosesItsMarkDuringTheRunIsNotChanged(t *testing.T) {
	b := ready(t, map[string][]string{"one": {"a"}, "two": {"a"}})
	b.delta(t)
	b.tenant.put("one", "b")
	b.tenant.put("two", "b")
	g := b.object("one")
	b.directory.fail = func(operation string) error {
		if operation == "resolve" { // after it was read and before it is written
			g.AdminDesc, g.ExternalID, g.ExtensionName = "", "", nil
		}
		return nil
	}
	run := b.sync(t)
	if diff := cmp.Diff([]string{"UpdateMembers one Skipped MarkRemoved", "UpdateMembers two Done"}, b.outcomes(t, run)); diff != "" {
		t.Error(diff)
	}
	b.directory.fail = nil
	run = b.sync(t)
	if len(g.Members) != 1 || !has(g, account("a").GUID) || run.Planned.Skip != 1 {
		t.Errorf("%+v, %v", g, b.outcomes(t, run))
	}
}

func TestCountingReadsNoMembers(t *testing.T) {
	b := newBench(t)
	b.tenant.put("one", "a")
	b.enable(t)
	b.sync(t)
	b.directory.whole = 0
	ctx := context.Background()
	if _, err := b.engine.Test(ctx, ""); err != nil {
		t.Error(err)
	}
	b.enable(t)
	if run, err := b.engine.Disable(ctx, command.DisableRequest{}); err != nil || run.Planned.Delete != 1 {
		t.Errorf("%+v %v", run, err)
	}
	if b.directory.whole > 0 {
		t.Errorf("%d memberships were read to count groups", b.directory.whole)
	}
}

func TestAnotherDomainIsRefused(t *testing.T) {
	b := newBench(t)
	b.tenant.put("one", "a")
	b.enable(t)
	b.directory.domain = contract.DomainRef{GUID: guid("another"), SID: "S-1-5-21-9-9-9", Name: "fabrikam.test"}
	b.start(t)
	reads := len(b.directory.seen)
	_, sync := b.engine.Sync(context.Background(), command.SyncRequest{}, nil)
	_, enable := b.engine.Enable(context.Background(), command.EnableRequest{Choices: command.Choices{TargetContainer: containerDN}})
	_, disable := b.engine.Disable(context.Background(), command.DisableRequest{})
	for name, err := range map[string]error{"sync": sync, "enable": enable, "disable": disable} {
		if !contract.HasID(err, "DomainMismatch") || !strings.Contains(err.Error(), "fabrikam.test") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(b.directory.seen) != reads {
		t.Errorf("it was read from: %v", b.directory.seen[reads:])
	}
	if checks, err := b.engine.Test(context.Background(), ""); err != nil || checks[0].ErrorID != "DomainMismatch" {
		t.Errorf("%v, %v", checks, err)
	}
}

func TestConsentNeedsAPlanThatWasStopped(t *testing.T) {
	b := newBench(t)
	b.tenant.put("one", "a")
	b.enable(t)
	run := b.sync(t)
	if _, err := b.engine.Sync(context.Background(), command.SyncRequest{AllowOnce: run.PlanID}, nil); !contract.HasID(err, "PlanNotStopped") {
		t.Error(err)
	}
}

func TestASecretShowsNowhere(t *testing.T) {
	s := contract.NewSecret("hunter2")
	text, _ := s.MarshalText()
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "secret", s, "config", contract.SourceConfig{Secret: s})
	all := fmt.Sprintf("%v %+v %#v %s %s", s, contract.TargetConfig{Password: s}, s, text, log.String())
	if strings.Contains(all, "hunter2") || s.Reveal() != "hunter2" {
		t.Error(all)
	}
}

// If a domain controller accepts connections but answers no write, a large plan does not
// wait for every change.
func TestADomainControllerThatAnswersNoWriteEndsTheRun(t *testing.T) {
	groups := map[string][]string{}
	for i := range 100 {
		groups[fmt.Sprint("group ", i)] = []string{"a"}
	}
	for _, id := range []string{"ServerBusy", "OutcomeUnknown"} {
		b := ready(t, groups)
		for name := range groups {
			b.tenant.put(name, "a", "b")
		}
		tried := 0
		b.directory.fail = func(operation string) error {
			if operation != "changeMembers" {
				return nil
			}
			if tried++; tried%2 == 0 && tried < 30 { // these are answered
				return nil
			}
			return &contract.Error{Category: contract.ResourceBusy, ID: id, Message: "no answer"}
		}
		run := b.sync(t)
		if run.Status != contract.RunFailed || string(run.StopReason) != id || tried < 30 || tried > 60 {
			t.Errorf("%d changes were tried: %+v", tried, run)
		}
		b.directory.fail = nil
		if run := b.sync(t); run.Status != contract.RunComplete || !has(b.object("group 99"), account("b").GUID) {
			t.Errorf("%+v", run)
		}
	}
}
