package state

import (
	"context"
	"errors"
	"strings"

	"groupwriteback/internal/directory"
)

// layers says which generations are read: top, the generation itself and, if it is an
// overlay, base, the generation below, for everything that top does not have. For a
// generation that is no overlay, base is 0, which no row has. Base is always older
// than top.
//
// Readers of the current generation outside a run set run to the run that last changed
// it. Another process may have changed it, and then the caches must not be used. A run
// leaves it 0, since [State.BeginRun] empties the caches.
type layers struct{ top, base, run int64 }

func currentLayers(q *session) (layers, error) {
	generation, run, err := currentGeneration(q)
	return layers{top: generation, run: run}, err
}

// lowest returns the oldest of the generations.
func (l layers) lowest() int64 {
	if l.base != 0 {
		return l.base
	}
	return l.top
}

func (s *State) layers(generation int64) layers {
	if l := s.overlay.Load(); l != nil && l.top == generation {
		return *l
	}
	return layers{top: generation}
}

// Overlay makes the generation an overlay on the current one. There is only one run at
// a time, so this replaces any earlier overlay. Nothing is stored about it: if the
// process dies, [State.BeginRun] removes what the overlay staged.
func (g *Generation) Overlay(ctx context.Context) error {
	base, err := g.state.Current(ctx)
	if err != nil {
		return err
	}
	switch {
	case base == 0:
		return g.state.translate("begin an overlay generation", errors.New("no earlier generation is committed"))
	case base >= g.id:
		return g.state.translate("begin an overlay generation", damaged("the current generation %d is not older than run %d", base, g.id))
	}
	g.state.overlay.Store(&layers{top: g.id, base: base})
	return nil
}

// The values of the column side in the table gone.
const (
	sourceSide = 0
	targetSide = 1
)

// visibleSource and visibleTarget are the conditions that row s of source_group, or
// row t of target_group, counts in the layers ?1 (top) and ?2 (base). With the sign,
// SQLite walks along the ids; without it, each page of a list would begin by sorting all
// rows of both generations.
const (
	visibleSource = `(+s.generation = ?1 OR +s.generation = ?2
		AND NOT EXISTS (SELECT 1 FROM source_group o WHERE o.id = s.id AND o.generation = ?1)
		AND NOT EXISTS (SELECT 1 FROM gone o WHERE o.generation = ?1 AND o.side = 0 AND o.id = s.id))`
	visibleTarget = `(+t.generation = ?1 OR +t.generation = ?2
		AND NOT EXISTS (SELECT 1 FROM target_group o WHERE o.guid = t.guid AND o.generation = ?1)
		AND NOT EXISTS (SELECT 1 FROM gone o WHERE o.generation = ?1 AND o.side = 1 AND o.id = t.guid))`
)

// StageGoneGroups hides groups of the tenant and their memberships in the generation.
func (g *Generation) StageGoneGroups(ctx context.Context, ids []directory.GUID) error {
	return g.state.stageGone(ctx, g.id, ids, sourceSide,
		"DELETE FROM source_membership_chunk WHERE group_id = ? AND generation = ?",
		"DELETE FROM source_membership WHERE group_id = ? AND generation = ?",
		"DELETE FROM source_group WHERE id = ? AND generation = ?")
}

// StageGoneTargets hides objects of AD and their memberships in the generation.
func (g *Generation) StageGoneTargets(ctx context.Context, guids []directory.GUID) error {
	return g.state.stageGone(ctx, g.id, guids, targetSide,
		"DELETE FROM target_membership_chunk WHERE guid = ? AND generation = ?",
		"DELETE FROM target_group WHERE guid = ? AND generation = ?")
}

func (s *State) stageGone(ctx context.Context, generation int64, ids []directory.GUID, side int, removals ...string) error {
	l := s.layers(generation)
	return s.write(ctx, "stage removed groups", func(q *session) error {
		for i := range ids {
			for _, query := range removals {
				if _, err := q.exec(query, ids[i][:], l.top); err != nil {
					return err
				}
			}
			if l.base == 0 {
				continue
			}
			if _, err := q.exec("INSERT OR IGNORE INTO gone (generation, side, id) VALUES (?, ?, ?)", l.top, side, ids[i][:]); err != nil {
				return err
			}
		}
		return nil
	})
}

// back makes an object visible again that was gone and is staged after all.
func (l layers) back(q *session, side int, id *directory.GUID) error {
	if l.base == 0 {
		return nil
	}
	_, err := q.exec("DELETE FROM gone WHERE generation = ? AND side = ? AND id = ?", l.top, side, id[:])
	return err
}

// merging moves the rows of ?1, the overlay, to ?2, the generation below. First it
// removes what is gone, then it replaces rows. Each statement starts from the rows of
// the overlay, so its cost follows their number.
var merging = []string{
	"DELETE FROM source_membership_chunk WHERE generation = ?2 AND group_id IN (SELECT id FROM gone WHERE generation = ?1 AND side = 0)",
	"DELETE FROM source_membership WHERE generation = ?2 AND group_id IN (SELECT id FROM gone WHERE generation = ?1 AND side = 0)",
	"DELETE FROM source_group WHERE generation = ?2 AND id IN (SELECT id FROM gone WHERE generation = ?1 AND side = 0)",
	"DELETE FROM target_membership_chunk WHERE generation = ?2 AND guid IN (SELECT id FROM gone WHERE generation = ?1 AND side = 1)",
	"DELETE FROM target_group WHERE generation = ?2 AND guid IN (SELECT id FROM gone WHERE generation = ?1 AND side = 1)",
	"DELETE FROM gone WHERE generation = ?1",

	"DELETE FROM source_membership_chunk WHERE generation = ?2 AND group_id IN (SELECT group_id FROM source_membership WHERE generation = ?1 AND part = 0)",
	"DELETE FROM source_membership_chunk WHERE generation = ?2 AND (group_id, first) IN (SELECT group_id, first FROM source_membership_chunk WHERE generation = ?1)",
	"DELETE FROM source_membership_chunk WHERE generation = ?1 AND length(members) = 0",
	"UPDATE source_membership_chunk SET generation = ?2 WHERE generation = ?1",
	"UPDATE OR REPLACE source_membership SET generation = ?2, part = 0 WHERE generation = ?1",
	"UPDATE OR REPLACE source_group SET generation = ?2 WHERE generation = ?1",
	"DELETE FROM target_membership_chunk WHERE generation = ?2 AND guid IN (SELECT guid FROM target_group WHERE generation = ?1 AND part = 0)",
	"DELETE FROM target_membership_chunk WHERE generation = ?2 AND (guid, first) IN (SELECT guid, first FROM target_membership_chunk WHERE generation = ?1)",
	"DELETE FROM target_membership_chunk WHERE generation = ?1 AND length(members) = 0",
	"UPDATE target_membership_chunk SET generation = ?2 WHERE generation = ?1",
	"UPDATE OR REPLACE target_group SET generation = ?2, part = 0 WHERE generation = ?1",
	// A member that was not resolved is due at once.
	"UPDATE member_join SET due = '' WHERE generation = ?1 AND reason IS NULL",
	"UPDATE OR REPLACE member_join SET generation = ?2 WHERE generation = ?1",
}

func (l layers) merge(q *session) error {
	for _, query := range merging {
		args := []any{l.top, l.base}
		if !strings.Contains(query, "?2") {
			args = args[:1]
		}
		if _, err := q.exec(query, args...); err != nil {
			return err
		}
	}
	return nil
}
