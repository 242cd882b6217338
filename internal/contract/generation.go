package contract

import (
	"context"
	"encoding/json"
	"time"

	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// Generation is what one run stages and plans, under the run's number. Nobody else
// sees it until Commit makes it current. One that was made an overlay stands on the
// current one: in every method that reads, what it has not staged of an object (a
// group of the tenant, a membership, how a member joins, a group of AD) is what the
// current generation has of it.
type Generation interface {
	Staging
	Notebook
	StagedPlan

	// Overlay makes the generation an overlay, before anything is staged in it.
	// The error InternalError when there is no current generation.
	Overlay(ctx context.Context) error
	// Commit makes what the generation staged current, in one transaction, with
	// the watermark and the pending set, which replaces the one before. An
	// overlay becomes part of the current generation, whose number stays; any
	// other takes its place, and the former one is removed afterwards.
	Commit(ctx context.Context, watermark Watermark, pending []directory.GUID) error
	// Discard removes what the generation staged (a preview, a failed run), also
	// what is kept of it.
	Discard(ctx context.Context) error
	// KeepReading notes that the memberships that the generation stages stay, should
	// its run end without a commit or its process die: a run that reads everything
	// may go on from there. Discard, and the commit of any run, end that.
	KeepReading(ctx context.Context, reading Reading) error
	// TakeReading moves into the generation what another has kept: the memberships
	// that were read to their end of groups that the generation has staged, how
	// members join, unresolved, and notes of what no delta tells again. The rest of
	// the other one is removed.
	TakeReading(ctx context.Context, from int64) error
	// StillRunning answers with the error RunSuperseded when the run's record no
	// longer says running, or another run has begun after it.
	StillRunning(ctx context.Context) error
}

// Staging is what a generation holds of both sides.
type Staging interface {
	StagedReader

	StageSourceGroups(ctx context.Context, groups []directory.SourceGroup) error
	// StageMembers appends pages; a page with Err marks the group's membership
	// as incomplete with the error's id as reason.
	StageMembers(ctx context.Context, pages []MemberPage) error
	// StageTargetGroups stages groups with their whole membership; a group
	// staged twice is replaced.
	StageTargetGroups(ctx context.Context, groups []directory.TargetGroup) error
	// StageGoneGroups says that groups of the tenant are not (or no longer) to be
	// seen in the generation, and StageGoneTargets the same of objects of AD.
	StageGoneGroups(ctx context.Context, ids []directory.GUID) error
	StageGoneTargets(ctx context.Context, guids []directory.GUID) error
	// ChangeMembership applies changes, in their order, to what the generation
	// has of the group's members; a removal of who is no member, or an addition
	// of who is one, changes nothing. A member of whom nothing is known yet is
	// staged as unread. A group without a membership gets one that is incomplete.
	ChangeMembership(ctx context.Context, group directory.GUID, changes []MemberChange) error
	// StageTargetWritten stages a group of AD as it is after a write: header
	// (Members is not looked at) with the membership that the generation has,
	// with the changes applied.
	StageTargetWritten(ctx context.Context, header directory.TargetGroup, added, removed []directory.MemberRef) error
	// StageKnownMembers stages how these members join, of those that are known
	// as members of any group, and leaves out the others. They count as
	// unresolved again when anything that matters to the join differs from what
	// the generation has.
	StageKnownMembers(ctx context.Context, members []directory.SourceMember) error
	// StageMembersAgain stages the named ones, where they are known as members,
	// as they are, unresolved again.
	StageMembersAgain(ctx context.Context, ids []directory.GUID) error
	// StageDueMembers stages the members that are due to be asked for again, as
	// they are, unresolved: those that are unknown each time, those that were
	// not found at growing intervals.
	StageDueMembers(ctx context.Context, now time.Time) error
	// SaveResolutions stores the answers and when each is to be asked for again.
	SaveResolutions(ctx context.Context, resolutions []Resolution, now time.Time) error
}

// StagedReader reads what a generation holds.
type StagedReader interface {
	// MembersJoinedTo lists the members that the generation has joined to one of
	// these objects of AD. It looks through all members.
	MembersJoinedTo(ctx context.Context, targets []directory.GUID) ([]directory.GUID, error)
	// KnownMembers returns how those of these join of whom the generation knows it.
	KnownMembers(ctx context.Context, ids []directory.GUID) (map[directory.GUID]directory.SourceMember, error)
	// UnreadMembers lists the members that the generation itself has staged and
	// that are not readable, by id, with ID and Kind.
	UnreadMembers(ctx context.Context, after directory.GUID, limit int) ([]directory.SourceMember, error)
	// ChangedJoins lists the members that the generation itself has staged and
	// that join to another object, or for another reason, than in the current
	// one; members that are new to the state are left out.
	ChangedJoins(ctx context.Context) ([]directory.GUID, error)
	// GroupsWithMembers lists the groups that have one of these members.
	GroupsWithMembers(ctx context.Context, members []directory.GUID) ([]directory.GUID, error)
	// UnresolvedMembers lists the distinct members that the generation itself
	// has staged and that have no resolution yet, by member id.
	UnresolvedMembers(ctx context.Context, after directory.GUID, limit int) ([]directory.SourceMember, error)
	// SourceGroup returns one group, ok false when the generation has it not.
	SourceGroup(ctx context.Context, id directory.GUID) (group directory.SourceGroup, ok bool, err error)
	CountSourceGroups(ctx context.Context) (int, error)
	SourceGroups(ctx context.Context, after directory.GUID, limit int) ([]directory.SourceGroup, error)
	// TargetGroups lists by (SourceID, GUID). Members is left out.
	TargetGroups(ctx context.Context, after TargetKey, limit int) ([]StagedTarget, error)
	// Candidates returns the objects of AD that are linked to the cloud group or
	// carry its mark, by objectGUID, and StagedTargets those with these
	// objectGUIDs, without those that are not staged. Members is left out.
	Candidates(ctx context.Context, source directory.GUID) ([]StagedTarget, error)
	StagedTargets(ctx context.Context, guids []directory.GUID) ([]StagedTarget, error)
	// CountMemberships adds up the members of the linked groups in AD.
	CountMemberships(ctx context.Context) (int, error)
	// SourceMembership returns who should be in the group, in terms of AD.
	SourceMembership(ctx context.Context, group directory.GUID) (plan.Membership, error)
	// UnfoundAmong returns those of the objects that have the SID or the GUID of a
	// member of the group who was not found.
	UnfoundAmong(ctx context.Context, group directory.GUID, values []directory.GUID) ([]directory.GUID, error)
	// TargetMembership returns the staged members' objectGUIDs, ascending.
	TargetMembership(ctx context.Context, group directory.GUID) ([]directory.GUID, error)
	// MemberRefs returns the last known DN for each GUID, in their order; DN is
	// empty where none is known.
	MemberRefs(ctx context.Context, guids []directory.GUID) ([]directory.MemberRef, error)
	// IncompleteGroups lists groups of the generation whose membership was not
	// read to its end, by id.
	IncompleteGroups(ctx context.Context, after directory.GUID, limit int) ([]directory.GUID, error)
	// UnstagedLinks lists links whose objectGUID the generation has not staged.
	UnstagedLinks(ctx context.Context, afterTarget directory.GUID, limit int) ([]Link, error)
	// StagedUnwritten lists the first members of a group, as staged for the run,
	// that do not stand in AD, by member id.
	StagedUnwritten(ctx context.Context, group directory.GUID, limit int) ([]MemberView, error)
}

// Notebook keeps what is remembered because replicas of the tenant lag behind
// (rule 11). What a run notes holds for itself at once, and for the runs to come
// from its commit on.
type Notebook interface {
	// StageNotes notes something in the place of what was noted of the same kind
	// of the same object; a note without a time forgets that.
	StageNotes(ctx context.Context, notes []Note) error
	// Notes lists the notes of a kind by id, and NotesOf returns those of these
	// objects.
	Notes(ctx context.Context, kind NoteKind, after directory.GUID, limit int) ([]Note, error)
	NotesOf(ctx context.Context, kind NoteKind, ids []directory.GUID) (map[directory.GUID]Note, error)
	// StageToldMembers notes the members that the changes tell of; of each the
	// last word counts. ToldMembers returns those of one group that were told
	// since, and ToldGroups lists the groups that there are, by id.
	StageToldMembers(ctx context.Context, at time.Time, changes []GroupChange) error
	ToldMembers(ctx context.Context, group directory.GUID, since time.Time) ([]MemberChange, error)
	ToldGroups(ctx context.Context, since time.Time, after directory.GUID, limit int) ([]directory.GUID, error)
}

// StagedPlan is the plan of a run.
type StagedPlan interface {
	// Planned lists the changes as [HistoryStore] does, with their members. It returns
	// fewer than limit where the members are very many, and none at the end.
	Planned(ctx context.Context, phase plan.Phase, after int64, limit int) ([]SpooledChange, error)
	Spool(ctx context.Context, changes []plan.Change) error
	// HoldChanges puts in the place of spooled changes what goes on of them, and
	// beside that what is held back, which is not exported.
	HoldChanges(ctx context.Context, held []HeldChange) error
	// NewSkips returns for each skip whether it is new or differs from the last one
	// that was spooled by a run that was more than a preview; of the others it notes
	// that the run said them again. ForgetSkips ends what the run did not say again
	// of these groups; the commit of an Initial run does so for all.
	NewSkips(ctx context.Context, skips []plan.Change) (fresh []bool, err error)
	ForgetSkips(ctx context.Context, planned []directory.GUID) error
	RecordOutcomes(ctx context.Context, outcomes []ChangeOutcome) error
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
	// NoteListed, of the tenant: its groups were listed, perhaps as they were before,
	// and are listed once more when the lag is over.
	NoteListed NoteKind = "listed"
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
