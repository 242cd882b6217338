package contract

import (
	"context"
	"slices"
	"strings"
	"time"

	"groupwriteback/internal/directory"
)

// AuditEvent says what an entry of the audit is about.
type AuditEvent string

// The events. An entry about a change is written before the change is made. If the change
// then fails, another entry with the same event has its error.
const (
	AuditEnabled          AuditEvent = "Enabled"
	AuditDisabled         AuditEvent = "Disabled"
	AuditSettingsChanged  AuditEvent = "SettingsChanged"
	AuditMappingChanged   AuditEvent = "MappingChanged"
	AuditConsentGiven     AuditEvent = "ConsentGiven"     // to what limits held back, or to adopt
	AuditConsentWithdrawn AuditEvent = "ConsentWithdrawn" // to adopt
	AuditRightsGranted    AuditEvent = "RightsGranted"
	AuditRightsRevoked    AuditEvent = "RightsRevoked"
	AuditGroupSuspended   AuditEvent = "GroupSuspended"
	AuditGroupResumed     AuditEvent = "GroupResumed"
	AuditGroupsRestored   AuditEvent = "GroupsRestored"
	AuditRunStarted       AuditEvent = "RunStarted"
	AuditRunEnded         AuditEvent = "RunEnded"
	AuditUnreadable       AuditEvent = "Unreadable" // the line of an entry that cannot be read
)

// AuditEvents are all events.
var AuditEvents = []AuditEvent{AuditEnabled, AuditDisabled, AuditSettingsChanged, AuditMappingChanged, AuditConsentGiven, AuditConsentWithdrawn,
	AuditRightsGranted, AuditRightsRevoked, AuditGroupSuspended, AuditGroupResumed, AuditGroupsRestored, AuditRunStarted, AuditRunEnded, AuditUnreadable}

// UnmarshalText ignores letter case.
func (e *AuditEvent) UnmarshalText(text []byte) error { return directory.SetWord(e, text, AuditEvents) }

// Caller is who uses the engine, and from where.
type Caller struct {
	// Account is the account of the engine's process, on Windows with its domain or
	// computer. AccountSID is empty on other systems.
	Account    string        `json:"account,omitempty"`
	AccountSID directory.SID `json:"accountSid,omitempty"`
	Computer   string        `json:"computer,omitempty"`
	// Client is the program that talks to the engine, and From where its user is, as far
	// as they say so.
	Client string `json:"client,omitempty"`
	From   string `json:"from,omitempty"`
}

// AuditEntry is one entry of the audit. It holds no secret. Texts are clean and bounded.
type AuditEntry struct {
	// ID is the entry's place in the audit. It is set by reading.
	ID    string     `json:"id,omitempty"`
	Time  time.Time  `json:"time"`
	Event AuditEvent `json:"event"`
	// Object is what was changed: the DN of a container, an attribute, a group, a plan.
	Object  string        `json:"object,omitempty"`
	Changes []AuditChange `json:"changes,omitempty"`
	// More is the number of changes that were left out.
	More  int   `json:"more,omitempty"`
	RunID int64 `json:"runId,omitempty"`
	// ErrorID and Message say why a change failed, or how a run ended.
	ErrorID string `json:"errorId,omitempty"`
	Message string `json:"message,omitempty"`
	Caller
	// DirectoryAccount and AppID are the account in Active Directory and the application in
	// the tenant that were connected.
	DirectoryAccount string `json:"directoryAccount,omitempty"`
	AppID            string `json:"appId,omitempty"`
}

// AuditChange is a value before and after. A value that was not there is empty.
type AuditChange struct {
	Name string `json:"name"`
	Old  string `json:"old,omitempty"`
	New  string `json:"new,omitempty"`
}

// Bounds of an entry, in bytes. A longer text is cut, and says how long it was.
const (
	maxAuditText    = 4 << 10
	maxAuditChanges = 128 << 10 // what all changes of an entry take, so that it fits in an answer
)

// Clean makes every text clean and bounded. Values keep the codes of characters that
// deceive the reader.
func (e *AuditEntry) Clean() {
	size, changes := 0, e.Changes
	e.Changes = nil
	for i, c := range changes {
		c.Name, c.Old, c.New = auditText(directory.Clean(c.Name)), auditText(directory.Reveal(c.Old)), auditText(directory.Reveal(c.New))
		if size += c.size(); size > maxAuditChanges {
			e.More += len(changes) - i
			break
		}
		e.Changes = append(e.Changes, c)
	}
	for _, text := range []*string{(*string)(&e.Event), &e.Object, &e.ErrorID, &e.Message, &e.Account, (*string)(&e.AccountSID), &e.Computer, &e.Client, &e.From,
		&e.DirectoryAccount, &e.AppID} {
		*text = auditText(directory.Clean(*text))
	}
}

func auditText(text string) string {
	n := len(text)
	if n <= maxAuditText {
		return text
	}
	note := "… (" + directory.Count(n, "byte") + ")"
	return strings.ToValidUTF8(text[:maxAuditText-len(note)], "") + note
}

// size is what the change takes of an entry.
func (c *AuditChange) size() int { return len(c.Name) + len(c.Old) + len(c.New) + 32 }

// maxAudited bounds the changes that the audit has of one request.
const maxAudited = 1_000

// Split distributes the changes of an entry over as many entries as they need.
func (e AuditEntry) Split() []AuditEntry {
	told := e.Changes[:min(len(e.Changes), maxAudited)]
	more := len(e.Changes) - len(told)
	entries := []AuditEntry{e}
	entries[0].Changes = nil
	size := 0
	for _, c := range told {
		need := min(c.size(), 3*maxAuditText)
		if size += need; size > maxAuditChanges/2 {
			size = need
			entries = append(entries, entries[0])
			entries[len(entries)-1].Changes = nil
		}
		last := &entries[len(entries)-1]
		last.Changes = append(last.Changes, c)
	}
	entries[len(entries)-1].More += more
	return entries
}

// AuditFilter narrows a listing. A zero field does not narrow it.
type AuditFilter struct {
	Since, Until time.Time // Until is exclusive
	Events       []AuditEvent
	// An entry has to be about the Object, in any letter case, or contain one of the Mentions,
	// which are in lower case.
	Object   string
	Mentions []string
}

// Holds reports whether the filter selects the entry. A line that cannot be read may be
// about anything.
func (f *AuditFilter) Holds(e *AuditEntry) bool {
	if e.Time.Before(f.Since) || !f.Until.IsZero() && !e.Time.Before(f.Until) {
		return false
	}
	if e.Event == AuditUnreadable {
		return true
	}
	return (len(f.Events) == 0 || slices.Contains(f.Events, e.Event)) && (f.Object == "" && len(f.Mentions) == 0 || f.about(e))
}

func (f *AuditFilter) about(e *AuditEntry) bool {
	if f.Object != "" && directory.SameName(f.Object, e.Object) {
		return true
	}
	in := func(text string) bool {
		text = strings.ToLower(text)
		return slices.ContainsFunc(f.Mentions, func(m string) bool { return strings.Contains(text, m) })
	}
	return in(e.Object) || slices.ContainsFunc(e.Changes, func(c AuditChange) bool { return in(c.Name) || in(c.Old) || in(c.New) })
}

// AuditStore keeps the audit: entries that are added and never changed, as long as the
// records of runs.
type AuditStore interface {
	// AppendAudit adds entries; when it returns, they last. Error AuditNotWritten.
	AppendAudit(ctx context.Context, entries ...AuditEntry) error
	// Audit lists entries, newest first: those before the entry with an id, or all if it is
	// empty. Errors: AuditUnreadable, InvalidParameter for what is no id.
	Audit(ctx context.Context, filter AuditFilter, before string, limit int) ([]AuditEntry, error)
}
