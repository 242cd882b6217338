package owner

import (
	"context"
	"fmt"

	"groupwriteback/internal/batch"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// OwnGroups finds what is ours in the directory as it is now (rule 2): stamped
// groups, and linked groups, wherever they stand in the domain. left are those of
// which people would think so, and that stay. What is stamped and stands outside of
// the containers is of this installation only if it is linked, or if the state was
// lost: else another of the same tenant and account has written it.
func OwnGroups(ctx context.Context, state contract.State, target contract.TargetReader, id *contract.TargetIdentity, settings *contract.Settings, includeAdopted bool) (set []contract.Link, left []plan.Change, err error) {
	containers, err := FindContainers(ctx, target, settings, false)
	if err != nil {
		return nil, nil, err
	}
	j, err := NewJudge(target, id, settings, containers)
	if err != nil {
		return nil, nil, err
	}
	p := contract.ProgressOf(ctx)
	current, err := state.Current(ctx)
	if err != nil {
		return nil, nil, err
	}
	lost := current == 0 && !settings.InitialPending // this installation has written groups
	looked := map[directory.GUID]bool{}
	look := batch.New(batch.AskBatch, func(groups []directory.TargetGroup) error {
		staged, err := WithLinks(ctx, state, groups)
		if err == nil {
			err = j.Ask(ctx, staged)
		}
		for i := 0; i < len(staged) && err == nil; i++ {
			var object plan.Candidate
			if object, err = j.Candidate(ctx, &staged[i]); err != nil {
				break
			}
			of := staged[i].SourceID
			adopted := object.Adopted || directory.HasAdoptedStamp(object.ExtensionName, settings.Tenant.ID)
			switch {
			case looked[object.GUID]:
			case !object.Ours(of, &j.Rules):
				if object.NeedsOwner(&j.Rules) && !of.IsZero() {
					left = append(left, plan.Left(of, &object, &j.Rules))
				}
			case object.Apart() && !lost:
				left = append(left, plan.LeftApart(of, &object))
			case adopted && !includeAdopted:
			case plan.Protection(&object.TargetGroup) != "":
				left = append(left, plan.Left(of, &object, &j.Rules))
			default:
				set = append(set, contract.Link{SourceID: of, TargetGUID: object.GUID, DN: object.DN, Adopted: adopted})
			}
			looked[object.GUID] = true
		}
		p.Read(len(looked), "Counting the groups that are ours")
		return err
	})
	for _, container := range containers {
		if err := target.Groups(ctx, container.GUID, false, look.Add); err != nil {
			return nil, nil, fmt.Errorf("reading the groups in %s: %w", container.DN, err)
		}
	}
	if err := target.StampedGroups(ctx, directory.Stamp(settings.Tenant.ID), look.Add); err != nil {
		return nil, nil, fmt.Errorf("looking for our stamp in the domain: %w", err)
	}
	if err := look.Flush(); err != nil {
		return nil, nil, err
	}
	for after := (directory.GUID{}); ; {
		links, err := state.Links(ctx, after, batch.AskBatch)
		if err != nil {
			return nil, nil, err
		}
		var elsewhere []directory.GUID
		for _, l := range links {
			if !looked[l.TargetGUID] {
				elsewhere = append(elsewhere, l.TargetGUID)
			}
		}
		found, err := Headers(ctx, target, elsewhere)
		if err != nil {
			return nil, nil, fmt.Errorf("looking up linked groups: %w", err)
		}
		for _, g := range found {
			if err := look.Add(g); err != nil {
				return nil, nil, err
			}
		}
		if len(links) < batch.AskBatch {
			err = look.Flush()
			return set, left, err
		}
		after = links[len(links)-1].TargetGUID
	}
}
