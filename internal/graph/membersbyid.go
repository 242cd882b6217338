package graph

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	abs "github.com/microsoft/kiota-abstractions-go"

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
	read := func(doing call, where func(string) (*abs.RequestInformation, error), odataType string, ids []directory.GUID) error {
		return byID(ctx, s, doing, s.v1, where, ids, func(m *memberEntity) error {
			if err := m.check(); err != nil {
				return doing.incomplete("a member cannot be read", cause(err))
			}
			m.Type = odataType
			found = append(found, m.member())
			return nil
		})
	}
	readUsers := call{doing: "reading the members", object: string(s.v1) + "/users", permission: userReaders, allowsGaps: true}
	if err := read(readUsers, s.usersWhere, typeUser, users); err != nil {
		return nil, err
	}
	readGroups := call{doing: "reading the members", object: string(s.v1) + "/groups", permission: groupReaders, allowsGaps: true}
	if err := read(readGroups, s.groupsWhere(ctx, s.v1, nestedProperties, 0), typeGroup, groups); err != nil {
		return nil, err
	}
	return found, nil
}

// usersWhere returns the request for the users that match a filter.
func (s *source) usersWhere(filter string) (*abs.RequestInformation, error) {
	return get(address(string(s.v1)+"/users", "$filter", filter, "$select", strings.Join(userProperties, ",")))
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
		return names, call{doing: "reading the names of members", object: string(s.v1)}.failed(err)
	}
	for part := range slices.Chunk(ids, maxObjects) {
		request, err := post(string(s.v1)+"/directoryObjects/getByIds", map[string]any{"ids": part})
		if err != nil {
			return nil, err
		}
		var answer struct {
			Value []struct {
				ID          directory.GUID `json:"id"`
				DisplayName string         `json:"displayName"`
			} `json:"value"`
		}
		err = s.send(ctx, request, &answer)
		if e := (*statusError)(nil); errors.As(err, &e) && e.status != http.StatusUnauthorized {
			return names, nil // names are only for display
		}
		if err != nil {
			return nil, call{doing: "reading the names of members", object: string(s.v1)}.failed(err)
		}
		for _, o := range answer.Value {
			names[o.ID] = o.DisplayName
		}
	}
	return names, nil
}
