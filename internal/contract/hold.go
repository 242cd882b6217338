package contract

import (
	"context"
	"time"

	"groupwriteback/internal/directory"
)

// Hold is a group of the tenant that is left as it is in Active Directory (rule 62).
type Hold struct {
	GroupID directory.GUID `json:"groupId"`
	directory.Hold
}

// Failing is a group whose changes have failed in several runs in a row (rule 62).
type Failing struct {
	GroupID directory.GUID `json:"-"`
	// Tries is the number of these runs. Message says why the last one failed.
	Tries   int    `json:"tries"`
	Message string `json:"message"`
	// Since is when the group was quarantined, and Next when it is tried again at the
	// latest. Both are zero as long as each run tries it.
	Since time.Time `json:"since,omitzero"`
	Next  time.Time `json:"next,omitzero"`
}

// Quarantined reports whether the group is retried at growing intervals only.
func (f *Failing) Quarantined() bool { return !f.Since.IsZero() }

// HoldStore stores which groups are not treated like the others. It does not belong to a
// generation: a hold lasts until somebody ends it or its time is over.
type HoldStore interface {
	// Holds lists the holds by group, including those whose time is over.
	Holds(ctx context.Context) ([]Hold, error)
	// SetHolds stores holds. Each replaces the group's earlier one, makes the group
	// pending, and takes it out of the disable set. The times are kept in whole seconds.
	SetHolds(ctx context.Context, holds []Hold) error
	// EndHolds removes the holds of these groups and makes the groups pending. Groups
	// without a hold are ignored.
	EndHolds(ctx context.Context, groups []directory.GUID) error
	// Failing lists the groups whose changes fail, by group. SaveFailing stores some of
	// them, and removes those without any tries.
	Failing(ctx context.Context) ([]Failing, error)
	SaveFailing(ctx context.Context, failing []Failing) error
	// EndQuarantine ends the quarantine of a group and makes it pending. It reports whether the
	// group was in one.
	EndQuarantine(ctx context.Context, group directory.GUID) (was bool, err error)
}
