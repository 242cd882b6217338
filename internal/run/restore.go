package run

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"groupwriteback/internal/batch"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/identity"
	"groupwriteback/internal/owner"
	"groupwriteback/internal/plan"
)

// RestoreRequest names what to bring back. If neither RunID nor Path is set, each group is
// looked for in the undo files of all runs, the newest first.
type RestoreRequest struct {
	// Groups are names of groups as in [identity.Identity], as they were in the undo file;
	// empty: all groups of the file.
	Groups []string `json:"groups"`
	RunID  int64    `json:"runId"`
	Path   string   `json:"path"` // of an undo file
	// Force restores from a file that is not as a run wrote it.
	Force  bool `json:"force"`
	WhatIf bool `json:"whatIf"`
}

// RestoreResult says what became of each group.
type RestoreResult struct {
	Run    contract.Run    `json:"run"`
	Groups []RestoredGroup `json:"groups"`
}

// RestoredGroup is what became, or would become, of one group.
type RestoredGroup struct {
	ID          directory.GUID   `json:"id"`
	TargetGUID  directory.GUID   `json:"targetGuid"`
	DisplayName string           `json:"displayName"`
	DN          string           `json:"dn"`
	Way         Way              `json:"way"`
	Outcome     contract.Outcome `json:"outcome"`
	// Members is the number of members that were added; those that came back with an object
	// from the recycle bin are not among them.
	Members int `json:"members"`
	// Lost are attributes and properties of the former object that do not come back.
	Lost []string `json:"lost"`
	// Held says that the group is on hold, because the next sync would change it, or
	// because that is not known.
	Held    bool   `json:"held"`
	Path    string `json:"path"` // the undo file
	ErrorID string `json:"errorId"`
	Message string `json:"message"`
}

// Way is how a group is brought back.
type Way string

// The ways. The first one loses nothing, the second keeps objectGUID, SID and permissions.
const (
	WayRecycleBin Way = "RecycleBin"
	WayTombstone  Way = "Tombstone"
	WayNewObject  Way = "NewObject"
	WayMembers    Way = "Members" // the object is there; members are added
	WayNone       Way = "None"    // the object has all that the file has
)

var (
	undoneStep  = stepName{"ReadUndo", "Reading what was deleted and removed"}
	remainsStep = stepName{"Look", "Looking at what is left in Active Directory"}
	holdStep    = stepName{"Hold", "Putting the groups on hold"}
)

// maxRestored is how many groups one request restores. The answer names each of them and is
// one line of at most 1 MiB.
const maxRestored = 1000

// restoration is a restore in progress.
type restoration struct {
	run     *run
	request RestoreRequest
	agreed  func([]RestoredGroup) error
	account string
	owner   directory.SID
	files   []*undoFile
	groups  []*restored
}

// restored is a group that is restored.
type restored struct {
	undone
	file   *undoFile
	found  remains
	result RestoredGroup
	// changed says that the directory or the link was changed, or may have been.
	changed bool
	// compared says that the hold of the group is that of a restore, this one or a former one,
	// and ends if the next sync would leave the group as it is.
	compared bool
}

// Restoring is what a restore is given to work with, beside its ground.
type Restoring struct {
	// Account is who asks for it. Agreed is called with what will be done, before anything is
	// changed; an error ends the restore.
	Account string
	// Owner is the account of the syncs, whose objects are ours, if it is known.
	Owner  directory.SID
	Agreed func([]RestoredGroup) error
	// Next is the ground of the next sync, with which the result is compared; nil if none is
	// possible now.
	Next *Ground
}

// Restore brings back what runs deleted and removed (rule 64). Errors before a record is
// made: GroupNotFound, GroupAmbiguous, RunNotFound, NothingToRestore, UndoFileUnreadable,
// UndoFileInvalid, UndoFileChanged, DeletedNotVisible. What cannot be done for a single
// group is in its result.
func Restore(ctx context.Context, g *Ground, request RestoreRequest, with Restoring) (RestoreResult, error) {
	kind := contract.RestoreRun
	if request.WhatIf {
		kind = contract.PreviewRun
	}
	x := &restoration{run: newRun(ctx, g, kind), request: request, agreed: with.Agreed, account: with.Account, owner: with.Owner}
	x.run.record.PolicyType = "" // nothing is imported
	defer x.close()
	x.run.meter.Expects(4)
	x.run.meter.Begin(undoneStep.id, undoneStep.says)
	if err := x.choose(ctx); err != nil {
		return RestoreResult{}, err
	}
	if n := len(x.groups); n > maxRestored {
		return RestoreResult{}, contract.InvalidParameter("groups", directory.Count(n, "group"), fmt.Sprintf("at most %s in one request; name them with -Group", directory.Count(maxRestored, "group")))
	}
	x.run.meter.Begin(remainsStep.id, remainsStep.says)
	if err := x.look(ctx); err != nil {
		return RestoreResult{}, err
	}
	var result RestoreResult
	var err error
	result.Run, err = x.run.walk(ctx, func(ctx context.Context, s *steps) {
		planned := step(ctx, s, planStep, planRestore, x)
		if !request.WhatIf {
			held := step(ctx, s, holdStep, holdFirst, planned)
			step(ctx, s, exportStep, bringBack, held)
		}
	})
	if !request.WhatIf && err == nil {
		err = x.release(ctx, with.Next)
	}
	return RestoreResult{Run: result.Run, Groups: x.results()}, err
}

func (x *restoration) results() []RestoredGroup {
	results := make([]RestoredGroup, len(x.groups))
	for i, r := range x.groups {
		results[i] = r.result
	}
	return results
}

func (x *restoration) close() {
	for _, f := range x.files {
		f.close()
	}
}

// choose finds the groups in the undo files.
func (x *restoration) choose(ctx context.Context) error {
	switch {
	case x.request.RunID != 0:
		of, err := x.run.state.Run(ctx, x.request.RunID)
		if err != nil {
			return err
		}
		if of.UndoFile == "" {
			return &contract.Error{Category: contract.InvalidArgument, ID: "NothingToRestore", Object: fmt.Sprintf("run %d", of.ID),
				Message: "The run deleted no group and removed no member.", Advice: "List the runs with Get-GroupWritebackRun: those that can be undone have an UndoFile."}
		}
		return x.chooseFrom(ctx, of.UndoFile, of)
	case x.request.Path != "":
		return x.chooseFrom(ctx, x.request.Path, contract.Run{})
	case len(x.request.Groups) == 0:
		return contract.InvalidParameter("groups", "", "a group, a run or an undo file")
	}
	open := x.request.Groups
	var unread error
	for of, err := range Newest(ctx, x.run.state, 0) {
		if err != nil {
			return err
		}
		if of.UndoFile == "" {
			continue
		}
		left, err := x.pick(ctx, of.UndoFile, of, open)
		switch {
		case err == nil:
			open = left
		case contract.HasID(err, "UndoFileUnreadable") || contract.HasID(err, "UndoFileChanged") || contract.HasID(err, "UndoFileInvalid"):
			x.run.warn("undo file not used", "run", of.ID, "file", of.UndoFile, "error", err)
			unread = cmp.Or(unread, err)
		default:
			return err
		}
		if len(open) == 0 {
			return nil
		}
	}
	if unread != nil { // the group may be in that file
		return unread
	}
	return notUndone(open[0], "any run")
}

func notUndone(group, where string) error {
	return &contract.Error{Category: contract.ObjectNotFound, ID: "GroupNotFound", Object: group,
		Message: "No group of that name was deleted by " + where + " or lost members there, as far as undo files tell.",
		Advice:  "List the runs with Get-GroupWritebackRun, and name one with an UndoFile with -RunId. Undo files are kept as long as the records of runs."}
}

// chooseFrom takes the groups from one file: those that are named, or all.
func (x *restoration) chooseFrom(ctx context.Context, path string, of contract.Run) error {
	open, err := x.pick(ctx, path, of, x.request.Groups)
	if err == nil && len(open) > 0 {
		err = notUndone(open[0], path)
	}
	return err
}

// pick takes the groups with these names from a file, or all groups if there are no names,
// and returns the names that it does not have.
func (x *restoration) pick(ctx context.Context, path string, of contract.Run, wanted []string) (open []string, err error) {
	f, err := openUndo(ctx, x.run.state, path, of, x.request.Force)
	if err != nil {
		return nil, err
	}
	chosen := len(x.groups)
	defer func() {
		if len(x.groups) > chosen {
			x.files = append(x.files, f)
		} else {
			f.close()
		}
	}()
	best, ranks := make([][]*restored, len(wanted)), make([]int, len(wanted))
	identities := make([]identity.Identity, len(wanted))
	for i, text := range wanted {
		if identities[i], err = identity.Identify("groups", text); err != nil {
			return nil, err
		}
	}
	first := map[directory.GUID]*restored{}
	err = f.read(ctx, func(u *undone, _ []directory.GUID) error {
		if r := first[u.GUID]; r != nil { // more of its members
			r.members += u.members
			return nil
		}
		r := &restored{undone: *u, file: f}
		first[u.GUID] = r
		if len(wanted) == 0 {
			x.groups = append(x.groups, r)
		}
		names := u.names()
		for i := range identities {
			rank := identities[i].Rank(&names)
			if rank > ranks[i] {
				ranks[i], best[i] = rank, nil
			}
			if rank > 0 && rank == ranks[i] {
				best[i] = append(best[i], r)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i, found := range best {
		var called []string
		for _, r := range found {
			if r.GUID != found[0].GUID {
				called = append(called, r.DN)
			}
		}
		switch {
		case len(found) == 0:
			open = append(open, wanted[i])
		case called != nil:
			return nil, identity.Ambiguous(wanted[i], append([]string{found[0].DN}, called...))
		default:
			for _, r := range found {
				if !slices.ContainsFunc(x.groups, func(other *restored) bool { return other.GUID == r.GUID }) {
					x.groups = append(x.groups, r)
				}
			}
		}
	}
	return open, nil
}

// remains is what there is of a group in the directory.
type remains struct {
	now      *directory.TargetGroup // the object itself
	linked   bool                   // it is linked
	ours     bool                   // it is ours as rule 2 decides
	left     *contract.DeletedGroup // what is left of the deleted object
	standing *directory.TargetGroup // another object that stands for the cloud group
	parent   contract.Container     // where it comes back
	noParent error                  // why it cannot
	holder   *contract.Holder       // of one of its names
}

// look reads what there is of the groups.
func (x *restoration) look(ctx context.Context) error {
	judge, err := x.judge(ctx)
	if err != nil {
		return err
	}
	for groups := range slices.Chunk(x.groups, batch.AskBatch) {
		if err := x.lookAt(ctx, groups, judge); err != nil {
			return err
		}
	}
	return x.lookForNames(ctx)
}

func (x *restoration) lookAt(ctx context.Context, groups []*restored, judge *owner.Judge) error {
	var guids, ids []directory.GUID
	for _, r := range groups {
		guids, ids = append(guids, r.GUID), append(ids, r.id)
	}
	links, err := x.run.state.LinksOf(ctx, ids)
	if err != nil {
		return err
	}
	there := map[directory.GUID]*directory.TargetGroup{}
	for _, asked := range [][]directory.GUID{guids, contract.Targets(links)} {
		now, err := owner.Headers(ctx, x.run.target, asked)
		if err != nil {
			return err
		}
		for i := range now {
			there[now[i].GUID] = &now[i]
		}
	}
	var missing []directory.GUID
	for _, r := range groups {
		if r.found.now = there[r.GUID]; r.found.now == nil && r.action == plan.Delete {
			missing = append(missing, r.GUID)
		}
		for _, l := range links {
			switch {
			case l.SourceID != r.id:
			case l.TargetGUID == r.GUID:
				r.found.linked = true
			default:
				r.found.standing = there[l.TargetGUID]
			}
		}
	}
	if err := decide(ctx, groups, judge); err != nil {
		return err
	}
	if len(missing) == 0 {
		return nil
	}
	deleted, err := x.run.target.Deleted(ctx, missing)
	if err != nil {
		return err
	}
	for _, r := range groups {
		for i := range deleted {
			if deleted[i].GUID == r.GUID && r.found.now == nil {
				r.found.left = &deleted[i]
			}
		}
	}
	return nil
}

// judge returns who decides whether the objects that are there are ours.
func (x *restoration) judge(ctx context.Context) (*owner.Judge, error) {
	containers, err := owner.FindRemainingContainers(ctx, x.run.target, &x.run.settings)
	if err != nil {
		return nil, err
	}
	judge, err := owner.NewJudge(x.run.target, &x.run.ground.TargetID, &x.run.settings, containers)
	if err == nil && x.owner != "" { // the restore may have signed in as somebody else
		judge.Rules.TrustedOwners = append(judge.Rules.TrustedOwners, x.owner)
	}
	return judge, err
}

// decide notes which of the objects that are there are ours.
func decide(ctx context.Context, groups []*restored, judge *owner.Judge) error {
	var there []contract.StagedTarget
	for _, r := range groups {
		if r.found.now != nil {
			there = append(there, contract.StagedTarget{TargetGroup: *r.found.now, Linked: r.found.linked})
		}
	}
	if err := judge.Ask(ctx, there); err != nil {
		return err
	}
	for _, r := range groups {
		if r.found.now == nil {
			continue
		}
		c, err := judge.Candidate(ctx, &contract.StagedTarget{TargetGroup: *r.found.now, Linked: r.found.linked})
		if err != nil {
			return err
		}
		r.found.ours = c.Ours(r.id, &judge.Rules)
	}
	return nil
}

// lookForNames finds the containers of the objects that come back, and who has their names
// now.
func (x *restoration) lookForNames(ctx context.Context) error {
	type place struct {
		container contract.Container
		err       error
		groups    []*restored
	}
	places := map[string]*place{}
	for _, r := range x.groups {
		if r.found.now != nil || r.action != plan.Delete {
			continue
		}
		dn, guid := r.parent.String(), directory.GUID{}
		if r.found.left != nil && !r.found.left.Parent.GUID.IsZero() {
			dn, guid = "", r.found.left.Parent.GUID // it may have another name now
		}
		key := dn + guid.String()
		at := places[key]
		if at == nil {
			at = &place{}
			if at.container, at.err = x.run.target.Container(ctx, dn, guid); at.err == nil {
				at.err = at.container.Protected(&x.run.ground.TargetID)
			}
			if at.err != nil && fatal(at.err) {
				return at.err
			}
			places[key] = at
		}
		r.found.parent, r.found.noParent = at.container, at.err
		at.groups = append(at.groups, r)
	}
	for _, at := range places {
		if at.err != nil {
			continue
		}
		for groups := range slices.Chunk(at.groups, batch.NameBatch) {
			names := make([]contract.Name, len(groups))
			for i, r := range groups {
				names[i] = contract.Name{CN: r.CN, SAMAccountName: r.SAMAccountName}
			}
			holders, err := x.run.target.Holders(ctx, at.container.GUID, names)
			if err != nil {
				return err
			}
			for _, r := range groups {
				r.found.holder = holderOf(holders, r)
			}
		}
	}
	return nil
}

// holderOf returns the object that has a name of the group.
func holderOf(holders []contract.Holder, r *restored) *contract.Holder {
	for i := range holders {
		h := &holders[i]
		if directory.SameName(h.CN, r.CN) || r.SAMAccountName != "" && directory.SameName(h.SAMAccountName, r.SAMAccountName) {
			return h
		}
	}
	return nil
}

// label names a group for people.
func (r *restored) label() string { return cmp.Or(r.Label(), r.DN) }
