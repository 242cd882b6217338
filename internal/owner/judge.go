package owner

import (
	"context"
	"fmt"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// Judge decides whose an object is, as it is in the directory (rules 2 and 3). It reads
// the owner, which decides if there is only a mark and a stamp, once, and only of objects
// that are stamped and not linked.
type Judge struct {
	Target contract.TargetReader
	Rules  plan.Rules
	Containers
	// owners has the owner of each object that was asked for; nil: it cannot be read.
	// Many objects share one.
	owners     map[directory.GUID]*contract.Principal
	principals map[contract.Principal]*contract.Principal
}

// NewJudge returns a judge for these settings and containers.
func NewJudge(target contract.TargetReader, id *contract.TargetIdentity, settings *contract.Settings, containers Containers) (*Judge, error) {
	base, err := directory.ParseDN(id.BaseDN)
	if err != nil {
		return nil, err
	}
	j := &Judge{Target: target, Containers: containers, Rules: plan.Rules{
		TenantID: settings.Tenant.ID, BaseDN: base,
		Account: id.AccountSID, DomainSID: id.DomainSID, ForestSID: id.ForestSID,
	}}
	for _, trusted := range settings.TrustedOwners {
		j.Rules.TrustedOwners = append(j.Rules.TrustedOwners, trusted.SID)
	}
	return j, nil
}

// Candidate returns the object with everything that decides whose it is.
func (j *Judge) Candidate(ctx context.Context, t *contract.StagedTarget) (plan.Candidate, error) {
	c := j.Unowned(t)
	if !c.NeedsOwner(&j.Rules) {
		return c, nil
	}
	if _, asked := j.owners[c.GUID]; !asked {
		if err := j.askOwners(ctx, []directory.GUID{c.GUID}); err != nil {
			return c, err
		}
	}
	if owner := j.owners[c.GUID]; owner != nil {
		c.Owner, c.OwnerName = owner.SID, owner.Name
	}
	return c, nil
}

// Unowned returns the object as a candidate, without asking for its owner.
func (j *Judge) Unowned(t *contract.StagedTarget) plan.Candidate {
	c := plan.Candidate{TargetGroup: t.TargetGroup, Linked: t.Linked, Adopted: t.Adopted, Former: t.Former, Placed: t.Container}
	c.Place, c.Container = j.Place(t.DN)
	return c
}

// Ask reads the owners of all objects that need one, in one call.
func (j *Judge) Ask(ctx context.Context, targets []contract.StagedTarget) error {
	var guids []directory.GUID
	for i := range targets {
		c := j.Unowned(&targets[i])
		if _, asked := j.owners[c.GUID]; !asked && c.NeedsOwner(&j.Rules) {
			guids = append(guids, c.GUID)
		}
	}
	return j.askOwners(ctx, guids)
}

func (j *Judge) askOwners(ctx context.Context, guids []directory.GUID) error {
	if len(guids) == 0 {
		return nil
	}
	owners, err := j.Target.Owners(ctx, guids)
	if err != nil {
		return fmt.Errorf("reading the owner of %s: %w", directory.Count(len(guids), "group"), err)
	}
	if j.owners == nil {
		j.owners, j.principals = map[directory.GUID]*contract.Principal{}, map[contract.Principal]*contract.Principal{}
	}
	for _, guid := range guids {
		owner, known := owners[guid]
		if known && j.principals[owner] == nil {
			j.principals[owner] = &owner
		}
		j.owners[guid] = j.principals[owner]
	}
	return nil
}
