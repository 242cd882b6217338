package engine

import (
	"context"
	"fmt"

	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// judge says of objects as they are in the directory whose they are (rules 2 and
// 3). The owners, which decide it where a mark and a stamp are all there is, are
// read only of those that are stamped and not linked, and once.
type judge struct {
	target TargetReader
	rules  plan.Rules
	// containers are the configured one, then the former ones.
	containers []Container
	owners     map[directory.GUID]Principal
}

func newJudge(target TargetReader, id *TargetIdentity, settings *Settings, containers []Container) (*judge, error) {
	base, err := directory.ParseDN(id.BaseDN)
	if err != nil {
		return nil, err
	}
	j := &judge{target: target, containers: containers, owners: map[directory.GUID]Principal{}, rules: plan.Rules{
		TenantID: settings.Tenant.ID, BaseDN: base,
		Account: id.AccountSID, DomainSID: id.DomainSID, ForestSID: id.ForestSID,
	}}
	for _, trusted := range settings.TrustedOwners {
		j.rules.TrustedOwners = append(j.rules.TrustedOwners, trusted.SID)
	}
	return j, nil
}

// candidate is the object with what decides whose it is.
func (j *judge) candidate(ctx context.Context, t *StagedTarget) (plan.Candidate, error) {
	c := j.unowned(t)
	if !c.NeedsOwner(&j.rules) {
		return c, nil
	}
	if _, asked := j.owners[c.GUID]; !asked {
		if err := j.askOwners(ctx, []directory.GUID{c.GUID}); err != nil {
			return c, err
		}
	}
	owner := j.owners[c.GUID]
	c.Owner, c.OwnerName = owner.SID, owner.Name
	return c, nil
}

// unowned is the object as a candidate whose owner was not asked for.
func (j *judge) unowned(t *StagedTarget) plan.Candidate {
	return plan.Candidate{TargetGroup: t.TargetGroup, Linked: t.Linked, Adopted: t.Adopted, Former: t.Former, Place: j.place(t.DN)}
}

// ask reads at once the owners of all objects that need one.
func (j *judge) ask(ctx context.Context, targets []StagedTarget) error {
	var guids []directory.GUID
	for i := range targets {
		c := j.unowned(&targets[i])
		if _, asked := j.owners[c.GUID]; !asked && c.NeedsOwner(&j.rules) {
			guids = append(guids, c.GUID)
		}
	}
	return j.askOwners(ctx, guids)
}

func (j *judge) askOwners(ctx context.Context, guids []directory.GUID) error {
	if len(guids) == 0 {
		return nil
	}
	owners, err := j.target.Owners(ctx, guids)
	if err != nil {
		return fmt.Errorf("reading who owns %s: %w", directory.Count(len(guids), "group"), err)
	}
	for _, guid := range guids {
		j.owners[guid] = owners[guid] // none where it cannot be read
	}
	return nil
}

// place is where the name is relative to the containers.
func (j *judge) place(dn string) plan.Place {
	parsed, err := directory.ParseDN(dn)
	if err != nil {
		return plan.Elsewhere
	}
	for i, container := range j.containers {
		base, err := directory.ParseDN(container.DN)
		if err == nil && parsed.Within(base) {
			if i == 0 {
				return plan.InContainer
			}
			return plan.InFormerContainer
		}
	}
	return plan.Elsewhere
}

// isContainer reports whether the name is that of one of the containers.
func (j *judge) isContainer(dn directory.DN) bool {
	for _, container := range j.containers {
		if c, err := directory.ParseDN(container.DN); err == nil && dn.Equal(c) {
			return true
		}
	}
	return false
}

// withLinks joins objects as they were read just now with their links.
func withLinks(ctx context.Context, state LinkStore, groups []directory.TargetGroup) ([]StagedTarget, error) {
	guids := make([]directory.GUID, len(groups))
	for i := range groups {
		guids[i] = groups[i].GUID
	}
	var links []Link
	var err error
	if state != nil {
		if links, err = state.LinksTo(ctx, guids); err != nil {
			return nil, err
		}
	}
	linked := make(map[directory.GUID]Link, len(links))
	for _, l := range links {
		linked[l.TargetGUID] = l
	}
	out := make([]StagedTarget, len(groups))
	for i, g := range groups {
		out[i].TargetGroup = g
		if l, ok := linked[g.GUID]; ok {
			out[i].SourceID, out[i].Linked, out[i].Adopted = l.SourceID, true, l.Adopted
		} else {
			out[i].SourceID, _ = g.SourceID()
		}
	}
	return out, nil
}

// protected refuses a container in which the domain keeps what it depends on.
func (c *Container) protected(id *TargetIdentity) error {
	dn, errDN := directory.ParseDN(c.DN)
	base, errBase := directory.ParseDN(id.BaseDN)
	if errDN != nil || errBase != nil || !c.Critical && !plan.ProtectedContainer(dn, base) {
		return nil
	}
	return &Error{Category: InvalidArgument, ID: "ContainerProtected", Object: c.DN,
		Message: "Groups are not written to this container: it is one in which the domain keeps what it depends on.",
		Advice:  "Choose an organisational unit of its own with -TargetContainer. Groups of ours that stand here already are moved there by the next sync; Disable-GroupWriteback deletes them as anywhere."}
}
