package contract

import (
	"context"
	"time"

	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// State is the local state of one installation: a cache of what can be read again
// from the tenant and from AD, and the record of runs. What a run stages is its
// [Generation].
//
// Methods that list take the key after which to go on (zero: from the start)
// and a limit, and answer in ascending order of the key; fewer than limit
// elements means the end. All may be called from several goroutines; writers
// queue. Errors are [*Error]: StateCorrupt, StateBusy, StateDiskFull,
// StateUnusable, InternalError, or what a method names; or the context's own.
type State interface {
	OwnerStore
	RunStore
	LinkStore
	HistoryStore
	SettingsFile

	// Generation is the generation of a run.
	Generation(run int64) Generation
	// Current is the run whose generation is current; 0: none.
	Current(ctx context.Context) (run int64, err error)
	// Watermark returns the zero value when nothing was ever committed.
	Watermark(ctx context.Context) (Watermark, error)
	// Pending lists the cloud groups that the next delta run has to plan,
	// whatever has changed, ascending.
	Pending(ctx context.Context) ([]directory.GUID, error)
	// KeptReading returns the reading that there is to go on from, and the run
	// whose it is; 0: none.
	KeptReading(ctx context.Context) (Reading, int64, error)
	// ForgetNotes forgets of what was committed what a delta told up to the given
	// time, and what is of no more use. Notes of a time after now count as made now.
	ForgetNotes(ctx context.Context, upTo, now time.Time) error

	// Lock takes the operating system's lock on the state without waiting:
	// error RunInProgress. The kernel frees it when the process dies.
	Lock(ctx context.Context) (unlock func(), err error)
	// Folder is where the state stands, absolute.
	Folder() string
	Close() error
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

// HistoryStore keeps what runs have planned and done, and shows groups.
type HistoryStore interface {
	// Changes lists the changes of a run by id, without their members: those of one
	// phase or, with phase 0, of all.
	Changes(ctx context.Context, run int64, phase plan.Phase, after int64, limit int) ([]SpooledChange, error)
	// ChangeMembers lists the members of one change by GUID, limit of both
	// kinds together; go on after the greatest. Error ChangeNotFound.
	ChangeMembers(ctx context.Context, change int64, after directory.GUID, limit int) (add, remove []directory.MemberRef, err error)
	// RemovalsHeld reports whether the newest removal that was planned of the
	// group, in a run that was more than a preview, was held back.
	RemovalsHeld(ctx context.Context, source directory.GUID) (bool, error)
	// Groups lists the current generation's groups for people.
	Groups(ctx context.Context, filter GroupFilter, after directory.GUID, limit int) ([]GroupView, error)
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
