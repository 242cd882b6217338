package owner

import (
	"context"

	"groupwriteback/internal/batch"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// WithLinks joins objects that were just read with their links.
func WithLinks(ctx context.Context, state contract.LinkStore, groups []directory.TargetGroup) ([]contract.StagedTarget, error) {
	guids := make([]directory.GUID, len(groups))
	for i := range groups {
		guids[i] = groups[i].GUID
	}
	var links []contract.Link
	var err error
	if state != nil {
		if links, err = state.LinksTo(ctx, guids); err != nil {
			return nil, err
		}
	}
	linked := make(map[directory.GUID]contract.Link, len(links))
	for _, l := range links {
		linked[l.TargetGUID] = l
	}
	out := make([]contract.StagedTarget, len(groups))
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

// Headers reads the given objects without members, at most 1,000.
func Headers(ctx context.Context, target contract.TargetReader, guids []directory.GUID) (groups []directory.TargetGroup, err error) {
	err = target.GroupsByGUID(ctx, guids, contract.HeaderOnly, func(g directory.TargetGroup) error {
		groups = append(groups, g)
		return nil
	})
	return groups, err
}

// Looker judges objects as they are read, a batch at a time, and each of them once.
type Looker struct {
	*batch.Batch[directory.TargetGroup]
	seen map[directory.GUID]bool
}

// Looking returns a Looker that passes each object to each, with the cloud group that it
// stands for and with everything that decides whose it is.
func (j *Judge) Looking(ctx context.Context, links contract.LinkStore, each func(of directory.GUID, c *plan.Candidate)) *Looker {
	return &Looker{seen: map[directory.GUID]bool{}, Batch: batch.New(batch.AskBatch, func(groups []directory.TargetGroup) error {
		staged, err := WithLinks(ctx, links, groups)
		if err == nil {
			err = j.Ask(ctx, staged)
		}
		if err != nil {
			return err
		}
		for i := range staged {
			c, err := j.Candidate(ctx, &staged[i])
			if err != nil {
				return err
			}
			each(staged[i].SourceID, &c)
		}
		return nil
	})}
}

// Add adds an object unless it was added before.
func (l *Looker) Add(g directory.TargetGroup) error {
	if l.seen[g.GUID] {
		return nil
	}
	l.seen[g.GUID] = true
	return l.Batch.Add(g)
}

// Seen reports whether the object was added.
func (l *Looker) Seen(guid directory.GUID) bool { return l.seen[guid] }
