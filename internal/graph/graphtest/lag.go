package graphtest

import (
	"fmt"
	"time"
)

// Behind says how many seconds the replicas are behind that answer each kind of
// resource, within $batch and without; see Tenant.SetLag.
type Behind struct {
	// Groups are the lists of groups.
	Groups float64 `json:"groups"`
	// Group is a single group, also in getByIds.
	Group float64 `json:"group"`
	// Members are the members of a group. Whether the group is there at all, they
	// show as old as the members.
	Members float64 `json:"members"`
	// Users are lists of users, single users and what getMemberGroups says of one.
	Users float64 `json:"users"`
	// DeletedItems are the deleted groups and users, listed and single.
	DeletedItems float64 `json:"deletedItems"`
}

// SetLag makes each kind of resource show the tenant as it was some time ago by
// the tenant's clock, and the zero Behind ends it. Delta queries tell what is true
// now. Before the seed nothing was different.
func (t *Tenant) SetLag(behind Behind) error {
	for name, lag := range map[string]float64{
		"groups": behind.Groups, "group": behind.Group, "members": behind.Members,
		"users": behind.Users, "deletedItems": behind.DeletedItems,
	} {
		if lag < 0 {
			return fmt.Errorf("lag of %s: %v seconds, want 0 or more", name, lag)
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.behind = behind
	return nil
}

// PassTime moves the clock of the tenant on. Tokens expire by it.
func (t *Tenant) PassTime(d time.Duration) error {
	if d < 0 {
		return fmt.Errorf("%v is to pass, but time does not go back", d)
	}
	t.passed.Add(int64(d))
	return nil
}
