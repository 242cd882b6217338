package contract

import (
	"context"
	"time"

	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// State is the local state of one installation: a cache of what can be read again from
// the tenant and from AD, and the record of runs. What a run stages is its [Generation].
//
// List methods take the key after which to continue (zero: from the start) and a limit,
// and return elements in ascending order of the key. Fewer than limit elements mean the
// end. All methods may be called from several goroutines; writers queue. Errors are
// [*Error] with the id StateCorrupt, StateBusy, StateDiskFull, StateUnusable,
// InternalError or one that the method names, or the error of the context.
type State interface {
	OwnerStore
	RunStore
	LinkStore
	HistoryStore
	HoldStore
	SettingsFile
	UndoStore
	AuditStore

	// Generation returns the generation of a run.
	Generation(run int64) Generation
	// Current returns the run whose generation is current; 0 means none.
	Current(ctx context.Context) (run int64, err error)
	// Watermark returns the zero value if nothing was ever committed.
	Watermark(ctx context.Context) (Watermark, error)
	// Pending lists, in ascending order, the cloud groups that the next Delta run must
	// plan even if nothing has changed.
	Pending(ctx context.Context) ([]directory.GUID, error)
	// KeptReading returns the reading that a full import can continue and the run that it
	// belongs to; 0 means none.
	KeptReading(ctx context.Context) (Reading, int64, error)
	// ForgetNotes deletes, from the committed notes, what a delta reported up to the given
	// time and what is no longer of use. A note with a time after now counts as made now.
	ForgetNotes(ctx context.Context, upTo, now time.Time) error

	// Lock takes the operating system's lock on the state without waiting. It fails with
	// RunInProgress. The kernel releases the lock when the process dies.
	Lock(ctx context.Context) (unlock func(), err error)
	// Folder returns the absolute path of the state.
	Folder() string
	Close() error
}

// OwnerStore stores what the state belongs to (rule 4).
type OwnerStore interface {
	// Owner returns zero values for a new state.
	Owner(ctx context.Context) (tenant directory.GUID, domain DomainRef, err error)
	SetOwner(ctx context.Context, tenant directory.GUID, domain DomainRef) error
}

// RunStore stores the history of runs.
type RunStore interface {
	// BeginRun stores the record with the status Running and returns its id. It first
	// closes runs that a dead process left running, as Failed and Interrupted.
	BeginRun(ctx context.Context, run Run) (int64, error)
	// SaveRun replaces the record.
	SaveRun(ctx context.Context, run Run) error
	// Runs lists the runs, newest first. If before is 0, it starts at the newest.
	Runs(ctx context.Context, before int64, limit int) ([]Run, error)
	Run(ctx context.Context, id int64) (Run, error)            // error RunNotFound
	RunByPlan(ctx context.Context, planID string) (Run, error) // error PlanNotFound
	PurgeRuns(ctx context.Context, olderThan time.Time) error  // runs, their changes and leftovers of their staging
	UsePlan(ctx context.Context, planID string) error          // marks a consent as used; error PlanAlreadyUsed
	CheckPlan(ctx context.Context, planID string) error        // answers as UsePlan would
	// WithdrawPlans marks everything that is planned and not done as outdated, because
	// the settings have changed and the next run would do something else.
	WithdrawPlans(ctx context.Context) error
	LastComplete(ctx context.Context) (run Run, ok bool, err error) // newest committed run, including runs of one group
}

// LinkStore stores the links.
type LinkStore interface {
	Links(ctx context.Context, afterTarget directory.GUID, limit int) ([]Link, error)
	CountLinks(ctx context.Context) (int, error)
	// LinksOf returns the links of these cloud groups and LinksTo the links of these
	// objects, in no particular order. Those without a link are left out.
	LinksOf(ctx context.Context, sources []directory.GUID) ([]Link, error)
	LinksTo(ctx context.Context, targets []directory.GUID) ([]Link, error)
	// FormerLinks lists, by objectGUID, the objects that were linked until other objects
	// replaced them. FormerLinksTo returns those among targets, in no particular order.
	FormerLinks(ctx context.Context, afterTarget directory.GUID, limit int) ([]Link, error)
	FormerLinksTo(ctx context.Context, targets []directory.GUID) ([]Link, error)
	// SaveLinks stores links outside of an export: links found again by mark and stamp
	// (rule 3), and new DNs.
	SaveLinks(ctx context.Context, links []Link) error
	// Written returns the values that we have written to the object of a group, in
	// attributes that others write to as well. SaveWritten replaces them.
	Written(ctx context.Context, source directory.GUID) (directory.Values, error)
	SaveWritten(ctx context.Context, source directory.GUID, values directory.Values) error
	// SetDisableSet stores the groups that the next run deletes (rule 29). It replaces an
	// earlier set; an empty set clears it.
	SetDisableSet(ctx context.Context, set []Link) error
	DisableSet(ctx context.Context, afterTarget directory.GUID, limit int) ([]Link, error)
	CountDisableSet(ctx context.Context) (int, error)
	// SetAdoptSet stores what an administrator has agreed to adopt. It replaces an
	// earlier set. Each object and each group occurs once. A pair ends when its object or
	// its group is linked.
	SetAdoptSet(ctx context.Context, set []Link) error
	AdoptSet(ctx context.Context) ([]Link, error)
	// Unlink removes what the state knows about an object that is gone: its link, its
	// place in the disable set, and what any generation has staged of it. A
	// [ChangeOutcome] does the same together with the outcome of a deletion.
	Unlink(ctx context.Context, target directory.GUID) error
}

// HistoryStore stores what runs have planned and done, and lists groups.
type HistoryStore interface {
	// Changes lists the changes of a run by id, without their members: those of one
	// phase, or of all phases if phase is 0.
	Changes(ctx context.Context, run int64, phase plan.Phase, after int64, limit int) ([]SpooledChange, error)
	// ChangeMembers lists the members of one change by GUID, at most limit in both lists
	// together. Continue after the greatest GUID. Error ChangeNotFound.
	ChangeMembers(ctx context.Context, change int64, after directory.GUID, limit int) (add, remove []directory.MemberRef, err error)
	// ExchangeDue returns, for those of the objects that have one, the run that last
	// changed what Exchange makes of the group, until that is cleared. ClearExchangeDue
	// clears the objects whose last such run is not after the given one, and returns how
	// many these are.
	ExchangeDue(ctx context.Context, targets []directory.GUID) (map[directory.GUID]int64, error)
	ClearExchangeDue(ctx context.Context, seen map[directory.GUID]int64) (int, error)
	// FormerObject returns the object that stood for the group and is gone: the linked one, or
	// the one that a run deleted last; zero if none is recorded. An adopted one does not count.
	FormerObject(ctx context.Context, source directory.GUID) (directory.GUID, error)
	// LastPlace returns the container of the newest change that was to create or move the
	// object of the group, if it is not known that it was done, because the answer was lost
	// or the process died; zero otherwise.
	LastPlace(ctx context.Context, source directory.GUID) (directory.GUID, error)
	// RemovalsHeld reports whether the newest planned removal of members from the group,
	// in a run other than a preview, was held back.
	RemovalsHeld(ctx context.Context, source directory.GUID) (bool, error)
	// Groups lists the groups of the current generation for display.
	Groups(ctx context.Context, filter GroupFilter, after directory.GUID, limit int) ([]GroupView, error)
	// GroupMembers lists the members of a cloud group by member id, each unwritten one
	// with its reason. Error GroupNotFound.
	GroupMembers(ctx context.Context, group directory.GUID, after directory.GUID, limit int) ([]MemberView, error)
}

// GroupFilter narrows a listing. A zero field does not narrow it.
type GroupFilter struct {
	ID   directory.GUID // a Graph object id or an objectGUID
	Name string         // a name for identity.Identity; * and ? are wildcards
	// Exact makes * and ? ordinary characters.
	Exact bool
}

// GroupView is a group as the state knows it, for display.
type GroupView struct {
	// Key is the key after which to continue.
	Key        directory.GUID `json:"-"`
	ID         directory.GUID `json:"id"`         // set too for a linked object whose group is not written now; zero: none
	TargetGUID directory.GUID `json:"targetGuid"` // zero: nothing in AD
	DisplayName,
	Description,
	Mail,
	DN,
	SAMAccountName string
	SID       directory.SID
	Situation plan.Situation
	Members   int // in AD as last read or written
	Unwritten int // source members that are not in the AD group
	// Recipient is what the object is to Exchange; empty without an object. LeftOut are
	// the addresses of the group that a recipient does not have.
	Recipient   plan.RecipientState
	LeftOut     []string
	LastAction  plan.Action
	LastOutcome Outcome
	LastMessage string
	// Hold is why the group is left as it is, and Quarantine why it is retried at growing
	// intervals only; nil if it is not.
	Hold       *directory.Hold
	Quarantine *Failing
}

// MemberView is one member of a cloud group.
type MemberView struct {
	ID         directory.GUID       `json:"id"`
	Name       string               `json:"name"`
	Kind       directory.MemberKind `json:"kind"`
	TargetGUID directory.GUID       `json:"targetGuid"`
	DN         string               `json:"dn"`
	Reason     directory.Reason     `json:"reason"`
}
