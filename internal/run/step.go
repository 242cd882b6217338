package run

import (
	"context"

	"groupwriteback/internal/contract"
)

// stepName is the id of a step in progress and log, and the message when it begins.
type stepName struct{ id, says string }

var (
	prepareStep  = stepName{"Prepare", "Checking the containers and what is due"}
	sourceStep   = stepName{"ImportSource", "Reading the tenant"}
	memberStep   = stepName{"ImportMembers", "Reading the members of the groups"}
	targetStep   = stepName{"ImportTarget", "Reading Active Directory"}
	groupStep    = stepName{"ImportMembers", "Reading the group and its members"}
	standingStep = stepName{"ImportTarget", "Reading the group's object in Active Directory"}
	resolveStep  = stepName{"Resolve", "Finding the members in Active Directory"}
	planStep     = stepName{"Plan", "Planning"}
	limitStep    = stepName{"Limits", "Checking the limits"}
	undoStep     = stepName{"Undo", "Writing down what will be deleted or removed"}
	exportStep   = stepName{"Export", "Writing to Active Directory"}
	confirmStep  = stepName{"Confirm", "Verifying the written groups"}
	settleStep   = stepName{"Settle", "Updating groups that contain changed groups"}
	commitStep   = stepName{"Commit", "Saving the state"}
)

// steps is the progress of a run through its recipe, up to the first step that fails.
type steps struct {
	meter *contract.Meter
	err   error
}

// expects sets how many more steps follow.
func (s *steps) expects(n int) { s.meter.Expects(n) }

// step passes the result of an earlier step to the next one and returns what that one
// makes. If an earlier step failed or the run was cancelled, it does nothing and returns
// the zero value.
func step[In, Out any](ctx context.Context, s *steps, name stepName, do func(context.Context, In) (Out, error), in In) (out Out) {
	if s.err == nil {
		s.err = ctx.Err()
	}
	if s.err != nil {
		return out
	}
	s.meter.Begin(name.id, name.says)
	out, s.err = do(ctx, in)
	return out
}
