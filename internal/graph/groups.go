package graph

import (
	"context"
	"fmt"
	"slices"

	"github.com/microsoftgraph/msgraph-sdk-go/groups"
	"github.com/microsoftgraph/msgraph-sdk-go/models"

	"groupwriteback/internal/directory"
)

// pageSize is the largest that Graph gives for groups and members.
const pageSize int32 = 999

var groupProperties = []string{
	"id", "displayName", "description", "mail", "visibility", "groupTypes",
	"onPremisesSyncEnabled", "onPremisesSecurityIdentifier",
}

// Groups implements [engine.Source].
func (s *source) Groups(ctx context.Context, page func([]directory.SourceGroup) error) error {
	read := call{
		doing: "listing the groups", object: s.base + "/groups",
		permission: "GroupMember.Read.All, Group.Read.All or Directory.Read.All",
	}
	filter, top := "groupTypes/any(c:c eq 'Unified')", pageSize
	query := &groups.GroupsRequestBuilderGetRequestConfiguration{
		QueryParameters: &groups.GroupsRequestBuilderGetQueryParameters{Filter: &filter, Select: groupProperties, Top: &top},
	}
	return walk(read,
		func(link string) (collection[models.Groupable], error) {
			builder := s.groups()
			if link != "" {
				builder, query = groups.NewGroupsRequestBuilder(link, s.adapter), nil
			}
			answer, err := builder.Get(ctx, query)
			if answer == nil {
				return nil, err
			}
			return answer, err
		},
		func(items []models.Groupable, _ bool) error {
			out := make([]directory.SourceGroup, 0, len(items))
			for _, item := range items {
				group, wanted, err := sourceGroup(item)
				if err != nil {
					return read.incomplete("a group cannot be read", err)
				}
				if wanted {
					out = append(out, group)
				}
			}
			return page(out)
		})
}

// sourceGroup reads a group, and tells whether it is one to write back: a
// Microsoft 365 group that is not synced from on-premises. The second cannot
// be asked of the server without the advanced query capabilities, whose index
// lags behind.
func sourceGroup(item models.Groupable) (group directory.SourceGroup, wanted bool, err error) {
	if item == nil {
		return group, false, fmt.Errorf("it is null")
	}
	if group.ID, err = directory.ParseGUID(text(item.GetId())); err != nil {
		return group, false, err
	}
	if synced := item.GetOnPremisesSyncEnabled(); synced != nil && *synced || !slices.Contains(item.GetGroupTypes(), "Unified") {
		return group, false, nil
	}
	group.DisplayName = text(item.GetDisplayName())
	group.Description = text(item.GetDescription())
	group.Mail = text(item.GetMail())
	group.Visibility = text(item.GetVisibility())
	if sid := text(item.GetOnPremisesSecurityIdentifier()); sid != "" {
		// Without it the group would be taken for one that never stood in AD.
		if group.OnPremisesSID, err = directory.ParseSID(sid); err != nil {
			return group, false, fmt.Errorf("group %s: %w", group.ID, err)
		}
	}
	return group, true, nil
}
