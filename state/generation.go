package state

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// Generation is what one run stages. It implements [contract.Generation].
type Generation struct {
	state *State
	id    int64
}

// Generation returns the generation of a run.
func (s *State) Generation(run int64) contract.Generation { return &Generation{state: s, id: run} }

func (g *Generation) layers() layers { return g.state.layers(g.id) }

// Commit makes the generation current and stores the watermark and the pending
// set, in one transaction. Then it removes what older runs staged. If that
// removal fails, the commit is valid all the same, and the next run removes what
// is left. Errors: RunNotFound, RunSuperseded.
func (g *Generation) Commit(ctx context.Context, watermark contract.Watermark, pending []directory.GUID) error {
	l := g.layers()
	index, err := g.changeIndex(ctx)
	if err != nil {
		return err
	}
	err = g.state.writeThrough(ctx, "commit the import", func(q *session) error {
		n, err := q.changed("UPDATE run SET committed = 1 WHERE id = ?", g.id)
		if err != nil {
			return err
		}
		if n == 0 {
			return runNotFound(g.id)
		}
		// A run that took over has removed what this run staged.
		if err := stillRunning(q, g.id); err != nil {
			return err
		}
		current := g.id
		if l.base != 0 {
			if now, _, err := currentGeneration(q); err != nil || now != l.base {
				if err == nil {
					err = superseded(g.id)
				}
				return err
			}
			if err := l.merge(q); err != nil {
				return err
			}
			current = l.base
		}
		if err := index.apply(q); err != nil {
			return err
		}
		if err := commitNotes(q, g.id); err != nil {
			return err
		}
		if err := forgetSkips(q, g.id); err != nil {
			return err
		}
		if err := saveWatermark(q, current, g.id, index.generation, &watermark); err != nil {
			return err
		}
		if _, err := q.exec("DELETE FROM reading"); err != nil { // it is older than what the commit stores
			return err
		}
		return savePending(q, pending)
	})
	g.state.joins.forgetAll()
	if err != nil || l.base != 0 {
		return err
	}
	if err := g.state.removeOlder(ctx, g.id); ctx.Err() == nil {
		return err
	}
	return nil // the commit is valid, and the next run goes on with the removal
}

// removeOlder removes what runs before the generation staged.
func (s *State) removeOlder(ctx context.Context, generation int64) error {
	if err := s.removeStaged(ctx, 0, generation-1); err != nil {
		return err
	}
	if err := s.removeIndexes(ctx); err != nil {
		return err
	}
	if err := s.removePortions(ctx, "member", "number", "NOT EXISTS (SELECT 1 FROM member_join j WHERE j.number = member.number) AND NOT EXISTS (SELECT 1 FROM source_membership m WHERE m.group_id = member.id)"); err != nil {
		return err
	}
	if err := s.removePortions(ctx, "written", "source_id", "NOT EXISTS (SELECT 1 FROM link l WHERE l.source_id = written.source_id)"); err != nil {
		return err
	}
	// Names of members that none of the remaining runs has seen.
	return s.removePortions(ctx, "target_object", "guid", "generation < (SELECT min(id) FROM run)")
}

func saveWatermark(q *session, generation, run, indexed int64, w *contract.Watermark) error {
	source, initial := "", ""
	if len(w.Source) > 0 {
		b, err := json.Marshal(w.Source)
		if err != nil {
			return err
		}
		source = string(b)
	}
	if !w.Initial.IsZero() {
		initial = w.Initial.UTC().Format(time.RFC3339Nano)
	}
	_, err := q.exec(`INSERT OR REPLACE INTO watermark (only, generation, run, server, ds_service_name, invocation_id, highest_usn,
			searched_usn, source, initial, settled, scope, indexed)
		VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		generation, run, w.Server, w.DSServiceName, w.InvocationID[:], w.HighestUSN, w.SearchedUSN, source, initial, w.Settled, w.Scope, indexed)
	return err
}

// Watermark returns how far both sides were read for the current generation. It
// is the zero value if nothing was ever committed.
func (s *State) Watermark(ctx context.Context) (w contract.Watermark, err error) {
	err = s.read(ctx, "read the watermark", func(q *session) error {
		var source, initial string
		_, err := q.one("SELECT server, ds_service_name, invocation_id, highest_usn, searched_usn, source, initial, settled, scope FROM watermark", nil,
			&w.Server, &w.DSServiceName, intoGUID(&w.InvocationID), &w.HighestUSN, &w.SearchedUSN, &source, &initial, &w.Settled, &w.Scope)
		if err != nil {
			return err
		}
		if source != "" {
			if err := json.Unmarshal([]byte(source), &w.Source); err != nil {
				return damaged("the delta links: %v", err)
			}
		}
		if initial != "" {
			if w.Initial, err = time.Parse(time.RFC3339Nano, initial); err != nil {
				return damaged("the time of the last full import: %v", err)
			}
		}
		return nil
	})
	return w, err
}

func savePending(q *session, pending []directory.GUID) error {
	if _, err := q.exec("DELETE FROM pending"); err != nil {
		return err
	}
	for i := range pending {
		if err := addPending(q, pending[i]); err != nil {
			return err
		}
	}
	return nil
}

// Pending lists the cloud groups that the next delta run has to plan, ascending.
func (s *State) Pending(ctx context.Context) (pending []directory.GUID, err error) {
	err = s.read(ctx, "list the pending groups", func(q *session) error {
		pending, err = listGUIDs(q, "SELECT source_id FROM pending ORDER BY source_id")
		return err
	})
	return pending, err
}

// Discard removes everything that the generation staged, including a reading that
// another run could go on from. It returns an error for the current generation.
func (g *Generation) Discard(ctx context.Context) error {
	current, err := g.state.Current(ctx)
	if err != nil {
		return err
	}
	if g.id == current {
		return g.state.translate("discard the import", fmt.Errorf("generation %d is the current generation", g.id))
	}
	// What is staged in the generation from now on is no overlay.
	if l := g.state.overlay.Load(); l != nil && l.top == g.id {
		g.state.overlay.Store(nil)
	}
	if _, err := g.state.endReading(ctx, g.id); err != nil {
		return err
	}
	return g.state.removeStaged(ctx, g.id, g.id)
}

// Current returns the current generation, or 0 if there is none.
func (s *State) Current(ctx context.Context) (generation int64, err error) {
	err = s.read(ctx, "read the current generation", func(q *session) error {
		generation, _, err = currentGeneration(q)
		return err
	})
	return generation, err
}

// currentGeneration returns the current generation and the run that last changed
// it, or 0 if there is none.
func currentGeneration(q *session) (generation, run int64, err error) {
	_, err = q.one("SELECT generation, run FROM watermark", nil, &generation, &run)
	return generation, run, err
}

// removalPortion is how many rows one transaction of a removal looks at. It takes
// some milliseconds, so that other writers get their turn and the log stays small.
const removalPortion = 5000

// stagedTables are the tables that hold what runs stage, with their keys. A table
// that refers to another comes before it.
var stagedTables = []struct{ table, key string }{
	{"source_membership_chunk", "group_id, generation, first"},
	{"source_membership", "group_id, generation"},
	{"source_group", "id, generation"},
	{"target_membership_chunk", "guid, generation, first"},
	{"target_group", "guid, generation"},
	{"member_join", "number, generation"},
	{"gone", "generation, side, id"},
	{"note", "kind, id, generation"},
	{"reported_member", "group_id, member_id, generation"},
}

// allLater is greater than every generation.
const allLater = math.MaxInt64

// removeStaged removes what is staged in the generations from first to last.
func (s *State) removeStaged(ctx context.Context, first, last int64) error {
	for _, t := range stagedTables {
		query := fmt.Sprintf("DELETE FROM %[1]s WHERE (%[2]s) IN (SELECT %[2]s FROM %[1]s WHERE generation BETWEEN ? AND ? LIMIT ?)", t.table, t.key)
		for n := int64(removalPortion); n == removalPortion; {
			err := s.write(ctx, "remove old rows from "+t.table, func(q *session) (err error) {
				n, err = q.changed(query, first, last, removalPortion)
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	s.writing.Lock()
	s.staged.forget()
	s.writing.Unlock()
	s.joins.forgetAll()
	return nil
}

// removePortions removes the rows of one table that meet the condition, in the
// order of its key. Table, key and condition are constants of this package, so
// the query is safe.
func (s *State) removePortions(ctx context.Context, table, key, condition string) error {
	var after any = []byte{}
	if key == "number" {
		after = -1
	}
	for after != nil {
		err := s.write(ctx, "remove old rows from "+table, func(q *session) error {
			var upTo any
			if _, err := q.one(fmt.Sprintf("SELECT %[2]s FROM %[1]s WHERE %[2]s > ? ORDER BY %[2]s LIMIT 1 OFFSET ?", table, key),
				[]any{after, removalPortion}, &upTo); err != nil {
				return err
			}
			bounds, given := fmt.Sprintf("%s > ?", key), []any{after}
			if upTo != nil {
				bounds, given = bounds+fmt.Sprintf(" AND %s <= ?", key), append(given, upTo)
			}
			after = upTo
			_, err := q.exec(fmt.Sprintf("DELETE FROM %s WHERE %s AND %s", table, bounds, condition), given...)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
