package graphtest

import (
	"fmt"
	"time"
)

// Behind says by how many seconds the replicas lag that answer each kind of resource,
// in a $batch or outside; see Tenant.SetLag.
type Behind struct {
	// Groups is the lag of lists of groups.
	Groups float64 `json:"groups"`
	// Group is the lag of a single group, also in getByIds.
	Group float64 `json:"group"`
	// Members is the lag of a group's members. In that request, whether the group
	// exists at all is equally old.
	Members float64 `json:"members"`
	// Users is the lag of lists of users, single users, and a user's getMemberGroups.
	Users float64 `json:"users"`
	// DeletedItems is the lag of deleted groups and users, in lists and single.
	DeletedItems float64 `json:"deletedItems"`
}

// SetLag makes each kind of resource show the tenant as it was some time ago by the
// tenant's clock; the zero Behind ends the lag. Delta queries still report the present.
// Before the seed, nothing was different.
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

// PassTime moves the tenant's clock forward. Tokens expire by this clock.
func (t *Tenant) PassTime(d time.Duration) error {
	if d < 0 {
		return fmt.Errorf("%v is to pass, but time does not go back", d)
	}
	t.passed.Add(int64(d))
	return nil
}
