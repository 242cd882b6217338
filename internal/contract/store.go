package contract

import (
	"context"
	"encoding/json"
	"time"

	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// State is the local state of one installation.
type State interface {
	Store
	SettingsFile
	// Lock takes the operating system's lock on the state without waiting:
	// error RunInProgress. The kernel frees it when the process dies.
	Lock(ctx context.Context) (unlock func(), err error)
	// Folder is where the state stands, absolute.
	Folder() string
	Close() error
}

// Store is the local state: a cache of what can be read again from the tenant
// and from AD, and the record of runs. A generation is a run's id; what a run
// stages is invisible to others until [StagingStore.Commit] makes it current.
//
// Methods that list take the key after which to go on (zero: from the start)
// and a limit, and answer in ascending order of the key; fewer than limit
// elements means the end. All may be called from several goroutines; writers
// queue. Errors are [*Error]: StateCorrupt, StateBusy, StateDiskFull,
// StateUnusable, InternalError, or what a method names; or the context's own.
type Store interface {
	OwnerStore
	RunStore
	StagingStore
	NoteStore
	LinkStore
	SpoolStore
}

// OwnerStore tells whom the state belongs to (rule 4).
type OwnerStore interface {
	// Owner returns zero values for a new state.
	Owner(ctx context.Context) (tenant directory.GUID, domain DomainRef, err error)
	SetOwner(ctx context.Context, tenant directory.GUID, domain DomainRef) error
}

// RunStore keeps the history.
type RunStore interface {
	// BeginRun stores the record with status running and returns its id. Runs
	// that a dead process left running are closed first as failed, interrupted.
	BeginRun(ctx context.Context, run Run) (int64, error)
	// SaveRun replaces the record.
	SaveRun(ctx context.Context, run Run) error
	// Runs lists newest first; before 0 starts at the newest.
	Runs(ctx context.Context, before int64, limit int) ([]Run, error)
	Run(ctx context.Context, id int64) (Run, error)            // error RunNotFound
	RunByPlan(ctx context.Context, planID string) (Run, error) // error PlanNotFound
	PurgeRuns(ctx context.Context, olderThan time.Time) error  // runs, their changes and leftovers of their staging
	UsePlan(ctx context.Context, planID string) error          // marks a consent as used; error PlanAlreadyUsed
	CheckPlan(ctx context.Context, planID string) error        // answers as UsePlan would
	// WithdrawPlans says that what was planned up to now and was not done is not
	// what the next run would do: the settings say something else now.
	WithdrawPlans(ctx context.Context) error
	LastComplete(ctx context.Context) (run Run, ok bool, err error) // newest committed run, of one group too
	// StillRunning answers with the error RunSuperseded when the run's record no
	// longer says running, or another run has begun after it.
	StillRunning(ctx context.Context, id int64) error
}

// StagingStore holds what a run reads. A generation that was made an overlay
// stands on the current one: in every method that reads, what it has not staged
// of an object (a group of the tenant, a membership, how a member joins, a group
// of AD) is what the current generation has of it.
type StagingStore interface {
	// Overlay makes the generation an overlay, before anything is staged in it.
	// The error InternalError when there is no current generation.
	Overlay(ctx context.Context, generation int64) error

	StageSourceGroups(ctx context.Context, generation int64, groups []directory.SourceGroup) error
	// StageMembers appends pages; a page with Err marks the group's membership
	// as incomplete with the error's id as reason.
	StageMembers(ctx context.Context, generation int64, pages []MemberPage) error
	// StageTargetGroups stages groups with their whole membership; a group
	// staged twice is replaced.
	StageTargetGroups(ctx context.Context, generation int64, groups []directory.TargetGroup) error

	// StageGoneGroups says that groups of the tenant are not (or no longer) to be
	// seen in the generation, and StageGoneTargets the same of objects of AD.
	StageGoneGroups(ctx context.Context, generation int64, ids []directory.GUID) error
	StageGoneTargets(ctx context.Context, generation int64, guids []directory.GUID) error
	// ChangeMembership applies changes, in their order, to what the generation
	// has of the group's members; a removal of who is no member, or an addition
	// of who is one, changes nothing. A member of whom nothing is known yet is
	// staged as unread. A group without a membership gets one that is incomplete.
	ChangeMembership(ctx context.Context, generation int64, group directory.GUID, changes []MemberChange) error
	// StageTargetWritten stages a group of AD as it is after a write: header
	// (Members is not looked at) with the membership that the generation has,
	// with the changes applied.
	StageTargetWritten(ctx context.Context, generation int64, header directory.TargetGroup, added, removed []directory.MemberRef) error

	// StageKnownMembers stages how these members join, of those that are known
	// as members of any group, and leaves out the others. They count as
	// unresolved again when anything that matters to the join differs from what
	// the generation has.
	StageKnownMembers(ctx context.Context, generation int64, members []directory.SourceMember) error
	// StageMembersAgain stages the named ones, where they are known as members,
	// as they are, unresolved again.
	StageMembersAgain(ctx context.Context, generation int64, ids []directory.GUID) error
	// MembersJoinedTo lists the members that the generation has joined to one of
	// these objects of AD. It looks through all members.
	MembersJoinedTo(ctx context.Context, generation int64, targets []directory.GUID) ([]directory.GUID, error)
	// StageDueMembers stages the members that are due to be asked for again, as
	// they are, unresolved: those that are unknown each time, those that were
	// not found at growing intervals.
	StageDueMembers(ctx context.Context, generation int64, now time.Time) error
	// KnownMembers returns how those of these join of whom the generation knows it.
	KnownMembers(ctx context.Context, generation int64, ids []directory.GUID) (map[directory.GUID]directory.SourceMember, error)
	// UnreadMembers lists the members that the generation itself has staged and
	// that are not readable, by id, with ID and Kind.
	UnreadMembers(ctx context.Context, generation int64, after directory.GUID, limit int) ([]directory.SourceMember, error)
	// ChangedJoins lists the members that the generation itself has staged and
	// that join to another object, or for another reason, than in the current
	// one; members that are new to the state are left out.
	ChangedJoins(ctx context.Context, generation int64) ([]directory.GUID, error)
	// GroupsWithMembers lists the groups that have one of these members.
	GroupsWithMembers(ctx context.Context, generation int64, members []directory.GUID) ([]directory.GUID, error)

	// UnresolvedMembers lists the distinct members that the generation itself
	// has staged and that have no resolution yet, by member id.
	UnresolvedMembers(ctx context.Context, generation int64, after directory.GUID, limit int) ([]directory.SourceMember, error)
	// SaveResolutions stores the answers and when each is to be asked for again.
	SaveResolutions(ctx context.Context, generation int64, resolutions []Resolution, now time.Time) error

	// SourceGroup returns one group, ok false when the generation has it not.
	SourceGroup(ctx context.Context, generation int64, id directory.GUID) (group directory.SourceGroup, ok bool, err error)
	CountSourceGroups(ctx context.Context, generation int64) (int, error)
	SourceGroups(ctx context.Context, generation int64, after directory.GUID, limit int) ([]directory.SourceGroup, error)
	// TargetGroups lists by (SourceID, GUID). Members is left out.
	TargetGroups(ctx context.Context, generation int64, after TargetKey, limit int) ([]StagedTarget, error)
	// Candidates returns the objects of AD that are linked to the cloud group or
	// carry its mark, by objectGUID, and StagedTargets those with these
	// objectGUIDs, without those that are not staged. Members is left out.
	Candidates(ctx context.Context, generation int64, source directory.GUID) ([]StagedTarget, error)
	StagedTargets(ctx context.Context, generation int64, guids []directory.GUID) ([]StagedTarget, error)
	// CountMemberships adds up the members of the linked groups in AD.
	CountMemberships(ctx context.Context, generation int64) (int, error)
	// SourceMembership returns who should be in the group, in terms of AD.
	SourceMembership(ctx context.Context, generation int64, group directory.GUID) (plan.Membership, error)
	// UnfoundAmong returns those of the objects that have the SID or the GUID of a
	// member of the group who was not found.
	UnfoundAmong(ctx context.Context, generation int64, group directory.GUID, values []directory.GUID) ([]directory.GUID, error)
	// TargetMembership returns the staged members' objectGUIDs, ascending.
	TargetMembership(ctx context.Context, generation int64, group directory.GUID) ([]directory.GUID, error)
	// MemberRefs returns the last known DN for each GUID, in their order; DN is
	// empty where none is known.
	MemberRefs(ctx context.Context, generation int64, guids []directory.GUID) ([]directory.MemberRef, error)
	// IncompleteGroups lists groups of the generation whose membership was not
	// read to its end, by id.
	IncompleteGroups(ctx context.Context, generation int64, after directory.GUID, limit int) ([]directory.GUID, error)

	// Commit makes what the generation staged current, in one transaction, with
	// the watermark and the pending set, which replaces the one before. An
	// overlay becomes part of the current generation, whose number stays; any
	// other takes its place, and the former one is removed afterwards.
	Commit(ctx context.Context, generation int64, watermark Watermark, pending []directory.GUID) error
	// Pending lists the cloud groups that the next delta run has to plan,
	// whatever has changed, ascending.
	Pending(ctx context.Context) ([]directory.GUID, error)
	// Discard removes what the generation staged (a preview, a failed run), also
	// what is kept of it.
	Discard(ctx context.Context, generation int64) error

	// KeepReading notes that the memberships that the generation stages stay, should
	// its run end without a commit or its process die: a run that reads everything
	// may go on from there. Discard, and the commit of any run, end that.
	KeepReading(ctx context.Context, generation int64, reading Reading) error
	// KeptReading returns the reading that there is to go on from, and its
	// generation; 0: none.
	KeptReading(ctx context.Context) (Reading, int64, error)
	// TakeReading moves into the generation what another has kept: the memberships
	// that were read to their end of groups that the generation has staged, how
	// members join, unresolved, and notes of what no delta tells again. The rest of
	// the other one is removed.
	TakeReading(ctx context.Context, from, generation int64) error
	Current(ctx context.Context) (generation int64, err error) // 0: none
	// Watermark returns the zero value when nothing was ever committed.
	Watermark(ctx context.Context) (Watermark, error)
}

// NoteStore keeps what is remembered because replicas of the tenant lag behind
// (rule 11). What a run notes holds for itself at once, and for the runs to come
// from its commit on.
type NoteStore interface {
	// StageNotes notes something in the place of what was noted of the same kind
	// of the same object; a note without a time forgets that.
	StageNotes(ctx context.Context, generation int64, notes []Note) error
	// Notes lists the notes of a kind by id, and NotesOf returns those of these
	// objects.
	Notes(ctx context.Context, generation int64, kind NoteKind, after directory.GUID, limit int) ([]Note, error)
	NotesOf(ctx context.Context, generation int64, kind NoteKind, ids []directory.GUID) (map[directory.GUID]Note, error)
	// StageToldMembers notes the members that the changes tell of; of each the
	// last word counts. ToldMembers returns those of one group that were told
	// since, and ToldGroups lists the groups that there are, by id.
	StageToldMembers(ctx context.Context, generation int64, at time.Time, changes []GroupChange) error
	ToldMembers(ctx context.Context, generation int64, group directory.GUID, since time.Time) ([]MemberChange, error)
	ToldGroups(ctx context.Context, generation int64, since time.Time, after directory.GUID, limit int) ([]directory.GUID, error)
	// ForgetNotes forgets of what was committed what a delta told up to the given
	// time, and what is of no more use. Notes of a time after now count as made now.
	ForgetNotes(ctx context.Context, upTo, now time.Time) error
}

// NoteKind is what a note is about.
type NoteKind string

// The kinds of notes.
const (
	// NoteGroup is what a delta told of a group, GroupChanges without members, each
	// with its time, and NoteUser the same of a user, UserChanges. They go over what
	// is read until the lag after them is over.
	NoteGroup NoteKind = "group"
	NoteUser  NoteKind = "user"
	// NoteDeleted: a delta told that the group is deleted for good.
	NoteDeleted NoteKind = "deleted"
	// NoteAbsent: since then the tenant has said of the group, whenever it was
	// asked for singly, this Presence.
	NoteAbsent NoteKind = "absent"
	// NoteRead: the group was read, perhaps as it was before, and is read once
	// more when the lag is over. NoteReadUser is the same of a user.
	NoteRead     NoteKind = "read"
	NoteReadUser NoteKind = "read-user"
	// NoteUserDeleted: a delta told that the user was deleted. NoteUserBack: he
	// may have been restored, and is asked for his groups once more when the lag is over.
	NoteUserDeleted NoteKind = "deleted-user"
	NoteUserBack    NoteKind = "restored-user"
)

// Note is something that is remembered of one object.
type Note struct {
	Kind NoteKind
	ID   directory.GUID
	At   time.Time
	Told json.RawMessage // as the kind has it
}

// TargetKey is a place in the order of staged targets.
type TargetKey struct{ SourceID, GUID directory.GUID }

// StagedTarget is a staged group with what the state knows of it.
type StagedTarget struct {
	// SourceID is the linked cloud group, else the one its marks name, else zero.
	SourceID directory.GUID
	Linked   bool
	Adopted  bool
	// Former: it was linked to SourceID until another took its place.
	Former bool
	directory.TargetGroup
}

// LinkStore holds the pairs.
type LinkStore interface {
	Links(ctx context.Context, afterTarget directory.GUID, limit int) ([]Link, error)
	CountLinks(ctx context.Context) (int, error)
	// LinksOf returns the links of these cloud groups and LinksTo those of these
	// objects, without those that have none, in no order.
	LinksOf(ctx context.Context, sources []directory.GUID) ([]Link, error)
	LinksTo(ctx context.Context, targets []directory.GUID) ([]Link, error)
	// FormerLinks lists the objects that were linked until others took their
	// places, and FormerLinksTo those of these that were, in no order.
	FormerLinks(ctx context.Context) ([]Link, error)
	FormerLinksTo(ctx context.Context, targets []directory.GUID) ([]Link, error)
	// UnstagedLinks lists links whose objectGUID the generation has not staged.
	UnstagedLinks(ctx context.Context, generation int64, afterTarget directory.GUID, limit int) ([]Link, error)
	// SaveLinks stores pairs outside of an export: those found again by mark
	// and stamp (rule 3), and new DNs.
	SaveLinks(ctx context.Context, links []Link) error

	// Written tells which values we have written, of the object that stands for a
	// group, to attributes which others write to as well; SaveWritten replaces them.
	Written(ctx context.Context, source directory.GUID) (directory.Values, error)
	SaveWritten(ctx context.Context, source directory.GUID, values directory.Values) error

	// SetDisableSet stores the groups that the next run deletes (rule 29), and
	// replaces an earlier set; empty clears it.
	SetDisableSet(ctx context.Context, set []Link) error
	DisableSet(ctx context.Context, afterTarget directory.GUID, limit int) ([]Link, error)
	CountDisableSet(ctx context.Context) (int, error)
	// SetAdoptSet stores what an administrator has agreed to adopt, and replaces an
	// earlier set; each object and each group occurs once. A pair ends when one of
	// the two is linked.
	SetAdoptSet(ctx context.Context, set []Link) error
	AdoptSet(ctx context.Context) ([]Link, error)
	// Unlink ends what the state knows of an object that is gone: its link, its
	// place in the disable set, and what is staged of it in any generation.
	// A [ChangeOutcome] does the same with the outcome of a deletion.
	Unlink(ctx context.Context, target directory.GUID) error
}

// SpoolStore holds the plans.
type SpoolStore interface {
	Spool(ctx context.Context, run int64, changes []plan.Change) error
	// Changes lists the changes of a run by id, those of one phase or, with
	// phase 0, of all. members says whether Add and Remove are filled; an answer
	// is then shorter than limit where they are very many, and empty at the end.
	Changes(ctx context.Context, run int64, phase plan.Phase, after int64, limit int, members bool) ([]SpooledChange, error)
	// ChangeMembers lists the members of one change by GUID, limit of both
	// kinds together; go on after the greatest. Error ChangeNotFound.
	ChangeMembers(ctx context.Context, change int64, after directory.GUID, limit int) (add, remove []directory.MemberRef, err error)
	// HoldChanges puts in the place of spooled changes what goes on of them, and
	// beside that what is held back, which is not exported.
	HoldChanges(ctx context.Context, run int64, held []HeldChange) error
	// NewSkips returns for each skip whether it is new or differs from the last one
	// that was spooled by a run that was more than a preview; of the others it notes
	// that the run said them again. ForgetSkips ends what the run did not say again
	// of these groups; the commit of an Initial run does so for all.
	NewSkips(ctx context.Context, run int64, skips []plan.Change) (fresh []bool, err error)
	ForgetSkips(ctx context.Context, run int64, planned []directory.GUID) error

	// RemovalsHeld reports whether the newest removal that was planned of the
	// group, in a run that was more than a preview, was held back.
	RemovalsHeld(ctx context.Context, source directory.GUID) (bool, error)
	RecordOutcomes(ctx context.Context, run int64, outcomes []ChangeOutcome) error

	// Groups lists the current generation's groups for people.
	Groups(ctx context.Context, filter GroupFilter, after directory.GUID, limit int) ([]GroupView, error)
	// StagedUnwritten lists the first members of a group, as staged for the run,
	// that do not stand in AD, by member id.
	StagedUnwritten(ctx context.Context, run int64, group directory.GUID, limit int) ([]MemberView, error)
	// GroupMembers lists the members of a cloud group by member id, each with
	// the reason why it is not written, if it is not. Error GroupNotFound.
	GroupMembers(ctx context.Context, group directory.GUID, after directory.GUID, limit int) ([]MemberView, error)
}

// GroupFilter narrows a listing; zero values do not.
type GroupFilter struct {
	ID   directory.GUID // a Graph object id or an objectGUID
	Name string         // whatever identity.Identity takes; * and ? are wildcards
	// Exact: they are not.
	Exact bool
}

// GroupView is a group as the state knows it, for people.
type GroupView struct {
	// Key is what to go on after.
	Key        directory.GUID `json:"-"`
	ID         directory.GUID `json:"id"`         // also of one that the object is linked to and that is not written now; zero: none
	TargetGUID directory.GUID `json:"targetGuid"` // zero: nothing in AD
	DisplayName,
	Description,
	Mail,
	DN,
	SAMAccountName string
	SID         directory.SID
	Situation   plan.Situation
	Members     int // in AD as last read or written
	Unwritten   int // source members that are not written
	LastAction  plan.Action
	LastOutcome Outcome
	LastMessage string
}

// MemberView is one member of a cloud group.
type MemberView struct {
	ID         directory.GUID       `json:"id"`
	Name       string               `json:"name"`
	Kind       directory.MemberKind `json:"kind"`
	TargetGUID directory.GUID       `json:"targetGuid"`
	DN         string               `json:"dn,omitempty"`
	Reason     directory.Reason     `json:"reason,omitempty"`
}
