package graph

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"groupwriteback/internal/directory"
)

// MembersByID implements [contract.Source]. For kinds of members that never have an
// account it asks only for the name. Members that the server repeatedly fails to return
// are left out like those it does not know: the engine asks for them again, and the run
// goes on.
func (s *source) MembersByID(ctx context.Context, members []directory.SourceMember) ([]directory.SourceMember, error) {
	var found []directory.SourceMember
	var users, groups, others []directory.GUID
	for _, m := range members {
		switch m.Kind {
		case directory.KindUser:
			users = append(users, m.ID)
		case directory.KindGroup:
			groups = append(groups, m.ID)
		default:
			others = append(others, m.ID)
		}
	}
	names, err := s.names(ctx, others)
	if err != nil {
		return nil, err
	}
	for _, id := range others {
		found = append(found, directory.SourceMember{ID: id, Kind: directory.KindOther, Readable: true, Name: names[id]})
	}
	readUsers := call{doing: "reading the members", object: s.base + "/users", permission: userReaders, allowsGaps: true}
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

// maxObjects is how many ids getByIds accepts.
const maxObjects = 1000

// names returns the names of objects of any type. Reading them requires a permission
// that the engine does not need otherwise; without it, the objects have no names.
func (s *source) names(ctx context.Context, ids []directory.GUID) (map[directory.GUID]string, error) {
	names := map[directory.GUID]string{}
	if len(ids) == 0 {
		return names, nil
	}
	if may, err := s.tokens.permits(ctx, []string{"Directory.Read.All", "Directory.ReadWrite.All"}); err != nil || !may {
		return names, call{doing: "reading the names of members", object: s.base}.failed(err)
	}
	for part := range slices.Chunk(ids, maxObjects) {
		body, err := json.Marshal(map[string]any{"ids": part})
		if err != nil {
			return nil, err
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.base+"/directoryObjects/getByIds", bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		req.Header.Set("Content-Type", "application/json")
		var answer struct {
			Value []struct {
				ID          directory.GUID `json:"id"`
				DisplayName string         `json:"displayName"`
			} `json:"value"`
		}
		err = s.doJSON(req, &answer)
		if e := (*statusError)(nil); errors.As(err, &e) && e.status != http.StatusUnauthorized {
			return names, nil // names are only for display
		}
		if err != nil {
			return nil, call{doing: "reading the names of members", object: s.base}.failed(err)
		}
		for _, o := range answer.Value {
			names[o.ID] = o.DisplayName
		}
	}
	return names, nil
}
