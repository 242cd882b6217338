package graph

import (
	"context"
	"encoding/json"
	"net/http"

	abs "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoftgraph/msgraph-sdk-go/groups"

	"groupwriteback/internal/directory"
)

// Owners implements [contract.Source]. A group has at most 100 owners (Microsoft Entra
// service limits), so nearly all fit on their first page, and twenty groups in a batch.
func (s *source) Owners(ctx context.Context, ids []directory.GUID) (map[directory.GUID][]directory.SourceMember, error) {
	read := call{doing: "reading the owners of the groups", object: string(s.v1) + "/groups", permission: groupReaders}
	requests := make([]*abs.RequestInformation, len(ids))
	for i, id := range ids {
		var err error
		if requests[i], err = s.ownersOf(ctx, id); err != nil {
			return nil, read.failed(err)
		}
	}
	var refusal error
	var long []int // groups with more than one page
	owners := make(map[directory.GUID][]directory.SourceMember, len(ids))
	err := s.batches(ctx, s.v1, requests, func(i int, r batchResponse) error {
		var answer page[memberEntity]
		switch {
		case r.Status == http.StatusForbidden:
			refusal = r.decode(nil)
		case r.Status != http.StatusOK || json.Unmarshal(r.Body, &answer) != nil || answer.Value == nil:
		case text(answer.NextLink) != "":
			long = append(long, i)
		default:
			if members, ok := asMembers(answer.Value); ok {
				owners[ids[i]] = members
			}
		}
		return nil
	})
	if err == nil && refusal != nil && len(owners)+len(long) == 0 {
		err = refusal
	}
	if err != nil {
		return nil, read.failed(err)
	}
	for _, i := range long {
		members, err := s.allOwners(ctx, ids[i], requests[i])
		if err != nil && endsReading(err) {
			return nil, err
		}
		if err == nil {
			owners[ids[i]] = members
		}
	}
	return owners, nil
}

func (s *source) ownersOf(ctx context.Context, id directory.GUID) (*abs.RequestInformation, error) {
	return s.v1.at(s.groups().ByGroupId(id.String()).Owners().ToGetRequestInformation(ctx, &groups.ItemOwnersRequestBuilderGetRequestConfiguration{
		QueryParameters: &groups.ItemOwnersRequestBuilderGetQueryParameters{Select: memberProperties},
	}))
}

// allOwners reads the owners of one group page by page.
func (s *source) allOwners(ctx context.Context, id directory.GUID, first *abs.RequestInformation) (owners []directory.SourceMember, err error) {
	read := call{doing: "reading the owners of the group", object: id.String(), permission: groupReaders}
	_, err = list(ctx, s, read, first, func(items []*memberEntity, _ bool) error {
		members, ok := asMembers(items)
		if !ok {
			return read.incomplete("an owner cannot be read", nil)
		}
		owners = append(owners, members...)
		return nil
	})
	return owners, err
}

// asMembers converts objects; ok is false if one of them is none.
func asMembers(items []*memberEntity) (members []directory.SourceMember, ok bool) {
	members = make([]directory.SourceMember, len(items))
	for i, item := range items {
		if item.check() != nil {
			return nil, false
		}
		members[i] = item.member()
	}
	return members, true
}
