package graph

import (
	"context"
	"encoding/json"
	"net/http"

	abs "github.com/microsoft/kiota-abstractions-go"
	sdkdirectory "github.com/microsoftgraph/msgraph-sdk-go/directory"
	"github.com/microsoftgraph/msgraph-sdk-go/groups"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// notFound is Graph's error code for an object that does not exist. A 404 with any
// other code, such as a gateway's, says nothing about the object.
const notFound = "Request_ResourceNotFound"

// Presence implements [contract.Source]. A group counts as deleted only if Graph, asked
// for that group alone, says that it does not exist, both before and after the deleted
// items say the same.
func (s *source) Presence(ctx context.Context, selection contract.SourceSelection, ids []directory.GUID) (map[directory.GUID]directory.Presence, error) {
	result := make(map[directory.GUID]directory.Presence, len(ids))
	for _, id := range ids {
		result[id] = directory.PresenceUnknown
	}
	// alive records what the groups themselves say, and returns those that do not
	// exist.
	alive := func(ids []directory.GUID) ([]directory.GUID, error) {
		said, err := s.ask(ctx, selection, "/groups", s.groupAlone(ctx), ids)
		var gone []directory.GUID
		for _, id := range ids {
			switch said[id] {
			case there:
				result[id] = directory.PresenceFound
			case retired:
				result[id] = directory.PresenceOutOfScope
			case absent:
				gone = append(gone, id)
			}
		}
		return gone, err
	}
	gone, err := alive(ids)
	if err != nil {
		return nil, err
	}
	if len(gone) == 0 {
		return result, nil
	}
	// Other types of deleted items have their own permissions. It is not documented
	// whether Graph answers "forbidden" or "not found" about a group to an application
	// that may only read deleted users. So without one of these permissions, believe no
	// answer.
	if may, err := s.tokens.permits(ctx, contract.DeletedRoles); err != nil || !may {
		return result, err
	}
	deleted, err := s.ask(ctx, selection, "/directory/deletedItems", s.deletedItem(ctx), gone)
	if err != nil {
		return nil, err
	}
	var nowhere []directory.GUID
	for _, id := range gone {
		switch deleted[id] {
		case there:
			result[id] = directory.PresenceSoftDeleted
		case absent:
			nowhere = append(nowhere, id)
		}
	}
	// A group restored between the two requests appeared in neither place.
	if nowhere, err = alive(nowhere); err != nil {
		return nil, err
	}
	for _, id := range nowhere {
		result[id] = directory.PresenceHardDeleted
	}
	return result, nil
}

// answer is what one request of a batch says about an object.
type answer int

const (
	unclear answer = iota
	there
	retired // exists, but is not of a kind that is written
	absent
)

// groupAlone returns a function that returns the request for what presence looks at.
func (s *source) groupAlone(ctx context.Context) func(directory.GUID) (*abs.RequestInformation, error) {
	query := &groups.GroupItemRequestBuilderGetQueryParameters{
		Select: []string{"id", "groupTypes", "securityEnabled", "mailEnabled", "onPremisesSyncEnabled"},
	}
	return func(id directory.GUID) (*abs.RequestInformation, error) {
		return s.v1.at(s.groups().ByGroupId(id.String()).ToGetRequestInformation(ctx, &groups.GroupItemRequestBuilderGetRequestConfiguration{QueryParameters: query}))
	}
}

// deletedItem is like groupAlone, for a deleted item.
func (s *source) deletedItem(ctx context.Context) func(directory.GUID) (*abs.RequestInformation, error) {
	query := &sdkdirectory.DeletedItemsDirectoryObjectItemRequestBuilderGetQueryParameters{Select: []string{"id"}}
	return func(id directory.GUID) (*abs.RequestInformation, error) {
		return s.v1.at(s.directory().DeletedItems().ByDirectoryObjectId(id.String()).ToGetRequestInformation(ctx,
			&sdkdirectory.DeletedItemsDirectoryObjectItemRequestBuilderGetRequestConfiguration{QueryParameters: query}))
	}
}

// ask sends the request for each id.
func (s *source) ask(ctx context.Context, selection contract.SourceSelection, path string, request func(directory.GUID) (*abs.RequestInformation, error), ids []directory.GUID) (map[directory.GUID]answer, error) {
	read := call{doing: "reading the groups one by one", object: string(s.v1) + path, permission: contract.DeletedRoles[0]}
	requests := make([]*abs.RequestInformation, len(ids))
	for i, id := range ids {
		var err error
		if requests[i], err = request(id); err != nil {
			return nil, read.failed(err)
		}
	}
	answers := make(map[directory.GUID]answer, len(ids))
	err := s.batches(ctx, s.v1, requests, func(i int, r batchResponse) error {
		answers[ids[i]] = r.about(ids[i], selection)
		return nil
	})
	return answers, read.failed(err)
}

// about returns what the response says about the object that was asked for. The zero
// response, of a request that was not answered, says nothing.
func (r batchResponse) about(id directory.GUID, selection contract.SourceSelection) answer {
	var body struct {
		groupEntity
		Error struct {
			Code string `json:"code"`
		} `json:"error"`
	}
	if json.Unmarshal(r.Body, &body) != nil {
		return unclear
	}
	switch {
	case r.Status == http.StatusOK && body.ID == id:
		if body.leaves(selection) {
			return retired
		}
		return there
	case r.Status == http.StatusNotFound && body.Error.Code == notFound:
		return absent
	}
	return unclear
}

// leaves reports whether the answer shows that the group is not part of the selection.
// A property that the answer lacks proves nothing.
func (g *groupEntity) leaves(selection contract.SourceSelection) bool {
	switch {
	case g.OnPremisesSyncEnabled.or(false):
		return true
	case g.GroupTypes.Value == nil || g.unified():
		return false
	}
	return !selection.SecurityGroups || g.MailEnabled.or(false) || !g.SecurityEnabled.or(true)
}
