package command_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/internal/command"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/state"
)

func TestADeletionThatFailsIsTriedAgain(t *testing.T) {
	b := newBench(t)
	b.tenant.put("one", "a")
	b.tenant.put("two", "a")
	b.enable(t)
	b.sync(t)
	if _, err := b.engine.Disable(context.Background(), command.DisableRequest{}); err != nil {
		t.Fatal(err)
	}
	b.directory.fail = func(operation string) error {
		if operation == "delete" {
			return &contract.Error{Category: contract.PermissionDenied, ID: "AccessDenied", Message: "no"}
		}
		return nil
	}
	run := b.sync(t)
	if diff := cmp.Diff([]string{"Delete one Failed AccessDenied", "Delete two Failed AccessDenied"}, b.outcomes(t, run)); diff != "" {
		t.Error(diff)
	}
	if o, err := b.engine.Overview(context.Background()); err != nil || o.Status != command.StatusDisablePending || o.Groups != 2 {
		t.Errorf("%+v %v", o, err)
	}
	b.directory.fail = nil
	if run := b.sync(t); run.Status != contract.RunComplete || run.Exported.Delete != 2 || len(b.directory.objects) != 0 {
		t.Errorf("%+v", run)
	}
}

// stranger adds to the container a group that another product wrote for the cloud group,
// with members of these names.
func (b *bench) stranger(group directory.GUID, name string, members ...string) *directory.TargetGroup {
	g := &directory.TargetGroup{GUID: guid("stranger " + name), DN: "CN=" + name + "," + containerDN, CN: name, SAMAccountName: name,
		GroupType: directory.GroupTypeUniversalDistribution, Attributes: directory.Values{"displayName": {name}}, AdminDesc: directory.Mark(group)}
	for _, m := range members {
		g.Members = append(g.Members, account(m))
	}
	b.directory.objects[g.GUID] = g
	return g
}

func names(prefix string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprint(prefix, i)
	}
	return out
}

// Rule 24: removals on first adoption count against the limits.
func TestAdoptionMayNotEmptyAGroup(t *testing.T) {
	b := newBench(t)
	for i := range 5 { // so many memberships that their share is small
		b.tenant.put(fmt.Sprint("large ", i), names("user", 400)...)
	}
	b.enable(t)
	b.sync(t)
	id := b.tenant.put("adopted", names("user", 4)...)
	g := b.stranger(id, "adopted", names("user", 30)...)
	yes := true
	if _, err := b.engine.SetSettings(context.Background(), command.SettingsPatch{Adoption: command.Adoption{Adopt: &yes}}); err != nil {
		t.Fatal(err)
	}
	run := b.sync(t)
	if run.Status != contract.RunPartial || run.StopReason != contract.StopRemovalThreshold || len(g.Members) != 30 || run.Exported.Adopt != 1 {
		t.Fatalf("%+v", run)
	}
	run, err := b.engine.Sync(context.Background(), command.SyncRequest{AllowOnce: run.PlanID}, nil)
	if err != nil || run.Status != contract.RunComplete || len(g.Members) != 4 {
		t.Fatalf("with consent: %+v %v", run, err)
	}
}

// Rule 3, with an object of another product that has the same mark beside ours.
func TestALostStateLinksAgainBesideAStranger(t *testing.T) {
	b := newBench(t)
	id := b.tenant.put("one", "a")
	b.tenant.put("other", "a")
	b.enable(t)
	b.sync(t)
	b.stranger(id, "theirs", "b")
	b.engine.Close()
	for _, name := range []string{"state.db", "state.db-wal", "state.db-shm"} {
		if err := os.Remove(filepath.Join(b.folder, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	b.start(t)
	if run := b.sync(t); run.LinkedGroups != 2 || run.Exported.Create != 0 {
		t.Fatalf("%+v", run)
	}
	delete(b.tenant.groups, id)
	if run := b.sync(t); run.Exported.Delete != 1 || len(b.directory.objects) != 2 {
		t.Fatalf("%+v %v", run, b.holds())
	}
}

// Rule 29: a Disable that failed half-way deletes nothing, and neither does one that an
// Enable took back half-way.
func TestOnlyADisableThatSucceededDeletes(t *testing.T) {
	b := newBench(t)
	b.tenant.put("one", "a")
	b.enable(t)
	b.sync(t)
	if err := os.MkdirAll(filepath.Join(b.folder, "settings.json.new", "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := b.engine.Disable(context.Background(), command.DisableRequest{}); err == nil {
		t.Fatal("the settings could be saved")
	}
	if err := os.RemoveAll(filepath.Join(b.folder, "settings.json.new")); err != nil {
		t.Fatal(err)
	}
	if o, err := b.engine.Overview(context.Background()); err != nil || o.Status != command.StatusEnabled || o.DisablePending != 0 {
		t.Fatalf("%+v %v", o, err)
	}
	if run := b.sync(t); run.Kind != contract.SyncRun || run.Exported.Delete != 0 || len(b.directory.objects) != 1 {
		t.Fatalf("%+v", run)
	}
	s, err := b.engine.State(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if n, err := s.CountDisableSet(context.Background()); err != nil || n != 0 {
		t.Errorf("%d groups are still named to be deleted, %v", n, err)
	}
}

// Rule 29: exactly what somebody has seen is deleted, whatever has come since.
func TestDisableDeletesWhatWasAgreedTo(t *testing.T) {
	b := newBench(t)
	b.tenant.put("seen", "a")
	b.enable(t)
	sync := b.sync(t)
	seen, err := b.engine.Disable(context.Background(), command.DisableRequest{WhatIf: true})
	if err != nil || seen.Planned.Delete != 1 {
		t.Fatalf("%+v %v", seen, err)
	}
	b.tenant.put("unseen", "a")
	b.sync(t)
	if _, err := b.engine.Disable(context.Background(), command.DisableRequest{PlanID: sync.PlanID}); !contract.HasID(err, "InvalidParameter") {
		t.Errorf("the plan of a sync: %v", err)
	}
	if _, err := b.engine.Disable(context.Background(), command.DisableRequest{PlanID: "none"}); !contract.HasID(err, "PlanNotFound") {
		t.Errorf("no plan: %v", err)
	}
	if run, err := b.engine.Disable(context.Background(), command.DisableRequest{PlanID: seen.PlanID}); err != nil || run.Planned.Delete != 1 {
		t.Fatalf("%+v %v", run, err)
	}
	b.sync(t)
	if diff := cmp.Diff(map[string][]string{"unseen": {"a"}}, b.holds()); diff != "" {
		t.Error(diff)
	}
}

// Rule 7: the token was renewed after the connection was made.
func TestATokenThatLostAPermissionIsRefused(t *testing.T) {
	b := newBench(t)
	b.tenant.put("one", "a")
	b.enable(t)
	b.sync(t)
	b.tenant.put("two", "a")
	b.tenant.roles = []string{"GroupMember.Read.All"}
	before := b.holds()
	if run := b.sync(t); run.Status != contract.RunFailed || run.StopReason != "PermissionMissing" {
		t.Errorf("%+v", run)
	}
	if diff := cmp.Diff(before, b.holds()); diff != "" {
		t.Error(diff)
	}
}

func TestTwoConnectsDoNotUndoEachOther(t *testing.T) {
	began, goOn := make(chan struct{}), make(chan struct{})
	b := newBench(t)
	e := command.New(command.Config{
		OpenSource: func(context.Context, contract.SourceConfig) (contract.Source, error) {
			close(began)
			<-goOn
			return b.tenant, nil
		},
		OpenTarget: func(context.Context, contract.TargetConfig) (contract.Target, error) { return b.directory, nil },
		OpenState:  func(ctx context.Context) (contract.State, error) { return state.Open(ctx, b.folder) },
	})
	done := make(chan error)
	go func() {
		_, err := e.Connect(context.Background(), &contract.SourceConfig{}, nil)
		done <- err
	}()
	<-began
	_, err := e.Connect(context.Background(), nil, &contract.TargetConfig{})
	close(goOn)
	if err := errors.Join(err, <-done); err != nil {
		t.Fatal(err)
	}
	if info := e.Connection(); info.Source == nil || info.Target == nil {
		t.Errorf("%+v", info)
	}
}

// Rule 27: pages that repeat groups do not hide that others are missing.
func TestRepeatedPagesDoNotHideAShrunkTenant(t *testing.T) {
	b := newBench(t)
	for i := range 20 {
		b.tenant.put(fmt.Sprint("group ", i), "a")
	}
	b.enable(t)
	b.sync(t)
	for i := range 10 {
		id := guid(fmt.Sprint("group group ", i))
		delete(b.tenant.groups, id)
		b.tenant.deleted[id] = directory.PresenceHardDeleted
	}
	b.tenant.repeats = 1
	if run := b.sync(t); run.StopReason != contract.StopSourceShrunk || run.SourceGroups != 10 {
		t.Errorf("%+v", run)
	}
}

// remembered returns what a state keeps from one run to the next.
func remembered(t *testing.T, b *bench) map[string]any {
	t.Helper()
	s, err := b.engine.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	must := func(v any, err error) any {
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	tenant, domain, err := s.Owner(t.Context())
	last, ok, _ := s.LastComplete(t.Context())
	return map[string]any{
		"settings": must(s.LoadSettings(t.Context())), "links": must(s.Links(t.Context(), directory.GUID{}, 500)),
		"to be deleted": must(s.DisableSet(t.Context(), directory.GUID{}, 500)), "current": must(s.Current(t.Context())),
		"watermark": must(s.Watermark(t.Context())), "tenant": must(tenant, err), "domain": domain, "last": last.ID, "is last": ok,
		"groups": must(s.Groups(t.Context(), contract.GroupFilter{}, directory.GUID{}, 500)),
	}
}

func TestAPreviewMovesNothing(t *testing.T) {
	b := newBench(t)
	would := &command.EnableRequest{Choices: command.Choices{TargetContainer: containerDN}}
	preview := func(request command.PreviewRequest) {
		t.Helper()
		before, held := remembered(t, b), b.holds()
		run, err := b.engine.Preview(t.Context(), request, nil)
		if err != nil || run.Kind != contract.PreviewRun || len(b.outcomes(t, run)) == 0 {
			t.Fatalf("%+v %v", run, err)
		}
		if diff := cmp.Diff(before, remembered(t, b)) + cmp.Diff(held, b.holds()); diff != "" {
			t.Error(diff)
		}
		s, _ := b.engine.State(t.Context())
		if staged, err := s.Generation(run.ID).SourceGroups(t.Context(), directory.GUID{}, 1); err != nil || len(staged) > 0 {
			t.Errorf("it left what it staged: %v %v", staged, err)
		}
	}
	b.tenant.put("one", "a")
	preview(command.PreviewRequest{Enable: would})
	b.enable(t)
	b.sync(t)
	b.tenant.put("two", "a")
	b.tenant.put("one", "b")
	preview(command.PreviewRequest{})
	if _, err := b.engine.Disable(t.Context(), command.DisableRequest{}); err != nil {
		t.Fatal(err)
	}
	preview(command.PreviewRequest{})
	preview(command.PreviewRequest{Enable: would})
	if _, err := b.engine.Disable(t.Context(), command.DisableRequest{KeepGroup: true}); err != nil {
		t.Fatal(err)
	}
	before := remembered(t, b)
	if _, err := b.engine.Disable(t.Context(), command.DisableRequest{WhatIf: true}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, remembered(t, b)); diff != "" {
		t.Error(diff)
	}
}

// Rule 4 also holds for what Disable named.
func TestNothingIsDeletedInAnotherDomain(t *testing.T) {
	b := newBench(t)
	b.tenant.put("one", "a")
	b.enable(t)
	b.sync(t)
	if _, err := b.engine.Disable(t.Context(), command.DisableRequest{}); err != nil {
		t.Fatal(err)
	}
	for name, other := range map[string]contract.DomainRef{
		"another GUID": {GUID: guid("another"), SID: domain.SID},
		"another SID":  {GUID: domain.GUID, SID: "S-1-5-21-9-9-9"},
	} {
		b.directory.domain = other
		b.start(t)
		if _, err := b.engine.Sync(t.Context(), command.SyncRequest{}, nil); !contract.HasID(err, "DomainMismatch") || len(b.directory.objects) != 1 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Rule 4: a missing container is not an empty one.
func TestAMissingContainerIsNoEmptyOne(t *testing.T) {
	b := newBench(t)
	b.tenant.put("one", "a")
	b.enable(t)
	b.sync(t)
	b.directory.fail = func(operation string) error {
		if operation == "container" {
			return &contract.Error{Category: contract.ObjectNotFound, ID: "ContainerNotFound", Message: "not there"}
		}
		return nil
	}
	if run := b.sync(t); run.Status != contract.RunFailed || run.StopReason != "ContainerNotFound" || run.MissingGroups != 0 {
		t.Errorf("%+v", run)
	}
}

// Rules 27 and 28.
func TestAnEmptyTenantNeedsConsentThatIsUsedOnce(t *testing.T) {
	b := newBench(t)
	id := b.tenant.put("one", "a")
	b.enable(t)
	b.sync(t)
	delete(b.tenant.groups, id)
	stopped := b.sync(t)
	if stopped.StopReason != contract.StopSourceShrunk || len(b.directory.objects) != 1 {
		t.Fatalf("%+v", stopped)
	}
	agree := command.SyncRequest{AllowOnce: stopped.PlanID}
	for range 2 { // a preview does not use it up
		run, err := b.engine.Preview(t.Context(), command.PreviewRequest{SyncRequest: agree}, nil)
		if err != nil || run.Status != contract.RunComplete || run.Planned.Delete != 1 || len(b.directory.objects) != 1 {
			t.Fatalf("%+v %v", run, err)
		}
	}
	if run, err := b.engine.Sync(t.Context(), agree, nil); err != nil || run.Exported.Delete != 1 || run.LinkedGroups != 0 {
		t.Fatalf("%+v %v", run, err)
	}
	if _, err := b.engine.Sync(t.Context(), agree, nil); !contract.HasID(err, "PlanAlreadyUsed") {
		t.Error(err)
	}
	if _, err := b.engine.Preview(t.Context(), command.PreviewRequest{SyncRequest: agree}, nil); !contract.HasID(err, "PlanAlreadyUsed") {
		t.Error(err)
	}
}

// Rule 28, for one group.
func TestASyncOfOneGroupTakesConsent(t *testing.T) {
	b := newBench(t)
	for i := range 5 { // so many memberships that their share is small
		b.tenant.put(fmt.Sprint("large ", i), names("user", 400)...)
	}
	id, other := b.tenant.put("one", names("user", 30)...), b.tenant.put("two", names("user", 30)...)
	b.enable(t)
	b.sync(t)
	b.tenant.put("one", "user1")
	b.tenant.put("two", "user1")
	sync := func(request command.GroupSyncRequest) contract.Run {
		t.Helper()
		result, err := b.engine.SyncGroup(t.Context(), request, nil)
		if err != nil {
			t.Fatal(err)
		}
		return result.Run
	}
	request := command.GroupSyncRequest{Group: id.String()}
	stopped := sync(request)
	if stopped.StopReason != contract.StopRemovalThreshold {
		t.Fatalf("%+v", stopped)
	}
	request.AllowOnce, request.WhatIf = stopped.PlanID, true
	if run := sync(request); run.Status != contract.RunComplete || run.Planned.MembersRemoved != 29 || run.Exported.MembersRemoved != 0 {
		t.Errorf("the preview: %+v", run)
	}
	request.WhatIf = false
	if run := sync(command.GroupSyncRequest{Group: other.String(), AllowOnce: stopped.PlanID, WhatIf: true}); run.StopReason != contract.StopRemovalThreshold {
		t.Errorf("the consent to one group covers another: %+v", run)
	}
	if run := sync(request); run.Status != contract.RunComplete || run.Exported.MembersRemoved != 29 {
		t.Errorf("%+v", run)
	}
	if _, err := b.engine.SyncGroup(t.Context(), request, nil); !contract.HasID(err, "PlanAlreadyUsed") {
		t.Error(err)
	}
}

func TestALinkEndsWhenBothSidesAreGone(t *testing.T) {
	b := newBench(t)
	id := b.tenant.put("one", "a")
	b.tenant.put("two", "a")
	b.enable(t)
	b.sync(t)
	delete(b.tenant.groups, id)
	for object, g := range b.directory.objects {
		if g.DisplayName() == "one" {
			delete(b.directory.objects, object)
		}
	}
	if run := b.sync(t); run.Status != contract.RunComplete || run.LinkedGroups != 1 {
		t.Errorf("%+v", run)
	}
}

// Rules 2, 24 and 29.
func TestDisableNamesWhatIsOursAndNothingElse(t *testing.T) {
	b := newBench(t)
	ids := map[string]directory.GUID{}
	for _, name := range []string{"linked", "moved", "unmarked", "marked for another", "unstamped", "adopted"} {
		ids[name] = b.tenant.put(name, "a")
	}
	b.enable(t)
	b.sync(t)
	for _, g := range b.directory.objects {
		switch g.DisplayName() {
		case "moved":
			g.DN = "CN=moved,OU=elsewhere,DC=contoso,DC=test"
		case "unmarked":
			g.AdminDesc, g.ExternalID = "", ""
		case "marked for another":
			g.AdminDesc, g.ExternalID = directory.Mark(guid("another")), directory.Mark(guid("another"))
		case "unstamped":
			g.ExtensionName = nil
		case "adopted":
			g.ExtensionName = append(g.ExtensionName, directory.AdoptedStamp(tenantID))
		}
	}
	b.stranger(ids["linked"], "another product's")
	b.stranger(guid("x"), "another tenant's").ExtensionName = []string{directory.Stamp(guid("another tenant"))}
	b.stranger(guid("y"), "not linked").ExtensionName = []string{directory.Stamp(tenantID)}
	named := func(request command.DisableRequest) []string {
		t.Helper()
		request.WhatIf = true
		run, err := b.engine.Disable(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		return b.outcomes(t, run)
	}
	want := []string{"Delete linked Pending", "Delete moved Pending", "Delete not linked Pending", "Delete unstamped Pending"}
	if diff := cmp.Diff(want, named(command.DisableRequest{})); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(append([]string{"Delete adopted Pending"}, want...), named(command.DisableRequest{IncludeAdopted: true})); diff != "" {
		t.Error(diff)
	}
}

// Rule 23.
func TestEnableStopsBeforeOthersGroups(t *testing.T) {
	b := newBench(t)
	b.stranger(guid("x"), "another product's")
	request := command.EnableRequest{Choices: command.Choices{TargetContainer: containerDN}}
	if _, err := b.engine.Enable(t.Context(), request); !contract.HasID(err, "ForeignGroupsPresent") {
		t.Error(err)
	}
	if o, err := b.engine.Overview(t.Context()); err != nil || o.Status != command.StatusNotConfigured {
		t.Errorf("%+v %v", o, err)
	}
	yes := true
	request.Adopt = &yes
	if result, err := b.engine.Enable(t.Context(), request); err != nil || result.ForeignGroups != 1 {
		t.Errorf("%+v %v", result, err)
	}
}

// Rules 5 and 27: what was deleted in AD by hand is created again, within the limit.
func TestWhatIsLostInTheDirectoryIsCreatedAgain(t *testing.T) {
	b := newBench(t)
	for i := range 20 {
		b.tenant.put(fmt.Sprint("group ", i), "a")
	}
	b.enable(t)
	b.sync(t)
	lose := func(n int) {
		for id := range b.directory.objects {
			if n--; n >= 0 {
				delete(b.directory.objects, id)
			}
		}
	}
	lose(5)
	if run := b.sync(t); run.Exported.Create != 5 || run.MissingGroups != 5 || run.LinkedGroups != 20 {
		t.Errorf("%+v", run)
	}
	lose(6)
	if run := b.sync(t); run.StopReason != contract.StopTargetShrunk || len(b.directory.objects) != 14 {
		t.Errorf("%+v", run)
	}
}

// What was written is recorded even if the run was cancelled in the meantime, and nothing
// more is begun.
func TestCancelledInTheMiddleOfAWrite(t *testing.T) {
	b := newBench(t)
	for i := range 60 {
		b.tenant.put(fmt.Sprint("group ", i), "a")
	}
	b.enable(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	b.directory.fail = func(operation string) error {
		if operation == "create" {
			cancel()
		}
		return nil
	}
	run, err := b.engine.Sync(ctx, command.SyncRequest{}, nil)
	if err != nil || run.Status != contract.RunStopped || run.StopReason != contract.StopCancelled {
		t.Fatalf("%+v %v", run, err)
	}
	written := len(b.directory.objects)
	if written == 0 || written > 4 || run.Exported.Create != written || run.Failed != 0 {
		t.Errorf("%d were written: %+v", written, run)
	}
	s, err := b.engine.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if links, err := s.CountLinks(t.Context()); err != nil || links != written {
		t.Errorf("%d of %d are linked, %v", links, written, err)
	}
	b.directory.fail = nil
	if run := b.sync(t); run.Status != contract.RunComplete || len(b.directory.objects) != 60 {
		t.Errorf("%+v", run)
	}
}

// A group that exists is linked, whatever happened to its members.
func TestAGroupThatStandsIsLinked(t *testing.T) {
	b := newBench(t)
	b.tenant.put("created", "a")
	id := b.tenant.put("adopted", "a")
	b.stranger(id, "adopted")
	yes := true
	if _, err := b.engine.Enable(t.Context(), command.EnableRequest{Choices: command.Choices{TargetContainer: containerDN}, Adoption: command.Adoption{Adopt: &yes}}); err != nil {
		t.Fatal(err)
	}
	b.directory.fail = func(operation string) error {
		if operation == "create" || operation == "changeMembers" {
			return errPart
		}
		return nil
	}
	run := b.sync(t)
	if diff := cmp.Diff([]string{"Adopt adopted Failed WriteRefused", "Create created Failed WriteRefused"}, b.outcomes(t, run)); diff != "" {
		t.Error(diff)
	}
	if o, err := b.engine.Overview(t.Context()); err != nil || o.Groups != 2 {
		t.Errorf("%+v %v", o, err)
	}
}

func TestAConnectionIsNotReplacedDuringARun(t *testing.T) {
	b := newBench(t)
	b.tenant.put("one", "a")
	b.enable(t)
	var during, disconnect error
	b.directory.fail = func(operation string) error {
		if operation == "create" {
			_, during = b.engine.Connect(t.Context(), &contract.SourceConfig{}, nil)
			disconnect = b.engine.Disconnect()
		}
		return nil
	}
	if run := b.sync(t); run.Status != contract.RunComplete {
		t.Errorf("%+v", run)
	}
	if !contract.HasID(during, "RunInProgress") || !contract.HasID(disconnect, "RunInProgress") {
		t.Errorf("%v, %v", during, disconnect)
	}
}

// A preview of other settings shows what the next run would do with exactly these
// settings: with their limits, and even beside foreign groups, to which only Enable
// objects.
func TestAPreviewOfSettings(t *testing.T) {
	b := newBench(t)
	for i := range 10 {
		b.tenant.put(fmt.Sprint("group ", i), "a")
	}
	b.enable(t)
	b.sync(t)
	b.stranger(guid("x"), "another product's")
	few, no, off := "displayName -eq 'group 0'", false, 0
	patch := command.SettingsPatch{Choices: command.Choices{Filter: &few, OutOfScopeGroup: contract.FrozenRemove}, Adoption: command.Adoption{Adopt: &no}}
	for _, c := range []struct {
		limits *command.LimitsPatch
		want   contract.RunStatus
	}{{nil, contract.RunPartial}, {&command.LimitsPatch{DeletionPercent: &off}, contract.RunComplete}} {
		patch.Limits = c.limits
		before := remembered(t, b)
		run, err := b.engine.Preview(t.Context(), command.PreviewRequest{Settings: &patch}, nil)
		if err != nil || run.Status != c.want || run.PolicyReason != contract.InitialSettings {
			t.Errorf("%+v %v", run, err)
		}
		if diff := cmp.Diff(before, remembered(t, b)); diff != "" {
			t.Error(diff)
		}
	}
}
