package graph

import (
	"context"

	abs "github.com/microsoft/kiota-abstractions-go"

	"groupwriteback/internal/directory"
)

// GroupsOf implements [contract.Source]. It leaves out a user that a replica does not
// know yet, or that is in more groups than Graph returns.
func (s *source) GroupsOf(ctx context.Context, users []directory.GUID) (map[directory.GUID][]directory.GUID, error) {
	read := call{doing: "reading the groups of restored users", object: string(s.v1) + "/users", permission: "User.Read.All and GroupMember.Read.All"}
	requests := make([]*abs.RequestInformation, len(users))
	for i, id := range users {
		var err error
		if requests[i], err = post(read.object+"/"+id.String()+"/getMemberGroups", map[string]bool{"securityEnabledOnly": false}); err != nil {
			return nil, read.failed(err)
		}
	}
	groups := map[directory.GUID][]directory.GUID{}
	err := s.batches(ctx, s.v1, requests, func(i int, r batchResponse) error {
		var answer struct {
			Value *[]directory.GUID `json:"value"`
		}
		if r.decode(&answer) == nil && answer.Value != nil {
			groups[users[i]] = *answer.Value
		}
		return nil
	})
	return groups, read.failed(err)
}
