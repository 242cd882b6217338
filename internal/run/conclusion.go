package run

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// stop ends a run on purpose, before or between writes.
type stop struct {
	reason  contract.StopReason
	message string
}

func (s *stop) Error() string { return s.message }

// findings are what a run has found out for its conclusion, in addition to the record.
type findings struct {
	doubts  int // groups that could not be decided
	unknown int // unknown members of the groups that were planned
	guarded int // linked groups that are protected and were left as they are
	// quarantined counts the groups that this run has quarantined.
	quarantined int
	expired     bool // the access token ran out
	// heldWhy says why changes were held back.
	heldWhy []string
	// refusedWhole counts the changes of which nothing was done; firstFailed is the first
	// of them.
	refusedWhole int
	firstFailed  contract.SpooledChange
}

// tellOutcome logs how the run ended.
func (r *run) tellOutcome() {
	record := &r.record
	r.log.Info("run ended", "run", record.ID, "kind", record.Kind, "status", record.Status, "stopReason", record.StopReason, "message", record.Message,
		"policyType", record.PolicyType, "policyReason", record.PolicyReason, "server", record.Server,
		"seconds", record.Ended.Sub(record.Started).Seconds(), "sourceGroups", record.SourceGroups, "targetGroups", record.TargetGroups, "linkedGroups", record.LinkedGroups,
		"planned", record.Planned, "exported", record.Exported, "failed", record.Failed, "unknownMembers", record.UnknownMembers, "unwrittenMembers", record.UnwrittenMembers)
}

// conclude records how the run ended.
func (r *run) conclude(ctx context.Context, err error) {
	r.record.Ended = r.now().UTC()
	switch {
	case err == nil && r.allFailed():
		r.record.Status, r.record.StopReason, r.record.Message = contract.RunFailed, contract.StopAllFailed, r.partly()
		r.record.Error = &contract.RunError{Category: contract.InvalidState, ID: contract.StopAllFailed, Object: r.found.firstFailed.DN,
			Message: fmt.Sprintf("None of the planned changes could be made: %s failed.", directory.Count(r.record.Failed, "change")),
			Advice:  "List the changes with Get-GroupWritebackChange to see why each one failed. The next run tries again.", Cause: r.found.firstFailed.Message}
	case err == nil && (r.record.Failed > 0 || r.found.doubts > 0 || r.found.unknown > 0 || r.found.guarded > 0 || r.found.expired || r.record.Held != plan.Totals{}):
		r.record.Status = contract.RunPartial
		r.record.Message = r.partly()
		if r.found.expired {
			r.record.StopReason = contract.StopAccessTokenExpired
			r.record.Message = strings.TrimSpace(r.record.Message + " The access token expired. The next run continues where this one stopped.")
		}
		if r.record.HeldBy != nil {
			r.record.StopReason = r.record.HeldBy[0]
			r.record.Message = strings.TrimSpace(r.saysHeld() + " " + r.record.Message)
		}
	default:
		if Conclude(ctx, &r.record, err); r.record.Status == contract.RunFailed {
			r.warn("run failed", "run", r.record.ID, "error", err)
		}
	}
}

// Conclude records how a run ended, with err or with nil.
func Conclude(ctx context.Context, r *contract.Run, err error) {
	var stopped *stop
	switch {
	case err == nil:
		r.Status = contract.RunComplete
	case errors.As(err, &stopped):
		r.Status, r.StopReason, r.Message = contract.RunStopped, stopped.reason, stopped.message
	case ctx.Err() != nil:
		r.Status, r.StopReason = contract.RunStopped, contract.StopCancelled
		r.Message = "The run was cancelled. The next run does the remaining work."
	case contract.HasID(err, contract.StopAccessTokenExpired):
		r.Status, r.StopReason = contract.RunPartial, contract.StopAccessTokenExpired
		r.Message = "The access token expired before anything was exported. Connect again and start another run."
	default:
		e := contract.AsError(err)
		r.Status, r.StopReason, r.Message = contract.RunFailed, contract.StopReason(e.ID), e.Message
		r.Error = &contract.RunError{Category: e.Category, ID: e.ID, Object: e.Object, Message: e.Message, Advice: e.Advice, Cause: e.Cause()}
	}
}

// allFailed reports whether changes were tried and all of them failed.
func (r *run) allFailed() bool {
	done := r.record.Exported
	done.Skip = 0
	return r.record.Failed > 0 && r.record.Failed == r.found.refusedWhole && done == plan.Totals{}
}

// partly says what a partial run could not do.
func (r *run) partly() string {
	var parts []string
	add := func(n int, text string) {
		if n > 0 {
			parts = append(parts, text)
		}
	}
	add(r.record.Failed, directory.Count(r.record.Failed, "change")+" failed or could not be confirmed")
	add(r.found.doubts, directory.Count(r.found.doubts, "group")+" could not be decided")
	add(r.found.guarded, directory.Plural(r.found.guarded, "1 group is protected and was not changed", "%d groups are protected and were not changed"))
	add(r.found.unknown, directory.Plural(r.found.unknown, "the on-premises account of 1 member is unknown", "the on-premises accounts of %d members are unknown"))
	add(r.found.quarantined, directory.Plural(r.found.quarantined, "1 group failed again and is quarantined, so that later runs retry it less often", "%d groups failed again and are quarantined, so that later runs retry them less often"))
	if parts == nil {
		return ""
	}
	text := strings.Join(parts, "; ") + ". List the changes and the groups for details."
	return strings.ToUpper(text[:1]) + text[1:]
}

// saysHeld says what was held back and how to release it.
func (r *run) saysHeld() string {
	var parts []string
	for _, p := range []struct {
		n    int
		noun string
	}{{r.record.Held.Delete, "deletion"}, {r.record.Held.Move, "move"}, {r.record.Held.Create, "recreation"}} {
		if p.n > 0 {
			parts = append(parts, directory.Count(p.n, p.noun))
		}
	}
	if n := r.record.Held.MembersRemoved; n > 0 {
		parts = append(parts, fmt.Sprintf("%s of members from %s", directory.Count(n, "removal"), directory.Count(r.record.Held.UpdateMembers, "group")))
	}
	text := "Held back: " + strings.Join(parts, ", ") + ". " + strings.Join(r.found.heldWhy, " ")
	if r.record.HeldRuns > 1 {
		text += fmt.Sprintf(" This has happened in %d runs in a row.", r.record.HeldRuns)
	}
	return text + " Everything else continues. Review the changes with the outcome Held. If they are correct, " + r.saysConsent()
}
