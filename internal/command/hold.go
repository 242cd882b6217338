package command

import (
	"context"
	"fmt"
	"strings"
	"time"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// maxComment is the length of a comment on a hold, in UTF-16 units.
const maxComment = 256

// Suspend puts a group on hold, in place of an earlier hold. It needs no connection; the
// next run also writes the hold to the object in AD. Errors: InvalidParameter and those of
// [Engine.Group].
func (e *Engine) Suspend(ctx context.Context, request SuspendRequest) (contract.GroupView, error) {
	now := e.config.Now().UTC().Truncate(time.Second)
	comment := strings.TrimSpace(directory.Clean(request.Comment))
	switch until := request.Until; {
	case directory.CutUTF16(comment, maxComment) != comment:
		return contract.GroupView{}, contract.InvalidParameter("comment", comment, "at most "+directory.Count(maxComment, "character"))
	case !until.IsZero() && (!until.After(now) || until.Year() > 9999):
		return contract.GroupView{}, contract.InvalidParameter("until", until.Format(time.RFC3339), "a time in the future, or none, so that the group is on hold until somebody resumes it")
	}
	return e.changeHold(ctx, request.Group, contract.AuditGroupSuspended, func(state contract.State, view *contract.GroupView) ([]contract.AuditChange, func() error, error) {
		hold := directory.Hold{Reason: directory.HoldSuspended, Comment: comment, Account: e.config.Caller.Account, Since: now, Until: request.Until.UTC().Truncate(time.Second)}
		if request.Until.IsZero() {
			hold.Until = time.Time{}
		}
		return holdChanges(view.Hold, &hold), func() error { return state.SetHolds(ctx, []contract.Hold{{GroupID: view.ID, Hold: hold}}) }, nil
	})
}

// Resume ends a hold or a quarantine. It needs no connection; the next run plans the
// group. Errors: GroupNotOnHold and those of [Engine.Group].
func (e *Engine) Resume(ctx context.Context, request ResumeRequest) (contract.GroupView, error) {
	return e.changeHold(ctx, request.Group, contract.AuditGroupResumed, func(state contract.State, view *contract.GroupView) ([]contract.AuditChange, func() error, error) {
		changes := holdChanges(view.Hold, nil)
		if view.Quarantine != nil {
			changes = append(changes, contract.AuditChange{Name: "quarantined", Old: view.Quarantine.Since.Format(time.RFC3339)})
		}
		if changes == nil {
			return nil, nil, &contract.Error{Category: contract.InvalidState, ID: "GroupNotOnHold", Object: view.ID.String(),
				Message: fmt.Sprintf("The group %s is neither on hold nor in quarantine.", view.DisplayName), Advice: "List the groups that are with Get-GroupWritebackGroup -OnHold."}
		}
		return changes, func() error {
			if err := state.EndHolds(ctx, []directory.GUID{view.ID}); err != nil {
				return err
			}
			_, err := state.EndQuarantine(ctx, view.ID)
			return err
		}, nil
	})
}

// changeHold finds the named group, makes the change that prepare returns, and returns
// what the state knows of the group then.
func (e *Engine) changeHold(ctx context.Context, text string, event contract.AuditEvent,
	prepare func(contract.State, *contract.GroupView) ([]contract.AuditChange, func() error, error)) (contract.GroupView, error) {
	state, unlock, err := lockState(ctx, e.State)
	if err != nil {
		return contract.GroupView{}, err
	}
	defer unlock()
	view, err := e.heldGroup(ctx, state, text)
	if err != nil {
		return contract.GroupView{}, err
	}
	changes, do, err := prepare(state, &view)
	if err != nil {
		return contract.GroupView{}, err
	}
	entry := contract.AuditEntry{Event: event, Object: strings.TrimSpace(view.DisplayName + " (" + view.ID.String() + ")"), Changes: changes}
	if err := e.change(ctx, state, do, entry); err != nil {
		return contract.GroupView{}, err
	}
	return e.heldGroup(ctx, state, view.ID.String())
}

// heldGroup returns the named group. A group on hold can be named by its id even if the
// state knows nothing else of it any more.
func (e *Engine) heldGroup(ctx context.Context, state contract.State, text string) (contract.GroupView, error) {
	view, err := e.Group(ctx, "group", text)
	id, parsed := directory.ParseGUID(strings.TrimSpace(text))
	if !contract.HasID(err, "GroupNotFound") || parsed != nil {
		return view, err
	}
	holds, listed := state.Holds(ctx)
	if listed != nil {
		return view, listed
	}
	for i := range holds {
		if holds[i].GroupID == id {
			return contract.GroupView{Key: id, ID: id, Hold: &holds[i].Hold}, nil
		}
	}
	return view, err
}

// holdChanges returns what differs between two holds, for the audit. Either may be nil.
func holdChanges(before, after *directory.Hold) (changes []contract.AuditChange) {
	texts := func(h *directory.Hold) [4]string {
		if h == nil {
			return [4]string{}
		}
		until := "resumed"
		if !h.Until.IsZero() {
			until = h.Until.Format(time.RFC3339)
		}
		return [4]string{string(h.Reason), h.Comment, h.Account, until}
	}
	old, now := texts(before), texts(after)
	for i, name := range []string{"reason", "comment", "account", "until"} {
		if old[i] != now[i] {
			changes = append(changes, contract.AuditChange{Name: name, Old: old[i], New: now[i]})
		}
	}
	return changes
}
