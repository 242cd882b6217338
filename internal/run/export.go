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

// export is the step that does what the plan says.
func export(ctx context.Context, planned *limiter) (*exporter, error) {
	e := &exporter{run: planned.run, course: planned.course, draft: planned.draft, limiter: planned,
		exported: map[plan.Phase]int64{}, disturbed: map[directory.GUID]bool{}, refused: map[directory.GUID]bool{}}
	return e, e.exportAll(ctx)
}

// exportAll does what is planned and was not done yet, phase by phase, and records each
// outcome as it happens. A change that fails is recorded and does not stop the others;
// a domain controller that is gone does.
func (e *exporter) exportAll(ctx context.Context) error {
	if err := e.run.state.SaveLinks(ctx, e.draft.relinks); err != nil {
		return err
	}
	total := e.run.record.Planned.Create + e.run.record.Planned.Adopt + e.run.record.Planned.Update + e.run.record.Planned.Move +
		e.run.record.Planned.UpdateMembers + e.run.record.Planned.Delete - e.run.record.Held.Create - e.run.record.Held.Move - e.run.record.Held.UpdateMembers - e.run.record.Held.Delete
	e.draft.relinks = nil
	if total > 0 {
		// Should the process die, the next run has to know that this one wrote.
		if err := e.run.state.SaveRun(ctx, e.run.record); err != nil {
			return err
		}
	}
	e.total, e.done = total, 0
	for _, phase := range []plan.Phase{plan.PhaseCreate, plan.PhaseUpdate, plan.PhaseMembers, plan.PhaseDelete} {
		for {
			changes, err := e.run.gen.Planned(ctx, phase, e.exported[phase], batch.SpoolBatch)
			if err != nil {
				return err
			}
			if len(changes) == 0 {
				break
			}
			if err := e.lookBefore(ctx, changes); err != nil {
				return err
			}
			if err := e.export(ctx, changes); err != nil {
				return err
			}
			e.exported[phase] = changes[len(changes)-1].ID
		}
	}
	return nil
}

// lookBefore looks at the objects of a batch just before it is written, all at once.
// Of those that are looked at for the first time it finds out which of them somebody
// has changed since they were read: after our own write their uSN would no longer
// tell (rule 13).
func (e *exporter) lookBefore(ctx context.Context, changes []contract.SpooledChange) error {
	e.looked = nil
	var look []directory.GUID
	for i := range changes {
		if guid := changes[i].TargetGUID; !guid.IsZero() && changes[i].Action != plan.Delete { // of these more is asked
			look = append(look, guid)
		}
	}
	if len(look) == 0 {
		return nil
	}
	now, err := owner.Headers(ctx, e.run.target, look)
	if err != nil {
		return fmt.Errorf("looking at %s before they are changed: %w", directory.Count(len(look), "group"), err)
	}
	e.looked, e.lookedAt = make(map[directory.GUID]directory.TargetGroup, len(now)), wallClock()
	for i := range now {
		e.looked[now[i].GUID] = now[i]
	}
	first := slices.DeleteFunc(look, func(guid directory.GUID) bool {
		_, before := e.disturbed[guid]
		return before
	})
	staged, err := e.run.gen.StagedTargets(ctx, first)
	if err != nil {
		return err
	}
	read := map[directory.GUID]int64{}
	for i := range staged {
		read[staged[i].GUID] = staged[i].USNChanged
	}
	for _, guid := range first {
		if object, there := e.looked[guid]; there {
			e.disturbed[guid] = object.USNChanged != read[guid]
		}
	}
	return nil
}

// lookLasts is for how long a look is enough for the first request of a change,
// where nothing else is configured. A batch of small changes takes no longer.
const lookLasts = time.Second

// wallClock goes on while the machine sleeps.
func wallClock() time.Time { return time.Now().Round(0) }

// justNow reports whether a look lasts still.
func (e *exporter) justNow(looked time.Time) bool {
	age := wallClock().Sub(looked)
	return age >= 0 && age < cmp.Or(e.run.ground.LookLasts, lookLasts)
}

// exporter runs the changes of a phase on a few workers.
type exporter struct {
	run     *run
	course  *course
	draft   *draft
	limiter *limiter
	total   int // changes in hand

	// exported are the last changes of each phase that were.
	exported map[plan.Phase]int64
	// disturbed are the objects that were looked at before their first write,
	// and whether they have more changes than those that are known to be ours:
	// somebody else's since they were read, or some of a change that failed.
	disturbed map[directory.GUID]bool
	refused   map[directory.GUID]bool // objects that AD did not take as members
	// consentFailed: some of what the consent let pass was not done.
	consentFailed bool

	// looked are the objects of the batch as they were at that time.
	looked   map[directory.GUID]directory.TargetGroup
	lookedAt time.Time

	mu      sync.Mutex // guards what follows, and the maps above while workers run
	done    int
	fatal   error
	inARow  int // changes that were not answered, since one that was done
	created []attempt
}

// attempt is a change that was tried, and what became of it; of a new group
// without its objectGUID.
type attempt struct {
	change  *contract.SpooledChange
	outcome contract.ChangeOutcome
	err     error
}

func (e *exporter) export(ctx context.Context, changes []contract.SpooledChange) error {
	work := make(chan contract.SpooledChange)
	var workers sync.WaitGroup
	for range min(e.run.settings.Connections, len(changes)) {
		workers.Go(func() {
			for c := range work {
				if e.failed() == nil && ctx.Err() == nil {
					e.one(ctx, &c)
				}
			}
		})
	}
	for _, c := range changes {
		work <- c
	}
	close(work)
	workers.Wait()
	e.readBack(ctx)
	if err := e.failed(); err != nil {
		return err
	}
	return ctx.Err()
}

func (e *exporter) failed() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.fatal
}

// one does a change and records what became of it, also when the run was
// cancelled meanwhile: what AD has must not be forgotten.
func (e *exporter) one(ctx context.Context, c *contract.SpooledChange) {
	finish, release := graceful(ctx)
	defer release()
	// The process may have slept for an hour, and another have taken over; and
	// somebody may have made the object another's. Both are looked at before the
	// change, and in the middle of one that takes several requests or tries.
	superseded := e.run.gen.StillRunning(finish)
	if superseded != nil {
		e.mu.Lock()
		e.fatal = superseded
		e.mu.Unlock()
		return
	}
	requests, looked := 0, e.lookedAt
	if !e.seen(c) {
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
	}), c)
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
		e.created = append(e.created, attempt{c, outcome, err})
	}
	e.mu.Unlock()
	if c.Action != plan.Create {
		e.conclude(ctx, attempt{c, outcome, err})
	}
}

// readBack looks up the groups that a batch has created, at once, and links
// them; those too of which the answer was lost or a later part was refused. One
// whose link is not stored is found by its mark in the next run.
func (e *exporter) readBack(ctx context.Context) {
	if len(e.created) == 0 {
		return
	}
	finish, release := graceful(ctx)
	defer release()
	attributes := make([][]plan.AttributeChange, len(e.created))
	for i, a := range e.created {
		attributes[i] = a.change.Attributes
	}
	found, err := e.run.target.Created(finish, e.course.judge.Rules.Container, attributes)
	if err != nil && fatal(err) {
		e.fatal = fmt.Errorf("looking up %s that were created: %w", directory.Count(len(e.created), "group"), err)
	}
	for i := range e.created {
		a := &e.created[i]
		switch {
		case err == nil && !found[i].GUID.IsZero():
			a.outcome.Link = &contract.Link{SourceID: a.change.SourceID, TargetGUID: found[i].GUID, DN: found[i].DN}
		case a.err == nil:
			a.err = &contract.Error{
				Category: contract.Connection, ID: "OutcomeUnknown", Object: a.change.DN, Err: err,
				Message: "The group was created and was not found when it was read back.",
				Advice:  "Run a sync again: it reads the group anew and does what is missing.",
			}
		}
	}
	e.conclude(ctx, e.created...)
	e.created = nil
}

// conclude records what became of changes, in one transaction.
func (e *exporter) conclude(ctx context.Context, attempts ...attempt) {
	outcomes := make([]contract.ChangeOutcome, len(attempts))
	for i, a := range attempts {
		if a.err != nil && ctx.Err() == nil {
			e.run.warn("a change failed", "run", e.run.record.ID, "action", a.change.Action, "object", a.change.DN, "error", a.err)
		}
		outcomes[i] = a.concluded()
	}
	recorded := e.run.gen.RecordOutcomes(context.WithoutCancel(ctx), outcomes)

	e.mu.Lock()
	defer e.mu.Unlock()
	if recorded != nil {
		e.fatal = recorded
	}
	for i, a := range attempts {
		e.count(a.change, &outcomes[i])
	}
}

// count adds the outcome of a change to what the run goes by, with the lock held.
func (e *exporter) count(c *contract.SpooledChange, outcome *contract.ChangeOutcome) {
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
	case contract.OutcomeHeld: // told by each run until it ends
		e.run.record.Exported.Skip++
		e.run.found.guarded++
		e.run.setPending(c.SourceID, true)
	default:
		e.countFailed(c, outcome)
		e.run.setPending(c.SourceID, true)
	}
}

// countFailed counts a change of which something was not done.
func (e *exporter) countFailed(c *contract.SpooledChange, outcome *contract.ChangeOutcome) {
	e.run.record.Failed++
	if outcome.Outcome == contract.OutcomeFailed {
		if e.run.found.refusedWhole++; e.run.found.refusedWhole == 1 {
			e.run.found.firstFailed = *c
			e.run.found.firstFailed.Message = outcome.Message
		}
	}
	if outcome.Outcome == contract.OutcomePartial {
		return // what was done of it is confirmed
	}
	e.consentFailed = e.consentFailed || e.run.consent.LetsPass(&c.Change)
	// A part of it may stand, so that what else is written to the object is not all
	// that has changed.
	e.disturbed[c.TargetGUID] = true
}

// concluded is the outcome as it is recorded.
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

// grace is how long the operation in hand may go on after the run was cancelled.
const grace = 15 * time.Second

// graceful returns a context that outlives ctx by the grace, so that cancelling
// a run does not cut an operation off half-way.
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

// doing says in words what is done with a group.
func doing(c *contract.SpooledChange) string {
	words := map[plan.Action]string{plan.Create: "Creating", plan.Adopt: "Adopting", plan.Update: "Updating", plan.Move: "Moving",
		plan.UpdateMembers: "Changing the members of", plan.Delete: "Deleting"}
	return words[c.Action] + " " + c.DisplayName
}

// unanswered reports whether this is one too many of changes in a row that the
// domain controller did not answer, or was too busy for. Each has waited for its
// time-outs: thousands of them would take days.
func (e *exporter) unanswered(err error) bool {
	const most = 8
	if contract.HasID(err, "OutcomeUnknown") || contract.HasID(err, "ServerBusy") {
		e.inARow++
	}
	return e.inARow >= most
}

// fatal reports whether the error is not of one object but of all: the domain
// controller does not answer or does not know us any more.
func fatal(err error) bool {
	var e *contract.Error
	return errors.As(err, &e) && e.ID != "OutcomeUnknown" && (e.Category == contract.Connection || e.Category == contract.Authentication)
}

func (e *exporter) apply(ctx context.Context, w contract.TargetWriter, c *contract.SpooledChange) (contract.ChangeOutcome, error) {
	if c.Action == plan.Create {
		return e.create(ctx, w, c)
	}
	gone, err := e.lookFirst(ctx, c)
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

// look looks at an object just before a request that changes it, and refuses
// what may not be touched (rule 2): minutes may have passed since it was read.
// Before a deletion everything is asked anew that makes it ours.
func (e *exporter) look(ctx context.Context, c *contract.SpooledChange) (gone bool, err error) {
	if c.TargetGUID.IsZero() {
		return false, nil // created by this very change
	}
	now, err := owner.Headers(ctx, e.run.target, []directory.GUID{c.TargetGUID})
	if err != nil || len(now) == 0 {
		return err == nil, err
	}
	return false, e.may(ctx, c, now[0])
}

// seen reports whether the object was looked at with its batch, just now.
func (e *exporter) seen(c *contract.SpooledChange) bool {
	_, looked := e.looked[c.TargetGUID]
	return looked && c.Action != plan.Delete && e.justNow(e.lookedAt)
}

// lookFirst looks at an object before the first request of a change.
func (e *exporter) lookFirst(ctx context.Context, c *contract.SpooledChange) (gone bool, err error) {
	if e.seen(c) {
		return false, e.may(ctx, c, e.looked[c.TargetGUID])
	}
	return e.look(ctx, c)
}

// may refuses what may not be touched, by what the object is now.
func (e *exporter) may(ctx context.Context, c *contract.SpooledChange, now directory.TargetGroup) error {
	fresh := owner.Judge{Target: e.run.target, Rules: e.course.judge.Rules, Containers: e.course.judge.Containers, Owners: map[directory.GUID]contract.Principal{}}
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
	return &contract.Error{Category: contract.InvalidState, ID: refused.ID, Object: object.DN, Message: refused.Message + " It is left as it is.",
		Advice: "Look at the object. If it is ours, put it right; the next sync goes on with it."}
}

// left makes of a refusal to touch an object the outcome of a change that is
// skipped.
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
		out.Unlink = c.TargetGUID // the state forgets it
	}
	return out, nil
}

func (e *exporter) create(ctx context.Context, w contract.TargetWriter, c *contract.SpooledChange) (contract.ChangeOutcome, error) {
	members, err := e.run.gen.MemberRefs(ctx, c.Add)
	if err != nil {
		return contract.ChangeOutcome{}, err
	}
	refused, err := w.Create(ctx, e.course.judge.Rules.Container, c.Attributes, members)
	return outcomeOf(refused), err
}

// update writes attributes, cn and place. The stamp of an adopted group is
// among the attributes, so they go first: an object that could not be stamped
// is not renamed or moved.
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
			parent = e.course.judge.Rules.Container
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
		members.Link = &link // it is ours now, whatever became of the members
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

// delete removes an object that was looked at just now.
func (e *exporter) delete(ctx context.Context, w contract.TargetWriter, c *contract.SpooledChange, gone bool) (contract.ChangeOutcome, error) {
	if !gone { // else someone was quicker
		if err := w.Delete(ctx, c.TargetGUID); err != nil {
			return contract.ChangeOutcome{}, err // it may stand still: the next run tries again
		}
	}
	return contract.ChangeOutcome{Outcome: contract.OutcomeDone, Unlink: c.TargetGUID}, nil
}

// outcomeOf tells a change that was done whole from one of which some members
// were refused.
func outcomeOf(refused []contract.Refusal) contract.ChangeOutcome {
	if len(refused) == 0 {
		return contract.ChangeOutcome{Outcome: contract.OutcomeDone}
	}
	out := contract.ChangeOutcome{Outcome: contract.OutcomePartial, ErrorID: "MemberRefused", Refused: refused,
		Message: directory.Plural(len(refused), "1 member was refused by Active Directory", "%d members were refused by Active Directory")}
	if i := slices.IndexFunc(refused, func(r contract.Refusal) bool { return r.Err != nil }); i >= 0 {
		out.Message += ": " + contract.AsError(refused[i].Err).Message
	}
	return out
}
