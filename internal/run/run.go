package run

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"groupwriteback/internal/batch"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/owner"
	"groupwriteback/internal/plan"
)

// Sync reads both sides, plans and writes.
func (r *Run) Sync(ctx context.Context, allowOnce string) (contract.Run, error) {
	if err := r.agree(ctx, allowOnce); err != nil {
		return contract.Run{}, err
	}
	return r.do(ctx, append(r.planning(), r.writing()...)...)
}

// Disables reports whether the run deletes what Disable named, whatever was asked for.
func (r *Run) Disables() bool { return r.record.Kind == contract.DisableRun }

// Disable deletes what Disable named.
func (r *Run) Disable(ctx context.Context) (contract.Run, error) {
	return r.do(ctx,
		step{"prepare", "Looking at the containers", r.locateAny},
		step{"plan", "Planning", r.planDisable},
		step{"export", "Writing to Active Directory", r.exportStep},
		step{"commit", "Saving the state", r.endDisable},
	)
}

// planning are the steps of a run up to its plan.
func (r *Run) planning() []step {
	return []step{
		{"prepare", "Looking at the containers and at what is due", r.prepare},
		{"import-source", "Reading the tenant", r.importSource},
		{"import-members", "Reading the members of the groups", r.importMembers},
		{"import-target", "Reading Active Directory", r.importTarget},
		{"resolve", "Finding the members in Active Directory", r.resolveMembers},
		{"plan", "Planning", r.planStep},
		{"limits", "Checking the limits", r.limitStep},
	}
}

// writing are those behind it.
func (r *Run) writing() []step {
	return []step{
		{"export", "Writing to Active Directory", r.exportStep},
		{"confirm", "Reading back what was written", r.confirmStep},
		{"settle", "Looking again at members that have changed with it", r.settleStep},
		{"commit", "Saving the state", r.commitStep},
	}
}

func (r *Run) Preview(ctx context.Context, allowOnce string) (contract.Run, error) {
	if err := r.agree(ctx, allowOnce); err != nil {
		return contract.Run{}, err
	}
	return r.do(ctx, r.planning()...)
}

func (r *Run) PreviewDisable(ctx context.Context) (contract.Run, error) {
	r.record.Kind = contract.PreviewRun
	return r.do(ctx, step{"plan", "Planning", r.planDisable})
}

// Run is one run on its way. Its steps are called in the order of the recipes
// above, and share what they found here.
type Run struct {
	*owner.Judge
	state    contract.State
	source   contract.Source
	target   contract.Target
	sourceID contract.SourceIdentity
	targetID contract.TargetIdentity
	settings contract.Settings
	now      contract.Clock
	log      *slog.Logger
	*contract.Meter
	mapping    plan.Mapping // what is written, whatever the forest
	projection string       // what is read of the tenant, and what is made of it

	record    contract.Run
	gen       contract.Generation // what it stages
	before    contract.Generation // the one of base
	base      int64               // the generation that was current when the run began
	watermark contract.Watermark  // that of the base, then what this run has found out
	links     contract.DeltaLinks
	selection contract.SourceSelection
	scope     plan.Scope
	limits    plan.Limits
	consent   *plan.Consent
	consentTo string // the plan that the consent is to
	// consentNeeded: without the consent something would be held back.
	// consentFailed: some of what it let pass was not done.
	consentNeeded, consentFailed bool
	// ofSettings is the command whose settings a preview is about, before they hold.
	ofSettings string
	tally      plan.Tally
	bare       plan.Tally // what the tally would be without the consent
	hold       *plan.Hold // what the limits hold back, nil for nothing
	heldWhy    []string   // why, in words
	// refusedWhole counts the changes of which nothing was done, firstFailed is
	// the first of them.
	refusedWhole int
	firstFailed  contract.SpooledChange
	touched      map[directory.GUID]touch
	// unseen are groups that were asked for and that the tenant did not show.
	unseen map[directory.GUID]bool
	// toldOut are groups that left the scope by what a delta tells.
	toldOut map[directory.GUID]bool
	// resumed: this run goes on with the members that an earlier one has read;
	// keeping: a later one may go on with those of this run.
	resumed, keeping bool
	// reread are groups whose members this run has read, readUsers tells whether
	// it has read of anybody how he joins: over these goes what was told.
	reread    map[directory.GUID]bool
	readUsers bool
	// deletedUsers are users whom a delta told as deleted within the lag; nil: not
	// looked up yet.
	deletedUsers map[directory.GUID]bool
	lost         map[directory.GUID]contract.Link
	relinks      []contract.Link
	adopts       []contract.Link // what an administrator has agreed to adopt
	unlinks      []directory.GUID
	// exported and confirmed are the last changes of each phase that were.
	exported, confirmed map[plan.Phase]int64
	// disturbed are the objects that were looked at before their first write,
	// and whether they have more changes than those that are known to be ours:
	// somebody else's since they were read, or some of a change that failed.
	disturbed map[directory.GUID]bool

	mu      sync.Mutex
	pending map[directory.GUID]bool // groups that the next delta run has to plan
	nested  map[directory.GUID]bool // groups that have got, or lost, their object
	refused map[directory.GUID]bool // objects that AD did not take as members

	// shown counts the groups that the tenant showed, selected those of them that
	// are in the scope but for the filter.
	shown, selected int

	skipReplicationCheck bool
	lookLasts            time.Duration
	single               bool // one group on demand, or the preview of that
	// otherServer: this run of one group goes to another domain controller than
	// that of the watermark, whose uSNs mean nothing there.
	otherServer bool
	// sawMembers is told of each page of members that is staged, if it is set.
	sawMembers func(contract.MemberPage)
	formerLeft bool // groups still stand in a former container
	doubts     int  // groups that could not be decided: the run is partial
	unknown    int  // unknown members of the groups that were planned
	guarded    int  // linked groups that are protected and were left as they are
	expired    bool // the access token ran out
}

// Ground is what a run stands on.
type Ground struct {
	State    contract.State
	Source   contract.Source // nil where only Active Directory is connected
	SourceID contract.SourceIdentity
	Target   contract.Target
	TargetID contract.TargetIdentity
	Settings contract.Settings
	Mapping  plan.Mapping // what is written, whatever the forest
	// Projection is what is read of the tenant, and what is made of it.
	Projection string
	Now        contract.Clock
	Log        *slog.Logger

	Initial bool            // it is asked for, whatever is due
	Adopts  []contract.Link // what an administrator has agreed to adopt
	// OfSettings is the command whose settings a preview is about, before they hold.
	OfSettings           string
	SkipReplicationCheck bool
	// LookLasts is for how long a look at an object is enough before the first request
	// that changes it; 0: a second.
	LookLasts time.Duration
}

func NewRun(ctx context.Context, g *Ground, kind contract.RunKind) *Run {
	r := &Run{
		state: g.State, source: g.Source, target: g.Target, sourceID: g.SourceID, targetID: g.TargetID,
		settings: g.Settings, now: g.Now, mapping: g.Mapping, projection: g.Projection, log: g.Log, Meter: contract.ProgressOf(ctx), limits: plan.Limits(g.Settings.Limits),
		touched: map[directory.GUID]touch{}, unseen: map[directory.GUID]bool{}, toldOut: map[directory.GUID]bool{}, reread: map[directory.GUID]bool{}, pending: map[directory.GUID]bool{}, nested: map[directory.GUID]bool{}, refused: map[directory.GUID]bool{},
		exported: map[plan.Phase]int64{}, confirmed: map[plan.Phase]int64{}, disturbed: map[directory.GUID]bool{},
		record: contract.Run{Kind: kind, PolicyType: contract.Delta, PlanID: rand.Text(), Started: g.Now().UTC(), Status: contract.RunRunning, Server: g.TargetID.Server, Projection: g.Projection},
	}
	r.gen = g.State.Generation(0) // until the run has begun, which no generation is
	r.before = r.gen
	r.adopts, r.ofSettings, r.skipReplicationCheck, r.lookLasts = g.Adopts, g.OfSettings, g.SkipReplicationCheck, g.LookLasts
	switch {
	case kind == contract.DisableRun:
		r.record.PolicyType = "" // nothing is imported
	case g.Initial:
		r.record.PolicyType = contract.Initial
	}
	return r
}

// stop ends a run on purpose, before or between writes.
type stop struct{ reason, message string }

func (s *stop) Error() string { return s.message }

// step is one step of a run, with what is said when it begins.
type step struct {
	name, says string
	do         func(context.Context) error
}

// do runs the steps and writes the record. Whatever happens after the record
// has begun is told by the record.
func (r *Run) do(ctx context.Context, steps ...step) (contract.Run, error) {
	ctx = r.patient(ctx)
	links, err := r.state.CountLinks(ctx)
	if err != nil {
		return contract.Run{}, err
	}
	r.record.LinkedGroups = links
	id, err := r.state.BeginRun(ctx, r.record)
	if err != nil {
		return contract.Run{}, err
	}
	r.record.ID, r.gen = id, r.state.Generation(id)
	r.log.Info("the run begins", "run", id, "kind", r.record.Kind, "server", r.record.Server, "linkedGroups", links)
	r.Stepped = func(step contract.Progress, took time.Duration) {
		r.log.Info("a step ended", "run", id, "step", step.Step, "done", step.Done, "total", step.Total, "seconds", took.Seconds())
	}
	r.Expects(len(steps))
	for i, step := range steps {
		r.Begin(step.name, step.says)
		if err = step.do(ctx); err == nil && i < len(steps)-1 {
			err = ctx.Err() // after the last one there is nothing left to be cancelled
		}
		if err != nil {
			break
		}
	}
	kept := r.keeps(ctx, err)
	r.conclude(ctx, err)
	r.Over()
	r.tellOutcome()

	// The record is written even when the run was cancelled, and first: removing
	// what a large run staged may take longer than there is time. What is left of
	// it, the next run removes when it begins.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), ClosingTime)
	defer cancel()
	if err := r.state.SaveRun(ctx, r.record); err != nil {
		return r.record, err
	}
	current, err := r.state.Current(ctx)
	if err == nil && current != id && !kept {
		err = r.gen.Discard(ctx)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		r.warn("what the run staged could not all be removed in time", "run", id)
		err = nil
	}
	return r.record, err
}

// ClosingTime is for how long a run that is over may take to close its record.
const ClosingTime = 20 * time.Second

// tellOutcome ends the run's story in the log.
func (r *Run) tellOutcome() {
	record := &r.record
	r.log.Info("the run ended", "run", record.ID, "kind", record.Kind, "status", record.Status, "stopReason", record.StopReason, "message", record.Message,
		"policyType", record.PolicyType, "policyReason", record.PolicyReason, "server", record.Server,
		"seconds", record.Ended.Sub(record.Started).Seconds(), "sourceGroups", record.SourceGroups, "targetGroups", record.TargetGroups, "linkedGroups", record.LinkedGroups,
		"planned", record.Planned, "exported", record.Exported, "failed", record.Failed, "unknownMembers", record.UnknownMembers, "unwrittenMembers", record.UnwrittenMembers)
}

// conclude sets how the run ended.
func (r *Run) conclude(ctx context.Context, err error) {
	r.record.Ended = r.now().UTC()
	switch {
	case err == nil && r.allFailed():
		r.record.Status, r.record.StopReason, r.record.Message = contract.RunFailed, contract.StopAllFailed, r.partly()
		r.record.Error = &contract.RunError{Category: contract.InvalidState, ID: contract.StopAllFailed, Object: r.firstFailed.DN,
			Message: fmt.Sprintf("Nothing of what was planned could be done: %s failed.", directory.Count(r.record.Failed, "change")),
			Advice:  "The changes say why each of them failed. The next run tries again.", Cause: r.firstFailed.Message}
	case err == nil && (r.record.Failed > 0 || r.doubts > 0 || r.unknown > 0 || r.guarded > 0 || r.expired || r.record.Held != plan.Totals{}):
		r.record.Status = contract.RunPartial
		r.record.Message = r.partly()
		if r.expired {
			r.record.StopReason = contract.StopAccessTokenExpired
			r.record.Message = strings.TrimSpace(r.record.Message + " The access token ran out; the next run goes on where this one could not.")
		}
		if r.record.HeldBy != nil {
			r.record.StopReason = r.record.HeldBy[0]
			r.record.Message = strings.TrimSpace(r.saysHeld() + " " + r.record.Message)
		}
	default:
		if Conclude(ctx, &r.record, err); r.record.Status == contract.RunFailed {
			r.warn("the run failed", "run", r.record.ID, "error", err)
		}
	}
}

// Conclude sets how a run ended that an error ended, or nothing.
func Conclude(ctx context.Context, r *contract.Run, err error) {
	var stopped *stop
	switch {
	case err == nil:
		r.Status = contract.RunComplete
	case errors.As(err, &stopped):
		r.Status, r.StopReason, r.Message = contract.RunStopped, stopped.reason, stopped.message
	case ctx.Err() != nil:
		r.Status, r.StopReason = contract.RunStopped, contract.StopCancelled
		r.Message = "The run was cancelled. What it had not reached is left to the next run."
	case contract.HasID(err, contract.StopAccessTokenExpired):
		r.Status, r.StopReason = contract.RunPartial, contract.StopAccessTokenExpired
		r.Message = "The access token ran out before anything could be exported. Connect again and start another run."
	default:
		e := contract.AsError(err)
		r.Status, r.StopReason, r.Message = contract.RunFailed, e.ID, e.Message
		r.Error = &contract.RunError{Category: e.Category, ID: e.ID, Object: e.Object, Message: e.Message, Advice: e.Advice, Cause: e.Cause()}
	}
}

// allFailed reports whether changes were tried and every one of them failed.
func (r *Run) allFailed() bool {
	done := r.record.Exported
	done.Skip = 0
	return r.record.Failed > 0 && r.record.Failed == r.refusedWhole && done == plan.Totals{}
}

// partly says what a partial run could not do.
func (r *Run) partly() string {
	var parts []string
	add := func(n int, text string) {
		if n > 0 {
			parts = append(parts, text)
		}
	}
	add(r.record.Failed, directory.Count(r.record.Failed, "change")+" failed or could not be confirmed")
	add(r.doubts, directory.Count(r.doubts, "group")+" could not be decided")
	add(r.guarded, directory.Plural(r.guarded, "1 group is protected and is held as it is", "%d groups are protected and are held as they are"))
	add(r.unknown, directory.Plural(r.unknown, "of 1 member it is not known who it is on-premises", "of %d members it is not known who they are on-premises"))
	if parts == nil {
		return ""
	}
	text := strings.Join(parts, "; ") + ". The changes and the groups say which."
	return strings.ToUpper(text[:1]) + text[1:]
}

// patient lets what the run asks wait for the end of an outage.
func (r *Run) patient(ctx context.Context) context.Context {
	return contract.WithPatience(ctx, time.Duration(r.settings.OutageMinutes)*time.Minute, func(w contract.Waiting) {
		r.log.Warn("waiting for an answer", "run", r.record.ID, "for", w.For, "why", w.Why, "since", w.Since.UTC(), "next", w.Next.UTC(), "until", w.Until.UTC())
	})
}

// warn logs what is amiss.
func (r *Run) warn(message string, args ...any) { r.log.Warn(message, args...) }

// prepare finds the containers, and what the run has to do.
func (r *Run) prepare(ctx context.Context) error {
	if err := r.locate(ctx); err != nil {
		return err
	}
	return r.choosePolicy(ctx)
}

// locate finds the containers by their objectGUIDs: they may have been renamed
// or moved. One that is missing is an error, never an empty target; so is one in
// which the domain keeps what it depends on, unless it is a former one.
func (r *Run) locate(ctx context.Context) error {
	containers, err := owner.FindContainers(ctx, r.target, &r.settings, false)
	if err != nil {
		return err
	}
	if err := containers[0].Protected(&r.targetID); err != nil {
		return err
	}
	if r.Judge, err = owner.NewJudge(r.target, &r.targetID, &r.settings, containers); err != nil {
		return err
	}
	dn, err := directory.ParseDN(containers[0].DN)
	if err != nil {
		return err
	}
	rules := &r.Rules
	rules.Container, rules.ContainerDN = containers[0].GUID, dn
	rules.CNFromDisplayName, rules.SAMFromDisplayName = r.settings.NameFormat == contract.NameDisplayName, r.settings.SAMAccountNameFormat == contract.NameDisplayName
	rules.Mapping = r.mapping.Compile(r.targetID.Schema.Attributes, !r.settings.ExcludeMailAttribute)
	rules.OnPremisesGroupType, rules.OwnGroupType = r.settings.OnPremisesGroupType, r.settings.Scope.Groups == plan.ScopeWritebackEnabled
	rules.MaxMembers, rules.IncludeHidden = r.settings.MaxMemberCount, r.settings.IncludeHiddenMembership
	rules.Adopt, rules.Released, rules.MoveBack = r.adoptRules(), r.settings.Released(), r.settings.MovedGroup == contract.MovedBack
	rules.RemoveSoftDeleted, rules.RemoveOutOfScope = r.settings.SoftDeletedGroup == contract.FrozenRemove, r.settings.OutOfScopeGroup == contract.FrozenRemove
	if r.record.Kind == contract.SyncRun {
		// What Disable had named before writeback was enabled again.
		if err := r.state.SetDisableSet(ctx, nil); err != nil {
			return err
		}
		// A state that was lost is given its owner again; settings survive it.
		return r.state.SetOwner(ctx, r.settings.Tenant.ID, r.settings.Domain)
	}
	return nil
}

// locateAny finds those of the containers that are there, for what Disable named.
func (r *Run) locateAny(ctx context.Context) error {
	containers, err := owner.FindContainers(ctx, r.target, &r.settings, true)
	if err == nil {
		r.Judge, err = owner.NewJudge(r.target, &r.targetID, &r.settings, containers)
	}
	return err
}

// agree takes the consent to the plan that is named, if one is (rule 28).
func (r *Run) agree(ctx context.Context, planID string) error {
	if planID == "" {
		return nil
	}
	consent, err := loadConsent(ctx, r.state, planID)
	if err != nil {
		return err
	}
	r.consent, r.consentTo = consent, planID
	return r.state.CheckPlan(ctx, planID)
}

// loadConsent reads what the named plan lists.
func loadConsent(ctx context.Context, state contract.State, planID string) (*plan.Consent, error) {
	agreed, err := state.RunByPlan(ctx, planID)
	if err != nil {
		return nil, err
	}
	consent := &plan.Consent{Empty: agreed.Status == contract.RunStopped && agreed.StopReason == contract.StopSourceShrunk}
	if agreed.Held == (plan.Totals{}) && !consent.Empty {
		return nil, &contract.Error{Category: contract.InvalidArgument, ID: "PlanNotStopped", Object: planID,
			Message: "The run of this plan held nothing back, so there is nothing to consent to.",
			Advice:  "Run the sync without -AllowOnce, or give the plan id of a run that held something back."}
	}
	for after := int64(0); ; {
		changes, err := state.Changes(ctx, agreed.ID, 0, after, batch.SpoolBatch, true)
		if err != nil {
			return nil, err
		}
		for i := range changes {
			if changes[i].Outcome == contract.OutcomeHeld || consent.Empty {
				consent.Agree(&changes[i].Change)
			}
		}
		if len(changes) == 0 {
			return consent, nil
		}
		after = changes[len(changes)-1].ID
	}
}
