package contract

import (
	"time"

	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// RunKind is what a run is for.
type RunKind string

// The kinds of runs.
const (
	SyncRun    RunKind = "Sync"
	PreviewRun RunKind = "Preview" // a plan, and nothing more
	DisableRun RunKind = "Disable" // deletes the groups that Disable named
	GroupRun   RunKind = "Group"   // one group on demand; moves no watermark
	RestoreRun RunKind = "Restore" // brings back what earlier runs deleted and removed
)

// RunKinds are all kinds of runs.
var RunKinds = []RunKind{SyncRun, PreviewRun, DisableRun, GroupRun, RestoreRun}

// UnmarshalText ignores letter case.
func (k *RunKind) UnmarshalText(text []byte) error { return directory.SetWord(k, text, RunKinds) }

// PolicyType is how much a run imports. The names are those of Entra Connect.
type PolicyType string

// The policy types.
const (
	Initial PolicyType = "Initial"
	Delta   PolicyType = "Delta"
)

// PolicyTypes are all policy types.
var PolicyTypes = []PolicyType{Initial, Delta}

// UnmarshalText ignores letter case.
func (p *PolicyType) UnmarshalText(text []byte) error { return directory.SetWord(p, text, PolicyTypes) }

// PolicyReason is why a run is Initial.
type PolicyReason string

// The reasons of an Initial run.
const (
	InitialRequested   PolicyReason = "Requested"
	InitialFirst       PolicyReason = "First"             // no run was ever committed to this state
	InitialSettings    PolicyReason = "SettingsChanged"   // the scope, the form of groups or the name of the container changed
	InitialProjection  PolicyReason = "ProjectionChanged" // this release reads other properties or maps them differently
	InitialRouting     PolicyReason = "MailRouteChanged"  // the send connectors of Exchange cover other domains
	InitialInterval    PolicyReason = "Interval"          // the last Initial run is older than InitialIntervalDays
	InitialSettling    PolicyReason = "Settling"          // the last Initial run may have read a lagging replica
	InitialServer      PolicyReason = "ServerChanged"     // another domain controller, or one restored from a backup
	InitialLinkExpired PolicyReason = "LinkExpired"       // Graph no longer takes the delta link
)

// RunStatus is how a run ended.
type RunStatus string

// The statuses. Partial means that some objects failed or could not be decided and all
// others are done; Stopped, that nothing or not everything was exported, for the reason
// in StopReason; Failed, that an error ended the run.
const (
	RunRunning  RunStatus = "Running"
	RunComplete RunStatus = "Complete"
	RunPartial  RunStatus = "Partial"
	RunStopped  RunStatus = "Stopped"
	RunFailed   RunStatus = "Failed"
)

// StopReason says why a run did not end as Complete. If an error ended the run, it is the
// id of the error.
type StopReason = plan.StopReason

// The stop reasons of rules 12 and 27, of a cancelled run, and of one whose process
// died.
const (
	StopDeletionThreshold            = plan.StopDeletions
	StopRemovalThreshold             = plan.StopRemovals
	StopSourceShrunk                 = plan.StopSource
	StopTargetShrunk                 = plan.StopTarget
	StopTargetNotUpToDate StopReason = "TargetNotUpToDate"
	StopCancelled         StopReason = "Cancelled"
	StopInterrupted       StopReason = "Interrupted" // with status Failed
)

// These stop reasons are also ids of errors, so they are untyped.
const (
	StopAccessTokenExpired = "AccessTokenExpired" // with status Partial
	StopAllFailed          = "AllChangesFailed"   // with status Failed
)

// Run is the record of one run. Its ID is also the number of its generation.
type Run struct {
	ID   int64   `json:"id"`
	Kind RunKind `json:"kind"`
	// PolicyType is empty if the run imports nothing, as after Disable.
	PolicyType PolicyType `json:"policyType"`
	// PolicyReason says why a run is Initial. It is empty for a Delta run.
	PolicyReason PolicyReason `json:"policyReason,omitempty"`
	// PlanID identifies the plan that the run spooled, for AllowOnce.
	PlanID     string     `json:"planId"`
	Started    time.Time  `json:"started"`
	Ended      time.Time  `json:"ended,omitzero"`
	Status     RunStatus  `json:"status"`
	StopReason StopReason `json:"stopReason,omitempty"`
	// Message says why a run did not end as Complete.
	Message string `json:"message,omitempty"`
	// Error is set if an error made the Status Failed or Stopped.
	Error *RunError `json:"error,omitempty"`
	// Server is the domain controller that the run used.
	Server string `json:"server,omitempty"`
	// Projection identifies what was read from the tenant and how it was projected, for
	// comparison. If it differs, the next run is Initial.
	Projection string `json:"projection,omitempty"`
	// GroupID and GroupName identify the group of an on-demand run. GroupName is empty if
	// the tenant does not have it.
	GroupID   directory.GUID `json:"groupId,omitzero"`
	GroupName string         `json:"groupName,omitempty"`

	SourceGroups int `json:"sourceGroups"` // read from the tenant
	TargetGroups int `json:"targetGroups"` // marked groups read from AD
	LinkedGroups int `json:"linkedGroups"` // pairs after the run
	// MissingGroups counts linked objects that were found nowhere in the domain.
	MissingGroups int `json:"missingGroups"`
	// DriftedGroups counts groups of ours that somebody else changed in AD since they
	// were last read or written.
	DriftedGroups int `json:"driftedGroups"`
	// Planned is what the plan contains; Exported is what was done of it.
	Planned  plan.Totals `json:"planned"`
	Exported plan.Totals `json:"exported"`
	// Held is the part of the plan that the limits held back; HeldBy lists their stop
	// reasons. HeldRuns is how many consecutive runs, including this one, have held
	// something back. Runs of one group are counted separately.
	Held     plan.Totals  `json:"held"`
	HeldBy   []StopReason `json:"heldBy,omitempty"`
	HeldRuns int          `json:"heldRuns,omitempty"`
	// SourceBaseline is the number of groups that the next run compares the tenant with.
	// TargetHeld reports whether re-creations wait because the target has shrunk. Both
	// stay as long as something is held back for that reason.
	SourceBaseline int  `json:"sourceBaseline,omitempty"`
	TargetHeld     bool `json:"targetHeld,omitempty"`
	// UndoFile is the path of the file that has what the run was about to delete and remove;
	// empty if that was nothing. UndoHash is the SHA-256 hash of its content, in
	// hexadecimal.
	UndoFile string `json:"undoFile,omitempty"`
	UndoHash string `json:"undoHash,omitempty"`
	// Failed counts changes that failed or whose outcome is unknown.
	Failed int `json:"failed"`
	// UnknownMembers counts members whose on-premises object could not be determined;
	// UnwrittenMembers counts those known to have none.
	UnknownMembers   int `json:"unknownMembers"`
	UnwrittenMembers int `json:"unwrittenMembers"`
	// GroupsOnHold counts the groups that are left as they are, and QuarantinedGroups those
	// that are retried at growing intervals only (rule 62).
	GroupsOnHold      int `json:"groupsOnHold"`
	QuarantinedGroups int `json:"quarantinedGroups"`
}

// Wrote reports whether the run may have changed something in AD. For a run that has not
// ended, or whose process died, it goes by the plan.
func (r *Run) Wrote() bool {
	done := r.Exported
	if r.Ended.IsZero() || r.StopReason == StopInterrupted {
		done = r.Planned
	}
	done.Skip = 0
	return r.Kind != PreviewRun && (done != plan.Totals{} || r.Failed > 0)
}

// StoppedEarly reports whether the run did not reach its end and therefore says nothing
// about the findings of other runs.
func (r *Run) StoppedEarly() bool {
	return r.Ended.IsZero() || r.Status == RunStopped || r.Status == RunFailed && r.StopReason != StopAllFailed
}

// RunError is an [Error] as stored in a run's record.
type RunError struct {
	Category Category `json:"category"`
	ID       string   `json:"id"`
	Object   string   `json:"object,omitempty"`
	Message  string   `json:"message"`
	Advice   string   `json:"advice,omitempty"`
	// Cause is the message of the server or the library, shortened.
	Cause string `json:"cause"`
}

// Outcome is the result of one change.
type Outcome string

// The outcomes. OutcomePending: not tried (yet). OutcomeUnknown: the answer was
// lost; the next run finds out.
const (
	OutcomePending Outcome = "Pending"
	OutcomeDone    Outcome = "Done"
	OutcomePartial Outcome = "Partial" // some members were refused
	OutcomeFailed  Outcome = "Failed"
	OutcomeUnknown Outcome = "Unknown"
	OutcomeSkipped Outcome = "Skipped"
	OutcomeHeld    Outcome = "Held" // by a limit, until somebody consents, or because the object is protected
)

// Outcomes are all outcomes.
var Outcomes = []Outcome{OutcomePending, OutcomeDone, OutcomePartial, OutcomeFailed, OutcomeUnknown, OutcomeSkipped, OutcomeHeld}

// UnmarshalText ignores letter case.
func (o *Outcome) UnmarshalText(text []byte) error { return directory.SetWord(o, text, Outcomes) }

// SpooledChange is a change of a run's plan with its outcome.
type SpooledChange struct {
	ID int64 // unique in the state, ascending in the order of planning
	plan.Change
	Outcome Outcome
	// ErrorID and Message say why the outcome is not Done.
	ErrorID string
	Message string
	// AddCount and RemoveCount are len(Add) and len(Remove), even if a listing leaves
	// the members out.
	AddCount, RemoveCount int
}

// HeldChange is a planned change that a limit holds back in part or as a whole.
type HeldChange struct {
	ChangeID int64
	Goes     *plan.Change // the part that goes ahead; nil: nothing
	Held     *plan.Change
	// Reason is the stop reason of the limit; Message explains it.
	Reason  StopReason
	Message string
}

// ChangeOutcome is the result of exporting one change and its effect on the link. The
// state records both in one transaction.
type ChangeOutcome struct {
	ChangeID int64
	Outcome  Outcome
	ErrorID  string
	Message  string
	// Link is the link that exists from now on; nil changes no link. The recorded change
	// takes its objectGUID and DN.
	Link *Link
	// Unlink is the objectGUID of an object that is gone: its link, its place in the
	// disable set and what is staged of it are removed. Zero means none.
	Unlink directory.GUID
	// Refused are members that the directory refused. They are recorded, with their
	// reasons, for the source group.
	Refused []Refusal
}

// Watermark is how far both sides were read. It moves only together with the staged
// data and the pending set.
type Watermark struct {
	// Server, DSServiceName and InvocationID identify the domain controller (rule 12).
	Server        string
	DSServiceName string
	InvocationID  directory.GUID
	// HighestUSN is its highestCommittedUSN after the export. Another domain controller
	// must have received the changes up to it before it may take its place.
	HighestUSN int64
	// SearchedUSN is its highestCommittedUSN before the target was read, where the next
	// search for changes begins (rule 13). If it is negative, only an on-demand run has
	// written there, and the next run reads everything.
	SearchedUSN int64
	// Source holds the delta links, newest first, down to the newest one that is old
	// enough for rule 11.
	Source []DeltaLinks
	// Initial is when the last full import began.
	Initial time.Time
	// Settled reports whether the last full import covered what lagging replicas may have
	// hidden from it (rule 11).
	Settled bool
	// Scope is the scope of the last full import, for comparison.
	Scope string
}
