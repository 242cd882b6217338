package command

import (
	"context"
	"fmt"
	"strconv"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/plan"
	"groupwriteback/internal/run"
)

// change makes a change that leaves entries in the audit. The entries are written first, so
// nothing changes that leaves none; if the change then fails, another entry says so, because
// some of it may have been done. Error AuditNotWritten: nothing was changed.
func (e *Engine) change(ctx context.Context, audit contract.AuditStore, do func() error, entries ...contract.AuditEntry) error {
	if err := e.record(ctx, audit, entries...); err != nil {
		return err
	}
	err := do()
	if err == nil || len(entries) == 0 {
		return err
	}
	failed := entries[0]
	of := contract.AsError(err)
	failed.Changes, failed.More, failed.ErrorID, failed.Message = nil, 0, of.ID, of.Message
	e.tryRecord(ctx, audit, failed)
	return err
}

// record adds entries to the audit, with the time and who made the request. Before there is
// a state, there is no audit.
func (e *Engine) record(ctx context.Context, audit contract.AuditStore, entries ...contract.AuditEntry) error {
	if _, none := audit.(nothing); none {
		return nil
	}
	connected := e.Connection()
	for _, entry := range entries {
		entry.Time, entry.Caller = e.config.Now().UTC(), e.config.Caller
		if t := connected.Target; t != nil && entry.DirectoryAccount == "" {
			entry.DirectoryAccount = t.Account
		}
		if s := connected.Source; s != nil {
			entry.AppID = s.AppID
		}
		if err := audit.AppendAudit(ctx, entry); err != nil {
			return err
		}
	}
	return nil
}

// tryRecord is record for what has happened already, or must happen anyway.
func (e *Engine) tryRecord(ctx context.Context, audit contract.AuditStore, entry contract.AuditEntry) {
	if err := e.record(ctx, audit, entry); err != nil {
		e.config.Log.Error("cannot write to the audit", "event", entry.Event, "object", entry.Object, "error", err.Error())
	}
}

// changeSettings is change for settings and the consent to adopt, from the stored ones to
// those given. entry has the event and what else is to be said; without a change, there is
// an entry only if something is said or if writeback is turned on or off.
func (e *Engine) changeSettings(ctx context.Context, state contract.State, entry contract.AuditEntry, after *contract.Settings, adopt []contract.Link, save func() error) error {
	before, err := state.LoadSettings(ctx)
	if err != nil {
		return err
	}
	agreed, err := state.AdoptSet(ctx)
	if err != nil {
		return err
	}
	settings, mapping := before.Difference(after)
	entry.Changes = append(entry.Changes, settings...)
	var entries []contract.AuditEntry
	if len(entry.Changes) > 0 || entry.Event != contract.AuditSettingsChanged {
		entries = entry.Split()
	}
	given, withdrawn := consentChanges(agreed, adopt)
	for _, more := range []contract.AuditEntry{
		{Event: contract.AuditMappingChanged, Changes: mapping},
		{Event: contract.AuditConsentGiven, Changes: given},
		{Event: contract.AuditConsentWithdrawn, Changes: withdrawn},
	} {
		if len(more.Changes) > 0 {
			entries = append(entries, more.Split()...)
		}
	}
	return e.change(ctx, state, save, entries...)
}

// consentChanges lists the consents to adopt that came and went.
func consentChanges(before, after []contract.Link) (given, withdrawn []contract.AuditChange) {
	old, now := map[string]bool{}, map[string]bool{}
	text := func(l contract.Link) string {
		return fmt.Sprintf("%s (objectGUID %s) for the group %s", l.DN, l.TargetGUID, l.SourceID)
	}
	for _, l := range before {
		old[text(l)] = true
	}
	for _, l := range after {
		now[text(l)] = true
	}
	for _, l := range after {
		if t := text(l); !old[t] {
			given = append(given, contract.AuditChange{Name: "adopt", New: t})
		}
	}
	for _, l := range before {
		if t := text(l); !now[t] {
			withdrawn = append(withdrawn, contract.AuditChange{Name: "adopt", Old: t})
		}
	}
	return given, withdrawn
}

// auditRun records who started a run, the consent that it was given, and how it ended. A
// consent that cannot be recorded is not used. A run goes on without an audit, since groups
// that are out of date do more harm; the log has the error.
func (e *Engine) auditRun(ctx context.Context, g *run.Ground, kind contract.RunKind, group, allowOnce string, do func() (contract.Run, error)) (contract.Run, error) {
	if allowOnce != "" {
		if agreed, err := g.State.RunByPlan(ctx, allowOnce); err == nil { // otherwise the run refuses it
			entry := contract.AuditEntry{Event: contract.AuditConsentGiven, Object: "plan " + allowOnce, RunID: agreed.ID, Changes: totals("held", &agreed.Held)}
			if err := e.record(ctx, g.State, entry); err != nil {
				return contract.Run{}, err
			}
		}
	}
	object := group
	if object == "" {
		object = g.Settings.Container.DN
	}
	changes := []contract.AuditChange{{Name: "kind", New: string(kind)}}
	e.tryRecord(ctx, g.State, contract.AuditEntry{Event: contract.AuditRunStarted, Object: object, Changes: changes})
	ended, err := do()
	entry := contract.AuditEntry{Event: contract.AuditRunEnded, Object: object, RunID: ended.ID, Message: ended.Message,
		Changes: append(changes, contract.AuditChange{Name: "status", New: string(ended.Status)})}
	if ended.GroupName != "" {
		entry.Object = fmt.Sprintf("%s (%s)", ended.GroupName, ended.GroupID)
	}
	entry.ErrorID = string(ended.StopReason)
	if err != nil {
		of := contract.AsError(err)
		entry.ErrorID, entry.Message = of.ID, of.Message
	}
	entry.Changes = append(entry.Changes, totals("exported", &ended.Exported)...)
	if ended.Failed > 0 {
		entry.Changes = append(entry.Changes, contract.AuditChange{Name: "failed", New: strconv.Itoa(ended.Failed)})
	}
	e.tryRecord(ctx, g.State, entry)
	return ended, err
}

// totals lists the counts that are not zero.
func totals(name string, t *plan.Totals) []contract.AuditChange {
	var changes []contract.AuditChange
	for _, count := range []struct {
		name string
		n    int
	}{{"create", t.Create}, {"adopt", t.Adopt}, {"update", t.Update}, {"move", t.Move}, {"updateMembers", t.UpdateMembers}, {"delete", t.Delete},
		{"membersAdded", t.MembersAdded}, {"membersRemoved", t.MembersRemoved}} {
		if count.n > 0 {
			changes = append(changes, contract.AuditChange{Name: name + "." + count.name, New: strconv.Itoa(count.n)})
		}
	}
	return changes
}
