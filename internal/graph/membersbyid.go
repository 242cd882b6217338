package graph

import (
	"context"

	"groupwriteback/internal/directory"
)

// MembersByID implements [engine.Source]. Kinds that never have an account
// need no request. Members whom the server keeps failing to give are left out, as
// those it does not know: they are asked for again, and end no run.
func (s *source) MembersByID(ctx context.Context, members []directory.SourceMember) ([]directory.SourceMember, error) {
	var found []directory.SourceMember
	var users, groups []directory.GUID
	for _, m := range members {
		switch m.Kind {
		case directory.KindUser:
			users = append(users, m.ID)
		case directory.KindGroup:
			groups = append(groups, m.ID)
		default:
			found = append(found, directory.SourceMember{ID: m.ID, Kind: directory.KindOther, Readable: true})
		}
	}
	readUsers := call{doing: "reading the members", object: s.base + "/users", permission: "User.Read.All or Directory.Read.All", allowsGaps: true}
	if err := byID(ctx, s, readUsers, s.base, "/users", userProperties, users, func(u *userEntity) error {
		if err := u.check(); err != nil {
			return readUsers.incomplete("a member cannot be read", cause(err))
		}
		found = append(found, u.member())
		return nil
	}); err != nil {
		return nil, err
	}
	readGroups := call{doing: "reading the members", object: s.base + "/groups", permission: groupReaders, allowsGaps: true}
	properties := []string{"id", "displayName", "onPremisesSyncEnabled", "onPremisesSecurityIdentifier"}
	if err := byID(ctx, s, readGroups, s.base, "/groups", properties, groups, func(g *groupEntity) error {
		if err := g.check(); err != nil {
			return readGroups.incomplete("a member cannot be read", cause(err))
		}
		found = append(found, g.member())
		return nil
	}); err != nil {
		return nil, err
	}
	return found, nil
}
