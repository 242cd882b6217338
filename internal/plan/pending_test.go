package plan

import (
	"testing"

	"groupwriteback/internal/directory"
)

func TestPending(t *testing.T) {
	whole := &Membership{Joined: members(1), Unwritten: map[directory.Reason]int{directory.ReasonGuest: 1, directory.ReasonNotFound: 2}}
	again := map[Reason]bool{
		ReasonNameClash: true, ReasonDisputed: true, ReasonMarkRemoved: true, ReasonForeign: true, ReasonAuthorityMoved: true,
		ReasonMembersUnread: true, ReasonRemovalsHeld: true, ReasonPresenceUnknown: true,
		ReasonSoftDeleted: false, ReasonOutOfScope: false, ReasonHiddenMembership: false, ReasonTooManyMembers: false,
		ReasonUnmatched: false, ReasonAlreadyDeleted: false,
	}
	for reason, want := range again {
		changes := []Change{{Action: UpdateMembers}, {Action: Skip, Reason: reason}}
		if got := Pending(changes, whole); got != want {
			t.Errorf("a skip for %s: %v, want %v", reason, got, want)
		}
	}
	for name, c := range map[string]struct {
		changes    []Change
		membership Membership
		want       bool
	}{
		"nothing":            {nil, *whole, false},
		"no members":         {nil, Membership{}, false},
		"changes":            {[]Change{{Action: Create}, {Action: UpdateMembers, Reason: ReasonDrift}}, *whole, false},
		"members held back":  {[]Change{{Action: UpdateMembers, Reason: ReasonRemovalsHeld}}, *whole, true},
		"an unknown member":  {nil, Membership{Unwritten: map[directory.Reason]int{directory.ReasonGCUnavailable: 1}}, true},
		"members not read":   {nil, Membership{Incomplete: "GraphError"}, true},
		"a deletion":         {[]Change{{Action: Delete, Reason: ReasonSoftDeleted}}, Membership{}, false},
		"a re-creation":      {[]Change{{Action: Create, Reason: ReasonDeletedInAD}}, *whole, false},
		"SoftDeleted, waits": {[]Change{{Action: Skip, Reason: ReasonSoftDeleted}}, Membership{}, false},
	} {
		if got := Pending(c.changes, &c.membership); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
