package owner

import (
	"context"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// WithLinks joins objects as they were read just now with their links.
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

// Headers reads the named objects without members, at most 1,000.
func Headers(ctx context.Context, target contract.TargetReader, guids []directory.GUID) (groups []directory.TargetGroup, err error) {
	err = target.GroupsByGUID(ctx, guids, false, func(g directory.TargetGroup) error {
		groups = append(groups, g)
		return nil
	})
	return groups, err
}
