package run

import (
	"context"
	"time"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// tries are the groups whose changes fail in one run after the other (rule 62), and what
// this run has tried. A group in quarantine is not pending because of its failures: a run
// tries it when its time has come, and whenever something touches it, so that nothing that
// the tenant revokes waits for that time.
type tries struct {
	after  int // the number of failed runs after which a group is quarantined; 0: never
	before map[directory.GUID]contract.Failing
	// of has the groups that this run has planned and that failed before, and all those
	// that fail now.
	of map[directory.GUID]try
}

// try is what became of one group.
type try struct {
	failed string // why; empty: nothing failed
	cut    bool   // an outage or a limit kept the run from trying it
}

// The least and the most time between two retries of a group in quarantine.
const (
	firstRetry = time.Hour
	mostRetry  = 24 * time.Hour
)

func readTries(ctx context.Context, state contract.HoldStore, after int) (tries, error) {
	t := tries{after: after, before: map[directory.GUID]contract.Failing{}}
	failing, err := state.Failing(ctx)
	for _, f := range failing {
		t.before[f.GroupID] = f
	}
	return t, err
}

// quarantined reports whether the group was in quarantine when the run began.
func (t *tries) quarantined(id directory.GUID) bool {
	f := t.before[id]
	return f.Quarantined()
}

// count returns the number of groups in quarantine when the run began.
func (t *tries) count() (n int) {
	for _, f := range t.before {
		if f.Quarantined() {
			n++
		}
	}
	return n
}

// due returns the groups in quarantine that are to be tried again. If the clock was far
// ahead when the time was set, it has come.
func (t *tries) due(now time.Time) (ids []directory.GUID) {
	for id, f := range t.before {
		if f.Quarantined() && (t.after == 0 || !now.Before(f.Next) || f.Next.Sub(now) > mostRetry) {
			ids = append(ids, id)
		}
	}
	return ids
}

func (t *tries) note(id directory.GUID, change func(*try)) {
	if t.of == nil {
		t.of = map[directory.GUID]try{}
	}
	now := t.of[id]
	change(&now)
	t.of[id] = now
}

// planned notes that the run tries a group.
func (t *tries) planned(id directory.GUID) {
	if _, failed := t.before[id]; failed {
		t.note(id, func(*try) {})
	}
}

// fail notes that a change of the group failed, for reasons of its own.
func (t *tries) fail(id directory.GUID, why string) { t.note(id, func(t *try) { t.failed = why }) }

// cut notes that a change of the group could not be tried.
func (t *tries) cut(id directory.GUID) { t.note(id, func(t *try) { t.cut = true }) }

// settle returns what to store about the groups that were tried.
func (t *tries) settle(now time.Time) (changed []contract.Failing) {
	for id, of := range t.of {
		f, known := t.before[id]
		f.GroupID = id
		switch {
		case of.failed == "" && of.cut, !known && t.after == 0:
			continue
		case of.failed == "", t.after == 0:
			f.Tries = 0
		default:
			f.Tries, f.Message = f.Tries+1, of.failed
			if f.Tries < t.after {
				f.Since, f.Next = time.Time{}, time.Time{}
				break
			}
			if !f.Quarantined() {
				f.Since = now
			}
			f.Next = now.Add(min(firstRetry<<min(f.Tries-t.after, 10), mostRetry))
		}
		changed = append(changed, f)
	}
	return changed
}
