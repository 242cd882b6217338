package command

import (
	"context"
	"fmt"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// checkOwner refuses a tenant or a domain other than the state's (rule 4), before
// anything is read from it. It does not check a side that is not connected.
func checkOwner(ctx context.Context, state contract.State, settings *contract.Settings, c *connection) error {
	tenant, domain, err := state.Owner(ctx)
	if err != nil {
		return err
	}
	for _, owner := range []struct {
		tenant directory.GUID
		domain contract.DomainRef
	}{{tenant, domain}, {settings.Tenant.ID, settings.Domain}} {
		if now := c.sourceID.TenantID; c.source != nil && !owner.tenant.IsZero() && owner.tenant != now {
			return &contract.Error{Category: contract.InvalidState, ID: "TenantMismatch", Object: now.String(),
				Message: fmt.Sprintf("This state belongs to the tenant %s, but the connection is to %s.", owner.tenant, now),
				Advice:  "Connect to that tenant, or specify another state folder with -StatePath."}
		}
		if now := c.targetID; c.target != nil && !owner.domain.GUID.IsZero() && (owner.domain.GUID != now.DomainGUID || owner.domain.SID != now.DomainSID) {
			return &contract.Error{Category: contract.InvalidState, ID: "DomainMismatch", Object: now.DomainName,
				Message: fmt.Sprintf("This state belongs to the domain %s (%s), but the connection is to %s (%s).",
					owner.domain.Name, owner.domain.SID, now.DomainName, now.DomainSID),
				Advice: "Connect to that domain, or specify another state folder with -StatePath."}
		}
	}
	return nil
}

// checkRun makes sure, before a run begins, that the state, the settings and the two
// connections belong together, and that the token can read what the decisions need (rules
// 4 and 7).
func checkRun(ctx context.Context, state contract.State, settings *contract.Settings, c *connection) error {
	if err := checkOwner(ctx, state, settings, c); err != nil {
		return err
	}
	return c.sourceID.RequirePermissions()
}

// lockState opens the state, creating it if open does, and takes its lock.
func lockState(ctx context.Context, open func(context.Context) (contract.State, error)) (contract.State, func(), error) {
	state, err := open(ctx)
	if err != nil {
		return nil, nil, err
	}
	unlock, err := state.Lock(ctx)
	return state, unlock, err
}
