package run

import (
	"maps"
	"slices"

	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// setPending notes that the next Delta run must plan the group even if nothing has
// changed. The note is stored together with the watermark, so nothing is lost between two
// runs.
func (r *run) setPending(id directory.GUID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pending[id] = true
}

// setFailing notes the same for a change that failed for a reason of its group. Quarantine
// takes back this note, and no other.
func (r *run) setFailing(id directory.GUID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, noted := r.pending[id]; !noted {
		r.pending[id] = false
	}
}

// quarantine removes the note of a group that is pending only because its changes fail.
func (r *run) quarantine(id directory.GUID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.pending[id] {
		delete(r.pending, id)
	}
}

// clearPending removes the note.
func (r *run) clearPending(id directory.GUID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.pending, id)
}

// expects reports whether the failure of the change was reported by the run that
// quarantined its group, so that it does not make this run partial. A failed revocation
// always does, and somebody who syncs one group is told.
func (r *run) expects(c *plan.Change) bool {
	return r.tries.quarantined(c.SourceID) && !r.single && len(c.Remove) == 0 && c.Action != plan.Delete
}

func (r *run) pendingGroups() []directory.GUID {
	return slices.SortedFunc(maps.Keys(r.pending), directory.GUID.Compare)
}
