package contract

import (
	"context"
	"encoding/json"
	"time"

	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// Generation is what one run stages and plans, under the run's number. No other reader
// sees it until Commit makes it current. An overlay stands on the current generation:
// every read method falls back to the current generation for an object (a group of the
// tenant, a membership, how a member joins, a group in AD) that the overlay has not
// staged.
type Generation interface {
	Staging
	Notebook
	StagedPlan

	// Overlay makes the generation an overlay. It must be called before anything is
	// staged. It fails with InternalError if there is no current generation.
	Overlay(ctx context.Context) error
	// Commit makes what the generation staged current, in one transaction with the
	// watermark and the pending set, which replaces the previous one. An overlay becomes
	// part of the current generation, whose number stays. Any other generation replaces
	// the current one, which is removed afterwards.
	Commit(ctx context.Context, watermark Watermark, pending []directory.GUID) error
	// Discard removes everything that the generation staged, including what KeepReading
	// kept. It is used after a preview or a failed run.
	Discard(ctx context.Context) error
	// KeepReading keeps the memberships that the generation stages even if its run ends
	// without a commit or its process dies, so that a later full import can continue from
	// them. Discard ends that, and so does the commit of any run.
	KeepReading(ctx context.Context, reading Reading) error
	// TakeReading moves what another generation kept into this one: the memberships that
	// were read completely, of groups that this generation has staged; how members join,
	// unresolved; and notes of what no delta reports again. It removes the rest of the
	// other generation.
	TakeReading(ctx context.Context, from int64) error
	// StillRunning fails with RunSuperseded if the run's record no longer says Running,
	// or if another run has begun since.
	StillRunning(ctx context.Context) error
}

// Staging is what a generation holds about both sides.
type Staging interface {
	StagedReader

	StageSourceGroups(ctx context.Context, groups []directory.SourceGroup) error
	// StageMembers appends pages. A page with Err marks the group's membership as
	// incomplete, with the error's id as the reason.
	StageMembers(ctx context.Context, pages []MemberPage) error
	// StageTargetGroups stages groups with their whole membership. Staging a group again
	// replaces it.
	StageTargetGroups(ctx context.Context, groups []directory.TargetGroup) error
	// StageGoneGroups hides groups of the tenant in the generation; StageGoneTargets
	// hides objects of AD.
	StageGoneGroups(ctx context.Context, ids []directory.GUID) error
	StageGoneTargets(ctx context.Context, guids []directory.GUID) error
	// ChangeMembership applies changes, in order, to the generation's membership of the
	// group. Removing a member who is absent or adding one who is present has no effect.
	// A member about whom nothing is known yet is staged as unread. A group without a
	// membership gets an incomplete one.
	ChangeMembership(ctx context.Context, group directory.GUID, changes []MemberChange) error
	// StageTargetWritten stages a group of AD as it is after a write: the header (Members
	// is ignored) and the generation's membership with the changes applied.
	StageTargetWritten(ctx context.Context, header directory.TargetGroup, added, removed []directory.MemberRef) error
	// StageKnownMembers stages how these members join. It ignores those that are not
	// known as a member of any group. A member becomes unresolved again if anything that
	// affects the join differs from what the generation has.
	StageKnownMembers(ctx context.Context, members []directory.SourceMember) error
	// StageOwners stages how owners of groups join, as StageMembers does for members. The
	// groups themselves name them.
	StageOwners(ctx context.Context, owners []directory.SourceMember) error
	// StageMembersAgain stages the given members again, unchanged but unresolved, where
	// they are known as members.
	StageMembersAgain(ctx context.Context, ids []directory.GUID) error
	// StageDueMembers stages the members whose lookup is due, unchanged but unresolved.
	// Unknown members are due every time, members not found at growing intervals.
	StageDueMembers(ctx context.Context, now time.Time) error
	// SaveResolutions stores the resolutions and when each member is due again.
	SaveResolutions(ctx context.Context, resolutions []Resolution, now time.Time) error
}

// StagedReader reads a generation.
type StagedReader interface {
	// MembersJoinedTo lists the members that the generation has joined to one of these AD
	// objects.
	MembersJoinedTo(ctx context.Context, targets []directory.GUID) ([]directory.GUID, error)
	// KnownMembers returns how these members join. It leaves out members that the
	// generation does not know.
	KnownMembers(ctx context.Context, ids []directory.GUID) (map[directory.GUID]directory.SourceMember, error)
	// UnreadMembers lists the members that this generation itself staged and that are not
	// readable, in an order of the state's own. Only ID and Kind are set. after is the
	// last member of the answer before.
	UnreadMembers(ctx context.Context, after directory.GUID, limit int) ([]directory.SourceMember, error)
	// ChangedJoins lists the members that this generation itself staged and that now join
	// to another object, or for another reason, than in the current generation. It leaves
	// out members that are new to the state.
	ChangedJoins(ctx context.Context) ([]directory.GUID, error)
	// MembersAmong returns which of these are members of the group, ascending.
	MembersAmong(ctx context.Context, group directory.GUID, ids []directory.GUID) ([]directory.GUID, error)
	// GroupsWithMembers lists the groups that contain at least one of these members.
	GroupsWithMembers(ctx context.Context, members []directory.GUID) ([]directory.GUID, error)
	// OwnedGroups lists the groups that have at least one of these owners, ascending. It
	// looks at every group.
	OwnedGroups(ctx context.Context, owners []directory.GUID) ([]directory.GUID, error)
	// Owners returns, in the same order, what these owners were resolved to.
	Owners(ctx context.Context, ids []directory.GUID) ([]plan.Owner, error)
	// UnresolvedMembers lists in the same way the distinct members that this generation
	// itself staged and that have no resolution yet.
	UnresolvedMembers(ctx context.Context, after directory.GUID, limit int) ([]directory.SourceMember, error)
	// SourceGroup returns one group. ok is false if the generation does not contain it.
	SourceGroup(ctx context.Context, id directory.GUID) (group directory.SourceGroup, ok bool, err error)
	CountSourceGroups(ctx context.Context) (int, error)
	SourceGroups(ctx context.Context, after directory.GUID, limit int) ([]directory.SourceGroup, error)
	// TargetGroups lists the groups by (SourceID, GUID), without Members.
	TargetGroups(ctx context.Context, after TargetKey, limit int) ([]StagedTarget, error)
	// Candidates returns, by objectGUID, the AD objects that are linked to the cloud
	// group or carry its mark. StagedTargets returns the objects with these objectGUIDs
	// and leaves out those that are not staged. Neither fills Members.
	Candidates(ctx context.Context, source directory.GUID) ([]StagedTarget, error)
	StagedTargets(ctx context.Context, guids []directory.GUID) ([]StagedTarget, error)
	// CountMemberships returns the total number of members of the linked groups in AD.
	CountMemberships(ctx context.Context) (int, error)
	// SourceMembership returns who should be in the group, as AD objects.
	SourceMembership(ctx context.Context, group directory.GUID) (plan.Membership, error)
	// UnfoundAmong returns the objects among values whose SID or GUID belongs to a member
	// of the group who was not found.
	UnfoundAmong(ctx context.Context, group directory.GUID, values []directory.GUID) ([]directory.GUID, error)
	// TargetMembership returns the staged members' objectGUIDs, ascending.
	TargetMembership(ctx context.Context, group directory.GUID) ([]directory.GUID, error)
	// MemberRefs returns the last known DN for each GUID, in the order of guids. DN is
	// empty if none is known.
	MemberRefs(ctx context.Context, guids []directory.GUID) ([]directory.MemberRef, error)
	// IncompleteGroups lists, by id, the groups of the generation whose membership was
	// not read completely.
	IncompleteGroups(ctx context.Context, after directory.GUID, limit int) ([]directory.GUID, error)
	// UnstagedLinks lists links whose objectGUID is not staged in the generation.
	UnstagedLinks(ctx context.Context, afterTarget directory.GUID, limit int) ([]Link, error)
	// StagedUnwritten lists, by member id, the first members of a group, as staged for
	// the run, that are not in the AD group.
	StagedUnwritten(ctx context.Context, group directory.GUID, limit int) ([]MemberView, error)
}

// Notebook stores what must be remembered because replicas of the tenant lag (rule 11). A
// note takes effect at once for the run that writes it, and for later runs once that run
// commits.
type Notebook interface {
	// StageNotes replaces the note of the same kind for the same object. A note with a
	// zero time deletes it.
	StageNotes(ctx context.Context, notes []Note) error
	// Notes lists the notes of a kind by id. NotesOf returns those for these objects.
	Notes(ctx context.Context, kind NoteKind, after directory.GUID, limit int) ([]Note, error)
	NotesOf(ctx context.Context, kind NoteKind, ids []directory.GUID) (map[directory.GUID]Note, error)
	// StageReportedMembers notes the membership changes that the delta entries report; the
	// last entry for each member wins. ReportedMembers returns the changes reported for one
	// group since a time. ReportedGroups lists, by id, the groups that have such changes.
	StageReportedMembers(ctx context.Context, at time.Time, changes []GroupChange) error
	ReportedMembers(ctx context.Context, group directory.GUID, since time.Time) ([]MemberChange, error)
	ReportedGroups(ctx context.Context, since time.Time, after directory.GUID, limit int) ([]directory.GUID, error)
}

// StagedPlan is the plan of a run.
type StagedPlan interface {
	// Planned lists the changes as [HistoryStore] does, but with their members. It returns
	// fewer than limit if there are very many members, and none at the end.
	Planned(ctx context.Context, phase plan.Phase, after int64, limit int) ([]SpooledChange, error)
	Spool(ctx context.Context, changes []plan.Change) error
	// HoldChanges replaces each spooled change with the part that goes ahead, and stores
	// beside it the part that is held back and not exported.
	HoldChanges(ctx context.Context, held []HeldChange) error
	// NewSkips reports for each skip whether it is new or differs from the last one
	// spooled by a run other than a preview. For the others it notes that this run
	// repeats them. ForgetSkips ends the skips of these groups that the run did not
	// repeat; the commit of an Initial run does so for all groups.
	NewSkips(ctx context.Context, skips []plan.Change) (fresh []bool, err error)
	ForgetSkips(ctx context.Context, planned []directory.GUID) error
	RecordOutcomes(ctx context.Context, outcomes []ChangeOutcome) error
}

// NoteKind is what a note is about.
type NoteKind string

// The kinds of notes.
const (
	// NoteGroup keeps the delta entries of a group, as GroupChanges without members, each
	// with its time. NoteUser keeps those of a user, as UserChanges. Until the lag after
	// an entry is over, the entry overrides what is read.
	NoteGroup NoteKind = "Group"
	NoteUser  NoteKind = "User"
	// NoteDeleted says that a delta reported the group as deleted for good.
	NoteDeleted NoteKind = "Deleted"
	// NoteAbsent keeps the Presence that the tenant has answered for the group, each time
	// it was asked for singly, since the time of the note.
	NoteAbsent NoteKind = "Absent"
	// NoteRead says that the group was read, possibly from a lagging replica, and has to be
	// read again when the lag is over. NoteReadUser says the same of a user.
	NoteRead     NoteKind = "Read"
	NoteReadUser NoteKind = "ReadUser"
	// NoteUserDeleted says that a delta reported the user as deleted. NoteUserBack says that
	// the user may have been restored; the user's groups are read again when the lag is over.
	NoteUserDeleted NoteKind = "DeletedUser"
	NoteUserBack    NoteKind = "RestoredUser"
	// NoteNewMember says that a Delta run read the user as a member of some group for the
	// first time. About the tenant it says that a full import read all members. Another
	// group, read from a lagging replica or before the user was restored, may lack the user.
	// The note lasts until the users' delta was read after the lag.
	NoteNewMember NoteKind = "NewMember"
	// NoteListed, about the tenant, says that its groups were listed, possibly from a lagging
	// replica, and have to be listed again when the lag is over.
	NoteListed NoteKind = "Listed"
)

// Note is something remembered about one object.
type Note struct {
	Kind   NoteKind
	ID     directory.GUID
	At     time.Time
	Report json.RawMessage // as the kind has it
}

// TargetKey is a position in the order of staged targets.
type TargetKey struct{ SourceID, GUID directory.GUID }

// StagedTarget is a staged group together with what the state knows about it.
type StagedTarget struct {
	// SourceID is the linked cloud group, else the group that its marks name, else zero.
	SourceID directory.GUID
	Linked   bool
	Adopted  bool
	// Container is as in [Link].
	Container directory.GUID
	// Former means that the object was linked to SourceID until another object replaced
	// it.
	Former bool
	directory.TargetGroup
}
