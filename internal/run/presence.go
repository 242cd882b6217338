package run

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// askPresence asks the tenant for each group that its list lacks and that would otherwise
// be judged by its absence (rule 6).
func (p *planner) askPresence(ctx context.Context, absent []plan.Pair) error {
	heard, err := p.hear(ctx, absent)
	if err != nil {
		return err
	}
	var notes []contract.Note
	for _, pair := range absent {
		if h, ok := heard[pair.ID]; ok {
			v := p.judge(&pair, h)
			pair.Presence, pair.Momentary = v.is, !v.lasting
			if v.wait {
				p.waits[pair.ID] = true
			}
			noted, err := h.notes(pair.ID, v, p.run.now().UTC(), p.run.counts)
			if err != nil {
				return err
			}
			notes = append(notes, noted...)
		}
		if err := p.plan(ctx, &pair); err != nil {
			return err
		}
	}
	return p.run.gen.StageNotes(ctx, notes)
}

func linked(pair *plan.Pair) bool {
	return pair.LinkLost != nil || slices.ContainsFunc(pair.Candidates, func(c plan.Candidate) bool { return c.Linked })
}

// heard is what the tenant says and has said about a group that its list lacks.
type heard struct {
	said     directory.Presence    // the answer to asking for it singly, now
	reported *contract.GroupChange // reported by a delta within the lag
	deleted  *contract.Note        // a delta reported that it is deleted for good
	absent   *contract.Note        // since when it has been reported as absent
	before   bool                  // the last committed run had it
	// excluded means that the scope excludes the group as that run had it, and no delta
	// has reported a change since.
	excluded bool
}

// hear collects what is said about the groups that we have written or wait for.
func (p *planner) hear(ctx context.Context, absent []plan.Pair) (map[directory.GUID]heard, error) {
	var ids []directory.GUID
	for _, pair := range absent {
		if linked(&pair) || p.source.unseen[pair.ID] {
			ids = append(ids, pair.ID)
		}
	}
	reported, err := p.run.reportedOf(ctx, ids)
	if err != nil {
		return nil, err
	}
	said, err := p.source.presence(ctx, ids, reported)
	if err != nil {
		return nil, err
	}
	deleted, err := p.run.gen.NotesOf(ctx, contract.NoteDeleted, ids)
	if err != nil {
		return nil, err
	}
	absentSince, err := p.run.gen.NotesOf(ctx, contract.NoteAbsent, ids)
	if err != nil {
		return nil, err
	}
	all := map[directory.GUID]heard{}
	for _, id := range ids {
		h := heard{said: directory.PresenceUnknown}
		if s, ok := said[id]; ok {
			h.said = s
		}
		if change, ok := reported[id]; ok {
			h.reported = &change
		}
		if note, ok := deleted[id]; ok {
			h.deleted = &note
		}
		if note, ok := absentSince[id]; ok {
			h.absent = &note
		}
		if p.run.base != 0 {
			var before directory.SourceGroup
			if before, h.before, err = p.run.before.SourceGroup(ctx, id); err != nil {
				return nil, err
			}
			// The properties that the deltas do not track may have changed.
			h.excluded = h.before && !p.course.selection.WritebackConfiguration && !p.course.scope.Holds(&before)
		}
		all[id] = h
	}
	return all, nil
}

// verdict is the conclusion about an absent group: what it is, whether that is more than
// a momentary answer, so that something may be deleted because of it, and whether the
// group must be asked for again.
type verdict struct {
	is            directory.Presence
	lasting, wait bool
}

// judge trusts a delta more than an answer within the lag. It lets nothing be deleted
// because of a momentary answer: a delta must have reported the same, or the tenant must
// have said so twice, the lag apart.
func (p *planner) judge(pair *plan.Pair, h heard) verdict {
	if h.reported != nil && h.reported.Removed == contract.NotRemoved && h.said != directory.PresenceOutOfScope { // it exists, whatever a replica says
		if h.said == directory.PresenceSoftDeleted || h.said == directory.PresenceHardDeleted {
			return verdict{is: directory.PresenceContradicted, wait: true}
		}
		return verdict{is: h.said, wait: true}
	}
	v := p.weigh(pair, h)
	// After a full import that may have read lagging replicas, another one is due in half
	// an hour.
	if unsettled := p.source.whole && !p.source.settled; p.run.single || unsettled && v.is == directory.PresenceHardDeleted {
		v.lasting = false
	}
	v.wait = p.mustAskAgain(pair, v)
	return v
}

// weigh compares the answer with what a delta and an earlier answer said, and concludes
// what the group is and whether that is lasting.
func (p *planner) weigh(pair *plan.Pair, h heard) verdict {
	v := verdict{is: h.said}
	switch {
	case h.reported != nil && h.reported.Removed == contract.RemovedChanged && h.said != directory.PresenceUnknown:
		v.is = directory.PresenceSoftDeleted // a replica may still show it, or not yet have it in the recycle bin
		v.lasting = h.said == directory.PresenceSoftDeleted || h.said == directory.PresenceHardDeleted
	case h.deleted != nil && h.said == directory.PresenceHardDeleted:
		v.lasting = true
	case h.deleted != nil && h.said != directory.PresenceUnknown && p.run.counts(*h.deleted):
		v.is = directory.PresenceContradicted
	case h.said == directory.PresenceOutOfScope:
		// What deltas reported was applied on top of what was read.
		reported := p.source.reportedOut[pair.ID] || h.reported != nil
		v.lasting = reported || h.excluded || !p.course.mayBeInScope(pair.ID)
	}
	if h.absent != nil && v.is == h.said && presenceOf(h.absent) == h.said && !p.run.counts(*h.absent) {
		v.lasting = true
	}
	return v
}

// mustAskAgain reports whether another answer is needed before the group can be left
// alone or removed.
func (p *planner) mustAskAgain(pair *plan.Pair, v verdict) bool {
	switch v.is {
	case directory.PresenceHardDeleted:
		return !v.lasting
	case directory.PresenceSoftDeleted:
		return p.course.judge.Rules.RemoveSoftDeleted && linked(pair) && !v.lasting
	case directory.PresenceOutOfScope:
		return p.course.judge.Rules.RemoveOutOfScope && linked(pair) && !v.lasting
	}
	return true
}

func presenceOf(n *contract.Note) (p directory.Presence) {
	_ = json.Unmarshal(n.Report, &p)
	return p
}

// notes notes since when the tenant has given the same answer about the group. A group
// that has just left the scope, judging by what was read, is read once more when the lag
// is over: no delta reports one that was deleted and restored in between.
func (h *heard) notes(id directory.GUID, v verdict, now time.Time, counts func(contract.Note) bool) (notes []contract.Note, err error) {
	switch {
	case h.said == directory.PresenceUnknown:
	case h.said == directory.PresenceFound && h.absent != nil:
		notes = append(notes, contract.Note{Kind: contract.NoteAbsent, ID: id})
	case h.said != directory.PresenceFound && (h.absent == nil || presenceOf(h.absent) != h.said):
		reported, err := json.Marshal(h.said)
		if err != nil {
			return nil, err
		}
		notes = append(notes, contract.Note{Kind: contract.NoteAbsent, ID: id, At: now, Report: reported})
	}
	if h.deleted != nil && h.said != directory.PresenceUnknown && h.said != directory.PresenceHardDeleted && !counts(*h.deleted) {
		notes = append(notes, contract.Note{Kind: contract.NoteDeleted, ID: id}) // it exists after all
	}
	if h.before && !v.wait && (v.is == directory.PresenceSoftDeleted || v.is == directory.PresenceOutOfScope) {
		notes = append(notes, contract.Note{Kind: contract.NoteRead, ID: id, At: now})
	}
	return notes, nil
}
