package owner

import (
	"context"
	"fmt"
	"time"

	"groupwriteback/internal/batch"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// OwnSearch looks for the objects that are ours in the directory as it is now (rule 2).
type OwnSearch struct {
	State          contract.State
	Target         contract.TargetReader
	TargetID       *contract.TargetIdentity
	Settings       *contract.Settings
	IncludeAdopted bool
	// Held has the groups that are on hold; Now is when.
	Held map[directory.GUID]*directory.Hold
	Now  time.Time

	judge *Judge
	lost  bool // whether the state was lost
	// links are the objects that are ours. left are the groups that users would take for
	// ours but that are left as they are.
	links []contract.Link
	left  []plan.Change
}

// Find returns the objects that are ours: stamped groups, and linked groups, wherever
// they are in the domain. left are groups that users would take for ours but that are
// left as they are. A stamped group outside of the containers belongs to this
// installation only if it is linked or the state was lost; otherwise another installation
// of the same tenant and account has written it.
func (s *OwnSearch) Find(ctx context.Context) (links []contract.Link, left []plan.Change, err error) {
	containers, err := FindContainers(ctx, s.Target, s.Settings)
	if err != nil {
		return nil, nil, err
	}
	if s.judge, err = NewJudge(s.Target, s.TargetID, s.Settings, containers); err != nil {
		return nil, nil, err
	}
	current, err := s.State.Current(ctx)
	if err != nil {
		return nil, nil, err
	}
	s.lost = current == 0 && !s.Settings.InitialPending // this installation has written groups before
	p, looked := contract.ProgressOf(ctx), 0
	look := s.judge.Looking(ctx, s.State, func(of directory.GUID, c *plan.Candidate) {
		s.take(of, c)
		looked++
		p.Read(looked, "Counting the groups that this installation wrote")
	})
	for _, container := range containers.Outermost() {
		if err := s.Target.Groups(ctx, container.GUID, contract.HeaderOnly, look.Add); err != nil {
			return nil, nil, fmt.Errorf("reading the groups in %s: %w", container.DN, err)
		}
	}
	if err := s.Target.StampedGroups(ctx, directory.Stamp(s.Settings.Tenant.ID), look.Add); err != nil {
		return nil, nil, fmt.Errorf("finding the groups with our stamp in the domain: %w", err)
	}
	if err = look.Flush(); err == nil {
		err = s.lookAtLinked(ctx, look)
	}
	return s.links, s.left, err
}

// take classifies an object: it is ours, or it is left, or nobody would take it for ours.
func (s *OwnSearch) take(of directory.GUID, c *plan.Candidate) {
	rules := &s.judge.Rules
	adopted := c.Adopted || directory.HasAdoptedStamp(c.ExtensionName, s.Settings.Tenant.ID)
	switch {
	case !c.Ours(of, rules):
		if c.NeedsOwner(rules) && !of.IsZero() {
			s.left = append(s.left, plan.Left(of, c, rules))
		}
	case c.Stray() && !s.lost:
		s.left = append(s.left, plan.SkipStray(of, c))
	case adopted && !s.IncludeAdopted:
	case plan.Protection(&c.TargetGroup) != "":
		s.left = append(s.left, plan.Left(of, c, rules))
	case s.held(of, c) != nil:
		s.left = append(s.left, plan.LeftOnHold(of, c, s.held(of, c)))
	default:
		s.links = append(s.links, contract.Link{SourceID: of, TargetGUID: c.GUID, DN: c.DN, Adopted: adopted})
	}
}

// held returns the hold of the group: the one that the state has, or the one that an
// object carries which a lost state does not know (rule 62).
func (s *OwnSearch) held(of directory.GUID, c *plan.Candidate) *directory.Hold {
	if hold := s.Held[of]; hold != nil || c.Linked {
		return hold
	}
	if lost := directory.FindHold(c.ExtensionName, s.Settings.Tenant.ID); lost != nil && lost.Holds(s.Now) {
		return lost
	}
	return nil
}

// lookAtLinked looks at the linked objects that are elsewhere.
func (s *OwnSearch) lookAtLinked(ctx context.Context, look *Looker) error {
	for links, err := range batch.Pages(ctx, batch.AskBatch, s.State.Links, contract.Link.Target) {
		if err != nil {
			return err
		}
		var elsewhere []directory.GUID
		for _, l := range links {
			if !look.Seen(l.TargetGUID) {
				elsewhere = append(elsewhere, l.TargetGUID)
			}
		}
		found, err := Headers(ctx, s.Target, elsewhere)
		if err != nil {
			return fmt.Errorf("reading the linked groups: %w", err)
		}
		for _, g := range found {
			if err := look.Add(g); err != nil {
				return err
			}
		}
	}
	return look.Flush()
}
