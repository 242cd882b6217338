package run

import (
	"maps"
	"slices"

	"groupwriteback/internal/directory"
)

// setPending notes that the next Delta run must plan the group even if nothing has
// changed. The note is stored together with the watermark, so nothing is lost between two
// runs.
func (r *run) setPending(id directory.GUID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pending[id] = true
}

// clearPending removes the note.
func (r *run) clearPending(id directory.GUID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.pending, id)
}

// expects reports whether the failure of the group was reported by the run that
// quarantined it, so that it does not make this run partial. Somebody who syncs one group
// is told.
func (r *run) expects(id directory.GUID) bool { return r.tries.quarantined(id) && !r.single }

func (r *run) pendingGroups() []directory.GUID {
	return slices.SortedFunc(maps.Keys(r.pending), directory.GUID.Compare)
}
