package engine

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// Sync brings Active Directory in line with the tenant, or deletes the groups
// that Disable named. Once the run has begun its record is the answer, however
// it ends.
func (e *Engine) Sync(ctx context.Context, request SyncRequest, report Report) (Run, error) {
	ctx = WithReport(ctx, report)
	r, release, err := e.begin(ctx, SyncRun, PreviewRequest{SyncRequest: request})
	if err != nil {
		return Run{}, err
	}
	defer release()
	if r.record.Kind == DisableRun {
		return r.do(ctx,
			step{"prepare", "Looking at the containers", r.locateAny},
			step{"plan", "Planning", r.planDisable},
			step{"export", "Writing to Active Directory", r.exportStep},
			step{"commit", "Saving the state", r.endDisable},
		)
	}
	if err := r.agree(ctx, request.AllowOnce); err != nil {
		return Run{}, err
	}
	return r.do(ctx, append(r.planning(), r.writing()...)...)
}

// planning are the steps of a run up to its plan.
func (r *run) planning() []step {
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
func (r *run) writing() []step {
	return []step{
		{"export", "Writing to Active Directory", r.exportStep},
		{"confirm", "Reading back what was written", r.confirmStep},
		{"settle", "Looking again at members that have changed with it", r.settleStep},
		{"commit", "Saving the state", r.commitStep},
	}
}

// Preview plans a run and exports nothing. It moves no link, setting or total.
func (e *Engine) Preview(ctx context.Context, request PreviewRequest, report Report) (Run, error) {
	ctx = WithReport(ctx, report)
	r, release, err := e.begin(ctx, PreviewRun, request)
	if err != nil {
		return Run{}, err
	}
	defer release()
	if r.record.Kind == DisableRun {
		r.record.Kind = PreviewRun
		return r.do(ctx, step{"plan", "Planning", r.planDisable})
	}
	if err := r.agree(ctx, request.AllowOnce); err != nil {
		return Run{}, err
	}
	return r.do(ctx, r.planning()...)
}

// begin takes the lock and the connection and makes sure that a run may begin.
// With Enable or Settings in the request, the run is one after that. The kind
// becomes DisableRun when the groups that Disable named are what is due.
// release gives back what was taken; on an error nothing is held.
func (e *Engine) begin(ctx context.Context, kind RunKind, request PreviewRequest) (_ *run, release func(), err error) {
	open := e.State
	if request.Enable != nil {
		open = e.makeState // for the plan
	}
	state, unlock, err := lockState(ctx, open)
	if err != nil {
		return nil, nil, err
	}
	giveBack := unlock
	defer func() {
		if err != nil {
			giveBack()
		}
	}()
	settings, err := state.LoadSettings(ctx)
	if err != nil {
		return nil, nil, err
	}
	if request.Enable != nil {
		settings.Enabled = true // which takes back what Disable named
	}
	disabling, err := disabling(ctx, state, &settings)
	if err != nil {
		return nil, nil, err
	}
	c, done, err := e.use(!disabling, true)
	if err != nil {
		return nil, nil, err
	}
	giveBack = func() {
		done()
		unlock()
	}
	var adopts []Link
	var ofSettings string
	switch {
	case request.Enable != nil:
		would, adopt, err := e.prepareEnable(ctx, state, &c, *request.Enable)
		if err != nil {
			return nil, nil, err
		}
		settings, adopts, ofSettings = would.Settings, adopt, "Enable-GroupWriteback"
	case request.Settings != nil && !disabling: // else they say nothing of what is due
		if settings, adopts, err = e.prepareSettings(ctx, state, &c, request.Settings); err != nil {
			return nil, nil, err
		}
		ofSettings = "Set-GroupWriteback"
	case !disabling:
		if adopts, err = state.AdoptSet(ctx); err != nil {
			return nil, nil, err
		}
	}
	if disabling {
		kind = DisableRun
		err = checkOwner(ctx, state, &settings, &c)
	} else if err = mayRun(&settings, request.PolicyType); err == nil {
		err = checkRun(ctx, state, &settings, &c)
	}
	if err != nil {
		return nil, nil, err
	}
	r := e.newRun(ctx, state, c, settings, kind)
	r.skipReplicationCheck, r.adopts, r.ofSettings = request.SkipReplicationCheck, adopts, ofSettings
	switch {
	case disabling:
		r.record.PolicyType = "" // nothing is imported
	case request.PolicyType == Initial || request.Enable != nil:
		r.record.PolicyType = Initial
	}
	return r, giveBack, nil
}

// disabling reports whether the next run deletes what Disable named. Enable and
// Disable store the set and the settings one after the other; the settings
// decide, so that a half-done one deletes nothing that nobody agreed to.
func disabling(ctx context.Context, state State, settings *Settings) (bool, error) {
	if settings.Enabled {
		return false, nil
	}
	n, err := state.CountDisableSet(ctx)
	return n > 0, err
}

func mayRun(settings *Settings, policy PolicyType) error {
	switch {
	case settings.Tenant.ID.IsZero():
		return errNotConfigured()
	case !settings.Enabled:
		return &Error{Category: InvalidState, ID: "NotEnabled", Message: "Group writeback is disabled.", Advice: "Run Enable-GroupWriteback first."}
	case policy != "" && !slices.Contains(PolicyTypes, policy):
		return invalidParameter("policyType", string(policy), oneOf(PolicyTypes))
	}
	return nil
}

// run is one run on its way. Its steps are called in the order of the recipes
// above, and share what they found here.
type run struct {
	*judge
	state    State
	source   Source
	target   Target
	sourceID SourceIdentity
	targetID TargetIdentity
	settings Settings
	now      Clock
	log      *slog.Logger
	*progressing
	mapping    plan.Mapping // what is written, whatever the forest
	projection string       // what is read of the tenant, and what is made of it

	record    Run
	base      int64     // the generation that was current when the run began
	watermark Watermark // that of the base, then what this run has found out
	links     DeltaLinks
	selection SourceSelection
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
	firstFailed  SpooledChange
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
	lost         map[directory.GUID]Link
	relinks      []Link
	adopts       []Link // what an administrator has agreed to adopt
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
	single               bool // one group on demand, or the preview of that
	// otherServer: this run of one group goes to another domain controller than
	// that of the watermark, whose uSNs mean nothing there.
	otherServer bool
	// sawMembers is told of each page of members that is staged, if it is set.
	sawMembers func(MemberPage)
	formerLeft bool // groups still stand in a former container
	doubts     int  // groups that could not be decided: the run is partial
	unknown    int  // unknown members of the groups that were planned
	guarded    int  // linked groups that are protected and were left as they are
	expired    bool // the access token ran out
}

func (e *Engine) newRun(ctx context.Context, state State, c connection, settings Settings, kind RunKind) *run {
	r := &run{
		state: state, source: c.source, target: c.target, sourceID: c.sourceID, targetID: c.targetID,
		settings: settings, now: e.config.Now, mapping: e.config.Mapping, projection: e.config.projection(), log: e.config.Log, progressing: progressOf(ctx), limits: plan.Limits(settings.Limits),
		touched: map[directory.GUID]touch{}, unseen: map[directory.GUID]bool{}, toldOut: map[directory.GUID]bool{}, reread: map[directory.GUID]bool{}, pending: map[directory.GUID]bool{}, nested: map[directory.GUID]bool{}, refused: map[directory.GUID]bool{},
		exported: map[plan.Phase]int64{}, confirmed: map[plan.Phase]int64{}, disturbed: map[directory.GUID]bool{},
		record: Run{Kind: kind, PolicyType: Delta, PlanID: rand.Text(), Started: e.config.Now().UTC(), Status: RunRunning, Server: c.targetID.Server, Projection: e.config.projection()},
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
func (r *run) do(ctx context.Context, steps ...step) (Run, error) {
	ctx = r.patient(ctx)
	links, err := r.state.CountLinks(ctx)
	if err != nil {
		return Run{}, err
	}
	r.record.LinkedGroups = links
	id, err := r.state.BeginRun(ctx, r.record)
	if err != nil {
		return Run{}, err
	}
	r.record.ID = id
	r.log.Info("the run begins", "run", id, "kind", r.record.Kind, "server", r.record.Server, "linkedGroups", links)
	r.stepped = func(step Progress, took time.Duration) {
		r.log.Info("a step ended", "run", id, "step", step.Step, "done", step.Done, "total", step.Total, "seconds", took.Seconds())
	}
	r.expects(len(steps))
	for i, step := range steps {
		r.begin(step.name, step.says)
		if err = step.do(ctx); err == nil && i < len(steps)-1 {
			err = ctx.Err() // after the last one there is nothing left to be cancelled
		}
		if err != nil {
			break
		}
	}
	kept := r.keeps(ctx, err)
	r.conclude(ctx, err)
	r.over()
	r.tellOutcome()

	// The record is written even when the run was cancelled, and first: removing
	// what a large run staged may take longer than there is time. What is left of
	// it, the next run removes when it begins.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closingTime)
	defer cancel()
	if err := r.state.SaveRun(ctx, r.record); err != nil {
		return r.record, err
	}
	current, err := r.state.Current(ctx)
	if err == nil && current != id && !kept {
		err = r.state.Discard(ctx, id)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		r.warn("what the run staged could not all be removed in time", "run", id)
		err = nil
	}
	return r.record, err
}

// closingTime is for how long a run that is over may take to close its record.
const closingTime = 20 * time.Second

// tellOutcome ends the run's story in the log.
func (r *run) tellOutcome() {
	record := &r.record
	r.log.Info("the run ended", "run", record.ID, "kind", record.Kind, "status", record.Status, "stopReason", record.StopReason, "message", record.Message,
		"policyType", record.PolicyType, "policyReason", record.PolicyReason, "server", record.Server,
		"seconds", record.Ended.Sub(record.Started).Seconds(), "sourceGroups", record.SourceGroups, "targetGroups", record.TargetGroups, "linkedGroups", record.LinkedGroups,
		"planned", record.Planned, "exported", record.Exported, "failed", record.Failed, "unknownMembers", record.UnknownMembers, "unwrittenMembers", record.UnwrittenMembers)
}

// conclude sets how the run ended.
func (r *run) conclude(ctx context.Context, err error) {
	r.record.Ended = r.now().UTC()
	switch {
	case err == nil && r.allFailed():
		r.record.Status, r.record.StopReason, r.record.Message = RunFailed, StopAllFailed, r.partly()
		r.record.Error = &RunError{Category: InvalidState, ID: StopAllFailed, Object: r.firstFailed.DN,
			Message: fmt.Sprintf("Nothing of what was planned could be done: %s failed.", directory.Count(r.record.Failed, "change")),
			Advice:  "The changes say why each of them failed. The next run tries again.", Cause: r.firstFailed.Message}
	case err == nil && (r.record.Failed > 0 || r.doubts > 0 || r.unknown > 0 || r.guarded > 0 || r.expired || r.record.Held != plan.Totals{}):
		r.record.Status = RunPartial
		r.record.Message = r.partly()
		if r.expired {
			r.record.StopReason = StopAccessTokenExpired
			r.record.Message = strings.TrimSpace(r.record.Message + " The access token ran out; the next run goes on where this one could not.")
		}
		if r.record.HeldBy != nil {
			r.record.StopReason = r.record.HeldBy[0]
			r.record.Message = strings.TrimSpace(r.saysHeld() + " " + r.record.Message)
		}
	default:
		if r.record.conclude(ctx, err); r.record.Status == RunFailed {
			r.warn("the run failed", "run", r.record.ID, "error", err)
		}
	}
}

// conclude sets how a run ended that an error ended, or nothing.
func (r *Run) conclude(ctx context.Context, err error) {
	var stopped *stop
	switch {
	case err == nil:
		r.Status = RunComplete
	case errors.As(err, &stopped):
		r.Status, r.StopReason, r.Message = RunStopped, stopped.reason, stopped.message
	case ctx.Err() != nil:
		r.Status, r.StopReason = RunStopped, StopCancelled
		r.Message = "The run was cancelled. What it had not reached is left to the next run."
	case HasID(err, StopAccessTokenExpired):
		r.Status, r.StopReason = RunPartial, StopAccessTokenExpired
		r.Message = "The access token ran out before anything could be exported. Connect again and start another run."
	default:
		e := AsError(err)
		r.Status, r.StopReason, r.Message = RunFailed, e.ID, e.Message
		r.Error = &RunError{Category: e.Category, ID: e.ID, Object: e.Object, Message: e.Message, Advice: e.Advice, Cause: e.Cause()}
	}
}

// allFailed reports whether changes were tried and every one of them failed.
func (r *run) allFailed() bool {
	done := r.record.Exported
	done.Skip = 0
	return r.record.Failed > 0 && r.record.Failed == r.refusedWhole && done == plan.Totals{}
}

// partly says what a partial run could not do.
func (r *run) partly() string {
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
func (r *run) patient(ctx context.Context) context.Context {
	return WithPatience(ctx, time.Duration(r.settings.OutageMinutes)*time.Minute, func(w Waiting) {
		r.log.Warn("waiting for an answer", "run", r.record.ID, "for", w.For, "why", w.Why, "since", w.Since.UTC(), "next", w.Next.UTC(), "until", w.Until.UTC())
	})
}

// warn logs what is amiss.
func (r *run) warn(message string, args ...any) { r.log.Warn(message, args...) }

// checkRun makes sure, before a run begins, that the state, the settings and
// the two connections belong together and that the token can read what the
// decisions need (rules 4 and 7).
func checkRun(ctx context.Context, state State, settings *Settings, c *connection) error {
	if err := checkOwner(ctx, state, settings, c); err != nil {
		return err
	}
	return c.sourceID.requirePermissions()
}

// prepare finds the containers, and what the run has to do.
func (r *run) prepare(ctx context.Context) error {
	if err := r.locate(ctx); err != nil {
		return err
	}
	return r.choosePolicy(ctx)
}

// locate finds the containers by their objectGUIDs: they may have been renamed
// or moved. One that is missing is an error, never an empty target; so is one in
// which the domain keeps what it depends on, unless it is a former one.
func (r *run) locate(ctx context.Context) error {
	containers, err := findContainers(ctx, r.target, &r.settings, false)
	if err != nil {
		return err
	}
	if err := containers[0].protected(&r.targetID); err != nil {
		return err
	}
	if r.judge, err = newJudge(r.target, &r.targetID, &r.settings, containers); err != nil {
		return err
	}
	dn, err := directory.ParseDN(containers[0].DN)
	if err != nil {
		return err
	}
	rules := &r.rules
	rules.Container, rules.ContainerDN = containers[0].GUID, dn
	rules.CNFromDisplayName, rules.SAMFromDisplayName = r.settings.NameFormat == NameDisplayName, r.settings.SAMAccountNameFormat == NameDisplayName
	rules.Mapping = r.mapping.Compile(r.targetID.Schema.Attributes, !r.settings.ExcludeMailAttribute)
	rules.OnPremisesGroupType, rules.OwnGroupType = r.settings.OnPremisesGroupType, r.settings.Scope.Groups == plan.ScopeWritebackEnabled
	rules.MaxMembers, rules.IncludeHidden = r.settings.MaxMemberCount, r.settings.IncludeHiddenMembership
	rules.Adopt, rules.Released, rules.MoveBack = r.adoptRules(), r.settings.released(), r.settings.MovedGroup == MovedBack
	rules.RemoveSoftDeleted, rules.RemoveOutOfScope = r.settings.SoftDeletedGroup == FrozenRemove, r.settings.OutOfScopeGroup == FrozenRemove
	if r.record.Kind == SyncRun {
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
func (r *run) locateAny(ctx context.Context) error {
	containers, err := findContainers(ctx, r.target, &r.settings, true)
	if err == nil {
		r.judge, err = newJudge(r.target, &r.targetID, &r.settings, containers)
	}
	return err
}

// findContainers finds the configured container and the former ones, without
// those that are gone; anyway: the configured one may be gone too.
func findContainers(ctx context.Context, target TargetReader, settings *Settings, anyway bool) (containers []Container, err error) {
	for _, configured := range append([]Container{settings.Container}, settings.FormerContainers...) {
		container, err := target.Container(ctx, "", configured.GUID)
		switch {
		case err == nil:
			containers = append(containers, container)
		case !HasID(err, "ContainerNotFound") || !anyway && configured.GUID == settings.Container.GUID:
			return nil, err
		}
	}
	return containers, nil
}

// agree takes the consent to the plan that is named, if one is (rule 28).
func (r *run) agree(ctx context.Context, planID string) error {
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
func loadConsent(ctx context.Context, state State, planID string) (*plan.Consent, error) {
	agreed, err := state.RunByPlan(ctx, planID)
	if err != nil {
		return nil, err
	}
	consent := &plan.Consent{Empty: agreed.Status == RunStopped && agreed.StopReason == StopSourceShrunk}
	if agreed.Held == (plan.Totals{}) && !consent.Empty {
		return nil, &Error{Category: InvalidArgument, ID: "PlanNotStopped", Object: planID,
			Message: "The run of this plan held nothing back, so there is nothing to consent to.",
			Advice:  "Run the sync without -AllowOnce, or give the plan id of a run that held something back."}
	}
	for after := int64(0); ; {
		changes, err := state.Changes(ctx, agreed.ID, 0, after, spoolBatch, true)
		if err != nil {
			return nil, err
		}
		for i := range changes {
			if changes[i].Outcome == OutcomeHeld || consent.Empty {
				consent.Agree(&changes[i].Change)
			}
		}
		if len(changes) == 0 {
			return consent, nil
		}
		after = changes[len(changes)-1].ID
	}
}
