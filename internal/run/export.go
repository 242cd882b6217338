package run

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"groupwriteback/internal/batch"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/owner"
	"groupwriteback/internal/plan"
)

// export is the step that carries out the plan.
func export(ctx context.Context, planned *limiter) (*exporter, error) {
	e := &exporter{run: planned.run, course: planned.course, draft: planned.draft, limiter: planned,
		exported: map[plan.Phase]int64{}, disturbed: map[directory.GUID]bool{}, refused: map[directory.GUID]bool{}}
	return e, e.exportAll(ctx)
}

// exportAll carries out the planned changes that are not done yet, phase by phase, and
// records each outcome at once. A failed change is recorded and does not stop the others;
// the loss of the domain controller does.
func (e *exporter) exportAll(ctx context.Context) error {
	if err := e.saveRelinks(ctx); err != nil {
		return err
	}
	total := e.run.record.Planned.Create + e.run.record.Planned.Adopt + e.run.record.Planned.Update + e.run.record.Planned.Move +
		e.run.record.Planned.UpdateMembers + e.run.record.Planned.Delete - e.run.record.Held.Create - e.run.record.Held.Move - e.run.record.Held.UpdateMembers - e.run.record.Held.Delete
	if total > 0 {
		// If the process dies, the next run has to know that this one wrote.
		if err := e.run.state.SaveRun(ctx, e.run.record); err != nil {
			return err
		}
	}
	e.total, e.done = total, 0
	for _, phase := range []plan.Phase{plan.PhaseCreate, plan.PhaseUpdate, plan.PhaseMembers, plan.PhaseDelete} {
		if err := e.exportPhase(ctx, phase); err != nil {
			return err
		}
	}
	return nil
}

// saveRelinks stores the links of objects that were found by their mark, with what is
// staged of the objects.
func (e *exporter) saveRelinks(ctx context.Context) error {
	// In this order the state finds and stores them side by side.
	slices.SortFunc(e.draft.relinks, func(a, b relink) int { return a.target.Compare(b.target) })
	for relinks := range slices.Chunk(e.draft.relinks, batch.ListBatch) {
		links := make([]contract.Link, len(relinks))
		for i, r := range relinks {
			links[i] = contract.Link{SourceID: r.source, TargetGUID: r.target, Container: r.container}
		}
		staged, err := e.run.gen.StagedTargets(ctx, contract.Targets(links))
		if err != nil {
			return err
		}
		objects := make(map[directory.GUID]*contract.StagedTarget, len(staged))
		for i := range staged {
			objects[staged[i].GUID] = &staged[i]
		}
		for i := range links {
			if object := objects[links[i].TargetGUID]; object != nil {
				links[i].DN, links[i].Adopted = object.DN, directory.HasAdoptedStamp(object.ExtensionName, e.course.judge.Rules.TenantID)
			}
		}
		// First the holds: what the state knows as linked and not on hold is written.
		if err := e.saveLostHolds(ctx, links); err != nil {
			return err
		}
		if err := e.run.state.SaveLinks(ctx, links); err != nil {
			return err
		}
	}
	e.draft.relinks = nil
	return nil
}

// saveLostHolds stores the holds that the objects of these groups carry.
func (e *exporter) saveLostHolds(ctx context.Context, links []contract.Link) error {
	var holds []contract.Hold
	for _, l := range links {
		if hold := e.run.holds.lost[l.SourceID]; hold != nil {
			holds = append(holds, contract.Hold{GroupID: l.SourceID, Hold: *hold})
		}
	}
	if holds == nil {
		return nil
	}
	return e.run.state.SetHolds(ctx, holds)
}

// exportPhase carries out the changes of one phase, several at a time. A change that takes
// long does not hold up the others.
func (e *exporter) exportPhase(ctx context.Context, phase plan.Phase) error {
	work := make(chan task)
	var workers sync.WaitGroup
	for range e.run.settings.Connections {
		workers.Go(func() {
			for t := range work {
				if e.failed() == nil && ctx.Err() == nil {
					e.one(ctx, t)
				}
				e.finish(ctx, t.portion)
			}
		})
	}
	err := e.feed(ctx, phase, work)
	close(work)
	workers.Wait()
	return cmp.Or(e.failed(), err, ctx.Err())
}

// feed hands out the changes of a phase, a portion at a time. It looks at the next portion
// when a worker has taken the last change of the current one.
func (e *exporter) feed(ctx context.Context, phase plan.Phase, work chan<- task) error {
	for changes, err := range spooled(ctx, e.run.gen, phase, e.exported[phase]) {
		if err != nil || e.failed() != nil || ctx.Err() != nil {
			return err
		}
		p, err := e.lookBefore(ctx, changes)
		if err != nil {
			return err
		}
		for i := range changes {
			work <- task{p, &changes[i]}
		}
		e.exported[phase] = changes[len(changes)-1].ID
	}
	return nil
}

// portion is a number of changes. Their objects are looked at together before the first of
// them, and the groups that they create are looked up together after the last.
type portion struct {
	// looked has the objects as they were at lookedAt.
	looked   map[directory.GUID]directory.TargetGroup
	lookedAt time.Time

	left    int // changes that are not finished yet, guarded by exporter.mu
	created []attempt
}

// task is a change in hand.
type task struct {
	*portion
	change *contract.SpooledChange
}

// finish counts a change of the portion as finished. After the last one it reads back the
// groups that the portion created.
func (e *exporter) finish(ctx context.Context, p *portion) {
	e.mu.Lock()
	p.left--
	last := p.left == 0
	e.mu.Unlock()
	if last {
		e.readBack(ctx, p)
	}
}

// lookBefore looks at all objects of a portion at once, just before the portion is
// written. For objects that it sees for the first time it finds out whether somebody has
// changed them since they were read. After our own write their uSN no longer shows that
// (rule 13).
func (e *exporter) lookBefore(ctx context.Context, changes []contract.SpooledChange) (*portion, error) {
	p := &portion{left: len(changes)}
	var look []directory.GUID
	for i := range changes {
		if guid := changes[i].TargetGUID; !guid.IsZero() && changes[i].Action != plan.Delete && changes[i].Action != plan.Create { // a deletion asks more about its object
			look = append(look, guid)
		}
	}
	if len(look) == 0 {
		return p, nil
	}
	now, err := owner.Headers(ctx, e.run.target, look)
	if err != nil {
		return nil, fmt.Errorf("checking %s before the change: %w", directory.Count(len(look), "group"), err)
	}
	p.looked, p.lookedAt = make(map[directory.GUID]directory.TargetGroup, len(now)), wallClock()
	for i := range now {
		p.looked[now[i].GUID] = now[i]
	}
	return p, e.noteDisturbed(ctx, p, look)
}

// noteDisturbed records whether somebody has changed the objects that are looked at for the
// first time since they were read.
func (e *exporter) noteDisturbed(ctx context.Context, p *portion, look []directory.GUID) error {
	e.mu.Lock()
	first := slices.DeleteFunc(look, func(guid directory.GUID) bool {
		_, before := e.disturbed[guid]
		return before
	})
	e.mu.Unlock()
	staged, err := e.run.gen.StagedTargets(ctx, first)
	if err != nil {
		return err
	}
	read := map[directory.GUID]int64{}
	for i := range staged {
		read[staged[i].GUID] = staged[i].USNChanged
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, guid := range first {
		if object, there := p.looked[guid]; there {
			e.disturbed[guid] = object.USNChanged != read[guid]
		}
	}
	return nil
}

// lookLasts is how long a look remains valid for the first request of a change, unless
// configured otherwise. A batch of small changes takes no longer.
const lookLasts = time.Second

// wallClock returns a time without the monotonic clock, which may stop while the machine
// sleeps.
func wallClock() time.Time { return time.Now().Round(0) }

// justNow reports whether a look at that time is still valid.
func (e *exporter) justNow(looked time.Time) bool {
	age := wallClock().Sub(looked)
	return age >= 0 && age < cmp.Or(e.run.ground.LookLasts, lookLasts)
}

// exporter carries out the changes of a phase with a few workers.
type exporter struct {
	run     *run
	course  *course
	draft   *draft
	limiter *limiter
	total   int // changes in hand

	// exported maps each phase to the id of the last change that was exported.
	exported map[plan.Phase]int64
	// disturbed has the objects that were looked at before their first write. The value
	// is true if they have changes not known to be ours: somebody else's since they were
	// read, or a part of a change that failed.
	disturbed map[directory.GUID]bool
	refused   map[directory.GUID]bool // objects that AD refused as members
	// consentFailed means that something that the consent let pass was not done.
	consentFailed bool

	mu     sync.Mutex // guards the fields below, and the counts above while workers run
	done   int
	fatal  error
	inARow int // unanswered changes since the last one that was done
}

// attempt is a change that was tried, and its outcome. For a new group the objectGUID is
// not known yet.
type attempt struct {
	change  *contract.SpooledChange
	outcome contract.ChangeOutcome
	err     error
}

// fail ends the export.
func (e *exporter) fail(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.fatal = err
}

func (e *exporter) failed() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.fatal
}

// one carries out a change and records its outcome, even if the run was cancelled in the
// meantime, because the state must not forget what AD has.
func (e *exporter) one(ctx context.Context, t task) {
	c := t.change
	finish, release := graceful(ctx)
	defer release()
	// The process may have slept for an hour while another one took over, and somebody
	// may have given the object to another group. Both are checked before the change, and
	// again before every further request of a change that takes several requests or
	// attempts.
	superseded := e.run.gen.StillRunning(finish)
	if superseded != nil {
		e.fail(superseded)
		return
	}
	requests, looked := 0, t.lookedAt
	if !e.seen(t) {
		looked = wallClock()
	}
	outcome, err := e.apply(finish, e.run.target.Writer(func(ctx context.Context) error {
		if superseded = e.run.gen.StillRunning(ctx); superseded != nil {
			return superseded
		}
		if requests++; requests == 1 && e.justNow(looked) {
			return nil
		}
		_, err := e.look(ctx, c)
		return err
	}), t)
	outcome, err = left(c, outcome, err)
	e.mu.Lock()
	if superseded != nil {
		e.fatal = superseded
	} else if err != nil && (fatal(err) || e.unanswered(err)) {
		e.fatal = fmt.Errorf("exporting %s: %w", c.DN, err)
	} else if err == nil {
		e.inARow = 0
	}
	e.done++
	e.run.meter.At(e.done, e.total, doing(c))
	if c.Action == plan.Create {
		t.created = append(t.created, attempt{c, outcome, err})
	}
	e.mu.Unlock()
	if c.Action != plan.Create {
		e.conclude(ctx, attempt{c, outcome, err})
	}
}

// readBack looks up and links the groups that a portion created, all at once, including
// those whose answer was lost or whose later requests were refused. If a link is not
// stored, the next run finds the group by its mark.
func (e *exporter) readBack(ctx context.Context, p *portion) {
	if len(p.created) == 0 {
		return
	}
	finish, release := graceful(ctx)
	defer release()
	in := map[directory.GUID][]*attempt{}
	for i := range p.created {
		a := &p.created[i]
		if a.outcome.Link == nil { // otherwise it came back, and is known
			in[a.change.Container] = append(in[a.change.Container], a)
		}
	}
	for container, created := range in {
		e.readCreated(finish, container, created)
	}
	e.conclude(ctx, p.created...)
	p.created = nil
}

// readCreated looks up the groups that were created in one container.
func (e *exporter) readCreated(ctx context.Context, container directory.GUID, created []*attempt) {
	attributes := make([][]plan.AttributeChange, len(created))
	for i, a := range created {
		attributes[i] = a.change.Attributes
	}
	found, err := e.run.target.Created(ctx, container, attributes)
	if err != nil && fatal(err) {
		e.fail(fmt.Errorf("reading %s after the creation: %w", directory.Count(len(created), "group"), err))
	}
	for i, a := range created {
		switch {
		case err == nil && !found[i].GUID.IsZero():
			a.outcome.Link = &contract.Link{SourceID: a.change.SourceID, TargetGUID: found[i].GUID, DN: found[i].DN, Container: container}
		case a.err == nil:
			a.err = &contract.Error{
				Category: contract.Connection, ID: "OutcomeUnknown", Object: a.change.DN, Err: err,
				Message: "The group was created but could not be read afterwards.",
				Advice:  "Start another sync. It reads the group again and completes it if necessary.",
			}
		}
	}
}

// conclude records the outcomes of changes in one transaction.
func (e *exporter) conclude(ctx context.Context, attempts ...attempt) {
	outcomes := make([]contract.ChangeOutcome, len(attempts))
	for i, a := range attempts {
		if a.err != nil && ctx.Err() == nil {
			e.run.warn("change failed", "run", e.run.record.ID, "action", a.change.Action, "object", a.change.DN, "error", a.err)
		}
		outcomes[i] = a.concluded()
	}
	recorded := e.run.gen.RecordOutcomes(context.WithoutCancel(ctx), outcomes)

	e.mu.Lock()
	defer e.mu.Unlock()
	if recorded != nil {
		e.fatal = recorded
	}
	for i := range attempts {
		e.count(&attempts[i], &outcomes[i])
		e.noteTry(&attempts[i], &outcomes[i])
	}
}

// count adds the outcome of a change to the totals of the run. The lock must be held.
func (e *exporter) count(a *attempt, outcome *contract.ChangeOutcome) {
	c := a.change
	if outcome.Link != nil && (c.Action == plan.Create || c.Action == plan.Adopt) || !outcome.Unlink.IsZero() {
		e.draft.nested[c.SourceID] = true
	}
	for _, refusal := range outcome.Refused {
		e.refused[refusal.GUID] = true
	}
	switch outcome.Outcome {
	case contract.OutcomeDone:
		e.run.record.Exported.Add(&c.Change)
	case contract.OutcomeSkipped:
		e.run.record.Exported.Skip++
	case contract.OutcomeHeld: // each run reports it until it is resolved
		e.run.record.Exported.Skip++
		e.run.found.guarded++
		e.run.setPending(c.SourceID)
	default:
		e.countFailed(a, outcome)
	}
}

// noteTry notes whether the group itself makes its change fail. The lock must be held.
func (e *exporter) noteTry(a *attempt, outcome *contract.ChangeOutcome) {
	switch outcome.Outcome {
	case contract.OutcomeDone, contract.OutcomeSkipped, contract.OutcomeHeld:
		return
	}
	if a.cut() {
		e.run.tries.cut(a.change.SourceID)
		e.run.setPending(a.change.SourceID)
	} else {
		e.run.tries.fail(a.change.SourceID, outcome.Message)
		e.run.setFailing(a.change.SourceID)
	}
}

// cut reports whether an outage kept the run from trying the change.
func (a *attempt) cut() bool { return a.err != nil && outage(contract.AsError(a.err)) }

// outage reports whether the error says nothing about the group: the domain controller did
// not answer, was busy or refused us as a whole, or the run was cancelled.
func outage(e *contract.Error) bool {
	switch e.Category {
	case contract.Connection, contract.Authentication, contract.ResourceBusy, contract.Stopped:
		return true
	}
	return false
}

// countFailed counts a change that was not completely done.
func (e *exporter) countFailed(a *attempt, outcome *contract.ChangeOutcome) {
	c := a.change
	if a.cut() || !e.run.expects(&c.Change) {
		e.run.record.Failed++
		if outcome.Outcome == contract.OutcomeFailed {
			if e.run.found.refusedWhole++; e.run.found.refusedWhole == 1 {
				e.run.found.firstFailed = *c
				e.run.found.firstFailed.Message = outcome.Message
			}
		}
	}
	if outcome.Outcome == contract.OutcomePartial {
		return // the part that was done is confirmed
	}
	e.consentFailed = e.consentFailed || e.run.consent.LetsPass(&c.Change)
	// A part of the change may have been written, so later writes to the object are not
	// its only changes.
	e.disturbed[c.TargetGUID] = true
}

// concluded returns the outcome to record.
func (a *attempt) concluded() contract.ChangeOutcome {
	outcome := a.outcome
	outcome.ChangeID = a.change.ID
	if a.err != nil {
		translated := contract.AsError(a.err)
		outcome.Outcome, outcome.ErrorID, outcome.Message = contract.OutcomeFailed, translated.ID, translated.Message
		if cause := translated.Cause(); cause != "" {
			outcome.Message += " (" + cause + ")"
		}
		if translated.ID == "OutcomeUnknown" {
			outcome.Outcome = contract.OutcomeUnknown
		}
	}
	return outcome
}

// grace is how long the current operation may continue after the run was cancelled.
const grace = 15 * time.Second

// graceful returns a context that outlives ctx by the grace period, so that cancelling a
// run does not interrupt an operation.
func graceful(ctx context.Context) (context.Context, func()) {
	outlived, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(grace, cancel)
		context.AfterFunc(outlived, func() { timer.Stop() })
	})
	return outlived, func() {
		stop()
		cancel()
	}
}

// doing says what is being done to a group.
func doing(c *contract.SpooledChange) string {
	words := map[plan.Action]string{plan.Create: "Creating", plan.Adopt: "Adopting", plan.Update: "Updating", plan.Move: "Moving",
		plan.UpdateMembers: "Changing the members of", plan.Delete: "Deleting"}
	return words[c.Action] + " " + c.DisplayName
}

// unanswered reports whether too many changes in a row got no answer from the domain
// controller, or found it too busy. Each of them waits for its time-outs, so thousands
// would take days.
func (e *exporter) unanswered(err error) bool {
	const most = 8
	if contract.HasID(err, "OutcomeUnknown") || contract.HasID(err, "ServerBusy") {
		e.inARow++
	}
	return e.inARow >= most
}

// fatal reports whether the error concerns all objects and not only one: the domain
// controller does not answer or no longer accepts our credentials.
func fatal(err error) bool {
	var e *contract.Error
	return errors.As(err, &e) && e.ID != "OutcomeUnknown" && (e.Category == contract.Connection || e.Category == contract.Authentication)
}

func (e *exporter) apply(ctx context.Context, w contract.TargetWriter, t task) (contract.ChangeOutcome, error) {
	c := t.change
	if c.Action == plan.Create {
		return e.create(ctx, w, c)
	}
	gone, err := e.lookFirst(ctx, t)
	switch {
	case err != nil:
		return contract.ChangeOutcome{}, err
	case c.Action == plan.Delete:
		return e.delete(ctx, w, c, gone)
	case c.Action == plan.UpdateMembers:
		return e.changeMembers(ctx, w, c)
	}
	return e.update(ctx, w, c)
}

// look looks at an object just before a request that changes it, and refuses one that
// must not be touched (rule 2), because minutes may have passed since it was read. Before
// a deletion it asks again for everything that makes the object ours.
func (e *exporter) look(ctx context.Context, c *contract.SpooledChange) (gone bool, err error) {
	if c.TargetGUID.IsZero() || c.Action == plan.Create {
		return false, nil // this change makes the object, or brings it back
	}
	now, err := owner.Headers(ctx, e.run.target, []directory.GUID{c.TargetGUID})
	if err != nil || len(now) == 0 {
		return err == nil, err
	}
	return false, e.may(ctx, c, now[0])
}

// seen reports whether the object was just looked at with its portion.
func (e *exporter) seen(t task) bool {
	_, looked := t.looked[t.change.TargetGUID]
	return looked && t.change.Action != plan.Delete && e.justNow(t.lookedAt)
}

// lookFirst looks at an object before the first request of a change.
func (e *exporter) lookFirst(ctx context.Context, t task) (gone bool, err error) {
	if e.seen(t) {
		return false, e.may(ctx, t.change, t.looked[t.change.TargetGUID])
	}
	return e.look(ctx, t.change)
}

// may refuses an object that must not be touched, judged by what it is now.
func (e *exporter) may(ctx context.Context, c *contract.SpooledChange, now directory.TargetGroup) error {
	fresh := owner.Judge{Target: e.run.target, Rules: e.course.judge.Rules, Containers: e.course.judge.Containers}
	object := fresh.Unowned(&contract.StagedTarget{TargetGroup: now})
	var refused plan.Refusal
	if c.Action == plan.Delete {
		staged, err := owner.WithLinks(ctx, e.run.state, []directory.TargetGroup{now})
		if err != nil {
			return err
		}
		staged[0].Linked = staged[0].Linked && staged[0].SourceID == c.SourceID
		if object, err = fresh.Candidate(ctx, &staged[0]); err != nil {
			return err
		}
		refused = object.MayDelete(c.SourceID, &e.course.judge.Rules, e.course.judge.IsContainer)
	} else {
		refused = object.MayWrite(c.SourceID, &e.course.judge.Rules, c.Action == plan.Adopt)
	}
	if refused.Message == "" {
		return nil
	}
	return &contract.Error{Category: contract.InvalidState, ID: refused.ID, Object: object.DN, Message: refused.Message + " It is left unchanged.",
		Advice: "Check the object. If it belongs to this installation, correct it. The next sync then continues with it."}
}

// left turns the refusal to touch an object into the outcome of a skipped change.
func left(c *contract.SpooledChange, out contract.ChangeOutcome, err error) (contract.ChangeOutcome, error) {
	var e *contract.Error
	if !errors.As(err, &e) {
		return out, err
	}
	switch e.ID {
	case "MarkRemoved", "NotOurs", "ObjectProtected":
	default:
		return out, err
	}
	out.Outcome, out.ErrorID, out.Message = contract.OutcomeSkipped, e.ID, e.Message
	switch {
	case e.ID == "ObjectProtected":
		out.Outcome = contract.OutcomeHeld
	case c.Action == plan.Delete:
		out.Unlink = c.TargetGUID // the state removes the link
	}
	return out, nil
}

func (e *exporter) create(ctx context.Context, w contract.TargetWriter, c *contract.SpooledChange) (contract.ChangeOutcome, error) {
	if !c.TargetGUID.IsZero() {
		if outcome, done, err := e.bringFormer(ctx, w, c); done || err != nil {
			return outcome, err
		}
	}
	members, err := e.run.gen.MemberRefs(ctx, c.Add)
	if err != nil {
		return contract.ChangeOutcome{}, err
	}
	refused, err := w.Create(ctx, c.Container, c.Attributes, members)
	return outcomeOf(refused), err
}

// update writes attributes, cn and place. The stamp of an adopted group is one of the
// attributes, so they are written first: an object that could not be stamped is not
// renamed or moved.
func (e *exporter) update(ctx context.Context, w contract.TargetWriter, c *contract.SpooledChange) (contract.ChangeOutcome, error) {
	var attributes []plan.AttributeChange
	cn := ""
	for _, a := range c.Attributes {
		if a.Name == directory.AttrCN {
			cn = a.New[0]
		} else {
			attributes = append(attributes, a)
		}
	}
	if len(attributes) > 0 {
		if err := w.Modify(ctx, c.TargetGUID, attributes); err != nil {
			return contract.ChangeOutcome{}, err
		}
	}
	link := contract.Link{SourceID: c.SourceID, TargetGUID: c.TargetGUID, DN: c.DN, Adopted: c.Action == plan.Adopt}
	out := contract.ChangeOutcome{Outcome: contract.OutcomeDone}
	if c.Reason == plan.ReasonReleased {
		out.Unlink = c.TargetGUID
	}
	if cn != "" || c.Action == plan.Move {
		parent := directory.GUID{}
		if c.Action == plan.Move {
			parent, link.Container = c.Container, c.Container
		}
		if cn == "" {
			dn, err := directory.ParseDN(c.DN)
			if err != nil {
				return contract.ChangeOutcome{}, err
			}
			cn = dn[0].Value
		}
		dn, err := w.Rename(ctx, c.TargetGUID, cn, parent)
		if err != nil {
			return contract.ChangeOutcome{}, err
		}
		link.DN = dn
		out.Link = &link
	}
	if c.Action == plan.Adopt {
		members, err := e.changeMembers(ctx, w, c)
		members.Link = &link // it is ours now, whatever happened to the members
		return members, err
	}
	return out, nil
}

func (e *exporter) changeMembers(ctx context.Context, w contract.TargetWriter, c *contract.SpooledChange) (contract.ChangeOutcome, error) {
	add, err := e.run.gen.MemberRefs(ctx, c.Add)
	if err != nil {
		return contract.ChangeOutcome{}, err
	}
	remove, err := e.run.gen.MemberRefs(ctx, c.Remove)
	if err != nil {
		return contract.ChangeOutcome{}, err
	}
	refused, err := w.ChangeMembers(ctx, c.TargetGUID, add, remove)
	return outcomeOf(refused), err
}

// delete removes an object that was just looked at.
func (e *exporter) delete(ctx context.Context, w contract.TargetWriter, c *contract.SpooledChange, gone bool) (contract.ChangeOutcome, error) {
	if !gone { // otherwise somebody else was faster
		if err := w.Delete(ctx, c.TargetGUID); err != nil {
			return contract.ChangeOutcome{}, err // it may still exist; the next run tries again
		}
	}
	return contract.ChangeOutcome{Outcome: contract.OutcomeDone, Unlink: c.TargetGUID}, nil
}

// outcomeOf returns the outcome of a change: done, or partial if members were refused.
func outcomeOf(refused []contract.Refusal) contract.ChangeOutcome {
	if len(refused) == 0 {
		return contract.ChangeOutcome{Outcome: contract.OutcomeDone}
	}
	out := contract.ChangeOutcome{Outcome: contract.OutcomePartial, ErrorID: "MemberRefused", Refused: refused,
		Message: directory.Plural(len(refused), "Active Directory rejected 1 member", "Active Directory rejected %d members")}
	if i := slices.IndexFunc(refused, func(r contract.Refusal) bool { return r.Err != nil }); i >= 0 {
		out.Message += ": " + contract.AsError(refused[i].Err).Message
	}
	return out
}
