package graph

import (
	"context"

	"groupwriteback/internal/directory"
)

// GroupsOf implements [contract.Source]. It leaves out a user that a replica does not
// know yet, or that is in more groups than Graph returns.
func (s *source) GroupsOf(ctx context.Context, users []directory.GUID) (map[directory.GUID][]directory.GUID, error) {
	addresses := make([]string, len(users))
	for i, id := range users {
		addresses[i] = "/users/" + id.String() + "/getMemberGroups"
	}
	groups := map[directory.GUID][]directory.GUID{}
	body := map[string]bool{"securityEnabledOnly": false}
	err := s.batchesOf(ctx, s.base, addresses, body, func(i int, r batchResponse) error {
		var answer struct {
			Value *[]directory.GUID `json:"value"`
		}
		if r.decode(&answer) == nil && answer.Value != nil {
			groups[users[i]] = *answer.Value
		}
		return nil
	})
	read := call{doing: "reading the groups of restored users", object: s.base + "/users", permission: "User.Read.All and GroupMember.Read.All"}
	return groups, read.failed(err)
}
