package run

import (
	"maps"
	"slices"

	"groupwriteback/internal/directory"
)

// setPending notes whether the next Delta run must plan the group even if nothing has
// changed. The note is stored together with the watermark, so nothing is lost between two
// runs.
func (r *run) setPending(id directory.GUID, pending bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if pending {
		r.pending[id] = true
	} else {
		delete(r.pending, id)
	}
}

func (r *run) pendingGroups() []directory.GUID {
	return slices.SortedFunc(maps.Keys(r.pending), directory.GUID.Compare)
}
