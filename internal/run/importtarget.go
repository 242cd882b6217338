package run

import (
	"context"
	"fmt"
	"slices"

	"groupwriteback/internal/batch"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/owner"
	"groupwriteback/internal/plan"
)

// lookup is how many groups are read by objectGUID in one call.
const lookup = 50

// targetImport reads Active Directory: the groups that concern us, or what has changed
// about them.
type targetImport struct {
	run    *run
	course *course
	source *sourceImport
	// lost has the links, by cloud group, whose objects are nowhere in the domain.
	lost map[directory.GUID]contract.Link
}

func newTargetImport(source *sourceImport) *targetImport {
	return &targetImport{run: source.run, course: source.course, source: source}
}

// importContainers is the step in which a full import reads the groups in AD.
func importContainers(ctx context.Context, source *sourceImport) (*targetImport, error) {
	r := newTargetImport(source)
	return r, r.readContainers(ctx)
}

// importTargetChanges is the step in which a Delta run reads the changes in AD.
func importTargetChanges(ctx context.Context, source *sourceImport) (*targetImport, error) {
	r := newTargetImport(source)
	return r, r.readChanges(ctx)
}

// readContainers stages every marked group of the containers. It then looks up the linked
// objects that are not there (rule 5) and those that were once linked. A linked object
// that is nowhere in the domain is lost. Groups elsewhere with our stamp are staged too,
// because a lost state knows none of them.
func (r *targetImport) readContainers(ctx context.Context) error {
	stage := r.staging(ctx)
	add := func(g directory.TargetGroup) error {
		r.run.record.TargetGroups++
		r.run.meter.At(r.run.record.TargetGroups, 0, "Reading the groups in Active Directory")
		return stage.Add(g)
	}
	for _, container := range r.course.judge.Outermost() {
		if err := r.run.target.Groups(ctx, container.GUID, contract.WithMembers, add); err != nil {
			return fmt.Errorf("reading the groups in %s: %w", container.DN, err)
		}
	}
	if err := stage.Flush(); err != nil {
		return err
	}

	if err := r.importLinked(ctx, stage); err != nil {
		return err
	}
	r.run.record.MissingGroups = len(r.lost)
	if err := r.importFormer(ctx, stage); err != nil {
		return err
	}
	return r.importStamped(ctx, stage)
}

// importLinked stages the linked objects that are in none of the containers. A linked
// object that is nowhere in the domain is lost.
func (r *targetImport) importLinked(ctx context.Context, stage *batch.Batch[directory.TargetGroup]) error {
	r.lost = map[directory.GUID]contract.Link{}
	for links, err := range batch.Pages(ctx, lookup, r.run.gen.UnstagedLinks, contract.Link.Target) {
		if err != nil {
			return err
		}
		for _, l := range links {
			r.lost[l.SourceID] = l
		}
		err = r.run.target.GroupsByGUID(ctx, contract.Targets(links), contract.WithMembers, func(g directory.TargetGroup) error {
			for _, l := range links {
				if l.TargetGUID == g.GUID {
					delete(r.lost, l.SourceID)
				}
			}
			return stage.Add(g)
		})
		if err != nil {
			return fmt.Errorf("reading the linked groups: %w", err)
		}
		if err := stage.Flush(); err != nil {
			return err
		}
	}
	return nil
}

// importFormer stages objects that were once linked and that are in none of the
// containers or have lost their mark: they may have been restored.
func (r *targetImport) importFormer(ctx context.Context, stage *batch.Batch[directory.TargetGroup]) error {
	for links, err := range batch.Pages(ctx, lookup, r.run.state.FormerLinks, contract.Link.Target) {
		if err != nil {
			return err
		}
		guids := contract.Targets(links)
		staged, err := r.run.gen.StagedTargets(ctx, guids)
		if err != nil {
			return err
		}
		for i := range staged {
			guids = slices.DeleteFunc(guids, func(g directory.GUID) bool { return g == staged[i].GUID })
		}
		if err := r.run.target.GroupsByGUID(ctx, guids, contract.WithMembers, stage.Add); err != nil {
			return fmt.Errorf("reading the formerly linked groups: %w", err)
		}
	}
	return stage.Flush()
}

// importStamped stages the groups outside of the containers that carry our stamp and are
// not linked.
func (r *targetImport) importStamped(ctx context.Context, stage *batch.Batch[directory.TargetGroup]) error {
	found := batch.New(lookup, func(guids []directory.GUID) error {
		staged, err := r.run.gen.StagedTargets(ctx, guids)
		if err != nil {
			return err
		}
		guids = slices.DeleteFunc(guids, func(guid directory.GUID) bool {
			return slices.ContainsFunc(staged, func(s contract.StagedTarget) bool { return s.GUID == guid })
		})
		return r.run.target.GroupsByGUID(ctx, guids, contract.WithMembers, stage.Add)
	})
	err := r.run.target.StampedGroups(ctx, directory.Stamp(r.course.judge.Rules.TenantID), func(g directory.TargetGroup) error {
		if place, _ := r.course.judge.Place(g.DN); place != plan.Elsewhere {
			return nil // already read
		}
		return found.Add(g.GUID)
	})
	if err == nil {
		err = found.Flush()
	}
	if err != nil {
		return fmt.Errorf("finding the groups with our stamp in the domain: %w", err)
	}
	return stage.Flush()
}

// concerns reports whether an unlinked group must be looked at: it is marked, and it is
// in a container or stamped.
func (r *course) concerns(g *directory.TargetGroup) bool {
	place, _ := r.judge.Place(g.DN)
	return g.Marked() && (place != plan.Elsewhere || directory.HasStamp(g.ExtensionName, r.judge.Rules.TenantID))
}

// readChanges stages our groups, and the marked groups in a container, that were changed
// or deleted since the last committed run.
func (r *targetImport) readChanges(ctx context.Context) error {
	if usn := r.course.targetID.HighestUSN; usn > 0 && usn == r.course.watermark.SearchedUSN {
		return r.readPendingTargets(ctx) // the domain controller has committed nothing since
	}
	sift := batch.New(batch.ListBatch, func(headers []directory.TargetGroup) error { return r.siftChanged(ctx, headers) })
	if err := r.run.target.ChangedGroups(ctx, r.course.watermark.SearchedUSN, sift.Add); err != nil {
		return fmt.Errorf("reading the changes in the domain: %w", err)
	}
	if err := sift.Flush(); err != nil {
		return err
	}
	var err error
	if r.course.targetID.DeletedVisible {
		gone := batch.New(batch.ListBatch, func(guids []directory.GUID) error { return r.stageGone(ctx, guids) })
		if err = r.run.target.DeletedGroups(ctx, r.course.watermark.SearchedUSN, gone.Add); err == nil {
			err = gone.Flush()
		}
	} else {
		err = r.findDeleted(ctx)
	}
	if err != nil {
		return fmt.Errorf("reading the deleted groups: %w", err)
	}
	return r.readPendingTargets(ctx)
}

// siftChanged reads the groups that concern us and skips the echoes of our own writes
// (rule 13). A group on demand is always read, because a value may disappear without a
// new uSN.
func (r *targetImport) siftChanged(ctx context.Context, headers []directory.TargetGroup) error {
	guids := make([]directory.GUID, len(headers))
	for i := range headers {
		guids[i] = headers[i].GUID
	}
	known, err := r.known(ctx, guids)
	if err != nil {
		return err
	}
	var read []directory.GUID
	for i := range headers {
		g := &headers[i]
		staged, ok := known[g.GUID]
		switch {
		case ok && staged.USNChanged == g.USNChanged && !r.run.single:
		case ok || r.course.concerns(g):
			read = append(read, g.GUID)
		}
	}
	return r.readTargets(ctx, read, known)
}

// known returns what is staged about these objects. For an object that is not staged but
// is or was linked, it returns what the link says.
func (r *targetImport) known(ctx context.Context, guids []directory.GUID) (map[directory.GUID]contract.StagedTarget, error) {
	known := map[directory.GUID]contract.StagedTarget{}
	former, err := r.run.state.FormerLinksTo(ctx, guids)
	if err != nil {
		return nil, err
	}
	for _, l := range former {
		known[l.TargetGUID] = contract.StagedTarget{SourceID: l.SourceID, Former: true, TargetGroup: directory.TargetGroup{GUID: l.TargetGUID, DN: l.DN}}
	}
	links, err := r.run.state.LinksTo(ctx, guids)
	if err != nil {
		return nil, err
	}
	for _, l := range links {
		known[l.TargetGUID] = contract.StagedTarget{SourceID: l.SourceID, Linked: true, Adopted: l.Adopted, TargetGroup: directory.TargetGroup{GUID: l.TargetGUID, DN: l.DN}}
	}
	staged, err := r.run.gen.StagedTargets(ctx, guids)
	for _, s := range staged {
		known[s.GUID] = s
	}
	return known, err
}

// readTargets stages these objects whole, as they are now.
func (r *targetImport) readTargets(ctx context.Context, guids []directory.GUID, known map[directory.GUID]contract.StagedTarget) error {
	stage := r.staging(ctx)
	for batch := range slices.Chunk(guids, lookup) {
		gone := slices.Clone(batch)
		err := r.run.target.GroupsByGUID(ctx, batch, contract.WithMembers, func(g directory.TargetGroup) error {
			r.run.record.TargetGroups++
			r.run.meter.At(r.run.record.TargetGroups, 0, "Reading the changes in Active Directory")
			before := known[g.GUID]
			r.source.touched.add(before.SourceID, touchedByTarget)
			id, marked := g.SourceID()
			if !before.Linked && !before.Former && !r.course.concerns(&g) {
				return nil // it no longer concerns us
			}
			if marked {
				r.source.touched.add(id, touchedByTarget)
			}
			gone = slices.DeleteFunc(gone, func(guid directory.GUID) bool { return guid == g.GUID })
			return stage.Add(g)
		})
		if err != nil {
			return fmt.Errorf("reading %s after a change in Active Directory: %w", directory.Count(len(batch), "group"), err)
		}
		if err := stage.Flush(); err != nil {
			return err
		}
		if err := r.stageGone(ctx, gone); err != nil {
			return err
		}
	}
	return nil
}

// staging stages groups with their members, only a few at a time if they are large, so
// the largest group bounds the memory.
func (r *targetImport) staging(ctx context.Context) *batch.Batch[directory.TargetGroup] {
	b := batch.New(batch.StageGroups, func(groups []directory.TargetGroup) error { return r.stageTargets(ctx, groups) })
	b.Weight = func(g directory.TargetGroup) int { return len(g.Members) }
	return b
}

// stageTargets stages groups that were read whole.
func (r *targetImport) stageTargets(ctx context.Context, groups []directory.TargetGroup) error {
	for i := range groups {
		if r.course.otherServer {
			groups[i].USNChanged = 0
		}
	}
	return r.run.gen.StageTargetGroups(ctx, groups)
}

// stageGone stages that objects are gone, or no longer concern us.
func (r *targetImport) stageGone(ctx context.Context, guids []directory.GUID) error {
	known, err := r.known(ctx, guids)
	if err != nil {
		return err
	}
	var gone []directory.GUID
	for guid, before := range known {
		r.source.touched.add(before.SourceID, touchedByTarget)
		gone = append(gone, guid)
	}
	return r.run.gen.StageGoneTargets(ctx, gone)
}

// findDeleted finds deleted objects if tombstones are not visible: it lists the
// containers completely and looks up each linked object that the list lacks (rule 9).
func (r *targetImport) findDeleted(ctx context.Context) error {
	listed := map[directory.GUID]bool{}
	for _, container := range r.course.judge.Outermost() {
		err := r.run.target.MarkedGroups(ctx, container.GUID, func(guid directory.GUID) error {
			listed[guid] = true
			return nil
		})
		if err != nil {
			return err
		}
	}
	for links, err := range batch.Pages(ctx, batch.AskBatch, r.run.state.Links, contract.Link.Target) {
		if err != nil {
			return err
		}
		var lacking []directory.GUID
		for _, l := range links {
			if !listed[l.TargetGUID] {
				lacking = append(lacking, l.TargetGUID)
			}
		}
		if err := r.stageMissing(ctx, lacking); err != nil {
			return err
		}
	}
	return nil
}

// stageMissing stages as gone those of the objects, at most askBatch, that do not exist.
func (r *targetImport) stageMissing(ctx context.Context, guids []directory.GUID) error {
	if len(guids) == 0 {
		return nil
	}
	there, err := owner.Headers(ctx, r.run.target, guids)
	if err != nil {
		return err
	}
	return r.stageGone(ctx, slices.DeleteFunc(guids, func(guid directory.GUID) bool {
		return slices.ContainsFunc(there, func(g directory.TargetGroup) bool { return g.GUID == guid })
	}))
}

// readPendingTargets looks again at the objects of the pending groups: an object that is
// not linked leaves no trace when it is deleted.
func (r *targetImport) readPendingTargets(ctx context.Context) error {
	var pending []directory.GUID
	for id, why := range r.source.touched {
		if why&touchedPending != 0 {
			pending = append(pending, id)
		}
	}
	slices.SortFunc(pending, directory.GUID.Compare)
	for ids := range slices.Chunk(pending, batch.ListBatch) {
		if err := r.readStanding(ctx, ids); err != nil {
			return err
		}
	}
	return nil
}

// readStanding reads again the objects that stand for cloud groups, where they have
// changed.
func (r *targetImport) readStanding(ctx context.Context, ids []directory.GUID) error {
	links, err := r.run.state.LinksOf(ctx, ids)
	if err != nil {
		return err
	}
	guids := contract.Targets(links)
	for _, id := range ids {
		candidates, err := r.run.gen.Candidates(ctx, id)
		if err != nil {
			return err
		}
		for i := range candidates {
			guids = append(guids, candidates[i].GUID)
		}
	}
	for _, l := range r.run.ground.Adopts {
		if slices.Contains(ids, l.SourceID) {
			guids = append(guids, l.TargetGUID) // it may not be staged yet
		}
	}
	slices.SortFunc(guids, directory.GUID.Compare)
	guids = slices.Compact(guids)
	for batch := range slices.Chunk(guids, batch.AskBatch) {
		now, err := owner.Headers(ctx, r.run.target, batch)
		if err != nil {
			return fmt.Errorf("reading the objects of %s: %w", directory.Count(len(ids), "group"), err)
		}
		if err := r.siftChanged(ctx, now); err != nil {
			return err
		}
		there := make([]directory.GUID, len(now))
		for i := range now {
			there[i] = now[i].GUID
		}
		slices.SortFunc(there, directory.GUID.Compare)
		if err := r.stageGone(ctx, plan.Without(batch, there)); err != nil {
			return err
		}
	}
	return nil
}
