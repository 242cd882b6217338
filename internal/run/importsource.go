package run

import (
	"context"
	"fmt"
	"time"

	"groupwriteback/internal/batch"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// sourceImport reads the tenant: the groups in scope and their members, or what has
// changed about them. The source either completes a reading or fails: a broken read is
// never an instruction.
type sourceImport struct {
	run    *run
	course *course
	whole  bool // everything is read, not only the changes
	// touched has the groups that a Delta run looks at.
	touched touched

	// links are the links for the next run. began is when the last full import began, and
	// settled is whether it covered what lagging replicas may have hidden (rule 11).
	links   contract.DeltaLinks
	began   time.Time
	settled bool
	// resumed means that this run continues with the members that an earlier run read.
	resumed bool

	// shown counts the groups that the tenant returned. selected counts those of them
	// that are in scope if the filter is ignored.
	shown, selected int
	// unseen has the groups that were asked for and that the tenant did not return.
	unseen map[directory.GUID]bool
	// reportedOut has the groups that left the scope according to a delta entry.
	reportedOut map[directory.GUID]bool
	// reread has the groups whose members this run has read, and readUsers reports whether
	// it has read how any user joins. What deltas reported must be applied to both.
	reread    map[directory.GUID]bool
	readUsers bool
	// deletedUsers has the users whose deletion a delta reported within the lag; nil: not
	// looked up yet.
	deletedUsers map[directory.GUID]bool
	// sawMembers, if set, is called with each page of members that is staged.
	sawMembers func(contract.MemberPage)
}

func newSourceImport(c *course) *sourceImport {
	return &sourceImport{run: c.run, course: c, touched: touched{}, began: c.watermark.Initial, settled: c.watermark.Settled,
		unseen: map[directory.GUID]bool{}, reportedOut: map[directory.GUID]bool{}, reread: map[directory.GUID]bool{}}
}

// importGroups is the step in which a full import lists the groups.
func importGroups(ctx context.Context, c *course) (*sourceImport, error) {
	r := newSourceImport(c)
	r.whole = true
	return r, r.list(ctx)
}

// list stages every group of the tenant that is in scope. It requests the delta links
// first: importMembers catches up with changes from here on once everything is read. A
// run that continues an earlier reading uses the links of that reading.
func (r *sourceImport) list(ctx context.Context) error {
	reading, from, err := r.keptReading(ctx)
	if err != nil {
		return err
	}
	if from == 0 {
		began := r.run.now().UTC()
		if reading.Links, err = r.run.source.StartDelta(ctx); err != nil {
			return fmt.Errorf("requesting delta links: %w", err)
		}
		reading.Links.Taken, reading.Links.Projection = began, r.run.ground.Projection
	}
	r.links, r.began = reading.Links, reading.Links.Taken
	err = r.run.source.Groups(ctx, r.course.selection, func(page []directory.SourceGroup) error {
		for i := range page {
			r.sawGroup(&page[i])
		}
		reported, err := r.asReported(ctx, page)
		if err != nil {
			return err
		}
		inScope := r.course.inScope(reported)
		r.run.record.SourceGroups += len(inScope)
		r.run.meter.At(r.run.record.SourceGroups, 0, "Reading the groups of the tenant")
		return r.run.gen.StageSourceGroups(ctx, inScope)
	})
	if err != nil {
		return fmt.Errorf("reading the groups of the tenant: %w", err)
	}
	if err := r.run.readAgain(ctx, contract.NoteListed, []directory.GUID{r.course.sourceID.TenantID}); err != nil {
		return err
	}
	if err := r.goOn(ctx, from); err != nil {
		return err
	}
	return r.readReported(ctx)
}

// sawGroup counts a group that the tenant returned, in scope or not.
func (r *sourceImport) sawGroup(g *directory.SourceGroup) {
	r.shown++
	selection := r.course.scope
	selection.Filter = nil
	if selection.Holds(g) {
		r.selected++
	}
}

// importMembers is the step in which a full import reads the members of the listed
// groups.
func importMembers(ctx context.Context, r *sourceImport) (*sourceImport, error) {
	if err := r.readAllMembers(ctx); err != nil {
		return r, err
	}
	return r, r.readMailSettings(ctx)
}

// readAllMembers stages the members of every group whose members may be read, and then
// what has changed in the meantime.
func (r *sourceImport) readAllMembers(ctx context.Context) error {
	groups, err := r.memberOrder(ctx)
	if err != nil {
		return err
	}
	if err := r.readMembers(ctx, groups); err != nil {
		return err
	}
	if err := r.run.readAgain(ctx, contract.NoteNewMember, []directory.GUID{r.course.sourceID.TenantID}); err != nil {
		return err
	}
	if r.run.found.expired { // the next run continues from the links that were taken first
		r.settled = false
	} else if err := r.catchUp(ctx); err != nil {
		if r.resumed && contract.HasID(err, "DeltaLinkExpired") {
			return r.beginAnew(ctx)
		}
		return err
	}
	if err := r.readOwners(ctx); err != nil {
		return err
	}
	return r.putReported(ctx)
}

// readMembers stages the members of groups about which nothing is staged yet. If the
// access token expires, the remaining groups stay incomplete and the next run begins with
// them.
func (r *sourceImport) readMembers(ctx context.Context, groups []directory.GUID) error {
	staging := ctx
	pages := batch.New(batch.StageGroups, func(pages []contract.MemberPage) error { return r.stageMembers(staging, pages) })
	pages.Weight = func(page contract.MemberPage) int { return len(page.Members) }
	done, read := 0, map[directory.GUID]bool{}
	for _, id := range groups {
		r.reread[id], r.readUsers = true, true
	}
	if err := r.recallDeleted(ctx); err != nil {
		return err
	}
	err := r.run.source.Members(ctx, groups, func(page contract.MemberPage) error {
		page.Members = r.withoutDeleted(page.Members)
		if contract.HasID(page.Err, contract.StopAccessTokenExpired) {
			r.run.found.expired = true
		}
		if page.Last || page.Err != nil {
			read[page.Group] = true
			done++
			r.run.meter.At(done, len(groups), "Reading members")
		}
		if r.sawMembers != nil {
			r.sawMembers(page)
		}
		return pages.Add(page)
	})
	if contract.HasID(err, contract.StopAccessTokenExpired) {
		r.run.found.expired = true
		expired := err
		err = nil
		for _, g := range groups {
			if !read[g] && err == nil {
				err = pages.Add(contract.MemberPage{Group: g, Err: expired})
			}
		}
	}
	// Keep what was read, whatever ended the reading.
	staging = context.WithoutCancel(ctx)
	if flushed := pages.Flush(); err == nil {
		err = flushed
	}
	if err != nil {
		return fmt.Errorf("reading members: %w", err)
	}
	return nil
}

func (r *sourceImport) stageMembers(ctx context.Context, pages []contract.MemberPage) error {
	var users []directory.GUID
	for i := range pages {
		for _, m := range pages[i].Members {
			if m.Kind == directory.KindUser {
				users = append(users, m.ID)
			}
		}
	}
	if err := r.meet(ctx, users); err != nil {
		return err
	}
	return r.run.gen.StageMembers(ctx, pages)
}

// memberOrder lists the groups whose members are to be read, without those that an
// earlier run has read already. Groups whose members the last committed run could not
// read come first.
func (r *sourceImport) memberOrder(ctx context.Context) ([]directory.GUID, error) {
	first, err := map[directory.GUID]bool(nil), error(nil)
	if r.run.base != 0 {
		if first, err = incomplete(ctx, r.run.before); err != nil {
			return nil, err
		}
	}
	unread, err := incomplete(ctx, r.run.gen)
	if err != nil {
		return nil, err
	}
	var ahead, others []directory.GUID
	for g, err := range batch.Items(ctx, batch.ListBatch, r.run.gen.SourceGroups, groupID) {
		if err != nil {
			return nil, err
		}
		switch {
		case r.course.hidden(&g):
		case !unread[g.ID]:
			r.reread[g.ID] = true
		case first[g.ID]:
			ahead = append(ahead, g.ID)
		default:
			others = append(others, g.ID)
		}
	}
	return append(ahead, others...), nil
}
